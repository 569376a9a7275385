"""nnU-Net trains a fold in a job, on a stand-in for a SLURM cluster."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segconv.cli.main import run
from segconv.train.folds import state_of

from ..train.really_trained import DATASET, ReallyTrained
from ..work.backends.slurm_cluster import SlurmCluster

pytestmark = pytest.mark.train
pytest.importorskip("submitit", reason="submitit is not installed")
TRAINER = "nnUNetTrainerSegconv_2epochs_1iterations"


def test_a_job_trains_and_validates_a_fold_and_its_progress_is_shown(
    really_trained: ReallyTrained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = really_trained.copied_to(tmp_path / "made")
    cluster = SlurmCluster(tmp_path / "slurm", monkeypatch)
    few = {"nnUNet_n_proc_DA": "0", "nnUNet_def_n_proc": "1", "XDG_STATE_HOME": str(tmp_path)}
    for name, value in {**made.variables, **few}.items():
        monkeypatch.setenv(name, value)
    words = ["train", "4", "-c", "2d_small", "-f", "2", "-tr", TRAINER, "--device", "cpu", "--backend", "slurm"]
    code = run(words)
    said = capsys.readouterr().err
    assert code == 0, said
    assert re.search(r"^fold 2: job \d+, whose log is \S+train-2d_small-2\.log$", said, re.MULTILINE)
    assert "fold 2: nnU-Net starts, which takes a moment" in said
    assert "fold 2: epoch 1/1, train loss " in said
    assert "fold 2: trained and validated" in said
    model = tmp_path / "made" / "nnUNet_results" / DATASET / f"{TRAINER}__nnUNetPlans__2d_small"
    assert state_of(model / "fold_2").complete
    assert len(cluster.scripts) == 1
    assert run(words) == 0
    assert len(cluster.scripts) == 1, "nothing is left to do"
