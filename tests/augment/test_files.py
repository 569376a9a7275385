"""Files that augment copies: verified like all others, with the warnings of convert, and encoded again if odd."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import tifffile
from PIL import Image

from segconv.dataset.layout import Dataset

from ..command import Command, Done

ROTATED = ["--rotate", "30", "--planes", "axial"]
TEST_IMAGE, TEST_LABEL = "imagesTs/t_0000.nii.gz", "labelsTs/t.nii.gz"
SIZE = (9, 8, 7)


def affine(shift_mm: float = 0.0) -> np.ndarray:
    grid = np.diag([-1.0, -1.0, 2.0, 1.0])
    grid[0, 3] = shift_mm
    return grid


def save(path: Path, array: np.ndarray, grid: np.ndarray | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(array, affine() if grid is None else grid)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)


def describe(folder: Path, channels: int, ending: str) -> None:
    description = {
        "channel_names": {str(number): f"T{number + 1}" for number in range(channels)},
        "labels": {"background": 0, "thing": 1},
        "numTraining": 2,
        "file_ending": ending,
    }
    (folder / "dataset.json").write_text(json.dumps(description))


@pytest.fixture
def volumes(segconv: Command) -> Path:
    """Two training cases of two channels; test cases with a label and without."""
    folder = segconv.raw / "Dataset012_Volumes"
    random = np.random.default_rng(0)
    for case, split in (("a", "Tr"), ("b", "Tr"), ("t", "Ts"), ("u", "Ts")):
        for channel in range(2):
            array = random.integers(0, 1000, SIZE).astype(np.int16)
            save(folder / f"images{split}" / f"{case}_{channel:04d}.nii.gz", array)
        if case != "u":
            save(folder / f"labels{split}" / f"{case}.nii.gz", random.integers(0, 2, SIZE).astype(np.uint8))
    describe(folder, 2, ".nii.gz")
    return folder


@pytest.fixture
def pictures(segconv: Command) -> Path:
    """Two training cases of one channel, and two test cases, as grey PNG."""
    folder = segconv.raw / "Dataset012_Pictures"
    random = np.random.default_rng(0)
    for case, split in (("a", "Tr"), ("b", "Tr"), ("t", "Ts"), ("u", "Ts")):
        for name, high in ((f"images{split}/{case}_0000", 255), (f"labels{split}/{case}", 2)):
            if name != "labelsTs/u":
                path = folder / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(random.integers(0, high, (20, 30)).astype(np.uint8)).save(path)
    describe(folder, 1, ".png")
    return folder


def augment(segconv: Command, *words: str) -> Done:
    return segconv("augment", "12", "--to", "112", *ROTATED, *words)


def made(segconv: Command) -> Path:
    return next(segconv.raw.glob("Dataset112*"))


def rewritten(path: Path, change: Callable[[bytearray], object]) -> None:
    """Change the inflated bytes of a file."""
    data = bytearray(gzip.decompress(path.read_bytes()))
    change(data)
    path.write_bytes(gzip.compress(bytes(data)))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def with_value(path: Path, value: float, dtype: type = np.float32) -> None:
    array = np.asarray(nib.load(path).dataobj).astype(dtype)
    array[1, 1, 1] = value
    save(path, array)


DAMAGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-9]), "SC050"),
    "a web page": (lambda path: path.write_bytes(b"<!DOCTYPE html><html></html>"), "SC051"),
    "a flipped bit": (flip, "SC050"),
    "of another size": (lambda path: save(path, np.ones((9, 8, 6), np.uint8)), "SC082"),
    "NaN": (lambda path: with_value(path, np.nan), "SC055"),
}


def test_every_file_is_verified_and_intact_files_are_copied_byte_for_byte(volumes: Path, segconv: Command) -> None:
    done = augment(segconv)
    assert (done.code, "Warning" in done.err) == (0, False), done.err
    for path in [*volumes.glob("images*/*"), *volumes.glob("labels*/*")]:
        assert (made(segconv) / path.relative_to(volumes)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("path", ["imagesTs/t_0001.nii.gz", "imagesTs/u_0001.nii.gz", TEST_LABEL])
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_test_case_that_is_damaged_is_refused(volumes: Path, segconv: Command, path: str, damage: str) -> None:
    change, code = DAMAGED[damage]
    change(volumes / path)
    done = augment(segconv)
    assert (done.code, done.codes()) == (65, [code]), done.err
    assert path in done.err
    assert not list(segconv.raw.glob("Dataset112*"))


@pytest.mark.parametrize("link", ["hard", "symlink", "external"])
def test_a_file_that_is_linked_is_proved_as_well(volumes: Path, segconv: Command, link: str) -> None:
    flip(volumes / TEST_IMAGE)
    done = augment(segconv, "--link", link)
    assert (done.code, done.codes()) == (65, ["SC050"])


def test_a_copy_of_an_earlier_augmentation_that_is_damaged_is_refused(volumes: Path, segconv: Command) -> None:
    assert augment(segconv).code == 0
    flip(made(segconv) / "imagesTr" / "a_axial030_0001.nii.gz")
    with_value(made(segconv) / "labelsTr" / "b_axial030.nii.gz", 3, np.uint8)
    done = segconv("augment", "112", "--to", "113", "--rotate", "10", "--planes", "axial")
    assert (done.code, done.codes()) == (65, ["SC050", "SC070"])


@pytest.mark.parametrize(("value", "code"), [(3, "SC070"), (0.5, "SC071"), (-1, "SC072")])
def test_a_test_label_whose_values_are_not_declared_is_refused(
    volumes: Path, segconv: Command, value: float, code: str
) -> None:
    with_value(volumes / TEST_LABEL, value)
    done = augment(segconv)
    assert (done.code, done.codes()) == (65, [code])


def test_a_label_of_four_dimensions_is_refused(volumes: Path, segconv: Command) -> None:
    save(volumes / TEST_LABEL, np.zeros((*SIZE, 2), np.uint8))
    assert augment(segconv).codes() == ["SC073"]


@pytest.mark.parametrize("path", ["imagesTs/t_0000.png", "imagesTs/u_0000.png", "labelsTs/t.png"])
def test_a_picture_for_testing_that_is_damaged_is_refused(pictures: Path, segconv: Command, path: str) -> None:
    flip(pictures / path)
    done = augment(segconv)
    assert (done.code, path in done.err) == (65, True)
    assert done.codes() in (["SC058"], ["SC051"])


def tail(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"tail")


def two_members(path: Path) -> None:
    data = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(data[:500]) + gzip.compress(data[500:]))


def in_metres(data: bytearray) -> None:
    data[123] = 1


def without_forms(data: bytearray) -> None:
    data[252:256] = struct.pack("<hh", 0, 0)


def conflicting_forms(data: bytearray) -> None:
    data[252:256] = struct.pack("<hh", 1, 1)
    data[268:272] = struct.pack("<f", 5.0)  # qoffset_x


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "trailing bytes": (tail, "SC059"),
    "several members": (two_members, "SC059"),
    "lengths in metres": (lambda path: rewritten(path, in_metres), "SC092"),
    "no form": (lambda path: rewritten(path, without_forms), "SC092"),
    "conflicting forms": (lambda path: rewritten(path, conflicting_forms), "SC092"),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_file_gives_the_warnings_of_convert_and_is_encoded_again(
    volumes: Path, segconv: Command, odd: str
) -> None:
    change, code = ODD[odd]
    files = [*volumes.glob("*T?/t*"), *volumes.glob("*T?/a*")]
    voxels = [np.asarray(nib.load(path).dataobj) for path in files]
    for path in files:
        change(path)
    converted = segconv("convert", volumes, "--to", "13_Converted", "--json")
    done = augment(segconv, "--json")
    assert done.code == converted.code == 0, done.err
    wording = [(f["code"], f["file"], f["message"]) for f in done.json["findings"]]
    assert sorted(wording) == sorted((f["code"], f["file"], f["message"]) for f in converted.json["findings"])
    assert {found for found, _, _ in wording} == {code}
    for path, before in zip(files, voxels, strict=True):
        relative = path.relative_to(volumes)
        after = made(segconv) / relative
        assert after.read_bytes() != path.read_bytes()
        assert after.read_bytes() == (segconv.raw / "Dataset013_Converted" / relative).read_bytes()
        assert np.array_equal(np.asarray(nib.load(after).dataobj), before)
    records = {record.case: record for record in Dataset.open(made(segconv)).records()}
    assert [found["code"] for found in records["t"].warnings] == [code] * 3
    assert len(records["t"].repairs) == 3
    assert not records["b"].warnings
    assert not [case for case, record in records.items() if record.parent and record.warnings]
    again = segconv("augment", "112", "--to", "113", "--rotate", "10", "--planes", "axial")
    assert "Warning" not in again.err, "nothing odd is left"


def test_warnings_are_errors_under_strict(volumes: Path, segconv: Command) -> None:
    tail(volumes / TEST_IMAGE)
    done = augment(segconv, "--strict")
    assert (done.code, done.codes()) == (65, ["SC059"])


@pytest.mark.parametrize("link", ["hard", "symlink", "external"])
def test_an_odd_file_that_is_linked_stays_as_it_is_and_is_warned_of(volumes: Path, segconv: Command, link: str) -> None:
    for path in (volumes / "imagesTr" / "a_0000.nii.gz", volumes / TEST_IMAGE):
        tail(path)
    save(volumes / "labelsTr" / "a.nii.gz", np.ones(SIZE, np.uint8), affine(0.05))
    done = augment(segconv, "--link", link)
    assert done.code == 0, done.err
    assert done.err.count("Warning SC059") == 2
    assert done.err.count("Warning SC093") == 1
    assert "linked as it is" in done.err
    dataset = Dataset.open(made(segconv))
    assert dataset.image_files("a")[0].read_bytes().endswith(b"tail")
    assert (made(segconv) / TEST_IMAGE).read_bytes().endswith(b"tail")
    assert not any(record.repairs for record in dataset.records())


def test_big_endian_files_are_encoded_again(volumes: Path, segconv: Command) -> None:
    voxels = {}
    for name in (TEST_IMAGE, TEST_LABEL):
        image = nib.load(volumes / name)
        voxels[name] = np.asarray(image.dataobj)
        nib.save(nib.Nifti1Image(voxels[name], image.affine, image.header.as_byteswapped(">")), volumes / name)
        assert gzip.decompress((volumes / name).read_bytes())[:4] == (348).to_bytes(4, "big")
    assert augment(segconv).code == 0
    for name, before in voxels.items():
        after = made(segconv) / name
        assert gzip.decompress(after.read_bytes())[:4] == (348).to_bytes(4, "little")
        assert np.array_equal(np.asarray(nib.load(after).dataobj), before)


def test_a_label_in_floating_point_becomes_one_of_integers(volumes: Path, segconv: Command) -> None:
    with_value(volumes / TEST_LABEL, 1)
    assert augment(segconv).code == 0
    assert np.asarray(nib.load(made(segconv) / TEST_LABEL).dataobj).dtype == np.uint8


@pytest.mark.parametrize("path", ["imagesTr/a_0001.nii.gz", "imagesTs/u_0001.nii.gz", "labelsTr/a.nii.gz", TEST_LABEL])
@pytest.mark.parametrize(("shift_mm", "wording"), [(0.005, ""), (0.05, "SC093"), (0.2, "SC083")])
def test_a_file_a_hair_off_its_grid_takes_the_first_channels_header(
    volumes: Path, segconv: Command, path: str, shift_mm: float, wording: str
) -> None:
    array = np.asarray(nib.load(volumes / path).dataobj)
    save(volumes / path, array, affine(shift_mm))
    done = augment(segconv)
    if wording == "SC083":
        assert (done.code, done.codes()) == (65, ["SC083"])
        assert "Hint: segconv repair" in done.err
        return
    assert done.code == 0, done.err
    after = nib.load(made(segconv) / path)
    assert np.array_equal(np.asarray(after.dataobj), array)
    if wording:
        assert f"Warning SC093: {path}: was 0.05 voxels off the grid of" in done.err
        assert np.array_equal(after.affine, affine())
    else:
        assert "Warning" not in done.err
        assert (made(segconv) / path).read_bytes() == (volumes / path).read_bytes()


def test_constant_images_and_empty_labels_are_reported(volumes: Path, segconv: Command) -> None:
    save(volumes / TEST_IMAGE, np.full(SIZE, 7, np.int16))
    save(volumes / TEST_LABEL, np.zeros(SIZE, np.uint8))
    done = augment(segconv)
    assert done.code == 0
    assert f"Warning SC077: {TEST_IMAGE}: all voxels are 7" in done.err
    assert f"Warning SC075: {TEST_LABEL}: holds nothing but background" in done.err


def test_bytes_after_a_picture_are_reported_and_dropped(pictures: Path, segconv: Command) -> None:
    files = [pictures / "imagesTs" / "t_0000.png", pictures / "labelsTr" / "a.png"]
    for path in files:
        tail(path)
    done = augment(segconv)
    assert done.code == 0, done.err
    assert done.err.count("Warning SC059") == 2
    for path in files:
        after = made(segconv) / path.relative_to(pictures)
        assert not after.read_bytes().endswith(b"tail")
        assert np.array_equal(np.asarray(Image.open(after)), np.asarray(Image.open(path)))


def test_a_colour_picture_of_one_colour_is_reported(pictures: Path, segconv: Command) -> None:
    describe(pictures, 3, ".png")
    for path in pictures.glob("imagesT*/*"):
        colours = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
        Image.fromarray(colours).save(path)
    Image.fromarray(np.full((20, 30, 3), (1, 2, 3), np.uint8)).save(pictures / "imagesTs" / "t_0000.png")
    done = augment(segconv)
    assert done.code == 0, done.err
    assert [line for line in done.err.splitlines() if "Warning" in line] == [
        "Warning SC077: imagesTs/t_0000.png: all pixels are 1, 2, 3"
    ]


@pytest.mark.parametrize("value", [3.4e38, -3.4e38])
@pytest.mark.parametrize("angles", ["30", "180"])
def test_large_numbers_of_32_bits_stay_finite_in_copies(
    volumes: Path, segconv: Command, value: float, angles: str
) -> None:
    path = volumes / "imagesTr" / "a_0000.nii.gz"
    array = np.full(SIZE, -value, np.float32)
    array[::2] = value
    save(path, array)
    done = segconv("augment", "12", "--to", "112", "--rotate", angles)
    assert done.code == 0, done.err
    for copy in made(segconv).glob("imagesTr/a_*0000.nii.gz"):
        found = np.asarray(nib.load(copy).dataobj)
        assert np.isfinite(found).all()
        assert np.abs(found).max() <= 3.4e38 * 1.00001


def test_numbers_that_32_bits_do_not_hold_are_refused(volumes: Path, segconv: Command) -> None:
    with_value(volumes / "imagesTr" / "a_0001.nii.gz", 1.7e308, np.float64)
    with_value(volumes / TEST_IMAGE, -1.7e308, np.float64)
    done = augment(segconv)
    assert (done.code, done.codes()) == (65, ["SC055", "SC055"])


def test_padding_that_32_bits_do_not_hold_is_refused_in_the_plan(volumes: Path, segconv: Command) -> None:
    for image in (volumes / "imagesTr").iterdir():
        with_value(image, 0, np.float64)
    done = augment(segconv, "--pad-value", "1e300")
    assert (done.code, set(done.codes())) == (2, {"SC001"})
    assert not list(segconv.raw.glob(".segconv-112"))


@pytest.fixture
def floats(segconv: Command) -> Path:
    """Pictures of one channel as TIFF of float32, with labels of int16."""
    folder = segconv.raw / "Dataset012_Floats"
    random = np.random.default_rng(0)
    for case, split in (("a", "Tr"), ("b", "Tr"), ("t", "Ts")):
        (folder / f"images{split}").mkdir(parents=True, exist_ok=True)
        (folder / f"labels{split}").mkdir(parents=True, exist_ok=True)
        values = random.normal(0, 5, (20, 30)).astype(np.float32)
        tifffile.imwrite(folder / f"images{split}" / f"{case}_0000.tif", values)
        label = random.integers(0, 2, (20, 30)).astype(np.int16)
        tifffile.imwrite(folder / f"labels{split}" / f"{case}.tif", label)
    describe(folder, 1, ".tif")
    return folder


def test_pictures_of_floats_do_not_become_png(floats: Path, segconv: Command) -> None:
    done = augment(segconv, "--format", "png")
    assert (done.code, done.codes()) == (2, ["SC001"] * 3)
    assert "imagesTs/t_0000.tif" in done.err
    assert "float32" in done.err
    assert not list(segconv.raw.glob(".segconv-112")), "it was found before anything was written"


def test_pictures_of_floats_take_any_pad_value(floats: Path, segconv: Command) -> None:
    assert augment(segconv, "--pad-value", "-5.5").code == 0
    copy = tifffile.imread(made(segconv) / "imagesTr" / "a_axial030_0000.tif")
    assert copy.dtype == np.float32
    assert copy[0, 0] == -5.5


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_pictures_of_whole_numbers_become_png_with_their_labels(floats: Path, segconv: Command, dtype: str) -> None:
    for path in floats.glob("images*/*"):
        tifffile.imwrite(path, np.abs(tifffile.imread(path)).astype(dtype))
    done = augment(segconv, "--format", "png")
    assert done.code == 0, done.err
    before = tifffile.imread(floats / "labelsTr" / "a.tif")
    assert np.array_equal(np.asarray(Image.open(made(segconv) / "labelsTr" / "a.png")), before)
