"""An unknown source: its contents are described, with a command that works."""

from __future__ import annotations

import json
import re
import shlex
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import RTStructureSetStorage, SegmentationStorage

from ...command import Command, tree_hash
from ...image.formats.test_dicom import ARRAY, of_class, write_series
from ..drawn import labels, pair, picture, save
from ..sources import test_pairs


def two_folders(root: Path) -> None:
    for number in range(4):
        pair(root, f"x y/c{number}.png", f"z/c{number}.png", number)


def two_folders_two_names(root: Path) -> None:
    for number in range(4):
        pair(root, f"x/c{number}.png", f"y/c{number}_L.png", number)


def a_folder_a_case(root: Path) -> None:
    for number in range(4):
        pair(root, f"p{number}/a.png", f"p{number}/b.png", number)


def a_folder_a_case_deeper(root: Path) -> None:
    test_pairs.pairs(root, "all/p{n}/a", "all/p{n}/b")


def images_alone(root: Path) -> None:
    for number in range(4):
        save(root / f"c{number}.png", picture(number))


def volumes_alone(root: Path) -> None:
    test_pairs.pairs(root, "c{n}", "gone/c{n}")
    for path in (root / "gone").iterdir():
        path.unlink()


def one_folder_two_words(root: Path) -> None:
    for number in range(4):
        pair(root, f"t/pat{number}_slice1-in.png", f"t/pat{number}_slice1-out.tif", number)


def two_channels_and_an_odd_word(root: Path) -> None:
    for number in range(4):
        pair(root, f"t/c{number}_dapi.png", f"t/c{number}_q.png", number)
        save(root / f"t/c{number}_gfp.png", picture(9 + number))


def images_and_another_word(root: Path) -> None:
    for number in range(4):
        pair(root, f"train/img/c{number}.png", f"train/ann/c{number}.png", number)


def a_list_in_csv(root: Path) -> None:
    for number in range(4):
        pair(root, f"x/c{number}.png", f"y/q{9 - number}.png", number)
    rows = [f"x/c{number}.png,y/q{9 - number}.png" for number in range(4)]
    (root / "a list.csv").write_text("\n".join(["image,mask", *rows]))


def a_list_in_json(root: Path) -> None:
    a_list_in_csv(root)
    rows = [{"image": f"x/c{number}.png", "label": f"y/q{9 - number}.png"} for number in range(4)]
    (root / "a list.csv").unlink()
    (root / "all.json").write_text(json.dumps(rows))


@pytest.mark.parametrize(
    ("make", "wording", "cases"),
    [
        (one_folder_two_words, "4 .png and 4 .tif files in 1 folder (t)", 4),
        (two_channels_and_an_odd_word, "12 .png files in 1 folder (t)", 4),
        (images_and_another_word, "8 .png files in 2 folders (train/ann, train/img)", 4),
        (a_list_in_csv, "8 .png and 1 .csv files in 3 folders (., x, y)", 4),
        (a_list_in_json, "8 .png and 1 .json files in 3 folders (., x, y)", 4),
        (two_folders, "8 .png files in 2 folders (x y, z)", 4),
        (two_folders_two_names, "8 .png files in 2 folders (x, y)", 4),
        (a_folder_a_case, "8 .png files in 4 folders (p0, p1, p2 …)", 4),
        (a_folder_a_case_deeper, "6 .nii.gz files in 3 folders (all/p0, all/p1, all/p2)", 3),
        (images_alone, "4 .png files", 4),
        (volumes_alone, "3 .nii.gz files", 3),
    ],
)
def test_the_command_that_is_hinted_converts(
    tmp_path: Path, segconv: Command, make: Callable[[Path], None], wording: str, cases: int
) -> None:
    root = tmp_path / "my source"
    root.mkdir()
    make(root)
    before = tree_hash(root)
    done = segconv("convert", root, "--to", "5_A")
    assert (done.code, done.codes()) == (66, ["SC011"]), done.err
    assert f"holds {wording}, and no name of a file or folder tells which of them are labels" in done.err
    command = re.search(r"(--(?:images|pairs) .+?)(?: takes |, or |$)", done.err, re.M)
    assert command is not None
    done = segconv("convert", root, *shlex.split(command[1]), "--to", "5_A", "--json")
    assert done.code == 0, done.err
    assert done.json["cases"] == cases
    assert tree_hash(root) == before


def packed(root: Path) -> None:
    with zipfile.ZipFile(root / "all.zip", "w") as archive:
        archive.writestr("a.png", b"")


def arrays(root: Path) -> None:
    for number in range(5):
        (root / f"{number}.npy").write_bytes(b"\x93NUMPY")
    (root / "LICENSE").write_text("mine")


def outlines(root: Path) -> None:
    save(root / "img/a.png", picture(1))
    (root / "ann").mkdir()
    (root / "ann/a.json").write_text("{}")


