"""What values that nobody declared stand for, judged over all masks of a set.

Which of them is background, whether all masks use the same, and whether they are classes or numbers of objects. The
usual guess is that 0 is background and every other value a class; where the masks say otherwise it is refused, with
each declaration that may be meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from ...dataset.labels import BACKGROUND, IGNORE, value_text
from ...errors import SegconvError
from ..model import ConvertOptions
from .labelling import Declared, with_background
from .mask_facts import VOID, MaskFacts, in_words
from .numbered_objects import Look, refuse_numbered_objects

MOSTLY = 0.75
"""Part of the border of all masks that a value takes which is likely background: objects seldom touch the border."""

MORE_THAN_HALF = 0.6
"""Part of it that a declared background must take, where it is not 0."""
NEARLY_ALL = 0.95
MOST_HINTED = 40
"""Values that a hint spells out."""

SMOOTH_FROM = 9
"""So many values and more have edges that were blended."""


def judge_guess(masks: Sequence[MaskFacts], look: Look, mapped: Collection[int], *, accepted: bool) -> None:
    """Refuse a set of which the usual guess may be wrong: see the functions that this one calls.

    Parameters
    ----------
    look
        Reads all masks once more, if their values may be numbers.
    mapped
        Values that ``--map`` says the meaning of.
    accepted
        Whether the values found are accepted as classes; which of them is background, that does not say.
    """
    if not accepted:
        refuse_other_values(masks, mapped)
        refuse_turned(masks)
    refuse_other_ground(masks, mapped)
    if not accepted:
        refuse_numbered_objects(masks, look)


def refuse_other_values(masks: Sequence[MaskFacts], mapped: Collection[int] = ()) -> None:
    """Refuse a set in which some masks use a value for all that was drawn, and others other values (``SC074``)."""
    drawn = [mask for mask in masks if mask.foreground.difference(mapped)]
    values = sorted(frozenset().union(*(mask.foreground for mask in drawn)).difference(mapped))
    if len(values) < 2 or values == list(range(1, len(values) + 1)):
        return
    alone = [v for v in values if all(len(mask.foreground) == 1 for mask in drawn if v in mask.foreground)]
    odd = [value for value in alone if any(mask.foreground == {value} for mask in drawn)]
    others = [value for value in values if value not in odd]
    if not odd or (not others and len(odd) < 2):
        return
    if not others:
        odd, others = odd[1:], odd[:1]
    if others != list(range(1, len(others) + 1)) and max(odd) < VOID:
        return  # some classes that no other mask has: which they are has to be declared anyhow
    first = next(mask for mask in drawn if mask.foreground == {odd[-1]})
    other = next(mask for mask in drawn if mask.foreground != first.foreground)
    one = len(others) == 1
    name = "foreground" if one else f"class_{others[0]}"
    base = _classes(others, 0, single="foreground" if one else "")
    merged = " ".join(f"--map {value}={name}" for value in odd)
    raise SegconvError(
        f"holds only {in_words(first.counts)}, {other.file} {in_words(other.counts)}: the masks are not coded alike",
        code="SC074",
        file=first.file,
        hint=f"--labels {base} {merged} if {in_words(odd)} is the same{'' if one else f' as {name}'};"
        f" --labels {_classes([*others, *odd], 0)} if it is another class",
    )


def refuse_other_ground(masks: Sequence[MaskFacts], mapped: Collection[int] = ()) -> None:
    """Refuse a set whose background is likely not 0 (``SC074``), judged by what lies at the border of all masks."""
    values = sorted(frozenset().union(*(frozenset(mask.counts) for mask in masks)))
    ground = ground_of(masks)
    if ground is None or ground == 0 or ground in mapped or len(values) < 2:
        return
    pixels = _total([mask.counts for mask in masks])
    if ground == VOID and len(values) > 2 and pixels[VOID] < pixels.get(0, 0):
        return  # a frame of what belongs to no class
    border = _total([mask.border for mask in masks])
    share = 100 * border[ground] // sum(border.values())
    area = 100 * pixels[ground] // sum(pixels.values())
    file = next(mask.file for mask in masks if ground in mask.border)
    if len(values) >= SMOOTH_FROM and ground == values[-1]:
        snap = f" --snap {(values[-1] - values[0]) // 2}"
        values = [values[0], ground]
    else:
        snap = ""
    raise SegconvError(
        f"the value {ground} takes {share} % of the border of all masks and {area} % of their area, as background does;"
        f" 0 takes {100 * border.get(0, 0) // sum(border.values())} % of the border",
        code="SC074",
        file=file,
        hint=f"--labels {_with_ground(values, ground)}{snap} if {ground} is background;"
        f" --labels {_with_ground(values, 0)}{snap} if 0 is",
    )


def refuse_turned(masks: Sequence[MaskFacts]) -> None:
    """Refuse a set in which 0 lies around what is drawn in some masks, and within it in others (``SC074``).

    Of several classes only white is looked at: one of the others may well surround what is no class.
    """
    values = sorted(frozenset().union(*(mask.foreground for mask in masks)))
    ink = values[0] if len(values) == 1 else VOID
    if ink not in values:
        return
    both = [mask for mask in masks if 0 in mask.counts and ink in mask.counts]
    usual = next((mask for mask in both if _part_of_border(mask, 0) >= NEARLY_ALL), None)
    turned = [mask for mask in both if _part_of_border(mask, ink) >= NEARLY_ALL]
    if usual is None or not turned:
        return
    more = f", as in {len(turned) - 1} more" if turned[1:] else ""
    raise SegconvError(
        f"{ink} lies around 0 here{more}, in {usual.file} 0 lies around {ink}: one of the two may be inverted",
        code="SC074",
        file=turned[0].file,
        hint=f"--labels {_with_ground([0, *values], 0)} if all are right as they are; otherwise invert those that are"
        " not",
    )


def refuse_declared_ground(masks: Sequence[MaskFacts], background: int) -> None:
    """Refuse a declared background that is not 0, unless it takes more than half of the border of all (``SC074``).

    Where it does not, a background that is not 0 hints at a mistake.
    """
    border = _total([mask.border for mask in masks])
    total = max(sum(border.values()), 1)
    if background == 0 or border.get(background, 0) >= MORE_THAN_HALF * total:
        return
    in_colour = f"; if it is meant, --labels 'background=#{3 * f'{background:02x}'},NAME=#rrggbb' says so of pictures"
    raise SegconvError(
        f"the label 'background' is {background}, expected 0: {background} takes"
        f" {100 * border.get(background, 0) // total} % of the border of all masks, 0 takes"
        f" {100 * border.get(0, 0) // total} %",
        code="SC074",
        hint=f"declare background=0 and one value a class{in_colour if background <= 255 else ''}",
    )


def refuse_listed_ground(masks: Sequence[MaskFacts], declared: Declared, where: str, options: ConvertOptions) -> None:
    """Refuse a background that tables declare, where the masks say otherwise (``SC074``).

    That is where another value takes most of the border of all masks and more than half of their area, and what is
    declared next to nothing of the border: then the masks may be inverted.

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
    border, pixels = _total([mask.border for mask in masks]), _total([mask.counts for mask in masks])
    total = sum(border.values())
    if 2 * pixels[ground] <= sum(pixels.values()) or border.get(background, 0) > (1 - NEARLY_ALL) * total:
        return

    def text(value: int) -> str:
        return value_text(value, declared.coding)

    name = next((name for name, value in said.items() if value == ground), None)
    named = f" ({name})" if name is not None else ""
    rest = {key: value for key, value in said.items() if value not in (ground, background)}
    if len(rest) == 1 and name is None and next(iter(rest.values())) not in pixels:
        name, rest = next(iter(rest)), {}  # the only class, whose own value no mask holds
    drawn = name if name is not None and not rest else "foreground"
    turned = {BACKGROUND: ground, **({drawn: background} if background in pixels else {}), **rest}
    as_listed = said if named else {**said, f"class_{len(said)}": ground}
    choices = [
        f"--labels '{','.join(f'{key}={text(value)}' for key, value in names.items())}' if {when}"
        for names, when in ((turned, f"{text(ground)} is background"), (as_listed, f"{text(background)} is"))
    ]
    raise SegconvError(
        f"{where} says that background is {text(background)}, but {text(ground)}{named} takes"
        f" {100 * border[ground] // total} % of the border of all masks and"
        f" {100 * pixels[ground] // sum(pixels.values())} % of their area, as background does; {text(background)} takes"
        f" {100 * border.get(background, 0) // total} % of the border",
        code="SC074",
        file=next(mask.file for mask in masks if ground in mask.border),
        hint="; ".join(choices) if len(said) <= MOST_HINTED else "mend the table, or name another: --labels FILE",
    )


