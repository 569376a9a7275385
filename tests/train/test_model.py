"""A model by its names, and where nnU-Net keeps what belongs to it."""

from __future__ import annotations

from pathlib import Path

from segconv.train.model import Model, log_file
from segconv.train.paths import Paths

from .checkpoints import fold as fold_with

MODEL = Model("Dataset042_Liver", "3d_fullres", "nnUNetTrainerDA5", "nnUNetResEncUNetMPlans")
PATHS = Paths(Path("/raw"), Path("/preprocessed"), Path("/results"))


def test_folders_and_files_have_the_names_that_nnunet_gives_them() -> None:
    folder = Path("/results/Dataset042_Liver/nnUNetTrainerDA5__nnUNetResEncUNetMPlans__3d_fullres")
    assert MODEL.folder(PATHS) == folder
    assert MODEL.fold_folder(PATHS, "all") == folder / "fold_all"
    assert MODEL.plans_file(PATHS) == Path("/preprocessed/Dataset042_Liver/nnUNetResEncUNetMPlans.json")
    assert Model("Dataset042_Liver", "2d").name == "nnUNetTrainer__nnUNetPlans__2d"


def test_logs_are_no_dataset_to_nnunet() -> None:
    assert log_file(PATHS, "Dataset042_Liver", "plan") == Path("/preprocessed/.segconv-logs/Dataset042_Liver/plan.log")


def test_only_folds_whose_training_is_finished_are_trained(tmp_path: Path) -> None:
    paths = Paths(results=tmp_path)
    for fold, checkpoint in (("1", "final"), ("0", "final"), ("2", "latest"), ("all", "final")):
        fold_with(MODEL.fold_folder(paths, fold), checkpoint)
    fold_with(MODEL.fold_folder(paths, "3"), cut=("final",))
    assert MODEL.trained_folds(paths) == ("0", "1", "all")
