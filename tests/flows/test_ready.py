"""Before a training: folds that do not leak, complete and readable cases, and plans that fit the dataset."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from segconv.dataset.layout import Dataset
from segconv.errors import Cure, Finding, SegconvError
from segconv.flows.ready import make_ready
from segconv.train.inputs import recorded
from segconv.train.model import Model
from segconv.train.paths import Paths

from ..review import datasets
from ..train.checkpoints import fold as trained_fold
from ..train.prepared import WHOLE, plan, preprocess

NAME = "Dataset007_Ct"
CASES = [f"c{number}" for number in range(5)]
PLANS = {
    "plans_name": "nnUNetPlans",
    "configurations": {
        "full": {"data_identifier": "cases"},
        "low": {"data_identifier": "low", "next_stage": "second"},
        "second": {"data_identifier": "cases", "previous_stage": "low"},
    },
}
NAMES = [f"{case}{ending}" for case in CASES for ending in (".b2nd", "_seg.b2nd", ".pkl")]


class Place:
    """A dataset that is planned and preprocessed."""

    def __init__(self, root: Path) -> None:
        for name in ("raw", "preprocessed", "results"):
            (root / name).mkdir()
        self.paths = Paths(root / "raw", root / "preprocessed", root / "results")
        self.raw = datasets.volumes(root / "raw", cases=len(CASES))
        with recorded(Dataset.open(self.raw), root / "preprocessed" / NAME):
            self.folder = plan(self.raw, root / "preprocessed", ["cases", "low"], **PLANS)

    @property
    def data(self) -> Path:
        return self.folder / "cases"

    @property
    def splits(self) -> Path:
        return self.folder / "splits_final.json"

    def ready(self, *folds: str, configuration: str = "full") -> list[Finding]:
        return make_ready(Dataset.open(self.raw), Model(NAME, configuration), folds or ("0",), self.paths)

    def refused(self, *folds: str, configuration: str = "full") -> list[tuple[str, str]]:
        """Codes and names of files of a refusal."""
        with pytest.raises(SegconvError) as caught:
            self.ready(*folds, configuration=configuration)
        return [(found.code, Path(found.file).name) for found in caught.value.findings if found.severity == "error"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_is_complete_is_ready_and_its_folds_are_written_once(place: Place) -> None:
    assert place.ready("all") == []
    assert not place.splits.exists(), "nnU-Net makes none for it either"
    assert place.ready("0", "4") == []
    folds = json.loads(place.splits.read_text())
    assert [len(fold["val"]) for fold in folds] == [1] * 5
    assert sorted(case for fold in folds for case in fold["val"]) == CASES
    written = place.splits.stat()
    assert place.ready("1") == []
    assert place.splits.stat() == written


@pytest.mark.train
def test_the_folds_are_those_that_nnunet_would_make() -> None:
    import numpy as np
    from nnunetv2.utilities.crossval_split import generate_crossval_split

    from segconv.train.default_split import default_split

    for count in range(5, 40):
        names = [f"{chr(97 + number * 7 % 26)}_{number * 37 % 101}" for number in range(count)]
        assert default_split(names) == generate_crossval_split(list(np.sort(names)), seed=12345, n_splits=5)


def test_the_folds_of_the_dataset_are_taken_if_it_has_some(place: Place) -> None:
    own = [{"train": CASES[:3], "val": CASES[3:]}]
    (place.raw / "splits_final.json").write_text(json.dumps(own))
    place.ready("0")
    assert json.loads(place.splits.read_text()) == own
    assert place.refused("1") == [("SC001", "")]
    assert place.ready("0") == []
    (place.raw / "splits_final.json").write_text(json.dumps([{"train": CASES[:4], "val": CASES[4:]}]))
    assert [(found.code, found.severity) for found in place.ready("0")] == [("SC095", "warning")]


def test_too_few_cases_for_folds_are_refused_but_not_for_a_model_on_all(place: Place) -> None:
    for case in ("c3", "c4"):
        for path in (*place.raw.rglob(f"{case}*"), *place.data.glob(f"{case}*")):
            path.unlink()
    (place.folder / "segconv" / "cases.json").unlink()
    assert place.refused("0") == [("SC114", "")]
    assert [found.code for found in place.ready("all")] == ["SC112"], "the fingerprint is of five"


@pytest.mark.parametrize("fold", ["0", "3", "all"])
@pytest.mark.parametrize("name", NAMES[:3])
def test_a_missing_case_is_named_by_every_fold(name: str, fold: str, place: Place) -> None:
    (place.data / name).unlink()
    assert place.refused(fold) == [("SC111", name)]
    assert not place.splits.exists(), "nothing is written by a refusal"


@pytest.mark.parametrize("name", NAMES[:3])
def test_a_cut_file_is_named(name: str, place: Place) -> None:
    whole = (place.data / name).read_bytes()
    for length in (0, 1, 30, len(whole) - 1):
        (place.data / name).write_bytes(whole[:length])
        assert place.refused() == [("SC111", name)]
    (place.data / name).write_bytes(whole[:-25] + bytes(min(25, len(whole))))  # as after a power cut
    assert place.refused() == [("SC111", name)]


@pytest.mark.parametrize("name", NAMES[:3])
def test_what_is_no_file_is_named(name: str, place: Place) -> None:
    (place.data / name).unlink()
    os.mkfifo(place.data / name)
    assert place.refused() == [("SC061", name)]


def test_all_defects_are_reported_together(place: Place) -> None:
    (place.data / "c1.pkl").unlink()
    (place.data / "c3_seg.b2nd").write_bytes(WHOLE[:-1])
    (place.data / ".DS_Store").touch()
    (place.folder / "gt_segmentations" / "c2.nii.gz").unlink()
    assert sorted(place.refused(*"01234")) == [
        ("SC111", ".DS_Store"),
        ("SC111", "c1.pkl"),
        ("SC111", "c2.nii.gz"),
        ("SC111", "c3_seg.b2nd"),
    ]


def test_cases_in_numpys_archives_are_complete_too(place: Place) -> None:
    import numpy as np

    for path in place.data.glob("*.b2nd"):
        path.unlink()
    for case in CASES:
        np.savez_compressed(place.data / f"{case}.npz", data=np.zeros(1), seg=np.zeros(1))
    assert place.ready() == []
    (place.data / "c1.npy").touch()  # unpacked by nnU-Net
    whole = (place.data / "c1.npz").read_bytes()
    (place.data / "c1.npz").write_bytes(whole[:-3])
    assert place.refused() == [("SC111", "c1.npz")]
    (place.data / "c1.npz").unlink()
    assert place.refused("2") == [("SC111", "c1.npz")]


def test_nothing_preprocessed_is_one_finding(place: Place) -> None:
    shutil.rmtree(place.data)
    (place.folder / "segconv" / "cases.json").unlink()
    assert place.refused("all") == [("SC111", "cases")]


def edit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


STALE: dict[str, tuple[Callable[[Place], object], list[tuple[str, str]]]] = {
    "a case was added": (
        lambda place: [
            shutil.copy(place.raw / "imagesTr" / "c0_0000.nii.gz", place.raw / "imagesTr" / "d_0000.nii.gz"),
            shutil.copy(place.raw / "labelsTr" / "c0.nii.gz", place.raw / "labelsTr" / "d.nii.gz"),
        ],
        [("SC111", "d.b2nd")],
    ),
    "a case was removed": (
        lambda place: [path.unlink() for path in place.raw.rglob("c4*")],
        [("SC112", "cases")],
    ),
    "an image was edited": (
        lambda place: edit(place.raw / "imagesTr" / "c1_0000.nii.gz"),
        [("SC112", "cases")],
    ),
    "a channel was renamed": (
        lambda place: (place.raw / "dataset.json").write_text(
            (place.raw / "dataset.json").read_text().replace('"CT"', '"MR"')
        ),
        [("SC112", "dataset.json")],
    ),
    "the copy of dataset.json is missing": (
        lambda place: (place.folder / "dataset.json").unlink(),
        [("SC111", "dataset.json")],
    ),
}


@pytest.mark.parametrize("change", STALE)
def test_a_dataset_that_changed_after_it_was_preprocessed_is_refused(change: str, place: Place) -> None:
    make, errors = STALE[change]
    make(place)
    for fold in ("0", "all"):
        assert place.refused(fold) == errors


def test_a_touched_file_is_not_changed(place: Place) -> None:
    for path in place.raw.rglob("*.nii.gz"):
        os.utime(path)
    assert place.ready() == []


def test_without_a_record_a_newer_file_is_a_warning(place: Place) -> None:
    shutil.rmtree(place.folder / "segconv")
    assert place.ready() == []
    late = place.raw / "labelsTr" / "c1.nii.gz"
    os.utime(late, ns=(0, (place.data / "c1.pkl").stat().st_mtime_ns + 1))
    (found,) = place.ready()
    assert (found.code, found.severity, Path(found.file).name) == ("SC112", "warning", "cases")
    assert "labelsTr/c1.nii.gz" in found.message


def test_plans_of_another_fingerprint_are_a_warning(place: Place) -> None:
    edit(place.raw / "imagesTr" / "c1_0000.nii.gz")
    with recorded(Dataset.open(place.raw), place.folder):
        shutil.rmtree(place.data)
        preprocess(place.data, CASES)
    (found,) = place.ready()
    assert (found.code, found.severity, Path(found.file).name) == ("SC112", "warning", "dataset_fingerprint.json")


def test_cases_that_were_preprocessed_with_other_plans_are_refused(place: Place) -> None:
    file = place.folder / "nnUNetPlans.json"
    plans = json.loads(file.read_text())
    full = plans["configurations"]["full"]
    for key, value in (("batch_size", 7), ("patch_size", [8, 8, 8])):
        full[key] = value
        file.write_text(json.dumps(plans))
        assert place.ready() == [], "this changes no preprocessed case"
    plans["configurations"]["small"] = {"inherits_from": "full", "batch_size": 2}
    file.write_text(json.dumps(plans))
    assert place.ready(configuration="small") == []
    full["spacing"] = [2.0, 1.0, 1.0]
    file.write_text(json.dumps(plans))
    for configuration in ("full", "small"):
        assert place.refused(configuration=configuration) == [("SC112", "cases")]


def test_folds_of_one_model_are_trained_with_the_same_plans(place: Place) -> None:
    model = place.paths.require("results") / NAME / "nnUNetTrainer__nnUNetPlans__full"
    model.mkdir(parents=True)
    plans = json.loads((place.folder / "nnUNetPlans.json").read_text())
    (model / "plans.json").write_text(json.dumps(plans, indent=7))
    trained_fold(model / "fold_0", "final", validated=True)
    assert place.ready("0", "1") == []
    plans["configurations"]["full"]["next_stage"] = ["second"]
    (place.folder / "nnUNetPlans.json").write_text(json.dumps(plans))
    assert place.ready("1") == [], "a stage that follows changes nothing of this one"
    plans["configurations"]["full"]["batch_size"] = 7
    plans["configurations"]["low"]["batch_size"] = 7
    (place.folder / "nnUNetPlans.json").write_text(json.dumps(plans))
    with pytest.raises(SegconvError) as caught:
        place.ready("1")
    (found,) = caught.value.findings
    assert (found.code, Path(found.file).name, found.cures) == (
        "SC112",
        "plans.json",
        (Cure.of("train_all_again", folds=["0"]),),
    )
    assert "has another batch_size than" in found.message
    again = make_ready(Dataset.open(place.raw), Model(NAME, "full"), ["0", "1"], place.paths, replaced=["0", "1"])
    assert again == []


def test_folds_of_other_cases_are_refused_and_idle_cases_reported(place: Place) -> None:
    place.splits.write_text(json.dumps([{"train": ["c0", "x"], "val": ["c1"]}]))
    assert place.refused() == [("SC099", "splits_final.json")]
    with pytest.raises(SegconvError) as caught:
        place.ready("0")
    cures = {cure for found in caught.value.findings for cure in found.cures}
    assert cures == {Cure.of("make_splits", dataset="7")}
    place.splits.write_text(json.dumps([{"train": ["c0", "c3"], "val": ["c1"]}]))
    (found,) = place.ready()
    assert (found.code, found.severity) == ("SC099", "warning")
    assert "2 cases of the dataset are in no fold" in found.message
    assert "c2, c4" in found.message


def test_a_cascade_needs_each_prediction_of_the_stage_before(place: Place) -> None:
    place.ready("0")
    stage = (
        place.paths.require("results") / NAME / "nnUNetTrainer__nnUNetPlans__low" / "predicted_next_stage" / "second"
    )
    preprocess(stage, CASES)
    assert place.ready("0", "1", configuration="second") == []
    (stage / "c2.b2nd").unlink()
    (stage / "c3.b2nd").write_bytes(WHOLE[:-1])
    folds = json.loads(place.splits.read_text())
    for fold in ("0", "1", "all"):
        with pytest.raises(SegconvError) as caught:
            place.ready(fold, configuration="second")
        found = [(found.code, Path(found.file).name, dict(found.cures[0].values)) for found in caught.value.findings]
        wanted = [(case, next(str(n) for n, one in enumerate(folds) if case in one["val"])) for case in ("c2", "c3")]
        assert found == [
            ("SC115", f"{case}.b2nd", {"fold": held_back, "dataset": "7", "configuration": "low"})
            for case, held_back in wanted
        ]


def test_the_stage_before_needs_the_data_of_the_next_for_its_validation(place: Place) -> None:
    assert place.ready(configuration="low") == []
    (place.data / "c2.b2nd").unlink()
    assert place.refused(configuration="low") == [("SC111", "c2.b2nd")]


def test_a_network_that_is_made_for_another_patch_size_is_refused(place: Place) -> None:
    plans = json.loads((place.folder / "nnUNetPlans.json").read_text(encoding="utf-8"))
    network = {"arch_kwargs": {"input_size": [16, 32, 32]}}
    plans["configurations"]["full"] |= {"architecture": network, "patch_size": [16, 32, 32]}
    (place.folder / "nnUNetPlans.json").write_text(json.dumps(plans), encoding="utf-8")
    place.ready()
    plans["configurations"]["full"]["patch_size"] = [32, 32, 32]
    (place.folder / "nnUNetPlans.json").write_text(json.dumps(plans), encoding="utf-8")
    assert place.refused() == [("SC182", "nnUNetPlans.json")]
