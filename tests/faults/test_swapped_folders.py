"""Source folders that become links at any moment: nothing from outside is read, and the user's own links work."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fixtures.make_fixtures import png_shapes
from segconv import reading
from segconv.errors import SegconvError
from segconv.image.formats import dicom
from segconv.work import fsops
from segconv.work.caseio import HARD, CaseIO

from ..command import Command
from ..image.formats.test_dicom import write_series

LABELS = "background=0,disc=128,ring=255"
INSIDE, OUTSIDE = b"inside", b"outside"


@pytest.fixture(params=["openat2", "part by part"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How files are opened: as new kernels can, or as all can."""
    if request.param == "part by part":

        def unknown(path: str, flags: int) -> int:
            raise OSError(errno.ENOSYS, "unknown", path)

        monkeypatch.setattr(reading, "_openat2", unknown)
    return str(request.param)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder, and one of the same files elsewhere that may take its place."""
    for root, content in (("source", INSIDE), ("elsewhere", OUTSIDE)):
        (tmp_path / root / "folder" / "deep").mkdir(parents=True)
        (tmp_path / root / "folder" / "deep" / "file").write_bytes(content)
    return tmp_path / "source"


@contextmanager
def swapped(folder: Path, target: Path) -> Iterator[None]:
    """Let a link take the place of a folder."""
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.symlink_to(target)
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


def test_no_part_of_a_path_may_be_a_link(way: str, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = source / "folder" / "deep" / "file"
    (source / "inner").symlink_to("folder")
    (source / "folder" / "link").symlink_to("deep/file")
    (source / "nowhere").symlink_to("gone")
    assert reading.whole(path) == INSIDE
    assert reading.whole(f"{source}//folder/./deep/../deep/file") == INSIDE
    monkeypatch.chdir(source)
    assert reading.whole("folder/deep/file") == INSIDE
    assert reading.whole("./folder/deep/file") == INSIDE
    for wrong in ("inner/deep/file", "folder/link", "nowhere/file", source / "inner/deep/file", "inner"):
        with pytest.raises(SegconvError) as caught:
            reading.whole(wrong)
        assert (caught.value.code, caught.value.file) == ("SC060", str(wrong))
    for part in (source / "folder", source / "folder" / "deep"):
        with swapped(part, source.parent / "elsewhere" / part.relative_to(source)):
            with pytest.raises(SegconvError) as caught:
                reading.whole(path)
            assert caught.value.code == "SC060"
            with pytest.raises(OSError, match="symbolic links"):
                reading.status_of(path)
    assert reading.whole(path) == INSIDE
    assert os.path.samestat(reading.status_of(path), path.stat())


def test_other_failures_are_reported_in_the_words_of_the_system(way: str, source: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for wrong, error in {
        "folder/gone": FileNotFoundError,
        "gone/file": FileNotFoundError,
        "folder/deep/file/below": NotADirectoryError,
        "folder/" + "x" * 300: OSError,
        "": SegconvError,
        "folder": SegconvError,
    }.items():
        with pytest.raises(error):
            reading.whole(source / wrong)
    with pytest.raises(ValueError, match="null"):
        reading.whole(f"{source}/a\0b")
    with pytest.raises(OSError, match="No such file"):
        reading.whole("")
    with pytest.raises(SegconvError):
        reading.whole("/")
    (source / "\udcff").write_bytes(INSIDE)
    assert reading.whole(source / "\udcff") == INSIDE
    assert len(os.listdir("/proc/self/fd")) == before


SWAP = """
import os, sys
from segconv.work import fsops
first, second = sys.argv[1:]
print("ready", flush=True)
while True:
    fsops._renameat2(first, second, 2)
