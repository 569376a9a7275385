"""Layouts of pictures and masks: each is found, reported and paired correctly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from skimage import io

from ...command import Command, tree_hash
from ..drawn import labels, pair, picture, records, save, written


@dataclass
class Layout:
    """Pairs by case, ``{}`` standing for 1, 2 and 3; ``test`` holds images with or without a mask."""

    train: dict[str, tuple[str, str]]
    test: dict[str, tuple[str, str | None]] | None = None
    beside: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    evidence: str = ""


LAYOUTS = {
    "input and output": Layout({"{}": ("training/input/{}.png", "training/output/{}.png")}, {"t{}": ("testing/input/t{}.png", "testing/output/t{}.png")}),
    "images and masks": Layout({"{}": ("images/{}.png", "masks/{}.png")}, evidence="images/ and masks/"),
    "upper case": Layout({"{}": ("Images/{}.PNG", "MASKS/{}.Png")}),
    "img and gt": Layout({"{}": ("img/{}.png", "gt/{}.png")}),
    "train and test of Kaggle": Layout({"{}": ("train/images/{}.png", "train/masks/{}.png")}, {"t{}": ("test/images/t{}.png", None)}),
    "one word of two roles": Layout({"{}": ("train_images/{}.png", "train_masks/{}.png")}, {"t{}": ("test_images/t{}.png", None)}),
    "capitals as separators": Layout({"{}": ("TrainImages/{}.png", "TrainMasks/{}.png")}),
    "split within the role": Layout({"{}": ("images/train/{}.png", "labels/train/{}.png"), "v{}": ("images/val/v{}.png", "labels/val/v{}.png")}, {"t{}": ("images/test/t{}.png", "labels/test/t{}.png")}),
    "training and validation": Layout({"{}": ("images/training/{}.png", "annotations/training/{}.png"), "v{}": ("images/validation/v{}.png", "annotations/validation/v{}.png")}),
    "a folder around all": Layout({"{}": ("Kvasir-SEG/images/{}.png", "Kvasir-SEG/masks/{}.png")}, beside=("Kvasir-SEG/boxes.json",)),
    "suffix on one side": Layout({"{}": ("images/{}.png", "masks/{}_mask.png")}),
    "suffix on both sides": Layout({"{}": ("images/{}_image.png", "masks/{}_label.png")}),
    "prefixes": Layout({"{}": ("images/img_{}.png", "masks/mask_{}.png")}),
    "a number behind the role": Layout({"p_{}": ("images/p_img_{}.png", "masks/p_mask_{}.png")}),
    "suffix that no word tells": Layout({"{}": ("images/{}_blue.png", "masks/{}.png")}),
    "side by side, by suffix": Layout({"{}": ("{}.png", "{}_mask.png")}, evidence="side by side"),
    "side by side, by ending": Layout({"{}": ("{}.jpg", "{}.png")}, beside=("notes.txt",)),
    "side by side in folders": Layout({"benign ({})": ("benign/benign ({}).png", "benign/benign ({})_mask.png"), "malignant ({})": ("malignant/malignant ({}).png", "malignant/malignant ({})_mask.png")}),
    "a folder a patient": Layout({"TCGA_{}": ("kaggle_3m/TCGA_{0}/TCGA_{0}.tif", "kaggle_3m/TCGA_{0}/TCGA_{0}_mask.tif")}, beside=("kaggle_3m/data.csv",)),
    "a folder a case": Layout({"case{}": ("case{}/image.png", "case{}/mask.png")}),
    "a folder a case in a split": Layout({"case{}": ("train/case{}/image.png", "train/case{}/mask.png")}),
    "ISIC": Layout({"ISIC_{}": ("ISIC-2017_Training_Data/ISIC_{}.jpg", "ISIC-2017_Training_Part1_GroundTruth/ISIC_{}_segmentation.png")}, {"ISIC_9{}": ("ISIC-2017_Test_v2_Data/ISIC_9{}.jpg", "ISIC-2017_Test_v2_Part1_GroundTruth/ISIC_9{}_segmentation.png")}),
    "DRIVE": Layout({"2{}": ("training/images/2{}_training.tif", "training/1st_manual/2{}_manual1.tif")}),
    "Carvana": Layout({"{}": ("train/{}.jpg", "train_masks/{}_mask.png")}, {"t{}": ("test/t{}.jpg", None)}),
    "CVC": Layout({"{}": ("PNG/Original/{}.png", "PNG/Ground Truth/{}.png")}),
    "words before the role": Layout({"{}": ("scans/images/{}.png", "scans/lung masks/{}.png")}, evidence="lung masks/"),
    "a word below the role": Layout({"{}": ("images/rgb/{}.png", "masks/{}.png")}, evidence="images/rgb/ and masks/"),
    "a class below the role": Layout({"{}": ("images/{}.png", "masks/liver/{}.png")}, evidence="masks/liver/"),
    "numbered roles": Layout({"a{}": ("images1/a{}.png", "masks1/a{}.png"), "b{}": ("images2/b{}.png", "masks2/b{}.png")}),
    "VOC": Layout({"2007_{}": ("JPEGImages/2007_{}.jpg", "SegmentationClass/2007_{}.png")}, beside=("ImageSets/Segmentation/train.txt", "Annotations/2007_1.xml")),
    "CamVid": Layout({"{}": ("train/{}.png", "trainannot/{}.png"), "v{}": ("val/v{}.png", "valannot/v{}.png")}, {"t{}": ("test/t{}.png", "testannot/t{}.png")}),
    "sites, by path": Layout({"site A/{}": ("site A/images/{}.png", "site A/masks/{}.png"), "site B/{}": ("site B/images/{}.png", "site B/masks/{}.png")}, options=("--case-names", "path")),
    "splits, by path": Layout({"train/{}": ("train/images/{}.png", "train/masks/{}.png")}, {"test/{}": ("test/images/{}.png", "test/masks/{}.png")}, options=("--case-names", "path")),
    "Cityscapes, by pattern": Layout({"{}": ("leftImg8bit/train/ulm/ulm_{}_leftImg8bit.png", "gtFine/train/ulm/ulm_{}_gtFine_labelIds.png")}, options=("--images", "leftImg8bit/train/*/ulm_{case}_leftImg8bit.png", "--masks", "gtFine/train/*/ulm_{case}_gtFine_labelIds.png")),
    "no roles, by pattern": Layout({"{}": ("x/{}.png", "y/{}.png")}, options=("--images", "x", "--masks", "y")),
    "stray files": Layout({"{}": ("images/{}.png", "masks/{}.png")}, beside=("images/._1.png", "images/Thumbs.db", "masks/.DS_Store", "README.md")),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_read_as_meant(name: str, tmp_path: Path, segconv: Command) -> None:
    layout, source = LAYOUTS[name], tmp_path / "mine"
    expected: dict[str, tuple[str, str | None, str]] = {}
    for split, cases in (("train", layout.train), ("test", layout.test or {})):
        for case, (image, mask) in cases.items():
            for number in (1, 2, 3):
                seed = len(expected)
                expected[case.format(number)] = (image.format(number), mask and mask.format(number), split)
                save(source / image.format(number), picture(seed))
                if mask:
                    save(source / mask.format(number), labels(seed) * np.uint8(255))
    for path in layout.beside:
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text("{}")
    before = tree_hash(source)
    done = segconv("convert", source, "--to", "9_Made", *layout.options)
    assert done.code == 0, done.err
    assert layout.evidence in done.err
    made = segconv.raw / "Dataset009_Made"
    lineage = records(made)
    assert {case: record["split"] for case, record in lineage.items()} == {c: e[2] for c, e in expected.items()}
    for case, (image, mask, split) in expected.items():
        folders = ("imagesTr", "labelsTr") if split == "train" else ("imagesTs", "labelsTs")
        identifier = lineage[case]["case"]
        assert np.array_equal(io.imread(made / folders[0] / f"{identifier}_0000.png"), io.imread(source / image))
        if mask:
            assert np.array_equal(written(made, case, folders[1]), io.imread(source / mask) // 255)
    assert json.loads((made / "dataset.json").read_text())["labels"] == {"background": 0, "foreground": 1}
    assert tree_hash(source) == before


@pytest.mark.parametrize(
    ("paths", "code", "exit_code", "wording"),
    [
        # what shows where images and masks are, but not which belong together
        ((("images/q{}.png", "masks/z{}.png"),), "SC081", 65, "--images 'images/q{case}.png' --masks 'masks/z{case}.png'"),
        ((("leftImg8bit/train/ulm/{}_leftImg8bit.png", "gtFine/train/ulm/{}_gtFine_color.png"),), "SC081", 65, "{case}_gtFine_color.png'"),
        ((("images/{}.png", "masks/{}.png"), ("images/{}.png", "masks2/{}.png")), "SC003", 2, "masks and masks2 may both hold the masks"),
        ((("images/{}.png", "lung masks/{}.png"), ("images/{}.png", "heart masks/{}.png")), "SC003", 2, "--masks 'heart masks/{case}.png'"),
        ((("images/{}.png", "masks/liver/{}.png"), ("images/{}.png", "masks/heart/{}.png")), "SC003", 2, "--masks 'masks/heart/{case}.png'"),
        ((("images/{}.png", "masks/{}.png"), ("pictures/{}.png", "masks/{}.png")), "SC003", 2, "images and pictures may"),
        # the same names in several folders
        ((("A/images/{}.png", "A/masks/{}.png"), ("B/images/{}.png", "B/masks/{}.png")), "SC085", 65, "--case-names path"),
        ((("train/images/{}.png", "train/masks/{}.png"), ("test/images/{}.png", "test/masks/{}.png")), "SC085", 65, "--case-names path"),
        # too much of it
        ((("{}.png", "{}_mask.png"), ("{}.png", "{}_label.png")), "SC085", 65, "second label"),
        ((("images/{}.png", "masks/{}.png"), ("images/{}.jpg", "masks/{}.png")), "SC085", 65, "are two files of one case"),
        ((("images/{}.png", "masks/{}.png"), ("images/{}.PNG", "masks/{}.png")), "SC085", 65, "are two files of one case"),
        ((("images/{}.png", "masks/{}.png"), ("figures/f{}.png", "figures/g{}.png")), "SC063", 65, "figures: holds 6 files"),
        # too little
        ((("x/{}.png", "y/{}.png"),), "SC011", 66, "--images 'x/*' --masks 'y/*'"),
        ((("images/{}.png", "masks/{}.gif"),), "SC051", 65, "masks as GIF files"),
    ],
)  # fmt: skip
def test_unpaired_files_are_reported_once_with_a_solution(
    paths: tuple[tuple[str, str], ...], code: str, exit_code: int, wording: str, tmp_path: Path, segconv: Command
) -> None:
    source = tmp_path / "mine"
    for seed, (image, mask) in enumerate(paths):
        for number in (1, 2, 3):
            pair(source, image.format(number), mask.format(number), seed * 10 + number)
    done = segconv("convert", source, "--to", "9")
    assert done.code == exit_code, done.err
    assert set(done.codes()) == {code}
    assert len(done.codes()) <= 3
    assert wording in done.err
    assert list(segconv.raw.iterdir()) == []


def test_the_patterns_that_a_refusal_proposes_convert_the_source(tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "mine"
    for city in ("ulm", "bonn"):
        for number in (1, 2):
            name = f"train/{city}/{city}_{number}"
            pair(source, f"leftImg8bit/{name}_leftImg8bit.png", f"gtFine/{name}_gtFine_labelIds.png", number)
    hint = segconv("convert", source, "--to", "9").err.splitlines()[-1]
    images, masks = hint.split("'")[1::2]
    done = segconv("convert", source, "--to", "9_Made", "--images", images, "--masks", masks)
    assert done.code == 0, done.err
    assert set(records(segconv.raw / "Dataset009_Made")) == {"ulm_1", "ulm_2", "bonn_1", "bonn_2"}


def test_the_same_names_in_many_folders_are_one_finding(tmp_path: Path, segconv: Command) -> None:
    for folder in range(5):
        for number in range(3):
            pair(tmp_path / "mine", f"s{folder}/images/{number}.png", f"s{folder}/masks/{number}.png", number)
    done = segconv("convert", tmp_path / "mine", "--to", "9")
    assert (done.code, done.codes()) == (65, ["SC085"])
    assert "s1/images/0.png: becomes the case '0', as does s0/images/0.png; and so do 11 more" in done.err


def test_two_readings_are_refused_with_both_commands(tmp_path: Path, segconv: Command) -> None:
    for number in (1, 2, 3):
        pair(tmp_path / "mine", f"case{number}/img.png", f"case{number}/label.png", number)
        save(tmp_path / "mine" / f"case{number}" / "label_viz.png", labels(number))
    done = segconv("convert", tmp_path / "mine", "--to", "9")
    assert (done.code, done.codes()) == (2, ["SC003"])
    assert "--from png" in done.err
    assert "--from masks" in done.err


def test_masks_of_one_object_each_are_united(tmp_path: Path, segconv: Command) -> None:
    source, expected = tmp_path / "mine", {}
    for number in (1, 2, 3):
        save(source / f"n{number}" / "images" / f"n{number}.png", picture(number))
        objects = labels(number, classes=4)
        for value in (1, 2, 3):
            save(source / f"n{number}" / "masks" / f"o{value}.png", (objects == value) * np.uint8(255))
        expected[f"n{number}"] = objects > 0
    done = segconv("convert", source, "--to", "9_Made")
    assert done.code == 0, done.err
    assert "single objects do not come back" in done.err
    for name, mask in expected.items():
        assert np.array_equal(written(segconv.raw / "Dataset009_Made", name), mask)


def test_masks_named_by_class_are_not_taken_for_objects(tmp_path: Path, segconv: Command) -> None:
    for number in (1, 2, 3):
        save(tmp_path / "mine" / f"case{number}" / "images" / f"x{number}.png", picture(number))
        for value, name in enumerate(("liver", "spleen"), 1):
            mask = (labels(number, 3) == value) * np.uint8(255)
            save(tmp_path / "mine" / f"case{number}" / "masks" / f"{name}.png", mask)
    done = segconv("convert", tmp_path / "mine", "--to", "9")
    assert (done.code, done.codes()) == (2, ["SC003"])
    assert "case1/masks: holds 2 files (liver.png, spleen.png)" in done.err
    assert "--from masks" in done.err


@pytest.mark.parametrize("layout", ["folders", "suffixes"])
def test_channels_in_files_of_their_own_are_named_and_the_same_in_every_case(
    layout: str, tmp_path: Path, segconv: Command
) -> None:
    def place(number: int, what: str) -> Path:
        if layout == "folders":
            return tmp_path / "mine" / f"case{number}" / f"{what}.png"
        return (
            tmp_path
            / "mine"
            / ("masks" if what == "seg" else "images")
            / f"{number}{'' if what == 'seg' else f'_{what}'}.png"
        )

    for number in (1, 2, 3):
        for seed, what in enumerate(("far", "near")):
            save(place(number, what), picture(number + 10 * seed))
        save(place(number, "seg"), labels(number))
    done = segconv("convert", tmp_path / "mine", "--to", "9_Made", "--from", "png")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    assert json.loads((made / "dataset.json").read_text())["channel_names"] == {"0": "far", "1": "near"}
    for number in (1, 2, 3):
        name = f"case{number}" if layout == "folders" else str(number)
        assert np.array_equal(io.imread(made / "imagesTr" / f"{name}_0001.png"), picture(number + 10))
    for odd in ("remove", "rename"):
        if odd == "remove":
            place(2, "near").rename(tmp_path / "aside.png")
        else:
            (tmp_path / "aside.png").rename(place(2, "other"))
        done = segconv("convert", tmp_path / "mine", "--to", "8", "--from", "png")
        assert (done.code, done.codes()) == (65, ["SC084"]), done.err
        assert "most cases have a file for each of far, near" in done.err


def test_masks_that_lost_their_images_are_not_taken_for_objects(tmp_path: Path, segconv: Command) -> None:
    for site in ("A", "B"):
        for number in (1, 2, 3):
            pair(tmp_path / "mine", f"{site}/images/{site}{number}.png", f"{site}/masks/{site}{number}.png", number)
    for number in (1, 2):
        (tmp_path / "mine" / "B" / "images" / f"B{number}.png").unlink()
    (tmp_path / "mine" / "B" / "masks" / "B3.png").unlink()
    done = segconv("convert", tmp_path / "mine", "--to", "9")
    assert (done.code, done.codes()) == (65, ["SC081"])
    assert "B/masks" in done.err


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("images/siteA", "masks/siteB"),
        ("siteA/images", "siteB/masks"),
        ("p1", "p2_masks"),
        ("benign", "malignant masks"),
        ("images1", "masks2"),
    ],
)
def test_images_of_one_place_never_take_the_masks_of_another(
    images: str, masks: str, tmp_path: Path, segconv: Command
) -> None:
    for number in (1, 2, 3):
        pair(tmp_path / "mine", f"{images}/{number}.png", f"{masks}/{number}.png", number)
        pair(tmp_path / "mine", f"images/siteC/c{number}.png", f"masks/siteC/c{number}.png", number)
    done = segconv("convert", tmp_path / "mine", "--to", "9")
    assert done.code == 65, done.err
    assert f"Error SC081: {masks}: " in done.err


@pytest.mark.parametrize("how", ["skip", "test"])
def test_images_without_masks_are_left_out_or_become_test_cases(how: str, tmp_path: Path, segconv: Command) -> None:
    for number in (1, 2, 3):
        pair(tmp_path / "mine", f"images/{number}.png", f"masks/{number}.png", number)
    (tmp_path / "mine" / "masks" / "2.png").unlink()
    done = segconv("convert", tmp_path / "mine", "--to", "9")
    assert (done.code, done.codes()) == (65, ["SC080"])
    assert "images/2.png" in done.err
    assert segconv("convert", tmp_path / "mine", "--to", "9_Made", "--unlabelled", how).code == 0
    splits = {name: record["split"] for name, record in records(segconv.raw / "Dataset009_Made").items()}
    assert splits == {"1": "train", "3": "train"} | ({"2": "test"} if how == "test" else {})


def test_images_next_to_masks_of_another_ending_stay_pairs(tmp_path: Path, segconv: Command) -> None:
    for number in (1, 2, 3):
        pair(tmp_path / "mine", f"{number}.jpg", f"{number}.png", number)
    (tmp_path / "mine" / "3.png").unlink()
    assert segconv("convert", tmp_path / "mine", "--to", "9_Made", "--unlabelled", "test").code == 0
    splits = {name: record["split"] for name, record in records(segconv.raw / "Dataset009_Made").items()}
    assert splits == {"1": "train", "2": "train", "3": "test"}


@pytest.mark.parametrize("folder", [".", "photos", "images", "test"])
def test_images_without_labels_become_test_cases_on_request(folder: str, tmp_path: Path, segconv: Command) -> None:
    for number in (1, 2, 3):
        save(tmp_path / "mine" / folder / f"{number}.png", picture(number))
    said = ("convert", tmp_path / "mine", "--to", "9_Made", "--from", "png", "--unlabelled", "test")
    done = segconv(*said)
    assert (done.code, done.codes()) == (65, ["SC074"])
    done = segconv(*said, "--labels", "background=0,cell=1")
    assert done.code == 0, done.err
    assert {record["split"] for record in records(segconv.raw / "Dataset009_Made").values()} == {"test"}


def test_many_folders_are_reported_in_one_short_line(tmp_path: Path, segconv: Command) -> None:
    for number in range(30):
        pair(tmp_path / "mine", f"case{number}/image.png", f"case{number}/mask.png", number)
    done = segconv("convert", tmp_path / "mine", "--to", "9", "--dry-run")
    assert "(*/ with images and labels side by side, 30 times with PNG pictures)" in done.err


def test_pictures_may_differ_in_size_but_not_in_channels_or_depth(tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "mine"
    for number, size in enumerate(((10, 12), (9, 9), (20, 5))):
        save(source / "images" / f"{number}.png", picture(number, size=size))
        save(source / "masks" / f"{number}.png", labels(number, size=size))
    assert segconv("convert", source, "--to", "9_Sizes").code == 0
    for odd in (picture(7, 3), picture(7, dtype=np.uint16)):
        save(source / "images" / "1.png", odd)
        save(source / "masks" / "1.png", labels(7))
        done = segconv("convert", source, "--to", "8")
        assert (done.code, done.codes()) == (65, ["SC084"])
        assert "images/1.png" in done.err


@pytest.mark.parametrize("option", ["pattern", "csv"])
def test_patients_stay_on_one_side_of_every_fold(option: str, tmp_path: Path, segconv: Command) -> None:
    for number in range(12):
        pair(tmp_path / "mine", f"images/p{number // 2}_{number}.png", f"masks/p{number // 2}_{number}.png", number)
    table = tmp_path / "who.csv"
    table.write_text("case,patient\n" + "".join(f"p{n // 2}_{n},p{n // 2}\n" for n in range(12)))
    said = ("--patient-pattern", r"^(p\d+)_") if option == "pattern" else ("--patients", table)
    done = segconv("convert", tmp_path / "mine", "--to", "9_Made", *said)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    assert {record["patient"] for record in records(made).values()} == {f"p{n}" for n in range(6)}
    folds = json.loads((made / "splits_final.json").read_text())
    assert len(folds) > 1
    for fold in folds:
        assert not {case[:2] for case in fold["train"]} & {case[:2] for case in fold["val"]}


def test_a_case_of_unknown_patient_is_refused(tmp_path: Path, segconv: Command) -> None:
    for name in ("p1_1", "p2_1", "odd"):
        pair(tmp_path / "mine", f"images/{name}.png", f"masks/{name}.png", len(name))
    done = segconv("convert", tmp_path / "mine", "--to", "9", "--patient-pattern", r"^(p\d+)_")
    assert (done.code, done.codes()) == (65, ["SC085"])
    assert "images/odd.png" in done.err


@pytest.mark.parametrize(
    "name", ["with space", "Zelle ä", "a.b.c", "-dash", "%s", "_lead", "x_0000", "日本", "a'b", "#1"]
)
def test_odd_names_of_files_and_folders_come_back(name: str, tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "mine"
    for folder in (name, "other"):
        for number in (1, 2):
            pair(source, f"{folder}/images/{name} {number}.png", f"{folder}/masks/{name} {number}.png", number)
    done = segconv("convert", source, "--to", "9_Made", "--case-names", "path")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    assert all(path.name.isascii() and path.name[0].isalnum() for path in (made / "labelsTr").iterdir())
    assert segconv("restore", made / "labelsTr", "--like", "9", "-o", tmp_path / "back").code == 0
    for folder in (name, "other"):
        for number in (1, 2):
            mask = io.imread(source / folder / "masks" / f"{name} {number}.png")
            assert np.array_equal(io.imread(tmp_path / "back" / folder / f"{name} {number}.png"), mask)


def two_pairs(root: Path) -> Path:
    for number, name in enumerate(("a", "b")):
        pair(root, f"images/{name}.png", f"masks/{name}.png", number)
    return root


@pytest.mark.parametrize("words", [("--to", "1_Made"), ("--to-v1", "1_Made"), ("--to", "1_Made", "--dry-run")])
@pytest.mark.parametrize("where", ["", "nnUNet_raw", "made/deep"])
def test_a_raw_folder_inside_the_source_is_refused(
    where: str, words: tuple[str, ...], segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = two_pairs(tmp_path / "project")
    (root / where).mkdir(parents=True, exist_ok=True)
    monkeypatch.setenv("nnUNet_raw_data_base", str(root / where))  # where --to-v1 writes
    before = sorted(root.rglob("*"))
    link = tmp_path / "link"
    link.symlink_to(root)
    for source, raw in ((root, root), (link, root), (root, link)):
        done = segconv("convert", source, *words, "--raw", raw / where)
        assert (done.code, done.codes()) == (73, ["SC020"]), done.err
        assert "the source" in done.err
    assert sorted(root.rglob("*")) == before


def test_a_run_does_not_read_what_it_would_replace(segconv: Command, tmp_path: Path) -> None:
    root = two_pairs(tmp_path / "project")
    assert segconv("convert", root, "--to", "1_Made").code == 0
    made = segconv.raw / "Dataset001_Made"
    for source in (made, made / "imagesTr"):
        done = segconv("convert", source, "--to", "1_Made", "--overwrite")
        assert (done.code, done.codes()) == (73, ["SC020"]), done.err
    left = two_pairs(segconv.raw / ".segconv-002")
    done = segconv("convert", left, "--to", "2_Made")
    assert (done.code, done.codes()) == (73, ["SC020"]), done.err
    done = segconv("augment", made, "--to", "2_Aug", "--rotate-range", "10", "--raw", made)
    assert (done.code, done.codes()) == (73, ["SC020"]), done.err


def test_datasets_next_to_the_source_are_not_part_of_it(segconv: Command, tmp_path: Path) -> None:
    root = two_pairs(tmp_path / "project")
    assert segconv("convert", root, "--to", "1_First").code == 0
    segconv.raw.rename(root / "nnUNet_raw")
    segconv.raw.mkdir()
    assert segconv("convert", root, "--to", "2_Second").code == 0
    made = segconv.raw / "Dataset002_Second" / "imagesTr"
    assert sorted(path.name for path in made.iterdir()) == ["a_0000.png", "b_0000.png"]
    (root / "images").rename(tmp_path / "images")
    (root / "masks").rename(tmp_path / "masks")
    assert "Dataset001_First" in segconv("convert", root, "--to", "3").err, "without other cases they are pointed at"


def test_a_dataset_of_the_raw_folder_is_a_source(segconv: Command, tmp_path: Path) -> None:
    root = two_pairs(tmp_path / "project")
    assert segconv("convert", root, "--to", "1_First").code == 0
    assert segconv("convert", segconv.raw / "Dataset001_First", "--to", "2_Second").code == 0
