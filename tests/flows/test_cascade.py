"""A cascade: every fold of the first stage, every prediction for the next one, then the next one, and nothing twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ..command import Command, Done
from ..train import stand_in_jobs
from ..work.backends.slurm_cluster import SlurmCluster
from . import stage_trainer
from .stage_trainer import CASES, LAST, LOW, PLANNED, planned, planned_stages

pytestmark = pytest.mark.train  # the commands of nnU-Net must be installed, if only to be stubbed

FOLDS = [f"{LOW} {fold}" for fold in range(5)]


class World:
    """A dataset with planned stages, and a trainer that notes what it was asked for."""

    def __init__(self, folder: Path, segconv: Command) -> None:
        self.folder, self.segconv, self.room = folder, segconv, folder / "room"
        self.raw = planned_stages(folder)

    def planned(self, configurations: dict[str, Any]) -> None:
        shutil.rmtree(self.data)
        planned(self.raw, configurations)

    @property
    def data(self) -> Path:
        return self.folder / "nnUNet_preprocessed" / self.raw.name

    def prediction(self, case: str) -> Path:
        (path,) = (self.folder / "nnUNet_results").glob(f"*/*__{LOW}/predicted_next_stage/{LAST}/{case}.b2nd")
        return path

    def holds_back(self, case: str) -> int:
        folds = json.loads((self.data / "splits_final.json").read_text())
        return next(number for number, fold in enumerate(folds) if case in fold["val"])

    def asked(self, *, options: bool = False) -> list[str]:
        """Configuration and fold of each training since the last call, and perhaps its options but the device."""
        log = self.room / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line.replace(" -device cpu", "") if options else " ".join(line.split()[:2]) for line in lines]

    def cascade(self, *more: object) -> Done:
        return self.segconv("cascade", 7, "--device", "cpu", *more)


@pytest.fixture
def world(tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch) -> World:
    stage_trainer.install(tmp_path / "room", monkeypatch.setattr)
    return World(tmp_path, segconv)


def test_all_folds_of_the_first_stage_come_before_the_last_one_and_nothing_is_done_twice(world: World) -> None:
    done = world.cascade("-f", "0,1")
    assert done.code == 0, done.err
    assert world.asked() == [*FOLDS, f"{LAST} 0", f"{LAST} 1"]
    steps = [line for line in done.err.splitlines() if line.startswith("Step")]
    assert steps == [
        f"Step 1 of 3: train {LOW}, folds 0, 1, 2, 3, 4",
        f"Step 2 of 3: {LOW} has predicted all 5 cases for {LAST}",
        f"Step 3 of 3: train {LAST}, folds 0, 1",
    ]
    assert f"Next: segconv infer 7 -c {LAST} -f 0,1 -i IN -o OUT" in done.err

    again = world.cascade("--json")
    assert (again.code, world.asked()) == (0, [f"{LAST} {fold}" for fold in (2, 3, 4)])
    first, last = again.json["stages"]
    assert (first["configuration"], first["predicted"], last["predicted"]) == (LOW, 5, None)
    assert [fold["did"] for fold in first["folds"]] == ["skip"] * 5
    assert [fold["did"] for fold in last["folds"]] == ["skip", "skip", "train", "train", "train"]


def test_jobs_of_the_last_stage_wait_for_all_of_the_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit", reason="submitit is not installed")
    cluster = SlurmCluster(world.folder / "slurm", monkeypatch)
    stand_in_jobs.install(world.room, monkeypatch.setattr, stage_trainer.install)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("XDG_STATE_HOME", str(world.folder))
    (world.room / f"fail {LOW} 3").touch()
    done = world.cascade("-f", "0", "--backend", "slurm")
    assert (done.code, done.codes()) == (1, ["SC110"])
    assert sorted(world.asked()) == FOLDS, "none of the last stage"
    assert len(cluster.scripts) == 5

    (world.room / f"fail {LOW} 3").unlink()
    done = world.cascade("-f", "0", "--backend", "slurm")
    assert done.code == 0, done.err
    assert world.asked() == [f"{LOW} 3", f"{LAST} 0"]
    assert len(cluster.scripts) == 7


def test_both_stages_use_the_gpus_that_were_given(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    done = world.segconv("cascade", 7, "--gpus", "2,3", "-f", "0,1")
    assert done.code == 0, done.err
    assert {line.split(maxsplit=2)[2] for line in world.asked(options=True)} == {"-device cuda"}
    gpus = (world.room / "gpus").read_text().split()
    assert len(gpus) == 7
    assert set(gpus) == {"2", "3"}


def test_a_failed_fold_keeps_the_last_stage_from_starting_and_the_same_command_goes_on(world: World) -> None:
    fail = world.room / f"fail {LOW} 2"
    fail.touch()
    failed = world.cascade()
    assert (failed.code, failed.codes(), world.asked()) == (1, ["SC110"], FOLDS)
    assert "no training today" in failed.err
    fail.unlink()
    assert world.cascade("-f", "0").code == 0
    assert world.asked() == [f"{LOW} 2", f"{LAST} 0"]


@pytest.mark.parametrize("command", ["cascade", "train"])
def test_a_missing_prediction_is_refused_with_the_fold_to_validate(command: str, world: World) -> None:
    short = ("-tr", "nnUNetTrainer_1epoch")
    assert world.cascade("-f", "0", *short).code == 0
    fold = world.holds_back("c3")
    world.prediction("c3").unlink()
    world.asked()
    words = {"cascade": ("-f", "0,1"), "train": ("-c", LAST, "-f", "0,1")}[command]
    refused = world.segconv(command, 7, *words, *short, "--device", "cpu")
    assert (refused.code, refused.codes(), world.asked()) == (65, ["SC115"], [])
    typed = f"train 7 -c {LOW} -f {fold} -tr nnUNetTrainer_1epoch --val"
    assert f"Hint: segconv {typed}" in refused.err
    # What the hint says, and then the same command.
    assert world.segconv(*typed.split(), "--device", "cpu", "--trust-model").code == 0
    assert world.cascade("-f", "0,1", *short).code == 0
    assert world.asked() == [f"{LOW} {fold}", f"{LAST} 1"]


def test_a_prediction_that_nnunet_only_logged_as_missing_keeps_the_last_stage_from_starting(world: World) -> None:
    (world.room / "forget c2").touch()
    refused = world.cascade()
    assert (refused.code, refused.codes(), world.asked()) == (65, ["SC115"], FOLDS)
    assert f"fold {world.holds_back('c2')} of the stage before holds it back" in refused.err


def test_missing_data_of_the_last_stage_are_refused_before_the_first_is_trained(world: World) -> None:
    (world.data / "full" / "c1_seg.b2nd").unlink()
    refused = world.cascade()
    assert (refused.code, refused.codes(), world.asked()) == (65, ["SC111"], [])
    assert "c1_seg.b2nd: is missing" in refused.err


def test_a_case_that_no_fold_holds_back_is_refused_before_anything_is_trained(world: World) -> None:
    folds = [{"train": [*CASES[:number], *CASES[number + 1 :]], "val": [CASES[number]]} for number in range(4)]
    (world.data / "splits_final.json").write_text(json.dumps(folds))
    refused = world.cascade()
    assert (refused.code, refused.codes(), world.asked()) == (65, ["SC151"], [])
    assert "no fold holds back c4" in refused.err


def test_as_many_folds_are_trained_as_the_dataset_has(world: World) -> None:
    halves = [{"train": CASES[:2], "val": CASES[2:]}, {"train": CASES[2:], "val": CASES[:2]}]
    (world.data / "splits_final.json").write_text(json.dumps(halves))
    assert world.cascade("-f", "7").code == 2
    assert world.cascade("-f", "1").code == 0
    assert world.asked() == [f"{LOW} 0", f"{LOW} 1", f"{LAST} 1"]


def test_plans_without_a_cascade_are_refused_with_the_size_that_decided(world: World) -> None:
    world.planned({"3d_fullres": {**PLANNED["3d_fullres"], "patch_size": [48, 64, 64]}})
    refused = world.cascade()
    assert (refused.code, refused.codes()) == (65, ["SC150"])
    assert "less than 25% of the typical image, and here it is 75%, 48×64×64 of 64×64×64 voxels" in refused.err
    assert "Hint: segconv train Dataset007_Ct -c 3d_fullres -f 0,1,2,3,4" in refused.err
    world.planned({"2d": {"data_identifier": "full"}})
    flat = world.cascade()
    assert "only 3D images" in flat.err
    assert "Hint: segconv train Dataset007_Ct -c 2d -f 0\n" in flat.err
    assert world.cascade("-c", "2d").code == 2


def test_derived_stages_are_trained_and_must_name_each_other(world: World) -> None:
    derived = {
        "low_small": {"inherits_from": LOW, "next_stage": "last_small"},
        "last_small": {"inherits_from": LAST, "previous_stage": "low_small"},
    }
    world.planned({**PLANNED, **derived})
    several = world.cascade()
    assert (several.code, "has 2 cascades: 3d_cascade_fullres, last_small" in several.err) == (2, True)
    assert world.cascade("-c", "last_small", "-f", "0").code == 0
    assert world.asked() == [*(f"low_small {fold}" for fold in range(5)), "last_small 0"]
    # A stage that is derived later: its first stage is validated again, not trained, and an interruption is no harm.
    derived["later"] = {"inherits_from": LAST, "previous_stage": "low_small"}
    world.planned({**PLANNED, **derived, "low_small": {"inherits_from": LOW, "next_stage": ["last_small", "later"]}})
    trusted = ("-c", "later", "-f", "0", "--trust-model")
    fail = world.room / "fail low_small 3"
    fail.touch()
    assert world.cascade(*trusted).code == 1
    fail.unlink()
    world.asked()
    assert world.cascade(*trusted).code == 0
    assert world.asked(options=True) == ["low_small 3 --val", "later 0"]
    del derived["later"]
    del derived["low_small"]["next_stage"]  # so it inherits that of the other
    world.planned({**PLANNED, **derived})
    refused = world.cascade("-c", "last_small")
    assert (refused.code, refused.codes()) == (65, ["SC151"])
    assert "low_small does not name last_small as its next stage" in refused.err


def test_folds_that_leak_are_refused_before_the_first_stage_unless_that_is_allowed(world: World) -> None:
    folds = [{"train": CASES, "val": CASES[:1]}, {"train": CASES[:1], "val": CASES[1:]}]
    (world.data / "splits_final.json").write_text(json.dumps(folds))
    refused = world.cascade()
    assert (refused.codes(), world.asked()) == (["SC095"], [])
    assert "--allow-leaks trains nevertheless" in refused.err
    assert world.cascade("-f", "0", "--allow-leaks").code == 0
    assert world.asked() == [f"{LOW} 0", f"{LOW} 1", f"{LAST} 0"]
