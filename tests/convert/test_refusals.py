"""Refused sources and options: each with its code and the rule it breaks."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from skimage import io

from segconv.work import fsops

from ..command import Command, tree_hash
from ..kit.sources import fresh, write_json
from .drawn import labels, pair, picture, save


def no_images(root: Path) -> None:
    for path in (*root.glob("images*/*"), *root.glob("labels*/*")):
        path.unlink()
    entries = json.loads((root / "dataset.json").read_text()) | {"training": [], "test": [], "numTraining": 0}
    write_json(root, entries)


def twice_in_two_endings(folder: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = next(iter(sorted((root / folder).glob("*.nii.gz"))))
        shutil.copy(path, path.with_name(path.name.replace(".nii.gz", ".NII.GZ")))

    return change


def no_number(root: Path) -> None:
    path = root / "imagesTr" / "c0_0000.nii.gz"
    path.rename(path.with_name("c0_x.nii.gz"))


def not_a_mapping(root: Path) -> None:
    entries = json.loads((root / "dataset.json").read_text())
    write_json(root, entries | {"dataset": {"c0": {"images": "imagesTr/c0_0000.nii.gz"}}})


def pictures_numbered_from_one(root: Path) -> None:
    shutil.rmtree(root)
    for number in range(3):
        for channel in (1, 2):
            save(root / "images" / f"c{number}_{channel:04d}.png", picture(10 * number + channel))
        save(root / "masks" / f"c{number}.png", labels(number) * np.uint8(255))


def two_tables(root: Path) -> None:
    (root / "labels.csv").write_text("name,value\nbackground,0\nroad,255\n")
    (root / "masks" / "labels.csv").write_text("name,value\nbackground,0\nroof,255\n")


def no_masks(root: Path) -> None:
    shutil.rmtree(root / "masks")


def two_pages(root: Path) -> None:
    for path in sorted(root.glob("*/*.png")):
        tifffile.imwrite(path.with_suffix(".tif"), np.stack([io.imread(path)] * (1 + (path.stem == "c1"))))
        path.unlink()


def label_in_two_frames(root: Path) -> None:
    path = root / "labelsTr" / "c1.nii.gz"
    image = nib.load(path)
    frames = np.stack([np.asarray(image.dataobj)] * 2, axis=-1)
    nib.save(nib.Nifti1Image(frames, image.affine), path)


def mask_in_two_files(root: Path) -> None:
    for path in sorted(root.glob("*/liver.nii.gz")):
        sitk.WriteImage(sitk.ReadImage(str(path)), str(path.with_name("liver.mhd")))
        path.unlink()


def segmentation_beside(root: Path) -> None:
    image = sitk.ReadImage(str(root / "c1" / "liver.nii.gz"))
    for key, value in (("ID", "a"), ("Name", "spleen"), ("LabelValue", "1"), ("Layer", "0")):
        image.SetMetaData(f"Segment0_{key}", value)
    sitk.WriteImage(image, str(root / "c1" / "spleen.seg.nrrd"))
    (root / "c1" / "kidney.nii.gz").unlink()


def nothing_to_pair(root: Path) -> None:
    for folder in ("images", "masks"):
        shutil.rmtree(root / folder)
    (root / "notes.txt").write_text("nothing here")


def no_folder_of_masks(root: Path) -> None:
    for path in root.rglob("*.nii.gz"):
        path.unlink()


def nothing(root: Path) -> None:
    pass


class Refusal(NamedTuple):
    kind: str
    change: Callable[[Path], None]
    words: tuple[str, ...]
    exit_code: int
    code: str
    wording: str


LABELS = ("--labels", "background=0,road=255")
REFUSALS = {
    "msd without cases": Refusal("msd", no_images, (), 66, "SC011", "no case was found in imagesTr"),
    "v1 without cases": Refusal("v1", no_images, (), 66, "SC011", "no case was found in imagesTr"),
    "v2 without cases": Refusal("v2", no_images, (), 66, "SC011", "no case was found in imagesTr"),
    "png without cases": Refusal("png", nothing_to_pair, LABELS, 66, "SC011", "holds no known pair of folders"),
    "masks without cases": Refusal(
        "masks", no_folder_of_masks, (), 66, "SC011", "holds no folder with an image and masks"
    ),
    "one case in two files": Refusal("msd", twice_in_two_endings("imagesTr"), (), 65, "SC085", "two files of one case"),
    "one channel in two files": Refusal("v1", twice_in_two_endings("imagesTr"), (), 65, "SC085", "is a second file of"),
    "a file without its channel": Refusal("v1", no_number, (), 65, "SC084", "does not end in the number of a channel"),
    "dataset of something else": Refusal(
        "v2", not_a_mapping, ("--allow-external",), 65, "SC086", "is not made of images and label"
    ),
    "v2 with other channels": Refusal(
        "v2", nothing, ("--channels", "CT,PET,MR"), 65, "SC084", "3 channels are named, the dataset has 2"
    ),
    "png with other channels": Refusal(
        "png", nothing, (*LABELS, "--channels", "R,G,B"), 65, "SC084", "3 channels are named, the pictures have 1"
    ),
    "masks with other channels": Refusal(
        "masks", nothing, ("--channels", "CT,PET"), 65, "SC084", "2 channels are named, the cases have 1"
    ),
    "channels numbered from one": Refusal(
        "png", pictures_numbered_from_one, LABELS, 65, "SC084", "channels are numbered 0001, 0002, expected 0000 to 0001"
    ),
    "tables that contradict each other": Refusal("png", two_tables, (), 65, "SC074", "declare different labels"),
    "masks of pairs without images": Refusal(
        "pairs", nothing, ("--masks", "masks/*"), 2, "SC001", "a pattern of masks, but none of images"
    ),
    "pictures without any label": Refusal(
        "png", no_masks, ("--unlabelled", "test"), 65, "SC074", "no case has a label, and nothing else tells"
    ),
    "a picture of two pages": Refusal("png", two_pages, LABELS, 65, "SC084", "holds 2 pages, expected one picture"),
    "a label of four dimensions": Refusal(
        "msd", label_in_two_frames, (), 65, "SC073", "is a label of four dimensions (2 channels)"
    ),
    "a mask in two files": Refusal("masks", mask_in_two_files, (), 65, "SC063", "is a mask in two files"),
    "a segmentation beside a mask": Refusal("masks", segmentation_beside, (), 65, "SC085", "is not a segmentation"),
    "an image folder that is none": Refusal("masks", nothing, ("--images", "nowhere"), 2, "SC001", "which is not a folder"),
    "a map to no label": Refusal(
        "png", nothing, (*LABELS, "--map", "7=roof"), 2, "SC001", "is mapped to 'roof', which is not a label"
    ),
    "a map of a colour in grey": Refusal(
        "png", nothing, (*LABELS, "--map", "#ff0000=road"), 2, "SC001", "the colour #ff0000 is mapped, and the masks are grey"
    ),
    "scribbles with ignore": Refusal(
        "png", nothing, ("--labels", "background=0,road=1,ignore=255", "--ignore", "unlabelled"), 2, "SC001",
        "the labels declare 'ignore' themselves",
    ),
    "scribbles with 0 as a label": Refusal(
        "png", nothing, ("--labels", "background=255,road=0", "--ignore", "unlabelled"), 2, "SC001",
        "its value 0 is declared as a label",
    ),
}  # fmt: skip
FROM = {"v1": "nnunet-v1", "v2": "nnunet-v2"}


@pytest.mark.parametrize("name", REFUSALS)
def test_files_that_make_no_case_are_refused_with_a_specific_message(
    name: str, tmp_path: Path, segconv: Command
) -> None:
    refusal = REFUSALS[name]
    root = fresh(tmp_path, refusal.kind).root
    refusal.change(root)
    before = tree_hash(root)
    done = segconv("convert", root, "--to", "9", "--from", FROM.get(refusal.kind, refusal.kind), *refusal.words)
    assert (done.code, refusal.code in done.codes()) == (refusal.exit_code, True), done.err
    assert refusal.wording in done.err
    assert tree_hash(root) == before
    assert not list(segconv.raw.glob("Dataset*"))
    assert not list(segconv.raw.glob(".segconv-[0-9][0-9][0-9]")), "headers and names showed it"


LISTS = {
    "a label of two cases": (
        "pairs.csv", "image,label\nimages/c0.png,masks/c0.png\nimages/c1.png,masks/c0.png\n",
        "entries 1 and 2 have the same label",
    ),
    "a list of texts": ("pairs.json", '["images/c0.png"]', "is not a list of objects with image and label"),
    "no list": ("pairs.json", "5", "is not a list of objects with image and label"),
    "a number for a path": ("pairs.json", '[{"image": 5, "label": "masks/c0.png"}]', "expected text"),
    "a column twice": ("pairs.csv", "image,label,label\nimages/c0.png,masks/c0.png,masks/c1.png\n", "'label' twice"),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_lists_that_contradict_themselves_are_refused(name: str, tmp_path: Path, segconv: Command) -> None:
    file, text, wording = LISTS[name]
    root = fresh(tmp_path, "png").root
    (tmp_path / file).write_text(text)
    done = segconv("convert", root, "--to", "9", "--pairs", tmp_path / file, *LABELS)
    assert (done.code, done.codes()) == (65, ["SC087"]), done.err
    assert wording in done.err


def test_a_case_without_one_of_its_channels_is_named(tmp_path: Path, segconv: Command) -> None:
    for number in range(3):
        pair(tmp_path / "mine", f"red/{number}.png", f"gold/{number}.png", number)
        if number != 1:
            save(tmp_path / "mine" / "far" / f"{number}.png", picture(50 + number))
    said = ("--images", "red/*", "--images", "far/*", "--masks", "gold/*")
    done = segconv("convert", tmp_path / "mine", "--to", "9", *said)
    assert (done.code, done.codes()) == (65, ["SC084"]), done.err
    assert "red/1.png: has no file that matches 'far/*'" in done.err


def test_a_label_that_patterns_find_no_image_for_is_named(tmp_path: Path, segconv: Command) -> None:
    for number in range(3):
        pair(tmp_path / "mine", f"red/{number}.png", f"gold/{number}.png", number)
    (tmp_path / "mine" / "red" / "1.png").unlink()
    done = segconv("convert", tmp_path / "mine", "--to", "9", "--images", "red/*", "--masks", "gold/*")
    assert (done.code, done.codes()) == (65, ["SC081"]), done.err
    assert "gold/1.png: is a label without an image" in done.err


def test_a_volume_may_take_what_the_option_allows(tmp_path: Path, segconv: Command) -> None:
    root = fresh(tmp_path, "msd").root
    needed = max(nib.load(path).get_fdata().size * 2 for path in root.glob("imagesTr/*"))
    done = segconv("convert", root, "--to", "9", "--max-volume", needed - 1)
    assert (done.code, set(done.codes())) == (65, {"SC054"}), done.err
    assert not list(segconv.raw.glob(".segconv-[0-9][0-9][0-9]")), "headers showed it"
    assert segconv("convert", root, "--to", "9", "--max-volume", needed).code == 0


def test_a_hard_link_across_file_systems_is_reported(
    tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fresh(tmp_path, "msd").root

    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(fsops, "hard_link", refuse)
    done = segconv("convert", root, "--to", "9", "--link", "hard")
    assert (done.code, set(done.codes())) == (74, {"SC031"}), done.err
    assert "cannot be linked" in done.err
    assert "--link symlink" in done.err


@pytest.mark.parametrize(
    ("kind", "image", "wording"), [("v1", "c9_{}.nii.gz", "c9"), ("msd", "c9.nii.gz", "c9.nii.gz")]
)
def test_a_pair_that_no_json_lists_is_reported(
    kind: str, image: str, wording: str, tmp_path: Path, segconv: Command
) -> None:
    root = fresh(tmp_path, kind).root
    for channel in ("0000", "0001") if kind == "v1" else ("",):
        shutil.copy(
            root / "imagesTr" / image.replace("c9", "c1").format(channel), root / "imagesTr" / image.format(channel)
        )
    shutil.copy(root / "labelsTr" / "c1.nii.gz", root / "labelsTr" / "c9.nii.gz")
    done = segconv("convert", root, "--to", "9")
    assert done.code == 0, done.err
    assert f"Warning SC087: imagesTr/{wording}: is not listed in dataset.json" in done.err


def test_what_segconv_left_where_it_is_is_read_again(tmp_path: Path, segconv: Command) -> None:
    root = fresh(tmp_path, "msd").root
    assert segconv("convert", root, "--to", "9_A", "--link", "external").code == 0
    done = segconv("convert", segconv.raw / "Dataset009_A", "--to", "10_B")
    assert done.code == 0, done.err
    assert len(os.listdir(segconv.raw / "Dataset010_B" / "labelsTr")) == 3


def test_slices_of_another_size_are_named(tmp_path: Path, segconv: Command) -> None:
    for z in range(3):
        save(tmp_path / "mine" / "images" / "a" / f"{z}.png", picture(z, size=(10, 12) if z != 1 else (10, 11)))
        save(tmp_path / "mine" / "masks" / "a" / f"{z}.png", labels(z))
    said = ("--from", "pairs", "--spacing", "1,1,2", "--accept-labels")
    done = segconv("convert", tmp_path / "mine", "--to", "9", *said)
    assert done.code == 65, done.err
    assert "SC082" in done.codes()
    assert "images/a/1.png" in done.err


def test_a_number_of_two_tasks_of_v1_is_refused(
    tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("nnUNet_raw_data_base", str(tmp_path))
    root = fresh(tmp_path, "v1").root
    for name in ("A", "B"):
        shutil.copytree(root, tmp_path / "nnUNet_raw_data" / f"Task005_{name}")
    done = segconv("convert", "5", "--to", "9", "--from", "nnunet-v1")
    assert (done.code, done.codes()) == (2, ["SC003"]), done.err
    assert "Task005_A, Task005_B" in done.err
    assert segconv("convert", "5_B", "--to", "9", "--from", "nnunet-v1").code == 0


def test_tables_that_agree_are_one(tmp_path: Path, segconv: Command) -> None:
    root = fresh(tmp_path, "png").root
    two_tables(root)
    shutil.copy(root / "labels.csv", root / "masks" / "labels.csv")
    assert segconv("convert", root, "--to", "9_A").code == 0
    made = json.loads((segconv.raw / "Dataset009_A" / "dataset.json").read_text())
    assert made["labels"] == {"background": 0, "road": 1}
    assert os.listdir(segconv.raw / "Dataset009_A" / "imagesTr")
