"""Run an augmentation: write the copies, the lineage, and folds that do not leak."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import reading
from ..dataset import lineage
from ..dataset.layout import DESCRIPTION, image_path, label_path
from ..dataset.lineage import TRAIN, CaseRecord
from ..dataset.names import DatasetName
from ..dataset.prepared import Prepared
from ..dataset.runs import NewRun
from ..dataset.splits import Splits, leaks, make_splits, read_splits, with_copies, write_splits
from ..dataset.stored_label import StoredLabel
from ..dataset.strictjson import dumps
from ..errors import Cure, Finding, SegconvError, warning
from ..image.opened import decoded_bytes
from ..work.caseio import EXTERNAL
from ..work.plan import Item
from ..work.run import Outcome, Result, execute
from ..work.run_options import USUAL, RunOptions
from ..work.staging import Staged
from .augmentation import Augmentation
from .case import AugmentTask, CopyRecipe, augment_case
from .planning import growth
from .suitable import unknown_in_description

SOFT_FILES = 2
"""Soft labels take the room that a worker has for so many files of their size: the best weights have 16 bits."""


def run_augmentation(augmentation: Augmentation, how: RunOptions = USUAL) -> Outcome:
    """Run a planned augmentation; see `segconv.work.run.execute` for the errors."""

    def finish(results: Iterable[Result], staged: Staged) -> list[Finding]:
        return _NewDataset(augmentation, staged).write(results)

    return execute(augmentation.plan, augment_case, finish, how, decoded=_decoded)


def _decoded(item: Item) -> int:
    """Return the bytes that the largest file of a case takes, its largest copy and soft labels included."""
    task: AugmentTask = item.payload
    sizes = [decoded_bytes(path) for path in item.sources]
    if task.recipe.label_soft and task.label is not None:
        sizes.append(SOFT_FILES * decoded_bytes(task.label))
    return int(max(sizes) * growth(task))


class _NewDataset:
    """Writes everything in a dataset besides images and labels, once those are written."""

    def __init__(self, augmentation: Augmentation, staged: Staged) -> None:
        self.augmentation = augmentation
        self.staged = staged
        self.kept: list[CaseRecord] = []
        self.external: dict[str, dict[str, Any]] = {}
        self.task: AugmentTask = augmentation.plan.items[0].payload

    @property
    def recipe(self) -> CopyRecipe:
        """Settings that all cases share."""
        return self.task.recipe

    def write(self, results: Iterable[Result]) -> list[Finding]:
        """Write the lineage, the folds and dataset.json; return warnings."""
        plan, source, staged = self.augmentation.plan, self.augmentation.source, self.staged
        staged.write_lines(lineage.CASES, self._lines(results))
        folds, findings = _folds(self.augmentation.splits, self.kept, source.path)
        if folds:
            write_splits(staged, folds)
        staged.write(DESCRIPTION, dumps(self._description()))
        run, spec = source.run, self.augmentation.spec
        staged.write(
            lineage.RUN,
            NewRun(
                command="augment",
                options={**spec.as_json(), "file_ending": self.recipe.ending, "link": self.recipe.link},
                source={"kind": "dataset", "name": source.path.name},
                seed=spec.seed,
                label_map=(run.label_map if run is not None else {})
                or {str(v): v for v in source.description.labels.values},
                label_file=(run.label_file if run is not None else None)
                or StoredLabel(source.description.file_ending, "uint8"),
                # Paths on this machine are not part of the dataset.
                findings=[{**found.as_json(), "file": Path(found.file).name} for found in (*plan.warnings, *findings)],
                extra=unknown_in_description(source),
                prepared=Prepared.by(run).as_json(),
                files=staged.targets,
            ).to_bytes(),
        )
        return findings

    def _lines(self, results: Iterable[Result]) -> Iterator[bytes]:
        """Yield the lineage of each original and copy, and keep the part that the folds need."""
        for result in results:
            for number, found in enumerate(result.record.get("records") or ()):
                # Warnings are about the original's files, which come first.
                record = self._record(CaseRecord.from_json(found), result, warned=number == 0)
                kept = (record.case, record.split, record.patient, record.parent)
                self.kept.append(CaseRecord(*kept, targets=record.targets))
                yield record.to_line()

    def _record(self, record: CaseRecord, result: Result, *, warned: bool) -> CaseRecord:
        """Return the record of a case with its files; remember their paths if dataset.json must list them."""
        targets = {target["path"]: target for target in result.targets}
        own = [targets[path] for path in self._paths(record) if path in targets]
        if record.split == TRAIN and self.recipe.link == EXTERNAL:
            self.external[record.case] = self._places(own)
        warnings = [finding.as_json() for finding in result.warnings] if warned else []
        return dataclasses.replace(
            record,
            sources=result.sources,
            targets=[_target(target) for target in own],
            warnings=[*record.warnings, *warnings],
        )

    def _places(self, targets: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the paths of a case's files as dataset.json lists them."""
        folder = self.augmentation.plan.target.path
        *images, label = [target.get("at") or str(folder / target["path"]) for target in targets]
        return {"images": images, "label": label}

    def _paths(self, record: CaseRecord) -> list[str]:
        """Return the paths of a case's files, relative to the dataset."""
        ending = self.recipe.ending
        own = [image_path(record.case, file, ending, record.split) for file in range(len(self.task.images))]
        return [*own, label_path(record.case, ending, record.split)]

    def _description(self) -> dict[str, Any]:
        """Return the new dataset.json."""
        source = self.augmentation.source
        name = DatasetName.of_folder(self.augmentation.plan.target.path.name)
        description = dataclasses.replace(
            source.description,
            num_training=sum(record.split == TRAIN for record in self.kept),
            texts={**source.description.texts, "name": name.name if name else source.name.name},
            file_ending=self.recipe.ending,
        )
        where = {"dataset": dict(sorted(self.external.items()))} if self.recipe.link == EXTERNAL else {}
        return description.as_json() | where


def _folds(paths: Iterable[Path], records: list[CaseRecord], dataset: Path) -> tuple[Splits, list[Finding]]:
    """Return the folds of the first usable file, so that models before and after are validated alike."""
    findings: list[Finding] = []
    for path in paths:
        if reading.is_there(path, links_followed=False):
            if folds := _usable_folds(path, records):
                return folds, findings
            what = "is not usable: not folds, or they leak, or a side has none of these cases; new folds were made"
            findings.append(warning("SC095", what, file=str(path), cures=(Cure.of("check", dataset=dataset),)))
    return make_splits(records), findings


def _usable_folds(path: Path, records: list[CaseRecord]) -> Splits:
    """Return the folds of a file with the copies added; none if they leak or belong to other cases."""
    try:
        folds = with_copies(read_splits(path), records)
    except SegconvError:
        return []
    return folds if all(fold["train"] and fold["val"] for fold in folds) and not leaks(folds, records) else []


def _target(target: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of the lineage; dataset.json lists the path of an external file."""
    entry = {key: value for key, value in target.items() if key != "at"}
    return entry | {"external": True} if "at" in target else entry
