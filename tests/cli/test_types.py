"""Texts of options become the values that commands compute with, or usage errors."""

from __future__ import annotations

import click
import pytest

from segconv.cli.types import ANGLES, PLANES, SHIFT, Parsed


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (ANGLES, "30,60,-180", (30, 60, -180)),
        (PLANES, "Sagittal, coronal", ("sagittal", "coronal")),
        (SHIFT, "30:50", (30, 50)),
        (SHIFT, "40", (40, 40)),
    ],
)
def test_texts_become_values(kind: Parsed, text: str, value: object) -> None:
    assert kind.convert(text, None, None) == value


@pytest.mark.parametrize(("kind", "text"), [(ANGLES, "30;60"), (SHIFT, "a:b"), (PLANES, "axial,")])
def test_other_texts_are_usage_errors(kind: Parsed, text: str) -> None:
    with pytest.raises(click.UsageError, match="is not a"):
        kind.convert(text, None, None)
