"""A picture of any format: its header, its samples as stored, and checks common to all formats."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SegconvError
from .formats.table import encode
from .geometry import Geometry, Volume
from .gzipped import TRAILING_LIMIT, Buffer
from .mask_values import grey_mask
from .stored import AFTER_END

MAX_PIXELS = 500_000_000
"""Largest picture that is decoded, whatever its format."""

NNUNET_PIXELS = 178_956_970
"""Largest PNG or BMP that nnU-Net reads: scikit-image opens them through Pillow, with Pillow's own limit."""

EXIF_ORIENTATION = 0x0112
"""Tag of EXIF."""


@dataclass(frozen=True)
class PictureHeader:
    """The header of a picture of any format.

    Parameters
    ----------
    width, height
        In pixels.
    depth
        Bits per sample, as stored: 1, 2, 4, 8, 16, or 32 and 64 in a TIFF.
    kind
        ``"gray"``, ``"RGB"``, ``"palette"``, ``"gray+alpha"``, ``"RGBA"``, or in a TIFF ``"bands"``:
        samples that are neither colour nor alpha.
    samples
        Stored samples per pixel.
    interlaced
        Whether the rows are stored in Adam7 order.
    pages
        Number of pictures in the file, all of one size and kind: 1 except for a TIFF.
    format
        ``"PNG"``, ``"TIFF"``, ``"BMP"`` or ``"JPEG"``.
    lossy
        Whether samples may differ from the original ones, as in a JPEG.
    numbers
        ``"uint"``, or in a TIFF ``"int"`` or ``"float"``.
    white_is_zero
        Whether it is grey and declares its lowest value as white.
    unnamed
        For "bands" of a TIFF: number of samples without a declared meaning; they come last.
    channel_pages
        Whether its pages are the channels of one picture, as a TIFF by ImageJ or OME may declare.
    channel_names
        Names of such pages, if the file has a name for each.
    """

    width: int
    height: int
    depth: int
    kind: str
    samples: int
    interlaced: bool = False
    pages: int = 1
    format: str = "PNG"
    lossy: bool = False
    numbers: str = "uint"
    white_is_zero: bool = False
    unnamed: int = 0
    channel_pages: bool = False
    channel_names: tuple[str, ...] = ()

    @property
    def channels(self) -> int:
        """Number of channels for a network, with the palette expanded and alpha dropped."""
        if self.kind == "bands":
            return self.samples
        return 1 if self.kind in ("gray", "gray+alpha") else 3

    @property
    def geometry(self) -> Geometry:
        """Its grid, ``(x, y)`` or ``(x, y, page)``, in pixels of 1 mm."""
        size = (self.width, self.height) if self.pages == 1 else (self.width, self.height, self.pages)
        return Geometry.plain(size)

    @property
    def placed(self) -> bool:
        """Pictures do not record where their pixels are."""
        return False

    @property
    def scalar(self) -> bool:
        """Whether it stores one value per pixel: grey or an index."""
        return self.samples == 1

    @property
    def value_dtype(self) -> np.dtype[Any]:
        """Native type of the decoded samples."""
        if self.numbers == "float" and self.depth == 16:
            return np.dtype(np.float32)
        return np.dtype(f"{self.numbers}{-(-self.depth // 8) * 8}")

    @property
    def voxel_bytes(self) -> int:
        """Bytes of all stored samples."""
        return self.width * self.height * self.pages * self.samples * self.depth // 8

    @property
    def value_bytes(self) -> int:
        """Bytes of all decoded samples."""
        return self.width * self.height * self.pages * self.samples * self.value_dtype.itemsize

    @property
    def oddities(self) -> tuple[tuple[str, str], ...]:
        """Empty: oddities of pictures are refused."""
        return ()

    @property
    def data_file(self) -> None:
        """None: a picture is one file."""
        return

    def encoded(self, array: NDArray[Any], geometry: Geometry, ending: str) -> list[Any]:
        """Return the pieces of a file; see `table.encode`."""
        return encode(array, geometry, ending)

    def __str__(self) -> str:
        numbers = "" if self.numbers == "uint" else f" {self.numbers}"
        pages = "" if self.pages == 1 else f"×{self.pages}"
        kind = f"{self.samples} bands" if self.kind == "bands" else self.kind
        white = " with white as 0" if self.white_is_zero else ""
        return f"{self.depth}-bit{numbers} {kind}{white}, {self.width}×{self.height}{pages}"


