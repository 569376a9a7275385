"""Whether folds go with the cases of a dataset: every name known, nothing on both sides, every class to be learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...dataset.lineage import CaseRecord
from ...dataset.splits import DEFAULT_FOLDS, FILE, NEW_FOLDS, PARTS, Splits, groups, leaks, parse_splits
from ...dataset.strictjson import loads, read_file
from ...errors import Finding, SegconvError, naming, warning
from ..opened import judge_mark
from .inventory import several


def read_folds(path: Path, shown: str, findings: list[Finding]) -> Splits:
    """Return the folds of a file.

    Parameters
    ----------
    shown
        What messages call the file.
    findings
        Is added to.

    Raises
    ------
    SegconvError
        ``SC099`` if they are not a list of ``{"train": […], "val": […]}``, ``SC086`` for what is no
        JSON, ``SC030`` or ``SC061`` if the file cannot be read or is none.
    """
    with naming(shown):
        try:
            data = read_file(path)
            folds = parse_splits(loads(data))
        except SegconvError as error:
            error.file, error.hint = shown, error.hint or (_cure(shown) if error.code == "SC099" else "")
            raise
        findings += judge_mark(data, shown)
        return folds


def judge_folds(
    folds: Splits,
    shown: str,
    cases: Iterable[str],
    records: Sequence[CaseRecord],
    classes: Mapping[int, str],
    present: Mapping[str, frozenset[int]],
) -> list[Finding]:
    """Return what is wrong with folds.

    Parameters
    ----------
    shown
        What messages call the file.
    cases
        The training cases.
    records
        Their lineage: patients, copies, and the content of images.
    classes
        Value → name of what is learned.
    present
        Case → values that its label holds; empty if that is not known.
    """
    known = set(cases)
    findings = [finding for number, fold in enumerate(folds) for finding in _judge_fold(number, fold, shown, known)]
    findings += [Finding(f.code, f.message, hint=_cure(shown), file=shown) for f in leaks(folds, records)]
    used = {case for fold in folds for part in PARTS for case in fold[part]}
    if forgotten := known - used:
        findings.append(
            warning(
                "SC099",
                f"{len(forgotten)} cases are in no fold, and never trained on: {several(forgotten)}",
                file=shown,
                hint=_cure(shown),
            )
        )
    validated = Counter(case for fold in folds for case in set(fold["val"]))
    if twice := [case for case, number in validated.items() if number > 1]:
        findings.append(
            warning(
                "SC099",
                f"{len(twice)} cases are validated in several folds, which nnU-Net cannot pool: {several(twice)}",
                file=shown,
                hint=_cure(shown),
            )
        )
    if present:
        findings += _absent_classes(folds, shown, classes, present)
    return findings


def judge_default_folds(cases: Sequence[str], records: Sequence[CaseRecord], *, guessed: bool = False) -> list[Finding]:
    """Return what is wrong with the folds that nnU-Net makes where there are none: five, of single cases.

    Parameters
    ----------
    records
        Their lineage: patients, copies, and the content of images.
    guessed
        Whether names alone tell the patients.
    """
    findings = []
    if together := [group for group in groups(records) if len(group) > 1]:
        first = sorted(record.case for record in together[0])
        # Equal files may be meant; copies and patients are known to belong together.
        meant = any(
            r.parent is not None or (r.patient is not None and not guessed) for group in together for r in group
        )
        findings.append(
            Finding(
                "SC095",
                f"there are no folds, and nnU-Net's own separate what belongs together: {len(together)}"
                f" groups of copies, patients or equal images, the first is {several(first)}",
                file=FILE,
                hint=NEW_FOLDS,
                severity="error" if meant else "warning",
            )
        )
    if 0 < len(cases) < DEFAULT_FOLDS:
        findings.append(
            warning(
                "SC099",
                f"there are no folds, and nnU-Net makes five, for which {len(cases)} cases are too few",
                file=FILE,
                hint=f"{NEW_FOLDS}, or train on all cases: -f all",
            )
        )
    return findings


def judge_guessed_patients(
    folds: Splits, shown: str, known: Sequence[CaseRecord], guessed: Sequence[CaseRecord], evidence: str
) -> list[Finding]:
    """Return a warning if folds have patients on both sides that names tell and nothing declares.

    Parameters
    ----------
    shown
        What messages call the file.
    known, guessed
        The training cases without and with these patients.
    evidence
        What tells them, in words.
    """
    certain = {number for number, fold in enumerate(folds) if leaks([fold], known)}
    patients = {record.case: record.patient for record in guessed}
    mixed = {}
    for number, fold in enumerate(folds):
        training = {patients.get(case) for case in fold["train"]} - {None}
        if number not in certain and (both := [case for case in fold["val"] if patients.get(case) in training]):
            mixed[number] = both
    if not mixed:
        return []
    number, both = next(iter(mixed.items()))
    return [
        warning(
            "SC095",
            f"{len(mixed)} of {len(folds)} folds have patients on both sides, {evidence}: fold {number} validates on"
            f" {len(both)} cases whose patients are in training, the first is {both[0]}",
            file=shown,
            hint=f"{_cure(shown)}, with --patients if names mislead",
        )
    ]


def _cure(shown: str) -> str:
    """Return the way to other folds: those of the preprocessed data come from the dataset."""
    return f"remove the file: {NEW_FOLDS if shown == FILE else 'segconv plan DATASET puts those of the dataset there'}"


def _judge_fold(number: int, fold: Mapping[str, list[str]], shown: str, known: set[str]) -> Iterable[Finding]:
    unknown = {case for part in PARTS for case in fold[part]} - known
    if unknown:
        yield Finding(
            "SC099",
            f"fold {number} names {len(unknown)} cases that are not there: {several(unknown)}",
            file=shown,
            hint=_cure(shown),
        )
    both = set(fold["train"]) & set(fold["val"])
    if both:
        yield Finding(
            "SC095",
            f"fold {number} trains and validates on the same {len(both)} cases: {several(both)}",
            file=shown,
            hint=_cure(shown),
        )
    for part in PARTS:
        if not fold[part]:
            yield Finding("SC099", f"fold {number} has no case in {part}", file=shown, hint=_cure(shown))
        if twice := [case for case, count in Counter(fold[part]).items() if count > 1]:
            yield warning(
                "SC099",
                f"fold {number} names {len(twice)} cases twice in {part}: {several(twice)}",
                file=shown,
                hint=_cure(shown),
            )


def _absent_classes(
    folds: Splits, shown: str, classes: Mapping[int, str], present: Mapping[str, frozenset[int]]
) -> Iterable[Finding]:
    everywhere = frozenset().union(*present.values())
    for number, fold in enumerate(folds):
        for part, what in (("train", "training"), ("val", "validation")):
            held = frozenset().union(*(present.get(case, frozenset()) for case in fold[part]))
            absent = [name for value, name in classes.items() if value in everywhere and value not in held]
            if absent and fold[part]:
                yield warning(
                    "SC099",
                    f"the {what} of fold {number} has no case with {', '.join(absent)}",
                    file=shown,
                    hint=_cure(shown),
                )
