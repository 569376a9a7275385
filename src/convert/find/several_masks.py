"""Several masks of one picture or volume, numbered: ``a_mask.png`` and ``a_mask_1.png``, each of an object of its own.

Nothing tells whether they show objects of one class or replace one another, so that they are united only
on request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...errors import Finding
from ...words import count_of
from ..tree import Unit
from .matching import Matched
from .roles import MASK, place_of, rests_of, role_of_stem

OPTION = "--unite-masks"
_NUMBER = re.compile(r"[_\-. ]*\(?\d+\)?$")


def further_masks(found: Matched) -> dict[Unit, list[Unit]]:
    """Return image → the numbered masks beside its own, or without one of its own, which match no other image."""
    owners = {name: image for name, images, _ in found.cases for image in images.values() if len(images) == 1}
    owners |= {image.stem: image for image in [*owners.values(), *found.alone]}
    own = {image: mask for _, images, mask in found.cases for image in images.values()}
    further: dict[Unit, list[Unit]] = {}
    for mask in found.orphans:
        base = _NUMBER.sub("", mask.stem)
        by_place = place_of(mask.folder).role == MASK
        if base == mask.stem or not (by_place or role_of_stem(base)[0] == MASK):
            continue
        names = [base, *rests_of(base)] if by_place else rests_of(base)
        image = next((owners[name] for name in names if name in owners), None)
        if image is not None and (image not in own or own[image].stem.startswith(base)):
            further.setdefault(image, []).append(mask)
    # A lone one with a number is as likely that of another image, which is not there.
    return {image: masks for image, masks in further.items() if image in own or len(masks) > 1}


def united(
    labels: Sequence[tuple[Unit, ...]], *, wanted: bool, noun: str = "picture"
) -> tuple[list[Finding], list[str]]:
    """Return the refusal of several masks a picture, or a note on them if they are to be united.

    Parameters
    ----------
    labels
        The masks of each picture that has several.
    wanted
        Whether the user asked for it.
    noun
        What a picture is called.
    """
    if not labels:
        return [], []
    first = labels[0]
    names = ", ".join(unit.stem + unit.ending for unit in first)
    if wanted:
        return [], [f"{OPTION} united the masks of {count_of(len(labels), noun)}, as {names}"]
    more = f"; and so are those of {count_of(len(labels) - 1, noun)} more" if labels[1:] else ""
    hint = f"{OPTION} takes their union, if each shows an object of one class; otherwise keep one of them"
    return [Finding("SC085", f"{names} are several masks of one {noun}{more}", file=first[0].path, hint=hint)], []
