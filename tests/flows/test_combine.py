"""Classes combined by the command: from masks and from files that hold all classes, with and without TotalSegmentator."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray

from segconv.image.formats import nifti
from segconv.image.formats.nifti_label_table import with_label_table
from segconv.image.geometry import Geometry

from ..command import Command, Done, tree_hash
from ..train.totalsegmentator.stand_in import StandIn

SIZE = (6, 5, 4)
GRID = Geometry.plain(SIZE, (1.0, 1.5, 2.0))
CLASSES = {1: "liver", 2: "lung_left", 3: "lung_right", 7: "rib_left_1"}


def label_map(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).choice([0, *CLASSES], SIZE[::-1]).astype(np.uint8)


def write(path: Path, array: NDArray[np.uint8], names: Mapping[int, str] | None = None) -> Path:
    buffers = nifti.buffers_of(array, GRID)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(nifti.compress(with_label_table(buffers, names) if names else buffers, ".nii.gz")))
    return path


def write_masks(folder: Path, array: NDArray[np.uint8]) -> Path:
    for value, name in CLASSES.items():
        write(folder / f"{name}.nii.gz", (array == value).astype(np.uint8))
    return folder


def voxels(path: Path) -> NDArray[np.uint8]:
    return np.asarray(nibabel.load(path).dataobj).T


def shifted(path: Path) -> None:
    image = nibabel.load(path)
    affine = image.affine.copy()
    affine[0, 3] += 3.5
    data = np.asarray(image.dataobj)
    nibabel.save(nibabel.Nifti1Image(data, affine), path)


def test_masks_and_the_file_of_all_classes_give_equal_results(segconv: Command, tmp_path: Path) -> None:
    array = label_map()
    masks = write_masks(tmp_path / "s1" / "segmentations", array)
    whole = write(tmp_path / "ml" / "s1.nii.gz", array, CLASSES)
    groups = ["lungs=lung_*", "rest=rib_left_1,liver"]
    for source, out in ((masks, "of_masks"), (whole, "of_file"), (whole.parent, "of_folder")):
        done = segconv("totalseg", "combine", source, "-o", tmp_path / out, *groups, "--json")
        assert (done.code, done.json["cases"]) == (0, 1), done.err
        assert done.json["labels"] == {"lungs": 1, "rest": 2}
    first, *others = (tmp_path / out / "s1.nii.gz" for out in ("of_masks", "of_file", "of_folder"))
    assert np.array_equal(voxels(first), np.select([np.isin(array, (2, 3)), array > 0], [1, 2]))
    assert {path.read_bytes() for path in others} == {first.read_bytes()}
    assert segconv("totalseg", "combine", masks, "-o", tmp_path / "lung.nii.gz", "lungs=lung_*").code == 0
    assert np.array_equal(voxels(tmp_path / "lung.nii.gz"), np.isin(array, (2, 3)))
    again = segconv("totalseg", "combine", tmp_path / "of_masks", "-o", tmp_path / "again", "lungs")
    assert again.code == 0, "the result names its values itself"


def test_reference_maps_keep_their_place_in_every_reader(segconv: Command, data: Path, tmp_path: Path) -> None:
    own = data / "totalseg_small" / "example_seg.nii.gz"
    lung = [f"lung_{part}" for part in ("upper_lobe_left", "lower_lobe_left", "upper_lobe_right", "middle_lobe_right",
                                       "lower_lobe_right")]  # fmt: skip
    assert segconv("totalseg", "combine", own, "-o", tmp_path / "lung.nii.gz", f"lung={','.join(lung)}").code == 0
    image, made = nibabel.load(own), nibabel.load(tmp_path / "lung.nii.gz")
    assert np.array_equal(np.asarray(made.dataobj), np.isin(np.asarray(image.dataobj), range(10, 15)))
    for form in ("get_qform", "get_sform"):
        theirs, ours = (getattr(one, form)(coded=True) for one in (image, made))
        assert np.array_equal(theirs[0], ours[0])
        assert theirs[1] == ours[1]


def refused(done: Done, code: str, out: Path) -> str:
    assert done.codes() == [code], done.err
    assert not out.exists()
    assert not list(out.parent.glob(".segconv-*")), "nothing is left"
    return done.err


def test_a_shifted_affine_and_another_shape_are_refused(segconv: Command, tmp_path: Path) -> None:
    out = tmp_path / "lungs"
    for case in ("s1", "s2"):
        write_masks(tmp_path / "in" / case, label_map())
    shifted(tmp_path / "in" / "s2" / "lung_right.nii.gz")
    said = refused(segconv("totalseg", "combine", tmp_path / "in", "-o", out, "lungs=lung_*"), "SC083", out)
    assert "s2/lung_right.nii.gz: has the origin (-3.5, 0, 0), expected (0, 0, 0) as s2/lung_left.nii.gz" in said
    assert segconv("totalseg", "combine", tmp_path / "in", "-o", tmp_path / "liver", "liver").code == 0
    nibabel.save(nibabel.Nifti1Image(np.zeros((6, 5, 3), np.uint8), np.eye(4)), tmp_path / "in/s1/lung_right.nii.gz")
    done = segconv("totalseg", "combine", tmp_path / "in", "-o", out, "lungs=lung_*")
    assert sorted(done.codes()) == ["SC082", "SC083"], "the findings of all cases are listed"


def test_overlaps_go_to_the_group_that_is_named_first_and_are_counted(segconv: Command, tmp_path: Path) -> None:
    array = label_map()
    source = write_masks(tmp_path / "s1", array)
    write(source / "lung_left.nii.gz", np.isin(array, (1, 2)).astype(np.uint8))
    both = int((array == 1).sum())
    for first, second, value in (("liver", "lung_left", 1), ("lung_left", "liver", 1)):
        done = segconv("totalseg", "combine", source, "-o", tmp_path / first, first, second, "--json")
        (found,) = [one for one in done.json["findings"] if one["code"] == "SC198"]
        assert found["message"].startswith(f"{both} voxels are in {first} and in {second}, and count as {first}")
        assert set(voxels(tmp_path / first / "s1.nii.gz")[array == 1]) == {value}


def test_a_missing_class_is_refused_unless_it_counts_as_empty(segconv: Command, tmp_path: Path) -> None:
    for case in ("s1", "s2"):
        write_masks(tmp_path / "in" / case, label_map())
    (tmp_path / "in" / "s2" / "liver.nii.gz").unlink()
    out = tmp_path / "out"
    said = refused(segconv("totalseg", "combine", tmp_path / "in", "-o", out, "liver", "lung_left"), "SC193", out)
    assert "s2: has no liver" in said
    assert "--missing-masks empty" in said
    done = segconv("totalseg", "combine", tmp_path / "in", "-o", out, "liver", "lung_left", "--missing-masks", "empty")
    assert done.code == 0
    assert set(np.unique(voxels(out / "s2.nii.gz"))) == {0, 2}
    words = ["totalseg", "combine", tmp_path / "in", "-o", tmp_path / "livers", "liver", "--missing-masks", "empty"]
    assert segconv(*words).code == 0
    assert voxels(tmp_path / "livers" / "s2.nii.gz").shape == SIZE[::-1]
    assert not voxels(tmp_path / "livers" / "s2.nii.gz").any()
    wrong = segconv("totalseg", "combine", tmp_path / "in", "-o", tmp_path / "no", "livr", "lung_left")
    assert (wrong.code, wrong.codes()) == (2, ["SC191"])
    assert "liver" in wrong.err


def test_many_cases_are_resumed_and_equal_for_any_number_of_workers(segconv: Command, tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    for number in range(4):
        write_masks(source / f"s{number}", label_map(number))
    before = tree_hash(source)
    words = ["totalseg", "combine", source, "lungs=lung_*", "liver"]
    assert segconv(*words, "-o", tmp_path / "one", "-j", 1).code == 0
    dry = segconv(*words, "-o", out, "--dry-run", "--json")
    assert (dry.code, dry.json["cases"], dry.json["labels"]) == (0, 4, {"lungs": 1, "liver": 2})
    assert not list(tmp_path.glob("*out*"))
    good = (source / "s3" / "liver.nii.gz").read_bytes()
    (source / "s3" / "liver.nii.gz").write_bytes(good[:-9])
    done = segconv(*words, "-o", out, "-j", 3)
    assert (done.code, done.codes()) == (65, ["SC050"])
    assert not out.exists()
    some = segconv(*words, "-o", tmp_path / "some", "--keep-going", "--json")
    assert (some.code, some.json["ok"], some.json["cases"]) == (1, False, 3)
    (source / "s3" / "liver.nii.gz").write_bytes(good)
    done = segconv(*words, "-o", out, "-j", 3)
    assert done.code == 0
    assert "resuming: 3 of 4 cases were done before" in done.err
    assert not list(tmp_path.glob(".segconv-*"))
    assert tree_hash(source) == before
    names = [f"s{number}.nii.gz" for number in range(4)]
    assert [(out / name).read_bytes() for name in names] == [(tmp_path / "one" / name).read_bytes() for name in names]
    lines = [json.loads(line) for line in (out / "segconv" / "cases.jsonl").read_text().splitlines()]
    array = label_map(0)
    assert lines[0]["label_voxels"] == {"1": int(np.isin(array, (2, 3)).sum()), "2": int((array == 1).sum())}


def test_nothing_that_exists_is_replaced(segconv: Command, tmp_path: Path) -> None:
    source = write_masks(tmp_path / "s1", label_map())
    out, file = tmp_path / "out", tmp_path / "lung.nii.gz"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    file.write_bytes(b"mine")
    for target in (out, file, source):
        for more in ([], ["--overwrite"]):
            done = segconv("totalseg", "combine", source, "-o", target, "liver", *more)
            assert (done.code, done.codes()) == (73, ["SC020"])
    assert (file.read_bytes(), (out / "mine.txt").read_text()) == (b"mine", "mine")
    shutil.rmtree(out)
    assert segconv("totalseg", "combine", source, "-o", out, "liver").code == 0
    assert segconv("totalseg", "combine", source, "-o", out, "lung_left", "--overwrite").code == 0
    assert set(np.unique(voxels(out / "s1.nii.gz"))) == {0, 1}
    write_masks(tmp_path / "two" / "a", label_map())
    write_masks(tmp_path / "two" / "b", label_map())
    assert segconv("totalseg", "combine", tmp_path / "two", "-o", tmp_path / "x.nii.gz", "liver").code == 2


def test_a_file_must_say_which_value_is_which_class(segconv: Command, tmp_path: Path) -> None:
    nameless = write(tmp_path / "nameless" / "a.nii.gz", label_map())
    said = refused(segconv("totalseg", "combine", nameless, "-o", tmp_path / "o", "liver"), "SC074", tmp_path / "o")
    assert "--task TASK" in said
    unnamed = write(tmp_path / "unnamed" / "a.nii.gz", label_map(), {1: "liver"})
    done = segconv("totalseg", "combine", unnamed, "-o", tmp_path / "o", "liver")
    assert done.codes() == ["SC070"]


@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".mhd"])
def test_other_formats_are_combined(ending: str, segconv: Command, tmp_path: Path) -> None:
    array = label_map()
    (tmp_path / "s1").mkdir()
    for value, name in CLASSES.items():
        image = sitk.GetImageFromArray((array == value).astype(np.uint8))
        image.SetSpacing(GRID.spacing_mm)
        sitk.WriteImage(image, tmp_path / "s1" / f"{name}{ending}")
    assert segconv("totalseg", "combine", tmp_path / "s1", "-o", tmp_path / "o", "liver", "lungs=lung_*").code == 0
    (path,) = (path for path in (tmp_path / "o").iterdir() if path.is_file())
    made = sitk.ReadImage(path)
    assert np.array_equal(sitk.GetArrayFromImage(made), np.select([array == 1, np.isin(array, (2, 3))], [1, 2]))
    assert made.GetSpacing() == GRID.spacing_mm


def test_names_are_enough_without_totalsegmentator(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    source = write_masks(tmp_path / "s1", label_map())
    monkeypatch.setattr(metadata, "version", absent)
    assert segconv("totalseg", "combine", source, "-o", tmp_path / "o", "lung", "liver").code == 0
    done = segconv("totalseg", "combine", source, "-o", tmp_path / "p", "liver", "--task", "total")
    assert (done.code, done.codes()) == (78, ["SC190"])


@pytest.mark.train
@pytest.mark.totalseg
def test_the_task_decides_what_a_usual_group_is(segconv: Command, tmp_path: Path) -> None:
    array = label_map()
    bones = {5: "vertebrae_L5", 6: "vertebrae_L4"}
    source = write(tmp_path / "a.nii.gz", array.clip(0, 6), {**bones, 1: "liver", 2: "spleen", 3: "colon"})
    out = tmp_path / "o"
    said = refused(segconv("totalseg", "combine", source, "-o", out, "vertebrae"), "SC003", out)
    assert "total or of total_v3" in said
    done = segconv("totalseg", "combine", source, "-o", out, "vertebrae", "--task", "total_v3")
    assert done.codes() == ["SC074"], "its values are not those of the task"
    done = segconv("totalseg", "combine", source, "-o", out, "vertebrae=vertebrae_L4,vertebrae_L5")
    assert done.code == 0
    numbers = write(tmp_path / "b.nii.gz", np.where(array == 7, 13, array).astype(np.uint8))
    done = segconv("totalseg", "combine", numbers, "-o", tmp_path / "p", "lung_right", "--task", "total")
    assert done.code == 0
    assert np.array_equal(voxels(tmp_path / "p" / "b.nii.gz"), array == 7)


@pytest.mark.train
@pytest.mark.totalseg
def test_groups_are_listed_with_the_classes_of_a_task(segconv: Command) -> None:
    from totalsegmentator.map_to_binary import class_map, class_map_5_parts

    groups = segconv("totalseg", "groups", "total", "--json").json["groups"]
    total = list(class_map["total"].values())
    assert groups["lung"] == [name for name in total if name.startswith("lung_")]
    assert groups["kidney"] == ["kidney_right", "kidney_left"]
    assert len(groups["ribs"]) == 24
    assert set(groups["spine"]) == set(class_map_5_parts["class_map_part_vertebrae"].values())
    assert set(groups["spine"]) - set(groups["vertebrae"]) == {"sacrum"}
    for task, own in segconv("totalseg", "groups", "--json").json["tasks"].items():
        for name, classes in own.items():
            assert len(classes) > 1
            assert name not in class_map[task].values()
            assert set(classes) <= set(class_map[task].values())
    listed = segconv("totalseg", "groups", "heartchambers_highres", "--search", "hea*").out.splitlines()
    assert [line.split("\t")[1] for line in listed[1:]] == ["heart", "heart_atrium", "heart_ventricle"]


THEIRS = """
import json, sys
from pathlib import Path
import nibabel
from totalsegmentator.libs import combine_masks
masks, whole, out = map(Path, sys.argv[1:4])
for name in json.loads(sys.argv[4]):
    for source in (masks, whole):
        nibabel.save(combine_masks(source, name), out / f"{name}_{source.name[:5]}.nii.gz")
