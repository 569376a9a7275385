"""``segconv infer``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import PATH, example, jobs, option, output, overwrite, restart, speaking, three_folders, trusting
from .sink import Sink
from .train import DEVICES

if TYPE_CHECKING:
    from ..train.paths import Paths


@click.command(epilog=example("segconv infer 501 -c 2d_small -f 0 -tr nnUNetTrainer_1epoch -i testing/input -o mine"))
@click.argument("dataset")
@option("-i", "--input", "inputs", type=PATH, required=True, help="A file or a folder, of DICOM too.")
@output
@option("-c", "--configuration", required=True, help="Such as 2d or 3d_fullres.")
@option("-f", "--fold", "folds", metavar="N,…|all", help="Folds to average; default: all that are trained.")
@option("-tr", "--trainer", default="nnUNetTrainer", help="nnU-Net trainer class.")
@option("-p", "--plans", default="nnUNetPlans", help="Name of the plans.")
@option("--checkpoint", default="checkpoint_final.pth", help="Which of a fold's checkpoints.")
@option("--device", type=DEVICES, default="auto", help="auto takes a GPU if there is one.")
@option("--no-mirroring", is_flag=True, help="Faster: do not average over mirrored copies.")
@option("--raw-output", is_flag=True, help="nnU-Net's own names and values instead of yours.")
@overwrite
@restart
@jobs
@trusting
@three_folders
@speaking
def command(
    dataset: str,
    inputs: Path,
    output: Path,
    configuration: str,
    folds: str | None,
    trainer: str,
    plans: str,
    checkpoint: str,
    device: str,
    no_mirroring: bool,
    raw_output: bool,
    overwrite: bool,
    restart: bool,
    allowed_modules: tuple[str, ...],
    trust_model: bool,
    jobs: int,
    sink: Sink,
    paths: Paths,
) -> int:
    """Predict your own files, in your own names and values.

    Files may have any name. They are brought into nnU-Net's form, predicted by nnU-Net, and brought
    back: file names, label values and format are those of the data that DATASET was
    converted from. A folder that is there already is replaced only with --overwrite, and only if
    all that it holds are earlier predictions.
    """
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..errors import SegconvError
    from ..flows.infer import infer
    from ..train.commands import default_device, model_folder, trained_folds
    from ..train.predict import prove_model

    found = Dataset.open(find_dataset(dataset, paths.require("raw", "preprocessed", "results")))
    chosen = (
        folds.split(",")
        if folds
        else trained_folds(paths, found.path.name, configuration, trainer=trainer, plans=plans)
    )
    if not chosen:
        raise SegconvError(
            f"no fold of {configuration} with {trainer} and {plans} is trained",
            code="SC010",
            file=str(paths.require("results") / found.path.name),
            hint=f"segconv train {found.name.id} -c {configuration} -f 0",
        )
    model = prove_model(
        model_folder(paths, found.path.name, configuration, trainer=trainer, plans=plans),
        found.path.name,
        folds=chosen,
        checkpoint=checkpoint,
        allowed_modules=allowed_modules,
        trust_model=trust_model,
    )
    prediction = infer(
        found,
        model,
        inputs,
        output,
        paths,
        raw_output=raw_output,
        overwrite=overwrite,
        restart=restart,
        jobs=jobs,
        device=default_device() if device == "auto" else device,
        mirror=not no_mirroring,
        tell=sink.detail,
    )
    sink.warn(prediction.warnings)
    for name in prediction.files:
        sink.data(str(prediction.output / name))
    sink.end({"output": str(prediction.output), "files": prediction.files}, prediction.warnings)
    return 0
