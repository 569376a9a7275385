"""Check that all masks of a set are coded alike: the meaning of an index, and of black and white."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ...dataset.labels import RGB as COLOURS
from ...dataset.labels import TRANSPARENT, value_text
from ...errors import Cure, Finding, SegconvError, warning
from .choices import MOST_SPELLED, TABLE, by_value, counted, declaring
from .mask_facts import MaskFacts


def refuse_other_palettes(masks: Sequence[MaskFacts]) -> None:
    """Refuse masks in which an index means another colour than in others (``SC078``); offer labels by colour."""
    conflict = _other_palette(masks)
    if conflict is not None:
        file, what = conflict
        hint = "export all masks with one palette"
        raise SegconvError(what, code="SC078", file=file, hint=hint, cures=_by_colour(masks))


def warn_of_other_palettes(masks: Sequence[MaskFacts]) -> list[Finding]:
    """Return a warning if an index means another colour in other masks, where that was declared and accepted."""
    conflict = _other_palette(masks)
    if conflict is None:
        return []
    file, what = conflict
    return [warning("SC078", f"{what}; it counts by index, as declared and accepted", file=file)]


def _other_palette(masks: Iterable[MaskFacts]) -> tuple[str, str] | None:
    """Return the first mask whose palette contradicts an earlier one, and how."""
    seen: dict[int, tuple[int, str]] = {}
    index_of: dict[int, tuple[int, str]] = {}
    for mask in masks:
        own = list(mask.palette.values())
        for index, colour in mask.palette.items():
            other, file = seen.setdefault(index, (colour, mask.file))
            text, theirs = value_text(colour, COLOURS), value_text(other, COLOURS)
            if other != colour:
                return mask.file, f"index {index} of its palette is {text}, in {file} it is {theirs}"
            if own.count(colour) > 1:
                continue  # where two indices have one colour, the colour says nothing
            number, file = index_of.setdefault(colour, (index, mask.file))
            if number != index:
                return mask.file, f"{text} is index {index} of its palette, in {file} it is index {number}"
    return None


def _by_colour(masks: Sequence[MaskFacts]) -> tuple[Cure, ...]:
    """Return the cure that declares the colours of all masks, if colours distinguish the indices of each mask."""
    pixels: Counter[int] = Counter()
    border: Counter[int] = Counter()
    for mask in masks:
        if len(set(mask.palette.values())) < len(mask.palette):
            return ()
        for index, colour in mask.palette.items():
            pixels[colour] += mask.counts[index]
            border[colour] += mask.border.get(index, 0)
    ground = ground_of_colours(border, pixels)
    names = counted(sorted(pixels), ground)
    return (TABLE if len(names) > MOST_SPELLED else declaring(names, "colours count", coding=COLOURS),)


def refuse_ground_elsewhere(masks: Sequence[MaskFacts], ground: int | None) -> None:
    """Refuse palettes with an index other than 0 that is transparent or black, unless 0 is around (``SC078``).

    Parameters
    ----------
    ground
        The index on most of the border of all masks, if there is one.
    """
    colour_of = {index: colour for mask in masks for index, colour in mask.palette.items()}
    if ground == 0 or colour_of.get(0) in (TRANSPARENT, 0, None):
        return
    index_of = {colour_of[index]: index for index in reversed(colour_of)}
    index = index_of.get(TRANSPARENT, index_of.get(0))
    if index is None:
        return
    raise SegconvError(
        f"index {index} of its palette is {'transparent' if colour_of[index] else 'black'}, as background often is,"
        f" and index 0 is {value_text(colour_of[0], COLOURS)}",
        code="SC078",
        file=next(mask.file for mask in masks if index in mask.palette),
        cures=(*_by_colour(masks), declaring(by_value(sorted(colour_of)), "index 0 is background")),
    )


def ground_of_colours(border: Mapping[int, int], pixels: Mapping[int, int]) -> int:
    """Return the colour that is most likely background: transparent, else the one on most of the border, else black."""
    if TRANSPARENT in pixels:
        return TRANSPARENT
    most = max(border, key=lambda colour: border[colour], default=0)
    usual = 0 if 0 in pixels else most
    return most if border.get(most, 0) > sum(border.values()) / 2 else usual


def judge_polarity(white_is_zero: Mapping[str, bool], what: str) -> list[Finding]:
    """Return an error if 0 is white in some files and black in others, a warning if it is white in all.

    Parameters
    ----------
    white_is_zero
        File, as messages name it → whether it says that 0 is white.
    what
        ``"mask"`` or ``"picture"``.
    """
    odd = [file for file, white in white_is_zero.items() if white]
    if not odd:
        return []
    if len(odd) == len(white_is_zero):
        return [
            warning(
                "SC078" if what == "mask" else "SC091",
                f"is stored with white as 0, as all {what}s are; values count as stored",
                file=odd[0],
            )
        ]
    usual = next(file for file, white in white_is_zero.items() if not white)
    return [
        Finding(
            "SC078" if what == "mask" else "SC084",
            f"is stored with white as 0, {usual} with black as 0: its values mean the opposite",
            file=file,
            hint=f"save all {what}s with black as 0, which TIFF calls MinIsBlack",
        )
        for file in odd
    ]
