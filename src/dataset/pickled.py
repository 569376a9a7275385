"""Read the only pickle in a dataset, nnU-Net v1's ``splits_final.pkl``, as data (see `pickle_values`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import reading
from ..errors import SegconvError
from .pickle_values import values_of
from .pickled_arrays import Array, NotPlain

MAX_BYTES = 64 << 20

MAX_NAMES = 1 << 22
"""Most case names over all folds: a pickle may name one list many times."""


def read_splits(path: Path) -> list[dict[str, list[str]]]:
    """Return the folds of a ``splits_final.pkl``.

    Raises
    ------
    SegconvError
        ``SC095`` if it holds anything but folds.
    """
    data = reading.whole(path, MAX_BYTES)
    try:
        return _folds(values_of(data))
    except ValueError as error:
        raise SegconvError(
            f"is not a list of folds as nnU-Net v1 writes it: {error}",
            code="SC095",
            hint="write the folds as splits_final.json",
        ) from error


def _folds(found: Any) -> list[dict[str, list[str]]]:
    if not isinstance(found, list) or not all(
        isinstance(fold, dict) and {"train", "val"} <= fold.keys() for fold in found
    ):
        raise NotPlain("it holds something else than folds with train and val")
    parts = [_listed(fold[part]) for fold in found for part in ("train", "val")]
    if sum(map(len, parts)) > MAX_NAMES:
        raise NotPlain(f"it names more than {MAX_NAMES} cases")
    return [{part: _names(fold[part]) for part in ("train", "val")} for fold in found]


def _listed(cases: Any) -> Any:
    if not isinstance(cases, (list, tuple, Array)):
        raise NotPlain(f"it holds {type(cases).__name__} where a list of cases should be")
    return cases


def _names(cases: Any) -> list[str]:
    names = cases.values() if isinstance(cases, Array) else list(cases)
    for case in names:
        if not isinstance(case, str):
            raise NotPlain(f"it holds {type(case).__name__} where the name of a case should be")
    return names
