"""Repairs during conversion, made only on request: each reports in numbers what it changed, or changes nothing.

``header``: a label takes its image's header. ``resample``: a label is resampled to its image's grid, a channel
to that of the first channel; see `resampling`. ``orthonormal``: axes that are not at right angles become the nearest
rotation. ``orientation``: volumes are turned to RAS+, which `restore` undoes. ``cast``: 64-bit integer images take
a 16- or 32-bit type that holds every value, if there is one; labels always take the smallest type.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import SegconvError
from ..image.geometry import NEAR_GRID_VOXELS, Geometry, Volume
from ..image.grids import order_of, other_order
from ..image.read_options import MAX_VOLUME, ReadOptions
from ..image.stored import DecodedVolume, VolumeHeader, laid_anew
from ..image.voxels import LARGEST, saturated_value
from .accepted import CAST, HEADER, ORIENTATION, ORTHONORMAL, REPAIRS, RESAMPLE

NARROW = ("int16", "int32", "uint32")
"""Types that 64-bit integers are cast to: the first that holds every value."""


@dataclass(frozen=True)
class AllowedRepairs:
    """The repairs that a user allows.

    Parameters
    ----------
    kinds
        Of `REPAIRS`.
    nonfinite
        Value that replaces NaN and infinity in images, or None.

    Raises
    ------
    SegconvError
        ``SC001`` for an unknown kind, for two that contradict each other, or for a value that is
        not a finite 32-bit float.
    """

    kinds: tuple[str, ...] = ()
    nonfinite: float | None = None

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.kinds if kind not in REPAIRS]
        if unknown:
            raise SegconvError(f"{unknown[0]}: no such repair", hint=f"known are {', '.join(REPAIRS)}")
        if {HEADER, RESAMPLE} <= set(self.kinds):
            raise SegconvError(
                "a label cannot both take its image's header and be resampled",
                hint="repair header if only that is wrong, or resample if the label is where its header says",
            )
        if self.nonfinite is not None and not abs(self.nonfinite) <= LARGEST:
            raise SegconvError(
                f"{self.nonfinite:g}, in the place of NaN and infinity, is no number to compute with",
                hint="give a finite value, such as the one that air has in the images",
            )

    def read_options(self, max_bytes: int = MAX_VOLUME) -> ReadOptions:
        """Return how to read volumes: with axes made orthogonal if `ORTHONORMAL` is allowed."""
        return ReadOptions(max_bytes, square_axes=ORTHONORMAL in self.kinds)

    @property
    def takes_header(self) -> bool:
        """Whether a label on another grid takes the header of its image."""
        return HEADER in self.kinds

    def grid(self, geometry: Geometry) -> Geometry:
        """Return the grid that a volume on this grid will have."""
        return self.turned(Volume(np.broadcast_to(np.uint8(0), geometry.array_shape), geometry)).geometry

    def turned(self, volume: Volume) -> Volume:
        """Return a volume ``(z, y, x)`` with its axes in their final order."""
        if ORIENTATION not in self.kinds:
            return volume
        from ..image.orientation import canonical

        return canonical(volume)

    def leaves(self, header: VolumeHeader) -> bool:
        """Return whether an image with this header needs no repair, whatever its voxels are."""
        finite = self.nonfinite is None or header.dtype.kind != "f"
        whole = CAST not in self.kinds or not _is_wide(header)
        return finite and whole and self.grid(header.geometry) == header.geometry


def goes_with_image(grid: Geometry, image: Geometry, allowed: AllowedRepairs) -> bool:
    """Return whether the voxels of a label correspond one to one to those of its image, whatever its own header says.

    They do if the label is on the image's grid, or takes its header. Such a label is turned with its image;
    any other is turned by its own header.

    Parameters
    ----------
    grid, image
        Of label and image, as in their files.
    """
    return grid.size == image.size and (allowed.takes_header or grid.displacement_voxels(image) <= NEAR_GRID_VOXELS)


def in_order(volume: DecodedVolume, reference: Geometry, whose: str, repairs: list[str], name: str) -> DecodedVolume:
    """Return a volume with its voxels in the order of a grid that has the same points in another order.

    Parameters
    ----------
    reference
        Of the image that a label or a channel belongs to, as in its file.
    whose
        `grids.IMAGE` for a label, `grids.FIRST_CHANNEL` for a channel.

    Returns
    -------
    volume
        The same object if its points are others, or are in that order already.
    """
    own = volume.header.geometry
    order = other_order(own, reference)
    if order is None:
        return volume
    repairs.append(f"{name} {order_of(own, reference, whose)}; they were put into that order")
    arrays = [order.array(volume.channel(index)) for index in range(volume.header.channels)]
    return laid_anew(volume, arrays[0] if len(arrays) == 1 else np.stack(arrays), order.grid(own))


def finite(image: DecodedVolume, allowed: AllowedRepairs, repairs: list[str], name: str) -> DecodedVolume:
    """Replace NaN and infinity in an image if that is allowed; return the same object if there are none."""
    value, stored = allowed.nonfinite, image.stored
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


def cast(image: DecodedVolume, allowed: AllowedRepairs, repairs: list[str], name: str) -> DecodedVolume:
    """Cast a 64-bit integer image to 16 or 32 bits, if that is allowed and every value fits.

    Returns
    -------
    cast
        The same object if it has another type, or its values need 64 bits.
    """
    if CAST not in allowed.kinds or not _is_wide(image.header):
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
    volume: DecodedVolume, allowed: AllowedRepairs, repairs: list[str], name: str, grid: Geometry | None = None
) -> DecodedVolume:
    """Turn a volume to RAS+ if that is allowed; return the same object if it already is RAS+.

    Parameters
    ----------
    grid
        Where its voxels are, if not where its header says.
    """
    own = grid or volume.header.geometry
    if ORIENTATION not in allowed.kinds or allowed.grid(own) == own:
        return volume
    from ..image.orientation import axis_codes

    channels = [volume.channel(index) for index in range(volume.header.channels)]
    ras = [allowed.turned(Volume(channel, own)) for channel in channels]
    arrays = [one.array for one in ras]
    repairs.append(f"{name}: turned from {axis_codes(own)} to {axis_codes(ras[0].geometry)}")
    return laid_anew(volume, arrays[0] if len(arrays) == 1 else np.stack(arrays), ras[0].geometry)


def _is_wide(header: VolumeHeader) -> bool:
    return header.dtype.kind in "iu" and header.dtype.itemsize > 4
