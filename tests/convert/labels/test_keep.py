"""``--keep``: some of the classes of a source, by name or pattern; the rest becomes background."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fixtures.make_fixtures import png_shapes
from segconv.convert.labels.keep import kept_names
from segconv.dataset.labels import Labels
from segconv.dataset.lineage import read_run
from segconv.dataset.regions import swaps
from segconv.errors import SegconvError

from ...command import Command
from ..oracles import ct, description, records, voxels, write
from ..sources.test_masks import masks_of, totalsegmentator
from .named_files import NAMES, source


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (["liver"], ["liver"]),
        (["kidney*", "liver"], ["kidney_left", "kidney_right", "liver"]),
        (["rib_[ab]", "liver"], ["liver", "rib_b"]),
        (["liver", "lung"], ["liver"]),
    ],
)
def test_classes_are_kept_by_name_or_pattern_in_the_order_of_the_source(wanted: list[str], kept: list[str]) -> None:
    assert kept_names(["kidney_left", "kidney_right", "liver", "rib_b"], wanted, ["lung", "brain"]) == kept


@pytest.mark.parametrize(
    ("wanted", "what", "hint"),
    [
        (["livr"], "no class to keep is called 'livr'", "similar: liver"),
        (["Liver"], "no class to keep is called 'Liver'", "similar: liver"),
        (["liver", "kidny*"], "no class to keep is called 'kidny*'", "similar: kidney"),
        (["zzz"], "no class to keep is called 'zzz'", "classes are liver, kidney"),
        (["lung", "br*"], "no file has lung, brain: nothing is left to keep", "the files have liver, kidney"),
    ],
)
def test_a_pattern_that_matches_no_class_is_refused(wanted: list[str], what: str, hint: str) -> None:
    with pytest.raises(SegconvError) as caught:
        kept_names(["liver", "kidney"], wanted, ["lung", "brain"])
    assert (caught.value.message, caught.value.hint) == (what, hint)


def test_the_rest_of_a_label_map_becomes_background_said_and_recorded(tmp_path: Path, segconv: Command) -> None:
    root = source(tmp_path / "src", NAMES, NAMES)
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT", "--keep", "liver,kidney*,spl*")
    assert done.code == 0, done.err
    assert "kept 2 of 3 classes, kidney_right, liver; the other 1 counts as background" in done.err
    assert "SC076: no file has spleen, which is to be kept" in done.err
    made = segconv.raw / "Dataset005_A"
    assert description(made)["labels"] == {"background": 0, "kidney_right": 1, "liver": 2}
    run = read_run(made)
    assert run is not None
    assert run.said["options"]["keep"] == ["liver", "kidney*", "spl*"]
    assert records(made)["c0"]["label_map"] == {"0": 0, "2": 1, "5": 2, "117": 0}
    for case in ("c0", "c1"):
        found = voxels(root / f"labels/{case}.nii.gz")
        assert np.array_equal(voxels(made / f"labelsTr/{case}.nii.gz"), (found == 2) + 2 * (found == 5))
    assert segconv("check", "5").code == 0


def test_kept_classes_come_back_with_their_numbers_and_the_others_do_not(tmp_path: Path, segconv: Command) -> None:
    root = source(tmp_path / "src", NAMES)
    assert segconv("convert", root, "--to", "5_A", "--channels", "CT", "--keep", "costal*").code == 0
    done = segconv("restore", segconv.raw / "Dataset005_A/labelsTr", "--like", "5", "-o", tmp_path / "back")
    assert "the values 0 and 2 and 5 were one label and come back as 0" in done.err
    found = voxels(root / "labels/c0.nii.gz")
    assert np.array_equal(voxels(tmp_path / "back/c0.nii.gz"), np.where(found == 117, 117, 0))


def test_masks_that_are_not_kept_are_not_read(tmp_path: Path, segconv: Command) -> None:
    root = totalsegmentator(tmp_path / "src")
    for case in root.iterdir():
        (case / "segmentations/kidney.nii.gz").write_bytes(b"damaged")
    done = segconv("convert", root, "--to", "5_A", "--keep", "liv*,tumour")
    assert done.code == 0, done.err
    assert "kept 2 of 3 classes, liver, tumour; the other 1 counts as background" in done.err
    back = segconv("restore", segconv.raw / "Dataset005_A/labelsTr", "--like", "5", "-o", tmp_path / "back")
    assert back.code == 0, back.err
    assert sorted(path.name for path in (tmp_path / "back/s0001").iterdir()) == ["liver.nii.gz", "tumour.nii.gz"]
    assert np.array_equal(voxels(tmp_path / "back/s0001/liver.nii.gz"), masks_of(1)["liver"])
    assert segconv("convert", root, "--to", "6_A", "--keep", "livr").codes() == ["SC001"]


def test_a_region_is_kept_with_all_its_values(tmp_path: Path, segconv: Command) -> None:
    root = totalsegmentator(tmp_path / "src")
    assert segconv("convert", root, "--to", "5_A").code == 0
    old = segconv.raw / "Dataset005_A"
    assert description(old)["labels"] == {"background": 0, "kidney": 1, "liver": [2, 3], "tumour": 3}
    done = segconv("convert", old, "--to", "6_A", "--keep", "liver")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset006_A"
    assert description(made)["labels"] == {"background": 0, "liver": 1}
    assert np.array_equal(voxels(made / "labelsTr/s0001.nii.gz"), masks_of(1)["liver"])
    assert segconv("restore", made / "labelsTr", "--like", "6", "-o", tmp_path / "back").code == 0
    assert [path.name for path in (tmp_path / "back/s0001").iterdir()] == ["liver.nii.gz"]
    assert np.array_equal(voxels(tmp_path / "back/s0001/liver.nii.gz"), masks_of(1)["liver"])
    done = segconv("convert", old, "--to", "7_A", "--keep", "liver,tumour")
    assert description(segconv.raw / "Dataset007_A")["labels"] == {"background": 0, "liver": [1, 2], "tumour": 2}


def test_kept_regions_that_no_order_tells_apart_get_a_head_for_their_overlap(tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "src"
    for number in range(2):
        phantom, bars = ct(number), np.zeros(ct(number).label.array.shape, np.uint8)
        for name, rows in {"a": slice(0, 6), "b": slice(4, 10), "c": slice(12, 14)}.items():
            mask = bars.copy()
            mask[:, rows] = 1
            write(root / f"s{number}/segmentations/{name}.nii.gz", phantom.label, mask)
        write(root / f"s{number}/ct.nii.gz", phantom.images[0])
    assert segconv("convert", root, "--to", "5_A").code == 0
    done = segconv("convert", segconv.raw / "Dataset005_A", "--to", "6_A", "--keep", "a,b")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset006_A"
    labels = Labels.from_json(description(made)["labels"], description(made)["regions_class_order"])
    assert set(labels.names) == {"background", "a", "b", "a&b"}
    assert swaps(labels) == {}
    assert segconv("restore", made / "labelsTr", "--like", "6", "-o", tmp_path / "back").code == 0
    for name in ("a", "b"):
        found = voxels(tmp_path / f"back/s1/{name}.nii.gz")
        assert np.array_equal(found, voxels(root / f"s1/segmentations/{name}.nii.gz"))


def test_an_ignore_label_stays_the_highest(tmp_path: Path, segconv: Command) -> None:
    root = source(tmp_path / "src", NAMES)
    said = ("--labels", "background=0,kidney=2,liver=5,ignore=117", "--channels", "CT")
    assert segconv("convert", root, "--to", "5_A", *said, "--keep", "liver").code == 0
    made = segconv.raw / "Dataset005_A"
    assert description(made)["labels"] == {"background": 0, "liver": 1, "ignore": 2}
    found = voxels(root / "labels/c0.nii.gz")
    assert np.array_equal(voxels(made / "labelsTr/c0.nii.gz"), (found == 5) + 2 * (found == 117))


def test_classes_of_a_decathlon_task_and_of_pictures_are_kept(tmp_path: Path, segconv: Command) -> None:
    task = tmp_path / "Task07_Organs"
    write(task / "imagesTr/a.nii.gz", ct(0).images[0])
    write(task / "labelsTr/a.nii.gz", ct(0).label)
    listed = {"training": [{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}], "test": []}
    labels = {"0": "background", "1": "liver", "2": "kidney", "3": "tumour"}
    (task / "dataset.json").write_text(json.dumps({"modality": {"0": "CT"}, "labels": labels, **listed}))
    assert segconv("convert", task, "--to", "5_A", "--keep", "tumour").code == 0
    assert description(segconv.raw / "Dataset005_A")["labels"] == {"background": 0, "tumour": 1}
    said = ("--labels", "background=0,disc=128,box=255", "--keep", "box")
    assert segconv("convert", png_shapes(tmp_path / "png"), "--to", "6_A", *said).code == 0
    assert description(segconv.raw / "Dataset006_A")["labels"] == {"background": 0, "box": 1}
