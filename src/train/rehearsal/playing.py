"""Run the parts of a rehearsal in child processes, and hear what they do."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...dataset.strictjson import dumps
from ...errors import SegconvError
from ...work import fsops
from ...work.writing import writing
from ..child import ChildFailed, environment, python, run_child
from ..child_events import heard as event_of
from ..commands import Tell
from ..paths import Paths
from ..time_limit import how_it_ended, took_too_long, was_killed

BEGIN, FINISH = "begin", "finish"
"""The parts: up to the death of the first fold's training, and all that follows in training."""

SETTINGS = MappingProxyType(
    {
        "nnUNet_compile": "f",
        # Each worker process costs seconds of imports. Without any, nnU-Net's planner stops with an error.
        "nnUNet_n_proc_DA": "1",
        "nnUNet_def_n_proc": "1",
        "OMP_NUM_THREADS": "1",
        "nnUNet_wandb_enabled": "0",
    }
)
"""Variables for all children of a rehearsal."""

KILLED = 128 + signal.SIGKILL

NETWORK = "network"
"""The step that builds and tries a network."""


@dataclass(frozen=True)
class Played:
    """A step of a rehearsal that succeeded.

    Parameters
    ----------
    name
        Such as ``"train"``.
    of
        What it was about, such as ``"2d fold 0"``.
    seconds
        What it took.
    facts
        What else was found.
    """

    name: str
    of: str
    seconds: float
    facts: dict[str, Any] = field(default_factory=dict)


Heard = Callable[[Played], None]


def play(part: str, asked: dict[str, Any], request: Path, paths: Paths, *, log: Path, tell: Tell, heard: Heard) -> None:
    """Run one part in a process of its own.

    Parameters
    ----------
    part
        `BEGIN`, which ends by SIGKILL, or `FINISH`.
    asked
        What the program needs to know.
    request
        File to write it to.
    tell
        Called with each line that nnU-Net writes.
    heard
        Called with each step that succeeded.

    Raises
    ------
    SegconvError
        What the program found (``SC161`` … ``SC169``, ``SC186``, ``SC189``);
        ``SC187`` if a network ends the process or hangs; ``SC160`` if a step fails otherwise.
    """
    with writing(request):
        fsops.write_atomic(request, dumps({**asked, "part": part}))
    found: list[SegconvError] = []
    at = ["start"]

    def hear(line: str) -> None:
        event = event_of(line)
        if event is None:
            tell(line)
        elif "finding" in event:
            found.append(SegconvError(**event["finding"]))
        elif "begin" in event:
            at[0] = " ".join(filter(None, (event["begin"], event["of"])))
        else:
            facts = {key: value for key, value in event.items() if key not in ("end", "of", "s")}
            heard(Played(event["end"], event["of"], event["s"], facts))
            at[0] = "" if event["end"] == "train" else at[0]

    program = python("from segconv.train.rehearsal.program import main; main()")
    try:
        run_child(
            [*program, str(request)], {**environment(paths), **SETTINGS}, shown=f"rehearsal, {part}", log=log, tell=hear
        )
    except ChildFailed as error:
        if found:
            raise found[0] from None
        if part == BEGIN and error.ended_with == KILLED and not at[0]:
            return  # as it was to
        raise _ended(at[0], error, log) from None
    if part == BEGIN:
        raise SegconvError(f"{at[0]}: it ended before it was killed", code="SC160", file=str(log))


def _ended(step: str, error: ChildFailed, log: Path) -> SegconvError:
    """Return the error of a step that ended its process."""
    is_network = step.startswith(NETWORK) and was_killed(error.ended_with)
    if not (is_network or took_too_long(error.ended_with)):
        return step_failed(step, error, log)
    why, code = how_it_ended(step, error.ended_with), "SC187" if is_network else "SC160"
    return SegconvError(why, code=code, file=str(log), hint="read the end of the log")


def step_failed(step: str, error: SegconvError, log: Path) -> SegconvError:
    """Return the error of a step that nnU-Net ended, with the end of its log."""
    lines = getattr(error, "last_lines", ())
    why = next((line for line in reversed(lines) if "Error" in line), error.message)
    return SegconvError(f"{step}: {why}", code="SC160", file=str(log), hint="read the end of the log")
