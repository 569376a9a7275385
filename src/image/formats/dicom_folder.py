"""Find the DICOM series in a folder, and the files that are not slices."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from ... import reading
from ...errors import Finding, Refused, SegconvError
from .. import content
from .dicom import header_of
from .dicom_head import is_dicom, object_in
from .dicom_slice import Slice, head_of, read_slice, refuse_frames

_WAYS = {
    "SEG": "segimage2itkimage of dcmqi makes NIfTI or NRRD of it, and so does saving it in 3D Slicer",
    "RTSTRUCT": "plastimatch convert makes a NIfTI or NRRD volume of it, and so does exporting it in 3D Slicer",
}
"""Labels that are stored as such objects, and how to make volumes of them."""

SHOWN_SERIES = 10
"""Series of a folder that are listed."""

FEWEST_TOGETHER = 3
"""Fewest slices that may be one volume: two are always evenly spaced."""

ENDINGS = (".dcm", ".ima")
"""Usual endings of slices, if their names have one."""

_BESIDE = re.compile(
    r"\..*|thumbs\.db|desktop\.ini|(dicomdir|dirfile|lockfile|readme|licen[cs]e|copying|notice|changelog)(\..*)?",
    re.IGNORECASE,
)
"""Names of files that may be next to slices, and are not slices, however these are named."""

_UNFINISHED = re.compile(r"\.(part|partial|tmp|crdownload|download)$", re.IGNORECASE)
"""Endings of files that are not downloaded completely."""


def series_of(folder: str) -> dict[str, tuple[str, ...]]:
    """Return the series in a folder: identifier → files, in the order of their names.

    Files not named like slices are skipped, and so are DICOM objects that are not images, such as
    structure sets.

    Raises
    ------
    Refused
        With each file that is named like a slice but is not DICOM: ``SC051``, ``SC012`` for a broken
        link, ``SC061`` for anything but a file.
    SegconvError
        ``SC030`` if the folder or a file cannot be read; ``SC053`` if a DICOM header cannot be read.
    """
    try:
        found = _slices_in(folder)
    except OSError as error:
        raise reading.unlisted(error, error.filename or folder) from error
    series: dict[str, list[str]] = {}
    for path in found:
        series.setdefault(_looked_at(path).texts["series"], []).append(path)
    return {one: tuple(files) for one, files in sorted(series.items())}


def _slices_in(folder: str) -> list[str]:
    """Return the slices in a folder, in the order of their names; refuse other files named like slices."""
    found: list[str] = []
    strangers: list[str] = []
    for path in _files_in(folder):
        head = head_of(path) if reading.is_file(path) else b""
        if not is_dicom(head):
            strangers.append(path)
        elif object_in(head) is None:
            found.append(path)
    endings = {_ending(path) for path in found} | set(ENDINGS)
    if broken := [_broken(path) for path in strangers if may_be_slice(path) and _ending(path) in endings]:
        raise Refused(reasons=broken)
    return found


def _files_in(folder: str) -> list[str]:
    return sorted(entry.path for entry in os.scandir(folder) if not reading.is_folder(entry.path))


def may_be_slice(name: str) -> bool:
    """Return whether a file may be a slice by its name, rather than a leftover of a file manager or an author."""
    return _BESIDE.fullmatch(os.path.basename(name)) is None


def _ending(name: str) -> str:
    """Return the ending of a name in lower case; empty for a number, which is a slice number or part of a UID."""
    ending = os.path.splitext(_UNFINISHED.sub("", name))[1].lower()
    return "" if ending[1:].isdecimal() else ending


def _broken(path: str) -> Finding:
    """Return the error for a file that is named like a slice but is not one."""
    if reading.is_file(path):
        head = head_of(path)
        error = content.refuse(head, "a slice of DICOM")
        if content.kind_of(head) != content.LFS_POINTER:
            error.advise("restore the file from its origin, or take it out of the folder")
        return Finding(error.code, error.message, file=path, hint=error.hint)
    if os.path.islink(path):
        return Finding("SC012", "is a link to a file that does not exist", file=path, hint="restore the file")
    return Finding("SC061", "is a pipe or device, expected a slice of DICOM", file=path)


def one_series(folder: str) -> tuple[str, ...]:
    """Return the files of the only series in a folder.

    Raises
    ------
    SegconvError
        What `series_of` raises; ``SC011`` if there is no series; ``SC087`` if there are several: each is
        listed with its description and number of slices; what `header_of` raises for series of one slice
        each that seem to be one volume.
    """
    found = series_of(folder)
    if not found:
        refuse_labels(folder)
        raise SegconvError("holds no DICOM series of slices", code="SC011", file=folder)
    for files in found.values():
        refuse_frames(_looked_at(files[0]))  # otherwise the error would only say that there are too many series
    if len(found) == 1:
        return next(iter(found.values()))
    if not (slices := _slices_of_one(found)):
        raise _several(folder, found)
    try:
        header_of(slices)
    except SegconvError as error:
        error.message = f"its {len(found)} series of one slice each do not make a volume: {error.message}"
        error.file = error.file or folder
        raise
    return tuple(one.path for one in slices)


def _several(folder: str, found: Mapping[str, tuple[str, ...]]) -> SegconvError:
    """Return the error for a folder of several series, listing them."""
    listed = "; ".join(f"{one} ({_described(files)})" for one, files in [*found.items()][:SHOWN_SERIES])
    listed += f"; and {len(found) - SHOWN_SERIES} more" if len(found) > SHOWN_SERIES else ""
    return SegconvError(
        f"holds {len(found)} series, expected one: {listed}",
        code="SC087",
        file=folder,
        hint="put each series into a folder of its own",
    )


def _slices_of_one(found: Mapping[str, tuple[str, ...]]) -> list[Slice]:
    """Return the slices of one-slice series of one study, which may be one volume; otherwise nothing."""
    slices = [read_slice(files[0]) for files in found.values() if len(files) == 1]
    if len(slices) < max(len(found), FEWEST_TOGETHER):
        return []
    if any(len({one.texts[name] for one in slices}) > 1 for name in ("study", "patient", "modality", "description")):
        return []
    return slices


def refuse_labels(folder: str) -> None:
    """Refuse a folder that holds labels as DICOM objects other than slices.

    Raises
    ------
    SegconvError
        ``SC056`` for the first such object: what it is, and how to convert it to a volume.
    """
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if not entry.is_file():
            continue
        what = object_in(head_of(entry.path))
        way = next((way for word, way in _WAYS.items() if what is not None and word in what), None)
        if way is not None:
            raise SegconvError(f"is {what}, expected a label as a volume", code="SC056", file=entry.path, hint=way)


def _looked_at(path: str) -> Slice:
    """Read the header of a file whose links are not judged yet."""
    return read_slice(os.path.realpath(path))


def _described(files: Sequence[str]) -> str:
    first = _looked_at(files[0]).texts
    described = first["description"] or "without description"
    return f"{first['modality']} {described}, {len(files)} files, the first is {os.path.basename(files[0])}"
