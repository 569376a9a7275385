"""The processes of TotalSegmentator that work at the same time: one on each slot, that is on a GPU or some cores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import SegconvError
from ..device import AUTO
from ..queue import Slot, cpu_slots, gpu_slots
from ..untrusted_models import NO_TRUST, Trust
from ..worker_processes import cores
from .home import declare_leftovers, furnished
from .working import Worker

DEVICES = (AUTO, "cuda", "cpu")


@dataclass(frozen=True)
class Devices:
    """Where TotalSegmentator computes.

    Parameters
    ----------
    device
        One of `DEVICES`.
    gpus
        Numbers of GPUs, as PyTorch counts them; none to take the first, if there is one.
    processes
        How many work at a time; None for one on each of these GPUs, or only one.

    Raises
    ------
    SegconvError
        ``SC001`` for GPUs and another device, or for no process.
    """

    device: str = AUTO
    gpus: tuple[str, ...] = ()
    processes: int | None = None

    def __post_init__(self) -> None:
        if self.gpus and self.device == "cpu":
            raise SegconvError("GPUs are named, and the device is cpu", hint="name one of them")
        if self.processes is not None and self.processes < 1:
            raise SegconvError(f"{self.processes} processes, expected 1 or more")

    def for_cases(self, number: int) -> Devices:
        """Return these devices with no more processes than cases, so that the cores are shared by those that work."""
        return replace(self, processes=max(1, min(self._count, number)))

    @property
    def _count(self) -> int:
        return self.processes or max(1, len(self.gpus))

    def slots(self) -> list[Slot]:
        """Return a slot for each process, with a name of its own; several on one GPU if there are more processes.

        Raises
        ------
        SegconvError
            ``SC001`` if ``CUDA_VISIBLE_DEVICES`` has no such GPU.
        """
        count = self._count
        if not self.gpus:
            return cpu_slots(count) if self.device == "cpu" else [Slot(f"process {n}") for n in range(count)]
        own = gpu_slots(self.gpus)
        rounds = [(own[n % len(own)], n // len(own)) for n in range(count)]
        return [replace(slot, name=f"{slot.name} ({turn})") if turn else slot for slot, turn in rounds]


class Workers:
    """A process for each slot, started when its first case comes.

    Parameters
    ----------
    work
        The staging folder, in which they keep homes, logs and temporary files.
    models
        Folders of the models that they need.
    licence
        The user's licence number, or an empty text.
    devices
        Where they compute.
    trust
        Which parts of the models may be code.

    Attributes
    ----------
    logs
        The files that their output is appended to; a process that never started has none.
    """

    def __init__(
        self, work: Path, models: Sequence[Path], licence: str, devices: Devices, trust: Trust = NO_TRUST
    ) -> None:
        self.slots = devices.slots()
        threads = max(1, cores() // len(self.slots))
        device = "cuda" if devices.gpus else devices.device
        self.logs = [log_of(work, number) for number in range(len(self.slots))]
        self._work = work
        self._workers = {
            slot.name: Worker(_variables(work, number, models, licence, slot), device, threads, log, models, trust)
            for number, (slot, log) in enumerate(zip(self.slots, self.logs, strict=True))
        }

    def on(self, slot: Slot) -> Worker:
        """Return the process of a slot."""
        return self._workers[slot.name]

    def close(self) -> None:
        """End all of them, and count what they left in their temporary folders as segconv's own."""
        for worker in self._workers.values():
            worker.close()
        declare_leftovers(self._work)


def log_of(work: Path, number: int) -> Path:
    """Return the file that a process writes its output to."""
    return work / "work" / f"log-{number}"


def _variables(
    work: Path, number: int, models: Sequence[Path], licence: str, slot: Slot
) -> Callable[[], Mapping[str, str]]:
    return lambda: {**furnished(work, number, models, licence), **slot.settings}
