"""List the planner classes of the installed nnunetv2, and the plans that each writes, from source."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import Cure, SegconvError
from .model import DEFAULT_PLANS
from .source_classes import SourceClass, ancestry, classes_below, descending_from, folder_in_nnunet

ROOT = "ExperimentPlanner"
"""The class that all planners descend from, and the default one."""

FOLDER = "experiment_planning"
"""Where nnunetv2 looks for planners, inside its package."""

CONFIGURATIONS = ("2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres")
"""What nnU-Net's planners make (``default_experiment_planner.py``); the second and third only of volumes, and the last
two only of large ones."""

_PLANS_NAME = "plans_name"


@dataclass(frozen=True)
class Planner:
    """A planner class.

    Parameters
    ----------
    name
        Name, as passed to ``-pl``.
    plans
        Name of the plans that it writes, unless another is given.
    module
        Path of its file below `FOLDER`.
    """

    name: str
    plans: str
    module: str


def list_planners() -> list[Planner]:
    """Return the planners of the installed nnunetv2, by name; `ROOT` first.

    Raises
    ------
    SegconvError
        ``SC041`` if nnunetv2 is not installed.
    """
    return read_planners(folder_in_nnunet(FOLDER))


def read_planners(folder: Path) -> list[Planner]:
    """Return the planners that the modules of a folder define, by name; `ROOT` first."""
    classes = classes_below(folder)
    found = []
    for name in descending_from(ROOT, classes):
        names = (_default_of_plans_name(classes[base]) for base in ancestry(name, classes))
        found.append(Planner(name, next(filter(None, names), DEFAULT_PLANS), classes[name].module))
    return sorted(found, key=lambda planner: (planner.name != ROOT, planner.name.lower()))


def find_planner(name: str, among: Sequence[Planner]) -> Planner:
    """Return a planner by name.

    Raises
    ------
    SegconvError
        ``SC001`` if there is none, with similar names.
    """
    found = next((planner for planner in among if planner.name == name), None)
    if found is None:
        names = {planner.name.lower(): planner.name for planner in among}
        near = [names[close] for close in difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)]
        raise SegconvError(
            f"nnunetv2 has no planner {name!r}",
            hint=f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names.values())}",
        )
    return found


def refuse_unknown(
    configurations: Sequence[str], known: Collection[str], planning: Callable[[Sequence[str]], Cure]
) -> None:
    """Refuse configurations that do not exist.

    Parameters
    ----------
    planning
        Returns the command for other configurations.

    Raises
    ------
    SegconvError
        ``SC001`` for all, with the command for those of similar names.
    """
    unknown = [name for name in configurations if name not in known]
    if unknown:
        near = {name: difflib.get_close_matches(name, known, n=1) for name in unknown}
        meant = [one for name in configurations for one in near.get(name, [name])]
        what = f"no configuration {' or '.join(map(repr, unknown))}: there are {', '.join(known)}"
        raise SegconvError(what, cures=[planning(list(dict.fromkeys(meant)))])


def _default_of_plans_name(found: SourceClass) -> str:
    """Return the name of the plans that a class writes by default; empty if it does not say."""
    for member in found.node.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            arguments = [*member.args.posonlyargs, *member.args.args]
            positional = dict(zip(reversed(arguments), reversed(member.args.defaults), strict=False))
            named = dict(zip(member.args.kwonlyargs, member.args.kw_defaults, strict=True))
            for argument, default in {**positional, **named}.items():
                if argument.arg == _PLANS_NAME and isinstance(default, ast.Constant) and isinstance(default.value, str):
                    return default.value
    return ""
