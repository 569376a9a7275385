"""The place of the voxels in a NIfTI-1 header: its two forms, which of them counts, and how to restore them.

The choice between the forms follows SimpleITK, because nnU-Net reads through it. The forms of a file are
kept as text, bit for bit, so that every reader places a prediction where it places the file.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...errors import SegconvError
from ..geometry import (
    NEAR_GRID_VOXELS,
    ORTHONORMAL_TOLERANCE,
    RAS_FROM_LPS,
    SAME_GRID_VOXELS,
    Geometry,
    grid_of,
    shear_in_words,
    sheared_error,
)
from ..read_options import ANY_AXES, ReadOptions
from .nifti_block import FORM_FIELDS, FORMS_BYTES, NiftiBlock

_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
_UNIT_NAMES = {0: "unset", 1: "metre", 2: "mm", 3: "micrometre"}
BOTH_FORMS = "set both forms from the right one, for instance with fslorient or nibabel"
"""Advice on forms that contradict each other."""

FORM_TOLERANCE = 1e-3
"""Relative difference of a form's scales to pixdim above which SimpleITK does not trust the form."""


def forms_of(block: bytes) -> str:
    """Return all fields that place the voxels, as little-endian hexadecimal text."""
    little = NiftiBlock(block).little_endian()
    return b"".join(little[part] for part in FORM_FIELDS).hex()


def with_forms(block: bytes, forms: str, grid: Geometry) -> bytes:
    """Return a header with the forms of another file, bit for bit, if they describe the same grid.

    Parameters
    ----------
    block
        348 bytes of a volume of three dimensions, in native byte order.
    forms
        Result of `forms_of`.
    grid
        The grid of its voxels.

    Returns
    -------
    block
        Unchanged if there are no forms, or if SimpleITK would read another grid from them.
    """
    try:
        kept = bytes.fromhex(forms)
    except ValueError:
        return block
    if len(kept) != FORMS_BYTES:
        return block
    little = bytearray(NiftiBlock(block).little_endian())
    at = 0
    for part in FORM_FIELDS:
        length = part.stop - part.start
        little[part] = kept[at : at + length]
        at += length
    own = NiftiBlock(bytes(little))
    try:
        found, _ = spatial(own, grid.size, ANY_AXES)  # squaring does not change the others
    except SegconvError:
        return block
    return own.native() if found.displacement_voxels(grid) <= NEAR_GRID_VOXELS else block


def with_sheared(block: bytes, grid: Geometry) -> bytes:
    """Return a header whose sform has the sheared axes of a grid; the qform stays the nearest rotation.

    Parameters
    ----------
    block
        As for `with_forms`.
    grid
        Sheared.
    """
    own = NiftiBlock(block)
    affine = grid.affine_ras
    if (sheared := grid.sheared_matrix) is not None:
        affine[:3, :3] = RAS_FROM_LPS[:3, :3] @ sheared * np.array(grid.spacing_mm)
    own["srow_x"], own["srow_y"], own["srow_z"] = affine[:3]
    return own.to_bytes()


@dataclass(frozen=True)
class _Form:
    """A form that is a rotation.

    Parameters
    ----------
    name
        ``"qform"`` or ``"sform"``.
    affine
        Voxel index to RAS in the header's unit, ``(4, 4)``.
    grid
        Grid with the spacing of pixdim, in mm.
    """

    name: str
    affine: NDArray[np.float64]
    grid: Geometry


