"""Names of folders and files: what is an image, what is a label, and what belongs together."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.convert.find.matching import match
from segconv.convert.find.pairing import pair_units
from segconv.convert.find.roles import IMAGE, MASK, place_of, role_of_stem
from segconv.convert.tree import Unit


def units(folder: str, *names: str) -> list[Unit]:
    return [Unit(folder, name, ".png") for name in names]


@pytest.mark.parametrize(
    ("folder", "role", "split", "key", "where"),
    [
        ("", None, None, (), ()),
        ("images", IMAGE, None, (), ()),
        ("train/images", IMAGE, "train", (), ("train",)),
        ("TestMasks", MASK, "test", (), ("test",)),
        ("trainannot", MASK, "train", (), ("train",)),
        ("images/val", IMAGE, "train", (), ("val",)),
        ("site A/1st_manual", MASK, None, ("site A", "1_st"), ("site A", "1_st")),
        ("derivatives/labels/sub-1/micr", MASK, None, ("sub-1", "micr"), ("sub-1", "micr")),
        ("SegmentationClass", MASK, None, (), ()),
        ("SegmentationObject", MASK, None, (), ()),
        ("tester/images", IMAGE, None, ("tester",), ("tester",)),
        ("test site/images", IMAGE, None, ("test site",), ("test site",)),
        ("ISIC_Test_Data", None, "test", ("ISIC_Test_Data",), ("ISIC_Test_Data",)),
    ],
)  # fmt: skip
def test_folders_show_role_and_split(
    folder: str, role: str | None, split: str | None, key: tuple[str, ...], where: tuple[str, ...]
) -> None:
    place = place_of(folder)
    assert (place.role, place.split, place.key, place.where) == (role, split, key, where)


@pytest.mark.parametrize(
    ("stem", "role", "rest"),
    [
        ("a_mask", MASK, "a"),
        ("mask_a", MASK, "a"),
        ("a-Segmentation", MASK, "a"),
        ("21_manual1", MASK, "21"),
        ("img_7", IMAGE, "7"),
        ("p_img_7", IMAGE, "p_7"),
        ("p_mask_7", MASK, "p_7"),
        ("unmasked", None, "unmasked"),
        ("image", IMAGE, ""),
        ("maskimage", None, "maskimage"),
    ],
)
def test_stems_show_role_and_case(stem: str, role: str | None, rest: str) -> None:
    assert role_of_stem(stem) == (role, rest)


@pytest.mark.parametrize(
    ("images", "masks", "cases", "orphans", "alone"),
    [
        (["a", "b"], ["a", "b"], {"a": "a", "b": "b"}, [], []),
        (["a", "a_mask"], ["a_mask", "a"], {"a": "a", "a_mask": "a_mask"}, [], []),  # complete names first
        (["a"], ["a-label", "a"], {"a": "a"}, ["a-label"], []),
        (["img_a", "a_img"], ["a_mask"], {"a": "a_img"}, [], ["img_a"]),  # which is then refused, having no label
        (["a", "a_b"], ["a", "c"], {"a": "a"}, ["c"], ["a_b"]),  # a_b is not the second channel of a
        (["x_1", "x_2"], ["x"], {"x": ("x_1", "x_2")}, [], []),
        (["1_training", "2_training"], ["1_manual1", "2_manual1"], {"1": "1_training", "2": "2_training"}, [], []),
        (["1_train", "1_test"], ["1_mask"], {"1": ("1_test", "1_train")}, [], []),  # declared as channels
        (["10", "11"], ["20", "21"], {}, ["20", "21"], ["10", "11"]),
    ],
)  # fmt: skip
def test_names_are_matched_only_where_they_can_mean_one_thing(
    images: list[str], masks: list[str], cases: dict[str, str | tuple[str, ...]], orphans: list[str], alone: list[str]
) -> None:
    found = match(units("images", *images), units("masks", *masks))
    got = {case.name: tuple(sorted(unit.stem for unit in case.images.values())) for case in found.cases}
    assert got == {name: (stems,) if isinstance(stems, str) else stems for name, stems in cases.items()}
    assert [unit.stem for unit in found.orphans] == orphans
    assert [unit.stem for unit in found.alone] == alone


WORDS = st.lists(st.sampled_from(["a", "b", "1", "2", "10", "x1", "ab"]), min_size=1, max_size=3)
STEMS = st.sets(WORDS.map("_".join), min_size=1, max_size=6)
DECORATIONS = st.sampled_from(["{}", "{}_mask", "mask_{}", "{}-label", "{}_seg", "{}_gt", "{}.annotation"])
PICTURES = st.sampled_from(["{}", "{}_image", "img_{}", "{}-raw"])


@given(stems=STEMS, picture=PICTURES, mask=DECORATIONS, lost=st.integers(0, 2**12), seed=st.integers(0, 9))
def test_no_label_is_ever_given_to_the_image_of_another_case(
    stems: set[str], picture: str, mask: str, lost: int, seed: int
) -> None:
    # Files may be missing on either side: then a case is refused, never made up of what is left.
    order = sorted(stems)
    kept_images = [stem for number, stem in enumerate(order) if not lost >> number & 1]
    kept_masks = [stem for number, stem in enumerate(order) if not lost >> (6 + number) & 1]
    random.Random(seed).shuffle(kept_masks)
    found = match(
        units("images", *(picture.format(stem) for stem in kept_images)),
        units("masks", *(mask.format(stem) for stem in kept_masks)),
    )
    for case in found.cases:
        own = kept_masks[[mask.format(stem) for stem in kept_masks].index(case.label.stem)]
        if not found.by_start:
            (image,) = case.images.values()
            assert image.stem == picture.format(own)
    assert len(found.cases) + len(found.orphans) == len(kept_masks)
    used = [unit for case in found.cases for unit in case.images.values()]
    assert len(used) == len(set(used))
    assert sorted(unit.stem for unit in used + found.alone) == sorted(picture.format(stem) for stem in kept_images)


@given(
    stems=st.sets(st.from_regex(r"[b-fh]{2,5}[0-9]{0,3}", fullmatch=True), min_size=1, max_size=8),
    picture=PICTURES,
    mask=DECORATIONS,
)
def test_sets_are_paired_whatever_their_files_are_called(stems: set[str], picture: str, mask: str) -> None:
    found = match(
        units("images", *(picture.format(stem) for stem in stems)),
        units("masks", *(mask.format(stem) for stem in stems)),
    )
    assert {case.name: case.label.stem for case in found.cases} == {
        name: mask.format(name) for name in ({picture.format(stem) for stem in stems} if picture == "{}" else stems)
    }
    assert (found.orphans, found.alone) == ([], [])


@given(
    folders=st.lists(st.sampled_from(["images", "masks", "train", "test", "siteA", "gt", "x", "data"]), max_size=3),
    number=st.integers(1, 5),
)
def test_every_file_is_in_a_case_or_in_a_finding(folders: list[str], number: int) -> None:
    folder = "/".join(folders)
    found = pair_units(units(folder, *(f"f{n}" for n in range(number))))
    used = [unit for pair in found.pairs for unit in (*pair.images.values(), *pair.labels)]
    assert len(used) == number or found.findings


def test_a_hundred_thousand_pairs_take_no_more_memory_than_a_list() -> None:
    names = [f"i{n}" for n in range(100_000)]
    found = pair_units([*units("images", *names), *units("masks", *(f"{name}_mask" for name in names))])
    assert len(found.pairs) == 100_000
    assert not found.findings
