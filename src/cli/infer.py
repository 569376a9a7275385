"""``segconv infer``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import Cure, SegconvError
from ..train.model import FINAL, Model
from ..work.run_options import RunOptions
from .options import (
    PATH,
    allow_module,
    bundled,
    configuration,
    device,
    example,
    jobs,
    no_mirroring,
    option,
    output,
    overwrite,
    plans,
    restart,
    speaking,
    three_folders,
    trainer,
    trust_model,
)
from .sink import Sink
from .types import FOLDS

if TYPE_CHECKING:
    from ..dataset.layout import Dataset
    from ..train.paths import Paths
    from ..train.predict import CheckedModel, PredictOptions


@dataclass(frozen=True)
class Chosen:
    """The chosen model, and how it predicts."""

    configuration: str
    folds: tuple[str, ...] | None
    trainer: str
    plans: str
    checkpoint: str
    device: str
    no_mirroring: bool
    allowed_modules: tuple[str, ...]
    trust_model: bool

    def checked(self, dataset: Dataset, paths: Paths) -> CheckedModel:
        """Check the model of a dataset and return it."""
        from ..train.gate import Trust
        from ..train.predict import check_model

        model = Model(dataset.path.name, self.configuration, self.trainer, self.plans)
        folds = self.folds or model.trained_folds(paths)
        if not folds:
            raise SegconvError(
                f"no fold of {model.configuration} with {model.trainer} and {model.plans} is trained",
                code="SC010",
                file=str(paths.require("results") / model.dataset),
                cures=[Cure.of("train", dataset=dataset.name.id, configuration=model.configuration, fold=0)],
            )
        trust = Trust(self.trust_model, self.allowed_modules)
        return check_model(model.folder(paths), model.dataset, folds, trust, checkpoint=self.checkpoint)

    def predicting(self, sink: Sink) -> PredictOptions:
        """Return the options of prediction; the sink shows what nnU-Net writes."""
        from ..train.predict import PredictOptions

        return PredictOptions(self.device, not self.no_mirroring, sink.detail)


@click.command(epilog=example("segconv infer 501 -c 2d_small -f 0 -tr nnUNetTrainer_1epoch -i testing/input -o mine"))
@click.argument("dataset")
@option("-i", "--input", "inputs", type=PATH, required=True, help="A file, or a folder of files or DICOM series.")
@output
@bundled(
    "chosen",
    Chosen,
    configuration,
    option("-f", "--fold", "folds", type=FOLDS, metavar="N,…|all", help="Folds to average; default: all trained ones."),
    trainer,
    plans,
    option("--checkpoint", default=FINAL, help="Checkpoint of each fold."),
    device,
    no_mirroring,
    allow_module,
    trust_model,
)
@option("--raw-output", is_flag=True, help="Write nnU-Net's own names and values instead of yours.")
@bundled("how", RunOptions, overwrite, restart, jobs)
@three_folders
@speaking
def command(
    dataset: str,
    inputs: Path,
    output: Path,
    chosen: Chosen,
    raw_output: bool,
    how: RunOptions,
    sink: Sink,
    paths: Paths,
) -> int:
    """Predict your own files, under your own names and values.

    Files may have any name. They are converted to nnU-Net's form, predicted by nnU-Net, and converted
    back: file names, label values and format are those of the data that DATASET was
    converted from. An existing folder is replaced only with --overwrite, and only if
    everything in it is an earlier prediction.
    """
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..flows.infer import infer

    found = Dataset.open(find_dataset(dataset, paths.require("raw", "preprocessed", "results")))
    model = chosen.checked(found, paths)
    prediction = infer(found, model, inputs, output, paths, how, chosen.predicting(sink), raw_output=raw_output)
    sink.warn(prediction.warnings)
    for name in prediction.files:
        sink.data(str(prediction.output / name))
    sink.end({"output": str(prediction.output), "files": prediction.files}, prediction.warnings)
    return 0
