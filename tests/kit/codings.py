"""Masks that are each valid, but differ in meaning from file to file, or from the usual guess."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tifffile
from PIL import Image

from .case import Case, Change
from .made import Made
from .sources import SHAPE, TRAINING, Place
from .tables import converted, rejected, warned

PNG = "png"


def boxes(*values: int, ground: int = 0) -> np.ndarray:
    """A box for each value on ground."""
    drawn = np.full(SHAPE, ground, np.uint8)
    for number, value in enumerate(values):
        drawn[3:8, 2 + 4 * number : 5 + 4 * number] = value
    return drawn


def masks(*drawn: np.ndarray) -> Change:
    """Return what draws the masks again."""

    def change(place: Place) -> None:
        for number, values in zip(TRAINING, drawn, strict=True):
            Image.fromarray(values).save(place.root / "masks" / f"c{number}.png")

    return change


def palettes(place: Place) -> None:
    """Index 1 is red in the first mask, green in the others."""
    for number in TRAINING:
        image = Image.fromarray(boxes(1, 2) if number == 0 else boxes(1))
        image.putpalette([0, 0, 0, *((200, 30, 40) if number == 0 else (10, 220, 90)), 10, 220, 90])
        image.save(place.root / "masks" / f"c{number}.png")


def white_is_zero(*odd: int) -> Change:
    """Return what stores masks as TIFF, some of them with white as 0."""

    def change(place: Place) -> None:
        for number in TRAINING:
            path = place.root / "masks" / f"c{number}.png"
            kind = "miniswhite" if number in odd else "minisblack"
            tifffile.imwrite(path.with_suffix(".tif"), np.asarray(Image.open(path)), photometric=kind)
            path.unlink()

    return change


def class_lists(place: Place) -> None:
    """Lists of the source and of its masks that number differently."""
    (place.root / "class_names.txt").write_text("_background_\nroad\nroof\n")
    (place.root / "masks" / "class_names.txt").write_text("_background_\nroof\nroad\n")


def scattered(place: Place) -> None:
    """Boxes anywhere, of any size, which each mask numbers from 1 to 4."""
    rng = np.random.default_rng(5)
    for number in TRAINING:
        drawn = np.zeros(SHAPE, np.uint8)
        for value, at in enumerate(rng.permutation(6)[:4], 1):
            y, x = SHAPE[0] // 2 * (at // 3), SHAPE[1] // 3 * (at % 3)
            drawn[y + 1 : y + rng.integers(3, 7), x + 1 : x + rng.integers(3, 7)] = value
        Image.fromarray(drawn).save(place.root / "masks" / f"c{number}.png")


def lossy(place: Place) -> None:
    """Masks in black and white, saved as JPEG."""
    for number in TRAINING:
        Image.fromarray(boxes(255)).save(place.root / "masks" / f"c{number}.jpg", quality=80)
        (place.root / "masks" / f"c{number}.png").unlink()


def fourth_sample(place: Place) -> None:
    """Store one picture as TIFF with a fourth sample that the file does not name, the others as RGB."""
    for number in TRAINING:
        path = place.root / "images" / f"c{number}.png"
        colours = np.asarray(Image.open(path).convert("RGB"))
        path.unlink()
        extra = {"extrasamples": ["unspecified"]} if number == 1 else {}
        samples = np.dstack([colours, np.full(SHAPE, 255, np.uint8)]) if number == 1 else colours
        tifffile.imwrite(path.with_suffix(".tif"), samples, photometric="rgb", **extra)


def with_text(name: str, text: str, *drawn: np.ndarray) -> Change:
    """Return what draws the masks again, and writes a table next to them."""
    draw = masks(*drawn)

    def change(place: Place) -> None:
        draw(place)
        (place.root / name).write_text(text)

    return change


def holds(*values: int) -> Callable[[Made], None]:
    """Return what checks which values the second label holds."""

    def check(made: Made) -> None:
        assert np.unique(np.asarray(Image.open(made.label_file("c1")))).tolist() == list(values)

    return check


_BY_COLOUR = ("--labels", "background=#000000,road=#c81e28,roof=#0adc5a")
_WHITE = ("--labels", "background=255,road=0")
_NUMBERED = masks(boxes(1, 2, 3), boxes(1, 2, 3, 4), boxes(1))

CASES: list[Case] = [
    *rejected("mask-coding", "palettes that differ", palettes, "SC078", "masks/c1.png", PNG, bare=True, cures=(_BY_COLOUR,)),
    *converted("mask-format", "palettes that differ, by colour", palettes, PNG, holds(0, 2), bare=True, words=_BY_COLOUR),
    *rejected("mask-coding", "white as 0 in one mask", white_is_zero(1), "SC078", "masks/c1.tif", PNG),
    *warned("mask-coding", "white as 0 in all masks", white_is_zero(*TRAINING), "SC078", None, PNG),
    *rejected("bad-labels", "lists of classes that differ", class_lists, "SC074", "masks/class_names.txt", PNG, bare=True),
    *rejected("bad-labels", "white ground", masks(*[boxes(0, ground=255)] * 3), "SC074", "masks/c0.png", PNG, bare=True, cures=(_WHITE,)),
    *converted("label-declaration", "white ground, declared", masks(*[boxes(0, ground=255)] * 3), PNG, holds(0, 1), bare=True, words=_WHITE),
    *rejected("bad-labels", "a list of classes of masks that are inverted", with_text("class_names.txt", "_background_\nroad\n", *[boxes(0, ground=1)] * 3), "SC074", "masks/c0.png", PNG, bare=True),
    *converted("label-declaration", "a table of a tool", with_text("own.ctbl", "0 (none) 0 0 0 0\n5 roof 1 2 3 255\n7 tree 1 2 3 255\n", *[boxes(5)] * 3), PNG, holds(0, 1), bare=True),
    *rejected("bad-labels", "0 and 255 among classes", masks(boxes(255), boxes(1), boxes(1)), "SC074", "masks/c0.png", PNG, bare=True),
    *rejected("bad-labels", "one mask inverted", masks(boxes(255), boxes(0, ground=255), boxes(255)), "SC074", "masks/c1.png", PNG, bare=True),
    *converted("mask-format", "JPEG masks within the snap", lossy, PNG, holds(0, 1), bare=True, words=("--labels", "background=0,road=255", "--snap", "120")),
    *rejected("mask-coding", "JPEG masks beyond the snap", lossy, "SC070", "masks/c0.jpg", PNG, bare=True, words=("--labels", "background=0,road=255", "--snap", "2")),
    *rejected("picture-kind", "a fourth sample without a name", fourth_sample, "SC084", "images/c1.tif", PNG, cures=(("--drop-alpha",),)),
    *rejected("mask-coding", "numbers of objects", _NUMBERED, "SC078", "masks/c1.png", PNG, bare=True, cures=(("--labels", "background=0,cell=1-"),)),
    *rejected("mask-coding", "as many objects in each mask", scattered, "SC078", "masks/c0.png", PNG, bare=True, cures=(("--labels", "background=0,cell=1-"),)),
    *converted("label-declaration", "numbers of objects, united", _NUMBERED, PNG, holds(0, 1), bare=True, words=("--labels", "background=0,cell=1-9")),
    *rejected("undeclared-label", "whole labels that would be snapped", masks(boxes(1), boxes(1, 2), boxes(2)), "SC070", "masks/c0.png", PNG, words=("--snap", "2")),
]  # fmt: skip
