"""Volumes and labels: every layout and format, each voxel and grid as SimpleITK and nibabel read them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fixtures.phantoms import tumour
from segconv.convert.conversion import plan_conversion, run_conversion
from segconv.convert.model import ConvertOptions
from segconv.image.geometry import Geometry, Volume
from segconv.work.run_options import RunOptions

from ...command import Command, Done, tree_hash
from ..oracles import EXACT_MM, FLOAT32_MM, SIZE, apart_mm, assert_same, ct, description, records, voxels, write

CASES = 3
LABELS = {"background": 0, "class_1": 1, "class_2": 2, "class_3": 3}


def pairs(root: Path, image: str, label: str, ending: str = ".nii.gz", label_ending: str | None = None) -> Path:
    """Write cases under names such as ``images/x{n}``."""
    for number in range(CASES):
        phantom = ct(number)
        write(root / (image.format(n=number) + ending), phantom.images[0])
        write(root / (label.format(n=number) + (label_ending or ending)), phantom.label)
    return root


def convert(segconv: Command, root: Path, *words: object, to: str = "5_A") -> tuple[Done, Path]:
    before = tree_hash(root)
    done = segconv("convert", root, "--to", to, *words)
    assert tree_hash(root) == before
    return done, segconv.raw / f"Dataset{int(to.split('_')[0]):03d}_{to.split('_')[1]}"


LAYOUTS = {
    "folders": ("images/case{n}", "masks/case{n}", "case{n}"),
    "folders with words": ("images/case{n}_img", "labels/case{n}_seg", "case{n}"),
    "suffix": ("x{n}_img", "x{n}_seg", "x{n}"),
    "suffix of the label alone": ("x{n}", "x{n}_mask", "x{n}"),
    "prefix, as LiTS has it": ("volume-{n}", "segmentation-{n}", "{n}"),
    "a folder a case": ("p{n}/image", "p{n}/label", "p{n}"),
    "training folders": ("train/images/p{n}", "train/labels/p{n}", "p{n}"),
    "numbers behind the words, as BTCV has it": ("img/img000{n}", "label/label000{n}", "000{n}"),
    "BIDS": ("sub-{n}/anat/sub-{n}_T2w", "sub-{n}/anat/sub-{n}_dseg", "sub-{n}"),
    "a folder and a prefix": ("{n}/{n}_ct", "{n}/{n}_seg", "{n}"),
    "a frame each, as ACDC": ("patient{n}/patient{n}_frame01", "patient{n}/patient{n}_frame01_gt", None),
    "names with spaces": ("images/no {n} (α)", "masks/no {n} (α)", None),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_is_recognised(tmp_path: Path, segconv: Command, layout: str) -> None:
    image, label, name = LAYOUTS[layout]
    root = pairs(tmp_path / "src", image, label)
    done, made = convert(segconv, root, "--channels", "CT")
    assert done.code == 0, done.err
    assert "guessed from values 0 to 3" in done.err
    found = description(made)
    assert found["labels"] == LABELS
    assert found["channel_names"] == {"0": "CT"}
    by_name = {record["original_name"]: case for case, record in records(made).items()}
    for number in range(CASES):
        wanted = name.format(n=number) if name else image.format(n=number).split("/")[-1]
        case = by_name[wanted]
        source = root / (image.format(n=number) + ".nii.gz")
        assert_same(made / "imagesTr" / f"{case}_0000.nii.gz", source, within_mm=EXACT_MM)
        assert (made / "imagesTr" / f"{case}_0000.nii.gz").read_bytes() == source.read_bytes()
        assert_same(made / "labelsTr" / f"{case}.nii.gz", root / (label.format(n=number) + ".nii.gz"))


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"])
@pytest.mark.parametrize("target", ["nii", "nii.gz", "nrrd", "mha", None])
def test_any_format_becomes_any_other(tmp_path: Path, segconv: Command, ending: str, target: str | None) -> None:
    root = pairs(tmp_path / "src", "images/c{n}", "masks/c{n}", ending)
    done, made = convert(segconv, root, *(("--format", target) if target else ()))
    assert done.code == 0, done.err
    written = f".{target}" if target else ".nii" if ending == ".nii" else ".nii.gz"
    found = description(made)
    assert found["file_ending"] == written
    exact = ending.startswith(".nii") or not written.startswith(".nii")
    for number in range(CASES):
        for folder, source, suffix in (("imagesTr", "images", "_0000"), ("labelsTr", "masks", "")):
            assert_same(
                made / folder / f"c{number}{suffix}{written}",
                root / source / f"c{number}{ending}",
                within_mm=EXACT_MM if exact else FLOAT32_MM,
            )
    assert "SC088" not in done.err, "headers that are equal are no equal volumes"


def test_formats_may_differ_from_case_to_case_and_between_image_and_label(tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "src"
    endings = [(".nii", ".nrrd"), (".mha", ".nii.gz"), (".nrrd", ".mhd")]
    for number, (image, label) in enumerate(endings):
        phantom = ct(number)
        write(root / "images" / f"c{number}{image}", phantom.images[0])
        write(root / "labels" / f"c{number}{label}", phantom.label)
    done, made = convert(segconv, root)
    assert done.code == 0, done.err
    for number, (image, label) in enumerate(endings):
        assert_same(made / "imagesTr" / f"c{number}_0000.nii.gz", root / "images" / f"c{number}{image}")
        assert_same(made / "labelsTr" / f"c{number}.nii.gz", root / "labels" / f"c{number}{label}")
        assert records(made)[f"c{number}"]["label_file"]["ending"] == label


BRATS = ("flair", "t1", "t1ce", "t2")


def brats(root: Path) -> Path:
    """Write folders as BraTS has them: four channels and a label whose values are 0, 1, 2 and 4."""
    for number in range(CASES):
        phantom = tumour(number, size=SIZE)
        name = f"BraTS20_Training_{number:03d}"
        for channel, volume in zip(BRATS, phantom.images, strict=True):
            write(root / name / f"{name}_{channel}.nii.gz", volume)
        label = np.array([0, 2, 4], np.uint8)[phantom.label.array]
        label[0, 0, 0] = 1
        write(root / name / f"{name}_seg.nii.gz", phantom.label, label)
    return root


def test_brats_folders_become_four_channels_and_dense_labels(tmp_path: Path, segconv: Command) -> None:
    root = brats(tmp_path / "src")
    done, made = convert(segconv, root)
    assert (done.code, done.codes()) == (65, ["SC074"])
    assert "0, 1, 2, 4" in done.err
    assert "--labels background=0,class_1=1,class_2=2,class_4=4" in done.err
    done, made = convert(segconv, root, "--labels", "background=0,necrosis=1,edema=2,enhancing=4")
    assert done.code == 0, done.err
    assert "enhancing 4 → 3" in done.err
    found = description(made)
    assert found["channel_names"] == {str(n): name for n, name in enumerate(BRATS)}
    assert found["labels"] == {"background": 0, "necrosis": 1, "edema": 2, "enhancing": 3}
    for number in range(CASES):
        name = f"BraTS20_Training_{number:03d}"
        for channel, word in enumerate(BRATS):
            assert_same(made / "imagesTr" / f"{name}_{channel:04d}.nii.gz", root / name / f"{name}_{word}.nii.gz")
        source = root / name / f"{name}_seg.nii.gz"
        assert_same(made / "labelsTr" / f"{name}.nii.gz", source, table=np.array([0, 1, 2, 9, 3]))
        assert records(made)[name]["label_map"] == {"0": 0, "1": 1, "2": 2, "4": 3}


def test_numbered_channels_next_to_labels(tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "src"
    for number in range(CASES):
        phantom = tumour(number, size=SIZE)
        for channel in range(2):
            write(root / "images" / f"x{number}_{channel:04d}.nii.gz", phantom.images[channel])
        write(root / "labels" / f"x{number}.nii.gz", phantom.label)
    done, made = convert(segconv, root, "--channels", "FLAIR,T1")
    assert done.code == 0, done.err
    assert description(made)["channel_names"] == {"0": "FLAIR", "1": "T1"}
    for path in (root / "images").iterdir():
        assert (made / "imagesTr" / path.name).read_bytes() == path.read_bytes()
    (root / "images" / "x1_0001.nii.gz").rename(root / "images" / "x1_0002.nii.gz")
    done, _ = convert(segconv, root, to="6_A")
    assert (done.code, done.codes()) == (65, ["SC084"])
    assert "images/x1_000" in done.err


PATTERNS = {
    "globs": ("scans/*/ct_*.nii.gz", "truth/*/organs_*.nii.gz"),
    "globs that cross folders": ("scans/**/ct_*.nii.gz", "truth/**/organs_*.nii.gz"),
    "named parts": ("scans/{site}/ct_{case}.nii.gz", "truth/{site}/organs_{case}.nii.gz"),
    "one named part": ("scans/*/ct_{case}.nii.gz", "truth/*/organs_{case}.nii.gz"),
    "regular expressions": (r"scans/.*/ct_(?P<case>\d+)\.nii\.gz", r"truth/.*/organs_(?P<case>\d+)\.nii\.gz"),
}


@pytest.mark.parametrize("kind", PATTERNS)
def test_patterns_say_what_belongs_together(tmp_path: Path, segconv: Command, kind: str) -> None:
    root = tmp_path / "src"
    for number in range(CASES):
        phantom = ct(number)
        write(root / "scans" / f"site{number % 2}" / f"ct_{number:02d}.nii.gz", phantom.images[0])
        write(root / "truth" / f"site{number % 2}" / f"organs_{number:02d}.nii.gz", phantom.label)
    images, masks = PATTERNS[kind]
    done, made = convert(segconv, root, "--images", images, "--masks", masks, "--channels", "CT")
    assert done.code == 0, done.err
    found = records(made)
    assert len(found) == CASES
    for case, record in found.items():
        sources = [root / source["path"] for source in record["sources"]]
        assert sources[0].name[-9:] == sources[1].name[-9:]
        assert_same(made / "imagesTr" / f"{case}_0000.nii.gz", sources[0])
        assert_same(made / "labelsTr" / f"{case}.nii.gz", sources[1])


def test_a_pattern_for_each_channel_or_one_that_names_it(tmp_path: Path, segconv: Command) -> None:
    root = brats(tmp_path / "src")
    labels = ("--labels", "background=0,necrosis=1,edema=2,enhancing=4")
    images = [word for name in ("t2", "flair") for word in ("--images", f"*/{{case}}_{name}.nii.gz")]
    done, made = convert(segconv, root, *images, "--masks", "*/{case}_seg.nii.gz", "--channels", "T2,FLAIR", *labels)
    assert done.code == 0, done.err
    name = "BraTS20_Training_001"
    assert_same(made / "imagesTr" / f"{name}_0000.nii.gz", root / name / f"{name}_t2.nii.gz")
    assert_same(made / "imagesTr" / f"{name}_0001.nii.gz", root / name / f"{name}_flair.nii.gz")
    one = ("--images", "*/{case}_{channel}.nii.gz", "--masks", "*/{case}_seg.nii.gz")
    done, made = convert(segconv, root, *one, *labels, to="6_A")
    assert done.code == 0, done.err
    assert list(description(made)["channel_names"].values()) == list(BRATS)


@pytest.mark.parametrize("form", ["csv", "semicolons", "json", "absolute"])
def test_a_list_says_what_belongs_together(tmp_path: Path, segconv: Command, form: str) -> None:
    root = pairs(tmp_path / "src", "a/scan_{n}", "b/truth_{n}", ".nrrd")
    start = f"{root}/" if form == "absolute" else ""
    rows = [
        {
            "case": f"C{n}",
            "image": f"{start}a/scan_{n}.nrrd",
            "label": f"{start}b/truth_{(n + 1) % CASES}.nrrd",
            "patient": f"p{n // 2}",
        }
        for n in range(CASES)
    ]
    path = tmp_path / ("list.json" if form == "json" else "list.csv")
    if form == "json":
        path.write_text(json.dumps(rows))
    else:
        separator = ";" if form == "semicolons" else ","
        lines = [separator.join(rows[0]), *(separator.join(row.values()) for row in rows)]
        path.write_text("\n".join(lines), encoding="utf-8-sig")
    done, made = convert(segconv, root, "--pairs", path)
    assert done.code == 0, done.err
    for number in range(CASES):
        assert_same(made / "imagesTr" / f"C{number}_0000.nii.gz", root / "a" / f"scan_{number}.nrrd")
        assert_same(made / "labelsTr" / f"C{number}.nii.gz", root / "b" / f"truth_{(number + 1) % CASES}.nrrd")
        assert records(made)[f"C{number}"]["patient"] == f"p{number // 2}"


def test_a_list_may_have_several_channels_and_test_cases(tmp_path: Path, segconv: Command) -> None:
    root = brats(tmp_path / "src")
    lines = ["case,image_a,image_b,label,split"]
    for number in range(CASES):
        start = f"BraTS20_Training_{number:03d}/BraTS20_Training_{number:03d}"
        label, split = (f"{start}_seg.nii.gz", "") if number else ("", "test")
        lines.append(f"c{number},{start}_t2.nii.gz,{start}_t1.nii.gz,{label},{split}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    done, made = convert(segconv, root, "--pairs", tmp_path / "list.csv", "--accept-labels", "--channels", "T2,T1")
    assert done.code == 0, done.err
    assert description(made)["channel_names"] == {"0": "T2", "1": "T1"}
    assert [path.name for path in sorted((made / "imagesTs").iterdir())] == ["c0_0000.nii.gz", "c0_0001.nii.gz"]
    name = "BraTS20_Training_001"
    assert_same(made / "imagesTr" / "c1_0001.nii.gz", root / name / f"{name}_t1.nii.gz")


def test_four_dimensions_are_channels(tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "src"
    for number in range(CASES):
        phantom = tumour(number, size=SIZE)
        array = np.stack([volume.array.T for volume in phantom.images[:2]], -1)
        (root / "images").mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(array, phantom.label.geometry.affine_ras), root / "images" / f"c{number}.nii.gz")
        write(root / "labels" / f"c{number}.nii.gz", phantom.label)
    done, made = convert(segconv, root)
    assert done.code == 0, done.err
    assert len(description(made)["channel_names"]) == 2
    for number in range(CASES):
        whole = np.asarray(nib.load(root / "images" / f"c{number}.nii.gz").dataobj)
        for channel in range(2):
            assert np.array_equal(voxels(made / "imagesTr" / f"c{number}_{channel:04d}.nii.gz").T, whole[..., channel])


@pytest.mark.parametrize("form", ["png", "tif", "pages"])
def test_slices_become_volumes_where_their_spacing_is_given(tmp_path: Path, segconv: Command, form: str) -> None:
    root = tmp_path / "src"
    expected = {}
    for number in range(CASES):
        phantom = ct(number)
        image = (phantom.images[0].array.astype(np.int32) + 1024).astype(np.uint16)
        expected[f"v{number}"] = (image, phantom.label.array)
        for kind, array in (("images", image), ("labels", phantom.label.array)):
            folder = root / kind
            if form == "pages":
                folder.mkdir(parents=True, exist_ok=True)
                pages = [Image.fromarray(page) for page in array]
                pages[0].save(folder / f"v{number}.tif", save_all=True, append_images=pages[1:])
            else:
                (folder / f"v{number}").mkdir(parents=True)
                for z, plane in enumerate(array):
                    Image.fromarray(plane).save(folder / f"v{number}" / f"slice{z + 8}.{form}")
    done, made = convert(segconv, root, "--from", "pairs")
    assert done.codes() == ["SC011"]
    assert "--spacing" in done.err
    done, made = convert(segconv, root, "--from", "pairs", "--spacing", "0.5,0.75,3")
    assert done.code == 0, done.err
    description(made)
    for case, (image, label) in expected.items():
        for path, array in ((f"imagesTr/{case}_0000.nii.gz", image), (f"labelsTr/{case}.nii.gz", label)):
            read = sitk.ReadImage(str(made / path))
            assert np.array_equal(sitk.GetArrayFromImage(read), array)
            assert read.GetSpacing() == (0.5, 0.75, 3.0)


def test_a_label_of_slices_takes_the_grid_of_its_image(tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "src"
    for number in range(2):
        phantom = ct(number)
        write(root / "images" / f"v{number}.nii.gz", phantom.images[0])
        (root / "labels" / f"v{number}").mkdir(parents=True)
        for z, plane in enumerate(phantom.label.array):
            Image.fromarray(plane).save(root / "labels" / f"v{number}" / f"s{z:02d}.png")
    words = ("--from", "pairs", "--spacing", "1,1,1", "--slice-order", "position")
    done, made = convert(segconv, root, *words)
    assert done.code == 0, done.err
    for number in range(2):
        label, image = (
            sitk.ReadImage(str(made / p)) for p in (f"labelsTr/v{number}.nii.gz", f"imagesTr/v{number}_0000.nii.gz")
        )
        assert np.array_equal(sitk.GetArrayFromImage(label), ct(number).label.array)
        assert apart_mm(label, image) <= FLOAT32_MM
    (root / "labels" / "v1" / "s06.png").unlink()
    done, _ = convert(segconv, root, *words, to="6_A")
    assert done.codes() == ["SC082"]


@pytest.mark.parametrize("ending", [".mhd", ".nhdr"])
def test_volumes_are_twins_by_their_voxels_and_not_by_their_headers(
    tmp_path: Path, segconv: Command, ending: str
) -> None:
    root = tmp_path / "src"
    for number, seed in enumerate((0, 1, 1)):
        for kind, volume in (("image", ct(seed).images[0]), ("label", ct(seed).label)):
            write(root / f"p{number}" / f"{kind}{ending}", volume)
    done, _ = convert(segconv, root)
    assert done.code == 0, done.err
    wording = [line for line in done.err.splitlines() if "SC088" in line]
    assert wording == [
        f"Warning SC088: p2/image{ending}: has the same content as p1/image{ending}; they are kept on one side of every fold"
    ]


def test_a_slice_that_is_missing_is_reported(tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "src"
    for kind in ("images", "labels"):
        (root / kind / "v").mkdir(parents=True)
        for z in (1, 2, 4):
            Image.fromarray(np.full((9, 8), z, np.uint8)).save(root / kind / "v" / f"s{z:02d}.png")
    done, _ = convert(segconv, root, "--from", "pairs", "--spacing", "1,1,1")
    assert set(done.codes()) == {"SC087"}
    assert "slice 3 is missing" in done.err


def test_only_spacing_decides_that_pictures_are_slices(tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "src"
    for kind in ("images", "labels"):
        for case in range(2):
            (root / kind / f"v{case}").mkdir(parents=True)
            for z in range(4):
                array = np.arange(72, dtype=np.uint8).reshape(9, 8) + z + case if kind == "images" else np.eye(9, 8)
                Image.fromarray(array.astype(np.uint8)).save(root / kind / f"v{case}" / f"s{z}.png")
    done, made = convert(segconv, root, "--spacing", "1,1,2")
    assert done.code == 0, done.err
    assert voxels(made / "imagesTr" / "v0_0000.nii.gz").shape == (4, 9, 8)


def test_unlabelled_images_are_refused_left_out_or_become_test_cases(tmp_path: Path, segconv: Command) -> None:
    root = pairs(tmp_path / "src", "images/c{n}", "masks/c{n}")
    (root / "masks" / "c1.nii.gz").unlink()
    done, _ = convert(segconv, root)
    assert (done.code, done.codes()) == (65, ["SC080"])
    assert "Error SC080: images/c1.nii.gz: has no label" in done.err
    done, made = convert(segconv, root, "--unlabelled", "skip", "--json", to="6_A")
    assert (done.json["training_cases"], done.json["test_cases"]) == (2, 0)
    done, made = convert(segconv, root, "--unlabelled", "test", "--json", to="7_A")
    assert (done.json["training_cases"], done.json["test_cases"]) == (2, 1)
    assert (made / "imagesTs" / "c1_0000.nii.gz").is_file()


def test_patterns_of_images_only_make_test_cases(tmp_path: Path, segconv: Command) -> None:
    root = pairs(tmp_path / "src", "images/c{n}", "masks/c{n}")
    done, made = convert(
        segconv, root, "--images", "images/*.nii.gz", "--unlabelled", "test", "--labels", "background=0,a=1"
    )
    assert done.code == 0, done.err
    assert len(list((made / "imagesTs").iterdir())) == CASES
    done, _ = convert(segconv, root, "--images", "images/*.nii.gz", to="6_A")
    assert set(done.codes()) == {"SC080"}


def test_a_selection_of_cases_under_other_names(tmp_path: Path, segconv: Command) -> None:
    root = pairs(tmp_path / "src", "images/c{n}", "masks/c{n}")
    _, made = convert(segconv, root, "--cases", "c0,*2")
    assert sorted(records(made)) == ["c0", "c2"]
    (tmp_path / "names.csv").write_text("case,name\nc1,Anna\n")
    done, made = convert(segconv, root, "--cases", tmp_path / "names.csv", to="6_A")
    assert done.code == 0, done.err
    assert [path.name for path in (made / "labelsTr").iterdir()] == ["Anna.nii.gz"]
    assert records(made)["Anna"]["original_name"] == "c1"
    done, _ = convert(segconv, root, "--cases", "c7", to="7_A")
    assert "SC012" in done.codes()


def test_scribbles_leave_undrawn_voxels_out_of_training(tmp_path: Path, segconv: Command) -> None:
    root = pairs(tmp_path / "src", "images/c{n}", "masks/c{n}")
    labels = ("--labels", "background=3,liver=1,kidney=2")
    done, made = convert(segconv, root, *labels, "--ignore", "unlabelled")
    assert done.code == 0, done.err
    assert description(made)["labels"] == {"background": 0, "liver": 1, "kidney": 2, "ignore": 3}
    table = np.array([3, 1, 2, 0])
    for number in range(CASES):
        assert_same(
            made / "labelsTr" / f"c{number}.nii.gz",
            root / "masks" / f"c{number}.nii.gz",
            table=table,
            within_mm=EXACT_MM,
        )


def test_a_guessed_label_may_be_ignored_and_an_unknown_name_is_reported(tmp_path: Path, segconv: Command) -> None:
    root = pairs(tmp_path / "src", "images/c{n}", "masks/c{n}")
    done, _ = convert(segconv, root, "--ignore", "tumour")
    assert done.codes() == ["SC001"]
    assert "labels are background, class_1, class_2, class_3" in done.err
    done, made = convert(segconv, root, "--ignore", "class_1")
    assert done.code == 0, done.err
    assert description(made)["labels"] == {"background": 0, "class_2": 1, "class_3": 2, "ignore": 3}
    assert_same(made / "labelsTr/c0.nii.gz", root / "masks/c0.nii.gz", table=np.array([0, 3, 1, 2]))


def test_options_that_do_not_apply_to_the_source_are_reported(tmp_path: Path, segconv: Command) -> None:
    root = pairs(tmp_path / "src", "images/c{n}", "masks/c{n}")
    for words in (("--format", "png"), ("--format", "tif"), ("--spacing", "1,1,1"), ("--channels", "A,B")):
        done, _ = convert(segconv, root, *words)
        assert done.codes() == (["SC001"] if words[0] != "--channels" else ["SC084"]), done.err
        assert done.code in (2, 65)
        assert list(segconv.raw.iterdir()) == []


def test_more_classes_than_fit_into_a_byte(tmp_path: Path, segconv: Command) -> None:
    root = pairs(tmp_path / "src", "images/c{n}", "masks/c{n}")
    for number in range(CASES):
        array = np.arange(np.prod(SIZE), dtype=np.uint16).reshape(SIZE[::-1]) % 301
        write(root / "masks" / f"c{number}.nii.gz", ct(number).label, array * np.uint16(3))
    done, made = convert(segconv, root, "--accept-labels")
    assert done.code == 0, done.err
    assert len(description(made)["labels"]) == 301
    label = sitk.ReadImage(str(made / "labelsTr" / "c0.nii.gz"))
    assert label.GetPixelID() == sitk.sitkUInt16
    assert np.array_equal(sitk.GetArrayFromImage(label) * 3, voxels(root / "masks" / "c0.nii.gz"))


@pytest.mark.parametrize(
    ("image", "label", "warned"),
    [
        ("p{n}/ct", "p{n}/label", True),
        ("images/vol{n}_CT", "labels/vol{n}", True),
        ("CT/images/x{n}", "CT/labels/x{n}", True),
        ("images/pet_ct_{n}", "labels/pet_ct_{n}", False),
        ("images/directory{n}", "labels/directory{n}", False),
    ],
)
def test_images_named_as_ct_suggest_the_channel_once_before_anything_is_written(
    tmp_path: Path, segconv: Command, image: str, label: str, warned: bool
) -> None:
    root = pairs(tmp_path / "src", image, label)
    done, made = convert(segconv, root, "--dry-run")
    first = f"{image.format(n=0)}.nii.gz"
    wanted = f"Warning SC091: {first}: is CT by its name, as are the images of 2 other cases; the normalisation of"
    assert (wanted in done.err) is warned, done.err
    assert ("Hint: --channels CT or another name" in done.err) is warned
    done, made = convert(segconv, root)
    assert (done.err.count("SC091"), made.is_dir()) == (1, True), "what the values show too is not said again"
    done, _ = convert(segconv, root, "--channels", "CT", to="6_A")
    assert "SC091" not in done.err


def test_the_channel_ct_and_the_values_must_go_together(tmp_path: Path, segconv: Command) -> None:
    root = pairs(tmp_path / "src", "images/c{n}", "masks/c{n}")
    done, _ = convert(segconv, root)
    assert "channel image: normalisation z-score" in done.err
    assert "Warning SC091: dataset.json: the channel 'image' looks like HU: 3 of 3 cases" in done.err
    assert "--channels CT" in segconv("convert", root, "--to", "8_A", "--json").json["findings"][-1]["hint"]
    done, _ = convert(segconv, root, "--channels", "CT", to="6_A")
    assert "CT: clipped" in done.err
    assert "SC091" not in done.err
    other = brats(tmp_path / "mr")
    glob = ("--images", "*/{case}_t1.nii.gz", "--masks", "*/{case}_seg.nii.gz", "--accept-labels")
    done, _ = convert(segconv, other, *glob, "--channels", "CT", to="7_A")
    assert "does not look like HU: 3 of 3 cases have no value below 0 (all: 0 to" in done.err


@pytest.mark.parametrize("factor", [255, 205])
def test_two_values_are_background_and_foreground(tmp_path: Path, segconv: Command, factor: int) -> None:
    root = tmp_path / "src"
    for number in range(CASES):
        phantom = ct(number)
        write(root / "images" / f"c{number}.nii.gz", phantom.images[0])
        label = (phantom.label.array > 0).astype(np.uint8) * np.uint8(factor)
        write(root / "masks" / f"c{number}.nii.gz", phantom.label, label)
    done, made = convert(segconv, root)
    assert done.code == 0, done.err
    assert f"two grey values, 0 and {factor}" in done.err
    assert description(made)["labels"] == {"background": 0, "foreground": 1}
    assert records(made)["c0"]["label_map"] == {"0": 0, str(factor): 1}


# --- anything at all


TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64", "uint64", "int64")


@settings(deadline=None)
@given(
    dtype=st.sampled_from(TYPES),
    size=st.tuples(*[st.integers(1, 6)] * 3),
    ending=st.sampled_from([".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"]),
    target=st.sampled_from([None, ".nii.gz", ".nii", ".nrrd", ".mha"]),
    turn=st.tuples(*[st.floats(-3, 3)] * 3),
    spacing=st.tuples(*[st.floats(0.1, 8)] * 3),
    origin=st.tuples(*[st.floats(-300, 300)] * 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_volume_keeps_its_voxels_and_its_grid(
    tmp_path_factory: pytest.TempPathFactory,
    dtype: str,
    size: tuple[int, int, int],
    ending: str,
    target: str | None,
    turn: tuple[float, float, float],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    rotation = sitk.Euler3DTransform()
    rotation.SetRotation(*turn)
    grid = Geometry(size, spacing, origin, rotation.GetMatrix())
    random = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    low, high = (-1000, 1000) if kind.kind == "f" else (np.iinfo(kind).min, np.iinfo(kind).max)
    low, high = max(low, -(2**40)), min(high, 2**40)
    array = random.integers(low, high, size[::-1], endpoint=True).astype(kind)
    array.flat[0] = 0
    source = write(folder / "src" / f"images/c{ending}", Volume(array, grid))
    label = write(folder / "src" / f"masks/c{ending}", Volume(random.integers(0, 3, size[::-1]).astype(np.uint8), grid))
    (folder / "raw").mkdir()
    options = ConvertOptions(labels={"background": 0, "a": 1, "b": 2}, file_ending=target)
    conversion = plan_conversion(folder / "src", "5_A", raw=folder / "raw", kind="pairs", options=options)
    run_conversion(conversion, RunOptions(jobs=1))
    made = folder / "raw" / "Dataset005_A"
    written = conversion.scan.file_ending
    for ours, theirs in ((f"imagesTr/c_0000{written}", source), (f"labelsTr/c{written}", label)):
        one, other = (sitk.ReadImage(str(p)) for p in (made / ours, theirs))
        assert np.array_equal(sitk.GetArrayFromImage(one), sitk.GetArrayFromImage(other))
        assert apart_mm(one, other) <= 1e-3


# --- the real sets


def test_three_contrasts_of_a_spine_are_three_channels(data: Path, segconv: Command) -> None:
    root = data / "ivadomed_data_testing"
    words = [word for c in ("T1w", "T2w", "T2star") for word in ("--images", f"sub-unf01/anat/{{case}}_{c}.nii.gz")]
    masks = "derivatives/labels/sub-unf01/anat/{case}_T2w_seg-manual.nii.gz"
    done = segconv("convert", root, "--to", "5_A", *words, "--masks", masks, "--channels", "T1w,T2w,T2star")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset005_A"
    assert description(made)["channel_names"] == {"0": "T1w", "1": "T2w", "2": "T2star"}
    for number, contrast in enumerate(("T1w", "T2w", "T2star")):
        source = root / "sub-unf01" / "anat" / f"sub-unf01_{contrast}.nii.gz"
        assert_same(made / "imagesTr" / f"sub-unf01_{number:04d}.nii.gz", source, within_mm=1e-4)
    label = root / masks.format(case="sub-unf01")
    assert_same(made / "labelsTr" / "sub-unf01.nii.gz", label, within_mm=1e-4)
    assert nib.load(made / "labelsTr" / "sub-unf01.nii.gz").get_data_dtype() == np.uint8


def test_a_ct_in_floats_is_reported(data: Path, segconv: Command) -> None:
    root = data / "ivadomed_data_testing" / "ct_scan"
    glob = ("--images", "{case}/ct/*_ct.nii.gz", "--masks", "derivatives/labels/{case}/ct/*_seg-manual.nii.gz")
    done = segconv("convert", root, "--to", "5_A", *glob)
    assert done.code == 0, done.err
    assert "Warning SC091: sub-spleen2/ct/sub-spleen2_ct.nii.gz: is CT by its name; the normalisation of" in done.err
    done = segconv("convert", root, "--to", "6_A", *glob, "--channels", "CT")
    assert "SC091" not in done.err
    made = segconv.raw / "Dataset006_A"
    assert_same(made / "imagesTr" / "sub-spleen2_0000.nii.gz", root / "sub-spleen2/ct/sub-spleen2_ct.nii.gz")


@pytest.mark.parametrize(("modality", "count", "highest"), [("", 42, 117), ("_mr", 24, None)])
def test_values_with_holes_of_a_real_label_are_closed(
    data: Path, tmp_path: Path, segconv: Command, modality: str, count: int, highest: int | None
) -> None:
    root = tmp_path / "src"
    root.mkdir()
    image, label = f"example{modality or '_ct'}_sm.nii.gz", f"example_seg{modality}.nii.gz"
    shutil.copy(data / "totalseg_small" / image, root)
    written = nib.load(data / "totalseg_small" / label)
    nib.save(nib.Nifti1Image(np.asarray(written.dataobj), written.affine), root / label)  # without a table of names
    glob = ("--images", image, "--masks", label, "--channels", "MR" if modality else "CT")
    done = segconv("convert", root, "--to", "5_A", *glob)
    assert done.codes() == ["SC074"]
    assert "Hint: --labels totalseg:TASK, if TotalSegmentator made all of them, or --labels background=0" in done.err
    done = segconv("convert", root, "--to", "5_A", *glob, "--accept-labels")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset005_A"
    values = np.unique(voxels(root / label))
    assert (len(values), highest in (None, values[-1])) == (count, True)
    assert sorted(description(made)["labels"].values()) == list(range(count))
    table = np.zeros(256, np.int64)
    table[values] = np.arange(count)
    (made_label,) = (made / "labelsTr").iterdir()
    assert_same(made_label, root / label, table=table)
    names = ",".join(["background=0", *(f"organ{v}={v}" for v in values[1:])])
    done = segconv("convert", root, "--to", "6_A", *glob, "--labels", names)
    assert done.code == 0, done.err
    other = segconv.raw / "Dataset006_A"
    assert (other / "labelsTr" / made_label.name).read_bytes() == made_label.read_bytes()
    assert description(other)["labels"][f"organ{values[-1]}"] == count - 1


def test_permuted_and_oblique_axes_are_kept(data: Path, segconv: Command) -> None:
    root = data / "sct_orientation"
    listed = [("t1/t1w", "t1/t1w_seg-manual"), ("t2/t2", "t2/t2_seg-manual"), ("t2s/t2s", "t2s/t2s_gmseg_manual")]
    path = segconv.folder / "list.csv"
    path.write_text("image,label\n" + "\n".join(f"{image}.nii.gz,{label}.nii.gz" for image, label in listed))
    done = segconv("convert", root, "--to", "5_A", "--pairs", path, "--accept-labels", "--channels", "MR")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset005_A"
    for image, label in listed:
        case = image.split("/")[1]
        for ours, source in ((f"imagesTr/{case}_0000", image), (f"labelsTr/{case}", label)):
            one, other = (sitk.ReadImage(str(p)) for p in (made / f"{ours}.nii.gz", root / f"{source}.nii.gz"))
            assert np.array_equal(sitk.GetArrayFromImage(one), sitk.GetArrayFromImage(other))
            assert apart_mm(one, other) <= 0.01 * min(other.GetSpacing())


def test_an_empty_folder_and_a_missing_list(tmp_path: Path, segconv: Command) -> None:
    (tmp_path / "src").mkdir()
    done, _ = convert(segconv, tmp_path / "src", "--from", "pairs")
    assert (done.code, done.codes()) == (66, ["SC011"])
    done, _ = convert(segconv, tmp_path / "src", "--pairs", tmp_path / "none.csv", "--from", "pairs")
    assert (done.code, done.codes()) == (66, ["SC010"])
    shutil.rmtree(tmp_path / "src")


# --- DICOM


def series(root: Path) -> Path:
    """Two CT series of one patient and one of another, with their labels as volumes on the same grid."""
    from ...image.formats.test_dicom import write_series

    for number in range(CASES):
        folder = root / f"p{number}"
        folder.mkdir(parents=True)
        array = np.random.default_rng(number).integers(0, 3000, (5, 6, 7)).astype(np.int16)

        def edit(_: int, file: Any, number: int = number) -> None:
            file.PatientID = f"Name^{number // 2}"

        write_series(folder / "CT", array, series=str(number + 1), edit=edit)
        (folder / "CT" / "README.txt").write_text("exported")
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder / "CT")))
        label = sitk.GetImageFromArray((array > 1500).astype(np.uint8))
        label.CopyInformation(reader.Execute())
        sitk.WriteImage(label, str(folder / "label.nii.gz"))
    return root


def test_series_of_dicom_are_volumes(tmp_path: Path, segconv: Command) -> None:
    root = series(tmp_path / "src")
    done, made = convert(segconv, root, "--channels", "CT")
    assert done.code == 0, done.err
    found = records(made)
    for number in range(CASES):
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(root / f"p{number}" / "CT")))
        expected = reader.Execute()
        ours = sitk.ReadImage(str(made / "imagesTr" / f"p{number}_0000.nii.gz"))
        assert np.array_equal(sitk.GetArrayFromImage(ours), sitk.GetArrayFromImage(expected))
        assert apart_mm(ours, expected) <= FLOAT32_MM
        assert_same(made / "labelsTr" / f"p{number}.nii.gz", root / f"p{number}" / "label.nii.gz", within_mm=FLOAT32_MM)
        assert len(found[f"p{number}"]["sources"]) == 6
    assert found["p0"]["patient"] == found["p1"]["patient"] != found["p2"]["patient"]
    assert b"Name^" not in (made / "segconv" / "cases.jsonl").read_bytes()
    done, _ = convert(segconv, root, "--from", "dicom", to="6_A")
    assert done.code == 0, done.err


def test_lists_name_folders_of_slices_and_pictures_with_pages(tmp_path: Path, segconv: Command) -> None:
    root = series(tmp_path / "src")
    rows = [f"{root}/p{n}/CT,p{n}/label.nii.gz,case{n}" for n in range(CASES)]
    (tmp_path / "list.csv").write_text("\n".join(["image,label,case", *rows]))
    done, made = convert(segconv, root, "--pairs", tmp_path / "list.csv", "--channels", "CT")
    assert done.code == 0, done.err
    for number in range(CASES):
        assert_same(
            made / "labelsTr" / f"case{number}.nii.gz", root / f"p{number}" / "label.nii.gz", within_mm=FLOAT32_MM
        )
        assert len(records(made)[f"case{number}"]["sources"]) == 6
    other = tmp_path / "pages"
    for kind in ("a", "b"):
        other.mkdir(exist_ok=True)
        array = ct(0).label.array
        pages = [Image.fromarray(page) for page in array]
        pages[0].save(other / f"{kind}.tif", save_all=True, append_images=pages[1:])
        (other / f"slices_{kind}").mkdir()
        for z, page in enumerate(pages):
            page.save(other / f"slices_{kind}" / f"{z}.png")
    (tmp_path / "pages.csv").write_text("image,label\na.tif,b.tif\nslices_a,slices_b\n")
    done, made = convert(segconv, other, "--pairs", tmp_path / "pages.csv", "--spacing", "1,1,2", to="6_A")
    assert done.code == 0, done.err
    for case in ("a", "slices_a"):
        assert np.array_equal(voxels(made / "labelsTr" / f"{case}.nii.gz"), ct(0).label.array)
    (tmp_path / "pages.csv").write_text("image,label\nslices_a,empty\n")
    (other / "empty").mkdir()
    done, _ = convert(segconv, other, "--pairs", tmp_path / "pages.csv", "--spacing", "1,1,2", to="7_A")
    assert (done.code, done.codes()) == (65, ["SC063"])


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize(
    ("content", "wording"),
    [
        (b"", "the file is empty, expected a slice of DICOM"),
        (b"<html><body>404</body></html>", "the file is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 5\n", "the file is a Git LFS pointer"),
        (bytes(128) + b"XXXX" + bytes(500), "begins with "),
    ],
)
def test_a_slice_that_is_not_dicom_is_refused_by_name_wherever_it_is(
    tmp_path: Path, segconv: Command, content: bytes, wording: str, at: int
) -> None:
    """The first and the last, too, without which the others would be a complete volume."""
    root = series(tmp_path / "src")
    slices = sorted((root / "p1/CT").glob("*.dcm"))
    slices[at].write_bytes(content)
    (root / "p1/label.nii.gz").unlink()
    for more in ((), ("--unlabelled", "test"), ("--from", "dicom", "--unlabelled", "skip")):
        done, _ = convert(segconv, root, *more)
        assert done.code == 65
        assert f"Error SC051: p1/CT/{slices[at].name}: {wording}" in done.err
        assert list(segconv.raw.iterdir()) == []


def test_a_broken_slice_in_a_listed_folder_is_named(tmp_path: Path, segconv: Command) -> None:
    root = series(tmp_path / "src")
    slices = sorted((root / "p1/CT").glob("*.dcm"))
    for path in slices[:2]:
        path.write_bytes(b"")
    rows = [f"p{n}/CT,p{n}/label.nii.gz,case{n}" for n in range(CASES)]
    (tmp_path / "list.csv").write_text("\n".join(["image,label,case", *rows]))
    done, _ = convert(segconv, root, "--pairs", tmp_path / "list.csv")
    assert done.codes() == ["SC051", "SC051"]
    for path in slices[:2]:
        assert f"Error SC051: p1/CT/{path.name}: the file is empty" in done.err


def test_a_series_of_nothing_but_pointers_does_not_vanish(tmp_path: Path, segconv: Command) -> None:
    root = series(tmp_path / "src")
    for number in (0, 1):
        for path in (root / f"p{number}/CT").glob("*.dcm"):
            path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
        (root / f"p{number}/label.nii.gz").unlink()
    done, _ = convert(segconv, root)
    assert done.code == 65
    assert done.err.count("Error SC051: p") == 1
    assert " (and 9 more files; --json lists all)" in done.err
    assert "Hint: run: git lfs pull" in done.err


def test_other_files_next_to_slices_are_ignored(tmp_path: Path, segconv: Command) -> None:
    """Slices without an ending, or with a number for one: a readme is not a slice, an empty file is."""
    root = series(tmp_path / "src")
    for number, path in enumerate(sorted((root / "p0/CT").glob("*.dcm"))):
        path.rename(path.with_name(f"IM_{number}"))
    for number, path in enumerate(sorted((root / "p1/CT").glob("*.dcm"))):
        path.rename(path.with_name(f"1.2.840.{number}"))
    for folder in ("p0/CT", "p1/CT", "p2/CT"):
        for name in (
            "README",
            "LICENSE",
            "Thumbs.db",
            ".DS_Store",
            "._IM_0",
            "DICOMDIR",
            "meta.json",
            "a.csv",
            "b.xml",
        ):
            (root / folder / name).write_bytes(b"text")
    done, _ = convert(segconv, root)
    assert done.code == 0, done.err
    (root / "p0/CT/IM_5").write_bytes(b"")
    (root / "p1/CT/1.2.840.50").symlink_to("gone")
    (root / "p2/CT/last.dcm.part").write_bytes(b"")
    done, _ = convert(segconv, root, to="6_A")
    assert done.code == 65
    for wording in ("SC051: p0/CT/IM_5: ", "SC012: p1/CT/1.2.840.50: is a link to a", "SC051: p2/CT/last.dcm.part: "):
        assert f"Error {wording}" in done.err


def test_two_series_in_one_folder_are_refused(tmp_path: Path, segconv: Command) -> None:
    from ...image.formats.test_dicom import ARRAY, write_series

    root = series(tmp_path / "src")
    write_series(root / "p1" / "CT", ARRAY, series="9")
    done, _ = convert(segconv, root, "--from", "dicom")
    assert "Error SC087: p1/CT: " in done.err
    assert list(segconv.raw.iterdir()) == []


def test_a_source_of_volumes_is_not_a_source_of_dicom(tmp_path: Path, segconv: Command) -> None:
    done, _ = convert(segconv, pairs(tmp_path / "src", "images/c{n}", "masks/c{n}"), "--from", "dicom")
    assert (done.code, done.codes()) == (66, ["SC011"])


@pytest.mark.parametrize("words", ["--priority a", "--missing-masks empty", "--max-heads 3", "--listed-only"])
def test_an_option_that_says_nothing_about_the_kind_is_refused(tmp_path: Path, segconv: Command, words: str) -> None:
    root = pairs(tmp_path / "src", "images/x{n}", "masks/x{n}")
    done, _ = convert(segconv, root, *words.split())
    assert (done.code, done.codes()) == (2, ["SC001"])
    assert "has no meaning for a source of the kind pairs" in done.err
    assert f"leave out {words.split()[0]}" in done.err


@pytest.mark.parametrize("column", ["image", "label"])
@pytest.mark.parametrize("cell", [".", "./", "{root}", "{root}/", "a/.."])
def test_a_list_that_names_a_source_that_is_no_series_is_refused(
    tmp_path: Path, segconv: Command, cell: str, column: str
) -> None:
    root = pairs(tmp_path / "src", "a/scan_{n}", "b/truth_{n}", ".nrrd")
    row = {"image": "a/scan_0.nrrd", "label": "b/truth_0.nrrd", column: cell.format(root=root)}
    (root / "list.csv").write_text(f"image,label\n{row['image']},{row['label']}\n")
    done, _ = convert(segconv, root, "--pairs", root / "list.csv")
    assert (done.code, done.codes()) == (65, ["SC063"]), done.err
