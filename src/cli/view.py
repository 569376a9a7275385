"""``segconv view``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import EXIT_FOUND
from .options import PATH, bundled, example, option, running, speaking, three_folders
from .sink import Sink
from .types import WINDOW

if TYPE_CHECKING:
    from ..train.paths import Paths
    from ..work.run_options import RunOptions


@dataclass(frozen=True)
class Drawn:
    """How the user wants cases drawn."""

    window: tuple[float, float] | None
    channel: str | None
    fill: bool


@click.command(epilog=example("segconv view 501 -o overlays"))
@click.argument("dataset")
@click.argument("cases", nargs=-1, metavar="[CASE]...")
@option("-o", "--output", type=PATH, required=True, help="Folder to make, or a PNG with several cases in one picture.")
@bundled(
    "drawn",
    Drawn,
    option(
        "--window",
        type=WINDOW,
        metavar="lung|bone|soft|LOW:HIGH",
        help="Values that are drawn black and white; default: percentiles of each image.",
    ),
    option("--channel", metavar="NAME|NUMBER", help="Channel to draw; default: the first, or R, G and B in colour."),
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
    """
    from ..dataset.layout import Dataset
    from ..flows.view import plan_view, refuse_output, run_view
    from ..flows.viewed_case import Look
    from ..review.pictures.case_picture import CONTOURS, FILL
    from ..train.paths import NAMES
    from ..work.apart import refuse_holding, refuse_within

    found = Dataset.open(paths.dataset(dataset))
    folders = {name: getattr(paths, word) for word, name in NAMES.items()}
    refuse_holding(output, {"the dataset": found.path, **folders})
    refuse_within(output, "the dataset", found.path)
    refuse_output(output, overwrite=how.overwrite)
    look = Look(drawn.window, FILL if drawn.fill else CONTOURS)
    view = plan_view(found, cases, output, look, channel=drawn.channel)
    outcome = run_view(view, how)
    findings = [*outcome.warnings, *outcome.failed]
    sink.warn(findings)
    of = "" if view.total == len(view.plan.items) else f" of {view.total}"
    of = "" if view.total == outcome.done else f" of {view.total}"
    sink.say(f"Drew {outcome.done}{of} {'case' if view.total == 1 else 'cases'}: {outcome.target}")
    sink.next(f"segconv check {shlex.quote(dataset)}")
    sink.end({"dataset": str(found.path), "output": str(outcome.target), "cases": outcome.done}, findings)
    return EXIT_FOUND if outcome.failed else 0
