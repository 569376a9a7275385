"""The state of a fold: what nnU-Net's files say about it, whole or cut."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from segconv.train.checkpoints import is_whole, next_epoch
from segconv.train.folds import kept_folder, state_of, states_of

from .checkpoints import checkpoint, fold


def test_a_folder_that_does_not_exist_is_an_unbegun_fold(tmp_path: Path) -> None:
    state = state_of(tmp_path / "fold_3")
    assert (state.fold, state.trained, state.begun, state.complete, state.epoch) == ("3", False, False, False, 0)
    assert (state.checkpoint, state.epochs, state.kept) == (None, None, False)


@pytest.mark.parametrize(
    ("whole", "cut", "loaded"),
    [
        (("latest", "best"), (), "latest"),
        (("best",), ("latest",), "best"),
        (("latest",), ("final",), "latest"),
        (("final", "best"), (), "final"),
        ((), ("best",), None),
    ],
)
def test_the_first_whole_checkpoint_in_nnunets_order_is_loaded(
    whole: tuple[str, ...], cut: tuple[str, ...], loaded: str | None, tmp_path: Path
) -> None:
    state = state_of(fold(tmp_path / "fold_0", *whole, cut=cut, epoch=17))
    assert state.checkpoint == (tmp_path / "fold_0" / f"checkpoint_{loaded}.pth" if loaded else None)
    assert (state.trained, state.begun) == (loaded == "final", loaded in ("latest", "best"))
    assert state.epoch == (17 if loaded else 0)
    assert state.cut == tuple(f"checkpoint_{name}.pth" for name in cut)


@pytest.mark.parametrize("epoch", [0, 3, 255, 256, 65536])
def test_a_checkpoint_says_where_it_resumes(epoch: int, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint_best.pth"
    path.write_bytes(checkpoint(epoch))
    assert (is_whole(path), next_epoch(path)) == (True, epoch)


def test_of_a_cut_checkpoint_nothing_is_whole_wherever_it_is_cut(tmp_path: Path) -> None:
    path, whole = tmp_path / "checkpoint_best.pth", checkpoint(3)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert (is_whole(path), next_epoch(path)) == (False, None)


def test_what_is_no_checkpoint_says_nothing(tmp_path: Path) -> None:
    for number, data in enumerate(
        (b"", b"PK\5\6" + bytes(18), checkpoint(3).replace(b"current_epoch", b"current_epoqh"))
    ):
        path = tmp_path / str(number)
        path.write_bytes(data)
        assert next_epoch(path) is None
    os.mkfifo(tmp_path / "pipe")
    assert not is_whole(tmp_path / "pipe")
    assert next_epoch(tmp_path / "pipe") is None


def test_a_validation_counts_when_its_summary_is_whole_and_not_of_an_earlier_training(tmp_path: Path) -> None:
    folder = fold(tmp_path / "fold_0", "final", validated=True)
    summary = folder / "validation" / "summary.json"
    assert state_of(folder).complete
    summary.write_text('{"mean": {"1"')
    assert not state_of(folder).complete
    summary.write_text("{}\n")
    assert state_of(folder).complete
    os.utime(folder / "checkpoint_final.pth", ns=(0, summary.stat().st_mtime_ns + 1))
    assert not state_of(folder).complete


def test_probabilities_count_when_every_prediction_has_them(tmp_path: Path) -> None:
    folder = fold(tmp_path / "fold_0", "final", validated=True)
    (folder / "validation" / "b.nii.gz").touch()
    assert state_of(folder).predictions == ("a.png", "b.nii.gz")
    (folder / "validation" / "a.npz").touch()
    assert not state_of(folder).probabilities
    (folder / "validation" / "b.npz").touch()
    (folder / "validation" / "b.pkl").touch()
    assert state_of(folder).probabilities


def test_the_number_of_epochs_is_read_from_what_the_trainer_wrote(tmp_path: Path) -> None:
    folder = fold(tmp_path / "fold_0", "best")
    (folder / "debug.json").write_text('{"num_epochs": "1000", "device": "cpu"}')
    assert state_of(folder).epochs == 1000
    (folder / "debug.json").write_text('{"num_epochs": "many"}')
    assert state_of(folder).epochs is None


def test_all_folds_of_a_model_are_found_in_order(tmp_path: Path) -> None:
    for name in ("10", "2", "all"):
        fold(tmp_path / f"fold_{name}", "final")
    fold(kept_folder(tmp_path / "fold_2"), "final")
    (tmp_path / "fold_of_mine").mkdir()
    assert list(states_of(tmp_path)) == ["2", "10", "all"]
    assert [state.kept for state in states_of(tmp_path).values()] == [True, False, False]
    assert states_of(tmp_path / "none") == {}
