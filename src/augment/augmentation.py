"""A planned augmentation: the work, and what it was planned from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..dataset.layout import Dataset
from ..work.plan import Plan
from .spec import AugmentSpec


@dataclass(frozen=True)
class Augmentation:
    """A planned augmentation; nothing has been written.

    Parameters
    ----------
    source
        The dataset that it multiplies.
    spec
        What is made of each case, as it applies to this dataset: pictures turn in one plane.
    splits
        Where its folds may be; the first file that can be used counts.
    plan
        The work.
    patients
        What is known about the patients, in words.
    """

    source: Dataset
    spec: AugmentSpec
    splits: tuple[Path, ...]
    plan: Plan
    patients: str = ""

    @property
    def copies(self) -> int:
        """How many copies it makes."""
        return sum(len(item.payload.copies) for item in self.plan.items)

    @property
    def originals(self) -> int:
        """How many cases it makes copies of."""
        return sum(bool(item.payload.copies) for item in self.plan.items)
