"""Refuse to predict with a model whose trainer nnU-Net would not find or could not import, before anything is written.

nnU-Net's predictor builds the network through the trainer that its checkpoint names.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..errors import Cure, Finding, SegconvError, refuse_if_any
from .checkpoints import trainer_of
from .known_trainers import find_trainer, list_trainers
from .paths import Paths
from .predict import CheckedModel
from .trainer_check import refuse_unimportable
from .trainer_list import Trainer


def refuse_without_trainer(models: Iterable[CheckedModel], paths: Paths) -> None:
    """Refuse models whose trainer is neither nnU-Net's nor segconv's, nor in a package or a folder that is named.

    Trainers of packages and folders are imported in a process of their own, which may not take too long.

    Raises
    ------
    Refused
        ``SC166`` for each such model.
    SegconvError
        ``SC226`` for a trainer that cannot be imported.
    """
    named = [(model, name) for model in models for name in sorted({*map(trainer_of, model.checkpoints)} - {""})]
    if not named:
        return
    known = list_trainers(paths.trainers)
    missing = []
    found: dict[str, tuple[Trainer, Path | None]] = {}
    for model, name in named:
        try:
            found[name] = find_trainer(name, known, paths.trainers), model.log(paths)
        except SegconvError as error:
            if error.code == "SC001":  # of one in several places, nnU-Net takes the first
                missing.append(_missing(name, model.folder))
    refuse_if_any(missing)
    for trainer, log in found.values():
        refuse_unimportable(trainer, paths, log)


def _missing(name: str, folder: Path) -> Finding:
    return Finding(
        "SC166",
        f"was trained by {name}, which nnU-Net would not find",
        file=str(folder),
        hint="pip install the package that has it",
        cures=(Cure.of("name_trainers"),),
    )
