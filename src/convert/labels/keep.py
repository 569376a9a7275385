"""Take some of the classes of a source: the rest becomes background."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from ...dataset.label_table import LabelTable
from ...dataset.labels import BACKGROUND, IGNORE, Labels
from ...dataset.overlaps import with_regions
from ...dataset.stored_label import StoredLabel
from ...errors import Finding, SegconvError, warning
from ...words import count_of, some_of
from ..model import Scan

SHOWN_NAMES = 10
"""How many classes a message on many names."""


def kept_names(names: Collection[str], wanted: Sequence[str], absent: Collection[str] = ()) -> list[str]:
    """Return the classes that a user keeps, in order.

    Parameters
    ----------
    names
        The classes of the source.
    wanted
        Names and patterns, in which ``*``, ``?`` and ``[…]`` match as in a shell.
    absent
        Classes that a tool's table names, and no file has.

    Raises
    ------
    SegconvError
        ``SC001`` if one of them matches no class, with similar names, or if no file has any of them.
    """
    for pattern in wanted:
        if not _matching(pattern, (*names, *absent)):
            raise _unknown(pattern, names, absent)
    kept = [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in wanted)]
    if not kept:
        lacking = some_of(name for pattern in wanted for name in _matching(pattern, absent))
        hint = f"the files have {some_of(names, SHOWN_NAMES)}"
        raise SegconvError(f"no file has {lacking}: nothing is left to keep", hint=hint)
    return kept


def _unknown(pattern: str, names: Collection[str], absent: Collection[str]) -> SegconvError:
    import difflib  # only for this message

    known = {name.lower(): name for name in (*names, *absent)}
    near = [known[name] for name in difflib.get_close_matches(pattern.lower().strip("*"), known, n=3)]
    hint = f"similar: {', '.join(near)}" if near else f"classes are {some_of(names, SHOWN_NAMES)}"
    return SegconvError(f"no class to keep is called {pattern!r}", hint=hint)


def absences(names: Collection[str], wanted: Sequence[str], absent: Collection[str]) -> list[Finding]:
    """Return a warning for each pattern that only matches classes which no file has (``SC076``)."""
    lacking = [pattern for pattern in wanted if not _matching(pattern, names)]
    return [
        warning("SC076", f"no file has {some_of(_matching(pattern, absent))}, which is to be kept")
        for pattern in lacking
    ]


def in_words(kept: Sequence[str], number: int) -> str:
    """Return a note on the classes that are kept, of a number of them."""
    left = number - len(kept)
    rest = "no other is left out" if not left else f"the other {left} count{'s' if left == 1 else ''} as background"
    return f"kept {len(kept)} of {count_of(number, 'class', 'classes')}, {some_of(kept, SHOWN_NAMES)}; {rest}"


def keeping(scan: Scan, wanted: Sequence[str]) -> Scan:
    """Return a source with the labels that a user keeps.

    Raises
    ------
    SegconvError
        As in `kept_names`.
    """
    table = scan.label_map
    classes = list(table.labels.foreground)
    kept = kept_names(classes, wanted, table.absent)
    values = {name: table.labels.foreground[name] for name in kept}
    labels, new = _renumbered(table.labels, values)
    of_masks = {tuple(sorted(own)) for own in values.values()}
    found = {own: {value for value, written in table.forward.items() if written in own} for own in of_masks}
    of_origin = {tuple(sorted(own)) for own in found.values()}
    origin = {
        case: replace(record, label_file=_with_masks(record.label_file, of_origin))
        for case, record in scan.origin.items()
    }
    return replace(
        scan,
        label_map=replace(table, labels=labels, forward=_forward(table, new)),
        label_file=_with_masks(scan.label_file, of_masks).moved(new),
        origin=origin,
        findings=(*scan.findings, *absences(classes, wanted, table.absent)),
        notes=(*scan.notes, in_words(kept, len(classes))),
    )


def _matching(pattern: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if fnmatch.fnmatchcase(name, pattern)]


def _renumbered(labels: Labels, kept: Mapping[str, Collection[int]]) -> tuple[Labels, dict[int, int]]:
    """Return labels with the classes that are kept, and old value → new value."""
    new = _new_values(labels, kept)
    heads = {name: {new[value] for value in values} for name, values in kept.items()}
    if all(len(values) == 1 for values in heads.values()):
        made = Labels({BACKGROUND: 0, **{name: min(values) for name, values in heads.items()}})
    else:
        made = with_regions(list(heads), heads, _regions_of(heads))
    if labels.ignore is not None:
        made = Labels({**made.names, IGNORE: new[labels.ignore]}, made.regions_class_order)
    return made, new


def _regions_of(heads: Mapping[str, Collection[int]]) -> dict[int, list[int]]:
    """Return value → numbers of the regions that hold it."""
    found: dict[int, list[int]] = {}
    for number, values in enumerate(heads.values()):
        for value in values:
            found.setdefault(value, []).append(number)
    return found


def _new_values(labels: Labels, kept: Mapping[str, Collection[int]]) -> dict[int, int]:
    """Return old value → new value.

    Values in the same of the kept regions become one value: nothing distinguishes them any more.
    """
    held = {value: tuple(name for name in kept if value in kept[name]) for value in labels.values}
    number: dict[tuple[str, ...], int] = {(): 0}
    for value, names in held.items():
        if value != labels.ignore:
            number.setdefault(names, len(number))
    ignored = {} if labels.ignore is None else {labels.ignore: len(number)}
    return {value: number[names] for value, names in held.items()} | ignored


def _forward(table: LabelTable, new: Mapping[int, int]) -> dict[int, int]:
    """Return value as found → new value, background as it was first: it is restored as the first of its values."""
    moved = {found: new[written] for found, written in table.forward.items()}
    ground = {found: 0 for found, written in table.forward.items() if written == 0}
    return ground | moved


def _with_masks(stored: StoredLabel, kept: Collection[tuple[int, ...]]) -> StoredLabel:
    """Return how a label is stored, with the masks and segments that are classes which are kept."""
    return replace(
        stored,
        masks=tuple(mask for mask in stored.masks if tuple(sorted(mask.values)) in kept),
        segments=tuple(segment for segment in stored.segments if tuple(sorted(segment.values)) in kept),
    )
