"""Draw the cases of a dataset with their labels: a picture of each in a folder, or one picture of several."""

from __future__ import annotations

import difflib
import fnmatch
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..dataset import lineage
from ..dataset.layout import Dataset
from ..dataset.lineage import TEST, TRAIN, VIEWED, CaseRecord
from ..dataset.regions import value_names
from ..dataset.runs import NewRun
from ..errors import Finding, Refused, SegconvError, refuse_if_any
from ..image.opened import decoded_bytes
from ..reading import is_there, size_if_there
from ..review.pictures.sealed import refuse_taken
from ..words import some_of
from ..work.backends import PROCESSES
from ..work.held import Held, unchanged
from ..work.interruption import interruptible
from ..work.memory import within_memory
from ..work.parallel import each
from ..work.plan import Item, Plan, Target
from ..work.run import Outcome, Result, execute
from ..work.run_options import USUAL, RunOptions, Workers, shown
from ..work.single import write_single
from ..work.staging import Staged
from .viewed_case import USUAL_LOOK, Look, ViewTask, picture_of_files, png_of, view_case

MONTAGE = 12
"""How many cases one picture shows if none are named, evenly spaced in the order of their names."""
MOST_IN_MONTAGE = 64
"""How many one picture may show: it is kept in memory."""

T = TypeVar("T")

PICTURE = ".png"
Chosen = tuple[str, str]
"""A case and its split."""
_COLOURS = ("r", "g", "b")
_WHITE = 255
_WIDEST_ROW_PX = 1600
_FEW = 8
"""From this many cases on, processes pay off: matplotlib draws one figure at a time in a process."""


@dataclass(frozen=True)
class View:
    """A planned view of a dataset, or of folders.

    Parameters
    ----------
    plan
        An item per case; the target is a folder of pictures, or one picture.
    total
        How many cases there were to choose from.
    source
        ``kind`` and ``name`` of what is drawn.
    """

    plan: Plan
    total: int
    source: Mapping[str, str]

    @property
    def montage(self) -> bool:
        """Whether all cases are in one picture."""
        return is_montage(self.plan.target.path)


def plan_view(
    dataset: Dataset, wanted: Sequence[str], output: Path, look: Look = USUAL_LOOK, *, channel: str | None = None
) -> View:
    """Plan pictures of cases.

    Parameters
    ----------
    dataset
        Any dataset.
    wanted
        Identifiers of cases, or patterns such as ``liver_*``, for training or test; if empty all training cases, or
        all test cases if there is none for training.
    output
        Folder for a picture of each case, or the name of a PNG for one picture of all.
    look
        How to draw them.
    channel
        The one to draw, as its number or its name in any letter case; if None, the first one, or red, green and
        blue together.

    Raises
    ------
    Refused
        ``SC001`` for a case, pattern or channel that does not exist, and for too many cases for a PNG; ``SC011`` for
        a dataset without cases; ``SC060`` for links that leave the dataset; ``SC062`` if it was replaced.
    """
    with dataset.unchanged():
        cases = _chosen(dataset, wanted)
        drawn = cases if wanted or not is_montage(output) else spread(cases)
        items = items_of(dataset, drawn, channel, look)
    return view_of(dataset, items, output, {"look": repr(look), "channel": channel}, len(cases))


def view_of(dataset: Dataset, items: Sequence[Item], output: Path, key: Mapping[str, object], total: int) -> View:
    """Return the view of planned cases, in their order.

    Parameters
    ----------
    key
        What determines the pictures besides the cases.
    total
        How many cases there were to choose from.

    Raises
    ------
    SegconvError
        ``SC001`` for too many cases for a PNG.
    """
    refuse_many(output, items)
    key = {"command": VIEWED, "cases": [item.case for item in items], **key}
    target = Target(output, output.absolute().name, lineage.manifest(VIEWED))
    plan = Plan(target, dataset.path, tuple(items), key, (), (dataset.held,))
    return View(plan, total, {"kind": "dataset", "name": dataset.path.name})


