"""Make folds that keep related cases together: copies and their original, cases of one patient, equal content.

The result is nnU-Net's ``splits_final.json``: a list of ``{"train": […], "val": […]}``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import Cure, Finding, SegconvError, naming
from ..typed import Misfit, entries, many, text
from .lineage import TRAIN, CaseRecord
from .strictjson import dumps, loads, read_file

if TYPE_CHECKING:
    from ..work.staging import Staged

FILE = "splits_final.json"
PARTS = ("train", "val")
DEFAULT_FOLDS = 5
DEFAULT_SEED = 12345
"""Seed that nnU-Net uses for its own folds."""

Splits = list[dict[str, list[str]]]


def parse_splits(found: Any) -> Splits:
    """Return the folds of a parsed ``splits_final.json``.

    Raises
    ------
    SegconvError
        ``SC099`` if they are not a list of ``{"train": […], "val": […]}``.
    """
    try:
        folds = _folds(found)
    except Misfit as misfit:
        raise SegconvError(f"is not a list of folds, each with train and val: {misfit}", code="SC099") from None
    return [{part: fold[part] for part in PARTS} for fold in folds]


_folds = many(entries({part: many(text) for part in PARTS}), least=1)


def read_splits(path: Path) -> Splits:
    """Return the folds of a ``splits_final.json``.

    Raises
    ------
    SegconvError
        Any error of `parse_splits`, `strictjson.loads` and `strictjson.read_file`.
    """
    with naming(str(path)):
        return parse_splits(loads(read_file(path)))


def write_splits(staged: Staged, folds: Splits) -> None:
    """Write the folds of a new dataset."""
    staged.write(FILE, dumps(folds))


Ties = Mapping[str, Sequence[tuple[str, str]]]
"""Case → kinds and names of what it shares with others, besides what its record says."""


def groups(records: Iterable[CaseRecord], *, also: Ties | None = None) -> list[list[CaseRecord]]:
    """Return the training cases in groups that must not be separated.

    Two cases belong together if one is a copy of the other or both of a third, if they are of one
    patient, or if any of their files have the same content.

    Parameters
    ----------
    also
        What else ties cases together, such as their site or the look of their images.
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
        for key in (*ties(record), *(also or {}).get(record.case, ())):
            if key in first:
                root[find(i)] = find(first[key])
            else:
                first[key] = i
    together: dict[int, list[CaseRecord]] = {}
    for i, record in enumerate(members):
        together.setdefault(find(i), []).append(record)
    return list(together.values())


def ties(record: CaseRecord) -> Iterator[tuple[str, str]]:
    """Yield what a case shares with those that it must not be separated from."""
    yield "case", record.parent or record.case
    if record.patient is not None:
        yield "patient", record.patient
    for target in record.targets:
        if str(target["path"]).startswith("images"):  # labels may be equal (all background); images may not
            yield "content", str(target["sha256"])


def make_splits(records: Iterable[CaseRecord], *, folds: int = DEFAULT_FOLDS, seed: int = DEFAULT_SEED) -> Splits:
    """Return folds over complete groups; augmented copies are used for training, never for validation.

    Parameters
    ----------
    records
        The lineage; test cases are left out.
    folds
        Number of folds; reduced to the number of groups if that is smaller.
    seed
        Determines the order in which groups are dealt out, by a hash of seed and case, so that adding a case
        later moves as few others as possible.

    Returns
    -------
    splits
        Empty if there are fewer than two groups, which cannot be split.
    """
    dealt = sorted(groups(records), key=lambda group: rank(seed, min(record.case for record in group)))
    count = min(folds, len(dealt))
    if count < 2:
        return []
    fold_of: list[list[list[CaseRecord]]] = [[] for _ in range(count)]
    sizes = np.zeros(count, dtype=int)
    # Largest group first, each to the smallest fold: folds stay even when groups are not.
    for group in sorted(dealt, key=_originals, reverse=True):
        smallest = int(np.argmin(sizes))
        fold_of[smallest].append(group)
        sizes[smallest] += max(_originals(group), 1)
    return [_fold(fold, dealt) for fold in fold_of]


