"""What a rehearsal finds before anything runs, its work folder, and the cure of each fault."""

from __future__ import annotations

import json
import shlex
import shutil
from collections import namedtuple
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from fixtures.make_fixtures import msd_ct, png_shapes
from segconv.errors import Interrupted, SegconvError
from segconv.flows.rehearse import run
from segconv.image.opened import read_image, read_label
from segconv.train import child
from segconv.train.trainer_folders import SHIM

from ...command import Command

pytestmark = pytest.mark.train  # plans name classes of packages that come with nnU-Net

Usage = namedtuple("Usage", "total used free")
NETWORK = "dynamic_network_architectures.architectures.unet.PlainConvUNet"


class World:
    """A dataset with plans, and rehearsals whose expensive part is replaced."""

    def __init__(self, segconv: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.segconv, self.monkeypatch = segconv, monkeypatch
        self.seen: list[dict[str, Any]] = []
        self.error: Exception | None = None
        assert segconv("convert", msd_ct(folder / "task"), "--to", "7_Phantom", "-q").code == 0
        self.raw = segconv.raw / "Dataset007_Phantom"
        self.preprocessed = segconv.folder / "nnUNet_preprocessed"
        self.plan([[64, 64], [1, 1], [2, 2], [2, 2]])
        monkeypatch.setattr(run, "commands", dict)
        monkeypatch.setattr(run, "_perform", self._perform)

    def _perform(self, found: Any, work: Any, *_: object) -> None:
        cases = {case: filter(Path.exists, work.dataset.image_files(case)) for case in work.dataset.cases()}
        images = [[read_image(path.read_bytes(), path.name) for path in files] for files in cases.values()]
        labels = [read_label((path := work.dataset.label_file(case)).read_bytes(), path.name) for case in cases]
        self.seen.append(
            {
                "names": found.names,
                "planner": found.planner,
                "images": images,
                "labels": labels,
                "described": work.dataset.description,
                "label_map": work.dataset.run.label_map,
                "inputs": sorted(path.name for path in work.inputs.iterdir()),
                "variables": child.environment(work.paths),
            }
        )
        (work.paths.results / "checkpoint_best.pth").touch()
        if self.error is not None:
            raise self.error

    def plan(self, numbers: Sequence[Sequence[int]]) -> None:
        patch, *strides = numbers
        kwargs = {"strides": strides, "features_per_stage": [32] * len(strides)}
        found = {
            "dataset_name": "Dataset007_Phantom",
            "plans_name": "nnUNetPlans",
            "experiment_planner_used": "nnUNetPlannerResEncM",
            "original_median_shape_after_transp": [24, 56, 64],
            "configurations": {
                "2d": {
                    "data_identifier": "nnUNetPlans_2d",
                    "patch_size": patch,
                    "batch_size": 4,
                    "median_image_size_in_voxels": [56, 64],
                    "architecture": {"network_class_name": NETWORK, "arch_kwargs": kwargs},
                }
            },
        }
        (self.preprocessed / "Dataset007_Phantom").mkdir(parents=True, exist_ok=True)
        (self.preprocessed / "Dataset007_Phantom" / "nnUNetPlans.json").write_text(json.dumps(found))

    def rehearse(self, *words: object) -> dict[str, Any]:
        done = self.segconv("rehearse", "7", "--json", *words)
        found: dict[str, Any] = json.loads(done.out)
        assert not list(self.preprocessed.glob(".segconv-rehearse*[!k]")), "nothing is left"
        return {**found, "code": done.code, "codes": [finding["code"] for finding in found["findings"]]}

    def cure(self, found: dict[str, Any]) -> list[str]:
        """The command that the hint names."""
        hint = found["findings"][0]["hint"]
        return shlex.split(hint[hint.index("segconv ") :].partition(", and ")[0].partition(" computes ")[0])[1:]


@pytest.fixture
def world(segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(segconv, tmp_path, monkeypatch)


def test_the_tiny_dataset_has_the_form_of_the_users(world: World) -> None:
    assert world.rehearse()["code"] == 0
    (seen,) = world.seen
    assert (seen["names"], seen["planner"]) == (("2d",), "nnUNetPlannerResEncM")
    assert [[image.array.shape for image in images] for images in seen["images"]] == [[(8, 20, 16)]] * 4
    assert all(sorted(set(label.array.flat)) == [0, 1, 2, 3] for label in seen["labels"])
    assert seen["described"].channel_names == ("CT",)
    assert seen["label_map"] == {"0": 0, "1": 1, "2": 2, "3": 3}
    assert seen["inputs"] == ["rehearsal_4_0000.nii.gz"]


def test_pictures_stay_pictures_and_come_back_with_their_values(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(segconv, tmp_path, monkeypatch)
    source = png_shapes(tmp_path / "s", size=(40, 30), cases=6, tests=0)
    assert segconv("convert", source, "--to", "9_Shapes", "--accept-labels", "-q").code == 0
    assert segconv("rehearse", "9").code == 0
    (seen,) = world.seen
    assert [image.array.shape for (image,) in seen["images"]] == [(30, 40, 3)] * 4
    assert set(seen["label_map"]) == {"0", "128", "255"}
    assert seen["names"] == ()


def test_an_order_of_regions_that_swaps_labels_has_a_code_and_a_cure(world: World) -> None:
    file = world.raw / "dataset.json"
    described = json.loads(file.read_text())
    described["labels"] = {"background": 0, "organ": [1, 2, 3], "kidney": 2, "tumour": 3}
    file.write_text(json.dumps({**described, "regions_class_order": [3, 2, 1]}))
    found = world.rehearse()
    assert (found["code"], found["codes"], found["ok"], world.seen) == (65, ["SC165"], False, [])
    assert world.segconv(*world.cure(found), "--force").code == 0
    assert world.rehearse()["code"] == 0


def test_a_patch_that_the_strides_do_not_divide_has_a_code_and_a_cure(world: World) -> None:
    world.plan([[62, 64], [1, 1], [2, 2], [2, 2]])
    found = world.rehearse()
    assert (found["code"], found["codes"], world.seen) == (78, ["SC164"], [])
    assert "62x64, is not divisible by 4x4" in found["findings"][0]["message"]
    assert world.segconv(*world.cure(found)).code == 0
    assert world.rehearse("-c", "2d_ok")["code"] == 0


def test_a_disk_that_is_too_small_for_the_real_training_has_a_code_and_a_cure(world: World) -> None:
    world.monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 30, 0, 1 << 10))
    found = world.rehearse()
    assert (found["code"], found["codes"], world.seen) == (74, ["SC167"], [])
    assert "make room on the disk" in found["findings"][0]["hint"]
    world.monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 0, 1 << 30))
    assert world.rehearse()["code"] == 0


