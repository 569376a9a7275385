"""How well predictions match references: Dice per class and case."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Finding, SegconvError, naming, refuse_if_any
from ..image.codecs import read_label
from ..image.voxels import label_values
from ..work.held import Held, unchanged
from .opened import read_bytes

ENDINGS = (".nii.gz", ".nii", ".png")


@dataclass(frozen=True)
class Scores:
    """Dice of a set of predictions.

    Parameters
    ----------
    cases
        Case → class → Dice; NaN where neither prediction nor reference has the class.
    """

    cases: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def classes(self) -> dict[str, float]:
        """Class → mean over the cases that have it."""
        names = list(dict.fromkeys(name for scores in self.cases.values() for name in scores))
        return {name: _mean(scores[name] for scores in self.cases.values() if name in scores) for name in names}

    @property
    def mean(self) -> float:
        """Mean over the classes."""
        return _mean(self.classes.values())

    def case_mean(self, case: str) -> float:
        """Mean over the classes of a case."""
        return _mean(self.cases[case].values())


def dice(prediction: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """Return ``2 |P ∩ R| / (|P| + |R|)`` of two masks of one shape.

    NaN if both are empty, as nnU-Net has it: a class that is not there and was not predicted says
    nothing about the model. Source: Dice 1945, https://doi.org/10.2307/1932409.
    """
    size = int(prediction.sum()) + int(reference.sum())
    return 2 * int((prediction & reference).sum()) / size if size else math.nan


def score(
    prediction: NDArray[Any], reference: NDArray[Any], classes: Mapping[str, tuple[int, ...]]
) -> dict[str, float]:
    """Return the Dice of each class or region.

    Parameters
    ----------
    prediction, reference
        Label values, of one shape.
    classes
        Name → values that make it up.
    """
    return {name: dice(np.isin(prediction, values), np.isin(reference, values)) for name, values in classes.items()}


def evaluate_folders(
    predictions: Path, references: Path, classes: Mapping[str, tuple[int, ...]] | None = None
) -> Scores:
    """Score the files of two folders that have the same names.

    Parameters
    ----------
    predictions, references
        Folders of labels in one coding, be it the user's or the dataset's.
    classes
        Name → values; every value but 0 that a reference holds if None.

    Raises
    ------
    Refused
        ``SC080`` for a prediction without reference, ``SC082`` for other shapes, ``SC011`` for an
        empty folder, and what reading raises.
    SegconvError
        ``SC062`` if a folder is replaced, or one of the files changes, before all were read.
    """
    with unchanged(Held(predictions), Held(references)):
        found, wanted = _labels(predictions), _labels(references)
        files = [Held(f, [path.name for path in p.values()]) for f, p in ((predictions, found), (references, wanted))]
        with unchanged(*files):
            return _scored(found, wanted, predictions, references, classes)


def _scored(
    found: Mapping[str, Path],
    wanted: Mapping[str, Path],
    predictions: Path,
    references: Path,
    classes: Mapping[str, tuple[int, ...]] | None,
) -> Scores:
    """Return the scores of files that were found."""
    findings = [
        Finding("SC080", f"has no reference in {references}", file=str(path), hint="evaluate folders of the same cases")
        for name, path in found.items()
        if name not in wanted
    ]
    if not found:
        findings.append(Finding("SC011", "holds no prediction", file=str(predictions)))
    refuse_if_any(findings)
    scores: dict[str, dict[str, float]] = {}
    for name, path in found.items():
        with naming(str(path)):
            prediction = read_label(read_bytes(str(path))).array
        with naming(str(wanted[name])):
            reference = read_label(read_bytes(str(wanted[name]))).array
        if prediction.shape != reference.shape:
            raise SegconvError(
                f"has the shape {prediction.shape}, its reference {reference.shape}", code="SC082", file=str(path)
            )
        with naming(str(path)):
            predicted = label_values(prediction)
        with naming(str(wanted[name])):
            there = label_values(reference)
        if classes:
            scores[name] = score(prediction, reference, classes)
        else:
            scores[name] = _score_values(prediction, predicted, reference, there)
    return Scores(scores)


def _score_values(
    prediction: NDArray[Any], predicted: Mapping[int, int], reference: NDArray[Any], wanted: Mapping[int, int]
) -> dict[str, float]:
    """Return the Dice of each value but 0, as `score` has it, in one pass however many values there are.

    Parameters
    ----------
    predicted, wanted
        Value → voxels of prediction and reference.
    """
    same = prediction == reference
    both = label_values(reference[same]) if same.any() else {}
    return {
        str(value): 2 * both.get(value, 0) / (predicted.get(value, 0) + wanted.get(value, 0))
        for value in sorted({*predicted, *wanted} - {0})
    }


def _labels(folder: Path) -> dict[str, Path]:
    """Return case → file, for files of a known ending."""
    if not folder.is_dir():
        raise SegconvError("is no folder", code="SC010", file=str(folder))
    found = {}
    for path in sorted(folder.iterdir()):
        ending = next((e for e in ENDINGS if path.name.lower().endswith(e)), None)
        if ending and path.is_file() and not path.name.startswith("."):
            found[path.name[: -len(ending)]] = path
    return found


def _mean(values: Any) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
