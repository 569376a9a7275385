"""Guess undeclared labels from their values where that is safe; otherwise refuse them and list the choices."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from ...dataset.label_table import LabelTable, dense, dense_colours
from ...dataset.labels import BACKGROUND, IGNORE, RGB, TRANSPARENT, value_text
from ...errors import Cure, SegconvError
from ...words import count_of, some_of
from ..model import ConvertOptions
from .choices import ACCEPT, MOST_SPELLED, TABLE, by_value, counted, declaring, numbered
from .coding import distance
from .declared import Found, coded
from .mask_facts import VOID

HINTED = 12
"""Values that a message lists at most."""

MOST_SOLID = 256
"""With more colours than this, a palette's limit, the file is an image and edges are not looked for."""


def guess(found: Found, options: ConvertOptions) -> LabelTable:
    """Return a table for undeclared values, if one is safe or was accepted."""
    mapped_already = {coded(text, found.coding) for text in options.value_map}
    mapped = sorted(set(found.values) - mapped_already)
    if found.coding == RGB:
        return _guess_colours(replace(found, values=sorted(found.values)), mapped, options)
    if len(mapped) == 2 and mapped[0] == 0:
        return dense(numbered(mapped), guessed=f"two grey values, {mapped[0]} and {mapped[1]}")
    if mapped and mapped == list(range(len(mapped))):
        return dense(by_value(mapped), guessed=f"values 0 to {mapped[-1]} without a gap")
    shown = some_of(mapped, HINTED)
    if options.accept_labels and mapped:
        return dense(by_value(mapped), guessed=f"the values found, all accepted: {shown}")
    raise SegconvError(
        f"the label files hold the values {shown or 'nothing'}, none of them declared",
        code="SC074",
        cures=_choices_of(mapped),
    )


def _choices_of(values: list[int]) -> tuple[Cure, ...]:
    """Return how grey values can be declared; 255 above small numbers may stand for what is unknown."""
    names = by_value(values)
    if values[:1] != [0] or len(values) < 4 or values[-1] != VOID or values[-2] >= VOID // 2:
        return (declaring(names), TABLE, ACCEPT)
    rest = by_value(values[:-1])
    return (
        declaring({**rest, IGNORE: VOID}, f"{VOID} is unknown, and to be left out of training"),
        declaring(names, f"{VOID} is a class"),
    )


def _guess_colours(found: Found, mapped: list[int], options: ConvertOptions) -> LabelTable:
    """Return labels for the colours of a set, if accepted, or for a single colour on a transparent ground."""
    _refuse_other_ground(found.values, options, found.ground)
    if len(mapped) == 2 and mapped[0] < TRANSPARENT == mapped[1] and not _blended(mapped[0]):
        names = {BACKGROUND: TRANSPARENT, "foreground": mapped[0]}
        return dense_colours(names, guessed=f"transparent pixels, and {value_text(mapped[0], RGB)}")
    shown = some_of([value_text(colour, RGB) for colour in found.values], HINTED)
    if options.accept_labels:
        return dense_colours(_classes(mapped, options), guessed=f"the colours found, all accepted: {shown}")
    what = f"the masks are in {count_of(len(found.values), 'colour')}, {shown}, none of them declared"
    raise _of_objects(found, options, what) or _undeclared_colours(found.values, options, what)


def _refuse_other_ground(found: Collection[int], options: ConvertOptions, around: int | None) -> None:
    """Refuse colours if an unusual one takes most of the border (``SC078``)."""
    usual = _classes(found, options)
    if around is None or around in (usual[BACKGROUND], *_said_to_be_background(options)) or len(found) < 2:
        return
    raise SegconvError(
        f"the colour {value_text(around, RGB)} takes most of the border of all masks, as background does",
        code="SC078",
        cures=(
            declaring(counted(found, around), "it is background", coding=RGB),
            declaring(usual, "it is not", coding=RGB),
        ),
    )


def _of_objects(found: Found, options: ConvertOptions, what: str) -> SegconvError | None:
    """Return the error for colours that probably mark objects, or None."""
    ground = _classes(found.values, options)[BACKGROUND]
    if not found.once or {*found.values} - {ground} != {*found.once}:
        return None
    first, *rest = (value_text(colour, RGB) for colour in sorted(found.once))
    one_class = {BACKGROUND: value_text(ground, RGB), "object": first}
    maps = [f"{colour}=object" for colour in rest]
    return SegconvError(
        f"{what}, and each but that of background is in one mask only, as colours of objects are",
        code="SC078",
        cures=(declaring(one_class, "they are objects of one class", maps=maps), ACCEPT),
    )


def _undeclared_colours(found: Collection[int], options: ConvertOptions, what: str) -> SegconvError:
    """Return the error for undeclared colours, which may be classes with blended edges."""
    edges = [colour for colour in found if _blended(colour)]
    solid = _classes((colour for colour in found if not _blended(colour)), options)
    if len(solid) > MOST_SOLID:
        return SegconvError(
            f"{what}, as in photographs, or in masks that were compressed or blended",
            code="SC078",
            hint="check which of the files are the labels",
            cures=(Cure("name_images_and_masks"), Cure("declare_and_snap")),
        )
    if not edges or len(solid) == 1:
        return SegconvError(what, code="SC078", cures=(*_declared(_classes(found, options)), TABLE, ACCEPT))
    snap = max(min(distance(edge, colour, RGB) for colour in solid.values()) for edge in edges)
    return SegconvError(
        f"{what}; {len(edges)} of them are partly transparent, as edges that were blended",
        code="SC078",
        cures=(declaring(solid, coding=RGB, snap=math.ceil(snap)), ACCEPT),
    )


def _declared(colours: Mapping[str, int]) -> tuple[Cure, ...]:
    """Return the declaration of colours as it is typed, unless they are too many to type."""
    return (declaring(colours, coding=RGB),) if len(colours) <= MOST_SPELLED else ()


def _blended(colour: int) -> bool:
    """Return whether a colour is neither opaque nor fully transparent."""
    return 1 << 24 <= colour < TRANSPARENT


def _classes(colours: Iterable[int], options: ConvertOptions) -> dict[str, int]:
    """Return a name for each colour; background is the transparent one, else black, else what ``--map`` says."""
    classes = list(colours)
    said = _said_to_be_background(options)
    return counted(classes, next((colour for colour in (TRANSPARENT, 0) if colour in classes), said[0] if said else 0))


def _said_to_be_background(options: ConvertOptions) -> list[int]:
    """Return the colours that ``--map`` counts as background."""
    return [coded(text, RGB) for text, name in options.value_map.items() if name == BACKGROUND]
