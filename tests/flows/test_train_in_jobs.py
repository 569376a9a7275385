"""Folds as jobs of a cluster: a stand-in for SLURM runs them as processes, and stand-ins for nnU-Net train."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import pytest

from segconv.dataset.layout import Dataset
from segconv.flows import train
from segconv.train.cluster import Cluster
from segconv.train.epochs import DONE, FAILED, QUEUED, STARTING
from segconv.train.folds import state_of
from segconv.train.model import Model
from segconv.train.paths import Paths
from segconv.train.training import TrainOptions, training_log
from segconv.work.backends.shared import Required
from segconv.work.backends.submitted import LOCAL

from ..command import Command
from ..train import stand_in, stand_in_jobs
from ..work.backends.slurm_cluster import SlurmCluster
from .predictor import wait_until
from .test_train import LIMIT_S, NAME, World

pytest.importorskip("submitit", reason="submitit is not installed")
JOBS = ("--backend", "slurm")
ROOT = Path(__file__).parents[2]


class Jobs(World):
    """A planned dataset and a cluster."""

    def __init__(self, segconv: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(segconv)
        self.state = segconv.folder / "state"
        self.state.mkdir()
        self.cluster = SlurmCluster(segconv.folder / "slurm", monkeypatch)

    def train(self, *words: object) -> stand_in.Done:
        return super().train(*JOBS, *words)

    def job_of(self, text: str, fold: int) -> str:
        """The number of the job that a fold was submitted as."""
        found = re.search(rf"fold {fold}: job (\d+), whose log is \S+train-full-{fold}\.log", text)
        assert found, text
        return found[1]

    def job_of_fold(self, fold: int) -> str:
        """The number of the job that trains a fold, from what was submitted."""
        name = f"#SBATCH --job-name=segconv-7-full-{fold}\n"
        (path,) = (path for path in self.cluster.room.glob("sbatch.*") if name in path.read_text())
        return path.suffix[1:]

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.train.stand_in_jobs", str(self.room), "train", "7", "-c", "full", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def left(self) -> list[Path]:
        """Files that are left of jobs."""
        return [path for path in self.state.rglob("*") if not path.is_dir()]


@pytest.fixture
def jobs(segconv: Command, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    made = Jobs(segconv, monkeypatch)
    stand_in_jobs.install(made.room, monkeypatch.setattr)
    monkeypatch.setenv("XDG_STATE_HOME", str(made.state))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return made


def test_each_fold_is_a_job_and_a_failure_stops_no_other(jobs: Jobs) -> None:
    (jobs.room / "fail 1").touch()
    done = jobs.train("-f", "0,1,2")
    assert (done.code, done.codes()) == (1, ["SC110"]), done.err
    numbers = {jobs.job_of(done.err, fold) for fold in range(3)}
    assert len(numbers) == len(jobs.cluster.scripts) == 3
    assert "fold 1: failed, and its log ends:\n    line 1\n    ValueError: as asked\n" in done.err
    assert {call.variables["SLURM_JOB_ID"] for call in done.calls} == numbers
    assert all("-device cuda" in " ".join(call.words) for call in done.calls), "whatever this machine has"
    assert [state_of(jobs.folder(number)).complete for number in range(3)] == [True, False, True]
    assert not jobs.left()

    (jobs.room / "fail 1").unlink()
    again = jobs.train("-f", "0,1,2", "-v")
    assert "1: line 1\n" in again.err, "the log of a job is passed on"
    assert (again.code, [call.fold for call in again.calls]) == (0, ["1"])
    assert again.err.count("was trained and validated before") == 2
    assert len(jobs.cluster.scripts) == 4, "finished folds need no job"


@pytest.mark.parametrize(
    ("variables", "words", "asked", "left_out"),
    [
        ({}, (), ("gpus-per-node=1", "cpus-per-task=12", "time=2880"), ()),
        ({}, ("--ddp", "2"), ("gpus-per-node=2", "cpus-per-task=24"), ()),
        ({"nnUNet_n_proc_DA": "6"}, (), ("gpus-per-node=1", "cpus-per-task=6"), ()),
        ({}, ("--device", "cpu"), ("cpus-per-task=12",), ("gpus",)),
        ({"SBATCH_GRES": "gpu:a100:1"}, (), ("cpus-per-task=12",), ("gpus",)),
        ({"SBATCH_CPUS_PER_GPU": "8"}, (), ("gpus-per-node=1",), ("cpus",)),
    ],
)
def test_a_job_asks_for_gpus_and_cores_unless_variables_of_sbatch_do(
    variables: dict[str, str],
    words: tuple[str, ...],
    asked: tuple[str, ...],
    left_out: tuple[str, ...],
    jobs: Jobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    jobs.cluster.refuse()
    jobs.train("-f", "0", *words)
    (script,) = jobs.cluster.scripts
    assert "#SBATCH --job-name=segconv-7-full-0\n" in script
    assert all(f"#SBATCH --{line}\n" in script for line in asked), script
    assert not any(f"#SBATCH --{line}" in script for line in left_out), script


def test_jobs_that_sbatch_refuses_are_findings_of_their_folds(jobs: Jobs) -> None:
    jobs.cluster.refuse()
    done = jobs.train("-f", "0,1")
    assert (done.code, done.codes(), done.calls) == (1, ["SC100", "SC100"], [])
    assert "fold 0: sbatch does not take a job (invalid partition specified: gpus" in done.err
    assert "invalid partition specified: gpus" in done.err
    assert "SBATCH_PARTITION" in done.err
    assert not jobs.left()


@pytest.mark.parametrize(
    ("number", "how"),
    [
        (signal.SIGKILL, r"died \(FAILED\)"),
        (signal.SIGUSR2, "reached its time limit"),
        (signal.SIGTERM, "was cancelled or preempted"),
    ],
)
def test_a_job_that_is_ended_is_named_with_what_is_kept_and_the_same_command_resumes(
    number: int, how: str, jobs: Jobs
) -> None:
    (jobs.room / "wait 0").touch()

    def end() -> None:
        wait_until((jobs.room / "at 0").exists)
        jobs.cluster.signal(jobs.job_of_fold(0), number)

    ending = threading.Thread(target=end)
    ending.start()
    done = jobs.train("-f", "0,1")
    ending.join()
    assert (done.code, done.codes()) == (1, ["SC110"]), done.err
    job = jobs.job_of(done.err, 0)
    assert re.search(
        rf"train-full-0\.log: fold 0: job {job} {how}; the fold resumes at epoch 1 from checkpoint_best\.pth", done.err
    ), done.err
    assert "Hint: segconv train 7 -c full --backend slurm -f 0,1 goes on from there; SBATCH_TIMELIMIT and " in done.err
    assert "fold 1: trained and validated" in done.err
    log = Path(re.findall(rf"job {job}, whose log is (\S+)", done.err)[0]).read_text()
    assert (f"$ job {job} died" in log) == (number == signal.SIGKILL), "what SLURM wrote on it follows"
    assert not jobs.left()

    (jobs.room / "wait 0").unlink()
    again = jobs.train("-f", "0,1", "--trust-model")
    assert (again.code, [call.fold for call in again.calls]) == (0, ["0"]), again.err
    assert "--c" in again.calls[0].words
    assert "fold 0: resumed at epoch 1, trained and validated" in again.err


def test_an_interrupted_command_cancels_its_jobs_and_the_same_command_resumes(jobs: Jobs) -> None:
    (jobs.room / "wait 0").touch()
    command = jobs.start("-f", "0", *JOBS)
    wait_until((jobs.room / "at 0").exists)
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=LIMIT_S)
    assert command.returncode == 130
    assert "interrupted: fold 0 resumes at epoch 1 from checkpoint_best.pth" in err
    assert (jobs.cluster.room / f"{jobs.job_of(err, 0)}.state").read_text().startswith("CANCELLED")
    assert not jobs.left()
    stand_in.calls(jobs.room)

    (jobs.room / "wait 0").unlink()
    again = jobs.train("-f", "0", "--trust-model")
    assert (again.code, "--c" in again.calls[0].words) == (0, True)


def test_a_fold_is_submitted_and_trained_by_one_command_at_a_time(jobs: Jobs) -> None:
    (jobs.room / "wait 0").touch()
    command = jobs.start("-f", "0", *JOBS)
    wait_until((jobs.room / "at 0").exists)
    for other in (jobs.train("-f", "0,1"), World.train(jobs, "-f", "0", "--device", "cpu")):
        assert (other.code, other.codes(), other.calls) == (75, ["SC035"], [])
    assert jobs.train("-f", "1").code == 0, "another fold is free"
    (jobs.room / "wait 0").unlink()
    _, err = command.communicate(timeout=LIMIT_S)
    assert command.returncode == 0, err


def test_jobs_go_on_without_the_command_and_the_same_command_follows_them(jobs: Jobs) -> None:
    for fold in (0, 1):
        (jobs.room / f"wait {fold}").touch()
    command = jobs.start("-f", "0,1", *JOBS)
    wait_until(lambda: (jobs.room / "at 0").exists() and (jobs.room / "at 1").exists())
    command.kill()
    command.communicate(timeout=LIMIT_S)
    (jobs.room / "wait 1").unlink()
    other = jobs.cluster.room / f"{jobs.job_of_fold(1)}.state"
    wait_until(lambda: other.read_text() == "COMPLETED")
    assert World.train(jobs, "-f", "0", "--device", "cpu").codes() == ["SC035"], "its job holds it"
    going_on = jobs.job_of_fold(0)

    with jobs.start("-f", "0,1", *JOBS) as again:
        assert again.stderr is not None
        said = again.stderr.readline()
        (jobs.room / "wait 0").unlink()
        said += again.stderr.read()
    assert again.returncode == 0, said
    assert jobs.job_of(said, 0) == going_on
    assert "fold 0: trained and validated" in said
    assert "fold 1: was trained and validated before" in said
    assert len(jobs.cluster.scripts) == 2
    assert not jobs.left()


def test_a_job_that_died_after_its_command_is_submitted_again(jobs: Jobs) -> None:
    (jobs.room / "wait 0").touch()
    command = jobs.start("-f", "0", *JOBS)
    wait_until((jobs.room / "at 0").exists)
    command.kill()
    command.communicate(timeout=LIMIT_S)
    died = jobs.job_of_fold(0)
    jobs.cluster.signal(died, signal.SIGKILL)
    wait_until(lambda: (jobs.cluster.room / f"{died}.state").read_text() == "FAILED")
    (jobs.room / "wait 0").unlink()
    again = jobs.train("-f", "0", "--trust-model")
    assert (again.code, "--c" in again.calls[-1].words) == (0, True), again.err
    assert jobs.job_of(again.err, 0) != died
    assert not jobs.left()


def test_no_more_jobs_at_once_than_asked_for(jobs: Jobs) -> None:
    done = jobs.train("-f", "0,1,2", "-j", "1")
    assert done.code == 0
    spans = sorted((call.began, call.ended) for call in done.calls)
    assert len(spans) == 3
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


@pytest.mark.parametrize("words", [("--gpus", "0"), ("--device", "mps"), ("--device", "cpu", "--ddp", "2")])
def test_what_does_not_go_with_jobs_is_refused(words: tuple[str, ...], jobs: Jobs) -> None:
    done = jobs.train("-f", "0", *words)
    assert (done.code, done.codes(), jobs.cluster.scripts) == (2, ["SC001"], [])


def test_a_machine_without_slurm_is_refused_before_anything_is_checked(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    done = jobs.train("-f", "0")
    assert (done.code, done.codes()) == (78, ["SC042"])
    assert "sbatch" in done.err


def test_jobs_need_the_same_files_and_version(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Required, "of", lambda _: Required((), "0.0.1"))
    done = jobs.train("-f", "0")
    assert (done.code, done.codes(), done.calls) == (1, ["SC042"], [])
    assert "and this is 0.0.1" in done.err


def test_a_job_of_this_machine_trains_as_the_command_does(jobs: Jobs) -> None:
    """As submitit's local executor runs it."""
    paths = Paths(*(jobs.segconv.folder / f"nnUNet_{name}" for name in ("raw", "preprocessed", "results")))
    said: list[tuple[str, str, Path]] = []
    cluster = Cluster(announce=lambda *words: said.append(words), kind=LOCAL)
    (jobs.room / "fail 1").touch()
    phases: list[tuple[str, str]] = []
    options = TrainOptions("cpu", cluster=cluster, heard=lambda now: phases.append((now.fold, now.phase)))
    model = Model(NAME, "full")
    training = train.train_folds(Dataset.open(paths.require("raw") / NAME), model, ["0", "1"], paths, options)
    assert [result.fold for result in training.done] == ["0"]
    assert [failure.code for failure in training.failures] == ["SC110"]
    assert [(fold, log) for fold, _, log in sorted(said)] == [(fold, training_log(model, fold, paths)) for fold in "01"]
    assert [phase for fold, phase in phases if fold == "0"] == [QUEUED, STARTING, DONE]
    assert [phase for fold, phase in phases if fold == "1"] == [QUEUED, STARTING, FAILED]
    assert not jobs.left()
