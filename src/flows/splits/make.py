"""Make folds of a dataset: groups stay together, each fold gets its part of every class, and copies only train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...dataset.balance import Amounts, balanced
from ...dataset.fold_facts import FoldFacts
from ...dataset.layout import Dataset
from ...dataset.lineage import CaseRecord
from ...dataset.splits import DEFAULT_FOLDS, FILE, Splits, Ties, groups, rank, split_groups
from ...errors import Cure, Finding, SegconvError
from ...words import count_of
from ...work.readers import ONE, Readers
from .evidence import Evidence, read
from .found import Found
from .patients import AS_RECORDED, NamedPatients
from .table import fold_facts
from .verify import misfits

Groups = list[list[CaseRecord]]

VOLUME_COUNTS = 0.5
"""Weight of a class's volume, where its presence has 1: volumes differ so much that they would decide everything."""


@dataclass(frozen=True)
class NewSplits:
    """Folds that are made and not written.

    Parameters
    ----------
    dataset
        The dataset.
    folds
        The folds.
    facts
        What is in each.
    said
        How many folds there are and why, in words.
    evidence
        What is known of the cases: patients, and near-identical images.
    findings
        What is odd, such as a class that is rarer than the folds.
    options
        What determines the folds, for the lineage.
    """

    dataset: Dataset
    folds: Splits
    facts: Sequence[FoldFacts]
    said: str
    evidence: Evidence
    findings: Sequence[Finding]
    options: Mapping[str, Any]


def plan_splits(
    dataset: Dataset,
    *,
    folds: int | None = None,
    seed: int = 0,
    patients: NamedPatients = AS_RECORDED,
    group_by: str | None = None,
    hold_out: float | None = None,
    alike: bool = True,
    readers: Readers = ONE,
) -> NewSplits:
    """Make folds of a dataset; nothing is written.

    Cases are together in a group if they are of one patient, copies of one another, or have identical or near-identical
    images. Patients are those that the user names, otherwise those recorded, otherwise those that the names of all
    cases suggest.

    Parameters
    ----------
    folds
        Number of folds; by default five, or one for each group if there are fewer.
    seed
        Determines the folds, together with the cases.
    patients
        Those that the user names count instead of those recorded.
    group_by
        Regular expression that finds, in the name of a case, what else must stay in one fold, such as a site. By
        default there is a fold for each: leave-one-site-out.
    hold_out
        Part of the cases, 0 to 1, that no fold trains on: one more fold, the last one, trains on all others and
        validates these. nnU-Net has no other way to score cases of a dataset that no fold learns from.
    alike
        Keep near-identical images together.
    readers
        How files are read.

    Raises
    ------
    SegconvError
        ``SC114`` if there are fewer groups than folds, or fewer than two, or all are too large to be held out; what
        `evidence.read` and `NamedPatients.of` raise; ``SC062`` if the dataset is replaced meanwhile; `Dataset.no_case`.
    """
    with dataset.unchanged():
        if not dataset.cases():
            raise dataset.no_case("training case")
        evidence = read(dataset, readers, patients, alike=alike)
    also = evidence.alike if group_by is None else _with_origins(evidence, group_by)
    together = [group for group in groups(evidence.guessed, also=also) if _originals(group)]
    held, rest = _held_out(together, evidence, seed, hold_out) if hold_out is not None else ([], together)
    count = _number(folds, len(rest), DEFAULT_FOLDS if group_by is None else len(rest))
    made = _folds(_dealt(rest, evidence, seed, [1 / count] * count), held, evidence.records)
    return NewSplits(
        dataset,
        made,
        fold_facts(made, evidence),
        _said(count, folds, rest, held),
        evidence,
        _remaining(made, evidence),
        {
            "folds": count,
            "seed": seed,
            "patients": evidence.patients_from,
            "group_by": group_by,
            "hold_out": hold_out,
            "near_identical": alike,
        },
    )


