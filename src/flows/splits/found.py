"""The folds that are meant: a named file, those that nnU-Net will read, or those that it will make."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...dataset.layout import Dataset
from ...dataset.splits import FILE, Splits, parse_splits
from ...dataset.strictjson import loads, read_file
from ...errors import Cure, SegconvError, naming
from ...train.default_split import default_split
from ...train.paths import Paths

DEFAULT = "nnU-Net's default folds"
Wanted = Path | Literal["default"]
"""A ``splits_final.json``, or nnU-Net's default folds."""


@dataclass(frozen=True)
class Found:
    """Folds, and where they come from.

    Parameters
    ----------
    folds
        The folds.
    path
        Their file; None for nnU-Net's default folds, which exist once a training has begun.
    sha256
        Hash of the file; None without one.
    """

    folds: Splits
    path: Path | None = None
    sha256: str | None = None

    @property
    def shown(self) -> str:
        """Their name in messages."""
        return DEFAULT if self.path is None else str(self.path)


def find_splits(dataset: Dataset, paths: Paths, file: Wanted | None = None) -> Found:
    """Return the folds of a file; otherwise those in the preprocessed data, in the dataset, or nnU-Net's own.

    Parameters
    ----------
    file
        A ``splits_final.json``, or ``"default"``: nnU-Net's own, whichever folds there are.

    Raises
    ------
    SegconvError
        ``SC099`` if they are not a list of ``{"train": […], "val": […]}``; ``SC114`` if there are none, and too few
        cases for nnU-Net's own; any error of `strictjson.read_file` and `strictjson.loads`.
    """
    if file == "default":
        return Found(default_split(dataset.cases()))
    preprocessed = None if paths.preprocessed is None else paths.preprocessed / dataset.path.name / FILE
    places = [file] if file is not None else [preprocessed, dataset.path / FILE]
    path = next((place for place in places if place is not None and (place == file or os.path.lexists(place))), None)
    if path is None:
        return Found(default_split(dataset.cases()))
    try:
        return found_in(path)
    except SegconvError as error:
        if error.code == "SC099":
            error.advise("remove the file", [Cure.of("make_splits", dataset=dataset.name.id)])
        raise


def found_in(path: Path) -> Found:
    """Return the folds of a file.

    Raises
    ------
    SegconvError
        As `find_splits`.
    """
    with naming(str(path)):
        data = read_file(path)
        return Found(parse_splits(loads(data)), path, hashlib.sha256(data).hexdigest())
