"""A real training that is interrupted, killed and resumed, by the same command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from segconv.train.folds import states_of

from ..train.quick import EPOCHS, WAITS_AT
from ..train.really_trained import TRAINER, ReallyTrained

pytestmark = pytest.mark.train

LIMIT_S = 1500
"""For three short trainings on a machine that may be busy."""


class World:
    """A training command in a process of its own, and all processes that it starts."""

    def __init__(self, made: ReallyTrained, room: Path) -> None:
        self.made, self.room = made, room
        self.mark = uuid.uuid4().hex
        room.mkdir()

    def start(self, *words: str) -> subprocess.Popen[str]:
        few = {"nnUNet_n_proc_DA": "0", "nnUNet_def_n_proc": "1", "nnUNet_mark": self.mark}
        return subprocess.Popen(
            [sys.executable, "-m", "tests.train.quick", str(self.room), "train", "4", "-c", "2d_small", *words],
            cwd=Path(__file__).parents[2],
            env={**os.environ, **self.made.variables, **few},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def process_at_work(self, fold: str, run: subprocess.Popen[str]) -> int:
        """Wait until a fold waits; return the id of nnU-Net's main process."""
        at = self.room / f"at {fold}"
        while not at.exists():
            assert run.poll() is None
            time.sleep(0.05)
        pid = int(at.read_text())
        at.unlink()
        return pid

    def alive(self) -> list[str]:
        """Processes of the training that exist still."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and f"nnUNet_mark={self.mark}".encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_text())
            except OSError:
                continue
        return found


def test_the_same_command_goes_on_after_a_signal_and_after_a_kill(
    really_trained: ReallyTrained, tmp_path: Path
) -> None:
    world = World(really_trained.copied_to(tmp_path / "made"), tmp_path / "room")
    model = world.made.model("2d_small")
    fold_0 = {path: path.stat().st_mtime_ns for path in (model / "fold_0").rglob("*")}
    (world.room / "wait 2").touch()
    (world.room / "no validation").touch()
    words = ("-f", "0,2,3", "-tr", TRAINER, "--device", "cpu")

    run = world.start(*words)
    world.process_at_work("2", run)
    run.send_signal(signal.SIGTERM)
    _, said = run.communicate(timeout=LIMIT_S)
    assert (run.returncode, world.alive()) == (143, [])
    assert "fold 0: was trained and validated before" in said
    epoch = states_of(model)["2"].epoch
    assert 0 < epoch <= WAITS_AT
    checkpoint = states_of(model)["2"].whole[0]
    kept = f"fold 0 is trained; fold 2 resumes at epoch {epoch} from {checkpoint}; fold 3 begins at epoch 0"
    assert kept in said
    assert "segconv train " in said
    assert " goes on from there" in said

    run = world.start(*words, "--trust-model")
    os.kill(world.process_at_work("2", run), signal.SIGKILL)
    _, said = run.communicate(timeout=LIMIT_S)
    assert (run.returncode, world.alive()) == (1, [])
    assert "Error SC110" in said
    assert "fold 2: nnUNetv2_train 4 2d_small 2" in said
    assert "was ended by SIGKILL" in said
    assert f"fold 3: epoch {EPOCHS - 1}/{EPOCHS - 1}, train loss" in said
    assert "fold 3: trained and validated" in said

    # Between resuming and being killed, it may have finished an epoch that was better than those before.
    reached = states_of(model)["2"].epoch
    assert epoch <= reached <= WAITS_AT

    (world.room / "wait 2").unlink()
    run = world.start(*words, "--json")
    out, said = run.communicate(timeout=LIMIT_S)
    assert (run.returncode, world.alive()) == (0, []), said
    done = {fold["fold"]: fold for fold in json.loads(out)["folds"]}
    assert {fold: found["did"] for fold, found in done.items()} == {"0": "skip", "2": "resume", "3": "skip"}
    assert (done["2"]["resumed_at"], done["2"]["epochs"]) == (reached, EPOCHS)
    assert {path: path.stat().st_mtime_ns for path in (model / "fold_0").rglob("*")} == fold_0
    assert all(states_of(model)[fold].complete for fold in ("0", "2", "3"))
