"""``segconv demo``."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import Cure
from .help_pages import Command, example
from .options import DEVICES, PATH, jobs, option, overwrite, speaking
from .sink import Sink


@click.command(cls=Command, epilog=example("segconv demo -o demo"))
@option("-o", "--output", type=PATH, default=Path("demo"), help="Folder for everything that the demo makes.")
@option("--data", type=PATH, help="Your own PNG folder instead of the built-in pictures.")
@option("--device", type=DEVICES, default="cpu", help="cuda is faster where there is a GPU.")
@overwrite
@jobs
@speaking
def command(output: Path, data: Path | None, device: str, overwrite: bool, jobs: int, sink: Sink) -> int:
    """See everything at work on real pictures, in minutes.

    Converts PNG pictures and a 3D task, augments both, lets nnU-Net plan, trains a small 2D network
    for one short epoch, predicts pictures that were held back, and restores the predictions to
    the names and values of the source. Each step shows the command that does it. Nothing is downloaded.
    """
    from ..flows.demo import run_demo

    def show(step: Cure) -> None:
        sink.say()
        sink.type(sink.speaker.words(step), "$ ")

    found = run_demo(
        output,
        data=data,
        device=device,
        jobs=jobs,
        overwrite=overwrite,
        say=sink.say,
        show=show,
    )
    cases = {case: found.scores.case_mean(case) for case in found.scores.cases}
    sink.end({"dice": cases, "mean": found.scores.mean, "predictions": found.predictions, "overlay": found.overlay})
    return 0
