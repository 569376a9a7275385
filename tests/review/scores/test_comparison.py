"""Two sets of predictions are compared case by case, with intervals that do not change from run to run."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fixtures.make_fixtures import write_png
from segconv.errors import SegconvError
from segconv.review.scores.comparison import Comparison, Difference, compare_evaluations
from segconv.review.scores.scoring import Evaluation

from ...command import Command


def evaluation(**classes: list[float]) -> Evaluation:
    number = len(next(iter(classes.values())))
    return Evaluation({f"c{at}": {name: dice[at] for name, dice in classes.items()} for at in range(number)})


def of(found: Comparison, name: str) -> Difference:
    (one,) = [one for one in found.differences if one.name == name]
    return one


def test_the_interval_is_that_of_resampled_cases() -> None:
    random = np.random.default_rng(3)
    first, second = random.uniform(0.6, 0.9, 40), random.uniform(0.5, 0.9, 40)
    found = of(compare_evaluations(evaluation(x=list(first)), evaluation(x=list(second))), "x")
    apart = first - second
    means = np.array([random.choice(apart, 40).mean() for _ in range(20_000)])
    assert (found.low, found.high) == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.003)
    assert found.difference == pytest.approx(apart.mean())
    assert (found.better, found.worse) == (int((apart > 0).sum()), int((apart < 0).sum()))


def test_intervals_depend_on_the_seed_only() -> None:
    random = np.random.default_rng(0)
    first, second = (evaluation(x=list(random.random(9)), y=list(random.random(9))) for _ in range(2))
    assert compare_evaluations(first, second) == compare_evaluations(first, second)
    other = compare_evaluations(first, second, seed=1)
    assert of(other, "x").low != of(compare_evaluations(first, second), "x").low
    only = [Evaluation({case: {"y": dice["y"]} for case, dice in of.cases.items()}) for of in (first, second)]
    assert of(compare_evaluations(*only), "y") == of(compare_evaluations(first, second), "y"), (
        "other classes change nothing"
    )


def test_cases_of_a_patient_are_drawn_together() -> None:
    random = np.random.default_rng(5)
    apart = np.repeat(random.uniform(-0.2, 0.3, 8), 5)
    cases = {f"c{at}": f"p{at // 5}" for at in range(40)}
    first, second = evaluation(x=list(0.5 + apart)), evaluation(x=[0.5] * 40)
    found = compare_evaluations(replace(first, patients=cases), second)
    assert found.patients == 8
    means = np.array([random.choice(apart[::5], 8).mean() for _ in range(20_000)])
    assert (of(found, "x").low, of(found, "x").high) == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.005)
    single = of(compare_evaluations(first, second), "x")
    assert of(found, "x").high - of(found, "x").low > 1.8 * (single.high - single.low)
    one = compare_evaluations(replace(first, patients=dict.fromkeys(cases, "p")), second)
    assert math.isnan(of(one, "x").low), "one patient shows no spread"


def test_patients_of_a_dataset_are_known(tmp_path: Path, segconv: Command) -> None:
    for number in range(4):
        for name in ("images", "masks"):
            write_png(tmp_path / "set" / name / f"sub-{number // 2}_{number}.png", square(at=number))
    segconv("convert", tmp_path / "set", "--to", "7_A", "--labels", "background=0,x=1,y=2")
    labels = segconv.raw / "Dataset007_A" / "labelsTr"
    done = segconv("evaluate", labels, "7", "--against", labels)
    assert "10000 bootstrap samples of 2 patients with 4 cases" in done.err, done.err
    for like in (tmp_path / "set" / "masks",):
        done = segconv("evaluate", like, like, "--like", "7", "--against", like, "--json")
        assert done.json["against"]["patients"] == 2, done.err


def test_swapping_both_sets_swaps_the_signs() -> None:
    first, second = evaluation(x=[0.9, 0.8, 0.95, 0.7]), evaluation(x=[0.5, 0.4, 0.7, 0.6])
    one, other = of(compare_evaluations(first, second), "x"), of(compare_evaluations(second, first), "x")
    assert (one.low, one.high, one.difference) == pytest.approx((-other.high, -other.low, -other.difference))
    assert (one.verdict, other.verdict) == ("better", "worse")
    assert (one.better, one.worse) == (other.worse, other.better) == (4, 0)


def test_a_case_in_which_a_class_counts_in_one_set_only_is_counted_and_left_out() -> None:
    first, second = evaluation(x=[0.9, 0.8, math.nan, 0.5]), evaluation(x=[0.8, 0.6, 0.0, math.nan])
    found = of(compare_evaluations(first, second), "x")
    assert (found.cases, found.only_first, found.only_second) == (2, 1, 1)
    assert (found.first, found.second) == pytest.approx((0.85, 0.7))


def test_few_cases_have_no_interval_and_equal_ones_no_verdict() -> None:
    found = of(compare_evaluations(evaluation(x=[0.9]), evaluation(x=[0.1])), "x")
    assert math.isnan(found.low)
    assert found.verdict == ""
    assert found.as_json()["low"] is None
    same = evaluation(x=[0.9, 0.5], y=[math.nan, math.nan])
    assert of(compare_evaluations(same, same), "x").verdict == ""
    assert of(compare_evaluations(same, same), "y").cases == 0


def test_the_mean_over_classes_is_of_the_same_draws() -> None:
    first, second = evaluation(x=[0.9, 0.8, 0.7], y=[0.3, 0.2, 0.9]), evaluation(x=[0.6, 0.5, 0.4], y=[0.0, -0.1, 0.6])
    found = of(compare_evaluations(first, second), "")
    assert (found.difference, found.low, found.high) == pytest.approx((0.3, 0.3, 0.3))


def test_sets_without_a_common_case_are_refused() -> None:
    with pytest.raises(SegconvError) as refused:
        compare_evaluations(Evaluation({"a": {"x": 1.0}}), Evaluation({"b": {"x": 1.0}}))
    assert refused.value.code == "SC131"


def square(*, at: int, second: bool = True) -> np.ndarray:
    mask = np.zeros((24, 40), np.uint8)
    mask[4:16, 4 + at : 16 + at] = 1
    if second:
        mask[4:16, 22:32] = 2
    return mask


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    for case in range(6):
        write_png(tmp_path / "ref" / f"c{case}.png", square(at=0))
        write_png(tmp_path / "mine" / f"c{case}.png", square(at=case % 2))
        write_png(tmp_path / "other" / f"c{case}.png", square(at=1 + case % 3, second=case > 1))
    return tmp_path / "mine", tmp_path / "ref", tmp_path / "other"


def test_two_folders_are_compared(folders: tuple[Path, Path, Path], segconv: Command) -> None:
    mine, ref, other = folders
    words = ["evaluate", mine, ref, "--against", other]
    done = segconv(*words, "--distances")
    assert done.code == 0, done.err
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert ["1", "Dice", "0.9583", "0.8333", "0.1250"] in [row[:5] for row in rows]
    assert ["1", "HD95 px", "0.50", "2.00", "-1.50"] in [row[:5] for row in rows]
    (hd95,) = [row for row in rows if row[:2] == ["1", "HD95 px"]]
    assert hd95[6:] == ["better", "6", "5/0"], "a smaller distance is better"
    assert "HD95 px exists in only one of both, and is not compared: 2 in 2 cases" in done.err
    again = segconv(*words, "--json").json
    single = segconv("evaluate", mine, ref, "--json").json
    assert {key: again[key] for key in single} == single
    assert again["against"]["other"]["classes"] == segconv("evaluate", other, ref, "--json").json["classes"]
    assert again["against"]["scores"]["dice"]["classes"]["1"]["cases"] == 6
    assert again == segconv(*words, "--json").json
    assert again["against"]["seed"] == 0
    assert segconv(*words, "--json", "--seed", "4").json["against"]["scores"] != again["against"]["scores"]


def test_cases_that_one_set_lacks_are_refused_or_left_out_of_the_comparison(
    folders: tuple[Path, Path, Path], segconv: Command
) -> None:
    mine, ref, other = folders
    (other / "c5.png").unlink()
    words = ["evaluate", mine, ref, "--against", other]
    assert segconv(*words).codes() == ["SC013"]
    done = segconv(*words, "--missing", "skip")
    assert done.code == 0, done.err
    assert "in only one of both, not compared: c5" in done.err
    assert segconv(*words, "--missing", "zero", "--json").json["against"]["left_out"] == []
