"""Verify folds of any origin: what leaks, by name, and what does not fit the cases of the dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...dataset.layout import Dataset
from ...dataset.leakage import ALIKE, CHAIN, CONTENT, COPY, PATIENT, SAME, SYNTHETIC, Leak
from ...dataset.splits import copies_held_out
from ...errors import Cure, Finding
from ...review.check.fold_check import FoldFile, Training, judge_folds
from ...train.paths import Paths
from ...words import some_of
from ...work.readers import ONE, Readers
from .certificate import Certificate, certified
from .evidence import Evidence, read
from .found import Found, Wanted, find_splits
from .patients import AS_RECORDED, NamedPatients

BY = {
    SAME: "are in training as well",
    COPY: "have a copy or their original in training",
    PATIENT: "are of a patient in training",
    CONTENT: "have the bytes of an image in training",
    ALIKE: "have an image that is near-identical to one in training",
    CHAIN: "are tied to training by a third case",
    SYNTHETIC: "are augmented copies",
}
"""Kind of a leak → what is wrong with its cases."""


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
    file: Wanted | None = None,
    patients: NamedPatients = AS_RECORDED,
    alike: bool = True,
    readers: Readers = ONE,
) -> Verified:
    """Verify the folds of a dataset; nothing is written.

    Every image and label is read once, for the hash of its bytes, and images for their perceptual hash.

    Parameters
    ----------
    file
        A ``splits_final.json``, or ``"default"`` for nnU-Net's own folds; otherwise what `find_splits` finds.
    patients
        Those that the user names count instead of those recorded.
    alike
        Look for near-identical images.
    readers
        How files are read.

    Raises
    ------
    SegconvError
        What `find_splits` and `evidence.read` raise; ``SC062`` if the dataset is replaced meanwhile; `Dataset.no_case`.
    """
    with dataset.unchanged():
        if not dataset.cases():
            raise dataset.no_case("training case")
        found = find_splits(dataset, paths, file)
        evidence = read(dataset, readers, patients, alike=alike)
    certificate = certified(found, evidence)
    return Verified(certificate, (*leaking(certificate, but=[SAME]), *misfits(found, evidence)))


def leaking(certificate: Certificate, *further: Cure, but: Collection[str] = ()) -> tuple[Finding, ...]:
    """Return an error for each kind of leak, in whichever folds.

    Parameters
    ----------
    further
        What to do other than to make new folds.
    but
        Kinds that are left out: `misfits` has a finding of its own for cases on both sides.
    """
    of: dict[str, list[Leak]] = defaultdict(list)
    for leak in certificate.leaks:
        of[leak.kind].append(leak)
    found = certificate.found
    errors = [_leak(found, kind, own) for kind, own in of.items() if kind not in but]
    return _advised(errors, certificate.evidence.dataset, *further)


def _leak(found: Found, kind: str, own: Sequence[Leak]) -> Finding:
    folds = sorted({leak.fold for leak in own})
    which = f"fold{'s' * (len(folds) > 1)} {', '.join(map(str, folds))}"
    if len(folds) == len(found.folds) > 1:
        which = f"all {len(folds)} folds"
    total = sum(len(found.folds[fold]["val"]) for fold in folds)
    named = some_of(f"{leak.case} of {leak.known_as}" if kind == SYNTHETIC else _pair(leak) for leak in own)
    return _file(found).error("SC095", f"{which}: {len(own)} of {total} validation cases {BY[kind]}: {named}")


def _pair(leak: Leak) -> str:
    return f"{leak.case} as {leak.known_as}"


def misfits(found: Found, evidence: Evidence) -> tuple[Finding, ...]:
    """Return what does not fit the cases and classes, and patients on both sides that are only guessed."""
    rightly_unused = copies_held_out(found.folds, evidence.records)
    training = Training(
        [record.case for record in evidence.records if record.case not in rightly_unused],
        (),
        evidence.guessed if evidence.guessed_from else (),
        evidence.guessed_from,
        {value: name for name, values in evidence.classes.items() for value in values},
        evidence.present,
    )
    return _advised(judge_folds(found.folds, _file(found), training), evidence.dataset)


def _advised(findings: Iterable[Finding], dataset: Dataset, *further: Cure) -> tuple[Finding, ...]:
    """Return the findings with the advice to make new folds, which needs no new dataset."""
    cures = (Cure.of("make_splits", dataset=dataset.name.id), *further)
    return tuple(replace(finding, hint="", cures=cures) for finding in findings)


def _file(found: Found) -> FoldFile:
    return FoldFile(found.path or Path(), found.shown)
