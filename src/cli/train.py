"""``segconv train``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import SegconvError
from .options import example, option, speaking, three_folders, trusting
from .sink import Sink

if TYPE_CHECKING:
    from ..train.paths import Paths

DEVICES = click.Choice(["auto", "cuda", "cpu", "mps"])


@click.command(epilog=example("segconv train 501 -c 2d_small -f 0 -tr nnUNetTrainer_1epoch --device cpu"))
@click.argument("dataset")
@option("-c", "--configuration", required=True, help="Such as 2d or 3d_fullres.")
@option("-f", "--fold", "folds", default="0", metavar="N,…|all", help="Folds, one after the other.")
@option("-tr", "--trainer", default="nnUNetTrainer", help="nnU-Net trainer class.")
@option("-p", "--plans", default="nnUNetPlans", help="Name of the plans.")
@option("--device", type=DEVICES, default="auto", help="auto takes a GPU if there is one.")
@option("--continue", "resume", is_flag=True, help="Go on from the last checkpoint.")
@option("--val", "validate_only", is_flag=True, help="Validate a trained fold again.")
@option("--npz", "probabilities", is_flag=True, help="Keep the validation's probabilities, for ensembling.")
@option("--overwrite", is_flag=True, help="Train again what is trained already.")
@trusting
@three_folders
@speaking
def command(
    dataset: str,
    configuration: str,
    folds: str,
    trainer: str,
    plans: str,
    device: str,
    resume: bool,
    validate_only: bool,
    probabilities: bool,
    overwrite: bool,
    allowed_modules: tuple[str, ...],
    trust_model: bool,
    sink: Sink,
    paths: Paths,
) -> int:
    """Train one fold or several, one after the other.

    Runs nnUNetv2_train for each. `all` is one model on all cases without validation, not five
    folds. Folds that separate copies or patients of one kind are refused.
    """
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..flows.train import train_folds
    from ..train.commands import default_device

    given = [fold.strip() for fold in folds.split(",")]
    names = [str(int(fold)) if fold.isdecimal() else fold for fold in given]  # nnU-Net trains fold 0 for 00
    if any(not (fold == "all" or fold.isdecimal()) for fold in names) or len(set(names)) < len(names):
        raise SegconvError(f"--fold {folds!r} is no list of folds", hint="for example -f 0,1,2,3,4 or -f all")
    found = Dataset.open(find_dataset(dataset, paths.require("raw", "preprocessed", "results")))
    if "all" in names:
        sink.say("fold all: one model on all training cases; nothing is held back to validate it")
    trained = train_folds(
        found,
        configuration,
        names,
        paths,
        trainer=trainer,
        plans=plans,
        device=default_device() if device == "auto" else device,
        resume=resume,
        validate_only=validate_only,
        probabilities=probabilities,
        overwrite=overwrite,
        allowed_modules=allowed_modules,
        trust_model=trust_model,
        tell=sink.say,
    )
    for folder in trained:
        sink.say(f"trained {folder}")
    sink.next(f"segconv infer {found.name.id} -c {configuration} -f {','.join(names)} -i IN -o OUT")
    sink.end({"trained": [str(folder) for folder in trained]})
    return 0
