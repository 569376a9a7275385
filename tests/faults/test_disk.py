"""A disk that is full or read-only, or has room again: one clear message, nothing half-made, and a rerun that works.

Real disks are file systems in memory of a few hundred kB; where mounting is not allowed those tests
are skipped, and the disk that ends in the middle of a write is simulated at the seam.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from segconv.cli.main import run

from .forker import Forker
from .worlds import World, perform

EVERY = os.environ.get("SEGCONV_FAULTS") == "all"
DISK_KB = 24 << 10
STEPS = 20 if EVERY else 5


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A file system in memory on a folder."""
    folder.mkdir(exist_ok=True)
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, encoding="utf-8")
    if done.returncode != 0:
        pytest.skip(f"mounting a file system is not allowed here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def on_disk(world: World, folder: Path) -> World:
    """The same world, its target on a disk of its own."""
    relative = Path(world.target)
    (folder / relative.parent.name).mkdir(exist_ok=True)
    other = World(world.folder, list(world.words), str(folder / relative.parent.name / relative.name), world.kept)
    other.words += ["--raw", str(folder / relative.parent.name)]
    return other


@pytest.mark.parametrize("name", ["png", "channels", "augmented"])
def test_a_full_disk_is_reported_and_the_run_resumes_once_there_is_room(
    name: str, tmp_path: Path, fresh: Callable[[str], World], forker: Forker
) -> None:
    world = fresh(name)
    perform(world)
    expected = world.found()
    assert expected is not None
    with mounted(tmp_path / "disk", f"size={DISK_KB}k"):
        here = on_disk(world, tmp_path / "disk")
        for kept in here.kept:
            if kept.startswith("nnUNet_raw/"):
                shutil.copytree(world.folder / kept, here.made.parent / Path(kept).name)
        need = sum(-(-len(data) // 4096) * 4096 for data in expected.values())
        for step in range(STEPS):
            # A run that started while there was room; foreign files fill the disk then.
            begun = forker.run([*here.words, "-j", "1"], {**here.env, "SEGCONV_FAULT": "kill@append:1"})
            assert begun.code < 0
            left = int(need * 1.2 * step / max(STEPS - 1, 1)) // 4096 * 4096
            ballast = tmp_path / "disk" / "ballast"
            with ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(4096, shutil.disk_usage(tmp_path / "disk").free - left))
            full = forker.run([*here.words, "-j", "1"], here.env)
            if full.code == 0:
                assert here.found() == expected
            else:
                assert full.code == 74, (left, full.err)
                errors = [line for line in full.err.splitlines() if line.startswith("Error ")]
                assert errors
                assert all(line.startswith("Error SC032: ") for line in errors), full.err
                assert "Traceback" not in full.err
                assert here.found() is None
                ballast.unlink()
                again = forker.run([*here.words, "-j", "1"], here.env)
                assert again.code == 0, again.err
                assert here.found() == expected
            assert step or full.code, "with no room left at all it cannot have worked"
            ballast.unlink(missing_ok=True)
            here.reset()


def test_too_little_room_is_known_before_anything_is_written(
    tmp_path: Path, fresh: Callable[[str], World], forker: Forker
) -> None:
    world = fresh("png")
    with mounted(tmp_path / "disk", "size=1m"):
        here = on_disk(world, tmp_path / "disk")
        done = forker.run([*here.words, "-j", "1"], here.env)
        assert done.code == 74
        assert "Error SC032: " in done.err
        assert "MiB free" in done.err
        assert list(here.made.parent.iterdir()) == []


def test_a_disk_without_room_for_names_is_a_full_disk(
    tmp_path: Path, fresh: Callable[[str], World], forker: Forker
) -> None:
    world = fresh("png")
    with mounted(tmp_path / "disk", "size=64m,nr_inodes=9"):
        here = on_disk(world, tmp_path / "disk")
        done = forker.run([*here.words, "-j", "1"], here.env)
        assert (done.code, "Traceback" in done.err) == (74, False), done.err
        assert "Error SC032: " in done.err
        assert here.found() is None


def test_a_read_only_disk_is_reported_and_unchanged(
    tmp_path: Path, fresh: Callable[[str], World], forker: Forker
) -> None:
    world = fresh("png")
    with mounted(tmp_path / "disk", "size=64m"):
        here = on_disk(world, tmp_path / "disk")
        subprocess.run(["mount", "-o", "remount,ro", tmp_path / "disk"], check=True)
        done = forker.run([*here.words, "-j", "1"], here.env)
        assert (done.code, "Traceback" in done.err) == (74, False), done.err
        assert list(here.made.parent.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_reported_before_the_work(fresh: Callable[[str], World], forker: Forker) -> None:
    world = fresh("png")
    world.made.parent.chmod(0o555)
    try:
        done = forker.run([*world.words, "-j", "1"], world.env)
    finally:
        world.made.parent.chmod(0o755)
    assert (done.code, "Error SC031" in done.err) == (74, True)
    assert list(world.made.parent.iterdir()) == []


def test_a_source_that_may_only_be_read_is_converted(fresh: Callable[[str], World], forker: Forker) -> None:
    world = fresh("png")
    folders = [path for path in (world.folder / "source").rglob("*") if path.is_dir()]
    for path in folders:
        path.chmod(0o555)
    try:
        assert forker.run([*world.words, "-j", "1"], world.env).code == 0
    finally:
        for path in folders:
            path.chmod(0o755)


@pytest.mark.parametrize("name", ["png", "channels", "augmented_pictures"])
def test_a_disk_that_takes_less_than_it_is_given_gets_the_rest(
    name: str, fresh: Callable[[str], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = fresh(name)
    perform(world)
    expected = world.found()
    world.reset()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, memoryview(data)[:37]))
    perform(world)
    monkeypatch.undo()
    assert world.found() == expected


@pytest.mark.parametrize("name", ["png", "channels"])
def test_a_disk_that_fills_up_within_a_file_leaves_no_file(
    name: str, fresh: Callable[[str], World], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = fresh(name)
    perform(world)
    expected = world.found() or {}
    need = sum(map(len, expected.values()))
    write = os.write
    for key, value in world.env.items():
        monkeypatch.setenv(key, value)
    for part in (0, 0.3, 0.6, 0.9):
        world.reset()
        room = [int(part * need)]

        def until_full(descriptor: int, data: object, room: list[int] = room) -> int:
            if room[0] <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            done = write(descriptor, memoryview(data)[: room[0]])  # type: ignore[arg-type]
            room[0] -= done
            return done

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", until_full)
            code = run([*world.words, "-j", "1", "-q"])
        said = capsys.readouterr().err
        assert code == 74
        assert "Error SC032" in said
        assert world.found() is None
        parts = [path for path in world.made.parent.rglob("*") if path.is_file() and path.parent.name.startswith("im")]
        for path in parts:
            name = re.sub(r"^\.tmp-[0-9a-f]{16}-", "", path.name)  # as it is called until its case is finished
            assert path.read_bytes() == expected[f"{path.parent.name}/{name}"], part
        assert run([*world.words, "-j", "1", "-q"]) == 0
        assert world.found() == expected
