"""Preprocessed data and models are read, trained on and changed by as many at once as is safe; others wait."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from segconv.errors import SegconvError
from segconv.flows import plan as plan_room
from segconv.train import plans as plans_room
from segconv.train.holds import changing_plans, preprocessing, reading, training
from segconv.train.model import Model
from segconv.train.paths import Paths
from segconv.train.planning import Plan
from segconv.work import fsops
from segconv.work.locks import locked, shared
from segconv.work.plan import Target

from ..command import Command, Done
from ..flows.predictor import wait_until
from ..review import datasets
from . import trainer
from .prepared import plan
from .test_plans import plans

NAME = "Dataset007_Ct"
ALLOWED = ("--allow-module", "dynamic_network_architectures", "--allow-module", "torch")
Hold = Callable[[Paths], AbstractContextManager[None]]


def fold(paths: Paths, number: str) -> Path:
    return Model(NAME, "full").fold_folder(paths, number)


HOLDS: dict[str, Hold] = {
    "training fold 0": lambda paths: training(paths, NAME, [fold(paths, "0")]),
    "reading": lambda paths: reading(paths, NAME),
    "planning": lambda paths: preprocessing(paths, NAME),
    "changing plans": lambda paths: changing_plans(paths.require("preprocessed") / NAME),
}
WORDS: dict[str, list[str]] = {
    "train fold 0": ["train", "7", "-c", "full", "-f", "0", "--device", "cpu", "--overwrite", *ALLOWED],
    "train folds 1 and 0": ["train", "7", "-c", "full", "-f", "1,0", "--device", "cpu", "--overwrite", *ALLOWED],
    "train fold 00": ["train", "7", "-c", "full", "-f", "00", "--device", "cpu", "--overwrite", *ALLOWED],
    "train fold 1": ["train", "7", "-c", "full", "-f", "1", "--device", "cpu", "--overwrite", *ALLOWED],
    "plan": ["plan", "7", "-j", "1"],
    "derive": ["plans", "derive", "7", "small", "--from", "full", "--batch-size", "3", *ALLOWED],
    "show": ["plans", "show", "7"],
}
WAITS = {
    "training fold 0": {"train fold 0", "train fold 00", "train folds 1 and 0", "plan"},
    "reading": {"plan"},
    "planning": {"train fold 0", "train fold 00", "train folds 1 and 0", "train fold 1", "plan", "derive"},
    "changing plans": {"plan", "derive"},
}


def locks(segconv: Command) -> list[Path]:
    return [path for path in segconv.folder.rglob(".segconv-*") if path.name != ".segconv-logs"]


@pytest.fixture
def world(segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """A dataset that is planned; nnU-Net's programs are stubs."""
    datasets.volumes(segconv.raw, cases=5)
    planned = plan(segconv.raw / NAME, tmp_path / "nnUNet_preprocessed", ["nnUNetPlans_full"])
    (planned / "nnUNetPlans.json").write_text(json.dumps(plans()))
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub" / "go").touch()
    trainer.install(tmp_path / "stub", monkeypatch.setattr)
    monkeypatch.setattr(plan_room, "plan_and_preprocess", lambda *_, **__: Plan(planned, "nnUNetPlans", {}, {}, "full"))
    yield segconv
    assert locks(segconv) == []


@pytest.mark.parametrize("hold", HOLDS)
def test_what_does_not_go_together_waits(hold: str, world: Command) -> None:
    with HOLDS[hold](Paths.find()):
        done = {name: world(*words) for name, words in WORDS.items() if name in WAITS[hold]}
        assert {name: (found.code, found.codes()) for name, found in done.items()} == {
            name: (75, ["SC035"]) for name in WAITS[hold]
        }
        assert all(f"process {os.getpid()} on " in found.err for found in done.values())
        assert list((world.folder / "nnUNet_results").glob("Dataset*")) == [], "no number is taken by a refusal"
        for name, words in WORDS.items():
            if name not in WAITS[hold]:
                assert world(*words).code == 0, name
    assert {name: world(*WORDS[name]).code for name in WAITS[hold]} == dict.fromkeys(WAITS[hold], 0)


