"""Refuse to predict with a model whose trainer nnU-Net would not find, before anything is written.

nnU-Net's predictor builds the network through the trainer that its checkpoint names.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import Cure, Finding, SegconvError, refuse_if_any
from .checkpoints import trainer_of
from .known_trainers import find_trainer, list_trainers
from .paths import Paths
from .predict import CheckedModel
from .trainer_list import Trainer


def refuse_without_trainer(models: Iterable[CheckedModel], paths: Paths) -> None:
    """Refuse models whose trainer is neither nnU-Net's nor segconv's, nor in a package or a folder that is named.

    Raises
    ------
    Refused
        ``SC166`` for each such model.
    """
    named = {model.folder: {trainer_of(path) for path in model.checkpoints} - {""} for model in models}
    if any(named.values()):
        known = list_trainers(paths.trainers)
        missing = [
            Finding(
                "SC166",
                f"was trained by {name}, which nnU-Net would not find",
                file=str(folder),
                hint="pip install the package that has it",
                cures=(Cure.of("name_trainers"),),
            )
            for folder, names in named.items()
            for name in sorted(names)
            if not _is_known(name, known, paths)
        ]
        refuse_if_any(missing)


def _is_known(name: str, known: list[Trainer], paths: Paths) -> bool:
    try:
        find_trainer(name, known, paths.trainers)
    except SegconvError as error:
        return error.code != "SC001"  # of one in several places, nnU-Net takes the first
    return True
