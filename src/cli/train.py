"""``segconv train``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from .options import device, example, modelled, option, speaking, three_folders, trusting
from .sink import Sink
from .types import FOLDS

if TYPE_CHECKING:
    from ..train.gate import Trust
    from ..train.model import Model
    from ..train.paths import Paths


@click.command(epilog=example("segconv train 501 -c 2d_small -f 0 -tr nnUNetTrainer_1epoch --device cpu"))
@click.argument("dataset")
@option("-f", "--fold", "folds", type=FOLDS, default="0", metavar="N,…|all", help="Folds, one after the other.")
@modelled
@device
@option("--continue", "resume", is_flag=True, help="Resume from the last checkpoint.")
@option("--val", "validate_only", is_flag=True, help="Validate a trained fold again.")
@option("--npz", "probabilities", is_flag=True, help="Keep the probabilities of the validation, for ensembling.")
@option("--overwrite", is_flag=True, help="Train a trained fold again.")
@trusting
@three_folders
@speaking
def command(
    dataset: str,
    folds: tuple[str, ...],
    model_of: Callable[[str], Model],
    trust: Trust,
    sink: Sink,
    paths: Paths,
    **options: Any,
) -> int:
    """Train one fold or several, one after the other.

    Runs nnUNetv2_train for each fold. `all` is one model trained on all cases without validation, not
    five folds. Folds that separate copies of a case, or cases of a patient, are refused.
    """
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..flows.train import train_folds
    from ..train.commands import TrainOptions

    found = Dataset.open(find_dataset(dataset, paths.require("raw", "preprocessed", "results")))
    if "all" in folds:
        sink.say("fold all: one model on all training cases; none is held back to validate it")
    model = model_of(found.path.name)
    trained = train_folds(found, model, folds, paths, TrainOptions(tell=sink.say, **options), trust)
    for folder in trained:
        sink.say(f"trained {folder}")
    sink.next(f"segconv infer {found.name.id} -c {model.configuration} -f {','.join(folds)} -i IN -o OUT")
    sink.end({"trained": [str(folder) for folder in trained]})
    return 0
