"""Fine-tuning: each step once, the right weights for the right network, and no other model replaced."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from segconv.flows import finetune
from segconv.train import moved_plans
from segconv.train.paths import Paths

from ..command import Command, Done, tree_hash
from ..review import datasets
from ..train.planner import Planner
from . import stage_trainer

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train

TARGET, OTHER = "Dataset007_Ct", "Dataset009_Other"
NETWORK = {"encoder.weight": (8, 1, 3, 3), "decoder.seg_layers.0.weight": (4, 8, 1, 1)}
OF_OTHER = {"encoder.weight": (8, 1, 3, 3), "decoder.seg_layers.0.weight": (2, 8, 1, 1), "more": (1,)}
MOVE, FINGERPRINT, PREPROCESS = (
    f"nnUNetv2_{name}" for name in ("move_plans_between_datasets", "extract_fingerprint", "preprocess")
)


def move(arguments: Sequence[str], paths: Paths, reader: str) -> None:
    """Do what nnU-Net's command does, as far as it is looked at."""
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    preprocessed = paths.require("preprocessed")
    (source,) = preprocessed.glob(f"Dataset{int(given['-s']):03d}_*")
    (target,) = preprocessed.glob(f"Dataset{int(given['-t']):03d}_*")
    plans = json.loads((source / f"{given['-sp']}.json").read_text())
    for found in plans["configurations"].values():
        if "data_identifier" in found:
            found["data_identifier"] = found["data_identifier"].replace(given["-sp"], given["-tp"])
    plans |= {"dataset_name": target.name, "plans_name": given["-tp"], "image_reader_writer": reader}
    (target / f"{given['-tp']}.json").write_text(json.dumps(plans))