def json_alone(root: Path) -> None:
    (root / "dataset.json").write_text("{}")


@pytest.mark.parametrize(
    ("make", "wording", "hint"),
    [
        (lambda root: None, "holds no file", "give the folder that holds"),
        (packed, "holds 1 .zip file, of no format that is read", "unpack all.zip"),
        (arrays, "holds 5 .npy and 1 nameless files, of no format", "volumes as .nii.gz"),
        (outlines, "holds 1 .json and 1 .png files in 2 folders (ann, img), and no", "draw them as masks first"),
        (json_alone, "holds 1 .json file, of no format", "beside imagesTr and labelsTr"),
    ],
)
def test_an_unknown_source_is_described(
    tmp_path: Path, segconv: Command, make: Callable[[Path], None], wording: str, hint: str
) -> None:
    root = tmp_path / "src"
    root.mkdir()
    make(root)
    done = segconv("convert", root, "--to", "5_A")
    assert (done.code, done.codes()) == (66, ["SC011"]), done.err
    found, advice = done.err.splitlines()
    assert wording in found
    assert hint in advice


def series(root: Path) -> None:
    for number in range(3):
        write_series(root / f"p{number}", ARRAY, series=str(number + 1))


def segmentations(root: Path) -> None:
    for folder in ("images", "labels"):
        (root / folder).mkdir()
    for number in range(3):
        write_series(root / f"images/p{number}", ARRAY, series=str(number + 1))
        write_series(root / f"labels/p{number}", ARRAY[:1], series=f"9{number}", edit=of_class(SegmentationStorage, 2))


def structure_sets(root: Path) -> None:
    series(root)
    for number in range(3):
        write_series(root / f"p{number}", ARRAY[:1], series=f"9{number}", edit=of_class(RTStructureSetStorage))


def test_series_without_labels_are_converted_by_the_command_that_is_hinted(tmp_path: Path, segconv: Command) -> None:
    (tmp_path / "src").mkdir()
    series(tmp_path / "src")
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert (done.code, done.codes()) == (66, ["SC011"]), done.err
    assert "Hint: put volumes of labels into a folder masks" in done.err
    command = re.search(r"(--(?:images|pairs) .+?)(?: takes |, or |$)", done.err, re.M)
    assert command is not None
    done = segconv("convert", tmp_path / "src", *shlex.split(command[1]), "--to", "5_A", "--json")
    assert (done.code, done.json["test_cases"]) == (0, 3)


@pytest.mark.parametrize(
    ("make", "file", "wording"),
    [
        (segmentations, "labels/p0/90_000.dcm", "is a segmentation (DICOM SEG)"),
        (structure_sets, "p0/90_000.dcm", "is a structure set (RTSTRUCT)"),
    ],
)
def test_dicom_label_objects_are_reported_rather_than_unlabelled_images(
    tmp_path: Path, segconv: Command, make: Callable[[Path], None], file: str, wording: str
) -> None:
    root = tmp_path / "src"
    root.mkdir()
    make(root)
    done = segconv("convert", root, "--to", "5_A")
    assert (done.code, done.codes()) == (65, ["SC056"] * 3), done.err
    assert f"Error SC056: {file}: {wording}, expected a label as a volume" in done.err
    assert done.err.count("3D Slicer") == 3


def test_two_readings_are_reported_rather_than_none(tmp_path: Path, segconv: Command) -> None:
    for number in range(3):
        pair(tmp_path / "src", f"x/c{number}.png", f"y/c{number}_mask.png", number)
        save(tmp_path / f"src/z/c{number}_seg.png", labels(number))
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert (done.code, done.codes()) == (2, ["SC003"]), done.err
    assert "y and z may both hold the masks" in done.err


def test_labels_recognised_by_place_are_reported_where_their_images_are_unknown(
    tmp_path: Path, segconv: Command
) -> None:
    for number in range(3):
        pair(tmp_path / "src", f"RGB/c{number}.png", f"lbl/c{number}.png", number)
        save(tmp_path / f"src/depth/c{number}.png", picture(10 + number))
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert (done.code, done.codes()) == (65, ["SC063", "SC063", "SC081"]), done.err
    assert "Error SC081: lbl: holds 3 files (c0.png, c1.png …), which are labels by their place" in done.err
    done = segconv(
        "convert", tmp_path / "src", "--to", "5_A", "--images", "RGB/*", "--images", "depth/*", "--masks", "lbl/*"
    )
    assert done.code == 0, done.err


def test_files_whose_names_share_nothing_are_advised_no_pattern(tmp_path: Path, segconv: Command) -> None:
    pair(tmp_path / "src", "a.png", "b.png", 1)
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert done.codes() == ["SC011"]
    assert "{case}" not in done.err


def training_and_validation(root: Path) -> None:
    for folder in ("images/train", "images/val"):
        for number in range(2):
            save(root / folder / f"a{number}.png", picture(number + len(folder)))


