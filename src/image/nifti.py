"""NIfTI-1: a header that is judged, voxels decoded from bytes that were read once, and bytes written alike each time.

Source of the format: https://nifti.nimh.nih.gov/nifti-1 (nifti1.h). `nifti_block` knows the fields
of a header; which of its two forms counts is settled here as SimpleITK does it, because nnU-Net
reads through SimpleITK (`_spatial`).
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SegconvError
from . import content
from .geometry import ORTHONORMAL_TOLERANCE, RAS_FROM_LPS, SAME_GRID_VOXELS, Geometry, cure_of_shear, grid_of, squaring
from .gzipped import TRAILING_LIMIT, Buffer, deflated_pieces, inflate, inflate_head, is_gzip
from .nifti_block import DTYPES, NiftiBlock
from .stored import MAX_VOLUME as MAX_VOLUME
from .stored import DecodedVolume, VolumeHeader, arranged

HEADER_SIZE = 348
NIFTI_2 = 540
"""Size of the header of a NIfTI-2 file."""
VOXELS_AT = 352
"""Voxels of a single file begin here at the earliest: the header and four bytes about extensions."""

HEAD_BYTES = 1 << 16
"""So much of a file is enough to inflate its header."""

EXTENSION_LIMIT = 1 << 24
"""Header extensions may take so many bytes."""

_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
_UNIT_NAMES = {0: "unset", 1: "metre", 2: "mm", 3: "micrometre"}
_TYPE_NAMES = {1: "bit", 32: "complex64", 128: "RGB", 1536: "float128", 1792: "complex128", 2304: "RGBA"}
_FORM_TOLERANCE = 1e-3
"""Relative difference of a form's scales to pixdim above which SimpleITK does not trust the form."""


@dataclass(frozen=True)
class NiftiHeader(VolumeHeader):
    """What a NIfTI header says, after it was found to be usable.

    Parameters
    ----------
    offset
        Where the voxels begin, in the inflated bytes.
    block
        The 348 bytes themselves.
    """

    offset: int
    block: bytes

    @property
    def plain(self) -> bool:
        """As of any volume; voxels of one byte do not show the order of bytes, their header does."""
        return super().plain and int.from_bytes(self.block[:4], sys.byteorder) == HEADER_SIZE


@dataclass(frozen=True)
class Nifti(DecodedVolume):
    """A decoded file.

    Parameters
    ----------
    raw
        Its inflated bytes; not writable.
    """

    header: NiftiHeader
    raw: Buffer

    @property
    def stored(self) -> NDArray[Any]:
        """Stored voxels, ``(z, y, x)``, or ``(channel, z, y, x)`` if there are several; not writable."""
        return arranged(self.raw, self.header, self.header.offset, interleaved=False)

    def channel_bytes(self, channel: int) -> memoryview:
        """Bytes of the stored voxels of one channel, a slab of `raw` that is not copied."""
        header = self.header
        start = header.offset + channel * header.slab_bytes
        return memoryview(self.raw)[start : start + header.slab_bytes]


def read_header(head: Buffer) -> NiftiHeader:
    """Judge the first bytes of an inflated NIfTI file.

    Parameters
    ----------
    head
        At least `VOXELS_AT` bytes.

    Raises
    ------
    SegconvError
        ``SC051`` if this is no single-file NIfTI-1; ``SC053`` if sizes or offsets are impossible;
        ``SC056`` for complex, colour and other voxels that nnU-Net cannot be trained on; ``SC057``
        if spacing, origin or direction is not usable.
    """
    block = bytes(head[:HEADER_SIZE])
    _refuse_other_formats(block)
    header = NiftiBlock(block)
    size, channels, four_dimensional = _shape(header)
    dtype = _voxel_type(header)
    offset = float(header["vox_offset"])
    # With 0 nibabel reads from byte 352 and SimpleITK from 348: other voxels.
    if not (VOXELS_AT <= offset <= VOXELS_AT + EXTENSION_LIMIT and offset == int(offset)):
        raise SegconvError(f"voxels are said to begin at byte {offset:g}, not at {VOXELS_AT} or later", code="SC053")
    slope, intercept = _scaling(header)
    geometry, oddities = _spatial(header, size)
    return NiftiHeader(geometry, channels, dtype, slope, intercept, four_dimensional, oddities, int(offset), block)


