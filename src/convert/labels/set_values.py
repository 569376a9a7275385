"""Judge what undeclared values mean, over all masks of a set.

The questions are which value is background, whether all masks use the same values, and whether they are classes or
numbers of objects. The usual guess is that 0 is background and every other value a class; if the masks say otherwise,
they are refused, with each declaration that may be meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...dataset.labels import BACKGROUND, IGNORE, value_text
from ...errors import Cure, SegconvError
from ..model import ConvertOptions
from .choices import MOST_SPELLED, declaring, numbered
from .declared import Declared, with_background
from .mask_facts import VOID, MaskFacts, in_words, values_of
from .numbered_objects import Look, refuse_numbered_objects

MOSTLY = 0.75
"""Part of the border of all masks above which a value is probably background: objects seldom touch the border."""

MORE_THAN_HALF = 0.6
"""Part of the border that a declared background other than 0 must take."""
NEARLY_ALL = 0.95

MOST_CLASSES = 64
"""Number of values in one mask above which it may be an image: 8 bits hold 256."""

MOST_OF_SMOOTHED = 4
"""Number of values that take most of a mask whose edges are blended."""

SMOOTH_FROM = 9
"""Number of values from which edges are taken to be blended."""


def judge_guess(masks: Sequence[MaskFacts], look: Look, mapped: Collection[int], *, accepted: bool) -> None:
    """Refuse a set if the usual guess may be wrong; see the functions called here.

    Parameters
    ----------
    look
        Reads all masks again, if their values may be numbers.
    mapped
        Values that ``--map`` explains.
    accepted
        Whether the values found are accepted as classes; this does not say which of them is background.
    """
    if not accepted:
        refuse_other_values(masks, mapped)
        refuse_turned(masks)
    refuse_other_ground(masks, mapped)
    if not accepted:
        refuse_numbered_objects(masks, look)
        refuse_images(masks)


def refuse_images(masks: Sequence[MaskFacts]) -> None:
    """Refuse a mask with so many values, none of which stand out, that it is probably an image (``SC078``)."""
    for mask in masks:
        often = sorted(mask.counts.values())[-MOST_OF_SMOOTHED:]
        if len(mask.counts) > MOST_CLASSES and 2 * sum(often) < sum(mask.counts.values()):
            raise SegconvError(
                f"holds {len(mask.counts)} values, none of them often, as images do, expected one per class",
                code="SC078",
                file=mask.file,
                hint="check which of the files are the labels",
                cures=(Cure("name_images_and_masks"), Cure.of("accept_labels_if")),
            )


@dataclass(frozen=True)
class _Totals:
    """Number of pixels of each value in all masks, and at their borders."""

    pixels: Mapping[int, int]
    border: Mapping[int, int]

    @classmethod
    def of(cls, masks: Sequence[MaskFacts]) -> _Totals:
        return cls(_added(mask.counts for mask in masks), _added(mask.border for mask in masks))

    def part_of_border(self, value: int) -> float:
        """Return the part of the border that a value takes."""
        return self.border.get(value, 0) / max(sum(self.border.values()), 1)

    def border_in_percent(self, value: int) -> str:
        """Return the part of the border that a value takes, for messages."""
        return f"{100 * self.border.get(value, 0) // max(sum(self.border.values()), 1)} %"

    def area_in_percent(self, value: int) -> str:
        """Return the part of the area that a value takes, for messages."""
        return f"{100 * self.pixels.get(value, 0) // sum(self.pixels.values())} %"


def _added(counts: Iterable[Mapping[int, int]]) -> Counter[int]:
    total: Counter[int] = Counter()
    for own in counts:
        for value, number in own.items():  # few values: `Counter.update` takes ten times as long
            total[value] += number
    return total


def refuse_other_values(masks: Sequence[MaskFacts], mapped: Collection[int] = ()) -> None:
    """Refuse a set in which some masks use one value for everything drawn and others use other values (``SC074``)."""
    drawn = [mask for mask in masks if mask.foreground.difference(mapped)]
    odd, others = _odd_and_usual(drawn, mapped)
    if not odd:
        return
    first = next(mask for mask in drawn if mask.foreground == {odd[-1]})
    other = next(mask for mask in drawn if mask.foreground != first.foreground)
    base = numbered(others)
    name = list(base)[1]
    same = f"{in_words(odd)} is the same{'' if len(others) == 1 else f' as {name}'}"
    raise SegconvError(
        f"holds only {in_words(first.counts)}, {other.file} {in_words(other.counts)}: the masks are not coded alike",
        code="SC074",
        file=first.file,
        cures=(
            declaring(base, same, maps=[f"{value}={name}" for value in odd]),
            declaring(numbered([*others, *odd]), "it is another class"),
        ),
    )


def _odd_and_usual(drawn: Sequence[MaskFacts], mapped: Collection[int]) -> tuple[list[int], list[int]]:
    """Return values that are the only ones drawn in some mask, and those of other masks; nothing if that is usual.

    Classes that no other mask has are usual: they must be declared anyway.
    """
    values = sorted((values_of(drawn) - {0}).difference(mapped))
    if len(values) < 2 or values == _counted(values):
        return [], []
    beside = values_of(mask for mask in drawn if len(mask.foreground) > 1)
    others = sorted(beside.intersection(values)) or values[:1]
    odd = sorted(set(values).difference(others))
    usual = not odd or (others != _counted(others) and max(odd) < VOID)
    return ([], []) if usual else (odd, others)


def _counted(values: Sequence[int]) -> list[int]:
    """Return the same number of values, counted from 1."""
    return list(range(1, len(values) + 1))


def refuse_other_ground(masks: Sequence[MaskFacts], mapped: Collection[int] = ()) -> None:
    """Refuse a set whose background is probably not 0 (``SC074``), judged by the borders of all masks."""
    values = sorted(values_of(masks))
    ground = ground_of(masks)
    if not ground or ground in mapped or len(values) < 2:
        return
    totals = _Totals.of(masks)
    if ground == VOID and len(values) > 2 and totals.pixels[VOID] < totals.pixels.get(0, 0):
        return  # a frame of unclassified pixels
    snap = None
    if len(values) >= SMOOTH_FROM and ground == values[-1]:
        snap = (values[-1] - values[0]) // 2
        values = [values[0], ground]
    raise SegconvError(
        f"the value {ground} takes {totals.border_in_percent(ground)} of the border of all masks and"
        f" {totals.area_in_percent(ground)} of their area, as background does; 0 takes {totals.border_in_percent(0)} of"
        " the border",
        code="SC074",
        file=_first_around(ground, masks),
        cures=(
            declaring(numbered(values, ground), f"{ground} is background", snap=snap),
            declaring(numbered(values, 0), "0 is background", snap=snap),
        ),
    )


def refuse_turned(masks: Sequence[MaskFacts]) -> None:
    """Refuse a set in which 0 surrounds the drawn labels in some masks and is inside them in others (``SC074``).

    With several classes only white is checked: any other class may surround unclassified pixels.
    """
    values = sorted(values_of(masks) - {0})
    ink = values[0] if len(values) == 1 else VOID
    if ink not in values:
        return
    both = [mask for mask in masks if {0, ink} <= mask.counts.keys()]
    usual, turned = (_surrounded_by(value, both) for value in (0, ink))
    if not usual or not turned:
        return
    more = f", as in {len(turned) - 1} more" if turned[1:] else ""
    raise SegconvError(
        f"{ink} lies around 0 here{more}, in {usual[0].file} 0 lies around {ink}: one of the two may be inverted",
        code="SC074",
        file=turned[0].file,
        hint="invert those that are not right",
        cures=(declaring(numbered([0, *values]), "all are right as they are"),),
    )


def refuse_declared_ground(masks: Sequence[MaskFacts], background: int) -> None:
    """Refuse a declared background other than 0 unless it takes more than half of the border of all masks (``SC074``).

    A smaller part hints at a mistake.
    """
    totals = _Totals.of(masks)
    if background == 0 or totals.part_of_border(background) >= MORE_THAN_HALF:
        return
    in_colour = {BACKGROUND: f"#{3 * f'{background:02x}'}", "NAME": "#rrggbb"}
    raise SegconvError(
        f"the label 'background' is {background}, expected 0: {background} takes"
        f" {totals.border_in_percent(background)} of the border of all masks, 0 takes {totals.border_in_percent(0)}",
        code="SC074",
        hint="declare background=0 and one value per class",
        cures=(declaring(in_colour, "it is intended, and masks are pictures"),) if background <= 255 else (),
    )


def refuse_listed_ground(masks: Sequence[MaskFacts], declared: Declared, where: str, options: ConvertOptions) -> None:
    """Refuse a background that tables declare if the masks contradict it (``SC074``).

    They do if another value takes most of the border of all masks and more than half of their area, and the declared
    background takes almost none of the border: the masks may be inverted.

    Parameters
    ----------
    where
        The tables, as messages name them.
    """
    ground = ground_of(masks)
    said = with_background(declared, options).names
    background = said.get(BACKGROUND)
    if ground is None or background is None or ground in (background, said.get(IGNORE)):
        return
    totals = _Totals.of(masks)
    area = sum(totals.pixels.values())
    if 2 * totals.pixels[ground] <= area or totals.part_of_border(background) > 1 - NEARLY_ALL:
        return
    name = f" ({_name_of(ground, said)})" if ground in said.values() else ""
    found, listed = value_text(ground, declared.coding), value_text(background, declared.coding)
    raise SegconvError(
        f"{where} says that background is {listed}, but {found}{name} takes"
        f" {totals.border_in_percent(ground)} of the border of all masks and {totals.area_in_percent(ground)} of their"
        f" area, as background does; {listed} takes {totals.border_in_percent(background)} of the border",
        code="SC074",
        file=_first_around(ground, masks),
        cures=(
            declaring(_turned(said, ground, totals.pixels), f"{found} is background", coding=declared.coding),
            declaring(_as_listed(said, ground), f"{listed} is background", coding=declared.coding),
        )
        if len(said) <= MOST_SPELLED
        else (Cure.of("declare_by_table"),),
    )


def _turned(said: Mapping[str, int], ground: int, pixels: Collection[int]) -> dict[str, int]:
    """Return declared labels with another value as background; the former background takes the free name."""
    background = said[BACKGROUND]
    rest = {name: value for name, value in said.items() if value not in (ground, background)}
    name = _name_of(ground, said)
    if len(rest) == 1 and name is None and next(iter(rest.values())) not in pixels:
        name, rest = next(iter(rest)), {}  # the only class, whose own value no mask holds
    drawn = name if name is not None and not rest else "foreground"
    return {BACKGROUND: ground, **({drawn: background} if background in pixels else {}), **rest}


def _name_of(value: int, said: Mapping[str, int]) -> str | None:
    return next((name for name, own in said.items() if own == value), None)


def _as_listed(said: Mapping[str, int], ground: int) -> dict[str, int]:
    """Return declared labels, with a class for each value that has none."""
    return {**said} if ground in said.values() else {**said, f"class_{len(said)}": ground}


def is_alone(value: int, masks: Sequence[MaskFacts]) -> bool:
    """Return whether a value is the only one drawn in some mask."""
    return any(mask.foreground == {value} for mask in masks)


def ground_of(masks: Sequence[MaskFacts]) -> int | None:
    """Return the value on most of the border, if there is one."""
    border = _Totals.of(masks).border
    most = max(border, key=lambda value: border[value], default=None)
    return most if most is not None and border[most] >= MOSTLY * sum(border.values()) else None


def _first_around(value: int, masks: Sequence[MaskFacts]) -> str:
    return next(mask.file for mask in masks if value in mask.border)


def _surrounded_by(value: int, masks: Sequence[MaskFacts]) -> list[MaskFacts]:
    """Return the masks with this value on their border."""
    return [mask for mask in masks if mask.border.get(value, 0) >= NEARLY_ALL * max(sum(mask.border.values()), 1)]
