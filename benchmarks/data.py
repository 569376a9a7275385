"""Input of the benchmarks: volumes and pictures that compress like real ones and are made quickly."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image
from skimage import data

AFFINE = np.diag([0.8, 0.8, 2.0, 1.0])

LINKS = 30_000
"""Names that one file is given: some file systems allow 65,000."""

LEVEL = 3
"""How much pictures are compressed: the usual 6 takes more than twice as long for files that are 7 % smaller."""

VOLUMES = 4
"""Volumes that are encoded, which takes long; further ones are copies of their files, with another time in the head."""


def _body(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return a label and a smooth body around it, ``(x, y, z)``."""
    space = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij", sparse=True)
    radius = np.sqrt(sum(axis**2 for axis in space))
    label = (radius < 0.5).astype(np.uint8) + (radius < 0.3)
    return label, np.where(radius < 0.9, 40 + 60 * label.astype(np.int16), -1000).astype(np.float32)


def _write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, AFFINE), path)


def _copy(path: Path, target: Path, number: int) -> None:
    """Copy a volume, with a time in the head of its gzip, so that it is not taken for a duplicate."""
    data = bytearray(path.read_bytes())
    data[4:8] = number.to_bytes(4, "little")
    target.write_bytes(data)


def _cases(root: Path, cases: int, shape: tuple[int, ...]) -> Iterator[tuple[str, np.ndarray]]:
    """Write the labels of a task, and yield the names of the first cases with their smooth, noisy int16 volumes."""
    random = np.random.default_rng(0)
    label, body = _body(shape)
    for number in range(cases):
        path = root / "labelsTr" / f"case_{number}.nii.gz"
        if number == 0:
            _write(path, label)
        else:
            shutil.copyfile(path.with_name("case_0.nii.gz"), path)
        if number < VOLUMES:
            noise = random.normal(0, 12, shape).astype(np.float32)
            yield f"case_{number}", np.where(body > -900, body + noise, body).astype(np.int16)


def msd(root: Path, cases: int, shape: tuple[int, ...]) -> Path:
    """Write a task and a test image; the last number of a shape of four is channels."""
    images = root / "imagesTr"
    channels = shape[3] if len(shape) == 4 else 1
    for name, image in _cases(root, cases, shape[:3]):
        stacked = np.stack([image + channel for channel in range(channels)], axis=-1) if channels > 1 else image
        _write(images / f"{name}.nii.gz", stacked)
    for number in range(VOLUMES, cases):
        _copy(images / f"case_{number % VOLUMES}.nii.gz", images / f"case_{number}.nii.gz", number)
    (root / "imagesTs").mkdir()
    _copy(images / "case_0.nii.gz", root / "imagesTs" / f"case_{cases}.nii.gz", cases)
    _json(root, [f"case_{n}" for n in range(cases)], [f"case_{cases}"], channels)
    return root


def v1(root: Path, cases: int, shape: tuple[int, ...]) -> Path:
    """Write a task of nnU-Net v1 with two channels a case."""
    images = root / "imagesTr"
    for name, image in _cases(root, cases, shape):
        for channel in range(2):
            _write(images / f"{name}_{channel:04d}.nii.gz", image + channel)
    for number in range(VOLUMES, cases):
        for channel in range(2):
            copied = images / f"case_{number % VOLUMES}_{channel:04d}.nii.gz"
            _copy(copied, images / f"case_{number}_{channel:04d}.nii.gz", number)
    _json(root, [f"case_{n}" for n in range(cases)], [], 2)
    return root


def _json(root: Path, training: list[str], test: list[str], channels: int) -> None:
    description = {
        "name": "Bench",
        "modality": {str(c): f"channel{c}" for c in range(channels)},
        "labels": {"0": "background", "1": "outer", "2": "inner"},
        "tensorImageSize": "3D",
        "numTraining": len(training),
        "numTest": len(test),
        "training": [{"image": f"./imagesTr/{c}.nii.gz", "label": f"./labelsTr/{c}.nii.gz"} for c in training],
        "test": [f"./imagesTs/{c}.nii.gz" for c in test],
    }
    (root / "dataset.json").write_text(json.dumps(description))


def pictures(root: Path, pairs: int, edge: int = 512) -> Path:
    """Write pictures of a real photograph, each shifted and mirrored differently, and masks of 0 and 255."""
    photograph = data.astronaut()[:edge, :edge]
    mask = (photograph[..., 0] > 128).astype(np.uint8) * 255
    for folder, array in (("input", photograph), ("output", mask)):
        (root / "training" / folder).mkdir(parents=True)
        for number in range(pairs):
            path = root / "training" / folder / f"tile_{number:05d}.png"
            shift = (number * 37 % edge, (number * 61 + number // edge) % edge)
            turned = np.roll(array, shift, (0, 1))[:: 1 - 2 * (number % 2)]
            Image.fromarray(np.ascontiguousarray(turned)).save(path, compress_level=LEVEL)
    return root


def many_pictures(root: Path, pairs: int) -> Path:
    """Write so many tiny pairs that only planning takes time: hard links to files of one pixel each."""
    for folder, array in (("images", np.zeros((1, 1, 3), np.uint8)), ("masks", np.zeros((1, 1), np.uint8))):
        (root / folder).mkdir(parents=True)
        for number in range(pairs):
            path = root / folder / f"tile_{number:07d}.png"
            if number % LINKS == 0:
                Image.fromarray(array).save(path)
                first = path
            else:
                path.hardlink_to(first)
    return root
