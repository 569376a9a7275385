"""Patterns and lists by which users say which image belongs to which label."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import io

from segconv.convert.find.patterns import compile_pattern, pair_by_patterns
from segconv.convert.tree import Unit
from segconv.errors import SegconvError

from ...command import Command
from ..drawn import labels, pair, picture, records, save, written


@pytest.mark.parametrize(
    ("pattern", "path", "groups"),
    [
        ("a/*.png", "a/x.png", ("x",)),
        ("a/*.png", "a/b/x.png", None),
        ("**/*.png", "x.png", ("", "x")),
        ("**/*.png", "a/b/x.png", ("a/b/", "x")),
        ("./a/?.png", "a/x.png", ("x",)),
        ("a/[xy].png", "a/x.png", ("x",)),
        ("a/[!xy].png", "a/x.png", None),
        ("a/{case}.png", "a/x.png", ("x",)),
        ("{case}/{case}.png", "x/x.png", ("x",)),
        ("{case}/{case}.png", "x/y.png", None),
        ("a+(b)/*.png", "a+(b)/x.png", ("x",)),
        (r"a/(?P<case>\d+)_.*\.png", "a/12_b.png", ("12",)),
    ],
)
def test_a_pattern_means_what_a_shell_means_by_it(
    pattern: str, path: str, groups: tuple[str, ...] | None, tmp_path: Path
) -> None:
    match = compile_pattern(pattern, tmp_path).fullmatch(path)
    assert (match.groups() if match else None) == groups


@pytest.mark.parametrize("pattern", ["(?P<case>[", "(?P<case>a)(?P<case>b)", "[z-a]*.png"])
def test_an_invalid_pattern_is_a_usage_error(pattern: str, tmp_path: Path) -> None:
    with pytest.raises(SegconvError) as caught:
        compile_pattern(pattern, tmp_path)
    assert caught.value.exit_code == 2


@given(
    names=st.sets(st.from_regex(r"[a-z]{1,3}(_[a-z]{1,2})?", fullmatch=True), min_size=1, max_size=6),
    lost=st.integers(0, 63),
)
def test_patterns_pair_what_they_name_alike_and_nothing_else(names: set[str], lost: int) -> None:
    order = sorted(names)
    kept = [name for number, name in enumerate(order) if not lost >> number & 1]
    units = [Unit("x", name, ".png") for name in order] + [Unit("y", f"{name}_seg", ".png") for name in kept]
    found = pair_by_patterns(units, ["x/{case}.png"], "y/{case}_seg.png", Path("/nonexistent"))
    assert {pair.name: [unit.stem for unit in pair.labels] for pair in found.pairs} == {
        name: [f"{name}_seg"] if name in kept else [] for name in (order if kept else [])
    }


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    for site in ("A", "B"):
        for number in (1, 2):
            pair(root, f"{site}/x/{number}_pic.png", f"gold/{site}-{number}.v2.png", ord(site) + number)
    return root


@pytest.mark.parametrize(
    ("images", "masks", "names"),
    [
        ("*/x/*_pic.png", "gold/*-*.v2.png", {"A_1", "A_2", "B_1", "B_2"}),
        ("*/x/*_pic", "gold/*-*.v2", {"A_1", "A_2", "B_1", "B_2"}),  # the ending need not be said
        ("{site}/x/{case}_pic.png", "gold/{site}-{case}.v2.png", {"1_A", "1_B", "2_A", "2_B"}),
        (
            r"(?P<site>[AB])/x/(?P<case>\d)_pic\.png",
            r"gold/(?P<site>[AB])-(?P<case>\d)\.v2\.png",
            {"1_A", "1_B", "2_A", "2_B"},
        ),
    ],
)
def test_patterns_bring_any_names_together(
    images: str, masks: str, names: set[str], source: Path, segconv: Command
) -> None:
    done = segconv("convert", source, "--to", "9_Made", "--images", images, "--masks", masks)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    assert set(records(made)) == names
    for name in names:
        site, number = sorted(name.split("_"), reverse=True)
        assert np.array_equal(written(made, name), labels(ord(site) + int(number)))


def test_a_named_part_gives_the_patient(source: Path, segconv: Command) -> None:
    done = segconv(
        "convert",
        source,
        "--to",
        "9",
        "--images",
        "{patient}/x/{case}_pic.png",
        "--masks",
        "gold/{patient}-{case}.v2.png",
    )
    assert done.code == 0, done.err
    assert {r["patient"] for r in records(segconv.raw / "Dataset009_mine").values()} == {"A", "B"}


def test_several_patterns_are_channels_in_their_order(tmp_path: Path, segconv: Command) -> None:
    for number in (1, 2):
        for channel, folder in enumerate(("red", "far")):
            save(tmp_path / "mine" / folder / f"{number}.png", picture(10 * number + channel))
        save(tmp_path / "mine" / "gold" / f"{number}.png", labels(number))
    said = ("--images", "red", "--images", "far", "--masks", "gold", "--channels", "red,far", "--format", "nii.gz")
    done = segconv("convert", tmp_path / "mine", "--to", "9_Made", *said)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    assert json.loads((made / "dataset.json").read_text())["channel_names"] == {"0": "red", "1": "far"}
    assert {p.name for p in (made / "imagesTr").iterdir()} == {f"{n}_000{c}.nii.gz" for n in (1, 2) for c in (0, 1)}


@pytest.mark.parametrize(
    ("images", "masks", "code", "exit_code", "told"),
    [
        ("nowhere/*.png", "gold/*-*.v2.png", "SC011", 66, "'nowhere/*.png'"),
        ("*/x/*_pic.png", "gold/A-*.v2.png", "SC081", 65, "none of 4 and 2 is the same"),
        ("{site}/x/{case}_pic.png", "gold/{site}-{case}.v2.png", None, 0, ""),
        ("A/x/*_pic.png", "gold/A-*.v2.png", None, 0, ""),
        (
            "A/x/{case}_pic.png",
            "gold/{case}.v2.png",
            "SC081",
            65,
            "cases such as '1', and 'gold/{case}.v2.png' such as 'A-1'",
        ),
        ("A/x/{case}_pic.png", "gold/{site}-{case}.v2.png", "SC085", 65, "both match"),
    ],
)
def test_patterns_that_do_not_fit_are_refused(
    images: str, masks: str, code: str | None, exit_code: int, told: str, source: Path, segconv: Command
) -> None:
    done = segconv("convert", source, "--to", "9", "--images", images, "--masks", masks)
    assert done.code == exit_code, done.err
    assert code is None or code in done.codes()
    assert told in done.err


def test_masks_without_images_is_half_a_sentence(source: Path, segconv: Command) -> None:
    done = segconv("convert", source, "--to", "9", "--from", "png", "--masks", "gold/*")
    assert (done.code, done.codes()) == (2, ["SC001"])


# lists

ROWS = [
    ("A/x/1_pic.png", "gold/A-1.v2.png"),
    ("A/x/2_pic.png", "gold/A-2.v2.png"),
    ("B/x/1_pic.png", "gold/B-1.v2.png"),
]


def as_csv(root: Path) -> str:
    return "image,label,case\n" + "".join(f"{image},{label},c{n}\n" for n, (image, label) in enumerate(ROWS))


def with_tabs(root: Path) -> str:
    return "\ufeff" + as_csv(root).replace(",", "\t").replace("\n", "\r\n")


def absolute(root: Path) -> str:
    return "Case;Mask;Image\n" + "".join(
        f"c{n};{root / label};{root / image}\n" for n, (image, label) in enumerate(ROWS)
    )


def as_json(root: Path) -> str:
    return json.dumps([{"image": image, "mask": label, "case": f"c{n}"} for n, (image, label) in enumerate(ROWS)])


@pytest.mark.parametrize("make", [as_csv, with_tabs, absolute, as_json])
@pytest.mark.parametrize("inside", [True, False])
def test_a_list_says_which_files_are_cases(
    make: Callable[[Path], str], inside: bool, source: Path, tmp_path: Path, segconv: Command
) -> None:
    place = (source if inside else tmp_path) / f"pairs.{'json' if make is as_json else 'csv'}"
    place.write_text(make(source), encoding="utf-8")
    done = segconv("convert", source, "--to", "9_Made", "--pairs", place)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    assert set(records(made)) == {"c0", "c1", "c2"}
    assert np.array_equal(written(made, "c2"), labels(ord("B") + 1))


def test_a_list_without_a_header_is_image_and_label(source: Path, segconv: Command) -> None:
    (source / "pairs.csv").write_text("".join(f"{image},{label}\n" for image, label in ROWS[:2]))
    done = segconv("convert", source, "--to", "9_Made", "--pairs", source / "pairs.csv")
    assert done.code == 0, done.err
    assert set(records(segconv.raw / "Dataset009_Made")) == {"1_pic", "2_pic"}


def test_a_list_gives_patients_splits_and_files_elsewhere(source: Path, tmp_path: Path, segconv: Command) -> None:
    shutil.move(source / "gold", tmp_path / "elsewhere")
    rows = [
        f"{image},{tmp_path}/elsewhere/{Path(label).name},c{n},p{n % 2},{'test' if n == 2 else 'train'}"
        for n, (image, label) in enumerate(ROWS)
    ]
    (tmp_path / "pairs.csv").write_text("\n".join(["image,label,case,patient,split", *rows, ""]))
    done = segconv("convert", source, "--to", "9_Made", "--pairs", tmp_path / "pairs.csv")
    assert done.code == 0, done.err
    found = records(segconv.raw / "Dataset009_Made")
    assert {name: (r["patient"], r["split"]) for name, r in found.items()} == {
        "c0": ("p0", "train"),
        "c1": ("p1", "train"),
        "c2": ("p0", "test"),
    }


@pytest.mark.parametrize(
    ("text", "code", "exit_code", "told"),
    [
        ("", "SC087", 65, "is empty"),
        ("image,label\n", "SC011", 66, ""),
        ("a,b,c\n1,2,3\n", "SC087", 65, "3 columns and no header"),
        ("image,label\nA/x/1_pic.png,gold/A-1.v2.png,more\n", "SC087", 65, "line 2 has more columns"),
        ("image,label\nA/x/9_pic.png,gold/A-1.v2.png\n", "SC012", 66, "A/x/9_pic.png"),
        ("image,label\n,gold/A-1.v2.png\n", "SC087", 65, "entry 1 names no image"),
        ("image,label\nA/x/1_pic.png,\n", "SC080", 65, "has no label"),
        ("image,label\nA/x/1_pic.png,gold/A-1.v2.png\nA/x/1_pic.png,gold/A-2.v2.png\n", "SC087", 65, "entries 1 and 2"),
        ("image,label,split\nA/x/1_pic.png,gold/A-1.v2.png,later\n", "SC087", 65, "'later'"),
        ("image,label\nA/x,gold/A-1.v2.png\n", "SC063", 65, "A/x"),
        ("image,label\n../secret.png,gold/A-1.v2.png\n", "SC012", 66, "secret.png"),
    ],
)  # fmt: skip
def test_lists_that_cannot_be_used_are_refused(
    text: str, code: str, exit_code: int, told: str, source: Path, segconv: Command
) -> None:
    (source / "pairs.csv").write_text(text)
    done = segconv("convert", source, "--to", "9", "--pairs", source / "pairs.csv")
    assert done.code == exit_code, done.err
    assert code in done.codes(), done.err
    assert told in done.err


def test_a_missing_list_is_missing_input(source: Path, segconv: Command) -> None:
    done = segconv("convert", source, "--to", "9", "--pairs", source / "pairs.csv")
    assert (done.code, done.codes()) == (66, ["SC010"])


def test_cases_are_chosen_and_renamed(source: Path, segconv: Command, tmp_path: Path) -> None:
    patterns = ("--images", "*/x/*_pic.png", "--masks", "gold/*-*.v2.png")
    assert segconv("convert", source, "--to", "9_Few", *patterns, "--cases", "A_*,B_2").code == 0
    assert set(records(segconv.raw / "Dataset009_Few")) == {"A_1", "A_2", "B_2"}
    (tmp_path / "names.csv").write_text("case,new\nA_1,first\nB_1,second\n")
    assert segconv("convert", source, "--to", "8_New", *patterns, "--cases", tmp_path / "names.csv").code == 0
    assert {p.name for p in (segconv.raw / "Dataset008_New" / "labelsTr").iterdir()} == {"first.png", "second.png"}
    done = segconv("convert", source, "--to", "7", *patterns, "--cases", "C_1")
    assert (done.code, done.codes()) == (66, ["SC012"])


def test_masks_of_one_name_come_back_into_their_folders(tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "src"
    for number in (1, 2):
        pair(root, f"S{number}/ct.png", f"S{number}/seg/OTMultiClass.png", number)
    for target, said in (
        ("5", ("--images", "*/ct.png", "--masks", "*/seg/OTMultiClass.png")),
        ("6", ("--pairs", root / "list.csv")),
    ):
        lines = [f"S{n}/ct.png,S{n}/seg/OTMultiClass.png,c{n}" for n in (1, 2)]
        (root / "list.csv").write_text("\n".join(["image,label,case", *lines]))
        assert segconv("convert", root, "--to", f"{target}_A", *said).code == 0
        back = tmp_path / f"back{target}"
        masks = segconv.raw / f"Dataset00{target}_A/labelsTr"
        assert segconv("restore", masks, "--like", target, "-o", back).code == 0
        for number in (1, 2):
            name = f"S{number}/seg/OTMultiClass.png"
            assert np.array_equal(io.imread(back / name), io.imread(root / name))
