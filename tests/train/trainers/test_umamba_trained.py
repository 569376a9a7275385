"""U-Mambas are really trained from plans of nnU-Net's own network, in 2D and 3D, and predict in a new process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ...command import Command
from ..really_trained import DATASET, ReallyTrained

pytestmark = pytest.mark.train

PROGRAM = Path(__file__).with_name("umamba_program.py")
NETWORKS = {"nnUNetTrainerUMambaBot": "UMambaBot", "nnUNetTrainerUMambaEnc": "UMambaEnc"}
LENGTHS = {"2d_small": "_2epochs_20iterations", "3d_small": "_2epochs_6iterations"}
MODELS = [(trainer, configuration) for configuration in LENGTHS for trainer in NETWORKS]


@pytest.fixture(scope="module")
def umambas(really_trained: ReallyTrained, tmp_path_factory: pytest.TempPathFactory) -> tuple[ReallyTrained, list[Any]]:
    """Trained models, and what was printed of each."""
    made = really_trained.copied_to(tmp_path_factory.mktemp("umambas"))
    jobs = [f"{trainer}{LENGTHS[configuration]}:{configuration}" for trainer, configuration in MODELS]
    few = {"nnUNet_compile": "f", "nnUNet_n_proc_DA": "0", "nnUNet_def_n_proc": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(PROGRAM), DATASET, *jobs]
    done = subprocess.run(command, env={**os.environ, **made.variables, **few}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return made, [json.loads(line) for line in done.stdout.decode().splitlines() if line.startswith('{"network"')]


def test_losses_fall_at_a_tenth_of_the_rate(umambas: tuple[ReallyTrained, list[Any]]) -> None:
    for (trainer, _), said in zip(MODELS, umambas[1], strict=True):
        first, last = said["losses"]
        assert (said["network"], said["rate"]) == (NETWORKS[trainer], 1e-3)
        assert last < first


@pytest.mark.parametrize(("trainer", "configuration"), MODELS)
def test_a_new_process_predicts(
    trainer: str,
    configuration: str,
    umambas: tuple[ReallyTrained, list[Any]],
    segconv: Command,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = umambas[0]
    for name, value in {**made.variables, "nnUNet_def_n_proc": "1", "OMP_NUM_THREADS": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("nnUNet_extTrainer", raising=False)
    image = next(
        path for path in sorted((data / "Task04_Hippocampus_mini" / "imagesTs").iterdir()) if path.name[0] != "."
    )
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / image.name).write_bytes(image.read_bytes())
    model = ("-c", configuration, "-f", "0", "-tr", f"{trainer}{LENGTHS[configuration]}")
    done = segconv(
        "infer",
        "4",
        *model,
        "-i",
        str(tmp_path / "in"),
        "-o",
        str(tmp_path / "out"),
        "--device",
        "cpu",
        "-j",
        "1",
        "--disable-tta",
    )
    assert done.code == 0, done.err
    assert (tmp_path / "out" / image.name).is_file()