def probe(data: Buffer) -> NiftiHeader:
    """Judge the header of a file from its first `HEAD_BYTES` bytes, gzipped or not."""
    head = data
    if is_gzip(data):
        head = inflate_head(data, VOXELS_AT)
        if len(head) < VOXELS_AT:
            inflate(data, VOXELS_AT)  # tells a stream that is cut from one that holds something else
    return read_header(head)


def decode(data: Buffer, limit: int = MAX_VOLUME) -> Nifti:
    """Decode a whole file, proving every byte of it.

    Parameters
    ----------
    data
        The file, gzipped or not; its name does not matter.
    limit
        Most bytes that the voxels may take.

    Raises
    ------
    SegconvError
        What `read_header` raises; ``SC050`` for a damaged gzip stream; ``SC052`` if voxels are
        missing; ``SC054`` if it is larger than `limit` or carries more than 1 MiB after its end.
    """
    header = probe(data)
    if header.voxel_bytes > limit:
        raise SegconvError(f"decodes to {header.voxel_bytes} bytes, at most {limit} are allowed", code="SC054")
    end = header.offset + header.voxel_bytes
    raw, alone = inflate(data, end + TRAILING_LIMIT) if is_gzip(data) else (bytes(data), True)
    if len(raw) < end:
        raise SegconvError(f"ends after {len(raw)} bytes, its header promises {end}", code="SC052")
    if len(raw) > end + TRAILING_LIMIT:
        raise SegconvError(f"{len(raw) - end} bytes follow the last voxel, at most {TRAILING_LIMIT} may", code="SC054")
    trailing = len(raw) > end or not alone
    return Nifti(header, header.plain and not trailing, trailing, raw)


def trailing_bytes(data: Buffer, image: Nifti) -> bool:
    """Return whether anything follows the last voxel, or the first gzip member of `data`."""
    return image.trailing


def new_header(geometry: Geometry, dtype: np.dtype[Any]) -> bytes:
    """Return the 352 bytes before the voxels of a file on this grid, in mm, with both forms alike."""
    header = NiftiBlock()
    header.set_dtype(dtype)
    header.set_shape(geometry.size)
    header.set_forms(geometry.affine_ras, geometry.spacing_mm)
    return _finish(header)


def channel_header(header: NiftiHeader) -> bytes:
    """Return the 352 bytes before the voxels of one channel of a file, its scaling and forms unchanged.

    Free text is dropped. A header with oddities gets fresh forms; its voxels are expected in
    native byte order.
    """
    if not header.plain:
        fresh = NiftiBlock(new_header(header.geometry, header.dtype))
        if header.scaled:
            fresh["scl_slope"], fresh["scl_inter"] = header.slope, header.intercept
        return _finish(fresh)
    own = NiftiBlock(header.block)
    own.set_shape(header.geometry.size)
    for text in ("descrip", "aux_file", "intent_name", "db_name", "data_type"):
        own[text] = b""
    return _finish(own)


def encode(array: NDArray[Any], geometry: Geometry) -> list[Any]:
    """Return the buffers of an uncompressed file, to be joined, written or passed to `compress`.

    Parameters
    ----------
    array
        ``(z, y, x)``, any real type that NIfTI-1 knows.
    geometry
        The grid, three-dimensional.
    """
    if array.shape != geometry.array_shape:
        raise ValueError(f"array of shape {array.shape} is not on a grid of shape {geometry.array_shape}")
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    return [new_header(geometry, native.dtype), native.reshape(-1).view(np.uint8)]


def encode_like(array: NDArray[Any], header: NiftiHeader) -> list[Any]:
    """Return the buffers of a file with the forms of another, bit for bit, and voxels of another type.

    Parameters
    ----------
    array
        ``(z, y, x)`` on the grid of `header`.
    header
        One without oddities, whose scaling does not apply to `array`.
    """
    own = NiftiBlock(channel_header(header))
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    own.set_dtype(native.dtype)
    own["scl_slope"], own["scl_inter"] = 1.0, 0.0
    own["cal_min"], own["cal_max"] = 0.0, 0.0
    return [_finish(own), native.reshape(-1).view(np.uint8)]


