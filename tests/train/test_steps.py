"""What is left to do for a fold, and a fold that is trained again: the old one is kept until it is replaced."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.train.folds import kept_folder, state_of
from segconv.train.kept import settle
from segconv.train.steps import Step, Wish, next_step, prepare
from segconv.work import fsops

from ..command import tree_hash
from .checkpoints import fold

STATES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _: None,
    "a log": lambda folder: fold(folder).joinpath("training_log_2026.txt").touch(),
    "begun": lambda folder: fold(folder, "best"),
    "cut": lambda folder: fold(folder, cut=("best",)),
    "trained": lambda folder: fold(folder, "final", "best"),
    "complete": lambda folder: fold(folder, "final", "best", validated=True),
}
REST = {
    "nothing": Step.BEGIN,
    "a log": Step.BEGIN,
    "begun": Step.RESUME,
    "cut": Step.BEGIN,
    "trained": Step.VALIDATE,
    "complete": Step.NONE,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "fold_0"


@pytest.mark.parametrize("state", STATES)
def test_whatever_is_left_is_done(state: str, folder: Path) -> None:
    STATES[state](folder)
    assert next_step(state_of(folder), Wish.FINISH) is REST[state]
    assert next_step(state_of(folder), Wish.AGAIN) is Step.BEGIN


@pytest.mark.parametrize("state", STATES)
def test_what_does_not_exist_is_neither_resumed_nor_validated(state: str, folder: Path) -> None:
    STATES[state](folder)
    for wish, possible in (
        (Wish.RESUME, ("begun", "trained", "complete")),
        (Wish.VALIDATE, ("trained", "complete")),
    ):
        if state in possible:
            next_step(state_of(folder), wish)
        else:
            with pytest.raises(SegconvError) as caught:
                next_step(state_of(folder), wish)
            assert (caught.value.code, caught.value.exit_code) == ("SC010", 66)


def test_a_fold_without_probabilities_is_validated_again_when_they_are_wanted(folder: Path) -> None:
    fold(folder, "final", validated=True)
    assert next_step(state_of(folder), Wish.FINISH, probabilities=True) is Step.VALIDATE
    (folder / "validation" / "a.npz").touch()
    assert next_step(state_of(folder), Wish.FINISH, probabilities=True) is Step.NONE


def test_nnunet_does_not_find_a_cut_checkpoint_that_it_would_prefer(folder: Path) -> None:
    fold(folder, "best", cut=("final", "latest"), epoch=7)
    ready = prepare(state_of(folder), Wish.FINISH)
    assert (ready.checkpoint, ready.epoch) == (folder / "checkpoint_best.pth", 7)
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint_best.pth",
        "checkpoint_final.pth.cut",
        "checkpoint_latest.pth.cut",
    ]


def test_a_fold_is_kept_until_another_is_finished(folder: Path) -> None:
    fold(folder, "final", "best", validated=True, epoch=5)
    (folder / "notes.txt").write_text("mine")
    for of_a_watchdog in ("segconv_stopped.json", "checkpoint_latest.pth.collapsed"):
        (folder / of_a_watchdog).touch()
    old = tree_hash(folder)
    assert prepare(state_of(folder), Wish.AGAIN).whole == ()
    assert tree_hash(kept_folder(folder)) == old

    fold(folder, "best", epoch=1)
    assert settle(state_of(folder)).kept
    assert next_step(state_of(folder), Wish.AGAIN) is Step.RESUME, "the same command goes on"
    assert prepare(state_of(folder), Wish.AGAIN).epoch == 1

    fold(folder, "final", epoch=6)
    assert settle(state_of(folder)).kept, "its validation is missing"
    fold(folder, "final", validated=True, epoch=6)
    done = settle(state_of(folder))
    assert (done.complete, done.kept, done.epoch) == (True, False, 6)
    left = {path.name for path in folder.iterdir() if path.suffix != ".pth"}
    assert left == {"notes.txt", "validation"}, "what is the user's stays"


def test_a_fold_is_put_back_if_its_successor_cannot_be_resumed(folder: Path) -> None:
    fold(folder, "final", validated=True)
    old = tree_hash(folder)
    for leave in (lambda: None, lambda: STATES["a log"](folder), lambda: STATES["cut"](folder)):
        prepare(state_of(folder), Wish.AGAIN)
        leave()
        assert next_step(state_of(folder), Wish.FINISH) is Step.NONE
        assert prepare(state_of(folder), Wish.FINISH).complete
        assert tree_hash(folder) == old


def test_the_same_command_begins_again_where_its_training_left_no_checkpoint(folder: Path) -> None:
    fold(folder, "final", validated=True)
    prepare(state_of(folder), Wish.AGAIN)
    STATES["a log"](folder)
    assert next_step(state_of(folder), Wish.AGAIN) is Step.BEGIN
    assert prepare(state_of(folder), Wish.AGAIN).kept


@pytest.mark.parametrize("finished", [True, False])
def test_a_kill_at_any_moment_of_a_replacement_loses_nothing(
    finished: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change of the disk fails once, as if the machine had stopped there; the next run completes the work."""
    stops = 0
    for last in range(1, 40):
        folder = tmp_path / str(last) / "fold_0"
        fold(kept_folder(folder), "final", "best", validated=True, epoch=5)
        (kept_folder(folder) / "notes.txt").write_text("mine")
        fold(folder, *(("final", "best") if finished else ()), cut=() if finished else ("best",), validated=finished)
        with monkeypatch.context() as patched:
            calls = 0

            def before(operation: str, path: Path, last: int = last) -> None:
                nonlocal calls
                calls += 1
                if calls == last:
                    raise OSError(errno.EIO, "stopped", str(path))

            patched.setattr(fsops, "_before", before)
            try:
                settle(state_of(folder))
            except SegconvError:
                stops += 1
        done = settle(state_of(folder))
        assert (done.complete, done.kept, done.epoch) == (True, False, 1 if finished else 5)
        assert (folder / "notes.txt").read_text() == "mine"
        if calls < last:
            break
    assert stops >= 3


def test_a_link_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    fold(tmp_path / "elsewhere", "final", validated=True)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SegconvError) as caught:
        prepare(state_of(folder), Wish.AGAIN)
    assert (caught.value.code, caught.value.exit_code) == ("SC116", 73)
    assert folder.is_symlink()
