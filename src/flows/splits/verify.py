"""Verify folds of any origin: what leaks, by name, and what does not fit the cases of the dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...dataset.layout import Dataset
from ...dataset.leakage import ALIKE, CHAIN, CONTENT, COPY, PATIENT, SAME, SYNTHETIC, Leak, find_leaks
from ...errors import Cure, Finding
from ...review.check.fold_check import FoldFile, Training, judge_folds
from ...train.paths import Paths
from ...words import count_of, some_of
from ...work.readers import ONE, Readers
from .certificate import Certificate
from .evidence import Evidence, read
from .found import Found, find_splits
from .patients import AS_RECORDED, NamedPatients

BY = {
    COPY: "have a copy or their original in training",
    PATIENT: "are of a patient in training",
    CONTENT: "have the bytes of an image in training",
    ALIKE: "have an image that is near-identical to one in training",
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


def verify_splits(
    dataset: Dataset,
    paths: Paths,
    *,
    file: Path | None = None,
    patients: NamedPatients = AS_RECORDED,
    readers: Readers = ONE,
) -> Verified:
    """Verify the folds of a dataset; nothing is written.

    Every image and label is read once, for the hash of its bytes, and images for their perceptual hash.

    Parameters
    ----------
    file
        A ``splits_final.json``; by default what `find_splits` finds.
    patients
        Those that the user names count instead of those recorded.
    readers
        How files are read.

    Raises
    ------
    SegconvError
        What `find_splits` and `evidence.read` raise; ``SC062`` if the dataset is replaced meanwhile.
    """
    with dataset.unchanged():
        found = find_splits(dataset, paths, file)
        evidence = read(dataset, readers, patients)
    certain = find_leaks(found.folds, evidence.records, alike=evidence.alike)
    return Verified(
        Certificate(evidence, found, certain, _suspected(found, evidence, certain)),
        (*_advised(_leaking(certain, found), dataset), *misfits(found, evidence)),
    )


def _suspected(found: Found, evidence: Evidence, certain: Sequence[Leak]) -> list[Leak]:
    """Return the leaks that only guessed patients show."""
    known = {(leak.fold, leak.case) for leak in certain}
    guessed = find_leaks(found.folds, evidence.guessed, alike=evidence.alike) if evidence.guessed_from else []
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


def misfits(found: Found, evidence: Evidence) -> tuple[Finding, ...]:
    """Return what does not fit the cases and classes, and patients on both sides that are only guessed."""
    training = Training(
        [record.case for record in evidence.records],
        (),
        evidence.guessed if evidence.guessed_from else (),
        evidence.guessed_from,
        {value: name for name, values in evidence.classes.items() for value in values},
        evidence.present,
    )
    return _advised(judge_folds(found.folds, _file(found), training), evidence.dataset)


def _advised(findings: Iterable[Finding], dataset: Dataset) -> tuple[Finding, ...]:
    """Return the findings with the advice to make new folds, which needs no new dataset."""
    cure = Cure.of("make_splits", dataset=dataset.name.id)
    return tuple(replace(finding, hint="", cures=(cure,)) for finding in findings)


def _file(found: Found) -> FoldFile:
    return FoldFile(found.path or Path(), found.shown)
