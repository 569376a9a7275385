"""DICOM series: slices in files of their own, judged by their positions, read through SimpleITK (GDCM).

Source of the format: DICOM PS3.3, C.7.6.2 (Image Plane), https://dicom.nema.org/medical/dicom/current.
The order of the slices is that of their positions along the normal of the plane, never of their
names or numbers.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ... import reading
from ...errors import Finding, Refused, SegconvError, naming
from .. import content
from ..geometry import NEAR_GRID_VOXELS, ORTHONORMAL_TOLERANCE, SAME_GRID_VOXELS, Geometry
from ..gzipped import TRAILING_LIMIT
from ..read_options import MAX_VOLUME
from ..stored import ArrayVolume, VolumeHeader
from .dicom_end import trailing_bytes
from .dicom_head import HEAD_BYTES, is_bare, is_dicom, is_implicit

_META_BYTES = HEAD_BYTES
_RUN_LENGTHS = b"1.2.840.10008.1.2.5\0"
"""Transfer syntax RLE Lossless, in DICOM's part 5, annex G."""
_ITEM = b"\xfe\xff\x00\xe0"
_ENCAPSULATED = re.compile(rb"\xe0\x7f\x10\0O[BW]\0\0\xff{4}" + re.escape(_ITEM) + rb"(.{4})", re.DOTALL)
"""Pixel data in items, up to the length of the first, which is the table of their offsets."""
"""The class of an object is told within so many bytes."""

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_NO_IMAGES = {
    "1.2.840.10008.1.3.10": "a DICOMDIR",
    f"{_STORAGE}9.": "a waveform",
    f"{_STORAGE}11.": "a presentation state",
    f"{_STORAGE}66.4": "a segmentation (DICOM SEG)",
    f"{_STORAGE}66.7": "a segmentation (DICOM SEG)",
    f"{_STORAGE}66": "a registration, surface or raw data",
    f"{_STORAGE}88.": "a report (DICOM SR)",
    f"{_STORAGE}104.": "a document",
    f"{_STORAGE}481.3": "a structure set (RTSTRUCT)",
    f"{_STORAGE}481.": "of radiotherapy",
}
"""Starts of the classes of objects without slices, and what such an object is."""

_WAYS = {
    "SEG": "segimage2itkimage of dcmqi makes NIfTI or NRRD of it, and so does saving it in 3D Slicer",
    "RTSTRUCT": "plastimatch convert makes a NIfTI or NRRD volume of it, and so does exporting it in 3D Slicer",
}
"""Labels that are stored as such objects, and what makes volumes of them."""

SHOWN_SERIES = 10
"""Series of a folder that are listed."""

FEWEST_TOGETHER = 3
"""Two slices lie an even distance apart wherever they lie."""

ENDINGS = (".dcm", ".ima")
"""What slices are called by, if their names have an ending at all."""

_BESIDE = re.compile(
    r"\..*|thumbs\.db|desktop\.ini|(dicomdir|dirfile|lockfile|readme|licen[cs]e|copying|notice|changelog)(\..*)?",
    re.IGNORECASE,
)
"""Names of files that may lie beside slices and are none, whatever the slices are called."""

_UNFINISHED = re.compile(r"\.(part|partial|tmp|crdownload|download)$", re.IGNORECASE)
"""What a file is called until it is there as a whole."""

GAP_TOLERANCE = 0.01
"""How much the distances of neighbouring slices may differ, as a part of their median."""

PLANE_TOLERANCE = 1e-4
"""How much direction cosines and pixel spacing of two slices may differ and count as equal."""

