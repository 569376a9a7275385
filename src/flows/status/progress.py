"""How far datasets are: raw, checked, split, planned, preprocessed, trained, compared, predicted; and what comes next.

Nothing is written, and no file of images is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...dataset.layout import Dataset
from ...dataset.names import dataset_folders
from ...errors import Cure, SegconvError
from ...train.paths import Paths
from .look import Look
from .stages import STAGES, WRONG, Stage


@dataclass(frozen=True)
class Status:
    """How far a dataset is.

    Parameters
    ----------
    dataset
        Name of its folder.
    stages
        In their order.
    """

    dataset: str
    stages: tuple[Stage, ...]

    @property
    def next(self) -> Cure | None:
        """The command to type next; None if everything was done."""
        return next((stage.next for stage in self.stages if stage.next is not None), None)


def status_of(dataset: Path, paths: Paths) -> Status:
    """Return how far a dataset is.

    Parameters
    ----------
    dataset
        Its folder.
    paths
        nnU-Net's folders; stages in those that are not set are open.

    Raises
    ------
    SegconvError
        Any error of `Dataset.open`; ``SC030`` if the system refuses to read a folder.
    """
    opened = Dataset.open(dataset)
    look = Look(opened, paths, frozenset(opened.cases()))
    return Status(look.name, tuple(stage(look) for stage in STAGES))


def statuses(paths: Paths) -> list[Status]:
    """Return how far each dataset in ``nnUNet_raw`` is; one that cannot be read has one stage, which says why."""
    found = []
    for folder in sorted(path for folders in dataset_folders(paths.require("raw")).values() for path in folders):
        try:
            found.append(status_of(folder, paths))
        except SegconvError as error:
            wrong = Stage("raw", WRONG, error.message, Cure.of("check", dataset=folder.name))
            found.append(Status(folder.name, (wrong,)))
    return found
