"""Identify a file by its first bytes, so that the error for a wrong ending says what the file really is."""

from __future__ import annotations

from .. import reading
from ..errors import SegconvError
from .formats.table import FORMATS
from .gzipped import Buffer, inflate_head, is_gzip

HEAD_BYTES = 352
"""Enough bytes to recognise every kind that `kind_of` knows."""

LARGEST_RATIO = 8
"""A compressed file is shorter than its voxels; one written as text is up to so many times longer."""

SPARE_BYTES = 64 << 20
"""Room for what a file holds besides its voxels."""

LFS_POINTER = "Git LFS pointer"

_SIGNATURES = (
    *((at, signature, one.kind) for one in FORMATS for at, signature in one.signatures),
    (0, b"GIF8", "GIF picture"),
    (0, b"PK\x03\x04", "zip archive"),
    (0, b"\x89HDF", "HDF5 file"),
    (0, b"%PDF", "PDF document"),
    (0, b"\x93NUMPY", "NumPy array"),
    (128, b"DICM", "DICOM file"),
)
_FIRST_WORDS = (
    *((word, one.kind) for one in FORMATS for word in one.first_words),
    *((word, "web page") for word in (b"<!doctype", b"<html", b"<?xml")),
    (b"version https://git-lfs", LFS_POINTER),
)


def kind_of(head: Buffer) -> str | None:
    """Return the kind of a file from its first bytes, gzipped or not; None if unknown."""
    start = bytes(head[:HEAD_BYTES])
    if is_gzip(start):
        try:
            inner = kind_of(inflate_head(head, HEAD_BYTES))
        except SegconvError:
            inner = None
        return f"gzipped {inner}" if inner else "gzip stream"
    for at, signature, kind in _SIGNATURES:
        if start.startswith(signature, at):
            return kind
    text = start.lstrip().lower()
    return next((kind for words, kind in _FIRST_WORDS if text.startswith(words)), None)


def refuse(head: Buffer, expected: str) -> SegconvError:
    """Return the error for a file that is not of the expected kind, such as ``"a NRRD volume"``.

    Returns
    -------
    error
        ``SC051``, to be raised; it says what the file is instead.
    """
    if not head:
        return SegconvError(f"the file is empty, expected {expected}", code="SC051")
    kind = kind_of(head)
    if kind == LFS_POINTER:
        return SegconvError(
            "the file is a Git LFS pointer, not the data it stands for", code="SC051", hint="run: git lfs pull"
        )
    if kind is None:
        return SegconvError(f"begins with {bytes(head[:8])!r}, expected {expected}", code="SC051")
    return SegconvError(
        f"the file is a {kind}, expected {expected}", code="SC051", hint="give the file the ending of what it is"
    )


def refuse_overlong(path: str, voxel_bytes: int) -> None:
    """Refuse a file on the disk as `refuse_length` does; ``SC030`` if the system refuses."""
    refuse_length(reading.size_of(path), voxel_bytes)


def refuse_length(size: int, voxel_bytes: int) -> None:
    """Refuse a file far longer than its header accounts for (``SC054``), before the rest is read into memory.

    Parameters
    ----------
    size
        Length of the file in bytes.
    voxel_bytes
        Size of its voxels by its header.
    """
    most = LARGEST_RATIO * voxel_bytes + SPARE_BYTES
    if size > most:
        raise SegconvError(
            f"is {size} bytes long, expected at most {most} for the voxels in its header",
            code="SC054",
            hint="export the file again",
        )