"""


@pytest.mark.parametrize("part", ["folder", "folder/deep"])
def test_a_folder_that_is_swapped_all_the_time_lets_nothing_in(way: str, part: str, source: Path) -> None:
    link = source.parent / "link"
    link.symlink_to(source.parent / "elsewhere" / part)
    command = [sys.executable, "-c", SWAP, str(source / part), str(link)]
    read: list[bytes] = []
    refused: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as swapping:
        try:
            assert swapping.stdout is not None
            assert swapping.stdout.readline() == b"ready\n"
            for _ in range(3000):
                io = CaseIO(source.parent / "staging", source)
                try:
                    read.append(io.read(source / "folder" / "deep" / "file"))
                    io.refuse_changed_sources()
                except SegconvError as error:
                    refused.append(error.code)
        finally:
            swapping.kill()
    assert set(read) <= {INSIDE}
    assert set(refused) <= {"SC060", "SC062"}


def elsewhere_of(folder: Path) -> Path:
    """A folder elsewhere of the same names and sizes."""
    target = folder.parent / "elsewhere"
    target.mkdir()
    for path in folder.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def test_slices_of_dicom_are_decoded_from_the_file_that_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "series"
    array = np.arange(3 * 8 * 9, dtype=np.int16).reshape(3, 8, 9)
    files = [str(path) for path in write_series(folder, array)]
    expected = dicom.read_series(files).values.copy()
    secret = elsewhere_of(folder)
    for path in secret.iterdir():
        data = bytearray(path.read_bytes())
        data[-16:] = bytes(16)  # other voxels
        path.write_bytes(data)
    read: Callable[..., Any] = dicom.sitk.ReadImage

    def read_swapped(name: str, **how: Any) -> Any:
        with swapped(folder, secret):
            return read(name, **how)

    monkeypatch.setattr(dicom.sitk, "ReadImage", read_swapped)
    assert np.array_equal(dicom.read_series(files).values, expected)
    monkeypatch.undo()
    with swapped(folder, secret), pytest.raises(SegconvError) as caught:
        dicom.read_series(files)
    assert caught.value.code == "SC060"


def test_a_hard_link_is_to_the_file_that_was_read(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = source / "folder" / "deep" / "file"
    staging = source.parent / "staging"
    io = CaseIO(staging, source)
    io.carry(path, "a", HARD)
    (made,) = io.targets
    assert os.path.samestat((staging / made["temporary"]).stat(), path.stat())
    link = fsops.hard_link

    def link_swapped(first: Path, second: Path) -> None:
        with swapped(source / "folder", source.parent / "elsewhere" / "folder"):
            link(first, second)

    monkeypatch.setattr(fsops, "hard_link", link_swapped)
    for carry in (io.carry, lambda p, name, how: io.place(p, io.read(p), name, how)):
        with pytest.raises(SegconvError) as caught:
            carry(path, "b", HARD)
        assert caught.value.code == "SC062"
        assert [target["path"] for target in io.targets] == ["a"]
        assert [name.name for name in staging.iterdir()] == [made["temporary"]]


def test_links_on_the_way_to_what_a_user_names_are_followed(tmp_path: Path, segconv: Command) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "way").symlink_to("real")
    way = tmp_path / "way"
    source = png_shapes(way / "src", cases=2, tests=1)
    (source / "labels.csv").write_text("name,value\nbackground,0\ndisc,128\nring,255\n")
    (way / "pairs.csv").write_text("image,label\ntraining/input/shape-0.png,training/output/shape-0.png\n")
    raw = way / "raw"
    raw.mkdir()
    where = ["--raw", raw, "--preprocessed", raw, "--results", raw]
    for words in (
        ["convert", source, "--to", "7_A", "-j", "1", "--raw", raw],
        ["convert", source, "--to", "8_B", "-j", "1", "--raw", raw, "--labels", source / "labels.csv"],
        ["convert", source, "--pairs", way / "pairs.csv", "--to", "9_C", "-j", "1", "--raw", raw, "--labels", LABELS],
        ["check", raw / "Dataset007_A"],
        ["labels", "show", raw / "Dataset007_A"],
        ["augment", "7", "--to", "17_D", "--rotate", "90", "--pad-value", "3", "-j", "1", *where],
        ["convert", raw / "Dataset007_A", "--to", "18_E", "-j", "1", "--raw", raw],
        ["repair", raw / "Dataset007_A", "--to", "19_F", "-j", "1", "--raw", raw],
        ["restore", raw / "Dataset007_A" / "labelsTr", "--like", raw / "Dataset007_A", "-o", way / "out", "-j", "1"],
        ["evaluate", raw / "Dataset007_A" / "labelsTr", raw / "Dataset007_A" / "labelsTr"],
        ["paths", "init", way / "home"],
        ["paths", "init", way / "home"],
    ):
        done = segconv(*words)
        assert done.code == 0, (words, done.err)
