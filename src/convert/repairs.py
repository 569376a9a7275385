"""What conversion may repair on the way, when asked: each kind says what it did, in numbers, or changes nothing.

``header``: a label takes its image's header. ``resample``: a label is taken to its image's grid, a channel
to that of the first; see `resampling`. ``orthonormal``: axes that are not at right angles become the nearest rotation.
``orientation``: volumes are turned to RAS+, which `restore` undoes. ``cast``: images in integers of 64
bits take a type of 16 or 32 that holds every value, if there is one; labels always become the smallest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import SegconvError
from ..image.geometry import NEAR_GRID_VOXELS, Geometry, Volume
from ..image.grids import order_of, other_order
from ..image.orientation import axis_codes, canonical
from ..image.read_options import MAX_VOLUME, ReadOptions
from ..image.stored import DecodedVolume, VolumeHeader, laid_anew
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
    """What a user allowed to be repaired.

    Parameters
    ----------
    kinds
        Of `KINDS`.
    nonfinite
        Value that takes the place of NaN and infinity in images, or None.

    Raises
    ------
    SegconvError
        ``SC001`` for an unknown kind, two that contradict each other, or a value that is
        not a finite number of 32 bits.
    """

    kinds: tuple[str, ...] = ()
    nonfinite: float | None = None

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown:
            raise SegconvError(f"{unknown[0]}: no such repair", hint=f"known are {', '.join(KINDS)}")
        if {HEADER, RESAMPLE} <= set(self.kinds):
            raise SegconvError(
                "a label cannot both take its image's header and be resampled",
                hint="header if only the label's header is wrong, resample if the label lies where its header says",
            )
        if self.nonfinite is not None and not abs(self.nonfinite) <= LARGEST:
            raise SegconvError(
                f"{self.nonfinite:g}, in the place of NaN and infinity, is no number to compute with",
                hint="a finite value, such as the one that air has in the images",
            )

    def read_options(self, max_bytes: int = MAX_VOLUME) -> ReadOptions:
        """Return how volumes are read: with their axes squared if `ORTHONORMAL` is allowed."""
        return ReadOptions(max_bytes, square_axes=ORTHONORMAL in self.kinds)

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


def in_order(volume: DecodedVolume, reference: Geometry, whose: str, repairs: list[str], name: str) -> DecodedVolume:
    """Return a volume with its voxels in the order of a grid that has the same points in another order.

    Parameters
    ----------
    reference
        Of the image that a label or a channel belongs to, as its file has it.
    whose
        `grids.IMAGE` for a label, `grids.FIRST_CHANNEL` for a channel.
    name
        Of the file, for `repairs`.

    Returns
    -------
    volume
        The same object if its points are others, or in that order already.
    """
    own = volume.header.geometry
    order = other_order(own, reference)
    if order is None:
        return volume
    repairs.append(f"{name} {order_of(own, reference, whose)}; they were put into that order")
    arrays = [order.array(volume.channel(index)) for index in range(volume.header.channels)]
    return laid_anew(volume, arrays[0] if len(arrays) == 1 else np.stack(arrays), order.grid(own))


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
    return laid_anew(image, mended, image.header.geometry)


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
            return laid_anew(image, stored.astype(dtype), image.header.geometry)
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
    return laid_anew(volume, arrays[0] if len(arrays) == 1 else np.stack(arrays), ras[0].geometry)


def _is_wide(header: VolumeHeader) -> bool:
    return header.dtype.kind in "iu" and header.dtype.itemsize > 4