_TAGS = {
    "series": "0020|000e",
    "description": "0008|103e",
    "patient": "0010|0020",
    "study": "0020|000d",
    "instance": "0020|0013",
    "position": "0020|0032",
    "orientation": "0020|0037",
    "spacing": "0028|0030",
    "thickness": "0018|0050",
    "between": "0018|0088",
    "frames": "0028|0008",
    "samples": "0028|0002",
    "photometric": "0028|0004",
    "modality": "0008|0060",
}
_TYPES = {
    sitk.sitkUInt8: "u1",
    sitk.sitkInt8: "i1",
    sitk.sitkUInt16: "u2",
    sitk.sitkInt16: "i2",
    sitk.sitkUInt32: "u4",
    sitk.sitkInt32: "i4",
    sitk.sitkFloat32: "f4",
    sitk.sitkFloat64: "f8",
}


@dataclass(frozen=True)
class Slice:
    """What the header of one file says.

    Parameters
    ----------
    path
        The file.
    size
        Columns and rows.
    pixel_type
        SimpleITK's type of the values after rescaling.
    texts
        Tags by the names of `_TAGS`, as they stand in the file; those that are missing are "".
    """

    path: str
    size: tuple[int, int]
    pixel_type: int
    texts: dict[str, str]

    def numbers(self, name: str, count: int) -> NDArray[np.float64]:
        """Return the numbers of a tag.

        Raises
        ------
        SegconvError
            ``SC057`` if it is missing or does not hold so many finite numbers.
        """
        try:
            found = np.array([float(word) for word in self.texts[name].split("\\")])
        except ValueError:
            found = np.zeros(0)
        if found.shape != (count,) or not np.isfinite(found).all():
            raise SegconvError(
                f"its {name} is {self.texts[name]!r}, expected {count} numbers",
                code="SC057",
                file=self.path,
                hint="export the series again, as slices with their geometry",
            )
        return found


def series_of(folder: str) -> dict[str, tuple[str, ...]]:
    """Return the series in a folder: identifier → files, in the order of their names.

    Left out are files that are called otherwise than slices, and DICOM objects that are no images, such
    as structure sets.

    Raises
    ------
    Refused
        With each file that is called like a slice and is no DICOM: ``SC051``, ``SC012`` for a link to
        nowhere, ``SC061`` for what is no file.
    SegconvError
        ``SC030`` if the folder or a file cannot be read; ``SC053`` if a DICOM header cannot.
    """
    found: list[str] = []
    strangers: list[str] = []
    try:
        for path in sorted(entry.path for entry in os.scandir(folder) if not reading.is_folder(entry.path)):
            head = _head(path) if reading.is_file(path) else b""
            if not is_dicom(head):
                strangers.append(path)
            elif _object(head) is None:
                found.append(path)
        endings = {_ending(path) for path in found} | set(ENDINGS)
        broken = [path for path in strangers if may_be_slice(path) and _ending(path) in endings]
        if broken:
            raise Refused(reasons=[_broken(path) for path in broken])
    except OSError as error:
        raise reading.unlisted(error, error.filename or folder) from error
    series: dict[str, list[str]] = {}
    for path in found:
        series.setdefault(_looked_at(path).texts["series"], []).append(path)
    return {one: tuple(files) for one, files in sorted(series.items())}


def may_be_slice(name: str) -> bool:
    """Return whether a file could be a slice by its name: not one that a file manager or an author left behind."""
    return _BESIDE.fullmatch(os.path.basename(name)) is None


def _ending(name: str) -> str:
    """Return the ending of a name in lower case; nothing for a number, which counts slices or belongs to a UID."""
    ending = os.path.splitext(_UNFINISHED.sub("", name))[1].lower()
    return "" if ending[1:].isdecimal() else ending


def _broken(path: str) -> Finding:
    """Return what is wrong with a file that is called like a slice and is none."""
    if reading.is_file(path):
        head = _head(path)
        error = content.refuse(head, "a slice of DICOM")
        if content.kind_of(head) != content.LFS_POINTER:
            error.advise("restore the file from its origin, or take it out of the folder")
        return Finding(error.code, error.message, file=path, hint=error.hint)
    if os.path.islink(path):
        return Finding("SC012", "is a link to a file that is not there", file=path, hint="restore the file")
    return Finding("SC061", "is a pipe or device, expected a slice of DICOM", file=path)


