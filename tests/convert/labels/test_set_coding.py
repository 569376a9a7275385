"""Codings that differ between the masks of a set are judged over all masks, by colour if colours settle it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from ...command import Command
from ..drawn import picture, save, save_palette, written

SIZE = (16, 20)
BLACK, WHITE, RED, GREEN = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0)
BY_COLOUR = "background=#000000,tumour=#ff0000,vessel=#00ff00"


def boxes(*values: int, ground: int = 0, dtype: type = np.uint8) -> np.ndarray:
    """A box for each value, in a row, on ground."""
    mask = np.full(SIZE, ground, dtype)
    for number, value in enumerate(values):
        mask[3:9, 2 + 5 * number : 6 + 5 * number] = value
    return mask


def images(source: Path, names: str) -> None:
    for number, name in enumerate(names):
        save(source / "images" / f"{name}.png", picture(number, size=SIZE))
    (source / "masks").mkdir(parents=True, exist_ok=True)


def palettes_that_differ(source: Path) -> None:
    images(source, "abc")
    save_palette(source / "masks" / "a.png", boxes(1, 2), [BLACK, RED, GREEN])
    save_palette(source / "masks" / "b.png", boxes(0, 1), [BLACK, GREEN])
    save_palette(source / "masks" / "c.png", boxes(2, 1), [BLACK, GREEN, RED])


def test_palettes_that_differ_are_refused_and_count_by_colour_when_declared(tmp_path: Path, segconv: Command) -> None:
    palettes_that_differ(tmp_path / "mine")
    done = segconv("convert", tmp_path / "mine", "--to", "9")
    assert (done.code, done.codes()) == (65, ["SC078"])
    assert "masks/b.png: index 1 of its palette is #00ff00, in masks/a.png it is #ff0000" in done.err
    proposal = done.err.split("--labels '")[1].split("'")[0]
    assert set(proposal.split(",")) >= {"background=#000000"}
    assert {entry.split("=")[1] for entry in proposal.split(",")} == {"#000000", "#ff0000", "#00ff00"}
    assert segconv("convert", tmp_path / "mine", "--to", "8", "--labels", proposal).code == 0
    done = segconv("convert", tmp_path / "mine", "--to", "9_A", "--labels", BY_COLOUR)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_A"
    for name, expected in (("a", boxes(1, 2)), ("b", boxes(0, 2)), ("c", boxes(1, 2))):
        assert np.array_equal(written(made, name), expected)
    assert segconv("restore", made / "labelsTr", "--like", "9", "-o", tmp_path / "back").code == 0
    with Image.open(tmp_path / "back" / "c.png") as back:
        assert np.array_equal(np.asarray(back), boxes(2, 1))


def test_declared_indices_of_other_palettes_have_to_be_accepted_too(tmp_path: Path, segconv: Command) -> None:
    palettes_that_differ(tmp_path / "mine")
    by_index = ("convert", tmp_path / "mine", "--to", "9_A", "--labels", "background=0,one=1,two=2")
    done = segconv(*by_index)
    assert (done.code, done.codes()) == (65, ["SC078"])
    done = segconv(*by_index, "--accept-labels")
    assert done.code == 0
    assert "Warning SC078: masks/b.png" in done.err
    assert np.array_equal(written(segconv.raw / "Dataset009_A", "c"), boxes(2, 1))


def test_palettes_differ_only_in_what_masks_hold(tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "mine"
    images(source, "ab")
    save_palette(source / "masks" / "a.png", boxes(1, 2), [BLACK, RED, GREEN, RED])
    save_palette(source / "masks" / "b.png", boxes(1, 0), [BLACK, RED, WHITE])
    assert segconv("convert", source, "--to", "9_A").code == 0


@pytest.mark.parametrize("kind", ["tif", "bmp", "png"])
def test_white_as_zero_is_refused_among_the_usual_kind_and_a_warning_in_all(
    kind: str, tmp_path: Path, segconv: Command
) -> None:
    def mask(name: str, *, white_is_zero: bool) -> None:
        path, drawn = tmp_path / name[:-1] / "masks" / f"{name[-1]}.{kind}", boxes(1)
        images(tmp_path / name[:-1], name[-1])
        if kind == "tif":
            drawn = 255 * (1 - drawn if white_is_zero else drawn)
            tifffile.imwrite(path, drawn, photometric="miniswhite" if white_is_zero else "minisblack")
        elif white_is_zero:
            stored = Image.fromarray(1 - drawn)
            stored.putpalette([*WHITE, *BLACK])
            stored.save(path, **({"bits": 1} if kind == "png" else {}))
        else:
            Image.fromarray(drawn > 0).save(path)

    mask("mixa", white_is_zero=False)
    mask("mixb", white_is_zero=True)
    done = segconv("convert", tmp_path / "mix", "--to", "8")
    assert (done.code, done.codes()) == (65, ["SC078"])
    assert f"masks/b.{kind}: is stored with white as 0, masks/a.{kind} with black as 0" in done.err
    mask("odda", white_is_zero=True)
    mask("oddb", white_is_zero=True)
    done = segconv(
        "convert", tmp_path / "odd", "--to", "9", "--labels", f"background=0,ink={255 if kind == 'tif' else 1}"
    )
    assert done.code == 0, done.err
    assert "is stored with white as 0, as all masks are" in done.err


@pytest.mark.parametrize("mixed", [True, False])
def test_pictures_with_white_as_zero_are_not_mixed_with_others(mixed: bool, tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "mine"
    images(source, "")
    for name, kind in (("a", "minisblack" if mixed else "miniswhite"), ("b", "miniswhite")):
        (source / "images").mkdir(exist_ok=True)
        tifffile.imwrite(source / "images" / f"{name}.tif", picture(ord(name), size=SIZE), photometric=kind)
        save(source / "masks" / f"{name}.png", boxes(1))
    done = segconv("convert", source, "--to", "9")
    assert done.code == (65 if mixed else 0)
    assert done.codes() == (["SC084"] if mixed else [])
    assert ("images/b.tif" if mixed else "as all pictures are") in done.err


def test_transparent_palette_entries_count_as_transparent(tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "mine"
    images(source, "ab")
    for name in "ab":
        mask = Image.fromarray(boxes(1, 2, ground=3))
        mask.putpalette([*RED, *BLACK, *RED, *BLACK])
        mask.save(source / "masks" / f"{name}.png", transparency=b"\xff\xff\xff\x00")
    labels = "background=#00000000,hair=#000000,skin=#ff0000"
    done = segconv("convert", source, "--to", "9_A", "--labels", labels)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_A"
    assert np.array_equal(written(made, "a"), boxes(1, 2))
    assert segconv("restore", made / "labelsTr", "--like", "9", "-o", tmp_path / "back").code == 0
    with Image.open(tmp_path / "back" / "a.png") as back, Image.open(source / "masks" / "a.png") as theirs:
        assert np.array_equal(np.asarray(back.convert("RGBA")), np.asarray(theirs.convert("RGBA")))


# lists of classes


def labelme(source: Path, classes: Mapping[str, list[str]]) -> None:
    """A folder a picture, as labelme_json_to_dataset makes it."""
    for number, (name, own) in enumerate(classes.items()):
        save(source / name / "img.png", picture(number, 3, size=SIZE))
        save_palette(source / name / "label.png", boxes(*range(1, len(own) + 1)), [BLACK, RED, GREEN])
        (source / name / "label_names.txt").write_text("\n".join(["_background_", *own]) + "\n")


def test_lists_of_classes_that_number_alike_name_the_labels(tmp_path: Path, segconv: Command) -> None:
    labelme(tmp_path / "mine", {"p1_json": ["cat"], "p2_json": ["cat", "dog"]})
    done = segconv("convert", tmp_path / "mine", "--to", "9_A")
    assert done.code == 0, done.err
    made = json.loads((segconv.raw / "Dataset009_A" / "dataset.json").read_text())
    assert made["labels"] == {"background": 0, "cat": 1, "dog": 2}
    assert "label_names.txt and 1 more, which agree" in done.err


def test_lists_of_classes_that_number_differently_are_refused(tmp_path: Path, segconv: Command) -> None:
    labelme(tmp_path / "mine", {"p1_json": ["cat", "dog"], "p2_json": ["dog"]})
    done = segconv("convert", tmp_path / "mine", "--to", "9")
    assert (done.code, done.codes()) == (65, ["SC074"])
    assert "p2_json/label_names.txt and p1_json/label_names.txt declare different labels" in done.err
    assert "'dog' is 1, in the other 2" in done.err


LISTS = {
    "class_names.txt": "_background_\ncat\ndog\n",
    "labels.txt": "__ignore__\n_background_\ncat\ndog\n",
    "_classes.csv": "Pixel Value, Class\n0, background\n1, cat\n2, dog\n",
    "classes.json": json.dumps([{"title": "cat", "id": 1, "color": "#ff0000"}, {"title": "dog", "id": 2, "color": "#00ff00"}]),
    "meta.json": json.dumps({"classes": [{"title": "cat", "value": 1}, {"title": "dog", "value": 2}], "tags": []}),
    "obj_class_to_machine_color.json": json.dumps({"bg": [0, 0, 0], "cat": [1, 1, 1], "dog": [2, 2, 2]}),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_classes_of_other_tools_are_read(name: str, tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "mine"
    images(source, "ab")
    for mask in "ab":
        save(source / "masks" / f"{mask}.png", boxes(1, 2))
    (source / name).write_text(LISTS[name])
    done = segconv("convert", source, "--to", "9_A")
    assert done.code == 0, done.err
    labels = json.loads((segconv.raw / "Dataset009_A" / "dataset.json").read_text())["labels"]
    assert {label: value for label, value in labels.items() if label != "ignore"} == {
        "background": 0,
        "cat": 1,
        "dog": 2,
    }
    assert np.array_equal(written(segconv.raw / "Dataset009_A", "a"), boxes(1, 2))


def test_a_list_without_a_background_is_refused_with_both_ways_to_count(tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "mine"
    images(source, "a")
    save(source / "masks" / "a.png", boxes(1, 2))
    (source / "class_names.txt").write_text("cat\ndog\n")
    done = segconv("convert", source, "--to", "9")
    assert (done.code, done.codes()) == (65, ["SC074"])
    assert "--labels background=0,cat=1,dog=2 if 0 is none of them" in done.err
    assert "--labels background=0,dog=1 if 0 is 'cat'" in done.err
