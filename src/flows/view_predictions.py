"""Draw predictions over their references, the worst cases first."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import reading
from ..dataset.layout import Dataset
from ..dataset.lineage import TEST, TRAIN
from ..errors import Finding, SegconvError, refuse_if_any
from ..image import opened
from ..image.voxels import label_values
from ..review.scores.dice import Scores, score
from ..work.backends import THREADS
from ..work.memory import within_memory
from ..work.parallel import each
from ..work.plan import Item
from ..work.run_options import ONE_WORKER, Workers, shown
from .view import MONTAGE, PICTURE, View, among, is_montage, items_of, largest_decoded, view_of
from .viewed_case import USUAL_LOOK, Look, ViewTask, other_size, read_label

Dice = dict[str, float]


@dataclass(frozen=True)
class PredictionView:
    """A planned view of predictions.

    Parameters
    ----------
    view
        An item per case, the worst first; pictures in a folder have names that sort like that.
    scores
        Dice of the cases that have a reference, whether or not they are drawn.
    """

    view: View
    scores: Scores

    def as_json(self) -> dict[str, dict[str, float | None]]:
        """Return case → ``mean`` and class → Dice, the worst case first; None where nothing is to be found."""
        order = sorted(self.scores.cases, key=lambda case: (_rank(self.scores, case), case))
        rows = {case: {"mean": self.scores.case_mean(case), **self.scores.cases[case]} for case in order}
        return {case: {k: None if math.isnan(v) else v for k, v in row.items()} for case, row in rows.items()}


def plan_prediction_view(
    dataset: Dataset,
    predictions: Path,
    wanted: Sequence[str],
    output: Path,
    look: Look = USUAL_LOOK,
    *,
    channel: str | None = None,
    workers: Workers = ONE_WORKER,
) -> PredictionView:
    """Score predictions, and plan pictures of them.

    Parameters
    ----------
    dataset, output, look, channel
        As in `plan_view`, which raises the same errors. A PNG shows the worst cases if none are named.
    predictions
        Label files named by case identifier, in the values and the format of the dataset, as nnU-Net writes them.
    wanted
        Identifiers of cases or patterns; all that have a prediction if empty.
    workers
        Workers that compute the scores.

    Raises
    ------
    Refused
        ``SC011`` if there is no prediction of a case of the dataset; ``SC070`` for values that the dataset does not
        declare, ``SC082`` for a size other than the reference's.
    """
    with dataset.unchanged():
        files = predictions_of(dataset, predictions)
        cases = among({case: split for case, (split, _) in files.items()}, wanted or [*files], str(predictions))
        items = [
            _with_prediction(item, files[item.case][1], dataset) for item in items_of(dataset, cases, channel, look)
        ]
    scores = _scores(items, dataset, within_memory(workers, items, lambda item: item.nbytes, largest_decoded))
    drawn = worst_first(items, scores)[: MONTAGE if is_montage(output) and not wanted else None]
    key = {"look": repr(look), "channel": channel, "predictions": str(predictions.absolute())}
    return PredictionView(view_of(dataset, drawn, output, key, len(items)), scores)


def predictions_of(dataset: Dataset, folder: Path) -> dict[str, tuple[str, str]]:
    """Return the cases that have a prediction in a folder, each with its split and the real path of the prediction.

    Raises
    ------
    SegconvError
        ``SC010`` if it is not a folder, ``SC011`` if it holds no prediction of a case.
    """
    if not reading.is_folder(folder):
        raise SegconvError("is not a folder", code="SC010", file=str(folder))
    ending = dataset.description.file_ending
    found = {}
    for split in (TEST, TRAIN):
        for case in dataset.cases(split):
            path = folder / f"{case}{ending}"
            if reading.is_there(path):
                found[case] = split, os.path.realpath(path)
    if not found:
        raise SegconvError(
            f"holds no prediction of a case of {dataset.path.name}, expected names such as CASE{ending}",
            code="SC011",
            file=str(folder),
        )
    return found


def _with_prediction(item: Item, path: str, dataset: Dataset) -> Item:
    task = replace(item.payload, prediction=path, ignore=dataset.description.labels.ignore)
    return replace(item, sources=(*item.sources, path), payload=task, nbytes=item.nbytes + reading.size_if_there(path))


def _scores(items: Sequence[Item], dataset: Dataset, workers: Workers) -> Scores:
    """Return the Dice of all cases with a reference, in the order of the items."""
    found: dict[str, Dice] = {}
    failures: dict[str, list[Finding]] = {}
    labels = dataset.description.labels
    task = partial(_score, classes=labels.foreground, values=frozenset(labels.values))
    with shown(workers.progress, len(items), what="scores"):
        for case, scored in each(task, items, jobs=workers.jobs, backend=workers.backend or THREADS):
            if isinstance(scored, SegconvError):
                failures[case] = list(scored.findings)
            elif scored is not None:
                found[case] = scored
            workers.progress.advance(case)
    refuse_if_any(finding for item in items for finding in failures.get(item.case, ()))
    return Scores({item.case: found[item.case] for item in items if item.case in found})


def _score(
    item: Item, *, classes: Mapping[str, tuple[int, ...]], values: frozenset[int]
) -> tuple[str, Dice | SegconvError | None]:
    """Return the Dice of each class of a case, None without a reference, or why there is none."""
    task: ViewTask = item.payload
    try:
        return item.case, _score_of(task, classes, values)
    except SegconvError as error:
        return item.case, error


def _score_of(task: ViewTask, classes: Mapping[str, tuple[int, ...]], values: frozenset[int]) -> Dice | None:
    prediction = _array(task.prediction)
    if unknown := sorted(set(label_values(prediction)) - values):
        raise SegconvError(
            f"holds the value {unknown[0]}, the dataset declares {', '.join(map(str, sorted(values)))}",
            code="SC070",
            file=task.prediction,
            hint="name predictions as nnU-Net wrote them, which have the values of the dataset",
        )
    if task.label is None:
        return None
    label = _array(task.label)
    if label.shape != prediction.shape:
        raise other_size(task.prediction, prediction.shape[::-1], label.shape[::-1], "the reference")
    counted = np.ones(label.shape, bool) if task.ignore is None else label != task.ignore
    return score(prediction[counted], label[counted], classes)


def _array(path: str) -> NDArray[Any]:
    return read_label(path, lambda file: opened.read_bytes(str(file))).array


def worst_first(items: Sequence[Item], scores: Scores) -> list[Item]:
    """Return items by their mean Dice, with their ranks in the names of their pictures."""
    ranked = sorted(items, key=lambda item: (_rank(scores, item.case), item.case))
    return [_titled(item, number, scores) for number, item in enumerate(ranked, start=1)]


def _rank(scores: Scores, case: str) -> float:
    """Return what sorts a case: its mean Dice; after all others if it has none."""
    mean = scores.case_mean(case) if case in scores.cases else math.nan
    return math.inf if math.isnan(mean) else mean


def _titled(item: Item, number: int, scores: Scores) -> Item:
    """Return an item whose picture has its rank in its name and its mean Dice in its title."""
    mean = _rank(scores, item.case)
    title = f"{item.case}: no reference" if item.case not in scores.cases else f"{item.case}: nothing to find"
    if math.isfinite(mean):
        title = f"{item.case}: Dice {mean:.3f}"
    return replace(item, outputs=(f"{number:04d}_{item.case}{PICTURE}",), payload=replace(item.payload, title=title))
