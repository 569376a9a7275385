"""Augmentation of a whole dataset: a new dataset with the originals, their copies, and folds that do not leak."""

from __future__ import annotations

import dataclasses
import math
import os
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import reading
from ..dataset import lineage
from ..dataset.description import DatasetDescription, left_out, unknown_entries
from ..dataset.layout import DESCRIPTION, Dataset, image_path, label_path
from ..dataset.lineage import TEST, TRAIN, CaseRecord
from ..dataset.names import CASE_IDENTIFIER, DatasetName
from ..dataset.patients import NAMES_PATIENTS, patients_in_words, with_guessed_patients
from ..dataset.prepared import Prepared
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import Splits, leaks, make_splits, read_splits, with_copies
from ..dataset.stored_label import StoredLabel
from ..dataset.strictjson import dumps, load_object, read_file
from ..dataset.target import refuse_crossed
from ..errors import Finding, SegconvError, refuse_if_any, warning
from ..image import opened, raster
from ..image.opened import decoded_bytes, probe
from ..version import VERSION
from ..work.caseio import COPY, EXTERNAL
from ..work.interruption import interruptible
from ..work.plan import Item, Plan, Target
from ..work.run import Outcome, Result, execute
from ..work.run_options import USUAL, RunOptions
from ..work.staging import Staged
from .augmentation import Augmentation
from .case import AugmentTask, CopyRecipe, augment_case
from .files import unfit_for_png
from .rotation import plan_turn
from .sampling import copies
from .spec import PLANES, AugmentSpec, Transform

SOFT_FILES = 2
"""Soft labels take the room that a worker has for so many files of their size: the best weights have 16 bits."""

