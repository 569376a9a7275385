"""Masks kept from planning: the same picture as decoding gives, for the same bytes only."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segconv import RunOptions, plan_conversion, run_conversion
from segconv.convert.labels import recalled
from segconv.convert.labels.picture_file import open_picture, stored_mask
from segconv.image import raster

from ..drawn import picture, save

SHAPE = (73, 91)


def mask_file(low: int, high: int, seed: int = 0) -> bytes:
    drawn = np.random.default_rng(seed).integers(0, 2, SHAPE, np.uint8)
    return raster.encode_mask(np.where(drawn > 0, np.uint8(high), np.uint8(low)), ".png")


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1), (7, 9), (255, 255), (0, 0)])
def test_a_mask_is_recalled_as_it_is_decoded_and_only_once(low: int, high: int) -> None:
    data = mask_file(low, high) + (b"tail" if high == 9 else b"")
    opened, masks = open_picture(data), recalled.Recalled()
    masks.keep(opened, set(opened.stored.ravel().tolist()))
    again = masks.recall(digest_of(data), data)
    assert again is not None
    assert again.stored.dtype == np.uint8
    assert np.array_equal(again.stored, opened.stored)
    assert (again.header, again.plain, again.trailing, again.data) == (
        opened.header,
        opened.plain,
        opened.trailing,
        data,
    )
    assert stored_mask(again) == stored_mask(opened)
    assert masks.recall(digest_of(data), data) is None


def test_nothing_is_kept_of_other_pictures_nor_beyond_the_limit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    masks = recalled.Recalled()
    colours = np.dstack([np.eye(9, dtype=np.uint8)] * 3)
    for samples, values in ((np.arange(81, dtype=np.uint8).reshape(9, 9), range(81)), (colours, (0, 1))):
        data = raster.encode(samples, ".png")
        masks.keep(open_picture(data), values)
        assert masks.recall(digest_of(data), data) is None
    small = raster.encode_mask(np.eye(63, dtype=np.uint8), ".png")
    masks.keep(open_picture(small), (0, 1))
    assert masks.recall(digest_of(small), small) is None
    one, other = mask_file(0, 255, 1), mask_file(0, 255, 2)
    monkeypatch.setattr(recalled, "MOST_BYTES", 1 + SHAPE[0] * SHAPE[1] // 8)
    for data in (one, other):
        masks.keep(open_picture(data), (0, 255))
    assert masks.recall(digest_of(other), other) is None
    assert masks.recall(digest_of(one), one) is not None
    masks.keep(open_picture(other), (0, 255))  # there is room again
    masks.forget()
    assert masks.recall(digest_of(other), other) is None


def test_a_run_recalls_what_its_plan_decoded_but_not_a_mask_that_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recalled, "LEAST_PIXELS", 0)
    for number in range(3):
        save(tmp_path / "s" / "images" / f"{number}.png", picture(number))
        drawn = np.zeros(picture(0).shape[:2], np.uint8)
        drawn[number + 3 : number + 9, 4:9] = 255
        save(tmp_path / "s" / "masks" / f"{number}.png", drawn)
    raw = tmp_path / "raw"
    raw.mkdir()
    plan = plan_conversion(tmp_path / "s", "1_A", raw=raw)
    changed = np.zeros(picture(0).shape[:2], np.uint8)
    changed[:5] = 255
    save(tmp_path / "s" / "masks" / "1.png", changed)
    found: list[bool] = []
    usual = recalled.Recalled.recall

    def recall(self: recalled.Recalled, digest: str, data: bytes) -> object:
        mask = usual(self, digest, data)
        found.append(mask is not None)
        return mask

    monkeypatch.setattr(recalled.Recalled, "recall", recall)
    run_conversion(plan, RunOptions())
    assert found == [True, False, True]
    for number in range(3):
        source = np.asarray(Image.open(tmp_path / "s" / "masks" / f"{number}.png"))
        written = np.asarray(Image.open(raw / "Dataset001_A" / "labelsTr" / f"{number}.png"))
        assert np.array_equal(written, source // 255)