def compress(buffers: list[Any], ending: str) -> list[Any]:
    """Return the pieces of a file, in order, from the buffers of `encode`: gzipped if the ending asks for it."""
    return deflated_pieces(buffers) if ending.endswith(".gz") else buffers


def _finish(header: NiftiBlock) -> bytes:
    header["magic"] = b"n+1"
    header["vox_offset"] = VOXELS_AT
    header["xyzt_units"] = 2
    return header.to_bytes() + bytes(VOXELS_AT - HEADER_SIZE)


def _refuse_other_formats(block: bytes) -> None:
    if not block or content.kind_of(block) not in (None, "NIfTI volume"):
        raise content.refuse(block, "a single-file NIfTI-1")
    if len(block) < HEADER_SIZE:
        raise SegconvError(f"ends after {len(block)} bytes, a NIfTI header takes {HEADER_SIZE}", code="SC052")
    if NIFTI_2 in (int.from_bytes(block[:4], "little"), int.from_bytes(block[:4], "big")):
        raise SegconvError(
            "is NIfTI-2, expected NIfTI-1: SimpleITK, through which nnU-Net reads, does not know it",
            code="SC051",
            hint="save it as NIfTI-1, for instance as nibabel.Nifti1Image(image.dataobj, image.affine)",
        )
    if block[344:348] == b"ni1\0":
        raise SegconvError(
            "is the header of a pair of files, expected a single-file NIfTI-1",
            code="SC051",
            hint="save both as one file, for instance with nibabel",
        )
    if block[344:348] != b"n+1\0":
        raise SegconvError(
            f"is no single-file NIfTI-1: its magic is {block[344:348]!r}, expected b'n+1\\x00'", code="SC051"
        )
    if HEADER_SIZE not in (int.from_bytes(block[:4], "little"), int.from_bytes(block[:4], "big")):
        raise SegconvError("the header does not begin with its own length, 348", code="SC051")


def _shape(header: NiftiBlock) -> tuple[tuple[int, ...], int, bool]:
    """Size ``(x, y, z)``, number of channels, and whether a fourth axis is declared."""
    dims = [int(d) for d in header["dim"]]
    n = dims[0]
    if not 2 <= n <= 7:
        raise SegconvError(f"declares {n} dimensions, expected 2 to 4", code="SC053")
    shape = dims[1 : n + 1]
    if any(d < 1 for d in shape):
        raise SegconvError(f"declares the shape {tuple(shape)}; each axis must be at least 1", code="SC053")
    if any(d != 1 for d in shape[4:]):
        raise SegconvError(f"declares the shape {tuple(shape)}, expected at most 4 dimensions", code="SC084")
    while len(shape) < 4:
        shape.append(1)
    return tuple(shape[:3]), shape[3], n >= 4


def _voxel_type(header: NiftiBlock) -> np.dtype[Any]:
    code = int(header["datatype"])
    if code not in DTYPES:
        raise SegconvError(f"has voxels of type {_TYPE_NAMES.get(code, f'{code}, which is unknown')}", code="SC056")
    dtype = header.voxel_dtype()
    if int(header["bitpix"]) != dtype.itemsize * 8:
        raise SegconvError(
            f"says {int(header['bitpix'])} bits a voxel, its type {dtype.name} has {dtype.itemsize * 8}", code="SC053"
        )
    return dtype


def _scaling(header: NiftiBlock) -> tuple[float, float]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not math.isfinite(slope) or slope == 0:
        return 1.0, 0.0
    if abs(slope) < np.finfo(np.float64).eps:
        raise SegconvError(f"has the slope {slope:g}, which readers take for none or multiply by", code="SC053")
    if not math.isfinite(intercept):
        raise SegconvError(f"has the slope {slope:g} but the intercept {intercept}", code="SC053")
    return slope, intercept


