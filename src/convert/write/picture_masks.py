"""Convert the mask of one picture case: its values, the union of its objects, or its class masks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...dataset.labels import GRAY
from ...dataset.losses import UNITED, Loss
from ...errors import SegconvError
from ...image import raster
from ...image.picture import Picture, PictureHeader
from ..labels.picture_file import Samples, codes_to_settle, exact_codes, mask_planes, stored_mask, stored_planes
from ..model import CHANNELS, INSTANCES, LAYERS
from .picture_samples import encode_slice, refuse_pages, warn_of_tail
from .task import PICTURES
from .work import CaseWork, WrittenLabel


def convert_mask(work: CaseWork, path: str, size: tuple[int, int]) -> WrittenLabel:
    """Write the mask of a case.

    Parameters
    ----------
    size
        Width and height of its pictures.

    Raises
    ------
    SegconvError
        ``SC082`` if the mask has another size; also any error from reading and settling it.
    """
    form, coding = work.source.form(path), work.coding
    if form == LAYERS:
        return _compile_masks(work, path, size)
    if form == CHANNELS:
        return _compile_planes(work, path, size)
    if form == INSTANCES:
        opened, mask = _united(work, path, size)
    else:
        opened = work.picture(path)
        _refuse_size(opened.header, size)
        mask = codes_to_settle(opened, coding)
        warn_of_tail(work, path, opened)
    settled = work.settled(path, mask, coding.settle_lossy if opened.header.lossy else coding.settle)
    if settled.unchanged and form is None and _may_be_carried(work, opened):
        work.place(path, opened.data, work.label_target)
    else:
        work.io.write(work.label_target, _encoded(settled.dense(mask), work.recipe.ending))
    stored = stored_mask(opened)
    if form == INSTANCES:
        stored = stored.losing(Loss(UNITED, len(work.source.files_of(path))))
    elif form is None:
        ending = Path(path).suffix
        stored = replace(stored, ending=ending if ending.lower() in raster.WRITABLE else ".png")
    return work.written(settled.voxels, stored)


def _may_be_carried(work: CaseWork, opened: Picture) -> bool:
    """Return whether a mask that keeps its values may go into the dataset byte for byte."""
    header, recipe = opened.header, work.recipe
    grey = work.coding.kind == GRAY and header.format == "PNG" and header.kind == "gray" and header.depth == 8
    return grey and opened.plain and recipe.ending == ".png" and not recipe.options.strip_headers


def _united(work: CaseWork, path: str, size: tuple[int, int]) -> tuple[Picture, Samples]:
    """Return the union of masks of one object each, and the last mask as an example of their kind."""
    union: Samples | None = None
    opened: Picture | None = None
    files = work.source.files_of(path)
    for file in files:
        with work.naming(file):
            opened = work.picture(file)
            _refuse_size(opened.header, size)
            mask = exact_codes(opened, GRAY)
            _refuse_several(mask)
            if not mask.any():
                work.warn(file, "SC075", "is the mask of an object, and empty")
            union = mask.copy() if union is None else np.maximum(union, mask)
    if union is None or opened is None:
        raise SegconvError("holds no mask", code="SC080", file=work.shown(path))
    work.repairs.append(f"{len(files)} masks of one object each united")
    return opened, union


def _refuse_several(mask: Samples) -> None:
    on = np.unique(mask)
    if len(on) > 2 or (len(on) == 2 and on[0] != 0):
        raise SegconvError(
            f"is the mask of one object, but holds the values {', '.join(map(str, on[:5]))}",
            code="SC078",
            hint="expected 0 and one other value",
        )


def _compile_masks(work: CaseWork, path: str, size: tuple[int, int]) -> WrittenLabel:
    from .layers import compile_layers

    def masks_of(file: str) -> Samples:
        opened = work.picture(file)
        _refuse_size(opened.header, size)
        return exact_codes(opened, GRAY)

    dense, label = compile_layers(work, path, size[::-1], masks_of)
    work.io.write(work.label_target, _encoded(dense, work.recipe.ending))
    return replace(label, stored=replace(label.stored, ending=".png", mode="gray", depth=8))


def _compile_planes(work: CaseWork, path: str, size: tuple[int, int]) -> WrittenLabel:
    """Write the label of masks in one file; see `channel_masks`."""
    from .layers import compile_layers

    opened = raster.decode(work.read(path))
    warn_of_tail(work, path, opened)
    dense, label = compile_layers(work, path, size[::-1], lambda _: mask_planes(opened))
    work.io.write(work.label_target, _encoded(dense, work.recipe.ending))
    return replace(label, stored=label.stored.updated(stored_planes(opened.header, path)))


def _encoded(dense: Samples, ending: str) -> bytes:
    return raster.encode_mask(dense, ending) if ending in PICTURES else encode_slice(dense, ending)


def _refuse_size(header: PictureHeader, size: tuple[int, int]) -> None:
    refuse_pages(header)
    if (header.width, header.height) != size:
        raise SegconvError(f"is {header}, its picture {size[0]}×{size[1]}", code="SC082")
