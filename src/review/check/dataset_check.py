"""Check whether a dataset can be trained on: everything that nnU-Net's own check covers, and what it misses.

Anything that breaks training, or trains something other than intended, is an error; oddities are warnings.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...dataset.labels import Labels
from ...dataset.layout import hold
from ...dataset.lineage import TRAIN
from ...dataset.names import DatasetName
from ...dataset.regions import value_names
from ...errors import Cure, Finding, SegconvError
from ...image.opened import Header, probe
from ...work.held import unchanged
from ...work.interruption import interruptible
from ...work.run_options import ONE_WORKER, Workers, refuse_unfit
from .across_cases import AcrossCases
from .case_check import CaseCheck, FullCheck, QuickCheck, SeenCheck, Witness
from .case_report import CaseReport, Rules
from .coded import CodedSet
from .dataset_json import DatasetJson
from .each_case import check_cases
from .facts import Facts
from .fold_check import judge_fold_files
from .history import History
from .inventory import DatasetCase, same_names, take_inventory
from .readers import reader_taken

How = Callable[[Rules], CaseCheck]
Take = Callable[[DatasetCase, CaseReport], None]


@dataclass(frozen=True)
class Report:
    """The result of a check.

    Parameters
    ----------
    findings
        Errors first; otherwise in the order dataset.json, names and files, each case, all cases together,
        folds. The same for any number of workers.
    cases
        Number of checked cases.
    facts
        What the dataset holds: cases, channels, size, spacing, orientations, labels.
    """

    findings: tuple[Finding, ...]
    cases: int
    facts: Mapping[str, Any]

    @property
    def errors(self) -> int:
        """Number of errors."""
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def warnings(self) -> int:
        """Number of warnings."""
        return len(self.findings) - self.errors

    @property
    def ok(self) -> bool:
        """Whether there are no errors."""
        return not self.errors


def check_dataset(
    path: Path,
    workers: Workers = ONE_WORKER,
    *,
    quick: bool = False,
    allow_external: bool = False,
    splits: Path | None = None,
) -> Report:
    """Check a dataset made by any tool; nothing is written.

    Parameters
    ----------
    path
        Its folder.
    workers
        Workers that read the cases.
    quick
        Check only names and headers.
    allow_external
        Follow links that leave the dataset, and the key ``dataset``, whoever wrote them.
    splits
        Further folds to check: those of the preprocessed dataset, which nnU-Net trains with.

    Raises
    ------
    SegconvError
        What `DatasetJson.read` raises: nothing can be checked without a readable dataset.json.
        ``SC062`` if the dataset is replaced meanwhile.
    Interrupted
        By Ctrl-C or SIGTERM.
    """
    refuse_unfit(quick=quick, allow_external=allow_external)
    root = Path(os.path.realpath(path))
    # The dataset may have just been made: the message must not suggest that it is incomplete.
    with (
        interruptible(
            f"interrupted; {root.name} exists, but was not checked to the end",
            "",
            Cure.of("check", dataset=root),
        ),
        unchanged(hold(root)),
    ):
        return _DatasetCheck(root, allow_external).report(QuickCheck if quick else FullCheck, splits, workers)


def check_seen(
    path: Path,
    witness: Witness,
    workers: Workers = ONE_WORKER,
    *,
    allow_external: bool = False,
    splits: Path | None = None,
) -> Report:
    """Check a dataset while a witness sees the decoded files of every case; the rest is that of `check_dataset`."""
    root = Path(os.path.realpath(path))
    with unchanged(hold(root)):
        check = _DatasetCheck(root, allow_external)
        return check.report(lambda rules: SeenCheck(rules, witness.see), splits, workers, witness.take)


def _leave(files: DatasetCase, report: CaseReport) -> None:
    """Take a case of a check without a witness."""


class _DatasetCheck:
    """Checks one dataset."""

    def __init__(self, root: Path, allow_external: bool) -> None:
        self.root = root
        self.allow_external = allow_external
        self.declared = DatasetJson.read(root, external=allow_external)
        self.history = History.read(root, external=allow_external)
        self.external = allow_external or self.history.links_away
        self.inventory = take_inventory(root, self.declared, external=self.external)
        self.cases = self.inventory.cases
        self.facts = Facts(self.declared.channel_names, self.declared.labels)
        self.across = AcrossCases(self.cases, self.declared.ending or "", self.history)

    def report(self, how: How, splits: Path | None, workers: Workers, take: Take = _leave) -> Report:
        """Return what is found; `how` makes what checks a case, and `take` gets each."""
        findings = list(self._findings(how(self._rules()), splits, workers, take))
        findings.sort(key=lambda finding: finding.severity != "error")  # stable: otherwise keeps the order
        return Report(tuple(findings), len(self.cases), self._described())

    def _findings(self, check: CaseCheck, splits: Path | None, workers: Workers, take: Take) -> Iterator[Finding]:
        """Yield the findings on names, on each case, and on all cases together."""
        yield from self.declared.findings
        yield from _judge_name(self.root)
        yield from self.history.findings
        yield from self.inventory.findings
        yield from same_names(self.cases)
        if not any(files.split == TRAIN for files in self.cases):
            yield Finding("SC011", "there are no usable training cases", file="imagesTr")
        yield from self.history.compare(self.cases)
        coded = self._coded()
        for report in check_cases(check, self.cases, self.history, workers):
            files = self.cases[report.number]
            yield from report.findings
            self.facts.add(report, files)
            self.across.add(report, files)
            coded.add(report.coded, files)
            take(files, report)
        yield from self.across.duplicates()
        yield from coded.findings()
        yield from self.across.tested_patients()
        yield from self.facts.findings()
        training = self.across.training(self.facts.classes)
        yield from judge_fold_files(self.root, splits, training, external=self.allow_external)

    def _described(self) -> Mapping[str, Any]:
        """Return the facts that ``--json`` prints."""
        return {**self.facts.as_json(), "patients": self.across.patients()}

    def _coded(self) -> CodedSet:
        names, labels = self.declared.channel_names or (), self.declared.labels
        return CodedSet(names, value_names(labels) if labels is not None else None)

    def _rules(self) -> Rules:
        declared, names, labels = self.declared, self.declared.channel_names, self.declared.labels
        return Rules(
            str(self.root),
            self.external,
            declared.ending or "",
            declared.readers,
            len(names) if names is not None else None,
            frozenset(labels.values) if labels is not None else None,
            _learned(labels),
            reader_taken(declared.readers, self._first_tiff()),
        )

    def _first_tiff(self) -> Header | None:
        """Return the header of the first image, which decides nnU-Net's reader of TIFF; None if it is unreadable."""
        ending = (self.declared.ending or "").lower()
        first = next((files.images[0] for files in self.cases if files.split == TRAIN and files.images), None)
        if first is None or not ending.startswith(".tif"):
            return None
        try:
            return probe(os.path.realpath(self.root / first))
        except SegconvError:
            return None


def _judge_name(root: Path) -> Iterator[Finding]:
    if DatasetName.of_folder(root.name) is None:
        yield Finding(
            "SC094",
            "nnU-Net does not find a dataset by this name, expected Dataset042_Name",
            file=root.name,
            hint="rename the folder",
        )


def _learned(labels: Labels | None) -> frozenset[int]:
    return frozenset() if labels is None else frozenset(labels.values) - {0, labels.ignore or 0}
