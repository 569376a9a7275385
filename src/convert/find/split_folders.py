"""Assign cases of patterns and lists to splits by folders such as train, imagesTs and validation."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from ...dataset.lineage import TEST, TRAIN
from ...words import count_of
from ..survey import Remarks
from .pairs import Pair
from .roles import place_of


def split_by_folders(pairs: Sequence[Pair], remarks: Remarks, declared: Collection[str] = ()) -> list[Pair]:
    """Return the cases in the split that their folders name; an image and a label that disagree become a finding.

    Parameters
    ----------
    declared
        Names of cases whose split the user gave, which is kept.
    """
    found = []
    validation = 0
    above = _above(pairs)
    for pair in pairs:
        places = {folder: place_of(folder.removeprefix(above)) for folder in _folders(pair)}
        splits = {place.split: folder for folder, place in places.items() if place.split is not None}
        if pair.name in declared or not splits:
            found.append(pair)
        elif len(splits) > 1:
            what = f"of the case {pair.name!r} is for testing, and {splits[TRAIN]} for training"
            hint = "a column 'split' of a list of cases says which of both it is"
            remarks.error("SC087", what, file=splits[TEST], hint=hint)
        else:
            found.append(pair._replace(split=next(iter(splits))))
            validation += any(place.validation for place in places.values())
    return _with_training(found, remarks, declared, validation)


def _with_training(found: list[Pair], remarks: Remarks, declared: Collection[str], validation: int) -> list[Pair]:
    """Return the cases, as training cases if all are for testing; notes say what became of them."""
    tests = [pair.name for pair in found if pair.split == TEST]
    if tests and len(tests) == len(found) and not declared:
        remarks.note("all cases are in folders for testing; they become training cases, as there are no others")
        return [pair._replace(split=TRAIN) for pair in found]
    if any(name not in declared for name in tests):
        remarks.note(f"{count_of(len(tests), 'case')} in folders for testing became test cases")
    if validation:
        joined = f"{count_of(validation, 'case')} in folders for validation join the training cases"
        remarks.note(f"{joined}: nnU-Net makes its own folds")
    return found


def _folders(pair: Pair) -> list[str]:
    return [unit.folder for unit in (*pair.images.values(), *pair.labels)]


def _above(pairs: Sequence[Pair]) -> str:
    """Return the folder above all files outside the source; its name says nothing about them."""
    outside = [folder for pair in pairs for folder in _folders(pair) if folder.startswith("/")]
    return os.path.commonpath(outside) if outside else ""
