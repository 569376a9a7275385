"""The table of folds that ``segconv splits`` draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..dataset.fold_facts import FoldFacts
    from ..dataset.splits import Splits


def heads(splits: Splits) -> list[str]:
    """Return the heads of the columns."""
    from ..dataset.splits import held_out_fold

    held_out = held_out_fold(splits)
    return ["", *(f"fold {number}" + (", held out" if number == held_out else "") for number in range(len(splits)))]


def rows(folds: Sequence[FoldFacts]) -> Iterator[list[object]]:
    """Yield a row for each thing that is counted, with a column for each fold."""
    yield _row("training cases", [fold.train for fold in folds])
    if any(fold.copies for fold in folds):
        yield _row("copies among them", [fold.copies for fold in folds])
    yield _row("validation cases", [fold.val for fold in folds])
    patients = [fold.patients for fold in folds]
    if None not in patients:
        yield _row("patients validated", patients)
    for name in folds[0].cases:
        yield _row(name, [f"{fold.cases[name]} ({fold.share[name]:.0%})" for fold in folds])


def _row(name: str, cells: Sequence[object]) -> list[object]:
    return [name, *cells]
