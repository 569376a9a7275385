"""Score predictions for a report, with the code of ``evaluate``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .. import reading
from ..dataset.layout import Dataset
from ..review.report.scored import rank
from ..review.report.witness import Key
from ..review.scores.evaluation import evaluate_folders, measure_surfaces
from ..review.scores.pairing import SKIP, Allowed
from ..review.scores.scoring import Evaluation
from ..words import count_of
from ..work.readers import Readers
from ..work.run_options import Workers
from .view_predictions import predictions_of


@dataclass(frozen=True)
class Predicted:
    """Predictions of a dataset.

    Parameters
    ----------
    cases
        Cases that have one.
    scores
        None if no predicted case has a label.
    notes
        What people should know about them, in sentences.
    """

    cases: frozenset[Key] = frozenset()
    scores: Evaluation | None = None
    notes: tuple[str, ...] = ()

    @property
    def worst(self) -> list[Key]:
        """The predicted cases, those with the lowest mean Dice first, and those without a score last."""
        return sorted(self.cases, key=lambda key: (rank(self.scores, key[0]), key))


NOTHING_PREDICTED = Predicted()


def predicted(dataset: Dataset, folder: Path, workers: Workers, *, distances: bool = False) -> Predicted:
    """Return the predictions in a folder, and their scores.

    Parameters
    ----------
    distances
        Whether distances between surfaces are measured.

    Raises
    ------
    SegconvError
        What `predictions_of`, `evaluate_folders` and `measure_surfaces` raise; cases without a prediction, and
        predictions without a label, are left out.
    """
    cases = frozenset((case, split) for case, (split, _) in predictions_of(dataset, folder).items())
    labelled = [key for key in cases if reading.is_there(dataset.label_file(*key))]
    without = count_of(len(cases) - len(labelled), "predicted case")
    notes = [f"{without} without a label: not scored."] if len(cases) > len(labelled) else []
    if not labelled:
        return Predicted(cases, None, tuple(notes))
    readers = Readers(workers.jobs, workers.progress)
    found = evaluate_folders(folder, dataset.path, allowed=Allowed(missing=SKIP, extra=SKIP), readers=readers)
    if distances:
        found = measure_surfaces(found, readers=readers)
    return Predicted(cases, found, (*notes, *(finding.message for finding in found.findings)))
