"""Make an installable package with a trainer of the user's own, as a start to change."""

from __future__ import annotations

import importlib.util
import keyword
import re
from contextlib import suppress
from pathlib import Path
from string import Template

from ..errors import SegconvError
from ..work import fsops
from ..work.writing import writing
from .known_trainers import list_trainers
from .trainers import named
from .trainers.of_packages import GROUP

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")
"""nnU-Net separates trainer, plans and configuration in the name of a folder by two underscores."""

_READ_BY_OTHERS = ("setup", "conftest")
"""Modules that setuptools and pytest run."""

_PROJECT = """\
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "$module"
version = "0.1.0"
description = "The nnU-Net trainer $name"
dependencies = ["segconv[train]"]

[project.entry-points."$group"]
$name = "$module:$name"

[tool.setuptools]
py-modules = ["$module"]
"""

_MODULE = '''\
"""The trainer $name, for nnU-Net."""

import torch
from segconv.train.trainers.stock import nnUNetTrainerSegconv


class $name(nnUNetTrainerSegconv):
    """nnU-Net's recipe at half its rate, with twice the weight of the cross entropy."""

    settings = {
        "initial_lr": 5e-3,  # nnU-Net: 1e-2
        "num_epochs": 1000,
        "num_iterations_per_epoch": 250,
    }

    def _build_loss(self) -> torch.nn.Module:
        loss = super()._build_loss()
        compound = loss.loss if self.enable_deep_supervision else loss
        compound.weight_ce = 2  # nnU-Net: 1, as that of the Dice loss
        return loss
'''

_TEST = '''\
"""The installed package offers the trainer, which has its own rate and loss. Run it with pytest."""

import pickle
from importlib.metadata import entry_points

import pytest
import torch
from $module import $name

PLANS = {
    "dataset_name": "Dataset001_Tiny",
    "plans_name": "nnUNetPlans",
    "continue_training": False,
    "configurations": {
        "2d": {
            "data_identifier": "nnUNetPlans_2d",
            "batch_dice": True,
            "architecture": {"arch_kwargs": {"strides": [[1, 1], [2, 2], [2, 2]]}},
        }
    },
}
DATASET = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1}, "file_ending": ".nii.gz"}


def test_the_installed_package_offers_the_trainer():
    (point,) = entry_points(group="$group", name="$name")
    assert point.load() is $name
    assert pickle.loads(pickle.dumps($name)) is $name


def test_rate_and_loss(tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    monkeypatch.setenv("nnUNet_compile", "f")
    trainer = $name(PLANS.copy(), "2d", 0, DATASET, torch.device("cpu"))
    assert trainer.initial_lr == 5e-3

    logits = [torch.zeros(2, 2, size, size) for size in (8, 4)]
    target = [torch.ones(2, 1, size, size) for size in (8, 4)]
    loss = trainer._build_loss()
    heavier = float(loss(logits, target))
    loss.loss.weight_ce = 1
    usual = float(loss(logits, target))
    assert heavier - usual == pytest.approx(0.693147, abs=1e-5)  # the cross entropy of two equal logits, log 2
'''


def make_trainer_package(name: str, folder: Path) -> list[Path]:
    """Write a package with a trainer, its entry point and its test.

    Parameters
    ----------
    name
        Name of the class.
    folder
        Folder to create; it appears complete.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    SegconvError
        ``SC001`` for a name that nnU-Net or Python cannot use; ``SC171`` for the name of another trainer; ``SC020`` if
        the folder exists; ``SC041`` if nnunetv2 is not installed; ``SC03x``.
    """
    _refuse_unusable(name)
    folder = folder.absolute()
    files = _files(name)
    draft = fsops.temporary_beside(folder)
    with writing(folder):
        try:
            fsops.mkdir(draft)
            for file, text in files.items():
                fsops.write_new(draft / file, text.encode())
            fsops.rename_new(draft, folder)
        except BaseException:
            _remove(draft, list(files))
            raise
    return [folder / file for file in files]


def _files(name: str) -> dict[str, str]:
    """Return the files of a package: name → text."""
    module = name.lower()
    templates = {"pyproject.toml": _PROJECT, f"{module}.py": _MODULE, f"test_{module}.py": _TEST}
    return {file: Template(text).substitute(name=name, module=module, group=GROUP) for file, text in templates.items()}


def _refuse_unusable(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise SegconvError(
            f"{name!r} cannot name a trainer: ASCII letters, digits and single underscores do, a letter first",
            hint="for example nnUNetTrainerMine",
        )
    module = name.lower()
    if keyword.iskeyword(name) or keyword.iskeyword(module) or module in _READ_BY_OTHERS:
        what = f"{name!r} cannot name a trainer: {module}.py, or its class, would mean something else to Python"
        raise SegconvError(what, hint="for example nnUNetTrainerMine")
    said = named(name)
    homes = {trainer.name: trainer.home for trainer in list_trainers()}
    taken = homes.get(name if said is None else said.base)
    if taken is not None:
        raise SegconvError(f"{name} is in {taken}", code="SC171", hint="give yours a name of its own")
    if importlib.util.find_spec(module) is not None:
        raise SegconvError(f"{name}: its module would be {module}, which exists", hint="choose another name")


def _remove(draft: Path, files: list[str]) -> None:
    """Remove an incomplete package."""
    with suppress(OSError):
        for file in files:
            if (draft / file).exists():
                fsops.unlink(draft / file)
        fsops.rmdir(draft)
