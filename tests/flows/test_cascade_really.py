"""A real cascade: nnU-Net's own predictions for the next stage, which is trained on them."""

from __future__ import annotations

import json
import site
from pathlib import Path

import pytest

from segconv.train import child

from ..command import Command
from ..train import quick
from ..train.really_trained import DATASET, TRAINER, ReallyTrained

pytestmark = pytest.mark.train

FEW = {"nnUNet_compile": "f", "nnUNet_n_proc_DA": "0", "nnUNet_def_n_proc": "1", "OMP_WAIT_POLICY": "PASSIVE"}


@pytest.mark.timeout(900)
def test_the_last_stage_is_trained_on_what_the_first_predicted(
    really_trained: ReallyTrained, tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = really_trained.copied_to(tmp_path)
    folder = tmp_path / "nnUNet_preprocessed" / DATASET
    plans = json.loads((folder / "nnUNetPlans.json").read_text())
    plans["configurations"]["low"] = {"inherits_from": "2d_small", "next_stage": "last"}
    plans["configurations"]["last"] = {"inherits_from": "2d_small", "previous_stage": "low"}
    (folder / "nnUNetPlans.json").write_text(json.dumps(plans))
    cases = sorted(path.name.split("_0000")[0] for path in (tmp_path / "nnUNet_raw" / DATASET / "imagesTr").iterdir())
    halves = [{"train": cases[:1], "val": cases[1:2]}, {"train": cases[1:2], "val": cases[:1]}]
    (folder / "splits_final.json").write_text(json.dumps(halves))

    room = tmp_path / "room"
    room.mkdir()
    (room / "quick_training.py").write_text(quick.PROGRAM)
    for key, value in FEW.items():
        monkeypatch.setenv(key, value)
    installed = child.commands()
    monkeypatch.setattr(child, "commands", lambda: {**installed, "nnUNetv2_train": "quick_training:main"})
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(room))
    words = ("cascade", 4, "-f", "0", "-tr", TRAINER, "--device", "cpu", "--json")
    done = segconv(*words)
    assert done.code == 0, done.out
    first, last = done.json["stages"]
    assert [fold["did"] for fold in (*first["folds"], *last["folds"])] == ["train"] * 3
    assert first["predicted"] == 2
    predictions = made.model("low") / "predicted_next_stage" / "last"
    assert sorted(path.name for path in predictions.iterdir()) == sorted(f"{case}.b2nd" for case in cases[:2])
    import torch

    checkpoint = torch.load(made.model("last") / "fold_0" / "checkpoint_final.pth", weights_only=False)
    stem = checkpoint["network_weights"]["encoder.stages.0.0.convs.0.conv.weight"]
    assert stem.shape[1] == 3, "the image, and one channel for each of two labels that the first stage predicted"

    (predictions / f"{cases[0]}.b2nd").unlink()
    refused = segconv(*words)
    assert (refused.code, refused.json["findings"][0]["code"]) == (65, "SC115")
    assert f"segconv train 4 -c low -f 1 -tr {TRAINER} --val" in refused.json["findings"][0]["hint"]
