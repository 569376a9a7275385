"""An interrupted demo makes way for another, and takes no foreign files with it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segconv.flows import demo
from segconv.review.scores.dice import Scores
from segconv.work import begun

from ..command import Command


def walk(steps: Any, data: Path | None) -> Any:
    """Leave the files of a demo, without its work."""
    steps.write(steps.folder / "input" / "coins.png", b"picture")
    return demo.Demonstration(Scores({}), steps.folder, steps.folder)


def in_convert(steps: Any) -> None:
    staging = steps.folder / "nnUNet_raw" / ".segconv-501"
    staging.mkdir(parents=True)
    begun.declare(staging, ["imagesTr/a.png"])
    (staging / "imagesTr").mkdir()
    (staging / "imagesTr" / "a.png").touch()


def in_plan(steps: Any) -> None:
    (steps.folder / "nnUNet_preprocessed" / "Dataset601_coinsAug" / "nnUNetPlans_2d").mkdir(parents=True)


def in_training(steps: Any) -> None:
    own = steps.folder / "nnUNet_results" / "Dataset601_coinsAug"
    (own / "nnUNetTrainer_1epoch__nnUNetPlans__2d_small" / "fold_0").mkdir(parents=True)
    (own / "dataset.json").write_text("{}")


def in_infer(steps: Any) -> None:
    work = steps.folder / ".segconv-infer-predictions"
    work.mkdir()
    begun.declare(work, ["imagesTs/a.png"])


STEPS: list[Callable[[Any], None]] = [in_convert, in_plan, in_training, in_infer]


@pytest.fixture
def interrupted(segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any) -> Path:
    step, more = request.param

    def cut_short(steps: Any, data: Path | None) -> Any:
        walk(steps, data)
        step(steps)
        if more:
            path = steps.folder / more
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("mine")
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "_walk", cut_short)
    done = segconv("demo", "-o", tmp_path / "out")
    assert done.code == 130
    assert f"Hint: segconv demo -o {tmp_path / 'out'} --overwrite starts again" in done.err
    monkeypatch.setattr(demo, "_walk", walk)
    return tmp_path / "out"


@pytest.mark.parametrize("interrupted", [(step, "") for step in STEPS], indirect=True, ids=lambda p: p[0].__name__)
def test_an_interrupted_demo_starts_over(interrupted: Path, segconv: Command) -> None:
    assert segconv("demo", "-o", interrupted).codes() == ["SC020"]
    done = segconv("demo", "-o", interrupted, "--overwrite")
    assert done.code == 0, done.err
    left = {os.path.relpath(path, interrupted) for path in interrupted.rglob("*") if path.is_file()}
    assert left == {"input/coins.png", "segconv/run.json"}


@pytest.mark.parametrize(
    "interrupted",
    [
        (in_plan, "notes.txt"),
        (in_plan, "input/notes.txt"),
        (in_plan, "held-back/input/mine.png"),
        (in_plan, "nnUNet_raw/Dataset501_coins/notes.txt"),
        (in_plan, "nnUNet_preprocessed/notes.txt"),
        (in_convert, "nnUNet_raw/.segconv-501/notes.txt"),
        (in_infer, ".segconv-infer-predictions/notes.txt"),
    ],
    indirect=True,
    ids=lambda p: p[1],
)
def test_foreign_files_next_to_its_own_stay(interrupted: Path, segconv: Command) -> None:
    before = {path: path.read_bytes() for path in interrupted.rglob("*") if path.is_file()}
    done = segconv("demo", "-o", interrupted, "--overwrite")
    assert (done.code, done.codes()) == (73, ["SC020"])
    assert "which segconv did not write" in done.err
    assert {path: path.read_bytes() for path in interrupted.rglob("*") if path.is_file()} == before


def test_a_folder_that_is_not_a_demo_is_left_untouched(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_walk", walk)
    (tmp_path / "out" / "nnUNet_raw").mkdir(parents=True)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    for words in ([], ["--overwrite"]):
        assert segconv("demo", "-o", tmp_path / "out", *words).codes() == ["SC020"]
        assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
        assert not (tmp_path / "out" / "segconv").exists()


@pytest.mark.parametrize("path", ["n" * 300, "/".join(["n" * 200] * 30)])
def test_an_impossible_name_is_reported_first(path: str, segconv: Command, tmp_path: Path) -> None:
    done = segconv("demo", "-o", tmp_path / path)
    assert (done.code, done.codes()) == (74, ["SC031"])
    assert "Cutting" not in done.err


def only_pictures(steps: Any, data: Path | None) -> Any:
    """The first steps of a demo."""
    pictures = data or steps.make_pictures()
    steps.init()
    steps.augment_pictures(steps.convert(pictures, demo.PICTURES))
    return demo.Demonstration(Scores({}), steps.folder, steps.folder)


def test_the_commands_that_a_demo_shows_print_the_same_when_typed(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_walk", only_pictures)
    before = {name: os.environ[name] for name in os.environ if name.startswith("nnUNet")}
    folder = tmp_path / "out"
    done = segconv("demo", "-o", folder, "-j", "1")
    assert done.code == 0, done.err
    assert {name: os.environ[name] for name in os.environ if name.startswith("nnUNet")} == before
    steps = re.split(r"^\$ segconv ", done.err, flags=re.MULTILINE)[1:]
    assert [step.split()[0] for step in steps] == ["paths", "convert", "augment"]
    assert all(re.search(r"^\(\d+\.\d s, \d+\.\d MB\)$", step, re.MULTILINE) for step in steps)
    assert (folder / "copies.png").stat().st_size > 10_000
    (folder / "copies.png").unlink()
    for made in (folder / "nnUNet_raw").iterdir():
        shutil.rmtree(made)
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.setenv(name, str(folder / name))
    for step in steps[1:]:
        command, *printed = step.splitlines()
        cost = next(number for number, line in enumerate(printed) if line.startswith("("))
        assert segconv(*shlex.split(command)).err.splitlines() == printed[:cost]


def test_a_demo_with_json_prints_one_object(segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_walk", only_pictures)
    done = segconv("demo", "-o", tmp_path / "out", "-j", "1", "--json")
    assert (done.code, done.json["ok"], done.err) == (0, True, "")


def test_a_step_that_fails_reports_its_own_error(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_walk", only_pictures)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").touch()
    done = segconv("demo", "-o", tmp_path / "out", "--data", mine, "-j", "1")
    typed = segconv("convert", mine, "--to", "501")
    assert (done.code, done.codes()) == (typed.code, typed.codes())
    assert done.err.splitlines()[-len(typed.err.splitlines()) :] == typed.err.splitlines()
