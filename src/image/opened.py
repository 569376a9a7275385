"""Any image file, volume or picture: what can be asked of it once it is opened, and how to open it.

`volumes` and `raster` do the same for callers that expect one of the two.
"""

from __future__ import annotations

import dataclasses
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .. import reading
from ..errors import SegconvError, naming
from . import content
from .formats import table
from .formats.table import FORMATS, VOLUME_FORMATS, Format
from .geometry import Geometry, Volume
from .gzipped import Buffer, is_gzip
from .read_options import ANY_AXES, STRICT, ReadOptions

ENDINGS = table.endings_of(FORMATS)
"""Of the names of images."""

WRITABLE = table.writable_of(FORMATS)
"""Endings that `encode` writes: those that keep every value."""


class Header(Protocol):
    """What the header of any image says, after it was found to be usable."""

    @property
    def geometry(self) -> Geometry:
        """Its grid; of a picture ``(x, y)``, or ``(x, y, page)``, in pixels of 1 mm."""

    @property
    def placed(self) -> bool:
        """Whether the file says where its voxels are; pictures do not."""

    @property
    def kind(self) -> str:
        """``"volume"``, or how a picture stores its pixels; see `PictureHeader`."""

    @property
    def format(self) -> str:
        """Such as ``"PNG"``; ``"volume"`` for any volume."""

    @property
    def depth(self) -> int:
        """Bits a sample."""

    @property
    def samples(self) -> int:
        """Stored values per voxel."""

    @property
    def channels(self) -> int:
        """Channels that a network sees, once a palette is looked up and alpha is dropped."""

    @property
    def pages(self) -> int:
        """Pictures in the file; 1 for volumes."""

    @property
    def scalar(self) -> bool:
        """Whether it holds one value per voxel, and declares no axis for more."""

    @property
    def lossy(self) -> bool:
        """Whether its compression changed values."""

    @property
    def value_dtype(self) -> np.dtype[Any]:
        """Native type of the decoded values."""

    @property
    def voxel_bytes(self) -> int:
        """Bytes that all voxels take in the file, uncompressed."""

    @property
    def value_bytes(self) -> int:
        """Bytes that all decoded values take."""

    @property
    def oddities(self) -> tuple[tuple[str, str], ...]:
        """``(code, message)`` of what is unusual but usable. A file with any is encoded anew."""

    @property
    def data_file(self) -> str | None:
        """Name of the file next to it that holds the voxels, or None."""

    def encoded(self, array: NDArray[Any], geometry: Geometry, ending: str) -> list[Any]:
        """Return the pieces of a file with other voxels, and with what this header says of the grid if it is the same.

        Parameters
        ----------
        array
            ``(z, y, x)``, ``(y, x)`` or ``(y, x, s)``.
        geometry
            Its grid.
        ending
            One of `WRITABLE`.
        """


@dataclass(frozen=True)
class Opened(ABC):
    """An image file, every byte of it proved.

    Parameters
    ----------
    header
        What its header says.
    plain
        Whether the file may be carried over byte for byte to a target of the same ending: it is one
        file, nothing about it is odd, and nothing follows its end.
    trailing
        Whether bytes follow the end; they are dropped.
    """

    header: Header
    plain: bool
    trailing: bool

    @property
    @abstractmethod
    def stored(self) -> NDArray[Any]:
        """Voxels as stored, not writable: ``([channel,] z, y, x)``, or ``([page,] y, x[, sample])`` of a picture."""

    @property
    def oddities(self) -> tuple[tuple[str, str], ...]:
        """``(code, message)`` of what is unusual but usable, bytes after the end included."""
        return (*self.header.oddities, *([("SC059", "bytes follow its end")] if self.trailing else []))

    @property
    def palette(self) -> NDArray[np.uint8] | None:
        """Colours of a palette picture, ``(n, 4)`` red, green, blue and alpha; None for other files."""
        return None

    @abstractmethod
    def image(self) -> Volume:
        """Return it as nnU-Net sees an image: palettes looked up, colours and channels as the last axis."""

    @abstractmethod
    def label(self) -> Volume:
        """Return it as a label, one value per voxel; those of a palette are its indices.

        Raises
        ------
        SegconvError
            ``SC073`` for several values per voxel, ``SC078`` for a mask in colours; see `mask.grey_mask`.
        """

    @abstractmethod
    def encoded(self, ending: str, geometry: Geometry | None = None) -> list[Any]:
        """Return the pieces of a file that holds the same image, its first channel if it has several, and nothing odd.

        Parameters
        ----------
        ending
            One of `WRITABLE`.
        geometry
            The grid to write instead of its own.
        """


