"""Restoring: converted labels come back unchanged, in every coding and form that a source may have."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import io

from fixtures.make_fixtures import msd_ct, png_shapes, write_nifti, write_png
from fixtures.phantoms import shapes
from segconv.convert.back.pictures import encoded_picture
from segconv.convert.back.task import RestoreTask
from segconv.dataset.label_table import LabelTable
from segconv.dataset.labels import GRAY, Labels
from segconv.dataset.phantoms import ct
from segconv.dataset.stored_label import StoredLabel
from segconv.errors import SegconvError
from segconv.image import raster
from segconv.image.formats import nrrd, segmentation
from segconv.image.geometry import Geometry
from segconv.image.segment import Segment

from ...command import Command, tree_hash

COLOURS = np.array([[0, 0, 0], [255, 0, 0], [0, 128, 255]], dtype=np.uint8)
TABLE = "background=#000000,disc=#ff0000,ring=#0080ff"


def label(number: int) -> np.ndarray:
    return shapes(number, size=(48, 40)).label.array.astype(np.uint8)


def save_palette(path: Path, mask: np.ndarray) -> None:
    picture = Image.new("P", mask.shape[::-1])
    picture.putdata(mask.ravel().tolist())
    picture.putpalette(COLOURS.ravel().tolist())
    picture.save(path)


CODINGS: dict[str, tuple[str, str, Callable[[Path, np.ndarray], object]]] = {
    "0 128 255": (".png", "background=0,disc=128,ring=255", lambda p, m: io.imsave(p, m * 127 + (m > 0), check_contrast=False)),
    "index": (".png", "background=0,disc=1,ring=2", lambda p, m: io.imsave(p, m, check_contrast=False)),
    "one bit": (".png", "background=0,shape=1", lambda p, m: Image.fromarray(m > 0).save(p)),
    "palette": (".png", "background=0,disc=1,ring=2", save_palette),
    "palette by colour": (".png", TABLE, save_palette),
    "RGB": (".png", TABLE, lambda p, m: Image.fromarray(COLOURS[m]).save(p)),
    "RGBA": (".png", TABLE, lambda p, m: Image.fromarray(np.dstack([COLOURS[m], np.full_like(m, 255)])).save(p)),
    "LA": (".png", "background=0,disc=1,ring=2", lambda p, m: Image.fromarray(np.dstack([m, np.full_like(m, 255)])).save(p)),
    "16 bits": (".png", "background=0,disc=300,ring=65535", lambda p, m: io.imsave(p, np.array([0, 300, 65535], np.uint16)[m], check_contrast=False)),
    "grey as RGB": (".png", "background=0,disc=1,ring=2", lambda p, m: Image.fromarray(np.dstack([m, m, m])).save(p)),
    "TIFF": (".tif", "background=0,disc=1,ring=2", lambda p, m: tifffile.imwrite(p, m)),
    "TIFF RGB": (".TIF", TABLE, lambda p, m: tifffile.imwrite(p, COLOURS[m])),
    "BMP": (".bmp", "background=0,disc=1,ring=2", lambda p, m: Image.fromarray(m).save(p)),
    "upper case": (".PNG", "background=0,disc=1,ring=2", lambda p, m: Image.fromarray(m).save(p)),
}  # fmt: skip


def agrees(segconv: Command, back: Path, source: Path, classes: list[str]) -> None:
    """Score restored files against their source in any form; nothing is left out."""
    done = segconv("evaluate", back, source, "--json")
    assert done.code == 0, done.out
    assert done.json["classes"] == dict.fromkeys(classes, 1.0)
    assert (done.json["missing"], done.json["skipped"], done.json["findings"]) == ([], [], [])


@pytest.mark.parametrize("coding", CODINGS)
def test_masks_come_back_in_their_own_coding(coding: str, tmp_path: Path, segconv: Command) -> None:
    ending, labels, save = CODINGS[coding]
    source = tmp_path / "s"
    (source / "masks").mkdir(parents=True)
    for number in range(3):
        write_png(source / "images" / f"a {number}.png", shapes(number, size=(48, 40)).images[0].array)
        save(source / "masks" / f"a {number}{ending}", label(number))
    done = segconv("convert", source, "--to", "9_A", "--labels", labels)
    assert done.code == 0, done.err
    done = segconv("restore", segconv.raw / "Dataset009_A/labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    assert "SC097" not in done.err
    theirs = sorted((source / "masks").iterdir())
    assert [p.name for p in theirs] == sorted(p.name for p in (tmp_path / "back").iterdir() if p.is_file())
    for path in theirs:
        back = tmp_path / "back" / path.name
        assert np.array_equal(io.imread(back), io.imread(path)), coding
        with Image.open(back) as one, Image.open(path) as two:
            assert one.mode == two.mode or {one.mode, two.mode} <= {"I", "I;16"}
            if one.mode == "P":
                assert one.getpalette()[:9] == two.getpalette()[:9]
    agrees(segconv, tmp_path / "back", source / "masks", ["shape"] if coding == "one bit" else ["disc", "ring"])


def test_names_of_all_kinds_come_back(tmp_path: Path, segconv: Command) -> None:
    names = ["Füße 1", "-dash", "100%s", "a.b.c", "x_0000", "日本", "$(ls)", "it's", "_under"]
    source = tmp_path / "s"
    for number, name in enumerate(names):
        write_png(source / "images" / f"{name}.png", shapes(number, size=(24, 20)).images[0].array)
        write_png(source / "masks" / f"{name}.png", np.eye(20, 24, dtype=np.uint8) * 255)
    done = segconv("convert", source, "--to", "9_A")
    assert done.code == 0, done.err
    done = segconv("restore", segconv.raw / "Dataset009_A/labelsTr", "--like", "9", "-o", tmp_path / "back", "-v")
    assert done.code == 0, done.err
    assert sorted(p.stem for p in (tmp_path / "back").glob("*.png")) == sorted(names)


def test_labels_with_other_names_than_their_images_keep_them(tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "s"
    for number in range(3):
        write_png(source / "images" / f"ISIC_{number}.jpg", shapes(number, size=(24, 20)).images[0].array)
        write_png(
            source / "masks" / f"ISIC_{number}_segmentation.png",
            np.eye(20, 24, dtype=np.uint8) * 255,
        )
    done = segconv("convert", source, "--to", "9_A")
    assert done.code == 0, done.err
    segconv("restore", segconv.raw / "Dataset009_A/labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert sorted(p.name for p in (tmp_path / "back").glob("*.png")) == sorted(
        p.name for p in (source / "masks").iterdir()
    )


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16"])
def test_volumes_come_back_in_format_type_values_and_geometry(
    ending: str, dtype: str, tmp_path: Path, segconv: Command
) -> None:
    source = tmp_path / "s"
    for number in range(2):
        phantom = ct(number, size=(20, 18, 8))
        values = np.array([0, 205, 420, 500], dtype=dtype if dtype != "uint8" else "uint16")
        values = np.array([0, 20, 42, 250], dtype="uint8") if dtype == "uint8" else values
        for folder, array in (("images", phantom.images[0].array), ("labels", values[phantom.label.array])):
            image = sitk.GetImageFromArray(array)
            image.SetSpacing(phantom.label.geometry.spacing_mm)
            image.SetOrigin(phantom.label.geometry.origin_mm)
            image.SetDirection(phantom.label.geometry.direction)
            (source / folder).mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(image, str(source / folder / f"c.{number}{ending}"))
    done = segconv("convert", source, "--to", "9_A", "--accept-labels", "--channels", "CT")
    assert done.code == 0, done.err
    done = segconv("restore", segconv.raw / "Dataset009_A/labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    for path in sorted(p for p in (source / "labels").iterdir() if p.suffix != ".raw"):
        one, two = sitk.ReadImage(str(tmp_path / "back" / path.name)), sitk.ReadImage(str(path))
        assert np.array_equal(sitk.GetArrayFromImage(one), sitk.GetArrayFromImage(two))
        assert one.GetPixelID() == two.GetPixelID()
        for mine, theirs in (
            (one.GetOrigin(), two.GetOrigin()),
            (one.GetSpacing(), two.GetSpacing()),
            (one.GetDirection(), two.GetDirection()),
        ):
            assert np.abs(np.array(mine) - np.array(theirs)).max() <= 1e-6
    names = list(json.loads((segconv.raw / "Dataset009_A/dataset.json").read_text())["labels"])
    agrees(segconv, tmp_path / "back", source / "labels", names[1:])


def test_slices_and_pages_come_back_as_slices_and_pages(tmp_path: Path, segconv: Command) -> None:
    phantom = ct(0, size=(20, 18, 6))
    values = phantom.label.array.astype(np.uint8)
    stacks = tmp_path / "stacks"
    for z in range(6):
        write_png(
            stacks / "images" / "c1" / f"slice_{z:02d}.png", (phantom.images[0].array[z] // 16 + 64).astype(np.uint8)
        )
        write_png(stacks / "masks" / "c1" / f"slice_{z:02d}.png", values[z])
    pages = tmp_path / "pages"
    for folder, array in (("images", phantom.images[0].array), ("masks", values)):
        (pages / folder).mkdir(parents=True)
        tifffile.imwrite(pages / folder / "c1.tif", array, photometric="minisblack")
    for number, source in enumerate((stacks, pages), 8):
        done = segconv(
            "convert", source, "--from", "pairs", "--to", f"{number}_A", "--spacing", "1,1,2.5", "--accept-labels"
        )
        assert done.code == 0, done.err
        made = segconv.raw / f"Dataset00{number}_A"
        assert np.allclose(nib.load(made / "labelsTr/c1.nii.gz").header.get_zooms(), (1, 1, 2.5))
        assert np.array_equal(np.asarray(nib.load(made / "labelsTr/c1.nii.gz").dataobj).T, values)
        done = segconv("restore", made / "labelsTr", "--like", number, "-o", tmp_path / f"back{number}")
        assert done.code == 0, done.err
    for z in range(6):
        assert np.array_equal(io.imread(tmp_path / "back8/c1" / f"slice_{z:02d}.png"), values[z])
    assert np.array_equal(tifffile.imread(tmp_path / "back9/c1.tif"), values)
    for number, source in enumerate((stacks, pages), 8):
        agrees(segconv, tmp_path / f"back{number}", source / "masks", [f"class_{v}" for v in np.unique(values) if v])


def masks_of(number: int) -> dict[str, np.ndarray]:
    organs = ct(number, size=(20, 18, 8)).label.array
    return {"body": organs > 0, "liver": organs == 1, "deep vessel": organs >= 2}


def test_masks_that_overlap_come_back_bit_for_bit(tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "s"
    for number in range(3):
        phantom = ct(number, size=(20, 18, 8))
        write_nifti(source / f"p{number}" / "ct.nii.gz", [phantom.images[0]])
        for name, mask in masks_of(number).items():
            on = 255 if name == "liver" else 1
            volume = type(phantom.label)((mask * on).astype(np.uint8), phantom.label.geometry)
            write_nifti(source / f"p{number}" / "segmentations" / f"{name}.nii.gz", [volume])
    done = segconv("convert", source, "--to", "9_A", "--channels", "CT")
    assert done.code == 0, done.err
    assert "regions_class_order" in json.loads((segconv.raw / "Dataset009_A/dataset.json").read_text())
    done = segconv("restore", segconv.raw / "Dataset009_A/labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    for path in source.glob("*/segmentations/*"):
        back = nib.load(tmp_path / "back" / path.parts[-3] / path.name)
        assert np.array_equal(np.asarray(back.dataobj), np.asarray(nib.load(path).dataobj))
        assert np.abs(back.affine - nib.load(path).affine).max() <= 1e-6
    agrees(segconv, tmp_path / "back", source, ["body", "deep vessel", "liver"])


def test_segmentations_of_slicer_come_back_with_segments_and_layers(tmp_path: Path, segconv: Command) -> None:
    phantom = ct(0, size=(20, 18, 8))
    grid = phantom.label.geometry
    source = tmp_path / "s" / "p0"
    write_nifti(source / "ct.nii.gz", [phantom.images[0]])
    segments = [
        Segment("S1", "body", 1, 0, (1, 0, 0)),
        Segment("S2", "liver", 1, 1, (0, 1, 0)),
        Segment("S3", "deep vessel", 2, 1, (0, 0, 1)),
    ]
    masks = masks_of(0)
    layers = np.stack([masks["body"], masks["liver"] + 2 * (masks["deep vessel"] & ~masks["liver"])]).astype(np.uint8)
    # 3D Slicer saves the box that the segments fill.
    part = Geometry((14, 12, 6), grid.spacing_mm, tuple(float(v) for v in grid.to_physical((3, 4, 1))), grid.direction)
    layers = np.ascontiguousarray(layers[:, 1:7, 4:16, 3:17])
    path = source / "Segmentation.seg.nrrd"
    path.write_bytes(segmentation.encode(segments, layers, part))
    done = segconv("convert", tmp_path / "s", "--to", "9_A", "--channels", "CT")
    assert done.code == 0, done.err
    done = segconv("restore", segconv.raw / "Dataset009_A/labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    back = segmentation.decode((tmp_path / "back/p0/Segmentation.seg.nrrd").read_bytes())
    assert np.array_equal(back.layers, layers)
    assert [(s.id, s.name, s.label_value, s.layer, s.colour) for s in back.segments] == [
        (s.id, s.name, s.label_value, s.layer, s.colour) for s in segments
    ]
    assert back.geometry.displacement_voxels(part) < 1e-6
    assert nrrd.read_header((tmp_path / "back/p0/Segmentation.seg.nrrd").read_bytes()).geometry.size == (14, 12, 6)
    agrees(segconv, tmp_path / "back", tmp_path / "s", ["body", "liver", "deep vessel"])


def test_what_was_merged_or_snapped_is_said_not_to_come_back(tmp_path: Path, segconv: Command) -> None:
    source = png_shapes(tmp_path / "s")
    path = source / "training/output/shape-1.png"
    mask = io.imread(path).copy()
    mask[2, 3], mask[4, 5] = 77, 254
    io.imsave(path, mask, check_contrast=False)
    labels = "background=0,disc=128,ring=255"
    done = segconv("convert", source, "--to", "9_A", "--labels", labels, "--map", "77=disc", "--snap", "2")
    assert done.code == 0, done.err
    assert "Warning SC079: training/output/shape-1.png: 1 pixel snapped from 254 to 255" in done.err
    done = segconv("restore", segconv.raw / "Dataset009_A/labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert done.code == 0
    assert (
        "Warning SC097: shape-1.png: not everything comes back: 1 value snapped to the nearest declared one" in done.err
    )
    assert "the values 128 and 77 were one label and come back as 128" in done.err
    back = io.imread(tmp_path / "back/shape-1.png")
    assert (back != mask).sum() == 2


def test_the_report_says_what_was_mapped(tmp_path: Path, segconv: Command) -> None:
    segconv("convert", png_shapes(tmp_path / "s"), "--to", "9_A", "--accept-labels")
    done = segconv("restore", segconv.raw / "Dataset009_A/labelsTs", "--like", "9", "-o", tmp_path / "b", "--json")
    assert done.json["mapped"][0] == {
        "prediction": "shape-6.png",
        "files": ["shape-6.png"],
        "labels": "0 → 0, 1 → 128, 2 → 255",
    }
    done = segconv("restore", segconv.raw / "Dataset009_A/labelsTs", "--like", "9", "-o", tmp_path / "c")
    assert "labels: 0 → 0, 1 → 128, 2 → 255" in done.err


def test_scribbles_come_back_where_background_was_never_drawn(tmp_path: Path, segconv: Command) -> None:
    source = msd_ct(tmp_path / "s")
    done = segconv("convert", source, "--to", "9_A", "--ignore", "unlabelled")
    assert done.code == 0, done.err
    assert "Warning SC076: dataset.json: no training case has a voxel of background" in done.err
    description = json.loads((segconv.raw / "Dataset009_A/dataset.json").read_text())
    assert description["labels"]["ignore"] == max(v for v in description["labels"].values())
    done = segconv("restore", segconv.raw / "Dataset009_A/labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    for path in (source / "labelsTr").iterdir():
        assert np.array_equal(
            np.asarray(nib.load(tmp_path / "back" / path.name).dataobj), np.asarray(nib.load(path).dataobj)
        )


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a//b", ""])
def test_a_lineage_cannot_name_files_elsewhere(name: str, tmp_path: Path, segconv: Command) -> None:
    segconv("convert", png_shapes(tmp_path / "s"), "--to", "9_A", "--accept-labels")
    path = segconv.raw / "Dataset009_A/segconv/cases.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line["label_file"]["name"] = name
        line["original_name"] = name
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    before = sorted(tmp_path.rglob("*"))
    done = segconv("restore", segconv.raw / "Dataset009_A/labelsTs", "--like", "9", "-o", tmp_path / "o" / "back")
    if name:
        assert (done.code, set(done.codes())) == (65, {"SC060"})
        assert sorted(tmp_path.rglob("*")) == before
    else:
        assert done.code == 0, "without a name the case's identifier serves"


def test_two_predictions_do_not_share_a_file(tmp_path: Path, segconv: Command) -> None:
    segconv("convert", png_shapes(tmp_path / "s"), "--to", "9_A", "--accept-labels")
    path = segconv.raw / "Dataset009_A/segconv/cases.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:
        record["original_name"] = "one"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    done = segconv("restore", segconv.raw / "Dataset009_A/labelsTs", "--like", "9", "-o", tmp_path / "back")
    assert (done.code, done.codes()) == (65, ["SC085"])


def test_restoring_after_several_conversions_returns_to_the_first_source(tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "s"
    for number in range(3):
        write_png(source / "images" / f"fröhlich {number}.png", shapes(number, size=(48, 40)).images[0].array)
        write_png(source / "masks" / f"fröhlich {number}.png", np.array([0, 128, 255], np.uint8)[label(number)])
    segconv("convert", source, "--to", "7_A", "--accept-labels")
    with (tmp_path / "names.csv").open("w", newline="") as file:
        identifiers = sorted(p.stem for p in (segconv.raw / "Dataset007_A/labelsTr").iterdir())
        csv.writer(file).writerows([("case", "new"), *((name, f"p{n}") for n, name in enumerate(identifiers))])
    done = segconv("convert", segconv.raw / "Dataset007_A", "--to", "8_B", "--cases", tmp_path / "names.csv")
    assert done.code == 0, done.err
    assert sorted(p.name for p in (segconv.raw / "Dataset008_B/labelsTr").iterdir()) == ["p0.png", "p1.png", "p2.png"]
    segconv("restore", segconv.raw / "Dataset008_B/labelsTr", "--like", "8", "-o", tmp_path / "back")
    for path in (source / "masks").iterdir():
        assert np.array_equal(io.imread(tmp_path / "back" / path.name), io.imread(path))


@settings(max_examples=60)
@given(
    st.integers(1, 255).flatmap(
        lambda top: st.lists(st.lists(st.integers(0, top), min_size=3, max_size=3), min_size=2, max_size=4)
    ),
    st.sampled_from(["gray", "RGB", "RGBA", "gray+alpha"]),
    st.sampled_from([".png", ".tif", ".PNG"]),
)
def test_every_mode_holds_every_value(rows: list[list[int]], mode: str, ending: str) -> None:
    values = np.array(rows, dtype=np.uint8)
    data = encoded_picture(values, StoredLabel(mode=mode, depth=8), ending, GRAY)
    found = raster.decode(data)
    header, samples, plain = found.header, found.stored, found.plain
    assert plain
    assert header.kind == mode
    assert np.array_equal(samples if samples.ndim == 2 else samples[..., 0], values)


def test_the_form_of_a_name_is_judged_before_anything_is_read() -> None:
    task = RestoreTask(
        "p.png", ".png", "c", "a/../b", LabelTable.identity(Labels({"background": 0})), StoredLabel(".png")
    )
    with pytest.raises(SegconvError) as caught:
        task.outputs  # noqa: B018
    assert caught.value.code == "SC060"


@pytest.mark.parametrize("data", [b"", b"<html>", b"version https://git-lfs.github.com/spec/v1", bytes(500)])
def test_a_file_that_is_not_a_picture_is_refused_by_name(data: bytes, tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "s"
    for number in range(2):
        write_png(source / "images" / f"a{number}.png", shapes(number, size=(48, 40)).images[0].array)
        write_png(source / "masks" / f"a{number}.png", label(number) * np.uint8(127))
    assert segconv("convert", source, "--to", "9_A", "--labels", "background=0,disc=127,ring=254").code == 0
    predictions = tmp_path / "predictions"
    shutil.copytree(segconv.raw / "Dataset009_A/labelsTr", predictions)
    (predictions / "a1.png").write_bytes(data)
    done = segconv("restore", predictions, "--like", "9", "-o", tmp_path / "back")
    assert (done.code, done.codes()) == (65, ["SC051"]), done.err
    assert "a1.png" in done.err


def test_predictions_are_not_restored_into_their_own_folder(tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "s"
    for number in range(2):
        write_png(source / "images" / f"a{number}.png", shapes(number, size=(48, 40)).images[0].array)
        write_png(source / "masks" / f"a{number}.png", label(number) * np.uint8(127))
    assert segconv("convert", source, "--to", "9_A", "--labels", "background=0,disc=127,ring=254").code == 0
    predictions = tmp_path / "predictions"
    shutil.copytree(segconv.raw / "Dataset009_A/labelsTr", predictions)
    before = tree_hash(predictions)
    done = segconv("restore", predictions, "--like", "9", "-o", predictions / "back")
    assert (done.code, done.codes()) == (73, ["SC020"]), done.err
    assert tree_hash(predictions) == before
