"""Whether a dataset can be trained on: everything nnU-Net's own check looks at, and what that misses.

What breaks training, or trains something else than was meant, is an error; what is odd is a warning.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ... import reading
from ...dataset.labels import Labels
from ...dataset.layout import hold
from ...dataset.lineage import TEST, TRAIN, CaseRecord
from ...dataset.names import DatasetName
from ...dataset.patients import NAMES_PATIENTS, patients_in_words, with_guessed_patients
from ...dataset.regions import value_names
from ...dataset.splits import FILE as SPLITS
from ...dataset.splits import Splits
from ...dataset.tested_patients import judge_tested_patients
from ...errors import Finding, SegconvError, warning
from ...image.opened import Header, decoded_bytes
from ...work.held import unchanged
from ...work.interruption import interruptible
from ...work.memory import within_memory
from ...work.parallel import each
from ...work.run_options import ONE_WORKER, Workers, refuse_unfit
from ..opened import probe
from .case_check import Assigned, CaseReport, FullCheck, QuickCheck, Rules
from .coded import CodedSet
from .declaration import Declaration
from .facts import Facts
from .fold_check import judge_default_folds, judge_folds, judge_guessed_patients, read_folds
from .history import History
from .inventory import CaseFiles, same_names, take_inventory
from .links import unusable
from .readers import reader_taken

_BYTE_S = 1 / 120e6
_FILE_S = 1 / 1500
_HEADER_S = 1 / 5000
"""What a byte of a gzipped volume, a file and a header take one process: measured, and a rule of thumb."""


@dataclass(frozen=True)
class Report:
    """What a check found.

    Parameters
    ----------
    findings
        Errors first; otherwise dataset.json, then names and files, then case by case, then what all
        cases together show, then folds. The same for any number of workers.
    cases
        How many were looked at.
    facts
        What the dataset holds: cases, channels, size, spacing, orientations, labels.
    """

    findings: tuple[Finding, ...]
    cases: int
    facts: Mapping[str, Any]

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def warnings(self) -> int:
        """How many findings are warnings."""
        return len(self.findings) - self.errors

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against training."""
        return not self.errors


def check_dataset(
    path: Path,
    workers: Workers = ONE_WORKER,
    *,
    quick: bool = False,
    allow_external: bool = False,
    splits: Path | None = None,
) -> Report:
    """Check a dataset, whoever made it; nothing is written.

    Parameters
    ----------
    path
        Its folder.
    workers
        Who reads the cases.
    quick
        Look at names and headers alone.
    allow_external
        Follow links that leave the dataset, and the key ``dataset``, wherever they come from.
    splits
        Further folds to judge: those of the preprocessed dataset, which nnU-Net trains with.

    Raises
    ------
    SegconvError
        What `Declaration.read` raises: without a readable dataset.json there is nothing to check.
        ``SC062`` if the dataset is replaced meanwhile.
    Interrupted
        By Ctrl-C or SIGTERM.
    """
    refuse_unfit(quick=quick, allow_external=allow_external)
    root = Path(os.path.realpath(path))
    # Whoever asks may have made the dataset just now: it must not sound as if it were not there.
    with (
        interruptible(
            f"interrupted; {root.name} is there, and was not checked to its end",
            f"segconv check {shlex.quote(str(root))} begins anew",
        ),
        unchanged(hold(root)),
    ):
        return _check(root, workers, quick, allow_external, splits)


def _check(root: Path, workers: Workers, quick: bool, allow_external: bool, splits: Path | None) -> Report:
    """Do what `check_dataset` says; its dataset is resolved."""
    declared = Declaration.read(root, external=allow_external)
    findings = list(declared.findings)
    if DatasetName.of_folder(root.name) is None:
        findings.append(
            Finding(
                "SC094",
                "nnU-Net does not find a dataset whose folder is called so, expected Dataset042_Name",
                file=root.name,
                hint="rename the folder",
            )
        )
    history = History.read(root, findings, external=allow_external)
    external = allow_external or history.links_away
    cases = take_inventory(root, declared, findings, external=external)
    findings += same_names(cases)
    if not any(files.split == TRAIN for files in cases):
        findings.append(Finding("SC011", "no training case can be looked at", file="imagesTr"))
    findings += history.compare(cases)
    facts = Facts(declared.channel_names, declared.labels)
    whole = _Whole(cases, declared.ending or "")
    coded = CodedSet(facts.names, value_names(declared.labels) if declared.labels is not None else None)
    for report in _in_order(_reports(root, declared, cases, history, external, quick, workers)):
        files = cases[report.number]
        findings += report.findings
        facts.add(report, files)
        whole.add(report, files)
        coded.add(report.coded, files)
    findings += whole.duplicates()
    findings += coded.findings()
    findings += whole.tested_patients(history)
    findings += facts.findings(complete=facts.labelled == facts.cases[TRAIN] > 0)
    findings += _folds(root, splits, whole, history, facts, external=allow_external)
    findings.sort(key=lambda finding: finding.severity != "error")  # keeps the order otherwise
    return Report(tuple(findings), len(cases), {**facts.as_json(), "patients": whole.patients(history)})