@dataclass(frozen=True)
class _Steps:
    """The part that both forms share: the size, the spacing in pixdim, and mm per unit of the header."""

    size: tuple[int, ...]
    pixdim: NDArray[np.float64]
    scale: float

    @property
    def spacing_mm(self) -> tuple[float, ...]:
        return tuple((self.pixdim * self.scale).tolist())

    def form(self, name: str, affine: NDArray[np.float64] | None) -> _Form | None:
        """Return a form; None if it is not set or not a rotation."""
        if affine is None:
            return None
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        if not np.isfinite(affine).all() or not (lengths > 0).all():
            return None
        cosines = affine[:3, :3] / lengths
        if np.abs(cosines.T @ cosines - np.eye(3)).max() > ORTHONORMAL_TOLERANCE:
            return None
        unscaled = affine.copy()
        unscaled[:3, :3] = cosines
        grid = Geometry.from_affine_ras(unscaled, self.size)
        origin = tuple(o * self.scale for o in grid.origin_mm)
        return _Form(name, affine, Geometry(self.size, self.spacing_mm, origin, grid.direction))

    def apart_mm(self, qform: NDArray[np.float64], sform: NDArray[np.float64]) -> str:
        """Return the largest distance between the corners of two forms, as text."""
        corners = np.array(list(itertools.product(*((0, s - 1) for s in self.size), (1,))), dtype=np.float64)
        return f"{np.linalg.norm((corners @ (qform - sform).T)[:, :3], axis=1).max() * self.scale:.3g}"


def spatial(
    header: NiftiBlock, size: tuple[int, ...], how: ReadOptions
) -> tuple[Geometry, tuple[tuple[str, str], ...]]:
    """Return the geometry that SimpleITK reads from a header, and its oddities.

    The rule was observed on SimpleITK 2.5.7 and is pinned by a test over all combinations of codes:
    the sform counts if it is orthonormal and its code is 1 or the qform has none; otherwise the
    qform; with neither, a grid along the LPS axes at the origin. The spacing is always pixdim.
    """
    return _spatial(header.only_spatial(), size, how)


@lru_cache(maxsize=1 << 8)  # image and label of a case agree, and often all cases of a set
def _spatial(block: bytes, size: tuple[int, ...], how: ReadOptions) -> tuple[Geometry, tuple[tuple[str, str], ...]]:
    header = NiftiBlock(block)
    oddities: list[tuple[str, str]] = []
    unit = int(header["xyzt_units"]) & 7
    steps = _Steps(size, _pixdim(header), _MM_PER_UNIT.get(unit, 1.0))
    if steps.scale != 1.0:
        oddities.append(("SC092", f"lengths are in {_UNIT_NAMES[unit]}; converted to mm"))
    q_affine, s_affine = _forms(header)
    if q_affine is None and s_affine is None:
        oddities.append(("SC092", "neither qform nor sform is set; the grid is taken to lie along the LPS axes"))
        return Geometry.plain(size, steps.spacing_mm), tuple(oddities)
    qform, sform = steps.form("qform", q_affine), steps.form("sform", s_affine)
    if sform is not None:
        _refuse_other_spacing(sform.affine, steps.pixdim)
    if qform is not None and sform is not None:
        grid = _of_two(qform, sform, header, steps, oddities)
    elif sform is not None:
        grid = sform.grid
    elif qform is not None:
        grid = qform.grid
        if s_affine is not None:
            off = f"lies up to {steps.apart_mm(qform.affine, s_affine)} mm off the qform; the qform was kept"
            oddities.append(("SC092", f"the sform is not orthonormal (sheared) and {off}, as SimpleITK reads it"))
    else:
        grid = _of_no_rotation(s_affine, steps, how, oddities)
    return grid, tuple(oddities)


def _pixdim(header: NiftiBlock) -> NDArray[np.float64]:
    """Return the spacing in a header, ``(x, y, z)`` in its unit; undeclared axes need none."""
    said = np.array([float(step) for step in header["pixdim"][1:4]])
    pixdim = np.where(np.arange(3) < int(header["dim"][0]), said, 1.0)
    if not (np.isfinite(pixdim).all() and (pixdim > 0).all()):
        raise SegconvError(f"has the spacing {tuple(pixdim.tolist())}, expected numbers above 0", code="SC057")
    return pixdim


