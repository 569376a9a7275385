"""Folders of trainers reach every command that starts nnU-Net with trainers, and their modules are named first."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from segconv.cli import options
from segconv.train.paths import Paths

from ..command import Command
from .test_main import leaves

COMMANDS = {
    "train": ("7", "-c", "2d"),
    "cascade": ("7",),
    "finetune": ("7", "-c", "2d", "--from", "."),
    "rehearse": ("7",),
    "best": ("7",),
    "infer": ("7", "-i", ".", "-o", "made"),
    "predict": (".", "-i", ".", "-o", "made"),
    "stress": ("7", "-m", "."),
    "trainers list": (),
    "trainers preview": ("7", "-c", "2d"),
    "nnunet": ("nnUNetv2_train",),
}
REPORTED = set(COMMANDS) - {"trainers list", "nnunet"}
"""Those that say what will be imported: `trainers list` imports nothing, `nnunet` writes only what nnU-Net does."""


def test_all_commands_with_the_option_are_known() -> None:
    found = {name for name, command in leaves() if any("--ext-trainer" in param.opts for param in command.params)}
    assert found == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_that_does_not_exist_is_refused_first(segconv: Command, tmp_path: Path, name: str) -> None:
    done = segconv(*name.split(), "--ext-trainer", tmp_path / "none", *COMMANDS[name])
    assert (done.code, f"{tmp_path / 'none'}" in done.err) == (66, True), done.err


@pytest.mark.parametrize("name", sorted(REPORTED))
def test_modules_are_named_before_anything_else(segconv: Command, tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.py").write_text("raise RuntimeError")
    done = segconv(*name.split(), "--ext-trainer", tmp_path, *COMMANDS[name])
    assert done.err.startswith(f"nnU-Net looks for trainers in {tmp_path}, and imports every module there: mine\n")


def test_the_folders_are_in_the_paths_that_a_command_gets(tmp_path: Path) -> None:
    @click.command()
    @options.three_folders
    @options.speaking
    @options.finding_trainers
    def command(sink: object, paths: Paths) -> Paths:
        return paths

    found = command.main(["--ext-trainer", str(tmp_path)], standalone_mode=False)
    assert found.trainers == (tmp_path,)
