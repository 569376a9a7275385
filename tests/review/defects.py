"""Defects to plant in good datasets: each with the code and the file that `segconv check` must name.

`PASSED` are those that ``verify_dataset_integrity`` of nnunetv2 2.8 calls most likely OK, which a
test shows.
"""

from __future__ import annotations

import codecs
import gzip
import json
import os
import shutil
import struct
import unicodedata
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from PIL import Image
from skimage import io

from . import datasets
from .datasets import CASES, change_nifti, edit, even_folds, folds


@dataclass(frozen=True)
class Defect:
    make: Callable[[Path], Path]
    plant: Callable[[Path], object]
    code: str
    file: str
    severity: str = "error"
    quick: bool = True
    """Whether names and headers are enough to show it."""


IMAGE = "imagesTr/c2_0000.nii.gz"
LABEL = "labelsTr/c2.nii.gz"


def voxels(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    return lambda root: change_nifti(root / name, lambda array, affine: (change(array), affine))


def affine(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    return lambda root: change_nifti(root / name, lambda array, affine: (array, change(affine)))


def with_voxel(value: float, dtype: type = np.float32) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array = array.astype(dtype)
        array[3, 4, 2] = value
        return array

    return change


def flipped(matrix: np.ndarray) -> np.ndarray:
    matrix = matrix.copy()
    matrix[:3, 0] *= -1
    return matrix


def moved(matrix: np.ndarray) -> np.ndarray:
    matrix = matrix.copy()
    matrix[0, 3] += 500
    return matrix


def turned(matrix: np.ndarray) -> np.ndarray:
    """Return the affine of an array whose first axis leads the other way, in the same place."""
    return matrix @ np.diag([-1.0, 1.0, 1.0, 1.0])


def cut(name: str, size: int = -40) -> Callable[[Path], None]:
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:size])


def remove(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).unlink()


def rename(name: str, new: str) -> Callable[[Path], None]:
    return lambda root: (root / name).rename(root / new)


def copy(name: str, new: str) -> Callable[[Path], None]:
    def plant(root: Path) -> None:
        (root / new).parent.mkdir(exist_ok=True)
        shutil.copy(root / name, root / new)

    return plant


def another_case(name: str) -> Callable[[Path], None]:
    """Add a case under this name, with content of its own."""

    def plant(root: Path) -> None:
        number = int(json.loads((root / "dataset.json").read_text())["numTraining"])
        copy("imagesTr/c0_0000.nii.gz", f"imagesTr/{name}_0000.nii.gz")(root)
        copy("labelsTr/c0.nii.gz", f"labelsTr/{name}.nii.gz")(root)
        voxels(f"imagesTr/{name}_0000.nii.gz", lambda array: array + np.int16(number))(root)
        edit(root, lambda j: j.update(numTraining=number + 1))

    return plant


def both(*plants: Callable[[Path], object]) -> Callable[[Path], None]:
    def plant(root: Path) -> None:
        for one in plants:
            one(root)

    return plant


def link(target: str) -> Callable[[Path], None]:
    def plant(root: Path) -> None:
        (root / IMAGE).unlink()
        (root / IMAGE).symlink_to(target)

    return plant


def outside(root: Path) -> None:
    shutil.move(root / IMAGE, root.parent / "elsewhere.nii.gz")
    (root / IMAGE).symlink_to(root.parent / "elsewhere.nii.gz")


def elsewhere(root: Path) -> None:
    """Name the files in dataset.json, as nnU-Net allows it."""
    cases = {
        f"c{n}": {"images": [f"imagesTr/c{n}_0000.nii.gz"], "label": f"labelsTr/c{n}.nii.gz"} for n in range(CASES)
    }
    edit(root, lambda j: j.update(dataset=cases))


