"""``segconv paths``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .help_pages import Group, example
from .options import FOLDER, option, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..train.paths import Paths


@click.group(cls=Group, epilog=example("segconv paths init work"))
def command() -> None:
    """Make nnU-Net's three folders, or show where they are.

    nnU-Net keeps datasets, preprocessed data and models in three folders that it finds through
    environment variables. An option beats a variable, a variable beats the settings file.
    """


@command.command(epilog=example("segconv paths init work"))
@click.argument("root", type=FOLDER)
@option("--remember", is_flag=True, help="Write the settings file, so that no variable is needed.")
@speaking
def init(root: Path, remember: bool, sink: Sink) -> int:
    """Make the three folders under ROOT, and files that set the variables."""
    from ..train.paths import init_folders, settings_file

    paths = init_folders(root, remember=remember)
    for variable, folder in paths.variables().items():
        sink.data(f"{variable}={folder}")
    if remember:
        sink.say(f"remembered in {settings_file()}")
    else:
        sink.next(f"source {shlex.quote(str(root.absolute() / 'setPath.sh'))}")
    sink.end(dict(paths.variables()))
    return 0


@command.command(epilog=example("segconv paths show"))
@three_folders
@speaking
def show(paths: Paths, sink: Sink) -> int:
    """Show what is set, where it comes from, and what is missing.

    Variables of nnU-Net v1 are shown as well: `convert` looks its tasks up there.
    """
    import os

    from ..errors import refuse_if_any
    from ..train.overview import overview
    from ..train.paths import TRAINERS
    from ..train.trainer_folders import export_line, search_path

    places = overview(paths, os.environ)
    sink.table(
        ["variable", "folder", "from", "holds"],
        [(place.variable, place.folder, place.origin, place.holds) for place in places],
    )
    found = refuse_if_any(finding for place in places for finding in place.findings)
    sink.warn(found)
    sink.type(export_line(), "nnU-Net's own commands find the same trainers with: ")
    sink.end(
        {place.variable: {"folder": place.folder, "from": place.origin} for place in places}
        | {TRAINERS: {"folder": search_path(), "from": "segconv"}},
        found,
    )
    return 0