def one_series(folder: str, series: str | None = None) -> tuple[str, ...]:
    """Return the files of the one series of a folder, or of the one that is named.

    Raises
    ------
    SegconvError
        What `series_of` raises; ``SC011`` if there is none; ``SC087`` if there are several and none
        is named, or none of that name: each is listed with its description and number of slices; what `_header` raises
        for series of one slice each that seem to be one volume.
    """
    found = series_of(folder)
    if not found:
        refuse_labels(folder)
        raise SegconvError("holds no DICOM series of slices", code="SC011", file=folder)
    for files in found.values():
        _refuse_frames(_looked_at(files[0]))  # whose series are too many for this reason alone
    if series is None and len(found) == 1:
        return next(iter(found.values()))
    if series in found:
        return found[series]
    if series is None and (slices := _slices_of_one(found)):
        try:
            _header(slices)
        except SegconvError as error:
            error.message = f"its {len(found)} series of one slice each do not make a volume: {error.message}"
            error.file = error.file or folder
            raise
        return tuple(files[0] for files in found.values())
    listed = "; ".join(f"{one} ({_described(files)})" for one, files in [*found.items()][:SHOWN_SERIES])
    listed += f"; and {len(found) - SHOWN_SERIES} more" if len(found) > SHOWN_SERIES else ""
    wanted = "expected one" if series is None else f"none of them is {series}"
    raise SegconvError(
        f"holds {len(found)} series, {wanted}: {listed}",
        code="SC087",
        file=folder,
        hint="put each series into a folder of its own",
    )


def _slices_of_one(found: Mapping[str, tuple[str, ...]]) -> list[Slice]:
    """Return the slices of series that have one each and are of one study, which may be one volume; else nothing."""
    slices = [_slice(files[0]) for files in found.values() if len(files) == 1]
    if len(slices) < max(len(found), FEWEST_TOGETHER):
        return []
    if any(len({one.texts[name] for one in slices}) > 1 for name in ("study", "patient", "modality", "description")):
        return []
    return slices


def refuse_labels(folder: str) -> None:
    """Refuse a folder that holds labels as objects which are no slices.

    Raises
    ------
    SegconvError
        ``SC056`` with the first of them, what it is, and what makes a volume of it.
    """
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if not entry.is_file():
            continue
        what = _object(_head(entry.path))
        way = next((way for word, way in _WAYS.items() if what is not None and word in what), None)
        if way is not None:
            raise SegconvError(f"is {what}, expected a label as a volume", code="SC056", file=entry.path, hint=way)


def patient_of(files: Sequence[str]) -> str:
    """Return the patient identifier of a series; empty if it has none."""
    return _slice(files[0]).texts["patient"]


def instances_of(files: Sequence[str]) -> tuple[int | None, ...]:
    """Return the InstanceNumber of each slice; None where it has none."""
    texts = [_slice(path).texts["instance"].strip() for path in files]
    return tuple(int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else None for text in texts)


def ordered(files: Sequence[str]) -> tuple[str, ...]:
    """Return the files of a series in the order of their positions along the normal of the plane."""
    slices = [_slice(path) for path in files]
    depths = _depths(slices)
    return tuple(slices[at].path for at in np.argsort(depths, kind="stable"))


def probe_series(files: Sequence[str]) -> VolumeHeader:
    """Judge the headers of all slices of a volume.

    Raises
    ------
    SegconvError
        ``SC053`` if a header cannot be read; ``SC056`` for colour, several frames in a file, and
        types that cannot be trained on; ``SC057`` for slices without a position, of different
        orientation or pixel spacing, or sheared (gantry tilt); ``SC082`` for slices of different
        size; ``SC084`` for several slices at one position; ``SC087`` for missing slices.
    """
    return _header([_slice(path) for path in files])


