"""Pictures whose file says that its channels are not colours: each channel becomes a separate file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..errors import Cure, SegconvError
from ..image import raster
from ..image.picture import PictureHeader
from .model import BANDS, Parts, SourceCase
from .survey import Survey

KIND = "bands"
"""The `kind` in the header of such a picture."""


def as_bands(header: PictureHeader, *, drop_alpha: bool = False) -> PictureHeader:
    """Return the header with channel pages counted as samples of one page.

    Parameters
    ----------
    drop_alpha
        Leave out a last sample that may be alpha; see `may_have_alpha`.
    """
    if drop_alpha and may_have_alpha(header):
        left, named = header.samples - 1, header.samples - header.unnamed
        kind = KIND if left > named else "RGB" if named > 1 else "gray"
        return replace(header, samples=left, kind=kind, unnamed=left - named)
    if not header.channel_pages:
        return header
    return replace(header, pages=1, kind=KIND, samples=header.pages, channel_pages=False)


def may_have_alpha(header: PictureHeader) -> bool:
    """Return whether the last sample may be alpha: the file does not name it, and it is one more than grey or RGB."""
    return header.kind == KIND and header.samples in (2, 4) and header.unnamed > 0


def with_bands_last(header: PictureHeader, samples: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return decoded samples in the layout that `as_bands` describes: ``(y, x, channel)``."""
    return np.moveaxis(samples, 0, -1) if header.channel_pages else samples


def apart(case: SourceCase, headers: Mapping[str, PictureHeader]) -> SourceCase:
    """Return the case with a record of how many files each of its pictures becomes."""
    parts = {
        path: Parts(BANDS, (path,), tuple(map(str, range(header.samples))))
        for path in case.images
        if (header := headers.get(path)) is not None and header.kind == KIND
    }
    return case._replace(parts={**case.parts, **parts}) if parts else case


def all_apart(cases: Sequence[SourceCase], *, drop_alpha: bool) -> list[SourceCase]:
    """Apply `apart` to all cases if every case has such a picture; otherwise return them unchanged."""
    found = []
    for case in cases:
        own = {path: head for path in case.images if (head := _head(path, drop_alpha=drop_alpha)) is not None}
        found.append(apart(case, own))
        if not any(head.kind == KIND for head in own.values()):
            return list(cases)
    return found


def _head(path: str, *, drop_alpha: bool) -> PictureHeader | None:
    """Return the header of a TIFF; None for other files and for those refused later, when headers are judged."""
    if not path.lower().endswith((".tif", ".tiff")):
        return None
    try:
        return as_bands(raster.probe_file(path), drop_alpha=drop_alpha)
    except SegconvError:
        return None


def refuse_as_slices(header: PictureHeader) -> None:
    """Refuse a picture with channels where a slice, or pages that are slices, is expected (``SC084``)."""
    found = as_bands(header)
    if found.kind == KIND:
        raise SegconvError(
            f"holds {found.samples} channels by its own word, expected slices of one value per pixel",
            code="SC084",
            hint="save each channel as a file of its own",
            cures=(Cure.of("read_pages_as_channels"),),
        )


def refuse_planes(survey: Survey, masks: Mapping[str, PictureHeader], *, slices: bool) -> set[str]:
    """Add an error for each mask with channels, or with pages; return those with errors.

    Parameters
    ----------
    masks
        Path → header, as `as_bands` returns it.
    slices
        Whether pages may be slices of a volume, and are judged elsewhere.
    """
    alike = {planes_in(head) for head in masks.values()}
    names = next((head.channel_names for head in masks.values()), ())
    cures = (naming_cure(alike.pop(), names),) if len(alike) == 1 else ()
    hint = "" if cures else "save each channel as a mask of its own, in a folder for each class: masks/NAME/"
    refused = set()
    for path, head in masks.items():
        if head.kind == KIND:
            what = f"is a mask of {head.samples} channels, expected one value per pixel"
        elif head.pages > 1 and not slices:
            what = f"holds {head.pages} pages, expected one picture"
        else:
            continue
        survey.error("SC084", what, file=survey.shown(path), hint=hint, cures=cures)
        refused.add(path)
    return refused


def planes_in(header: PictureHeader) -> int:
    """Return how many masks a picture may hold: its pages, or its samples."""
    found = as_bands(header)
    return found.pages if found.pages > 1 else found.samples


def naming_cure(number: int, names: Sequence[str] = ()) -> Cure:
    """Return the cure that names the classes of masks in one file.

    Parameters
    ----------
    names
        What the file calls them, if it does.
    """
    usable = len(set(names)) == number and all(name and "," not in name for name in names)
    return Cure.of("name_mask_channels", names=",".join(names if usable else ["NAME"] * number))
