"""Paths that do not exist, loop, or are not files: each command reports them in its usual form."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.make_fixtures import png_shapes

from ..command import Command

ODD: dict[str, str] = {
    "too long": "n" * 300,
    "too long in all": "/".join(["n" * 200] * 30),
    "a loop": "{}/loop",
    "in a loop": "{}/loop/x",
    "in a file": "{}/file/x",
    "to nowhere": "{}/nowhere",
    "a pipe": "{}/pipe",
    "a device": "/dev/zero",
    "a huge file": "{}/huge",
    "no name": "",
    "no text": "\udcff",
}
Words = Callable[[str, Path], list[object]]
COMMANDS: dict[str, Words] = {
    "convert": lambda x, _: ["convert", x, "--to", "8_B"],
    "pairs": lambda x, w: ["convert", w / "source", "--to", "8_B", "--pairs", x, "-n"],
    "patients": lambda x, w: ["convert", w / "source", "--to", "8_B", "--patients", x, "-n"],
    "labels": lambda x, w: ["convert", w / "source", "--to", "8_B", "--labels", f"{x}.csv", "-n"],
    "raw": lambda x, w: ["convert", w / "source", "--to", "8_B", "--raw", x, "-n"],
    "check": lambda x, _: ["check", x],
    "restore": lambda x, w: ["restore", x, "--like", "7", "-o", w / "out"],
    "restore to": lambda x, w: ["restore", w / "predictions", "--like", "7", "-o", x],
    "restore like": lambda x, w: ["restore", w / "predictions", "--like", x, "-o", w / "out"],
    "evaluate": lambda x, w: ["evaluate", x, w / "predictions"],
    "reference": lambda x, w: ["evaluate", w / "predictions", x],
    "show": lambda x, _: ["labels", "show", x],
    "compile": lambda x, _: ["labels", "compile", x],
    "augment": lambda x, _: ["augment", x, "--to", "8_B", "--rotate", "90"],
    "repair": lambda x, _: ["repair", x, "--to", "8_B"],
    "init": lambda x, _: ["paths", "init", x],
    "recipe": lambda x, _: ["augment", "7", "--to", "8_B", "--recipe", x],
    "abort": lambda x, _: ["abort", x],
    "plan": lambda x, _: ["plan", x],
    "plans": lambda x, _: ["plans", "show", x],
}
MAKES = {
    ("raw", "no name"),
    ("restore to", "no name"),
    ("init", "no name"),
    ("init", "no text"),
    ("restore to", "no text"),
}
"""What a path that is odd may well name."""


@pytest.fixture
def world(segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    source = png_shapes(tmp_path / "made", cases=1, tests=0, size=(12, 10), values=(0, 1, 2))
    source.rename(tmp_path / "source")
    assert segconv("convert", tmp_path / "source", "--to", "7_A").code == 0
    (segconv.raw / "Dataset007_A" / "labelsTr").rename(tmp_path / "predictions")
    (segconv.raw / "Dataset007_A" / "labelsTr").symlink_to(tmp_path / "predictions")
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("absent")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 7 << 30)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return segconv


@pytest.mark.parametrize("command", COMMANDS)
def test_a_path_that_cannot_be_used_is_reported(command: str, world: Command, tmp_path: Path) -> None:
    for name, path in ODD.items():
        if (command, name) in MAKES:
            continue
        done = world(*COMMANDS[command](path.format(tmp_path), tmp_path))
        assert done.code in (2, 65, 66, 73, 74, 78), (name, done.code, done.err)
        assert done.codes(), (name, done.err)
        assert "SC104" not in done.err, (name, done.err)
        assert re.fullmatch(r"(Error SC\d+: .*\nHint: .+\n)+", done.err[done.err.index("Error ") :]), (name, done.err)
    assert not list((tmp_path / "here").iterdir()), "nothing was made"
    assert not [path for path in world.raw.iterdir() if path.name != "Dataset007_A"]


def test_a_current_folder_that_is_gone_is_reported(world: Command, tmp_path: Path) -> None:
    (tmp_path / "here").rmdir()
    for words in (["convert", "x", "--to", "8_B"], ["check", "x"], ["paths", "init", "x"], ["evaluate", "x", "y"]):
        done = world(*words)
        assert done.code in (66, 74), (words, done.err)
        assert "SC104" not in done.err
