"""``segconv abort``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import SegconvError
from .options import example, speaking, three_folders
from .sink import Sink

MAX_ID = 999

if TYPE_CHECKING:
    from ..train.paths import Paths


@click.command(epilog=example("segconv abort 42"))
@click.argument("what", metavar="ID|FOLDER")
@three_folders
@speaking
def command(what: str, sink: Sink, paths: Paths) -> int:
    """Remove what an unfinished run left.

    A run that was interrupted keeps what it has done, so that the same command goes on from there.
    This removes it instead: of a dataset by its ID, of restored predictions by their FOLDER. Datasets
    and sources are not touched.
    """
    from ..work.plan import Target
    from ..work.run import abort

    if what.isdecimal() and 1 <= int(what) <= MAX_ID:
        raw = paths.require("raw")
        slot = f"{int(what):03d}"
        target, where = Target(raw / f"Dataset{slot}", slot), str(raw)
    else:
        folder = Path(what).absolute()  # the output of restore or infer
        target, where = Target(folder, folder.name), str(folder.parent)
    if not abort(target):
        raise SegconvError(f"no unfinished run of {what} in {where}", code="SC010", hint="nothing to do")
    sink.say(f"removed the unfinished run of {what}")
    sink.end({"removed": int(what) if what.isdecimal() else what})
    return 0
