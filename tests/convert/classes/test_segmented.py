"""3D Slicer segmentations as labels: recognised by header, classes by name, on any grid and in any layout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from segconv.dataset.label_readers import stored_label
from segconv.image.formats import segmentation
from segconv.image.geometry import Geometry
from segconv.image.orientation import Reordering
from segconv.image.segment import Segment
from segconv.typed import Misfit

from ...command import Command
from ..oracles import ct, description, records, voxels, write

CASES = 3
GRID = ct(0).label.geometry
Masks = Sequence[tuple[str, np.ndarray]]


def organs(number: int) -> Masks:
    label = ct(number).label.array
    return [("liver", label == 1), ("tumour", label == 2)]


def save(path: Path, masks: Masks, grid: Geometry = GRID, *, layers: bool = False, first: int = 1) -> None:
    """Write segments with values from `first` on, in one layer or one each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.zeros((len(masks) if layers else 1, *masks[0][1].shape), np.uint8)
    segments = []
    for at, (name, mask) in enumerate(masks):
        value = 1 if layers else first + at
        array[at if layers else 0][mask] = value
        segments.append(Segment(f"Segment_{at + 1}", name, value, at if layers else 0, (1.0, 0.0, 0.0)))
    path.write_bytes(segmentation.encode(segments, array, grid))


def check(segconv: Command, expected: dict[str, Masks], to: int = 5) -> None:
    """Compare each class of each case, whatever its value."""
    dataset = segconv.raw / f"Dataset{to:03d}_A"
    labels = description(dataset)["labels"]
    for case, masks in expected.items():
        found = voxels(dataset / f"labelsTr/{case}.nii.gz")
        for name, mask in masks:
            values = labels[name] if isinstance(labels[name], list) else [labels[name]]
            assert np.array_equal(np.isin(found, values), mask), (case, name)


