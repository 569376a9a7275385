"""Folders with meaningless names: labels are recognised by file names where only one reading is possible."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import io

from segconv.convert.find.pairing import pair_units
from segconv.convert.tree import Unit

from ...command import Command
from ..drawn import labels, pair, picture, save, written
from ..oracles import ct, voxels
from ..sources import test_pairs


def units(folder: str, stems: list[str], ending: str = ".png") -> list[Unit]:
    return [Unit(folder, stem, ending) for stem in stems]


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("im/c{n}.png", "m/c{n}_mask.png"),
        ("x/c{n}.png", "y/c{n}_seg.png"),
        ("x/c{n}.png", "y/label_c{n}.PNG"),
        ("x/c{n}_img.png", "y/c{n}-gt.tif"),
        ("c{n}.png", "y/c{n}_mask.png"),
        ("x/sub/c{n}.png", "y/sub/c{n}_mask.png"),
        ("x/c{n}.jpg", "y/c{n}.png"),
        ("x/c{n}.JPEG", "y/c{n}.bmp"),
    ],
)
def test_a_suffix_or_ending_on_one_side_distinguishes_pictures_from_masks(
    tmp_path: Path, segconv: Command, image: str, mask: str
) -> None:
    for number in range(3):
        pair(tmp_path / "src", image.format(n=number), mask.format(n=number), number)
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert done.code == 0, done.err
    assert re.search(r"note: \S+ holds the labels of \S+, (as \S+ says by its name|whose pictures are JPEG)", done.err)
    for number in range(3):
        name = next(Path(image.format(n=number)).stem for _ in [0]).removesuffix("_img")
        assert np.array_equal(written(segconv.raw / "Dataset005_A", name), labels(number))


def test_a_suffix_on_one_side_distinguishes_volumes_from_labels(tmp_path: Path, segconv: Command) -> None:
    root = test_pairs.pairs(tmp_path / "src", "x/c{n}", "y/c{n}_seg")
    done, made = test_pairs.convert(segconv, root)
    assert done.code == 0, done.err
    assert "x/ and y/ with .nii.gz volumes" in done.err
    for number in range(test_pairs.CASES):
        assert np.array_equal(voxels(made / f"labelsTr/c{number}.nii.gz"), ct(number).label.array)


TWO = ["1", "2"]
MASKS = ["1_mask", "2_mask"]


@pytest.mark.parametrize(
    "folders",
    [
        {"x": TWO, "y": TWO},  # nothing shows which are labels
        {"x": MASKS, "y": ["1_mask_seg", "2_mask_seg"]},  # both do
        {"x": TWO, "y": ["1_L", "2_L"]},
        {"x": TWO, "y": ["1_mask", "2"]},  # a folder with both kinds may be a case that lost files
        {"ann": ["1"], "bob": ["1_mask"]},  # two patients, one file each
        {"p1": TWO, "p2": MASKS},  # two of a row
        {"ann": TWO, "bob": MASKS, "eve": ["1", "1_mask"]},  # a folder is a patient
        {"a/x": TWO, "b/y": MASKS},  # two sites
        {"x": TWO, "y": MASKS, "z": MASKS},
        {"x": TWO, "y": MASKS, "z": TWO},
        {"x": TWO, "y": ["3_mask", "4_mask"]},
    ],
)
def test_two_readings_are_refused(folders: dict[str, list[str]]) -> None:
    pairing = pair_units(unit for folder, stems in folders.items() for unit in units(folder, stems))
    assert pairing.findings
    across = [p for p in pairing.pairs if p.labels and p.labels[0].folder != next(iter(p.images.values())).folder]
    assert across == []


def test_jpeg_shows_nothing_where_folders_hold_both(tmp_path: Path) -> None:
    mixed = [*units("x", TWO, ".jpg"), *units("y", TWO), *units("z", ["5"], ".jpg"), *units("z", ["5"])]
    assert {p.labels[0].folder for p in pair_units(mixed).pairs if p.labels} == {"z"}


FOLDERS = st.lists(st.sampled_from(["x", "y", "u", "w", "k"]), min_size=2, max_size=2, unique=True)
STEMS = st.sets(st.sampled_from(["a", "b", "a_1", "1", "2", "10", "x1", "a_b"]), min_size=2, max_size=6)


@given(
    sites=st.lists(st.sampled_from(["north", "south", "east"]), min_size=1, max_size=3, unique=True),
    folders=FOLDERS,
    stems=STEMS,
    mask=st.sampled_from(["{}_mask", "{}-seg", "{}_label", "gt_{}", "{}.annotation"]),
    lost=st.integers(0, 2**36 - 1),
)
def test_no_label_goes_to_the_image_of_another_case_or_site(
    sites: list[str], folders: list[str], stems: set[str], mask: str, lost: int
) -> None:
    found = []
    for site in sites:
        for side, folder in enumerate(folders):
            for stem in sorted(stems):
                lost, gone = divmod(lost, 2)
                if not gone:
                    found.append(Unit(f"{site}/{folder}", mask.format(stem) if side else stem, ".png"))
    pairing = pair_units(found)
    for made in pairing.pairs:
        if made.labels:
            image, label = made.images[""], made.labels[0]
            assert label.folder == f"{image.folder.split('/')[0]}/{folders[1]}"
            assert label.stem == mask.format(image.stem)
    whole = len(found) == 2 * len(sites) * len(stems)
    if whole:
        assert len(pairing.pairs) == len(sites) * len(stems)
        assert not pairing.findings


def test_the_patterns_of_the_refusals_hint_convert(tmp_path: Path, segconv: Command) -> None:
    for number in range(3):
        pair(tmp_path / "src", f"x/c{number}.png", f"y/c{number}_mask.png", number)
        save(tmp_path / f"src/z/c{number}.png", picture(10 + number))
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert (done.code, done.codes()) == (2, ["SC003"]), done.err
    one, both = done.err.split("Hint: ")[1].split(", or ")
    for id_, hint, channels in ((5, one, 1), (6, both.split(" takes them")[0], 2)):
        done = segconv("convert", tmp_path / "src", "--to", f"{id_}_A", *shlex.split(hint))
        assert done.code == 0, done.err
        made = segconv.raw / f"Dataset{id_:03d}_A"
        assert len(list((made / "imagesTr").iterdir())) == 3 * channels
        assert sorted(map(str, (io.imread(path).tolist() for path in (made / "labelsTr").iterdir()))) == sorted(
            str(labels(number).tolist()) for number in range(3)
        )
