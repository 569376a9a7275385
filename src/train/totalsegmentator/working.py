"""A process that runs TotalSegmentator, seen from segconv: started when first needed, and again if it dies."""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import Cure, Finding, Refused, SegconvError
from ..child import See, environment, last_words, logged, python
from ..paths import Paths
from ..processes import said, started
from ..untrusted_models import NO_TRUST, Trust

_PROGRAM = "from segconv.train.totalsegmentator.worker import main; main()"
_MARK = b"segconv-totalseg "
"""As `worker.MARK`, whose module is for the other process."""

_LAST_LINES = 50
"""How many lines of its output may say why it ended."""


@dataclass(frozen=True)
class Ready:
    """What a process says of itself.

    Parameters
    ----------
    versions
        Package → version.
    resampling_order
        The order of interpolation that its TotalSegmentator takes if none is asked for; None if it has no choice.
    device
        ``"gpu"`` or ``"cpu"``.
    keeps_models
        Whether models stay in memory from case to case.
    """

    versions: Mapping[str, str]
    resampling_order: int | None
    device: str
    keeps_models: bool


@dataclass
class Worker:
    """One process, for any number of threads, which it serves one after the other.

    Parameters
    ----------
    variables
        Called when a process starts; returns its variables, for instance those of `home.furnished`.
    device
        ``"auto"``, ``"cuda"`` or ``"cpu"``.
    threads
        How many threads it computes with on the CPU.
    log
        File to which its output is appended.
    models
        Folders of models that it judges before it loads anything.
    trust
        Which parts of them may be code.
    """

    variables: Callable[[], Mapping[str, str]]
    device: str
    threads: int
    log: Path
    models: Sequence[Path] = ()
    trust: Trust = NO_TRUST
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stack: ExitStack | None = None
    _lines: Iterator[bytes] = field(default_factory=lambda: iter(()))
    _write: int = -1
    _code: Callable[[], int] = field(default=lambda: 0)
    _keep: See = field(default=lambda _: None)
    _ready: Ready | None = None
    _last: deque[str] = field(default_factory=lambda: deque(maxlen=_LAST_LINES))

    def segment(self, options: Mapping[str, Any]) -> tuple[Ready, tuple[str, ...]]:
        """Let the process segment a case, after the cases of other threads.

        Parameters
        ----------
        options
            Of TotalSegmentator's function ``totalsegmentator``.

        Returns
        -------
        ready
            The process that did it.
        refused
            Hosts that it tried to reach, and was not allowed to.

        Raises
        ------
        SegconvError
            ``SC064`` if a model holds code; ``SC195`` if it cannot be started, ``SC196`` if it dies at work, ``SC197``
            if TotalSegmentator fails.
        Interrupted
            If this thread is stopped.
        """
        with self._lock:
            ready = self._started()
            answer = self._asked(options)
        if "failed" in answer:
            raise _failed(answer)
        return ready, tuple(answer["refused"])

    def close(self) -> None:
        """End the process."""
        stack, self._stack, self._ready = self._stack, None, None
        if stack is not None:
            stack.close()

    def _started(self) -> Ready:
        if self._ready is not None:
            return self._ready
        with ExitStack() as stack:
            self._keep = stack.enter_context(logged(self.log, "TotalSegmentator"))
            hearing, self._write = os.pipe()
            stack.callback(self._hang_up)
            env = {**environment(Paths()), **self.variables()}
            try:
                process = stack.enter_context(started([*python(_PROGRAM), json.dumps(self._how())], env, hearing))
            finally:
                os.close(hearing)
            self._lines, self._code = said(process), process.wait
            self._ready = self._heard_ready()
            self._stack = stack.pop_all()
        return self._ready

    def _how(self) -> dict[str, Any]:
        """Return how the process is to work."""
        trust = {"trust_model": self.trust.trust_model, "allowed_modules": list(self.trust.allowed_modules)}
        return {
            "threads": self.threads,
            "device": self.device,
            "models": list(map(str, self.models)),
            "trust": trust,
        }

    def _heard_ready(self) -> Ready:
        """Return what the process says of itself; raise why it does not."""
        try:
            answer = self._answer()
        except _Ended as ended:
            what = f"TotalSegmentator cannot be started: its process {ended.words}: {last_words(self._last)}"
            raise SegconvError(what, code="SC195") from None
        if "unsafe" in answer:
            raise Refused(reasons=[Finding(**found, cures=_cures(found["code"])) for found in answer["unsafe"]])
        ready = answer["ready"]
        if not ready["device"]:
            raise SegconvError("PyTorch finds no GPU", code="SC195", cures=[Cure("compute_without_gpu")])
        versions = {name: ready[name] for name in ("totalsegmentator", "nnunetv2", "torch")}
        return Ready(versions, ready["resampling_order"], ready["device"], ready["kept"])

    def _hang_up(self) -> None:
        write, self._write = self._write, -1
        with suppress(OSError):
            os.close(write)

    def _asked(self, options: Mapping[str, Any]) -> dict[str, Any]:
        try:
            with suppress(BrokenPipeError):  # its end is heard next
                _write_all(self._write, f"{json.dumps(dict(options))}\n".encode())
            return self._answer()
        except _Ended as ended:
            self.close()
            raise SegconvError(
                f"the process that worked on it {ended.words}; the system kills a process when memory runs out",
                code="SC196",
                hint="run the same command again: it segments what is missing",
                cures=[Cure("fewer_jobs")],
            ) from None

    def _answer(self) -> dict[str, Any]:
        """Return the next answer; raise `_Ended` if there is none."""
        for line in self._lines:
            if line.startswith(_MARK):
                found: dict[str, Any] = json.loads(line[len(_MARK) :])
                return found
            self._keep(line)
            self._last.append(line.decode(errors="replace").rstrip())
        raise _Ended(self._code())


class _Ended(Exception):
    """The process ended, with an exit code or by the signal that is its negative."""

    def __init__(self, code: int = 0) -> None:
        super().__init__(code)
        self.code = code

    @property
    def words(self) -> str:
        """How it ended."""
        return f"was ended by signal {-self.code}" if self.code < 0 else f"ended with exit code {self.code}"


def _cures(code: str) -> tuple[Cure, ...]:
    return (Cure("trust_files"), Cure("allow_module")) if code == "SC064" else ()


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _failed(answer: Mapping[str, Any]) -> SegconvError:
    cures = [Cure("fewer_jobs")] if answer["out_of_memory"] else []
    return SegconvError(f"TotalSegmentator failed: {answer['failed']}", code="SC197", cures=cures)
