"""What an option leaves out is counted and named, in the plan and in the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from fixtures.make_fixtures import msd_ct

from ..command import Command
from .drawn import pair
from .sources import test_pairs
from .sources.test_masks import totalsegmentator
from .sources.test_msd import edit_json


def pictures(tmp_path: Path) -> tuple[Path, str]:
    for number in range(6):
        pair(tmp_path / "src", f"images/p{number}.png", f"masks/p{number}.png", number)
    for number in (1, 2, 4, 5):
        (tmp_path / f"src/masks/p{number}.png").unlink()
    return tmp_path / "src", "4 images without a label: images/p1.png, images/p2.png, images/p4.png and 1 more"


def volumes(tmp_path: Path) -> tuple[Path, str]:
    root = test_pairs.pairs(tmp_path / "src", "images/x{n}", "labels/x{n}")
    (root / "labels/x1.nii.gz").unlink()
    return root, "1 image without a label: images/x1.nii.gz"


def masks(tmp_path: Path) -> tuple[Path, str]:
    root = totalsegmentator(tmp_path / "src")
    for path in (root / "s0002/segmentations").iterdir():
        path.unlink()
    return root, "1 image without a label: s0002/ct.nii.gz"


def msd(tmp_path: Path) -> tuple[Path, str]:
    root = msd_ct(tmp_path / "src")
    (root / "labelsTr/ct_001.nii.gz").unlink()
    edit_json(root, lambda j: j.pop("training"))
    return root, "1 image without a label: imagesTr/ct_001.nii.gz"


def nnunet_v1(tmp_path: Path) -> tuple[Path, str]:
    root, _ = msd(tmp_path)
    for path in root.glob("images*/*"):
        path.rename(path.with_name(path.name.replace(".nii.gz", "_0000.nii.gz")))
    return root, "1 image without a label: imagesTr/ct_001_0000.nii.gz"


def nnunet_v2(tmp_path: Path) -> tuple[Path, str]:
    root, note = nnunet_v1(tmp_path)
    described = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "organ": 1, "vessel": 2, "cyst": 3}}
    (root / "dataset.json").write_text(json.dumps({**described, "numTraining": 3, "file_ending": ".nii.gz"}))
    return root, note


SOURCES = [pictures, volumes, masks, msd, nnunet_v1, nnunet_v2]


@pytest.mark.parametrize("source", SOURCES)
def test_images_that_are_skipped_are_counted_and_named(
    tmp_path: Path, segconv: Command, source: Callable[[Path], tuple[Path, str]]
) -> None:
    root, left = source(tmp_path)
    note = f"left out {left}, as asked"
    said = ("convert", root, "--to", "5_A", "--unlabelled", "skip")
    assert segconv(*said, "--dry-run", "--json").json["notes"].count(note) == 1
    assert f"note: {note}\n" in segconv(*said, "--dry-run").err
    done = segconv(*said)
    assert done.code == 0, done.err
    assert f"note: {note}\n" in done.err
    assert "SC080" not in done.err  # it was asked for, and is not a warning


def test_nothing_is_said_where_nothing_is_left_out(tmp_path: Path, segconv: Command) -> None:
    root = msd_ct(tmp_path / "src")
    words = ("--unlabelled", "skip", "--listed-only")
    assert segconv("convert", root, "--to", "5_A", *words, "--json").json["notes"] == []


@pytest.mark.parametrize("source", [pictures, volumes])
def test_a_source_without_any_label_reports_that_all_images_are_left_out(
    tmp_path: Path, segconv: Command, source: Callable[[Path], tuple[Path, str]]
) -> None:
    root, _ = source(tmp_path)
    for path in root.glob("[ml]a*/*"):
        path.rename(path.with_name(f"other{path.name}"))
    done = segconv("convert", root, "--to", "5_A", "--images", "images/*", "--unlabelled", "skip")
    assert (done.code, done.codes()) == (66, ["SC011"]), done.err
    assert f"holds {len(list((root / 'images').iterdir()))} images and no label" in done.err


@pytest.mark.parametrize(("source", "suffix"), [(msd, ""), (nnunet_v1, "_0000")])
def test_images_that_no_list_names_are_counted_and_named(
    tmp_path: Path, segconv: Command, source: Callable[[Path], tuple[Path, str]], suffix: str
) -> None:
    root, _ = source(tmp_path)
    listed = [{"image": "./imagesTr/ct_000.nii.gz", "label": "./labelsTr/ct_000.nii.gz"}]
    edit_json(root, lambda j: j.update(training=listed))
    done = segconv("convert", root, "--to", "5_A", "--listed-only", "--dry-run", "--json")
    names = ", ".join(f"imagesTr/ct_00{number}{suffix}.nii.gz" for number in (1, 2, 3))
    assert f"left out 3 images that dataset.json does not list: {names}" in done.json["notes"]
    assert done.json["training_cases"] == 1


@pytest.mark.parametrize(("source", "suffix"), [(msd, ""), (nnunet_v1, "_0000")])
def test_a_label_that_no_list_names_and_no_image_has_is_left_out_only_if_it_was_asked_for(
    tmp_path: Path, segconv: Command, source: Callable[[Path], tuple[Path, str]], suffix: str
) -> None:
    root, _ = source(tmp_path)
    listed = [{"image": f"./imagesTr/ct_00{n}.nii.gz", "label": f"./labelsTr/ct_00{n}.nii.gz"} for n in (0, 2)]
    edit_json(root, lambda j: j.update(training=listed, numTraining=2))
    (root / f"imagesTr/ct_001{suffix}.nii.gz").unlink()  # which has no label
    (root / f"imagesTr/ct_003{suffix}.nii.gz").unlink()
    refused = segconv("convert", root, "--to", "5_A", "--dry-run")
    assert (refused.code, refused.codes()) == (65, ["SC081"])
    done = segconv("convert", root, "--to", "5_A", "--listed-only", "--json")
    note = "left out 1 label that dataset.json does not list: labelsTr/ct_003.nii.gz"
    assert note in done.json["notes"]
    (root / f"imagesTr/ct_002{suffix}.nii.gz").unlink()
    refused = segconv("convert", root, "--to", "6_B", "--listed-only")
    assert (refused.code, refused.codes()[0]) == (66, "SC012"), "what is listed and missing is refused all the same"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def test_a_case_that_fails_is_left_out_by_the_option_that_its_hint_names(tmp_path: Path, segconv: Command) -> None:
    root = msd_ct(tmp_path / "src")
    cut(root / "imagesTr/ct_001.nii.gz")
    refused = segconv("convert", root, "--to", "5_A")
    assert refused.codes() == ["SC050"]
    assert "restore the file from its origin, or --keep-going leaves its case out" in refused.err
    assert segconv("convert", root, "--to", "5_A", "--keep-going").code == 1
    assert json.loads((segconv.raw / "Dataset005_A/dataset.json").read_text())["numTraining"] == 3


def test_where_all_cases_fail_none_is_left_out(tmp_path: Path, segconv: Command) -> None:
    root = msd_ct(tmp_path / "src")
    for path in root.glob("images*/*"):
        cut(path)
    refused = segconv("convert", root, "--to", "5_A")
    assert ({*refused.codes()}, "--keep-going" in refused.err) == ({"SC050"}, False)


def shorter(path: Path) -> None:
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[:20], image.affine), path)


def test_a_case_that_a_plan_refuses_is_left_out_by_the_option_that_its_hint_names(
    tmp_path: Path, segconv: Command
) -> None:
    root = msd_ct(tmp_path / "src")
    shorter(root / "labelsTr/ct_001.nii.gz")
    refused = segconv("convert", root, "--to", "5_A")
    assert refused.codes() == ["SC082"]
    assert "give both files of one case, or --leave-out ct_001 leaves its case out" in refused.err
    done = segconv("convert", root, "--to", "5_A", "--leave-out", "ct_001", "--json")
    assert (done.code, done.json["training_cases"]) == (0, 3)
    assert "left out 1 case, as asked: ct_001" in done.json["notes"]
    assert not list(segconv.raw.glob("Dataset005_A/*/ct_001*"))


def test_several_refused_cases_share_one_option(tmp_path: Path, segconv: Command) -> None:
    root = msd_ct(tmp_path / "src")
    for number in (1, 2):
        shorter(root / f"labelsTr/ct_00{number}.nii.gz")
    assert segconv("convert", root, "--to", "5_A").err.count("--leave-out ct_001,ct_002 leaves its case out") == 2
    assert segconv("convert", root, "--to", "5_A", "--leave-out", "ct_001,ct_002").code == 0


def test_a_case_that_is_left_out_stays_out_with_the_next(tmp_path: Path, segconv: Command) -> None:
    root = msd_ct(tmp_path / "src")
    shorter(root / "labelsTr/ct_002.nii.gz")
    refused = segconv("convert", root, "--to", "5_A", "--leave-out", "ct_001")
    assert "--leave-out ct_001,ct_002 leaves its case out" in refused.err


def test_where_a_plan_refuses_all_cases_none_is_left_out(tmp_path: Path, segconv: Command) -> None:
    root = msd_ct(tmp_path / "src")
    for path in root.glob("labels*/*"):
        shorter(path)
    refused = segconv("convert", root, "--to", "5_A")
    assert ({*refused.codes()}, "--leave-out" in refused.err) == ({"SC082"}, False)


def test_a_case_to_leave_out_must_exist(tmp_path: Path, segconv: Command) -> None:
    root = msd_ct(tmp_path / "src")
    refused = segconv("convert", root, "--to", "5_A", "--leave-out", "ct_00[12],ct_9")
    assert refused.codes() == ["SC012"]
    assert "'ct_9' is to be left out, but does not exist" in refused.err
    assert segconv("convert", root, "--to", "5_A", "--leave-out", "ct_00[12]").code == 0
    assert json.loads((segconv.raw / "Dataset005_A/dataset.json").read_text())["numTraining"] == 2
