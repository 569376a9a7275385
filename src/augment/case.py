"""Augment one case: carry the original over, make its copies file by file, and record them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset.labels import BACKGROUND
from ..dataset.layout import image_path, label_path
from ..dataset.lineage import TRAIN, CaseRecord
from ..errors import Cure, SegconvError, naming, warning
from ..image.geometry import SAME_GRID_VOXELS, Geometry
from ..image.grids import FIRST_CHANNEL, IMAGE, difference, same_grid
from ..image.opened import Header, Opened
from ..image.resample import NEAREST
from ..image.voxels import label_values, smallest_type
from ..words import some_of
from ..work.caseio import COPY, EXTERNAL, SYMBOLIC, CaseIO
from ..work.plan import Item
from .files import read_image, read_label
from .padding import extremes, padded
from .rotation import Turn, load_kernels_ahead, plan_turn, turned, turned_softly
from .spec import Transform


@dataclass(frozen=True)
class CopyRecipe:
    """Settings that all cases of a dataset share.

    Parameters
    ----------
    source_ending, ending
        Endings of the source files and of the new files.
    grey_files
        Grey-value transform → the files per case that it changes.
    values
        Declared label values.
    label_background
        Value of voxels that a rotation brings into a label: background, or ignore if there is one.
    pad_value
        Value of voxels that a rotation brings into an image; the image's smallest value if None.
    expand
        Whether grids grow so that nothing is cropped.
    label_soft
        Whether labels are interpolated class by class.
    link
        How originals are placed in the new dataset; see `CaseIO.place`.
    """

    source_ending: str
    ending: str
    grey_files: Mapping[str, tuple[int, ...]]
    values: tuple[int, ...]
    label_background: int
    pad_value: float | None = None
    expand: bool = False
    label_soft: bool = False
    link: str = COPY

    def keeps(self, *, plain: bool) -> bool:
        """Return whether an original is kept unchanged: if it is plain, or linked."""
        return self.link != COPY or (plain and self.ending == self.source_ending)


@dataclass(frozen=True)
class AugmentTask:
    """Payload of a work item: one case and the copies to make from it.

    Parameters
    ----------
    record
        Its lineage in the source dataset.
    images
        Absolute paths of its files.
    label
        Absolute path, or None for test cases, which are carried over.
    copies
        Identifier of a copy → its parameters.
    recipe
        Settings shared by all cases.
    """

    record: CaseRecord
    images: tuple[str, ...]
    label: str | None
    copies: Mapping[str, Transform]
    recipe: CopyRecipe

    @property
    def how(self) -> str:
        """How originals are placed in the dataset; nnU-Net finds external ones only for training."""
        external = self.recipe.link == EXTERNAL and self.record.split != TRAIN
        return SYMBOLIC if external else self.recipe.link

    def outputs(self) -> tuple[str, ...]:
        """Return the output paths of the case and its copies, relative to the dataset."""
        files, ending = range(len(self.images)), self.recipe.ending
        own = self.record
        made = [image_path(own.case, file, ending, own.split) for file in files]
        if self.label is not None:
            made.append(label_path(own.case, ending, own.split))
        for copy in self.copies:
            made += [*(image_path(copy, file, ending) for file in files), label_path(copy, ending)]
        return tuple(made)


@dataclass
class _Work:
    """State of one case while it is augmented.

    Parameters
    ----------
    task, io
        The work, and the reader and writer of its files.
    first
        Header of the first channel, once it has been read.
    turns
        Copy → its rotation, planned on the grid of the first channel.
    repairs
        Changes to originals that are re-encoded.
    """

    task: AugmentTask
    io: CaseIO
    first: Header | None = None
    turns: dict[str, Turn] = field(default_factory=dict)
    repairs: list[str] = field(default_factory=list)


def augment_case(item: Item, io: CaseIO) -> dict[str, Any]:
    """Carry over one case and make its copies, in a worker.

    One file is in memory at a time: it is read and proved once, even without copies, and all its copies
    are written before the next file is read.
    """
    task: AugmentTask = item.payload
    if any(transform.oblique_angles == 1 for transform in task.copies.values()):
        load_kernels_ahead()
    work = _Work(task, io)
    for number, path in enumerate(task.images):
        with naming(path):
            _images(work, number)
    copies: list[dict[str, Any]] = []
    if task.label is not None:
        with naming(task.label):
            copies = _labels(work)
    own = dataclasses.replace(task.record, repairs=[*task.record.repairs, *work.repairs])
    return {"records": [own.as_json(), *copies]}


def _images(work: _Work, number: int) -> None:
    """Carry over one file and make its copies."""
    task, io, recipe = work.task, work.io, work.task.recipe
    path = Path(task.images[number])
    data = io.read(path)
    opened = read_image(data, recipe.source_ending)
    array, own = opened.image().array, opened.header
    _warn_odd(opened, work, path)
    air = _air(array, own.geometry, work, path)
    first = work.first or own
    takes_header = _takes_header(own.geometry, first.geometry, FIRST_CHANNEL, work, path)
    target = image_path(task.record.case, number, recipe.ending, task.record.split)
    several_axes = own.placed and not own.scalar  # an axis of channels, which training does not expect
    if recipe.keeps(plain=opened.plain and not several_axes and not takes_header):
        io.place(path, data, target, task.how)
    else:
        io.write(target, *opened.encoded(recipe.ending, first.geometry if takes_header else None))
    del data, opened  # its voxels are in memory by now, and the copies need the room
    if work.first is None:
        work.first = own
        work.turns = {c: plan_turn(own.geometry, t, expand=recipe.expand) for c, t in task.copies.items()}
    _image_copies(work, number, first, array, air)


def _image_copies(work: _Work, number: int, first: Header, array: NDArray[Any], air: Any) -> None:
    """Make the copies of one file; `array` and `air` as for `padded`, `first` the header of the first channel."""
    task, recipe = work.task, work.task.recipe
    room: NDArray[Any] | None = None
    # Copies without kernels come first, while the kernels load.
    for copy, transform in sorted(task.copies.items(), key=lambda copy: copy[1].oblique_angles):
        turn = work.turns[copy]
        room = turn.room_in(room)
        grey = {name: amount for name, amount in transform.grey.items() if number in recipe.grey_files[name]}
        moved = padded(turn, array, air=air, grey=grey, pad_value=recipe.pad_value, room=room)
        pieces = first.encoded(moved, turn.grid, recipe.ending)
        work.io.write(image_path(copy, number, recipe.ending), *pieces)
        room = _free(moved, array)
        del moved, pieces  # before the next one takes as much memory


def _labels(work: _Work) -> list[dict[str, Any]]:
    """Carry over the label and make its copies on the grids of the images; return their records."""
    io, recipe = work.io, work.task.recipe
    path = Path(work.task.label or "")
    data = io.read(path)
    opened = read_label(data, recipe.source_ending)
    array = opened.label().array
    _warn_odd(opened, work, path)
    present = label_values(array)
    unknown = set(present) - set(recipe.values)
    if unknown:
        raise SegconvError(
            f"holds the values {some_of(sorted(unknown))}, declared are {list(recipe.values)}", code="SC070"
        )
    if set(present) == {0}:
        io.warn(warning("SC075", f"holds nothing but {BACKGROUND}", file=_shown(path, io)))
    plain, own = opened.plain, opened.header
    del opened
    array = _carry_label(work, path, data, array, own, plain=plain)
    del data
    return _label_copies(work, work.first or own, array, present)


def _carry_label(
    work: _Work, path: Path, data: bytes, array: NDArray[Any], own: Header, *, plain: bool
) -> NDArray[Any]:
    """Carry over the original label in a type that nnU-Net's readers support; return its voxels in that type."""
    task, recipe = work.task, work.task.recipe
    first = work.first or own
    takes_header = _takes_header(own.geometry, first.geometry, IMAGE, work, path)
    if array.dtype.itemsize > 2 or array.dtype.kind not in ("u" if recipe.ending == ".png" else "iu"):
        plain = False
        if recipe.link == COPY:
            work.repairs.append(f"label stored as {array.dtype.name}, written as an integer")
        array = array.astype(smallest_type(max(recipe.values)))
    target = label_path(task.record.case, recipe.ending, task.record.split)
    if recipe.keeps(plain=plain and not takes_header):
        work.io.place(path, data, target, task.how)
    else:
        place = first if takes_header else own
        work.io.write(target, *place.encoded(array, place.geometry, recipe.ending))
    return array


