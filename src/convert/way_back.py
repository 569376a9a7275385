"""What the lineage keeps of where a user's files lie, and how predictions are laid there again.

A prediction comes in the dataset's order of voxels, with a header in which both forms are alike. The
user's file may have another order, and a header whose forms say different things to different
readers, are sheared, unset, or in metres: predictions lie on it in all readers only with the same header.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from ..image.formats import nifti
from ..image.geometry import Geometry
from ..image.orientation import same_points
from ..image.stored import DecodedVolume, laid_anew

TURNED_FROM = "turned_from"
FORMS = "forms"
WAY_BACK = (TURNED_FROM, FORMS)
"""Keys of `CaseRecord.label_file`: the grid of the user's file in its own order, and what its NIfTI header says."""


def turned_back(
    values: NDArray[Any], volume: DecodedVolume, stored: Mapping[str, Any]
) -> tuple[NDArray[Any], DecodedVolume]:
    """Return a prediction in the order of voxels that the user's file has; as it is, if its points are others.

    Parameters
    ----------
    values
        ``(z, y, x)``, on the grid of `volume`.
    stored
        How the user's label is stored; see `CaseRecord`.
    """
    own = Geometry.from_json(stored[TURNED_FROM]) if TURNED_FROM in stored else None
    order = None if own is None else same_points(volume.header.geometry, own)
    if own is None or order is None:
        return values, volume  # a turned copy of a case lies on a grid of its own
    array = order.array(values)
    return array, laid_anew(volume, array, own)


def nifti_bytes(values: NDArray[Any], volume: DecodedVolume, ending: str, stored: Mapping[str, Any]) -> bytes:
    """Return a prediction as a NIfTI file that lies where the user's file lies, whoever reads both.

    Parameters
    ----------
    values, stored
        As in `turned_back`.
    ending
        ``.nii`` or ``.nii.gz``.
    """
    grid = volume.header.geometry
    if isinstance(volume, nifti.Nifti) and volume.header.plain:
        buffers = nifti.encode_like(values, volume.header)
    else:
        buffers = nifti.encode(values, grid)
    buffers = nifti.with_own_forms(buffers, str(stored.get(FORMS, "")), grid)
    return b"".join(nifti.compress(buffers, ending))
