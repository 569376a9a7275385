"""Trainers of folders are imported once before a training, within a limit of time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.train import trainer_check
from segconv.train.known_trainers import OURS
from segconv.train.paths import Paths
from segconv.train.trainer_check import refuse_unimportable
from segconv.train.trainer_list import NNUNET, Trainer

OWN = """
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class Mine(nnUNetTrainer):
    pass
"""


def trainer(home: object) -> Trainer:
    return Trainer("Mine", (), "", (), "", str(home))


def refused(folder: Path, tmp_path: Path, **how: int) -> SegconvError:
    with pytest.raises(SegconvError) as caught:
        refuse_unimportable(trainer(folder), replace(Paths(), trainers=(folder,)), tmp_path / "log", **how)
    assert caught.value.code == "SC226"
    return caught.value


@pytest.mark.train
def test_a_module_that_hangs_or_fails_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "z_mine.py").write_text(OWN)
    refuse_unimportable(trainer(folder), replace(Paths(), trainers=(folder,)), tmp_path / "log")
    (folder / "a_slow.py").write_text("import time\ntime.sleep(1000)\n")
    error = refused(folder, tmp_path, limit_s=10)
    assert error.message == f"Mine, in {folder}: nnU-Net cannot import a_slow: the import did not end within 10 s"
    (folder / "a_slow.py").write_text("import surely_not_installed\n")
    assert "cannot import a_slow: ModuleNotFoundError: No module named 'surely" in refused(folder, tmp_path).message


def test_a_module_that_ends_the_process_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer_check, "run_child", lambda *_, **__: None)
    assert "it ended the process" in refused(tmp_path, tmp_path).message


def test_those_of_nnunet_and_segconv_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer_check, "run_child", lambda *_, **__: pytest.fail("a process was started"))
    for home in (NNUNET, OURS):
        refuse_unimportable(trainer(home), Paths(), tmp_path / "log")
