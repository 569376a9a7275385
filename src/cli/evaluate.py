"""``segconv evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import example, option, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..train.paths import Paths


@click.command(epilog=example("segconv evaluate mine testing/output"))
@click.argument("predictions", type=click.Path(path_type=Path))
@click.argument("references", type=click.Path(path_type=Path))
@option("--like", metavar="DATASET", help="Name classes and regions as this dataset does; values are then its own.")
@three_folders
@speaking
def command(predictions: Path, references: Path, like: str | None, sink: Sink, paths: Paths) -> int:
    """Score predictions against reference masks.

    Both folders hold files of the same names in one coding, yours or the dataset's. The score is
    Dice per class; a class that is neither there nor predicted counts for nothing.
    """
    from ..dataset.layout import Dataset
    from ..review.evaluate import evaluate_folders

    classes = Dataset.open(paths.dataset(like)).description.labels.foreground if like else None
    scores = evaluate_folders(predictions, references, classes)
    names = list(scores.classes)
    rows = [(case, *(f"{found.get(n, float('nan')):.4f}" for n in names)) for case, found in scores.cases.items()]
    sink.table(["case", *names], [*rows, ("mean", *(f"{scores.classes[n]:.4f}" for n in names))])
    cases = {case: {n: _known(v) for n, v in found.items()} for case, found in scores.cases.items()}
    sink.end(
        {"cases": cases, "classes": {n: _known(v) for n, v in scores.classes.items()}, "mean": _known(scores.mean)}
    )
    return 0


def _known(value: float) -> float | None:
    """Return a score for JSON, which has no NaN."""
    return value if value == value else None
