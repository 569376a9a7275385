"""A kind of source is one file; once registered, it is converted, listed and restored like all others."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from segconv.convert.sources.registry import KINDS

from ...command import Command
from ...extending import by_name
from ..oracles import assert_same, ct, write


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(KINDS, by_name.KIND, "scans and masks that the same name begins")
    monkeypatch.setitem(sys.modules, "segconv.convert.sources.by_name", by_name)
    for name in ("a", "b"):
        phantom = ct(ord(name))
        write(tmp_path / "mine" / f"{name}.scan.nii.gz", phantom.images[0])
        write(tmp_path / "mine" / f"{name}.mask.nii.gz", phantom.label, (phantom.label.array == 1).astype("uint8"))
    return tmp_path / "mine"


def test_a_new_kind_of_source_is_converted_and_restored(source: Path, tmp_path: Path, segconv: Command) -> None:
    done = segconv("convert", source, "--to", "9_New", "--from", "by-name")
    assert done.code == 0, done.err
    assert segconv("check", "9").code == 0
    shutil.copytree(segconv.raw / "Dataset009_New" / "labelsTr", tmp_path / "predicted")
    assert segconv("restore", tmp_path / "predicted", "--like", "9", "-o", tmp_path / "back").code == 0
    assert_same(tmp_path / "back" / "a.nii.gz", source / "a.mask.nii.gz", within_mm=1e-4)


def test_its_findings_are_reported_like_those_of_others(source: Path, segconv: Command) -> None:
    (source / "b.mask.nii.gz").unlink()
    done = segconv("convert", source, "--to", "9_New", "--from", "by-name")
    assert (done.code, done.codes()) == (66, ["SC012"])
    assert "b.mask.nii.gz" in done.err


def test_it_takes_part_in_recognising_a_source(source: Path, segconv: Command) -> None:
    done = segconv("convert", source, "--to", "9_New")
    assert done.codes() == ["SC003"], "the files are pairs of volumes as well"
    assert "by-name" in done.err


def test_options_that_it_does_not_heed_are_refused(source: Path, segconv: Command) -> None:
    done = segconv("convert", source, "--to", "9_New", "--from", "by-name", "--unite-masks")
    assert (done.code, done.codes()) == (2, ["SC001"])
