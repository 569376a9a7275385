"""A planner of the user's own that is killed leaves nothing half-written, and the next run plans as if nothing was."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from segconv.train import own_planner

from ...command import Command, Done, tree_hash
from ...review import datasets
from ..planner import Planner, configuration

NAME = "Dataset007_Ct"

PROGRAM = f"""
import json, os, shutil, signal, sys
moment, asked = os.environ.get("nnUNet_moment"), json.loads(sys.argv[1])
def at(name):
    if moment == name:
        os.kill(os.getpid(), signal.SIGKILL)
def say(event):
    print("SEGCONV " + json.dumps(event), flush=True)
if moment == "hangs":
    os.kill(os.getpid(), signal.SIGALRM)  # as the kernel does when the time is over
at("looked at" if asked["dataset"] is None else "begun")
if asked["dataset"] is not None:
    text = open(os.environ["nnUNet_content"]).read()
    raw, made = (os.path.join(os.environ[key], "{NAME}") for key in ("nnUNet_raw", "nnUNet_preprocessed"))
    shutil.copy(os.path.join(raw, "dataset.json"), made)
    file = os.path.join(made, asked["plans"] + ".json")
    with open(file, "w") as opened:
        opened.write(text[: len(text) // 2])
        opened.flush()
        at("half written")
        opened.write(text[len(text) // 2 :])
    at("written")
    if moment == "ended":
        sys.exit(0)
say(dict(plans="nnUNetPlansMine"))
if asked["dataset"] is not None:
    at("said")
"""
"""In place of the process of a planner: it is killed at a moment."""


@pytest.fixture
def world(segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A dataset that nnU-Net planned, and a planner of the user's own."""
    Planner().install(monkeypatch)
    monkeypatch.setattr(own_planner, "python", lambda _: [sys.executable, "-I", "-c", PROGRAM])
    monkeypatch.setattr(own_planner, "list_planners", list)
    plans = {"configurations": {"2d": configuration("nnUNetPlansMine_2d", patch_size=[32, 32])}}
    (tmp_path / "content.json").write_text(json.dumps(plans), encoding="utf-8")
    monkeypatch.setenv("nnUNet_content", str(tmp_path / "content.json"))
    datasets.volumes(segconv.raw, cases=2)
    assert segconv("plan", "7", "-j", "1", "--no-check").code == 0
    return segconv


def plan(segconv: Command) -> Done:
    return segconv("plan", "7", "--planner", "my_pkg.planners.Mine", "-j", "1", "--no-check")


def test_a_killed_planner_changes_nothing_and_the_next_run_plans(
    world: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = world.folder / "nnUNet_preprocessed" / NAME
    before = tree_hash(folder)
    for moment in ("looked at", "begun", "half written", "written", "ended", "said"):
        monkeypatch.setenv("nnUNet_moment", moment)
        done = plan(world)
        assert (done.code, done.codes()) == (70, ["SC189"]), (moment, done.err)
        assert tree_hash(folder) == before, moment
    monkeypatch.setenv("nnUNet_moment", "hangs")
    done = plan(world)
    assert (done.codes(), "the import did not end within 300 s" in done.err) == (["SC189"], True)
    monkeypatch.delenv("nnUNet_moment")
    stock = (folder / "nnUNetPlans.json").read_bytes()
    assert plan(world).code == 0
    made = (folder / "nnUNetPlansMine.json").read_bytes()
    assert json.loads(made)["configurations"]["2d"]["patch_size"] == [32, 32]
    assert (folder / "nnUNetPlans.json").read_bytes() == stock
    assert [path.name for path in folder.parent.glob(f".segconv-plan-{NAME}")] == []

    (folder / "nnUNetPlansMine.json").unlink()
    assert plan(world).code == 0
    assert (folder / "nnUNetPlansMine.json").read_bytes() == made, "as without any kill before"
