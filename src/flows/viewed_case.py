"""Read a case of a dataset and draw it, in a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..dataset.lineage import PREDICTION, CaseRecord
from ..errors import Cure, SegconvError, naming
from ..image import opened
from ..image.geometry import Geometry, Volume
from ..image.opened import Header, Opened
from ..image.read_options import STRICT
from ..image.voxels import label_values
from ..reading import LONGEST
from ..review.pictures.case_picture import CONTOURS, CasePicture, drawn
from ..review.pictures.planes import BACKGROUND, Cuts, Plane, Voxel
from ..review.pictures.sealed import sealed
from ..review.pictures.windows import Window, colour_window_of, window_of
from ..work.caseio import CaseIO
from ..work.plan import Item

Read = Callable[[Path], bytes]

_COLOURS = 3
_OF_TWO_FILES = (".mhd", ".nhdr")


@dataclass(frozen=True)
class Look:
    """How cases are drawn.

    Parameters
    ----------
    window
        Values that are drawn black and white; percentiles of each image if None.
    style
        One of `case_picture.STYLES`.
    """

    window: Window | None = None
    style: str = CONTOURS


USUAL_LOOK = Look()
"""The defaults."""


@dataclass(frozen=True)
class ViewTask:
    """What a worker needs to draw a case.

    Parameters
    ----------
    case
        The case.
    images
        Real paths: of the channel to draw, or of three colours.
    component
        Which value per pixel to draw, if the file has several; None for all.
    label
        Real path, or None if the case has none.
    names
        Value → name.
    look
        How to draw it.
    prediction
        Real path of a prediction; empty if none is drawn.
    ignore
        Value of the ignore label, or None.
    title
        Above the picture; the case if empty.
    """

    case: str
    images: tuple[str, ...]
    component: int | None
    label: str | None
    names: Mapping[int, str]
    look: Look
    prediction: str = ""
    ignore: int | None = None
    title: str = ""

    def picture(self, read: Read) -> NDArray[np.uint8]:
        """Return the picture of the case, ``(row, column, 3)``; the errors are those of `read_case`."""
        found = read_case(self, read)
        names = self.named(found.values)
        title = self.title or self.case
        return drawn(CasePicture(title, found.planes(), found.window(self.look), names, self.look.style))

    def named(self, values: Iterable[int]) -> dict[int, str]:
        """Return value → name of all values that are drawn."""
        return {value: self.names.get(value, "undeclared") for value in sorted(values) if value != BACKGROUND}


class Task(Protocol):
    """What a worker needs to draw a picture."""

    @property
    def case(self) -> str:
        """The case."""

    def picture(self, read: Read, /) -> NDArray[np.uint8]:
        """Return the picture, ``(row, column, 3)``."""


@dataclass(frozen=True)
class ReadCase:
    """The voxels of a case.

    Parameters
    ----------
    header
        Of the first image.
    image
        ``(z, y, x)`` or ``(y, x)``, in colour with a last axis of 3.
    label, prediction
        ``(z, y, x)`` or ``(y, x)``, or None.
    ignore
        Value of the ignore label, or None.
    """

    header: Header
    image: NDArray[Any]
    label: NDArray[Any] | None
    prediction: NDArray[Any] | None = None
    ignore: int | None = None

    @property
    def geometry(self) -> Geometry:
        """The grid."""
        return self.header.geometry

    @property
    def values(self) -> set[int]:
        """The values that label and prediction hold."""
        return {value for layer in (self.label, self.prediction) if layer is not None for value in label_values(layer)}

    def window(self, look: Look) -> Window:
        """Return the values that are drawn black and white."""
        if look.window is not None:
            return look.window
        return colour_window_of(self.image) if self.image.ndim > self.geometry.dimension else window_of(self.image)

    def planes(self, through: Voxel | None = None) -> list[Plane]:
        """Return the planes to draw, through a voxel if there is one."""
        return Cuts(
            self.image,
            self.label,
            self.geometry,
            placed=self.header.placed,
            prediction=self.prediction,
            ignore=self.ignore,
            through=through,
        ).planes()


def view_case(item: Item, io: CaseIO) -> dict[str, Any]:
    """Draw a case into its file; return its record."""
    task: Task = item.payload
    io.write(item.outputs[0], png_of(task.picture(lambda path: io.read(path, LONGEST))))
    # A picture is not in a dataset, and foreign datasets have names of cases that segconv would not give.
    return CaseRecord(task.case, PREDICTION, original_name=item.outputs[0]).as_json()


def picture_of_files(task: Task) -> NDArray[np.uint8]:
    """Return the picture of a case, ``(row, column, 3)``."""
    return task.picture(lambda path: opened.read_bytes(str(path)))


def png_of(picture: NDArray[np.uint8]) -> bytes:
    """Return a sealed PNG of ``(row, column, 3)``."""
    pieces = opened.encode(picture, Geometry.plain(picture.shape[1::-1]), ".png")
    return sealed(b"".join(map(bytes, pieces)))


def read_case(task: ViewTask, read: Read) -> ReadCase:
    """Read the files of a case.

    Raises
    ------
    SegconvError
        ``SC082`` if image and label differ in size; what reading the files raises. Errors name the file.
    """
    first, image = _image(task, read)
    geometry = first.header.geometry
    label = None if task.label is None else _label(task.label, geometry, read)
    prediction = _label(task.prediction, geometry, read) if task.prediction else None
    return ReadCase(first.header, image, label, prediction, task.ignore)


def _image(task: ViewTask, read: Read) -> tuple[Opened, NDArray[Any]]:
    """Return the first file, and the values to draw: ``(z, y, x)`` or ``(y, x)``, in colour with a last axis of 3."""
    files = []
    for path in task.images:
        with naming(path):
            files.append(_opened(path, read))
    volumes = [file.image() for file in files]
    for path, volume in zip(task.images[1:], volumes[1:], strict=True):
        _refuse_other_size(path, volume.geometry, volumes[0].geometry, "the first channel")
    array = volumes[0].array if len(volumes) == 1 else np.stack([volume.array for volume in volumes], axis=-1)
    if array.ndim == volumes[0].geometry.dimension:
        return files[0], array
    if task.component is None:
        return files[0], array[..., :_COLOURS] if array.shape[-1] >= _COLOURS else array[..., 0]
    if not task.component < array.shape[-1]:
        message = f"has no channel {task.component}: it has the channels 0 to {array.shape[-1] - 1}"
        raise SegconvError(message, file=task.images[0])
    return files[0], array[..., task.component]


def _opened(path: str, read: Read) -> Opened:
    data = read(Path(path))
    if not path.lower().endswith(_OF_TWO_FILES):
        return opened.decode(data, path)
    others = opened.data_files(path, opened.probe_only(path, STRICT))
    return opened.decode(data, path, read(Path(others[0])) if others else None)


def _label(path: str, geometry: Geometry, read: Read) -> NDArray[Any]:
    label = read_label(path, read)
    _refuse_other_size(path, label.geometry, geometry, "the image")
    return label.array


def read_label(path: str, read: Read) -> Volume:
    """Return a label, ``(z, y, x)`` or ``(y, x)``; errors name the file.

    Raises
    ------
    SegconvError
        ``SC071`` for fractions and ``SC072`` for negative values; what reading it raises.
    """
    with naming(path):
        label = opened.decode(read(Path(path)), path).label()
        label_values(label.array)
    return label


def other_size(path: str, size: tuple[int, ...], expected: tuple[int, ...], whose: str) -> SegconvError:
    """Return the error for a file of another size, ``(x, y, z)``, than another file of its case."""
    return SegconvError(
        f"has the size {size}, {whose} {expected}",
        code="SC082",
        file=path,
        hint="give both files of one case",
        cures=(Cure.of("repair_by_resampling"),),
    )


def _refuse_other_size(path: str, grid: Geometry, other: Geometry, whose: str) -> None:
    if grid.size != other.size:
        raise other_size(path, grid.size, other.size, whose)
