"""What is preprocessed again by the real nnU-Net equals what would come out of preprocessing everything again."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segconv.image.opened import read_image

from ..command import Command
from .really_trained import DATASET, ReallyTrained

pytestmark = pytest.mark.train


def content(folder: Path) -> dict[str, Any]:
    """Arrays and properties of preprocessed cases."""
    import blosc2

    found: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".b2nd":
            found[path.name] = np.asarray(blosc2.open(urlpath=str(path), mode="r")[:]).tobytes()
        else:
            found[path.name] = {key: str(value) for key, value in pickle.loads(path.read_bytes()).items()}  # noqa: S301
    return found


def test_one_changed_case_is_preprocessed_and_the_others_are_as_all_would_be(
    really_trained: ReallyTrained, tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = really_trained.copied_to(tmp_path)
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    raw, folder = segconv.raw / DATASET, tmp_path / "nnUNet_preprocessed" / DATASET
    for path in (tmp_path / "nnUNet_results").iterdir():
        shutil.rmtree(path)
    first, second = sorted((raw / "labelsTr").iterdir())[:2]
    changed = first.name.removesuffix(".nii.gz")
    image = raw / "imagesTr" / f"{changed}_0000.nii.gz"
    image.write_bytes((raw / "imagesTr" / second.name.replace(".nii.gz", "_0000.nii.gz")).read_bytes())
    first.write_bytes(second.read_bytes())
    done = segconv("plan", "4", "-c", "2d", "-j", "1", "--no-check", "--json")
    assert (done.code, done.json["cases"]["nnUNetPlans_2d"]["preprocessed"]) == (0, 1), done.err
    found = content(folder / "nnUNetPlans_2d")
    plans = json.loads((folder / "nnUNetPlans.json").read_text())
    assert "2d_small" in plans["configurations"], "what was derived is kept"
    assert segconv("plan", "4", "-c", "2d", "-j", "1", "--no-check", "--again").code == 0
    assert json.loads((folder / "nnUNetPlans.json").read_text()) == plans
    assert content(folder / "nnUNetPlans_2d") == found
    shape = read_image(image.read_bytes()).array.shape
    assert str(shape) in found[f"{changed}.pkl"]["shape_before_cropping"]
    assert (folder / "gt_segmentations" / first.name).read_bytes() == second.read_bytes()
