"""Compile masks of one class each, which may overlap: first find what occurs, then write the label."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.losses import OVERLAPS, Loss
from ...dataset.overlaps import Accumulator, Atom, Compiled
from ...dataset.stored_label import LAYERS, StoredLabel, StoredMask
from ...errors import Cure, SegconvError
from ...image.voxels import label_values, position
from .work import CaseWork, WrittenLabel, smallest_dtype


def on_and_mask(values: NDArray[Any]) -> tuple[int, NDArray[np.bool_]]:
    """Return the value that a mask stores where it is on, and the mask itself.

    Raises
    ------
    SegconvError
        ``SC078`` if it holds more than 0 and one other value; also any error of `label_values`.
    """
    found = label_values(values)
    others = [value for value in found if value]
    if len(others) > 1:
        second = others[1]
        raise SegconvError(
            f"is the mask of one class, but holds the values {', '.join(map(str, list(found)[:6]))}; the first"
            f" {second} is at {position(values == second)}",
            code="SC078",
            hint="expected 0 and one other value",
            cures=(Cure.of("read_several_classes"),),
        )
    return (others[0] if others else 1), values != 0


def atoms_of(shape: tuple[int, ...], masks: Iterable[tuple[int, NDArray[np.bool_]]]) -> list[Atom]:
    """Return the atoms that occur in the masks of a case; the first is where no mask is on."""
    accumulator = Accumulator(shape)
    for index, mask in masks:
        accumulator.add(index, mask)
    return accumulator.atoms


def compile_layers(
    work: CaseWork, path: str, shape: tuple[int, ...], read: Callable[[str], NDArray[Any]]
) -> tuple[NDArray[Any], WrittenLabel]:
    """Compile the masks of a case, one per file, into its label.

    Parameters
    ----------
    path
        The label, as in `SourceCase.parts`.
    shape
        Shape of the image, in array order.
    read
        Returns the stored values of a mask, in that shape.

    Returns
    -------
    label
        Values as written, in that shape.
    written
        Number of voxels per value, and how the masks are stored.
    """
    compiled = work.compiled
    accumulator = Accumulator(shape)
    masks: list[StoredMask] = []
    parts = work.source.parts[path]
    for name, file in zip(parts.names, parts.files, strict=True):
        with work.naming(file):
            values = read(file)
            on, mask = on_and_mask(values)
            accumulator.add(compiled.index[name], mask)
        place = parts.places[len(masks)] if parts.places else None
        inside = tuple(compiled.masks_of[name])
        masks.append(StoredMask(name, file.rsplit("/", 1)[-1], on, smallest_dtype(values), inside, place))
    label, voxels = compiled_label(work, path, accumulator)
    return label, work.written(voxels, StoredLabel(form=LAYERS, masks=tuple(masks), losses=overlaps_lost(compiled)))


def overlaps_lost(compiled: Compiled) -> tuple[Loss, ...]:
    """Return what overlapping masks lost to others of higher priority."""
    return (Loss(OVERLAPS, compiled.lost),) if compiled.lost else ()


def compiled_label(work: CaseWork, path: str, accumulator: Accumulator) -> tuple[NDArray[Any], dict[int, int]]:
    """Return the label of all masks and its voxels per value; refuse an overlap that no case held (``SC062``)."""
    value_of = work.compiled.value_of
    if any(atom not in value_of for atom in accumulator.atoms):
        raise SegconvError("changed after it was looked at", code="SC062", file=work.shown(path))
    voxels: dict[int, int] = {}
    for atom, number in zip(accumulator.atoms, accumulator.voxels, strict=True):
        if number:
            voxels[value_of[atom]] = voxels.get(value_of[atom], 0) + number
    return accumulator.label(value_of), voxels
