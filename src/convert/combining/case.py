"""Combine the classes of one case in a worker: read its files once, on one grid, and return the result as a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.lineage import PREDICTION, CaseRecord
from ...errors import Finding, SegconvError, naming, warning
from ...image import volumes
from ...image.formats import nifti
from ...image.formats.nifti_forms import forms_of
from ...image.geometry import SAME_GRID_VOXELS, Geometry
from ...image.stored import DecodedVolume
from ...image.voxels import label_values, remap
from ...work.caseio import CaseIO
from ...work.plan import Item
from ..back.way_back import nifti_bytes
from .voxels import Union

Read = Callable[[Path], bytes]

NOTHING = 0
"""The value of a mask that only has the grid of the result."""


@dataclass(frozen=True)
class Source:
    """A file with a mask or a label map.

    Parameters
    ----------
    path
        Without links.
    shown
        As named in messages.
    companion
        The file that holds its voxels, if that is another.
    """

    path: str
    shown: str
    companion: str = ""


@dataclass(frozen=True)
class CombineTask:
    """The work on one case.

    Parameters
    ----------
    case
        Its name.
    names
        Value → name of the group in the result.
    ending
        Of the result.
    masks
        The masks, each with its value in the result, in the order in which they win; none if one file holds all.
    label
        The file that holds all classes.
    merged
        Value in that file → value in the result; 0 for what is not asked for.
    """

    case: str
    names: Mapping[int, str]
    ending: str
    masks: tuple[tuple[Source, int], ...] = ()
    label: Source | None = None
    merged: Mapping[int, int] | None = None


@dataclass(frozen=True)
class Combined:
    """The result for one case.

    Parameters
    ----------
    data
        The bytes of its file.
    counts
        Group → number of its voxels.
    geometry
        Its grid.
    findings
        About overlaps.
    """

    data: bytes
    counts: Mapping[str, int]
    geometry: Geometry
    findings: tuple[Finding, ...]


def combine_case(item: Item, io: CaseIO) -> dict[str, Any]:
    """Combine the classes of one case, in a worker."""
    task: CombineTask = item.payload
    made = combined(task, io.read)
    io.write(item.outputs[0], made.data)
    for finding in made.findings:
        io.warn(finding)
    values = {name: value for value, name in task.names.items()}
    record = CaseRecord(
        case=task.case,
        split=PREDICTION,
        original_name=task.case,
        label_voxels={str(values[name]): number for name, number in made.counts.items()},
        geometry=made.geometry.as_json(),
    )
    return record.as_json()


def combined(task: CombineTask, read: Read) -> Combined:
    """Return the combined classes of one case.

    Raises
    ------
    SegconvError
        ``SC082`` or ``SC083`` if its files are on different grids; ``SC070`` for a value that the file of all classes
        does not name; ``SC078`` if a mask holds several classes; what reading raises.
    """
    if task.label is not None:
        values, counts, volume = _merged(task, read)
        findings: tuple[Finding, ...] = ()
    else:
        union, volume = _united(task, read)
        values, counts, findings = union.array, union.counts, tuple(_overlaps(union, task))
    return Combined(
        encoded(values, volume, task.ending, task.names),
        {name: counts.get(value, 0) for value, name in task.names.items()},
        volume.header.geometry,
        findings,
    )


def _united(task: CombineTask, read: Read) -> tuple[Union, DecodedVolume]:
    union: Union | None = None
    reference: DecodedVolume | None = None
    for source, value in task.masks:
        with naming(source.shown):
            volume = _decoded(source, read)
            if reference is None or union is None:
                reference, union = volume, Union(volume.header.geometry.array_shape, max(task.names))
            refuse_other_grid(volume.header.geometry, reference.header.geometry, task.masks[0][0].shown)
            if value != NOTHING:
                union.add(_voxels(volume), value)
    if reference is None or union is None:
        raise AssertionError("a case without masks")
    return union, reference


def _merged(task: CombineTask, read: Read) -> tuple[NDArray[Any], dict[int, int], DecodedVolume]:
    if task.label is None or task.merged is None:
        raise AssertionError("a case without a label map")
    with naming(task.label.shown):
        volume = _decoded(task.label, read)
        values = _voxels(volume)
        found = label_values(values)
        unknown = [value for value in found if value and value not in task.merged]
        if unknown:
            raise SegconvError(
                f"holds the value {unknown[0]}, expected only those that have names",
                code="SC070",
                hint="check that it is of the task and version whose names are used",
            )
    counts: dict[int, int] = {}
    for value, number in found.items():
        new = task.merged.get(value, 0)
        counts[new] = counts.get(new, 0) + number
    table = {0: 0, **{value: task.merged.get(value, 0) for value in found}}
    made = remap(values, table)
    return made.astype(np.min_scalar_type(max(task.names)), copy=False), counts, volume


def _decoded(source: Source, read: Read) -> DecodedVolume:
    companion = read(Path(source.companion)) if source.companion else None
    return volumes.decode(read(Path(source.path)), volumes.ending_of(source.path) or "", companion)


def _voxels(volume: DecodedVolume) -> NDArray[Any]:
    if volume.header.channels > 1:
        raise SegconvError(f"has {volume.header.channels} channels, expected one", code="SC073")
    return volume.values if volume.header.scaled else volume.stored


def refuse_other_grid(grid: Geometry, reference: Geometry, whose: str) -> None:
    """Refuse a grid that is not that of another file of the same case, with what was found and expected.

    Raises
    ------
    SegconvError
        ``SC082`` if they differ in size, ``SC083`` if corners are more than `SAME_GRID_VOXELS` apart.
    """
    hint = "make all masks of a case from one image"
    if grid.size != reference.size:
        raise SegconvError(f"has the size {grid.size}, expected {reference.size} as {whose}", code="SC082", hint=hint)
    apart = grid.displacement_voxels(reference)
    if apart <= SAME_GRID_VOXELS:
        return
    parts = ("spacing_mm", "origin_mm", "direction")
    what = next((part for part in parts if not np.allclose(getattr(grid, part), getattr(reference, part))), parts[1])
    found, expected = (_numbers(getattr(one, what)) for one in (grid, reference))
    raise SegconvError(
        f"has the {what.removesuffix('_mm')} {found}, expected {expected} as {whose};"
        f" corners are {apart:.3g} voxels apart",
        code="SC083",
        hint=hint,
    )


def _numbers(values: tuple[float, ...]) -> str:
    return f"({', '.join(f'{value:.6g}' for value in values)})"


def _overlaps(union: Union, task: CombineTask) -> list[Finding]:
    return [
        warning(
            "SC198",
            f"{number} voxels are in {task.names[first]} and in {task.names[second]}, and count as {task.names[first]},"
            " which is named first",
            file=task.case,
        )
        for (first, second), number in sorted(union.overlaps.items())
    ]


def encoded(values: NDArray[Any], volume: DecodedVolume, ending: str, names: Mapping[int, str]) -> bytes:
    """Return a file with the place of another one; NIfTI keeps its forms, and gets a table of names.

    Parameters
    ----------
    values
        ``(z, y, x)``, on the grid of `volume`.
    """
    if ending not in nifti.ENDINGS:
        grid = volume.header.geometry
        return volumes.encode(values, grid, ending, grid.sheared_matrix)
    forms = forms_of(volume.header.block) if isinstance(volume, nifti.Nifti) else ""
    return nifti_bytes(values, volume, ending, forms, names)
