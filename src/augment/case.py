"""The work on one case: carry the original over, make its copies file by file, and say what was made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset.layout import image_path, label_path
from ..dataset.lineage import TRAIN, CaseRecord
from ..errors import SegconvError, naming
from ..image.geometry import NEAR_GRID_VOXELS, Geometry
from ..image.resample import LINEAR, NEAREST
from ..image.voxels import label_values, smallest_type, value_range
from ..work.caseio import COPY, EXTERNAL, SYMBOLIC, CaseIO
from ..work.plan import Item
from .files import Grid, read_image, read_label
from .intensity import shift_hu
from .rotation import Turn, load_kernels_ahead, outside, plan_turn, turned, turned_softly
from .spec import Transform


@dataclass(frozen=True)
class CopyRecipe:
    """What all cases of a dataset have in common.

    Parameters
    ----------
    source_ending, ending
        Of the files of the source, and of those that are made.
    ct_files
        Which files of a case are CT channels.
    values
        Label values that are declared.
    label_background
        Value of what a rotation brings into a label: background, or ignore if there is one.
    pad_value
        Value of what a rotation brings into an image; its own smallest value if None.
    expand
        Whether grids grow so that nothing is cut.
    label_soft
        Whether labels are interpolated class by class.
    link
        How originals come into the new dataset; see `CaseIO.place`.
    """

    source_ending: str
    ending: str
    ct_files: tuple[int, ...]
    values: tuple[int, ...]
    label_background: int
    pad_value: float | None = None
    expand: bool = False
    label_soft: bool = False
    link: str = COPY


@dataclass(frozen=True)
class AugmentTask:
    """Payload of a work item: one case, and the copies to make of it.

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
        What it shares with all others.
    """

    record: CaseRecord
    images: tuple[str, ...]
    label: str | None
    copies: Mapping[str, Transform]
    recipe: CopyRecipe

    @property
    def how(self) -> str:
        """How originals come into the dataset; nnU-Net finds external ones for training alone."""
        external = self.recipe.link == EXTERNAL and self.record.split != TRAIN
        return SYMBOLIC if external else self.recipe.link

    def outputs(self) -> tuple[str, ...]:
        """Return the paths that the case and its copies are written to, relative to the dataset."""
        files, ending = range(len(self.images)), self.recipe.ending
        own = self.record
        made = [image_path(own.case, file, ending, own.split) for file in files]
        if self.label is not None:
            made.append(label_path(own.case, ending, own.split))
        for copy in self.copies:
            made += [*(image_path(copy, file, ending) for file in files), label_path(copy, ending)]
        return tuple(made)


def augment_case(item: Item, io: CaseIO) -> dict[str, Any]:
    """Carry over one case and make its copies, in a worker.

    One file is in memory at a time: it is read once, and all copies of it are made and written
    before the next is read.
    """
    task: AugmentTask = item.payload
    if not all(transform.is_quarter_turns for transform in task.copies.values()):
        load_kernels_ahead()
    turns: dict[str, Turn] = {}
    grid: Grid | None = None
    for number, path in enumerate(task.images):
        with naming(path):
            grid = _images(task, io, number, grid, turns)
    records = [dataclasses.asdict(task.record)]
    if task.label is not None:
        with naming(task.label):
            records += _labels(task, io, grid, turns)
    return {"records": records}


def transformed(
    turn: Turn, array: NDArray[Any], *, air: Any, shift: float = 0.0, pad_value: float | None = None
) -> NDArray[Any]:
    """Return one file of a copy.

    Parameters
    ----------
    turn
        How it turns.
    array
        On ``turn.geometry``; components last. It is not changed.
    air
        Its smallest value, of each component: what a HU shift leaves alone, and what a rotation
        brings in unless `pad_value` is given.
    shift
        In HU; 0 for none.
    pad_value
        What a rotation brings in instead.
    """
    if not shift:
        return turned(turn, array, LINEAR, air if pad_value is None else pad_value)
    moved = shift_hu(turned(turn, array, LINEAR, air), shift, float(np.min(air)))
    if pad_value is not None and turn.exact is None:
        moved[outside(turn)] = pad_value  # a shift of what comes from outside would be one of nothing
    return moved


def _images(task: AugmentTask, io: CaseIO, number: int, grid: Grid | None, turns: dict[str, Turn]) -> Grid | None:
    """Carry over one file and make its copies; return the grid of the first one."""
    recipe = task.recipe
    path = Path(task.images[number])
    data = io.read(path)
    own_path = image_path(task.record.case, number, recipe.ending, task.record.split)
    if recipe.ending == recipe.source_ending:
        io.place(path, data, own_path, task.how)
        if not task.copies:
            return grid
    array, own = read_image(data, recipe.source_ending)
    del data  # its voxels are in memory by now, and the copies need the room
    if recipe.ending != recipe.source_ending:
        io.write(own_path, *own.encoded(array, own.geometry, recipe.ending))
    if not task.copies:
        return grid
    value_range(array)
    if grid is not None:
        _refuse_apart(own.geometry, grid.geometry, "the first channel")
    air = array.min(axis=tuple(range(own.geometry.dimension)))
    # Those that need no kernels come first, while these are loaded.
    for copy, transform in sorted(task.copies.items(), key=lambda copy: not copy[1].is_quarter_turns):
        if grid is None:
            turns[copy] = plan_turn(own.geometry, transform, expand=recipe.expand)
        shift = transform.shift_hu if number in recipe.ct_files else 0.0
        moved = transformed(turns[copy], array, air=air, shift=shift, pad_value=recipe.pad_value)
        pieces = (grid or own).encoded(moved, turns[copy].grid, recipe.ending)
        io.write(image_path(copy, number, recipe.ending), *pieces)
        del moved, pieces  # before the next one takes as much
    return grid or own


def _labels(task: AugmentTask, io: CaseIO, grid: Grid | None, turns: Mapping[str, Turn]) -> list[dict[str, Any]]:
    """Carry over the label and make its copies on the grids of the images; return the records of the copies."""
    recipe = task.recipe
    path = Path(task.label or "")
    data = io.read(path)
    own_path = label_path(task.record.case, recipe.ending, task.record.split)
    if recipe.ending == recipe.source_ending:
        io.place(path, data, own_path, task.how)
        if not task.copies:
            return []
    array, own = read_label(data, recipe.source_ending)
    del data
    present = label_values(array)
    unknown = set(present) - set(recipe.values)
    if unknown:
        raise SegconvError(f"holds the values {sorted(unknown)}, declared are {list(recipe.values)}", code="SC070")
    if array.dtype.kind == "f" or array.dtype.itemsize > 2:
        array = array.astype(smallest_type(max(recipe.values)))
    if recipe.ending != recipe.source_ending:
        io.write(own_path, *own.encoded(array, own.geometry, recipe.ending))
    if grid is None:
        return []
    _refuse_apart(own.geometry, grid.geometry, "its image")
    made = []
    for copy, transform in task.copies.items():
        turn = turns[copy]
        # The label lies on the image's own grid, so that one transform moves both.
        if recipe.label_soft:
            moved = turned_softly(turn, array, tuple(present), recipe.label_background)
        else:
            moved = turned(turn, array, NEAREST, recipe.label_background)
        counts = present if turn.exact is not None else label_values(moved)  # what only moves stays as much
        unknown = set(counts) - {*present, recipe.label_background}
        if unknown:
            raise SegconvError(f"the label of {copy} got the values {sorted(unknown)}", code="SC070")
        io.write(label_path(copy, recipe.ending), *grid.encoded(moved, turn.grid, recipe.ending))
        del moved
        made.append(_copy_record(task.record, copy, transform, counts, turn.grid, recipe))
    return made


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
    return dataclasses.asdict(
        dataclasses.replace(
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
        )
    )


def _refuse_apart(found: Geometry, expected: Geometry, whose: str) -> None:
    if found.size != expected.size:
        raise SegconvError(f"has the size {found.size}, {whose} {expected.size}", code="SC082")
    apart = found.displacement_voxels(expected)
    if apart > NEAR_GRID_VOXELS:
        raise SegconvError(f"lies {apart:.3g} voxels off the grid of {whose}", code="SC083")
