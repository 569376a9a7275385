"""Planning and training through nnU-Net's own commands: arguments in, errors told as ours."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TypedDict

from ..errors import SegconvError
from .child import run_nnunet
from .gate import check_checkpoint, refuse_foreign_classes
from .paths import Paths
from .plans import DEFAULT_PLANS, plans_file, read_plans
from .plans import configuration as plan_of
from .preprocessed import refuse_more_than_numbers

DEFAULT_TRAINER = "nnUNetTrainer"
LOGS = ".segconv-logs"
"""Folder in ``nnUNet_preprocessed``; nnU-Net does not take it for a dataset."""

Tell = Callable[[str], None]


def log_file(paths: Paths, dataset: str, what: str) -> Path:
    """Return where the log of a command goes."""
    return paths.require("preprocessed") / LOGS / dataset / f"{what}.log"


def plan_and_preprocess(
    dataset_id: int,
    dataset: str,
    paths: Paths,
    *,
    configurations: Sequence[str] = (),
    planner: str | None = None,
    gpu_memory_gb: float | None = None,
    jobs: int = 1,
    tell: Tell | None = None,
) -> None:
    """Check, fingerprint, plan and preprocess a dataset; errors as `run_nnunet`'s.

    Parameters
    ----------
    dataset_id, dataset
        Number, and name of the folder.
    configurations
        To preprocess; nnU-Net's default if empty.
    planner
        Name of a planner class.
    gpu_memory_gb
        Memory target of the planner.
    jobs
        Processes.
    """
    paths.require("raw", "preprocessed", "results")
    arguments = ["-d", str(dataset_id), "--verify_dataset_integrity", "-npfp", str(jobs), "-np", str(jobs)]
    if configurations:
        arguments += ["-c", *configurations]
    if planner is not None:
        arguments += ["-pl", planner]
    if gpu_memory_gb is not None:
        arguments += ["-gpu_memory_target", str(gpu_memory_gb)]
    run_nnunet("nnUNetv2_plan_and_preprocess", arguments, paths, log=log_file(paths, dataset, "plan"), tell=tell)


def fold_folder(
    paths: Paths,
    dataset: str,
    configuration: str,
    fold: str,
    *,
    trainer: str = DEFAULT_TRAINER,
    plans: str = DEFAULT_PLANS,
) -> Path:
    """Return where nnU-Net keeps a trained fold."""
    return model_folder(paths, dataset, configuration, trainer=trainer, plans=plans) / f"fold_{fold}"


def model_folder(
    paths: Paths, dataset: str, configuration: str, *, trainer: str = DEFAULT_TRAINER, plans: str = DEFAULT_PLANS
) -> Path:
    """Return where nnU-Net keeps the folds of a model."""
    return paths.require("results") / dataset / f"{trainer}__{plans}__{configuration}"


class HowToTrain(TypedDict, total=False):
    """Keyword arguments of `train_fold` but the plans, which that describes."""

    trainer: str
    device: str
    resume: bool
    validate_only: bool
    probabilities: bool
    overwrite: bool
    allowed_modules: Collection[str]
    trust_model: bool
    tell: Tell | None


def train_fold(
    dataset_id: int,
    dataset: str,
    configuration: str,
    fold: str,
    paths: Paths,
    *,
    trainer: str = DEFAULT_TRAINER,
    plans: str = DEFAULT_PLANS,
    device: str = "cuda",
    resume: bool = False,
    validate_only: bool = False,
    probabilities: bool = False,
    overwrite: bool = False,
    allowed_modules: Collection[str] = (),
    trust_model: bool = False,
    tell: Tell | None = None,
) -> Path:
    """Train one fold.

    Parameters
    ----------
    fold
        ``"0"`` … ``"4"``, or ``"all"``: one model on all cases, without validation.
    device
        ``"cuda"`` or ``"cpu"``.
    resume
        Go on from the last checkpoint, which must be there: nnU-Net would silently begin anew.
    validate_only
        Validate a trained fold again.
    probabilities
        Keep the validation's probabilities, which ensembling needs.
    overwrite
        Train a fold again that is trained already.
    allowed_modules, trust_model
        As for `prove_model`.

    Returns
    -------
    folder
        Of the fold.

    Raises
    ------
    SegconvError
        ``SC010`` if there is nothing to resume or validate, ``SC020`` if the fold is trained
        already; ``SC064`` if plans, preprocessed cases or checkpoints would bring code along; errors as
        `run_nnunet`'s.
    """
    folder = fold_folder(paths, dataset, configuration, fold, trainer=trainer, plans=plans)
    final, latest = folder / "checkpoint_final.pth", folder / "checkpoint_latest.pth"
    if resume and not (latest.is_file() or final.is_file()):
        raise SegconvError(
            "has no checkpoint to continue from", code="SC010", file=str(folder), hint="leave out --continue"
        )
    if validate_only and not final.is_file():
        raise SegconvError("has no finished training to validate", code="SC010", file=str(folder))
    if not (resume or validate_only or overwrite) and (final.is_file() or latest.is_file()):
        state = "is trained already" if final.is_file() else "was begun already"
        raise SegconvError(
            state,
            code="SC020",
            file=str(folder),
            hint="--continue goes on, --overwrite begins anew, --val validates again",
        )
    own_plans = plans_file(paths.require("preprocessed"), dataset, plans)
    read = read_plans(own_plans)
    refuse_foreign_classes(read, allowed_modules, file=str(own_plans))
    if not trust_model:
        entry = plan_of(read, configuration)
        cases = [own_plans.parent / str(entry.get("data_identifier", ""))]
        if previous := entry.get("previous_stage"):  # whose predictions a cascade is trained on
            stage = model_folder(paths, dataset, previous, trainer=trainer, plans=plans)
            cases.append(stage / "predicted_next_stage" / configuration)
        for cases_of in cases:
            refuse_more_than_numbers(
                cases_of,
                hint=f"segconv plan {dataset} -c {configuration} makes it anew; or --trust-model, if you trust where it"
                " comes from",
            )
        for checkpoint in (latest, final) if resume or validate_only else ():
            if checkpoint.is_file():
                check_checkpoint(checkpoint)
    arguments = [str(dataset_id), configuration, fold, "-tr", trainer, "-p", plans, "-device", device]
    arguments += ["--c"] if resume else []
    arguments += ["--val"] if validate_only else []
    arguments += ["--npz"] if probabilities else []
    log = log_file(paths, dataset, f"train-{configuration}-{fold}")
    run_nnunet("nnUNetv2_train", arguments, paths, log=log, tell=tell, settings=settings_of(device))
    return folder


def default_device() -> str:
    """Return ``"cuda"`` if PyTorch can use a GPU, else ``"cpu"``.

    Raises
    ------
    SegconvError
        ``SC041`` if PyTorch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise SegconvError("PyTorch is not installed", code="SC041", hint="pip install 'segconv[train]'") from error
    return "cuda" if torch.cuda.is_available() else "cpu"


def trained_folds(
    paths: Paths, dataset: str, configuration: str, *, trainer: str = DEFAULT_TRAINER, plans: str = DEFAULT_PLANS
) -> list[str]:
    """Return the folds whose training is finished."""
    folder = model_folder(paths, dataset, configuration, trainer=trainer, plans=plans)
    return sorted(path.parent.name[len("fold_") :] for path in folder.glob("fold_*/checkpoint_final.pth"))


def settings_of(device: str) -> dict[str, str]:
    """Return what a child needs besides: on a CPU, compiling the network costs more than it gives."""
    if device != "cpu":
        return {}
    workers = max(1, min(4, (os.cpu_count() or 2) - 1))
    return {"nnUNet_compile": "f", "nnUNet_n_proc_DA": os.environ.get("nnUNet_n_proc_DA", str(workers))}
