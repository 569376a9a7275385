"""Declared labels: names with values, ranges of values, or colours."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from ...dataset.label_table import LabelTable, dense, dense_colours, dense_on
from ...dataset.labels import BACKGROUND, GRAY, RGB, grey_of_colour, parse_value
from ...errors import SegconvError
from ..model import ConvertOptions

MANY = 256
"""A table with more names than this names everything a tool knows."""

LAST_VALUE = (1 << 63) - 1
"""End of an open range."""

UNLABELLED = "unlabelled"
"""Value of ``--ignore``: all voxels of background become ignore."""


@dataclass(frozen=True)
class Declared:
    """Labels as declared.

    Parameters
    ----------
    names
        Name → value or colour as it is in the files.
    coding
        `GRAY` or `RGB`.
    ranges
        Name → first and last value, for labels that have several; `names` has the first.
    other_ground
        Whether background may be a value other than 0, because the border was checked.
    """

    names: Mapping[str, int]
    coding: str = GRAY
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    other_ground: bool = False

    @classmethod
    def of(cls, names: Mapping[str, int | str]) -> Declared:
        """Read values such as ``255``, ``"255"``, ``"1-99"`` or ``"#ff0000"``; one colour makes them all colours."""
        ranges = {name: found for name, value in names.items() if (found := value_range(value)) is not None}
        firsts = {name: first for name, (first, _) in ranges.items()}
        parsed = {name: _parsed(value) for name, value in {**names, **firsts}.items()}
        if any(coding == RGB for _, coding in parsed.values()):
            if ranges:
                raise SegconvError("the labels hold colours, and a range of values", code="SC074")
            return cls({name: as_colour(value, coding) for name, (value, coding) in parsed.items()}, RGB)
        return cls({name: value for name, (value, _) in parsed.items()}, GRAY, ranges)

    @property
    def long(self) -> bool:
        """Whether this is a table of everything a tool knows, in which only values that occur count."""
        return self.coding == GRAY and len(self.names) > MANY and not self.ranges

    def needs_files(self, options: ConvertOptions) -> bool:
        """Return whether label files must be read before the labels are settled."""
        return self.long or self.needs_values(options)

    def needs_values(self, options: ConvertOptions) -> bool:
        """Return whether the label map depends on the contents of the label files."""
        return self.coding == GRAY and (bool(self.ranges) or self.ground(options) != 0)

    def ground(self, options: ConvertOptions) -> int:
        """Return the declared value around the drawn labels; scribbles leave 0 around, whatever their background is."""
        return 0 if options.ignore == UNLABELLED else self.names.get(BACKGROUND, 0)

    def in_colours(self) -> Declared:
        """Return the same labels as colours; a grey value becomes the colour with equal parts."""
        return Declared({name: as_colour(value, self.coding) for name, value in self.names.items()}, RGB)

    def label_map(self, guessed: str = "") -> LabelTable:
        """Return the map to 0, 1, … n."""
        if self.coding == GRAY and self.other_ground and self.names.get(BACKGROUND, 0) != 0:
            return dense_on(self.names)
        return (dense_colours if self.coding == RGB else dense)(self.names, guessed=guessed)


@dataclass(frozen=True)
class Found:
    """Contents of the label files.

    Parameters
    ----------
    values
        Values or colours.
    coding
        `GRAY` for values, `RGB` for colours.
    ground
        The colour on most of the border of all masks, if there is one.
    once
        Colours that each occur in only one of many masks, if there are many such colours.
    """

    values: Collection[int]
    coding: str = GRAY
    ground: int | None = None
    once: Collection[int] = ()


def needs_files(options: ConvertOptions) -> bool:
    """Return whether the user's declaration can be settled only by reading all label files.

    That is so for ranges, a background other than 0, and long tables and a tool's numbering, in which only values that
    occur count.
    """
    if options.labels is None:
        return options.numbering is not None
    declared = Declared.of(options.labels)
    return declared.needs_values(options) or (declared.coding == GRAY and len(declared.names) > MANY)


def value_range(value: int | str) -> tuple[int, int] | None:
    """Return the first and last value of ``1-99`` or ``1-``; None if the value is not a range."""
    match = re.fullmatch(r"\s*(\d+)\s*-\s*(\d*)\s*", value) if isinstance(value, str) else None
    if match is None:
        return None
    return int(match[1]), int(match[2]) if match[2] else LAST_VALUE


def with_background(declared: Declared, options: ConvertOptions) -> Declared:
    """Return labels that have a background, if only ``--map`` says which value it is.

    Tables often name only the classes, or call the rest something such as ``Void``; that name is dropped.
    """
    value = next((text for text, name in options.value_map.items() if name == BACKGROUND), None)
    if value is None or BACKGROUND in declared.names:
        return declared
    background = coded(value, declared.coding)
    others = {name: value for name, value in declared.names.items() if value != background}
    return replace(declared, names={BACKGROUND: background, **others})


def _parsed(value: int | str) -> tuple[int, str]:
    return parse_value(value) if isinstance(value, str) else (value, GRAY)


def coded(text: str, coding: str) -> int:
    """Return a value or colour of ``--map`` in the masks' coding."""
    value, own = parse_value(text)
    if own == coding:
        return value
    return as_colour(value, own) if coding == RGB else _as_grey(value, text)


def as_colour(value: int, coding: str) -> int:
    """Return a value as the colour with equal parts; return a colour unchanged."""
    if coding == RGB:
        return value
    if value > 255:
        raise SegconvError(
            f"the labels hold colours, and the value {value}, which is none",
            code="SC074",
            hint="declare all of them as colours, or all as values",
        )
    return value * 0x010101


def _as_grey(colour: int, text: str) -> int:
    grey = grey_of_colour(colour)
    if grey is None:
        raise SegconvError(f"the colour {text} is mapped, and the masks are grey", hint="give a grey value")
    return grey
