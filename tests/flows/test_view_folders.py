"""``segconv view IMAGES --labels FOLDER``: any two folders whose files have the same names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from skimage import io

from segconv.image.formats import segmentation
from segconv.image.formats.segmentation import Segment
from segconv.image.geometry import Geometry, Volume
from segconv.image.opened import encode
from segconv.review.pictures import case_picture
from segconv.review.pictures.case_picture import CasePicture

from ..command import Command, tree_hash
from ..image.formats.test_dicom import write_series
from ..review import datasets
from .test_view import pixels_of

SIZE = 48


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[CasePicture]:
    """What is drawn of each pair, in order."""
    pictures: list[CasePicture] = []

    def keep(case: CasePicture) -> NDArray[np.uint8]:
        pictures.append(case)
        return case_picture.drawn(case)

    monkeypatch.setattr("segconv.flows.viewed_pair.drawn", keep)
    return pictures


def write(path: Path, array: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    io.imsave(path, array, check_contrast=False)


def grey() -> NDArray[np.uint8]:
    return np.linspace(0, 200, SIZE * SIZE).reshape(SIZE, SIZE).astype(np.uint8)


def square(value: int = 255, at: int = 10) -> NDArray[np.uint8]:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[at : at + 15, at : at + 15] = value
    return mask


def test_pairs_are_found_by_name_and_others_said(segconv: Command, tmp_path: Path, drawn: list[CasePicture]) -> None:
    images, labels = tmp_path / "input", tmp_path / "output"
    for name in ("b", "a", "sub/c", "no mask"):
        write(images / f"{name}.jpg", grey())
    for name in ("a", "b", "sub/c", "x"):
        write(labels / f"{name}.png", square())
    before = tree_hash(images), tree_hash(labels)
    done = segconv("view", images, "--labels", labels, "-o", segconv.folder / "drawn", "-j", "1")
    assert done.code == 0, done.err
    assert "left out: 1 image without segmentation: no mask" in done.err
    assert "left out: 1 segmentation without image: x" in done.err
    assert sorted(path.name for path in (segconv.folder / "drawn").iterdir()) == [
        "a.png",
        "b.png",
        "segconv",
        "sub_c.png",
    ]
    assert pixels_of(io.imread(segconv.folder / "drawn" / "a.png"), 255) > 100
    assert drawn[0].entry(255) == "255"
    assert segconv("view", images, "sub_*", "--labels", labels, "-o", segconv.folder / "drawn", "--overwrite").code == 0
    assert (tree_hash(images), tree_hash(labels)) == before
    write(images / "sub_c.png", grey())
    write(labels / "sub_c.png", square())
    assert segconv("view", images, "--labels", labels, "-o", segconv.folder / "y").codes() == ["SC085"]


def test_masks_in_colour_keep_their_colours(segconv: Command, tmp_path: Path, drawn: list[CasePicture]) -> None:
    write(tmp_path / "i" / "a.png", grey())
    mask = np.zeros((SIZE, SIZE, 3), np.uint8)
    mask[5:20, 5:20], mask[25:40, 25:40] = (255, 0, 0), (0, 255, 0)
    write(tmp_path / "m" / "a.png", mask)
    assert segconv("view", tmp_path / "i", "--labels", tmp_path / "m", "-o", segconv.folder / "x.png").code == 0
    assert {drawn[0].entry(value): drawn[0].colour(value) for value in drawn[0].names} == {
        "#ff0000": (1, 0, 0),
        "#00ff00": (0, 1, 0),
    }
    shown = io.imread(segconv.folder / "x.png").astype(int)
    for colour in ((255, 0, 0), (0, 255, 0)):
        assert (np.abs(shown - colour).max(axis=-1) <= 14).sum() > 100


def test_a_mask_for_each_class_in_a_folder_of_its_case(
    segconv: Command, tmp_path: Path, drawn: list[CasePicture]
) -> None:
    for case in ("a", "b"):
        write(tmp_path / "i" / f"{case}.png", grey())
        for number, name in enumerate(("vessel", "bone")):
            write(tmp_path / "m" / case / f"{name}.png", square(at=5 + 20 * number))
    done = segconv("view", tmp_path / "i", "--labels", tmp_path / "m", "-o", segconv.folder / "x.png", "-j", "1")
    assert done.code == 0, done.err
    assert [picture.names for picture in drawn] == [{1: "bone", 2: "vessel"}] * 2


def test_channels_of_nnunet_are_one_image(segconv: Command, drawn: list[CasePicture]) -> None:
    root = datasets.channels(segconv.raw, cases=2)
    words = (root / "imagesTr", "--labels", root / "labelsTr", "-o")
    assert segconv("view", *words, segconv.folder / "x.png", "--channel", "2", "-j", "1").code == 0
    assert [picture.title for picture in drawn] == ["t0", "t1"]
    assert drawn[0].names == {1: "edema", 2: "core"}
    assert segconv("view", "8", "-o", segconv.folder / "y.png", "--channel", "2").code == 0
    ours, theirs = (io.imread(segconv.folder / f"{name}.png")[:150, :200] for name in "xy")
    np.testing.assert_array_equal(ours, theirs)
    assert segconv("view", *words, segconv.folder / "z.png", "--channel", "4").codes() == ["SC001"]
    assert segconv("view", *words, segconv.folder / "z.png", "--channel", "flair").codes() == ["SC001"]


def test_predictions_are_compared_as_evaluate_does(segconv: Command, tmp_path: Path, drawn: list[CasePicture]) -> None:
    for case, at in (("a", 10), ("b", 16), ("c", 12)):
        write(tmp_path / "i" / f"{case}.png", grey())
        write(tmp_path / "m" / f"{case}.png", square())
        write(tmp_path / "p" / f"{case}.png", square(at=at))
    words = ("--labels", tmp_path / "m", "--predictions", tmp_path / "p")
    done = segconv("view", tmp_path / "i", *words, "-o", segconv.folder / "x", "--json", "-j", "1")
    assert done.code == 0, done.err
    assert list(done.json["dice"]) == ["b", "c", "a"]
    scores = segconv("evaluate", tmp_path / "p", tmp_path / "m", "--json").json
    for case, row in done.json["dice"].items():
        assert {name: dice for name, dice in row.items() if name != "mean"} == pytest.approx(scores["cases"][case])
    names = ["0001_b.png", "0002_c.png", "0003_a.png"]
    assert sorted(path.name for path in (segconv.folder / "x").glob("*.png")) == names
    worst = drawn[0]
    assert worst.title.startswith("b: Dice 0.")
    assert worst.names == {1: "255"}, "the first colour, whatever its value"
    plane = worst.planes[0]
    np.testing.assert_array_equal(plane.wrong, square() != square(at=16))
    done = segconv("view", tmp_path / "i", *words, "-o", segconv.folder / "y.png", "-j", "1")
    assert f"Next: segconv evaluate {tmp_path / 'p'} {tmp_path / 'm'}" in done.err


def test_a_volume_in_two_files_is_read(segconv: Command, tmp_path: Path, drawn: list[CasePicture]) -> None:
    image = sitk.GetImageFromArray(np.arange(7 * 8 * 9, dtype=np.int16).reshape(7, 8, 9))
    label = sitk.GetImageFromArray(np.ones((7, 8, 9), np.uint8))
    for folder, one, ending in (("i", image, "mhd"), ("m", label, "nrrd")):
        (tmp_path / folder).mkdir()
        sitk.WriteImage(one, tmp_path / folder / f"a.{ending}")
    assert segconv("view", tmp_path / "i", "--labels", tmp_path / "m", "-o", segconv.folder / "x.png").code == 0
    assert len(drawn[0].planes) == 3


def test_segments_in_a_box_and_voxels_in_another_order_are_drawn_where_they_are(
    segconv: Command, tmp_path: Path, drawn: list[CasePicture]
) -> None:
    grid = Geometry((9, 8, 7), (1.0, 2.0, 3.0), (-5.0, 4.0, 9.0), (-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0))
    label = np.zeros(grid.array_shape, np.uint8)
    label[2:5, 3:6, 1:4], label[5:, :3, 4:] = 1, 2
    box = replace(grid, size=(8, 8, 5), origin_mm=tuple(map(float, grid.to_physical((1, 0, 2)))))
    organs = [Segment(name, name, value, 0, (1, 0, 0)) for value, name in enumerate(("liver", "spleen"), start=1)]
    turned = Volume(np.ascontiguousarray(label[::-1]), replace(
        grid, origin_mm=tuple(map(float, grid.to_physical((0, 0, 6)))), direction=(-1.0, 0, 0, 0, -1.0, 0, 0, 0, -1.0)
    ))  # fmt: skip
    files = {
        "i/a.nii.gz": encode(label.astype(np.int16), grid, ".nii.gz"),
        "box/a.seg.nrrd": [segmentation.encode(organs, np.ascontiguousarray(label[None, 2:, :, 1:]), box)],
        "turned/a.nii.gz": encode(turned.array, turned.geometry, ".nii.gz"),
        "plain/a.nii.gz": encode(label, grid, ".nii.gz"),
    }
    for name, pieces in files.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"".join(map(bytes, pieces)))
    for labels, more in (("box", ()), ("turned", ()), ("plain", ("--predictions", tmp_path / "turned"))):
        output = segconv.folder / f"{labels}.png"
        done = segconv("view", tmp_path / "i", "--labels", tmp_path / labels, *more, "-o", output)
        assert done.code == 0, done.err
    for picture in drawn:
        for plane in picture.planes:
            np.testing.assert_array_equal(plane.label, plane.image)
    assert drawn[0].names == {1: "liver", 2: "spleen"}
    assert drawn[2].title == "a: Dice 1.000"
    assert not any(plane.wrong.any() for plane in drawn[2].planes)


def test_what_does_not_fit_is_refused_with_its_file(segconv: Command, tmp_path: Path) -> None:
    write(tmp_path / "i" / "a.png", grey())
    write(tmp_path / "m" / "a.png", square()[:-1])
    write(tmp_path / "n" / "b.png", square())
    output = segconv.folder / "x.png"
    done = segconv("view", tmp_path / "i", "--labels", tmp_path / "m", "-o", output)
    assert done.codes() == ["SC082"]
    assert str(tmp_path / "m" / "a.png") in done.err
    done = segconv("view", tmp_path / "i", "--labels", tmp_path / "n", "-o", output)
    assert done.codes() == ["SC080"]
    assert "images are a, segmentations b" in done.err
    assert segconv("view", tmp_path / "i", "--labels", tmp_path / "none", "-o", output).codes() == ["SC010"]
    assert segconv("view", tmp_path / "i", "--labels", tmp_path / "m", "--copies", "-o", output).codes() == ["SC001"]
    assert segconv("view", tmp_path / "i", "--labels", tmp_path / "m", "-o", tmp_path / "m" / "x").codes() == ["SC020"]
    assert not output.exists()


def test_a_series_of_dicom_is_an_image(segconv: Command, tmp_path: Path, drawn: list[CasePicture]) -> None:
    (tmp_path / "i").mkdir()
    array = np.random.default_rng(0).integers(0, 3000, (5, 6, 7)).astype(np.int16)
    for case in ("p1", "p2"):
        write_series(tmp_path / "i" / case, array, series=case[1:])
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "i" / "p1")))
    image = reader.Execute()
    (tmp_path / "m").mkdir()
    sitk.WriteImage(image > 500, tmp_path / "m" / "p1.nii.gz")
    done = segconv("view", tmp_path / "i", "--labels", tmp_path / "m", "-o", segconv.folder / "x")
    assert done.code == 0, done.err
    assert "left out: 1 image without segmentation: p2" in done.err
    for plane in drawn[0].planes:
        np.testing.assert_array_equal(plane.image > 500, plane.label)


def test_a_dataset_in_place_of_one_of_its_folders_is_refused_with_that_folder(segconv: Command) -> None:
    root = datasets.channels(segconv.raw, cases=1)
    for images, labels, wanted in ((root, root / "labelsTr", "imagesTr"), (root / "imagesTr", root, "labelsTr")):
        done = segconv("view", images, "--labels", labels, "-o", segconv.folder / "x.png")
        assert done.codes() == ["SC010"]
        assert f"give {root / wanted}" in done.err


def test_a_folder_in_place_of_a_dataset_gets_the_option_that_draws_it(segconv: Command, tmp_path: Path) -> None:
    write(tmp_path / "i" / "a.png", grey())
    done = segconv("view", tmp_path / "i", "-o", segconv.folder / "x.png")
    assert done.codes() == ["SC010"]
    assert "--labels FOLDER draws" in done.err


def test_workers_that_were_started_in_another_folder_find_relative_paths(
    tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second"):
        for number in range(3):
            write(tmp_path / name / "images" / f"{name}{number}.png", grey())
            write(tmp_path / name / "labels" / f"{name}{number}.png", (grey() > 100).astype(np.uint8))
        monkeypatch.chdir(tmp_path / name)  # the pool of the first view stays where it is, and serves the second
        done = segconv("view", "images", "--labels", "labels", "-o", "out", "--backend", "loky", "-j", "2")
        assert done.code == 0, done.err
        assert len(list((tmp_path / name / "out").glob("*.png"))) == 3
