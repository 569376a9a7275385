"""Resample labels and channels to the grid of their case's first image (``--repair resample``).

Labels use nearest neighbour, channels linear interpolation; both report the effect in numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ...errors import Cure, SegconvError
from ...image.geometry import NEAR_GRID_VOXELS, Geometry, Volume
from ...image.grids import FIRST_CHANNEL, IMAGE, only_header_may_be_wrong
from ...image.stored import DecodedVolume, laid_anew
from ...image.voxels import label_values
from ...words import count_of
from ..accepted import RESAMPLE
from ..repairs import AllowedRepairs

ClassOf = Callable[[int], str | None]

LARGEST_LOSS = 0.1
"""A label that loses more than this part of its volume gets a warning."""

AIR_HU = -1000.0
"""Value of a CT channel where it has no voxels, unless it holds air itself."""

LOWEST_AIR_HU = -1024.0
"""Scanners store lower values outside their field of view; those are not air."""

HOLDS_AIR_HU = -900.0
"""A CT holds air if its smallest value is at most this."""


def is_resampled(volume: DecodedVolume, grid: Geometry, allowed: AllowedRepairs) -> bool:
    """Return whether a label or channel, in its own axis order, is off its image's grid and may be resampled."""
    own = volume.header.geometry
    near = own.size == grid.size and own.displacement_voxels(grid) <= NEAR_GRID_VOXELS
    return RESAMPLE in allowed.kinds and not near


def resampled_label(
    label: DecodedVolume, grid: Geometry, repairs: list[str], name: str, ignore: int | None = None
) -> DecodedVolume:
    """Return a three-dimensional label at the voxels of another grid, by nearest neighbour.

    Parameters
    ----------
    grid
        Grid of its image, as written.
    name
        File name, for `repairs`.
    ignore
        Value in the file that means ignore. Voxels outside a resampled label take it, since they were not labelled;
        without it they become background.

    Raises
    ------
    SegconvError
        ``SC083`` if no labelled voxel is left.
    """
    from ...image.resample import onto_grid  # loads SimpleITK

    own = label.header.geometry
    values = label.values if label.header.scaled else label.stored
    outside = ignore or 0
    values = values.astype(np.result_type(values, np.min_scalar_type(outside)), copy=False)
    moved = onto_grid(Volume(np.asarray(values), own), grid, outside)
    covered = _covered(own, grid)
    labelled = np.count_nonzero(moved[covered])
    if values.any() and not labelled:
        raise SegconvError(
            "has no labelled voxel on the grid of its image: the two do not overlap",
            code="SC083",
            hint="give both files of one case",
            cures=(Cure.of("label_takes_image_header"),) if only_header_may_be_wrong(own, grid) else (),
        )
    before, after = (
        count * np.prod(geometry.spacing_mm) / 1000
        for count, geometry in ((np.count_nonzero(values), own), (labelled, grid))
    )
    became = "background" if ignore is None else "ignore"
    repairs.append(
        f"{name}: resampled from a grid of size {own.size} by nearest neighbour{_beyond(covered, IMAGE, became)};"
        f" labelled volume was {before:.4g} ml and is {after:.4g} ml"
    )
    return laid_anew(label, moved, grid)


def resampled_channel(
    image: DecodedVolume, grid: Geometry, repairs: list[str], name: str, *, of_ct: tuple[bool, ...]
) -> DecodedVolume:
    """Return an image at the voxels of another grid, by linear interpolation: in floating point, rounded for integers.

    Parameters
    ----------
    grid
        Grid of the first channel, as written.
    name
        File name, for `repairs`.
    of_ct
        Per channel, whether it holds HU: voxels outside it then become air, otherwise its smallest value.

    Raises
    ------
    SegconvError
        ``SC083`` if no voxel of the grid is in the image.
    """
    from ...image.resample import LINEAR, resampled  # loads SimpleITK

    own = image.header.geometry
    covered = _covered(own, grid)
    if not covered.any():
        raise SegconvError(
            "covers no voxel of the first channel: the two do not overlap",
            code="SC083",
            hint="give both files of one case",
        )
    arrays = []
    fills = []
    for index, ct in enumerate(of_ct):
        stored = np.ascontiguousarray(image.channel(index))
        stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
        fill = _outside(float(stored.min()), image, ct=ct)
        fills.append(f"{image.header.slope * fill + image.header.intercept:g}")
        arrays.append(resampled(Volume(stored, own), np.eye(3), grid, LINEAR, fill))
    beyond = _beyond(covered, FIRST_CHANNEL, ", ".join(fills))
    repairs.append(
        f"{name}: resampled from a grid of size {own.size} and spacing {_shown(own)} mm to that of the first channel,"
        f" {grid.size} and {_shown(grid)} mm, by linear interpolation{beyond}"
    )
    return laid_anew(image, arrays[0] if len(arrays) == 1 else np.stack(arrays), grid)


def lost_volumes(before: DecodedVolume, after: DecodedVolume, class_of: ClassOf) -> list[str]:
    """Return, in words, the classes that lost more than `LARGEST_LOSS` of their volume when a label was resampled.

    Parameters
    ----------
    class_of
        Returns the class name of a value in the file; None for background and ignore.
    """
    volumes_mm3: list[dict[str, float]] = []
    for label in (before, after):
        try:
            counts = label_values(label.values if label.header.scaled else label.stored)
        except SegconvError:
            return []  # no label at all, which is refused elsewhere
        voxel_mm3 = float(np.prod(label.header.geometry.spacing_mm))
        found: dict[str, float] = {}
        for value, count in counts.items():
            if (name := class_of(value)) is not None:
                found[name] = found.get(name, 0.0) + count * voxel_mm3
        volumes_mm3.append(found)
    return losses(*volumes_mm3)


def losses(was: Mapping[str, float], now: Mapping[str, float]) -> list[str]:
    """Return the same as `lost_volumes`, from the volumes of classes in mm³ before and after."""
    return [
        f"resampling took {1 - now.get(name, 0.0) / size:.0%} of the volume of {name!r}:"
        f" {size:.4g} mm³ before, {now.get(name, 0.0):.4g} mm³ after"
        for name, size in was.items()
        if now.get(name, 0.0) < (1 - LARGEST_LOSS) * size
    ]


def _covered(own: Geometry, grid: Geometry) -> NDArray[np.bool_]:
    """Return which voxels of `grid` are inside `own`."""
    from ...image.resample import onto_grid

    return onto_grid(Volume(np.ones(own.array_shape, dtype=np.uint8), own), grid) > 0


def _beyond(covered: NDArray[np.bool_], whose: str, became: str) -> str:
    """Return how many voxels were outside, and what they became; an empty text if none were."""
    count = int(covered.size - np.count_nonzero(covered))
    return f"; {count_of(count, 'voxel')} of {whose} that it did not cover became {became}" if count else ""


def _outside(low: float, image: DecodedVolume, *, ct: bool) -> float:
    """Return the stored value for voxels outside an image."""
    slope, intercept = image.header.slope, image.header.intercept
    low_hu = slope * low + intercept
    if not ct or slope < 0 or (image.header.dtype.kind == "u" and intercept >= 0):
        return low  # a type without negative values holds air as its smallest
    air = max(low_hu, LOWEST_AIR_HU) if low_hu <= HOLDS_AIR_HU else AIR_HU
    return (air - intercept) / slope


def _shown(grid: Geometry) -> str:
    return f"({', '.join(f'{step:.4g}' for step in grid.spacing_mm)})"
