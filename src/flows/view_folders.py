"""Draw the images of any folder with segmentations of another that have the same names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import reading
from ..dataset import lineage
from ..dataset.folders import TRAINING
from ..dataset.layout import DESCRIPTION
from ..dataset.lineage import PREDICTION, VIEWED
from ..errors import Finding, SegconvError
from ..review.scores.case_masks import ScoredCase
from ..review.scores.declared import Declaration
from ..review.scores.dice import Scores
from ..review.scores.evaluation import evaluate_folders
from ..review.scores.found import Found, LabelUnit, find_labels
from ..review.scores.layouts import CLASSES, FILE, FILES, SERIES
from ..review.scores.pairing import SKIP, Allowed, Pair, Paired, pair
from ..review.scores.references import ABOUT, declared, is_restored
from ..review.scores.scoring import Evaluation
from ..words import count_of, some_of
from ..work.held import Held
from ..work.plan import Item, Plan, Target
from ..work.readers import Readers
from ..work.run_options import ONE_WORKER, Workers
from .view import MONTAGE, PICTURE, View, among, is_montage, refuse_many, spread
from .view_predictions import PredictionView, worst_first
from .viewed_case import USUAL_LOOK, Look, ViewTask
from .viewed_pair import PairTask

ViewLook = tuple[Look, int | None]
"""How to draw pairs, and which channel."""

_CHANNEL = re.compile(r"_\d{4}$")


@dataclass(frozen=True)
class Folders:
    """The folders that are read.

    Parameters
    ----------
    images
        Images, of one file each, of a file per channel named as nnU-Net names them, or series of DICOM in folders.
    labels
        Their segmentations, in any form that `evaluate` reads.
    predictions
        Segmentations to compare with these, or None.
    """

    images: Path
    labels: Path
    predictions: Path | None = None

    @property
    def all(self) -> list[Path]:
        """Those that are given."""
        return [path for path in (self.images, self.labels, self.predictions) if path is not None]


@dataclass(frozen=True)
class FolderView(PredictionView):
    """A planned view of folders.

    Parameters
    ----------
    notes
        What was left out, and what was guessed, in words.
    findings
        Warnings about predictions.
    """

    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def plan_folder_view(
    folders: Folders,
    wanted: Sequence[str],
    output: Path,
    look: Look = USUAL_LOOK,
    *,
    channel: str | None = None,
    said: Declaration | None = None,
    workers: Workers = ONE_WORKER,
) -> FolderView:
    """Plan pictures of images with segmentations of the same names.

    They are paired as `evaluate` pairs predictions with references: by their paths without endings, or else by
    their names, and where the images end in a number of a channel, without it.

    Parameters
    ----------
    folders
        What to read.
    wanted
        Names of pairs or patterns; all pairs if empty.
    output, look
        As in `plan_view`.
    channel
        Number of the one to draw; if None, the first one, or pictures in colour.
    said
        What the values of predictions and labels mean, as `evaluate_folders` takes it.
    workers
        Workers that compute the scores of predictions.

    Raises
    ------
    SegconvError
        ``SC010`` for a path that is no folder; ``SC080`` if nothing pairs; ``SC001`` for a name or channel that does
        not exist; what reading the folders and, with predictions, `evaluate_folders` raises.
    """
    # Workers may have been started in another folder.
    predictions = None if folders.predictions is None else folders.predictions.absolute()
    folders = Folders(folders.images.absolute(), folders.labels.absolute(), predictions)
    _refuse_dataset(folders.images, TRAINING.images)
    _refuse_dataset(folders.labels, TRAINING.labels)
    images, labels = find_labels(folders.images, FILES), find_labels(folders.labels)
    paired = _paired(images, labels, folders)
    scored = _scored(folders, said, workers)
    pairs = _by_case(paired.pairs, scored)
    cases = [case for case, _ in among(dict.fromkeys(pairs, PREDICTION), wanted or [*pairs], str(folders.images))]
    tasks = _Tasks(folders, labels, (look, _channel(channel)), scored)
    items = [tasks.item(*pairs[case]) for case in cases]
    few = is_montage(output) and not wanted
    notes = (*_left_out(paired), *filter(None, (labels.guessed, _not_compared(scored))))
    if scored is None:
        scores = Scores()
        items = spread(items) if few else items
    else:
        scores = Scores({case: scored.cases[pairs[case][1].name] for case in cases})
        items = worst_first(items, scores)[: MONTAGE if few else None]
    view = _view(folders, items, output, repr((look, channel)), len(pairs))
    return FolderView(view, scores, notes, () if scored is None else scored.findings)


def _refuse_dataset(folder: Path, inside: str) -> None:
    """Refuse a dataset or task, whose images could be paired with themselves."""
    if reading.is_file(folder / DESCRIPTION) and reading.is_folder(folder / inside):
        message = f"holds a dataset, expected the folder with its {'images' if inside == TRAINING.images else 'labels'}"
        raise SegconvError(message, code="SC010", file=str(folder), hint=f"give {folder / inside}")


def _paired(images: Found, labels: Found, folders: Folders) -> Paired:
    """Return images and their segmentations."""
    found = pair(images.units, labels.units)
    if not found.pairs:
        found = pair(_of_channels(images), labels.units)
    if found.pairs:
        return found
    names = [some_of(unit.name for unit in side.units) or "none" for side in (images, labels)]
    raise SegconvError(
        f"no image has the name of a segmentation in {folders.labels}: images are {names[0]}, segmentations {names[1]}",
        code="SC080",
        file=str(folders.images),
        hint="name two folders whose files have the same names but for the ending",
    )


def _by_case(pairs: Sequence[Pair], scored: Evaluation | None) -> dict[str, Pair]:
    """Return name of a picture → the image and its segmentation, if it was scored; folders are part of the name."""
    found: dict[str, Pair] = {}
    for image, label in pairs:
        if scored is not None and label.name not in scored.scored:
            continue
        twin, _ = found.setdefault(_case_of(image), (image, label))
        if twin is not image:
            message = f"would have a picture of the same name as {twin.shown}"
            raise SegconvError(message, code="SC085", file=image.shown, hint="rename one of them")
    return found


def _case_of(image: LabelUnit) -> str:
    return image.name.replace("/", "_")


def _of_channels(images: Found) -> list[LabelUnit]:
    """Return the cases whose files are named by channels, as ``case_0000``."""
    files: dict[str, list[str]] = {}
    for unit in images.units:
        if unit.form == FILE and _CHANNEL.search(unit.name):
            files.setdefault(_CHANNEL.sub("", unit.name), []).extend(unit.files)
    return [LabelUnit(name, FILE, tuple(sorted(channels))) for name, channels in files.items()]


def _scored(folders: Folders, said: Declaration | None, workers: Workers) -> Evaluation | None:
    """Return the scores of predictions; None if there are no predictions."""
    if folders.predictions is None:
        return None
    readers = Readers(workers.jobs, workers.progress)
    allowed = Allowed(SKIP, SKIP)
    return evaluate_folders(folders.predictions, folders.labels, labels=said, allowed=allowed, readers=readers)


def _channel(text: str | None) -> int | None:
    if text is None or text.isdecimal():
        return None if text is None else int(text)
    raise SegconvError(f"{text!r} is not the number of a channel", hint="channels of a folder have no names")


class _Tasks:
    """Makes the work on each pair."""

    def __init__(self, folders: Folders, labels: Found, look: ViewLook, scored: Evaluation | None) -> None:
        self._look, self._channel = look
        self._names = _names(folders.labels)
        self._scored: Mapping[str, ScoredCase] = {} if scored is None else scored.scored
        if scored is None:
            classes = sorted({name for unit in labels.units if unit.form == CLASSES for name in unit.classes})
        else:
            classes = [*(scored.labels or scored.classes)]
        self._numbers = {name: number for number, name in enumerate(classes, start=1)}

    def item(self, image: LabelUnit, label: LabelUnit) -> Item:
        """Return the work on a pair."""
        scored = self._scored.get(label.name)
        own = image.files if image.form == SERIES else (self._file_of(image),)
        component = self._channel if len(image.files) == 1 else None
        case = _case_of(image)
        view = ViewTask(case, tuple(map(os.path.realpath, own)), component, None, {}, self._look)
        task = PairTask(view, label, self._names, self._numbers, scored, series=image.form == SERIES)
        units = [unit for unit in (label, None if scored is None else scored.pair[0]) if unit is not None]
        files = tuple(os.path.realpath(path) for path in (*own, *(one for unit in units for one in unit.files)))
        return Item(case, files, (f"{case}{PICTURE}",), task, sum(map(reading.size_if_there, files)))

    def _file_of(self, image: LabelUnit) -> str:
        """Return the file to draw of those of an image."""
        number = (self._channel or 0) if len(image.files) > 1 else 0
        if not number < len(image.files):
            channels = f"it has the channels 0 to {len(image.files) - 1}"
            raise SegconvError(f"has no channel {number}: {channels}", file=image.files[0])
        return image.files[number]


def _names(labels: Path) -> dict[str, str]:
    """Return value or colour, as text → name, as a dataset or a json next to the segmentations declares it."""
    found = declared(None, labels, labels)
    if found is None:
        return {}
    own = found.user if found.user is not None and is_restored(labels) else found.own
    names: dict[str, str] = {}
    for name, texts in own.meaning.items():
        for text in texts:
            names[text] = f"{names[text]} + {name}" if text in names else name
    return names


def _left_out(paired: Paired) -> list[str]:
    """Return what has no counterpart, in words."""
    found = []
    if paired.how:
        found.append(f"images and segmentations are paired {paired.how}")
    for units, noun, other in ((paired.extra, "image", "segmentation"), (paired.missing, "segmentation", "image")):
        if units:
            names = some_of(unit.name for unit in units)
            found.append(f"left out: {count_of(len(units), noun)} without {other}: {names}")
    return found


def _not_compared(scored: Evaluation | None) -> str:
    if scored is None or not scored.skipped:
        return ""
    return f"left out: {count_of(len(scored.skipped), 'file')} of one side only: {some_of(scored.skipped)}"


def _view(folders: Folders, items: Sequence[Item], output: Path, look: str, total: int) -> View:
    refuse_many(output, items)
    real = [os.path.realpath(folder) for folder in folders.all]
    key = {"command": VIEWED, "cases": [item.case for item in items], "look": look, "folders": real}
    target = Target(output, output.absolute().name, lineage.manifest(VIEWED))
    held = tuple(Held(folder, ABOUT) for folder in folders.all)
    plan = Plan(target, Path(os.path.commonpath(real)), tuple(items), key, (), held)
    return View(plan, total, {"kind": "folder", "name": folders.images.name})
