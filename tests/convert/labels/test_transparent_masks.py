"""Masks that use the alpha channel are read and restored unchanged."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fixtures.make_fixtures import msd_ct
from segconv.convert.back.pictures import encoded_picture
from segconv.convert.labels.declared import Declared
from segconv.convert.labels.picture_file import mask_codes, open_picture
from segconv.dataset.labels import RGB
from segconv.dataset.stored_label import StoredLabel
from segconv.image.formats import bmp

from ...command import Command, tree_hash
from ..drawn import labels, picture, save, save_palette, written

CLEAR = (0, 0, 0, 0)
RED, GREEN, BLACK = (255, 0, 0, 255), (0, 128, 64, 255), (0, 0, 0, 255)
HALF_RED, HALF_GREEN = (255, 0, 0, 128), (0, 128, 64, 128)
TABLE = "background=#00000000,red=#ff0000,green=#008040"


def drawn(table: list[tuple[int, ...]], mask: np.ndarray) -> np.ndarray:
    """Grey and alpha, or RGBA: one entry of the table a class."""
    return np.array(table, np.uint8)[mask]


def read(path: Path) -> tuple[str, np.ndarray]:
    with Image.open(path) as opened:
        return opened.mode, np.asarray(opened)


def source_of(root: Path, table: list[tuple[int, ...]], ending: str = ".png", classes: int | None = None) -> Path:
    """Three pictures and their masks, whose labels are those of `drawn.labels`."""
    for number in (1, 2, 3):
        save(root / "images" / f"{number}.jpg", picture(number, 3))
        save(root / "masks" / f"{number}{ending}", drawn(table, labels(number, classes or len(table))))
    return root


# Name → colours of the labels 0 … n, options.
CODINGS: dict[str, tuple[list[tuple[int, ...]], tuple[str, ...]]] = {
    "classes on transparent ground": ([CLEAR, RED, GREEN], ("--labels", TABLE)),
    "one class on transparent ground": ([CLEAR, RED], ()),
    "black on transparent ground": ([CLEAR, BLACK], ()),
    "background that is drawn": ([BLACK, RED, CLEAR], ("--labels", "background=#000000,red=#ff0000,ignore=#00000000")),
    "classes that are half transparent": ([CLEAR, HALF_RED, HALF_GREEN], ("--labels", "background=#00000000,red=#FF000080,green=#00804080")),
    "several, accepted": ([CLEAR, GREEN, RED, HALF_GREEN, HALF_RED], ("--accept-labels",)),
    "black and transparent, accepted": ([CLEAR, BLACK, RED], ("--accept-labels",)),
    "grey and alpha": ([(0, 0), (255, 255)], ()),
    "alpha alone": ([(0, 0), (0, 255)], ()),
    "grey classes on transparent ground": ([(0, 0), (0, 255), (9, 255)], ("--labels", "background=#00000000,a=0,b=9")),
    "ground that map names": ([CLEAR, RED, GREEN], ("--labels", "red=#ff0000,green=#008040", "--map", "#00000000=background")),
}  # fmt: skip


@pytest.mark.parametrize("ending", [".png", ".tif"])
@pytest.mark.parametrize("coding", CODINGS)
def test_a_coding_with_alpha_is_read_and_given_back(coding: str, ending: str, tmp_path: Path, segconv: Command) -> None:
    table, options = CODINGS[coding]
    source = source_of(tmp_path / "mine", table, ending)
    before = tree_hash(source)
    done = segconv("convert", source, "--to", "9_Made", *options)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    for number in (1, 2, 3):
        assert np.array_equal(written(made, str(number)), labels(number, len(table)))
    done = segconv("restore", made / "labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    assert "SC097" not in done.err
    for number in (1, 2, 3):
        theirs, mine = source / "masks" / f"{number}{ending}", tmp_path / "back" / f"{number}{ending}"
        assert read(mine)[0] == read(theirs)[0]
        assert np.array_equal(read(mine)[1], read(theirs)[1])
    assert tree_hash(source) == before


def test_a_guess_of_what_is_transparent_is_reported(tmp_path: Path, segconv: Command) -> None:
    done = segconv("convert", source_of(tmp_path / "mine", [CLEAR, RED]), "--to", "9_Made")
    assert "guessed from transparent pixels, and #ff0000; --labels overrides" in done.err
    found = json.loads((segconv.raw / "Dataset009_Made" / "dataset.json").read_text())
    assert found["labels"] == {"background": 0, "foreground": 1}


@pytest.mark.parametrize("table", [[CLEAR, RED, GREEN], [CLEAR, BLACK, RED], [CLEAR, HALF_RED]])
def test_more_than_one_colour_is_refused_with_labels_that_may_be_typed(
    table: list[tuple[int, ...]], tmp_path: Path, segconv: Command
) -> None:
    source = source_of(tmp_path / "mine", table)
    done = segconv("convert", source, "--to", "9")
    assert (done.code, done.codes()) == (65, ["SC078"])
    assert "none of them declared" in done.err
    proposal = done.err.split("--labels '")[1].split("'")[0]
    assert proposal.startswith("background=#00000000,class_1=")
    done = segconv("convert", source, "--to", "9_Made", "--labels", proposal)
    assert done.code == 0, done.err
    found = [written(segconv.raw / "Dataset009_Made", str(number)) for number in (1, 2, 3)]
    order = np.array([0, *(1 + np.argsort(np.argsort([colour[:3] for colour in table[1:]], axis=0)[:, 0]))])
    assert all(np.array_equal(f, order[labels(n, len(table))]) for n, f in enumerate(found, 1))


# tables


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labelmap.txt", "background:0,0,0,0::\nred:255,0,0,255::\ngreen:0,128,64,255::\n"),
        ("label_colors.txt", "0 0 0 0 Background\n255 0 0 255 red\n0 128 64 255 green\n"),
        ("labels.csv", "name,color\nbackground,#00000000\nred,#ff0000\ngreen,#008040ff\n"),
        ("class_dict.csv", "name,r,g,b,a\nbackground,0,0,0,0\nred,255,0,0,255\ngreen,0,128,64,255\n"),
        ("colors.json", '{"background": [9, 9, 9, 0], "red": [255, 0, 0], "green": "#008040"}'),
        ("labels.json", '[{"name": "background", "rgba": [0, 0, 0, 0]}, {"name": "red", "rgba": [255, 0, 0, 255]}, {"name": "green", "rgba": [0, 128, 64, 255]}]'),
    ],
)  # fmt: skip
def test_a_table_may_hold_alpha(name: str, text: str, tmp_path: Path, segconv: Command) -> None:
    source = source_of(tmp_path / "mine", [CLEAR, RED, GREEN])
    (source / name).write_text(text)
    done = segconv("convert", source, "--to", "9_Made")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    assert json.loads((made / "dataset.json").read_text())["labels"] == {"background": 0, "red": 1, "green": 2}
    assert np.array_equal(written(made, "2"), labels(2, 3))


def test_a_table_with_another_name_for_transparent_is_refused_with_labels_that_work(
    tmp_path: Path, segconv: Command
) -> None:
    source = source_of(tmp_path / "mine", [CLEAR, RED, GREEN])
    (source / "labelmap.txt").write_text("Void:0,0,0,0::\nred:255,0,0::\ngreen:0,128,64::\n")
    done = segconv("convert", source, "--to", "9")
    assert "declares no label 'background', but 'Void' as #00000000" in done.err
    proposal = done.err.split("--labels '")[1].split("'")[0]
    assert segconv("convert", source, "--to", "9", "--labels", proposal).code == 0


# what is not declared


def edged(root: Path, *edges: tuple[int, ...]) -> Path:
    """Masks of red and green on transparent ground; in the second, pixels that are blended."""
    source = source_of(root, [CLEAR, RED, GREEN])
    path = source / "masks" / "2.png"
    mask = read(path)[1].copy()
    for number, edge in enumerate(edges):
        mask[4 + number, 7] = edge
    save(path, mask)
    return source


def test_blended_edges_are_refused_with_place_count_and_nearest(tmp_path: Path, segconv: Command) -> None:
    source = edged(tmp_path / "mine", (255, 0, 0, 200), (255, 0, 0, 200))
    done = segconv("convert", source, "--to", "9", "--labels", TABLE)
    assert (done.code, done.codes()) == (65, ["SC070"])
    assert "masks/2.png: holds the colour #ff0000c8 in 2 pixels, the first at (7, 4)" in done.err
    assert "the nearest is #ff0000, 77.8 away" in done.err
    assert "--map '#ff0000c8=NAME' --restart, or --snap 78 --restart takes the nearest" in done.err
    assert not any(path.name.startswith("Dataset") for path in segconv.raw.iterdir())


def test_blended_edges_snap_to_the_colour_that_dominates(tmp_path: Path, segconv: Command) -> None:
    source = edged(tmp_path / "mine", (255, 0, 0, 200), (0, 128, 64, 3), (0, 128, 64, 129))
    assert segconv("convert", source, "--to", "9", "--labels", TABLE, "--snap", 77).code == 65
    done = segconv("convert", source, "--to", "9_Made", "--labels", TABLE, "--snap", 180, "--restart")
    assert done.code == 0, done.err
    assert "snapped from #ff0000c8 to #ff0000" in done.err
    assert "snapped from #00804003 to #00000000" in done.err
    expected = labels(2, 3)
    expected[4, 7], expected[5, 7], expected[6, 7] = 1, 0, 2
    assert np.array_equal(written(segconv.raw / "Dataset009_Made", "2"), expected)
    done = segconv("restore", segconv.raw / "Dataset009_Made/labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert "SC097: 2.png: not everything comes back: 1 value" in done.err
    assert np.array_equal(read(tmp_path / "back" / "2.png")[1], drawn([CLEAR, RED, GREEN], expected))


def test_blended_edges_count_as_a_label_when_asked(tmp_path: Path, segconv: Command) -> None:
    source = edged(tmp_path / "mine", (255, 0, 0, 200))
    done = segconv("convert", source, "--to", "9_Made", "--labels", TABLE, "--map", "#ff0000c8=green")
    assert done.code == 0, done.err
    assert written(segconv.raw / "Dataset009_Made", "2")[4, 7] == 2


def test_undeclared_edges_are_reported_as_edges(tmp_path: Path, segconv: Command) -> None:
    source = edged(tmp_path / "mine", (255, 0, 0, 200), (0, 128, 64, 7))
    done = segconv("convert", source, "--to", "9")
    assert (done.code, done.codes()) == (65, ["SC078"])
    assert "2 of them are partly transparent, as edges that were blended" in done.err
    said = done.err.split("--labels '")[1]
    proposal, snap = said.split("'")[0], said.split("--snap ")[1].split()[0]
    done = segconv("convert", source, "--to", "9_Made", "--labels", proposal, "--snap", snap)
    assert done.code == 0, done.err
    expected = np.array([0, 2, 1], np.uint8)[labels(2, 3)]  # green comes before red
    expected[4, 7], expected[5, 7] = 2, 0
    assert np.array_equal(written(segconv.raw / "Dataset009_Made", "2"), expected)


def test_transparent_pixels_that_the_table_lacks_are_refused(tmp_path: Path, segconv: Command) -> None:
    source = source_of(tmp_path / "mine", [BLACK, RED, CLEAR])
    options = ("--to", "9_Made", "--labels", "background=#000000,red=#ff0000")
    done = segconv("convert", source, *options)
    assert (done.code, done.codes()) == (65, ["SC070"] * 3)
    assert "the colour #00000000 in 40 pixels" in done.err
    done = segconv("convert", source, *options, "--map", "#00000000=background", "--restart")
    assert done.code == 0, done.err
    assert np.array_equal(written(segconv.raw / "Dataset009_Made", "2"), np.array([0, 1, 0])[labels(2, 3)])


def test_grey_labels_with_transparent_pixels_are_refused_with_a_map_that_works(
    tmp_path: Path, segconv: Command
) -> None:
    source = source_of(tmp_path / "mine", [(0, 255), (255, 255), (0, 0)])
    options = ("--to", "9_Made", "--labels", "background=0,road=255")
    done = segconv("convert", source, *options)
    assert (done.code, done.codes()) == (65, ["SC078"] * 3)
    x, y = np.argwhere(labels(1, 3) == 2)[0][::-1].tolist()
    assert (
        f"masks/1.png: is 8-bit gray+alpha, 12×10, and not opaque in 40 of its pixels, the first at {(x, y)}"
        in done.err
    )
    proposal = done.err.split("--map '")[1].split("'")[0]
    done = segconv("convert", source, *options, "--map", proposal, "--restart")
    assert done.code == 0, done.err
    assert np.array_equal(written(segconv.raw / "Dataset009_Made", "1"), np.array([0, 1, 0])[labels(1, 3)])


def test_a_value_among_colours_that_is_not_a_colour_is_refused(tmp_path: Path, segconv: Command) -> None:
    source = source_of(tmp_path / "mine", [CLEAR, RED])
    done = segconv("convert", source, "--to", "9", "--labels", "background=#00000000,red=300")
    assert (done.code, done.codes()) == (65, ["SC074"])
    assert "the value 300" in done.err


def test_16_bits_with_transparent_pixels_are_refused_with_advice(tmp_path: Path, segconv: Command) -> None:
    source = source_of(tmp_path / "mine", [CLEAR, RED], ".tif")
    wide = np.array([[0, 0, 0, 0], [65535, 0, 0, 65535]], np.uint16)[labels(2)]
    tifffile.imwrite(source / "masks" / "2.tif", wide, photometric="rgb", extrasamples=["unassalpha"])
    for options in ((), ("--labels", "background=#00000000,red=#ff0000"), ("--labels", "background=0,red=1")):
        done = segconv("convert", source, "--to", "9", "--restart", *options)
        assert done.code == 65
        assert "masks/2.tif: is 16-bit RGBA" in done.err
        assert "8 bits per sample" in done.err


def test_16_bits_among_masks_with_alpha_are_refused_before_the_run(tmp_path: Path, segconv: Command) -> None:
    source = source_of(tmp_path / "mine", [CLEAR, RED])
    save(source / "masks" / "2.png", labels(2) * np.uint16(300))
    done = segconv("convert", source, "--to", "9", "--dry-run")
    assert (done.code, done.codes()) == (65, ["SC056"])
    assert "masks/2.png: is 16-bit gray, 12×10, expected a colour mask of 8 bits per sample" in done.err


@pytest.mark.parametrize("options", [("--labels", "background=#00000000,a=#ff0000"), ("--map", "#00000000=background")])
def test_labels_that_hold_no_colours_are_not_declared_as_such(
    options: tuple[str, str], tmp_path: Path, segconv: Command
) -> None:
    assert segconv("convert", source_of(tmp_path / "mine", [CLEAR, RED]), "--to", "9_Made").code == 0
    done = segconv("convert", segconv.raw / "Dataset009_Made", "--to", "10", *options)
    assert (done.code, done.codes()) == (65, ["SC074"])
    for folder, array in (("images", picture(1).astype(np.int16)), ("labels", labels(1))):
        (tmp_path / "v" / folder).mkdir(parents=True)
        nib.save(nib.Nifti1Image(array[..., np.newaxis], np.eye(4)), tmp_path / "v" / folder / "c.nii.gz")
    done = segconv("convert", tmp_path / "v", "--to", "11", "--labels", "background=#000000,a=#ff0000")
    assert (done.code, done.codes()) == (65, ["SC074"])
    assert "the labels are declared as colours, the label files hold values" in done.err
    assert segconv("convert", msd_ct(tmp_path / "m", cases=1), "--to", "12", *options).codes() == ["SC074"]


def test_masks_of_single_objects_with_transparent_pixels_are_refused_before_the_run(
    tmp_path: Path, segconv: Command
) -> None:
    for number in (1, 2):
        save(tmp_path / "mine" / f"c{number}" / "images" / f"c{number}.png", picture(number))
        for part in range(2):
            mask = drawn([(0, 0), (255, 255)], labels(number * 9 + part))
            save(tmp_path / "mine" / f"c{number}" / "masks" / f"{number}{part}.png", mask)
    done = segconv("convert", tmp_path / "mine", "--to", "9", "--dry-run")
    assert (done.code, done.codes()) == (65, ["SC078"])
    assert "c1/masks/10.png: is 8-bit gray+alpha" in done.err
    assert " (and 3 more files; --json lists all)" in done.err
    assert "export the mask without alpha" in done.err


# what stays as it was


def test_palettes_with_transparency_count_by_index(tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "mine"
    for number in (1, 2, 3):
        save(source / "images" / f"{number}.jpg", picture(number, 3))
        save_palette(source / "masks" / f"{number}.png", labels(number, 3), [c[:3] for c in (BLACK, RED, GREEN)])
        with Image.open(source / "masks" / f"{number}.png") as opened:
            opened.save(source / "masks" / f"{number}.png", transparency=bytes([0, 255, 128]))
        with Image.open(source / "masks" / f"{number}.png") as opened:
            assert opened.mode == "P"
            assert opened.info["transparency"] == bytes([0, 255, 128])
    assert segconv("convert", source, "--to", "9_Made").code == 0
    assert np.array_equal(written(segconv.raw / "Dataset009_Made", "2"), labels(2, 3))


def test_colours_hidden_by_alpha_are_reported_not_to_come_back(tmp_path: Path, segconv: Command) -> None:
    source = source_of(tmp_path / "mine", [CLEAR, RED])
    hiding = drawn([(9, 200, 3, 0), RED], labels(2))
    save(source / "masks" / "2.png", hiding)
    done = segconv("convert", source, "--to", "9_Made")
    assert done.code == 0, done.err
    assert np.array_equal(written(segconv.raw / "Dataset009_Made", "2"), labels(2))
    done = segconv("restore", segconv.raw / "Dataset009_Made/labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert done.code == 0
    assert done.err.count("SC097") == 1
    assert "2.png: not everything comes back: the colours under fully transparent pixels" in done.err
    assert np.array_equal(read(tmp_path / "back" / "2.png")[1], drawn([CLEAR, RED], labels(2)))


# masks of several kinds in one set, and predictions that hold more than they did


def test_a_prediction_may_be_transparent_where_the_mask_knew_no_alpha(tmp_path: Path, segconv: Command) -> None:
    source = source_of(tmp_path / "mine", [CLEAR, RED, GREEN])
    for number, name in enumerate(("rgb.png", "rgb.bmp", "grey.png", "grey.bmp", "alpha.bmp"), 4):
        stem, ending = name.split(".")
        save(source / "images" / f"{number}.jpg", picture(number, 3))
        mask = np.full((10, 12), 0, np.uint8) if stem == "grey" else np.full((10, 12, 3), RED[:3], np.uint8)
        save(source / "masks" / f"{number}.{ending}", mask)
        if stem == "alpha":
            (source / "masks" / f"{number}.bmp").write_bytes(
                bmp.encode_samples(drawn([CLEAR, RED, GREEN], labels(number, 3)))
            )
    done = segconv("convert", source, "--to", "9_Made", "--labels", f"{TABLE},black=#000000")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    assert np.array_equal(written(made, "8"), labels(8, 3))
    done = segconv("restore", made / "labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    for path in (source / "masks").iterdir():
        assert read(tmp_path / "back" / path.name)[0] == read(path)[0]
        assert np.array_equal(read(tmp_path / "back" / path.name)[1], read(path)[1])
    predictions = tmp_path / "predictions"
    for number in (4, 5, 6, 7, 8, 99):  # the last belongs to no known case
        save(predictions / f"{number}.png", labels(number, 3))
    assert segconv("restore", predictions, "--like", "9", "-o", tmp_path / "more").code == 0
    for path in (tmp_path / "more").glob("*.*"):
        mode, found = read(path)
        assert mode == "RGBA"
        assert np.array_equal(found, drawn([CLEAR, RED, GREEN], labels(int(path.stem), 3)))
    for number in (6, 7):  # grey that stays grey
        save(tmp_path / "grey" / f"{number}.png", labels(number) * np.uint8(3))
    assert segconv("restore", tmp_path / "grey", "--like", "9", "-o", tmp_path / "greys").code == 0
    assert read(tmp_path / "greys" / "6.png")[0] == "LA"
    assert np.array_equal(read(tmp_path / "greys" / "6.png")[1], drawn([(0, 0), (0, 255)], labels(6)))
    assert np.array_equal(read(tmp_path / "greys" / "7.bmp")[1], drawn([CLEAR, BLACK], labels(7)))


def test_a_case_that_is_not_known_is_restored_as_all_masks_are(tmp_path: Path, segconv: Command) -> None:
    assert segconv("convert", source_of(tmp_path / "mine", [(0, 0), (255, 255)]), "--to", "9_Made").code == 0
    assert segconv("convert", source_of(tmp_path / "red", [CLEAR, RED]), "--to", "10_Red").code == 0
    save(tmp_path / "predictions" / "new.png", np.ones((4, 5), np.uint8))
    for dataset, mode, colour in ((9, "LA", (255, 255)), (10, "RGBA", RED)):
        done = segconv("restore", tmp_path / "predictions", "--like", dataset, "-o", tmp_path / mode)
        assert done.code == 0, done.err
        assert read(tmp_path / mode / "new.png")[0] == mode
        assert (read(tmp_path / mode / "new.png")[1] == colour).all()


def test_whatever_is_transparent_is_ignored_with_scribbles(tmp_path: Path, segconv: Command) -> None:
    source = source_of(tmp_path / "mine", [CLEAR, RED, GREEN])
    done = segconv("convert", source, "--to", "9_Made", "--labels", TABLE, "--ignore", "unlabelled")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    found = json.loads((made / "dataset.json").read_text())["labels"]
    assert found.keys() == {"background", "red", "green", "ignore"}
    expected = np.array([found["ignore"], found["red"], found["green"]])[labels(2, 3)]
    assert np.array_equal(written(made, "2"), expected)
    save(tmp_path / "predictions" / "2.png", np.where(expected == 3, 0, expected).astype(np.uint8))
    assert segconv("restore", tmp_path / "predictions", "--like", "9", "-o", tmp_path / "back").code == 0
    assert np.array_equal(read(tmp_path / "back" / "2.png")[1], read(source / "masks" / "2.png")[1])


def test_slices_of_a_volume_may_be_coded_with_alpha(tmp_path: Path, segconv: Command) -> None:
    source, table = tmp_path / "mine", [CLEAR, RED, GREEN]
    for case in (1, 2):
        for number in range(4):
            save(source / "images" / f"c{case}" / f"{number}.png", picture(10 * case + number))
            mask = drawn([(7, 7, 7, 0), *table[1:]] if case == 2 and number == 1 else table, labels(number, 3))
            save(source / "labels" / f"c{case}" / f"{number}.png", mask)
    done = segconv("convert", source, "--to", "9_Made", "--from", "pairs", "--spacing", "1,1,2", "--labels", TABLE)
    assert done.code == 0, done.err
    done = segconv("restore", segconv.raw / "Dataset009_Made/labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert done.code == 0
    assert done.err.count("SC097") == 1
    assert "c2.nii.gz: not everything comes back: the colours under fully transparent pixels" in done.err
    for case in (1, 2):
        for number in range(4):
            assert np.array_equal(
                read(tmp_path / "back" / f"c{case}" / f"{number}.png")[1], drawn(table, labels(number, 3))
            )


# every table

COLOURS = st.tuples(*[st.integers(0, 255)] * 3, st.sampled_from([0, 1, 127, 254, 255]) | st.integers(0, 255))
WRITERS: dict[str, Callable[[Image.Image, io.BytesIO], object]] = {
    ".png": lambda image, file: image.save(file, "PNG"),
    ".tif": lambda image, file: image.save(file, "TIFF"),
}


@given(
    st.lists(COLOURS, min_size=1, max_size=8, unique_by=lambda c: c if c[3] else CLEAR),
    st.integers(0, 1 << 32),
    st.sampled_from(sorted(WRITERS)),
)
def test_every_table_of_colours_is_read_and_given_back(table: list[tuple[int, ...]], seed: int, ending: str) -> None:
    mask = np.random.default_rng(seed).integers(0, len(table), (5, 7))
    theirs = drawn(table, mask)
    file = io.BytesIO()
    WRITERS[ending](Image.fromarray(theirs), file)
    opened = open_picture(file.getvalue())
    said = {f"class_{n}" if n else "background": "#" + bytes(colour).hex() for n, colour in enumerate(table)}
    found = Declared.of(said).label_map()
    assert found.coding == RGB
    codes = mask_codes(opened, RGB)
    dense = np.vectorize(found.forward.__getitem__)(codes)
    assert np.array_equal(dense, mask)
    back = np.vectorize(found.inverse.__getitem__, otypes=[np.uint32])(dense)
    with Image.open(io.BytesIO(encoded_picture(back, StoredLabel(mode="RGBA", depth=8), ending, RGB))) as image:
        assert image.mode == "RGBA"
        assert np.array_equal(np.asarray(image), np.where(theirs[..., 3:] == 0, 0, theirs))


@pytest.mark.parametrize(("ground", "expected"), [("#00000000", [0, 0, 1]), ("#000000", [0, 0, 1]), (None, [0, 1, 2])])
def test_mapped_colours_are_not_classes_of_their_own_where_colours_are_accepted(
    ground: str | None, expected: list[int], tmp_path: Path, segconv: Command
) -> None:
    source = source_of(tmp_path / "mine", [CLEAR, BLACK, RED])
    options = ("--map", f"{ground}=background") if ground else ()
    done = segconv("convert", source, "--to", "9_Made", "--accept-labels", *options)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    assert np.array_equal(written(made, "2"), np.array(expected)[labels(2, 3)])
    assert sorted(json.loads((made / "dataset.json").read_text())["labels"].values()) == sorted(set(expected))
