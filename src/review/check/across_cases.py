"""Find what shows only across cases: equal images, and patients in both training and testing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...dataset.lineage import TEST, TRAIN, CaseRecord
from ...dataset.patient_rules import NAMES_PATIENTS, patients_in_words, with_guessed_patients
from ...dataset.tested_patients import judge_tested_patients
from ...errors import Finding, warning
from .case_report import CaseReport
from .fold_check import Training
from .history import History
from .inventory import DatasetCase


class AcrossCases:
    """What is kept per case until all are read: hashes of the images, and the values in the label.

    Parameters
    ----------
    cases
        All cases.
    ending
        Ending of their files.
    history
        Their lineage.
    """

    def __init__(self, cases: list[DatasetCase], ending: str, history: History) -> None:
        self.cases = cases
        self._ending = ending
        self._history = history
        self._records = {record.case: record for record in history.cases}
        self._training_records = {record.case: record for record in history.cases if record.split == TRAIN}
        self._digests: dict[int, bytes] = {}
        self._present: dict[str, frozenset[int]] = {}
        self._sets: dict[frozenset[int], frozenset[int]] = {}

    def add(self, report: CaseReport, files: DatasetCase) -> None:
        """Add a case."""
        if len(report.digests) == len(files.images):
            self._digests[report.number] = b"".join(report.digests)
        if report.label_voxels is not None and files.split == TRAIN:
            values = frozenset(report.label_voxels)
            self._present[files.case] = self._sets.setdefault(values, values)  # most cases hold the same values

    def duplicates(self) -> Iterator[Finding]:
        """Yield a warning for each case whose images equal those of an earlier one."""
        first: dict[bytes, DatasetCase] = {}
        for number, digest in self._digests.items():
            files = self.cases[number]
            other = first.setdefault(digest, files)
            if other is files:
                continue
            effect = ""
            if other.split == TRAIN:
                tested = files.split == TEST
                effect = ", a training case: its score means nothing" if tested else ": trained on twice"
            yield warning(
                "SC088",
                f"has the same content as {other.images[0]}{effect}",
                file=files.images[0],
                hint="remove one of them",
            )

    def patients(self) -> str:
        """Describe the known patients of training cases, and the consequences for folds."""
        known = self._training_records
        records, evidence = with_guessed_patients([known.get(case) or CaseRecord(case) for case in self._training])
        return patients_in_words([record.patient for record in records], evidence, NAMES_PATIENTS)

    def tested_patients(self) -> list[Finding]:
        """Return a warning if patients of test cases are also in training, by the lineage or by names."""
        used = [files for files in self.cases if files.split in (TRAIN, TEST)]
        records = [self._records.get(files.case) or CaseRecord(files.case) for files in used]
        evidence = ""
        if not any(record.patient for record in records):
            records, evidence = with_guessed_patients([replace(record, split=TRAIN) for record in records])
        patients = {record.case: record.patient for record in records}
        testing = [(files.images[0], patients[files.case]) for files in used if files.split == TEST]
        return judge_tested_patients([patients[case] for case in self._training], testing, evidence)

    def training(self, classes: dict[int, str]) -> Training:
        """Return the facts that folds are judged by; `classes` is value → name of the learned classes."""
        records = [self._record(number, files) for number, files in enumerate(self.cases) if files.split == TRAIN]
        guessed, evidence = with_guessed_patients(records)
        present = self._present or self._history.present
        return Training(self._training, records, guessed, evidence, classes, present)

    @property
    def _training(self) -> list[str]:
        return [files.case for files in self.cases if files.split == TRAIN]

    def _record(self, number: int, files: DatasetCase) -> CaseRecord:
        """Return patient and origin of a training case from the lineage, and its content as read, or as recorded."""
        record = self._training_records.get(files.case) or CaseRecord(files.case)
        if number in self._digests:
            hashes = [self._digests[number].hex()]
        else:
            written = self._history.written(files, self._ending)[: len(files.images)]
            hashes = [one.sha256.hex() for one in written if one is not None]
        content = [{"path": "images", "sha256": sha256} for sha256 in hashes]
        return CaseRecord(record.case, TRAIN, record.patient, record.parent, targets=content)
