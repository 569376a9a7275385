"""Folds that keep what belongs together on one side: copies with their original, cases of one patient, equal content.

The result is nnU-Net's ``splits_final.json``: a list of ``{"train": […], "val": […]}``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Finding, SegconvError, naming
from ..typed import Misfit, entries, many, text
from .lineage import TRAIN, CaseRecord
from .strictjson import loads, read_file

FILE = "splits_final.json"
PARTS = ("train", "val")
DEFAULT_FOLDS = 5
DEFAULT_SEED = 12345
"""The seed that nnU-Net uses for its own folds."""

NEW_FOLDS = "segconv convert FOLDER --to 43_New makes folds that keep together what belongs together"
"""What to do where a dataset has no folds."""

Splits = list[dict[str, list[str]]]


def parse_splits(found: Any) -> Splits:
    """Return the folds of a parsed ``splits_final.json``.

    Raises
    ------
    SegconvError
        ``SC099`` if they are no list of ``{"train": […], "val": […]}``.
    """
    try:
        folds = _folds(found)
    except Misfit as misfit:
        raise SegconvError(f"is no list of folds, each with train and val: {misfit}", code="SC099") from None
    return [{part: fold[part] for part in PARTS} for fold in folds]


_folds = many(entries({part: many(text) for part in PARTS}), least=1)


def read_splits(path: Path) -> Splits:
    """Return the folds of a ``splits_final.json``.

    Raises
    ------
    SegconvError
        What `parse_splits`, `strictjson.loads` and `strictjson.read_file` raise.
    """
    with naming(str(path)):
        return parse_splits(loads(read_file(path)))


def groups(records: Iterable[CaseRecord]) -> list[list[CaseRecord]]:
    """Return the training cases in groups that must not be separated.

    Two cases belong together if one is a copy of the other or both of a third, if they are of one
    patient, or if one file of theirs has the same content.
    """
    members = [record for record in records if record.split == TRAIN]
    root = list(range(len(members)))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    first: dict[tuple[str, str], int] = {}
    for i, record in enumerate(members):
        keys = [("case", record.parent or record.case)]
        if record.patient is not None:
            keys.append(("patient", record.patient))
        # Labels may well be equal (all background); images may not.
        keys += [("content", str(t["sha256"])) for t in record.targets if str(t["path"]).startswith("images")]
        for key in keys:
            if key in first:
                root[find(i)] = find(first[key])
            else:
                first[key] = i
    together: dict[int, list[CaseRecord]] = {}
    for i, record in enumerate(members):
        together.setdefault(find(i), []).append(record)
    return list(together.values())


def make_splits(records: Iterable[CaseRecord], *, folds: int = DEFAULT_FOLDS, seed: int = DEFAULT_SEED) -> Splits:
    """Return folds over whole groups; augmented copies are trained on, never validated on.

    Parameters
    ----------
    records
        The lineage; test cases are left out.
    folds
        Number of folds; as many as there are groups if those are fewer.
    seed
        Decides the order in which groups are dealt out, by a hash of seed and case, so that a case
        that is added later moves as few others as possible.

    Returns
    -------
    splits
        Empty if there are fewer than two groups, which cannot be split.
    """
    dealt = sorted(groups(records), key=lambda group: _rank(seed, min(record.case for record in group)))
    count = min(folds, len(dealt))
    if count < 2:
        return []
    fold_of: list[list[list[CaseRecord]]] = [[] for _ in range(count)]
    sizes = np.zeros(count, dtype=int)
    # Largest first, each to the fold that has least: folds stay even when groups are not.
    for group in sorted(dealt, key=_originals, reverse=True):
        smallest = int(np.argmin(sizes))
        fold_of[smallest].append(group)
        sizes[smallest] += max(_originals(group), 1)
    everything = [record for group in dealt for record in group]
    splits: Splits = []
    for fold in fold_of:
        held_back = {record.case for group in fold for record in group}
        splits.append(
            {
                "train": sorted(record.case for record in everything if record.case not in held_back),
                "val": sorted(record.case for group in fold for record in group if record.parent is None),
            }
        )
    return splits


def with_copies(splits: Sequence[dict[str, list[str]]], records: Iterable[CaseRecord]) -> Splits:
    """Return the folds of a dataset with copies of its cases: each is trained on where its original is.

    Parameters
    ----------
    splits
        Folds of the originals.
    records
        Of originals and copies; cases that are not among them are left out.
    """
    members = [record for record in records if record.split == TRAIN]
    return [
        {
            "train": sorted(record.case for record in members if (record.parent or record.case) in train),
            "val": sorted(record.case for record in members if record.case in val and record.parent is None),
        }
        for train, val in ((set(fold["train"]), set(fold["val"])) for fold in splits)
    ]


def leaks(splits: Sequence[dict[str, list[str]]], records: Iterable[CaseRecord]) -> list[Finding]:
    """Return an error for each fold in which a group stands on both sides, or validation holds a copy."""
    findings: list[Finding] = []
    records = list(records)
    copies = {record.case: record.parent for record in records if record.parent is not None}
    group_of = {record.case: i for i, group in enumerate(groups(records)) for record in group}
    for number, fold in enumerate(splits):
        train = {group_of[case] for case in fold["train"] if case in group_of}
        mixed = [case for case in fold["val"] if group_of.get(case) in train]
        if mixed:
            findings.append(
                Finding(
                    "SC095",
                    f"fold {number}: {len(mixed)} of {len(fold['val'])} validation cases have a copy, their patient "
                    f"or their content in training, the first is {mixed[0]}",
                    file=FILE,
                    hint=f"remove the file: {NEW_FOLDS}",
                )
            )
        synthetic = [case for case in fold["val"] if case in copies]
        if synthetic:
            findings.append(
                Finding(
                    "SC095",
                    f"fold {number}: {len(synthetic)} validation cases are augmented copies, the first is "
                    f"{synthetic[0]} of {copies[synthetic[0]]}",
                    file=FILE,
                    hint=f"remove the file: {NEW_FOLDS}",
                )
            )
    return findings


def _originals(group: list[CaseRecord]) -> int:
    return sum(record.parent is None for record in group)


def _rank(seed: int, case: str) -> bytes:
    return hashlib.sha256(f"{seed}:{case}".encode()).digest()
