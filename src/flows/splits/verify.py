"""Verify folds of any origin: what leaks, by name, and what does not fit the cases of the dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...dataset.layout import Dataset
from ...dataset.leakage import CHAIN, CONTENT, COPY, PATIENT, SAME, SYNTHETIC, Leak, find_leaks
from ...errors import Finding
from ...review.check.fold_check import FoldFile, Training, judge_folds
from ...train.paths import Paths
from ...words import count_of, some_of
from ...work.readers import ONE, Readers
from .certificate import Certificate
from .evidence import Evidence, read
from .found import Found, find_splits

BY = {
    COPY: "have a copy or their original in training",
    PATIENT: "are of a patient in training",
    CONTENT: "have the bytes of an image in training",
    CHAIN: "are tied to training by a third case",
    SYNTHETIC: "are augmented copies",
}
"""Kind of a leak → what its cases have in common; a case on both sides has a finding of its own."""


@dataclass(frozen=True)
class Verified:
    """Verified folds.

    Parameters
    ----------
    certificate
        What was checked, and the verdict.
    findings
        Leaks, cases and classes that do not fit.
    """

    certificate: Certificate
    findings: tuple[Finding, ...]


def verify_splits(dataset: Dataset, paths: Paths, *, file: Path | None = None, readers: Readers = ONE) -> Verified:
    """Verify the folds of a dataset; nothing is written.

    Every image and label is read once, for its hash.

    Parameters
    ----------
    file
        A ``splits_final.json``; by default what `find_splits` finds.
    readers
        How files are read.

    Raises
    ------
    SegconvError
        What `find_splits` and `evidence.read` raise; ``SC062`` if the dataset is replaced meanwhile.
    """
    with dataset.unchanged():
        found = find_splits(dataset, paths, file)
        evidence = read(dataset, readers)
    certain = find_leaks(found.folds, evidence.records)
    return Verified(
        Certificate(evidence, found, certain, _suspected(found, evidence, certain)),
        _advised((*_leaking(certain, found), *_fit(found, evidence)), found),
    )


def _suspected(found: Found, evidence: Evidence, certain: Sequence[Leak]) -> list[Leak]:
    """Return the leaks that only guessed patients show."""
    known = {(leak.fold, leak.case) for leak in certain}
    guessed = find_leaks(found.folds, evidence.guessed) if evidence.guessed_from else []
    return [leak for leak in guessed if (leak.fold, leak.case) not in known]


def _leaking(leaks: Sequence[Leak], found: Found) -> Iterator[Finding]:
    """Yield an error for each fold and kind of leak."""
    of: dict[tuple[int, str], list[Leak]] = defaultdict(list)
    for leak in leaks:
        of[leak.fold, leak.kind].append(leak)
    file = _file(found)
    for (number, kind), own in of.items():
        if kind != SAME:
            total = len(found.folds[number]["val"])
            named = some_of(f"{leak.case} of {leak.known_as}" if kind == SYNTHETIC else _pair(leak) for leak in own)
            yield file.error(
                "SC095", f"fold {number}: {len(own)} of {count_of(total, 'validation case')} {BY[kind]}: {named}"
            )


def _pair(leak: Leak) -> str:
    return f"{leak.case} as {leak.known_as}"


def _fit(found: Found, evidence: Evidence) -> Iterator[Finding]:
    """Yield what does not fit the cases and classes, and patients that are only guessed."""
    training = Training(
        [record.case for record in evidence.records],
        (),
        evidence.guessed if evidence.guessed_from else (),
        evidence.guessed_from,
        {value: name for name, values in evidence.classes.items() for value in values},
        evidence.present,
    )
    return judge_folds(found.folds, _file(found), training)


def _advised(findings: Sequence[Finding], found: Found) -> tuple[Finding, ...]:
    """Return the findings with advice that fits: nnU-Net's default folds are in no file that could be removed."""
    if found.path is not None:
        return tuple(findings)
    return tuple(replace(finding, hint="give the dataset folds of its own", cures=()) for finding in findings)


def _file(found: Found) -> FoldFile:
    return FoldFile(found.path or Path(), found.shown)
