"""Plan an augmentation: which copies to make of which cases; only names and headers are read."""

from __future__ import annotations

import dataclasses
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .. import reading
from ..dataset import lineage
from ..dataset.description import DatasetDescription, left_out
from ..dataset.layout import Dataset
from ..dataset.lineage import TEST, TRAIN, CaseRecord
from ..dataset.names import DatasetName
from ..dataset.patient_rules import NAMES_PATIENTS, patients_in_words, with_guessed_patients
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.stored_label import StoredLabel
from ..dataset.target import refuse_crossed
from ..errors import Finding, SegconvError, refuse_if_any
from ..image import raster
from ..image.geometry import Geometry
from ..image.opened import decoded_bytes, probe
from ..work.caseio import COPY
from ..work.interruption import interruptible
from ..work.plan import Item, Plan, Target
from .augmentation import Augmentation
from .case import AugmentTask, CopyRecipe
from .copies import copies
from .grey import GREY, GreyTransform
from .rotation import plan_turn
from .spec import AugmentSpec, Transform
from .suitable import (
    LONGEST_NAME,
    refuse_unfit,
    unfit_for_padding,
    unfit_for_png,
    unfit_names,
    unknown_in_description,
)


@interruptible("interrupted; nothing was written", "run the same command again")
def plan_augmentation(
    source: Dataset,
    name: DatasetName,
    raw: Path,
    spec: AugmentSpec,
    *,
    ending: str | None = None,
    link: str = COPY,
    preprocessed: Path | None = None,
) -> Augmentation:
    """Plan the augmentation of a dataset into a new one.

    Parameters
    ----------
    source
        The dataset to augment; not changed.
    name
        Name of the new dataset.
    raw
        Folder to create it in.
    spec
        The copies to make.
    ending
        Ending of the new files; that of the source if None.
    link
        How originals are placed in the new dataset; see `segconv.work.caseio.CaseIO.place`.
    preprocessed
        nnU-Net's folder of preprocessed data: models are trained with its folds, so they take
        precedence over those of the dataset.

    Raises
    ------
    Refused
        If the dataset cannot be augmented this way: no CT channel for a HU shift, planes that pictures do
        not have, a missing file, colliding names, or names that a case cannot have.
    SegconvError
        ``SC062`` if the dataset was replaced since it was opened.
    """
    with source.unchanged():
        target = Target(raw / name.folder, name.slot, lineage.manifest(*lineage.DATASETS))
        return _plan(source, target, spec, ending or source.description.file_ending, link, preprocessed)


def _plan(
    source: Dataset, target: Target, spec: AugmentSpec, ending: str, link: str, preprocessed: Path | None
) -> Augmentation:
    """See `plan_augmentation`."""
    refuse_crossed(Path(os.path.realpath(source.path)), target)
    description = source.description
    refuse_unfit(source, spec, ending, link)
    extra = unknown_in_description(source)
    if description.file_ending in raster.ENDINGS and spec.rotates:
        spec = dataclasses.replace(spec, planes=spec.planes[-1:])
    files = _files_per_case(source)
    cases = _Cases(source, spec, _recipe(description, spec, files, ending, link), files)
    items = list(cases.items())
    findings = cases.findings
    if not findings and not any(item.payload.copies for item in items):
        findings.append(Finding("SC011", "holds no training case", file=str(source.path)))
    refuse_if_any(findings)
    folders = [source.path] if preprocessed is None else [preprocessed / source.path.name, source.path]
    splits = tuple(folder.absolute() / SPLITS_FILE for folder in folders)
    key = {
        "command": "augment",
        "source": source.path.name,
        **spec.as_json(),
        "ending": ending,
        "link": link,
        "splits": [str(path) for path in splits],
    }
    plan = Plan(target, source.path, tuple(items), key, tuple(left_out(extra)), (source.held,))
    return Augmentation(source, spec, splits, plan, cases.patients)


