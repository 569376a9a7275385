"""Masks with the same few values: classes where place or size distinguishes them, numbered objects elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage import measure

from ...command import Command
from ..drawn import picture, save, written
from .test_set_values import proposals, refused

SIZE = (40, 60)
OBJECTS = 5


def scattered(number: int, order: str) -> np.ndarray:
    """Boxes on a grid of 4 × 5 places, of which some are taken, numbered as they come, by rows, or by columns."""
    rng = np.random.default_rng(number)
    mask = np.zeros(SIZE, np.uint8)
    for value, place in enumerate(rng.permutation(20)[:OBJECTS], 1):
        y, x = 10 * (place // 5) + rng.integers(1, 4), 12 * (place % 5) + rng.integers(1, 4)
        mask[y : y + rng.integers(3, 7), x : x + rng.integers(3, 8)] = value
    by_row = {"rows": measure.label(mask > 0), "columns": measure.label(mask.T > 0).T}
    return by_row.get(order, mask).astype(np.uint8)


def organs(number: int) -> np.ndarray:
    """Boxes that each mask has in nearly the same places."""
    mask = np.zeros(SIZE, np.uint8)
    for value, (y, x) in enumerate(((3, 5), (5, 40), (20, 20), (28, 8), (27, 45)), 1):
        mask[y + number % 3 : y + 7, x + number % 2 : x + 8] = value
    return mask


def in_a_row(number: int) -> np.ndarray:
    """Boxes of one size below one another, as vertebrae, in another place of each picture."""
    mask = np.zeros(SIZE, np.uint8)
    for value in range(1, OBJECTS + 1):
        y, x = 7 * value - 6 + number % 3, 5 + 11 * (number % 4)
        mask[y : y + 4, x : x + 7] = value
    return mask


def by_size(number: int) -> np.ndarray:
    """Boxes anywhere, whose values show their sizes."""
    places = np.random.default_rng(number).permutation(20)[:OBJECTS]
    mask = np.zeros(SIZE, np.uint8)
    for value, place in zip((2, 5, 1, 4, 3), places, strict=True):
        y, x = 10 * (place // 5), 12 * (place % 5)
        mask[y : y + 1 + (3 * value) % 7, x : x + 3 + (3 * value) % 7] = value
    return mask


def make(source: Path, masks: list[np.ndarray]) -> Path:
    for number, mask in enumerate(masks):
        save(source / "images" / f"c{number}.png", picture(number, size=SIZE))
        save(source / "masks" / f"c{number}.png", mask)
    return source


@pytest.mark.parametrize("order", ["any", "rows", "columns"])
def test_objects_numbered_alike_in_all_masks_are_refused_with_both_declarations(
    order: str, tmp_path: Path, segconv: Command
) -> None:
    masks = [scattered(number, order) for number in range(6)]
    done = refused(segconv, make(tmp_path / "mine", masks), code="SC078")
    assert "holds the values 1 to 5, as all masks do, each one connected piece, wherever it is" in done.err
    assert proposals(done) == ["background=0,object=1-"]
    assert segconv("convert", tmp_path / "mine", "--to", "9_A", "--labels", proposals(done)[0]).code == 0
    assert np.array_equal(written(segconv.raw / "Dataset009_A", "c3"), masks[3] > 0)
    assert "--accept-labels" in done.err
    assert segconv("convert", tmp_path / "mine", "--to", "8_B", "--accept-labels").code == 0
    assert np.array_equal(written(segconv.raw / "Dataset008_B", "c3"), masks[3])


@pytest.mark.parametrize("draw", [organs, in_a_row, by_size])
def test_classes_shown_by_place_or_size_stay_a_guess(draw: object, tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", [draw(number) for number in range(6)])  # type: ignore[operator]
    done = segconv("convert", source, "--to", "9_A")
    assert done.code == 0, done.err
    assert "guessed from values 0 to 5 without a gap" in done.err