def _label_copies(work: _Work, first: Header, array: NDArray[Any], present: Mapping[int, int]) -> list[dict[str, Any]]:
    """Make the copies of a label; return their records.

    Parameters
    ----------
    first
        Header of the first channel.
    array
        ``(z, y, x)`` or ``(y, x)``; integers.
    present
        Value → number of voxels.
    """
    recipe = work.task.recipe
    made = []
    room: NDArray[Any] | None = None
    for copy, transform in work.task.copies.items():
        turn = work.turns[copy]
        room = None if recipe.label_soft else turn.room_in(room)
        # The label is on the image's own grid, so that one transform moves both.
        if recipe.label_soft:
            moved = turned_softly(turn, array, tuple(present), recipe.label_background)
        else:
            moved = turned(turn, array, NEAREST, recipe.label_background, room)
        counts = present if turn.exact is not None else label_values(moved)  # a move keeps the counts
        unknown = set(counts) - {*present, recipe.label_background}
        if unknown:
            raise SegconvError(f"the label of {copy} got the values {sorted(unknown)}", code="SC070")
        work.io.write(label_path(copy, recipe.ending), *first.encoded(moved, turn.grid, recipe.ending))
        room = _free(moved, array)
        del moved
        made.append(_copy_record(work.task.record, copy, transform, counts, turn.grid, recipe))
    return made


