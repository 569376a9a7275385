"""Jobs on slots: one at a time on each, failures on their own, all ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.train import queue
from segconv.train.child import run_child
from segconv.train.queue import HERE, Job, Outcome, Slot, cpu_slots, gpu_slots, run_jobs
from segconv.work import fsops
from segconv.work.locks import locked
from segconv.work.plan import Target

LIMIT_S = 120


def test_each_slot_runs_one_job_at_a_time_and_all_are_used() -> None:
    at_work: dict[str, int] = {}
    together = threading.Barrier(2, timeout=LIMIT_S)
    lock = threading.Lock()

    def run(number: int, slot: Slot) -> str:
        with lock:
            at_work[slot.name] = at_work.get(slot.name, 0) + 1
            assert at_work[slot.name] == 1
        if number < 4:
            together.wait()  # of four jobs, two run at a time
        with lock:
            at_work[slot.name] -= 1
        if number == 2:
            raise SegconvError("of its own", code="SC101")
        return f"{number} on {slot.name}"

    ended: list[str] = []
    jobs = [Job(str(number), partial(run, number)) for number in range(5)]
    outcomes = run_jobs(jobs, gpu_slots(["0", "1"]), ended=lambda outcome: ended.append(outcome.name))
    assert [outcome.name for outcome in outcomes] == ["0", "1", "2", "3", "4"]
    assert sorted(ended) == ["0", "1", "2", "3", "4"]
    assert set(at_work) == {"GPU 0", "GPU 1"}
    assert [outcome.error is None for outcome in outcomes] == [True, True, False, True, True]
    assert all(outcome.value == f"{outcome.name} on {outcome.slot.name}" for outcome in outcomes if not outcome.error)


def test_without_jobs_nothing_is_waited_for() -> None:
    assert run_jobs([], [HERE]) == []


def test_without_a_slot_nothing_is_waited_for() -> None:
    with pytest.raises(SegconvError, match="no slot"):
        run_jobs([Job("one", lambda slot: None)], [])


def test_a_bug_ends_all_jobs_and_is_raised(tmp_path: Path) -> None:
    begun = threading.Event()

    def long(slot: Slot) -> None:
        code = "print('begun', flush=True); import time; time.sleep(1000)"
        run_child([sys.executable, "-c", code], dict(os.environ), shown="long", tell=lambda _: begun.set())

    def wrong(slot: Slot) -> None:
        assert begun.wait(LIMIT_S)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_jobs([Job("long", long), Job("wrong", wrong), Job("never", wrong)], cpu_slots(2))


def test_children_hold_the_locks_of_the_thread_that_waits(tmp_path: Path) -> None:
    target = Target(tmp_path / "target", "target")
    code = (
        "import fcntl, os, sys\n"
        f"same = [n for n in os.listdir('/proc/self/fd') if os.path.realpath('/proc/self/fd/' + n) == {str(target.lock)!r}]\n"
        "print(len(same))"
    )
    heard: list[str] = []

    def run(slot: Slot) -> None:
        run_child([sys.executable, "-c", code], dict(os.environ), shown="x", tell=heard.append)

    with locked(target):
        run_jobs([Job("one", run)])
    assert heard == ["1"]
    descriptor = fsops.lock(target.lock)
    assert descriptor is not None, "it is free again"
    os.close(descriptor)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_children_of_all_slots(number: signal.Signals, code: int, tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from segconv.train.child import run_child\n"
        "from segconv.train.queue import Job, cpu_slots, run_jobs\n"
        "from segconv.work.interruption import answer_once\n"
        "answer_once()\n"
        "def run(slot):\n"
        "    code = 'import os, time; print(os.getpid(), flush=True); time.sleep(1000)'\n"
        "    tell = lambda line: os.write(1, (line + '\\n').encode())\n"
        "    run_child([sys.executable, '-c', code], dict(os.environ), shown='x', tell=tell)\n"
        "try:\n"
        "    run_jobs([Job('a', run), Job('b', run), Job('c', run)], cpu_slots(2))\n"
        "except KeyboardInterrupt as error:\n"
        "    sys.exit(128 + error.args[0])\n"
    )
    run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, encoding="utf-8")
    assert run.stdout is not None
    children = [int(run.stdout.readline()) for _ in range(2)]
    run.send_signal(number)
    out, _ = run.communicate(timeout=LIMIT_S)
    assert (run.returncode, out) == (code, "")
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def test_gpus_are_counted_among_those_that_a_scheduler_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("nnUNet_n_proc_DA", "3")
    assert [slot.settings for slot in gpu_slots(["0", "3"])] == [
        {"CUDA_VISIBLE_DEVICES": "0"},
        {"CUDA_VISIBLE_DEVICES": "3"},
    ]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, MIG-7b")
    (both,) = gpu_slots(["1", "0"], together=True)
    assert (both.name, both.settings) == ("GPU 1+0", {"CUDA_VISIBLE_DEVICES": "MIG-7b,4"})
    with pytest.raises(SegconvError, match="there is no GPU 2") as caught:
        gpu_slots(["2"])
    assert caught.value.exit_code == 2


def test_outcomes_say_where_a_job_ran() -> None:
    (outcome,) = run_jobs([Job("one", lambda slot: slot.name)], cpu_slots(1))
    assert outcome == Outcome("one", Slot("CPU"), "CPU")


@pytest.mark.parametrize(("cores", "gpus", "share"), [(16, 4, "4"), (4, 4, "2"), (48, 4, None), (8, 1, "8")])
def test_gpus_share_the_cores_for_augmenting(
    cores: int, gpus: int, share: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("CUDA_VISIBLE_DEVICES", "nnUNet_n_proc_DA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(queue, "cores", lambda: cores)
    slots = gpu_slots([str(number) for number in range(gpus)])
    assert {slot.settings.get("nnUNet_n_proc_DA") for slot in slots} == {share}
