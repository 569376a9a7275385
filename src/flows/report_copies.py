"""What augmentation did to the copies of a dataset, for its report."""

from __future__ import annotations

from collections.abc import Iterator

from ..augment.grey import GREY
from ..dataset.lineage import CaseRecord

Change = tuple[str, str, float]
"""Title, unit and amount."""


def changes_in(record: CaseRecord) -> Iterator[Change]:
    """Yield each rotation and change of values that made a copy; nothing for an original."""
    transform = record.transform or {}
    angles = transform.get("angle_deg", {})
    for plane, angle in angles.items() if isinstance(angles, dict) else ():
        if isinstance(angle, int | float) and angle:
            yield f"rotation, {plane}", "°", float(angle)
    for one in GREY:
        amount = transform.get(one.key, one.unchanged)
        if isinstance(amount, int | float) and amount != one.unchanged:
            title, _, unit = one.column.partition(" ")
            yield title, unit.strip("[]"), float(amount)


def in_words(record: CaseRecord) -> str:
    """Return what made a copy, such as ``rotation, axial 12.5°; shift -40 HU``; empty for an original."""
    return "; ".join(
        f"{title} {amount:+.4g}{unit}" if unit == "°" else f"{title} {amount:+.4g} {unit}"
        for title, unit, amount in changes_in(record)
    )
