"""What conversion may mend on the way in, when asked: each kind says what it did, in numbers, or leaves all as it was.

``header``: a label takes its image's header. ``resample``: a label is taken to its image's grid, by
nearest neighbour. ``orthonormal``: axes that are not at right angles become the nearest rotation.
``orientation``: volumes are turned to RAS+, which `restore` undoes. ``cast``: images in integers of 64
bits take a type of 16 or 32 that holds every value, if there is one; labels always become the smallest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SegconvError
from ..image.geometry import NEAR_GRID_VOXELS, Geometry, Volume, squared_axes
from ..image.orientation import axis_codes, canonical
from ..image.stored import ArrayVolume, DecodedVolume, VolumeHeader
from ..image.voxels import LARGEST, saturated_value

HEADER = "header"
RESAMPLE = "resample"
ORTHONORMAL = "orthonormal"
CAST = "cast"
ORIENTATION = "orientation"
KINDS = (HEADER, RESAMPLE, ORTHONORMAL, CAST, ORIENTATION)

NARROW = ("int16", "int32", "uint32")
"""Types that integers of 64 bits are cast to: the first that holds every value."""


@dataclass(frozen=True)
class Mending:
    """What a user allowed to be mended.

    Parameters
    ----------
    kinds
        Of `KINDS`.
    nonfinite
        Value that takes the place of NaN and infinity in images, or None.

    Raises
    ------
    SegconvError
        ``SC001`` for a kind that there is not, two that contradict each other, or a value that is
        no finite number of 32 bits.
    """

    kinds: tuple[str, ...] = ()
    nonfinite: float | None = None

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown:
            raise SegconvError(f"--repair {unknown[0]}: no such repair", hint=f"there are {', '.join(KINDS)}")
        if {HEADER, RESAMPLE} <= set(self.kinds):
            raise SegconvError(
                "--repair header (--label-header image) and --repair resample contradict each other",
                hint="header if only the label's header is wrong, resample if the label lies where its header says",
            )
        if self.nonfinite is not None and not abs(self.nonfinite) <= LARGEST:
            raise SegconvError(
                f"--nonfinite {self.nonfinite:g} is no number that a network can compute with",
                hint="a finite value, such as the one that air has in the images",
            )

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read headers as `ORTHONORMAL` allows, for the time of the block."""
        if ORTHONORMAL not in self.kinds:
            yield
            return
        with squared_axes():
            yield

    @property
    def takes_header(self) -> bool:
        """Whether a label on another grid takes the header of its image."""
        return HEADER in self.kinds

    def grid(self, geometry: Geometry) -> Geometry:
        """Return the grid that a volume on this one will have."""
        return self.turned(Volume(np.broadcast_to(np.uint8(0), geometry.array_shape), geometry)).geometry

    def turned(self, volume: Volume) -> Volume:
        """Return a volume ``(z, y, x)`` in the order of axes that it will have."""
        return canonical(volume) if ORIENTATION in self.kinds else volume

    def leaves(self, header: VolumeHeader) -> bool:
        """Return whether an image with this header has nothing that would be mended, whatever its voxels are."""
        finite = self.nonfinite is None or header.dtype.kind != "f"
        whole = CAST not in self.kinds or not _is_wide(header)
        return finite and whole and self.grid(header.geometry) == header.geometry


NOTHING = Mending()
"""Nothing may be mended."""


def goes_with_image(grid: Geometry, image: Geometry, mending: Mending) -> bool:
    """Return whether the voxels of a label are those of its image one by one, whatever its own header says.

    They are if it lies on the grid of the image, or takes its header. Such a label is turned as its image
    is; any other is turned by its own header.

    Parameters
    ----------
    grid, image
        Of both as their files have them.
    """
    return grid.size == image.size and (mending.takes_header or grid.displacement_voxels(image) <= NEAR_GRID_VOXELS)


