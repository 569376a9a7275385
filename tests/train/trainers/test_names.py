"""Names of trainers carry their length, and are known without PyTorch."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from segconv.train import trainers
from segconv.train.trainers import NamedTrainer, named


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("nnUNetTrainerSegconv", NamedTrainer("nnUNetTrainerSegconv")),
        ("nnUNetTrainerSegconv_20epochs", NamedTrainer("nnUNetTrainerSegconv", 20)),
        ("nnUNetTrainerSegconv_5iterations", NamedTrainer("nnUNetTrainerSegconv", None, 5)),
        ("nnUNetTrainerSegconv_20epochs_5iterations", NamedTrainer("nnUNetTrainerSegconv", 20, 5)),
        ("nnUNetTrainerSegconv_5iterations_20epochs", None),
        ("nnUNetTrainerSegconv_0epochs", None),
        ("nnUNetTrainerSegconv_020epochs", None),
        ("nnUNetTrainer_20epochs", None),
        ("nnUNetTrainerSegconv_", None),
    ],
)
def test_a_name_says_base_epochs_and_iterations(name: str, means: NamedTrainer | None) -> None:
    assert named(name) == means


def test_other_names_are_no_attributes_and_import_nothing() -> None:
    call = "import sys; from segconv.train import trainers; assert not hasattr(trainers, 'nnUNetTrainer_20epochs');"
    call += "assert not {'torch', 'nnunetv2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", call], check=True)


@pytest.mark.train
def test_none_of_the_names_is_one_of_nnunets_which_would_win() -> None:
    from segconv.train.source_classes import folder_in_nnunet
    from segconv.train.trainer_list import FOLDER, read_trainers

    assert not trainers.TRAINERS.keys() & {found.name for found in read_trainers(folder_in_nnunet(FOLDER))}


@pytest.mark.train
@pytest.mark.parametrize("base", trainers.TRAINERS)
def test_a_class_is_one_object_that_pickles_by_its_name(base: str) -> None:
    for name in (base, f"{base}_3epochs_4iterations"):
        made = getattr(trainers, name)
        assert made.__name__ == name
        assert made is getattr(trainers, name)
        assert pickle.loads(pickle.dumps(made)) is made  # noqa: S301 - its own
