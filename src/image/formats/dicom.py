"""DICOM series: slices in separate files, judged by their positions and read through SimpleITK (GDCM).

Source of the format: DICOM PS3.3, C.7.6.2 (Image Plane), https://dicom.nema.org/medical/dicom/current.
Slices are ordered by their positions along the normal of the plane, never by names or numbers.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ... import reading
from ...errors import SegconvError
from ..geometry import NEAR_GRID_VOXELS, ORTHONORMAL_TOLERANCE, SAME_GRID_VOXELS, Geometry
from ..gzipped import TRAILING_LIMIT
from ..read_options import MAX_VOLUME, too_large
from ..stored import ArrayVolume, VolumeHeader
from .dicom_end import trailing_bytes
from .dicom_slice import TYPES, Slice, read_slice, reason_of, refuse_kind

GAP_TOLERANCE = 0.01
"""How much the distances of neighbouring slices may differ, as a part of their median."""

PLANE_TOLERANCE = 1e-4
"""How much direction cosines and pixel spacing of two slices may differ and count as equal."""


def patient_of(files: Sequence[str]) -> str:
    """Return the patient identifier of a series; empty if it has none."""
    return read_slice(files[0]).texts["patient"]


def modality_of(files: Sequence[str]) -> str:
    """Return the modality of a series, such as ``"CT"`` or ``"MR"``; empty if it states none."""
    return read_slice(files[0]).texts["modality"]


def instances_of(files: Sequence[str]) -> tuple[int | None, ...]:
    """Return the InstanceNumber of each slice; None if it has none."""
    texts = [read_slice(path).texts["instance"].strip() for path in files]
    return tuple(int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else None for text in texts)


def ordered(files: Sequence[str]) -> tuple[str, ...]:
    """Return the files of a series, ordered by position along the normal of the plane."""
    slices = [read_slice(path) for path in files]
    depths = _depths(slices)
    return tuple(slices[at].path for at in np.argsort(depths, kind="stable"))


def probe_series(files: Sequence[str]) -> VolumeHeader:
    """Judge the headers of all slices of a volume.

    Raises
    ------
    SegconvError
        ``SC053`` if a header cannot be read; ``SC056`` for colour, several frames in a file, and
        types that cannot be trained on; ``SC057`` for slices without a position, with different
        orientations or pixel spacings, or sheared (gantry tilt); ``SC082`` for slices of different
        sizes; ``SC084`` for several slices at one position; ``SC087`` for missing slices.
    """
    return header_of([read_slice(path) for path in files])


def read_series(files: Sequence[str], limit: int = MAX_VOLUME) -> ArrayVolume:
    """Read a volume; values are rescaled as declared in the files.

    Parameters
    ----------
    files
        In any order.
    limit
        Maximum number of bytes of the voxels.

    Raises
    ------
    SegconvError
        What `probe_series` raises; ``SC054`` if it is larger than `limit`, or more than 1 MiB follows the end
        of a slice; ``SC052`` if pixels are missing or damaged.
    """
    slices = [read_slice(path) for path in files]
    header = header_of(slices)
    if header.voxel_bytes > limit:
        raise too_large(header.voxel_bytes, limit)
    array = np.empty(header.geometry.array_shape, dtype=header.dtype)
    # One by one: a series reader takes type and rescaling from the first slice, which may not fit the others.
    for number, at in enumerate(np.argsort(_depths(slices), kind="stable")):
        path = slices[at].path
        try:
            with reading.named(path) as name:
                pixels = sitk.GetArrayFromImage(sitk.ReadImage(name, imageIO="GDCMImageIO"))
        except (OSError, RuntimeError) as error:
            raise SegconvError(f"its pixels cannot be decoded ({reason_of(error)})", code="SC052", file=path) from error
        array[number] = pixels.reshape(header.geometry.array_shape[1:])
    array.flags.writeable = False
    header = replace(header, oddities=(*header.oddities, *_dropped(files)))
    return ArrayVolume(header, plain=False, trailing=False, array=array)


def _dropped(files: Sequence[str]) -> list[tuple[str, str]]:
    """Return the oddities of slices with bytes after their end; refuse more than `TRAILING_LIMIT`."""
    ends = {path: count for path in files if (count := trailing_bytes(path))}
    for path, count in ends.items():
        if count > TRAILING_LIMIT:
            raise SegconvError(
                f"{count} bytes follow its last element, at most {TRAILING_LIMIT} may", code="SC054", file=path
            )
    if not ends:
        return []
    first = f"{os.path.basename(next(iter(ends)))} ({next(iter(ends.values()))} bytes)"
    slices = f"{len(ends)} slices, the first of them {first}" if len(ends) > 1 else f"the slice {first}"
    return [("SC059", f"bytes after the end of {slices} were dropped")]


def _plane(one: Slice) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Directions of columns (x) and rows (y), and the normal, in LPS."""
    cosines = one.numbers("orientation", 6)
    x, y = cosines[:3], cosines[3:]
    normal = np.cross(x, y)
    if abs(float(np.linalg.norm(normal)) - 1) > ORTHONORMAL_TOLERANCE:
        raise SegconvError(
            f"its orientation {one.texts['orientation']} is not of two directions at right angles",
            code="SC057",
            file=one.path,
        )
    return x, y, normal


