"""Folds as a table: how many cases, copies and patients each has, and how its validation shares the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...dataset.fold_facts import FoldFacts
from ...dataset.layout import Dataset
from ...train.paths import Paths
from ...work.readers import ONE, Readers
from .evidence import Evidence, recorded
from .found import Found, Wanted, find_splits


@dataclass(frozen=True)
class Shown:
    """Folds, and what is in each."""

    found: Found
    folds: Sequence[FoldFacts]


def show_splits(dataset: Dataset, paths: Paths, *, file: Wanted | None = None, readers: Readers = ONE) -> Shown:
    """Return what is in each fold of a dataset; nothing is written.

    Parameters
    ----------
    file
        A ``splits_final.json``, or ``"default"`` for nnU-Net's own folds; otherwise what `find_splits` finds.
    readers
        How labels are read that the lineage has no counts of.

    Raises
    ------
    SegconvError
        What `find_splits` and `evidence.recorded` raise; ``SC062`` if the dataset is replaced meanwhile;
        `Dataset.no_case`.
    """
    with dataset.unchanged():
        if not dataset.cases():
            raise dataset.no_case("training case")
        found = find_splits(dataset, paths, file)
        return Shown(found, fold_facts(found.folds, recorded(dataset, readers)))


def fold_facts(folds: Sequence[Mapping[str, Sequence[str]]], evidence: Evidence) -> list[FoldFacts]:
    """Return what is in each fold; cases that do not exist count as cases without voxels."""
    held = [
        evidence.class_voxels[[evidence.row_of[case] for case in fold["val"] if case in evidence.row_of]]
        for fold in folds
    ]
    whole = np.maximum(sum(own.sum(axis=0) for own in held), 1)
    patients = {record.case: record.patient for record in evidence.guessed}
    copies = {record.case for record in evidence.records if record.parent is not None}
    return [
        FoldFacts(
            len(fold["train"]),
            len(copies.intersection(fold["train"])),
            len(fold["val"]),
            _number_of({patients.get(case) for case in fold["val"]}),
            dict(zip(evidence.classes, np.count_nonzero(own, axis=0).tolist(), strict=True)),
            dict(zip(evidence.classes, (own.sum(axis=0) / whole).tolist(), strict=True)),
        )
        for fold, own in zip(folds, held, strict=True)
    ]


def _number_of(patients: set[str | None]) -> int | None:
    return None if None in patients else len(patients)
