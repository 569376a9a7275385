"""Plan with a planner class of the user's own; see `planner_child`, which runs it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import SegconvError
from .child import ChildFailed, See, environment, python, run_child
from .child_events import heard
from .paths import Paths
from .planner_child import refuse_other_name
from .planner_list import list_planners
from .time_limit import how_it_ended, took_too_long


@dataclass(frozen=True)
class Asked:
    """What a planner is to plan.

    Parameters
    ----------
    dataset
        Number of the dataset; None only to look at the planner.
    plans
        Name of the plans.
    gpu_memory_gb
        Memory target; the planner's own if None.
    spacing
        Of 3d_fullres in mm, in nnU-Net's axis order (z, y, x); the planner's own if None.
    """

    dataset: int | None = None
    plans: str | None = None
    gpu_memory_gb: float | None = None
    spacing: Sequence[float] | None = None


@dataclass(frozen=True)
class Hearing:
    """Where the output of a planner goes; see `run_child`."""

    log: Path | None = None
    tell: Any = None
    see: See | None = None


def is_own(planner: str | None) -> bool:
    """Return whether a planner is named by the path of a class, and not one of nnU-Net's."""
    return planner is not None and "." in planner


def name_of_own(planner: str, wanted: str | None, paths: Paths) -> str:
    """Return the name of the plans that a planner of the user's own writes: never one of nnU-Net's.

    Parameters
    ----------
    wanted
        Name that the user gave; otherwise that of the planner's ``__init__``, if it is its own, or one made of the
        name of the class.

    Raises
    ------
    SegconvError
        ``SC166``, ``SC188`` for what is no planner; ``SC001`` for a name that nnU-Net's planners write.
    """
    default = run_planner(planner, Asked(), paths, Hearing())
    taken = {known.plans for known in list_planners()}
    if wanted in taken:
        raise SegconvError(f"{wanted} are plans of nnU-Net's own planners", hint="choose another name")
    if wanted or (default and default not in taken):
        return wanted or default
    return f"nnUNetPlans{planner.rpartition('.')[2].replace('_', '')}"


def plan_with(planner: str, asked: Asked, paths: Paths, preprocessed: Path, hearing: Hearing) -> None:
    """Let a planner plan a dataset that has a fingerprint.

    Parameters
    ----------
    preprocessed
        Folder that it takes for ``nnUNet_preprocessed``.

    Raises
    ------
    SegconvError
        ``SC166``, ``SC188`` for what is no planner; ``SC189`` if it fails, calls its plans otherwise, or
        writes none.
    """
    name = run_planner(planner, asked, replace(paths, preprocessed=preprocessed), hearing)
    refuse_other_name(planner, name, asked.plans, str(hearing.log or ""))
    if not any(preprocessed.glob(f"Dataset{asked.dataset or 0:03d}_*/{name}.json")):
        what = f"{planner} wrote no {name}.json"
        raise SegconvError(
            what, code="SC189", file=str(hearing.log or ""), hint="let its plan_experiment pass the plans to save_plans"
        )


def run_planner(planner: str, asked: Asked, paths: Paths, hearing: Hearing) -> str:
    """Run a planner in a process of its own, and return the name of its plans; raises what `plan_with` raises."""
    events: list[dict[str, Any]] = []

    def hear(line: str) -> None:
        event = heard(line)
        if event is not None:
            events.append(event)
        elif hearing.tell is not None:
            hearing.tell(line)

    try:
        run_child(
            [
                *python("from segconv.train.planner_child import main; main()"),
                json.dumps({"planner": planner, **vars(asked)}),
            ],
            environment(paths),
            shown=f"planner {planner}",
            log=hearing.log,
            tell=hear,
            see=hearing.see,
        )
    except ChildFailed as error:
        why = next((line for line in reversed(error.last_lines) if "Error" in line), error.message)
        if took_too_long(error.ended_with):
            why = how_it_ended("import", error.ended_with)
        raise SegconvError(f"{planner} failed: {why}", code="SC189", file=error.file, hint=error.hint) from None
    if not events:
        raise SegconvError(f"{planner} ended its process without plans", code="SC189", file=str(hearing.log or ""))
    event = events[-1]
    if "finding" in event:
        raise SegconvError(**event["finding"])
    return str(event["plans"])