def _of_two(qform: _Form, sform: _Form, header: NiftiBlock, steps: _Steps, oddities: list[tuple[str, str]]) -> Geometry:
    """Return the grid of the form that SimpleITK takes of two; if they differ, report it."""
    chosen = sform if int(header["sform_code"]) == 1 else qform
    apart = chosen.grid.displacement_voxels(qform.grid if chosen is sform else sform.grid)
    if apart <= SAME_GRID_VOXELS + _quaternion_error_rad(header) * chosen.grid.diagonal_voxels:
        return chosen.grid
    if chosen is qform and _same_axes(qform.affine, sform.affine):
        wins = _sform_wins(qform.affine, sform.affine)
        if wins is None:
            raise SegconvError(
                "its qform and sform have one origin and the same oblique axes, turned or mirrored:"
                " it cannot be known which of them readers take",
                code="SC057",
                hint=BOTH_FORMS,
            )
        chosen = sform if wins else qform
    far = f"{apart:.3g} voxels ({steps.apart_mm(qform.affine, sform.affine)} mm)"
    oddities.append(("SC092", f"qform and sform lie {far} apart; the {chosen.name} was kept, as SimpleITK reads it"))
    return chosen.grid


def _of_no_rotation(
    sform: NDArray[np.float64] | None, steps: _Steps, how: ReadOptions, oddities: list[tuple[str, str]]
) -> Geometry:
    """Return the grid with the rotation nearest to a sheared sform, if the options allow it; refuse it otherwise.

    Its spacing is that of pixdim.
    """
    axes = np.zeros((3, 3)) if sform is None else sform[:3, :3]
    if not how.square_axes or sform is None:
        moved = shear_in_words(steps.size, axes * steps.scale)
        error = sheared_error(f"has an affine that is sheared or not finite, and no qform{moved}", axes)
        if sform is not None and not _has_spacing(sform, steps.pixdim):
            error.advise(BOTH_FORMS)  # the nearest rotation would be refused next
        raise error
    lengths = np.linalg.norm(axes, axis=0)
    if not (lengths > 0).all():
        raise SegconvError("has an affine with an axis of length zero", code="SC057")
    _refuse_other_spacing(sform, steps.pixdim)
    lps = RAS_FROM_LPS[:3, :3] @ axes / lengths
    origin = RAS_FROM_LPS[:3, :3] @ sform[:3, 3] * steps.scale
    return grid_of(steps.size, steps.spacing_mm, tuple(origin.tolist()), lps, oddities, how)


def _same_axes(qform: NDArray[np.float64], sform: NDArray[np.float64]) -> bool:
    """Return whether two forms differ only in the order and directions of their axes.

    ITK considers such forms equal if the left singular vectors of both happen to be alike, and then
    prefers the sform (``itkNiftiImageIO.cxx``); their signs depend on the library that computes them.
    """
    if not np.allclose(qform[:3, 3], sform[:3, 3], rtol=1e-3, atol=1e-3):
        return False
    first, second = (form[:3, :3] @ form[:3, :3].T for form in (qform, sform))
    return bool(np.allclose(first, second, rtol=1e-3, atol=1e-3 * float(np.abs(first).max())))


def _sform_wins(qform: NDArray[np.float64], sform: NDArray[np.float64]) -> bool | None:
    """Return whether ITK prefers the sform of two forms with the same axes; None if that cannot be computed.

    Along the patient's axes, its singular vectors equal ours, which a test over all rotations and mirrors
    compares with SimpleITK; except if two spacings are equal and axes are swapped.
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
    """Return how far rounding may turn a qform.

    NIfTI stores three float32 components of a unit quaternion; the fourth, ``a = √(1-b²-c²-d²)``,
    inherits their error divided by itself, and readers take it for 0 where ``a²`` is within the
    error of 1. So rotations near 180° are only known to a milliradian.
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
        if not np.isfinite(sform).all():  # some readers hang on it, whatever the qform says
            raise SegconvError("its sform holds numbers that are not finite", code="SC057")
    return qform, sform


def _refuse_other_spacing(sform: NDArray[np.float64], pixdim: NDArray[np.float64]) -> None:
    if not _has_spacing(sform, pixdim):
        lengths = np.linalg.norm(sform[:3, :3], axis=0)
        raise SegconvError(
            f"its sform has the spacing {tuple(lengths.round(6).tolist())}, its pixdim {tuple(pixdim.tolist())}",
            code="SC057",
            hint=BOTH_FORMS,
        )


def _has_spacing(sform: NDArray[np.float64], pixdim: NDArray[np.float64]) -> bool:
    return bool(np.allclose(np.linalg.norm(sform[:3, :3], axis=0), pixdim, rtol=FORM_TOLERANCE, atol=1e-6))