def refuse_many(output: Path, items: Sequence[Item]) -> None:
    """Refuse more cases than one picture shows (``SC001``)."""
    if is_montage(output) and len(items) > MOST_IN_MONTAGE:
        found = f"{output.name}: {len(items)} cases are too many for one picture, expected at most"
        raise SegconvError(f"{found} {MOST_IN_MONTAGE}", hint="name a folder, which gets a picture of each case")


def is_montage(output: Path) -> bool:
    """Return whether an output is one picture of several cases."""
    return output.suffix.lower() == PICTURE


def run_view(view: View, how: RunOptions = USUAL) -> Outcome:
    """Draw the cases of a planned view; a folder appears complete or not at all, as does a picture.

    Raises
    ------
    Refused
        With the findings of all cases that cannot be drawn; with ``keep_going`` a folder lacks these.
    SegconvError
        ``SC020`` if the output exists, ``SC062`` if the dataset is changed meanwhile; what `execute` raises.
    """
    items = view.plan.items
    if how.backend is None and how.jobs > 1 and len(items) > _FEW:
        how = replace(how, backend=PROCESSES)
    if view.montage:
        return _draw_montage(view, how)

    def finish(results: Iterable[Result], staged: Staged) -> list[Finding]:
        staged.write_lines(lineage.CASES, (CaseRecord.of_result(result).to_line() for result in results))
        run = NewRun(command=VIEWED, source=dict(view.source), files=staged.targets)
        staged.write(lineage.RUN, run.to_bytes())
        return []

    return execute(view.plan, view_case, finish, how, decoded=largest_decoded)


def refuse_output(output: Path, *, overwrite: bool) -> None:
    """Refuse a PNG that exists, before anything is drawn; folders are refused when the run begins.

    Raises
    ------
    SegconvError
        ``SC020``.
    """
    if is_montage(output):
        refuse_taken(output, overwrite=overwrite)


def _draw_montage(view: View, how: RunOptions) -> Outcome:
    path, items = view.plan.target.path, view.plan.items
    refuse = partial(refuse_taken, path, overwrite=how.overwrite)
    refuse()
    files = Held(view.plan.source_root, [file for item in items for file in item.sources])
    workers = within_memory(
        Workers(how.jobs, how.backend, how.progress), items, lambda item: item.nbytes, largest_decoded
    )
    with (
        interruptible("interrupted: nothing was drawn", "the same command starts again from the beginning"),
        unchanged(*view.plan.held, files),
        shown(how.progress, len(items)),
    ):
        pictures, failed = _drawn(items, workers)
        if failed and not (how.keep_going and pictures):
            raise Refused(reasons=failed)
        data = png_of(tiled(pictures))
    write_single(path, data, refuse)
    return Outcome(path, len(pictures), 0, [], failed)


def _drawn(items: Sequence[Item], workers: Workers) -> tuple[list[NDArray[np.uint8]], list[Finding]]:
    """Return the pictures of cases, and the findings of those that cannot be drawn, in the order of the items."""
    found: dict[str, NDArray[np.uint8] | SegconvError] = {}
    for case, picture in each(_drawn_or_failed, items, jobs=workers.jobs, backend=workers.backend):
        found[case] = picture
        workers.progress.advance(case)
    results = [found[item.case] for item in items]
    failed = [finding for result in results if isinstance(result, SegconvError) for finding in result.findings]
    return [result for result in results if not isinstance(result, SegconvError)], failed


def _drawn_or_failed(item: Item) -> tuple[str, NDArray[np.uint8] | SegconvError]:
    try:
        return item.case, picture_of_files(item.payload)
    except SegconvError as error:
        return item.case, error


