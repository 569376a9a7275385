"""Let a planner class from outside nnunetv2 plan, in a process of its own.

nnU-Net's commands find planners by name in its own package only; its function ``plan_experiment_dataset`` takes any
class. Only this module imports nnunetv2, and the user's module.
"""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

from ..errors import SegconvError
from .child_events import say, say_fault
from .own_classes import located
from .time_limit import limited

_PASSED = (
    "preprocessor_name",
    "plans_name",
    "overwrite_target_spacing",
    "suppress_transpose",
    "gpu_memory_target_in_gb",
)
"""What nnU-Net passes to a planner by name, besides the dataset (``plan_and_preprocess_api.py`` of nnunetv2 2.8)."""


def main() -> None:
    """Look at a planner, or let it plan a dataset, as the request in the first argument says."""
    asked = json.loads(sys.argv[1])
    try:
        with limited():
            planner = planner_at(asked["planner"])
    except SegconvError as error:
        say_fault(error)
        return
    if asked["dataset"] is None:
        default = inspect.signature(planner).parameters["plans_name"].default
        say({"plans": default if isinstance(default, str) else ""})
        return
    from nnunetv2.experiment_planning.plan_and_preprocess_api import plan_experiment_dataset

    print("Experiment planning...", flush=True)  # noqa: T201 - as nnU-Net's command does, for those who follow it
    _, name = plan_experiment_dataset(
        asked["dataset"],
        planner,
        gpu_memory_target_in_gb=asked["gpu_memory_gb"],
        overwrite_target_spacing=asked["spacing"],
        overwrite_plans_name=asked["plans"],
    )
    say({"plans": name})


def planner_at(path: str) -> Any:
    """Return the planner class at a path.

    Raises
    ------
    SegconvError
        ``SC166`` if this process cannot import it, ``SC188`` if it is no planner that nnU-Net can make.
    """
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner

    found = located(path)
    if not (inspect.isclass(found) and issubclass(found, ExperimentPlanner)):
        kind = "a class" if inspect.isclass(found) else f"of type {type(found).__name__}"
        what = f"{path} is {kind}, expected a class that descends from nnU-Net's ExperimentPlanner"
        raise SegconvError(what, code="SC188", hint="derive it from ExperimentPlanner or another planner of nnU-Net")
    signature = inspect.signature(found)
    try:
        signature.bind(1, **dict.fromkeys(_PASSED))
    except TypeError as error:
        hint = f"nnU-Net passes the dataset and {', '.join(_PASSED)}"
        raise SegconvError(f"{path} cannot be made: {error}", code="SC188", hint=hint) from None
    if "plans_name" not in signature.parameters:
        what = f"{path} has no parameter plans_name, which names its plans"
        raise SegconvError(what, code="SC188", hint="give __init__ the parameters of ExperimentPlanner")
    return found


def refuse_other_name(planner: str, found: str, wanted: str | None, file: str = "") -> None:
    """Refuse a planner that calls its plans otherwise than it was asked to (``SC189``)."""
    if found != wanted:
        what = f"{planner} calls its plans {found}, expected {wanted}"
        raise SegconvError(what, code="SC189", file=file, hint="let its __init__ pass plans_name on")
