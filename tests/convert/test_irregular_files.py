"""Pipes, folders, sockets and links under the names of expected files are refused by name, without waiting."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.make_fixtures import msd_ct, png_shapes

from ..command import Command
from .drawn import labels, picture, save


def pipe(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def listener(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        beside = os.getcwd()
        os.chdir(path.parent)  # the name of a socket is short
        try:
            one.bind(path.name)
        finally:
            os.chdir(beside)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def nowhere(path: Path) -> None:
    path.symlink_to("gone")


def circle(path: Path) -> None:
    path.symlink_to(path.name)


KINDS = {pipe: "SC061", folder: "SC061", listener: "SC061", device: "SC060", nowhere: "SC012", circle: "SC060"}


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    found: Callable[[Path], None] = request.param
    return found


def replace(path: Path, kind: Callable[[Path], None]) -> None:
    path.unlink(missing_ok=True)
    kind(path)


def msd(root: Path) -> Path:
    return msd_ct(root, cases=2, tests=0, size=(6, 5, 4)) / "dataset.json"


def v1(root: Path) -> Path:
    path = msd(root)
    for image in (path.parent / "imagesTr").iterdir():
        image.rename(image.with_name(image.name.replace(".nii.gz", "_0000.nii.gz")))
    return path


def v2_of_pictures(root: Path) -> Path:
    save(root / "Dataset001_A/imagesTr/a_0000.png", picture(1))
    save(root / "Dataset001_A/labelsTr/a.png", labels(1))
    return root / "Dataset001_A/dataset.json"


@pytest.mark.parametrize("layout", [msd, v1, v2_of_pictures], ids=lambda layout: layout.__name__)
def test_a_dataset_json_that_is_not_a_file_is_named(
    layout: Callable[[Path], Path], kind: Callable[[Path], None], tmp_path: Path, segconv: Command
) -> None:
    path = layout(tmp_path / "mine")
    replace(path, kind)
    for words in ((), ("--from", "msd"), ("--from", "nnunet-v2"), ("--from", "msd", "--channels", "CT")):
        done = segconv("convert", path.parent, "--to", "9_Made", *words)
        assert done.codes() == [KINDS[kind]], done.err
        assert done.err.startswith(f"Error {KINDS[kind]}: dataset.json: ")
    around = segconv("convert", path.parent.parent, "--to", "9_Made")
    assert around.codes() == ["SC003"]
    assert path.parent.name in around.err
    for command in (("check", path.parent), ("labels", "show", path.parent), ("labels", "show", path)):
        done = segconv(*command)
        assert done.code in (65, 66), done.err
        assert "dataset.json" in done.err


@pytest.mark.parametrize("table", ["labelmap.txt", "labels.json", "class_dict.csv", "classes.json", "label_names.txt"])
@pytest.mark.parametrize("place", ["", "training", "training/output"])
def test_a_table_that_is_not_a_file_is_named(
    table: str, place: str, kind: Callable[[Path], None], tmp_path: Path, segconv: Command
) -> None:
    root = png_shapes(tmp_path, cases=2, tests=0, size=(9, 8), values=(0, 1, 2))
    kind(root / place / table)
    done = segconv("convert", root, "--to", "9_Made")
    assert done.codes() == [KINDS[kind]], done.err
    assert table in done.err


@pytest.mark.parametrize("option", ["--pairs", "--patients", "--labels", "--cases"])
def test_a_list_that_is_not_a_file_is_named(
    option: str, kind: Callable[[Path], None], tmp_path: Path, segconv: Command
) -> None:
    root = png_shapes(tmp_path, cases=2, tests=0, size=(9, 8))
    path = tmp_path / "list.csv"
    kind(path)
    done = segconv("convert", root, "--to", "9_Made", option, path)
    # Files that the user names may be elsewhere: a device is not a file, and a broken link is missing.
    expected = {device: "SC061", nowhere: "SC010"}.get(kind, KINDS[kind])
    assert done.codes() == [expected], done.err
    assert "list.csv" in done.err or kind is device


@pytest.mark.parametrize("file", ["imagesTr/ct_000.nii.gz", "labelsTr/ct_000.nii.gz"])
def test_an_image_or_label_that_is_not_a_file_is_named(
    file: str, kind: Callable[[Path], None], tmp_path: Path, segconv: Command
) -> None:
    root = msd(tmp_path).parent
    replace(root / file, kind)
    done = segconv("convert", root, "--to", "9_Made")
    assert done.codes() == [KINDS[kind]], done.err
    assert file in done.err


@pytest.mark.parametrize("file", ["splits_final.json", "segconv/run.json", "segconv/cases.jsonl"])
def test_what_a_dataset_says_of_itself_is_named(
    file: str, kind: Callable[[Path], None], tmp_path: Path, segconv: Command
) -> None:
    root = msd(tmp_path).parent
    assert segconv("convert", root, "--to", "1_A", "--no-fsync").code == 0
    made = segconv.raw / "Dataset001_A"
    replace(made / file, kind)
    done = segconv("check", made, "--json")
    assert (KINDS[kind], file) in [(finding["code"], finding["file"]) for finding in done.json["findings"]]
    done = segconv("convert", made, "--to", "2_B", "--no-fsync")
    assert file in done.err
    shutil.rmtree(segconv.raw / "Dataset002_B", ignore_errors=True)
    done = segconv("augment", made, "--to", "2_B", "--rotate", "10", "--planes", "axial", "--no-fsync")
    assert file in done.err
