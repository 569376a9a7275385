"""Classes matched by the names in the headers of label maps, as of TotalSegmentator against those of an own model."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from segconv.review.scores.evaluation import evaluate_folders

from ...command import Command
from ...convert.labels.named_files import NAMES, VALUES, source, write_named
from ...convert.oracles import ct, voxels, write

OWN = {"liver": 1, "kidney_right": 2, "lesion": 3}
CASES = ("c0", "c1")


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """Label maps of a tool with names in their headers: spleen 1, kidney_right 2, liver 5, costal_cartilages 117."""
    return source(tmp_path / "tool", NAMES, NAMES) / "labels"


@pytest.fixture
def own(tmp_path: Path, tool: Path, segconv: Command) -> Path:
    """A dataset whose labels are those of the phantoms, shifted by a voxel, under other numbers."""
    root = tmp_path / "own"
    shutil.copytree(tool.parent / "images", root / "images")
    for number, case in enumerate(CASES):
        phantom = ct(number)
        write(root / f"labels/{case}.nii.gz", phantom.label, np.roll(phantom.label.array, 1, axis=1))
    named = ",".join(f"{name}={value}" for name, value in {"background": 0, **OWN}.items())
    assert segconv("convert", root, "--to", "5_A", "--channels", "CT", "--labels", named).code == 0
    return segconv.raw / "Dataset005_A"


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


def expected(own: Path, tool: Path) -> dict[str, float]:
    """Mean Dice of the classes that both sides name, whichever side is the reference."""
    pairs = [(voxels(own / f"labelsTr/{case}.nii.gz"), voxels(tool / f"{case}.nii.gz")) for case in CASES]
    numbers = {"liver": (1, 5), "kidney_right": (2, 2)}
    return {
        name: float(np.mean([dice(mine == value, its == other) for mine, its in pairs]))
        for name, (value, other) in numbers.items()
    }


def test_a_tools_label_maps_are_scored_against_a_dataset_by_name(own: Path, tool: Path, segconv: Command) -> None:
    done = segconv("evaluate", tool, "5", "--json")
    assert done.code == 0, done.err
    assert done.json["classes"] == pytest.approx(expected(own, tool))
    shown = segconv("evaluate", tool, "5").err
    assert "predictions are matched by the names in their headers: kidney_right 2, liver 5" in shown
    assert "counted as background, as the other side has no such class: costal_cartilages" in shown
    assert "not scored, as the headers of predictions do not name them: lesion" in shown


def test_an_own_model_is_scored_against_a_tool_by_name(own: Path, tool: Path, tmp_path: Path, segconv: Command) -> None:
    found = evaluate_folders(own / "labelsTr", tool)
    assert found.classes == pytest.approx(expected(own, tool))
    assert segconv("restore", own / "labelsTr", "--like", "5", "-o", tmp_path / "back").code == 0
    done = segconv("evaluate", tmp_path / "back", tool, "--json")
    assert done.json["classes"] == pytest.approx(expected(own, tool))


def test_distances_are_measured_on_the_matched_classes(own: Path, tool: Path, segconv: Command) -> None:
    there = segconv("evaluate", tool, "5", "--distances", "--json")
    back = segconv("evaluate", own / "labelsTr", tool, "--like", "5", "--distances", "--json")
    assert there.code == back.code == 0, there.err + back.err
    for name in expected(own, tool):
        both = [done.json["surfaces"]["classes"][name]["hd95"] for done in (there, back)]
        assert both[0] == both[1] > 0


def test_an_own_model_and_a_tool_are_compared_with_the_same_references(own: Path, tool: Path, segconv: Command) -> None:
    done = segconv("evaluate", own / "labelsTr", "5", "--against", tool, "--json")
    assert done.code == 0, done.err
    assert done.json["classes"]["liver"] == 1
    others = done.json["against"]["other"]["classes"]
    assert others == pytest.approx(expected(own, tool))


def test_two_sets_of_a_tool_are_scored_by_its_names(tool: Path, tmp_path: Path) -> None:
    for number, case in enumerate(CASES):
        write_named(tmp_path / f"later/{case}.nii.gz", number, NAMES | {1: "other"})
    found = evaluate_folders(tmp_path / "later", tool)
    assert found.classes == dict.fromkeys(("kidney_right", "liver", "costal_cartilages"), 1.0)
    assert found.notes == (f"classes are declared by the headers of {tool}",)


def test_two_versions_that_number_otherwise_are_matched(tool: Path, tmp_path: Path) -> None:
    for number, case in enumerate(CASES):
        write_named(
            tmp_path / f"later/{case}.nii.gz",
            number,
            {7: "liver", 8: "kidney_right", 9: "costal_cartilages"},
            np.array([0, 7, 8, 9], np.uint8),
        )
    found = evaluate_folders(tmp_path / "later", tool)
    assert set(found.classes.values()) == {1.0}
    assert set(found.classes) == {"kidney_right", "liver", "costal_cartilages"}


def test_labels_of_a_dataset_mean_what_it_says_and_not_what_their_headers_say(
    tool: Path, tmp_path: Path, segconv: Command
) -> None:
    for number, case in enumerate(CASES):
        write_named(tool / f"{case}.nii.gz", number, {1: "a", 2: "b", 3: "c"}, np.arange(4, dtype=np.uint8))
    said = ("--channels", "CT", "--labels", "background=0,b=1,a=2,c=3")
    assert segconv("convert", tool.parent, "--to", "6_A", *said).code == 0
    made = segconv.raw / "Dataset006_A/labelsTr"
    assert (made / "c0.nii.gz").read_bytes() == (tool / "c0.nii.gz").read_bytes()
    for path in tool.iterdir():
        plain = nib.load(path)
        nib.save(nib.Nifti1Image(np.asarray(plain.dataobj), plain.affine), path)
    found = evaluate_folders(tool, segconv.raw / "Dataset006_A")
    assert (found.classes, found.notes) == ({"b": 1.0, "a": 1.0, "c": 1.0}, ())


def test_names_of_the_user_count_before_those_of_headers(tool: Path, tmp_path: Path) -> None:
    labels = {"a": 5, "b": 2, "c": 117}
    assert set(evaluate_folders(tool, tool, labels=labels).classes) == set(labels)


def test_headers_that_do_not_name_all_values_do_not_count(tool: Path) -> None:
    plain = nib.load(tool / "c0.nii.gz")
    nib.save(nib.Nifti1Image(np.asarray(plain.dataobj), plain.affine), tool / "c0.nii.gz")
    assert set(evaluate_folders(tool, tool).classes) == {"2", "5", "117"}


@pytest.mark.train
@pytest.mark.totalseg
def test_a_task_names_the_values_of_both_sides(tool: Path, segconv: Command) -> None:
    for path in tool.iterdir():
        plain = nib.load(path)
        nib.save(nib.Nifti1Image(np.asarray(plain.dataobj), plain.affine), path)
    done = segconv("evaluate", tool, tool, "--labels", "totalseg:total", "--json")
    assert done.code == 0, done.err
    assert list(done.json["classes"]) == ["kidney_right", "liver", "costal_cartilages"]
    assert VALUES.max() == 117


def test_a_value_that_is_scored_as_another_class_than_its_header_says_is_noted(
    own: Path, tmp_path: Path, segconv: Command
) -> None:
    values = np.array([0, 1, 2, 3], np.uint8)
    for names, noted in (({1: "spleen", 2: "Kidney_Right", 3: "lesion_2"}, True), ({1: "Liver"}, False)):
        for number, case in enumerate(CASES):
            write_named(tmp_path / f"odd/{case}.nii.gz", number, names, values)
        done = segconv("evaluate", tmp_path / "odd", "5")
        assert done.code == 0, done.err
        assert ("calls 1 'spleen' in its header, which counts as 'liver'" in done.err) == noted
        assert ("are scored by their values" in done.err) == noted
