"""Every command works with a home folder that is missing, unreadable or another user's."""

from __future__ import annotations

import errno
import os
import pwd
import site
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from fixtures.make_fixtures import png_shapes
from segconv import reading
from segconv.augment import compiled
from segconv.train.child import environment, python
from segconv.train.paths import Paths, init_folders, read_settings, settings_file

from ..command import Command

HOMES = {
    "unset": None,
    "empty": "",
    "relative": "some/home",
    "a tilde": "~",
    "missing": "{}/missing",
    "a file": "{}/file",
    "in a file": "{}/file/home",
    "a loop": "{}/loop",
    "too long": "/" + "x" * 300,
    "a device": "/dev/null",
}
OF_COMMANDS = [
    ["paths", "show"],
    ["check", "9"],
    ["labels", "show", "9"],
    ["evaluate", "{raw}/Dataset009_A/labelsTr", "{raw}/Dataset009_A/labelsTr"],
    ["restore", "{raw}/Dataset009_A/labelsTr", "--like", "9", "-o", "{out}"],
    ["augment", "9", "--to", "19_B", "--rotate", "90"],
]


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whom the list of users does not know, and of whom no variable says where anything is."""

    def unknown(_: int) -> NoReturn:
        raise KeyError("uid not found")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)


def odd(name: str, folder: Path) -> str | None:
    """Return the value of a variable, with the files that it speaks of."""
    (folder / "file").touch()
    (folder / "loop").symlink_to("loop")
    value = HOMES[name]
    return value.format(folder) if value is not None else None


@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"])
@pytest.mark.parametrize("name", HOMES)
def test_settings_and_caches_are_done_without(
    name: str, variable: str, homeless: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = odd(name, tmp_path)
    if value is not None:
        monkeypatch.setenv(variable, value)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert read_settings() == {}
    assert Paths.find().problems == {}
    found = compiled.cache_folder.__wrapped__()
    chosen = tmp_path / "missing" / "segconv" / f"numba-{compiled.VERSION}"  # made, as it was asked for by name
    assert found in (None, Path(compiled.__file__).parent / "__pycache__", chosen)
    made = {path for path in tmp_path.rglob("*") if path not in before}
    assert made == ({chosen, *chosen.parents[:2]} if found == chosen else set()), "nothing else is left"
    assert os.path.isabs(environment(Paths()).get("HOME", "/"))


@pytest.mark.parametrize("name", ["unset", "relative", "a file"])
def test_every_command_works_without_a_home(
    name: str, homeless: None, segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = png_shapes(tmp_path / "source", cases=2, tests=0, size=(20, 18), values=(0, 1, 2))
    if (value := odd(name, tmp_path)) is not None:
        monkeypatch.setenv("HOME", value)
    for words in (["convert", str(source), "--to", "9_A"], *OF_COMMANDS):
        done = segconv(*(word.format(raw=segconv.raw, out=tmp_path / "out") for word in words))
        assert done.code == 0, (words, done.err)


SETTINGS: dict[str, Callable[[Path], object]] = {
    "no JSON": lambda path: path.write_text("{"),
    "of another encoding": lambda path: path.write_bytes(b'{"nnUNet_raw": "\xff"}'),
    "too deep": lambda path: path.write_text("[" * 100_000),
    "a list": lambda path: path.write_text("[]"),
    "of numbers": lambda path: path.write_text('{"nnUNet_raw": 1}'),
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "sparse": lambda path: (path.touch(), os.truncate(path, 7 << 30)),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_are_broken_are_refused_by_name(
    name: str, segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = settings_file()
    assert path is not None
    path.parent.mkdir(parents=True)
    SETTINGS[name](path)
    done = segconv("paths", "show")
    assert (done.code, done.codes()) == (78, ["SC042"])
    assert f"Error SC042: {path}: " in done.err


@pytest.mark.parametrize("code", ["EACCES", "EPERM", "ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"])
def test_settings_that_this_user_cannot_read_are_ignored(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError(getattr(errno, code), code)

    monkeypatch.setattr(reading, "_through_no_link", refuse)
    assert read_settings() == {}


def test_settings_may_be_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    init_folders(tmp_path / "root", remember=True)
    path = settings_file()
    assert path is not None
    path.rename(tmp_path / "mine.json")
    path.symlink_to(tmp_path / "mine.json")
    assert read_settings()["nnUNet_raw"] == str(tmp_path / "root" / "nnUNet_raw")


def test_unwritable_settings_are_reported_before_folders_are_made(
    homeless: None, segconv: Command, tmp_path: Path
) -> None:
    done = segconv("paths", "init", tmp_path / "root", "--remember")
    assert (done.code, done.codes()) == (78, ["SC042"])
    assert not (tmp_path / "root").exists()
    assert segconv("paths", "init", tmp_path / "root").code == 0


def test_kernels_that_another_user_compiled_are_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert (compiled.cache_folder.__wrapped__() or Path()).is_relative_to(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert not (compiled.cache_folder.__wrapped__() or Path()).is_relative_to(tmp_path)


def test_a_child_takes_no_packages_from_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: "~/.local/lib/python/site-packages")
    assert "site" not in " ".join(python("print()"))
    monkeypatch.setattr(site, "getusersitepackages", lambda: "/home/me/.local/lib/python/site-packages")
    assert "/home/me/.local" in " ".join(python("print()"))
