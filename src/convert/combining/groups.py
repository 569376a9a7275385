"""What a user wants to combine: groups of classes by name, pattern, or the name of a usual group."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...dataset.labels import BACKGROUND
from ...errors import Finding, SegconvError, warning
from ...words import some_of

_NAME = re.compile(r"\w[\w.+ -]*")
_PATTERN = re.compile(r"[*?\[]")
_BETWEEN = re.compile(r"[,+]")
"""What separates classes; a class with ``+`` in its name is named by a pattern, or is a group of itself."""

MOST_GROUPS = (1 << 16) - 1
"""A label map has two bytes a voxel at most."""


@dataclass(frozen=True)
class Group:
    """A group as typed.

    Parameters
    ----------
    name
        Its name in the result.
    parts
        Names of classes, patterns of names, and names of usual groups.
    """

    name: str
    parts: tuple[str, ...]


def parse_groups(texts: Iterable[str]) -> tuple[Group, ...]:
    """Return the groups in texts such as ``lung=lung_left,lung_right``; a name without classes is a group of itself.

    ``lung=lung_left+lung_right`` is the same, as where regions are declared.

    Raises
    ------
    SegconvError
        ``SC001`` if a text is no group, or two have one name.
    """
    found: dict[str, Group] = {}
    for text in texts:
        name, equals, classes = (part.strip() for part in text.partition("="))
        parts = tuple(part.strip() for part in _BETWEEN.split(classes)) if equals else (name,)
        if not _NAME.fullmatch(name) or not all(parts):
            raise SegconvError(f"{text!r} is no group", hint="expected a form like lung=lung_left,lung_right")
        if name == BACKGROUND:
            raise SegconvError(f"{name!r} is no name of a group: it is what belongs to none", hint="give another name")
        if name in found:
            raise SegconvError(f"{name!r} is a group twice", hint="give each group one NAME=CLASS,…")
        found[name] = Group(name, parts)
    if not 0 < len(found) <= MOST_GROUPS:
        raise SegconvError(f"{len(found)} groups, expected 1 to {MOST_GROUPS}")
    return tuple(found.values())


def classes_of(
    groups: Sequence[Group], known: Collection[str], usual: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Return group → its classes, in the order in which they are known.

    Parameters
    ----------
    known
        Names of all classes.
    usual
        Usual group → its classes; a class of the same name comes first.

    Raises
    ------
    SegconvError
        ``SC191`` if a part is none of them, with similar names.
    """
    found: dict[str, tuple[str, ...]] = {}
    for group in groups:
        own = {name for part in group.parts for name in _classes(part, known, usual)}
        found[group.name] = tuple(name for name in known if name in own)
    return found


def _classes(part: str, known: Collection[str], usual: Mapping[str, Sequence[str]]) -> Sequence[str]:
    if part in known:
        return (part,)
    if _PATTERN.search(part):
        found = [name for name in known if fnmatch.fnmatchcase(name, part)]
        if found:
            return found
    elif part in usual:
        return usual[part]
    raise SegconvError(
        f"there is no class and no usual group {part!r}", code="SC191", hint=_hint(part, [*known, *usual], known)
    )


def _hint(part: str, names: Sequence[str], known: Collection[str]) -> str:
    near = difflib.get_close_matches(part, names, n=3)
    return f"similar: {', '.join(near)}" if near else f"there are {some_of(known)}"


def literal_parts(groups: Iterable[Group]) -> Iterator[str]:
    """Return all parts that are no patterns."""
    return (part for group in groups for part in group.parts if not _PATTERN.search(part))


def patterns(groups: Iterable[Group]) -> Iterator[str]:
    """Return all parts that are patterns."""
    return (part for group in groups for part in group.parts if _PATTERN.search(part))


def numbered(classes: Mapping[str, Sequence[str]]) -> tuple[dict[str, int], list[Finding]]:
    """Return class → value in the result, and a warning for classes in several groups.

    Groups have the values 1, 2, … in their order; a class in several groups belongs to the first.
    """
    values: dict[str, int] = {}
    twice: list[Finding] = []
    names = list(classes)
    for value, own in enumerate(classes.values(), 1):
        shared: dict[int, list[str]] = {}
        for name in own:
            if (first := values.setdefault(name, value)) != value:
                shared.setdefault(first, []).append(name)
        for first, taken in shared.items():
            count = "counts" if len(taken) == 1 else "count"
            what = f"{some_of(taken)} of {names[value - 1]} {count} as {names[first - 1]}, which is named first"
            twice.append(warning("SC198", what))
    return values, twice
