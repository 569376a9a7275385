"""What a file really is, told from its first bytes: for refusing what goes under another format's name."""

from __future__ import annotations

from .. import reading
from ..errors import SegconvError
from .gzipped import Buffer, inflate_head, is_gzip

HEAD_BYTES = 352
"""So many bytes tell every kind that `kind_of` knows."""

LARGEST_RATIO = 8
"""A file is shorter than its voxels if it is compressed; written as text, it is up to this much longer."""

SPARE_BYTES = 64 << 20
"""Room for what a file holds beside its voxels."""

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG picture"),
    (b"\xff\xd8\xff", "JPEG picture"),
    (b"II*\0", "TIFF picture"),
    (b"MM\0*", "TIFF picture"),
    (b"II+\0", "TIFF picture"),
    (b"MM\0+", "TIFF picture"),
    (b"BM", "BMP picture"),
    (b"GIF8", "GIF picture"),
    (b"NRRD0", "NRRD volume"),
    (b"PK\x03\x04", "zip archive"),
    (b"\x89HDF", "HDF5 file"),
    (b"%PDF", "PDF document"),
    (b"\x93NUMPY", "NumPy array"),
)


def kind_of(head: Buffer) -> str | None:
    """Return what a file is, from its first bytes, gzipped or not; None if that is not known."""
    start = bytes(head[:HEAD_BYTES])
    if is_gzip(start):
        try:
            inner = kind_of(inflate_head(head, HEAD_BYTES))
        except SegconvError:
            inner = None
        return f"gzipped {inner}" if inner else "gzip stream"
    for signature, kind in _SIGNATURES:
        if start.startswith(signature):
            return kind
    if start[344:348] in (b"n+1\0", b"ni1\0"):
        return "NIfTI volume"
    if start[128:132] == b"DICM":
        return "DICOM file"
    text = start.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "web page"
    if text.startswith(b"version https://git-lfs"):
        return "Git LFS pointer"
    if text.startswith((b"objecttype", b"ndims")):
        return "MetaImage volume"
    return None


def refuse(head: Buffer, expected: str) -> SegconvError:
    """Return the error for a file that is not what it is expected to be, such as ``"a NRRD volume"``.

    Returns
    -------
    error
        ``SC051``, to be raised; it says what the file is instead.
    """
    if not head:
        return SegconvError(f"the file is empty, expected {expected}", code="SC051")
    kind = kind_of(head)
    if kind == "Git LFS pointer":
        return SegconvError(
            "the file is a Git LFS pointer, not the data it stands for", code="SC051", hint="run: git lfs pull"
        )
    if kind is None:
        return SegconvError(f"begins with {bytes(head[:8])!r}, expected {expected}", code="SC051")
    return SegconvError(
        f"the file is a {kind}, expected {expected}", code="SC051", hint="give the file the ending of what it is"
    )


def refuse_overlong(path: str, voxel_bytes: int) -> None:
    """Refuse a file that is far longer than its header accounts for, before the rest of it is read into memory.

    Parameters
    ----------
    path
        A file on the disk.
    voxel_bytes
        What its voxels take, as the header has it.

    Raises
    ------
    SegconvError
        ``SC054``; ``SC030`` if the system refuses.
    """
    size = reading.size_of(path)
    most = LARGEST_RATIO * voxel_bytes + SPARE_BYTES
    if size > most:
        raise SegconvError(
            f"is {size} bytes long, expected at most {most} for the voxels that its header tells",
            code="SC054",
            hint="export the file again",
        )
