"""The tasks and classes of the installed TotalSegmentator, from its own registry.

Only its modules of plain tables are imported, which load neither torch nor nnunetv2. Everything else of
TotalSegmentator changes nnunetv2 and environment variables in the process that imports it, and is left to children.
"""

from __future__ import annotations

import fnmatch
import importlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType

from ...errors import SegconvError
from ...words import some_of

PACKAGE = "TotalSegmentator"

NEWEST_PYTHON = (3, 12)
"""TotalSegmentator 2.18 needs fury, which needs vtk < 9.4, of which there is no build for later versions."""


@dataclass(frozen=True)
class Task:
    """A task of TotalSegmentator.

    Parameters
    ----------
    name
        As TotalSegmentator calls it.
    modality
        ``"CT"`` or ``"MR"``.
    needs_licence
        Whether its weights need a licence number, which is free for research.
    classes
        Value in its label maps → name of the class.
    """

    name: str
    modality: str
    needs_licence: bool
    classes: Mapping[int, str]


def version() -> str:
    """Return the version of the installed TotalSegmentator.

    Raises
    ------
    SegconvError
        ``SC190`` if it is not installed.
    """
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise _not_installed() from error


def tables(module: str) -> ModuleType:
    """Return a module of TotalSegmentator that holds only tables.

    Raises
    ------
    SegconvError
        ``SC190`` if it is not installed, or has no such module.
    """
    found = version()
    try:
        return importlib.import_module(f"totalsegmentator.{module}")
    except ImportError as error:
        raise SegconvError(
            f"TotalSegmentator {found} cannot be used: {error}",
            code="SC190",
            hint="pip install 'segconv[totalseg]' brings a known version",
        ) from error


def _not_installed() -> SegconvError:
    own = sys.version_info[:2]
    if own > NEWEST_PYTHON:
        newest, this = (".".join(map(str, numbers)) for numbers in (NEWEST_PYTHON, own))
        return SegconvError(
            f"TotalSegmentator cannot be installed on Python {this}, only on {newest} and earlier",
            code="SC190",
            hint=f"make an environment with Python {newest}, and pip install 'segconv[totalseg]' there",
        )
    return SegconvError("TotalSegmentator is not installed", code="SC190")


def tasks() -> tuple[Task, ...]:
    """Return all tasks that can be run, in TotalSegmentator's own order."""
    return tuple(map(_task, tables("registry").TASKS))


def _task(name: str) -> Task:
    registry = tables("registry")
    return Task(name, registry.task_modality(name), registry.requires_license(name), registry.get_task_classes(name))


def find_task(name: str) -> Task:
    """Return a task by name.

    Raises
    ------
    SegconvError
        ``SC191`` if there is none, with similar names.
    """
    return _task(_known(name, tables("registry").TASKS))


def numbering(name: str) -> dict[str, int]:
    """Return class → value of a task, or of an earlier numbering that TotalSegmentator keeps, such as ``total_v1``.

    Raises
    ------
    SegconvError
        ``SC191`` if there is none, with similar names.
    """
    known = tables("map_to_binary").class_map
    return {own: value for value, own in sorted(known[_known(name, known)].items())}


def refuse_unknown_classes(task: str, names: Iterable[str]) -> None:
    """Refuse names that are no classes of a task.

    Raises
    ------
    SegconvError
        ``SC191`` for the first of them, with similar names.
    """
    known = find_task(task).classes.values()
    for name in names:
        _known(name, known, f"{task} of TotalSegmentator {version()} has no class")


def _known(name: str, names: Iterable[str], what: str = "") -> str:
    names = list(names)
    if name not in names:
        near = similar(name, names)
        raise SegconvError(
            f"{what or f'TotalSegmentator {version()} has no task'} {name!r}",
            code="SC191",
            hint=f"similar: {some_of(near)}" if near else "",
        )
    return name


def similar(name: str, names: Iterable[str]) -> list[str]:
    """Return the names that are spelled like one, or contain it."""
    import difflib

    names = list(names)
    return difflib.get_close_matches(name, names, n=3) or [other for other in names if name.lower() in other.lower()]


def matches(name: str, wanted: str) -> bool:
    """Return whether a name contains a text, in any case, or matches a pattern as a whole.

    >>> matches("kidney_left", "Kidney"), matches("kidney_left", "*left"), matches("kidney_left", "left*")
    (True, True, False)
    """
    if any(sign in wanted for sign in "*?["):
        return fnmatch.fnmatchcase(name.lower(), wanted.lower())
    return wanted.lower() in name.lower()
