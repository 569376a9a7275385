"""Dataset labels in the form that nnU-Net v2 requires, and the text form of values and colours."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..errors import Cure, SegconvError
from ..typed import brief

GRAY = "gray"
RGB = "rgb"
TRANSPARENT = 0xFF000000
"""Colour of all invisible pixels, whatever colour they store; written ``#00000000``."""
LONGEST_NUMBER = 20
"""Most digits of a value written as text."""
BACKGROUND = "background"
NO_BACKGROUND = "no training case has a voxel of background: a network would learn to find one of the labels everywhere"
"""Problem of a dataset that ignores everything unlabelled, in words."""
IGNORE = "ignore"
"""nnU-Net recognizes the ignore label only by this exact key; ``Ignore`` would silently be a class."""


@dataclass(frozen=True)
class Labels:
    """Named label values, validated on construction.

    Parameters
    ----------
    names
        Name → value, or name → the values that make up a region; a list of one value means that value,
        as in nnU-Net. ``background`` is 0; the values that occur are 0, 1, … n; ``ignore``, if
        present, is the highest and in no region.
    regions_class_order
        With regions: the value that each name of `foreground` is decoded to, in order. This class does not check
        that decoding restores every label: see `regions.prove_order`.

    Raises
    ------
    SegconvError
        ``SC074`` if any of this does not hold.
    """

    names: Mapping[str, int | tuple[int, ...]]
    regions_class_order: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", MappingProxyType({n: _alone(n, v) for n, v in self.names.items()}))
        _validate(self)

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy cannot be pickled; workers rebuild the object from its arguments.
        return (Labels, (dict(self.names), self.regions_class_order))

    @property
    def has_regions(self) -> bool:
        """Whether any name has several values."""
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
        """Name → values of every class or region that is scored: all but ignore and pure background."""
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


def value_text(value: int, coding: str) -> str:
    """Return a value as a user writes it: ``255``, ``#ff0000`` for a colour, ``#ff000080`` if it is not opaque."""
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
        If the text is neither a value nor a colour.
    """
    text = text.strip()
    if text.startswith("#"):
        if not re.fullmatch(r"#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?", text):
            raise ValueError(f"{text!r} is not a colour")
        colour, alpha = int(text[1:7], 16), int(text[7:] or "ff", 16)
        return (255 - alpha) << 24 | colour if alpha else TRANSPARENT, RGB
    if not text.isdecimal() or len(text) > LONGEST_NUMBER:
        raise ValueError(f"{text!r} is not a value")
    return int(text), GRAY


def _whole(name: str, value: Any) -> int:
    if isinstance(value, str) and value.strip().isdecimal() and len(value) <= LONGEST_NUMBER:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise SegconvError(f"the label {name!r} has the value {brief(value)}, expected a whole number", code="SC074")
    return value


def _alone(name: str, value: int | tuple[int, ...]) -> int | tuple[int, ...]:
    # nnU-Net accepts no lists for background and ignore, not even of one value: keep them, to be refused.
    if isinstance(value, tuple) and len(value) == 1 and name not in (BACKGROUND, IGNORE):
        return value[0]
    return value


def _validate(labels: Labels) -> None:
    for check in (_check_background, _check_names, _check_regions, _check_values, _check_ignore, _check_order):
        check(labels)


def _check_background(labels: Labels) -> None:
    if labels.names.get(BACKGROUND) == 0:
        return
    near = next((name for name in labels.names if name.lower() == BACKGROUND), BACKGROUND)
    hint = f"rename {near!r} to 'background'" if near != BACKGROUND else "declare background as 0"
    raise SegconvError("labels need the name 'background' with the value 0", code="SC074", hint=hint)


def _check_names(labels: Labels) -> None:
    plain = [unicodedata.normalize("NFC", name.strip()) for name in labels.names]
    if "" in plain or len(set(plain)) < len(plain):
        found = "an empty name" if "" in plain else "a name twice, but for spaces or its Unicode form"
        raise SegconvError(f"labels hold {found}: {list(labels.names)}", code="SC074")


def _check_regions(labels: Labels) -> None:
    for name, value in labels.names.items():
        if isinstance(value, tuple) and len(set(value)) < max(len(value), 1):
            found = "no value" if not value else f"a value twice: {list(value)}"
            raise SegconvError(f"the region {name!r} holds {found}", code="SC074")


def _check_values(labels: Labels) -> None:
    values = labels.values
    if values != tuple(range(len(values))):
        raise SegconvError(
            f"label values are {list(values)}, expected 0 to {len(values) - 1} without a gap", code="SC074"
        )
    singles = [value for value in labels.names.values() if isinstance(value, int)]
    if not labels.has_regions and len(set(singles)) < len(singles):
        raise SegconvError(f"a label value is declared twice: {dict(labels.names)}", code="SC074")


def _check_ignore(labels: Labels) -> None:
    near = next((name for name in labels.names if name != IGNORE and name.lower() == IGNORE), None)
    if near is not None:
        raise SegconvError(
            f"{near!r} would be an ordinary class",
            code="SC074",
            hint="write 'ignore', as nnU-Net knows no other name for the ignore label",
            cures=(Cure.of("rename_label", old=near, new=IGNORE),),
        )
    if IGNORE in labels.names:
        _check_ignored_value(labels)


def _check_ignored_value(labels: Labels) -> None:
    holders = [name for name, values in labels.foreground.items() if labels.ignore in values]
    if labels.ignore != labels.values[-1] or holders:
        shared = f" and is in {', '.join(map(repr, holders))}" if holders else ""
        raise SegconvError(
            f"'ignore' is {labels.names[IGNORE]}{shared}, expected the highest value, in no region", code="SC074"
        )


def _check_order(labels: Labels) -> None:
    scored, order = len(labels.foreground), labels.regions_class_order
    if labels.has_regions and (order is None or len(order) != scored):
        raise SegconvError(
            f"regions_class_order is {order}, expected one value for each of the {scored} regions", code="SC074"
        )