@dataclass
class _Cases:
    """Turns the cases of a dataset into work items; collects what is wrong with them in `findings`.

    Parameters
    ----------
    files
        Image files per case.
    """

    source: Dataset
    spec: AugmentSpec
    recipe: CopyRecipe
    files: int
    findings: list[Finding] = field(default_factory=list)
    patients: str = ""

    def items(self) -> Iterator[Item]:
        """Yield the work on each case that can be augmented."""
        unfit = unfit_names(self.source)
        cases = [(split, case) for split in (TRAIN, TEST) for case in self.source.cases(split)]
        fit = [(split, case) for split, case in cases if case not in unfit]
        taken = {case for _, case in cases}
        for (split, _), record in zip(fit, self._records(fit), strict=True):
            if record.split == split:
                yield from self._item(record, taken)
            else:
                what = f"has {record.case!r} for {record.split}, and its files are for {split}"
                self.findings.append(Finding("SC096", what, file=str(self.source.path / lineage.CASES)))
        self.findings += unfit.values()

    def _item(self, record: CaseRecord, taken: set[str]) -> Iterator[Item]:
        """Yield the work on a case if it can be augmented."""
        made = copies(self.spec, record.case) if record.split == TRAIN and record.parent is None else {}
        self._judge_names(record.case, made, taken)
        task = self._task(record, made)
        if task is not None:
            yield _item(task)

    def _records(self, keys: list[tuple[str, str]]) -> list[CaseRecord]:
        """Return the record of each case, with its patient."""
        known = {record.case: record for record in self.source.records()}
        description = self.source.description
        found = [known.get(case) or _foreign(case, split, description) for split, case in keys]
        found, evidence = with_guessed_patients(found)
        patients = [record.patient for record in found if record.split == TRAIN]
        self.patients = patients_in_words(patients, evidence, NAMES_PATIENTS)
        return found

    def _judge_names(self, case: str, made: Mapping[str, Transform], taken: set[str]) -> None:
        for copy in made:
            if copy in taken:
                what = f"its copy {copy!r} would have the name of another case"
                self.findings.append(Finding("SC085", what, file=case))
            if len(copy) > LONGEST_NAME:
                what = f"its copy {copy!r} would have a name of {len(copy)} characters, at most {LONGEST_NAME} fit"
                hint = "convert the dataset again from files with shorter names"
                self.findings.append(Finding("SC090", what, file=case, hint=hint))

    def _task(self, record: CaseRecord, made: Mapping[str, Transform]) -> AugmentTask | None:
        """Return the work on a case, or None if one of its files is missing or elsewhere."""
        source = self.source
        images = source.image_files(record.case, record.split)[: self.files]
        label = source.label_file(record.case, record.split)
        labels = [label] if record.split == TRAIN or reading.is_file(label) else []
        missing = [path for path in (*images, *labels) if not reading.is_file(path)]
        self.findings += [Finding("SC012", "does not exist", file=str(path)) for path in missing]
        if missing:
            return None
        try:
            places = tuple(str(source.located(path)) for path in images)
            label_place = str(source.located(label)) if labels else None
        except SegconvError as error:
            self.findings += error.findings
            return None
        self._judge_types(places, padded=bool(made))
        own = dataclasses.replace(record, targets=[], sources=[])
        return AugmentTask(own, places, label_place, dict(made), self.recipe)

    def _judge_types(self, places: Iterable[str], *, padded: bool) -> None:
        recipe = self.recipe
        if recipe.pad_value is not None and padded:
            self.findings += [found for path in places for found in unfit_for_padding(recipe.pad_value, path)]
        if recipe.ending == ".png" != recipe.source_ending:
            self.findings += [found for path in places for found in unfit_for_png(path)]


def ways(augmentation: Augmentation) -> Mapping[str, int]:
    """Return the number of copies per way of rotating, as far as headers show."""
    found: Counter[str] = Counter()
    for item in augmentation.plan.items:
        task: AugmentTask = item.payload
        geometry = _geometry_of(task) if task.copies else None
        if geometry is not None:
            found.update(plan_turn(geometry, t, expand=task.recipe.expand).way for t in task.copies.values())
    return found


def growth(task: AugmentTask) -> float:
    """Return the size of a case's largest copy, as a multiple of the case's voxels."""
    geometry = _geometry_of(task) if task.recipe.expand and task.copies else None
    if geometry is None:
        return 1.0
    grids = [plan_turn(geometry, transform, expand=True).grid for transform in task.copies.values()]
    return max(math.prod(grid.size) for grid in grids) / math.prod(geometry.size)


def _geometry_of(task: AugmentTask) -> Geometry | None:
    try:
        return probe(task.images[0]).geometry
    except SegconvError:
        return None  # an error in it is reported when it is read


def _recipe(description: DatasetDescription, spec: AugmentSpec, files: int, ending: str, link: str) -> CopyRecipe:
    labels, channels = description.labels, description.channel_names
    one_each = files == len(channels)  # a picture may hold several channels in one file
    return CopyRecipe(
        description.file_ending,
        ending,
        {one.name: _changed(one, channels if one_each else ()) for one in GREY},
        labels.values,
        labels.ignore if labels.ignore is not None else 0,
        spec.pad_value,
        spec.expand,
        spec.label_soft,
        link,
    )


def _changed(one: GreyTransform, channels: Sequence[str]) -> tuple[int, ...]:
    suits = one.transformation.suits
    return tuple(number for number, channel in enumerate(channels) if suits(channel))


def _files_per_case(source: Dataset) -> int:
    """Return the number of image files per case: one per channel; pictures may hold several in one file."""
    if source.description.file_ending in raster.ENDINGS:
        for split in (TRAIN, TEST):
            for case in source.cases(split)[:1]:
                return max(1, sum(reading.is_file(path) for path in source.image_files(case, split)))
    return len(source.description.channel_names)


def _item(task: AugmentTask) -> Item:
    recipe = task.recipe
    sources = (*task.images, task.label) if task.label is not None else task.images
    size_of = reading.size_of if recipe.ending == recipe.source_ending else decoded_bytes
    size = sum(size_of(path) for path in sources)
    return Item(task.record.case, sources, task.outputs(), task, int(size * (1 + len(task.copies) * growth(task))))


def _foreign(case: str, split: str, description: DatasetDescription) -> CaseRecord:
    """Return the record of a case that segconv did not convert."""
    return CaseRecord(
        case,
        split,
        original_name=case,
        label_map={str(value): value for value in description.labels.values},
        label_file=StoredLabel(description.file_ending, "uint8"),
    )
