"""Find the best model or ensemble of a dataset, while no other run trains or compares its models."""

from __future__ import annotations

from ..train.best import Best
from ..train.commands import Tell
from ..train.comparison import ALL, Wanted, plan_comparison, run_comparison
from ..train.holds import comparing
from ..train.paths import Paths
from ..train.untrusted_models import NO_TRUST, Trust


def find_best(
    dataset: str,
    paths: Paths,
    wanted: Wanted = ALL,
    trust: Trust = NO_TRUST,
    *,
    jobs: int = 1,
    tell: Tell | None = None,
) -> Best:
    """Compare the trained models of a dataset on their validation cases, and return the best.

    Parameters
    ----------
    dataset
        Name of the folder.
    paths
        nnU-Net's folders.
    wanted
        Which models are compared, and on which folds.
    trust
        Which parts of the models may be code.
    jobs
        Number of nnU-Net's processes.
    tell
        Called with each line that nnU-Net writes.

    Raises
    ------
    SegconvError
        ``SC035`` if another run trains one of the folds, or compares models of the dataset; what `plan_comparison` and
        `run_comparison` raise.
    """
    plan = plan_comparison(dataset, paths, wanted, trust)
    folds = [model.fold_folder(paths, fold) for model in plan.models for fold in plan.folds]
    with comparing(paths, dataset, folds):
        return run_comparison(plan_comparison(dataset, paths, wanted, trust), paths, jobs=jobs, tell=tell)