def test_the_lock_lasts_until_the_last_process_of_a_training_that_was_killed_is_gone(
    world: Command, tmp_path: Path
) -> None:
    (tmp_path / "stub" / "go").unlink()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.train.trainer", str(tmp_path / "stub"), *WORDS["train fold 0"]],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: (tmp_path / "stub" / "begun 0").exists() or process.poll() is not None)
    assert [world(*WORDS[name]).code for name in ("train fold 0", "plan", "derive")] == [75, 75, 0]
    process.send_signal(signal.SIGKILL)
    process.wait()
    (tmp_path / "stub" / "go").touch()
    codes: list[int] = []

    def free() -> bool:
        codes.append(world(*WORDS["plan"]).code)
        return codes[-1] != 75

    wait_until(free)
    assert codes[-1] == 0
    assert world(*WORDS["train fold 0"]).code == 0


def test_a_configuration_that_is_derived_meanwhile_is_not_lost(
    world: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "nnUNet_preprocessed" / NAME / "nnUNetPlans.json"
    (path.parent / ".tmp-0123456789abcdef-nnUNetPlans.json").write_text("of a change that was killed")
    others: list[Done] = []
    dumps = plans_room.dumps

    def meanwhile(value: Any) -> bytes:
        if not others:
            others.append(Done(0, "", ""))
            others.append(world(*WORDS["derive"][:3], "other", *WORDS["derive"][4:]))
        return dumps(value)

    monkeypatch.setattr(plans_room, "dumps", meanwhile)
    assert world(*WORDS["derive"]).code == 0
    assert (others[1].code, others[1].codes()) == (75, ["SC035"])
    assert world(*WORDS["derive"][:3], "other", *WORDS["derive"][4:]).code == 0
    assert set(json.loads(path.read_text())["configurations"]) == {"full", "small", "other"}
    assert not list(path.parent.glob(".*"))


def test_of_many_changes_at_once_each_is_made_or_refused(world: Command, tmp_path: Path) -> None:
    path = tmp_path / "nnUNet_preprocessed" / NAME / "nnUNetPlans.json"
    start = Barrier(8)

    def add(number: int) -> str | None:
        start.wait()
        try:
            plans_room.add_configuration(path, f"c{number}", {"inherits_from": "full"})
        except SegconvError as error:
            assert error.code == "SC035"
            return None
        return f"c{number}"

    with ThreadPoolExecutor(8) as pool:
        made = set(filter(None, pool.map(add, range(8))))
    assert made
    assert set(json.loads(path.read_text())["configurations"]) == {"full", *made}


def test_a_shared_lock_is_removed_by_the_last_that_holds_it(tmp_path: Path) -> None:
    target = Target(tmp_path / "a", "a")
    with ExitStack() as stack:
        stack.enter_context(shared(target))
        with shared(target), pytest.raises(SegconvError, match=f"process {os.getpid()}"), locked(target):
            pytest.fail("readers keep it")
        assert target.lock.exists()
        with pytest.raises(SegconvError), locked(target):
            pytest.fail("one reader keeps it still")
    assert not target.lock.exists()
    with locked(target), pytest.raises(SegconvError), shared(target):
        pytest.fail("it is not shared")
    assert list(tmp_path.iterdir()) == []


def test_a_shared_lock_names_one_that_holds_it(tmp_path: Path) -> None:
    target = Target(tmp_path / "a", "a")
    mine = f"process {os.getpid()} on {socket.gethostname()}"
    gone = subprocess.Popen(["true"])
    gone.wait()
    with shared(target) as descriptor:
        others = f"process {os.getppid()} on {socket.gethostname()}"
        for before, after in ((f"process {gone.pid} on {socket.gethostname()}", mine), (others, others), ("", mine)):
            fsops.sign(descriptor, before, target.lock)
            with shared(target):
                assert target.lock.read_text() == after
        assert target.lock.read_text() == "", "who leaves is not named any more"


def test_folders_that_cannot_be_locked_are_read_all_the_same(world: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(fsops, "lock_shared", refused)
    with reading(Paths.find(), NAME):
        assert locks(world) == []