def mended_label(
    label: DecodedVolume,
    grid: Geometry,
    mending: Mending,
    repairs: list[str],
    name: str,
    ignore: int | None = None,
) -> DecodedVolume:
    """Return a label that lies elsewhere than its image, turned or resampled by its own header if that is allowed.

    Parameters
    ----------
    grid
        Of its image, as it is written.
    name
        Of the file, for `repairs`.
    ignore
        Value in the file that stands for ignore: voxels that a resampled label does not cover take it,
        since nobody looked at them; they become background if there is none.
    """
    label = turned(label, mending, repairs, name)
    own = label.header.geometry
    if RESAMPLE not in mending.kinds or label.header.four_dimensional:
        return label
    if own.size == grid.size and own.displacement_voxels(grid) <= NEAR_GRID_VOXELS:
        return label
    from ..image.resample import onto_grid  # brings SimpleITK

    values = label.values if label.header.scaled else label.stored
    outside = ignore or 0
    values = values.astype(np.result_type(values, np.min_scalar_type(outside)), copy=False)
    moved = onto_grid(Volume(np.asarray(values), own), grid, outside)
    covered = onto_grid(Volume(np.ones(own.array_shape, dtype=np.uint8), own), grid) > 0
    labelled = np.count_nonzero(moved[covered])
    if values.any() and not labelled:
        raise SegconvError(
            "has no labelled voxel on the grid of its image: the two do not overlap",
            code="SC083",
            hint="check that both are of one case; --repair header if only the header is wrong",
        )
    before, after = (
        count * np.prod(geometry.spacing_mm) / 1000
        for count, geometry in ((np.count_nonzero(values), own), (labelled, grid))
    )
    beyond = covered.size - np.count_nonzero(covered)
    became = "background" if ignore is None else "ignore"
    voxels = f"{beyond} {'voxel' if beyond == 1 else 'voxels'} of its image that it did not cover became {became}; "
    repairs.append(
        f"{name}: resampled from a grid of size {own.size} by nearest neighbour; {voxels if beyond else ''}"
        f"labelled volume was {before:.4g} ml and is {after:.4g} ml"
    )
    return _array(label, moved, grid)


def finite(image: DecodedVolume, mending: Mending, repairs: list[str], name: str) -> DecodedVolume:
    """Return an image with numbers in the place of NaN and infinity, if that is allowed; the same object if none were.

    Parameters
    ----------
    name
        Of the file, for `repairs`.
    """
    value, stored = mending.nonfinite, image.stored
    if value is None or stored.dtype.kind != "f":
        return image
    bad = ~np.isfinite(stored)
    count = int(np.count_nonzero(bad))
    if not count:
        return image
    mended = np.array(stored, dtype=stored.dtype.newbyteorder("="))
    mended[bad] = saturated_value((value - image.header.intercept) / image.header.slope, mended.dtype)
    repairs.append(
        f"{name}: {count} {'voxel was' if count == 1 else 'voxels were'} NaN or infinite and became {value:g}"
    )
    return _array(image, mended, image.header.geometry)


def cast(image: DecodedVolume, mending: Mending, repairs: list[str], name: str) -> DecodedVolume:
    """Return an image in integers of 16 or 32 bits, if that is allowed and they hold every value of its 64.

    Parameters
    ----------
    name
        Of the file, for `repairs`.

    Returns
    -------
    cast
        The same object if it is of another type, or its values need 64 bits.
    """
    if CAST not in mending.kinds or not _is_wide(image.header):
        return image
    stored = image.stored
    low, high = int(stored.min()), int(stored.max())
    for dtype in map(np.dtype, NARROW):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            repairs.append(
                f"{name}: stored as {stored.dtype.name} with values from {low} to {high}, cast to {dtype.name}"
            )
            return _array(image, stored.astype(dtype), image.header.geometry)
    return image


def turned(
    volume: DecodedVolume, mending: Mending, repairs: list[str], name: str, grid: Geometry | None = None
) -> DecodedVolume:
    """Return a volume turned to RAS+, if that is allowed; the same object if it lies so.

    Parameters
    ----------
    name
        Of the file, for `repairs`.
    grid
        Where its voxels lie, if not where its header says.
    """
    own = grid or volume.header.geometry
    if ORIENTATION not in mending.kinds or mending.grid(own) == own:
        return volume
    channels = [volume.channel(index) for index in range(volume.header.channels)]
    ras = [mending.turned(Volume(channel, own)) for channel in channels]
    arrays = [one.array for one in ras]
    repairs.append(f"{name}: turned from {axis_codes(own)} to {axis_codes(ras[0].geometry)}")
    return _array(volume, arrays[0] if len(arrays) == 1 else np.stack(arrays), ras[0].geometry)


def _is_wide(header: VolumeHeader) -> bool:
    return header.dtype.kind in "iu" and header.dtype.itemsize > 4


def _array(volume: DecodedVolume, array: NDArray[Any], geometry: Geometry) -> ArrayVolume:
    """Return a volume with other voxels on another grid; it is written anew."""
    native = array.dtype.newbyteorder("=")
    header = replace(volume.header, geometry=geometry, dtype=native)
    return ArrayVolume(header, False, volume.trailing, array.astype(native, copy=False))
