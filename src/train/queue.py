"""Run jobs on slots, such as GPUs: one job at a time on each, in the given order, and a failure stops no other job.

Each job runs in a thread of its own and starts child processes there; see `segconv.train.child`. The calling thread
only waits, because Ctrl-C and SIGTERM reach no other.
"""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..errors import SegconvError
from ..work.locks import held_locks, holding_too
from .processes import Stop, stopped_by
from .worker_processes import cores

T = TypeVar("T")

VISIBLE = "CUDA_VISIBLE_DEVICES"

AUGMENTING, MOST_AUGMENTING = "nnUNet_n_proc_DA", 12
"""Variable with the number of augmenting processes per GPU, and the number that nnU-Net starts without it."""

_LOOK_S = 0.5
"""How often the calling thread wakes up, in which time Python handles signals."""


@dataclass(frozen=True)
class Slot:
    """A place where one job runs at a time.

    Parameters
    ----------
    name
        Such as ``"GPU 0"``.
    settings
        Environment variables for the children of its jobs.
    """

    name: str
    settings: Mapping[str, str] = field(default_factory=dict)


HERE = Slot("this machine")
"""One job at a time, on whatever device PyTorch finds."""


def gpu_slots(gpus: Sequence[str], *, together: bool = False) -> list[Slot]:
    """Return a slot for each GPU.

    Parameters
    ----------
    gpus
        Numbers, as PyTorch counts them. Where ``CUDA_VISIBLE_DEVICES`` is set, as by a scheduler, they count the
        GPUs in it, so that no GPU of others is used.
    together
        Return one slot with all of these GPUs, for a training that is distributed over them.

    Raises
    ------
    SegconvError
        ``SC001`` if ``CUDA_VISIBLE_DEVICES`` has no such GPU.
    """
    groups = [tuple(gpus)] if together else [(gpu,) for gpu in gpus]
    shared = _share_of_cores(len(gpus))
    return [Slot(f"GPU {'+'.join(group)}", {VISIBLE: ",".join(map(_device, group)), **shared}) for group in groups]


def _share_of_cores(gpus: int) -> dict[str, str]:
    """Return nnU-Net's number of augmenting processes for each GPU, where together they would outnumber the cores."""
    share = max(2, cores() // gpus)
    return {} if AUGMENTING in os.environ or share >= MOST_AUGMENTING else {AUGMENTING: str(share)}


def cpu_slots(count: int) -> list[Slot]:
    """Return this many slots for jobs on the CPU."""
    return [Slot(f"CPU {number}" if count > 1 else "CPU") for number in range(count)]


def _device(gpu: str) -> str:
    visible = os.environ.get(VISIBLE)
    if visible is None:
        return gpu
    found = [device.strip() for device in visible.split(",") if device.strip()]
    if int(gpu) >= len(found):
        raise SegconvError(
            f"there is no GPU {gpu}: {VISIBLE} is {visible!r}, and its GPUs count from 0",
            hint=f"choose among 0 to {len(found) - 1}" if found else f"unset {VISIBLE}",
        )
    return found[int(gpu)]


@dataclass(frozen=True)
class Job(Generic[T]):
    """A piece of work for one slot.

    Parameters
    ----------
    name
        What people call it, such as ``"fold 0"``.
    run
        Does it; its children must be those of `segconv.train.processes`, which end when the queue is interrupted.
    """

    name: str
    run: Callable[[Slot], T]


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """How a job ended.

    Parameters
    ----------
    name, slot
        The job, and where it ran.
    value
        What it returned; None if it failed.
    error
        Why it failed; None if it did not.
    """

    name: str
    slot: Slot
    value: T | None = None
    error: SegconvError | None = None


def run_jobs(
    jobs: Sequence[Job[T]],
    slots: Sequence[Slot] = (HERE,),
    *,
    ended: Callable[[Outcome[T]], None] | None = None,
) -> list[Outcome[T]]:
    """Run all jobs and return how they ended, in their order.

    The locks of the calling thread hold until the last process of the last job is gone.

    Parameters
    ----------
    jobs
        Taken in order; a free slot takes the next.
    slots
        Where they run.
    ended
        Called in the calling thread with each outcome.

    Raises
    ------
    SegconvError
        ``SC001`` if there is no slot.
    KeyboardInterrupt
        By Ctrl-C or SIGTERM, after the running jobs have ended; no further ones begin.
    Exception
        Any but `SegconvError` that a job raises, after the others have ended in the same way.
    """
    if not slots:
        raise SegconvError("there is no slot to run on", hint="name at least one")
    outcomes: dict[int, Outcome[T]] = {}
    crew: _Crew[T] = _Crew(slots)
    with crew:
        waiting = deque(enumerate(jobs))
        while waiting or crew.running:
            while waiting and crew.free:
                crew.begin(*waiting.popleft())
            number, outcome = crew.next_end()
            outcomes[number] = outcome
            if ended is not None:
                ended(outcome)
    return [outcomes[number] for number in range(len(jobs))]


class _Crew(Generic[T]):
    """The threads at work, each on a slot of its own. At the end of the block, whatever its cause, all have ended."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self.free = deque(slots)
        self.running: dict[int, threading.Thread] = {}
        self._news: queue.SimpleQueue[tuple[int, Outcome[T] | BaseException]] = queue.SimpleQueue()
        self._stop, self._locks = Stop(), held_locks()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self.running.values():
            thread.join()

    def begin(self, number: int, job: Job[T]) -> None:
        """Start a job on a free slot."""
        thread = threading.Thread(target=self._work, args=(number, job, self.free.popleft()), name=job.name)
        self.running[number] = thread
        thread.start()

    def next_end(self) -> tuple[int, Outcome[T]]:
        """Wait until a job ends; return its number and how it ended, or raise what it raised."""
        while True:
            try:
                number, found = self._news.get(timeout=_LOOK_S)
                break
            except queue.Empty:
                continue
        self.running.pop(number).join()
        if isinstance(found, BaseException):
            raise found
        self.free.append(found.slot)
        return number, found

    def _work(self, number: int, job: Job[T], slot: Slot) -> None:
        with holding_too(self._locks), stopped_by(self._stop):
            self._news.put((number, _outcome(job, slot)))


def _outcome(job: Job[T], slot: Slot) -> Outcome[T] | BaseException:
    try:
        return Outcome(job.name, slot, job.run(slot))
    except SegconvError as error:
        return Outcome(job.name, slot, error=error)
    except BaseException as error:  # noqa: BLE001 - the calling thread raises it
        return error