def _depths(slices: Sequence[Slice]) -> NDArray[np.float64]:
    normal = _plane(slices[0])[2]
    return np.array([float(one.numbers("position", 3) @ normal) for one in slices])


def header_of(slices: Sequence[Slice]) -> VolumeHeader:
    """Judge slices as one volume; see `probe_series`."""
    for one in slices:
        refuse_kind(one)
        _refuse_other_plane(one, slices[0])
    depths = _depths(slices)
    order = np.argsort(depths, kind="stable")
    ranked = [slices[at] for at in order]
    oddities: list[tuple[str, str]] = []
    x, y, normal = _plane(ranked[0])
    row_mm, column_mm = ranked[0].numbers("spacing", 2)
    gap_mm = _uniform_gap(ranked, depths[order]) if len(ranked) > 1 else _thickness(ranked[0], oddities)
    first, last = ranked[0].numbers("position", 3), ranked[-1].numbers("position", 3)
    along = last - first
    shift_mm = float(np.linalg.norm(along - (along @ normal) * normal))
    if shift_mm > NEAR_GRID_VOXELS * min(row_mm, column_mm):
        raise SegconvError(
            f"its slices are sheared by {shift_mm:.3g} mm from the first to the last (gantry tilt)",
            code="SC057",
            file=ranked[0].path,
            hint="resample it to slices at right angles, for instance with dcm2niix",
        )
    if shift_mm > SAME_GRID_VOXELS * min(row_mm, column_mm):
        oddities.append(("SC093", f"its slices are shifted by {shift_mm:.3g} mm from the first to the last; ignored"))
    series = {one.texts["series"] for one in slices}
    if len(series) > 1:
        oddities.append(
            (
                "SC093",
                f"its {len(slices)} slices bear {len(series)} SeriesInstanceUIDs; their positions make one volume",
            )
        )
    types = {TYPES[one.pixel_type] for one in slices}
    geometry = Geometry(
        (*ranked[0].size, len(ranked)),
        # The format gives the distance between rows first, that is, the spacing along y.
        (float(column_mm), float(row_mm), gap_mm),
        tuple(first.tolist()),
        tuple(np.stack([x, y, normal], axis=1).ravel().tolist()),
    )
    return VolumeHeader(
        geometry=geometry,
        channels=1,
        dtype=np.result_type(*types),
        slope=1.0,
        intercept=0.0,
        four_dimensional=False,
        oddities=tuple(oddities),
    )


def _refuse_other_plane(one: Slice, first: Slice) -> None:
    if one.size != first.size:
        raise SegconvError(
            f"has the size {one.size}, {os.path.basename(first.path)} {first.size}",
            code="SC082",
            file=one.path,
            hint="leave localisers and other series out of the folder",
        )
    for name, count in (("orientation", 6), ("spacing", 2)):
        own, other = one.numbers(name, count), first.numbers(name, count)
        if not np.allclose(own, other, rtol=PLANE_TOLERANCE, atol=PLANE_TOLERANCE):
            raise SegconvError(
                f"has the {name} {one.texts[name]}, {os.path.basename(first.path)} {first.texts[name]}",
                code="SC057",
                file=one.path,
                hint="leave localisers and other series out of the folder",
            )


def _uniform_gap(ranked: Sequence[Slice], depths: NDArray[np.float64]) -> float:
    """Return the distance between neighbouring slices in mm; refuse unequal gaps."""
    gaps = np.diff(depths)
    typical = float(np.median(gaps))
    for at, gap in enumerate(gaps):
        before, after = (os.path.basename(ranked[n].path) for n in (at, at + 1))
        if gap <= GAP_TOLERANCE * typical or typical <= 0:
            raise SegconvError(
                f"is at the position of {before}, {depths[at]:.6g} mm; expected one slice per position",
                code="SC084",
                file=ranked[at + 1].path,
                hint="put each time point, echo or contrast into a folder of its own",
            )
        if abs(gap - typical) > GAP_TOLERANCE * typical:
            missing = round(gap / typical) - 1
            what = f"{missing} missing" if missing > 0 else "uneven spacing"
            raise SegconvError(
                f"{before} and {after} are {gap:.6g} mm apart, other neighbours {typical:.6g} mm: {what}",
                code="SC087",
                file=ranked[at + 1].path,
                hint="add the missing slices",
            )
    return float(depths[-1] - depths[0]) / (len(ranked) - 1)


def _thickness(one: Slice, oddities: list[tuple[str, str]]) -> float:
    """Return the thickness in mm of a single slice, which has no neighbour to measure a distance to."""
    for name in ("between", "thickness"):
        if one.texts[name]:
            extent = float(one.numbers(name, 1)[0])
            if math.isfinite(extent) and extent > 0:
                return extent
    oddities.append(("SC092", "is one slice without a thickness; 1 mm was taken"))
    return 1.0
