"""Read and judge the header of one DICOM slice, through SimpleITK (GDCM)."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ... import reading
from ...errors import SegconvError, naming
from .. import content
from .dicom_head import HEAD_BYTES

_RUN_LENGTHS = b"1.2.840.10008.1.2.5\0"
"""Transfer syntax RLE Lossless, in DICOM's part 5, annex G."""
_ITEM = b"\xfe\xff\x00\xe0"
_ENCAPSULATED = re.compile(rb"\xe0\x7f\x10\0O[BW]\0\0\xff{4}" + re.escape(_ITEM) + rb"(.{4})", re.DOTALL)
"""Pixel data in items, up to the length of the first, which is the table of their offsets."""
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
TYPES = {
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
    """The header of one slice.

    Parameters
    ----------
    path
        The file.
    size
        Columns and rows.
    pixel_type
        SimpleITK's type of the values after rescaling.
    texts
        Tags by the names of `_TAGS`, as in the file; "" if missing.
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
            ``SC057`` if it is missing or does not hold this many finite numbers.
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


def head_of(path: str) -> bytes:
    """Return the meta information of a file; its links are judged later, if it becomes a slice."""
    with reading.opened(os.path.realpath(path)) as file:
        return file.read(HEAD_BYTES)


def read_slice(path: str) -> Slice:
    """Read the header of a slice; raises ``SC053`` if it is not a usable image, ``SC054`` if it is far too long."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    try:
        _refuse_no_segments(path)
        with reading.named(path) as name:
            reader.SetFileName(name)
            reader.ReadImageInformation()
    except (OSError, RuntimeError) as error:
        raise SegconvError(f"is not a usable DICOM image ({reason_of(error)})", code="SC053", file=path) from error
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
    """Refuse run-length pixels without segments: GDCM divides by their number, which crashes the process."""
    with reading.opened(path) as file:
        if _RUN_LENGTHS not in file.read(HEAD_BYTES):
            return
    data = reading.whole(path)
    found = _ENCAPSULATED.search(data)
    at = found.end() + int.from_bytes(found[1], "little") if found is not None else len(data)
    while data[at : at + 4] == _ITEM:
        segments = int.from_bytes(data[at + 8 : at + 12], "little")
        if not 1 <= segments <= 15:
            raise SegconvError(
                f"its pixels are damaged: run lengths of {segments} segments, expected 1 to 15", code="SC052", file=path
            )
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")


def reason_of(error: OSError | RuntimeError) -> str:
    """Return the last line of an ITK message, without the address of an object."""
    return str(error).strip().splitlines()[-1].split("): ")[-1][:200]


def refuse_kind(one: Slice) -> None:
    """Refuse colours, several frames and types that cannot be trained on (``SC056``)."""
    if one.texts["samples"] not in ("", "1") or not one.texts["photometric"].startswith("MONOCHROME"):
        raise SegconvError(
            f"has colour pixels ({one.texts['photometric']}, {one.texts['samples'] or 1} samples)",
            code="SC056",
            file=one.path,
            hint="export the series in grey values",
        )
    refuse_frames(one)
    if one.pixel_type not in TYPES:
        raise SegconvError(
            f"has voxels of type {sitk.GetPixelIDValueAsString(one.pixel_type)}", code="SC056", file=one.path
        )


def refuse_frames(one: Slice) -> None:
    """Refuse several frames in one file (``SC056``)."""
    if one.texts["frames"] not in ("", "0", "1"):
        raise SegconvError(
            f"is multi-frame DICOM: {one.texts['frames']} frames in one file, expected a file per slice",
            code="SC056",
            file=one.path,
            hint="dcm2niix makes a NIfTI file of it, and so does saving it in 3D Slicer",
        )
