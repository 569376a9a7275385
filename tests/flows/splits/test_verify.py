"""``segconv splits show`` and ``verify``, on datasets with copies, patients, equal files and folds of any origin."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fixtures.make_fixtures import png_shapes

from ...command import Command, tree_hash


@pytest.fixture
def shapes(segconv: Command, tmp_path: Path) -> Path:
    """Eight cases, two of each patient."""
    source = png_shapes(tmp_path / "s", size=(24, 20), cases=8, tests=0)
    (tmp_path / "patients.csv").write_text("".join(f"shape-{n},p{n // 2}\n" for n in range(8)), encoding="utf-8")
    words = ("--accept-labels", "--patients", tmp_path / "patients.csv")
    assert segconv("convert", source, "--to", "5_Shapes", *words).code == 0
    return segconv.raw / "Dataset005_Shapes"


def written(path: Path, *folds: tuple[list[int], list[int]]) -> Path:
    """A file of folds over shapes by number."""
    names = [{"train": [f"shape-{n}" for n in train], "val": [f"shape-{n}" for n in val]} for train, val in folds]
    path.write_text(json.dumps(names), encoding="utf-8")
    return path


def test_copies_of_a_dataset_without_lineage_are_suspected_by_their_names(segconv: Command, shapes: Path) -> None:
    assert segconv("augment", "5", "--to", "6_Aug", "--copies", "2", "--rotate-range", "15").code == 0
    copies = segconv.raw / "Dataset006_Aug"
    shutil.rmtree(copies / "segconv")
    (copies / "splits_final.json").unlink()
    done = segconv("splits", "verify", "6", "--allow-alike")
    assert json.loads(done.out)["verdict"] == "leak suspected"
    assert "copies: unknown" in done.err
    assert "by names of copies" in done.err
    assert segconv("splits", "make", "6").code == 0
    done = segconv("splits", "verify", "6")
    assert json.loads(done.out)["verdict"] == "no leak found"


def test_a_file_that_is_no_list_of_folds_is_refused_with_the_command_for_this_dataset(
    segconv: Command, shapes: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.json").write_text("[]", encoding="utf-8")
    done = segconv("splits", "verify", "5", "--splits", tmp_path / "mine.json")
    assert done.codes() == ["SC099"]
    assert "segconv splits make 5 makes new folds" in done.err


def test_folds_are_shown_with_patients_and_the_share_of_each_class(segconv: Command, shapes: Path) -> None:
    folds = json.loads((shapes / "splits_final.json").read_text(encoding="utf-8"))
    done = segconv("splits", "show", "5")
    assert done.code == 0, done.err
    rows = {row[0]: row[1:] for row in (line.split("\t") for line in done.out.splitlines())}
    assert rows[""] == [f"fold {n}" for n in range(len(folds))]
    assert rows["validation cases"] == [str(len(fold["val"])) for fold in folds]
    assert rows["patients validated"] == ["1"] * 4
    found = segconv("splits", "show", "5", "--json").json
    assert found["file"] == str(shapes / "splits_final.json")
    for name in found["folds"][0]["classes"]:
        assert sum(fold["classes"][name]["share"] for fold in found["folds"]) == pytest.approx(1)
        assert sum(fold["classes"][name]["val_cases"] for fold in found["folds"]) == 8


def test_the_folds_of_a_conversion_are_certified_and_the_hash_can_be_computed_by_hand(
    segconv: Command, shapes: Path
) -> None:
    before = tree_hash(shapes)
    done = segconv("splits", "verify", "5")
    assert done.code == 0, done.err
    certificate = json.loads(done.out)
    assert segconv("splits", "verify", "5", "--json").json["certificate"] == certificate
    assert tree_hash(shapes) == before
    assert certificate["verdict"] == "no leak found"
    assert certificate["groups"]["of_several_cases"] == [[f"shape-{2 * n}", f"shape-{2 * n + 1}"] for n in range(4)]
    assert certificate["checked"]["patients"] == {"from": "lineage", "unknown": 0}
    assert certificate["splits"]["sha256"] == hashlib.sha256((shapes / "splits_final.json").read_bytes()).hexdigest()
    command = "LC_ALL=C; sha256sum dataset.json imagesTr/* labelsTr/* | sha256sum"
    by_hand = subprocess.run(["sh", "-c", command], cwd=shapes, capture_output=True, text=True, check=True)
    assert certificate["dataset"]["sha256"] == by_hand.stdout.split()[0]


def test_a_leaking_file_is_refused_with_every_leak_by_name(segconv: Command, shapes: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "mine.json", ([1, 2, 3, 4, 5, 6, 7], [0]), ([0, 1, 2, 3], [4, 5, 6, 7]))
    done = segconv("splits", "verify", "5", "--splits", file)
    assert (done.code, done.codes()) == (1, ["SC095"])
    assert "fold 0: 1 of 1 validation cases are of a patient in training: shape-0 as shape-1" in done.err
    certificate = json.loads(done.out)
    assert certificate["verdict"] == "leaks"
    assert certificate["leaks"] == [{"fold": 0, "case": "shape-0", "known_as": "shape-1", "by": "patient"}]
    assert [fold["leaking"] for fold in certificate["folds"]] == [1, 0]


def test_equal_bytes_leak_in_a_dataset_that_segconv_did_not_make(
    segconv: Command, shapes: Path, tmp_path: Path
) -> None:
    shutil.rmtree(shapes / "segconv")
    shutil.copyfile(shapes / "imagesTr" / "shape-3_0000.png", shapes / "imagesTr" / "shape-6_0000.png")
    file = written(tmp_path / "mine.json", ([0, 1, 2, 3, 4, 5], [6, 7]))
    done = segconv("splits", "verify", "5", "--splits", file)
    assert done.code == 1
    assert json.loads(done.out)["leaks"] == [{"fold": 0, "case": "shape-6", "known_as": "shape-3", "by": "content"}]
    file = written(tmp_path / "mine.json", ([0, 1, 2, 4, 5], [3, 6, 7]))
    clean = segconv("splits", "verify", "5", "--splits", file)
    assert clean.code == 0
    assert json.loads(clean.out)["verdict"] == "no leak found"
    assert json.loads(clean.out)["checked"]["copies"] == {"from": None, "copies": 0}


@pytest.mark.parametrize(
    ("folds", "wording", "code"),
    [
        ([([0, 1, 2, 3], [4, 5, 6, 99])], "fold 0 names 1 unknown case (shape-99)", 1),
        ([([0, 1, 2, 3], [4, 5])], "leaves out 2 cases (shape-6, shape-7): in no fold", 0),
        ([([0, 1, 2, 3], [4, 5, 6, 7]), ([0, 1], [2, 3, 4, 5, 6, 7])], "several folds validate 4 cases", 0),
        ([([0, 1, 2, 3, 4, 5, 6, 7], [4, 5])], "both trains and validates on 2 cases", 1),
    ],
)
def test_what_does_not_fit_the_cases_is_found(
    segconv: Command, shapes: Path, tmp_path: Path, folds: list[Any], wording: str, code: int
) -> None:
    done = segconv("splits", "verify", "5", "--splits", written(tmp_path / "mine.json", *folds))
    assert (done.code, wording in done.err) == (code, True), done.err


def test_classes_that_a_fold_lacks_are_named(segconv: Command, tmp_path: Path) -> None:
    source = png_shapes(tmp_path / "s", size=(24, 20), cases=4, tests=0, values=(0, 1, 2))
    assert segconv("convert", source, "--to", "6_Shapes", "--labels", "background=0,disc=1,ring=2").code == 0
    records = segconv.raw / "Dataset006_Shapes" / "segconv" / "cases.jsonl"
    lines = [json.loads(line) for line in records.read_text(encoding="utf-8").splitlines()]
    for line in lines[:1]:
        line["label_voxels"] = {"0": 400, "1": 80}
    records.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    first = int(lines[0]["case"][-1])
    rest = [n for n in range(4) if n != first]
    done = segconv("splits", "verify", "6", "--splits", written(tmp_path / "mine.json", (rest, [first])))
    assert "the validation set of fold 0 has no case with ring" in done.err


def test_nnunets_default_folds_leak_all_patients_after_augmentation_and_ours_none(
    segconv: Command, tmp_path: Path
) -> None:
    source = png_shapes(tmp_path / "s", size=(24, 20), cases=6, tests=0)
    assert segconv("convert", source, "--to", "5_Shapes", "--accept-labels").code == 0
    words = ("--to", "6_Aug", "--copies", "4", "--rotate-range", "15")
    assert segconv("augment", "5", *words).code == 0
    ours = segconv("splits", "verify", "6")
    assert (ours.code, json.loads(ours.out)["verdict"]) == (0, "no leak found")
    named = segconv("splits", "verify", "6", "--splits", "default")
    assert named.code == 1
    (segconv.raw / "Dataset006_Aug" / "splits_final.json").unlink()
    theirs = segconv("splits", "verify", "6")
    assert named.out == theirs.out
    assert theirs.code == 1
    certificate = json.loads(theirs.out)
    assert certificate["splits"] == {"file": None, "sha256": None}
    assert certificate["checked"]["copies"] == {"from": "lineage", "copies": 24}
    assert all(fold["leaking"] == fold["val"] for fold in certificate["folds"])
    assert all(fold["by"]["copy"] == fold["val"] for fold in certificate["folds"])
    assert sum(fold["by"].get("synthetic", 0) for fold in certificate["folds"]) == 24, "every copy is validated"
    assert "nnU-Net's default folds" in theirs.err
    assert "copies among them" in segconv("splits", "show", "6").out


def test_the_same_picture_in_another_form_leaks_and_folds_made_anew_keep_it_together(
    segconv: Command, shapes: Path, tmp_path: Path
) -> None:
    shutil.rmtree(shapes / "segconv")
    with Image.open(shapes / "imagesTr" / "shape-3_0000.png") as picture:
        paler = np.asarray(picture) // 2 + 40
    Image.fromarray(paler).save(shapes / "imagesTr" / "shape-6_0000.png")
    file = written(tmp_path / "mine.json", ([0, 1, 2, 3, 4, 5], [6, 7]))
    done = segconv("splits", "verify", "5", "--splits", file)
    assert done.code == 1
    assert "have an image that is near-identical to one in training: shape-6 as shape-3" in done.err
    certificate = json.loads(done.out)
    assert certificate["leaks"] == [{"fold": 0, "case": "shape-6", "known_as": "shape-3", "by": "near_identical"}]
    assert certificate["groups"]["of_several_cases"] == [["shape-3", "shape-6"]]
    assert certificate["checked"]["near_identical"] == {
        "from": "perceptual hash",
        "images": 8,
        "not_compared": 0,
        "pairs": [["shape-3", "shape-6"]],
        "false_alarms_per_pair": "< 5e-05",
    }
    made = segconv("splits", "make", "5", "--overwrite")
    assert "near-identical images, kept together: shape-3 and shape-6 (--allow-alike parts them)\n" in made.err
    assert "8 cases in 7 groups" in made.err
    assert json.loads(segconv("splits", "verify", "5").out)["verdict"] == "no leak found"
    allowed = segconv("splits", "make", "5", "--allow-alike", "--dry-run")
    assert "8 cases in 8 groups" in allowed.err
    certificate = json.loads(segconv("splits", "verify", "5", "--splits", file, "--allow-alike").out)
    assert (certificate["verdict"], certificate["checked"]["near_identical"]["from"]) == ("no leak found", None)


def test_images_that_cannot_be_decoded_are_counted_as_not_compared(segconv: Command, shapes: Path) -> None:
    (shapes / "imagesTr" / "shape-2_0000.png").write_bytes(b"no picture")
    Image.new("RGB", (24, 20)).save(shapes / "imagesTr" / "shape-4_0000.png")
    found = json.loads(segconv("splits", "verify", "5").out)["checked"]["near_identical"]
    assert (found["images"], found["not_compared"]) == (6, 2)
