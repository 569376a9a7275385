"""``segconv train``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..errors import SegconvError
from .help_pages import RUNNING, TRAINING, Command, example
from .options import (
    allow_leaks,
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
)

if TYPE_CHECKING:
    from ..flows.train import Training
    from ..train.model import Model
    from ..train.paths import Paths
    from ..train.steps import Wish
    from ..train.untrusted_models import Trust

_WISHES = {"resume": "--continue", "validate_only": "--val", "overwrite": "--overwrite"}


@click.command(cls=Command, epilog=example("segconv train 501 -c 2d_small -f 0 -tr nnUNetTrainer_1epoch --device cpu"))
@dataset_argument
@modelled
@folds_to_train
@placed
@option(
    "--continue",
    "resume",
    is_flag=True,
    help="Resume, and refuse if there is nothing to resume.",
    group=TRAINING,
)
@option(
    "--val", "--validate-only", "validate_only", is_flag=True, help="Validate a trained fold again.", group=TRAINING
)
@npz
@option(
    "--overwrite", is_flag=True, help="Train again; the old fold is kept until the new one is finished.", group=RUNNING
)
@allow_leaks
@trusting
@three_folders
@speaking
@finding_trainers
def command(
    dataset: str,
    folds: tuple[str, ...],
    model_of: Callable[[str], Model],
    place: Place,
    probabilities: bool,
    allow_leaks: bool,
    trust: Trust,
    sink: Sink,
    paths: Paths,
    **wishes: bool,
) -> int:
    """Train one fold or several; the same command resumes.

    Runs nnUNetv2_train for each fold: folds that are finished are skipped, begun ones resumed, and trained ones
    without a validation validated. A fold that fails does not stop the others. `all` is one model trained on all
    cases, not five folds. Before anything starts, the folds are checked for leaks, and the preprocessed cases for
    completeness.
    """
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..flows.asked import refusing_trainers
    from ..flows.train import train_folds
    from .training_display import TrainingDisplay

    wish = _wish(wishes)
    with refusing_trainers([model_of(dataset).trainer], paths):
        found = Dataset.open(find_dataset(dataset, paths.require("raw", "preprocessed", "results")))
    model = model_of(found.path.name)
    if "all" in folds:
        sink.say("fold all: one model on all training cases; what nnU-Net calls its validation is on the same cases")
    show_environment(sink, place, paths)
    display = TrainingDisplay(sink)
    options = training_options(place, sink, display, wish=wish, probabilities=probabilities, allow_leaks=allow_leaks)
    with display.shown():
        training = train_folds(
            found, model, folds, paths, options, trust, slots=place.slots, warn=display.warn, ended=teller(display.say)
        )
    return _end(sink, training, model, found.name.id, paths)


def _wish(given: dict[str, bool]) -> Wish:
    """Return what the flags ask for; they exclude one another."""
    from ..train.steps import Wish

    asked = [name for name in _WISHES if given[name]]
    if len(asked) > 1:
        raise SegconvError(f"{_WISHES[asked[0]]} and {_WISHES[asked[1]]} exclude each other", hint="give one of them")
    of = {"resume": Wish.RESUME, "validate_only": Wish.VALIDATE, "overwrite": Wish.AGAIN}
    return of[asked[0]] if asked else Wish.FINISH


def _end(sink: Sink, training: Training, model: Model, number: int, paths: Paths) -> int:
    """Say what was done and what failed; return the exit code."""
    warnings = [finding for result in training.done for finding in result.warnings]
    sink.warn([*warnings, *training.failures])
    if not training.failures:
        name_inference(sink, training.done, model, number, paths)
    result: dict[str, Any] = {
        "trained": [str(result.state.folder) for result in training.done],
        "folds": [as_json(result) for result in training.done],
    }
    sink.end(result, [*training.failures, *training.warnings, *warnings], ok=not training.failures)
    return 1 if training.failures else 0
