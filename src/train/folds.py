"""The state of a fold on disk, from nnU-Net's own files and without PyTorch.

nnU-Net writes, in this order: a log, ``debug.json``, checkpoints, ``validation/`` with one prediction per case, and
last ``validation/summary.json``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .. import reading
from ..dataset.strictjson import load_object, read_file
from ..errors import SegconvError
from .checkpoints import FINAL, ORDER, is_whole, next_epoch

ALL = "all"
"""Name of the fold that trains on all cases. nnU-Net validates it on the cases that it was trained on."""

VALIDATION, SUMMARY = "validation", "summary.json"

OUTDATED = "outdated.json"
"""Name of the summary of a validation that is to be repeated."""

KEPT = ".segconv-kept-"
"""Prefix of a trained fold's name while its replacement is being trained; see `segconv.train.kept`."""

NPZ = ".npz"
_BESIDE = (NPZ, ".pkl", ".json")
"""Endings of what nnU-Net writes next to predictions."""

_FOLD = re.compile(r"fold_(all|\d+)")


@dataclass(frozen=True)
class FoldState:
    """What a fold's folder holds.

    Parameters
    ----------
    folder
        ``…/nnUNetTrainer__nnUNetPlans__2d/fold_0``; it need not exist.
    whole
        File names of its complete checkpoints, in the order in which nnU-Net looks for one.
    cut
        File names of checkpoints that were cut off while they were written.
    validated
        Whether its validation is complete, and not older than its final checkpoint.
    kept
        Whether an earlier training of the fold is kept aside until this one is finished.
    """

    folder: Path
    whole: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    validated: bool = False
    kept: bool = False

    @property
    def fold(self) -> str:
        """Name of the fold: ``"0"`` … ``"4"``, or ``"all"``."""
        return self.folder.name.removeprefix("fold_")

    @property
    def trained(self) -> bool:
        """Whether its training is finished; its validation may not be."""
        return FINAL in self.whole

    @property
    def begun(self) -> bool:
        """Whether its training can be resumed, but is not finished."""
        return bool(self.whole) and not self.trained

    @property
    def complete(self) -> bool:
        """Whether its training and validation are finished."""
        return self.trained and self.validated

    @property
    def checkpoint(self) -> Path | None:
        """The complete checkpoint that nnU-Net should load; None if there is none."""
        return self.folder / self.whole[0] if self.whole else None

    @property
    def epoch(self) -> int:
        """Number of epochs in the checkpoint, which is also the epoch at which training resumes; 0 if unknown."""
        return (next_epoch(self.checkpoint) if self.checkpoint else None) or 0

    @property
    def epochs(self) -> int | None:
        """Number of epochs that its trainer last planned; None if unknown."""
        return planned_epochs(self.folder)

    @property
    def predictions(self) -> tuple[str, ...]:
        """File names of its validation predictions."""
        return tuple(sorted(name for name in _names(self.folder / VALIDATION) if not name.endswith(_BESIDE)))

    @property
    def probabilities(self) -> bool:
        """Whether each of its validation predictions has probabilities, which ensembling needs."""
        saved = {name.removesuffix(NPZ) for name in _names(self.folder / VALIDATION) if name.endswith(NPZ)}
        return all(saved.intersection(_stems(name)) for name in self.predictions)


def state_of(folder: Path) -> FoldState:
    """Return the state of a fold.

    Parameters
    ----------
    folder
        Its folder; see `Model.fold_folder`. It need not exist.
    """
    whole = tuple(name for name in ORDER if is_whole(folder / name))
    cut = tuple(name for name in ORDER if name not in whole and os.path.lexists(folder / name))
    return FoldState(folder, whole, cut, _is_validated(folder), os.path.lexists(kept_folder(folder)))


def states_of(model: Path) -> dict[str, FoldState]:
    """Return the state of each fold in the folder of a model, by name and in the order of their numbers."""
    if not reading.is_folder(model):
        return {}
    found = [match[1] for entry in os.scandir(model) if (match := _FOLD.fullmatch(entry.name))]
    return {name: state_of(model / f"fold_{name}") for name in sorted(found, key=lambda name: (len(name), name))}


def kept_words(state: FoldState) -> str:
    """Say what is kept of a fold, as the end of a sentence that begins with it."""
    if state.complete:
        return "is trained"
    words = f"resumes at epoch {state.epoch} from {state.whole[0]}" if state.begun else "begins at epoch 0"
    if state.trained:
        words = "is trained, and still to be validated"
    return f"{words}, until when the old one is kept" if state.kept else words


def kept_folder(folder: Path) -> Path:
    """Return where an earlier training of a fold is kept; it need not exist. nnU-Net does not take it for a fold."""
    return folder.with_name(KEPT + folder.name)


def planned_epochs(folder: Path) -> int | None:
    """Return the number of epochs that nnU-Net wrote into a fold's ``debug.json``; None if it does not say."""
    try:
        return int(load_object(read_file(folder / "debug.json"))["num_epochs"])
    except (OSError, SegconvError, KeyError, TypeError, ValueError):
        return None


def _is_validated(folder: Path) -> bool:
    summary = folder / VALIDATION / SUMMARY
    try:
        if not reading.is_file(summary):
            return False
        with reading.opened(os.path.realpath(summary)) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 16))
            whole = file.read().rstrip().endswith(b"}")
        return whole and os.stat(summary).st_mtime_ns >= os.stat(folder / FINAL).st_mtime_ns
    except (OSError, SegconvError):
        return False


def _names(folder: Path) -> list[str]:
    return os.listdir(folder) if reading.is_folder(folder) else []


def _stems(name: str) -> list[str]:
    """Return what a file may be called without its ending, which may have several parts."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]
