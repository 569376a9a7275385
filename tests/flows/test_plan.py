"""Planning starts with the check, whose errors stop it before nnU-Net starts."""

from __future__ import annotations

import errno
import json
import os
import shlex
from pathlib import Path

import pytest

from fixtures.make_fixtures import png_shapes
from segconv.work import fsops
from segconv.work.locks import locked
from segconv.work.plan import Target

from ..command import Command, Done
from ..review import datasets
from ..review.datasets import CASES, even_folds, folds
from ..review.defects import IMAGE, LABEL, outside
from ..train.planner import Planner

NAMES = [f"c{n}" for n in range(CASES)]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands of nnU-Net that were started; they are stand-ins."""
    return Planner().install(monkeypatch).started


def planned(segconv: Command, *words: str) -> Done:
    return segconv("plan", "7", "-j", "1", *words)


def test_errors_refuse_and_nnunet_does_not_start(segconv: Command, started: list[tuple[str, ...]]) -> None:
    root = datasets.volumes(segconv.raw)
    (root / LABEL).write_bytes((root / LABEL).read_bytes()[:-9])
    (root / IMAGE).write_bytes(b"")
    done = planned(segconv)
    assert (done.code, sorted(done.codes())) == (65, ["SC050", "SC051"])
    assert started == []
    assert planned(segconv, "--no-check").code == 0
    assert started


def test_warnings_are_reported_and_planning_continues(segconv: Command, started: list[tuple[str, ...]]) -> None:
    root = datasets.volumes(segconv.raw)
    (root / IMAGE).write_bytes((root / IMAGE).read_bytes() + b"tail")
    done = planned(segconv)
    assert done.code == 0
    assert f"Warning SC059: {IMAGE}" in done.err
    assert [found["code"] for found in planned(segconv, "--json").json["findings"]] == ["SC059"]
    assert started


def test_links_that_leave_are_allowed_by_name(segconv: Command, started: list[tuple[str, ...]]) -> None:
    outside(datasets.volumes(segconv.raw))
    assert planned(segconv).codes() == ["SC060"]
    assert started == []
    assert planned(segconv, "--allow-external").code == 0


def test_folds_in_the_place_where_nnunet_reads_them_are_kept_and_others_refused(
    segconv: Command, started: list[tuple[str, ...]], tmp_path: Path
) -> None:
    root = datasets.volumes(segconv.raw)
    target = tmp_path / "nnUNet_preprocessed" / root.name
    target.mkdir()
    folds(target, even_folds(NAMES)[:3])
    folds(root, even_folds(NAMES))
    for _ in range(2):
        assert planned(segconv).codes() == ["SC095"]
        assert json.loads((target / "splits_final.json").read_text()) == even_folds(NAMES)[:3]
        (tmp_path / "nnUNet_results" / root.name).mkdir(exist_ok=True)
    assert started == []
    (target / "splits_final.json").unlink()
    assert planned(segconv).code == 0
    assert json.loads((target / "splits_final.json").read_text()) == even_folds(NAMES)


def test_a_dataset_is_neither_replaced_nor_edited_while_nnunet_reads_it(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = png_shapes(tmp_path / "src", cases=2, tests=0, size=(12, 10))
    words = ("convert", source, "--to", "7_Ct", "--labels", "background=0,disc=128,ring=255")
    assert segconv(*words).code == 0
    others: list[Done] = []

    def meanwhile(configuration: str, case: str) -> None:
        if not others:
            others.append(segconv(*words, "--overwrite"))
            others.append(segconv("labels", "rename", "7", "disc=plate"))

    Planner().install(monkeypatch).before = meanwhile
    assert planned(segconv).code == 0
    assert [(done.code, done.codes()) for done in others] == [(75, ["SC035"])] * 2
    assert sorted(path.name for path in segconv.raw.iterdir()) == ["Dataset007_Ct"], "no lock is left"


def test_a_dataset_that_another_run_works_on_is_not_planned(segconv: Command, started: list[tuple[str, ...]]) -> None:
    root = datasets.volumes(segconv.raw)
    with locked(Target(root, "007")):
        done = planned(segconv)
    assert (done.code, done.codes()) == (75, ["SC035"])
    assert started == []


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOLCK])
def test_a_raw_folder_that_cannot_be_written_or_locked_is_planned_all_the_same(
    code: int, segconv: Command, started: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets.volumes(segconv.raw)

    def lock(path: Path) -> int:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(fsops, "lock", lock)
    assert planned(segconv).code == 0
    assert [words[2] for words in started] == ["7", "7"]


def test_another_dataset_of_the_same_number_is_not_planned_instead(
    segconv: Command, started: list[tuple[str, ...]], tmp_path: Path
) -> None:
    datasets.volumes(segconv.raw).rename(segconv.raw / "Dataset007_Other")
    elsewhere = datasets.volumes(tmp_path / "else where")
    done = segconv("plan", elsewhere, "-j", "1")
    assert (done.code, done.codes()) == (78, ["SC040"])
    assert started == []
    hint = done.err.splitlines()[-1].removeprefix("Hint: segconv ")
    assert segconv(*shlex.split(hint), "-j", "1").code == 0
    assert [words[2] for words in started] == ["7", "7"]
    (segconv.raw / "Dataset007_Other").rename(tmp_path / "away")
    (segconv.raw / "Dataset007_Ct").symlink_to(elsewhere)
    assert segconv("plan", elsewhere, "-j", "1").code == 0, "it is in nnUNet_raw as well"


def test_another_network_has_plans_of_its_own_and_shares_the_cases(
    segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner = Planner().install(monkeypatch)
    planner.configurations = {"2d": {}, "3d_fullres": {"patch_size": [16, 16, 16], "spacing": [1.0, 1.0, 1.0]}}
    datasets.volumes(segconv.raw)
    assert planned(segconv, "--no-check").code == 0
    folder = segconv.folder / "nnUNet_preprocessed" / "Dataset007_Ct"
    before = (folder / "nnUNetPlans.json").read_bytes()
    done = planned(segconv, "--no-check", "--network", "ResidualEncoderUNet")
    assert done.code == 0, done.err
    assert "-p nnUNetPlansResidualEncoderUNet" in done.err
    assert "nnUNetPlans_2d: 0 cases preprocessed" in done.err
    assert (folder / "nnUNetPlans.json").read_bytes() == before
    made = json.loads((folder / "nnUNetPlansResidualEncoderUNet.json").read_text())
    assert made["plans_name"] == "nnUNetPlansResidualEncoderUNet"
    for found in made["configurations"].values():
        assert found["architecture"]["network_class_name"].endswith(".ResidualEncoderUNet")
        assert found["architecture"]["arch_kwargs"]["n_blocks_per_stage"] == [1, 3, 4]

    planner.configurations["2d"] = {"spacing": [2.0, 2.0]}
    done = planned(segconv, "--no-check", "--network", "ResidualEncoderUNet", "--plans-name", "Coarse")
    assert done.code == 0, done.err
    made = json.loads((folder / "Coarse.json").read_text())["configurations"]
    assert [made[name]["data_identifier"] for name in ("2d", "3d_fullres")] == ["Coarse_2d", "nnUNetPlans_3d_fullres"]
    assert (folder / "nnUNetPlans.json").read_bytes() == before

    done = planned(segconv, "--network", "ResidualEncoderUNet", "--plans-name", "nnUNetPlans")
    assert (done.code, "are the plans of nnU-Net's own network" in done.err) == (2, True)
    done = planned(segconv, "--network", "ResEncUNet")
    assert (done.code, "did you mean ResidualEncoderUNet?" in done.err) == (2, True)


def test_plans_of_a_namesake_in_another_module_are_not_replaced(
    segconv: Command, started: list[tuple[str, ...]]
) -> None:
    datasets.volumes(segconv.raw)
    words = ("--no-check", "--network", "ResidualEncoderUNet")
    assert planned(segconv, *words).code == 0
    file = segconv.folder / "nnUNet_preprocessed" / "Dataset007_Ct" / "nnUNetPlansResidualEncoderUNet.json"
    own = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet"
    file.write_text(file.read_text().replace(own, "other_package.ResidualEncoderUNet"))
    before, begun = file.read_bytes(), len(started)
    done = planned(segconv, *words)
    assert (done.code, done.codes(), file.read_bytes(), len(started)) == (73, ["SC143"], before, begun)
    assert "are plans of other_package.ResidualEncoderUNet" in done.err
    (hint,) = (line for line in done.err.splitlines() if line.startswith("Hint: "))
    assert hint == "Hint: --plans-name nnUNetPlansResidualEncoderUNet2 makes others"
    assert planned(segconv, *words, *hint.split()[1:3]).code == 0
    assert file.read_bytes() == before


def test_a_network_of_another_module_is_refused_before_anything_starts(
    segconv: Command, started: list[tuple[str, ...]]
) -> None:
    datasets.volumes(segconv.raw)
    done = planned(segconv, "--network", "my_networks.Own")
    assert (done.code, done.codes()) == (65, ["SC064"])
    assert started == []


def test_near_identical_images_on_both_sides_of_a_fold_are_a_warning(
    segconv: Command, started: list[tuple[str, ...]], tmp_path: Path
) -> None:
    root = datasets.volumes(segconv.raw)
    folds(root, even_folds(NAMES))
    assert "near-identical" not in planned(segconv).err
    image = root / "imagesTr" / f"{NAMES[1]}_0000.nii.gz"
    image.write_bytes((root / "imagesTr" / f"{NAMES[0]}_0000.nii.gz").read_bytes() + b"\0")
    done = planned(segconv)
    assert done.code == 0, done.err
    assert f"near-identical to one in training: {NAMES[0]} as {NAMES[1]}" in done.err
    assert "Hint: segconv splits make 7 makes new folds\n" in done.err
    kept = tmp_path / "nnUNet_preprocessed" / root.name / "segconv" / "leak_certificate.json"
    assert json.loads(kept.read_text(encoding="utf-8"))["certificate"]["verdict"] == "leaks"
