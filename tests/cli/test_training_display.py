"""Progress of folds: a table on a terminal, otherwise a line for each epoch."""

from __future__ import annotations

import io
import sys

import pytest

from segconv.cli.sink import Sink
from segconv.cli.training_display import TrainingDisplay, duration, row
from segconv.errors import warning
from segconv.train.epochs import DONE, TRAINING, VALIDATING, Progress

AT_WORK = Progress(
    "1", "GPU 0", TRAINING, 12, 1000, True, -0.1234, float("nan"), (0.5, float("nan"), 0.25), 30.0, to_predict=8
)


def test_the_row_of_a_fold_says_where_it_is() -> None:
    assert row(AT_WORK) == ("1", "GPU 0", "12/999", "-0.123", "–", "0.50 – 0.25", "8 h 13 min")
    assert row(Progress("0", "CPU")) == ("0", "CPU", "starting", "", "", "", "")
    assert row(Progress("0", "CPU", VALIDATING, 9, 10, predicted=3, to_predict=8))[2] == "validating 3/8"
    assert row(Progress("0", "CPU", VALIDATING, 9, 10, predicted=3))[2] == "validating 3/?"
    assert row(Progress("0", "CPU", DONE))[2] == "done"
    assert row(Progress("0", "GPU 0", TRAINING, 0, 10, compiles=True))[2] == "0/9, compiles"
    many = Progress("0", "CPU", TRAINING, 1, pseudo_dice=(0.5,) * 9)
    assert (row(many)[2], row(many)[5]) == ("1", "0.50 0.50 0.50 0.50 0.50 0.50 …")


def test_off_a_terminal_each_epoch_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    display = TrainingDisplay(Sink())
    with display.shown():
        for progress in (
            Progress("1"),
            Progress("1", compiles=True),
            Progress("1", phase=TRAINING, epoch=12, epochs=1000),
            AT_WORK,
            Progress("1", phase=TRAINING, epoch=13, epochs=1000),
            Progress("1", phase=VALIDATING, to_predict=8),
            Progress("1", phase=VALIDATING, predicted=1, to_predict=8),
        ):
            display.hear(progress)
    assert capsys.readouterr().err.splitlines() == [
        "fold 1: nnU-Net starts, which takes a moment",
        "fold 1: the first epoch compiles the kernels of the network, which may take minutes",
        "fold 1: epoch 12/999 begins",
        "fold 1: epoch 12/999, train loss -0.123, validation loss nan, pseudo Dice 0.50 – 0.25, 8 h 13 min left",
        "fold 1: validates 8 cases",
    ]


@pytest.mark.parametrize("how", [{"quiet": True}, {"as_json": True}])
def test_a_quiet_command_shows_nothing(how: dict[str, bool], capsys: pytest.CaptureFixture[str]) -> None:
    display = TrainingDisplay(Sink(**how))
    with display.shown():
        display.hear(AT_WORK)
    assert capsys.readouterr().err == ""


def test_on_a_terminal_a_table_shows_all_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    display = TrainingDisplay(Sink())
    with display.shown():
        display.warn([warning("SC099", "is odd", file="x")])
        display.hear(Progress("0", "GPU 1", DONE))
        display.hear(AT_WORK)
        display.say("fold 0: [bold]trained\x1b")
    shown = terminal.getvalue()
    before, _, _ = shown.partition("Warning SC099: x: is odd\n")
    assert "pseudo Dice" not in before, "without folds there is no table"
    assert "fold 0: [bold]trained\\x1b\n" in shown, "control characters and markup do nothing"
    assert "pseudo Dice" in shown
    assert "GPU 1  done" in shown
    assert "12/999" in shown
    assert "fold 1: epoch" not in shown


def test_a_long_time_is_rounded_for_people() -> None:
    assert [duration(seconds) for seconds in (0, 59, 60, 3599, 3600, 86399, 86400)] == [
        "0 s",
        "59 s",
        "1 min",
        "59 min",
        "1 h 00 min",
        "23 h 59 min",
        "1 d 0 h",
    ]


def test_on_a_terminal_nothing_is_shown_of_folds_that_never_began(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    display = TrainingDisplay(Sink())
    with display.shown():
        display.warn([warning("SC099", "is odd", file="x")])
        display.say("refused")
    assert "\n\n" not in terminal.getvalue()
    assert not terminal.getvalue().startswith("\n")
    assert terminal.getvalue().endswith("refused\n")
