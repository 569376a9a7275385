"""Masks that are photographs, beside images that hold few values: the patterns that swap them are named."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest

from ...command import Command
from ..drawn import records, save

SIZE = (64, 64)


def photograph(number: int, samples: int) -> np.ndarray:
    """Patches of many values."""
    patches = np.random.default_rng(number).integers(0, 256, (16, 16, samples), dtype=np.uint8)
    return patches.repeat(4, 0).repeat(4, 1).squeeze()


def mask(number: int) -> np.ndarray:
    drawn = np.zeros(SIZE, np.uint8)
    drawn[8:30, 4 + number : 40] = 255
    return drawn


def made(root: Path, samples: int = 3, ending: str = "png") -> Path:
    for number in range(3):
        save(root / f"images/p{number}.png", mask(number))
        save(root / f"masks/p{number}.{ending}", photograph(number, samples))
    return root


@pytest.mark.parametrize("ending", ["png", "jpg"])
@pytest.mark.parametrize("samples", [1, 3])
def test_the_hint_swaps_images_and_masks(samples: int, ending: str, tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "my source", samples, ending)
    done = segconv("convert", root, "--to", "5_A")
    assert set(done.codes()) == {"SC078"}
    said = f"--images 'masks/p{{case}}.{ending}' --masks 'images/p{{case}}.png'"
    assert f"Hint: {said} if masks/p0.{ending} is the image, or " in done.err
    done = segconv("convert", root, "--to", "5_A", *shlex.split(said))
    assert done.code == 0, done.err
    sources = [source["path"] for source in records(segconv.raw / "Dataset005_A")["0"]["sources"]]
    assert sources == [f"masks/p0.{ending}", "images/p0.png"]


def test_photographs_on_both_sides_are_not_swapped(tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "mine")
    for number in range(3):
        save(root / f"images/p{number}.png", photograph(number + 9, 3))
    done = segconv("convert", root, "--to", "5_A")
    assert "Hint: check which of the files are the labels, or --images GLOB --masks GLOB" in done.err


def test_nothing_is_swapped_back_that_the_user_named(tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "mine")
    done = segconv("convert", root, "--to", "5_A", "--images", "images/{case}.png", "--masks", "masks/{case}.png")
    assert set(done.codes()) == {"SC078"}
    assert "is the image" not in done.err


def test_nothing_is_swapped_where_no_case_is_known(tmp_path: Path, segconv: Command) -> None:
    save(tmp_path / "mine/one/x.png", photograph(0, 1))
    save(tmp_path / "mine/two/y/z.png", mask(0))
    done = segconv("convert", tmp_path / "mine", "--to", "5_A", "--from", "png")
    assert set(done.codes()) == {"SC063"}
