"""The labels of a dataset as nnU-Net v2 wants them, and the map from a source's values to them."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..errors import SegconvError
from ..typed import brief

GRAY = "gray"
RGB = "rgb"
TRANSPARENT = 0xFF000000
"""The colour of pixels that nobody sees, whatever is stored in them; written ``#00000000``."""
LONGEST_NUMBER = 20
"""Digits of a value that is written as text."""
BACKGROUND = "background"
NO_BACKGROUND = "no training case has a voxel of background: a network would learn to find one of the labels everywhere"
"""What is wrong with a dataset in which all that is no label is to be ignored, in words."""
IGNORE = "ignore"
"""nnU-Net knows the ignore label by this very key; ``Ignore`` would silently be a class."""


@dataclass(frozen=True)
class Labels:
    """Named label values, valid once they exist.

    Parameters
    ----------
    names
        Name → value, or name → the values that make up a region; one value in a list is the value,
        as nnU-Net takes it. ``background`` is 0; the values that occur are 0, 1, … n; ``ignore``, if
        there, is the highest and in no region.
    regions_class_order
        With regions: the value that each name of `foreground` is decoded to, in order. Whether
        decoding gives every label back is not asked here: see `regions.prove_order`.

    Raises
    ------
    SegconvError
        ``SC074`` if one of this does not hold.
    """

    names: Mapping[str, int | tuple[int, ...]]
    regions_class_order: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", MappingProxyType({n: _alone(n, v) for n, v in self.names.items()}))
        _validate(self)

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy does not pickle; the way to a worker is by the arguments.
        return (Labels, (dict(self.names), self.regions_class_order))

    @property
    def has_regions(self) -> bool:
        """Whether a name stands for several values."""
        return any(isinstance(value, tuple) for value in self.names.values())

    @property
    def ignore(self) -> int | None:
        """The value that training leaves out, or None."""
        value = self.names.get(IGNORE)
        return value if isinstance(value, int) else None

    @property
    def values(self) -> tuple[int, ...]:
        """All values that a label file may hold, in order."""
        found: set[int] = set()
        for value in self.names.values():
            found.update(value if isinstance(value, tuple) else (value,))
        return tuple(sorted(found))

    @property
    def foreground(self) -> dict[str, tuple[int, ...]]:
        """Name → values of every class or region that is scored: all but ignore and what is background only."""
        return {
            name: value if isinstance(value, tuple) else (value,)
            for name, value in self.names.items()
            if name not in (BACKGROUND, IGNORE) and value != 0
        }

    def as_json(self) -> dict[str, int | list[int]]:
        """Return the value of ``labels`` in dataset.json."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self.names.items()}

    @classmethod
    def from_json(cls, labels: Any, regions_class_order: Any = None) -> Labels:
        """Read ``labels`` and ``regions_class_order`` of a v2 dataset.json."""
        if not isinstance(labels, dict):
            raise SegconvError(f"labels are {brief(labels)}, expected an object of names and values", code="SC074")
        names: dict[str, int | tuple[int, ...]] = {}
        for name, value in labels.items():
            names[name] = tuple(_whole(name, v) for v in value) if isinstance(value, list) else _whole(name, value)
        order = None
        if regions_class_order is not None:
            if not isinstance(regions_class_order, list):
                raise SegconvError("regions_class_order is not a list", code="SC074")
            order = tuple(_whole("regions_class_order", value) for value in regions_class_order)
        return cls(names, order)


@dataclass(frozen=True)
class LabelMap:
    """From the values of a source to the values of a dataset.

    Parameters
    ----------
    labels
        What the dataset declares.
    forward
        Value as found in the source's files → value as written.
    guessed
        How the labels were found, if nobody declared them; for the summary.
    coding
        `GRAY`: values are grey values, palette indices or voxel values. `RGB`: values are colours,
        ``(255 - alpha) << 24 | red << 16 | green << 8 | blue``, and `TRANSPARENT` for all of alpha 0.
    """

    labels: Labels
    forward: Mapping[int, int]
    guessed: str = ""
    coding: str = GRAY

    @property
    def inverse(self) -> dict[int, int]:
        """Value as written → value as found; the first one declared where several were merged."""
        back: dict[int, int] = {}
        for found, written in self.forward.items():
            back.setdefault(written, found)
        return back

    def as_json(self) -> dict[str, int]:
        """Return ``forward`` as it stands in the lineage: see `value_text`."""
        return {value_text(found, self.coding): written for found, written in self.forward.items()}


def value_text(value: int, coding: str) -> str:
    """Return a value as a person writes it: ``255``, ``#ff0000`` for a colour, ``#ff000080`` for one not opaque."""
    if coding != RGB:
        return str(value)
    opaque = value < 1 << 24
    return f"#{value:06x}" if opaque else f"#{value & 0xFFFFFF:06x}{255 - (value >> 24):02x}"