class _Whole:
    """What is kept of every case: the hash of its images, and which values its label holds."""

    def __init__(self, cases: list[CaseFiles], ending: str) -> None:
        self.cases = cases
        self.ending = ending
        self.digests: dict[int, bytes] = {}
        self.present: dict[str, frozenset[int]] = {}
        self._sets: dict[frozenset[int], frozenset[int]] = {}

    def add(self, report: CaseReport, files: CaseFiles) -> None:
        if len(report.digests) == len(files.images):
            self.digests[report.number] = b"".join(report.digests)
        if report.label_voxels is not None and files.split == TRAIN:
            values = frozenset(report.label_voxels)
            self.present[files.case] = self._sets.setdefault(values, values)  # most cases hold the same

    @property
    def training(self) -> list[str]:
        """The training cases."""
        return [files.case for files in self.cases if files.split == TRAIN]

    def duplicates(self) -> list[Finding]:
        """Return a warning for each case whose images are those of another."""
        first: dict[bytes, CaseFiles] = {}
        findings = []
        for number, digest in self.digests.items():
            files = self.cases[number]
            other = first.setdefault(digest, files)
            if other is not files:
                seen = "a training case, so that its score says nothing" if files.split == TEST else "trained on twice"
                findings.append(
                    warning(
                        "SC088",
                        f"has the same content as {other.images[0]}: {seen}"
                        if other.split == TRAIN
                        else f"has the same content as {other.images[0]}",
                        file=files.images[0],
                        hint="remove one of them",
                    )
                )
        return findings

    def patients(self, history: History) -> str:
        """Return what is known of the patients, and what that means for folds, in words."""
        known = {record.case: record for record in history.cases if record.split == TRAIN}
        records, evidence = with_guessed_patients([known.get(case) or CaseRecord(case) for case in self.training])
        return patients_in_words([record.patient for record in records], evidence, NAMES_PATIENTS)

    def tested_patients(self, history: History) -> list[Finding]:
        """Return a warning if test cases are of patients that are in training as well, by record or by name."""
        known = {record.case: record for record in history.cases}
        found = [
            replace(known.get(files.case) or CaseRecord(files.case), split=files.split)
            for files in self.cases
            if files.split in (TRAIN, TEST)
        ]
        evidence = ""
        if not any(record.patient for record in found):
            found, evidence = with_guessed_patients([replace(record, split=TRAIN) for record in found])
        patients = {record.case: record.patient for record in found}
        training = [patients[files.case] for files in self.cases if files.split == TRAIN]
        testing = [(files.images[0], patients[files.case]) for files in self.cases if files.split == TEST]
        return judge_tested_patients(training, testing, evidence)

    def records(self, history: History) -> list[CaseRecord]:
        """Return what folds are judged by: patients and copies of the lineage, content as it was read."""
        known = {record.case: record for record in history.cases if record.split == TRAIN}
        found = []
        for number, files in enumerate(self.cases):
            if files.split != TRAIN:
                continue
            record = known.get(files.case) or CaseRecord(files.case)
            if number in self.digests:
                hashes = [self.digests[number].hex()]
            else:
                written = history.written(files, self.ending)[: len(files.images)]
                hashes = [one.sha256.hex() for one in written if one is not None]
            content = [{"path": "images", "sha256": sha256} for sha256 in hashes]
            found.append(CaseRecord(record.case, TRAIN, record.patient, record.parent, targets=content))
        return found


