"""``segconv best``."""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING, Any

import click

from .help_pages import MODEL, Command, example
from .options import (
    bundled,
    dataset_argument,
    finding_trainers,
    jobs,
    model_filters,
    option,
    speaking,
    three_folders,
    trainers_again,
    trusting,
)
from .sink import Sink
from .types import NUMBERED_FOLDS

if TYPE_CHECKING:
    from ..train.best import Best
    from ..train.comparison import Wanted
    from ..train.paths import Paths
    from ..train.untrusted_models import Trust


def _wanted(no_ensembles: bool, folds: tuple[str, ...] | None, **names: Any) -> Wanted:
    from ..train.comparison import Wanted

    return Wanted(folds=folds or (), ensembles=not no_ensembles, **names)


@click.command(cls=Command, epilog=example("segconv best 501 -tr nnUNetTrainer_1epoch -f 0"))
@dataset_argument
@bundled(
    "wanted",
    _wanted,
    *model_filters,
    option(
        "-f",
        "--fold",
        "folds",
        type=NUMBERED_FOLDS,
        metavar="N,…",
        help="Folds; default: all of the split.",
        group=MODEL,
    ),
    option("--no-ensembles", is_flag=True, help="Compare single models only; ensembles need probabilities."),
)
@trusting
@jobs
@three_folders
@speaking
@finding_trainers
def command(dataset: str, wanted: Wanted, trust: Trust, jobs: int, sink: Sink, paths: Paths) -> int:
    """Find the best trained model, or ensemble of two.

    Runs nnU-Net's search on the validation of every trained model: mean Dice of each model and pair of
    models, and the postprocessing that improves the best. `segconv infer` then predicts with it. All
    folds of the split must be trained and validated, with probabilities for ensembles.
    """
    from ..dataset.names import find_dataset
    from ..flows.best import find_best
    from ..train.best import nnunet_commands

    name = find_dataset(dataset, paths.require("raw", "preprocessed", "results")).name
    best = find_best(name, paths, wanted, trust, jobs=jobs, tell=sink.detail)
    sink.table(["model or ensemble", "Dice", ""], _rows(best))
    changed = f", {best.dice_postprocessed:.4f} with its postprocessing" if _is_improved(best) else ""
    on = f"{'fold' if len(best.folds) == 1 else 'folds'} {', '.join(best.folds)}"
    sink.say(f"Best on {on}: {best.name} (mean Dice {best.dice:.4f}{changed})")
    typed = nnunet_commands(best)
    sink.detail("The same by hand, with nnU-Net's commands:")
    for line in typed if sink.verbose else ():
        sink.type(line)
    sink.next(f"segconv infer {shlex.quote(dataset)}{trainers_again(paths)} -i IN -o OUT")
    result = {
        "best": best.name,
        "models": [model.name for model in best.models],
        "folds": list(best.folds),
        "dice": best.dice,
        "dice_postprocessed": best.dice_postprocessed,
        "scores": {name: None if math.isnan(dice) else dice for name, dice in best.scores.items()},
        "nnunet_commands": typed,
    }
    sink.end(result)
    return 0


def _is_improved(best: Best) -> bool:
    return best.dice_postprocessed > best.dice


def _rows(best: Best) -> list[tuple[str, str, str]]:
    """Return the table, best first; of equal scores the first that nnU-Net compared."""
    ordered = sorted(best.scores.items(), key=lambda entry: (math.isnan(entry[1]), -entry[1]))
    return [(name, f"{dice:.4f}", "best" if name == best.name else "") for name, dice in ordered]
