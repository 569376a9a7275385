"""Lock nnU-Net's plans, preprocessed data and folds against concurrent readers and writers.

nnU-Net has no locks: it trains on whatever is in the preprocessed folder when it reads it, and two
trainings may write into one folder. The locks are files next to its folders, which it does not mistake for
datasets, and hold until the last of its processes is gone; see `segconv.work.locks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from ..errors import SegconvError
from ..work.locks import if_possible, locked, shared
from ..work.plan import Target
from .paths import Paths


@contextmanager
def training(paths: Paths, dataset: str, folds: Iterable[Path]) -> Iterator[None]:
    """Reserve folds for one training, and keep others from changing the training data.

    Parameters
    ----------
    dataset
        Name of the folder.
    folds
        Folders in ``nnUNet_results``; they need not exist.

    Raises
    ------
    SegconvError
        ``SC035`` if another run trains one of the folds or plans the dataset.
    """
    with ExitStack() as stack:
        for fold in folds:
            _hold_fold(stack, paths, fold, locked)
        stack.enter_context(reading(paths, dataset))
        yield


@contextmanager
def submitting(paths: Paths, folds: Iterable[Path]) -> Iterator[None]:
    """Reserve folds for one command that submits jobs; each job holds its own fold while it trains.

    Parameters
    ----------
    folds
        Folders in ``nnUNet_results``; they need not exist.

    Raises
    ------
    SegconvError
        ``SC035`` if another command submits one of the folds.
    """
    with ExitStack() as stack:
        for fold in folds:
            _hold_fold(stack, paths, fold, locked, "submit")
        yield


@contextmanager
def predicting(paths: Paths, folds: Iterable[Path]) -> Iterator[None]:
    """Let a block read trained folds, together with other readers; folds outside ``nnUNet_results`` are not locked.

    Raises
    ------
    SegconvError
        ``SC035`` if another run trains one of them.
    """
    results = paths.results
    with ExitStack() as stack:
        for fold in folds:
            if results is not None and fold.is_relative_to(results):
                _hold_fold(stack, paths, fold, shared)
        yield


@contextmanager
def comparing(paths: Paths, dataset: str, folds: Iterable[Path]) -> Iterator[None]:
    """Let a block compare trained folds of a dataset, and write the result into its folder.

    Raises
    ------
    SegconvError
        ``SC035`` if another run trains one of the folds, compares models of the dataset, or plans it.
    """
    target = Target(paths.require("results") / dataset, f"best-{dataset}")
    with if_possible(locked(target)), predicting(paths, folds), reading(paths, dataset):
        yield


def _hold_fold(
    stack: ExitStack,
    paths: Paths,
    fold: Path,
    lock: Callable[[Target], AbstractContextManager[int]],
    what: str = "train",
) -> None:
    results = paths.require("results")
    within = fold.relative_to(results).parts
    # Next to the datasets: a folder made for a refused training would count as one of the dataset.
    target = Target(results / within[0], "-".join((what, *within)))
    try:
        stack.enter_context(if_possible(lock(target)))
    except SegconvError as error:
        error.file = str(fold) if error.code == "SC035" else error.file
        raise


@contextmanager
def reading(paths: Paths, *datasets: str) -> Iterator[None]:
    """Let a block read plans and preprocessed data of datasets, together with other readers.

    Raises
    ------
    SegconvError
        ``SC035`` if another run is writing them.
    """
    preprocessed = paths.require("preprocessed")
    with ExitStack() as stack:
        for dataset in datasets:
            stack.enter_context(if_possible(shared(_data(preprocessed / dataset))))
        yield


@contextmanager
def preprocessing(paths: Paths, dataset: str) -> Iterator[None]:
    """Let a block write the plans and preprocessed data of a dataset.

    Raises
    ------
    SegconvError
        ``SC035`` if another run reads or changes them.
    """
    folder = paths.require("preprocessed") / dataset
    with if_possible(locked(_data(folder))), changing_plans(folder):
        yield


@contextmanager
def changing_plans(folder: Path) -> Iterator[None]:
    """Let a block change the plans of a dataset.

    Parameters
    ----------
    folder
        The folder of the plans.

    Raises
    ------
    SegconvError
        ``SC035`` if another run changes them.
    """
    folder = folder.absolute()
    with if_possible(locked(Target(folder, f"plans-{folder.name}"))):
        yield


def _data(folder: Path) -> Target:
    return Target(folder, f"data-{folder.name}")
