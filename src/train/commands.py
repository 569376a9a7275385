"""Plan and train with nnU-Net's own commands; raise our errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..dataset.names import DatasetName
from ..errors import Cure, SegconvError
from .child import run_nnunet
from .device import AUTO, chosen_device, settings_of
from .gate import NO_TRUST, Trust
from .model import FINAL, LATEST, Model, log_file
from .paths import Paths
from .plans import Planned, configuration, read_plans
from .preprocessed import refuse_more_than_numbers

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


@dataclass(frozen=True)
class TrainOptions:
    """How to train a fold.

    Parameters
    ----------
    device
        ``"cuda"``, ``"cpu"``, ``"mps"``, or ``"auto"``; see `chosen_device`.
    resume
        Resume from the last checkpoint, which must exist: otherwise nnU-Net would silently start over.
    validate_only
        Validate a trained fold again.
    probabilities
        Keep the probabilities of the validation, which ensembling needs.
    overwrite
        Train a trained fold again.
    tell
        Called with each line that nnU-Net writes.
    """

    device: str = AUTO
    resume: bool = False
    validate_only: bool = False
    probabilities: bool = False
    overwrite: bool = False
    tell: Tell | None = None

    @property
    def needs_checkpoint(self) -> bool:
        """Whether nnU-Net loads a checkpoint."""
        return self.resume or self.validate_only


def train_fold(model: Model, fold: str, paths: Paths, options: TrainOptions, trust: Trust = NO_TRUST) -> Path:
    """Train one fold.

    Parameters
    ----------
    fold
        ``"0"`` … ``"4"``, or ``"all"``: one model on all cases, without validation.

    Returns
    -------
    folder
        Folder of the fold.

    Raises
    ------
    SegconvError
        ``SC010`` if there is nothing to resume or validate, ``SC020`` if the fold is already trained;
        ``SC064`` if plans, preprocessed cases or checkpoints would run foreign code; what `run_nnunet` raises.
    """
    folder = model.fold_folder(paths, fold)
    _refuse_start(folder, options)
    file = model.plans_file(paths)
    plans = read_plans(file)
    trust.refuse_foreign_classes(plans, file=str(file))
    found = Planned(file, plans, configuration(plans, model.configuration))
    if not trust.trust_model:
        _refuse_code_in_data(model, found, paths)
    if options.needs_checkpoint:
        for name in (LATEST, FINAL):
            if (folder / name).is_file():
                trust.check_checkpoint(folder / name)
    device = chosen_device(options.device)
    number = DatasetName.of_folder(model.dataset)
    arguments = [str(number.id) if number else model.dataset, model.configuration, fold]
    arguments += ["-tr", model.trainer, "-p", model.plans, "-device", device]
    arguments += ["--c"] if options.resume else []
    arguments += ["--val"] if options.validate_only else []
    arguments += ["--npz"] if options.probabilities else []
    log = log_file(paths, model.dataset, f"train-{model.configuration}-{fold}")
    run_nnunet("nnUNetv2_train", arguments, paths, log=log, tell=options.tell, settings=settings_of(device))
    return folder


def _refuse_start(folder: Path, options: TrainOptions) -> None:
    """Refuse to resume or validate an untrained fold, and to restart a trained one."""
    finished = (folder / FINAL).is_file()
    begun = finished or (folder / LATEST).is_file()
    if options.resume and not begun:
        raise SegconvError(
            "has no checkpoint to resume from", code="SC010", file=str(folder), cures=[Cure.of("train_from_start")]
        )
    if options.validate_only and not finished:
        raise SegconvError("has no finished training to validate", code="SC010", file=str(folder))
    if begun and not (options.needs_checkpoint or options.overwrite):
        raise SegconvError(
            "is already trained" if finished else "was already begun",
            code="SC020",
            file=str(folder),
            cures=[Cure.of("resume_training"), Cure.of("train_again"), Cure.of("validate_again")],
        )


def _refuse_code_in_data(model: Model, found: Planned, paths: Paths) -> None:
    """Refuse preprocessed cases, and a cascade's input predictions, that hold more than numbers."""
    folders = [found.data]
    if found.previous_stage:
        previous = Model(model.dataset, found.previous_stage, model.trainer, model.plans)
        folders.append(previous.folder(paths) / "predicted_next_stage" / model.configuration)
    for folder in folders:
        refuse_more_than_numbers(folder, cures=[_plan_again(model), Cure.of("trust_files")])


def _plan_again(model: Model) -> Cure:
    return Cure.of("preprocess_again", dataset=model.dataset, configuration=model.configuration)
