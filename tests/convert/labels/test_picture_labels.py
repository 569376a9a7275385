"""Codings of masks: every coding in every format is read correctly and restored unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage import io

from segconv.image import raster

from ...command import Command, tree_hash
from ..drawn import labels, picture, save, save_palette, written

COLOURS = [(0, 0, 0), (255, 0, 0), (0, 128, 64)]
TABLE = "background=#000000,red=#ff0000,green=#008040"


def colours_of(mask: np.ndarray) -> np.ndarray:
    return np.array(COLOURS, np.uint8)[mask]


def with_alpha(samples: np.ndarray) -> np.ndarray:
    samples = samples[..., np.newaxis] if samples.ndim == 2 else samples
    return np.concatenate([samples, np.full((*samples.shape[:2], 1), np.iinfo(samples.dtype).max, samples.dtype)], -1)


def mode_of(path: Path) -> str:
    with Image.open(path) as opened:
        return opened.mode


def few_bits(path: Path, mask: np.ndarray, bits: int) -> None:
    path.write_bytes(raster.encode_few_bits(mask, bits))


# Name → classes, endings, options, writer of the labels 0 … n.
CODINGS: dict[str, tuple[int, str, tuple[str, ...], Callable[[Path, np.ndarray], object]]] = {
    "0 and 255": (2, "png tif bmp", (), lambda p, m: save(p, m * np.uint8(255))),
    "index": (3, "png tif bmp", (), save),
    "declared grey values": (3, "png tif bmp", ("--labels", "background=0,a=128,b=255"), lambda p, m: save(p, np.array([0, 128, 255], np.uint8)[m])),
    "void as ignore": (3, "png tif bmp", ("--labels", "background=0,a=1,ignore=255"), lambda p, m: save(p, np.array([0, 1, 255], np.uint8)[m])),
    "1 bit": (2, "png tif", (), lambda p, m: Image.fromarray(m > 0).save(p)),
    "2 bits": (3, "png", (), lambda p, m: few_bits(p, m, 2)),
    "4 bits": (3, "png", (), lambda p, m: few_bits(p, m, 4)),
    "16 bits": (3, "png tif", ("--labels", "background=0,a=420,b=65535"), lambda p, m: save(p, np.array([0, 420, 65535], np.uint16)[m])),
    "grey as RGB": (2, "png tif bmp", (), lambda p, m: save(p, np.repeat((m * np.uint8(255))[..., np.newaxis], 3, -1))),
    "grey and alpha": (2, "png", (), lambda p, m: save(p, with_alpha(m * np.uint8(255)))),
    "palette by index": (3, "png tif bmp", (), lambda p, m: save_palette(p, m, COLOURS)),
    "palette by colour": (3, "png tif bmp", ("--labels", TABLE), lambda p, m: save_palette(p, m, COLOURS)),
    "RGB": (3, "png tif bmp", ("--labels", TABLE), lambda p, m: save(p, colours_of(m))),
    "RGBA": (3, "png tif", ("--labels", TABLE), lambda p, m: save(p, with_alpha(colours_of(m)))),
    "RGB, accepted": (3, "png tif bmp", ("--accept-labels",), lambda p, m: save(p, colours_of(m))),
}  # fmt: skip


@pytest.mark.parametrize(
    ("coding", "ending"), [(coding, ending) for coding, found in CODINGS.items() for ending in found[1].split()]
)
def test_a_coding_is_read_and_given_back(coding: str, ending: str, tmp_path: Path, segconv: Command) -> None:
    classes, _, options, write = CODINGS[coding]
    source = tmp_path / "mine"
    for number in (1, 2, 3):
        save(source / "images" / f"{number}.jpg", picture(number, 3))
        mask = source / "masks" / f"{number}.{ending}"
        mask.parent.mkdir(exist_ok=True)
        write(mask, labels(number, classes))
    before = tree_hash(source)
    done = segconv("convert", source, "--to", "9_Made", *options)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    order = np.array([0, 2, 1]) if coding == "RGB, accepted" else np.arange(classes)  # green comes before red
    for number in (1, 2, 3):
        assert np.array_equal(written(made, str(number)), order[labels(number, classes)])
        assert np.array_equal(
            io.imread(made / "imagesTr" / f"{number}_0000.png"), io.imread(source / "images" / f"{number}.jpg")
        )
    assert json.loads((made / "dataset.json").read_text())["channel_names"] == {"0": "R", "1": "G", "2": "B"}
    assert segconv("restore", made / "labelsTr", "--like", "9", "-o", tmp_path / "back").code == 0
    for number in (1, 2, 3):
        theirs, mine = source / "masks" / f"{number}.{ending}", tmp_path / "back" / f"{number}.{ending}"
        if ending != "tif":  # Pillow does not read all that is a TIFF
            assert mode_of(mine) == mode_of(theirs)
        assert np.array_equal(io.imread(mine), io.imread(theirs))
    assert tree_hash(source) == before


@pytest.mark.parametrize(
    ("samples", "dtype", "ending", "channels"),
    [
        (1, np.uint8, ".png", ["gray"]),
        (1, np.uint16, ".png", ["gray"]),
        (1, np.uint16, ".tif", ["gray"]),
        (3, np.uint8, ".bmp", ["R", "G", "B"]),
        (3, np.uint8, ".tif", ["R", "G", "B"]),
        (3, np.uint16, ".png", ["R", "G", "B"]),
        (3, np.uint16, ".tif", ["R", "G", "B"]),
    ],
)
def test_pictures_of_any_depth_keep_every_value(
    samples: int, dtype: type, ending: str, channels: list[str], tmp_path: Path, segconv: Command
) -> None:
    source = tmp_path / "mine"
    (source / "images").mkdir(parents=True)
    for number in (1, 2, 3):
        made = picture(number, samples, dtype)
        (source / "images" / f"{number}{ending}").write_bytes(raster.encode(made, ending))
        save(source / "masks" / f"{number}.png", labels(number))
    done = segconv("convert", source, "--to", "9_Made")
    assert done.code == 0, done.err
    dataset = segconv.raw / "Dataset009_Made"
    assert list(json.loads((dataset / "dataset.json").read_text())["channel_names"].values()) == channels
    for number in (1, 2, 3):
        path = dataset / "imagesTr" / f"{number}_0000.png"
        expected = picture(number, samples, dtype)
        back = raster.decode(path.read_bytes()).stored
        assert np.array_equal(back, expected)
        if not (samples == 3 and dtype == np.uint16):  # which Pillow, and so scikit-image, cuts to 8 bits
            assert np.array_equal(io.imread(path), expected)


def test_mixed_endings_and_codings_of_masks_are_one_set(tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "mine"
    writers = {"a.PNG": save, "b.tiff": save, "c.Bmp": save, "d.png": lambda p, m: save_palette(p, m, COLOURS)}
    for number, (name, write) in enumerate(writers.items()):
        save(source / "images" / f"{name[0]}.{'JPG' if number % 2 else 'jpeg'}", picture(number))
        (source / "masks").mkdir(exist_ok=True)
        write(source / "masks" / name, labels(number, 3))
    done = segconv("convert", source, "--to", "9_Made")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    for number, name in enumerate(writers):
        assert np.array_equal(written(made, name[0]), labels(number, 3))
    assert segconv("restore", made / "labelsTr", "--like", "9", "-o", tmp_path / "back").code == 0
    assert {path.name for path in (tmp_path / "back").iterdir()} >= set(writers)


def test_a_tiff_of_several_pages_is_refused_with_advice(tmp_path: Path, segconv: Command) -> None:
    for number in (1, 2):
        save(tmp_path / "mine" / "masks" / f"{number}.png", labels(number))
        (tmp_path / "mine" / "images").mkdir(exist_ok=True)
        pages = np.stack([picture(number), picture(number + 5)])
        tifffile.imwrite(tmp_path / "mine" / "images" / f"{number}.tif", pages, photometric="minisblack")
    done = segconv("convert", tmp_path / "mine", "--to", "9")
    assert done.code == 65
    assert "images/1.tif: holds 2 pages" in done.err
    assert "--from pairs --spacing" in done.err


# exports of annotation tools


def cvat(source: Path) -> None:
    (source / "ImageSets" / "Segmentation").mkdir(parents=True)
    (source / "ImageSets" / "Segmentation" / "default.txt").write_text("1\n2\n3\n")
    (source / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\nred:255,0,0::\ngreen:0,128,64::\n"
    )
    for number in (1, 2, 3):
        save(source / "JPEGImages" / f"{number}.jpg", picture(number, 3))
        save_palette_or_rgb = save if number < 3 else lambda p, m: save_palette(p, labels(3, 3), COLOURS)
        save_palette_or_rgb(source / "SegmentationClass" / f"{number}.png", colours_of(labels(number, 3)))
        save(source / "SegmentationObject" / f"{number}.png", colours_of(labels(number, 2)))


def camvid(source: Path) -> None:
    source.mkdir()
    (source / "label_colors.txt").write_text("0 0 0 Background\n255 0 0 red\n0 128 64 green\n")
    for number in (1, 2, 3):
        save(source / "train" / f"{number}.png", picture(number, 3))
        save(source / "trainannot" / f"{number}.png", colours_of(labels(number, 3)))
    (source / "train.txt").write_text("".join(f"/train/{n}.png /trainannot/{n}.png\n" for n in (1, 2, 3)))


@pytest.mark.parametrize("export", [cvat, camvid])
def test_an_export_with_its_table_of_colours_needs_no_option(
    export: Callable[[Path], None], tmp_path: Path, segconv: Command
) -> None:
    export(tmp_path / "mine")
    done = segconv("convert", tmp_path / "mine", "--to", "9_Made")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    assert json.loads((made / "dataset.json").read_text())["labels"] == {"background": 0, "red": 1, "green": 2}
    for number in (1, 2, 3):
        assert np.array_equal(written(made, str(number)), labels(number, 3))
    assert "labels are declared by" in done.err


def test_a_table_without_a_background_is_refused_with_labels_that_have_one(tmp_path: Path, segconv: Command) -> None:
    camvid(tmp_path / "mine")
    table = tmp_path / "mine" / "label_colors.txt"
    table.write_text(table.read_text().replace("Background", "Void"))
    done = segconv("convert", tmp_path / "mine", "--to", "9")
    assert (done.code, done.codes()) == (65, ["SC074"])
    assert "Error SC074: label_colors.txt: declares no label 'background', but 'Void' as #000000" in done.err
    proposal = done.err.split("--labels '")[1].split("'")[0]
    assert segconv("convert", tmp_path / "mine", "--to", "9", "--labels", proposal).code == 0


@pytest.mark.parametrize("black", ["", "0 0 0 Void\n"])
def test_a_table_without_a_background_takes_the_one_that_map_names(
    black: str, tmp_path: Path, segconv: Command
) -> None:
    source = tmp_path / "mine"
    camvid(source)
    (source / "label_colors.txt").write_text(f"{black}255 0 0 red\n0 128 64 green\n")
    done = segconv("convert", source, "--to", "9_Made", "--map", "#000000=background")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    assert json.loads((made / "dataset.json").read_text())["labels"] == {"background": 0, "red": 1, "green": 2}
    assert np.array_equal(written(made, "2"), labels(2, 3))
    assert segconv("restore", made / "labelsTr", "--like", "9", "-o", tmp_path / "back").code == 0
    with Image.open(tmp_path / "back" / "2.png") as back:
        assert np.array_equal(np.asarray(back), colours_of(labels(2, 3)))


@pytest.mark.parametrize("said", ["0=background", "#000000=background"])
def test_declared_labels_without_a_background_take_the_one_that_map_names(
    said: str, tmp_path: Path, segconv: Command
) -> None:
    coloured(tmp_path / "mine", (255, 0, 0))
    options = ("--to", "9_Made", "--labels", "red=#ff0000,green=#008040", "--map", said)
    done = segconv("convert", tmp_path / "mine", *options)
    assert done.code == 0, done.err
    assert np.array_equal(written(segconv.raw / "Dataset009_Made", "1"), labels(1, 3))


def test_void_of_voc_is_proposed_as_ignore(tmp_path: Path, segconv: Command) -> None:
    source, colours = tmp_path / "mine", [(n, 255 - n, n // 2) for n in range(256)]
    for number in (1, 2, 3):
        save(source / "JPEGImages" / f"{number}.jpg", picture(number, 3))
        mask = np.array([0, 1, 2, 255], np.uint8)[labels(number, 4)]
        save_palette(source / "SegmentationClass" / f"{number}.png", mask, colours)
        save_palette(source / "SegmentationObject" / f"{number}.png", labels(number), colours)
    done = segconv("convert", source, "--to", "9")
    assert (done.code, done.codes()) == (65, ["SC074"])
    assert "--labels background=0,class_1=1,class_2=2,ignore=255 if 255 is unknown" in done.err
    done = segconv("convert", source, "--to", "9_Voc", "--labels", "background=0,class_1=1,class_2=2,ignore=255")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Voc"
    assert json.loads((made / "dataset.json").read_text())["labels"]["ignore"] == 3
    assert np.array_equal(written(made, "2"), labels(2, 4))
    assert segconv("restore", made / "labelsTr", "--like", "9", "-o", tmp_path / "back").code == 0
    assert (tmp_path / "back" / "2.png").exists()
    with Image.open(tmp_path / "back" / "2.png") as back, Image.open(source / "SegmentationClass" / "2.png") as theirs:
        assert back.mode == theirs.mode == "P"
        assert np.array_equal(np.asarray(back), np.asarray(theirs))
        assert back.getpalette() == theirs.getpalette()


# what no table has


def coloured(source: Path, stray: tuple[int, int, int]) -> None:
    for number in (1, 2, 3):
        save(source / "images" / f"{number}.png", picture(number, 3))
        mask = colours_of(labels(number, 3))
        if number == 2:
            mask[4, 7], mask[5, 1] = stray, stray
        save(source / "masks" / f"{number}.png", mask)


def test_a_colour_that_no_table_has_is_reported_with_place_count_and_nearest(tmp_path: Path, segconv: Command) -> None:
    coloured(tmp_path / "mine", (250, 3, 0))
    done = segconv("convert", tmp_path / "mine", "--to", "9", "--labels", TABLE)
    assert (done.code, done.codes()) == (65, ["SC070"])
    assert "masks/2.png: holds the colour #fa0300 in 2 pixels, the first at (7, 4)" in done.err
    assert "the nearest is #ff0000, 5.83 away" in done.err
    assert "--snap 6" in done.err
    assert segconv("convert", tmp_path / "mine", "--to", "9", "--labels", TABLE, "--snap", 5, "--restart").code == 65
    done = segconv("convert", tmp_path / "mine", "--to", "9", "--labels", TABLE, "--snap", 6, "--restart")
    assert done.code == 0
    assert "2 pixels snapped from #fa0300 to #ff0000" in done.err
    mask = written(segconv.raw / "Dataset009_mine", "2")
    assert (mask[4, 7], mask[5, 1]) == (1, 1)


def test_a_colour_is_counted_as_a_label_when_asked(tmp_path: Path, segconv: Command) -> None:
    coloured(tmp_path / "mine", (9, 9, 9))
    done = segconv("convert", tmp_path / "mine", "--to", "9", "--labels", TABLE, "--map", "#090909=background")
    assert done.code == 0, done.err
    assert written(segconv.raw / "Dataset009_mine", "2")[4, 7] == 0


def test_colours_without_a_table_are_refused_and_proposed(tmp_path: Path, segconv: Command) -> None:
    coloured(tmp_path / "mine", (255, 0, 0))
    done = segconv("convert", tmp_path / "mine", "--to", "9")
    assert (done.code, done.codes()) == (65, ["SC078"])
    assert "Error SC078: masks/" in done.err
    proposal = done.err.split("--labels '")[1].split("'")[0]
    assert segconv("convert", tmp_path / "mine", "--to", "9", "--labels", proposal).code == 0


@pytest.mark.parametrize("edge", [42, 256])
def test_smoothed_masks_are_reported_as_smoothed(edge: int, tmp_path: Path, segconv: Command) -> None:
    source, size = tmp_path / "mine", (120, 120)
    for number in (1, 2):
        save(source / "images" / f"{number}.png", picture(number, size=size))
        mask = np.zeros(size, np.uint8)
        mask[10:80, 10:80] = 255
        if number == 2:  # with an edge of 256 there is no gap in the values
            mask.ravel()[:edge] = np.linspace(0, 255, edge).astype(np.uint8)
        save(source / "masks" / f"{number}.png", mask)
    done = segconv("convert", source, "--to", "9")
    assert (done.code, done.codes()) == (65, ["SC074"])
    assert "Error SC074: masks/2.png" in done.err
    assert "smoothed or resized" in done.err
    assert "--labels background=0,foreground=255 --snap 127" in done.err
    done = segconv("convert", source, "--to", "9", "--labels", "background=0,foreground=255", "--snap", 127)
    assert done.code == 0
    assert np.array_equal(np.unique(written(segconv.raw / "Dataset009_mine", "2")), [0, 1])


@pytest.mark.parametrize("alpha", [0, 254])
def test_masks_with_transparent_pixels_are_refused(alpha: int, tmp_path: Path, segconv: Command) -> None:
    for number in (1, 2):
        save(tmp_path / "mine" / "images" / f"{number}.png", picture(number))
        mask = with_alpha(labels(number) * np.uint8(255))
        mask[0, 0, 1] = alpha if number == 2 else 255
        save(tmp_path / "mine" / "masks" / f"{number}.png", mask)
    done = segconv("convert", tmp_path / "mine", "--to", "9")
    assert (done.code, done.codes()) == (65, ["SC078"])
    assert "masks/2.png" in done.err
