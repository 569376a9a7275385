"""The image formats, one line each. To add one, add a line here and a module that is a `Codec`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..geometry import Geometry
    from ..gzipped import Buffer
    from ..opened import Header, Opened
    from ..read_options import ReadOptions


class Codec(Protocol):
    """The functions that the module of a format provides."""

    def probe(self, file: BinaryIO, how: ReadOptions, /) -> Header:
        """Judge the header of an open file and return it; its ``oddities`` list what is unusual but usable."""

    def decode(self, data: Buffer, companion: Buffer | None, how: ReadOptions, /) -> Opened:
        """Check every byte of a file for which a check exists, and return the content.

        Parameters
        ----------
        data
            The file.
        companion
            The second file of a volume in two files.
        how
            What to accept.
        """


class Encoder(Codec, Protocol):
    """A codec of a format that can also be written."""

    def encode(
        self, array: NDArray[Any], geometry: Geometry, ending: str, sheared: NDArray[np.float64] | None = None, /
    ) -> list[Any]:
        """Return the pieces of a file in order, the same bytes for the same voxels.

        Parameters
        ----------
        array
            ``(z, y, x)`` or ``(z, y, x, channel)`` for volumes; ``(y, x)`` or ``(y, x, sample)`` for pictures.
        geometry
            The grid of the voxels; pictures do not record it.
        ending
            Ending of the file.
        sheared
            Directions to write instead of the grid's, if the format can store them.
        """


class PictureEncoder(Encoder, Protocol):
    """An encoder of a picture format."""

    def encode_palette(self, indices: NDArray[Any], colours: NDArray[np.uint8], depth: int = 8, /) -> bytes:
        """Return a palette picture; see `raster.encode_palette`."""


@dataclass(frozen=True)
class Format:
    """One format.

    Parameters
    ----------
    kind
        Name of the kind of file, for messages, such as ``"PNG picture"``.
    module
        Its codec, a module of this package, imported when needed, because some load slow libraries.
    endings
        Endings of its file names, longest first.
    writable
        Endings that can be written without changing a value.
    signatures
        Pairs of offset and bytes, one of which a file matches.
    first_words
        Alternative text at the start of a file, in any letter case.
    """

    kind: str
    module: str
    endings: tuple[str, ...]
    writable: tuple[str, ...] = ()
    signatures: tuple[tuple[int, bytes], ...] = ()
    first_words: tuple[bytes, ...] = ()

    @property
    def codec(self) -> Codec:
        """The module that reads it."""
        return _codec(self.module)

    @property
    def encoder(self) -> Encoder:
        """The module that writes it, if any of its endings can be written."""
        return cast(Encoder, self.codec)


@cache
def _codec(module: str) -> Codec:
    return cast(Codec, import_module(f".{module}", __package__))


VOLUME_FORMATS = (
    Format("NIfTI volume", "nifti", (".nii.gz", ".nii"), (".nii.gz", ".nii"), ((344, b"n+1\0"), (344, b"ni1\0"))),
    Format("NRRD volume", "nrrd", (".nrrd", ".nhdr"), (".nrrd",), ((0, b"NRRD0"),)),
    Format("MetaImage volume", "metaimage", (".mha", ".mhd"), (".mha",), first_words=(b"objecttype", b"ndims")),
)

_TIFF_SIGNATURES = ((0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+"))

PICTURE_FORMATS = (
    Format("PNG picture", "png", (".png",), (".png",), ((0, b"\x89PNG\r\n\x1a\n"),)),
    Format("TIFF picture", "tiff", (".tif", ".tiff"), (".tif", ".tiff"), _TIFF_SIGNATURES),
    Format("BMP picture", "bmp", (".bmp",), (".bmp",), ((0, b"BM"),)),
    Format("JPEG picture", "jpeg", (".jpg", ".jpeg"), (), ((0, b"\xff\xd8\xff"),)),
)

FORMATS = (*VOLUME_FORMATS, *PICTURE_FORMATS)


def endings_of(formats: tuple[Format, ...]) -> tuple[str, ...]:
    """Return all endings of some formats."""
    return tuple(ending for one in formats for ending in one.endings)


def writable_of(formats: tuple[Format, ...]) -> tuple[str, ...]:
    """Return the endings of some formats that can be written."""
    return tuple(ending for one in formats for ending in one.writable)


_LONGEST = max(map(len, endings_of(FORMATS)))


def ending_among(name: str, endings: tuple[str, ...]) -> str | None:
    """Return the ending of a file name, in any letter case; None if it has none of them."""
    return _ending_of_end(name[-_LONGEST:], endings)


@lru_cache(maxsize=1 << 10)
def _ending_of_end(end: str, endings: tuple[str, ...]) -> str | None:
    """Return the ending of the last characters of a name; the names of one source end in few ways."""
    lower = end.lower()
    return next((ending for ending in endings if lower.endswith(ending)), None)


def format_named(name: str) -> Format:
    """Return the format of a file name or ending; raises ValueError if there is none."""
    found = _format_of_end(name[-_LONGEST:])
    if found is None:
        raise ValueError(f"{name} has none of the endings {endings_of(FORMATS)}")
    return found


@lru_cache(maxsize=1 << 10)
def _format_of_end(end: str) -> Format | None:
    return next((one for one in FORMATS if ending_among(end, one.endings)), None)


def encode(
    array: NDArray[Any], geometry: Geometry, ending: str, sheared: NDArray[np.float64] | None = None
) -> list[Any]:
    """Return the pieces of a file in order, the same bytes for the same voxels; see `Encoder.encode`.

    Parameters
    ----------
    ending
        A writable ending.
    """
    found = format_named(ending)
    if ending not in found.writable:
        raise ValueError(f"{ending} is not one of {writable_of(FORMATS)}")
    return found.encoder.encode(array, geometry, ending, sheared)
