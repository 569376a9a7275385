"""Masks of classes as pages, samples or channels of one file: asked about, compiled, and restored as they were."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from skimage import io

from segconv.convert.back.restore import plan_restore, run_restore
from segconv.convert.bands import planes_in
from segconv.convert.conversion import plan_conversion, run_conversion
from segconv.convert.model import ConvertOptions
from segconv.dataset.layout import Dataset
from segconv.image import raster
from segconv.work.run_options import RunOptions

from ...command import Command
from ..drawn import SIZE, picture, save
from ..oracles import ct, write

NAMES = ["nucleus", "cell"]


def planes(number: int, count: int = 2, on: int = 255, dtype: type = np.uint8) -> np.ndarray:
    """Masks that overlap, ``(mask, y, x)``."""
    drawn = np.zeros((count, *SIZE), dtype)
    for at in range(count):
        drawn[at, 1 + at : 6 + at, number + at : number + at + 5] = on
    return drawn


def tiff(path: Path, array: np.ndarray, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, array, **options)


def in_samples(path: Path, masks: np.ndarray) -> None:
    save(path, np.moveaxis(masks, 0, -1))


def of_imagej(path: Path, masks: np.ndarray) -> None:
    tiff(path, masks, imagej=True, metadata={"axes": "CYX", "Labels": [f"class {n}" for n in range(len(masks))]})


def of_ome(path: Path, masks: np.ndarray) -> None:
    names = [f"R&D {n}" for n in range(len(masks))]
    tiff(path, masks, ome=True, metadata={"axes": "CYX", "Channel": {"Name": names}}, photometric="minisblack")


def in_pages(path: Path, masks: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tifffile.TiffWriter(path) as writer:
        for mask in masks:
            writer.write(mask, metadata=None)


def in_bands(path: Path, masks: np.ndarray) -> None:
    extra = ["unspecified"] * (len(masks) - 1)
    tiff(path, np.moveaxis(masks, 0, -1), photometric="minisblack", planarconfig="contig", extrasamples=extra)


STORED: dict[str, tuple[str, Callable[[Path, np.ndarray], None], Sequence[int]]] = {
    "pages that ImageJ calls channels": ("tif", of_imagej, (2, 3, 7)),
    "pages that OME calls channels": ("tif", of_ome, (2, 3, 7)),
    "pages": ("tiff", in_pages, (2, 5)),
    "samples that are no colours": ("tif", in_bands, (2, 3, 6)),
    "samples that might be colours": ("png", in_samples, (2, 3, 4)),
    "one sample": ("png", lambda path, masks: save(path, masks[0]), (1,)),
}
"""Kind → ending, what writes masks ``(mask, y, x)``, and how many there may be."""


def made(root: Path, ending: str, write: Callable[[Path, np.ndarray], None], *masks: np.ndarray) -> Path:
    for number, own in enumerate(masks):
        save(root / f"images/c{number}.png", picture(number))
        write(root / f"masks/c{number}.{ending}", own)
    return root


def inside(dataset: Path, name: str, case: str) -> np.ndarray:
    """Where a class is, by its declaration."""
    declared = json.loads((dataset / "dataset.json").read_text())["labels"]
    return np.isin(io.imread(dataset / f"labelsTr/{case}.png"), declared[name])


def test_pages_are_asked_about_by_the_names_in_the_file_and_taken(tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "mine", "tif", of_imagej, planes(0), planes(1))
    done = segconv("convert", root, "--to", "5_A")
    assert done.codes() == ["SC084", "SC084"], done.err
    assert "is a mask of 2 channels" in done.err
    said = "--mask-channels 'class 0,class 1' takes each as the mask of a class"
    assert said in done.err
    done = segconv("convert", root, "--to", "5_A", *shlex.split(said)[:2])
    assert done.code == 0, done.err
    dataset = segconv.raw / "Dataset005_A"
    for number in range(2):
        for name, mask in zip(("class 0", "class 1"), planes(number), strict=True):
            assert np.array_equal(inside(dataset, name, f"c{number}"), mask > 0)


@pytest.mark.parametrize(
    ("write", "ending", "asked"),
    [(in_pages, "tif", "NAME,NAME"), (in_bands, "tif", "NAME,NAME"), (of_ome, "tif", "'R&D 0,R&D 1'")],
)
def test_names_are_those_of_the_file_or_for_the_user_to_fill_in(
    write: Callable[[Path, np.ndarray], None], ending: str, asked: str, tmp_path: Path, segconv: Command
) -> None:
    done = segconv("convert", made(tmp_path / "mine", ending, write, planes(0)), "--to", "5_A")
    assert f"--mask-channels {asked} takes each" in done.err
    assert "--spacing" not in done.err


@given(st.data())
def test_any_masks_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    ending, write, counts = STORED[data.draw(st.sampled_from(sorted(STORED)))]
    count, on = data.draw(st.sampled_from(counts)), data.draw(st.sampled_from((1, 7, 255)))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    masks = [(random.random((count, *SIZE)) < random.choice([0.02, 0.4])).astype(np.uint8) * on for _ in range(2)]
    masks[0][:, 3, 4] = on  # so that each class occurs
    folder = tmp_path_factory.mktemp("any")
    root = made(folder / "mine", ending, write, *masks)
    (folder / "raw").mkdir()
    names = tuple(f"m{number}" for number in range(count))
    options = ConvertOptions(mask_channels=names, max_heads=500)
    run_conversion(plan_conversion(root, "5_A", raw=folder / "raw", options=options), RunOptions(jobs=1))
    dataset = Dataset.open(folder / "raw/Dataset005_A")
    run_restore(plan_restore(dataset.path / "labelsTr", dataset, folder / "back"), RunOptions(jobs=1))
    for number, own in enumerate(masks):
        back = folder / f"back/c{number}.{ending}"
        theirs = root / "masks" / back.name
        read = io.imread if ending == "png" else tifffile.imread
        assert np.array_equal(read(back), read(theirs))
        assert int(read(back).sum()) == int(own.sum())
        assert planes_in(raster.probe_file(str(back))) == count


def test_a_channel_called_background_is_what_the_others_leave(tmp_path: Path, segconv: Command) -> None:
    masks = [
        np.concatenate([255 * ~own.any(axis=0, keepdims=True), own]).astype(np.uint8) for own in map(planes, (0, 1))
    ]
    root = made(tmp_path / "mine", "tif", in_pages, *masks)
    words = ("convert", root, "--to", "5_A", "--mask-channels", "background,nucleus,cell")
    done = segconv(*words, "--json")
    assert done.code == 0, done.err
    dataset = segconv.raw / "Dataset005_A"
    assert {"background", "nucleus", "cell"} <= set(json.loads((dataset / "dataset.json").read_text())["labels"])
    assert segconv("restore", dataset / "labelsTr", "--like", "5", "-o", tmp_path / "back").code == 0
    for number, own in enumerate(masks):
        assert np.array_equal(tifffile.imread(tmp_path / f"back/c{number}.tif"), own)
    masks[1][0, 0, 0] = 0
    made(root, "tif", in_pages, *masks)
    done = segconv(*words, "--overwrite")
    assert done.codes() == ["SC078"]
    assert (
        "masks/c1.tif: its mask 'background' is not what the other masks leave: 1 place, the first at (0, 0)"
        in done.err
    )


def test_some_of_the_channels_may_be_kept(tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "mine", "tif", of_imagej, planes(0), planes(1))
    done = segconv("convert", root, "--to", "5_A", "--mask-channels", "nucleus,cell", "--keep", "cell")
    assert done.code == 0, done.err
    assert np.array_equal(inside(segconv.raw / "Dataset005_A", "cell", "c0"), planes(0)[1] > 0)
    done = segconv("restore", segconv.raw / "Dataset005_A/labelsTr", "--like", "5", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    assert np.array_equal(tifffile.imread(tmp_path / "back/c1.tif"), planes(1)[1])


def test_a_priority_gives_overlaps_to_one_of_the_channels(tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "mine", "tif", in_pages, planes(0), planes(1))
    done = segconv("convert", root, "--to", "5_A", "--mask-channels", "nucleus,cell", "--priority", "cell")
    assert done.code == 0, done.err
    labels = json.loads((segconv.raw / "Dataset005_A/dataset.json").read_text())["labels"]
    assert labels == {"background": 0, "nucleus": 1, "cell": 2}
    done = segconv("restore", segconv.raw / "Dataset005_A/labelsTr", "--like", "5", "-o", tmp_path / "back")
    assert "Warning SC097" in done.err
    mask = planes(0)
    mask[0, mask[1] > 0] = 0
    assert np.array_equal(tifffile.imread(tmp_path / "back/c0.tif"), mask)


REFUSED: dict[str, tuple[Sequence[np.ndarray], str, str]] = {
    "a page more in one case": (
        (planes(0), planes(1, 3)),
        "SC084",
        "masks/c1.tif: holds 3 masks as channels or pages, but 2 are named",
    ),
    "more names than pages": (
        (planes(0, 3), planes(1, 3)),
        "SC084",
        "--mask-channels NAME,NAME,NAME takes each as the mask of a class",
    ),
    "a page of several values": (
        (planes(0), planes(1) + (planes(1) > 0).cumsum(axis=1, dtype=np.uint8)),
        "SC078",
        "masks/c1.tif: has the mask of 'nucleus' as its channel 1, but holds the values 0, ",
    ),
    "pages of fractions": (
        (planes(0), planes(1, dtype=np.float32) * np.float32(0.3)),
        "SC071",
        "Hint: store masks as whole numbers",
    ),
    "an image of another size": ((planes(0), planes(1)[:, 1:]), "SC082", "masks/c1.tif"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_pages_that_do_not_fit_are_refused(what: str, tmp_path: Path, segconv: Command) -> None:
    masks, code, said = REFUSED[what]
    root = made(tmp_path / "mine", "tif", in_pages, *masks)
    done = segconv("convert", root, "--to", "5_A", "--mask-channels", "nucleus,cell")
    assert done.code == 65
    assert set(done.codes()) == {code}, done.err
    assert said in done.err
    assert not list(segconv.raw.glob("Dataset005*"))


def test_lossy_pages_are_refused(tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "mine", "jpg", lambda path, masks: save(path, np.moveaxis(masks, 0, -1)), planes(0, 3))
    done = segconv("convert", root, "--to", "5_A", "--mask-channels", "a,b,c")
    assert done.codes() == ["SC078"]
    assert "in a lossy format" in done.err


@pytest.mark.parametrize("words", [("--labels", "background=0,cell=255"), ("--map", "255=cell"), ("--snap", "3")])
def test_values_have_no_meaning_for_masks_with_names(words: tuple[str, str], tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "mine", "tif", in_pages, planes(0))
    done = segconv("convert", root, "--to", "5_A", "--mask-channels", "nucleus,cell", *words)
    assert done.code == 2
    assert f"leave out {words[0]}" in done.err


def test_a_new_picture_is_restored_as_the_masks_are(tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "mine", "tif", of_imagej, planes(0), planes(1))
    save(root / "images/test.png", picture(9))
    words = ("--mask-channels", "nucleus,cell", "--unlabelled", "test")
    assert segconv("convert", root, "--to", "5_A", *words).code == 0
    save(tmp_path / "predicted/test.png", np.eye(*SIZE, dtype=np.uint8))
    done = segconv("restore", tmp_path / "predicted", "--like", "5", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    nucleus = np.eye(*SIZE, dtype=np.uint8) * 255
    restored = tifffile.imread(tmp_path / "back/test.tif")
    assert np.array_equal(restored[0], nucleus)
    assert not restored[1].any()


def test_a_new_volume_is_restored_as_the_masks_are(tmp_path: Path, segconv: Command) -> None:
    masks = np.zeros((*ct(0).label.array.shape, 2), np.uint16)
    masks[2:4, 2:4, 2:4, 0] = masks[5:7, 2:4, 2:4, 1] = 300
    root = volumes(tmp_path / "mine", ".nrrd", masks, masks)
    write(root / "images/new.nii.gz", ct(2).images[0])
    words = ("--channels", "MRI", "--mask-channels", "a,b", "--unlabelled", "test")
    assert segconv("convert", root, "--to", "5_A", *words).code == 0
    write(
        tmp_path / "predicted/new.nii.gz", ct(2).label, (masks[..., 0] > 0) + 2 * (masks[..., 1] > 0).astype(np.uint8)
    )
    done = segconv("restore", tmp_path / "predicted", "--like", "5", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    assert np.array_equal(channels_of(tmp_path / "back/new.nrrd"), masks)


def test_a_class_that_a_case_lacks_is_predicted_in_the_value_of_the_others(tmp_path: Path, segconv: Command) -> None:
    lacking = planes(0)
    lacking[1] = 0
    root = made(tmp_path / "mine", "tif", in_pages, lacking, planes(1))
    assert segconv("convert", root, "--to", "5_A", "--mask-channels", "nucleus,cell").code == 0
    labels = json.loads((segconv.raw / "Dataset005_A/dataset.json").read_text())["labels"]
    save(tmp_path / "predicted/c0.png", np.full(SIZE, np.max(labels["cell"]), np.uint8))
    done = segconv("restore", tmp_path / "predicted", "--like", "5", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    assert (tifffile.imread(tmp_path / "back/c0.tif")[1] == 255).all()


def test_two_channels_of_one_name_are_refused(tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "mine", "tif", in_pages, planes(0))
    done = segconv("convert", root, "--to", "5_A", "--mask-channels", "cell,cell")
    assert done.codes() == ["SC001"]
    assert "two channels are named 'cell'" in done.err


def test_a_damaged_mask_is_reported_with_the_others(tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "mine", "tif", in_pages, planes(0), planes(1), planes(2, 3))
    path = root / "masks/c0.tif"
    path.write_bytes(path.read_bytes()[:60])
    done = segconv("convert", root, "--to", "5_A", "--mask-channels", "nucleus,cell")
    assert sorted(done.codes()) == ["SC058", "SC084"], done.err


def volumes(root: Path, ending: str, *masks: np.ndarray) -> Path:
    """Write images and masks ``(z, y, x, mask)`` with SimpleITK, which stores the masks of NIfTI as vectors."""
    for number, own in enumerate(masks):
        grid = ct(number).images[0].geometry
        write(root / f"images/c{number}.nii.gz", ct(number).images[0])
        image = sitk.GetImageFromArray(own, isVector=True)
        image.SetSpacing(grid.spacing_mm)
        image.SetOrigin(grid.origin_mm)
        image.SetDirection(grid.direction)
        (root / "masks").mkdir(exist_ok=True)
        if ending.startswith(".nii"):
            parts = [sitk.VectorIndexSelectionCast(image, at) for at in range(own.shape[-1])]
            image = sitk.JoinSeries(parts)
        sitk.WriteImage(image, str(root / f"masks/c{number}{ending}"))
    return root


def channels_of(path: Path) -> np.ndarray:
    """Voxels of a file, ``(z, y, x, mask)``."""
    array = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    return np.moveaxis(array, 0, -1) if path.name.endswith((".nii", ".nii.gz")) else array


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("repair", [(), ("--repair", "orientation")])
def test_channels_of_volumes_are_asked_about_and_come_back(
    ending: str, repair: tuple[str, ...], tmp_path: Path, segconv: Command
) -> None:
    random = np.random.default_rng(4)
    masks = [(random.random((*ct(0).label.array.shape, 3)) < 0.3).astype(np.uint8) * 4 for _ in range(2)]
    root = volumes(tmp_path / "mine", ending, *masks)
    words = ("convert", root, "--to", "5_A", "--channels", "MRI", *repair)
    done = segconv(*words)
    assert set(done.codes()) == {"SC073"}
    assert "or --mask-channels NAME,NAME,NAME takes each as the mask of a class" in done.err
    done = segconv(*words, "--mask-channels", "a,b,c")
    assert done.code == 0, done.err
    done = segconv("restore", segconv.raw / "Dataset005_A/labelsTr", "--like", "5", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    for number, own in enumerate(masks):
        theirs, back = root / f"masks/c{number}{ending}", tmp_path / f"back/c{number}{ending}"
        assert np.array_equal(channels_of(back), own)
        assert np.array_equal(channels_of(theirs), own)
        for what in ("GetSpacing", "GetOrigin", "GetDirection"):
            values = [getattr(sitk.ReadImage(str(path)), what)() for path in (theirs, back)]
            assert np.allclose(*values), what


def test_one_label_of_channels_among_others_is_no_choice_of_classes(tmp_path: Path, segconv: Command) -> None:
    shape = ct(0).label.array.shape
    root = volumes(tmp_path / "mine", ".nrrd", np.ones((*shape, 2), np.uint8), np.ones((*shape, 2), np.uint8))
    write(root / "images/c2.nii.gz", ct(2).images[0])
    write(root / "masks/c2.nii.gz", ct(2).label)
    done = segconv("convert", root, "--to", "5_A", "--channels", "MRI")
    assert done.codes() == ["SC073", "SC073"]
    assert "--mask-channels" not in done.err


def test_channels_on_another_grid_are_refused_and_resampled_on_request(tmp_path: Path, segconv: Command) -> None:
    shape = ct(0).label.array.shape
    masks = np.zeros((*shape, 2), np.uint8)
    masks[2:-2, 2:-2, 2:-2, 0] = masks[4:-4, 4:-4, 2:-2, 1] = 1
    root = volumes(tmp_path / "mine", ".nrrd", masks, masks)
    image = sitk.ReadImage(str(root / "masks/c1.nrrd"))
    image.SetSpacing([1.1 * step for step in image.GetSpacing()])
    sitk.WriteImage(image, str(root / "masks/c1.nrrd"))
    words = ("convert", root, "--to", "5_A", "--channels", "MRI", "--mask-channels", "a,b")
    assert segconv(*words).codes() == ["SC083"]
    done = segconv(*words, "--repair", "resample")
    assert done.code == 0, done.err
    label = sitk.ReadImage(str(segconv.raw / "Dataset005_A/labelsTr/c1.nii.gz"))
    assert label.GetSize() == sitk.ReadImage(str(root / "images/c1.nii.gz")).GetSize()