def regions(root: Path) -> None:
    edit(
        root,
        lambda j: j.update(
            labels={"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3},
            regions_class_order=[3, 2, 1],
        ),
    )


def regions_with(
    order: object = (1, 2, 3), whole: object = (1, 2, 3), core: object = (2, 3), enhancing: object = 3
) -> Callable[[Path], None]:
    """Declare regions in an order that is right, but for what is given."""
    labels = {"background": 0, "whole": whole, "core": core, "enhancing": enhancing}
    return lambda root: edit(root, lambda j: j.update(labels=labels, regions_class_order=order))


def marked(name: str) -> Callable[[Path], None]:
    """Put a byte order mark before the text of a file."""
    return lambda root: (root / name).write_bytes(codecs.BOM_UTF8 + (root / name).read_bytes())


def moved_out(name: str) -> Callable[[Path], None]:
    """Leave a link in the place of a file or folder."""

    def plant(root: Path) -> None:
        shutil.move(root / name, root.parent / "elsewhere")
        (root / name).symlink_to(root.parent / "elsewhere")

    return plant


def with_lineage(root: Path) -> None:
    """Add what a lineage begins with."""
    (root / "segconv").mkdir()
    (root / "segconv" / "run.json").write_text('{"options": {}}')
    (root / "segconv" / "cases.jsonl").write_text("")


def rgb_mask(root: Path) -> None:
    mask = io.imread(root / "labelsTr" / "s2.png")
    io.imsave(root / "labelsTr" / "s2.png", np.stack([mask] * 3, axis=-1), check_contrast=False)


def palette_mask(root: Path) -> None:
    mask = Image.fromarray(io.imread(root / "labelsTr" / "s2.png")).convert("P")
    mask.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    mask.save(root / "labelsTr" / "s2.png")


def palette_mask_of_8_bits(root: Path) -> None:
    mask = Image.fromarray(io.imread(root / "labelsTr" / "s2.png")).convert("P")
    mask.save(root / "labelsTr" / "s2.png", bits=8)


def rgba(root: Path) -> None:
    Image.open(root / "imagesTr" / "s2_0000.png").convert("RGBA").save(root / "imagesTr" / "s2_0000.png")


def grey_alpha(root: Path) -> None:
    Image.open(root / "imagesTr" / "s2_0000.png").convert("LA").save(root / "imagesTr" / "s2_0000.png")


def grey_alpha_mask(root: Path) -> None:
    Image.open(root / "labelsTr" / "s2.png").convert("LA").save(root / "labelsTr" / "s2.png")


def constant_picture(root: Path) -> None:
    image = io.imread(root / "imagesTr" / "s2_0000.png")
    io.imsave(root / "imagesTr" / "s2_0000.png", np.full_like(image, 7), check_contrast=False)


def two_bits(root: Path) -> None:
    mask = io.imread(root / "labelsTr" / "s2.png")
    height, width = mask.shape
    rows = b"".join(bytes([0, *np.packbits(np.unpackbits(row[:, np.newaxis], axis=1)[:, 6:])]) for row in mask)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 2, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    packed = (struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in chunks)
    (root / "labelsTr" / "s2.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))


def two_components(root: Path) -> None:
    image = sitk.ReadImage(str(root / "imagesTr" / "c2_0000.nrrd"))
    sitk.WriteImage(sitk.Compose(image, image), str(root / "imagesTr" / "c2_0000.nrrd"))


def folder_outside(root: Path) -> None:
    shutil.move(root / "imagesTr", root.parent / "elsewhere")
    (root / "imagesTr").symlink_to(root.parent / "elsewhere")


def images_in_a_file(root: Path) -> None:
    shutil.rmtree(root / "imagesTr")
    (root / "imagesTr").write_text("")


def spacing_rounded(matrix: np.ndarray) -> np.ndarray:
    return matrix @ np.diag([1 + 5e-5, 1, 1, 1])


NAMES = [f"c{n}" for n in range(CASES)]
V, C, P = datasets.volumes, datasets.channels, datasets.pictures
TEST_IMAGE = f"imagesTs/c{CASES}_0000.nii.gz"

PASSED: dict[str, Defect] = {
    "a label of background alone": Defect(V, voxels(LABEL, np.zeros_like), "SC075", LABEL, "warning", quick=False),
    "a gap in the channels": Defect(
        C,
        both(
            *(remove(f"imagesTr/t{n}_0001.nii.gz") for n in range(CASES)),
            lambda root: edit(root, lambda j: j.update(channel_names={"0": "T1", "1": "T2", "2": "FLAIR"})),
        ),
        "SC084",
        "imagesTr/t2",
    ),
    "an infinite voxel": Defect(V, voxels(IMAGE, with_voxel(np.inf)), "SC055", IMAGE, quick=False),
    "a label 500 mm away": Defect(V, affine(LABEL, moved), "SC083", LABEL),
    "a label with a flipped axis": Defect(V, affine(LABEL, flipped), "SC083", LABEL),
    "a label without an image": Defect(V, copy(LABEL, "labelsTr/c77.nii.gz"), "SC081", "labelsTr/c77.nii.gz"),
    "a broken test image": Defect(V, cut(TEST_IMAGE), "SC050", TEST_IMAGE, quick=False),
    "Ignore with a capital": Defect(
        V, lambda root: edit(root, lambda j: j["labels"].update(Ignore=4)), "SC074", "dataset.json"
    ),
    "regions in the wrong order": Defect(V, regions, "SC074", "dataset.json"),
    "a mask in RGB": Defect(P, rgb_mask, "SC073", "labelsTr/s2.png"),
    "channel_names the wrong way round": Defect(
        P, lambda root: edit(root, lambda j: j.update(channel_names={"R": 0, "G": 1, "B": 2})), "SC086", "dataset.json"
    ),
    "a constant image": Defect(V, voxels(IMAGE, np.zeros_like), "SC077", IMAGE, "warning", quick=False),
    "a class that occurs nowhere": Defect(
        V, lambda root: edit(root, lambda j: j["labels"].update(spleen=4)), "SC076", "dataset.json", "warning", quick=False
    ),
    "no background anywhere": Defect(
        V,
        both(*(voxels(f"labelsTr/c{n}.nii.gz", lambda array: np.maximum(array, 1)) for n in range(CASES))),
        "SC076",
        "dataset.json",
        "warning",
        quick=False,
    ),
    "two cases with one image": Defect(
        V, copy("imagesTr/c0_0000.nii.gz", IMAGE), "SC088", IMAGE, "warning", quick=False
    ),
    "a test image that is trained on": Defect(V, copy(IMAGE, TEST_IMAGE), "SC088", TEST_IMAGE, "warning", quick=False),
    "voxel types that differ": Defect(
        V, voxels(IMAGE, lambda array: array.astype(np.float32)), "SC084", "imagesTr", "warning"
    ),
    "values of another modality": Defect(
        V, lambda root: edit(root, lambda j: j.update(channel_names={"0": "MRI"})), "SC091", "dataset.json", "warning",
        quick=False,
    ),
    "an odd name": Defect(V, another_case("c 9 (1)"), "SC090", "imagesTr/c 9 (1)_0000.nii.gz", "warning"),
    "names that differ by case alone": Defect(V, another_case("C0"), "SC085", "imagesTr/c0_0000.nii.gz", "warning"),
    "names that differ by Unicode form alone": Defect(
        V,
        both(another_case("caf\u00e9"), another_case(unicodedata.normalize("NFD", "caf\u00e9"))),
        "SC085",
        "imagesTr/caf\u00e9_0000.nii.gz",
    ),
    "a file of no case": Defect(
        V, lambda root: (root / "imagesTr" / "notes.txt").write_text("x"), "SC063", "imagesTr", "warning"
    ),
    "another ending": Defect(V, copy(IMAGE, "imagesTr/c7_0000.nrrd"), "SC063", "imagesTr", "warning"),
    "axes that lead elsewhere": Defect(
        V, both(affine(IMAGE, turned), affine(LABEL, turned)), "SC098", "imagesTr", "warning"
    ),
    "bytes after the end": Defect(
        V, lambda root: (root / IMAGE).write_bytes((root / IMAGE).read_bytes() + b"tail"), "SC059", IMAGE, "warning",
        quick=False,
    ),
    "folds that name a case twice over": Defect(
        V, lambda root: folds(root, [{"train": NAMES, "val": ["c0"]}]), "SC095", "splits_final.json"
    ),
    "folds of other cases": Defect(
        V, lambda root: folds(root, even_folds([*NAMES[:4], "gone"])), "SC099", "splits_final.json"
    ),
    "folds without a case that came later": Defect(
        V, lambda root: folds(root, even_folds(NAMES[:5])), "SC099", "splits_final.json", "warning"
    ),
    "folds whose validation lacks a class": Defect(
        V,
        both(
            voxels("labelsTr/c0.nii.gz", lambda a: np.where(a == 2, 1, a).astype(np.uint8)),
            lambda root: folds(root, even_folds(NAMES)),
        ),
        "SC099",
        "splits_final.json",
        "warning",
        quick=False,
    ),
    "folds that separate equal images": Defect(
        V,
        both(copy("imagesTr/c0_0000.nii.gz", IMAGE), lambda root: folds(root, even_folds(NAMES))),
        "SC095",
        "splits_final.json",
        quick=False,
    ),
    "a fold without validation": Defect(
        V, lambda root: folds(root, [{"train": NAMES, "val": []}]), "SC099", "splits_final.json"
    ),
    "folds that are no list": Defect(
        V, lambda root: (root / "splits_final.json").write_text('{"train": []}'), "SC099", "splits_final.json"
    ),
    "the key dataset": Defect(V, elsewhere, "SC060", "dataset.json"),
    "a link that leaves the dataset": Defect(V, outside, "SC060", IMAGE),
}  # fmt: skip

OTHERS: dict[str, Defect] = {
    "a cut image": Defect(V, cut(IMAGE), "SC050", IMAGE, quick=False),
    "an empty file": Defect(V, cut(IMAGE, 0), "SC051", IMAGE),
    "a web page": Defect(V, lambda root: (root / IMAGE).write_bytes(b"<!DOCTYPE html><html>" + bytes(400)), "SC051", IMAGE),
    "a pointer of Git LFS": Defect(
        V, lambda root: (root / IMAGE).write_bytes(b"version https://git-lfs.github.com/spec/v1\n"), "SC051", IMAGE
    ),
    "not a number": Defect(V, voxels(IMAGE, with_voxel(np.nan)), "SC055", IMAGE, quick=False),
    "too large for 32 bits": Defect(V, voxels(IMAGE, with_voxel(1e300, np.float64)), "SC055", IMAGE, quick=False),
    "a label that is not a number": Defect(V, voxels(LABEL, with_voxel(np.nan)), "SC055", LABEL, quick=False),
    "a fraction": Defect(V, voxels(LABEL, with_voxel(0.5)), "SC071", LABEL, quick=False),
    "a negative label": Defect(V, voxels(LABEL, with_voxel(-1, np.int16)), "SC072", LABEL, quick=False),
    "an undeclared value": Defect(V, voxels(LABEL, with_voxel(9, np.uint8)), "SC070", LABEL, quick=False),
    "a label of another shape": Defect(V, voxels(LABEL, lambda array: array[:-1]), "SC082", LABEL),
    "a label of four dimensions": Defect(V, voxels(LABEL, lambda a: np.stack([a, a], axis=-1)), "SC073", LABEL),
    "an image of two channels": Defect(V, voxels(IMAGE, lambda a: np.stack([a, a], axis=-1)), "SC084", IMAGE),
    "a spacing rounded otherwise": Defect(V, affine(LABEL, spacing_rounded), "SC083", LABEL),
    "no label": Defect(V, remove(LABEL), "SC080", IMAGE),
    "no channel number": Defect(V, rename(IMAGE, "imagesTr/case01.nii.gz"), "SC084", "imagesTr/case01.nii.gz"),
    "a hidden file of a Mac": Defect(V, copy(IMAGE, "imagesTr/._c2_0000.nii.gz"), "SC063", "imagesTr/._c2_0000.nii.gz"),
    "an inflated twin": Defect(
        V, lambda root: nib.save(nib.load(root / IMAGE), root / IMAGE[:-3]), "SC085", "imagesTr/c2_0000.nii"
    ),
    "a stale count": Defect(V, lambda root: edit(root, lambda j: j.update(numTraining=5)), "SC089", "dataset.json"),
    "a count that is text": Defect(V, lambda root: edit(root, lambda j: j.update(numTraining="6")), "SC086", "dataset.json"),
    "an unknown ending": Defect(V, lambda root: edit(root, lambda j: j.update(file_ending="nii.gz")), "SC086", "dataset.json"),
    "no channel_names": Defect(V, lambda root: edit(root, lambda j: j.pop("channel_names")), "SC086", "dataset.json"),
    "one channel name too many": Defect(
        V, lambda root: edit(root, lambda j: j.update(channel_names={"0": "CT", "1": "PET"})), "SC084", IMAGE
    ),
    "labels with a gap": Defect(
        V, lambda root: edit(root, lambda j: j["labels"].update(spleen=7)), "SC074", "dataset.json"
    ),
    "background that is not 0": Defect(
        V, lambda root: edit(root, lambda j: j.update(labels={"background": 1, "a": 0})), "SC074", "dataset.json"
    ),
    "a dangling link": Defect(V, link("nowhere.nii.gz"), "SC012", IMAGE),
    "a link round in a circle": Defect(V, link("c2_0000.nii.gz"), "SC060", IMAGE),
    "a folder as a file": Defect(V, both(remove(IMAGE), lambda root: (root / IMAGE).mkdir()), "SC061", IMAGE),
    "a pipe": Defect(V, both(remove(IMAGE), lambda root: os.mkfifo(root / IMAGE)), "SC061", IMAGE),
    "no labelsTr": Defect(V, lambda root: shutil.rmtree(root / "labelsTr"), "SC094", "labelsTr"),
    "no cases": Defect(
        V,
        lambda root: [shutil.rmtree(root / f) or (root / f).mkdir() for f in ("imagesTr", "labelsTr")],
        "SC011",
        "imagesTr",
    ),
    "a palette mask": Defect(P, palette_mask, "SC078", "labelsTr/s2.png"),
    "a picture with alpha": Defect(P, rgba, "SC084", "imagesTr/s2_0000.png"),
    "a grey picture with alpha": Defect(P, grey_alpha, "SC084", "imagesTr/s2_0000.png"),
    "a JPEG under another name": Defect(
        P,
        lambda root: Image.open(root / "imagesTr" / "s2_0000.png").save(root / "imagesTr" / "s2_0000.png", "JPEG"),
        "SC051",
        "imagesTr/s2_0000.png",
    ),
    "a cut picture": Defect(P, cut("imagesTr/s2_0000.png"), "SC058", "imagesTr/s2_0000.png", quick=False),
    "a mask 0/255": Defect(
        P,
        lambda root: io.imsave(
            root / "labelsTr" / "s2.png", (io.imread(root / "labelsTr" / "s2.png") > 0).astype(np.uint8) * 255,
            check_contrast=False,
        ),
        "SC070",
        "labelsTr/s2.png",
        quick=False,
    ),
    "channels on different grids": Defect(
        C, affine("imagesTr/t2_0001.nii.gz", moved), "SC083", "imagesTr/t2_0001.nii.gz"
    ),
    "channels of different shapes": Defect(
        C, voxels("imagesTr/t2_0001.nii.gz", lambda a: a[:, :-1]), "SC082", "imagesTr/t2_0001.nii.gz"
    ),
    "a missing channel": Defect(C, remove("imagesTr/t2_0003.nii.gz"), "SC084", "imagesTr/t2_0000.nii.gz"),
    "a missing test channel": Defect(
        C, copy("imagesTr/t2_0000.nii.gz", "imagesTs/x_0000.nii.gz"), "SC084", "imagesTs/x_0000.nii.gz"
    ),
    "a gzipped .nii": Defect(
        lambda raw: V(raw, ".nii"),
        lambda root: (root / IMAGE[:-3]).write_bytes(gzip.compress((root / IMAGE[:-3]).read_bytes())),
        "SC051",
        IMAGE[:-3],
        quick=False,
    ),
    "an inflated .nii.gz": Defect(
        V, lambda root: (root / IMAGE).write_bytes(gzip.decompress((root / IMAGE).read_bytes())), "SC051", IMAGE,
        "warning", quick=False,
    ),
    "a .nii of four dimensions": Defect(
        lambda raw: V(raw, ".nii"), voxels(IMAGE[:-3], lambda a: a[..., np.newaxis]), "SC073", IMAGE[:-3]
    ),
    "several channels in one NRRD": Defect(
        lambda raw: V(raw, ".nrrd"), two_components, "SC084", "imagesTr/c2_0000.nrrd"
    ),
    "a mask of two bits": Defect(P, two_bits, "SC078", "labelsTr/s2.png"),
    "values that are text": Defect(
        V, lambda root: edit(root, lambda j: j["labels"].update({n: str(v) for n, v in j["labels"].items()})), "SC074",
        "dataset.json", "warning",
    ),
    "an ignore label that is text": Defect(
        V, lambda root: edit(root, lambda j: j["labels"].update(ignore="4")), "SC074", "dataset.json"
    ),
    "a reader that there is not": Defect(
        V, lambda root: edit(root, lambda j: j.update(overwrite_image_reader_writer="MyIO")), "SC086", "dataset.json",
        "warning",
    ),
    "many undeclared values": Defect(
        V, voxels(LABEL, lambda a: np.arange(a.size, dtype=np.uint8).reshape(a.shape)), "SC070", LABEL, quick=False
    ),
    "a folder that is a link": Defect(V, folder_outside, "SC060", "imagesTr"),
    "folds that name a case twice": Defect(
        V, lambda root: folds(root, [{"train": [*NAMES[1:], "c1"], "val": ["c0"]}]), "SC099", "splits_final.json",
        "warning",
    ),
    "folds that validate a case twice": Defect(
        V, lambda root: folds(root, [{"train": NAMES[1:], "val": ["c0"]}] * 2), "SC099", "splits_final.json", "warning"
    ),
    "folds that are an empty list": Defect(
        V, lambda root: (root / "splits_final.json").write_text("[]"), "SC099", "splits_final.json"
    ),
    "a palette mask of 8 bits": Defect(P, palette_mask_of_8_bits, "SC078", "labelsTr/s2.png"),
    "a folder that is a file": Defect(V, images_in_a_file, "SC030", "imagesTr"),
    "folds that are a number": Defect(
        V, lambda root: (root / "splits_final.json").write_text("5"), "SC099", "splits_final.json"
    ),
    "folds without val": Defect(
        V, lambda root: (root / "splits_final.json").write_text('[{"train": ["c0"]}]'), "SC099", "splits_final.json"
    ),
    "a count that is a truth": Defect(V, lambda root: edit(root, lambda j: j.update(numTraining=True)), "SC086", "dataset.json"),
    "an ending that is a number": Defect(V, lambda root: edit(root, lambda j: j.update(file_ending=3)), "SC086", "dataset.json"),
    "a mask of one grey value with alpha": Defect(P, grey_alpha_mask, "SC073", "labelsTr/s2.png"),
    "a picture of one value": Defect(P, constant_picture, "SC077", "imagesTr/s2_0000.png", "warning", quick=False),
    "folds that are a folder": Defect(V, lambda root: (root / "splits_final.json").mkdir(), "SC061", "splits_final.json"),
    "a case in training and in testing": Defect(V, copy(TEST_IMAGE, "imagesTs/c2_0000.nii.gz"), "SC085", "c2", "warning"),
    "a lineage that is no json": Defect(
        V, lambda root: ((root / "segconv").mkdir(), (root / "segconv" / "cases.jsonl").write_text("{")), "SC096",
        "segconv/cases.jsonl",
    ),
    "text in a region": Defect(V, regions_with(core=("2", "3")), "SC074", "dataset.json"),
    "one text in a region": Defect(V, regions_with(core=(2, "3")), "SC074", "dataset.json"),
    "text beside regions": Defect(V, regions_with(enhancing="3"), "SC074", "dataset.json"),
    "text in the order of regions": Defect(V, regions_with(order=("1", "2", "3")), "SC074", "dataset.json"),
    "an order of regions that is text": Defect(V, regions_with(order="123"), "SC074", "dataset.json"),
    "an order of regions that is an object": Defect(V, regions_with(order={"1": 2}), "SC074", "dataset.json"),
    **{
        f"{what} in {where}": Defect(V, regions_with(**{where: (2, value)}), "SC074", "dataset.json")
        for what, value in (("a float", 3.0), ("a truth", True), ("a list", [3]), ("nothing", None))
        for where in ("core", "order")
    },
    "a list of lists": Defect(V, regions_with(core=[[2, 3]]), "SC074", "dataset.json"),
    "a mark before dataset.json": Defect(V, marked("dataset.json"), "SC086", "dataset.json"),
    "a mark before folds": Defect(
        V, both(lambda root: folds(root, even_folds(NAMES)), marked("splits_final.json")), "SC086", "splits_final.json"
    ),
    "folds that are a link out of the dataset": Defect(
        V,
        both(lambda root: folds(root, even_folds(NAMES)), moved_out("splits_final.json")), "SC060", "splits_final.json",
    ),
    "folds that are a link to nothing": Defect(
        V, lambda root: (root / "splits_final.json").symlink_to("nowhere.json"), "SC012", "splits_final.json"
    ),
    "a lineage that is a link out of the dataset": Defect(
        V, both(with_lineage, moved_out("segconv/run.json")), "SC060", "segconv/run.json"
    ),
    "a folder of the lineage that is a link out of the dataset": Defect(
        V, both(with_lineage, moved_out("segconv")), "SC060", "segconv/cases.jsonl"
    ),
}  # fmt: skip

ALL = {**PASSED, **OTHERS}
