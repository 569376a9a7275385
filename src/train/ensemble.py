"""Models whose probabilities are averaged, and what is done to their predictions afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..work.owned import file_sha256
from .child import run_nnunet
from .model import log_file
from .paths import Paths
from .postprocess import Postprocessing
from .predict import USUAL_PREDICTION, CheckedModel, PredictOptions


@dataclass(frozen=True)
class Ensemble:
    """One model or several, and the postprocessing of their predictions.

    Parameters
    ----------
    members
        Checked models; the probabilities of several are averaged.
    postprocessing
        What is done to the predictions; None for nothing.
    """

    members: tuple[CheckedModel, ...]
    postprocessing: Postprocessing | None = None

    @classmethod
    def of(cls, model: CheckedModel | Ensemble) -> Ensemble:
        """Return a single model as an ensemble of one."""
        return model if isinstance(model, Ensemble) else cls((model,))

    @property
    def is_several(self) -> bool:
        """Whether probabilities are averaged."""
        return len(self.members) > 1

    @property
    def models(self) -> list[CheckedModel]:
        """All models that predict, each after its first stage."""
        return [stage for member in self.members for stage in stages(member)]

    def log(self, paths: Paths) -> Path | None:
        """Return the path of the log of what is done to predictions of its members; None without a folder for logs."""
        if not self.is_several or paths.preprocessed is None:
            return self.members[0].log(paths)
        return log_file(paths, self.members[0].dataset, "predict-ensemble")

    def identity(self) -> dict[str, Any]:
        """Return everything of it that determines the predictions, as far as its files show; JSON-able."""
        steps = self.postprocessing.steps if self.postprocessing is not None else ()
        return {
            "members": [[_identity(stage) for stage in stages(member)] for member in self.members],
            "postprocessing": [[step.function, dict(step.arguments)] for step in steps],
        }


def stages(model: CheckedModel) -> list[CheckedModel]:
    """Return a model after the stages whose predictions it needs, the first stage first."""
    return [*(stages(model.previous) if model.previous is not None else ()), model]


def _identity(model: CheckedModel) -> dict[str, Any]:
    # By content: an archive is unpacked anew for each run.
    checkpoints = [[path.stat().st_size, file_sha256(path)] for path in model.checkpoints]
    return {"model": model.folder.name, "folds": list(model.folds), "checkpoints": checkpoints}


def average(
    folders: Sequence[Path],
    output: Path,
    ensemble: Ensemble,
    paths: Paths,
    *,
    options: PredictOptions = USUAL_PREDICTION,
    jobs: int = 1,
) -> None:
    """Average the probabilities in several folders, and write what they predict; errors are those of `run_nnunet`.

    Parameters
    ----------
    folders
        Of the predictions of each member.
    options
        `probabilities` keeps the averages.
    jobs
        Number of processes.
    """
    arguments = ["-i", *map(str, folders), "-o", str(output), "-np", str(jobs)]
    arguments += ["--save_npz"] if options.probabilities else []
    run_nnunet("nnUNetv2_ensemble", arguments, paths, log=ensemble.log(paths), tell=options.tell)
