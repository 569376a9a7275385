"""A planned augmentation: its work, and the options and files that it was planned from."""

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
        The dataset to augment.
    spec
        Copies to make per case, as they apply to this dataset: pictures rotate in one plane only.
    splits
        Candidate files of folds; the first usable one counts.
    plan
        The work.
    patients
        Known facts about the patients, in words.
    """

    source: Dataset
    spec: AugmentSpec
    splits: tuple[Path, ...]
    plan: Plan
    patients: str = ""

    @property
    def copies(self) -> int:
        """Number of copies."""
        return sum(len(item.payload.copies) for item in self.plan.items)

    @property
    def originals(self) -> int:
        """Number of cases that are copied."""
        return sum(bool(item.payload.copies) for item in self.plan.items)