def tiled(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return pictures ``(row, column, 3)`` on white: in one row if that is narrow, else about as wide as high."""
    height = max(picture.shape[0] for picture in pictures)
    width = max(picture.shape[1] for picture in pictures)
    columns = len(pictures)
    if columns * width > _WIDEST_ROW_PX:
        columns = max(1, round((columns * height / width) ** 0.5))
    sheet = np.full((-(-len(pictures) // columns) * height, columns * width, 3), _WHITE, dtype=np.uint8)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        top, left = row * height, column * width
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet


def largest_decoded(item: Item) -> int:
    """Return the decoded bytes of the largest file of a case."""
    return max(decoded_bytes(path) for path in item.sources)


def _chosen(dataset: Dataset, wanted: Sequence[str]) -> list[Chosen]:
    """Return the cases that are asked for."""
    training = [(case, TRAIN) for case in dataset.cases()]
    if training and not wanted:
        return training
    test = [(case, TEST) for case in dataset.cases(TEST)]
    if not test + training:
        raise dataset.no_case()
    return among(dict(test + training), wanted, dataset.path.name) if wanted else test


def among(cases: Mapping[str, str], wanted: Sequence[str], whose: str) -> list[Chosen]:
    """Return the cases of these names and patterns, each with its split.

    Raises
    ------
    SegconvError
        ``SC001`` for the first that fits none.
    """
    found: dict[str, str] = {}
    for pattern in wanted:
        names = [pattern] if pattern in cases else fnmatch.filter(cases, pattern)
        if not names:
            near = difflib.get_close_matches(pattern, cases, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"its cases: {some_of(sorted(cases))}"
            raise SegconvError(f"{whose} has no case {pattern!r}", hint=hint)
        found |= {case: cases[case] for case in names}
    return [*found.items()]


def spread(cases: list[T], most: int = MONTAGE) -> list[T]:
    """Return some of many, evenly spaced, the first and the last among them."""
    if len(cases) <= most:
        return cases
    return [cases[round(number)] for number in np.linspace(0, len(cases) - 1, most)]


def channel_number(dataset: Dataset, channel: str) -> int:
    """Return the index of a channel by its number or its name; raises ``SC001`` if there is none."""
    names = [name.casefold() for name in dataset.description.channel_names]
    if channel.casefold() in names:
        return names.index(channel.casefold())
    if channel.isdecimal() and int(channel) < len(names):
        return int(channel)
    known = ", ".join(f"{number} {name}" for number, name in enumerate(dataset.description.channel_names))
    raise SegconvError(f"{dataset.path.name} has no channel {channel!r}", hint=f"there are {known}")


def items_of(dataset: Dataset, cases: Sequence[Chosen], channel: str | None, look: Look) -> list[Item]:
    """Return the work on each case; the parameters and errors are those of `plan_view`."""
    number = None if channel is None else channel_number(dataset, channel)
    labels = dataset.description.labels
    names = value_names(labels)
    findings: list[Finding] = []
    items = []
    for case, split in cases:
        try:
            images, component = _images(dataset, case, split, number)
            label = dataset.label_file(case, split)
            files = [os.fspath(dataset.located(path)) for path in (*images, *([label] if is_there(label) else []))]
        except SegconvError as error:
            findings += error.findings
            continue
        first = len(images)
        own = tuple(files[:first]), component, next(iter(files[first:]), None)
        task = ViewTask(case, *own, names, look, ignore=labels.ignore)
        items.append(Item(case, tuple(files), (f"{case}{PICTURE}",), task, sum(map(size_if_there, files))))
    refuse_if_any(findings)
    return items


def _images(dataset: Dataset, case: str, split: str, channel: int | None) -> tuple[list[Path], int | None]:
    """Return the files to draw, and which value per pixel of a file with several; None for colours."""
    stored = dataset.stored_images(case, split)
    if channel is None and tuple(name.casefold() for name in dataset.description.channel_names) == _COLOURS:
        return stored, None
    channel = channel or 0
    one = len(stored) == 1  # a file of several channels, or the only channel
    return stored if one else dataset.image_files(case, split)[channel : channel + 1], channel
