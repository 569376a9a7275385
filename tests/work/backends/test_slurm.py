"""Jobs by submitit, run as processes of this machine: the same bytes, and a case that ends its job is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.work.backends import backend_of
from segconv.work.parallel import each
from segconv.work.run import execute
from segconv.work.run_options import RunOptions

from .. import tasks
from . import scenarios

pytest.importorskip("submitit", reason="submitit is not installed")
LOCAL = "slurm:local"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where jobs leave their results."""
    folder = tmp_path / "state"
    folder.mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))  # jobs import the functions of tests
    monkeypatch.setattr("segconv.work.backends.slurm.POLL_S", 0.05)
    monkeypatch.setattr("segconv.work.backends.slurm.FIRST_ITEMS", 4)
    return folder


def left(folder: Path) -> list[Path]:
    """What is in a folder and below, besides folders."""
    return [path for path in folder.rglob("*") if not path.is_dir()]


def test_the_bytes_are_those_of_one_worker_and_nothing_else_stays(tmp_path: Path, state: Path) -> None:
    runs = []
    for how in (RunOptions(), RunOptions(jobs=2, backend=LOCAL)):
        plan = tasks.make_plan(tmp_path / str(len(runs)), 6)
        execute(plan, tasks.copy_with_process, tasks.listing, how)
        runs.append(tasks.tree(plan.target.path))
    assert runs[0] == runs[1] != {}
    assert len({path.read_text() for path in (tmp_path / "1").glob("process-*")}) == 2, "two jobs of three cases each"
    assert not left(state)


def test_a_case_that_ends_its_job_each_time_is_named_and_the_others_are_kept(tmp_path: Path, state: Path) -> None:
    found = scenarios.poison(tmp_path, LOCAL)
    code, case, message, _ = found["wording"]
    assert (code, case) == ("SC100", "case1")
    assert "ended from outside" in message
    assert (found["done"], found["reused"]) == (4, 3)
    assert not left(state)


def test_errors_come_back_complete_even_if_they_cannot_be_pickled(tmp_path: Path) -> None:
    refused, odd = scenarios.errors(tmp_path, LOCAL)
    assert refused == ["SC055", "1", "found this", "do that"]
    assert odd[:3] == ["SC104", "1", "unexpected Odd: 1 and 2"]


def test_a_machine_without_slurm_or_home_is_refused_before_anything_is_written(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    plan = tasks.make_plan(tmp_path / "run")
    with pytest.raises(SegconvError, match="sbatch") as caught:
        execute(plan, tasks.copy, tasks.listing, RunOptions(backend="slurm"))
    assert caught.value.code == "SC042"
    assert not plan.target.path.parent.exists()
    with pytest.raises(SegconvError, match="sbatch") as caught:  # as commands do that write no dataset
        list(each(scenarios.square, [1], backend="slurm"))
    assert caught.value.code == "SC042"
    state.rmdir()
    with pytest.raises(SegconvError, match="home folder") as caught:
        backend_of(LOCAL).ready()
    assert "XDG_STATE_HOME" in caught.value.hint


@pytest.mark.parametrize("name", ["slurm:elsewhere", "slurm:", "loky:here", "spark"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(SegconvError):
        backend_of(name).ready()


def test_sbatch_gets_one_core_and_a_time_limit_per_job(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for sbatch keeps the script that submitit gives it, and refuses the job."""
    stub = tmp_path / "bin" / "sbatch"
    stub.parent.mkdir()
    stub.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/script\nexit 1\n')
    stub.chmod(0o755)
    for name in ("srun", "sacct", "scancel"):
        (stub.parent / name).symlink_to(stub)
    monkeypatch.setenv("PATH", f"{stub.parent}:/usr/bin:/bin")
    with pytest.raises(SegconvError) as caught:
        list(each(scenarios.square, [1, 2], jobs=2, backend="slurm"))
    assert caught.value.code == "SC100"
    assert "sbatch" in caught.value.message
    script = (tmp_path / "script").read_text()
    assert "#SBATCH --cpus-per-task=1" in script
    assert "#SBATCH --time=60" in script
    assert not left(state)