def grey_of_colour(colour: int) -> int | None:
    """Return the grey value of a colour with equal parts, or None."""
    grey = colour & 255
    return grey if colour == grey * 0x010101 else None


def parse_value(text: str) -> tuple[int, str]:
    """Return value and coding of ``255``, ``#ff0000``, or ``#ff000080`` with alpha.

    Raises
    ------
    ValueError
        If it is neither.
    """
    text = text.strip()
    if text.startswith("#"):
        if not re.fullmatch(r"#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?", text):
            raise ValueError(f"{text!r} is no colour")
        colour, alpha = int(text[1:7], 16), int(text[7:] or "ff", 16)
        return (255 - alpha) << 24 | colour if alpha else TRANSPARENT, RGB
    if not text.isdecimal() or len(text) > LONGEST_NUMBER:
        raise ValueError(f"{text!r} is no value")
    return int(text), GRAY


def dense_colours(declared: Mapping[str, int], *, guessed: str = "") -> LabelMap:
    """Return the map from declared colours to 0, 1, … n: background, then the others as they are declared.

    Raises
    ------
    SegconvError
        ``SC074`` if background is missing or a colour stands twice.
    """
    if BACKGROUND not in declared:
        raise SegconvError(
            "the label 'background' is missing",
            code="SC074",
            hint="declare background=#000000, or #00000000 if it is transparent",
        )
    if len(set(declared.values())) < len(declared):
        twice = next(c for c in declared.values() if list(declared.values()).count(c) > 1)
        names = [name for name, colour in declared.items() if colour == twice]
        raise SegconvError(
            f"the colour {value_text(twice, RGB)} is declared for {' and '.join(map(repr, names))}", code="SC074"
        )
    last = [IGNORE] if IGNORE in declared else []
    order = [BACKGROUND, *(name for name in declared if name not in (BACKGROUND, IGNORE)), *last]
    names_written: dict[str, int | tuple[int, ...]] = {name: written for written, name in enumerate(order)}
    return LabelMap(Labels(names_written), {declared[name]: n for n, name in enumerate(order)}, guessed, RGB)


def dense(declared: Mapping[str, int], *, guessed: str = "") -> LabelMap:
    """Return the map from declared values to 0, 1, … n in the order of the values.

    Parameters
    ----------
    declared
        Name → value as it stands in the source's files.
    guessed
        Where the declaration comes from, if it is a guess.

    Raises
    ------
    SegconvError
        ``SC074`` if background is missing or not 0, a value stands twice, is negative, or
        ``ignore`` is not the highest: signs of a mistake rather than of another convention.
    """
    by_value = sorted(declared.items(), key=lambda item: item[1])
    if declared.get(BACKGROUND) != 0:
        found = f"is {declared[BACKGROUND]}" if BACKGROUND in declared else "is missing"
        raise SegconvError(
            f"the label 'background' {found}, expected 0",
            code="SC074",
            hint="declare background=0 and one value a class",
        )
    twice = [value for (_, value), (_, after) in itertools.pairwise(by_value) if value == after]
    if twice:
        sharing = [name for name, value in by_value if value == twice[0]]
        raise SegconvError(f"the value {twice[0]} is declared for {' and '.join(map(repr, sharing))}", code="SC074")
    if IGNORE in declared and by_value[-1][0] != IGNORE:
        raise SegconvError(
            f"'ignore' is {declared[IGNORE]}, but {by_value[-1][0]!r} is {by_value[-1][1]}; ignore must be the highest",
            code="SC074",
        )
    forward = {value: written for written, (_, value) in enumerate(by_value)}
    names: dict[str, int | tuple[int, ...]] = {name: written for written, (name, _) in enumerate(by_value)}
    return LabelMap(Labels(names), forward, guessed)