def _spatial(header: NiftiBlock, size: tuple[int, ...]) -> tuple[Geometry, tuple[tuple[str, str], ...]]:
    """Return the geometry that SimpleITK reads from a header, and what is odd about it.

    The rule was observed on SimpleITK 2.5.7 and is pinned by a test over all combinations of codes:
    the sform counts if it is orthonormal and its code is 1 or the qform has none; otherwise the
    qform; with neither, a grid along the LPS axes at the origin. The spacing is always pixdim.
    """
    oddities: list[tuple[str, str]] = []
    unit = int(header["xyzt_units"]) & 7
    scale = _MM_PER_UNIT.get(unit, 1.0)
    if scale != 1.0:
        oddities.append(("SC092", f"lengths are in {_UNIT_NAMES[unit]}; converted to mm"))
    pixdim = np.array([float(step) for step in header["pixdim"][1:4]])
    # Axes that are not declared need no spacing.
    pixdim = np.where(np.arange(3) < int(header["dim"][0]), pixdim, 1.0)
    if not (np.isfinite(pixdim).all() and (pixdim > 0).all()):
        raise SegconvError(f"has the spacing {tuple(pixdim.tolist())}, expected numbers above 0", code="SC057")
    qform, sform = _forms(header)
    if qform is None and sform is None:
        oddities.append(("SC092", "neither qform nor sform is set; the grid is taken to lie along the LPS axes"))
        return Geometry.plain(size, tuple(pixdim * scale)), tuple(oddities)
    of_sform = None if sform is None else _grid(sform, pixdim, size, scale)
    of_qform = None if qform is None else _grid(qform, pixdim, size, scale)
    if sform is not None and of_sform is not None:
        _refuse_other_spacing(sform, pixdim)
    if of_sform is not None and (of_qform is None or int(header["sform_code"]) == 1):
        chosen, other = of_sform, of_qform
    elif of_qform is not None:
        chosen, other = of_qform, of_sform
        if sform is not None and of_sform is None:
            oddities.append(("SC092", "the sform is not orthonormal; the qform was kept, as SimpleITK reads it"))
    elif squaring() and sform is not None:
        return _squared(sform, pixdim, size, scale, oddities), tuple(oddities)
    else:
        raise SegconvError(
            "has an affine that is sheared or not finite, and no qform",
            code="SC057",
            hint=cure_of_shear((sform if sform is not None else np.zeros((4, 4)))[:3, :3]),
        )
    if other is not None:
        apart = chosen.displacement_voxels(other)
        if apart > SAME_GRID_VOXELS + _quaternion_error_rad(header) * chosen.diagonal_voxels:
            if chosen is of_qform and qform is not None and sform is not None and _same_axes(qform, sform):
                wins = _sform_wins(qform, sform)
                if wins is None:
                    raise SegconvError(
                        "its qform and sform have one origin and the same oblique axes, turned or mirrored:"
                        " it cannot be told which of them readers take",
                        code="SC057",
                        hint="set both forms from the right one, for instance with fslorient or nibabel",
                    )
                chosen = of_sform if wins and of_sform is not None else chosen
            kept = "sform" if chosen is of_sform else "qform"
            oddities.append(
                ("SC092", f"qform and sform lie {apart:.3g} voxels apart; the {kept} was kept, as SimpleITK reads it")
            )
    return chosen, tuple(oddities)


def _same_axes(qform: NDArray[np.float64], sform: NDArray[np.float64]) -> bool:
    """Return whether two forms differ by no more than which way, and in which order, their axes run.

    ITK takes such forms for equal if the left singular vectors of both happen to be alike, and then
    prefers the sform (``itkNiftiImageIO.cxx``); their signs depend on the library that computes them.
    """
    if not np.allclose(qform[:3, 3], sform[:3, 3], rtol=1e-3, atol=1e-3):
        return False
    first, second = (form[:3, :3] @ form[:3, :3].T for form in (qform, sform))
    return bool(np.allclose(first, second, rtol=1e-3, atol=1e-3 * float(np.abs(first).max())))


def _sform_wins(qform: NDArray[np.float64], sform: NDArray[np.float64]) -> bool | None:
    """Return whether ITK prefers the sform of two forms with the same axes; None where that cannot be computed.

    Along the axes of the patient its singular vectors come out as ours do, which a test over all
    turns and mirrors holds against SimpleITK; unless two spacings are equal and axes change places.
    """
    aligned = all((np.abs(form[:3, :3]) > 1e-6 * np.abs(form[:3, :3]).max()).sum() == 3 for form in (qform, sform))
    diagonal = aligned and all(np.count_nonzero(np.diag(form[:3, :3])) == 3 for form in (qform, sform))
    steps = np.linalg.norm(qform[:3, :3], axis=0)
    distinct = min(abs(steps[i] - steps[j]) for i, j in ((0, 1), (0, 2), (1, 2))) > 1e-3 * steps.max()
    if not aligned or not (diagonal or distinct):
        return None
    of_q, of_s = (np.linalg.svd(np.where(np.abs(m) > 1e-6, m, 0))[0] for m in (qform[:3, :3], sform[:3, :3]))
    return bool(np.allclose(of_q, of_s, atol=1e-3))