def two_sites_of_ink(root: Path) -> None:
    for number in range(3):
        save(root / f"x/a{number}.png", labels(number))
        save(root / f"y/a{number}.png", labels(9 + number))


def two_channels_in_a_folder(root: Path) -> None:
    for number in range(3):
        save(root / f"t/a{number}_dapi.png", picture(number))
        save(root / f"t/a{number}_gfp.png", picture(9 + number))


def masks_of_training_beside_validation(root: Path) -> None:
    for number in range(3):
        pair(root, f"x/train/c{number}.png", f"x/val/c{number}.png", number)


@pytest.mark.parametrize(
    "make",
    [training_and_validation, two_sites_of_ink, two_channels_in_a_folder, masks_of_training_beside_validation],
)
def test_files_of_one_kind_are_never_advised_as_images_and_masks(
    tmp_path: Path, segconv: Command, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "src")
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert (done.code, done.codes()) == (66, ["SC011"]), done.err
    assert "--masks" not in done.err
    assert "--unlabelled test" in done.err


def test_masks_of_two_raters_are_a_question_of_which(tmp_path: Path, segconv: Command) -> None:
    for number in range(4):
        pair(tmp_path / "src", f"c{number}_photo.png", f"c{number}_raterA.png", number)
        save(tmp_path / f"src/c{number}_raterB.png", labels(9 + number))
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert (done.code, done.codes()) == (66, ["SC011"]), done.err
    for rater in "AB":
        assert f"--images '{{case}}_photo.png' --masks '{{case}}_rater{rater}.png' takes what holds few" in done.err
    done = segconv(
        "convert", tmp_path / "src", "--to", "5_A", "--images", "{case}_photo.png", "--masks", "{case}_raterB.png"
    )
    assert done.code == 0, done.err
    assert np.array_equal(np.asarray(Image.open(segconv.raw / "Dataset005_A/labelsTr/c1.png")) > 0, labels(10) > 0)


def test_masks_of_lossy_pictures_are_advised_as_png(tmp_path: Path, segconv: Command) -> None:
    save(tmp_path / "src/img/a.jpg", picture(1))
    assert "NAME_mask.png" in segconv("convert", tmp_path / "src", "--to", "5_A").err


def test_labelled_tiles_of_two_slides_find_their_own(tmp_path: Path, segconv: Command) -> None:
    """As QuPath exports them."""
    for slide in "AB":
        for x in (0, 9):
            name = f"tiles/{slide}/{slide} [x={x},y=0]"
            pair(tmp_path / "src", f"{name}.jpg", f"{name}-{'labelled' if x else 'labeled'}.png", x)
    done = segconv("convert", tmp_path / "src", "--to", "5_A", "--json")
    assert (done.code, done.json["cases"]) == (0, 4), done.err


@pytest.mark.parametrize(
    ("file", "text", "tool"),
    [
        ("annotations/a.json", '{"images": [], "annotations": [], "categories": []}', "COCO"),
        ("img/a.json", '{"version": "5", "shapes": [], "imagePath": "a.jpg"}', "LabelMe"),
        ("via.json", '{"a.jpg9": {"filename": "a.jpg", "regions": []}}', "VIA"),
        ("result.json", '[{"id": 1, "data": {}, "annotations": []}]', "Label Studio"),
        ("a.geojson", '{"type": "FeatureCollection", "features": []}', "GeoJSON, as of QuPath"),
        ("annotations.xml", "<?xml?>\n<annotations><image/></annotations>", "CVAT"),
        ("xml/a.xml", "<annotation><object></object></annotation>", "Pascal VOC"),
        ("labels/a.txt", "0 0.1 0.2 0.3 0.4 0.5 0.6\n", "YOLO"),
        ("train.csv", "ImageId,EncodedPixels\na,1 3\n", "run lengths"),
    ],
)
def test_outlines_of_tools_are_named(file: str, text: str, tool: str, tmp_path: Path, segconv: Command) -> None:
    save(tmp_path / "src/img/a.jpg", picture(1))
    (tmp_path / "src" / file).parent.mkdir(exist_ok=True)
    (tmp_path / "src" / file).write_text(text)
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert (done.code, done.codes()) == (66, ["SC011"]), done.err
    assert f"{file} holds outlines ({tool})" in done.err
    assert "Hint: outlines are not read: draw them as masks first" in done.err


def test_a_folder_of_labelled_images_is_not_one_of_labels(tmp_path: Path, segconv: Command) -> None:
    for number in range(2):
        pair(tmp_path / "src", f"labelled images/c{number}.png", f"masks/c{number}.png", number)
        pair(tmp_path / "src", f"labeled/d{number}.png", f"labeled/d{number}_mask.png", number + 5)
    done = segconv("convert", tmp_path / "src", "--to", "5_A", "--json")
    assert (done.code, done.json["cases"]) == (0, 4), done.err
