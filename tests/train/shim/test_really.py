"""A model of one of segconv's trainers is trained, and predicts in a new process without any variable of trainers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..really_trained import DATASET, ReallyTrained

pytestmark = pytest.mark.train

TRAINER = "nnUNetTrainerSegconv_1epochs_2iterations"
FEW = {"nnUNet_compile": "f", "nnUNet_n_proc_DA": "0", "nnUNet_def_n_proc": "1", "OMP_NUM_THREADS": "1"}


def segconv(*words: object, variables: dict[str, str]) -> str:
    """Run the command line in a process of its own, and return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "segconv", *map(str, words)],
        env=variables,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def test_a_model_predicts_in_a_new_process_and_shell_without_the_variable(
    really_trained: ReallyTrained, tmp_path: Path
) -> None:
    made = really_trained.copied_to(tmp_path / "made")
    usual = {key: value for key, value in os.environ.items() if not key.startswith("nnUNet_")} | FEW
    segconv(
        "train", 4, "-c", "2d_small", "-f", 0, "-tr", TRAINER, "--device", "cpu", variables={**usual, **made.variables}
    )
    model = made.root / "nnUNet_results" / DATASET / f"{TRAINER}__nnUNetPlans__2d_small"
    assert (model / "fold_0" / "checkpoint_final.pth").is_file()

    images = tmp_path / "images"
    images.mkdir()
    source = sorted((made.root / "nnUNet_raw" / DATASET / "imagesTr").glob("*_0000.nii.gz"))[0]
    (images / source.name.replace("_0000", "")).write_bytes(source.read_bytes())
    bare = {key: value for key, value in usual.items() if key in ("PATH", "HOME", *FEW)}
    words = ["predict", model, "-i", images, "-o", tmp_path / "made by it", "--device", "cpu", "--disable-tta", "-j", 1]
    segconv(*words, "--raw-output", variables=bare)
    assert [path.name for path in (tmp_path / "made by it").glob("*.nii.gz")] == [source.name.replace("_0000", "")]