def _quaternion_error_rad(header: NiftiBlock) -> float:
    """Return how far rounding alone may turn a qform.

    NIfTI stores three float32 components of a unit quaternion; the fourth, ``a = √(1-b²-c²-d²)``,
    inherits their error divided by itself, and readers take it for 0 where ``a²`` is within the
    error of 1. So turns near 180° are only known to a milliradian.
    """
    epsilon = float(np.finfo(np.float32).eps)
    square = 1 - sum(float(header[f"quatern_{axis}"]) ** 2 for axis in "bcd")
    if square < 4 * epsilon:
        return 2 * math.sqrt(4 * epsilon)
    return 2 * epsilon / math.sqrt(square)


def _forms(header: NiftiBlock) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """The two affines (RAS, in the header's unit) whose codes are set."""
    qform = sform = None
    if int(header["qform_code"]) > 0:
        numbers = [float(header[f"quatern_{axis}"]) for axis in "bcd"] + [float(header[f"qoffset_{a}"]) for a in "xyz"]
        if not all(map(math.isfinite, numbers)) or sum(n * n for n in numbers[:3]) > 1 + 1e-4:
            raise SegconvError("its qform holds no rotation", code="SC057")
        qform = header.qform()
    if int(header["sform_code"]) > 0:
        sform = header.sform()
        if not np.isfinite(sform).all():  # some readers never come back from it, whatever the qform says
            raise SegconvError("its sform holds numbers that are not finite", code="SC057")
    return qform, sform


def _refuse_other_spacing(sform: NDArray[np.float64], pixdim: NDArray[np.float64]) -> None:
    lengths = np.linalg.norm(sform[:3, :3], axis=0)
    if not np.allclose(lengths, pixdim, rtol=_FORM_TOLERANCE, atol=1e-6):
        raise SegconvError(
            f"its sform has the spacing {tuple(lengths.round(6).tolist())}, its pixdim {tuple(pixdim.tolist())}",
            code="SC057",
            hint="set both forms from the right one, for instance with fslorient or nibabel",
        )


def _squared(
    sform: NDArray[np.float64],
    pixdim: NDArray[np.float64],
    size: tuple[int, ...],
    scale: float,
    oddities: list[tuple[str, str]],
) -> Geometry:
    """The grid with the rotation that is nearest to a sheared sform, and the spacing of pixdim."""
    lengths = np.linalg.norm(sform[:3, :3], axis=0)
    if not (lengths > 0).all():
        raise SegconvError("has an affine with an axis of length zero", code="SC057")
    _refuse_other_spacing(sform, pixdim)
    lps = RAS_FROM_LPS[:3, :3] @ sform[:3, :3] / lengths
    origin = RAS_FROM_LPS[:3, :3] @ sform[:3, 3] * scale
    return grid_of(size, tuple((pixdim * scale).tolist()), tuple(origin.tolist()), lps, oddities)


def _grid(
    affine: NDArray[np.float64], pixdim: NDArray[np.float64], size: tuple[int, ...], scale: float
) -> Geometry | None:
    """The grid of one form with the spacing of pixdim, or None if the form is no rotation."""
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or not (lengths > 0).all():
        return None
    cosines = affine[:3, :3] / lengths
    if np.abs(cosines.T @ cosines - np.eye(3)).max() > ORTHONORMAL_TOLERANCE:
        return None
    unscaled = affine.copy()
    unscaled[:3, :3] = cosines
    grid = Geometry.from_affine_ras(unscaled, size)
    return Geometry(
        size,
        tuple((pixdim * scale).tolist()),
        tuple(o * scale for o in grid.origin_mm),
        grid.direction,
    )
