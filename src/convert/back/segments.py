"""Restore predictions as segmentations of 3D Slicer, with the user's own segments, layers and grids."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.stored_label import StoredSegment
from ...errors import SegconvError
from ...image.formats import segmentation
from ...image.geometry import Geometry, Volume
from ...image.orientation import reordering
from ...image.stored import DecodedVolume
from ..write.segments import placed
from .task import RestoreTask


def segments(values: NDArray[Any], volume: DecodedVolume | None, task: RestoreTask) -> dict[str, bytes]:
    """Return a segmentation of 3D Slicer with its segments and layers."""
    if volume is None:
        raise SegconvError("is a picture, the user's labels are volumes", code="SC051")
    made = {}
    for path in task.outputs:
        file = posixpath.basename(path)
        own = [one for one in task.stored.segments if (one.file or file) == file]
        laid = _on_own_grid(own, task.stored.grids.get(file), Volume(values, volume.header.geometry))
        made[path] = _encoded(own, laid, task.stored.dtype or "uint8")
    return made


def _on_own_grid(stored: Sequence[StoredSegment], own: Geometry | None, found: Volume) -> Volume:
    """Return a prediction in the voxel order of the user's file, cut to its part of the image if nothing is outside."""
    if own is None:
        return found
    part = reordering(own, found.geometry).grid(own)
    inside = found.array[placed(part, found.geometry)]
    held = [value for one in stored for value in one.values]
    if np.count_nonzero(np.isin(found.array, held)) == np.count_nonzero(np.isin(inside, held)):
        return Volume(reordering(part, own).array(inside), own)
    order = reordering(found.geometry, own)  # a prediction may reach further
    return Volume(order.array(found.array), order.grid(found.geometry))


def _encoded(stored: Sequence[StoredSegment], found: Volume, dtype: str) -> bytes:
    count = max((one.segment.layer for one in stored), default=0) + 1
    layers = np.zeros((count, *found.array.shape), dtype=dtype)
    for one in stored:
        layers[one.segment.layer][np.isin(found.array, one.values)] = one.segment.label_value
    return segmentation.encode([one.segment for one in stored], layers, found.geometry)