def split_groups(held_back: Iterable[list[list[CaseRecord]]], records: Iterable[CaseRecord]) -> Splits:
    """Return the folds that each validate the originals of some groups, and train on all other records."""
    members = [record for record in records if record.split == TRAIN]
    return [_fold(fold, [members]) for fold in held_back]


def held_out_fold(splits: Sequence[Mapping[str, Sequence[str]]]) -> int | None:
    """Return the last fold if it validates cases that no other fold uses, and trains on what the others validate."""
    *others, last = splits
    used = {case for fold in others for part in PARTS for case in fold[part]}
    validated = {case for fold in others for case in fold["val"]}
    apart = bool(last["val"]) and used.isdisjoint(last["val"])
    return len(others) if apart and validated and validated <= set(last["train"]) else None


def copies_held_out(splits: Splits, records: Iterable[CaseRecord]) -> set[str]:
    """Return the copies, of cases that are held out, that are in no fold, as they must be."""
    number = held_out_fold(splits) if splits else None
    if number is None:
        return set()
    held_out = set(splits[number]["val"])
    copies = {record.case for record in records if record.parent in held_out}
    return copies.difference(case for fold in splits for part in PARTS for case in fold[part])


def _fold(held_back: list[list[CaseRecord]], everything: list[list[CaseRecord]]) -> dict[str, list[str]]:
    """Return a fold that validates on the originals of some groups and trains on all others."""
    out = [record for group in held_back for record in group]
    cases = {record.case for record in out}
    return {
        "train": sorted({record.case for group in everything for record in group} - cases),
        "val": sorted(record.case for record in out if record.parent is None),
    }


def with_copies(splits: Sequence[dict[str, list[str]]], records: Iterable[CaseRecord]) -> Splits:
    """Return the folds of a dataset with copies of its cases: each copy is trained on where its original is.

    Parameters
    ----------
    splits
        Folds of the originals.
    records
        Originals and copies; cases not among them are left out.
    """
    members = [record for record in records if record.split == TRAIN]
    copies = {record.case: record.parent or record.case for record in members}
    originals = {record.case for record in members if record.parent is None}
    made: Splits = []
    for fold in splits:
        train = set(fold["train"])
        kept = sorted(case for case, original in copies.items() if original in train)
        made.append({"train": kept, "val": sorted(originals & set(fold["val"]))})
    return made


def leaks(splits: Sequence[dict[str, list[str]]], records: Iterable[CaseRecord]) -> list[Finding]:
    """Return an error for each fold in which a group is on both sides, or validation holds a copy."""
    records = list(records)
    parents = {record.case: record.parent for record in records}
    group_of = {record.case: i for i, group in enumerate(groups(records)) for record in group}
    findings: list[Finding] = []
    for number, fold in enumerate(splits):
        train = set(map(group_of.get, fold["train"])) - {None}
        if mixed := [case for case in fold["val"] if group_of.get(case) in train]:
            findings.append(
                _leak(
                    f"fold {number}: {len(mixed)} of {len(fold['val'])} validation cases have a copy, their patient "
                    f"or their content in training, the first is {mixed[0]}"
                )
            )
        if synthetic := [case for case in fold["val"] if parents.get(case) is not None]:
            findings.append(
                _leak(
                    f"fold {number}: {len(synthetic)} validation cases are augmented copies, the first is "
                    f"{synthetic[0]} of {parents[synthetic[0]]}"
                )
            )
    return findings


def _leak(what: str) -> Finding:
    return Finding("SC095", what, file=FILE, hint="remove the file", cures=(Cure.of("make_splits"),))


def _originals(group: list[CaseRecord]) -> int:
    return sum(record.parent is None for record in group)


def rank(seed: int, case: str) -> bytes:
    """Return what orders cases by a seed."""
    return hashlib.sha256(f"{seed}:{case}".encode()).digest()
