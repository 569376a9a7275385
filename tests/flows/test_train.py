"""Several folds as a queue over slots; the children are stand-ins for nnU-Net's training."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from segconv.errors import Interrupted
from segconv.train import child, training
from segconv.train.epochs import INTERRUPTED, STARTING, Progress
from segconv.train.folds import kept_folder, state_of
from segconv.train.model import Model
from segconv.train.paths import Paths

from ..command import Command, tree_hash
from ..review import datasets
from ..train import stand_in
from ..train.checkpoints import fold
from ..train.prepared import plan
from .predictor import wait_until

NAME = "Dataset007_Ct"
PLANS = {"plans_name": "nnUNetPlans", "configurations": {"full": {"data_identifier": "cases"}}}
LIMIT_S = 120


class World:
    """A dataset that is planned, and a room in which the stand-ins write what they do."""

    def __init__(self, segconv: Command) -> None:
        self.segconv = segconv
        self.room = segconv.folder / "room"
        self.room.mkdir()
        plan(datasets.volumes(segconv.raw, cases=5), segconv.folder / "nnUNet_preprocessed", **PLANS)
        self.model = segconv.folder / "nnUNet_results" / NAME / "nnUNetTrainer__nnUNetPlans__full"

    def folder(self, number: object) -> Path:
        return self.model / f"fold_{number}"

    def train(self, *words: object) -> stand_in.Done:
        done = self.segconv("train", 7, "-c", "full", *words)
        return stand_in.Done(done, stand_in.calls(self.room))

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a training in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.train.stand_in", str(self.room), "train", "7", "-c", "full", *words],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )


@pytest.fixture
def world(segconv: Command, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    made = World(segconv)
    stand_in.install(made.room, monkeypatch.setattr)
    return made


def test_five_folds_on_two_gpus_and_a_failure_stops_no_other(world: World) -> None:
    (world.room / "fail 2").touch()
    done = world.train("-f", "0,1,2,3,4", "--gpus", "0,1", "--json")
    assert done.code == 1
    assert [found["code"] for found in done.json["findings"]] == ["SC110"]
    assert "fold 2: " in done.json["findings"][0]["message"]
    assert [found["fold"] for found in done.json["folds"]] == ["0", "1", "3", "4"]
    assert [state_of(world.folder(number)).complete for number in range(5)] == [True, True, False, True, True]
    assert {call.fold for call in done.calls} == set("01234")
    assert {call.variables["CUDA_VISIBLE_DEVICES"] for call in done.calls} == {"0", "1"}
    for gpu in ("0", "1"):
        spans = sorted((call.began, call.ended) for call in done.calls if call.variables["CUDA_VISIBLE_DEVICES"] == gpu)
        assert all(before[1] <= after[0] for before, after in pairwise(spans)), "never two on one"
    assert all("-device cuda" in " ".join(call.words) for call in done.calls)

    (world.room / "fail 2").unlink()
    again = world.train("-f", "0,1,2,3,4", "--gpus", "0,1")
    assert (again.code, [call.fold for call in again.calls]) == (0, ["2"])
    assert again.err.count("was trained and validated before") == 4


def test_a_failed_fold_is_reported_with_the_end_of_its_log(world: World) -> None:
    (world.room / "fail 0").touch()
    done = world.train("-f", "0,1", "--device", "cpu")
    assert (done.code, done.codes()) == (1, ["SC110"])
    assert "fold 0: failed, and its log ends:\n    line 1\n    ValueError: as asked\n" in done.err
    assert "train-full-0.log" in done.err
    assert "fold 1: trained and validated" in done.err
    assert "Next: " not in done.err


@pytest.mark.parametrize(
    ("files", "said"),
    [("", "but before it began to train"), ("debug.json checkpoint_best.pth", "but after 1 of 2 epochs")],
)
def test_a_training_that_ends_its_process_as_if_all_were_well_has_failed(files: str, said: str, world: World) -> None:
    (world.room / "end 0").write_text(files)
    done = world.train("-f", "0,1", "--device", "cpu", "--trust-model")
    assert (done.code, done.codes()) == (1, ["SC110"])
    assert f"fold 0: nnU-Net's process ended without an error, {said}" in done.err
    assert "train-full-0.log" in done.err
    assert "fold 1: trained and validated" in done.err
    assert "Next: " not in done.err


def test_a_trainer_that_keeps_no_checkpoints_is_no_failure(world: World) -> None:
    (world.room / "end 0").write_text("debug.json")
    done = world.train("-f", "0", "--device", "cpu")
    assert done.code == 0, done.err
    assert "Warning SC113: " in done.err
    assert f"fold 0: ended, and keeps no final checkpoint, {world.folder(0)}\n" in done.err
    assert "Next: " not in done.err, "nothing can predict"


def test_the_name_of_a_trainer_is_refused_with_what_else_is_wrong(world: World) -> None:
    shutil.rmtree(world.segconv.folder / "nnUNet_preprocessed" / NAME)
    done = world.train("-f", "0", "-tr", "nnUNetTrainr")
    assert (done.code, done.codes()) == (2, ["SC001", "SC010"])
    assert "no trainer 'nnUNetTrainr'" in done.err
    assert "did you mean nnUNetTrainer?" in done.err
    assert world.train("-f", "0").codes() == ["SC010"]


def test_what_was_not_preprocessed_is_said_in_a_line_with_the_command(world: World) -> None:
    shutil.rmtree(world.segconv.folder / "nnUNet_preprocessed" / NAME / "cases")
    done = world.train("-f", "0", "--device", "cpu")
    assert (done.codes(), done.calls) == (["SC111"], [])
    assert "cases: holds no cases: this configuration is planned, but was not preprocessed\n" in done.err
    assert "Hint: segconv plan 7 -c full\n" in done.err
    done = world.train("-f", "0", "-c", "3d_lowres")
    assert (done.codes(), "nnU-Net planned no 3d_lowres" in done.err) == (["SC001"], True)
    assert "Hint: -c full\n" in done.err


def test_a_training_on_the_cpu_says_at_once_how_long_it_takes(world: World) -> None:
    done = world.train("-f", "0", "--device", "cpu")
    lines = done.err.splitlines()
    starts = lines.index("fold 0: nnU-Net starts, which takes a moment")
    assert "on the CPU: how long an epoch of full takes shows after the first one" in lines[:starts]
    again = world.train("-f", "0", "--device", "cpu")
    assert "on the CPU" not in again.err, "nothing is trained"


def test_the_next_command_finds_the_same_trainers(world: World) -> None:
    folder = world.segconv.folder / "my trainers"
    folder.mkdir()
    done = world.train("-f", "0", "--device", "cpu", "--ext-trainer", folder)
    assert f"Next: segconv infer 7 -c full -f 0 --ext-trainer '{folder}' -i IN -o OUT\n" in done.err


def test_each_fold_gets_what_it_still_needs(world: World) -> None:
    fold(world.folder(0), "final", validated=True)
    fold(world.folder(1), "best", epoch=3)
    fold(world.folder(2), "final")
    done = world.train("-f", "3,2,1,0", "--device", "cpu", "--trust-model", "--json")
    assert done.code == 0
    options = {call.fold: [word for word in call.words if word.startswith("--")] for call in done.calls}
    assert options == {"3": [], "2": ["--val"], "1": ["--c"]}
    assert [(found["fold"], found["did"], found["resumed_at"]) for found in done.json["folds"]] == [
        ("3", "train", 0),
        ("2", "validate", 0),
        ("1", "resume", 3),
        ("0", "skip", 0),
    ]


def test_a_cut_checkpoint_is_replaced_by_the_other_and_that_is_said(world: World) -> None:
    fold(world.folder(0), "best", cut=("latest",), epoch=50)
    fold(world.folder(1), cut=("best",))
    done = world.train("-f", "0,1", "--device", "cpu", "--trust-model")
    assert done.code == 0
    assert "fold 0: resumed at epoch 50, trained" in done.err
    assert "checkpoint_latest.pth: was cut off while it was written; it resumed from another one" in done.err
    assert "checkpoint_best.pth: was cut off while it was written; no other could be resumed" in done.err
    assert {call.fold: call.found for call in done.calls} == {
        "0": ["checkpoint_best.pth"],
        "1": ["checkpoint_best.pth"],
    }


def test_what_was_asked_for_is_refused_before_anything_starts(world: World) -> None:
    fold(world.folder(0), "best")
    for words in (("-f", "0,1", "--continue"), ("-f", "0", "--val")):
        done = world.train(*words, "--device", "cpu", "--trust-model")
        assert (done.code, done.codes(), done.calls) == (66, ["SC010"], [])


@pytest.mark.parametrize(
    "words",
    [
        ("--continue", "--val"),
        ("--gpus", "0", "--device", "cpu"),
        ("--ddp", "2", "--device", "cpu"),
        ("--ddp", "2", "--gpus", "0"),
        ("--gpus", "0,0"),
        ("--jobs", "2"),
    ],
)
def test_options_that_exclude_one_another_are_refused(words: tuple[str, ...], world: World) -> None:
    done = world.train(*words)
    assert (done.code, done.codes(), done.calls) == (2, ["SC001"], [])


def test_one_fold_on_several_gpus_is_distributed(world: World) -> None:
    done = world.train("--ddp", 2, "--gpus", "2,3", "--npz")
    (call,) = done.calls
    assert done.code == 0
    assert " ".join(call.words) == "7 full 0 -tr nnUNetTrainer -p nnUNetPlans -device cuda -num_gpus 2 --npz"
    assert call.variables["CUDA_VISIBLE_DEVICES"] == "2,3"


def test_the_environment_of_a_child_is_shown_without_secrets(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("nnUNet_wandb_enabled", "1")
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    monkeypatch.setenv("NCCL_P2P_DISABLE", "1")
    monkeypatch.setenv("nnUNet_extTrainer", "/x")
    done = world.train("--device", "cpu", "-v")
    shown = done.err.splitlines()
    assert {"WANDB_API_KEY=…", "NCCL_P2P_DISABLE=1", "nnUNet_extTrainer=/x is not passed on"} <= set(shown)
    assert done.calls[0].variables["WANDB_API_KEY"] == "secret"
    assert "line 1" in shown, "and what nnU-Net says"
    assert "secret" not in done.err


def test_overwriting_keeps_the_old_fold_until_the_new_one_is_finished(world: World) -> None:
    old = fold(world.folder(0), "final", "best", validated=True, epoch=9)
    (old / "notes.txt").write_text("mine")
    before = tree_hash(old)
    (world.room / "fail 0").touch()
    done = world.train("-f", "0", "--device", "cpu", "--overwrite")
    assert (done.code, tree_hash(old), kept_folder(old).exists()) == (1, before, False), "put back at once"
    (world.room / "fail 0").unlink()
    done = world.train("-f", "0", "--device", "cpu", "--overwrite")
    assert (done.code, [call.found for call in done.calls]) == (0, [[]]), "nnU-Net sees none of the old checkpoints"
    state = state_of(old)
    assert (state.complete, state.kept, state.epoch) == (True, False, stand_in.EPOCHS)
    assert (old / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_replacement_that_was_ended_goes_on_with_any_command(end: signal.Signals, world: World) -> None:
    old = fold(world.folder(0), "final", "best", validated=True, epoch=9)
    (world.room / "wait 0").touch()
    run = world.start("-f", "0", "--device", "cpu", "--overwrite", "--trust-model")
    wait_until(lambda: (world.room / "at 0").exists() or run.poll() is not None)
    run.send_signal(end)
    _, said = run.communicate(timeout=LIMIT_S)
    assert run.returncode == (-9 if end == signal.SIGKILL else 143)
    if end == signal.SIGTERM:
        assert "fold 0 resumes at epoch 1 from checkpoint_best.pth, until when the old one is kept" in said
        words = "segconv train 7 -c full -f 0 --device cpu --overwrite --trust-model goes on from there"
        assert f"Hint: {words}\n" in said
    assert kept_folder(old).is_dir()
    (world.room / "wait 0").unlink()
    codes: list[int] = []

    def let_in() -> bool:
        codes.append(world.train("-f", "0", "--device", "cpu", "--trust-model", "--continue").code)
        return codes[-1] != 75  # a killed run holds its locks until its processes are gone

    wait_until(let_in)
    state = state_of(old)
    assert (codes[-1], state.complete, state.kept, state.epoch) == (0, True, False, stand_in.EPOCHS)
    again = world.train("-f", "0", "--device", "cpu")
    assert (again.code, again.calls) == (0, [])


def test_an_interrupted_fold_is_not_shown_as_failed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise Interrupted("interrupted")

    monkeypatch.setattr(training, "run_nnunet", interrupted)
    heard: list[Progress] = []
    options = training.TrainOptions("cpu", heard=heard.append)
    with pytest.raises(Interrupted):
        training.run_fold(Model(NAME, "full"), "0", Paths.find(), options)
    assert [progress.phase for progress in heard] == [STARTING, INTERRUPTED]


def test_the_fold_of_all_cases_is_explained(world: World) -> None:
    done = world.train("-f", "all", "--device", "cpu")
    assert done.code == 0
    assert "fold all: one model on all training cases" in done.err
    assert not (world.segconv.folder / "nnUNet_preprocessed" / NAME / "splits_final.json").exists()


def test_several_folds_at_once_on_the_cpu(world: World) -> None:
    (world.room / "together").write_text("2")
    done = world.train("-f", "0,1", "--device", "cpu", "--jobs", 2, "-v")
    assert (done.code, len(done.calls)) == (0, 2)
    assert {"0: line 1", "1: line 1"} <= set(done.err.splitlines()), "each line says whose it is"


def test_the_log_of_a_fold_is_its_own(world: World) -> None:
    world.train("-f", "0,1", "--device", "cpu")
    logs = sorted((world.segconv.folder / "nnUNet_preprocessed" / ".segconv-logs" / NAME).iterdir())
    assert [log.name for log in logs] == ["train-full-0.log", "train-full-1.log"]
    assert logs[0].read_text().splitlines()[:2] == [
        "$ nnUNetv2_train 7 full 0 -tr nnUNetTrainer -p nnUNetPlans -device cpu",
        "line 1",
    ]


def test_warnings_are_in_the_json_and_said_once(world: World) -> None:
    splits = world.segconv.folder / "nnUNet_preprocessed" / NAME / "splits_final.json"
    splits.write_text('[{"train": ["c0", "c1"], "val": ["c2"]}]')
    for words, said in ((("--json",), 0), ((), 1)):
        done = world.train("-f", "0", "--device", "cpu", *words)
        assert (done.code, done.err.count("Warning SC099")) == (0, said)
        assert not words or [found["code"] for found in done.json["findings"]] == ["SC099"]


def test_children_hear_nothing_of_other_variables(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "x")
    (call,) = world.train("--device", "cpu").calls
    allowed = {"PYTHONUNBUFFERED", "PYTHONSAFEPATH", "USER", "LC_CTYPE"}
    assert all(child.PASSED_ON.fullmatch(name) or name in allowed for name in call.variables)


@pytest.mark.parametrize(("kind", "code"), [("loss", "SC175"), ("collapse", "SC176")])
def test_a_watchdog_stops_one_fold_and_the_same_command_resumes_it(world: World, kind: str, code: str) -> None:
    record = {"kind": kind, "what": "the loss is nan", "epoch": 1, "checkpoint": "checkpoint_best.pth"}
    (world.room / "stop 1").write_text(json.dumps(record))
    done = world.train("-f", "0,1,2", "--device", "cpu", "--json")
    assert done.code == 1
    (found,) = done.json["findings"]
    assert (found["code"], found["file"]) == (code, str(world.folder(1)))
    assert found["message"].startswith("fold 1: stopped in epoch 1: the loss is nan; the last good checkpoint is ")
    assert found["message"].endswith(str(world.folder(1) / "checkpoint_best.pth"))
    assert found["hint"].startswith("the same command goes on from there; ")
    assert [fold["fold"] for fold in done.json["folds"]] == ["0", "2"]

    (world.room / "stop 1").rename(world.room / "fail 1")
    failed = world.train("-f", "1", "--trust-model", "--device", "cpu", "--json")
    assert [found["code"] for found in failed.json["findings"]] == ["SC110"], "the old record says nothing of this run"

    (world.room / "fail 1").unlink()
    again = world.train("-f", "0,1,2", "--trust-model", "--device", "cpu")
    assert again.code == 0
    (call,) = again.calls
    assert call.fold == "1"
    assert "--c" in call.words
    assert "checkpoint_best.pth" in call.found
    assert not (world.folder(1) / "segconv_stopped.json").exists()


def test_folds_that_leak_are_trained_only_if_that_is_allowed(world: World) -> None:
    folds = [{"train": ["c0", "c1", "c2"], "val": ["c2", "c3"]}]
    (world.segconv.folder / "nnUNet_preprocessed" / NAME / "splits_final.json").write_text(json.dumps(folds))
    refused = world.train("-f", "0", "--device", "cpu")
    assert (refused.codes(), refused.calls) == (["SC095"], [])
    assert "or --allow-leaks trains nevertheless" in refused.err
    assert "segconv splits make 7 makes new folds" in refused.err
    done = world.train("-f", "0", "--device", "cpu", "--allow-leaks")
    assert (done.code, [call.fold for call in done.calls]) == (0, ["0"])
    assert "Warning SC095: " in done.err
