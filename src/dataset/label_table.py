"""The table of labels: values in the source's files, their names, and the values written to the dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ..errors import SegconvError
from .labels import BACKGROUND, GRAY, IGNORE, RGB, TRANSPARENT, Labels, parse_value, value_text


@dataclass(frozen=True)
class LabelTable:
    """Map the values of a source to those of a dataset, and back.

    Parameters
    ----------
    labels
        Labels that the dataset declares.
    forward
        Value as found in the source's files → value as written.
    coding
        `GRAY`: found values are grey values, palette indices or voxel values. `RGB`: they are colours,
        ``(255 - alpha) << 24 | red << 16 | green << 8 | blue``, with `TRANSPARENT` for any with alpha 0.
    guessed
        How the labels were found, if they were not declared; for the summary.
    absent
        Classes that a tool's table names, and no file has.
    """

    labels: Labels
    forward: Mapping[int, int]
    coding: str = GRAY
    guessed: str = ""
    absent: tuple[str, ...] = ()

    @classmethod
    def identity(cls, labels: Labels) -> LabelTable:
        """Return the table for files that already hold the values of the dataset."""
        return cls(labels, {value: value for value in labels.values})

    @classmethod
    def from_json(cls, label_map: Mapping[str, int], labels: Labels) -> LabelTable:
        """Return the table from the lineage of a dataset with these labels."""
        parsed = [(*parse_value(text), written) for text, written in label_map.items()]
        coding = RGB if any(coding == RGB for _, coding, _ in parsed) else GRAY
        return cls(labels, {found: written for found, _, written in parsed}, coding)

    def as_json(self) -> dict[str, int]:
        """Return ``label_map`` for the lineage; see `value_text`."""
        return {value_text(found, self.coding): written for found, written in self.forward.items()}

    @cached_property
    def inverse(self) -> dict[int, int]:
        """Value as written → value as found; where several were merged, the one declared first."""
        back: dict[int, int] = {}
        for found, written in self.forward.items():
            back.setdefault(written, found)
        # If no source value becomes background, as with scribbles, background is what was not drawn on.
        back.setdefault(0, TRANSPARENT if self.coding == RGB and TRANSPARENT in back.values() else 0)
        return back

    @property
    def ignored(self) -> int | None:
        """The found value that becomes ignore, or None."""
        ignore = self.labels.ignore
        return None if ignore is None else self.inverse.get(ignore)

    def class_of(self, found: int) -> str | None:
        """Return the class name that a found value means; None for background and ignore."""
        written = self.forward.get(found, 0)
        return None if written in (0, self.labels.ignore) else self._names.get(written)

    @cached_property
    def _names(self) -> dict[int, str]:
        from .regions import value_names

        return value_names(self.labels)


def dense_colours(declared: Mapping[str, int], *, guessed: str = "") -> LabelTable:
    """Return the table from declared colours to 0, 1, … n: background, then the others in declared order.

    Raises
    ------
    SegconvError
        ``SC074`` if background is missing or a colour occurs twice.
    """
    if BACKGROUND not in declared:
        raise SegconvError(
            "the label 'background' is missing",
            code="SC074",
            hint="declare background=#000000, or #00000000 if it is transparent",
        )
    _refuse_shared(declared, RGB)
    order = sorted(declared, key=lambda name: (name != BACKGROUND, name == IGNORE))
    names_written: dict[str, int | tuple[int, ...]] = {name: written for written, name in enumerate(order)}
    return LabelTable(Labels(names_written), {declared[name]: n for n, name in enumerate(order)}, RGB, guessed)


def dense(declared: Mapping[str, int], *, guessed: str = "") -> LabelTable:
    """Return the table from declared values to 0, 1, … n in order of value.

    Parameters
    ----------
    declared
        Name → value as in the source's files.
    guessed
        Where the declaration comes from, if it is a guess.

    Raises
    ------
    SegconvError
        ``SC074`` if background is missing or not 0, a value occurs twice or is negative, or
        ``ignore`` is not the highest: these are signs of a mistake rather than of another convention.
    """
    by_value = sorted(declared.items(), key=lambda item: item[1])
    if declared.get(BACKGROUND) != 0:
        found = f"is {declared[BACKGROUND]}" if BACKGROUND in declared else "is missing"
        raise SegconvError(
            f"the label 'background' {found}, expected 0",
            code="SC074",
            hint="declare background=0 and one value per class",
        )
    _refuse_shared(dict(by_value), GRAY)
    if IGNORE in declared and by_value[-1][0] != IGNORE:
        raise SegconvError(
            f"'ignore' is {declared[IGNORE]}, but {by_value[-1][0]!r} is {by_value[-1][1]}; ignore must be the highest",
            code="SC074",
        )
    forward = {value: written for written, (_, value) in enumerate(by_value)}
    names: dict[str, int | tuple[int, ...]] = {name: written for written, (name, _) in enumerate(by_value)}
    return LabelTable(Labels(names), forward, guessed=guessed)


def _refuse_shared(declared: Mapping[str, int], coding: str) -> None:
    """Refuse a value or colour that several labels share."""
    names: dict[int, list[str]] = {}
    for name, value in declared.items():
        names.setdefault(value, []).append(name)
    shared = next((value for value, own in names.items() if len(own) > 1), None)
    if shared is not None:
        what, own = ("colour" if coding == RGB else "value"), " and ".join(map(repr, names[shared]))
        raise SegconvError(f"the {what} {value_text(shared, coding)} is declared for {own}", code="SC074")


def dense_on(declared: Mapping[str, int]) -> LabelTable:
    """Return the table from declared values, with background other than 0, to 0 for background and 1, … n in order.

    Raises
    ------
    SegconvError
        As in `dense`, except for the value of background.
    """
    ground = declared[BACKGROUND]
    below = {name: value + 1 for name, value in declared.items() if name != BACKGROUND}
    sharing = next((name for name, value in declared.items() if value == ground and name != BACKGROUND), None)
    if sharing is not None:
        raise SegconvError(f"the value {ground} is declared for 'background' and {sharing!r}", code="SC074")
    base = dense({BACKGROUND: 0, **below})
    forward = {value - 1: written for value, written in base.forward.items() if value}
    return LabelTable(base.labels, {ground: 0, **forward})


UNSETTLED = dense({BACKGROUND: 0, "foreground": 1})
"""Placeholder for the labels of a source that is refused anyway, while the rest of it is judged."""