class World:
    """A planned dataset, another one that is not, and stand-ins for nnU-Net's commands."""

    def __init__(self, segconv: Command, planner: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
        self.segconv, self.planner, self.room = segconv, planner, segconv.folder / "room"
        datasets.volumes(segconv.raw, cases=5)
        shutil.copytree(segconv.raw / TARGET, segconv.raw / OTHER)
        planner.configurations = {"2d": {"patch_size": [16, 16]}}
        assert segconv("plan", 7, "-j", 1, "--no-check").code == 0
        planner.started.clear()
        stage_trainer.install(self.room, monkeypatch.setattr)
        self.save(self.room / "weights", OF_OTHER)
        self.reader = "NibabelIO"
        self.networks: dict[str, dict[str, tuple[int, ...]]] = {}
        monkeypatch.setattr(finetune, "network_shapes", lambda model, _: self.networks.get(model.trainer, NETWORK))
        monkeypatch.setattr(moved_plans, "run_nnunet", self.move)

    @staticmethod
    def save(path: Path, shapes: dict[str, tuple[int, ...]]) -> Path:
        torch.save({"network_weights": {name: torch.zeros(shape) for name, shape in shapes.items()}}, path)
        return path

    def move(self, name: str, arguments: Sequence[str], paths: Paths, **_: Any) -> None:
        self.planner.started.append((name, *arguments))
        move(arguments, paths, self.reader)

    def asked(self) -> list[str]:
        """What nnU-Net was asked for since the last call: commands, and configuration, fold and options of trainings."""
        log = self.room / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        started = [name for name, *_ in self.planner.started]
        self.planner.started.clear()
        return [*started, *(line.replace(" -device cpu", "") for line in lines)]

    def finetune(self, *more: object, source: Sequence[object] = ("--from", 9)) -> Done:
        return self.segconv("finetune", 7, *source, "-c", "2d", "--device", "cpu", *more)

    def preprocessed(self, dataset: str = TARGET) -> Path:
        return self.segconv.folder / "nnUNet_preprocessed" / dataset

    def results(self, dataset: str = TARGET) -> Path:
        return self.segconv.folder / "nnUNet_results" / dataset

    @property
    def pretrained(self) -> Path:
        return self.results(OTHER) / "nnUNetTrainer__nnUNetPlansFor007__2d" / "fold_all" / "checkpoint_final.pth"


@pytest.fixture
def world(segconv: Command, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(segconv, Planner().install(monkeypatch), monkeypatch)


def test_a_dataset_that_was_never_planned_is_pretrained_on_and_nothing_is_done_twice(world: World) -> None:
    scratch = world.results() / "nnUNetTrainer__nnUNetPlans__2d" / "fold_0"
    scratch.mkdir(parents=True)
    (scratch / "checkpoint_final.pth").write_bytes(b"trained from the start")
    done = world.finetune()
    assert done.code == 0, done.err
    train_from = f"-pretrained_weights {world.pretrained}"
    assert world.asked() == [MOVE, FINGERPRINT, PREPROCESS, "2d all", f"2d 0 {train_from}"]
    steps = [line for line in done.err.splitlines() if line.startswith("Step")]
    assert steps == [
        f"Step 1 of 5: move nnUNetPlans of {TARGET} to {OTHER}, as nnUNetPlansFor007",
        f"Step 2 of 5: preprocess {OTHER} for 2d",
        f"Step 3 of 5: pretrain 2d on all cases of {OTHER}",
        f"Step 4 of 5: compare the tensors of {world.pretrained} with the network of 2d",
        f"Step 5 of 5: train 2d of {TARGET}, folds 0",
    ]
    assert done.out.splitlines() == [
        "tensors\tnumber\tsuch as",
        "loaded\t1\tencoder.weight 8×1×3×3",
        "skipped, segmentation heads\t1\tdecoder.seg_layers.0.weight 4×8×1×1",
        "do not fit\t0\t",
        "not used\t1\tmore 1",
    ]
    assert "Next: segconv infer 7 -c 2d -f 0 -p nnUNetPlansFrom009 -i IN -o OUT" in done.err
    assert (scratch / "checkpoint_final.pth").read_bytes() == b"trained from the start"

    before = tree_hash(world.segconv.folder / "nnUNet_results")
    again = world.finetune()
    assert (again.code, world.asked()) == (0, [])
    assert f"pretrain 2d on all cases of {OTHER}: done before" in again.err
    assert tree_hash(world.segconv.folder / "nnUNet_results") == before
    more = world.finetune("-f", "0,1", "--json")
    assert (more.code, world.asked()) == (0, [f"2d 1 {train_from}"])
    assert [fold["did"] for fold in more.json["folds"]] == ["skip", "train"]
    assert list(more.json["tensors"]["loaded"]) == ["encoder.weight"]


@pytest.mark.parametrize("failing", ["2d all", "2d 0"])
def test_what_fails_goes_on_from_there(failing: str, world: World) -> None:
    fail = world.room / f"fail {failing}"
    fail.touch()
    failed = world.finetune()
    assert (failed.code, failed.codes()) == (1, ["SC110"])
    assert world.asked()[-1].startswith(failing)
    fail.unlink()
    assert world.finetune().code == 0
    rest = ["2d all"] if failing == "2d all" else []
    assert world.asked() == [*rest, f"2d 0 -pretrained_weights {world.pretrained}"]


def test_preprocessing_that_was_interrupted_goes_on(world: World) -> None:
    def stop(configuration: str, case: str) -> None:
        if case == "c3":
            raise KeyboardInterrupt

    world.planner.before = stop
    assert world.finetune().code == 130
    assert world.asked() == [MOVE, FINGERPRINT, PREPROCESS]
    world.planner.before = lambda configuration, case: None
    assert world.finetune().code == 0
    assert MOVE not in world.asked()
    assert world.planner.preprocessed[-1] == ("2d", ["c3", "c4"])


def test_weights_that_do_not_fit_are_refused_in_a_few_lines_and_leave_nothing(world: World) -> None:
    many = {f"encoder.{number}.weight": (8, 1, 3, 3) for number in range(400)}
    weights = world.save(world.segconv.folder / "some.pth", many)
    before = tree_hash(world.preprocessed())
    refused = world.finetune(source=("--weights", weights))
    assert (refused.code, refused.codes(), world.asked()) == (65, ["SC153"], [])
    assert "1 of 1 tensors do not fit: encoder.weight is missing, expected 8×1×3×3" in refused.err
    assert "Hint: segconv finetune 7 --from PRETRAINING_DATASET" in refused.err
    assert len([*refused.out.splitlines(), *refused.err.splitlines()]) < 20
    assert tree_hash(world.preprocessed()) == before
    assert not world.results().exists()


def test_a_checkpoint_takes_the_place_of_pretraining_and_names_the_plans(world: World) -> None:
    weights = world.save(world.segconv.folder / "some.pth", OF_OTHER)
    done = world.finetune(source=("--weights", weights))
    assert (done.code, world.asked()) == (0, [f"2d 0 -pretrained_weights {weights}"])
    (first,) = world.results().iterdir()
    other = world.save(world.segconv.folder / "some.pth", {**OF_OTHER, "even more": (1,)})
    assert world.finetune(source=("--weights", other)).code == 0, "others of the same name"
    assert len(world.asked()) == 1
    assert len(list(world.results().iterdir())) == 2
    assert first.exists()
    plans = json.loads(next(world.preprocessed().glob("nnUNetPlansFrom*.json")).read_text())
    assert plans["configurations"]["2d"]["data_identifier"] == "nnUNetPlans_2d", "no case is preprocessed again"


def test_an_unusable_source_is_refused(world: World) -> None:
    assert world.finetune(source=()).code == 2
    assert world.finetune(source=("--from", 9, "--weights", "some.pth")).code == 2
    assert world.finetune(source=("--weights", "none.pth")).codes() == ["SC010"]
    assert world.finetune(source=("--from", 7)).code == 2
    assert world.finetune(source=("--from", 99)).codes() == ["SC010"]
    assert world.asked() == []


def test_other_channels_are_refused_before_anything_is_made(world: World) -> None:
    def rename(found: dict[str, Any]) -> None:
        found["channel_names"] = {"0": "T1"}

    def add(found: dict[str, Any]) -> None:
        found["channel_names"] = {"0": "CT", "1": "PET"}

    datasets.edit(world.segconv.raw / OTHER, add)
    refused = world.finetune()
    assert (refused.code, refused.codes(), world.asked()) == (65, ["SC154"], [])
    assert "has 2 channels (CT, PET), expected 1 (CT)" in refused.err
    assert not world.preprocessed(OTHER).exists()
    datasets.edit(world.segconv.raw / OTHER, rename)
    warned = world.finetune("--json")
    assert warned.code == 0
    assert [found["severity"] for found in warned.json["findings"] if found["code"] == "SC154"] == ["warning"]
    assert "Warning SC154" in world.finetune().err


def test_pictures_are_refused_for_a_configuration_in_3d(world: World) -> None:
    world.planner.configurations["2d"]["patch_size"] = [16, 16, 16]
    assert world.segconv("plan", 7, "-j", 1, "--no-check").code == 0
    world.asked()
    world.reader = "NaturalImage2DIO"
    refused = world.finetune()
    assert (refused.code, refused.codes(), world.asked()) == (65, ["SC154"], [MOVE])
    assert "holds pictures, and 2d is in 3D" in refused.err


def test_a_trainer_with_another_network_is_refused_before_it_trains(world: World) -> None:
    world.networks["nnUNetTrainerBN"] = {**NETWORK, "encoder.weight": (9, 1, 3, 3)}
    refused = world.finetune("--pretraining-trainer", "nnUNetTrainerBN")
    assert (refused.code, refused.codes()) == (65, ["SC153"])
    assert world.asked() == [MOVE, FINGERPRINT, PREPROCESS]


def test_plans_that_changed_since_are_moved_again_unless_a_model_was_trained_with_them(world: World) -> None:
    (world.room / "fail 2d all").touch()
    assert world.finetune().code == 1
    world.asked()

    def plan_otherwise() -> None:
        world.planner.configurations["2d"]["patch_size"][0] += 8
        assert world.segconv("plan", 7, "-j", 1, "--no-check").code == 0
        world.asked()

    plan_otherwise()
    (world.room / "fail 2d all").unlink()
    assert world.finetune().code == 0
    assert world.asked()[0] == MOVE
    moved = json.loads((world.preprocessed(OTHER) / "nnUNetPlansFor007.json").read_text())
    assert moved["configurations"]["2d"]["patch_size"] == [24, 16]
    plan_otherwise()
    refused = world.finetune("-f", "1")
    assert (refused.code, refused.codes(), world.asked()) == (73, ["SC143"], [])
    assert "nnUNetTrainer__nnUNetPlansFor007__2d (fold all) was trained with it" in refused.err


def test_folds_that_began_from_other_weights_are_not_mixed_with_new_ones(world: World) -> None:
    assert world.finetune().code == 0
    world.asked()
    world.save(world.pretrained, {**OF_OTHER, "even more": (1,)})
    refused = world.finetune("-f", "1")
    assert (refused.code, refused.codes(), world.asked()) == (73, ["SC143"], [])
    assert "nnUNetTrainer__nnUNetPlansFrom009__2d (fold 0) was trained with it" in refused.err


def test_folds_that_leak_are_refused_before_anything_is_pretrained(world: World) -> None:
    folds = [{"train": ["c0", "c1", "c2"], "val": ["c2", "c3"]}]
    (world.preprocessed() / "splits_final.json").write_text(json.dumps(folds))
    refused = world.finetune()
    assert (refused.codes(), world.asked()) == (["SC095"], [])
    assert "--allow-leaks trains nevertheless" in refused.err
    assert not world.preprocessed(OTHER).exists()
