"""Commands that write one file refuse links, pipes, folders and devices in its place, by name."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from skimage import io

from fixtures.make_fixtures import png_shapes

from ..command import Command
from ..train.test_plans import plans

Put = Callable[[Path, Path], object]
KINDS: dict[str, Put] = {
    "a link": lambda path, aside: path.symlink_to(aside),
    "a link to nowhere": lambda path, aside: path.symlink_to(aside.with_name("nowhere")),
    "a link to a full device": lambda path, _: path.symlink_to("/dev/full"),
    "a link in a circle": lambda path, _: path.symlink_to(path.name),
    "a pipe": lambda path, _: os.mkfifo(path),
    "a folder": lambda path, _: path.mkdir(),
}
"""What may be in the place of a file that is written; what was there is kept next to it."""

ELSEWHERE = {
    "too long": f"{'n' * 300}.png",
    "too long in all": f"{'/'.join(['n' * 200] * 30)}.png",
    "the device": "/dev/full",
}


@pytest.fixture
def world(segconv: Command, tmp_path: Path) -> Command:
    source = png_shapes(tmp_path / "source", cases=1, tests=0, size=(12, 10), values=(0, 1, 2))
    assert segconv("convert", source, "--to", "7_A").code == 0
    for folder in ("p", "r"):
        (tmp_path / folder).mkdir()
        io.imsave(tmp_path / folder / "a.png", np.eye(9, dtype=np.uint8), check_contrast=False)
    planned = segconv.folder / "nnUNet_preprocessed" / "Dataset007_A"
    planned.mkdir()
    (planned / "nnUNetPlans.json").write_text(json.dumps(plans()))
    return segconv


def look(folder: Path) -> dict[str, tuple[int, bytes | str]]:
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        inside = path.read_bytes() if stat.S_ISREG(mode) else os.readlink(path) if stat.S_ISLNK(mode) else b""
        found[str(path.relative_to(folder))] = (mode, inside)
    return found


def scores(world: Command, path: Path | str) -> list[object]:
    return ["evaluate", world.folder / "p", world.folder / "r", "--csv", path]


def preview(world: Command, path: Path | str) -> list[object]:
    return ["trainers", "preview", "7", "-c", "full", "-o", path]


def recipe(world: Command, path: Path | str) -> list[object]:
    return ["augment", "7", "--to", "8_B", "--rotate", "90", "--save-recipe", path]


ONE_FILE: dict[str, Callable[[Command, Path | str], list[object]]] = {
    "scores": scores,
    "scores again": lambda world, path: [*scores(world, path), "--overwrite"],
    "recipe": recipe,
    "recipe tried": lambda world, path: [*recipe(world, path), "-n"],
    "preview": preview,
    "preview again": lambda world, path: [*preview(world, path), "--overwrite"],
}
COMMANDS = [pytest.param(name, marks=[pytest.mark.train] * name.startswith("preview")) for name in ONE_FILE]


@pytest.mark.parametrize("command", COMMANDS)
def test_irregular_files_are_not_replaced_by_files(command: str, world: Command, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for kind, put in KINDS.items():
        path = tmp_path / "out" / "it.png"
        (tmp_path / "mine").write_text("mine")
        put(path, tmp_path / "mine")
        before = look(tmp_path)
        done = world(*ONE_FILE[command](world, path))
        assert (done.code, done.codes()) == (73, ["SC020"]), (kind, done.err)
        assert str(path) in done.err
        assert look(tmp_path) == before, kind
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_cannot_be_is_named(command: str, world: Command, tmp_path: Path) -> None:
    for kind, name in ELSEWHERE.items():
        path = name if name.startswith("/") else f"{tmp_path}/{name}"
        path = path if kind != "the device" or not command.startswith("preview") else f"{path}/it.png"
        before = look(tmp_path)
        done = world(*ONE_FILE[command](world, path))
        assert done.code in (66, 73, 74), (kind, done.err)
        assert done.codes(), (kind, done.err)
        assert "SC104" not in done.err
        assert path.removesuffix("/it.png")[:250] in done.err
        assert look(tmp_path) == before, kind


IN_PLACE: dict[str, tuple[str, list[object]]] = {
    "names": ("nnUNet_raw/Dataset007_A/dataset.json", ["labels", "rename", "7", "class_1=disc"]),
    "names, the run": ("nnUNet_raw/Dataset007_A/segconv/run.json", ["labels", "rename", "7", "class_1=disc"]),
    "names, the lineage": ("nnUNet_raw/Dataset007_A/segconv", ["labels", "rename", "7", "class_1=disc"]),
    "regions": (
        "nnUNet_raw/Dataset007_A/dataset.json",
        ["labels", "regions", "7", "whole=1+2", "class_2=2", "--force"],
    ),
    "plans": (
        "nnUNet_preprocessed/Dataset007_A/nnUNetPlans.json",
        ["plans", "derive", "7", "small", "--from", "full", "--patch-size", "32x64x64"],
    ),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_irregular_files_are_not_edited(name: str, world: Command, tmp_path: Path) -> None:
    where, words = IN_PLACE[name]
    path = tmp_path / where
    for kind, put in KINDS.items():
        if path.is_dir() and "link" not in kind:
            continue
        path.rename(tmp_path / "aside")
        put(path, tmp_path / "aside")
        before = look(tmp_path)
        done = world(*words)
        assert done.code in (65, 66, 73), (kind, done.err)
        assert str(path) in done.err, kind
        assert look(tmp_path) == before, kind
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        (tmp_path / "aside").rename(path)
    assert world(*words).code == 0, "as it was, it is changed"
