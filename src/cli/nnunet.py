"""``segconv nnunet``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .completion import complete_commands
from .cures import Speaker
from .help_pages import Command, example
from .options import ext_trainer, find_trainers_in, three_folders
from .sink import print_findings

if TYPE_CHECKING:
    from ..train.paths import Paths


@click.command(
    cls=Command,
    epilog=example("segconv nnunet -- nnUNetv2_plan_and_preprocess -h"),
    context_settings={"ignore_unknown_options": True},
)
@click.argument(
    "words",
    metavar="[nnUNetv2_COMMAND [ARGUMENTS]…]",
    nargs=-1,
    type=click.UNPROCESSED,
    shell_complete=complete_commands,
)
@ext_trainer
@three_folders
@click.pass_obj
def command(speaker: Speaker, words: tuple[str, ...], trainer_folders: tuple[Path, ...], paths: Paths) -> int:
    """Run any command of the installed nnU-Net with the folders set.

    Everything after -- is nnU-Net's command line. Its output is passed on, and kept in a log in nnUNet_preprocessed;
    its exit code is that of segconv. Without a command, all are listed.
    """
    from ..train.child import ChildFailed, commands, run_nnunet
    from ..train.model import log_file

    if not words:
        for name in sorted(commands()):
            click.echo(name)
        return 0
    paths = find_trainers_in(paths, trainer_folders)
    log = log_file(paths, "nnunet", words[0]) if paths.preprocessed is not None and words[0] in commands() else None
    try:
        run_nnunet(words[0], words[1:], paths, log=log, see=_pass_on)
    except ChildFailed as error:
        print_findings(speaker.all_in_words(error.findings), as_json=False, typed=speaker.typed)
        return error.ended_with
    return 0


def _pass_on(output: bytes) -> None:
    click.echo(output.decode("utf-8", "backslashreplace"), nl=False)
