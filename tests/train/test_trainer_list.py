"""Trainers are read from source: all that nnU-Net finds, with what each changes; nothing is run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.train.known_trainers import find_trainer
from segconv.train.source_classes import folder_in_nnunet
from segconv.train.trainer_list import FOLDER, Trainer, read_trainers

from ..command import Command

ROOT = """
class nnUNetTrainer(object):
    def __init__(self, plans):
        self.num_epochs = 1000

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self):
        rotation_for_DA = (-1, 1)
        mirror_axes = (0, 1)
        do_dummy_2d_data_aug = self.flat
        return rotation_for_DA, do_dummy_2d_data_aug, None, mirror_axes
"""

VARIANTS = '''
raise RuntimeError("this module must not be run")
from somewhere import nnUNetTrainer


class Short(nnUNetTrainer):
    """Trains for five epochs. Not more."""

    def __init__(self, plans):
        local = 7
        plans["configurations"]["2d"]["patch_size"] = (8, 8)
        super().__init__(plans)
        self.num_epochs: int = 5
        self.configuration_manager.configuration["batch_size"] = 8


class Upright(Short):
    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self):
        rotation_for_DA = (-1, 1)
        do_dummy_2d_data_aug = False
        mirror_axes = None
        return rotation_for_DA, do_dummy_2d_data_aug, None, mirror_axes


class Lossy(mod.Upright):
    def _build_loss(self):
        if self.x:
            raise ValueError()
        return Wrapper(MyDiceLoss(**CE_loss()))

    def configure_optimizers(self):
        return torch.optim.AdamW(self.network.parameters()), Poly(1)

    @staticmethod
    def get_training_transforms():
        return ComposeTransforms([])

    def on_epoch_end(self):
        pass


class NoTrainer(Other):
    pass


class Circle(Circle):
    pass
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "variants" / "deep").mkdir(parents=True)
    for path in (tmp_path / "variants", tmp_path / "variants" / "deep"):
        (path / "__init__.py").touch()
    (tmp_path / "nnUNetTrainer.py").write_text(ROOT)
    (tmp_path / "variants" / "deep" / "some.py").write_text(VARIANTS)
    (tmp_path / "no_package").mkdir()
    (tmp_path / "no_package" / "hidden.py").write_text("class Hidden(nnUNetTrainer): pass")
    return tmp_path


def test_changes_are_those_against_the_base(folder: Path) -> None:
    found = read_trainers(folder)
    assert [t.name for t in found] == ["nnUNetTrainer", "Lossy", "Short", "Upright"]
    root, lossy, short, upright = found
    assert root.changes == ()
    assert short.bases == ("nnUNetTrainer",)
    assert short.module == "variants/deep/some.py"
    assert short.changes == ("plans: patch_size = (8, 8)", "num_epochs = 5", "plans: batch_size = 8")
    assert short.summary == "Trains for five epochs."
    assert upright.changes == ("no mirroring", "never augments volumes slice by slice")
    assert lossy.bases == ("Upright",)
    assert lossy.changes == (
        "loss: MyDiceLoss, CE_loss",
        "optimizer and learning rate: AdamW, Poly",
        "training transforms",
        "on_epoch_end()",
    )


def test_names_that_nearly_match_are_reported(folder: Path) -> None:
    found = read_trainers(folder)
    assert find_trainer("Short", found).name == "Short"
    with pytest.raises(SegconvError) as caught:
        find_trainer("Shorts", found)
    assert caught.value.code == "SC001"
    assert "Short" in caught.value.hint


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("class Other: pass")
    with pytest.raises(SegconvError) as caught:
        read_trainers(tmp_path)
    assert caught.value.code == "SC041"


@pytest.fixture(scope="module")
def installed() -> list[Trainer]:
    return read_trainers(folder_in_nnunet(FOLDER))


@pytest.mark.train
def test_all_that_nnunet_finds_are_listed(installed: list[Trainer]) -> None:
    """Every module is imported, which the listing does not do, and every class asked whether it is a trainer."""
    code = """
import importlib, json, pkgutil, nnunetv2.training.nnUNetTrainer as package
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
found = {}
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.ispkg:
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, type) and issubclass(value, nnUNetTrainer) and value.__module__ == module.name:
                found[name] = [base.__name__ for base in value.__bases__], module.name
print(json.dumps(found))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    truth = json.loads(done.stdout.splitlines()[-1])
    listed = {
        t.name: [list(t.bases), "nnunetv2.training.nnUNetTrainer." + t.module[: -len(".py")].replace("/", ".")]
        for t in installed
    }
    assert listed == truth


@pytest.mark.train
def test_known_facts_about_nnunets_trainers_are_shown(installed: list[Trainer]) -> None:
    changes = {t.name: t.changes for t in installed}
    assert changes["nnUNetTrainer_5epochs"] == ("num_epochs = 5",)
    assert changes["nnUNetTrainerNoMirroring"] == ("no mirroring",)
    assert "training transforms" in changes["nnUNetTrainerDA5"]
    assert any("MemoryEfficientSoftDiceLoss" in change for change in changes["nnUNetTrainerDiceLoss"])
    silent = [t.name for t in installed if not t.changes and len(t.bases) == 1 and t.bases != ("object",)]
    assert silent == [], "each trainer that has one base differs from it in something"


@pytest.mark.train
def test_the_list_and_refusals_of_the_preview(segconv: Command) -> None:
    listed = segconv("trainers", "list", "--json").json["trainers"]
    assert listed[0]["name"] == "nnUNetTrainer"
    lines = segconv("trainers", "list").out.splitlines()
    assert len(lines) == len(listed) + 1
    folder = segconv.raw / "Dataset003_A"
    folder.mkdir()
    (folder / "dataset.json").write_text(
        '{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "numTraining": 0, "file_ending": ".nii.gz"}'
    )
    wrong = segconv("trainers", "preview", "3", "-c", "2d", "-tr", "nnUNetTrainerDA6")
    assert (wrong.code, wrong.codes()) == (2, ["SC001"])
    assert "nnUNetTrainerDA5" in wrong.err
    unplanned = segconv("trainers", "preview", "3", "-c", "2d")
    assert (unplanned.code, unplanned.codes()) == (66, ["SC010"])
