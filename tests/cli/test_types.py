"""Texts of options become the values that commands compute with, or usage errors."""

from __future__ import annotations

import click
import pytest

from segconv.cli.types import ANGLES, FEATURES, FOLDS, LIMITS, NAMES, NUMBERS, PLANES, SIZE, SPACING, Parsed


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (ANGLES, "30,60,-180", (30, 60, -180)),
        (PLANES, "Sagittal, coronal", ("sagittal", "coronal")),
        (LIMITS, "30:50", (30, 50)),
        (LIMITS, "40", (40, 40)),
        (FOLDS, "0, 01,all", ("0", "1", "all")),
        (NAMES, "a, b", ("a", "b")),
        (NUMBERS, "-5,10", (-5, 10)),
        (NUMBERS, "", ()),
        (SIZE, "64x64x32", (64, 64, 32)),
        (FEATURES, "8:64", (8, 64)),
        (SPACING, "0.5,1,2", (0.5, 1, 2)),
    ],
)
def test_texts_become_values(kind: Parsed, text: str, value: object) -> None:
    assert kind.convert(text, None, None) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (ANGLES, "30;60"),
        (LIMITS, "a:b"),
        (PLANES, "axial,"),
        (FOLDS, "0,00"),
        (FOLDS, "first"),
        (SIZE, "64y64"),
        (FEATURES, "8"),
        (SPACING, "1,1"),
        (SPACING, "1,1,0"),
    ],
)
def test_other_texts_are_usage_errors(kind: Parsed, text: str) -> None:
    with pytest.raises(click.UsageError, match="is not a"):
        kind.convert(text, None, None)
