"""Predict with models that came as a folder or an archive, from wherever they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..dataset.described import DescribedDataset
from ..errors import Finding, SegconvError
from ..train.chosen import Chosen, chosen_in, folder_model
from ..train.importing import unpacked
from ..train.model import FINAL
from ..train.offered_models import configurations_of, named_as
from ..train.plans import read_plans
from ..train.trained import PLANS
from ..train.untrusted_models import NO_TRUST, Trust


@dataclass(frozen=True)
class Wanted:
    """Which of the models predicts.

    Parameters
    ----------
    configuration
        Name of a configuration; the best, or the only model, if None.
    folds
        Folds to average; all with numbers if None.
    checkpoint
        File name of the checkpoint in each fold.
    sha256
        Expected hash of an archive.
    """

    configuration: str | None = None
    folds: tuple[str, ...] | None = None
    checkpoint: str = FINAL
    sha256: str | None = None


@dataclass(frozen=True)
class Opened:
    """Models that may predict, judged.

    Parameters
    ----------
    dataset
        What is known of the dataset that they were trained on.
    chosen
        The models that predict.
    warnings
        About the archive.
    """

    dataset: DescribedDataset
    chosen: Chosen
    warnings: tuple[Finding, ...] = ()


@contextmanager
def opened_models(model: Path, output: Path, wanted: Wanted, trust: Trust = NO_TRUST) -> Iterator[Opened]:
    """Judge a folder or an archive of models, and let a block predict with what it holds.

    Parameters
    ----------
    model
        A zip archive, the folder of a model, or the folder of all models of a dataset.
    output
        Where predictions will be; an archive is unpacked into a hidden folder next to it.
    wanted
        Which of the models predicts.
    trust
        Which parts of the models may be code.

    Raises
    ------
    SegconvError
        ``SC010`` if it does not exist or holds no such model; what `unpacked` and `check_model` raise.
    """
    if model.is_file():
        with unpacked(model, output, trust, sha256=wanted.sha256) as found:
            yield _opened(found.folder, wanted, trust, found.warnings)
        return
    if wanted.sha256 is not None:
        raise SegconvError("is not an archive, which has a hash", code="SC001", file=str(model))
    folder = Path(os.path.realpath(model))
    _refuse_without_models(model, folder)
    if (folder / PLANS).is_file():
        yield _with_dataset(folder_model(folder, wanted.folds, trust, checkpoint=wanted.checkpoint))
    else:
        yield _opened(folder, wanted, trust)


def _refuse_without_models(model: Path, folder: Path) -> None:
    """Refuse what is neither the folder of a model nor holds such folders."""
    if any((*folder.glob(PLANS), *folder.glob(f"*__*__*/{PLANS}"))):
        return
    raise SegconvError(
        "holds no trained model" if folder.is_dir() else "does not exist, or is no file or folder",
        code="SC010",
        file=str(model),
        hint="name an archive of models, the folder of a model, or that of all models of a dataset",
    )


def _opened(folder: Path, wanted: Wanted, trust: Trust, warnings: tuple[Finding, ...] = ()) -> Opened:
    if wanted.configuration is None and wanted.folds is None:
        chosen = chosen_in(folder, trust, checkpoint=wanted.checkpoint)
    else:
        chosen = folder_model(_named(folder, wanted.configuration), wanted.folds, trust, checkpoint=wanted.checkpoint)
    return _with_dataset(chosen, warnings)


def _with_dataset(chosen: Chosen, warnings: tuple[Finding, ...] = ()) -> Opened:
    model = chosen.ensemble.members[0].folder
    dataset = read_plans(model / PLANS).get("dataset_name", model.parent.name)
    return Opened(DescribedDataset.of_model(model, dataset), chosen, warnings)


def _named(folder: Path, configuration: str | None) -> Path:
    """Return the only model of a configuration."""
    models = sorted(path.parent for path in folder.glob(f"*__*__*/{PLANS}"))
    found = [path for path in models if configuration in (None, path.name, path.name.rpartition("__")[2])]
    if len(found) != 1:
        names = ", ".join(path.name for path in found or models)
        what = f"holds {len(found)} models of {configuration or 'any configuration'}, expected one"
        raise SegconvError(
            f"{what}; there are {names}" if names else "holds no trained model",
            code="SC010",
            file=str(folder),
            cures=configurations_of(map(named_as, models)),
        )
    return found[0]
