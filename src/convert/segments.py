"""Segmentations of 3D Slicer as masks of classes: brought onto the grid of the image, of which they may be a part."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset.compiler import Accumulator, Atom
from ..errors import SegconvError
from ..image import nrrd, segmentation
from ..image.geometry import NEAR_GRID_VOXELS, Geometry
from .layers import atoms_of
from .task import CaseTask


def segment_names(head: bytes) -> list[str]:
    """Return the names of the segments in a file, or in as much of it as holds its header.

    Raises
    ------
    SegconvError
        ``SC085`` if two have one name; what `segmentation.segments_of` raises.
    """
    names = [segment.name for segment in segmentation.segments_of(nrrd.read_header(head))]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SegconvError(f"has two segments named {twice!r}", code="SC085", hint="rename one of them in 3D Slicer")
    return names


def atoms_of_segments(data: bytes, grid: Geometry, index: Mapping[str, int], limit: int) -> list[Atom]:
    """Return the atoms that occur in a segmentation; the first is no segment at all.

    Parameters
    ----------
    grid
        Of the image; the segmentation must lie on it.
    index
        Name → number of the mask.
    limit
        Most bytes that the layers may take.
    """
    found = segmentation.decode(data, limit)
    placed(found.geometry, grid)
    masks = ((index[segment.name], found.mask(segment)) for segment in found.segments)
    return atoms_of(found.geometry.array_shape, masks)


def compile_segments(
    data: bytes, path: str, geometry: Geometry, task: CaseTask
) -> tuple[NDArray[Any], dict[int, int], dict[str, Any]]:
    """Compile a segmentation into the label of its image; as `layers.compile_layers`."""
    compiled = task.recipe.compiled
    if compiled is None:
        raise SegconvError("segments were not compiled", code="SC104")
    found = segmentation.decode(data, task.recipe.max_volume)
    place = placed(found.geometry, geometry)
    index = {name: number for number, name in enumerate(compiled.masks_of)}
    accumulator = Accumulator(found.geometry.array_shape)
    for segment in found.segments:
        accumulator.add(index[segment.name], found.mask(segment))
    own = accumulator.label(compiled.value_of)
    label = np.zeros(geometry.array_shape, dtype=own.dtype)
    label[place] = own
    counts = {int(v): int(n) for v, n in zip(*np.unique(label, return_counts=True), strict=True)}
    stored = {
        "form": "segments",
        "ending": segmentation.ENDING,
        "dtype": found.layers.dtype.name,
        "file": path.rsplit("/", 1)[-1],
        "segments": [
            {**dataclasses.asdict(segment), "values": list(compiled.masks_of[segment.name])}
            for segment in found.segments
        ],
        "grid": found.geometry.as_json(),
    }
    if compiled.lost:
        stored["lost"] = "overlaps went to one mask by the priority given"
    return label, counts, stored


def placed(part: Geometry, whole: Geometry) -> tuple[slice, ...]:
    """Return where the grid of a part lies in another grid, as slices ``(z, y, x)``.

    3D Slicer saves no more than the box that its segments fill.

    Raises
    ------
    SegconvError
        ``SC083`` if its voxels are not among those of the other grid.
    """
    index = np.linalg.solve(
        whole.direction_matrix * np.array(whole.spacing_mm), np.array(part.origin_mm) - np.array(whole.origin_mm)
    )
    start = [int(value) for value in np.rint(index)]
    inside = all(s >= 0 and s + n <= size for s, n, size in zip(start, part.size, whole.size, strict=True))
    if inside:
        expected = Geometry(
            part.size, whole.spacing_mm, tuple(float(v) for v in whole.to_physical(start)), whole.direction
        )
        inside = expected.displacement_voxels(part) <= NEAR_GRID_VOXELS
    if not inside:
        raise SegconvError(
            f"lies on a grid of size {part.size} that is no part of its image's, of size {whole.size}",
            code="SC083",
            hint="in 3D Slicer, set the image as the segmentation's source geometry and save again",
        )
    return tuple(slice(s, s + n) for s, n in zip(start[::-1], part.size[::-1], strict=True))