@pytest.mark.parametrize("ending", [".nrrd", ".seg.nrrd"])
@pytest.mark.parametrize("words", [(), ("--from", "pairs"), ("--images", "images/*", "--masks", "labels/*")])
def test_names_decide_where_values_differ_from_case_to_case(
    ending: str, words: tuple[str, ...], segconv: Command, tmp_path: Path
) -> None:
    root = tmp_path / "set"
    for number in range(CASES):
        write(root / f"images/c{number}.nrrd", ct(number).images[0])
        masks = list(organs(number))
        save(root / f"labels/c{number}{ending}", masks[::-1] if number == 1 else masks, first=1 + 4 * number)
    if words[:1] == ("--images",) and ending == ".seg.nrrd":
        words = ("--images", "images/{case}.nrrd", "--masks", "labels/{case}.seg.nrrd")
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT", *words)
    assert done.code == 0, done.err
    check(segconv, {f"c{number}": organs(number) for number in range(CASES)})
    assert segconv("convert", root, "--to", "6_A", "--labels", "background=0,liver=1", *words).code == 2
    done = segconv("restore", segconv.raw / "Dataset005_A/labelsTr", "--like", "5", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    back = segmentation.decode((tmp_path / f"back/c1/c1{ending}").read_bytes())
    for name, mask in organs(1):
        (segment,) = (one for one in back.segments if one.name == name)
        assert np.array_equal(back.mask(segment), mask)


@pytest.mark.parametrize("folder", ["segs", "slicer"])
def test_segmentations_are_recognised_by_name_in_any_folder(folder: str, segconv: Command, tmp_path: Path) -> None:
    for number in range(CASES):
        write(tmp_path / f"set/im/p{number}.nrrd", ct(number).images[0])
        save(tmp_path / f"set/{folder}/p{number}.seg.nrrd", organs(number))
    assert segconv("convert", tmp_path / "set", "--to", "5_A").code == 0
    check(segconv, {f"p{number}": organs(number) for number in range(CASES)})


def test_layers_in_a_plain_nrrd_may_overlap(segconv: Command, tmp_path: Path) -> None:
    expected = {}
    for number in range(CASES):
        write(tmp_path / f"set/images/c{number}.nrrd", ct(number).images[0])
        label = ct(number).label.array
        expected[f"c{number}"] = [("body", label > 0), ("tumour", label == 2)]
        save(tmp_path / f"set/labels/c{number}.nrrd", expected[f"c{number}"], layers=True)
    assert segconv("convert", tmp_path / "set", "--to", "5_A", "--channels", "CT").code == 0
    check(segconv, expected)


def test_a_file_for_each_organ_is_united_and_restored_file_by_file(segconv: Command, tmp_path: Path) -> None:
    root = tmp_path / "set"
    for number in range(CASES):
        write(root / f"c{number}/t1.nrrd", ct(number).images[0])
        for name, mask in organs(number):
            save(root / f"c{number}/{name}.seg.nrrd", [("Segment_1", mask)])
    assert segconv("convert", root, "--to", "5_A", "--channels", "T1").code == 0
    check(segconv, {f"c{number}": organs(number) for number in range(CASES)})
    assert segconv("restore", segconv.raw / "Dataset005_A/labelsTr", "--like", "5", "-o", tmp_path / "back").code == 0
    kept = records(segconv.raw / "Dataset005_A")["c2"]["label_file"]
    assert stored_label(kept).as_json() == kept
    with pytest.raises(Misfit):
        stored_label({**kept, "grids": {"../liver.seg.nrrd": next(iter(kept["grids"].values()))}})
    for name, mask in organs(2):
        back = segmentation.decode((tmp_path / f"back/c2/{name}.seg.nrrd").read_bytes())
        assert np.array_equal(back.mask(back.segments[0]), mask)


def test_two_raters_of_one_case_are_not_classes(segconv: Command, tmp_path: Path) -> None:
    for number in range(CASES):
        write(tmp_path / f"files/c{number}/ct.nrrd", ct(number).images[0])
        write(tmp_path / f"segments/c{number}/ct.nrrd", ct(number).images[0])
        mask = ct(number).label.array > 0
        for name in ("rater1", "rater2"):
            save(tmp_path / f"files/c{number}/{name}.seg.nrrd", [("Segment_1", mask)])
        save(tmp_path / f"segments/c{number}/s.seg.nrrd", [("lesion_r1", mask), ("lesion_r2", mask)], layers=True)
    assert segconv("convert", tmp_path / "files", "--to", "5_A").codes() == ["SC085"] * CASES
    assert segconv("convert", tmp_path / "segments", "--to", "5_A").codes() == ["SC003"]
    done = segconv("convert", tmp_path / "segments", "--to", "5_A", "--from", "masks", "--masks", "lesion_r2")
    assert done.code == 0, done.err
    assert set(description(segconv.raw / "Dataset005_A")["labels"]) == {"background", "lesion_r2"}


def test_label_maps_among_segmentations_are_refused(segconv: Command, tmp_path: Path) -> None:
    for number in range(CASES):
        write(tmp_path / f"set/images/c{number}.nrrd", ct(number).images[0])
        save(tmp_path / f"set/labels/c{number}.nrrd", organs(number))
    write(tmp_path / "set/labels/c1.nrrd", ct(1).label)
    done = segconv("convert", tmp_path / "set", "--to", "5_A", "--channels", "CT")
    assert done.codes() == ["SC074"]
    assert "c1.nrrd" in done.err


def test_an_empty_segmentation_of_one_voxel_has_no_place(segconv: Command, tmp_path: Path) -> None:
    for number in range(CASES):
        write(tmp_path / f"set/c{number}/ct.nrrd", ct(number).images[0])
        save(tmp_path / f"set/c{number}/s.seg.nrrd", organs(number))
    nothing = np.zeros((1, 1, 1), bool)
    save(tmp_path / "set/c1/s.seg.nrrd", [("liver", nothing), ("tumour", nothing)], Geometry.plain((1, 1, 1)))
    done = segconv("convert", tmp_path / "set", "--to", "5_A", "--channels", "CT")
    assert done.code == 0, done.err
    assert "SC075" in done.err
    empty = [(name, np.zeros_like(mask)) for name, mask in organs(1)]
    check(segconv, {"c0": organs(0), "c1": empty, "c2": organs(2)})
    assert segconv("restore", segconv.raw / "Dataset005_A/labelsTr", "--like", "5", "-o", tmp_path / "back").code == 0


def test_other_source_grids_are_put_in_order_or_resampled_when_asked(segconv: Command, tmp_path: Path) -> None:
    root = tmp_path / "set"
    double = Geometry(
        tuple(2 * n for n in GRID.size),
        tuple(step / 2 for step in GRID.spacing_mm),
        tuple(float(v) for v in GRID.to_physical([-0.25] * 3)),
        GRID.direction,
    )
    for number in range(CASES):
        write(root / f"c{number}/ct.nrrd", ct(number).images[0])
        fine = [(name, mask.repeat(2, 0).repeat(2, 1).repeat(2, 2)) for name, mask in organs(number)]
        save(root / f"c{number}/s.seg.nrrd", fine, double)
    flip = Reordering((1, 0, 2), (False, True, True))
    save(root / "c1/s.seg.nrrd", [(name, flip.array(mask)) for name, mask in organs(1)], flip.grid(GRID))
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT")
    assert done.codes() == ["SC083"] * 2
    assert "--repair resample" in done.err
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT", "--repair", "resample")
    assert done.code == 0, done.err
    check(segconv, {f"c{number}": organs(number) for number in range(CASES)})
    assert "c1/s.seg.nrrd: has its voxels in another order" in done.err
    assert "c0/s.seg.nrrd: was resampled" in done.err
    for path in (segconv.raw / "Dataset005_A/labelsTr").iterdir():
        image = sitk.ReadImage(str(path).replace("labelsTr", "imagesTr").replace(".nii.gz", "_0000.nii.gz"))
        assert sitk.ReadImage(str(path)).GetSize() == image.GetSize()
    assert segconv("restore", segconv.raw / "Dataset005_A/labelsTr", "--like", "5", "-o", tmp_path / "back").code == 0


def test_values_of_segments_that_differ_are_refused_where_a_json_declares_values(
    segconv: Command, tmp_path: Path
) -> None:
    root = tmp_path / "set"
    for number in range(CASES):
        write(root / f"imagesTr/c{number}_0000.nrrd", ct(number).images[0])
        masks = list(organs(number))
        save(root / f"labelsTr/c{number}.nrrd", masks[::-1] if number == 1 else masks)
    wording = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1, "tumour": 2}, "numTraining": CASES}
    (root / "dataset.json").write_text(json.dumps({**wording, "file_ending": ".nrrd"}))
    done = segconv("convert", root, "--to", "5_A")
    assert done.codes() == ["SC074"]
    assert "c1.nrrd: its segment 'tumour' has the value 1, in labelsTr/c0.nrrd it has 2" in done.err
    words = ("--images", "imagesTr/{case}_0000.nrrd", "--masks", "labelsTr/{case}.nrrd")
    done = segconv("convert", root, "--to", "5_A", "--from", "pairs", "--channels", "CT", *words)
    assert done.code == 0, done.err
    check(segconv, {f"c{number}": organs(number) for number in range(CASES)})


@pytest.mark.parametrize("other", ["Liver", "LIVER", "left_liver"])
def test_one_name_in_two_spellings_is_asked_about_and_no_class_of_its_own(
    other: str, segconv: Command, tmp_path: Path
) -> None:
    """Unless a case has both, or they are declared."""
    root = tmp_path / "set"
    for number in range(CASES):
        write(root / f"c{number}/ct.nrrd", ct(number).images[0])
        (liver, mask), tumour = organs(number)
        save(root / f"c{number}/s.seg.nrrd", [(other if number == 1 else liver, mask), tumour])
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT")
    if other == "left_liver":
        assert done.code == 0, done.err
        return
    assert (done.code, done.codes()) == (2, ["SC003"]), done.err
    assert f"c1/s.seg.nrrd: holds the segment {other!r}, c0/s.seg.nrrd 'liver': are they one class?" in done.err
    if other == "Liver":
        words = ("--from", "masks", "--masks", "liver,Liver,tumour")
        assert segconv("convert", root, "--to", "5_A", "--channels", "CT", *words).code == 0
    save(root / "c1/s.seg.nrrd", [*organs(1), ("Tumour", organs(1)[0][1] & False)])
    assert segconv("convert", root, "--to", "6_A", "--channels", "CT").code == 0