def ending_of(name: str) -> str | None:
    """Return which of `ENDINGS` a file's name has, in any case of letters; None if it has none."""
    return table.ending_among(name, ENDINGS)


def probe(path: str, how: ReadOptions = STRICT) -> Header:
    """Judge the header of a file on the disk, for planning; of a volume in two files, that the other one exists.

    Raises
    ------
    SegconvError
        ``SC030`` if it cannot be read; ``SC051`` if it is not of the format that its name says; ``SC054`` if it
        is far longer than its header accounts for; what the format says of a header, and `data_files`.
    """
    header = probe_only(path, how)
    content.refuse_overlong(path, header.voxel_bytes)
    for file in data_files(path, header):
        with naming(file):
            content.refuse_overlong(file, header.voxel_bytes)
    return header


def probe_only(path: str, how: ReadOptions) -> Header:
    """Judge the header of a file, but neither its length nor further files."""
    ending = ending_of(path)
    if ending is None:
        raise SegconvError(f"has none of the endings {', '.join(ENDINGS)}", code="SC051", file=path)
    try:
        with reading.opened(path) as file:
            return table.format_named(ending).codec.probe(file, how)
    except OSError as error:
        raise reading.refusal(error, path) from error


def data_files(path: str, header: Header) -> tuple[str, ...]:
    """Return the absolute paths of further files that an image consists of; none for most.

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
    """Return all bytes of a file, links followed; errors name no file, as the caller knows it by another name.

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
    """Check every byte of a file that a check exists for, and decode it.

    A PNG is decoded when its samples are first asked for.

    Parameters
    ----------
    data
        The file.
    name
        Its name or ending, if it must have that format; by its content if None.
    companion
        The file that `data_files` names.
    how
        What may be accepted.

    Raises
    ------
    SegconvError
        ``SC051`` if the file is of another format, and what the format's ``decode`` raises.
    """
    found = _format_of(data) if name is None else table.format_named(name)
    opened = found.codec.decode(data, companion, how)
    # Readers go by the name: an inflated file under .nii.gz is not carried over as it is.
    named_right = name is None or is_gzip(data) == name.lower().endswith(".gz")
    return opened if named_right else dataclasses.replace(opened, plain=False)


def read_image(data: Buffer, name: str | None = None) -> Volume:
    """Decode an image; see `decode` and `Opened.image`."""
    return decode(data, name).image()


def read_label(data: Buffer, name: str | None = None) -> Volume:
    """Decode a label; see `decode` and `Opened.label`."""
    return decode(data, name).label()


def encode(
    array: NDArray[Any], geometry: Geometry, ending: str, sheared: NDArray[np.float64] | None = None
) -> list[Any]:
    """Return the pieces of a file in order, the same bytes for the same voxels; see `table.Encoder.encode`.

    Parameters
    ----------
    ending
        One of `WRITABLE`.
    """
    if ending not in WRITABLE:
        raise ValueError(f"{ending} is not one of {WRITABLE}")
    return table.format_named(ending).encoder.encode(array, geometry, ending, sheared)


def decoded_bytes(path: str) -> int:
    """Return how many bytes a file on the disk decodes to, by its header; its own size if that cannot be read."""
    try:
        return probe(path, ANY_AXES).value_bytes
    except SegconvError:
        return reading.size_if_there(path)  # what is wrong with it is reported when it is read


def _format_of(data: Buffer) -> Format:
    """Return the format of a file by its content; NIfTI, which then says what is wrong, if it is of none."""
    kind = (content.kind_of(data) or "").removeprefix("gzipped ")
    return next((one for one in FORMATS if one.kind == kind), VOLUME_FORMATS[0])
