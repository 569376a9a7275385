"""A network of an installed package is planned for, trained with, and predicts in a new process."""

from __future__ import annotations

import json
import site
import zipfile
from pathlib import Path

import pytest

from ..command import Command
from ..train.really_trained import DATASET, ReallyTrained

pytestmark = pytest.mark.train

TRAINER = "nnUNetTrainerSegconv_1epochs_1iterations"
FEW = {"nnUNet_compile": "f", "nnUNet_def_n_proc": "1", "OMP_NUM_THREADS": "1"}

PACKAGE = '''
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet


class Scaled(PlainConvUNet):
    """A network with a weight that nnU-Net's own does not have."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        return super().forward(x * self.scale)
'''


def test_a_network_of_a_package_is_planned_for_trained_and_predicts(
    really_trained: ReallyTrained, segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = really_trained.copied_to(tmp_path / "world")
    for name, value in {**made.variables, **FEW}.items():
        monkeypatch.setenv(name, value)
    package = tmp_path / "installed" / "my_pkg"  # in place of `pip install`
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "nets.py").write_text(PACKAGE, encoding="utf-8")
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(package.parent))
    folder = made.root / "nnUNet_preprocessed" / DATASET
    stock = (folder / "nnUNetPlans.json").read_bytes()

    of_model = ("-p", "nnUNetPlansScaled", "-c", "2d", "-tr", TRAINER, "--allow-module", "my_pkg")
    done = segconv(
        *("plan", "4", "--network", "my_pkg.nets.Scaled", "--allow-module", "my_pkg"),
        *("-c", "2d", "-j", "1", "--no-check", "--json"),
    )
    assert done.code == 0, (done.err, done.out)
    assert done.json["cases"] == {"nnUNetPlans_2d": {"preprocessed": 0, "kept": 12}}
    plans = json.loads((folder / "nnUNetPlansScaled.json").read_bytes())
    plans["configurations"]["2d"]["batch_size"] = 2
    plans["configurations"]["2d"]["architecture"]["arch_kwargs"]["features_per_stage"] = [8] * 4
    (folder / "nnUNetPlansScaled.json").write_text(json.dumps(plans), encoding="utf-8")
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")  # with which nnU-Net's planner fails
    done = segconv("train", "4", "-f", "0", *of_model, "--device", "cpu")
    assert done.code == 0, done.err
    images = tmp_path / "images"
    images.mkdir()
    source = sorted((made.root / "nnUNet_raw" / DATASET / "imagesTs").iterdir())[0]
    (images / source.name.replace("_0000", "")).write_bytes(source.read_bytes())
    words = ("-i", images, "-o", tmp_path / "predicted", "-f", "0", "-j", "1", "--device", "cpu", "--disable-tta")
    done = segconv("infer", "4", *of_model, *words)
    assert done.code == 0, done.err
    assert [path.name for path in (tmp_path / "predicted").glob("*.nii.gz")] == [source.name.replace("_0000", "")]

    model = made.root / "nnUNet_results" / DATASET / f"{TRAINER}__nnUNetPlansScaled__2d"
    network = json.loads((model / "plans.json").read_bytes())["configurations"]["2d"]["architecture"]
    assert network["network_class_name"] == "my_pkg.nets.Scaled"
    with zipfile.ZipFile(model / "fold_0" / "checkpoint_final.pth") as checkpoint:
        assert b"scale" in checkpoint.read("checkpoint_final/data.pkl")
    assert (folder / "nnUNetPlans.json").read_bytes() == stock
