"""Put predictions back in the place of the user's files, using what the lineage keeps of them.

A prediction has the dataset's voxel order and a header in which both forms agree. The user's file may have another
order, and a header with forms that disagree between readers, are sheared, unset, or in metres: predictions match it in
all readers only with the same header.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from ...image.formats import nifti
from ...image.formats.nifti_label_table import with_label_table
from ...image.geometry import Geometry
from ...image.orientation import same_points
from ...image.stored import DecodedVolume, laid_anew

NO_NAMES: Mapping[int, str] = MappingProxyType({})


def turned_back(
    values: NDArray[Any], volume: DecodedVolume, own: Geometry | None
) -> tuple[NDArray[Any], DecodedVolume]:
    """Return a prediction in the voxel order of the user's file; unchanged if its points differ.

    Parameters
    ----------
    values
        ``(z, y, x)``, on the grid of `volume`.
    own
        The grid of the user's file, if it is another; see `StoredLabel.turned_from`.
    """
    order = None if own is None else same_points(volume.header.geometry, own)
    if own is None or order is None:
        return values, volume  # a turned copy of a case has a grid of its own
    array = order.array(values)
    return array, laid_anew(volume, array, own)


def nifti_bytes(
    values: NDArray[Any], volume: DecodedVolume, ending: str, forms: str, names: Mapping[int, str] = NO_NAMES
) -> bytes:
    """Return a prediction as a NIfTI file that every reader places where it places the user's file.

    Parameters
    ----------
    values
        ``(z, y, x)``, on the grid of `volume`.
    ending
        ``.nii`` or ``.nii.gz``.
    forms
        See `StoredLabel.forms`.
    names
        Value → name, to write into the header.
    """
    grid = volume.header.geometry
    if isinstance(volume, nifti.Nifti) and volume.header.plain:
        buffers = nifti.encode_like(values, volume.header)
    else:
        buffers = nifti.buffers_of(values, grid)
    buffers = nifti.with_own_forms(buffers, forms, grid)
    buffers = with_label_table(buffers, names) if names else buffers
    return b"".join(nifti.compress(buffers, ending))