def test_a_disk_that_is_too_small_for_the_rehearsal_is_refused(world: World) -> None:
    world.monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 30, 0, 100 << 20))
    found = world.rehearse()
    assert (found["code"], found["codes"], world.seen) == (74, ["SC032"], [])


def test_without_nnunet_the_rehearsal_names_what_to_install(world: World) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    world.monkeypatch.setattr(run, "commands", child.commands)
    world.monkeypatch.setattr(metadata, "distribution", missing)
    found = world.rehearse()
    assert (found["code"], found["codes"], world.seen) == (78, ["SC041"], [])
    assert "pip install 'segconv[train]'" in found["findings"][0]["hint"]


def test_plans_with_foreign_classes_are_refused_unless_their_module_is_allowed(world: World) -> None:
    file = world.preprocessed / "Dataset007_Phantom" / "nnUNetPlans.json"
    file.write_text(file.read_text().replace(NETWORK, "mine.Net"))
    found = world.rehearse()
    assert (found["code"], found["codes"], world.seen) == (65, ["SC064"], [])
    assert world.rehearse("--allow-module", "mine")["code"] == 0


def test_folders_of_trainers_reach_nnunet_only_if_named(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("nnUNet_extTrainer", "/strange")
    world.rehearse()
    world.rehearse("--ext-trainer", tmp_path)
    variables = [seen["variables"].get("nnUNet_extTrainer") for seen in world.seen]
    assert variables == [str(SHIM), f"{SHIM}:{tmp_path}"]
    assert world.segconv("rehearse", "7", "--ext-trainer", tmp_path / "none").code == 66


def test_an_error_of_a_step_ends_the_rehearsal_with_its_code(world: World) -> None:
    world.error = SegconvError("train 2d fold 0: RuntimeError: no", code="SC160", file="rehearse.log")
    found = world.rehearse()
    assert (found["code"], found["codes"], found["ok"]) == (70, ["SC160"], False)


def test_an_interrupted_rehearsal_leaves_nothing(world: World) -> None:
    world.error = Interrupted("interrupted", signal_number=15)
    done = world.segconv("rehearse", "7")
    assert done.code == 143
    assert "nothing of it is left" in done.err
    assert not list(world.preprocessed.glob(".segconv-rehearse*[!k]"))
