"""``segconv nnunet``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import example, three_folders

if TYPE_CHECKING:
    from ..train.paths import Paths


@click.command(
    epilog=example("segconv nnunet -- nnUNetv2_plan_and_preprocess -h"),
    context_settings={"ignore_unknown_options": True},
)
@click.argument("words", metavar="nnUNetv2_COMMAND [ARGUMENTS]…", nargs=-1, required=True, type=click.UNPROCESSED)
@three_folders
def command(words: tuple[str, ...], paths: Paths) -> int:
    """Run any nnU-Net command with the folders set.

    Everything after -- is nnU-Net's command line; its output is passed on.
    """
    from ..train.child import run_nnunet

    run_nnunet(words[0], words[1:], paths, tell=click.echo)
    return 0
