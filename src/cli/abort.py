"""``segconv abort``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .help_pages import Command, example
from .options import speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..train.paths import Paths


@click.command(cls=Command, epilog=example("segconv abort 42"))
@click.argument("what", metavar="ID|OUTPUT")
@three_folders
@speaking
def command(what: str, sink: Sink, paths: Paths) -> int:
    """Remove what an unfinished run left.

    An interrupted run keeps what it has done, so that the same command resumes there; a killed one may
    leave a work folder and its lock. This removes them. A dataset is named by its ID, anything else by the
    path of the OUTPUT that was being made: predictions, a stress report, a picture, a task of nnU-Net v1.
    Datasets, sources, finished outputs and what segconv did not write are not touched.
    """
    from ..flows.abandon import abandon

    for path in abandon(what, paths):
        sink.detail(f"removed {path}")
    sink.say(f"removed what an unfinished run of {what} left")
    sink.end({"removed": int(what) if what.isdecimal() else what})
    return 0
