"""Stress tests of predictors with known weaknesses: exactly these are found."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from skimage import io

from segconv.dataset.layout import Dataset
from segconv.dataset.lineage import CaseRecord
from segconv.errors import SegconvError
from segconv.flows.stress import models as room
from segconv.flows.stress import run as run_room
from segconv.flows.stress.models import held_back_cases, model_names
from segconv.flows.stress.plan import plan_stress
from segconv.flows.stress.run import Predictor, run_stress, write_report
from segconv.review.scores.robustness import Robustness
from segconv.train.paths import Paths
from segconv.train.predict import CheckedModel, Folders
from segconv.train.trained import TrainedModel, find_model

from ...command import Command
from ...train.checkpoints import checkpoint
from ..predictor import OWN_FILES

AIR, ORGAN, CORE = -1000, 0, 1000
EDGE = 33

Predict = Callable[[np.ndarray], np.ndarray]


def organ(*, at: tuple[float, float, float] = (0, 0, 0)) -> tuple[np.ndarray, np.ndarray]:
    """An ellipsoid, long in x, with a core; image and label ``(x, y, z)``, on a cube about its centre."""
    x, y, z = np.meshgrid(*[np.arange(EDGE) - (EDGE - 1) / 2] * 3, indexing="ij")
    distance = ((x - at[0]) / 11) ** 2 + ((y - at[1]) / 5) ** 2 + ((z - at[2]) / 5) ** 2
    label = np.where(distance <= 0.35, 2, np.where(distance <= 1, 1, 0)).astype(np.uint8)
    return np.array([AIR, ORGAN, CORE], dtype=np.int16)[label], label


def made(
    folder: Path,
    cases: dict[str, tuple[np.ndarray, np.ndarray]],
    *,
    labels: dict[str, int] | None = None,
    channel: str = "CT",
) -> Dataset:
    """Write a dataset without lineage, with nibabel."""
    path = folder / "Dataset501_Organ"
    for part in ("imagesTr", "labelsTr"):
        (path / part).mkdir(parents=True)
    for name, (image, label) in cases.items():
        nib.save(nib.Nifti1Image(image, np.eye(4)), path / "imagesTr" / f"{name}_0000.nii.gz")
        nib.save(nib.Nifti1Image(label, np.eye(4)), path / "labelsTr" / f"{name}.nii.gz")
    description = {
        "channel_names": {"0": channel},
        "labels": labels or {"background": 0, "organ": 1, "core": 2},
        "numTraining": len(cases),
        "file_ending": ".nii.gz",
    }
    (path / "dataset.json").write_text(json.dumps(description))
    return Dataset.open(path)


def thresholds(image: np.ndarray) -> np.ndarray:
    """Nothing but grey values: whatever the pose."""
    return np.digitize(image, [(AIR + ORGAN) / 2, (ORGAN + CORE) / 2]).astype(np.uint8)


def lying(image: np.ndarray) -> np.ndarray:
    """Blind for organs whose long axis is more than 20° off x in the axial plane."""
    x, y = np.nonzero((image > (AIR + ORGAN) / 2).any(axis=2))
    moments = np.cov(x, y)
    tilt = math.degrees(0.5 * math.atan2(2 * moments[0, 1], moments[0, 0] - moments[1, 1]))
    return thresholds(image) if abs(tilt) < 20 else np.zeros(image.shape, np.uint8)


def calibrated(image: np.ndarray) -> np.ndarray:
    """Blind for scanners that are more than 40 HU off."""
    return thresholds(image) if abs(float(image.max()) - CORE) < 40 else np.zeros(image.shape, np.uint8)


def stress(
    dataset: Dataset, models: Sequence[str], predictor: Predictor, work: Path, *, jobs: int = 1, **said: Any
) -> Robustness:
    return run_stress(plan_stress(dataset, models, work, **said), predictor, jobs=jobs)


def folders(predictors: dict[str, Predict]) -> Predictor:
    """Predict as nnU-Net would be asked to: a folder of inputs into a folder of outputs."""

    def predict(model: str, fold: str, inputs: Path, output: Path) -> None:
        assert fold == "0"
        for path in sorted(inputs.iterdir()):
            image = nib.load(path)
            label = predictors[model](np.asanyarray(image.dataobj))
            nib.save(nib.Nifti1Image(label, image.affine), output / path.name.replace("_0000.nii.gz", ".nii.gz"))

    return predict


def run(dataset: Dataset, work: Path, predictors: dict[str, Predict], **how: Any) -> Robustness:
    cases = {"0": dataset.cases()}
    return stress(dataset, list(predictors), folders(predictors), work, cases=cases, **how)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return made(tmp_path, {"a": organ(), "b": organ(at=(1, 2, -1))})


def test_a_predictor_that_knows_no_pose_reaches_the_ceiling(dataset: Dataset, tmp_path: Path) -> None:
    found = run(dataset, tmp_path / "work", {"it": thresholds})
    assert found.cases == ("a", "b")
    assert found.classes == ("organ", "core")
    assert len(found.measured) == 1 + 3 * 8 + 6
    for measured in found.measured:
        mean, ceiling = measured.scores["it"].mean, measured.ceiling.mean
        assert mean == pytest.approx(ceiling, abs=0.03), measured.condition.name
        if measured.condition.angle_deg % 90 == 0:
            assert (mean, ceiling, measured.kept) == (1, 1, 1)
        else:
            assert 0.85 < ceiling <= 1
    assert min(m.ceiling.mean for m in found.measured) < 0.99, "turning labels forth and back costs something"
    advice = found.advice("it")
    assert (advice.needed, advice.rotate_range_deg, advice.hu_shift) == (False, None, None)
    assert not (tmp_path / "work").exists()


def test_what_depends_on_pose_is_found_and_covered(dataset: Dataset, tmp_path: Path) -> None:
    found = run(
        dataset, tmp_path / "work", {"before": lying, "after": thresholds}, planes=("axial", "sagittal"), shifts_hu=()
    )
    dropped = {m.condition.name for m in found.measured if found.dropped("before", m)}
    assert dropped == {"axial 30°", "axial 45°", "axial 60°", "axial 90°"}
    advice = found.advice("before")
    assert (advice.from_deg, advice.rotate_range_deg, advice.planes) == (30, 90, ("axial",))
    assert (advice.rotate_range_deg, advice.planes, advice.hu_shift) == (90, ("axial",), None)
    assert not found.advice("after").needed


def test_angles_to_the_other_side_and_beyond_the_half_turn_count_by_their_size(
    dataset: Dataset, tmp_path: Path
) -> None:
    found = run(dataset, tmp_path / "work", {"it": lying}, planes=["axial"], angles_deg=(0, -30, 315, 360, -30))
    assert [m.condition.name for m in found.measured[:3]] == ["untouched", "axial -30°", "axial 315°"]
    assert (found.advice("it").from_deg, found.advice("it").rotate_range_deg) == (30, 45)


def test_what_depends_on_grey_values_is_found_and_covered(dataset: Dataset, tmp_path: Path) -> None:
    found = run(dataset, tmp_path / "work", {"it": calibrated}, angles_deg=())
    dropped = [m.condition.shift_hu for m in found.measured if found.dropped("it", m)]
    assert dropped == [-100, -50, 50, 100]
    assert found.advice("it").hu_shift == (50, 100)
    assert (found.advice("it").rotate_range_deg, found.advice("it").hu_shift) == (None, (50, 100))
    assert all(m.ceiling.mean == 1 for m in found.measured)


def test_voxels_that_leave_the_grid_are_scored_nowhere(tmp_path: Path) -> None:
    at_the_edge = made(tmp_path, {"a": organ(at=(6, 9, 0))})
    found = run(at_the_edge, tmp_path / "work", {"it": thresholds}, planes=["axial"], shifts_hu=(), angles_deg=[45])
    (_, turned) = found.measured
    assert 0.5 < turned.kept < 0.95
    assert turned.scores["it"].mean == pytest.approx(turned.ceiling.mean, abs=0.03)
    assert turned.ceiling.mean > 0.85


def test_losses_are_measured_on_the_same_voxels(tmp_path: Path) -> None:
    """A model that sees no pose and misses the middle loses nothing by a turn that cuts off what it is good at."""
    image, label = organ(at=(6, 9, 0))
    far, far_label = organ(at=(-6, -9, 0))
    dataset = made(tmp_path, {"a": (np.maximum(image, far), np.maximum(label, far_label))})

    def half_blind(found: np.ndarray) -> np.ndarray:
        return np.where(thresholds(found) == 2, 1, thresholds(found)).astype(np.uint8)

    found = run(dataset, tmp_path / "work", {"it": half_blind}, planes=["axial"], shifts_hu=(), angles_deg=[30, 45])
    first, *turned = found.measured
    assert first.expected["it"].mean == first.scores["it"].mean
    for measured in turned:
        assert measured.kept < 1
        assert measured.expected["it"].mean != first.scores["it"].mean
        assert measured.scores["it"].mean == pytest.approx(measured.expected["it"].mean, abs=0.03)
        assert not found.dropped("it", measured)


def test_what_a_model_hardly_finds_is_too_poor_to_judge(dataset: Dataset, tmp_path: Path) -> None:
    def half_blind(found: np.ndarray) -> np.ndarray:
        return np.where(lying(found) == 2, 1, lying(found)).astype(np.uint8)

    def blind(found: np.ndarray) -> np.ndarray:
        return (np.indices(found.shape).sum(axis=0) % 5 == 0).astype(np.uint8)

    models = {"half": half_blind, "none": blind}
    found = run(dataset, tmp_path / "work", models, planes=["axial"], shifts_hu=(), angles_deg=[30, 45])
    assert found.too_poor("half") == {"core": 0}
    assert found.dropped("half", found.measured[1]), "the other class is judged by itself"
    assert found.advice("half").judged
    assert set(found.too_poor("none")) == {"organ", "core"}
    advice = found.advice("none")
    assert (advice.judged, advice.needed) == (False, False)
    _, rows = found.table()
    assert {row[-1] for row in rows if row[1] == "none"} == {"too poor to judge"}
    stored = found.as_json()
    assert stored["least_dice"] == 0.5
    assert stored["too_poor"]["half"] == {"core": 0}
    listed = list(csv.DictReader(found.as_csv().decode().splitlines()))
    assert {(row["model"], row["class"]) for row in listed if row["judgement"] == "too poor to judge"} == {
        ("half", "core"), ("none", "organ"), ("none", "core"),
    }  # fmt: skip


def test_two_tests_of_one_name_exclude_each_other(dataset: Dataset, tmp_path: Path) -> None:
    codes = []

    def predictor(model: str, fold: str, inputs: Path, output: Path) -> None:
        with pytest.raises(SegconvError) as caught:
            run(dataset, tmp_path / ".segconv-stress", {"other": thresholds}, angles_deg=[15])
        codes.append((caught.value.code, caught.value.exit_code))
        folders({"it": thresholds})(model, fold, inputs, output)

    work = tmp_path / ".segconv-stress"
    before = {path.name for path in tmp_path.iterdir()}
    found = stress(dataset, ["it"], predictor, work, cases={"0": dataset.cases()}, angles_deg=[10], shifts_hu=())
    assert codes == [("SC035", 75)]
    assert found.measured[1].condition.angle_deg == 10
    assert {path.name for path in tmp_path.iterdir()} == before


def test_what_cannot_be_judged_is_not_a_drop(tmp_path: Path) -> None:
    image, label = organ()
    speckled = label * (np.indices(label.shape).sum(axis=0) % 2).astype(np.uint8)  # no rotation leaves that unchanged
    found = run(
        made(tmp_path, {"a": (image, speckled)}),
        tmp_path / "work",
        {"it": thresholds},
        planes=["axial"],
        angles_deg=[45],
    )
    assert found.measured[1].ceiling.mean < 0.95
    assert found.advice("it").rotate_range_deg is None
    assert found.advice("it").unjudged == ("axial 45°",)


def test_the_ignore_label_is_scored_nowhere(tmp_path: Path) -> None:
    image, label = organ()
    label[:, :, : EDGE // 2] = np.where(label[:, :, : EDGE // 2] > 0, 3, 0)
    dataset = made(tmp_path, {"a": (image, label)}, labels={"background": 0, "organ": 1, "core": 2, "ignore": 3})
    found = run(dataset, tmp_path / "work", {"it": thresholds}, planes=["sagittal"], angles_deg=[180])
    assert found.classes == ("organ", "core")
    assert [m.scores["it"].mean for m in found.measured[:2]] == [1, 1]


def test_pictures_turn_in_their_plane(tmp_path: Path) -> None:
    path = tmp_path / "Dataset502_Pictures"
    picture = np.full((40, 48, 3), 30, np.uint8)
    picture[12:20, 8:40] = (200, 60, 60)
    for part, name, array in (
        ("imagesTr", "a_0000", picture),
        ("labelsTr", "a", (picture[..., 0] > 100).astype(np.uint8)),
    ):
        (path / part).mkdir(parents=True)
        io.imsave(path / part / f"{name}.png", array, check_contrast=False)
    labels = {"background": 0, "bar": 1}
    names = {"0": "R", "1": "G", "2": "B"}
    (path / "dataset.json").write_text(
        json.dumps({"channel_names": names, "labels": labels, "numTraining": 1, "file_ending": ".png"})
    )
    dataset = Dataset.open(path)

    def predict(model: str, fold: str, inputs: Path, output: Path) -> None:
        for file in inputs.iterdir():
            mask = (io.imread(file)[..., 0] > 100).astype(np.uint8)
            io.imsave(output / file.name.replace("_0000", ""), mask, check_contrast=False)

    found = stress(dataset, ["it"], predict, tmp_path / "work", cases={"0": ["a"]}, angles_deg=(20, 180))
    assert [m.condition.name for m in found.measured] == ["untouched", "axial 20°", "axial 180°"]
    assert found.measured[2].scores["it"].mean == 1
    assert found.measured[1].scores["it"].mean == pytest.approx(found.measured[1].ceiling.mean, abs=0.05)
    for how, code in (({"planes": ["coronal"]}, "SC001"), ({"shifts_hu": [50]}, "SC091")):
        with pytest.raises(SegconvError) as caught:
            stress(dataset, ["it"], predict, tmp_path / "work", cases={"0": ["a"]}, **how)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"planes": ["oblique"]}, "SC001"),
        ({"planes": ["axial", "axial"]}, "SC001"),
        ({"angles_deg": [math.nan]}, "SC001"),
        ({"angles_deg": [400]}, "SC001"),
        ({"shifts_hu": [math.inf]}, "SC001"),
        ({"angles_deg": [0, 360], "shifts_hu": [0]}, "SC001"),
    ],
)
def test_conditions_that_cannot_be_are_refused(dataset: Dataset, tmp_path: Path, how: Any, code: str) -> None:
    with pytest.raises(SegconvError) as caught:
        run(dataset, tmp_path / "work", {"it": thresholds}, **how)
    assert caught.value.code == code


def test_nothing_is_left_when_the_predictor_fails(dataset: Dataset, tmp_path: Path) -> None:
    def fails(model: str, fold: str, inputs: Path, output: Path) -> None:
        assert any(inputs.iterdir())
        raise SegconvError("no memory", code="SC101")

    def silent(model: str, fold: str, inputs: Path, output: Path) -> None:
        return

    for predictor in (fails, silent):
        with pytest.raises(SegconvError) as caught:
            stress(dataset, ["it"], predictor, tmp_path / "work", cases={"0": ["a"]}, angles_deg=[5], shifts_hu=())
        assert caught.value.code == "SC101"
        assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("where", ["notes.txt", "inputs/notes.txt", "model-0/0/notes.txt"])
def test_a_strangers_file_in_the_work_folder_stays(dataset: Dataset, tmp_path: Path, where: str) -> None:
    work, wording = tmp_path / "work", []

    def predictor(model: str, fold: str, inputs: Path, output: Path) -> None:
        (work / where).write_text("mine")
        for name in OWN_FILES:
            (output / name).touch()
        folders({"it": thresholds})(model, fold, inputs, output)

    planned = plan_stress(dataset, ["it"], work, cases={"0": ["a"]}, angles_deg=[5], shifts_hu=())
    assert run_stress(planned, predictor, warn=wording.extend).cases == ("a",)
    assert {str(path.relative_to(work)) for path in work.rglob("*") if path.is_file()} == {where, "begun"}
    assert [(found.code, found.severity) for found in wording] == [("SC021", "warning")]
    assert where in wording[0].message
    with pytest.raises(SegconvError, match=where) as caught:
        run_stress(planned, predictor)
    assert caught.value.code == "SC021"
    assert (work / where).read_text() == "mine"


def test_the_number_of_workers_changes_nothing(dataset: Dataset, tmp_path: Path) -> None:
    one, two = (
        run(dataset, tmp_path / "work", {"it": lying}, planes=["axial"], angles_deg=[10, 30], shifts_hu=[50], jobs=jobs)
        for jobs in (1, 2)
    )
    assert one == two


def test_the_report_says_the_same_in_every_form(dataset: Dataset, tmp_path: Path) -> None:
    found = run(dataset, tmp_path / "work", {"old": lying, "new": thresholds}, planes=["axial"], angles_deg=[15, 30])
    write_report(found, tmp_path / "report")
    stored = json.loads((tmp_path / "report" / "stress.json").read_text())
    turned = next(c for c in stored["conditions"] if c["angle_deg"] == 30)
    assert turned["models"]["old"]["dropped"]
    assert not turned["models"]["new"]["dropped"]
    with open(tmp_path / "report" / "stress.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(stored["conditions"]) * 2 * 2 * 2, "a row a condition, model, case and class"
    chosen = [r for r in rows if (r["model"], r["angle_deg"], r["class"]) == ("new", "30", "core")]
    mean = sum(float(r["dice"]) for r in chosen) / len(chosen)
    assert mean == pytest.approx(turned["models"]["new"]["classes"]["core"], abs=1e-5)
    assert io.imread(tmp_path / "report" / "stress.png").std() > 10
    columns, table = found.table()
    assert [row[-1] for row in table if row[0] == "axial 30°"] == ["drop", ""]
    assert all(len(row) == len(columns) for row in table)


def trained(folder: Path, dataset: str, name: str, validation: Sequence[Sequence[str]]) -> TrainedModel:
    """A folder as nnU-Net leaves it, without weights, and the folds that it was trained with."""
    model = folder / "nnUNet_results" / dataset / name
    for fold in range(len(validation)):
        (model / f"fold_{fold}").mkdir(parents=True)
        (model / f"fold_{fold}" / "checkpoint_final.pth").write_bytes(checkpoint())
    (model / "plans.json").write_text(json.dumps({"dataset_name": dataset, "configurations": {}}))
    splits = folder / "nnUNet_preprocessed" / dataset / "splits_final.json"
    splits.parent.mkdir(parents=True, exist_ok=True)
    splits.write_text(json.dumps([{"train": [], "val": list(cases)} for cases in validation]))
    return TrainedModel(model, dataset, tuple(str(fold) for fold in range(len(validation))))


def test_only_originals_that_no_model_has_seen_are_tested(segconv: Command, tmp_path: Path) -> None:
    dataset = made(tmp_path / "nnUNet_raw", {name: organ() for name in "abcd"})
    (dataset.path / "segconv").mkdir()
    records = (CaseRecord(name, parent="a" if name == "c" else None) for name in "abcd")
    (dataset.path / "segconv" / "cases.jsonl").write_bytes(b"".join(record.to_line() for record in records))
    dataset = Dataset.open(dataset.path)
    before = trained(tmp_path, "Dataset501_Organ", "T__P__2d", [["a", "b", "c", "gone"], ["d"]])
    after = trained(tmp_path, "Dataset601_OrganAug", "T__P__2d", [["a", "d"], ["b", "d"]])
    paths = Paths.find()
    assert held_back_cases(dataset, [before], paths, ["0", "1"], 10) == {"0": ["a", "b"], "1": ["d"]}
    assert held_back_cases(dataset, [before], paths, ["0", "1"], 2) == {"0": ["a"], "1": ["d"]}
    assert held_back_cases(dataset, [before, after], paths, ["0"], 10) == {"0": ["a"]}
    assert list(model_names([before, after])) == ["Dataset501_Organ", "Dataset601_OrganAug"]
    for folds, code in ((["7"], "SC001"), (["all"], "SC001")):
        with pytest.raises(SegconvError) as caught:
            held_back_cases(dataset, [before], paths, folds, 10)
        assert caught.value.code == code
    (tmp_path / "nnUNet_preprocessed" / "Dataset501_Organ" / "splits_final.json").unlink()
    with pytest.raises(SegconvError, match="has not seen"):
        held_back_cases(dataset, [before], paths, ["0"], 10)


def test_a_model_from_elsewhere_is_run_only_on_request(segconv: Command, tmp_path: Path) -> None:
    paths = Paths.find()
    trained(tmp_path, "Dataset501_Organ", "nnUNetTrainer__nnUNetPlans__2d", [["a"]])
    elsewhere = trained(tmp_path / "elsewhere", "Dataset501_Organ", "T__P__2d", [["a"]])
    assert find_model("2d", "Dataset501_Organ", paths).name == "nnUNetTrainer__nnUNetPlans__2d"
    with pytest.raises(SegconvError, match="a model is code"):
        find_model(str(elsewhere.folder), "Dataset501_Organ", paths)
    assert find_model(str(elsewhere.folder), "Dataset501_Organ", paths, trust=True) == elsewhere
    (elsewhere.folder / "plans.json").write_text('{"dataset_name": "../../x", "configurations": {}}')
    with pytest.raises(SegconvError) as caught:
        find_model(str(elsewhere.folder), "Dataset501_Organ", paths, trust=True)
    assert caught.value.code == "SC086"
    stages = {"2d": {"previous_stage": "3d_lowres"}}
    plans = {"dataset_name": "Dataset501_Organ", "configurations": stages}
    (elsewhere.folder / "plans.json").write_text(json.dumps(plans))
    with pytest.raises(SegconvError, match="cascade"):
        find_model(str(elsewhere.folder), "Dataset501_Organ", paths, trust=True)
    with pytest.raises(SegconvError) as caught:
        find_model("3d_fullres", "Dataset501_Organ", paths)
    assert caught.value.code == "SC010"
    assert "nnUNetTrainer__nnUNetPlans__2d" in caught.value.message


def test_the_command_compares_models_and_names_the_augmentation(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = made(segconv.raw, {"a": organ(), "b": organ(at=(0, 2, 0))})
    before = trained(tmp_path, "Dataset501_Organ", "T__P__2d", [["a", "b"]])
    after = trained(tmp_path, "Dataset601_OrganAug", "T__P__2d", [["a", "b"]])

    for model in (before, after):
        shutil.copy(dataset.path / "dataset.json", model.folder)

    def prove(model: Path, dataset: str, folds: Sequence[str], trust: Any) -> CheckedModel:
        return CheckedModel(model, dataset, tuple(folds), "checkpoint_final.pth")

    def predict(model: CheckedModel, where: Folders, paths: Paths, options: Any, **_: Any) -> None:
        assert model.folds == ("0",)
        assert options.device == "cpu"
        it: Predict = lying if model.folder == before.folder else thresholds
        folders({"it": it})("it", "0", where.inputs, where.output)

    monkeypatch.setattr(room, "check_model", prove)
    monkeypatch.setattr(room, "predict_with", predict)
    words = ["stress", "501", "-m", "T__P__2d", "-m", after.folder, "--planes", "axial", "--angles", "15,30"]
    words += ["--shifts", "50", "--device", "cpu", "-j", "1"]
    done = segconv(*words, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert "Dataset501_Organ: drops from 30° on (axial)" in done.err
    assert "Next: segconv augment 501 --to 602_OrganAug --copies 4 --rotate-range 30 --planes axial" in done.err
    assert "Dataset601_OrganAug: loses at most 5%" in done.err
    assert "axial 30°\tDataset501_Organ\t0.000" in done.out
    assert segconv(*words, "-o", tmp_path / "out").codes() == ["SC020"]
    again = segconv(*words, "-o", tmp_path / "out", "--overwrite", "--json").json
    assert again["ok"]
    assert (again["advice"][0]["rotate_range_deg"], again["advice"][0]["planes"]) == (30, ["axial"])
    assert not list(tmp_path.glob(".segconv-stress*"))
    (tmp_path / "file").write_text("")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_room, "run_stress", lambda *_, **__: pytest.fail("predicts what it cannot write"))
        for nowhere, code, found in ((tmp_path / "file", 73, "SC020"), (tmp_path / "file" / "out", 74, "SC031")):
            refused = segconv(*words, "-o", nowhere, "--overwrite")
            assert (refused.code, refused.codes()) == (code, [found])
    wrong = segconv("stress", "501", "-m", "T__P__2d", "--angles", "a,b", "--device", "cpu")
    assert (wrong.code, wrong.codes()) == (2, ["SC001"])
    other = json.loads((after.folder / "dataset.json").read_text())
    other["labels"] = {"background": 0, "core": 1, "organ": 2}
    (after.folder / "dataset.json").write_text(json.dumps(other))
    swapped = segconv(*words, "-o", tmp_path / "swapped")
    assert (swapped.code, swapped.codes()) == (2, ["SC001"])
    assert "was trained on labels" in swapped.err