def _reports(
    root: Path,
    declared: Declaration,
    cases: list[CaseFiles],
    history: History,
    external: bool,
    quick: bool,
    workers: Workers,
) -> Iterator[CaseReport]:
    """Yield the reports of all cases as they come."""
    names, labels = declared.channel_names, declared.labels
    rules = Rules(
        str(root),
        external,
        (declared.ending or "").lower(),
        declared.readers,
        len(names) if names is not None else None,
        frozenset(labels.values) if labels is not None else None,
        _learned(labels),
        reader_taken(declared.readers, _first_image(root, declared, cases)),
    )
    look = QuickCheck(rules) if quick else FullCheck(rules)
    if workers.backend is None:
        workers = replace(workers, jobs=_worthwhile(root, cases, workers.jobs, quick))
    if not quick:
        workers = within_memory(workers, cases, *_sizes(root))
    ending = declared.ending or ""
    assigned = (Assigned(n, files, history.written(files, ending)) for n, files in enumerate(cases))
    workers.progress.start(len(cases), 0)
    try:
        for report in each(look, assigned, jobs=workers.jobs, backend=workers.backend, tell=workers.progress.note):
            yield report
            workers.progress.advance(cases[report.number].case)
    finally:
        workers.progress.stop()


def _first_image(root: Path, declared: Declaration, cases: list[CaseFiles]) -> Header | None:
    """Return the header of the first image, by which nnU-Net chooses a reader; None if it cannot be read."""
    first = next((files.images[0] for files in cases if files.split == TRAIN and files.images), None)
    if first is None or not (declared.ending or "").lower().startswith(".tif"):
        return None
    try:
        return probe(str(root / first)).header
    except SegconvError:
        return None


def _worthwhile(root: Path, cases: list[CaseFiles], jobs: int, quick: bool) -> int:
    """Return how many workers are worth their start, which takes what a second of work does."""
    seconds = 0.0
    for files in cases:
        for name in files.files:
            seconds += _HEADER_S if quick else _FILE_S
            seconds += 0 if quick else reading.size_if_there(root / name) * _BYTE_S
        if seconds > jobs:
            return jobs
    return max(1, int(seconds))


def _sizes(root: Path) -> tuple[Callable[[CaseFiles], int], Callable[[CaseFiles], int]]:
    """Return what tells the size of a case on the disk, and what its largest file decodes to."""

    def there(files: CaseFiles) -> list[str]:
        return [path for name in files.files if os.path.isfile(path := os.path.join(root, name))]

    return (
        lambda files: sum(map(reading.size_if_there, there(files))),
        lambda files: max((decoded_bytes(os.path.realpath(path)) for path in there(files)), default=0),
    )


def _in_order(reports: Iterator[CaseReport]) -> Iterator[CaseReport]:
    """Yield reports by number; those that are early wait, which are few."""
    waiting: dict[int, CaseReport] = {}
    due = 0
    for report in reports:
        waiting[report.number] = report
        while due in waiting:
            yield waiting.pop(due)
            due += 1


def _folds(
    root: Path, preprocessed: Path | None, whole: _Whole, history: History, facts: Facts, *, external: bool
) -> list[Finding]:
    """Judge the folds of the dataset, and those of the preprocessed one."""
    findings: list[Finding] = []
    read: list[Splits] = []
    records = whole.records(history)
    guessed, evidence = with_guessed_patients(records)
    present = whole.present or history.present
    found = [(root / SPLITS, SPLITS)] + ([(preprocessed, str(preprocessed))] if preprocessed is not None else [])
    there = [(path, shown) for path, shown in found if reading.is_there(path, links_followed=False)]
    for path, shown in there:
        wrong = unusable(str(path), shown, root, external or path == preprocessed)
        if wrong is not None:
            findings.append(wrong)
            continue
        try:
            folds = read_folds(path, shown, findings)
        except SegconvError as error:
            findings += error.findings
            continue
        if read and _same(read[0], folds):
            continue
        if read:
            findings.append(
                Finding(
                    "SC099",
                    f"holds other folds than {SPLITS} of the dataset, which nnU-Net refuses to plan with",
                    file=shown,
                    hint="remove one of them; models were trained with the one of the preprocessed data",
                )
            )
        read.append(folds)
        findings += judge_folds(folds, shown, whole.training, records, facts.classes, present)
        if evidence:
            findings += judge_guessed_patients(folds, shown, records, guessed, evidence)
    if not there:
        findings += judge_default_folds(whole.training, guessed, guessed=bool(evidence))
    return findings


def _same(dataset: Splits, preprocessed: Splits) -> bool:
    """Return whether nnU-Net plans with both: it allows the preprocessed dataset more folds."""
    return len(dataset) <= len(preprocessed) and all(
        set(one[part]) == set(other[part])
        for one, other in zip(dataset, preprocessed, strict=False)
        for part in ("train", "val")
    )


def _learned(labels: Labels | None) -> frozenset[int]:
    return frozenset() if labels is None else frozenset(labels.values) - {0, labels.ignore or 0}