def _free(written: NDArray[Any], array: NDArray[Any]) -> NDArray[Any] | None:
    """Return the voxels of a written copy, as room for the next one, unless they are the original's."""
    return None if np.may_share_memory(written, array) else written


def _air(array: NDArray[Any], geometry: Geometry, work: _Work, path: Path) -> Any:
    """Return the smallest value of each component; warn if all are equal."""
    low, high = extremes(array, geometry)
    if (low == high).all():
        value = ", ".join(f"{component:g}" for component in np.atleast_1d(low).tolist())
        what = f"all {'pixels' if geometry.dimension == 2 else 'voxels'} are {value}"
        work.io.warn(warning("SC077", what, file=_shown(path, work.io)))
    return low


def _warn_odd(opened: Opened, work: _Work, path: Path) -> None:
    """Warn about oddities of a file, which is re-encoded unless it is linked."""
    for code, message in opened.header.oddities:
        _warn(code, message, work, path)
    if opened.trailing:
        copied = work.task.recipe.link == COPY
        _warn("SC059", "bytes after the end were dropped" if copied else "bytes follow the end", work, path)


def _takes_header(grid: Geometry, reference: Geometry, whose: str, work: _Work, path: Path) -> bool:
    """Return whether a file takes the header of the first channel; refuse it if its grid is elsewhere.

    Parameters
    ----------
    whose
        `IMAGE` for a label, `FIRST_CHANNEL` for a channel.
    """
    try:
        apart = same_grid(grid, reference, whose)
    except SegconvError as error:
        error.advise(cures=[Cure.of("repair_by_resampling"), Cure.of("repair_header")])
        raise
    change = difference(grid, reference, apart, whose)
    if apart > SAME_GRID_VOXELS:
        taken = "; it took that header" if work.task.recipe.link == COPY else ""
        _warn("SC093", change + taken, work, path)
    elif change and work.task.recipe.link == COPY:
        work.repairs.append(f"{_shown(path, work.io)} {change}; it took that header")
    return bool(change)


def _warn(code: str, message: str, work: _Work, path: Path) -> None:
    """Warn about a file and record its repair; linked files are kept."""
    name = _shown(path, work.io)
    if work.task.recipe.link != COPY:
        work.io.warn(warning(code, f"{message}; it is linked as it is", file=name))
        return
    work.io.warn(warning(code, message, file=name))
    work.repairs.append(f"{name}: {message}")


def _shown(path: Path, io: CaseIO) -> str:
    """Return the name of a source relative to the dataset, for warnings, which the lineage keeps."""
    return str(io.sources[str(path)]["path"])


def _copy_record(
    parent: CaseRecord,
    copy: str,
    transform: Transform,
    counts: Mapping[int, int],
    grid: Geometry,
    recipe: CopyRecipe,
) -> dict[str, Any]:
    # With the copy, as a later augmentation of this dataset has options of its own.
    options = {"expand": recipe.expand, "label_soft": recipe.label_soft, "pad_value": recipe.pad_value}
    geometry = None if grid.dimension == 2 else grid.as_json()
    return dataclasses.replace(
        parent,
        case=copy,
        parent=parent.case,
        sources=[],
        targets=[],
        label_voxels={str(value): count for value, count in counts.items()},
        geometry=geometry if parent.geometry is None or geometry is None else {**parent.geometry, **geometry},
        repairs=[],
        transform={**transform.as_json(), **options},
        warnings=[],
        intensity=[],
        shares=[],
    ).as_json()
