"""Several numbered masks of one picture or volume: ``a_mask.png`` and ``a_mask_1.png``, one object each.

Nothing says whether they show objects of one class or replace one another, so they are united only
on request.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...errors import Cure
from ...words import count_of
from ..tree import Unit
from .matching import Matched, first_known
from .roles import MASK, place_of, rests_of

if TYPE_CHECKING:
    from .pairs import Pairing

_NUMBER = re.compile(r"[_\-. ]*\(?\d+\)?$")


def further_masks(found: Matched) -> dict[Unit, list[Unit]]:
    """Return image → its numbered masks that match no other image, next to its own mask or without one."""
    if not found.orphans:
        return {}
    owners: dict[str, Unit] = {}
    own: dict[Unit, str] = {}  # the name of its own mask
    for case in found.cases:
        if len(case.images) == 1:
            owners[case.name] = case.first
            own[case.first] = case.label.stem
    owners |= {image.stem: image for image in [*owners.values(), *found.alone]}
    further: dict[Unit, list[Unit]] = {}
    for mask in found.orphans:
        base = _NUMBER.sub("", mask.stem)
        name = first_known(_names(mask, base), owners)
        if name is not None and own.get(owners[name], base).startswith(base):
            further.setdefault(owners[name], []).append(mask)
    # A single numbered mask may also belong to another image, which is missing.
    return {image: masks for image, masks in further.items() if image in own or len(masks) > 1}


def _names(mask: Unit, base: str) -> list[str]:
    """Return the names that the image of a numbered mask may have; nothing if the mask is not numbered.

    Parameters
    ----------
    base
        Its name without the number.
    """
    if base == mask.stem:
        return []
    return [base, *rests_of(base)] if place_of(mask.folder).role == MASK else rests_of(base)


def unite(pairing: Pairing, *, wanted: bool, noun: str) -> None:
    """Refuse several masks of one image, or note that they will be united.

    Parameters
    ----------
    noun
        ``"picture"`` or ``"volume"``.
    """
    if not pairing.several:
        return
    first, *others = pairing.several
    names = ", ".join(unit.name for unit in first)
    if wanted:
        pairing.note(f"united the masks of {count_of(len(pairing.several), noun)}, as {names}")
        return
    more = f"; and so are those of {count_of(len(others), noun)} more" if others else ""
    what = f"{names} are several masks of one {noun}{more}"
    hint, cures = "keep one of them", (Cure("unite_masks"),)
    pairing.error("SC085", what, file=first[0].path, hint=hint, cures=cures)
