"""Small models that nnU-Net really trained, once for all tests and test processes."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from segconv.cli.main import run

FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
PROGRAM = Path(__file__).with_name("short_training.py")
DATASET, TRAINER = "Dataset004_Hippocampus", "nnUNetTrainer_1epoch"
MODELS = ("2d_small", "3d_small")
FOLDS = ("0", "1")


@dataclass(frozen=True)
class ReallyTrained:
    """nnU-Net's three folders with ``Dataset004_Hippocampus``, planned, preprocessed, and trained in `MODELS` × `FOLDS`.

    The trainer is `TRAINER`, the plans are ``nnUNetPlans``, and validation kept its probabilities. Other folds are
    not trained. 2d_small reaches a mean validation Dice of about 0.5, 3d_small of about 0.1.
    """

    root: Path

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables of the three folders."""
        return {name: str(self.root / name) for name in FOLDERS}

    def model(self, configuration: str) -> Path:
        """Return the folder of a model."""
        return self.root / "nnUNet_results" / DATASET / f"{TRAINER}__nnUNetPlans__{configuration}"

    def copied_to(self, folder: Path) -> ReallyTrained:
        """Return a copy that a test may change."""
        for name in FOLDERS:
            shutil.copytree(self.root / name, folder / name, dirs_exist_ok=True)
        return ReallyTrained(folder)


def trained_in(shared: Path, data: Path) -> ReallyTrained:
    """Return the models in a folder that all test processes share; the first one trains them."""
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = ReallyTrained(shared / "trained")
        if not (shared / "done").exists():
            shutil.rmtree(made.root, ignore_errors=True)
            _train(made, data / "Task04_Hippocampus_mini")
            (shared / "done").touch()
    return made


def _train(made: ReallyTrained, source: Path) -> None:
    made.root.mkdir()
    for name in FOLDERS:
        (made.root / name).mkdir()
    roots = [word for name in FOLDERS for word in (f"--{name.removeprefix('nnUNet_')}", str(made.root / name))]
    derived = ("--features", "8:32", "--batch-size")
    for words in (
        ("convert", str(source), "--to", "4_Hippocampus", "-j", "1"),
        ("plan", "4", "-c", "2d", "-c", "3d_fullres", "-j", "1"),
        ("plans", "derive", "4", "2d_small", "--from", "2d", *derived, "8"),
        ("plans", "derive", "4", "3d_small", "--from", "3d_fullres", *derived, "2"),
    ):
        assert run([*words, "-q", *roots]) == 0, words
    jobs = [f"{configuration}:{fold}" for configuration in MODELS for fold in FOLDS]
    # Augmentation and export in few processes: each costs seconds of imports.
    few = {"nnUNet_compile": "f", "nnUNet_n_proc_DA": "0", "nnUNet_def_n_proc": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(PROGRAM), DATASET, *jobs]
    done = subprocess.run(command, env={**os.environ, **made.variables, **few}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
