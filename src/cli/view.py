"""``segconv view``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import EXIT_FOUND, Cure, Finding, SegconvError
from .completion import complete_cases
from .help_pages import Command, example
from .options import PATH, bundled, channel, dataset_argument, option, running, speaking, three_folders, window
from .sink import Sink

if TYPE_CHECKING:
    from ..flows.view import View
    from ..flows.view_folders import Folders
    from ..flows.viewed_case import Look
    from ..train.paths import Paths
    from ..work.run_options import RunOptions


@dataclass(frozen=True)
class Drawn:
    """How the user wants cases drawn."""

    window: tuple[float, float] | None
    labels: Path | None
    predictions: Path | None
    copies: bool
    channel: str | None
    fill: bool

    @property
    def look(self) -> Look:
        """How to draw cases."""
        from ..flows.viewed_case import Look
        from ..review.pictures.case_picture import CONTOURS, FILL

        return Look(self.window, FILL if self.fill else CONTOURS)

    def refuse_contradictions(self) -> None:
        """Refuse options that exclude each other."""
        if self.copies and self.labels is not None:
            raise SegconvError("--copies does not go with --labels: only datasets say what is a copy")
        if self.predictions is None:
            return
        if self.fill:
            raise SegconvError("--fill does not go with --predictions, where voxels that differ are filled")
        if self.copies:
            raise SegconvError("--copies and --predictions exclude each other", hint="draw one after the other")


@click.command(cls=Command, epilog=example("segconv view 501 -o overlays"))
@dataset_argument
@click.argument("cases", nargs=-1, metavar="[CASE]...", shell_complete=complete_cases)
@option("-o", "--output", type=PATH, required=True, help="Folder to make, or a PNG with several cases in one picture.")
@bundled(
    "drawn",
    Drawn,
    window,
    option(
        "--labels",
        type=PATH,
        metavar="FOLDER",
        help="Draw the images of a folder, named in place of DATASET, with segmentations of the same names.",
    ),
    option(
        "--predictions",
        type=PATH,
        metavar="FOLDER",
        help="Draw predictions, the worst first, and where they differ from the labels.",
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

    With --predictions, which are as nnU-Net writes them, CASE is by default each case that has one. Outlines
    are those of the prediction, dashed ones those of the label; pictures are sorted by their mean Dice, the
    worst first.

    With --labels, DATASET is any folder of images. They are paired with segmentations by name, as evaluate
    pairs them, and so are --predictions, in any form that evaluate reads.
    """
    from ..flows.view import refuse_output, run_view
    from ..flows.view_folders import Folders

    drawn.refuse_contradictions()
    source = _dataset(dataset, paths) if drawn.labels is None else Path(dataset)
    what = "dataset" if drawn.labels is None else "images"
    read = {f"the {what}": source, "the labels": drawn.labels, "the predictions": drawn.predictions}
    refuse_places(output, read, paths)
    refuse_output(output, overwrite=how.overwrite)
    if drawn.labels is None:
        planned = _of_dataset(source, cases, output, drawn, how)
    else:
        planned = _of_folders(Folders(source, drawn.labels, drawn.predictions), cases, output, drawn, how, paths)
    for note in planned.notes:
        sink.say(note)
    outcome = run_view(planned.view, how)
    findings = [*planned.findings, *outcome.warnings, *outcome.failed]
    sink.warn(findings)
    _show(planned.scores, sink)
    of = "" if planned.view.total == outcome.done else f" of {planned.view.total}"
    sink.say(f"Drew {outcome.done}{of} {'case' if planned.view.total == 1 else 'cases'}: {outcome.target}")
    for line in _next(dataset, drawn, source):
        sink.next(line)
    result = {what: str(source), "output": str(outcome.target), "cases": outcome.done, "dice": planned.scores}
    sink.end(result, findings)
    return EXIT_FOUND if outcome.failed else 0


def _dataset(dataset: str, paths: Paths) -> Path:
    try:
        return paths.dataset(dataset)
    except SegconvError as error:
        if Path(dataset).is_dir():
            error.advise(cures=[Cure.of("draw_folder")])
        raise


@dataclass(frozen=True)
class _Planned:
    """A view, the scores of predictions, and what there is to say."""

    view: View
    scores: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def _of_dataset(folder: Path, cases: tuple[str, ...], output: Path, drawn: Drawn, how: RunOptions) -> _Planned:
    from ..dataset.layout import Dataset
    from ..flows.view import plan_view
    from ..flows.view_copies import plan_copies_view
    from ..flows.view_predictions import plan_prediction_view

    found = Dataset.open(folder)
    if drawn.predictions is not None:
        planned = plan_prediction_view(
            found, drawn.predictions, cases, output, drawn.look, channel=drawn.channel, workers=how
        )
        return _Planned(planned.view, planned.as_json())
    plan = plan_copies_view if drawn.copies else plan_view
    return _Planned(plan(found, cases, output, drawn.look, channel=drawn.channel))


def _of_folders(
    folders: Folders, cases: tuple[str, ...], output: Path, drawn: Drawn, how: RunOptions, paths: Paths
) -> _Planned:
    from ..flows.view_folders import plan_folder_view
    from .evaluate import declared_by_restoring

    said = None if folders.predictions is None else declared_by_restoring(folders.predictions, paths)
    found = plan_folder_view(folders, cases, output, drawn.look, channel=drawn.channel, said=said, workers=how)
    return _Planned(found.view, found.as_json(), found.notes, found.findings)


def _next(dataset: str, drawn: Drawn, source: Path) -> list[str]:
    if drawn.predictions is not None and drawn.labels is not None:
        return [f"segconv evaluate {shlex.quote(str(drawn.predictions))} {shlex.quote(str(drawn.labels))}"]
    if drawn.predictions is not None:
        return [next_evaluation(dataset, source, drawn.predictions)]
    return [f"segconv check {shlex.quote(dataset)}"] if drawn.labels is None else []


def next_evaluation(typed: str, dataset: Path, predictions: Path) -> str:
    """Return the command that scores predictions; those of one fold are not of all labelled cases."""
    from ..dataset.layout import Dataset

    found = Dataset.open(dataset)
    labels = (found.label_file(case) for case in found.cases())
    lacking = any(label.exists() and not (predictions / label.name).exists() for label in labels)
    return f"segconv evaluate {shlex.quote(str(predictions))} {shlex.quote(typed)}{' --missing skip' * lacking}"


def refuse_places(output: Path, read: Mapping[str, Path | None], paths: Paths) -> None:
    """Refuse an output that holds, or is in, what is read.

    Parameters
    ----------
    read
        Description → folder; None if there is none.
    """
    from ..train.paths import NAMES
    from ..work.apart import refuse_holding, refuse_within

    refuse_holding(output, {**read} | {name: getattr(paths, word) for word, name in NAMES.items()})
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
