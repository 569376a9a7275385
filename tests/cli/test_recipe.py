"""Recipes are read from and written to regular files only, and never replace anything."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.make_fixtures import png_shapes
from segconv.work import fsops

from ..command import Command

SAVED = "[augment]\nrotate = \"90\"\n"  # fmt: skip


@pytest.fixture
def shapes(segconv: Command, tmp_path: Path) -> Command:
    source = png_shapes(tmp_path / "source", cases=1, tests=0, size=(12, 10), values=(0, 1, 2))
    assert segconv("convert", source, "--to", "7_A").code == 0
    return segconv


def sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 7 << 30)


THERE: dict[str, Callable[[Path], object]] = {
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a device": lambda path: path.symlink_to("/dev/null"),
    "a device without end": lambda path: path.symlink_to("/dev/zero"),
    "a link in a circle": lambda path: path.symlink_to(path.name),
    "a huge file": sparse,
    "no recipe": lambda path: path.write_text("my notes\n"),
    "not even text": lambda path: path.write_bytes(b"\xff\xfe\0"),
}


def look(path: Path) -> tuple[int, int, bytes]:
    found = path.lstat()
    small = stat.S_ISREG(found.st_mode) and found.st_size < 1 << 20
    return found.st_mode, found.st_ino, path.read_bytes() if small else b""


@pytest.mark.parametrize("name", THERE)
def test_a_recipe_must_be_a_regular_file(name: str, shapes: Command, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    THERE[name](path)
    before = look(path)
    done = shapes("augment", "7", "--to", "8_B", "--recipe", path)
    assert (done.code, done.codes()) == (78, ["SC042"]), done.err
    assert f"Error SC042: {path}: " in done.err
    assert look(path) == before


@pytest.mark.parametrize("name", [*THERE, "a link to nowhere", "another recipe"])
def test_a_recipe_replaces_no_such_thing(name: str, shapes: Command, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    more: dict[str, Callable[[Path], object]] = {
        "a link to nowhere": lambda path: path.symlink_to(tmp_path / "nowhere"),
        "another recipe": lambda path: path.write_text(SAVED.replace("90", "180")),
    }
    {**THERE, **more}[name](path)
    before = look(path)
    beside = sorted(tmp_path.iterdir())
    done = shapes("augment", "7", "--to", "8_B", "--rotate", "90", "--save-recipe", path)
    assert (done.code, done.codes()) == (73, ["SC020"]), done.err
    assert f"{path}: already exists" in done.err
    assert look(path) == before
    assert sorted(tmp_path.iterdir()) == beside, "nothing was made next to it, nor at the target of the link"
    assert not (shapes.raw / "Dataset008_B").exists(), "it is reported before the work begins"


def test_the_same_recipe_may_be_there(shapes: Command, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    for target in ("8_B", "9_B"):
        assert shapes("augment", "7", "--to", target, "--rotate", "90", "--save-recipe", path).code == 0
        assert path.read_text() == SAVED
    assert sorted(p.name for p in tmp_path.iterdir() if "toml" in p.name or p.name.startswith(".")) == ["run.toml"]
    done = shapes("augment", "7", "--to", "10_B", "--recipe", path, "--save-recipe", path)
    assert done.code == 0


def test_a_recipe_that_appears_meanwhile_stays(
    shapes: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.toml"
    create = fsops.create

    def late(target: Path, data: bytes) -> None:
        target.write_text("of somebody else")
        create(target, data)

    monkeypatch.setattr(fsops, "create", late)
    done = shapes("augment", "7", "--to", "8_B", "--rotate", "90", "--save-recipe", path)
    assert (done.code, done.codes()) == (73, ["SC020"])
    assert path.read_text() == "of somebody else"


@pytest.mark.parametrize("fault", ["EROFS", "EACCES", "ENOSPC"])
def test_a_recipe_that_cannot_be_written_is_reported(
    fault: str, shapes: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsops._calls.clear()
    monkeypatch.setenv("SEGCONV_FAULT", f"{fault}@create:1")
    done = shapes("augment", "7", "--to", "8_B", "--rotate", "90", "--save-recipe", tmp_path / "run.toml")
    assert (done.code, done.codes()) == (74, ["SC032" if fault == "ENOSPC" else "SC031"])
    assert not (tmp_path / "run.toml").exists()


@pytest.mark.parametrize("parent", ["missing", "file"])
def test_a_recipe_needs_a_folder(parent: str, shapes: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / parent / "run.toml"
    done = shapes("augment", "7", "--to", "8_B", "--rotate", "90", "--save-recipe", path)
    assert (done.code, done.codes()) == (74, ["SC031"]), done.err
    done = shapes("augment", "7", "--to", "8_B", "--recipe", path)
    assert done.code == 66
