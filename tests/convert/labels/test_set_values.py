"""Undeclared values are judged over all masks, or refused with each possible declaration."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from skimage import io

from ...command import Command, Done
from ..drawn import picture, save, written

SIZE = (24, 30)


def boxes(*values: int, ground: int = 0, dtype: type = np.uint8) -> np.ndarray:
    """A box for each value, one below the other, on ground."""
    mask = np.full(SIZE, ground, dtype)
    for number, value in enumerate(values):
        mask[1 + 3 * number : 3 + 3 * number, 3:20] = value
    return mask


def ring(inner: int, outer: int, ground: int) -> np.ndarray:
    mask = np.full(SIZE, ground, np.uint8)
    mask[6:18, 6:18] = outer
    mask[9:14, 9:14] = inner
    return mask


def make(source: Path, **masks: np.ndarray) -> Path:
    for number, (name, mask) in enumerate(masks.items()):
        save(source / "images" / f"{name}.png", picture(number, size=SIZE))
        save(source / "masks" / f"{name}.png", mask)
    return source


def proposals(done: Done) -> list[str]:
    """What the hint proposes after --labels, in order."""
    return [part.split()[0].rstrip(";") for part in done.err.split("--labels ")[1:]]


def refused(segconv: Command, source: Path, *words: object, code: str = "SC074") -> Done:
    done = segconv("convert", source, "--to", "7_R", *words)
    assert (done.code, done.codes()) == (65, [code]), done.err
    return done


def test_white_ground_is_refused_with_both_declarations(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", a=boxes(0, ground=255), b=boxes(0, 0, ground=255))
    done = refused(segconv, source)
    assert proposals(done) == ["background=255,foreground=0", "background=0,foreground=255"]
    assert "takes 100 % of the border" in done.err
    assert segconv("convert", source, "--to", "9_A", "--labels", proposals(done)[0]).code == 0
    assert np.array_equal(written(segconv.raw / "Dataset009_A", "b"), boxes(1, 1))
    assert segconv("convert", source, "--to", "8_B", "--labels", proposals(done)[1]).code == 0
    assert np.array_equal(written(segconv.raw / "Dataset008_B", "b"), boxes(0, 0, ground=1))
    made = segconv.raw / "Dataset009_A" / "labelsTr"
    assert segconv("restore", made, "--like", "9", "-o", tmp_path / "back").code == 0
    assert np.array_equal(io.imread(tmp_path / "back" / "b.png"), boxes(0, 0, ground=255))
    refused(segconv, source, "--accept-labels")


def test_a_background_of_255_may_be_declared_where_it_is_at_the_border(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", a=ring(0, 128, 255), b=ring(0, 128, 255))
    assert proposals(refused(segconv, source))[0] == "background=255,class_0=0,class_128=128"
    done = segconv("convert", source, "--to", "9_A", "--labels", "background=255,disc=128,cup=0")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_A"
    assert json.loads((made / "dataset.json").read_text())["labels"] == {"background": 0, "cup": 1, "disc": 2}
    assert np.array_equal(written(made, "a"), ring(1, 2, 0))


def test_a_background_of_255_is_refused_where_0_is_at_the_border(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", a=ring(255, 255, 0))
    assert "expected 0" in refused(segconv, source, "--labels", "background=255,road=0").err


@pytest.mark.parametrize("other", [boxes(1), boxes(1, 2), boxes(2, 3, 1)])
def test_0_and_255_among_masks_of_classes_is_refused_and_never_ignored(
    other: np.ndarray, tmp_path: Path, segconv: Command
) -> None:
    source = make(tmp_path / "mine", a=boxes(255), b=other, c=boxes(255))
    done = refused(segconv, source)
    assert "masks/a.png: holds only 0, 255, masks/b.png" in done.err
    assert "ignore" not in done.err
    same, another = proposals(done)
    assert "--map 255=" in done.err
    assert segconv("convert", source, "--to", "8", "--labels", another).code == 0
    name = "foreground" if other.max() == 1 else "class_1"
    assert segconv("convert", source, "--to", "9_A", "--labels", same, "--map", f"255={name}").code == 0
    assert np.array_equal(written(segconv.raw / "Dataset009_A", "a"), boxes(1))


def test_a_mask_of_two_values_that_is_inverted_is_refused(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", a=boxes(255), b=boxes(0, ground=255), c=boxes(255), d=boxes(255, 255))
    assert "masks/b.png: 255 lies around 0 here, in masks/a.png 0 lies around 255" in refused(segconv, source).err
    source = make(tmp_path / "three", a=ring(255, 128, 0), b=ring(0, 128, 255))
    assert "masks/b.png: 255 lies around 0 here" in refused(segconv, source).err


def test_a_large_255_is_not_proposed_as_ignore(tmp_path: Path, segconv: Command) -> None:
    done = refused(segconv, make(tmp_path / "mine", a=ring(1, 255, 0), b=ring(1, 255, 0)))
    assert "ignore" not in done.err


# numbers of objects


def test_numbered_objects_are_refused_and_united_as_a_range(tmp_path: Path, segconv: Command) -> None:
    masks = {name: boxes(*range(1, count + 1), dtype=np.uint16) for name, count in (("a", 5), ("b", 7), ("c", 3))}
    source = make(tmp_path / "mine", **masks)
    done = refused(segconv, source, code="SC078")
    assert "masks/b.png: holds 7 values, masks/c.png 3, each one connected piece" in done.err
    assert proposals(done) == ["background=0,object=1-"]
    assert segconv("convert", source, "--to", "9_A", "--labels", "background=0,cell=1-").code == 0
    assert np.array_equal(written(segconv.raw / "Dataset009_A", "b"), masks["b"] > 0)
    labels = "background=0,small=1-3,five=5,large=4-99"
    assert segconv("convert", source, "--to", "8_B", "--labels", labels).code == 0
    expected = np.array([0, 1, 1, 1, 2, 3, 2, 2])[masks["b"]]
    assert np.array_equal(written(segconv.raw / "Dataset008_B", "b"), expected)


@pytest.mark.parametrize(
    ("masks", "objects"),
    [
        ({"a": boxes(1, 2), "b": boxes(1), "c": boxes(0, 2)}, False),  # an organ and its tumour
        ({"a": boxes(1, 2, 3), "b": boxes(2, 3), "c": boxes(3)}, False),  # which no mask counts from 1
        ({"a": boxes(1, 2, 3, 1), "b": boxes(1, 2, 1)}, False),  # in several pieces
        ({"a": boxes(1, 2, 4, 5, 7), "b": boxes(3, 6, 8)}, True),  # counted on through the set
        ({"a": boxes(1, 2, 4, 5, 6), "b": boxes(1, 2, 3)}, False),
        ({"a": boxes(1), "b": boxes(1, 2, 3)}, True),
    ],
)
def test_what_counts_as_numbers_of_objects(
    masks: dict[str, np.ndarray], objects: bool, tmp_path: Path, segconv: Command
) -> None:
    done = segconv("convert", make(tmp_path / "mine", **masks), "--to", "9")
    assert ("they number objects" in done.err) is objects, done.err


def test_numbered_objects_in_volumes_are_refused_and_united(tmp_path: Path, segconv: Command) -> None:
    for name, count in (("a", 4), ("b", 6)):
        volume = np.zeros((20, 10, 10), np.int16)
        for number in range(count):
            volume[3 * number : 3 * number + 2, 2:8, 2:8] = number + 1
        for folder, array in (("images", np.random.default_rng(1).normal(size=volume.shape)), ("labels", volume)):
            (tmp_path / "mine" / folder).mkdir(parents=True, exist_ok=True)
            stored = nib.Nifti1Image(array.astype(np.float32 if folder == "images" else np.int16), np.eye(4))
            nib.save(stored, tmp_path / "mine" / folder / f"{name}.nii.gz")
    refused(segconv, tmp_path / "mine", code="SC078")
    done = segconv("convert", tmp_path / "mine", "--to", "9_A", "--labels", "background=0,cell=1-")
    assert done.code == 0, done.err
    made = np.asarray(nib.load(segconv.raw / "Dataset009_A" / "labelsTr" / "b.nii.gz").dataobj)
    assert (made.max(), int((made == 1).sum())) == (1, 6 * 2 * 36)


@pytest.mark.parametrize(
    "labels", ["background=0,cell=9-1", "background=0,cell=1-,other=5-9", "background=#000000,cell=1-"]
)
def test_ranges_that_cannot_be_meant_are_refused(labels: str, tmp_path: Path, segconv: Command) -> None:
    assert segconv("convert", make(tmp_path / "mine", a=boxes(1)), "--to", "9", "--labels", labels).code in (2, 65)
