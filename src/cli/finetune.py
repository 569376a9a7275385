"""``segconv finetune``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import Finding, SegconvError
from .completion import complete_datasets, complete_trainers
from .help_pages import Command, example, grouped
from .options import (
    PATH,
    allow_leaks,
    bundled,
    cores,
    dataset_argument,
    finding_trainers,
    modelled,
    npz,
    option,
    speaking,
    three_folders,
    trusting,
)
from .sink import Sink
from .training_folds import (
    Place,
    as_json,
    folds_to_train,
    name_inference,
    placed,
    show_environment,
    teller,
    training_options,
    warner,
)

if TYPE_CHECKING:
    from ..flows.finetune import Finetuning, Pretraining
    from ..train.model import Model
    from ..train.paths import Paths
    from ..train.untrusted_models import Trust
    from ..train.weights import Shape, Transfer


@click.command(
    cls=Command,
    epilog=example("segconv finetune 501 --from 601 -c 2d_small -f 0 -tr nnUNetTrainer_1epoch --device cpu"),
)
@dataset_argument
@bundled(
    "source",
    dict,
    *grouped(
        "Weights to start from",
        option(
            "--from", "pretraining", metavar="DATASET", shell_complete=complete_datasets, help="Dataset to pretrain on."
        ),
        option("--weights", type=PATH, metavar="FILE", help="Checkpoint to start from instead."),
        option(
            "--pretraining-trainer",
            metavar="CLASS",
            shell_complete=complete_trainers,
            help="Trainer of the pretraining; default: the same.",
        ),
    ),
)
@modelled
@folds_to_train
@placed
@npz
@allow_leaks
@trusting
@three_folders
@speaking
@finding_trainers
def command(
    dataset: str,
    source: dict[str, Any],
    folds: tuple[str, ...],
    model_of: Callable[[str], Model],
    place: Place,
    probabilities: bool,
    allow_leaks: bool,
    trust: Trust,
    sink: Sink,
    paths: Paths,
) -> int:
    """Train from the weights of another dataset; the same command resumes.

    Moves the plans of the dataset to the pretraining dataset, preprocesses that, and trains on all its cases; with
    --weights, a checkpoint takes the place of all this. Then shows which of its tensors fit, refuses weights that do
    not, and trains the folds from them. The fine-tuned model has plans with a name of their own, so that it can be
    compared with one that was trained from the start.
    """
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..flows.asked import refusing_trainers
    from ..flows.finetune import FinetuneOptions, finetune
    from ..train.planning_progress import Reporting
    from .planning_display import PlanningDisplay
    from .training_display import TrainingDisplay

    with refusing_trainers([model_of(dataset).trainer], paths):
        found = Dataset.open(find_dataset(dataset, paths.require("raw", "preprocessed", "results")))
        model = model_of(found.path.name)
        origin = _origin(source, model, paths)
    show_environment(sink, place, paths)
    display, planning = TrainingDisplay(sink), PlanningDisplay(sink)
    compared: dict[str, dict[str, Shape]] = {}
    warned: list[Finding] = []

    def show(plan: Transfer) -> None:
        compared.update(_rows(plan))
        sink.table(
            ["tensors", "number", "such as"], [(name, len(rows), _first(rows)) for name, rows in compared.items()]
        )
        for name, rows in compared.items():
            for tensor, shape in rows.items():
                sink.detail(f"{name}: {tensor} {_times(shape)}")

    options = training_options(place, sink, display, probabilities=probabilities, allow_leaks=allow_leaks)
    how = FinetuneOptions(
        options,
        trust,
        place.slots,
        cores(),
        Reporting(sink.detail, lambda text: sink.say(f"note: {text}"), planning.hear, planning.reading()),
        begun=lambda step: display.begin(f"Step {step.number} of {step.of}: {step.what}"),
        compared=show,
        ended=teller(display.say),
        warn=warner(display.warn, warned),
    )
    try:
        with display.shown():
            finetuning = finetune(found, model, folds, origin, paths, how)
    finally:
        planning.stop()
    return _end(sink, finetuning, found.name.id, paths, compared, warned)


def _origin(source: dict[str, Any], model: Model, paths: Paths) -> Pretraining | Path:
    """Return where the weights come from."""
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..flows.finetune import Pretraining

    if (source["pretraining"] is None) == (source["weights"] is None):
        raise SegconvError("give a dataset with --from, or a checkpoint with --weights", hint="one of the two")
    if source["weights"] is not None:
        weights: Path = source["weights"]
        return weights
    return Pretraining(
        Dataset.open(find_dataset(source["pretraining"], paths.raw)), source["pretraining_trainer"] or model.trainer
    )


def _rows(plan: Transfer) -> dict[str, dict[str, Shape]]:
    """Return the tensors by what happens to them."""
    return {
        "loaded": dict(plan.loaded),
        "skipped, segmentation heads": dict(plan.skipped),
        "do not fit": {misfit.name: misfit.wanted for misfit in plan.misfits},
        "not used": dict(plan.unused),
    }


def _first(rows: dict[str, Shape]) -> str:
    return next((f"{name} {_times(shape)}" for name, shape in rows.items()), "")


def _times(shape: Shape) -> str:
    return "×".join(map(str, shape))


def _end(
    sink: Sink,
    finetuning: Finetuning,
    number: int,
    paths: Paths,
    compared: dict[str, dict[str, Shape]],
    warned: list[Finding],
) -> int:
    """Say what was done and what failed; return the exit code."""
    training, model = finetuning.training, finetuning.model
    warnings = [finding for result in training.done for finding in result.warnings]
    sink.warn([*warnings, *training.failures])
    if not training.failures:
        name_inference(sink, training.done, model, number, paths)
    result = {
        "weights": str(finetuning.weights),
        "plans": model.plans,
        "tensors": {name: {tensor: list(shape) for tensor, shape in rows.items()} for name, rows in compared.items()},
        "trained": [str(result.state.folder) for result in training.done],
        "folds": [as_json(result) for result in training.done],
    }
    sink.end(result, [*training.failures, *warned, *warnings], ok=not training.failures)
    return 1 if training.failures else 0
