"""Mask pictures of a volume are paired with its slices by file or in the order that the user states."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from segconv.image import volumes
from segconv.image.formats import dicom

from ...command import Command, Done
from ...image.formats.test_dicom import ROOT, write_series
from ..oracles import ct, records, voxels, write

DEPTH = 7
IMAGE = ct(0).images[0].array.astype(np.int16)
MASK = (ct(0).label.array > 0).astype(np.uint8)
"""Different in every slice that holds it, and not symmetric."""


def downward(root: Path, mask: Callable[[int, int], str], first: int = 1, *, instances: str = "name") -> Path:
    """Write a series whose first file by name is the highest, and masks.

    Parameters
    ----------
    mask
        Name of the mask of a slice, by the number of its file and by its place from below.
    first
        Number of the first file.
    instances
        ``"name"``: InstanceNumbers are those of the files; ``"position"``: they count from below.
    """
    folder = root / "images/p1"
    folder.parent.mkdir(parents=True)

    def edit(z: int, file: pydicom.FileDataset) -> None:
        file.InstanceNumber = DEPTH - z - 1 + first if instances == "name" else z + 50

    for z, path in enumerate(write_series(folder, IMAGE, edit=edit)):
        path.rename(path.with_name(f"slice{z:03d}"))
    for z in range(DEPTH):
        number = DEPTH - z - 1 + first
        (folder / f"slice{z:03d}").rename(folder / f"IM-{number:03d}.dcm")
        target = root / "masks/p1" / mask(number, z)
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(MASK[z] * 255).save(target)
    return root


def convert(segconv: Command, root: Path, *words: str) -> Done:
    return segconv("convert", root, "--to", "5_A", "--channels", "CT", "--spacing", "1,1,1", *words)


def label(segconv: Command) -> np.ndarray:
    return voxels(segconv.raw / "Dataset005_A/labelsTr/p1.nii.gz")


PROVED: dict[str, tuple[Callable[[int, int], str], dict[str, object]]] = {
    "names that are the same": (lambda number, z: f"IM-{number:03d}.png", {}),
    "the numbers of files": (lambda number, z: f"liver_{number}.png", {}),
    "InstanceNumbers": (lambda number, z: f"liver_{z + 50}.png", {"instances": "position"}),
}


@pytest.mark.parametrize("way", PROVED)
def test_corresponding_files_give_the_order(way: str, segconv: Command, tmp_path: Path) -> None:
    mask, options = PROVED[way]
    done = convert(segconv, downward(tmp_path / "set", mask, **options))  # type: ignore[arg-type]
    assert done.code == 0, done.err
    assert np.array_equal(label(segconv), MASK)
    assert "note: mask pictures of 1 case belong to slices" in done.err
    (record,) = records(segconv.raw / "Dataset005_A").values()
    assert record["label_file"]["files"][0] == mask(DEPTH, 0)
    assert segconv("restore", segconv.raw / "Dataset005_A/labelsTr", "--like", "5", "-o", tmp_path / "back").code == 0
    for z in range(DEPTH):
        back = np.asarray(Image.open(tmp_path / "back/p1" / mask(DEPTH - z, z)))
        assert np.array_equal(back > 0, MASK[z] > 0)


STATED = {"name": MASK, "instance": MASK[::-1], "position": MASK[::-1], "reverse": MASK}


@pytest.mark.parametrize("order", STATED)
def test_where_files_do_not_correspond_the_order_must_be_stated(order: str, segconv: Command, tmp_path: Path) -> None:
    # Masks are numbered from 0, files from 1; InstanceNumbers run against the names.
    root = downward(tmp_path / "set", lambda number, z: f"liver_GT_{number - 1:03d}.png", instances="position")
    done = convert(segconv, root)
    assert done.code == 2
    assert done.codes() == ["SC003"]
    assert all(word in done.err for word in ("--slice-order name", *list(STATED)[1:]))
    done = convert(segconv, root, "--slice-order", order)
    assert done.code == 0, done.err
    assert np.array_equal(label(segconv), STATED[order])


def test_numbers_of_files_and_instances_that_contradict_each_other_prove_nothing(
    segconv: Command, tmp_path: Path
) -> None:
    root = downward(tmp_path / "set", lambda number, z: f"m{number + 49}.png", first=50, instances="position")
    assert convert(segconv, root).code == 2


@pytest.mark.parametrize("pages", [False, True])
def test_pictures_of_a_volume_in_one_file_need_an_order(pages: bool, segconv: Command, tmp_path: Path) -> None:
    root = tmp_path / "set"
    write(root / "images/p1.nii.gz", ct(0).images[0])
    planes = [Image.fromarray(plane * 255) for plane in MASK[::-1]]
    (root / "masks/p1").mkdir(parents=True)
    if pages:
        (root / "masks/p1").rmdir()
        planes[0].save(root / "masks/p1.tif", save_all=True, append_images=planes[1:])
    else:
        for number, plane in enumerate(planes):
            plane.save(root / f"masks/p1/m{number}.png")
    assert convert(segconv, root).codes() == ["SC003"]
    assert convert(segconv, root, "--slice-order", "instance").code == 2
    done = convert(segconv, root, "--slice-order", "reverse")
    assert done.code == 0, done.err
    assert np.array_equal(label(segconv), MASK)
    assert segconv("restore", segconv.raw / "Dataset005_A/labelsTr", "--like", "5", "-o", tmp_path / "back").code == 0
    if pages:
        with Image.open(tmp_path / "back/p1.tif") as back:
            assert np.array_equal(np.asarray(back) > 0, MASK[-1] > 0)
    else:
        assert np.array_equal(np.asarray(Image.open(tmp_path / "back/p1/m0.png")) > 0, MASK[-1] > 0)


def test_slices_with_a_series_each_are_one_volume_if_their_positions_fit(segconv: Command, tmp_path: Path) -> None:
    def edit(z: int, file: pydicom.FileDataset) -> None:
        file.SeriesInstanceUID = f"{ROOT}7.{z}"

    root = tmp_path / "set"
    (root / "images").mkdir(parents=True)
    write_series(root / "images/p1", IMAGE, edit=edit)
    (root / "labels").mkdir()
    own = dicom.probe_series([str(path) for path in (root / "images/p1").iterdir()]).geometry
    (root / "labels/p1.nrrd").write_bytes(volumes.encode(MASK, own, ".nrrd"))
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT")
    assert done.code == 0, done.err
    assert "bear 7 SeriesInstanceUIDs" in done.err
    assert np.array_equal(label(segconv), MASK)
    (root / "images/p1" / sorted(path.name for path in (root / "images/p1").iterdir())[3]).unlink()
    done = segconv("convert", root, "--to", "6_A", "--channels", "CT")
    assert "SC087" in done.codes()
    assert "its 6 series of one slice each do not make a volume: " in done.err
    assert "1 missing" in done.err
