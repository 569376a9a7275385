"""Channel names and intensities: a warning where they do not match, with the numbers."""

from __future__ import annotations

import pytest

from segconv.dataset.channels import ValueRange

CT, AIRLESS, MR = (-1024.0, 1500.0), (-80.0, 300.0), (0.0, 1800.0)


@pytest.mark.parametrize(
    ("name", "cases", "wording"),
    [
        ("CT", [CT, CT, CT], None),
        ("ct", [CT, AIRLESS, CT], None),
        ("CT", [AIRLESS, AIRLESS], None),
        ("CT", [MR, MR, CT], "does not look like HU: 2 of 3 cases have no value below 0 (all: -1024 to 1800)"),
        ("CT", [MR, CT], None),
        ("MRI", [MR, MR], None),
        ("image", [CT, MR], None),
        ("image", [CT, CT, MR], "looks like HU: 2 of 3 cases reach from -300 or less to 100 or more"),
        ("T1", [], None),
        ("CT", [], None),
    ],
)
def test_most_cases_decide(name: str, cases: list[tuple[float, float]], wording: str | None) -> None:
    values = ValueRange(name)
    for low, high in cases:
        values.add(low, high)
    found = values.contradiction()
    if wording is None:
        assert found is None
    else:
        assert found is not None
        assert wording in found
