"""Converting: segconv, the converter that a user of nnU-Net would take, and the floor; pictures, v1, 4D and 3D."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image

from . import data
from .job import BIN, FLOOR, OURS, Comparison, Room
from .measure import Contestant, Failed

POOL = "scikit-image pool"
NNUNET = "nnU-Net's converter"
UNVERIFIED = "segconv --no-verify-source"
UNPROVED = "floor, unproved copy"


def png(room: Room) -> Sequence[Comparison]:
    """Pairs of pictures."""
    pairs = room.many(400)
    source = data.pictures(room.base / "Bench", pairs)
    target = room.raw / "Dataset001_Bench"
    pool = room.program("nnunet_png", source, target, room.workers, made=target, needs="nnunetv2")
    return [_comparison(f"PNG, {pairs} pairs 512×512", room, source, {POOL: pool})]


def v1(room: Room) -> Sequence[Comparison]:
    """A task of nnU-Net v1."""
    cases, shape = room.many(10), room.shape(256, 256, 100)
    source = data.v1(room.base / "Task001_Bench", cases, shape)
    title = f"v1, {cases} cases {_times(shape)}, two channels"
    words = [str(BIN / "nnUNetv2_convert_old_nnUNet_dataset"), str(source), "Dataset001_Bench"]
    note = (
        "nnU-Net's converter of v1 tasks does its work: the files are equal. It calls `shutil.copytree`, so the kernel "
        "copies, and rewrites `dataset.json`; it opens no image, verifies nothing, and starts without torch."
    )
    return [_comparison(title, room, source, {NNUNET: _nnunet(room, words)}, note)]


def four(room: Room) -> Sequence[Comparison]:
    """A task of the Medical Segmentation Decathlon with four channels in each file."""
    return [_msd(room, "4D", room.shape(240, 240, 155, 4))]


def three(room: Room) -> Sequence[Comparison]:
    """A task of the Medical Segmentation Decathlon with one channel."""
    return [_msd(room, "3D", room.shape(512, 512, 160))]


def _msd(room: Room, name: str, shape: tuple[int, ...]) -> Comparison:
    cases = room.many(10)
    source = data.msd(room.base / "Task01_Bench", cases, shape)
    words = [str(BIN / "nnUNetv2_convert_MSD_dataset"), "-i", str(source), "-overwrite_id", "1"]
    theirs = _nnunet(room, [*words, "-np", str(room.workers)])
    return _comparison(f"{name}, {cases} cases {_times(shape)} and a test image", room, source, {NNUNET: theirs})


def _nnunet(room: Room, words: list[str]) -> Contestant:
    return Contestant(words, room.raw / "Dataset001_Bench", room.env, needs="nnunetv2")


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _comparison(title: str, room: Room, source: Path, theirs: dict[str, Contestant], *notes: str) -> Comparison:
    """Compare with and without proof; each writes a dataset of its own."""
    ours, unverified = room.raw / "Dataset002_Bench", room.raw / "Dataset003_Bench"
    out, copy = room.base / "floor", room.base / "copy"
    contestants = theirs | {
        OURS: room.segconv("convert", source, "--to", "2_Bench", made=ours),
        UNVERIFIED: room.segconv("convert", source, "--to", "3_Bench", "--no-verify-source", made=unverified),
        FLOOR: room.program("floor", source, out, room.workers, made=out),
        UNPROVED: room.program("floor", source, copy, room.workers, "--unproved", made=copy),
    }
    made = [room.raw / "Dataset001_Bench", ours, unverified]
    return Comparison(title, contestants, lambda: _check(made), list(notes))


def _check(made: Sequence[Path]) -> None:
    """Refuse to time what is not the same."""
    first, *others = (folder for folder in made if folder.is_dir())
    files = _files(first)
    for other in others:
        if _files(other) != files:
            raise Failed("the converters wrote different files")
        for path in files:
            if not _equal(first / path, other / path):
                raise Failed(f"the converters differ in {path}")


def _files(root: Path) -> list[Path]:
    return sorted(path.relative_to(root) for path in root.glob("*T?/*.*"))


def _equal(one: Path, other: Path) -> bool:
    if one.suffix == ".png":
        return np.array_equal(np.asarray(Image.open(one)), np.asarray(Image.open(other)))
    first, second = nib.load(one), nib.load(other)
    return np.array_equal(first.dataobj, second.dataobj) and np.allclose(first.affine, second.affine, atol=1e-4)
