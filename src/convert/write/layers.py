"""Masks of one class each, which may overlap: seen once to find what occurs, and again to write the compiled label."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.compiler import Accumulator, Atom
from ...dataset.stored_label import LAYERS, StoredLabel, StoredMask
from ...errors import SegconvError, naming
from ...image.voxels import label_values, position
from .task import CaseTask


def on_and_mask(values: NDArray[Any]) -> tuple[int, NDArray[np.bool_]]:
    """Return the value that a mask stores where it is on, and the mask.

    Raises
    ------
    SegconvError
        ``SC078`` if it holds more than 0 and one other value; what `label_values` raises.
    """
    found = label_values(values)
    others = [value for value in found if value]
    if len(others) > 1:
        second = others[1]
        raise SegconvError(
            f"is the mask of one class, but holds the values {', '.join(map(str, list(found)[:6]))}; the first"
            f" {second} is at {position(values == second)}",
            code="SC078",
            hint="expected 0 and one other value; --from pairs reads a file with several classes",
        )
    return (others[0] if others else 1), values != 0


def atoms_of(shape: tuple[int, ...], masks: Iterable[tuple[int, NDArray[np.bool_]]]) -> list[Atom]:
    """Return the atoms that occur in the masks of a case; the first is no mask at all."""
    accumulator = Accumulator(shape)
    for index, mask in masks:
        accumulator.add(index, mask)
    return accumulator.atoms


def compile_layers(
    path: str, shape: tuple[int, ...], read: Callable[[str], NDArray[Any]], task: CaseTask
) -> tuple[NDArray[Any], dict[int, int], StoredLabel]:
    """Compile the masks of a case, one file each, into its label.

    Parameters
    ----------
    path
        The label, as `SourceCase.parts` has it.
    shape
        Of the image, in array order.
    read
        Returns the stored values of a mask, of that shape.
    task
        Its recipe says how masks are compiled.

    Returns
    -------
    label
        Values as written.
    counts
        Value as written → number of voxels.
    stored
        How the masks are stored, for the way back.
    """
    compiled = task.recipe.compiled
    if compiled is None:
        raise SegconvError("masks were not compiled", code="SC104")
    index = {name: number for number, name in enumerate(compiled.masks_of)}
    accumulator = Accumulator(shape)
    masks: list[StoredMask] = []
    parts = task.source.parts[path]
    for name, file in zip(parts.names, parts.files, strict=True):
        with naming(task.shown(file)):
            values = read(file)
            on, mask = on_and_mask(values)
            accumulator.add(index[name], mask)
        dtype = values.dtype.name if values.dtype.kind in "iu" else "uint8"
        file_name = file.rsplit("/", 1)[-1]
        place = parts.places[len(masks)] if parts.places else None
        masks.append(StoredMask(name, file_name, on, dtype, tuple(compiled.masks_of[name]), place))
    unknown = [atom for atom in accumulator.atoms if atom not in compiled.value_of]
    if unknown:
        raise SegconvError("changed after it was looked at", code="SC062", file=task.shown(path))
    label = accumulator.label(compiled.value_of)
    counts: dict[int, int] = {}
    for atom, number in zip(accumulator.atoms, accumulator.voxels, strict=True):
        if number:
            value = compiled.value_of[atom]
            counts[value] = counts.get(value, 0) + number
    lost = "overlaps went to one mask by the priority given" if compiled.lost else ""
    return label, counts, StoredLabel(form=LAYERS, masks=tuple(masks), lost=lost)
