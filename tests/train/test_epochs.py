"""What nnU-Net writes becomes progress: epochs, losses, Dice, time left, and cases of the validation."""

from __future__ import annotations

import math
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from segconv.cli.training_display import in_words
from segconv.train.epochs import DONE, STARTING, TRAINING, VALIDATING, Follower, Progress

# As nnunetv2 2.8.1 writes it, between much else.
LOG = """
2026-11-30 01:17:27.840133: This split has 9 training and 3 validation cases.
2026-11-30 01:17:27.931597: Epoch 0
2026-11-30 01:17:27.931699: Current learning rate: 0.01
2026-11-30 01:17:28.369085: train_loss 0.5327
2026-11-30 01:17:28.369274: val_loss -0.2275
2026-11-30 01:17:28.369312: Pseudo dice [np.float32(0.1197), np.float32(nan), np.float32(1e-04)]
2026-11-30 01:17:28.369360: Epoch time: 4.0 s
2026-11-30 01:17:28.369389: Yayy! New best EMA pseudo Dice: 0.05990000069141388
2026-11-30 01:17:28.822350: Epoch 1
2026-11-30 01:17:29.201415: train_loss 0.127
2026-11-30 01:17:29.201415: val_loss nan
2026-11-30 01:17:29.201650: Pseudo dice [0.5242, 0.0, 0.5]
2026-11-30 01:17:29.201699: Epoch time: 2.0 s
2026-11-30 01:17:29.699571: Training done.
2026-11-30 01:17:29.712651: predicting hippocampus_003
2026-11-30 01:17:29.713636: hippocampus_003, shape torch.Size([1, 35, 52, 34]), rank 0
2026-11-30 01:17:30.170099: predicting hippocampus_008
2026-11-30 01:17:40.802919: Validation complete
"""


def follow(folder: Path, log: str = LOG) -> list[Progress]:
    heard: list[Progress] = []
    follower = Follower("0", "CPU", folder, heard.append)
    for line in log.splitlines():
        follower(line)
    follower.end(DONE)
    return heard


def test_epochs_are_heard_when_they_begin_and_end(tmp_path: Path) -> None:
    (tmp_path / "debug.json").write_text('{"num_epochs": "10"}')
    begun, first, second, after, *_ = (found for found in follow(tmp_path) if found.phase == TRAINING or found)
    assert (begun.epoch, begun.epochs, begun.finished, begun.left_s) == (0, 10, False, None)
    assert (first.epoch, first.finished, first.train_loss, first.validation_loss) == (0, True, 0.5327, -0.2275)
    assert (first.epoch_s, first.left_s) == (4.0, 36.0)
    assert first.pseudo_dice[::2] == (0.1197, 1e-04)
    assert math.isnan(first.pseudo_dice[1])
    assert (second.epoch, second.finished, second.left_s) == (1, False, 36.0)
    assert (after.epoch, after.pseudo_dice, after.epoch_s, after.left_s) == (1, (0.5242, 0.0, 0.5), 3.0, 24.0)


def test_the_start_and_the_compilation_of_the_first_epoch_are_heard(tmp_path: Path) -> None:
    heard: list[Progress] = []
    follower = Follower("0", "GPU 0", tmp_path, heard.append)
    follower.begin()
    for line in ("2026-11-30 01:17:20.840133: Using torch.compile...", *LOG.splitlines()):
        follower(line)
    compiling = [(found.phase, found.epoch, found.compiles) for found in heard[:5]]
    assert compiling == [
        (STARTING, None, False),
        (STARTING, None, True),
        (TRAINING, 0, True),
        (TRAINING, 0, False),
        (TRAINING, 1, False),
    ]


@pytest.mark.train
def test_the_installed_nnunet_says_that_it_compiles_as_it_would_on_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It compiles only on GPUs: here a trainer is initialized that is asked to, and the line goes the whole way."""
    from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as module

    monkeypatch.setattr(module, "determine_num_input_channels", lambda *_: 1)
    monkeypatch.setattr(module, "infer_dataset_class", lambda _: None)
    monkeypatch.setattr(module.torch, "compile", lambda network: network)
    trainer = MagicMock(was_initialized=False, is_ddp=False)
    trainer._do_i_compile.return_value = True
    trainer.build_network_architecture = lambda plans_manager, *_: MagicMock()
    trainer.configure_optimizers.return_value = (None, None)
    module.nnUNetTrainer.initialize(trainer)
    heard: list[Progress] = []
    follower = Follower("0", "GPU 0", tmp_path, heard.append)
    for call in trainer.print_to_log_file.call_args_list:
        follower(f"2026-11-30 01:17:20.840133: {call.args[0]}")
    assert [in_words(None, progress) for progress in heard] == [
        "the first epoch compiles the kernels of the network, which may take minutes"
    ]


def test_cases_of_the_validation_are_counted(tmp_path: Path) -> None:
    found = [(one.predicted, one.to_predict) for one in follow(tmp_path) if one.phase == VALIDATING]
    assert found == [(0, 3), (1, 3), (2, 3)]
    assert follow(tmp_path)[-1].phase == DONE


def test_without_a_number_of_epochs_no_time_is_promised(tmp_path: Path) -> None:
    assert {one.left_s for one in follow(tmp_path)} == {None}


@pytest.mark.parametrize("line", ["", "Epoch", "epoch 3", "train_loss of a colleague", "{'Epoch 7': 1}", "Pseudo dice"])
def test_other_lines_say_nothing(line: str, tmp_path: Path) -> None:
    heard: list[Progress] = []
    follower = Follower("0", "", tmp_path, heard.append)
    follower(line)
    assert (heard, follower.progress.phase) == ([], STARTING)
