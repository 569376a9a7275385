"""The 348 bytes of a NIfTI-1 header: named fields in either byte order, and the two forms of the affine.

Source: nifti1.h, https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h. nibabel does the same,
and tests compare every field and both forms with it; but loading it takes each worker a third of a
second, longer than a volume takes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZE = 348

FORM_FIELDS = (slice(76, 92), slice(123, 124), slice(252, 328))
"""The bytes of the two forms: qfac and spacing, units, and everything from ``qform_code`` to ``srow_z``."""

FORMS_BYTES = sum(part.stop - part.start for part in FORM_FIELDS)
"""How many bytes these are."""
_SPATIAL = (slice(0, 4), slice(40, 56), *FORM_FIELDS)
"""Where a header says its byte order, its size and its grid."""

_FIELDS = [
    ("sizeof_hdr", "i4"), ("data_type", "S10"), ("db_name", "S18"), ("extents", "i4"), ("session_error", "i2"),
    ("regular", "S1"), ("dim_info", "u1"), ("dim", "i2", (8,)), ("intent_p1", "f4"), ("intent_p2", "f4"),
    ("intent_p3", "f4"), ("intent_code", "i2"), ("datatype", "i2"), ("bitpix", "i2"), ("slice_start", "i2"),
    ("pixdim", "f4", (8,)), ("vox_offset", "f4"), ("scl_slope", "f4"), ("scl_inter", "f4"), ("slice_end", "i2"),
    ("slice_code", "u1"), ("xyzt_units", "u1"), ("cal_max", "f4"), ("cal_min", "f4"), ("slice_duration", "f4"),
    ("toffset", "f4"), ("glmax", "i4"), ("glmin", "i4"), ("descrip", "S80"), ("aux_file", "S24"),
    ("qform_code", "i2"), ("sform_code", "i2"), ("quatern_b", "f4"), ("quatern_c", "f4"), ("quatern_d", "f4"),
    ("qoffset_x", "f4"), ("qoffset_y", "f4"), ("qoffset_z", "f4"), ("srow_x", "f4", (4,)), ("srow_y", "f4", (4,)),
    ("srow_z", "f4", (4,)), ("intent_name", "S16"), ("magic", "S4"),
]  # fmt: skip
_LITTLE: np.dtype[Any] = np.dtype(_FIELDS).newbyteorder("<")
_BIG = _LITTLE.newbyteorder(">")

DTYPES: dict[int, np.dtype[Any]] = {
    2: np.dtype("u1"), 4: np.dtype("i2"), 8: np.dtype("i4"), 16: np.dtype("f4"), 64: np.dtype("f8"),
    256: np.dtype("i1"), 512: np.dtype("u2"), 768: np.dtype("u4"), 1024: np.dtype("i8"), 1280: np.dtype("u8"),
}  # fmt: skip
"""Code of the header → type of voxels, for the types that are numbers of up to 64 bits."""

_CODES = {dtype: code for code, dtype in DTYPES.items()}


class NiftiBlock:
    """A header with fields by name.

    Parameters
    ----------
    block
        348 bytes; an empty header in native byte order if None.
    """

    def __init__(self, block: bytes | None = None) -> None:
        if block is None:
            self._fields = np.zeros((), dtype=_LITTLE if np.little_endian else _BIG)
            self["sizeof_hdr"] = SIZE
            self["regular"] = b"r"
            self["dim"] = 1
            self["pixdim"] = 1
            self["scl_slope"], self["scl_inter"] = 1, 0
            return
        little = int.from_bytes(block[:4], "little") == SIZE
        self._fields = np.frombuffer(block[:SIZE], dtype=_LITTLE if little else _BIG).reshape(()).copy()

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._fields[name] = value

    def voxel_dtype(self) -> np.dtype[Any]:
        """Return the type of the voxels, one of `DTYPES`, in the byte order of the header."""
        dtype: np.dtype[Any] = DTYPES[int(self["datatype"])]
        return dtype if self._fields.dtype["dim"].base.isnative else dtype.newbyteorder()

    def to_bytes(self) -> bytes:
        """Return the 348 bytes."""
        return self._fields.tobytes()

    def only_spatial(self) -> bytes:
        """Return the 348 bytes with zeros for all fields that say nothing of the grid."""
        own, block = self.to_bytes(), bytearray(SIZE)
        for part in _SPATIAL:
            block[part] = own[part]
        return bytes(block)

    def little_endian(self) -> bytes:
        """Return the 348 bytes with the least byte of each number first."""
        return self._fields.astype(_LITTLE).tobytes()

    def native(self) -> bytes:
        """Return the 348 bytes in the byte order of this machine."""
        return self._fields.astype(_LITTLE if np.little_endian else _BIG).tobytes()

    def set_dtype(self, dtype: np.dtype[Any]) -> None:
        """Set the type of the voxels; the byte order stays that of the header."""
        native = dtype.newbyteorder("=")
        self["datatype"], self["bitpix"] = _CODES[native], native.itemsize * 8

    def set_shape(self, size: tuple[int, ...]) -> None:
        """Set the axes, ``(x, y, z)``; further axes get the length 1."""
        self["dim"] = 1
        self["dim"][0] = len(size)
        self["dim"][1 : len(size) + 1] = size

    def set_forms(self, affine_ras: NDArray[np.float64], spacing_mm: tuple[float, ...]) -> None:
        """Set both forms to one affine, voxel index to RAS mm, with code 1 ("scanner")."""
        cosines = affine_ras[:3, :3] / np.array(spacing_mm)
        mirrored = float(np.linalg.det(cosines)) < 0
        if mirrored:
            cosines = cosines * (1, 1, -1)
        self["pixdim"][0] = -1 if mirrored else 1
        self["pixdim"][1:4] = spacing_mm
        for axis, number in zip("bcd", quaternion(cosines)[1:], strict=True):
            self[f"quatern_{axis}"] = number
        for axis, offset in zip("xyz", affine_ras[:3, 3], strict=True):
            self[f"qoffset_{axis}"] = offset
        for axis, row in zip("xyz", affine_ras[:3], strict=True):
            self[f"srow_{axis}"] = row
        self["qform_code"] = self["sform_code"] = 1

    def sform(self) -> NDArray[np.float64]:
        """Return the sform, voxel index to RAS in the header's unit."""
        affine = np.eye(4)
        for row, axis in enumerate("xyz"):
            affine[row] = self[f"srow_{axis}"]
        return affine

    def qform(self) -> NDArray[np.float64]:
        """Return the qform, voxel index to RAS in the header's unit, as SimpleITK reads it.

        Only a negative qfac (``pixdim[0]``) mirrors the third axis. A quaternion that rounding made too
        long is shortened.
        """
        b, c, d = (float(self[f"quatern_{axis}"]) for axis in "bcd")
        square = b * b + c * c + d * d
        # Within the error of float32, a rotation by 180° has no real part.
        a = math.sqrt(1 - square) if 1 - square >= 3 * np.finfo(np.float32).eps else 0.0
        if square > 1:
            b, c, d = (number / math.sqrt(square) for number in (b, c, d))
        rotation = np.array(
            [
                [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
                [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
                [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
            ]
        )
        steps = np.array([float(step) for step in self["pixdim"][1:4]])
        affine = np.eye(4)
        affine[:3, :3] = rotation * steps * (1, 1, -1 if float(self["pixdim"][0]) < 0 else 1)
        affine[:3, 3] = [float(self[f"qoffset_{axis}"]) for axis in "xyz"]
        return affine


def quaternion(rotation: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Return the unit quaternion ``(a, b, c, d)`` of a rotation matrix, with a non-negative real part.

    The largest component is computed first, to avoid division by a small number (Shepperd 1978,
    https://doi.org/10.2514/3.55767b).
    """
    r = rotation
    trace = float(np.trace(r))
    squares = (trace, float(r[0, 0]), float(r[1, 1]), float(r[2, 2]))
    largest = int(np.argmax(squares))
    numbers = [0.0, 0.0, 0.0, 0.0]
    if largest == 0:
        numbers[0] = 1 + trace
        numbers[1:] = [float(r[2, 1] - r[1, 2]), float(r[0, 2] - r[2, 0]), float(r[1, 0] - r[0, 1])]
    else:
        i = largest - 1
        j, k = (i + 1) % 3, (i + 2) % 3
        numbers[0] = float(r[k, j] - r[j, k])
        numbers[1 + i] = 1 + float(r[i, i] - r[j, j] - r[k, k])
        numbers[1 + j] = float(r[i, j] + r[j, i])
        numbers[1 + k] = float(r[i, k] + r[k, i])
    length = math.copysign(math.sqrt(sum(n * n for n in numbers)), numbers[0] or 1.0)
    a, b, c, d = (n / length for n in numbers)
    return a, b, c, d
