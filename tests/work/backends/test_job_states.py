"""What SLURM says of jobs, by a stand-in for its programs, with and without accounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from .slurm_cluster import SlurmCluster

pytest.importorskip("submitit", reason="submitit is not installed")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SlurmCluster:
    return SlurmCluster(tmp_path, monkeypatch)


def ask(*jobs: str) -> dict[str, tuple[str, bool]]:
    """Return the state of each job, and whether it has ended."""
    from segconv.work.backends.job_states import ASK_S, JobStates

    states = JobStates(ASK_S)
    for job in jobs:
        states.register_job(job)
    states.update()
    return {job: (states.get_state(job, mode="cache"), states.is_done(job, mode="cache")) for job in jobs}


@pytest.mark.parametrize("accounts", [True, False])
@pytest.mark.parametrize(
    ("state", "ended"),
    [
        ("PENDING", False),
        ("RUNNING", False),
        ("COMPLETING", False),
        ("COMPLETED", True),
        ("FAILED", True),
        ("TIMEOUT", True),
        ("OUT_OF_MEMORY", True),
        ("NODE_FAIL", True),
    ],
)
def test_states_are_slurms(cluster: SlurmCluster, state: str, ended: bool, accounts: bool) -> None:
    cluster.set_state("7", state)
    cluster.set_state("8", "RUNNING")
    if not accounts:
        cluster.keep_no_accounts()
    assert ask("7", "8") == {"7": (state, ended), "8": ("RUNNING", False)}


def test_a_job_that_slurm_has_forgotten_has_ended(cluster: SlurmCluster, capfd: pytest.CaptureFixture[str]) -> None:
    cluster.set_state("8", "RUNNING")
    assert ask("7", "8") == {"7": ("gone", True), "8": ("RUNNING", False)}, "neither accounts nor queue have it"
    cluster.keep_no_accounts()
    assert ask("7", "8") == {"7": ("gone", True), "8": ("RUNNING", False)}
    assert capfd.readouterr() == ("", ""), "its programs print nothing on the terminal"


def test_without_an_answer_nothing_has_ended(cluster: SlurmCluster, capfd: pytest.CaptureFixture[str]) -> None:
    cluster.keep_no_accounts()
    cluster.say_nothing()
    assert ask("7") == {"7": ("UNKNOWN", False)}
    assert capfd.readouterr() == ("", "")


def test_what_was_known_stays_known_without_an_answer(cluster: SlurmCluster) -> None:
    from segconv.work.backends.job_states import ASK_S, JobStates

    states = JobStates(ASK_S)
    for job, state in (("7", "RUNNING"), ("8", "FAILED")):
        cluster.set_state(job, state)
        states.register_job(job)
    states.update()
    cluster.keep_no_accounts()
    cluster.say_nothing()
    states.update()
    assert [states.get_state(job, mode="cache") for job in "78"] == ["RUNNING", "FAILED"]


@pytest.mark.parametrize("accounts", [True, False])
def test_a_job_that_is_killed_ends(
    cluster: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accounts: bool
) -> None:
    import time

    from segconv.work.backends.submitted import CLUSTER, submitted

    from ...flows.predictor import wait_until

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))  # the job imports this file
    if not accounts:
        cluster.keep_no_accounts()
    with submitted(CLUSTER, "one", _Sleep(), {}) as job:
        pid = tmp_path / f"{job.id}.pid"
        wait_until(pid.exists)
        time.sleep(0.1)
        assert not job.ended()
        assert job.runs()
        cluster.signal(job.id, 9)
        wait_until(job.ended)
        assert (job.state, job.runs()) == ("FAILED", False)


class _Sleep:
    """What the job calls: it must not end by itself."""

    def __call__(self) -> bool:
        import time

        time.sleep(600)
        return True
