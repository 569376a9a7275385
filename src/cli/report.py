"""``segconv report``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import SegconvError
from ..words import count_of
from .completion import complete_cases
from .help_pages import Command, example
from .options import (
    PATH,
    backend,
    bundled,
    channel,
    dataset_argument,
    jobs,
    option,
    overwrite,
    speaking,
    three_folders,
    window,
)
from .sink import Sink

if TYPE_CHECKING:
    from ..review.report.facts import Facts
    from ..train.paths import Paths

ENDING = ".html"
_SLICES = 12
_MB = 1e6


@dataclass(frozen=True)
class Chosen:
    """What the user wants in a report, and which file to write."""

    output: Path
    predictions: Path | None
    distances: bool
    slices: int
    window: tuple[float, float] | None
    channel: str | None
    viewer: bool
    overwrite: bool

    def refuse_unfit(self) -> None:
        """Refuse what cannot be, before anything is read."""
        if self.output.suffix.lower() != ENDING:
            raise SegconvError(f"-o {self.output} does not end in {ENDING}", hint="for example -o report.html")
        if self.distances and self.predictions is None:
            raise SegconvError("--distances scores predictions", hint="add --predictions FOLDER")


@click.command(cls=Command, epilog=example("segconv report 501 -o report.html"))
@dataset_argument
@click.argument("cases", nargs=-1, metavar="[CASE]...", shell_complete=complete_cases)
@bundled(
    "chosen",
    Chosen,
    option("-o", "--output", type=PATH, required=True, help="HTML file to make."),
    option(
        "--predictions",
        type=PATH,
        metavar="FOLDER",
        help="Score and draw predictions as nnU-Net writes them, the worst first.",
    ),
    option("--distances", is_flag=True, help="Also score distances between surfaces, which takes longer."),
    option(
        "--slices",
        type=click.IntRange(0, 200),
        default=_SLICES,
        metavar="N",
        help="Number of cases in the slice viewer, if none are named.",
    ),
    window,
    channel,
    option("--viewer", is_flag=True, help="Add a 3D viewer for the cases of the slice viewer: 2 MB, and the volumes."),
    overwrite,
)
@jobs
@backend
@three_folders
@speaking
def command(
    dataset: str, cases: tuple[str, ...], chosen: Chosen, jobs: int, backend: str | None, sink: Sink, paths: Paths
) -> int:
    """Write a report of a dataset as one HTML page.

    The page needs neither network nor server. It shows what a person asks of a dataset: how many cases,
    patients and copies; sizes, spacings and values; the labels, in how many cases each is and how large; the
    findings of segconv check with what to do about them; the folds, and what leaks between them; a picture
    of every case, to sort and to filter; and the slices of some, by default evenly spaced. CASE names
    these cases, or is a pattern such as 'liver_*'.

    With --predictions it shows how good they are: the scores of segconv evaluate for every case and class,
    how they are distributed, and the slices of the worst cases.

    Every file is read once. Pictures of large datasets are smaller, to keep the page below 25 MB.
    """
    from ..dataset.layout import Dataset
    from ..flows.report import ReportOptions, write_report
    from ..work.run_options import Workers
    from .view import refuse_places

    chosen.refuse_unfit()
    found = Dataset.open(paths.dataset(dataset))
    refuse_places(chosen.output, {"the dataset": found.path, "the predictions": chosen.predictions}, paths)
    written = write_report(
        found,
        paths,
        chosen.output,
        ReportOptions(
            cases,
            chosen.slices,
            chosen.window,
            chosen.channel,
            chosen.viewer,
            chosen.predictions,
            chosen.distances,
        ),
        advice=lambda finding: sink.speaker.in_words(finding).hint,
        workers=Workers(jobs, backend, sink.progress()),
        overwrite=chosen.overwrite,
    )
    facts = written.facts
    errors = sum(one.severity == "error" for one in facts.findings)
    _say(facts, errors, chosen.output, written.nbytes, sink)
    sink.next(_next(dataset, errors, found.path, chosen.predictions))
    sink.end(
        {
            "dataset": str(found.path),
            "output": str(chosen.output),
            "bytes": written.nbytes,
            "cases": len(facts.cases),
            "errors": errors,
            "warnings": len(facts.findings) - errors,
            "dice": None if facts.scores is None else facts.scores.mean,
            "notes": list(facts.notes),
        }
    )
    return 0


def _say(facts: Facts, errors: int, output: Path, nbytes: int, sink: Sink) -> None:
    """Say what the page shows."""
    for note in facts.notes:
        sink.say(f"note: {note}")
    found = f"{count_of(errors, 'error')} and {count_of(len(facts.findings) - errors, 'warning')}"
    dice = "" if facts.scores is None or facts.scores.mean is None else f", mean Dice {facts.scores.mean:.4f}"
    sink.say(f"{count_of(len(facts.cases), 'case')} with {found}{dice}")
    sink.say(f"Wrote {output} ({nbytes / _MB:.1f} MB): open it in a browser")


def _next(dataset: str, errors: int, folder: Path, predictions: Path | None) -> str:
    from .view import next_evaluation

    if predictions is not None:
        return next_evaluation(dataset, folder, predictions)
    typed = shlex.quote(dataset)
    return f"segconv check {typed}" if errors else f"segconv plan {typed}"
