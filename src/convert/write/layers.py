"""Compile masks of one class each, which may overlap: first find what occurs, then write the label."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.labels import BACKGROUND
from ...dataset.losses import OVERLAPS, Loss
from ...dataset.overlaps import Accumulator, Compiled
from ...dataset.stored_label import StoredLabel, StoredMask
from ...errors import Cure, SegconvError, naming
from ...image.voxels import label_values, position
from ...words import count_of
from ..model import CHANNELS, Parts
from .work import CaseWork, WrittenLabel, smallest_dtype


def on_and_mask(values: NDArray[Any], what: str = "is the mask of one class") -> tuple[int, NDArray[np.bool_]]:
    """Return the value that a mask stores where it is on, and the mask itself.

    Parameters
    ----------
    what
        What a message calls it.

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
            f"{what}, but holds the values {', '.join(map(str, list(found)[:6]))}; the first"
            f" {second} is at {position(values == second)}",
            code="SC078",
            hint="expected 0 and one other value",
            cures=(Cure.of("read_several_classes"),),
        )
    return (others[0] if others else 1), values != 0


class Masks:
    """The masks of a case as they are added: what overlaps, and whether a mask of the background is what is left.

    Parameters
    ----------
    shape
        Shape of every mask, in array order.
    index
        Name → number of the mask; that of the background has none.
    """

    def __init__(self, shape: tuple[int, ...], index: Mapping[str, int]) -> None:
        self._index = index
        self._grounds: list[NDArray[np.bool_]] = []
        self.accumulator = Accumulator(shape)

    def add(self, name: str, mask: NDArray[np.bool_]) -> None:
        """Add a mask; see `Accumulator.add`."""
        if name in self._index:
            self.accumulator.add(self._index[name], mask)
        else:
            self._grounds.append(mask)

    def settled(self) -> Accumulator:
        """Return all masks; raises ``SC078`` if one of the background is not on exactly where no other is."""
        for ground in self._grounds:
            other = ground == (self.accumulator.codes > 0)
            if other.any():
                raise SegconvError(
                    f"its mask {BACKGROUND!r} is not what the other masks leave: {count_of(int(other.sum()), 'place')},"
                    f" the first at {position(other)}",
                    code="SC078",
                    hint="call it otherwise, if it is a class",
                )
        return self.accumulator


def each_mask(
    parts: Parts, path: str, read: Callable[[str], NDArray[Any]], shown: Callable[[str], str]
) -> Iterator[tuple[str, str, NDArray[Any]]]:
    """Yield the masks of a case: name, file and values.

    Parameters
    ----------
    parts, path
        The label.
    read
        As for `compile_layers`.
    shown
        Returns a path as messages name it.

    Raises
    ------
    SegconvError
        ``SC084`` if a file has more or fewer channels than there are names; also what `read` raises.
    """
    for name, file in zip(parts.names, parts.files, strict=True) if parts.form != CHANNELS else ():
        with naming(shown(file)):
            values = read(file)
        yield name, file, values
    if parts.form == CHANNELS:
        with naming(shown(path)):
            planes = read(path)
            if len(planes) != len(parts.names):
                raise other_number(len(planes), len(parts.names))
        yield from ((name, path, plane) for name, plane in zip(parts.names, planes, strict=True) if name)


def called(name: str, parts: Parts) -> str:
    """Return what messages on the values of a mask call it; they name its file as well."""
    if parts.form == CHANNELS:
        return f"has the mask of {name!r} as its channel {parts.names.index(name) + 1}"
    return "is the mask of one class"


def other_number(found: int, named: int, cures: tuple[Cure, ...] = ()) -> SegconvError:
    """Return the error for a file with another number of channels than there are names of classes."""
    what = f"holds {count_of(found, 'mask')} as channels or pages, but {named} {'is' if named == 1 else 'are'} named"
    return SegconvError(what, code="SC084", hint="" if cures else "correct the file", cures=cures)


def compile_layers(
    work: CaseWork, path: str, shape: tuple[int, ...], read: Callable[[str], NDArray[Any]]
) -> tuple[NDArray[Any], WrittenLabel]:
    """Compile the masks of a case, one per file or one per channel of a file, into its label.

    Parameters
    ----------
    path
        The label, as in `SourceCase.parts`.
    shape
        Shape of the image, in array order.
    read
        Returns the stored values of a mask, in that shape; of a file with channels all, with these as the first axis.

    Returns
    -------
    label
        Values as written, in that shape.
    written
        Number of voxels per value, and how the masks are stored.
    """
    compiled = work.compiled
    found = Masks(shape, compiled.index)
    masks: list[StoredMask] = []
    parts = work.source.parts[path]
    for name, file, values in each_mask(parts, path, read, work.shown):
        with work.naming(file):
            on, mask = on_and_mask(values, called(name, parts))
            found.add(name, mask)
        place = parts.places[len(masks)] if parts.places else None
        inside = tuple(compiled.masks_of.get(name, (0,)))
        masks.append(StoredMask(name, file.rsplit("/", 1)[-1], on, smallest_dtype(values), inside, place))
    label, voxels = compiled_label(work, path, found.settled())
    if parts.form == CHANNELS:
        masks = _alike(masks, voxels)
    stored = StoredLabel(form=parts.form, masks=tuple(masks), losses=overlaps_lost(compiled))
    return label, work.written(voxels, stored)


def _alike(masks: list[StoredMask], voxels: Mapping[int, int]) -> list[StoredMask]:
    """Return the masks of one file; what is empty in it is on, in a prediction, where the others have their value."""
    on = max((mask.on for mask in masks if voxels.keys() & {*mask.values}), default=1)
    return [mask if voxels.keys() & {*mask.values} else replace(mask, on=on) for mask in masks]


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
