"""``segconv paths``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import FOLDER, example, option, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..train.paths import Paths


@click.group(epilog=example("segconv paths init work"))
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
        sink.next(f"source {root.absolute() / 'setPath.sh'}")
    sink.end(dict(paths.variables()))
    return 0


@command.command(epilog=example("segconv paths show"))
@three_folders
@speaking
def show(paths: Paths, sink: Sink) -> int:
    """Show what is set, where it comes from, and what is missing."""
    from ..dataset.names import dataset_folders
    from ..errors import Finding, Refused
    from ..train.paths import NAMES, PURPOSE

    rows = []
    findings = []
    for word, variable in NAMES.items():
        folder: Path | None = getattr(paths, word)
        origin = paths.origin.get(word, "not set")
        count = sum(len(found) for found in dataset_folders(folder).values()) if folder else ""
        rows.append((variable, folder or paths.problems.get(word, "-"), origin, count))
        if folder is None:
            what = paths.problems.get(word, "is not set")
            findings.append(Finding("SC040", f"{variable}: {what}; it is the folder for {PURPOSE[word]}"))
    sink.table(["variable", "folder", "from", "datasets"], rows)
    if findings:
        raise Refused(reasons=findings)
    sink.end({variable: {"folder": str(folder), "from": origin} for variable, folder, origin, _ in rows})
    return 0
