"""``segconv view``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import EXIT_FOUND, SegconvError
from .help_pages import Command, example
from .options import PATH, bundled, channel, dataset_argument, option, running, speaking, three_folders, window
from .sink import Sink

if TYPE_CHECKING:
    from ..dataset.layout import Dataset
    from ..flows.view import View
    from ..train.paths import Paths
    from ..work.run_options import RunOptions


@dataclass(frozen=True)
class Drawn:
    """How the user wants cases drawn."""

    window: tuple[float, float] | None
    predictions: Path | None
    copies: bool
    channel: str | None
    fill: bool

    def refuse_contradictions(self) -> None:
        """Refuse options that exclude each other."""
        if self.predictions is None:
            return
        if self.fill:
            raise SegconvError("--fill does not go with --predictions, where voxels that differ are filled")
        if self.copies:
            raise SegconvError("--copies and --predictions exclude each other", hint="draw one after the other")


@click.command(cls=Command, epilog=example("segconv view 501 -o overlays"))
@dataset_argument
@click.argument("cases", nargs=-1, metavar="[CASE]...")
@option("-o", "--output", type=PATH, required=True, help="Folder to make, or a PNG with several cases in one picture.")
@bundled(
    "drawn",
    Drawn,
    window,
    option(
        "--predictions",
        type=PATH,
        metavar="FOLDER",
        help="Draw predictions as nnU-Net writes them, the worst first, and where they differ from the labels.",
    ),
    option("--copies", is_flag=True, help="Draw originals next to the copies that augment made, with angle and shift."),
    channel,
    option("--fill", is_flag=True, help="Fill labels as well as outlining them."),
)
@running
@three_folders
@speaking
def command(
    dataset: str, cases: tuple[str, ...], output: Path, drawn: Drawn, sink: Sink, paths: Paths, how: RunOptions
) -> int:
    """Draw the cases of a dataset with their labels.

    Each case becomes a picture with the outlines of its labels and a legend: volumes as an axial, a coronal
    and a sagittal plane through the largest label, at their spacing, with the directions of the patient. A
    label has the same colour in all cases. CASE is a training or test case, or a pattern such as 'liver_*';
    all training cases by default. A PNG shows the cases that are named, or up to 12 of all.

    With --copies, a picture shows an original and its copies at one place in the patient, with the grey
    values of the original. CASE is then an original or a copy; all originals with copies by default.

    With --predictions, CASE is by default each case that has one. Outlines are those of the prediction,
    dashed ones those of the label; pictures are sorted by their mean Dice, the worst first.
    """
    from ..dataset.layout import Dataset
    from ..flows.view import refuse_output, run_view

    drawn.refuse_contradictions()
    found = Dataset.open(paths.dataset(dataset))
    refuse_places(output, found.path, drawn.predictions, paths)
    refuse_output(output, overwrite=how.overwrite)
    view, scores = _planned(found, cases, output, drawn, how)
    outcome = run_view(view, how)
    findings = [*outcome.warnings, *outcome.failed]
    sink.warn(findings)
    _show(scores, sink)
    of = "" if view.total == outcome.done else f" of {view.total}"
    sink.say(f"Drew {outcome.done}{of} {'case' if view.total == 1 else 'cases'}: {outcome.target}")
    sink.next(_next(dataset, drawn.predictions))
    result = {"dataset": str(found.path), "output": str(outcome.target), "cases": outcome.done, "dice": scores}
    sink.end(result, findings)
    return EXIT_FOUND if outcome.failed else 0


def _planned(
    dataset: Dataset, cases: tuple[str, ...], output: Path, drawn: Drawn, how: RunOptions
) -> tuple[View, dict[str, dict[str, float | None]]]:
    """Return the view, and the scores of predictions."""
    from ..flows.view import plan_view
    from ..flows.view_copies import plan_copies_view
    from ..flows.view_predictions import plan_prediction_view
    from ..flows.viewed_case import Look
    from ..review.pictures.case_picture import CONTOURS, FILL

    look = Look(drawn.window, FILL if drawn.fill else CONTOURS)
    if drawn.predictions is not None:
        found = plan_prediction_view(
            dataset, drawn.predictions, cases, output, look, channel=drawn.channel, workers=how
        )
        return found.view, found.as_json()
    plan = plan_copies_view if drawn.copies else plan_view
    return plan(dataset, cases, output, look, channel=drawn.channel), {}


def _next(dataset: str, predictions: Path | None) -> str:
    if predictions is None:
        return f"segconv check {shlex.quote(dataset)}"
    return f"segconv evaluate {shlex.quote(str(predictions))} {shlex.quote(dataset)}"


def refuse_places(output: Path, dataset: Path, predictions: Path | None, paths: Paths) -> None:
    """Refuse an output that holds, or is in, what is read."""
    from ..train.paths import NAMES
    from ..work.apart import refuse_holding, refuse_within

    read = {"the dataset": dataset, "the predictions": predictions}
    refuse_holding(output, read | {name: getattr(paths, word) for word, name in NAMES.items()})
    for what, folder in read.items():
        if folder is not None:
            refuse_within(output, what, folder)


def _show(scores: Mapping[str, Mapping[str, float | None]], sink: Sink) -> None:
    """Write a table of Dice, the worst case first; a dash where a class is neither predicted nor in the label."""
    if not scores:
        return
    columns = list(next(iter(scores.values())))
    rows = [[case, *("-" if dice is None else f"{dice:.3f}" for dice in row.values())] for case, row in scores.items()]
    sink.table(["case", *columns], rows)
