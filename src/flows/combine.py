"""Combine classes of TotalSegmentator: its registry says which classes there are, and which groups are usual."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..convert.combining.find import Found, find_cases
from ..convert.combining.groups import Group, classes_of, literal_parts, numbered, parse_groups, patterns
from ..convert.combining.names import names_in
from ..convert.combining.plan import Combination, Wanted, combination_of
from ..errors import Cure, Finding, SegconvError, refuse_if_any
from ..train.totalsegmentator.groups import usual_groups
from ..work.apart import refuse_holding, refuse_within
from ..work.readers import ONE, Readers
from .numberings import numbering_of


def plan_combination(
    source: Path,
    out: Path,
    groups: Sequence[str],
    *,
    task: str | None = None,
    missing_masks: str | None = None,
    readers: Readers = ONE,
) -> Combination:
    """Plan the combination of classes in masks, or in files that hold all classes.

    Parameters
    ----------
    source
        A folder with a mask for each class, a folder of such folders, or files that hold all classes.
    out
        Folder to make, or a file for a single case.
    groups
        Such as ``lung=lung_left,lung_right``, ``ribs`` or ``left=*_left``; see `usual_groups`.
    task
        The task whose classes these are, as for `numbering_of`; None if names or files say it.
    missing_masks
        ``"empty"``: a class that a case lacks counts as empty.
    readers
        Who reads headers.

    Raises
    ------
    SegconvError
        ``SC001`` for a text that is no group; ``SC003`` if the task matters and is not known; ``SC074`` if a file does
        not say which value is which class; ``SC191`` for an unknown class.
    Refused
        What `find_cases` and `combination_of` raise.
    """
    asked = parse_groups(groups)
    refuse_holding(out, {"what is combined": source})
    numbering = None if task is None else _numbering(task)
    root, cases, notes = find_cases(source, _is_class(asked, numbering))
    if source.is_dir():
        refuse_within(out, "what is combined", source)
    names = _names(cases, numbering, readers)
    held = list(dict.fromkeys(name for case in cases for name in (case.masks or names[case.label].values())))
    classes, said = _classes(asked, held, task)
    values, twice = numbered(classes)
    wanted = Wanted(classes, values, missing_masks)
    combination = combination_of(root, cases, names, wanted, out, readers=readers, warnings=twice)
    return replace(combination, notes=(*notes, *said))


def _numbering(task: str) -> dict[int, str]:
    return {value: name for name, value in numbering_of(task).values.items()}


def _is_class(groups: Sequence[Group], numbering: Mapping[int, str] | None) -> Callable[[str], bool]:
    """Return a function that says whether a name may be that of a class.

    A pattern counts only if TotalSegmentator is not installed: ``*`` matches the names of cases, too.
    """
    tasks = _tasks()
    known = {*literal_parts(groups), *(numbering or {}).values(), *(name for own in tasks.values() for name in own)}
    own = () if tasks else tuple(patterns(groups))
    return lambda name: name in known or any(fnmatch.fnmatchcase(name, pattern) for pattern in own)


def _tasks() -> dict[str, tuple[str, ...]]:
    """Return task → its classes; none if TotalSegmentator is not installed."""
    from ..train.totalsegmentator.registry import tasks

    try:
        return {task.name: tuple(task.classes.values()) for task in tasks()}
    except SegconvError:
        return {}


def _names(cases: Iterable[Found], numbering: Mapping[int, str] | None, readers: Readers) -> dict[str, dict[int, str]]:
    """Return file that holds all classes → value → name."""
    labels = [case for case in cases if case.label]
    read = partial(_names_in, numbering=numbering)
    found: dict[str, dict[int, str]] = {}
    findings: list[Finding] = []
    for case, names in readers.over(labels, read, files=lambda case: case.files, decoded=lambda _: 0):
        if isinstance(names, SegconvError):
            findings += [replace(one, file=one.file or case.place) for one in names.findings]
        else:
            found[case.label] = names
    refuse_if_any(findings)
    return found


def _names_in(case: Found, *, numbering: Mapping[int, str] | None) -> dict[int, str]:
    return names_in(case.label, numbering)


def _classes(
    groups: Sequence[Group], held: Sequence[str], task: str | None
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return group → classes, and in words which task's classes were taken if the user named none."""
    tasks = {task: tuple(_numbering(task).values())} if task is not None else _fitting(held)
    made = _expanded_for_each(groups, tasks or {"": tuple(held)}, held)
    first = next(iter(made))
    other = next((name for name in made if made[name] != made[first]), None)
    if other is not None:
        what = f"these may be classes of {first} or of {other}, where the groups have different classes"
        raise SegconvError(what, code="SC003", cures=(Cure("name_task"),))
    literal = set(literal_parts(groups)) <= set(held) and not any(patterns(groups))
    return made[first], () if literal or first in ("", task) else (f"groups are made of the classes of {first}",)


def _expanded_for_each(
    groups: Sequence[Group], tasks: Mapping[str, Sequence[str]], held: Sequence[str]
) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return task → group → its classes, for the tasks that have classes of these names; refuse if none has."""
    made: dict[str, dict[str, tuple[str, ...]]] = {}
    unknown: list[SegconvError] = []
    for task, own in tasks.items():
        try:
            made[task] = _expanded(groups, own, held)
        except SegconvError as error:
            unknown.append(error)
    if not made:
        raise unknown[0]
    return made


def _expanded(groups: Sequence[Group], classes: Sequence[str], held: Sequence[str]) -> dict[str, tuple[str, ...]]:
    known = dict.fromkeys((*classes, *held))
    return classes_of(groups, known, usual_groups(classes))


def _fitting(held: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the tasks that have all classes of a source that any task has."""
    tasks = _tasks()
    known = {name for classes in tasks.values() for name in classes} & set(held)
    return {task: classes for task, classes in tasks.items() if known and known <= set(classes)}
