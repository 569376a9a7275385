"""Folds: ``segconv splits make`` of many cases, scikit-learn's grouped and stratified folds, and the floor."""

from __future__ import annotations

from collections.abc import Sequence

from . import data
from .check import converted
from .job import FLOOR, OURS, Comparison, Room
from .splits import quality

SETS = 30
EDGE = 16


def folds(room: Room) -> Sequence[Comparison]:
    """Folds of a dataset of small pictures, and how even folds are."""
    cases = room.many(4000)
    dataset = converted(room, data.pictures(room.base / "Bench", cases, EDGE), 1)
    contestants = {
        "scikit-learn script": room.program(
            "folds_sklearn", dataset, made=dataset / "splits_final.json", needs="sklearn"
        ),
        OURS: room.segconv("splits", "make", dataset, made=dataset / "splits_final.json"),
        FLOOR: room.program("folds_sklearn", dataset, "--in-turn", made=dataset / "splits_final.json"),
    }
    notes = ["The script ignores patients, near-identical images and volumes; it stratifies by one class only."]
    return [Comparison(f"splits of {cases:,} cases", contestants, notes=[*notes, *quality(room.many(SETS))])]
