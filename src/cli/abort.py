"""``segconv abort``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import SegconvError
from .options import example, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..train.paths import Paths


@click.command(epilog=example("segconv abort 42"))
@click.argument("dataset_id", metavar="ID", type=click.IntRange(1, 999))
@three_folders
@speaking
def command(dataset_id: int, sink: Sink, paths: Paths) -> int:
    """Remove what an unfinished run left.

    A run that was interrupted keeps what it has done, so that the same command goes on from there.
    This removes it instead. Datasets and sources are not touched.
    """
    from ..work.plan import Target
    from ..work.run import abort

    raw = paths.require("raw")
    slot = f"{dataset_id:03d}"
    if not abort(Target(raw / f"Dataset{slot}", slot)):
        raise SegconvError(f"no unfinished run of dataset {dataset_id} in {raw}", code="SC010", hint="nothing to do")
    sink.say(f"removed the unfinished run of dataset {dataset_id}")
    sink.end({"removed": dataset_id})
    return 0
