"""``segconv labels``: shows labels as nnU-Net decodes them, and verifies edits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fixtures.make_fixtures import png_shapes
from segconv.image.formats import png as picture

from ..command import Command, tree_hash

BRATS = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3}


@pytest.fixture
def shapes(segconv: Command, tmp_path: Path) -> Path:
    done = segconv(
        "convert", png_shapes(tmp_path / "s"), "--to", "5_Shapes", "--labels", "background=0,disc=128,ring=255"
    )
    assert done.code == 0, done.err
    return segconv.raw / "Dataset005_Shapes"


def write(folder: Path, **entries: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    v2 = {"channel_names": {"0": "CT", "1": "MR"}, "labels": BRATS, "numTraining": 0, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(v2 | {"regions_class_order": [1, 2, 3]} | entries))
    return folder


def labels(folder: Path) -> Any:
    return json.loads((folder / "dataset.json").read_text())["labels"]


def test_labels_are_shown_with_their_voxels_and_the_normalisation_of_each_channel(
    segconv: Command, shapes: Path
) -> None:
    done = segconv("labels", "show", "5")
    assert done.code == 0
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert rows[0] == ["name", "values", "decoded to", "voxels"]
    assert [row[:3] for row in rows[1:]] == [["background", "0", "0"], ["disc", "1", "1"], ["ring", "2", "2"]]
    counted = {0: 0, 1: 0, 2: 0}
    for path in (shapes / "labelsTr").iterdir():
        values, numbers = np.unique(
            picture.samples_of(path.read_bytes(), picture.prove(path.read_bytes())[0]), return_counts=True
        )
        for value, number in zip(values.tolist(), numbers.tolist(), strict=True):
            counted[value] += number
    assert [int(row[3]) for row in rows[1:]] == list(counted.values())
    assert "channel R: normalisation z-score" in done.err
    assert segconv("labels", "show", "5", "--json").json["voxels"] == {str(v): n for v, n in counted.items()}


def test_regions_are_proved_by_decoding(segconv: Command, tmp_path: Path) -> None:
    folder = write(tmp_path / "brats")
    for where in (folder, folder / "dataset.json"):
        done = segconv("labels", "show", where)
        assert done.code == 0
        assert "whole\t1, 2, 3\t1, 2, 3\n" in done.out
        assert "regions_class_order [1, 2, 3] gives every value back" in done.err
    assert "channel CT: normalisation CT: clipped" in done.err


def test_an_order_that_swaps_values_is_an_error_with_the_table(segconv: Command, tmp_path: Path) -> None:
    folder = write(tmp_path / "brats", regions_class_order=[3, 2, 1])
    done = segconv("labels", "show", folder)
    assert (done.code, done.codes()) == (65, ["SC074"])
    assert "swaps 1 whole → 3 enhancing, 3 enhancing → 1 whole" in done.err
    assert "Hint: write regions_class_order [1, 2, 3] there, which gives every value back" in done.err
    assert "whole\t1, 2, 3\t3, 2, 1\n" in done.out
    done = segconv("labels", "show", folder, "--json")
    assert (done.json["ok"], done.json["proved"]) == (False, False)
    assert done.json["decoded"] == {"0": 0, "1": 3, "2": 2, "3": 1}


def test_a_json_of_v1_and_of_the_decathlon_is_shown_as_v2_would_have_it(
    segconv: Command, tmp_path: Path, data: Path
) -> None:
    done = segconv("labels", "show", data / "Task04_Hippocampus", "--json")
    assert done.json["labels"] == {"background": 0, "Anterior": 1, "Posterior": 2}
    brats = {"modality": {"0": "FLAIR"}, "labels": {"0": "background", "1": "edema", "2": "core", "4": "enhancing"}}
    (tmp_path / "dataset.json").write_text(json.dumps(brats))
    done = segconv("labels", "show", tmp_path)
    assert done.code == 0
    assert "enhancing\t4\t3" in done.out
    assert "Next: segconv convert" in done.err


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "SC086"),
        ("[]", "SC086"),
        ("{}", "SC086"),
        ('{"modality": {"0": "CT"}}', "SC074"),
        ('{"modality": {"0": "CT"}, "labels": {"1": "organ"}}', "SC074"),
        ('{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1, "Ignore": 2}}', "SC074"),
    ],
)
def test_a_json_that_cannot_be_used_is_refused_by_name(segconv: Command, tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "dataset.json").write_text(text)
    done = segconv("labels", "show", tmp_path)
    assert (done.code, done.codes()) == (65, [code])
    assert "dataset.json" in done.err


def test_an_ignore_label_that_nnunet_would_not_recognise_is_fixed_by_the_hint(segconv: Command) -> None:
    folder = write(
        segconv.raw / "Dataset006_A", labels={"background": 0, "a": 1, "Ignore": 2}, regions_class_order=None
    )
    done = segconv("labels", "show", "6")
    assert (done.code, "segconv labels rename 6 Ignore=ignore" in done.err) == (65, True)
    assert segconv("labels", "rename", "6", "Ignore=ignore").code == 0
    assert labels(folder) == {"background": 0, "a": 1, "ignore": 2}
    assert "ignore\t2\tnot learned" in segconv("labels", "show", "6").out


def test_a_missing_dataset_is_66(segconv: Command, tmp_path: Path) -> None:
    for verb in (["show", "9"], ["rename", "9", "a=b"], ["regions", "9", "a=b"], ["ignore", "9"]):
        assert segconv("labels", *verb).code == 66


def test_labels_are_renamed_and_predictions_still_come_back_in_the_users_values(
    segconv: Command, shapes: Path, tmp_path: Path
) -> None:
    before = tree_hash(shapes)
    done = segconv("labels", "rename", "5", "disc=plate", "-n")
    assert done.out.splitlines() == ["old\tnew\tvalue", "disc\tplate\t1"]
    assert tree_hash(shapes) == before
    done = segconv("labels", "rename", "5", "disc=plate")
    assert (done.code, "Next: segconv plan 5" in done.err) == (0, True)
    assert labels(shapes) == {"background": 0, "plate": 1, "ring": 2}
    run = json.loads((shapes / "segconv" / "run.json").read_text())
    assert run["edits"][0]["old"] == {"labels": {"background": 0, "disc": 1, "ring": 2}}
    assert segconv("restore", shapes / "labelsTs", "--like", "5", "-o", tmp_path / "mine").code == 0
    for path in (tmp_path / "s" / "png" / "testing" / "output").iterdir():
        restored = (tmp_path / "mine" / path.name).read_bytes()
        same = [picture.samples_of(d, picture.prove(d)[0]) for d in (restored, path.read_bytes())]
        assert (same[0] == same[1]).all()


@pytest.mark.parametrize("text", ["disc", "disc=", "=disc", "dsc=x"])
def test_a_renaming_that_does_not_read_so_is_usage(segconv: Command, shapes: Path, text: str) -> None:
    assert segconv("labels", "rename", "5", text).code == 2
    assert segconv("labels", "rename", "5", "disc=a", "disc=b").code == 2


def test_regions_are_set_proved_and_shown_before_they_are_written(segconv: Command, shapes: Path) -> None:
    words = ["labels", "regions", "5", "ring=ring", "figure=disc+ring"]
    done = segconv(*words, "--dry-run")
    assert "figure\t\t[1, 2]" in done.out
    assert "disc\t1\t" in done.out
    assert "regions_class_order of figure, ring\t\t[1, 2]" in done.out
    assert "disc" in labels(shapes)
    done = segconv(*words, "--json")
    assert done.json["new"] == {
        "labels": {"background": 0, "figure": [1, 2], "ring": 2},
        "regions_class_order": [1, 2],
    }
    assert list(labels(shapes)) == ["background", "figure", "ring"]
    assert segconv("labels", "show", "5").code == 0
    again = segconv(*words)
    assert (again.code, "nothing to do" in again.err) == (2, False), "disc is no label any more"
    again = segconv("labels", "regions", "5", "ring=2", "figure=1+2")
    assert (again.code, "nothing to do" in again.err) == (0, True)


def test_indistinguishable_regions_name_the_one_to_add(segconv: Command, shapes: Path) -> None:
    done = segconv("labels", "regions", "5", "figure=disc+ring")
    assert (done.code, done.codes()) == (65, ["SC074"])
    assert "Hint: add ring=2 to the regions" in done.err
    done = segconv("labels", "regions", "5", "figure=disc+ring", "ring=2", "--order", "2,1")
    assert (done.code, done.codes()) == (65, ["SC074"])
    assert "swaps 1 figure → 2 ring" in done.err
    assert segconv("labels", "regions", "5", "figure=disc+ring", "--order", "a").code == 2


def test_regions_under_preprocessed_data_need_force(segconv: Command, shapes: Path) -> None:
    (segconv.folder / "nnUNet_preprocessed" / shapes.name).mkdir()
    words = ["labels", "regions", "5", "ring=ring", "figure=disc+ring"]
    assert segconv(*words).code == 73
    done = segconv(*words, "--force")
    assert (done.code, "Warning SC094" in done.err) == (0, True)


def test_the_coverage_of_the_ignore_label_is_reported_per_case(segconv: Command, shapes: Path) -> None:
    done = segconv("labels", "ignore", "5")
    assert (done.code, "has no ignore label" in done.err) == (0, True)
    path = shapes / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"labels": {"background": 0, "disc": 1, "ignore": 2}}))
    counts = [json.loads(line) for line in (shapes / "segconv" / "cases.jsonl").read_text().splitlines()]
    expected = {
        record["case"]: record["label_voxels"].get("2", 0) / sum(record["label_voxels"].values())
        for record in counts
        if record["split"] == "train"
    }
    done = segconv("labels", "ignore", "5", "--json")
    assert done.json["ignore"] == 2
    assert done.json["cases"] == pytest.approx(expected)
    done = segconv("labels", "ignore", "5")
    assert done.out.splitlines()[0] == "case\tignored"
    (shapes / "segconv" / "cases.jsonl").unlink()
    assert segconv("labels", "ignore", "5", "--json").json["cases"] == pytest.approx(expected), "from the files"


def test_a_case_that_is_ignored_completely_is_a_warning(segconv: Command) -> None:
    folder = write(
        segconv.raw / "Dataset006_A",
        channel_names={"0": "gray"},
        labels={"background": 0, "ignore": 1},
        regions_class_order=None,
        file_ending=".png",
    )
    for name, value in (("imagesTr/a_0000.png", 7), ("labelsTr/a.png", 1)):
        (folder / name).parent.mkdir()
        (folder / name).write_bytes(picture.encode_samples(np.full((4, 4), value, dtype=np.uint8)))
    done = segconv("labels", "ignore", "6")
    assert (done.code, "Warning SC075: a: is ignored completely" in done.err) == (0, True)
    (folder / "labelsTr" / "a.png").write_bytes(picture.encode_samples(np.zeros((4, 4), dtype=np.uint8)))
    assert "Warning SC076" in segconv("labels", "ignore", "6").err


def values_of(folder: Path) -> dict[str, dict[int, int]]:
    """Name of a mask → value → number of pixels."""
    found = {}
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        values, numbers = np.unique(picture.samples_of(data, picture.prove(data)[0]), return_counts=True)
        found[path.name] = dict(zip(values.tolist(), numbers.tolist(), strict=True))
    return found


def test_labels_are_merged_by_name_into_a_new_dataset(segconv: Command, shapes: Path) -> None:
    before, counts = tree_hash(shapes), values_of(shapes / "labelsTr")
    words = ["labels", "remap", "5", "--to", "6_Merged", "--map", "ring=disc"]
    done = segconv(*words, "--dry-run")
    assert done.out.splitlines() == ["old\tnew\tlabel", "0\t0\tbackground", "1\t1\tdisc", "2\t1\tdisc"]
    assert not list(segconv.raw.glob("Dataset006*"))
    done = segconv(*words)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset006_Merged"
    assert labels(made) == {"background": 0, "disc": 1}
    assert values_of(made / "labelsTr") == {
        name: {v: n for v, n in ((0, of.get(0, 0)), (1, of.get(1, 0) + of.get(2, 0))) if n}
        for name, of in counts.items()
    }
    assert tree_hash(shapes) == before
    assert segconv("labels", "remap", "5", "--to", "7").code == 2


def test_labels_and_their_values_can_be_declared_again(segconv: Command, shapes: Path) -> None:
    counts = values_of(shapes / "labelsTr")
    done = segconv("labels", "remap", "5", "--to", "8", "--labels", "background=0,first=1,second=2")
    assert done.code == 0, done.err
    (made,) = segconv.raw.glob("Dataset008*")
    assert labels(made) == {"background": 0, "first": 1, "second": 2}
    assert values_of(made / "labelsTr") == counts


def test_scribbles_leave_everything_else_ignored_and_keep_a_background(segconv: Command, shapes: Path) -> None:
    counts = values_of(shapes / "labelsTr")
    done = segconv("labels", "ignore", "5", "--scribbles", "--to", "6_Scribbles")
    assert (done.code, done.codes()) == (2, ["SC001"])
    assert "no training case has a voxel of background" in done.err
    assert "--background NAME, for one of disc, ring" in done.err
    assert segconv("labels", "ignore", "5", "--scribbles", "--background", "x", "--to", "6_Scribbles").code == 2
    assert not list(segconv.raw.glob("*006*"))
    done = segconv("labels", "ignore", "5", "--scribbles", "--background", "ring", "--to", "6_Scribbles")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset006_Scribbles"
    assert labels(made) == {"background": 0, "disc": 1, "ignore": 2}
    assert values_of(made / "labelsTr") == {
        name: {v: of[o] for v, o in ((0, 2), (1, 1), (2, 0)) if o in of} for name, of in counts.items()
    }
    shares = segconv("labels", "ignore", "6", "--json").json["cases"]
    assert shares == pytest.approx({name.removesuffix(".png"): of[0] / sum(of.values()) for name, of in counts.items()})


def test_a_label_becomes_the_ignore_label_with_the_highest_value(segconv: Command, shapes: Path) -> None:
    counts = values_of(shapes / "labelsTr")
    done = segconv("labels", "ignore", "5", "--value", "disc", "--to", "6_A")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset006_A"
    assert labels(made) == {"background": 0, "ring": 1, "ignore": 2}
    assert values_of(made / "labelsTr") == {
        name: {v: of[o] for v, o in ((0, 0), (1, 2), (2, 1)) if o in of} for name, of in counts.items()
    }


@pytest.mark.parametrize(
    "words",
    [
        ["--background", "disc", "--to", "6"],
        ["--scribbles"],
        ["--to", "6"],
        ["--scribbles", "--value", "disc", "--to", "6"],
        ["--value", "x", "--to", "6"],
    ],
)
def test_an_ignore_label_that_is_half_said_is_usage(segconv: Command, shapes: Path, words: list[str]) -> None:
    assert segconv("labels", "ignore", "5", *words).code == 2


def scans(folder: Path, **masks: list[int]) -> Path:
    """A folder with two cases, each an image and masks of one class; the numbers are rows that a mask holds."""
    for case in ("p1", "p2"):
        (folder / case / "segmentations").mkdir(parents=True)
        image = np.random.default_rng(len(case)).integers(0, 255, (8, 8), dtype=np.uint8)
        (folder / case / "image.png").write_bytes(picture.encode_samples(image))
        for name, rows in masks.items():
            mask = np.zeros((8, 8), dtype=np.uint8)
            mask[rows] = 255
            (folder / case / "segmentations" / f"{name}.png").write_bytes(picture.encode_samples(mask))
    return folder


def test_what_overlapping_masks_become_is_shown_and_nothing_written(segconv: Command, tmp_path: Path) -> None:
    folder = scans(tmp_path / "scans", liver=[0, 1, 2], tumour=[2, 3])
    before = tree_hash(tmp_path)
    done = segconv("labels", "compile", folder)
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "value\tin the masks", "0\t", "1\tliver", "2\ttumour", "3\tliver, tumour",
        "",
        "label\tvalues", "background\t0", "liver\t1, 3", "tumour\t2, 3", "liver&tumour\t3",
    ]  # fmt: skip
    assert "regions_class_order [1, 2, 3] gives every value back" in done.err
    assert tree_hash(tmp_path) == before
    found = segconv("labels", "compile", folder, "--json").json
    assert (found["proved"], found["masks"]) == (True, {"liver": [1, 3], "tumour": [2, 3]})
    found = segconv("labels", "compile", folder, "--priority", "tumour", "--json").json
    assert (found["labels"], found["overlaps_lost"]) == ({"background": 0, "liver": 1, "tumour": 2}, 1)
    done = segconv("labels", "compile", folder, "--max-heads", "2")
    assert (done.code, done.codes()) == (65, ["SC074"])
    assert segconv("labels", "compile", tmp_path / "none").code == 66
