"""Names of channels and their values: a warning where they do not go together, with the numbers."""

from __future__ import annotations

import pytest

from segconv.convert.intensity import Intensity

CT, AIRLESS, MR = (-1024.0, 1500.0), (-80.0, 300.0), (0.0, 1800.0)


@pytest.mark.parametrize(
    ("name", "cases", "told"),
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
def test_most_cases_decide(name: str, cases: list[tuple[float, float]], told: str | None) -> None:
    intensity = Intensity(name)
    for low, high in cases:
        intensity.add(low, high)
    found = intensity.finding()
    if told is None:
        assert found is None
    else:
        assert found is not None
        assert (found.code, found.severity) == ("SC091", "warning")
        assert told in found.message
        assert "--channels" in found.hint
