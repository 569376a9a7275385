"""``segconv report``: one page, whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from segconv.review.report.sealed_page import is_sealed

from ..command import Command, tree_hash
from ..review import datasets
from .test_single_files import KINDS


def test_a_page_appears_complete_and_replaces_only_its_like(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=2)
    before = tree_hash(root)
    page = segconv.folder / "made" / "here" / "report.html"
    done = segconv("report", "7", "-o", page, "-j", "1")
    assert done.code == 0, done.err
    assert done.err.splitlines()[-2:] == [
        f"Wrote {page} ({page.stat().st_size / 1e6:.1f} MB): open it in a browser",
        "Next: segconv plan 7",
    ]
    assert is_sealed(page)
    assert tree_hash(root) == before
    first = page.read_bytes()
    assert segconv("report", "7", "-o", page).codes() == ["SC020"]
    done = segconv("report", "7", "-o", page, "--overwrite", "-j", "2", "--json")
    assert (done.json["cases"], done.json["errors"], done.json["bytes"]) == (3, 0, len(first))
    assert page.read_bytes() == first
    page.write_bytes(first.replace(b"Dataset007", b"Dataset008", 1))
    assert segconv("report", "7", "-o", page, "--overwrite").codes() == ["SC020"]
    page.write_bytes(b"mine")
    assert segconv("report", "7", "-o", page, "--overwrite").codes() == ["SC020"]
    assert page.read_bytes() == b"mine"


def test_cures_are_worded_for_the_command_line(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=2)
    (root / "labelsTr" / "c1.nii.gz").unlink()
    page = segconv.folder / "report.html"
    done = segconv("report", "7", "-o", page, "-j", "1")
    assert done.code == 0
    assert "1 error" in done.err
    assert done.err.splitlines()[-1] == "Next: segconv check 7"
    assert "move the image to imagesTs" in page.read_text(encoding="utf-8")


def test_what_cannot_be_is_refused_before_anything_is_read(segconv: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    root = datasets.volumes(segconv.raw, cases=1)
    monkeypatch.setattr("segconv.flows.report.report_facts", None)
    assert "does not end in .html" in segconv("report", "7", "-o", "report.pdf").err
    assert segconv("report", "7", "-o", segconv.folder / "x.html", "--distances").codes() == ["SC001"]
    assert segconv("report", "7", "-o", root / "report.html").codes() == ["SC020"]
    assert not list(segconv.folder.rglob("*.html"))


def test_predictions_are_scored_and_the_next_command_shows_more(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=2)
    predictions = segconv.folder / "my predictions"
    shutil.copytree(root / "labelsTr", predictions)
    page = segconv.folder / "model.html"
    done = segconv("report", "7", "-o", page, "--predictions", predictions, "--slices", "1", "-j", "1")
    assert done.code == 0, done.err
    assert "mean Dice 1.0000" in done.err
    assert done.err.splitlines()[-1] == f"Next: segconv evaluate '{predictions}' 7"
    assert segconv("evaluate", predictions, "7").code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_irregular_files_are_not_replaced(kind: str, segconv: Command, tmp_path: Path) -> None:
    datasets.volumes(segconv.raw, cases=1)
    (tmp_path / "mine").write_text("mine")
    page = tmp_path / "report.html"
    KINDS[kind](page, tmp_path / "mine")
    for words in ([], ["--overwrite"]):
        done = segconv("report", "7", "-o", page, *words)
        assert (done.code, done.codes()) == (73, ["SC020"]), done.err
    assert os.path.lexists(page)
    assert (tmp_path / "mine").read_text() == "mine"


def test_ctrl_c_leaves_nothing(segconv: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets.volumes(segconv.raw, cases=2)

    def interrupted(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("segconv.review.report.gathered.Gathered.take", interrupted)
    before = sorted(segconv.folder.rglob("*"))
    done = segconv("report", "7", "-o", segconv.folder / "report.html", "-j", "1")
    assert (done.code, "nothing was written" in done.err) == (130, True)
    assert sorted(segconv.folder.rglob("*")) == before


def test_a_case_or_channel_that_does_not_exist(segconv: Command, tmp_path: Path) -> None:
    datasets.volumes(segconv.raw, cases=2)
    assert "did you mean c1" in segconv("report", "7", "c11", "-o", tmp_path / "r.html").err
    assert "there are 0 CT" in segconv("report", "7", "--channel", "T1", "-o", tmp_path / "r.html").err


def test_predictions_of_some_cases_are_scored_by_the_next_command(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=2)
    predictions = segconv.folder / "fold_0"
    predictions.mkdir()
    shutil.copy(root / "labelsTr" / "c1.nii.gz", predictions)
    asked = ("--predictions", predictions, "-j", "1")
    for words in (("report", "7", "-o", segconv.folder / "x.html"), ("view", "7", "-o", segconv.folder / "x.png")):
        done = segconv(*words, *asked)
        assert done.err.splitlines()[-1] == f"Next: segconv evaluate {predictions} 7 --missing skip"
    assert segconv("evaluate", predictions, "7", "--missing", "skip").code == 0
