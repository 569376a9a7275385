"""Cases that are made from names when they are read are those that are made one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from segconv.convert.blocks import Names
from segconv.convert.case_list import (
    FolderCases,
    Identifiers,
    alike,
    in_split,
    number_in,
    original_names,
    parts_of,
    patients,
    renamed_cases,
    training_first,
)
from segconv.convert.find.cases import cases_instead_of, finished
from segconv.convert.find.class_names import cases_by_names
from segconv.convert.find.mask_folders import find_folders, may_hold_images
from segconv.convert.find.matching import SameNames
from segconv.convert.find.pairing import pair_units
from segconv.convert.listing import FolderUnits
from segconv.convert.model import ConvertOptions, SourceCase
from segconv.convert.survey import Survey
from segconv.convert.tree import Unit, folders_of, units_in
from segconv.dataset.lineage import TEST, TRAIN
from segconv.errors import Finding
from segconv.image import raster
from segconv.image.picture import PictureHeader
from segconv.image.picture_headers import PictureHeaders

Found = tuple[Sequence[SourceCase], list[Finding], list[str]]

GREY = PictureHeader(8, 8, 8, "gray", 1)
WIDE = replace(GREY, width=9)

MANY = [f"tile_{number:04d}" for number in range(300)]
SETS = {
    "two folders": [*(f"images/{name}.jpg" for name in MANY), *(f"masks/{name}.png" for name in MANY)],
    "one case": ["images/a.png", "masks/a.png"],
    "two sites": [f"{site}/{kind}/{name}.png" for site in ("a", "b") for kind in ("img", "gt") for name in ("x" + site, site)],
    "the same names in two sites": [f"{site}/{kind}/x.png" for site in "ab" for kind in ("img", "gt")],
    "train and test": [
        f"{split}/{kind}/{split}{number}.png" for split in ("train", "test") for kind in ("images", "masks") for number in (1, 2)
    ],
    "test images without labels": ["train/images/a.png", "train/masks/a.png", "test/images/b.png"],
    "several endings": ["images/a.png", "images/b.jpg", "masks/a.png", "masks/b.png"],
    "a note beside": ["images/a.png", "images/b.png", "images/note.txt", "masks/a.png", "masks/b.png"],
    "a label too few": ["images/a.png", "images/b.png", "masks/a.png"],
    "longer names of labels": ["images/a.png", "images/b.png", "masks/a_mask.png", "masks/b_mask.png"],
    "names that become others": ["images/a 1.png", "images/b.png", "masks/a 1.png", "masks/b.png"],
    "names that differ by case": ["images/a.png", "images/A.png", "masks/a.png", "masks/A.png"],
    "pictures called like the folder": ["images/masks.png", "images/b.png", "masks/masks.png", "masks/b.png"],
}  # fmt: skip
ONE_BY_ONE = (
    "the same names in two sites",
    "several endings",
    "a label too few",
    "longer names of labels",
    "names that become others",
)
"""Sets whose cases are not made from names."""


CLASSES = {"a folder for each case": [f"{case}/{name}.png" for case in "abc" for name in ("image", "liver", "lung")]}
"""Sets with a mask for each class."""


def written(root: Path, name: str) -> Path:
    """Write the empty files of a set; names decide everything that is tested here."""
    for file in (SETS | CLASSES)[name]:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root.resolve()


def found_in(root: Path, units_of: Callable[[Iterable[Unit]], Iterable[Unit]], options: ConvertOptions) -> Found:
    """Return the cases of a source, with what is said about them."""
    survey = Survey(root, options)
    pairing = pair_units(units_of(units_in(survey, raster.ending_of)[0]))
    survey.take(pairing)
    return finished(survey, cases_instead_of(survey, pairing.pairs)), survey.findings, survey.notes


@pytest.mark.parametrize("by_path", [False, True])
@pytest.mark.parametrize("name", SETS)
def test_cases_are_those_found_from_a_list_of_all_files(tmp_path: Path, name: str, by_path: bool) -> None:
    root = written(tmp_path, name)
    options = ConvertOptions(unlabelled="test", case_names="path" if by_path else None)
    cases, findings, notes = found_in(root, lambda units: units, options)
    assert (list(cases), findings, notes) == found_in(root, list, options)
    assert [cases[at] for at in range(len(cases))] == list(cases)
    made = any(isinstance(part, FolderCases) for part in parts_of(cases))
    assert made == (name not in ONE_BY_ONE and not by_path)


@pytest.mark.parametrize("name", SETS)
def test_what_is_asked_of_all_cases_is_what_each_says(tmp_path: Path, name: str) -> None:
    cases, _, _ = found_in(written(tmp_path, name), lambda units: units, ConvertOptions(unlabelled="test"))
    assert list(Identifiers(cases)) == [case.case for case in cases]
    assert len(Identifiers(cases)) == len(cases)
    assert cases[0].case in Identifiers(cases)
    assert "no such case" not in Identifiers(cases)
    assert list(original_names(cases)) == [case.original_name for case in cases]
    assert renamed_cases(cases) == {case.original_name: case.case for case in cases if case.case != case.original_name}
    assert patients(cases) == [case.patient for case in cases]
    for split in (TRAIN, TEST):
        own = [case for case in cases if case.split == split]
        assert in_split(cases, split) == own
        assert number_in(cases, split) == len(own)
    assert training_first(cases) == sorted(cases, key=lambda case: case.split != TRAIN)


@pytest.mark.parametrize("name", SETS | CLASSES)
def test_classes_are_found_in_a_source_as_in_a_list_of_all_files(tmp_path: Path, name: str) -> None:
    survey = Survey(written(tmp_path, name))
    folders = {folder.path: folder.units for folder in folders_of(survey) if folder.units}
    by_names = cases_by_names(survey, folders)
    assert by_names == cases_by_names(survey, {folder: list(units) for folder, units in folders.items()})
    assert may_hold_images(survey) or not any(folder.images for folder in find_folders(survey))


def test_cases_share_their_headers_only_where_all_files_of_their_folders_do(tmp_path: Path) -> None:
    cases, _, _ = found_in(written(tmp_path, "two sites"), lambda units: units, ConvertOptions())
    headers = PictureHeaders(list)
    for number, path in enumerate(path for case in cases for path in case.files):
        headers[path] = GREY if number else WIDE
    first, second = parts_of(cases)
    assert list(alike(cases, headers)) == [*([case] for case in first), second]


def test_links_and_names_that_are_no_identifiers_are_looked_at_one_by_one(tmp_path: Path) -> None:
    root = written(tmp_path, "two folders")
    (root / "images" / "tile_0000.jpg").unlink()
    (root / "images" / "tile_0000.jpg").symlink_to(root / "images" / "tile_0001.jpg")
    cases, _, _ = found_in(root, lambda units: units, ConvertOptions())
    assert cases[0].images == (str(root / "images" / "tile_0001.jpg"),)


def test_folders_match_only_with_one_ending_each_and_the_same_names() -> None:
    def folder(*names: str, ending: str | None = ".png") -> FolderUnits:
        return FolderUnits("f", Names(names), ending)

    same = SameNames.of(folder("a.png", "b.png"), folder("a.tif", "b.tif", ending=".tif"))
    assert same is not None
    assert [case.name for case in same] == ["a", "b"]
    assert SameNames.of(folder("a.png"), folder("b.png")) is None
    assert SameNames.of(folder("a.png"), folder("a.png", "b.png")) is None
    assert SameNames.of(folder("a.png"), folder("a.png", ending=None)) is None
    assert SameNames.of(folder(), folder()) is None
    assert SameNames.of(list(folder("a.png")), folder("a.png")) is None
