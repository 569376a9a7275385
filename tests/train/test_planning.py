"""Planning: nothing incomplete is left, nothing is made twice, and nothing that models depend on is replaced."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segconv.errors import SegconvError
from segconv.train import planning, plans_names
from segconv.train.child import ChildFailed
from segconv.train.planning_progress import FINGERPRINT, PREPROCESSING, Follower, Progress
from segconv.train.worker_processes import GIB
from segconv.work import fsops

from ..command import Command, Done, tree_hash
from ..review import datasets
from .planner import Planner

NAME = "Dataset007_Ct"
DATA = "nnUNetPlans_2d"
CASES = [f"c{number}" for number in range(4)]


@pytest.fixture
def planner(monkeypatch: pytest.MonkeyPatch) -> Planner:
    return Planner().install(monkeypatch)


@pytest.fixture
def world(segconv: Command, planner: Planner) -> Command:
    """A dataset that was planned with the stand-in."""
    datasets.volumes(segconv.raw, cases=4)
    assert plan(segconv).code == 0
    planner.preprocessed.clear()
    planner.started.clear()
    return segconv


def plan(segconv: Command, *words: object) -> Done:
    return segconv("plan", "7", "-j", "1", "--no-check", *words)


def folder(segconv: Command) -> Path:
    return segconv.folder / "nnUNet_preprocessed" / NAME


def plans_of(segconv: Command, name: str = "nnUNetPlans") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder(segconv) / f"{name}.json").read_text())
    return found


def edit(segconv: Command, case: str = "c1") -> None:
    label = segconv.raw / NAME / "labelsTr" / f"{case}.nii.gz"
    label.write_bytes(label.read_bytes() + b"\0")


def train(segconv: Command, model: str = "nnUNetTrainer__nnUNetPlans__2d", fold: str = "0") -> str:
    made = segconv.folder / "nnUNet_results" / NAME / model / f"fold_{fold}"
    made.mkdir(parents=True)
    with zipfile.ZipFile(made / "checkpoint_best.pth", "w") as archive:
        archive.writestr("data", "")
    return model


def test_what_is_unchanged_is_not_made_again(world: Command, planner: Planner) -> None:
    before = tree_hash(folder(world))
    done = plan(world, "--json")
    assert (done.code, done.json["cases"]) == (0, {DATA: {"preprocessed": 0, "kept": 4}})
    assert planner.preprocessed == []
    assert tree_hash(folder(world)) == before
    done = plan(world, "--again")
    assert (done.code, "the dataset changed" in done.err) == (0, False)
    assert planner.preprocessed == [("2d", CASES)]


def test_only_cases_that_changed_are_preprocessed_again(world: Command, planner: Planner) -> None:
    edit(world)
    raw = world.raw / NAME
    for name in ("imagesTr/{}_0000.nii.gz", "labelsTr/{}.nii.gz"):
        (raw / name.format("c9")).write_bytes((raw / name.format("c0")).read_bytes())
        (raw / name.format("c3")).unlink()
    description = json.loads((raw / "dataset.json").read_text())
    kept = (folder(world) / DATA / "c0.b2nd").stat().st_ino
    done = plan(world)
    assert done.code == 0
    assert "its fingerprint is made again" in done.err
    assert planner.preprocessed == [("2d", ["c1", "c9"])]
    assert sorted(path.stem for path in (folder(world) / DATA).glob("*.pkl")) == ["c0", "c1", "c2", "c9"]
    assert (folder(world) / DATA / "c0.b2nd").stat().st_ino == kept
    assert json.loads((folder(world) / "dataset.json").read_text()) == description, "without the list of cases"
    assert plan(world).code == 0
    assert len(planner.preprocessed) == 1, "the records are those of the new cases"


def test_a_damaged_case_is_made_again(world: Command, planner: Planner) -> None:
    path = folder(world) / DATA / "c2_seg.b2nd"
    path.write_bytes(path.read_bytes()[:-1])
    assert plan(world).code == 0
    assert planner.preprocessed == [("2d", ["c2"])]


def other_spacing(planner: Planner, _: Command) -> None:
    planner.configurations["2d"] = {"spacing": [2.0, 2.0]}


def other_normalisation(planner: Planner, _: Command) -> None:
    planner.configurations["2d"] = {"normalization_schemes": ["NoNormalization"]}


def other_labels(_: Planner, world: Command) -> None:
    path = world.raw / NAME / "dataset.json"
    found = json.loads(path.read_text())
    labels = {"background": 0, **{f"other {value}": value for value in found["labels"].values() if value}}
    path.write_text(json.dumps({**found, "labels": labels}))


def no_record(_: Planner, world: Command) -> None:
    for path in (folder(world) / "segconv").iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (other_spacing, "another spacing"),
        (other_normalisation, "another spacing, normalisation"),
        (other_labels, "other labels"),
        (no_record, "nothing records what they were made from"),
    ],
)
def test_all_cases_are_made_again_if_they_may_differ(
    world: Command, planner: Planner, change: Callable[[Planner, Command], None], why: str
) -> None:
    change(planner, world)
    done = plan(world)
    assert (done.code, f"note: all cases of {DATA} are made again" in done.err, why in done.err) == (0, True, True)
    assert planner.preprocessed == [("2d", CASES)]


@pytest.mark.parametrize(("scheme", "made"), [("ZScoreNormalization", 0), ("CTNormalization", 4), ("OwnScheme", 4)])
def test_intensities_of_all_cases_matter_where_they_normalise(
    segconv: Command, planner: Planner, scheme: str, made: int
) -> None:
    datasets.volumes(segconv.raw, cases=4)
    planner.configurations["2d"] = {"normalization_schemes": [scheme]}
    assert plan(segconv).code == 0
    planner.intensity = 1.0
    assert plan(segconv, "--json").json["cases"][DATA]["preprocessed"] == made


def test_plans_that_models_were_trained_with_are_not_changed(world: Command, planner: Planner) -> None:
    model = train(world)
    assert plan(world, "--gpu-memory", "2").code == 0, "the plans are the same"
    before = tree_hash(folder(world))
    done = plan(world, "--gpu-memory", "6")
    assert (done.code, done.codes()) == (73, ["SC143"])
    assert f"{model} (fold 0)" in done.err
    assert "--plans-name nnUNetPlans2" in done.err
    assert tree_hash(folder(world)) == before
    assert [path.name for path in folder(world).parent.glob(".segconv-plan*")] == []
    assert plan(world, "--gpu-memory", "6", "--plans-name", "nnUNetPlans2").code == 0
    assert plans_of(world, "nnUNetPlans2")["configurations"]["2d"]["batch_size"] == 6
    assert plans_of(world)["configurations"]["2d"]["batch_size"] == 2
    assert (folder(world) / "nnUNetPlans2_2d" / "c0.b2nd").is_file()
    train(world, "nnUNetTrainer__nnUNetPlans2__2d")
    err = plan(world, "--plans-name", "nnUNetPlans2").err
    assert f"segconv plan {NAME} --keep-plans --plans-name nnUNetPlans2" in err


def test_kept_plans_serve_a_dataset_that_changed(world: Command, planner: Planner) -> None:
    train(world)
    edit(world)
    planner.configurations["2d"] = {"batch_size": 9}
    assert plan(world).codes() == ["SC143"]
    assert "its fingerprint is made again" not in plan(world).err, "the first, refused run made it"
    assert plan(world, "--keep-plans").code == 0
    assert planner.preprocessed == [("2d", ["c1"])]
    assert plans_of(world)["configurations"]["2d"]["batch_size"] == 2
    assert plan(world, "--keep-plans", "--plans-name", "none").code == 66


def test_cases_that_other_plans_use_are_not_changed(world: Command, planner: Planner) -> None:
    planner.configurations["2d"] = {"data_identifier": DATA, "spacing": [3.0, 3.0]}
    done = plan(world, "--plans-name", "other")
    assert (done.code, done.codes()) == (73, ["SC143"])
    assert "the configuration 2d of nnUNetPlans uses it" in done.err
    planner.configurations["2d"] = {"data_identifier": DATA}
    assert plan(world, "--plans-name", "other").code == 0
    assert planner.preprocessed == [], "they share their cases"


def test_names_are_refused_before_anything_starts(
    world: Command, planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans_names, "list_planners", list)
    for words, said in (
        (("--planner", "Nothing"), "no planner 'Nothing'"),
        (("-c", "3d_fulres"), "Hint: segconv plan 7 -c 3d_fullres\n"),
        (("--plans-name", "a__b"), "cannot name plans"),
        (("--plans-name", "../a"), "cannot name plans"),
    ):
        done = plan(world, *words)
        assert (done.code, said in done.err) == (2, True), done.err
    assert planner.started == []


@pytest.mark.parametrize(
    ("others", "wanted", "why", "hint"),
    [
        ((), ["3d_fullres"], "planned no 3d_fullres: the images are in 2D", "segconv plan 7 -c 2d"),
        (("3d_fullres",), ["2d", "3d_lowres"], "a patch of 3d_fullres covers enough", "segconv plan 7 -c 2d"),
        (("3d_fullres",), ["3d_lowres"], "planned no 3d_lowres", "segconv plan 7 -c 3d_fullres"),
    ],
)
def test_what_nnunet_skips_fails_with_the_command_for_what_it_planned(
    others: tuple[str, ...], wanted: list[str], why: str, hint: str, world: Command, planner: Planner
) -> None:
    planner.configurations |= {name: {} for name in others}
    done = plan(world, *(word for name in wanted for word in ("-c", name)), "--plans-name", "mine")
    assert (done.code, planner.preprocessed) == (2, [])
    assert why in done.err
    assert f"Hint: {hint} --plans-name mine\n" in done.err
    assert "Planned" not in done.err
    assert world(*hint.split()[1:], "--plans-name", "mine", "-j", 1, "--no-check").code == 0


def test_a_spacing_is_passed_on_in_the_axis_order_of_nnunet(world: Command, planner: Planner) -> None:
    assert plan(world, "--spacing", "0.5,1,2", "--gpu-memory", "24").code == 0
    (words,) = [words for words in planner.started if words[0] == "nnUNetv2_plan_and_preprocess"]
    at = words.index("-overwrite_target_spacing")
    assert words[at + 1 : at + 4] == ("2", "1", "0.5")
    assert words[words.index("-gpu_memory_target") + 1] == "24"


def test_what_an_interrupted_run_finished_is_used_by_the_next(world: Command, planner: Planner) -> None:
    planner.configurations["2d"] = {"spacing": [2.0, 2.0]}
    before = tree_hash(folder(world))

    def fail(_: str, case: str) -> None:
        if case == "c2":
            raise ChildFailed("memory ran out", code="SC101")

    planner.before = fail
    done = plan(world)
    assert (done.codes(), "segconv plan 7 -j 1 --no-check goes on from there" in done.err) == (["SC101"], True)
    assert tree_hash(folder(world)) == before, "training goes on with what was there"
    planner.before = lambda *_: None
    planner.preprocessed.clear()
    assert plan(world).code == 0
    assert planner.preprocessed == [("2d", ["c2", "c3"])]
    assert plans_of(world)["configurations"]["2d"]["spacing"] == [2.0, 2.0]
    assert [path.name for path in folder(world).parent.glob(".segconv-plan*")] == []


def test_an_unfinished_planning_is_abandoned_by_number(world: Command, planner: Planner) -> None:
    def fail(_: str, case: str) -> None:
        assert world("abort", "7").codes() == ["SC035"], "it is at work"
        raise SegconvError("memory ran out", code="SC101")

    planner.configurations["2d"] = {"spacing": [2.0, 2.0]}
    planner.before = fail
    before = tree_hash(folder(world))
    assert plan(world).codes() == ["SC101"]
    left = folder(world).parent / f".segconv-plan-{NAME}"
    assert left.is_dir()
    done = world("abort", "7")
    assert (done.code, left.exists()) == (0, False)
    assert [path.name for path in folder(world).parent.glob(".segconv-*")] == []
    assert tree_hash(folder(world)) == before
    assert world("abort", "7").codes() == ["SC010"]


class Killed(BaseException):
    """The end of a process, which no handler sees."""


def test_a_run_killed_at_any_moment_leaves_no_mixture_and_the_next_completes_it(
    world: Command, planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree_hash(folder(world) / DATA)
    calls = 0
    last: int | None = None

    def kill_at(operation: str, path: str | os.PathLike[str]) -> None:
        nonlocal calls
        calls += 1
        if calls == last:
            raise Killed

    monkeypatch.setattr(fsops, "_before", kill_at)
    step = 0
    while True:
        step += 1
        spacing = [1.0 + step, 1.0]
        planner.configurations["2d"] = {"spacing": spacing}
        calls, last = 0, 3 * step
        try:
            assert plan(world).code == 0
            break
        except Killed:
            last = None
        plans = folder(world) / "nnUNetPlans.json"
        if plans.exists():  # else nothing trains
            new = plans_of(world)["configurations"]["2d"]["spacing"] == spacing
            assert new == (tree_hash(folder(world) / DATA) != before)
        assert plan(world).code == 0
        assert plans_of(world)["configurations"]["2d"]["spacing"] == spacing
        before = tree_hash(folder(world) / DATA)
    assert step > 5
    assert [path.name for path in folder(world).parent.glob(".segconv-plan*")] == []


def test_configurations_that_were_derived_are_kept_and_linked(world: Command, planner: Planner) -> None:
    lowres = {"next_stage": "3d_cascade_fullres"}
    cascade = {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"}
    planner.configurations |= {"3d_fullres": {}, "3d_lowres": lowres, "3d_cascade_fullres": cascade}
    assert "-c 3d_fullres -f 0" in plan(world).err
    assert "-c 3d_lowres -f 0" in plan(world, "-c", "3d_cascade_fullres").err, "its first stage is trained first"
    path = folder(world) / "nnUNetPlans.json"
    plans = plans_of(world)
    plans["configurations"]["2d_small"] = {"inherits_from": "2d", "batch_size": 9}
    plans["configurations"]["second"] = {"inherits_from": "3d_cascade_fullres", "batch_size": 1}
    path.write_text(json.dumps(plans))
    assert plan(world).code == 0
    found = plans_of(world)["configurations"]
    assert (found["2d_small"]["batch_size"], found["second"]["batch_size"]) == (9, 1)
    assert found["3d_lowres"]["next_stage"] == ["3d_cascade_fullres", "second"]
    del planner.configurations["3d_lowres"], planner.configurations["3d_cascade_fullres"]
    plans["configurations"].pop("second")
    path.write_text(json.dumps(plans))
    assert plan(world).code == 0
    assert list(plans_of(world)["configurations"]) == ["2d", "3d_fullres", "2d_small"], "no stage of an older planning"


def test_fewer_workers_are_used_where_memory_is_short(
    world: Command, planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "available_bytes", lambda: 2 * GIB)
    done = world("plan", "7", "-j", "32", "--no-check", "--again")
    assert "note: 3 of 32 workers: the free memory is not enough for more" in done.err
    assert all(words[words.index("-np") + 1] == "3" for words in planner.started if "-np" in words)


def test_a_folder_of_the_user_in_its_place_is_not_touched(world: Command) -> None:
    mine = folder(world).parent / f".segconv-plan-{NAME}"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    assert plan(world).codes() == ["SC021"]
    assert (mine / "notes.txt").read_text() == "mine"


def test_progress_is_read_from_what_nnunet_writes() -> None:
    heard: list[Progress] = []
    follow = Follower(heard.append)
    for piece in (
        b"Extracting dataset fingerprint:   0%|          | 0/2 [00:00<?, ?it/s]\r",
        b"Extracting dataset fingerprint:  50%|#####     | 1/2 [00:01<00:01,  1.00s/it]\r",
        b"Configuration: 3d_fullres...\n",
        b"Preprocessing cases:  50%|#####     | 1/2 [00:01<00:01,  1.00s/it]\r",
        b"unrelated 1/2\n",
    ):
        follow(piece)
    assert heard == [
        Progress(FINGERPRINT, "", 0, 2),
        Progress(FINGERPRINT, "", 1, 2),
        Progress(PREPROCESSING, "3d_fullres"),
        Progress(PREPROCESSING, "3d_fullres", 1, 2),
    ]
