"""``segconv doctor``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from ..errors import EXIT_DONE, exit_code_of
from ..words import count_of
from .help_pages import Command, example
from .options import optional_dataset, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..train.doctor.looks import Look
    from ..train.paths import Paths


@click.command(cls=Command, epilog=example("segconv doctor"))
@optional_dataset
@three_folders
@speaking
def command(dataset: str | None, sink: Sink, paths: Paths) -> int:
    """Examine whether this machine can train.

    Looks at Python, packages, GPU, variables, folders, memory and disks; each problem comes with its fix. PyTorch
    and Blosc2 are tried in a process of their own. With a DATASET, the disk must also hold what its preprocessing
    takes.
    """
    from ..dataset.layout import Dataset
    from ..train.doctor.examination import examine
    from ..train.doctor.looks import findings_of

    looks = examine(paths, None if dataset is None else Dataset.open(paths.dataset(dataset)))
    found = findings_of(looks)
    sink.table(
        ["", "what", "found", "fix"], [(look.verdict, look.subject, look.found, _fix(look, sink)) for look in looks]
    )
    sink.warn(found)
    code = exit_code_of(found)
    if code == EXIT_DONE:
        sink.say(f"This machine can train ({count_of(len(found), 'warning')}).")
        sink.next("segconv convert SOURCE --to 42_Name" if dataset is None else f"segconv plan {shlex.quote(dataset)}")
    shown = [{"subject": look.subject, "found": look.found, "verdict": look.verdict} for look in looks]
    sink.end({"looks": shown}, found, ok=code == EXIT_DONE)
    return code


def _fix(look: Look, sink: Sink) -> str:
    return "; ".join(sink.speaker.in_words(finding).hint for finding in look.findings)
