"""Repeat the folders of nnU-Net that options named in the commands that come next: typed as printed, they find them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click


def with_folders(text: str, folders: Mapping[str, Path]) -> str:
    """Return a command with the options of folders that it takes and does not have.

    Parameters
    ----------
    text
        As a user types it.
    folders
        Option → folder, as the user named them.
    """
    found = _command(text.split(" ")) if folders and text.startswith("segconv ") else None
    if found is None:
        return text
    known = {name for each in found.params for name in each.opts}
    missing = [option for option in folders if option in known and f" {option} " not in f"{text} "]
    more = "".join(f" {option} {shlex.quote(str(folders[option]))}" for option in missing)
    return f"{text}{more}"


def _command(words: list[str]) -> click.Command | None:
    """Return the command that words begin with; None for a group without its command."""
    from .main import group

    found: click.Command | None = group
    for word in words[1:]:
        if not isinstance(found, click.Group):
            return found
        context: Any = click.Context(found)
        found = found.get_command(context, word)
    return None if isinstance(found, click.Group) else found
