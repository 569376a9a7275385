"""Which split the cases of patterns and lists belong to, told by folders such as train, imagesTs and validation."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace

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
        Names of cases whose split the user said, which stays.
    """
    found = []
    validation = 0
    above = _above(pairs)
    for pair in pairs:
        places = {folder: place_of(folder.removeprefix(above)) for folder in _folders(pair)}
        told = {place.split: folder for folder, place in places.items() if place.split is not None}
        if pair.name in declared or not told:
            found.append(pair)
        elif len(told) > 1:
            what = f"of the case {pair.name!r} is for testing, and {told[TRAIN]} for training"
            hint = "a column 'split' of --pairs LIST says which of both it is"
            remarks.error("SC087", what, file=told[TEST], hint=hint)
        else:
            found.append(replace(pair, split=next(iter(told))))
            validation += any(place.validation for place in places.values())
    tests = [pair.name for pair in found if pair.split == TEST]
    if tests and len(tests) == len(found) and not declared:
        remarks.note("all cases lie in folders for testing; they become training cases, as there are no others")
        return [replace(pair, split=TRAIN) for pair in found]
    if tests and len(tests) > sum(name in declared for name in tests):
        remarks.note(f"{count_of(len(tests), 'case')} in folders for testing became test cases")
    if validation:
        joined = f"{count_of(validation, 'case')} in folders for validation join the training cases"
        remarks.note(f"{joined}: nnU-Net makes its own folds")
    return found


def _folders(pair: Pair) -> list[str]:
    return [unit.folder for unit in (*pair.images.values(), *pair.labels)]


def _above(pairs: Sequence[Pair]) -> str:
    """Return the folder above all files that lie outside of the source: what it is called says nothing of them."""
    outside = [folder for pair in pairs for folder in _folders(pair) if folder.startswith("/")]
    return os.path.commonpath(outside) if outside else ""
