"""``segconv predict``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import Cure, SegconvError
from ..work.run_options import RunOptions
from .completion import USUAL_CONFIGURATIONS, words_of
from .help_pages import MODEL, Command, example, grouped
from .infer import Files, Predicting, checkpoint, files, folds_to_average, predicting, say_models, show
from .options import (
    PATH,
    bundled,
    finding_trainers,
    jobs,
    option,
    overwrite,
    restart,
    speaking,
    three_folders,
    trusting,
)
from .sink import Sink

if TYPE_CHECKING:
    from ..flows.predict import Wanted
    from ..train.paths import Paths
    from ..train.untrusted_models import Trust


def _wanted(configuration: str | None, folds: tuple[str, ...] | None, checkpoint: str, sha256: str | None) -> Wanted:
    from ..flows.predict import Wanted

    return Wanted(configuration, folds, checkpoint, sha256)


_DATASET = re.compile(r"(Dataset)?\d{1,3}(_\w+)?")


def _refuse_dataset(model: Path, files: Files) -> None:
    """Refuse what is no file or folder, but may name a dataset, with the command that takes one."""
    if not os.path.lexists(model) and _DATASET.fullmatch(str(model)):
        cure = Cure.of("predict_with_dataset", dataset=model, inputs=files.inputs, output=files.output)
        raise SegconvError("is no file or folder", code="SC010", file=str(model), cures=[cure])


@click.command(cls=Command, epilog=example("segconv predict model.zip -i testing/input -o predicted --device cpu"))
@click.argument("model", type=PATH)
@files
@bundled(
    "wanted",
    _wanted,
    *grouped(
        MODEL,
        option(
            "-c",
            "--configuration",
            shell_complete=words_of(USUAL_CONFIGURATIONS),
            help="Configuration, if MODEL holds several; default: the best.",
        ),
        folds_to_average,
        checkpoint,
    ),
    option("--sha256", metavar="HASH", help="Hash that the archive must have."),
)
@predicting
@trusting
@bundled("how", RunOptions, overwrite, restart, jobs)
@three_folders
@speaking
@finding_trainers
def command(
    model: Path,
    files: Files,
    wanted: Wanted,
    chosen: Predicting,
    trust: Trust,
    how: RunOptions,
    sink: Sink,
    paths: Paths,
) -> int:
    """Predict your own files with a model from elsewhere.

    MODEL is an archive (.zip), the folder of a model, or the folder of all models of a dataset. It is
    listed and judged before anything in it is loaded: an archive may hold only files of trained models,
    plans may name only known networks, and checkpoints only numbers. --trust-model skips the last check:
    a model that fails it can run any code, so use it only if you know who made the model.

    Predictions have the names of your files. Their values are those of the model, unless
    `segconv models export` made the archive: then they are those of the data that it was trained on.
    """
    from ..flows.infer import infer
    from ..flows.predict import opened_models

    _refuse_dataset(model, files)
    with opened_models(model, files.output, wanted, trust) as found:
        say_models(found.chosen, sink)
        sink.warn([*found.warnings, *found.chosen.warnings])
        options, raw_output = chosen.options(sink), chosen.raw_output
        dataset, ensemble = found.dataset, found.chosen.ensemble
        made = infer(dataset, ensemble, files.inputs, files.output, paths, how, options, raw_output=raw_output)
    show(made, sink)
    return 0
