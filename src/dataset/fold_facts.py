"""What is in a fold, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FoldFacts:
    """What is in a fold.

    Parameters
    ----------
    train, copies, val
        Number of training cases, of augmented copies among them, and of validation cases.
    patients
        Number of patients that are validated; None if a patient is unknown.
    cases
        Name of a class or region → number of validation cases that hold it.
    share
        Likewise, the part of its voxels, over all cases that any fold validates, that this fold validates: 0 to 1.
    """

    train: int
    copies: int
    val: int
    patients: int | None
    cases: Mapping[str, int]
    share: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        """Return the object for ``--json``."""
        return {
            "train": self.train,
            "copies_in_train": self.copies,
            "val": self.val,
            "patients_in_val": self.patients,
            "classes": {name: {"val_cases": n, "share": self.share[name]} for name, n in self.cases.items()},
        }
