"""A dataset planned as a cascade, and a stand-in for nnU-Net's trainer that trains its stages within a moment.

What the trainer does not do, files in its folder say: ``forget CASE`` to predict a case, ``fail CONFIGURATION FOLD`` to
train. If it has a file ``weights``, that is its checkpoint.
"""

from __future__ import annotations

import site
from collections.abc import Callable
from pathlib import Path
from typing import Any

from segconv.train import child

from ..review import datasets
from ..train.checkpoints import checkpoint, fold
from ..train.prepared import NETWORK, WHOLE, plan, preprocess
from ..train.stand_in import put

CASES = [f"c{number}" for number in range(5)]
LOW, LAST = "3d_lowres", "3d_cascade_fullres"
PLANNED: dict[str, Any] = {
    LOW: {"data_identifier": "low", "next_stage": LAST, "architecture": NETWORK},
    "3d_fullres": {
        "data_identifier": "full",
        "architecture": NETWORK,
        "patch_size": [32, 32, 32],
        "median_image_size_in_voxels": [64, 64, 64],
    },
    LAST: {"inherits_from": "3d_fullres", "previous_stage": LOW},
}

PROGRAM = f"""
import json, os, pathlib, sys

def main():
    room = pathlib.Path(__file__).parent
    number, configuration, fold, _, trainer, _, plans = sys.argv[1:8]
    data = next(pathlib.Path(os.environ["nnUNet_preprocessed"]).glob(f"Dataset{{int(number):03d}}_*"))
    with (room / "log").open("a") as log:
        log.write(" ".join([configuration, fold, *sys.argv[8:]]) + "\\n")
    with (room / "gpus").open("a") as log:
        log.write(os.environ.get("CUDA_VISIBLE_DEVICES", "") + "\\n")
    if (room / f"fail {{configuration}} {{fold}}").exists():
        sys.exit("no training today")
    planned = json.loads((data / f"{{plans}}.json").read_text())["configurations"]
    model = pathlib.Path(os.environ["nnUNet_results"], data.name, f"{{trainer}}__{{plans}}__{{configuration}}")
    validation = model / f"fold_{{fold}}" / "validation"
    validation.mkdir(parents=True, exist_ok=True)
    weights = room / "weights"
    (validation.parent / "checkpoint_final.pth").write_bytes(weights.read_bytes() if weights.exists() else {checkpoint()!r})
    following = planned[configuration].get("next_stage") or []
    held_back = json.loads((data / "splits_final.json").read_text())[int(fold)]["val"] if following else []
    for name in [following] if isinstance(following, str) else following:
        for case in held_back:
            if not (room / f"forget {{case}}").exists():
                path = model / "predicted_next_stage" / name / f"{{case}}.b2nd"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes({WHOLE!r})
    (validation / "summary.json").write_text("{{}}")
"""


def install(folder: Path, patch: Callable[[object, str, object], None]) -> None:
    """Let the trainer in a folder be found where nnU-Net's command would be."""
    folder.mkdir(exist_ok=True)
    put(folder / "stage_program.py", PROGRAM)
    patch(child, "commands", lambda: {"nnUNetv2_train": "stage_program:main"})
    patch(site, "ENABLE_USER_SITE", True)
    patch(site, "getusersitepackages", lambda: str(folder))


def planned_stages(folder: Path) -> Path:
    """Make ``Dataset007_Ct`` in nnUNet_raw of a folder, planned and preprocessed for a cascade; return its path."""
    raw = datasets.volumes(folder / "nnUNet_raw", cases=len(CASES))
    planned(raw, PLANNED)
    return raw


def planned(raw: Path, configurations: dict[str, Any]) -> None:
    """Plan and preprocess a dataset with these configurations."""
    folder = raw.parents[1] / "nnUNet_preprocessed"
    plan(raw, folder, ["low", "full"], plans_name="nnUNetPlans", configurations=configurations)


def trained_stages(folder: Path) -> None:
    """Make the same dataset with folds 0 and 1 of the last stage trained, and all of the first."""
    raw = planned_stages(folder)
    results = folder / "nnUNet_results" / raw.name
    for stage, folds in ((LOW, 5), (LAST, 2)):
        for number in range(folds):
            fold(results / f"nnUNetTrainer__nnUNetPlans__{stage}" / f"fold_{number}", "final", validated=True)
    preprocess(results / f"nnUNetTrainer__nnUNetPlans__{LOW}" / "predicted_next_stage" / LAST, CASES)
