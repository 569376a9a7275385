"""Patterns by which users say which image belongs to which label."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Literal

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
    ("images", "masks", "code", "exit_code", "wording"),
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
    images: str, masks: str, code: str | None, exit_code: int, wording: str, source: Path, segconv: Command
) -> None:
    done = segconv("convert", source, "--to", "9", "--images", images, "--masks", masks)
    assert done.code == exit_code, done.err
    assert code is None or code in done.codes()
    assert wording in done.err


def test_masks_without_images_is_half_a_sentence(source: Path, segconv: Command) -> None:
    done = segconv("convert", source, "--to", "9", "--from", "png", "--masks", "gold/*")
    assert (done.code, done.codes()) == (2, ["SC001"])


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


@pytest.mark.parametrize("typed", ["NFC", "NFD"])
def test_accents_match_in_either_form(typed: Literal["NFC", "NFD"], tmp_path: Path, segconv: Command) -> None:
    for form, folder in (("NFC", "images"), ("NFD", "masks")):
        path = tmp_path / "source" / folder / unicodedata.normalize(form, "Größe1.png")
        save(path, picture(1) if folder == "images" else labels(1))
    words = [unicodedata.normalize(typed, f"{folder}/Größe{{case}}.png") for folder in ("images", "masks")]
    done = segconv("convert", tmp_path / "source", "--to", "9_Made", "--images", words[0], "--masks", words[1])
    assert done.code == 0, done.err
    assert len(records(segconv.raw / "Dataset009_Made")) == 1
