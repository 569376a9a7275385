"""The facts of a report: of any dataset, from one look at each file."""

from __future__ import annotations

import base64
import io
import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segconv import reading
from segconv.dataset.layout import Dataset
from segconv.flows.report import ReportOptions, report_facts
from segconv.review.report.facts import Case, Facts
from segconv.train.paths import Paths
from segconv.work.run_options import Workers

from ..command import Command
from ..review import datasets


def facts_of(root: Path, *, jobs: int = 1, **asked: Any) -> Facts:
    paths = Paths(root.parent, root.parents[1] / "nnUNet_preprocessed", root.parents[1] / "nnUNet_results")
    return report_facts(Dataset.open(root), paths, ReportOptions(**asked), workers=Workers(jobs))


def case_of(facts: Facts, name: str) -> Case:
    (found,) = (case for case in facts.cases if case.case == name)
    return found


def thumbnail(facts: Facts, name: str) -> NDArray[np.uint8]:
    place = case_of(facts, name).thumbnail
    assert place is not None
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(facts.sheets[place.sheet]))))
    return sheet[place.top : place.top + place.height, place.left : place.left + place.width]


def mean_of(facts: Facts, key: str) -> float:
    (found,) = (one for one in facts.distributions if one.key == key)
    return float(np.average(np.convolve(found.edges, [0.5, 0.5], "valid"), weights=found.counts))


def test_volumes(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw)
    facts = facts_of(root)
    assert facts.as_json() == facts_of(root, jobs=2).as_json()
    json.dumps(facts.as_json(), allow_nan=False)
    assert (facts.train, facts.test, facts.copies, facts.unlabelled, facts.pictures) == (6, 1, 0, 0, False)
    assert facts.channels[0].normalised_by.startswith("clipped to the percentiles")
    assert facts.channels[0].inside["percentile_00_5"] < facts.channels[0].inside["percentile_99_5"]
    assert [label.role for label in facts.labels] == ["background", "class", "class", "class"]
    assert [label.cases for label in facts.labels[1:]] == [6, 6, 6]
    assert [target.made_of for target in facts.targets] == [(label.name,) for label in facts.labels[1:]]
    first, tested = case_of(facts, "c0"), case_of(facts, "c6")
    assert (first.split, tested.split, tested.voxels, tested.folds) == ("train", "test", None, ())
    assert first.orientation
    assert first.voxels is not None
    assert first.size is not None
    assert sum(first.voxels.values()) == np.prod(first.size)
    assert first.channels[0].low <= first.channels[0].percentile_05 < first.channels[0].high
    assert first.thumbnail is not None
    assert first.thumbnail.text.startswith("axial, k = ")
    assert [stack.case for stack in facts.stacks] == [f"c{number}" for number in range(6)]
    assert facts.notes == ("The slice viewer has 6 of 7 cases, evenly spaced.",)
    titles = [one.title for one in facts.distributions]
    assert {"size along z", "spacing along x", "CT: all voxels", f"{facts.labels[1].name}: volume"} <= {*titles}


