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
    This removes it instead: of a dataset by its ID, of predictions by the FOLDER that infer or restore
    was to make. Datasets, sources, finished predictions and what segconv did not write are not touched.
    """
    from ..dataset.lineage import DATASETS, manifest
    from ..flows.infer import abandon
    from ..work.plan import Target
    from ..work.run import abort

    if what.isdecimal() and 1 <= int(what) <= MAX_ID:
        raw = paths.require("raw")
        slot, where = f"{int(what):03d}", raw
        removed = abort(Target(raw / f"Dataset{slot}", slot, manifest(*DATASETS)))
    else:
        folder = Path(what).absolute()
        removed, where = abandon(folder), folder.parent
    if not removed:
        raise SegconvError(f"no unfinished run of {what} in {where}", code="SC010", hint="nothing to do")
    sink.say(f"removed the unfinished run of {what}")
    sink.end({"removed": int(what) if what.isdecimal() else what})
    return 0
