"""What the images of a dataset went through before a network saw them, over all runs that produced it.

A model trained on the dataset expects the same of its inputs, whichever run did it: a conversion, a repair, or a run
before an augmentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .runs import PREPARED, RunRecord


@dataclass(frozen=True)
class Prepared:
    """Changes to images; each field is an option of ``segconv convert``.

    Parameters
    ----------
    repair
        Kinds of repairs.
    nonfinite
        What replaced NaN and infinity, or None.
    grey_to_rgb, drop_alpha
        Whether grey pictures became RGB, and alpha was left out.
    spacing_mm
        ``(x, y, z)`` of slices and pages that became volumes, or None.
    """

    repair: tuple[str, ...] = ()
    nonfinite: float | None = None
    grey_to_rgb: bool = False
    drop_alpha: bool = False
    spacing_mm: tuple[float, float, float] | None = None

    @classmethod
    def by(cls, run: RunRecord | None) -> Prepared:
        """Return what a run and earlier ones did; anything missing from an older record comes from its options."""
        said = {} if run is None else run.get(PREPARED, run.get("options", {}))
        kinds, nonfinite, spacing = said.get("repair") or (), said.get("nonfinite"), said.get("spacing_mm")
        return cls(
            tuple(map(str, kinds)) if isinstance(kinds, list) else (),
            float(nonfinite) if isinstance(nonfinite, (int, float)) else None,
            said.get("grey_to_rgb") is True,
            said.get("drop_alpha") is True,
            _three(spacing),
        )

    def then(self, later: Prepared) -> Prepared:
        """Return what both did in sequence: what the first replaced no longer exists for the second."""
        return Prepared(
            tuple(dict.fromkeys((*self.repair, *later.repair))),
            self.nonfinite if self.nonfinite is not None else later.nonfinite,
            self.grey_to_rgb or later.grey_to_rgb,
            self.drop_alpha or later.drop_alpha,
            self.spacing_mm or later.spacing_mm,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the entry for run.json."""
        return {
            "repair": list(self.repair),
            "nonfinite": self.nonfinite,
            "grey_to_rgb": self.grey_to_rgb,
            "drop_alpha": self.drop_alpha,
            "spacing_mm": list(self.spacing_mm) if self.spacing_mm is not None else None,
        }


def _three(spacing: Any) -> tuple[float, float, float] | None:
    """Return the spacing in a record, or None if it holds something else."""
    if not isinstance(spacing, list) or len(spacing) != 3:
        return None
    x, y, z = (float(step) if isinstance(step, (int, float)) and step > 0 else None for step in spacing)
    return None if x is None or y is None or z is None else (x, y, z)


NOT_PREPARED = Prepared()
"""Unchanged images."""
