"""The plot of scores shows every case and class, whatever their names, and is replaced only if segconv drew it."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fixtures.make_fixtures import write_png
from segconv.review.pictures.score_plot import MOST_CLASSES, drawn_classes, score_plot
from segconv.review.scores.scoring import Evaluation

from ...command import Command
from .test_drawing import NAMES


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_names_of_anything_are_drawn() -> None:
    dice = dict.fromkeys(NAMES, 0.5)
    assert pixels(score_plot([(NAMES[0], Evaluation({NAMES[-1]: dice}))])).shape[0] > 400


def test_a_case_more_is_a_dot_more_and_the_same_scores_are_the_same_picture() -> None:
    cases = {f"c{at}": {"x": 0.8 + at / 100} for at in range(6)}
    one = score_plot([("a", Evaluation(cases))])
    assert one == score_plot([("a", Evaluation(cases))])
    more = pixels(score_plot([("a", Evaluation({**cases, "z": {"x": 0.1}}))]))
    changed = np.argwhere((more != pixels(one)).any(axis=-1))
    left = changed[:, 1] < more.shape[1] / 3
    assert left.any(), "the dot at 0.1"


def test_two_sets_have_two_colours() -> None:
    sets = [(name, Evaluation({"c": {"x": dice, "y": 0.5}})) for name, dice in (("a", 0.5), ("b", 0.9))]
    found = {tuple(colour) for colour in pixels(score_plot(sets)).reshape(-1, 3).tolist()}
    one = {tuple(colour) for colour in pixels(score_plot(sets[:1])).reshape(-1, 3).tolist()}
    reddish = {colour for colour in found if colour[0] > colour[2] + 60}
    assert reddish
    assert not {colour for colour in one if colour[0] > colour[2] + 60}


def test_of_many_classes_the_worst_are_drawn() -> None:
    dice = {f"class {at}": at / 100 for at in range(MOST_CLASSES + 5)}
    drawn = drawn_classes([("a", Evaluation({"c": dice}))])
    assert drawn == list(dice)[:MOST_CLASSES]


def test_a_class_that_never_counts_takes_no_row_and_nothing_at_all_is_no_error() -> None:
    shape = [
        pixels(score_plot([("a", Evaluation({"c": dice}))])).shape
        for dice in ({"x": 0.5}, {"x": 0.5, "y": math.nan}, {"y": math.nan})
    ]
    assert shape[0] == shape[1] == shape[2]


@pytest.fixture
def words(tmp_path: Path) -> list[object]:
    for folder in ("p", "r"):
        write_png(tmp_path / folder / "a.png", np.eye(9, dtype=np.uint8))
        write_png(tmp_path / folder / "b.png", np.eye(9, dtype=np.uint8) * (folder == "r"))
    return ["evaluate", tmp_path / "p", tmp_path / "r", "--distances", "--plot"]


def test_a_picture_is_replaced_only_if_it_is_ours_and_on_request(
    tmp_path: Path, words: list[object], segconv: Command
) -> None:
    target = tmp_path / "scores.png"
    done = segconv(*words, target)
    assert done.code == 0, done.err
    assert f"look at {target}" in done.err
    assert pixels(target.read_bytes()).shape[1] > 500
    assert segconv(*words, target).codes() == ["SC020"]
    assert segconv(*words, target, "--overwrite").code == 0
    Image.open(target).save(target)
    assert segconv(*words, target, "--overwrite").codes() == ["SC020"]
    done = segconv(*words, tmp_path / "scores.pdf")
    assert done.code == 2
    assert "does not end in .png" in done.err
