"""``segconv demo``."""

from __future__ import annotations

import shlex
from contextlib import nullcontext, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import click

from ..errors import Cure, Interrupted, Refused, SegconvError
from .cures import Speaker
from .help_pages import Command, example
from .options import DEVICES, PATH, cores, jobs, option, overwrite, speaking
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

    Converts PNG pictures and a 3D task, augments and draws both, lets nnU-Net plan, trains a small 2D network
    for one short epoch, predicts pictures that were held back, restores the predictions to the names and
    values of the source, and scores and draws them. Each step is a command that is shown as you would type
    it, and says how long it took and how much it wrote. Nothing is downloaded.
    """
    from ..flows.demo import run_demo

    def do(step: Cure) -> None:
        typed = sink.speaker.words(step)
        _, *arguments = shlex.split(typed)
        if jobs != cores() and _takes_jobs(arguments):
            typed, arguments = f"{typed} -j {jobs}", [*arguments, "-j", str(jobs)]
        sink.say()
        sink.type(typed, "$ ")
        _run(arguments, sink)

    found = run_demo(output, data=data, device=device, overwrite=overwrite, say=sink.say, do=do)
    cases = {case: found.scores.case_mean(case) for case in found.scores.cases}
    sink.end({"dice": cases, "mean": found.scores.mean, "predictions": found.predictions, "overlay": found.overlay})
    return 0


def _takes_jobs(arguments: list[str]) -> bool:
    """Return whether a command has ``--jobs``."""
    from .main import group

    command: click.Command | None = group
    for word in arguments:
        if not isinstance(command, click.Group):
            break
        command = command.get_command(click.Context(command), word)
    return command is not None and any("--jobs" in parameter.opts for parameter in command.params)


def _run(arguments: list[str], sink: Sink) -> None:
    """Run a command in this process; its errors are worded as its own and raised."""
    from .main import group

    speaker = Speaker()
    quietly = ["-q"] if sink.quiet or sink.as_json else []
    try:
        # Of the demo, stdout holds only one JSON object, if that is asked for.
        with redirect_stdout(StringIO()) if sink.as_json else nullcontext():
            code = group.main([*arguments, *quietly], prog_name="segconv", standalone_mode=False, obj=speaker)
    except Interrupted:
        raise
    except SegconvError as error:
        raise Refused(reasons=[replace(speaker.in_words(found), cures=()) for found in error.findings]) from error
    if code:
        raise SegconvError(f"{shlex.join(['segconv', *arguments])} ended with the exit code {code}", code="SC100")
