"""Refuse the names that a command was given and that nothing has, all at once: datasets, trainers, plans, folds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from ..dataset.layout import Dataset
from ..dataset.splits import Splits
from ..errors import Interrupted, Refused, SegconvError
from ..train.folds import ALL
from ..train.known_trainers import refuse_unknown_trainers
from ..train.model import Model
from ..train.paths import Paths
from ..train.plans import planned
from .splits.found import find_splits

T = TypeVar("T")

_NOT_INSTALLED = "SC041"
"""Says nothing about a name."""


def refuse_at_once(*checks: Callable[[], Any]) -> list[Any]:
    """Return what checks return; raise what they raise: their only error, or all in one.

    Raises
    ------
    SegconvError
        What one of them raises.
    Refused
        With the findings of several.
    """
    found, errors = _made(checks)
    _raise(errors)
    return found


@contextmanager
def refusing_trainers(trainers: Iterable[str], paths: Paths) -> Iterator[None]:
    """Refuse trainers that do not exist together with what the block refuses; alone, they are refused later.

    Raises
    ------
    SegconvError
        What the block raises.
    Refused
        With what `find_trainer` raises.
    """
    try:
        yield
    except Interrupted:
        raise
    except SegconvError as error:
        _, others = _made([lambda: refuse_unknown_trainers(trainers, paths)])
        _raise([error, *(one for one in others if one.code != _NOT_INSTALLED)])


def refuse_unknown(folds: Sequence[str], splits: Splits) -> None:
    """Refuse folds that are not in the file of folds; nnU-Net would make a random split of 80 to 20 for each.

    Raises
    ------
    SegconvError
        ``SC001``.
    """
    beyond = [fold for fold in folds if fold != ALL and int(fold) >= len(splits)]
    if beyond:
        raise SegconvError(f"there is no fold {', '.join(beyond)}", hint=f"folds are 0 to {len(splits) - 1}, or all")


def refuse_unknown_names(
    dataset: Dataset, model: Model, folds: Sequence[str], paths: Paths, know_trainer: Callable[[], T]
) -> T:
    """Refuse a trainer, plans, a configuration and folds that do not exist; return what `know_trainer` returns.

    Parameters
    ----------
    know_trainer
        Raises if the trainer does not exist.

    Raises
    ------
    SegconvError
        What `know_trainer`, `planned`, `find_splits` and `refuse_unknown` raise.
    """

    def folds_known() -> None:
        if numbered := [fold for fold in folds if fold != ALL]:
            refuse_unknown(numbered, find_splits(dataset, paths).folds)

    known, *_ = refuse_at_once(know_trainer, lambda: planned(model, paths), folds_known)
    return cast(T, known)


def _made(checks: Iterable[Callable[[], Any]]) -> tuple[list[Any], list[SegconvError]]:
    """Return what checks return, and what they raise."""
    found, errors = list[Any](), list[SegconvError]()
    for check in checks:
        try:
            found.append(check())
        except Interrupted:
            raise
        except SegconvError as error:
            errors.append(error)
    return found, errors


def _raise(errors: Sequence[SegconvError]) -> None:
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Refused(reasons=[finding for error in errors for finding in error.findings])
