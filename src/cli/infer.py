"""``segconv infer``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import Cure, SegconvError
from ..train.checkpoints import ORDER
from ..train.device import AUTO
from ..train.model import DEFAULT_PLANS, DEFAULT_TRAINER, FINAL, Model
from ..words import count_of, some_of
from ..work.run_options import RunOptions
from .completion import complete_configurations, complete_plans, complete_trainers, words_of
from .help_pages import MODEL, RUNNING, WRITTEN, Command, example, grouped
from .options import (
    PATH,
    bundled,
    dataset_argument,
    device,
    finding_trainers,
    jobs,
    no_mirroring,
    option,
    output,
    overwrite,
    restart,
    speaking,
    three_folders,
    trusting,
)
from .sink import Sink
from .types import FOLDS, GPUS

if TYPE_CHECKING:
    from ..flows.infer import Prediction
    from ..train.chosen import Chosen
    from ..train.paths import Paths
    from ..train.predict import PredictOptions
    from ..train.untrusted_models import Trust


@dataclass(frozen=True)
class Predicting:
    """How models predict."""

    device: str
    gpus: tuple[str, ...] | None
    no_mirroring: bool
    probabilities: bool
    overlay: Path | None
    raw_output: bool

    def options(self, sink: Sink) -> PredictOptions:
        """Return the options of prediction; the sink shows what nnU-Net writes."""
        from ..train.predict import PredictOptions

        if self.gpus and self.device not in (AUTO, "cuda"):
            raise SegconvError(f"--gpus needs CUDA, not --device {self.device}", hint="leave out --device")
        return PredictOptions(
            "cuda" if self.gpus else self.device,
            not self.no_mirroring,
            tell=sink.detail,
            probabilities=self.probabilities,
            gpus=self.gpus or (),
            overlay=self.overlay,
        )


predicting = bundled(
    "chosen",
    Predicting,
    device,
    option("--gpus", type=GPUS, metavar="N,…", help="GPUs that share the cases.", group=RUNNING),
    no_mirroring,
    *grouped(
        WRITTEN,
        option("--probabilities", is_flag=True, help="Keep the probabilities of all classes; with --raw-output."),
        option("--overlay", type=PATH, metavar="PNG", help="Draw the cases with the most foreground."),
        option("--raw-output", is_flag=True, help="Write nnU-Net's own names and values instead of yours."),
    ),
)
"""How models predict; the function gets `Predicting` as ``chosen``."""


@dataclass(frozen=True)
class Files:
    """What is predicted, and where to."""

    inputs: Path
    output: Path


files = bundled(
    "files",
    Files,
    option("-i", "--input", "inputs", type=PATH, required=True, help="A file, or a folder of files or DICOM series."),
    output,
)
"""``-i`` and ``-o``; the function gets `Files`."""


folds_to_average = option(
    "-f",
    "--fold",
    "folds",
    type=FOLDS,
    metavar="N,…|all",
    help="Folds to average; default: all with numbers.",
    group=MODEL,
)
checkpoint = option(
    "--checkpoint", default=FINAL, shell_complete=words_of(ORDER), help="Checkpoint of each fold.", group=MODEL
)


@dataclass(frozen=True)
class Named:
    """The model that the user named, if any."""

    configuration: str | None
    folds: tuple[str, ...] | None
    trainer: str | None
    plans: str | None
    checkpoint: str

    def checked(self, dataset: str, paths: Paths, trust: Trust) -> Chosen:
        """Return this model of a dataset, or what nnU-Net found best, after checking it."""
        from ..train.chosen import best_or_only, named_model

        if self.configuration is not None:
            names = self.trainer or DEFAULT_TRAINER, self.plans or DEFAULT_PLANS
            model = Model(dataset, self.configuration, *names)
            return named_model(model, paths, self.folds, trust, checkpoint=self.checkpoint)
        self._refuse_part_of_a_name(dataset, paths)
        return best_or_only(dataset, paths, trust, checkpoint=self.checkpoint)

    def _refuse_part_of_a_name(self, dataset: str, paths: Paths) -> None:
        """Refuse a trainer, plans or folds without their configuration; offer the models that have these."""
        from ..train.offered_models import models_in, offers

        given = [name for name in ("trainer", "plans", "folds") if getattr(self, name) is not None]
        if not given:
            return
        fitting = {
            model: folds
            for model, folds in models_in(paths.require("results") / dataset).items()
            if self.trainer in (None, model.trainer) and self.plans in (None, model.plans)
        }
        what = f"{' and '.join(given)} without a configuration"
        raise SegconvError(what, cures=offers(fitting) or [Cure.of("choose_configuration")])


SHOWN_LABELS = 20


def say_models(chosen: Chosen, sink: Sink) -> None:
    """Say which models predict, before nnU-Net starts, which takes a while."""
    for line in chosen.said:
        sink.say(line)
    for model in chosen.ensemble.models:
        sink.say(f"nnU-Net starts to predict with {model.folder.name}, fold {some_of(model.folds, SHOWN_LABELS)}")


def show(made: Prediction, sink: Sink) -> None:
    """Show the result of a prediction."""
    sink.warn(made.warnings)
    say = sink.say if len(made.labels) <= SHOWN_LABELS else sink.detail
    for label in made.labels:
        say(f"{label.name}: {label.voxels} voxels in {label.cases} of {len(made.files)} predictions")
    for name in made.files:
        sink.data(str(made.output / name))
    sink.say(f"{count_of(len(made.files), 'prediction')} in {made.output}")
    sink.next(f"segconv evaluate {shlex.quote(str(made.output))} REFERENCES")
    labels = [{"name": label.name, "voxels": label.voxels, "cases": label.cases} for label in made.labels]
    sink.end({"output": str(made.output), "files": made.files, "labels": labels}, made.warnings)


def _refuse_archive(dataset: str, files: Files) -> None:
    """Refuse the archive of a model, with the command that takes one."""
    if dataset.lower().endswith(".zip") and Path(dataset).is_file():
        cure = Cure.of("predict_with_archive", model=dataset, inputs=files.inputs, output=files.output)
        raise SegconvError("is an archive, expected a dataset", code="SC010", file=dataset, cures=[cure])


@click.command(
    cls=Command, epilog=example("segconv infer 501 -c 2d_small -f 0 -tr nnUNetTrainer_1epoch -i testing/input -o mine")
)
@dataset_argument
@files
@bundled(
    "named",
    Named,
    *grouped(
        MODEL,
        option(
            "-c",
            "--configuration",
            shell_complete=complete_configurations,
            help="Configuration; default: what `segconv best` found.",
        ),
        folds_to_average,
        option(
            "-tr",
            "--trainer",
            shell_complete=complete_trainers,
            help=f"nnU-Net trainer class; default: {DEFAULT_TRAINER}.",
        ),
        option("-p", "--plans", shell_complete=complete_plans, help=f"Name of the plans; default: {DEFAULT_PLANS}."),
        checkpoint,
    ),
)
@predicting
@trusting
@bundled("how", RunOptions, overwrite, restart, jobs)
@three_folders
@speaking
@finding_trainers
def command(
    dataset: str,
    files: Files,
    named: Named,
    chosen: Predicting,
    trust: Trust,
    how: RunOptions,
    sink: Sink,
    paths: Paths,
) -> int:
    """Predict your own files, under your own names and values.

    Predicts with the model or ensemble that `segconv best` found, and postprocesses as it found best;
    -c names another model. Both stages of a cascade are predicted. Files may have any name. They are
    converted to nnU-Net's form, predicted by nnU-Net, and converted back: file names, label values and
    format are those of the data that DATASET was converted from. A run that was interrupted is resumed
    by the same command. An existing folder is replaced only with --overwrite, and only if everything
    in it is an earlier prediction.
    """
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..flows.asked import refusing_trainers
    from ..flows.infer import infer

    _refuse_archive(dataset, files)
    with refusing_trainers([] if named.trainer is None else [named.trainer], paths):
        found = Dataset.open(find_dataset(dataset, paths.require("raw", "preprocessed", "results")))
        model = named.checked(found.path.name, paths, trust)
    say_models(model, sink)
    sink.warn(model.warnings)
    options, raw_output = chosen.options(sink), chosen.raw_output
    made = infer(found, model.ensemble, files.inputs, files.output, paths, how, options, raw_output=raw_output)
    show(made, sink)
    return 0
