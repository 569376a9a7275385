"""Plan and preprocess with nnU-Net's own command; raise our errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..dataset.names import DatasetName
from .child import run_nnunet
from .model import log_file
from .paths import Paths

Tell = Callable[[str], None]


@dataclass(frozen=True)
class PlanOptions:
    """How nnU-Net plans and preprocesses.

    Parameters
    ----------
    configurations
        Configurations to preprocess; nnU-Net's default if empty.
    planner
        Name of the planner class.
    gpu_memory_gb
        Memory target of the planner.
    """

    configurations: Sequence[str] = ()
    planner: str | None = None
    gpu_memory_gb: float | None = None


USUAL_PLANNING = PlanOptions()


def plan_and_preprocess(
    dataset: DatasetName, paths: Paths, options: PlanOptions, *, jobs: int = 1, tell: Tell | None = None
) -> None:
    """Check, fingerprint, plan and preprocess a dataset with this many processes; errors are those of `run_nnunet`."""
    paths.require("raw", "preprocessed", "results")
    arguments = ["-d", str(dataset.id), "--verify_dataset_integrity", "-npfp", str(jobs), "-np", str(jobs)]
    if options.configurations:
        arguments += ["-c", *options.configurations]
    if options.planner is not None:
        arguments += ["-pl", options.planner]
    if options.gpu_memory_gb is not None:
        arguments += ["-gpu_memory_target", str(options.gpu_memory_gb)]
    log = log_file(paths, dataset.folder, "plan")
    run_nnunet("nnUNetv2_plan_and_preprocess", arguments, paths, log=log, tell=tell)