def _folds(dealt: Sequence[Groups], held: Groups, records: Sequence[CaseRecord]) -> Splits:
    """Return the folds that validate the groups dealt to each, and one more that validates those held out."""
    out = {record.case for group in held for record in group}
    made = split_groups(dealt, [record for record in records if record.case not in out])
    return [*made, *split_groups([held], records)] if held else made


def _remaining(made: Splits, evidence: Evidence) -> list[Finding]:
    """Return what does not fit the new folds; the usual advice would be to make new ones."""
    found = misfits(Found(made, evidence.dataset.path / FILE), evidence)
    return [replace(finding, hint="make fewer folds, or add cases", cures=()) for finding in found]


def _held_out(together: Groups, evidence: Evidence, seed: int, part: float) -> tuple[Groups, Groups]:
    """Return the groups that are held out, about a part of everything, and the others."""
    held, rest = _dealt(together, evidence, seed, [part, 1 - part])
    if not held:
        cases = min((len(_originals(group)) for group in together), default=0)
        raise SegconvError(
            f"no group of cases that belong together is small enough to hold out {part:.3g} of them: each has at least"
            f" {count_of(cases, 'case')}",
            code="SC114",
            hint="hold out more",
        )
    return held, rest


def _dealt(together: Groups, evidence: Evidence, seed: int, shares: Sequence[float]) -> list[Groups]:
    """Return the groups of each fold, which gets its share of everything."""
    ranks = [rank(seed, min(record.case for record in group)) for group in together]
    weights = _weights(len(evidence.classes))
    unlike = shares if len(set(shares)) > 1 else None
    fold_of = balanced(_amounts(together, evidence), len(shares), ranks, weights=weights, shares=unlike)
    return [[group for group, own in zip(together, fold_of, strict=True) if own == fold] for fold in range(len(shares))]


def _originals(group: Sequence[CaseRecord]) -> list[CaseRecord]:
    return [record for record in group if record.parent is None]


def _with_origins(evidence: Evidence, pattern: str) -> Ties:
    """Return what ties near-identical cases together, and cases of one origin."""
    origins = NamedPatients(pattern=pattern, what="sites").of(evidence.records)
    return {record.case: [("origin", record.patient or ""), *evidence.alike.get(record.case, ())] for record in origins}


def _number(wanted: int | None, available: int, usual: int) -> int:
    if available < max(wanted or 2, 2):
        raise SegconvError(
            f"{wanted or 2} folds need {wanted or 2} groups of cases that belong together, not {available}",
            code="SC114",
            hint="ask for fewer folds" if wanted is not None and available >= 2 else "",
            cures=[Cure.of("train_on_all")],
        )
    return min(wanted or usual, available)


def _amounts(together: Groups, evidence: Evidence) -> Amounts:
    """Return, for each group: its cases, its cases with each class, and the voxels of each class."""
    group_of, rows = [], []
    for number, group in enumerate(together):
        own = [evidence.row_of[record.case] for record in _originals(group)]
        group_of += [number] * len(own)
        rows += own
    voxels = evidence.class_voxels[rows]
    found = np.zeros((len(together), 1 + 2 * voxels.shape[1]))
    np.add.at(found, group_of, np.hstack([np.ones((len(rows), 1)), voxels > 0, voxels]))
    return found


def _weights(classes: int) -> list[float]:
    return [1.0] * (1 + classes) + [VOLUME_COUNTS] * classes


def _said(count: int, wanted: int | None, rest: Groups, held: Groups) -> str:
    why = f", as there are only {count} groups" if wanted is None and count < DEFAULT_FOLDS else ""
    said = f"{count} folds of {count_of(_size(rest), 'case')} in {count_of(len(rest), 'group')}{why}"
    if held:
        said += f"; fold {count} trains on all of them, and validates {count_of(_size(held), 'case')} held out from all"
    return said


def _size(together: Groups) -> int:
    return sum(len(_originals(group)) for group in together)
