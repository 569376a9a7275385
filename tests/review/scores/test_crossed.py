"""Counting all pairs of values once gives the scores of comparing masks one by one."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from segconv.image.voxels import label_values
from segconv.review.scores.crossed import Crossed
from segconv.review.scores.dice import Scores, dice, score
from segconv.review.scores.opened_label import VALUES, Label
from segconv.review.scores.tally import _together


def label(array: np.ndarray) -> Label:
    return Label(array, VALUES, label_values(array))


VALUES_OF_LABELS = st.sampled_from([0, 1, 2, 3, 255, 70_000, 1 << 40])
ARRAYS = npst.arrays(np.int64, (4, 5, 3), elements=VALUES_OF_LABELS)


@given(ARRAYS, ARRAYS)
def test_pairs_of_values_hold_every_score_of_overlap(prediction: np.ndarray, reference: np.ndarray) -> None:
    pairs = _together(label(prediction), label(reference))
    assert sum(pairs.values()) == prediction.size
    crossed = Crossed(pairs)
    values = sorted({*np.unique(prediction), *np.unique(reference)})
    for chosen in ([v] for v in values), [values], [values[1:]]:
        for some in chosen:
            texts = {str(v) for v in some}
            found = crossed.overlap(texts, texts)
            wanted = dice(np.isin(prediction, some), np.isin(reference, some))
            assert found.dice == wanted or (math.isnan(found.dice) and math.isnan(wanted))


def test_many_pairs_are_counted_as_few_are() -> None:
    random = np.random.default_rng(0)
    arrays = [random.integers(0, 400, 3_000) for _ in range(2)]
    pairs = _together(*map(label, arrays))
    assert pairs[str(arrays[0][7]), str(arrays[1][7])] >= 1
    assert sum(pairs.values()) == 3_000
    assert all(number == np.count_nonzero((arrays[0] == int(p)) & (arrays[1] == int(r)))
               for (p, r), number in list(pairs.items())[:50])  # fmt: skip


def test_ignored_voxels_are_in_no_overlap() -> None:
    crossed = Crossed({("1", "1"): 3, ("1", "255"): 5, ("0", "1"): 1}, {"255"})
    found = crossed.overlap({"1"}, {"1"})
    assert (found.both, found.predicted, found.reference) == (3, 3, 4)


def test_a_class_counts_in_the_cases_that_have_it() -> None:
    found = Scores({"a": {"x": 1.0, "y": math.nan}, "b": {"x": 0.5, "y": math.nan}, "c": {"x": math.nan, "y": 0.2}})
    assert found.classes == {"x": 0.75, "y": 0.2}
    assert found.counted == {"x": 2, "y": 1}
    assert found.mean == 0.475
    assert found.mean_without({"y"}) == 0.75
    assert math.isnan(Scores().mean)
    label_of = np.array([0, 1, 1, 2])
    assert score(label_of, label_of, {"both": (1, 2), "none": (3,)})["both"] == 1
