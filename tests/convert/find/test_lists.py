"""Lists by which users say which image belongs to which label."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ...command import Command
from ..drawn import labels, records, written

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
    ("text", "code", "exit_code", "wording"),
    [
        ("", "SC087", 65, "is empty"),
        ("image,label\n", "SC011", 66, ""),
        ("a,b,c\n1,2,3\n", "SC087", 65, "3 columns and no header"),
        ("img,mask\nA/x/1_pic.png,gold/A-1.v2.png\n", "SC087", 65, "has the columns img, mask, none of them image"),
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
    text: str, code: str, exit_code: int, wording: str, source: Path, segconv: Command
) -> None:
    (source / "pairs.csv").write_text(text)
    done = segconv("convert", source, "--to", "9", "--pairs", source / "pairs.csv")
    assert done.code == exit_code, done.err
    assert code in done.codes(), done.err
    assert wording in done.err


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