def dense_on(declared: Mapping[str, int]) -> LabelMap:
    """Return the map from declared values to background, which is not 0 in the files, and 1, … n in their order.

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
    return LabelMap(base.labels, {ground: 0, **forward})


def _whole(name: str, value: Any) -> int:
    if isinstance(value, str) and value.strip().isdecimal() and len(value) <= LONGEST_NUMBER:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise SegconvError(f"the label {name!r} has the value {brief(value)}, expected a whole number", code="SC074")
    return value


def _alone(name: str, value: int | tuple[int, ...]) -> int | tuple[int, ...]:
    # Of background and ignore nnU-Net takes no lists, not even of one value: they stay, to be refused.
    if isinstance(value, tuple) and len(value) == 1 and name not in (BACKGROUND, IGNORE):
        return value[0]
    return value


def _validate(labels: Labels) -> None:
    names = labels.names
    if names.get(BACKGROUND) != 0:
        near = next((name for name in names if name.lower() == BACKGROUND), None)
        hint = f"rename {near!r} to 'background'" if near and near != BACKGROUND else "declare background as 0"
        raise SegconvError("labels need the name 'background' with the value 0", code="SC074", hint=hint)
    plain = [unicodedata.normalize("NFC", name.strip()) for name in names]
    if "" in plain or len(set(plain)) < len(plain):
        found = "an empty name" if "" in plain else "a name twice, but for spaces or its Unicode form"
        raise SegconvError(f"labels hold {found}: {list(names)}", code="SC074")
    for name, value in names.items():
        if isinstance(value, tuple) and len(set(value)) < max(len(value), 1):
            found = "no value" if not value else f"a value twice: {list(value)}"
            raise SegconvError(f"the region {name!r} holds {found}", code="SC074")
    values = labels.values
    if values != tuple(range(len(values))):
        raise SegconvError(
            f"label values are {list(values)}, expected 0 to {len(values) - 1} without a gap", code="SC074"
        )
    singles = [value for value in names.values() if isinstance(value, int)]
    if not labels.has_regions and len(set(singles)) < len(singles):
        raise SegconvError(f"a label value is declared twice: {dict(names)}", code="SC074")
    for name in names:
        if name != IGNORE and name.lower() == IGNORE:
            raise SegconvError(
                f"{name!r} would be an ordinary class",
                code="SC074",
                hint=f"nnU-Net knows the ignore label as 'ignore' only: segconv labels rename DATASET {name}=ignore",
            )
    if IGNORE in names:
        holders = [name for name, values in labels.foreground.items() if labels.ignore in values]
        if labels.ignore != values[-1] or holders:
            shared = f" and is in {', '.join(map(repr, holders))}" if holders else ""
            raise SegconvError(
                f"'ignore' is {names[IGNORE]}{shared}, expected the highest value, in no region", code="SC074"
            )
    if labels.has_regions:
        scored = len(labels.foreground)
        order = labels.regions_class_order
        if order is None or len(order) != scored:
            raise SegconvError(
                f"regions_class_order is {order}, expected one value for each of the {scored} regions", code="SC074"
            )
