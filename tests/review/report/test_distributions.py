"""Histograms of a report: of any numbers, and of values as nnU-Net normalises them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.review.report.distributions import distribution, edges_of
from segconv.review.report.facts import GEOMETRY, Facts, Label
from segconv.review.report.intensities import Sample
from segconv.review.report.intensity_curves import inside_values, intensity_curves

LIVER = Label(1, "liver", "class", "#e69f00", 3, 1000)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50))
def test_every_number_is_counted(values: list[float]) -> None:
    (found,) = distribution("k", "t", "mm", GEOMETRY, values)
    assert sum(found.counts) == len(values)
    assert len(found.edges) == len(found.counts) + 1


def test_whole_numbers_have_bins_of_equal_meaning() -> None:
    assert list(edges_of(np.array([3.0, 5.0]))) == [2.5, 3.5, 4.5, 5.5]
    wide = edges_of(np.arange(512, dtype=np.float64))
    assert set(np.diff(wide)) == {22.0}
    assert wide[0] == -0.5
    assert distribution("k", "t", "mm", GEOMETRY, []) == []


def test_values_of_images_on_other_scales_are_compared_as_nnunet_normalises_them() -> None:
    random = np.random.default_rng(1)
    labels = np.arange(4000) % 2
    samples = [
        Sample(((random.normal(labels * 4.0, 1.0) * scale + shift).astype(np.float32),), labels.astype(np.uint32))
        for scale, shift in ((1.0, 0.0), (1000.0, 500.0))
    ]
    curves = list(intensity_curves(["T2"], samples, [LIVER]))
    assert [curve.title for curve in curves] == ["T2: all voxels", "T2: liver"]
    assert {curve.unit for curve in curves} == {"standard deviations from the mean of the image"}
    liver = curves[1]
    middle = np.average(np.convolve(liver.edges, [0.5, 0.5], "valid"), weights=liver.counts)
    assert middle == pytest.approx(0.89, abs=0.05)
    assert liver.colour == LIVER.colour
    raw = list(intensity_curves(["CT"], samples, [LIVER]))
    assert raw[0].unit == "HU"
    assert raw[0].edges[-1] > 4000


def test_values_inside_labels_are_those_of_the_fingerprint() -> None:
    values = np.array([0, 0, 10, 20, 30], np.float32)
    found = inside_values([Sample((values,), np.array([0, 2, 1, 1, 1], np.uint32))], 0, [1])
    assert found["mean"] == 20
    assert found["median"] == 20
    assert found["std"] == pytest.approx(8.16497, abs=1e-4)
    assert inside_values([Sample((values,), None)], 0, [1]) == {}


def test_few_voxels_make_no_curve() -> None:
    sample = Sample((np.zeros(300, np.float32),), (np.arange(300) < 150).astype(np.uint32))
    assert len(list(intensity_curves(["CT"], [sample], [LIVER]))) == 1


def test_facts_are_plain_values() -> None:
    texts = {"description": "</script>"}
    facts = Facts("D", "t", texts, "", ".png", True, 0, 0, 0, 0, "", (), (), (), (), (), ())
    assert json.loads(json.dumps(facts.as_json()))["texts"] == texts
