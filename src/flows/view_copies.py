"""Draw the originals of an augmented dataset next to their copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..augment.rotation import voxel_in_copy
from ..augment.spec import Transform
from ..dataset.layout import Dataset
from ..dataset.lineage import TRAIN
from ..errors import Cure, SegconvError, naming
from ..review.pictures.case_picture import CasePicture, Section, drawn
from ..review.pictures.drawing import shown
from ..review.pictures.planes import Plane, Voxel, most_labelled
from ..words import some_of
from ..work.plan import Item
from .view import MONTAGE, PICTURE, View, among, is_montage, items_of, spread, view_of
from .viewed_case import USUAL_LOOK, Look, Read, ReadCase, ViewTask, other_size, read_case

MOST_COPIES = 23
"""How many copies one picture shows next to their original."""

Family = dict[str, Transform]
"""Copy → how it was made."""


@dataclass(frozen=True)
class CopiesTask:
    """What a worker needs to draw an original and its copies.

    Parameters
    ----------
    original
        The original.
    copies
        Its copies, and how each was made.
    remark
        On copies that are not drawn.
    """

    original: ViewTask
    copies: tuple[tuple[ViewTask, Transform], ...]
    remark: str = ""

    @property
    def case(self) -> str:
        """The original."""
        return self.original.case

    def picture(self, read: Read) -> NDArray[np.uint8]:
        """Return the picture, ``(row, column, 3)``: all with the window of the original, so that a shift shows.

        Volumes are cut through one place in the patient, so that a rotation shows.

        Raises
        ------
        SegconvError
            ``SC082`` if one is a picture and another a volume; what `read_case` raises.
        """
        first = read_case(self.original, read)
        at = most_labelled(first.label, first.geometry, first.ignore) if first.geometry.dimension == 3 else None
        values = first.values
        beside = []
        for task, transform in self.copies:
            found = read_case(task, read)
            values |= found.values
            beside.append(Section(task.case, transform.in_words(), _planes(task, found, first, transform, at)))
        look = self.original.look
        return drawn(
            CasePicture(
                self.case,
                first.planes(at),
                first.window(look),
                self.original.named(values),
                look.style,
                beside,
                self.remark,
                note="original",
            )
        )


def plan_copies_view(
    dataset: Dataset, wanted: Sequence[str], output: Path, look: Look = USUAL_LOOK, *, channel: str | None = None
) -> View:
    """Plan pictures of originals and their copies, which an augmented dataset holds.

    Parameters
    ----------
    dataset, output, look, channel
        As in `plan_view`, which raises the same errors.
    wanted
        Identifiers or patterns: originals are drawn with all of their copies, copies next to their original; all
        originals with copies if empty.

    Raises
    ------
    SegconvError
        ``SC011`` for a dataset without copies, ``SC096`` for a lineage that does not say how one was made.
    """
    with dataset.unchanged():
        families = families_of(dataset)
        chosen = _chosen(families, wanted, dataset.path.name)
        if is_montage(output) and not wanted:
            chosen = spread(chosen, max(1, MONTAGE // (1 + max(len(copies) for _, copies in chosen))))
        items = [_item(dataset, original, copies, channel, look) for original, copies in chosen]
    key = {"look": repr(look), "channel": channel, "copies": True}
    return view_of(dataset, items, output, key, len(families))


def families_of(dataset: Dataset) -> dict[str, Family]:
    """Return the originals of a dataset that have copies, and the copies of each.

    Raises
    ------
    SegconvError
        ``SC011`` if there are none; what reading the lineage raises.
    """
    cases = set(dataset.cases())
    found: dict[str, Family] = {}
    for record in dataset.records():
        if record.parent in cases and record.case in cases and record.transform is not None:
            with naming(record.case):
                found.setdefault(record.parent, {})[record.case] = Transform.from_json(record.transform)
    if not found:
        raise SegconvError(
            "holds no copies of cases that augmentation made",
            code="SC011",
            file=str(dataset.path),
            cures=(Cure.of("make_copies", dataset=dataset.path),),
        )
    return {original: found[original] for original in sorted(found)}


def _chosen(families: Mapping[str, Family], wanted: Sequence[str], whose: str) -> list[tuple[str, Family]]:
    """Return the originals and copies that are asked for."""
    if not wanted:
        return [*families.items()]
    known = {case: TRAIN for original, copies in families.items() for case in (original, *copies)}
    named = {case for case, _ in among(known, wanted, whose)}
    chosen = []
    for original, copies in families.items():
        some = copies if original in named else {copy: how for copy, how in copies.items() if copy in named}
        if some:
            chosen.append((original, some))
    return chosen


def _item(dataset: Dataset, original: str, copies: Family, channel: str | None, look: Look) -> Item:
    drawn_copies = [*copies][:MOST_COPIES]
    items = items_of(dataset, [(case, TRAIN) for case in (original, *drawn_copies)], channel, look)
    left = [*copies][MOST_COPIES:]
    first, *others = (item.payload for item in items)
    task = CopiesTask(first, tuple((one, copies[one.case]) for one in others), left_out(left))
    sources = tuple(file for item in items for file in item.sources)
    return Item(original, sources, (f"{original}{PICTURE}",), task, sum(item.nbytes for item in items))


def left_out(copies: Sequence[str]) -> str:
    """Return a remark on copies that are not drawn."""
    return f"and {len(copies)} more copies: {some_of(map(shown, copies))}" if copies else ""


def _planes(task: ViewTask, found: ReadCase, first: ReadCase, transform: Transform, at: Voxel | None) -> list[Plane]:
    grids = found.geometry, first.geometry
    if grids[0].dimension != grids[1].dimension:
        raise other_size(task.images[0], grids[0].size, grids[1].size, "the original")
    return found.planes(None if at is None else voxel_in_copy(transform, grids[1], grids[0], at))
