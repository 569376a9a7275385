"""``segconv cascade``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import Finding
from .completion import complete_configurations
from .help_pages import MODEL, Command, example
from .options import (
    allow_leaks,
    bundled,
    dataset_argument,
    finding_trainers,
    npz,
    option,
    plans,
    speaking,
    three_folders,
    trainer,
    trusting,
)
from .sink import Sink
from .training_folds import Place, as_json, name_inference, placed, show_environment, teller, training_options, warner
from .types import FOLDS

if TYPE_CHECKING:
    from ..flows.cascade import CascadeTraining, StageTraining
    from ..train.model import Model
    from ..train.paths import Paths
    from ..train.untrusted_models import Trust


@click.command(cls=Command, epilog=example("segconv cascade 7 -f 0,1 --device cpu"))
@dataset_argument
@bundled(
    "named",
    dict,
    option(
        "-c",
        "--configuration",
        "wanted",
        shell_complete=complete_configurations,
        help="Last stage; default: the only cascade of the plans.",
        group=MODEL,
    ),
    trainer,
    plans,
)
@option(
    "-f",
    "--fold",
    "folds",
    type=FOLDS,
    metavar="N,…|all",
    help="Folds of the last stage; default: all.",
    group=MODEL,
)
@placed
@npz
@allow_leaks
@trusting
@three_folders
@speaking
@finding_trainers
def command(
    dataset: str,
    named: dict[str, Any],
    folds: tuple[str, ...] | None,
    place: Place,
    probabilities: bool,
    allow_leaks: bool,
    trust: Trust,
    sink: Sink,
    paths: Paths,
) -> int:
    """Train both stages of a cascade; the same command resumes.

    The last stage is trained on images and on predictions of the stage before. So all folds of the first stage are
    trained and validated, its predictions for the next stage are counted, and then the folds of the last stage are
    trained. What is finished is skipped. A prediction that is missing is refused with the fold that makes it.
    """
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..flows.asked import refusing_trainers
    from ..flows.cascade import Callbacks, train_cascade
    from ..train.cascades import find_cascade
    from .training_display import TrainingDisplay

    with refusing_trainers([named["trainer"]], paths):
        found = Dataset.open(find_dataset(dataset, paths.require("raw", "preprocessed", "results")))
        model = find_cascade(found.path.name, **named, paths=paths)
    show_environment(sink, place, paths)
    display, warned = TrainingDisplay(sink), list[Finding]()
    options = training_options(place, sink, display, probabilities=probabilities, allow_leaks=allow_leaks)
    callbacks = Callbacks(
        begun=lambda step: display.begin(f"Step {step.number} of {step.of}: {step.what}"),
        ended=teller(display.say),
        warn=warner(display.warn, warned),
    )
    with display.shown():
        training = train_cascade(
            found, model, folds or (), paths, options, trust, slots=place.slots, callbacks=callbacks
        )
    return _end(sink, training, model, found.name.id, paths, warned)


def _end(sink: Sink, training: CascadeTraining, model: Model, number: int, paths: Paths, warned: list[Finding]) -> int:
    """Say what was done and what failed; return the exit code."""
    done = [result for stage in training.stages for result in stage.training.done]
    warnings = [finding for result in done for finding in result.warnings]
    sink.warn([*warnings, *training.failures])
    if not training.failures:
        name_inference(sink, training.stages[-1].training.done, model, number, paths)
    result = {"trained": [str(fold.state.folder) for fold in done], "stages": [*map(_as_json, training.stages)]}
    sink.end(result, [*training.failures, *warned, *warnings], ok=not training.failures)
    return 1 if training.failures else 0


def _as_json(stage: StageTraining) -> dict[str, Any]:
    folds = [as_json(result) for result in stage.training.done]
    return {"configuration": stage.model.configuration, "folds": folds, "predicted": stage.predicted}