def is_alone(value: int, masks: Sequence[MaskFacts]) -> bool:
    """Return whether a value is all that was drawn in some mask."""
    return any(mask.foreground == {value} for mask in masks)


def ground_of(masks: Sequence[MaskFacts]) -> int | None:
    """Return the value that takes most of the border, if one does."""
    border = _total([mask.border for mask in masks])
    most = max(border, key=lambda value: border[value], default=None)
    return most if most is not None and border[most] >= MOSTLY * sum(border.values()) else None


def _part_of_border(mask: MaskFacts, value: int) -> float:
    return mask.border.get(value, 0) / max(sum(mask.border.values()), 1)


def _total(counts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for each in counts:
        for value, number in each.items():
            found[value] = found.get(value, 0) + number
    return found


def _with_ground(values: Sequence[int], ground: int) -> str:
    rest = [value for value in values if value != ground]
    return _classes(rest, ground, single="foreground" if len(rest) == 1 else "")


def _classes(values: Sequence[int], ground: int, single: str = "") -> str:
    """Return a value of ``--labels``."""
    entries = [f"{single or f'class_{value}'}={value}" for value in values]
    if len(entries) > MOST_HINTED:
        return "TABLE.csv, a table of names and values,"
    return ",".join([f"{BACKGROUND}={ground}", *entries])
