"""Colours of labels: few for everyone's eyes, many that differ."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import rgb2lab

from segconv.review.pictures.label_colours import FIRST, NUMBER, colour_of, lab_of, palette

LEAST_DIFFERENCE = 2.3
"""In CIELAB, what people just notice (Mahy et al. 1994)."""

# Machado, Oliveira and Fernandes 2009, https://doi.org/10.1109/TVCG.2009.113, of severity 1, for linear RGB.
DEFICIENCIES = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def least_difference(colours: NDArray[np.float64]) -> float:
    lab = rgb2lab(colours[np.newaxis])[0]
    apart = np.linalg.norm(lab[:, np.newaxis] - lab, axis=-1)
    return float(apart[~np.eye(len(lab), dtype=bool)].min())


def test_cielab_is_that_of_scikit_image() -> None:
    colours = np.random.default_rng(0).random((50, 3))
    np.testing.assert_allclose(lab_of(colours), rgb2lab(colours[np.newaxis])[0], atol=0.1)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_few_labels_differ_for_the_colour_blind(deficiency: str) -> None:
    colours = palette()[: len(FIRST)]
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(DEFICIENCIES[deficiency]).T, 0, 1)
    seen = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    assert least_difference(seen) > 3 * LEAST_DIFFERENCE


@pytest.mark.parametrize(("labels", "times"), [(60, 8), (117, 6), (NUMBER, 4)])
def test_many_labels_differ(labels: int, times: int) -> None:
    assert least_difference(palette()[:labels]) > times * LEAST_DIFFERENCE


def test_values_beyond_the_palette_start_again() -> None:
    assert colour_of(1) == colour_of(NUMBER + 1)
    assert colour_of(NUMBER) != colour_of(1)
