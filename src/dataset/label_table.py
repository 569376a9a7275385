"""The one table of labels: what a source's files hold, what it is called, and what the dataset writes for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ..errors import SegconvError
from .labels import BACKGROUND, GRAY, IGNORE, RGB, TRANSPARENT, Labels, parse_value, value_text
from .regions import value_names


@dataclass(frozen=True)
class LabelTable:
    """From the values of a source to the values of a dataset, and back.

    Parameters
    ----------
    labels
        What the dataset declares.
    forward
        Value as found in the source's files → value as written.
    coding
        `GRAY`: values as found are grey values, palette indices or voxel values. `RGB`: they are colours,
        ``(255 - alpha) << 24 | red << 16 | green << 8 | blue``, and `TRANSPARENT` for all of alpha 0.
    guessed
        How the labels were found, if they were not declared; for the summary.
    """

    labels: Labels
    forward: Mapping[int, int]
    coding: str = GRAY
    guessed: str = ""

    @classmethod
    def identity(cls, labels: Labels) -> LabelTable:
        """Return the table of files that hold the values of the dataset."""
        return cls(labels, {value: value for value in labels.values})

    @classmethod
    def from_json(cls, label_map: Mapping[str, int], labels: Labels) -> LabelTable:
        """Return the table that the lineage of a dataset with these labels keeps."""
        parsed = [(*parse_value(text), written) for text, written in label_map.items()]
        coding = RGB if any(coding == RGB for _, coding, _ in parsed) else GRAY
        return cls(labels, {found: written for found, _, written in parsed}, coding)

    def as_json(self) -> dict[str, int]:
        """Return ``label_map`` as it stands in the lineage; see `value_text`."""
        return {value_text(found, self.coding): written for found, written in self.forward.items()}

    @cached_property
    def inverse(self) -> dict[int, int]:
        """Value as written → value as found; the first one declared where several were merged."""
        back: dict[int, int] = {}
        for found, written in self.forward.items():
            back.setdefault(written, found)
        # Where no value of a source becomes background, as with scribbles, it is what was not drawn on.
        back.setdefault(0, TRANSPARENT if self.coding == RGB and TRANSPARENT in back.values() else 0)
        return back

    @property
    def ignored(self) -> int | None:
        """The value as found that becomes ignore, or None."""
        ignore = self.labels.ignore
        return None if ignore is None else self.inverse.get(ignore)

    def class_of(self, found: int) -> str | None:
        """Return the name of the class that a value as found stands for; None for background and ignore."""
        written = self.forward.get(found, 0)
        return None if written in (0, self.labels.ignore) else self._names.get(written)

    @cached_property
    def _names(self) -> dict[int, str]:
        return value_names(self.labels)


def dense_colours(declared: Mapping[str, int], *, guessed: str = "") -> LabelTable:
    """Return the table from declared colours to 0, 1, … n: background, then the others as they are declared.

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
    """Return the table from declared values to 0, 1, … n in the order of the values.

    Parameters
    ----------
    declared
        Name → value as it stands in the source's files.
    guessed
        Where the declaration comes from, if it is a guess.

    Raises
    ------
    SegconvError
        ``SC074`` if background is missing or not 0, a value occurs twice, is negative, or
        ``ignore`` is not the highest: signs of a mistake rather than of another convention.
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
    """Refuse a value or colour that several labels have."""
    names: dict[int, list[str]] = {}
    for name, value in declared.items():
        names.setdefault(value, []).append(name)
    shared = next((value for value, own in names.items() if len(own) > 1), None)
    if shared is not None:
        what, own = ("colour" if coding == RGB else "value"), " and ".join(map(repr, names[shared]))
        raise SegconvError(f"the {what} {value_text(shared, coding)} is declared for {own}", code="SC074")


def dense_on(declared: Mapping[str, int]) -> LabelTable:
    """Return the table from declared values to background, which is not 0 in the files, and 1, … n in their order.

    Raises
    ------
    SegconvError
        What `dense` raises, but for the value of background.
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
"""Stands for the labels of a source that is refused anyway, while all else in it is judged."""
