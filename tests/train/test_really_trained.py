"""The models that other tests use are whole, and have learnt something."""

from __future__ import annotations

import json

import pytest

from .really_trained import FOLDS, MODELS, ReallyTrained

pytestmark = pytest.mark.train


def test_each_model_is_trained_and_validated(really_trained: ReallyTrained) -> None:
    for configuration in MODELS:
        model = really_trained.model(configuration)
        for fold in FOLDS:
            assert (model / f"fold_{fold}" / "checkpoint_final.pth").is_file()
            validation = model / f"fold_{fold}" / "validation"
            assert len(list(validation.glob("*.npz"))) == len(list(validation.glob("*.nii.gz"))) > 0
            assert (validation / "summary.json").is_file()
    folds = [really_trained.model("2d_small") / f"fold_{fold}" / "validation" / "summary.json" for fold in FOLDS]
    dice = [json.loads(path.read_text())["foreground_mean"]["Dice"] for path in folds]
    assert max(dice) > 0.1
