"""The folds of a dataset for its report: what is in each, and what leaks, from files that were read already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..dataset.layout import Dataset
from ..dataset.leakage import Leak, find_leaks
from ..dataset.lineage import TRAIN, CaseRecord
from ..dataset.patient_rules import with_guessed_patients
from ..errors import SegconvError
from ..review.report.facts import Case
from ..review.report.folds import Folds
from ..review.report.gathered import Content
from ..train.paths import Paths
from ..words import some_of
from .splits.certificate import CLEAN, LEAKS, SUSPECTED
from .splits.evidence import Evidence, alike_ties
from .splits.found import Found, find_splits
from .splits.table import fold_facts
from .splits.verify import BY, misfits

_TOO_FEW = "SC114"
_SHOWN_PARTS = 3


def evidence_of(dataset: Dataset, content: Sequence[Content], cases: Sequence[Case]) -> Evidence:
    """Return what is known of the training cases: the lineage, names, and the files as they were just read."""
    known = {record.case: record for record in dataset.records() if record.split == TRAIN}
    read = [one for one in content if one.files.split == TRAIN]
    records = [_with_content(known.get(one.files.case) or CaseRecord(one.files.case), one) for one in read]
    voxels = {case.case: _voxels(case) for case in cases if case.split == TRAIN}
    guessed, why = with_guessed_patients(records)
    return Evidence(dataset, records, voxels, guessed, why, alike=alike_ties(_looks(records, read)))


def _looks(records: Sequence[CaseRecord], content: Sequence[Content]) -> dict[str, tuple[str | None, ...]]:
    """Return the look of each image of the originals; copies are tied to these anyway."""
    both = zip(records, content, strict=True)
    return {record.case: one.looks for record, one in both if record.parent is None}


def _voxels(case: Case) -> dict[int, int]:
    return {int(value): number for value, number in (case.voxels or {}).items()}


def _with_content(record: CaseRecord, content: Content) -> CaseRecord:
    if len(content.digests) != len(content.files.images):
        return replace(record, targets=[])
    own = zip(content.files.images, content.digests, strict=True)
    return replace(record, targets=[{"path": f"images/{name}", "sha256": digest.hex()} for name, digest in own])


def found_folds(evidence: Evidence, paths: Paths) -> Found | None:
    """Return the folds that nnU-Net uses or will make; None if there are too few cases, or a file is no list of folds.

    The check reports what is wrong with a file.
    """
    try:
        return find_splits(evidence.dataset, paths)
    except SegconvError as error:
        if error.code in (_TOO_FEW, "SC099"):
            return None
        raise


def folds_as_facts(found: Found, evidence: Evidence) -> Folds:
    """Return what is in each fold, and every leak in words."""
    certain = find_leaks(found.folds, evidence.records, alike=evidence.alike)
    known = {(leak.fold, leak.case) for leak in certain}
    guessed = find_leaks(found.folds, evidence.guessed, alike=evidence.alike) if evidence.guessed_from else []
    suspected = [leak for leak in guessed if (leak.fold, leak.case) not in known]
    return Folds(
        found.shown if found.path is None else end_of(found.path),
        tuple(replace(one, share=_rounded(one.share)) for one in fold_facts(found.folds, evidence)),
        LEAKS if certain else SUSPECTED if suspected else CLEAN,
        (*_in_words(certain, found), *_in_words(suspected, found, " if names say which cases are of one patient")),
        tuple(finding.message for finding in misfits(found, evidence)),
    )


def _rounded(share: Mapping[str, float]) -> dict[str, float]:
    return {name: round(part, 4) for name, part in share.items()}


def _in_words(leaks: Iterable[Leak], found: Found, condition: str = "") -> Iterable[str]:
    """Yield a sentence for each fold and kind of leak."""
    of: dict[tuple[int, str], list[Leak]] = defaultdict(list)
    for leak in leaks:
        of[leak.fold, leak.kind].append(leak)
    for (number, kind), own in of.items():
        if kind in BY:
            total = len(found.folds[number]["val"])
            named = some_of(f"{leak.case} as {leak.known_as}" for leak in own)
            yield f"fold {number}: {len(own)} of {total} validation cases {BY[kind]}{condition}: {named}"


def end_of(path: Path | None) -> str:
    """Return the last folders of a path and its name: a page may go to others, who need not know the rest."""
    return "" if path is None else "/".join(path.absolute().parts[-_SHOWN_PARTS:])


def validated_in(found: Found | None) -> Mapping[str, tuple[int, ...]]:
    """Return case → numbers of the folds that validate it."""
    of: dict[str, list[int]] = defaultdict(list)
    for number, fold in enumerate(found.folds if found is not None else ()):
        for case in fold["val"]:
            of[case].append(number)
    return {case: tuple(numbers) for case, numbers in of.items()}
