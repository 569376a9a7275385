"""Open any image file, volume or picture, with one interface for both.

`volumes` and `raster` do the same for callers that expect only one of the two.
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, TypeAlias

from .. import reading
from ..errors import SegconvError, naming
from . import content
from .formats import table
from .formats.table import FORMATS, VOLUME_FORMATS, Format
from .formats.table import encode as encode
from .geometry import Volume
from .gzipped import Buffer, is_gzip
from .read_options import ANY_AXES, STRICT, ReadOptions

if TYPE_CHECKING:
    from .picture import Picture, PictureHeader
    from .stored import DecodedVolume, VolumeHeader

ENDINGS = table.endings_of(FORMATS)
"""Of the names of images."""

WRITABLE = table.writable_of(FORMATS)
"""Endings that `encode` writes: those that keep every value."""


Header: TypeAlias = "VolumeHeader | PictureHeader"
"""What the header of any image says: attributes of both are what can be asked of a file whatever it is."""

Opened: TypeAlias = "DecodedVolume | Picture"
"""Any image file, every byte of it proved."""


def ending_of(name: str) -> str | None:
    """Return the one of `ENDINGS` that a file name has, in any letter case; None if it has none."""
    return table.ending_among(name, ENDINGS)


def probe(path: str, how: ReadOptions = STRICT) -> Header:
    """Judge the header of a file on the disk, for planning; the second file of a volume in two files must exist.

    Raises
    ------
    SegconvError
        ``SC030`` if it cannot be read; ``SC051`` if its format does not match its name; ``SC054`` if it is far
        longer than its header accounts for; what the format's ``probe`` and `data_files` raise.
    """
    header = probe_only(path, how)
    content.refuse_overlong(path, header.voxel_bytes)
    for file in data_files(path, header):
        with naming(file):
            content.refuse_overlong(file, header.voxel_bytes)
    return header


def probe_only(path: str, how: ReadOptions) -> Header:
    """Judge only the header of a file, neither its length nor further files."""
    ending = ending_of(path)
    if ending is None:
        raise SegconvError(f"has none of the endings {', '.join(ENDINGS)}", code="SC051", file=path)
    try:
        with reading.opened(path) as file:
            return table.format_named(ending).codec.probe(file, how)
    except OSError as error:
        raise reading.refusal(error, path) from error


def data_files(path: str, header: Header) -> tuple[str, ...]:
    """Return the absolute paths of further files of an image; none for most.

    Raises
    ------
    SegconvError
        ``SC012`` if the file does not exist; ``SC053`` if its ending does not allow another file; ``SC060`` if it
        is a link that leaves the folder; ``SC061`` if it is not a regular file.
    """
    name = header.data_file
    if name is None:
        return ()
    if ending_of(path) in WRITABLE:
        raise SegconvError(
            f"names the data file {name!r}, but a file of this ending holds its own voxels",
            code="SC053",
            hint="rename it to .nhdr or .mhd",
        )
    folder = os.path.dirname(os.path.abspath(path))
    beside = os.path.join(folder, name)
    if not reading.is_there(beside):
        raise SegconvError(
            f"its data file {name!r} does not exist", code="SC012", hint="put it into the same folder as the header"
        )
    real = os.path.realpath(beside)
    if os.path.commonpath([real, os.path.realpath(folder)]) != os.path.realpath(folder):
        raise SegconvError(f"its data file {name!r} is a link that leaves the folder", code="SC060")
    if not reading.is_file(real):
        raise SegconvError(f"its data file {name!r} is not a regular file", code="SC061")
    return (real,)


def read_bytes(path: str) -> bytes:
    """Return all bytes of a file, following links; errors name no file, because the caller may use another name.

    Raises
    ------
    SegconvError
        ``SC012`` if it does not exist, ``SC030`` if it cannot be read, ``SC061`` if it is not a file.
    """
    try:
        return reading.whole(os.path.realpath(path))
    except SegconvError as error:
        error.file = ""
        raise
    except OSError as error:
        raise reading.refusal(error) from error


def decode(data: Buffer, name: str | None = None, companion: Buffer | None = None, how: ReadOptions = STRICT) -> Opened:
    """Check every byte of a file for which a check exists, and decode it.

    A PNG is decoded when its samples are first asked for.

    Parameters
    ----------
    data
        The file.
    name
        Its name or ending, if it must have that format; if None, the content decides.
    companion
        The file from `data_files`.
    how
        What to accept.

    Raises
    ------
    SegconvError
        ``SC051`` if the file is of another format, and what the format's ``decode`` raises.
    """
    found = _format_of(data) if name is None else table.format_named(name)
    opened = found.codec.decode(data, companion, how)
    # Readers go by the name: an uncompressed file named .nii.gz is not carried over unchanged.
    named_right = name is None or is_gzip(data) == name.lower().endswith(".gz")
    return opened if named_right else dataclasses.replace(opened, plain=False)


def read_image(data: Buffer, name: str | None = None) -> Volume:
    """Decode an image; see `decode` and `Opened.image`."""
    return decode(data, name).image()


def read_label(data: Buffer, name: str | None = None) -> Volume:
    """Decode a label; see `decode` and `Opened.label`."""
    return decode(data, name).label()


def decoded_bytes(path: str) -> int:
    """Return the decoded size of a file on the disk in bytes, by its header; its own size if that is unreadable."""
    try:
        return probe(path, ANY_AXES).value_bytes
    except SegconvError:
        return reading.size_if_there(path)  # an error in it is reported when it is read


def _format_of(data: Buffer) -> Format:
    """Return the format of a file by its content; for an unknown one NIfTI, whose codec reports the error."""
    kind = (content.kind_of(data) or "").removeprefix("gzipped ")
    return next((one for one in FORMATS if one.kind == kind), VOLUME_FORMATS[0])
