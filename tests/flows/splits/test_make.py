"""``segconv splits make``: groups stay together, copies only train, and nothing that models depend on is replaced."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from skimage import io

from fixtures.make_fixtures import png_shapes

from ...command import Command, tree_hash

RAW = "nnUNet_raw/Dataset005_Shapes"
PREPROCESSED = "nnUNet_preprocessed/Dataset005_Shapes"


@pytest.fixture
def shapes(segconv: Command, tmp_path: Path) -> Path:
    source = png_shapes(tmp_path / "s", size=(24, 20), cases=8, tests=0)
    assert segconv("convert", source, "--to", "5_Shapes", "--accept-labels").code == 0
    return tmp_path / RAW


def folds_of(folder: Path) -> Any:
    return json.loads((folder / "splits_final.json").read_text(encoding="utf-8"))


def test_patients_named_by_a_list_or_a_pattern_stay_together(segconv: Command, shapes: Path, tmp_path: Path) -> None:
    listed = tmp_path / "patients.csv"
    listed.write_text("".join(f"shape-{n},p{n // 3}\n" for n in range(8)), encoding="utf-8")
    done = segconv("splits", "make", "5", "--patients", listed)
    assert done.code == 0, done.err
    assert "3 folds of 8 cases in 3 groups, as there are only 3 groups" in done.err
    together = {frozenset(int(case[-1]) // 3 for case in fold["val"]) for fold in folds_of(shapes)}
    assert together == {frozenset({0}), frozenset({1}), frozenset({2})}
    verified = segconv("splits", "verify", "5", "--patients", listed, "--json").json["certificate"]
    assert (verified["verdict"], verified["checked"]["patients"]["from"]) == ("no leak found", "list")
    assert segconv("splits", "make", "5", "--patient-pattern", "[0-3]").codes() == ["SC085"]
    assert segconv("splits", "make", "5", "--patient-pattern", "-([0-9])", "--folds", "4").code == 0
    assert [len(fold["val"]) for fold in folds_of(shapes)] == [2, 2, 2, 2]
    leaking = segconv("splits", "verify", "5", "--patients", listed)
    assert leaking.codes() == ["SC095"] * len(leaking.codes()) != []
    assert "`" not in leaking.err
    assert "segconv splits make 5 makes new folds" in leaking.err


def test_new_folds_do_not_advise_new_folds(segconv: Command, shapes: Path) -> None:
    description = json.loads((shapes / "dataset.json").read_text(encoding="utf-8"))
    description["labels"] = {**description["labels"], "rare": 3}
    (shapes / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    label = shapes / "labelsTr" / "shape-0.png"
    voxels = io.imread(label)
    voxels[0, 0] = 3
    io.imsave(label, voxels, check_contrast=False)
    shutil.rmtree(shapes / "segconv")
    done = segconv("splits", "make", "5", "--dry-run")
    assert "Warning SC099" in done.err
    assert "make fewer folds, or add cases" in done.err
    assert "makes new folds" not in done.err


def test_copies_only_train_and_the_dataset_remains_sound(segconv: Command, shapes: Path) -> None:
    assert segconv("augment", "5", "--to", "6_Aug", "--copies", "2", "--rotate-range", "15").code == 0
    assert segconv("splits", "make", "6", "--seed", "3").code == 0
    aug = segconv.raw / "Dataset006_Aug"
    folds = folds_of(aug)
    assert sorted(case for fold in folds for case in fold["val"]) == [f"shape-{n}" for n in range(8)]
    for fold in folds:
        held = set(fold["val"])
        names = {case.name.removesuffix("_0000.png") for case in (aug / "imagesTr").iterdir()}
        assert set(fold["train"]) == {case for case in names if case.split("_aug")[0] not in held}
    checked = segconv("check", "6", "--json").json
    assert checked["ok"]
    assert checked["findings"] == []
    assert segconv("splits", "verify", "6").code == 0
    run = json.loads((aug / "segconv" / "run.json").read_text(encoding="utf-8"))
    made = {"folds": 5, "seed": 3, "patients": None, "group_by": None, "hold_out": None, "near_identical": True}
    assert run["edits"][-1]["new"] == made


def test_each_site_is_left_out_once_and_copies_follow_their_original(segconv: Command, tmp_path: Path) -> None:
    source = png_shapes(tmp_path / "s", size=(24, 20), cases=8, tests=0)
    for part in ("input", "output"):
        for path in (source / "training" / part).iterdir():
            path.rename(path.with_name(f"site{int(path.stem[-1]) % 2 + 1}-{path.name}"))
    assert segconv("convert", source, "--to", "5_Shapes", "--accept-labels", "--case-names", "path").code == 0
    assert segconv("augment", "5", "--to", "6_Aug", "--copies", "1", "--rotate-range", "15").code == 0
    assert segconv("splits", "make", "6", "--group-by", "site[0-9]").code == 0
    sites = [
        {part: {case[case.index("site") + 4] for case in fold[part]} for part in fold}
        for fold in folds_of(segconv.raw / "Dataset006_Aug")
    ]
    assert sorted(map(str, sites)) == sorted(map(str, [{"train": {"1"}, "val": {"2"}}, {"train": {"2"}, "val": {"1"}}]))
    assert [len(fold["val"]) for fold in folds_of(segconv.raw / "Dataset006_Aug")] == [4, 4]
    assert segconv("splits", "make", "6", "--group-by", "hospital").codes() == ["SC085"]
    assert segconv("splits", "make", "6", "--group-by", "site[0-9]", "--folds", "3").codes() == ["SC114"]


def test_the_seed_decides_and_the_same_command_changes_nothing_again(segconv: Command, shapes: Path) -> None:
    made = [segconv("splits", "make", "5", "--seed", seed, "--dry-run", "--json").json["splits"] for seed in range(4)]
    assert len({json.dumps(folds) for folds in made}) > 1
    before = tree_hash(shapes)
    assert segconv("splits", "make", "5", "--seed", "2", "--dry-run").code == 0
    assert tree_hash(shapes) == before
    assert segconv("splits", "make", "5", "--seed", "2").code == 0
    assert folds_of(shapes) == made[2]
    once = tree_hash(shapes)
    again = segconv("splits", "make", "5", "--seed", "2")
    assert (again.code, "nothing to do" in again.err, tree_hash(shapes)) == (0, True, once)


def test_raw_and_preprocessed_get_the_same_folds_unless_they_are_the_users(
    segconv: Command, shapes: Path, tmp_path: Path
) -> None:
    planned = tmp_path / PREPROCESSED
    planned.mkdir()
    (planned / "splits_final.json").write_bytes((shapes / "splits_final.json").read_bytes())
    done = segconv("splits", "make", "5", "--folds", "4", "--json")
    assert (done.code, len(done.json["wrote"])) == (0, 2), done.out
    assert folds_of(planned) == folds_of(shapes)
    mine = [{"train": ["shape-0"], "val": ["shape-1"]}]
    (planned / "splits_final.json").write_text(json.dumps(mine), encoding="utf-8")
    refused = segconv("splits", "make", "5", "--folds", "2")
    assert (refused.code, refused.codes()) == (73, ["SC020"])
    assert folds_of(planned) == mine
    assert len(folds_of(shapes)) == 4
    assert segconv("splits", "make", "5", "--folds", "2", "--overwrite").code == 0
    assert len(folds_of(planned)) == len(folds_of(shapes)) == 2
    assert segconv("check", "5").code == 0


def test_folds_by_which_a_model_was_trained_are_never_replaced(segconv: Command, shapes: Path, tmp_path: Path) -> None:
    trained = tmp_path / "nnUNet_results" / "Dataset005_Shapes" / "nnUNetTrainer__nnUNetPlans__2d" / "fold_0"
    assert segconv("splits", "make", "5", "--folds", "4").code == 0
    trained.mkdir(parents=True)
    assert segconv("splits", "make", "5", "--folds", "4").code == 0, "the same folds"
    before = tree_hash(shapes)
    for more in ((), ("--overwrite",)):
        refused = segconv("splits", "make", "5", "--folds", "2", *more)
        assert (refused.code, refused.codes()) == (73, ["SC210"])
        assert str(trained) in refused.err
    assert tree_hash(shapes) == before


def test_too_few_groups_and_links_are_refused(segconv: Command, shapes: Path, tmp_path: Path) -> None:
    assert segconv("splits", "make", "5", "--folds", "9").codes() == ["SC114"]
    assert segconv("splits", "make", "5", "--patient-pattern", "shape").codes() == ["SC114"]
    assert "the pattern of sites, '('," in segconv("splits", "make", "5", "--group-by", "(").err
    (shapes / "splits_final.json").rename(tmp_path / "elsewhere.json")
    before = (tmp_path / "elsewhere.json").read_bytes()
    (shapes / "splits_final.json").symlink_to(tmp_path / "elsewhere.json")
    assert segconv("splits", "make", "5", "--folds", "3").codes() == ["SC060"]
    assert (tmp_path / "elsewhere.json").read_bytes() == before


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_kill_between_two_files_is_finished_by_the_same_command(
    segconv: Command, shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    from segconv.work import fsops

    planned = tmp_path / PREPROCESSED
    planned.mkdir()
    (planned / "splits_final.json").write_bytes((shapes / "splits_final.json").read_bytes())
    written: list[Path] = []
    write = fsops.write_atomic

    def cut(path: Path, *pieces: bytes, **how: Any) -> None:
        written.append(path)
        if len(written) == failing:
            raise KeyboardInterrupt
        write(path, *pieces, **how)

    with monkeypatch.context() as patch:
        patch.setattr(fsops, "write_atomic", cut)
        assert segconv("splits", "make", "5", "--folds", "3").code == 130
    assert segconv("splits", "make", "5", "--folds", "3").code == 0
    assert folds_of(planned) == folds_of(shapes)
    assert segconv("check", "5").code == 0


def test_no_fold_trains_on_cases_that_are_held_out_nor_on_their_copies(segconv: Command, shapes: Path) -> None:
    assert segconv("augment", "5", "--to", "6_Aug", "--copies", "2", "--rotate-range", "15").code == 0
    done = segconv("splits", "make", "6", "--hold-out", "25%", "--folds", "3", "--json")
    assert done.code == 0, done.err
    *folds, last = folds_of(segconv.raw / "Dataset006_Aug")
    held = set(last["val"])
    assert (len(folds), len(held)) == (3, 2)
    for fold in folds:
        assert not {case.split("_aug")[0] for part in fold.values() for case in part} & held
    assert sorted(case for fold in (*folds, last) for case in fold["val"]) == [f"shape-{n}" for n in range(8)]
    assert len(last["train"]) == 6 * 3
    verified = segconv("splits", "verify", "6", "--json").json
    assert (verified["certificate"]["verdict"], verified["findings"]) == ("no leak found", [])
    assert verified["certificate"]["hold_out"] == {"fold": 3, "cases": 2}
    assert "fold 3, held out" in segconv("splits", "show", "6").out
    run = json.loads((segconv.raw / "Dataset006_Aug" / "segconv" / "run.json").read_text(encoding="utf-8"))
    assert run["edits"][-1]["new"]["hold_out"] == 0.25


def test_a_hold_out_that_is_smaller_than_every_group_is_refused(segconv: Command, shapes: Path, tmp_path: Path) -> None:
    (tmp_path / "patients.csv").write_text("".join(f"shape-{n},p{n // 4}\n" for n in range(8)), encoding="utf-8")
    refused = segconv("splits", "make", "5", "--hold-out", "10%", "--patients", tmp_path / "patients.csv")
    assert refused.codes() == ["SC114"]
    assert "small enough to hold out 0.1 of them: each has at least 4 cases" in refused.err
    assert segconv("splits", "make", "5", "--hold-out", "100%").code == 2
    assert segconv("splits", "make", "5", "--hold-out", "2").code == 2


@pytest.mark.train
def test_nnunet_reads_the_hold_out_as_a_fold_of_its_own(segconv: Command, shapes: Path, tmp_path: Path) -> None:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    assert segconv("splits", "make", "5", "--hold-out", "25%", "--folds", "3").code == 0
    said: list[object] = []
    for number, fold in enumerate(folds_of(shapes)):
        trainer = SimpleNamespace(
            fold=number,
            dataset_class=lambda *_, **__: None,
            preprocessed_dataset_folder="",
            preprocessed_dataset_folder_base=str(shapes),
            folder_with_segs_from_previous_stage=None,
            print_to_log_file=lambda *words: said.append(words),
        )
        assert nnUNetTrainer.do_split(trainer) == (fold["train"], fold["val"])
    assert not any("WARNING" in str(words) for words in said)