"""


@pytest.mark.train
@pytest.mark.totalseg
def test_usual_groups_equal_those_of_totalsegmentator(segconv: Command, data: Path, tmp_path: Path) -> None:
    whole = data / "totalseg_small" / "example_seg.nii.gz"
    image = nibabel.load(whole)
    values = np.asarray(image.dataobj)
    from totalsegmentator.map_to_binary import class_map

    masks, out = tmp_path / "masks", tmp_path / "theirs"
    masks.mkdir()
    out.mkdir()
    for value, name in class_map["total"].items():
        nibabel.save(nibabel.Nifti1Image((values == value).astype(np.uint8), image.affine), masks / f"{name}.nii.gz")
    pairs = {"lung": "lung", "lung_left": "lung_left", "lung_right": "lung_right", "ribs": "ribs", "spine": "vertebrae"}
    words = [sys.executable, "-c", THEIRS, masks, whole, out, json.dumps(list(pairs.values()))]
    done = subprocess.run(words, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    for ours, theirs in pairs.items():
        for source in (masks, whole):
            made = tmp_path / f"{ours}_{source.name[:5]}.nii.gz"
            assert segconv("totalseg", "combine", source, "-o", made, ours).code == 0
            assert np.array_equal(voxels(made), voxels(out / f"{theirs}_{source.name[:5]}.nii.gz"))
            assert voxels(made).any()


@pytest.mark.train
@pytest.mark.totalseg
def test_what_the_run_wrote_is_combined(
    segconv: Command, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    StandIn(tmp_path / "stand-in").install(monkeypatch)
    (tmp_path / "scans").mkdir()
    shutil.copy(data / "totalseg_small" / "example_ct_sm.nii.gz", tmp_path / "scans" / "a.nii.gz")
    for form, more in (("whole", []), ("masks", ["--masks"])):
        words = [
            "run",
            tmp_path / "scans",
            "-o",
            tmp_path / form,
            "--fast",
            "--device",
            "cpu",
            "--modality",
            "ct",
            *more,
        ]
        assert segconv("totalseg", *words).code == 0
        assert (
            segconv("totalseg", "combine", tmp_path / form, "-o", tmp_path / f"of_{form}", "own=liver,spleen").code == 0
        )
    whole, masks = (tmp_path / f"of_{form}" / "a.nii.gz" for form in ("whole", "masks"))
    assert whole.read_bytes() == masks.read_bytes()
    assert voxels(whole).any()