def read_series(files: Sequence[str], limit: int = MAX_VOLUME) -> ArrayVolume:
    """Read a volume, its values rescaled as the files say.

    Parameters
    ----------
    files
        In any order.
    limit
        Most bytes that the voxels may take.

    Raises
    ------
    SegconvError
        What `probe_series` raises; ``SC054`` if it is larger than `limit`, or a slice carries more than
        1 MiB after its end; ``SC052`` if pixels are missing or damaged.
    """
    slices = [_slice(path) for path in files]
    header = _header(slices)
    if header.voxel_bytes > limit:
        raise SegconvError(f"decodes to {header.voxel_bytes} bytes, at most {limit} are allowed", code="SC054")
    array = np.empty(header.geometry.array_shape, dtype=header.dtype)
    # One by one, because a series reader takes its type from the first and its rescaling may not fit the others.
    for number, at in enumerate(np.argsort(_depths(slices), kind="stable")):
        path = slices[at].path
        try:
            with reading.named(path) as name:
                pixels = sitk.GetArrayFromImage(sitk.ReadImage(name, imageIO="GDCMImageIO"))
        except (OSError, RuntimeError) as error:
            raise SegconvError(f"its pixels cannot be decoded ({_reason(error)})", code="SC052", file=path) from error
        array[number] = pixels.reshape(header.geometry.array_shape[1:])
    array.flags.writeable = False
    header = replace(header, oddities=(*header.oddities, *_dropped(files)))
    return ArrayVolume(header, plain=False, trailing=False, array=array)


def _dropped(files: Sequence[str]) -> list[tuple[str, str]]:
    """Return what is odd about slices that go on after their end; more than `TRAILING_LIMIT` is refused."""
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


def _head(path: str) -> bytes:
    """Return the meta information of a file; whether links may be followed is judged of those that become slices."""
    with reading.opened(os.path.realpath(path)) as file:
        return file.read(_META_BYTES)


def _sop_class(head: bytes) -> str:
    """Return the class of an object, of the file's meta information, or of the data set where there is none."""
    if is_bare(head) and is_implicit(head):
        at = head.find(b"\x08\x00\x16\x00")
        length = int.from_bytes(head[at + 4 : at + 8], "little")
        return "" if at < 0 else head[at + 8 : at + 8 + length].decode("ascii", "replace").strip("\0 ")
    at = max(head.find(b"\x02\x00\x02\x00UI"), head.find(b"\x08\x00\x16\x00UI") if is_bare(head) else -1)
    length = int.from_bytes(head[at + 6 : at + 8], "little")
    return "" if at < 0 else head[at + 8 : at + 8 + length].decode("ascii", "replace").strip("\0 ")


def _object(head: bytes) -> str | None:
    """Return what an object of DICOM without slices is, from its first bytes; None for slices and other files."""
    kind = _sop_class(head) if is_dicom(head) else ""
    return next((what for start, what in _NO_IMAGES.items() if kind.startswith(start)), None)


def _looked_at(path: str) -> Slice:
    """Return what the header of a file says that is looked at before its links are judged."""
    return _slice(os.path.realpath(path))


def _slice(path: str) -> Slice:
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    try:
        _refuse_no_segments(path)
        with reading.named(path) as name:
            reader.SetFileName(name)
            reader.ReadImageInformation()
    except (OSError, RuntimeError) as error:
        raise SegconvError(f"is no usable DICOM image ({_reason(error)})", code="SC053", file=path) from error
    texts = {
        name: reader.GetMetaData(tag).strip("\0 ") if reader.HasMetaDataKey(tag) else "" for name, tag in _TAGS.items()
    }
    texts = {name: text.encode("utf-8", "replace").decode() for name, text in texts.items()}
    size = reader.GetSize()
    with naming(path):
        content.refuse_overlong(
            path, math.prod(size) * max(1, reader.GetNumberOfComponents()) * 8
        )  # bytes of the widest
    return Slice(path, (int(size[0]), int(size[1])), reader.GetPixelID(), texts)


