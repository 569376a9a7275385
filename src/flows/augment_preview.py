"""Draw what an augmentation will make, before anything is written."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..augment.augmentation import Augmentation
from ..augment.case import AugmentTask, CopyRecipe, augment_case
from ..dataset.layout import image_path, label_path
from ..dataset.lineage import TRAIN
from ..errors import SegconvError
from ..review.pictures.sealed import refuse_taken
from ..work import fsops
from ..work.apart import refuse_within
from ..work.caseio import COPY, CaseIO
from ..work.interruption import interruptible
from ..work.plan import Item
from ..work.run_options import UNHEARD, Progress, shown
from ..work.single import write_single
from .view import PICTURE, items_of, spread, tiled
from .view_copies import CopiesTask, left_out
from .viewed_case import USUAL_LOOK, Look, ViewTask, png_of

MOST_ORIGINALS = 3
MOST_COPIES = 11
"""How many originals a preview shows, and how many copies of each: all of these are made for it, in memory."""


def preview_augmentation(
    augmentation: Augmentation,
    picture: Path,
    look: Look = USUAL_LOOK,
    *,
    overwrite: bool = False,
    progress: Progress = UNHEARD,
) -> list[str]:
    """Draw some originals next to their copies, which are made as the run will make them, but in memory.

    Parameters
    ----------
    augmentation
        What is planned.
    picture
        PNG to write.
    look
        How to draw them.
    overwrite
        Replace a picture by segconv.

    Returns
    -------
    originals
        The cases that are drawn; `MOST_ORIGINALS` of all, evenly spaced.

    Raises
    ------
    SegconvError
        ``SC001`` for another ending, ``SC020`` for a picture that is not replaced, or inside a dataset; what
        augmenting the cases raises.
    """
    refuse_unfit(augmentation, picture, overwrite=overwrite)
    items = spread([item for item in augmentation.plan.items if item.payload.copies], MOST_ORIGINALS)
    pictures = []
    with (
        interruptible("interrupted; nothing was written", "run the same command again"),
        augmentation.source.unchanged(),
        shown(progress, len(items), what="previews"),
    ):
        for item in items:
            files = _InMemory(augmentation.source.path)
            few = _with_few_copies(item)
            augment_case(few, files)
            task = _drawn_task(augmentation, item.payload, few.payload, look)
            pictures.append(task.picture(files.written))
            progress.advance(item.case)
    write_single(picture, png_of(tiled(pictures)), partial(refuse_taken, picture, overwrite=overwrite))
    return [item.case for item in items]


def refuse_unfit(augmentation: Augmentation, picture: Path, *, overwrite: bool) -> None:
    """Refuse a picture that could not be written; the errors are those of `preview_augmentation`."""
    if picture.suffix.lower() != PICTURE:
        raise SegconvError(f"{picture} does not end in {PICTURE}, the format of the picture", hint="name it x.png")
    refuse_within(picture, "the dataset", augmentation.source.path)
    refuse_within(picture, "the new dataset", augmentation.plan.target.path)
    refuse_taken(picture, overwrite=overwrite)


class _InMemory(CaseIO):
    """Reads the sources of a case, and keeps what would be written."""

    def __init__(self, source_root: Path) -> None:
        super().__init__(Path(os.devnull), source_root)
        self._written: dict[str, bytes] = {}

    def write(self, relative: str, *pieces: fsops.Buffer) -> None:
        self._written[relative] = b"".join(map(bytes, pieces))

    def place(self, source: str | Path, data: bytes, relative: str, how: str = COPY) -> None:
        self._written[relative] = data

    def written(self, path: Path) -> bytes:
        """Return what would be written to a path of the new dataset."""
        return self._written[path.as_posix()]


def _with_few_copies(item: Item) -> Item:
    task: AugmentTask = item.payload
    chosen = spread([*task.copies], MOST_COPIES)
    return replace(item, payload=replace(task, copies={copy: task.copies[copy] for copy in chosen}))


def _drawn_task(augmentation: Augmentation, planned: AugmentTask, made: AugmentTask, look: Look) -> CopiesTask:
    """Return what draws a case from the files of the new dataset."""
    case, recipe = made.record.case, made.recipe
    (item,) = items_of(augmentation.source, [(case, TRAIN)], _channel(recipe), look)
    first: ViewTask = item.payload
    channels = [made.images.index(path) for path in first.images]

    def in_new(name: str) -> ViewTask:
        images = tuple(image_path(name, channel, recipe.ending) for channel in channels)
        return replace(first, case=name, images=images, label=label_path(name, recipe.ending))

    remark = left_out([copy for copy in planned.copies if copy not in made.copies])
    return CopiesTask(in_new(case), tuple((in_new(copy), how) for copy, how in made.copies.items()), remark)


def _channel(recipe: CopyRecipe) -> str | None:
    """Return the first channel whose values change, as its number; None if none does."""
    changed = [number for numbers in recipe.grey_files.values() for number in numbers]
    return str(min(changed)) if changed else None