def test_each_file_is_read_once(segconv: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    root = datasets.volumes(segconv.raw, cases=2)
    read: list[str] = []
    whole = reading.whole

    def counted(path: str | Path, *limits: Any) -> bytes:
        read.append(Path(path).name)
        return whole(path, *limits)

    monkeypatch.setattr(reading, "whole", counted)
    facts_of(root, volumes=True)
    assert sorted(name for name in read if name.endswith(".nii.gz")) == [
        *("c0.nii.gz", "c0_0000.nii.gz", "c1.nii.gz", "c1_0000.nii.gz", "c2_0000.nii.gz")
    ]


def test_what_is_wrong_is_reported_with_its_case(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=3)
    bad = root / "imagesTr" / "c1_0000.nii.gz"
    bad.write_bytes(bad.read_bytes()[:-20])
    datasets.change_nifti(root / "labelsTr" / "c2.nii.gz", lambda voxels, affine: (voxels[:-1], affine))
    (root / "labelsTr" / "c0.nii.gz").unlink()
    facts = facts_of(root)
    found = {one.code: one for one in facts.findings}
    assert (found["SC050"].case, found["SC082"].case, found["SC080"].case) == ("c1", "c2", "c0")
    assert "restore the file from its origin" in found["SC050"].cures[0]
    assert case_of(facts, "c1").thumbnail is None
    assert case_of(facts, "c1").errors == 1
    assert "with" not in (case_of(facts, "c2").thumbnail or pytest.fail("c2 can be drawn")).text
    assert facts.unlabelled == 1


def test_what_names_show_is_counted_with_the_case(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=2)
    for folder, old, new in (("imagesTr", "c1_0000", "_c 1_0000"), ("labelsTr", "c1", "_c 1")):
        (root / folder / f"{old}.nii.gz").rename(root / folder / f"{new}.nii.gz")
    facts = facts_of(root)
    assert [one.case for one in facts.findings if one.code == "SC090"] == ["_c 1"]
    assert (case_of(facts, "_c 1").warnings, case_of(facts, "c0").warnings) == (1, 0)


def test_colours_and_one_channel(segconv: Command) -> None:
    root = datasets.pictures(segconv.raw, cases=2)
    colour, green = facts_of(root), facts_of(root, channel="g")
    assert colour.pictures
    assert np.ptp(thumbnail(colour, "s0").astype(int), axis=-1).max() > 60
    assert (colour.stacks[0].range, colour.stacks[0].channel) == (None, "")
    assert (green.stacks[0].channel, green.stacks[0].plane) == ("G", "")
    assert colour.cases[0].voxel_ml is None
    assert any(one.title.endswith("part of the picture") for one in colour.distributions)
    assert len(colour.cases[0].channels) == 3


def test_regions_are_decoded(segconv: Command) -> None:
    root = datasets.channels(segconv.raw, cases=2)
    names = json.loads((root / "dataset.json").read_text())["labels"]
    values = sorted(value for value in names.values() if isinstance(value, int))
    labels = {"background": 0, "whole": values[1:], "core": values[2:]} | ({"rest": values[-1:]} if values[3:] else {})
    order = values[1 : len(labels)]
    datasets.edit(root, lambda found: found.update(labels=labels, regions_class_order=order))
    facts = facts_of(root)
    assert [(target.name, target.values) for target in facts.targets[:2]] == [
        *(("whole", tuple(values[1:])), ("core", tuple(values[2:])))
    ]
    assert [target.order for target in facts.targets] == [(n + 1, value) for n, value in enumerate(order)]
    assert len(facts.channels) == len(facts.cases[0].channels) == 4


def test_copies_name_their_original_and_leaks_are_found_by_name(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=6)
    shift = ("--hu-shift", "40:40", "-j", "1")
    assert segconv("augment", "7", "--to", "8_Aug", "--rotate", "90", "--planes", "axial", *shift).code == 0
    aug = segconv.raw / "Dataset008_Aug"
    facts = facts_of(aug)
    assert (facts.train, facts.copies) == (12, 6)
    copy = next(case for case in facts.cases if case.parent == "c0")
    assert copy.transform in ("rotation, axial +90°; shift +40 HU", "rotation, axial +90°; shift -40 HU")
    assert copy.folds == ()
    assert mean_of(facts, "change-rotation, axial") == pytest.approx(90)
    assert facts.folds is not None
    assert (facts.folds.verdict, facts.folds.leaks) == ("no leak found", ())
    assert facts.folds.origin == "nnUNet_raw/Dataset008_Aug/splits_final.json"
    names = sorted(case.case for case in facts.cases if case.split == "train")
    datasets.folds(aug, datasets.even_folds(names))
    leaking = facts_of(aug, slices=0)
    assert leaking.folds is not None
    assert leaking.folds.verdict == "leaks"
    assert any("c0 as " in leak for leak in leaking.folds.leaks)
    assert leaking.stacks == ()
    assert root.is_dir()


def test_leaks_that_only_names_show_are_suspected(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=6)
    for number in range(6):
        name = f"patient{number // 2}_scan{number % 2}"
        for folder, ending in (("imagesTr", "_0000.nii.gz"), ("labelsTr", ".nii.gz")):
            (root / folder / f"c{number}{ending}").rename(root / folder / f"{name}{ending}")
    facts = facts_of(root, slices=0)
    assert facts.folds is not None
    assert (facts.folds.origin, facts.folds.verdict) == ("nnU-Net's default folds", "leak suspected")
    assert "if names say which cases are of one patient: patient" in facts.folds.leaks[0]
    case = case_of(facts, "patient1_scan0")
    assert (case.patient, case.patient_known, len(case.folds)) == ("patient1", False, 1)


def test_predictions_have_the_scores_of_evaluate_and_the_worst_come_first(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=3)
    predictions = segconv.folder / "predicted"
    shutil.copytree(root / "labelsTr", predictions)
    datasets.change_nifti(predictions / "c1.nii.gz", lambda voxels, affine: (np.roll(voxels, 4, axis=0), affine))
    shutil.copy(predictions / "c0.nii.gz", predictions / "c3.nii.gz")
    facts = facts_of(root, predictions=predictions, slices=1)
    assert facts.scores is not None
    evaluated = segconv("evaluate", predictions, root, "--extra", "skip", "--json").json
    assert facts.scores.mean == pytest.approx(evaluated["mean"], abs=1e-5)
    for case, of in evaluated["cases"].items():
        assert {name: scores["dice"] for name, scores in case_of(facts, case).scores.items()} == pytest.approx(
            of, abs=1e-5
        )
    assert facts.scores.worst[0] == "c1"
    assert [stack.case for stack in facts.stacks] == ["c1"]
    assert [layer.name for layer in facts.stacks[0].layers] == ["label", "prediction", "differs"]
    assert facts.scores.predictions.endswith("/predicted")
    red = [int((np.ptp(thumbnail(facts, case)[..., :2].astype(int), axis=-1) > 80).sum()) for case in ("c0", "c1")]
    assert red[1] > red[0] + 50
    assert case_of(facts, "c0").mean == 1
    assert case_of(facts, "c3").scores == {}
    assert facts.scores.notes[0] == "1 predicted case without a label: not scored."
    assert {one.group for one in facts.distributions} >= {"scores"}


def test_measured_distances_are_scored_too(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=1)
    facts = facts_of(root, predictions=root / "labelsTr", distances=True, slices=0)
    assert facts.scores is not None
    assert [metric.key for metric in facts.scores.metrics][:3] == ["dice", "hd95", "nsd"]
    scores = next(iter(case_of(facts, "c0").scores.values()))
    assert (scores["dice"], scores["hd95"], scores["nsd"]) == (1, 0, 1)


def test_cases_are_chosen_by_name(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=3)
    facts = facts_of(root, cases=("c2", "c[03]"), volumes=True)
    assert [stack.case for stack in facts.stacks] == ["c2", "c0", "c3"]
    assert [volume.case for volume in facts.volumes] == ["c2", "c0", "c3"]
    assert facts.volumes[0].label
    assert not facts.volumes[2].label


def test_near_identical_images_leak(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=5)
    datasets.change_nifti(root / "imagesTr" / "c1_0000.nii.gz", lambda voxels, affine: (voxels + 1, affine))
    shutil.copy(root / "imagesTr" / "c1_0000.nii.gz", root / "imagesTr" / "c0_0000.nii.gz")
    datasets.change_nifti(root / "imagesTr" / "c0_0000.nii.gz", lambda voxels, affine: (voxels + 2, affine))
    facts = facts_of(root, slices=0)
    assert facts.folds is not None
    assert any("near-identical" in leak and "c0 as c1" in leak for leak in facts.folds.leaks)


ODD = {
    "nan": lambda image, label: (np.full_like(image, np.nan), label),
    "infinite": lambda image, label: (np.where(label > 0, np.inf, image), label),
    "constant": lambda image, label: (np.full_like(image, 5), label),
    "empty": lambda image, label: (image, 0 * label),
    "undeclared": lambda image, label: (image, 70_000 * label.astype(np.uint32)),
    "fraction": lambda image, label: (image, 0.5 * label),
    "negative": lambda image, label: (image, -label.astype(np.int16)),
    "slice": lambda image, label: (image[:, :, :1], label[:, :, :1]),
    "voxel": lambda image, label: (image[:1, :1, :1], label[:1, :1, :1]),
}
"""Name of a case → its image and label, from usual ones."""


def test_odd_cases_are_drawn_as_far_as_they_can_be(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=1)
    affine = np.diag([-1.0, -1.0, 2.0, 1.0])
    image = np.random.default_rng(0).normal(0, 1, (16, 14, 9)).astype(np.float32)
    label = np.zeros(image.shape, np.uint8)
    label[4:9, 4:9, 2:5] = 1
    for name, change in ODD.items():
        for folder, ending, array in zip(("imagesTr", "labelsTr"), ("_0000", ""), change(image, label), strict=True):
            nib.save(nib.Nifti1Image(array, affine), root / folder / f"{name}{ending}.nii.gz")
    facts = facts_of(root, volumes=True, slices=50)
    json.dumps(facts.as_json(), allow_nan=False)
    assert "SC104" not in {one.code for one in facts.findings}
    assert {stack.case for stack in facts.stacks} == {*ODD, "c0"}
    assert all(case.thumbnail is not None for case in facts.cases)


def test_a_case_that_cannot_be_drawn_does_not_end_the_others(segconv: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    root = datasets.volumes(segconv.raw, cases=2)

    def fail(name: str, *_: object, **__: object) -> None:
        if name == "c0":
            raise ZeroDivisionError

    monkeypatch.setattr("segconv.review.report.witness.stack_of", fail)
    facts = facts_of(root)
    assert ("SC104", "c0") in [(one.code, one.case) for one in facts.findings]
    assert case_of(facts, "c1").thumbnail is not None