@dataclass(frozen=True)
class Picture(ABC):
    """A picture with proved bytes.

    Parameters
    ----------
    header
        Its header.
    plain
        Whether the file may be copied byte for byte: nothing follows its end.
    trailing
        Whether bytes follow the end; they are dropped.
    data
        The file.
    palette
        Its colours, ``(n, 4)`` red, green, blue and alpha, or None.
    """

    header: PictureHeader
    plain: bool
    trailing: bool
    data: bytes
    palette: NDArray[np.uint8] | None

    @property
    @abstractmethod
    def stored(self) -> NDArray[Any]:
        """Samples as stored, palettes as indices: ``(y, x)``, ``(y, x, sample)``, or with a first axis of pages."""

    @property
    def packed(self) -> bool:
        """Whether it is proved but not decoded yet."""
        return False

    @property
    def label_names(self) -> dict[int, str]:
        """No names of values: a picture has none."""
        return {}

    @property
    def oddities(self) -> tuple[tuple[str, str], ...]:
        """``(code, message)`` of oddities that are usable: bytes after the end."""
        return (AFTER_END,) if self.trailing else ()

    def image(self) -> Volume:
        """Return it as nnU-Net sees it: palette applied, grey of 2 and 4 bits scaled to 8; one bit is 0 and 1."""
        samples, header = self.stored, self.header
        if self.palette is not None:
            samples = np.ascontiguousarray(self.palette[:, :3])[samples]
        elif header.kind == "gray" and 1 < header.depth < 8:
            samples = samples * np.uint8(255 // ((1 << header.depth) - 1))
        return Volume(samples, header.geometry)

    def label(self) -> Volume:
        """Return its values as stored, palettes as indices; see `mask_values.grey_mask`."""
        header = self.header
        if header.samples > 1 and header.pages > 1:
            raise SegconvError(f"is {header}, expected a label of one value per pixel", code="SC073")
        return Volume(self.stored if header.scalar else grey_mask(self.stored, header), header.geometry)

    def encoded(self, ending: str, geometry: Geometry | None = None) -> list[Any]:
        """Return the pieces of a file with the result of `image`."""
        found = self.image()
        return encode(found.array, geometry or found.geometry, ending)


@dataclass(frozen=True)
class DecodedPicture(Picture):
    """A decoded picture.

    Parameters
    ----------
    array
        Result of `stored`.
    """

    array: NDArray[Any]

    @property
    def stored(self) -> NDArray[Any]:
        """Samples as stored, palettes as indices: ``(y, x)``, ``(y, x, sample)``, or with a first axis of pages."""
        return self.array


def refuse_size(width: int, height: int, pages: int = 1) -> None:
    """Refuse pictures without pixels (``SC053``), and those with more than `MAX_PIXELS` (``SC054``)."""
    if not (0 < width < 1 << 31 and 0 < height < 1 << 31):
        raise SegconvError(f"has the size {width}×{height}", code="SC053")
    if width * height * pages > MAX_PIXELS:
        size = f"{width}×{height}" if pages == 1 else f"{width}×{height}×{pages}"
        raise SegconvError(f"has {size} pixels, at most {MAX_PIXELS} are allowed", code="SC054")


def refuse_tail(data: Buffer, end: int) -> bool:
    """Refuse more than `TRAILING_LIMIT` bytes after the end of a picture (``SC054``); return whether there are any."""
    if len(data) - end > TRAILING_LIMIT:
        raise SegconvError(f"{len(data) - end} bytes follow its end, at most {TRAILING_LIMIT} may", code="SC054")
    return len(data) > end


def refuse_colourless(indices: NDArray[Any], colours: int) -> None:
    """Refuse indices beyond a palette of a given number of colours (``SC053``)."""
    largest = int(indices.max())
    if largest >= colours:
        raise SegconvError(f"holds the palette index {largest}, its palette has {colours} colours", code="SC053")


def opaque(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return colours ``(n, 3)`` with an alpha of 255, ``(n, 4)``."""
    return np.concatenate([colours, np.full((len(colours), 1), 255, dtype=np.uint8)], axis=1)


def turned(orientation: int) -> SegconvError:
    """Return the error for a picture whose orientation, as in EXIF, is not 1."""
    return SegconvError(
        f"is stored turned: its orientation is {orientation}, and readers disagree on whether that counts",
        code="SC053",
        hint="rotate the pixels and save again",
    )
