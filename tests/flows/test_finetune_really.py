"""Fine-tuning with nnU-Net's own commands; only the pretraining itself is replaced by a checkpoint of the same network.

`benchmarks.finetune` also pretrains, and is killed meanwhile.
"""

from __future__ import annotations

import json
import shutil
import site
from pathlib import Path

import pytest

from segconv.train import child

from ..command import Command
from ..train import quick
from ..train.really_trained import DATASET, TRAINER, ReallyTrained

pytestmark = pytest.mark.train

OTHER = "Dataset005_Few"
FEW = {"nnUNet_compile": "f", "nnUNet_n_proc_DA": "0", "nnUNet_def_n_proc": "1", "OMP_WAIT_POLICY": "PASSIVE"}

PROGRAM = """
import os, pathlib, shutil, sys
import quick_training

def main():
    number, configuration, fold, _, trainer, _, plans = sys.argv[1:8]
    if fold != "all":
        return quick_training.main()
    (data,) = pathlib.Path(os.environ["nnUNet_preprocessed"]).glob(f"Dataset{int(number):03d}_*")
    folder = pathlib.Path(os.environ["nnUNet_results"], data.name, f"{trainer}__{plans}__{configuration}", "fold_all")
    folder.mkdir(parents=True)
    shutil.copyfile(pathlib.Path(__file__).with_name("trained"), folder / "checkpoint_final.pth")
"""


def few_cases(raw: Path) -> None:
    """Make another dataset of three of the cases, with one label more."""
    source, target = raw / DATASET, raw / OTHER
    description = json.loads((source / "dataset.json").read_text())
    for case in sorted(path.name for path in (source / "labelsTr").iterdir())[:3]:
        for part in (f"labelsTr/{case}", f"imagesTr/{case.replace('.nii.gz', '_0000.nii.gz')}"):
            (target / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / part, target / part)
    labels = {"background": 0, "anterior": 1, "posterior": 2, "nothing": 3}
    (target / "dataset.json").write_text(json.dumps({**description, "labels": labels, "numTraining": 3}))


@pytest.mark.timeout(900)
def test_a_never_planned_dataset_is_made_ready_and_its_weights_are_loaded(
    really_trained: ReallyTrained, tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = really_trained.copied_to(tmp_path)
    few_cases(segconv.raw)
    preprocessed = tmp_path / "nnUNet_preprocessed"
    cases = sorted(path.name.removesuffix(".nii.gz") for path in (segconv.raw / DATASET / "labelsTr").iterdir())
    (preprocessed / DATASET / "splits_final.json").write_text(json.dumps([{"train": cases[1:], "val": cases[:1]}]))
    room = tmp_path / "room"
    room.mkdir()
    (room / "quick_training.py").write_text(quick.PROGRAM)
    (room / "few_training.py").write_text(PROGRAM)
    shutil.copyfile(made.model("2d_small") / "fold_0" / "checkpoint_final.pth", room / "trained")
    for key, value in FEW.items():
        monkeypatch.setenv(key, value)
    known = {**child.commands(), "nnUNetv2_train": "few_training:main"}
    monkeypatch.setattr(child, "commands", lambda: known)
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(room))

    words = ("finetune", 4, "--from", 5, "-c", "2d_small", "-tr", TRAINER, "--device", "cpu")
    done = segconv(*words, "--json")
    assert done.code == 0, done.out
    moved = json.loads((preprocessed / OTHER / "nnUNetPlansFor004.json").read_text())
    assert moved["configurations"]["2d"]["data_identifier"] == "nnUNetPlansFor004_2d"
    data = preprocessed / OTHER / "nnUNetPlansFor004_2d"
    assert len(list(data.iterdir())) == 3 * 3
    assert (preprocessed / OTHER / "dataset_fingerprint.json").is_file()
    tensors = {kind: list(names) for kind, names in done.json["tensors"].items()}
    assert (len(tensors["loaded"]), tensors["do not fit"], tensors["not used"]) == (182, [], [])
    assert {name.split(".")[1] for name in tensors["skipped, segmentation heads"]} == {"seg_layers"}
    weights = (
        tmp_path / "nnUNet_results" / OTHER / f"{TRAINER}__nnUNetPlansFor004__2d_small/fold_all/checkpoint_final.pth"
    )
    assert done.json["weights"] == str(weights)
    log = (preprocessed / ".segconv-logs" / DATASET / "train-2d_small-0.log").read_text()
    assert f"Loading pretrained weights from file  {weights}" in log
    model = tmp_path / "nnUNet_results" / DATASET / f"{TRAINER}__nnUNetPlansFrom005__2d_small"
    assert (model / "fold_0" / "validation" / "summary.json").is_file()

    refused = segconv("finetune", 4, "--weights", weights, "-c", "3d_small", "-tr", TRAINER, "--device", "cpu")
    assert (refused.code, refused.codes()) == (65, ["SC153"])
    assert "is of a PlainConvUNet in 2D with 4 stages, 8…32 features, not of a PlainConvUNet in 3D" in refused.err
    assert len([*refused.out.splitlines(), *refused.err.splitlines()]) < 20
