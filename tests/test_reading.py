"""User files are opened for reading only, never through links, without blocking, and up to a size limit."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from fixtures.make_fixtures import msd_ct, png_shapes
from segconv import reading
from segconv.cli.main import run
from segconv.errors import SegconvError

from .command import Command

LABELS = "background=0,disc=128,ring=255"

TOLD = """
import json, sys
source, *words = sys.argv[1:]
seen = []
def wording(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path = arguments[0] if isinstance(arguments[0], str) else arguments[0].decode()
        if path.startswith(source + "/"):
            seen.append((path, *arguments[1:]))
sys.addaudithook(wording)
from segconv.cli.main import run
code = run(words)
print(json.dumps([code, seen]))
"""


def test_irregular_files_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(tmp_path / "socket"))
        for name, code in {
            "link": "SC060",
            "loop": "SC060",
            "folder": "SC061",
            "pipe": "SC061",
            "socket": "SC061",
        }.items():
            with pytest.raises(SegconvError) as caught:
                reading.whole(tmp_path / name)
            assert (caught.value.code, caught.value.file) == (code, str(tmp_path / name))
    with pytest.raises(FileNotFoundError):
        reading.whole(tmp_path / "absent")
    with pytest.raises(NotADirectoryError):
        reading.whole(tmp_path / "file" / "below")
    assert reading.whole(tmp_path / "file") == b"content"
    before = len(os.listdir("/proc/self/fd"))
    for name in ("link", "folder", "pipe", "file"):
        try:
            reading.whole(tmp_path / name, 6)
        except SegconvError:
            continue
        pytest.fail(name)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "long", "wb") as file:
        file.truncate(1 << 42)  # takes no room on the disk, and all of the memory
    with pytest.raises(SegconvError) as caught:
        reading.whole(tmp_path / "long")
    assert caught.value.code == "SC054"
    (tmp_path / "long").write_bytes(bytes(9))
    assert reading.whole(tmp_path / "long", 9) == bytes(9)


def v1_task(folder: Path) -> Path:
    task = msd_ct(folder, cases=2, tests=1, size=(10, 9, 8)).rename(folder / "Task007_CT")
    for path in task.glob("images*/*.nii.gz"):
        path.rename(path.with_name(path.name.replace(".nii.gz", "_0000.nii.gz")))
    return task


def v2_dataset(folder: Path) -> Path:
    task = msd_ct(folder / "task", cases=2, tests=1, size=(10, 9, 8))
    (folder / "made").mkdir()
    assert run(["convert", str(task), "--to", "9_Source", "--raw", str(folder / "made"), "-q"]) == 0
    return folder / "made" / "Dataset009_Source"


def pairs(folder: Path, ending: str = ".nrrd") -> Path:
    for kind in ("images", "labels"):
        (folder / "src" / kind).mkdir(parents=True)
        for case in ("a", "b"):
            array = np.random.default_rng(0).integers(0, 2, (4, 20, 20)).astype(np.uint8)
            array *= 100 if kind == "images" else 1
            sitk.WriteImage(sitk.GetImageFromArray(array), folder / "src" / kind / f"{case}{ending}")
    return folder / "src"


def stacks(folder: Path) -> Path:
    for kind in ("images", "labels"):
        for case in ("a", "b"):
            (folder / "src" / kind / case).mkdir(parents=True)
            for z in range(3):
                Image.fromarray(np.eye(20, dtype=np.uint8)).save(folder / "src" / kind / case / f"{z}.png")
    return folder / "src"


def layers(folder: Path) -> Path:
    for case in ("a", "b"):
        (folder / "src" / case).mkdir(parents=True)
        for name in ("ct", "liver", "spleen"):
            array = np.random.default_rng(len(name)).integers(0, 2, (4, 20, 20)).astype(np.uint8)
            sitk.WriteImage(sitk.GetImageFromArray(array), folder / "src" / case / f"{name}.nii.gz")
    return folder / "src"


def with_a_table(folder: Path) -> Path:
    source = png_shapes(folder, cases=2, tests=1)
    (source / "labels.csv").write_text("name,value\nbackground,0\ndisc,128\nring,255\n")
    return source


def linked(source: Path) -> Path:
    """Move all files into a store next to their folders, as DataLad does, and leave links."""
    store = source / ".store"
    store.mkdir()
    for number, path in enumerate(sorted(p for p in source.rglob("*") if p.is_file())):
        kept = store / f"{number}{''.join(path.suffixes)}"
        path.rename(kept)
        path.symlink_to(os.path.relpath(kept, path.parent))
    return source


MADE: dict[str, tuple[Callable[[Path], Path], list[str]]] = {
    "png": (lambda f: png_shapes(f, cases=2, tests=1), ["--labels", LABELS]),
    "png, labels found": (lambda f: png_shapes(f, cases=2, tests=1), ["--accept-labels"]),
    "png with a table": (with_a_table, []),
    "msd": (lambda f: msd_ct(f, cases=2, tests=1, size=(10, 9, 8)), []),
    "msd, unproved": (lambda f: msd_ct(f, cases=2, tests=1, size=(10, 9, 8)), ["--no-verify-source"]),
    "nnunet-v1": (v1_task, []),
    "nnunet-v2": (v2_dataset, []),
    "pairs": (pairs, ["--accept-labels"]),
    "two files": (lambda f: pairs(f, ".mhd"), ["--accept-labels"]),
    "slices": (stacks, ["--accept-labels", "--spacing", "1,1,1"]),
    "masks": (layers, ["--channels", "CT"]),
}


@pytest.mark.parametrize("links", [False, True])
@pytest.mark.parametrize("kind", MADE)
def test_every_file_of_a_source_is_opened_for_reading_through_no_link(kind: str, links: bool, tmp_path: Path) -> None:
    make, words = MADE[kind]
    source = make(tmp_path / "made")
    if links and kind != "two files":  # a header and its data must be together
        linked(source)
    (tmp_path / "raw").mkdir()
    command = [sys.executable, "-c", TOLD, str(source), "convert", str(source), "--to", "7_A", *words]
    done = subprocess.run([*command, "--raw", str(tmp_path / "raw"), "-j", "1"], capture_output=True, encoding="utf-8")
    code, seen = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, done.stderr
    wanted = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_RDONLY
    files = {str(path) for path in source.rglob("*") if path.is_file() and not path.is_symlink()}
    assert files == {path for path, *_ in seen}
    for (path, mode, flags), after in zip(seen, [*seen[1:], None], strict=True):
        if mode is not None:  # the event that Python raises for files opened by a custom opener, which follows
            assert mode == "r"
            assert after is not None
            assert after[:2] == [path, None]
        else:
            assert flags & ~getattr(os, "O_LARGEFILE", 0) == wanted, path


@pytest.mark.parametrize("name", ["segconv/run.json", "segconv/cases.jsonl", "splits_final.json", "dataset.json"])
def test_links_next_to_the_cases_do_not_leave_the_source(name: str, tmp_path: Path, segconv: Command) -> None:
    source = v2_dataset(tmp_path)
    (source / name).rename(tmp_path / "elsewhere.json")
    (source / name).symlink_to(tmp_path / "elsewhere.json")
    done = segconv("convert", source, "--to", "7_A")
    assert (done.code, done.codes()) == (65, ["SC060"])
    assert Path(name).name in done.err


def test_heads_are_read_of_regular_files_only_and_never_through_links(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "folder").mkdir()
    (root / "folder/file").write_bytes(b"content")
    (root / "folder/link").symlink_to("file")
    (root / "linked").symlink_to("folder")
    os.mkfifo(root / "folder/pipe")
    with reading.Heads() as files:
        assert files.head(f"{root}/folder/file", 4) == (b"cont", 7)
        refused = {"folder/link": "SC060", "linked/file": "SC060", "folder": "SC061", "folder/pipe": "SC061"}
        for name, code in refused.items():
            with pytest.raises(SegconvError) as caught:
                files.head(f"{root}/{name}", 4)
            assert (caught.value.code, caught.value.file) == (code, f"{root}/{name}")
        with pytest.raises(FileNotFoundError):
            files.head(f"{root}/folder/none", 4)


def test_heads_keep_few_folders_open_and_close_them(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    before = len(os.listdir("/proc/self/fd"))
    with reading.Heads() as files:
        for number in range(200):
            (root / str(number)).mkdir()
            (root / f"{number}/file").write_bytes(bytes([number]))
            assert files.head(f"{root}/{number}/file", 1) == (bytes([number]), 1)
        assert len(os.listdir("/proc/self/fd")) - before <= reading._MOST_FOLDERS
    assert len(os.listdir("/proc/self/fd")) == before