def _refuse_no_segments(path: str) -> None:
    """Refuse pixels in run lengths that are of no segments: GDCM divides by their number, which ends the process."""
    with reading.opened(path) as file:
        if _RUN_LENGTHS not in file.read(_META_BYTES):
            return
        file.seek(0)
        data = reading.rest_of(file, path)
    found = _ENCAPSULATED.search(data)
    at = found.end() + int.from_bytes(found[1], "little") if found is not None else len(data)
    while data[at : at + 4] == _ITEM:
        segments = int.from_bytes(data[at + 8 : at + 12], "little")
        if not 1 <= segments <= 15:
            raise SegconvError(
                f"its pixels are damaged: run lengths of {segments} segments, expected 1 to 15", code="SC052", file=path
            )
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")


def _reason(error: OSError | RuntimeError) -> str:
    """The last line of what ITK says, without the address of the object that says it."""
    return str(error).strip().splitlines()[-1].split("): ")[-1][:200]


def _described(files: Sequence[str]) -> str:
    first = _looked_at(files[0]).texts
    described = first["description"] or "without description"
    return f"{first['modality']} {described}, {len(files)} files, the first is {os.path.basename(files[0])}"


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


def _header(slices: Sequence[Slice]) -> VolumeHeader:
    for one in slices:
        _refuse_kind(one)
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
    types = {_TYPES[one.pixel_type] for one in slices}
    geometry = Geometry(
        (*ranked[0].size, len(ranked)),
        # The format gives the distance of rows first, which is the spacing along y.
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


def _refuse_kind(one: Slice) -> None:
    if one.texts["samples"] not in ("", "1") or not one.texts["photometric"].startswith("MONOCHROME"):
        raise SegconvError(
            f"has colour pixels ({one.texts['photometric']}, {one.texts['samples'] or 1} samples)",
            code="SC056",
            file=one.path,
            hint="export the series in grey values",
        )
    _refuse_frames(one)
    if one.pixel_type not in _TYPES:
        raise SegconvError(
            f"has voxels of type {sitk.GetPixelIDValueAsString(one.pixel_type)}", code="SC056", file=one.path
        )


def _refuse_frames(one: Slice) -> None:
    if one.texts["frames"] not in ("", "0", "1"):
        raise SegconvError(
            f"is multi-frame DICOM: {one.texts['frames']} frames in one file, expected a file a slice",
            code="SC056",
            file=one.path,
            hint="dcm2niix makes a NIfTI file of it, and so does saving it in 3D Slicer",
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
    """Return the distance of neighbouring slices in mm, having checked that it is one."""
    gaps = np.diff(depths)
    typical = float(np.median(gaps))
    for at, gap in enumerate(gaps):
        before, after = (os.path.basename(ranked[n].path) for n in (at, at + 1))
        if gap <= GAP_TOLERANCE * typical or typical <= 0:
            raise SegconvError(
                f"lies where {before} does, at {depths[at]:.6g} mm; expected one slice a position",
                code="SC084",
                file=ranked[at + 1].path,
                hint="put each time point, echo or contrast into a folder of its own",
            )
        if abs(gap - typical) > GAP_TOLERANCE * typical:
            missing = round(gap / typical) - 1
            told = f"{missing} missing" if missing > 0 else "uneven spacing"
            raise SegconvError(
                f"{before} and {after} lie {gap:.6g} mm apart, other neighbours {typical:.6g} mm: {told}",
                code="SC087",
                file=ranked[at + 1].path,
                hint="add the missing slices",
            )
    return float(depths[-1] - depths[0]) / (len(ranked) - 1)


def _thickness(one: Slice, oddities: list[tuple[str, str]]) -> float:
    """Return the extent in mm of a single slice, of which no neighbour tells it."""
    for name in ("between", "thickness"):
        if one.texts[name]:
            extent = float(one.numbers(name, 1)[0])
            if math.isfinite(extent) and extent > 0:
                return extent
    oddities.append(("SC092", "is one slice without a thickness; 1 mm was taken"))
    return 1.0
