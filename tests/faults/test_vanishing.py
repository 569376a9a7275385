"""User files and folders that vanish or become unreadable at any moment: the result is right, or they are named.

``SEGCONV_FAULTS=all`` tries every moment with every fault (some minutes); otherwise a fixed sample.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from segconv import reading
from segconv.cli.main import run

from .worlds import WORLDS, World, perform

SAMPLE = 12
EVERY = os.environ.get("SEGCONV_FAULTS") == "all"
FAULTS = ("gone", "EACCES", "EIO", "ESTALE", "ELOOP")
CALLS = ("stat", "lstat", "open", "scandir", "listdir", "access", "readlink")
CODES = {0, 65, 66, 74}


class Watched:
    """Counts what this process asks the system about files below some folders, and spoils one of the answers.

    Parameters
    ----------
    folders
        Of the user.
    fault
        What happens to the path that the call asks for: it is deleted, or refused with this error from then on.
    number
        Which of the calls it happens at; 0 for none.
    """

    def __init__(self, folders: list[Path], fault: str = "", number: int = 0) -> None:
        self._roots = tuple(os.path.join(folder, "") for folder in folders) + tuple(map(str, folders))
        self.fault = fault
        self._number = number
        self.asked: list[str] = []
        self.victim: str | None = None

    def __call__(self, path: Any) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        name = os.path.normpath(os.path.join(os.getcwd(), os.fsdecode(path)))
        if not name.startswith(self._roots):
            return
        self.asked.append(name)
        if len(self.asked) == self._number:
            self.victim = name
            if self.fault == "gone" and os.path.isdir(name):
                shutil.rmtree(name)
            elif self.fault == "gone" and os.path.lexists(name):
                os.unlink(name)
        if self.fault != "gone" and self.victim is not None and Path(name).is_relative_to(self.victim):
            code = getattr(errno, self.fault)
            raise OSError(code, os.strerror(code), name)


@contextmanager
def watching(watched: Watched) -> Iterator[None]:
    """Let every call that asks about a file go through `watched`."""
    inside = False

    def through(call: Callable[..., Any]) -> Callable[..., Any]:
        def asked(path: Any = ".", *args: Any, **how: Any) -> Any:
            nonlocal inside
            if not inside:
                inside = True
                try:
                    watched(path)
                finally:
                    inside = False
            return call(path, *args, **how)

        return asked

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, through(getattr(os, name)))
        patch.setattr(
            reading, "_openat2", through(reading._openat2)
        )  # a call of the kernel that Python has no name for
        patch.setattr(builtins, "open", through(builtins.open))
        patch.setattr(io, "open", through(io.open))
        yield


def ended(world: World, watched: Watched, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.MonkeyPatch.context() as patch:
        for key, value in world.env.items():
            patch.setenv(key, value)
        capsys.readouterr()
        with watching(watched):
            code = run([*world.words, "-j", "1", "-q"])
    said = capsys.readouterr()
    return code, said.err


def kept(world: World) -> list[Path]:
    return [world.folder / name for name in world.kept]


def names(err: str, victim: str | None, safe: Path) -> bool:
    """Whether a file is named, or a folder or one of the files that were in it."""
    name = Path(victim or "nothing").name
    inside = [
        path.name.partition(".")[0].removesuffix("_0000") for folder in safe.rglob(name) for path in folder.glob("*")
    ]
    return any(part in err for part in (name, *inside))


def as_if_before(world: World, watched: Watched, code: int, err: str, capsys: pytest.CaptureFixture[str]) -> bool:
    """Whether a command did what it does with sources that have been so from its beginning."""
    found = world.found()
    world.reset()
    from_the_first = Watched([Path(watched.victim or "nothing")], watched.fault, 1)
    return (*ended(world, from_the_first, capsys), world.found()) == (code, err, found)


@pytest.mark.parametrize("name", WORLDS)
def test_whatever_becomes_unreadable_is_named_or_did_not_matter(
    name: str, fresh: Callable[[str], World], capsys: pytest.CaptureFixture[str]
) -> None:
    world = fresh(name)
    folders = kept(world)
    for folder in folders:
        shutil.copytree(folder, world.folder / "safe" / folder.name, symlinks=True)
    perform(world)
    expected = world.found()
    world.reset()
    usual = Watched(folders)
    assert ended(world, usual, capsys)[0] == 0
    everything = [(fault, number) for fault in FAULTS for number in range(1, len(usual.asked) + 1)]
    for fault, number in everything if EVERY else random.Random(name).sample(everything, SAMPLE):
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(world.folder / "safe" / folder.name, folder, symlinks=True)
        world.reset()
        watched = Watched(folders, fault, number)
        code, err = ended(world, watched, capsys)
        what = (fault, number, watched.victim, code, err)
        assert code in CODES, what
        assert "SC104" not in err, what
        good = world.found() == (expected if code == 0 else world.before)
        good = good and (code == 0 or names(err, watched.victim, world.folder / "safe"))
        assert good or as_if_before(world, watched, code, err, capsys), what


LOOKS: dict[str, list[str]] = {
    "check": ["check", "9"],
    "quick": ["check", "9", "--quick"],
    "ignore": ["labels", "ignore", "9"],
    "evaluate": ["evaluate", "{predictions}", "{dataset}/labelsTr"],
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", ["png", "msd"])
def test_whoever_only_looks_names_what_becomes_unreadable(
    name: str, look: str, fresh: Callable[[str], World], capsys: pytest.CaptureFixture[str]
) -> None:
    world = fresh(name)
    perform(world)
    safe = world.folder / "safe"
    shutil.copytree(world.made, safe / "Dataset009_A")
    predictions = world.folder / "predictions"
    shutil.copytree(world.made / "labelsTr", predictions)
    world.words = [word.format(predictions=predictions, dataset=world.made) for word in LOOKS[look]]
    usual = Watched([world.made])
    expected = ended(world, usual, capsys)
    assert expected[0] == 0
    everything = [(fault, number) for fault in FAULTS for number in range(1, len(usual.asked) + 1)]
    for fault, number in everything if EVERY else random.Random(name + look).sample(everything, SAMPLE // 2):
        shutil.rmtree(world.made, ignore_errors=True)
        shutil.copytree(safe / "Dataset009_A", world.made)
        watched = Watched([world.made], fault, number)
        code, err = ended(world, watched, capsys)
        what = (fault, number, watched.victim, code, err)
        assert code in CODES | {1}, what
        assert "SC104" not in err, what
        if (code, err) != expected and not names(err, watched.victim, safe):
            from_the_first = Watched([Path(watched.victim or "nothing")], fault, 1)
            assert ended(world, from_the_first, capsys) == (code, err), what
