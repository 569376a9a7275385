"""The command that comes next can be typed as it is printed, whatever the paths in it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from segconv.cli import infer as infer_command
from segconv.cli.sink import Sink
from segconv.flows.infer import Prediction

from ..command import Command
from ..review import datasets


def typed(err: str) -> list[str]:
    """The words of the next command, as a shell reads them."""
    (line,) = (line for line in err.splitlines() if line.startswith("Next: "))
    return shlex.split(line.removeprefix("Next: "), comments=True)


def test_the_folders_of_nnunet(segconv: Command, tmp_path: Path) -> None:
    done = segconv("paths", "init", tmp_path / "my work")
    assert typed(done.err) == ["source", str(tmp_path / "my work" / "setPath.sh")]


def test_a_dataset_by_its_path(segconv: Command) -> None:
    folder = datasets.volumes(segconv.raw / "my raw")
    assert typed(segconv("check", folder).err)[:3] == ["segconv", "plan", str(folder)]


def test_predictions(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    made = Prediction(tmp_path / "it's mine", [], [])
    infer_command.show(made, Sink())
    assert typed(capsys.readouterr().err) == ["segconv", "evaluate", str(tmp_path / "it's mine"), "REFERENCES"]