LONGEST_NAME = 200
"""Characters of a case identifier, which with channel and ending fit every file system."""


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
        The dataset, which is not changed.
    name
        Of the new one.
    raw
        Folder that it is made in.
    spec
        What to make.
    ending
        Of the new files; that of the source if None.
    link
        How originals come into the new dataset; see `segconv.work.caseio.CaseIO.place`.
    preprocessed
        nnU-Net's folder of preprocessed data: folds that lie there are those that models are
        trained with, and beat those of the dataset.

    Raises
    ------
    Refused
        If the dataset cannot be augmented so: no CT channel for a HU shift, planes that pictures do
        not have, a file that is missing, names that meet, or that a case cannot have.
    SegconvError
        ``SC062`` if the dataset was replaced since it was opened.
    """
    with source.unchanged():
        return _plan(source, name, raw, spec, ending or source.description.file_ending, link, preprocessed)


def _plan(
    source: Dataset, name: DatasetName, raw: Path, spec: AugmentSpec, ending: str, link: str, preprocessed: Path | None
) -> Augmentation:
    """Do what `plan_augmentation` says."""
    target = Target(raw / name.folder, name.slot, lineage.manifest(*lineage.DATASETS))
    refuse_crossed(Path(os.path.realpath(source.path)), target)
    description = source.description
    _refuse_unfit(description, spec, source)
    _refuse_format(description.file_ending, ending, link)
    extra = _unknown_entries(source)
    if description.file_ending in raster.ENDINGS and spec.rotates:
        spec = dataclasses.replace(spec, planes=spec.planes[-1:])
    files = _files_a_case(source)
    recipe = _recipe(description, spec, files, ending, link)
    findings: list[Finding] = []
    items: list[Item] = []
    taken = {*source.cases(TRAIN), *source.cases(TEST)}
    unfit = _unfit_names(source)
    records, patients = _records(source, unfit, description)
    for split in (TRAIN, TEST):
        for case in source.cases(split):
            if case in unfit:
                continue
            record = records[split, case]
            if record.split != split:
                findings.append(
                    Finding(
                        "SC096",
                        f"has {case!r} for {record.split}, and its files are for {split}",
                        file=str(source.path / lineage.CASES),
                    )
                )
                continue
            made = copies(spec, case) if split == TRAIN and record.parent is None else {}
            findings += [
                Finding("SC085", f"its copy {copy!r} would have the name of another case", file=case)
                for copy in made
                if copy in taken
            ]
            findings += [
                Finding(
                    "SC090",
                    f"its copy {copy!r} would have a name of {len(copy)} characters, at most {LONGEST_NAME} fit",
                    file=case,
                    hint="convert the dataset again from files with shorter names",
                )
                for copy in made
                if len(copy) > LONGEST_NAME
            ]
            task = _task(source, record, made, recipe, files, findings)
            if task is not None:
                items.append(_item(task))
    findings += unfit.values()
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
    return Augmentation(source, spec, splits, plan, patients)


def run_augmentation(augmentation: Augmentation, how: RunOptions = USUAL) -> Outcome:
    """Run a planned augmentation."""

    def finish(results: Iterable[Result], staged: Staged) -> list[Finding]:
        return _finish(augmentation, results, staged)

    return execute(augmentation.plan, augment_case, finish, how, decoded=_decoded)


def _unknown_entries(source: Dataset) -> dict[str, Any]:
    """Return what the json of the source says and a dataset.json does not hold.

    Raises
    ------
    SegconvError
        ``SC060`` if it names files elsewhere, and segconv did not write that.
    """
    found = load_object(read_file(source.path / DESCRIPTION))
    if "dataset" in found and not source.external:
        raise SegconvError(
            "has the key 'dataset', which names files elsewhere, and segconv did not write it",
            code="SC060",
            file=str(source.path / DESCRIPTION),
            hint=f"segconv convert {shlex.quote(str(source.path))} --to ID_NAME --allow-external reads them",
        )
    return unknown_entries({key: value for key, value in found.items() if key != "dataset"})


def _unfit_names(source: Dataset) -> dict[str, Finding]:
    """Return case → what is wrong with its name: nobody but segconv keeps to what every tool can handle."""
    training = source.cases(TRAIN)
    unfit = {
        case: Finding(
            "SC090",
            f"a case cannot be called {case!r}, expected a letter or digit, then letters, digits, '.', '-' and '_',"
            f" at most {LONGEST_NAME} in all",
            file=str(source.image_files(case, split)[0]),
            hint=f"segconv convert {shlex.quote(str(source.path))} --to ID_NAME maps such names, restore undoes it",
        )
        for split, cases in ((TRAIN, training), (TEST, source.cases(TEST)))
        for case in cases
        if not CASE_IDENTIFIER.fullmatch(case)
    }
    for case in sorted({*training} & {*source.cases(TEST)} - {*unfit}):
        told = f"the name {case!r} stands for a case of training and one of testing"
        unfit[case] = Finding("SC085", told, file=str(source.image_files(case, TEST)[0]), hint="rename one of them")
    return unfit


def _decoded(item: Item) -> int:
    """Return what the largest file of a case decodes to, or as much as what is made of it takes instead."""
    task: AugmentTask = item.payload
    sizes = [decoded_bytes(path) for path in item.sources]
    if task.recipe.label_soft and task.label is not None:
        sizes.append(SOFT_FILES * decoded_bytes(task.label))
    return int(max(sizes) * _growth(task))


def _growth(task: AugmentTask) -> float:
    """Return how many times the voxels of a case its largest copy has."""
    if not task.recipe.expand or not task.copies:
        return 1.0
    try:
        geometry = probe(task.images[0]).geometry
    except SegconvError:
        return 1.0  # reading the file will tell what is wrong with it
    grids = [plan_turn(geometry, transform, expand=True).grid for transform in task.copies.values()]
    return max(math.prod(grid.size) for grid in grids) / math.prod(geometry.size)


def ways(augmentation: Augmentation) -> Mapping[str, int]:
    """Return by which way how many copies will turn, as far as the heads of the files can tell."""
    found: Counter[str] = Counter()
    for item in augmentation.plan.items:
        task: AugmentTask = item.payload
        if task.copies:
            try:
                geometry = probe(task.images[0]).geometry
            except SegconvError:
                continue  # reading the file will tell what is wrong with it
            found.update(plan_turn(geometry, t, expand=task.recipe.expand).way for t in task.copies.values())
    return found


def _recipe(description: DatasetDescription, spec: AugmentSpec, files: int, ending: str, link: str) -> CopyRecipe:
    labels, channels = description.labels, description.channel_names
    one_each = files == len(channels)  # a picture may hold several channels in one file
    return CopyRecipe(
        description.file_ending,
        ending,
        tuple(i for i, channel in enumerate(channels) if one_each and channel.casefold() == "ct"),
        labels.values,
        labels.ignore if labels.ignore is not None else 0,
        spec.pad_value,
        spec.expand,
        spec.label_soft,
        link,
    )


def _files_a_case(source: Dataset) -> int:
    """Return how many image files a case has: one a channel; pictures may hold several in one file."""
    if source.description.file_ending in raster.ENDINGS:
        for split in (TRAIN, TEST):
            for case in source.cases(split)[:1]:
                return max(1, sum(reading.is_file(path) for path in source.image_files(case, split)))
    return len(source.description.channel_names)


def _task(
    source: Dataset,
    record: CaseRecord,
    made: Mapping[str, Transform],
    recipe: CopyRecipe,
    files: int,
    findings: list[Finding],
) -> AugmentTask | None:
    images = source.image_files(record.case, record.split)[:files]
    label = source.label_file(record.case, record.split)
    labelled = record.split == TRAIN or reading.is_file(label)
    missing = [path for path in (*images, label) if (path != label or labelled) and not reading.is_file(path)]
    findings += [Finding("SC012", "is not there", file=str(path)) for path in missing]
    if missing:
        return None
    try:
        places = tuple(str(source.located(path)) for path in images)
        label_place = str(source.located(label)) if labelled else None
    except SegconvError as error:
        findings += error.findings
        return None
    if recipe.pad_value is not None and made:
        for path in places:
            findings += _unfit_padding(recipe.pad_value, path)
    if recipe.ending == ".png" != recipe.source_ending:
        for path in places:
            findings += unfit_for_png(path)
    return AugmentTask(
        dataclasses.replace(record, targets=[], sources=[]),
        places,
        label_place,
        dict(made),
        recipe,
    )


def _item(task: AugmentTask) -> Item:
    recipe = task.recipe
    sources = (*task.images, task.label) if task.label is not None else task.images
    if recipe.ending == recipe.source_ending:
        size = sum(map(reading.size_of, sources))
    else:
        size = sum(decoded_bytes(path) for path in sources)
    return Item(task.record.case, sources, task.outputs(), task, int(size * (1 + len(task.copies) * _growth(task))))


def _foreign(case: str, split: str, description: DatasetDescription) -> CaseRecord:
    """Return the record of a case that segconv did not convert."""
    return CaseRecord(
        case,
        split,
        original_name=case,
        label_map={str(value): value for value in description.labels.values},
        label_file=StoredLabel(description.file_ending, "uint8"),
    )


def _refuse_unfit(description: DatasetDescription, spec: AugmentSpec, source: Dataset) -> None:
    if description.file_ending not in opened.WRITABLE:
        raise SegconvError(
            f"files that end in {description.file_ending} are not augmented", code="SC094", file=str(source.path)
        )
    channels = ", ".join(description.channel_names)
    if spec.hu_shift is not None and not any(c.casefold() == "ct" for c in description.channel_names):
        raise SegconvError(
            f"a HU shift needs a channel named CT, the dataset has {channels}",
            code="SC091",
            file=str(source.path / DESCRIPTION),
            hint="leave out --hu-shift; or convert again with --channels CT if the images are CT",
        )
    # That all three planes were named is nobody's wish but the default.
    if description.file_ending in raster.ENDINGS and spec.rotates and spec.planes not in (("axial",), ("k",), PLANES):
        raise SegconvError(
            "pictures turn in their own plane alone",
            hint="--planes axial, or --axis k",
            file=str(source.path),
            code="SC001",
        )


def _refuse_format(found: str, wanted: str, link: str) -> None:
    if (found in raster.ENDINGS) != (wanted in raster.ENDINGS):
        kind = "pictures" if found in raster.ENDINGS else "volumes"
        raise SegconvError(f"--format {wanted.removeprefix('.')} does not go with {kind} that end in {found}")
    if found != wanted and link != COPY:
        raise SegconvError(
            f"--link {link} keeps originals as they are, --format {wanted.removeprefix('.')} writes them anew",
            hint="leave out one of the two",
        )


def _unfit_padding(pad_value: float, path: str) -> list[Finding]:
    try:
        dtype = probe(path).value_dtype
    except SegconvError:
        return []  # reading the file will tell what is wrong with it
    real = dtype.kind == "f"
    # What is beyond 32 bits is infinite to a network, also where a file holds 64.
    limits = np.finfo(np.float16 if dtype == np.float16 else np.float32) if real else np.iinfo(dtype)
    if float(limits.min) <= pad_value <= float(limits.max) and (real or float(pad_value).is_integer()):
        return []
    told = f"has voxels of type {dtype.name}, which cannot hold --pad-value {pad_value:g}"
    fitting = f"a {'number' if real else 'whole number'} from {limits.min} to {limits.max}"
    return [Finding("SC001", told, file=path, hint=fitting)]


def _records(
    source: Dataset, unfit: Collection[str], description: DatasetDescription
) -> tuple[dict[tuple[str, str], CaseRecord], str]:
    """Return split and case → what is known of it, with its patient, and what tells the patients, in words."""
    known = {record.case: record for record in source.records()}
    keys = [(split, case) for split in (TRAIN, TEST) for case in source.cases(split) if case not in unfit]
    found = [known.get(case) or _foreign(case, split, description) for split, case in keys]
    found, evidence = with_guessed_patients(found)
    patients = [record.patient for record in found if record.split == TRAIN]
    return dict(zip(keys, found, strict=True)), patients_in_words(patients, evidence, NAMES_PATIENTS)


def _finish(augmentation: Augmentation, results: Iterable[Result], staged: Staged) -> list[Finding]:
    plan, source, spec = augmentation.plan, augmentation.source, augmentation.spec
    kept: list[CaseRecord] = []
    external: dict[str, dict[str, Any]] = {}
    recipe: CopyRecipe = plan.items[0].payload.recipe

    def lines() -> Iterable[bytes]:
        for result in results:
            targets = {target["path"]: target for target in result.targets}
            for number, found in enumerate(result.record.get("records") or ()):
                record = CaseRecord.from_json(found)
                own = [targets[path] for path in _paths(record, plan, targets)]
                if record.split == TRAIN and recipe.link == EXTERNAL:
                    places = [target.get("at") or str(plan.target.path / target["path"]) for target in own]
                    external[record.case] = {"images": places[:-1], "label": places[-1]}
                # They are of the original's files, which come first.
                warnings = [finding.as_json() for finding in result.warnings] if number == 0 else []
                record = dataclasses.replace(
                    record,
                    sources=result.sources,
                    targets=[_target(target) for target in own],
                    warnings=[*record.warnings, *warnings],
                )
                kept.append(
                    CaseRecord(record.case, record.split, record.patient, record.parent, targets=record.targets)
                )
                yield record.to_line()

    staged.write_lines(lineage.CASES, lines())
    folds, findings = _folds(augmentation.splits, kept)
    if folds:
        staged.write(SPLITS_FILE, dumps(folds))
    number = sum(record.split == TRAIN for record in kept)
    name = DatasetName.of_folder(plan.target.path.name)
    texts = {**source.description.texts, "name": name.name if name else source.name.name}
    description = dataclasses.replace(source.description, num_training=number, texts=texts, file_ending=recipe.ending)
    where = {"dataset": dict(sorted(external.items()))} if recipe.link == EXTERNAL else {}
    staged.write(DESCRIPTION, dumps(description.as_json() | where))
    run = source.run
    staged.write(
        lineage.RUN,
        lineage.run_record(
            version=VERSION,
            command="augment",
            options={**spec.as_json(), "file_ending": recipe.ending, "link": recipe.link},
            source={"kind": "dataset", "name": source.path.name},
            seed=spec.seed,
            label_map=(run.label_map if run is not None else {})
            or {str(v): v for v in source.description.labels.values},
            label_file=(run.label_file if run is not None else None)
            or StoredLabel(source.description.file_ending, "uint8"),
            # Where files lie on this machine does not go along with the dataset.
            findings=[{**found.as_json(), "file": Path(found.file).name} for found in (*plan.warnings, *findings)],
            extra=_unknown_entries(source),
            prepared=Prepared.by(run).as_json(),
            files=staged.targets,
        ),
    )
    return findings


def _folds(paths: Iterable[Path], records: list[CaseRecord]) -> tuple[Splits, list[Finding]]:
    """Return the folds of the first file that can be used, so that models before and after are validated alike."""
    findings: list[Finding] = []
    for path in paths:
        if reading.is_there(path, links_followed=False):
            if folds := _usable_folds(path, records):
                return folds, findings
            told = "these are no folds, leak, or have a side with none of these cases; they were not taken over"
            findings.append(warning("SC095", told, file=str(path), hint="segconv check shows what is wrong"))
    return make_splits(records), findings


def _usable_folds(path: Path, records: list[CaseRecord]) -> Splits:
    """Return the folds of a file with the copies in them; none if they leak, or are of other cases."""
    try:
        folds = with_copies(read_splits(path), records)
    except SegconvError:
        return []
    return folds if all(fold["train"] and fold["val"] for fold in folds) and not leaks(folds, records) else []


def _target(target: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of the lineage: where an external file lies, dataset.json says."""
    entry = {key: value for key, value in target.items() if key != "at"}
    return entry | {"external": True} if "at" in target else entry


def _paths(record: CaseRecord, plan: Plan, written: Iterable[str]) -> list[str]:
    """Return which of the files of an item belong to one of its cases."""
    task: AugmentTask = plan.items[0].payload
    ending = task.recipe.ending
    own = [image_path(record.case, file, ending, record.split) for file in range(len(task.images))]
    label = label_path(record.case, ending, record.split)
    return [path for path in (*own, label) if path in written]
