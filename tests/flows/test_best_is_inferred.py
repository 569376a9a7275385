"""What `best` finds is what `infer` does, byte for byte as nnU-Net's own commands typed one after the other."""

from __future__ import annotations

import json
import os
import pickle
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from ..command import Command
from ..train.really_trained import DATASET, TRAINER, ReallyTrained

pytestmark = pytest.mark.train

CASES = ("hippocampus_003", "hippocampus_004")
FEW = {"nnUNet_def_n_proc": "1", "nnUNet_compile": "f"}

BY_HAND = """
import json, multiprocessing, sys
from importlib import metadata

if __name__ == "__main__":
    points = {point.name: point for point in metadata.distribution("nnunetv2").entry_points}
    for words in json.loads(sys.argv[1]):
        sys.argv = words
        points[words[0]].load()()
"""
"""nnU-Net's commands, one after the other in one process, as each spends seconds on its imports."""


@dataclass(frozen=True)
class World:
    """Trained models with a cascade among them, and images to predict."""

    trained: ReallyTrained
    folder: Path
    segconv: Command

    @property
    def results(self) -> Path:
        return self.trained.root / "nnUNet_results" / DATASET

    def validated(self, configuration: str) -> list[Path]:
        return [self.trained.model(configuration) / f"fold_{fold}" / "validation" for fold in (0, 1)]

    def reference(self, case: str) -> NDArray[Any]:
        """Return a label in the axis order of nnU-Net's arrays."""
        path = self.trained.root / "nnUNet_preprocessed" / DATASET / "gt_segmentations" / f"{case}.nii.gz"
        return np.asarray(nib.load(path).dataobj).T.astype(np.uint8)

    def best(self, *words: object) -> Any:
        done = self.segconv("best", 4, "-tr", TRAINER, "-f", "0,1", "-j", 1, "--json", *words)
        assert done.code == 0, done.out
        return done.json

    def infer(self, output: Path, *words: object) -> None:
        done = self.segconv(
            "infer", 4, "-i", self.folder / "images", "-o", output, "--raw-output", "--device", "cpu",
            "--disable-tta", "-j", 1, *words,
        )  # fmt: skip
        assert done.code == 0, done.err

    def by_hand(self, commands: list[str], folder: Path) -> Path:
        """Type nnU-Net's commands; return the folder that the last one wrote."""
        folder.mkdir()
        inputs = folder / "INPUT"
        inputs.mkdir()
        for path in (self.folder / "images").iterdir():
            shutil.copyfile(path, inputs / path.name.replace(".nii.gz", "_0000.nii.gz"))
        typed = []
        for line in commands:
            words = [str(folder / word) if word.isupper() and word.isascii() else word for word in shlex.split(line)]
            few = ["-device", "cpu", "--disable_tta", "-npp", "0", "-nps", "0"]
            typed.append(words + (few if words[0] == "nnUNetv2_predict" else ["-np", "1"]))
        script = folder / "by_hand.py"
        script.write_text(BY_HAND)
        environment = {**os.environ, **self.trained.variables, **FEW}
        done = subprocess.run(
            [sys.executable, str(script), json.dumps(typed)], env=environment, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        return folder / "POSTPROCESSED"


@pytest.fixture
def world(really_trained: ReallyTrained, tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch) -> World:
    trained = really_trained.copied_to(tmp_path)
    for name, value in {**trained.variables, **FEW}.items():
        monkeypatch.setenv(name, value)
    _make_cascade(trained)
    images = tmp_path / "images"
    images.mkdir()
    for case in CASES:
        source = trained.root / "nnUNet_raw" / DATASET / "imagesTr" / f"{case}_0000.nii.gz"
        shutil.copyfile(source, images / f"{case.replace('hippocampus', 'mine')}.nii.gz")
    return World(trained, tmp_path, segconv)


def _make_cascade(trained: ReallyTrained) -> None:
    """Make a second stage of 3d_small, whose network also gets one channel for each of the two labels."""
    import torch

    second = trained.model("3d_cascade")
    shutil.copytree(trained.model("3d_small"), second)
    configuration = {"inherits_from": "3d_small", "previous_stage": "3d_small"}
    for path in (second / "plans.json", trained.root / "nnUNet_preprocessed" / DATASET / "nnUNetPlans.json"):
        plans = json.loads(path.read_text())
        plans["configurations"]["3d_cascade"] = configuration
        path.write_text(json.dumps(plans))
    drawn = torch.Generator().manual_seed(1)
    for path in second.glob("fold_*/checkpoint_final.pth"):
        checkpoint = torch.load(path, weights_only=False)
        for name, weight in checkpoint["network_weights"].items():
            if weight.ndim == 5 and weight.shape[1] == 1:
                more = torch.randn((weight.shape[0], 2, *weight.shape[2:]), generator=drawn) / 10
                checkpoint["network_weights"][name] = torch.cat([weight, more], dim=1)
        checkpoint["init_args"]["configuration"] = "3d_cascade"
        torch.save(checkpoint, path)


def plant(
    world: World, configuration: str, predicted: Callable[[NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]]
) -> None:
    """Replace validation predictions and their probabilities by what a function makes of the references."""
    for folder in world.validated(configuration):
        for path in folder.glob("*.nii.gz"):
            label, probabilities = predicted(world.reference(path.name.removesuffix(".nii.gz")))
            image = nib.load(path)
            made = nib.Nifti1Image(label.T.astype(np.uint8), image.affine, image.header)
            nib.save(made, path)
            np.savez_compressed(path.with_name(path.name.replace(".nii.gz", ".npz")), probabilities=probabilities)
        (folder / "summary.json").touch()


def with_a_speck(reference: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the reference with a voxel of label 1 far from it, which postprocessing removes."""
    label = reference.copy()
    label[0, 0, 0] = 1
    return label, np.stack([label == value for value in range(3)]).astype(np.float32)


def sure_of(known: int) -> Callable[[NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]]:
    """Return a model that sees one label, and takes the other for background, but only just."""

    def predicted(reference: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        other = 3 - known
        probabilities = np.zeros((3, *reference.shape), np.float32)
        probabilities[0] = np.select([reference == known, reference == other], [0.1, 0.55], 1)
        probabilities[known] = np.where(reference == known, 0.9, 0)
        probabilities[other] = np.where(reference == other, 0.45, 0)
        probabilities[known, 0, 0, 0], probabilities[0, 0, 0, 0] = 1, 0
        return probabilities.argmax(0), probabilities

    return predicted


def same_bytes(made: Path, wanted: Path) -> None:
    files = sorted(path.name for path in wanted.glob("*.nii.gz"))
    assert len(files) == len(CASES)
    assert sorted(path.name for path in made.glob("*.nii.gz")) == files
    for name in files:
        assert (made / name).read_bytes() == (wanted / name).read_bytes(), name


class Touches:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_the_best_cascade_is_predicted_as_by_hand_and_no_pickle_is_loaded(world: World) -> None:
    plant(world, "3d_cascade", with_a_speck)
    found = world.best("-c", "3d_small", "-c", "3d_cascade", "--no-ensembles")
    assert found["models"] == [f"{TRAINER}__nnUNetPlans__3d_cascade"]
    assert found["dice_postprocessed"] == pytest.approx(1)
    source = world.trained.model("3d_cascade") / "crossval_results_folds_0_1"
    assert json.loads((source / "postprocessing.json").read_text())["postprocessing_fns"]
    wanted = world.by_hand(found["nnunet_commands"], world.folder / "by hand")
    touched = world.folder / "touched"
    for path in world.results.rglob("postprocessing.pkl"):
        path.write_bytes(pickle.dumps(Touches(touched)))
    world.infer(world.folder / "made")
    same_bytes(world.folder / "made", wanted)
    assert not touched.exists()


def test_the_best_ensemble_is_predicted_as_by_hand(world: World) -> None:
    plant(world, "2d_small", sure_of(1))
    plant(world, "3d_small", sure_of(2))
    found = world.best("-c", "2d_small", "-c", "3d_small")
    assert found["models"] == [f"{TRAINER}__nnUNetPlans__{name}" for name in ("2d_small", "3d_small")]
    assert found["dice"] > 0.99
    wanted = world.by_hand(found["nnunet_commands"], world.folder / "by hand")
    world.infer(world.folder / "made")
    same_bytes(world.folder / "made", wanted)
