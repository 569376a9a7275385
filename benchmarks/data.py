"""Input of the benchmarks: volumes and pictures that compress like real ones and are made quickly."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image
from skimage import data

AFFINE = np.diag([0.8, 0.8, 2.0, 1.0])


def _body(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return a label and a smooth body around it, ``(x, y, z)``."""
    space = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij", sparse=True)
    radius = np.sqrt(sum(axis**2 for axis in space))
    label = (radius < 0.5).astype(np.uint8) + (radius < 0.3)
    return label, np.where(radius < 0.9, 40 + 60 * label.astype(np.int16), -1000).astype(np.float32)


def _write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, AFFINE), path)


def msd(root: Path, cases: int, shape: tuple[int, ...]) -> Path:
    """Write a task of smooth, noisy int16 volumes with labels; the last number of a shape of four is channels."""
    random = np.random.default_rng(0)
    label, body = _body(shape[:3])
    channels = shape[3] if len(shape) == 4 else 1
    for number in range(cases + 1):
        noise = random.normal(0, 12, shape[:3]).astype(np.float32)
        image = np.where(body > -900, body + noise, body).astype(np.int16)
        if channels > 1:
            image = np.stack([image + channel for channel in range(channels)], axis=-1)
        split = "Tr" if number < cases else "Ts"
        _write(root / f"images{split}" / f"case_{number}.nii.gz", image)
        if number < cases:
            _write(root / "labelsTr" / f"case_{number}.nii.gz", label)
    _json(root, [f"case_{n}" for n in range(cases)], [f"case_{cases}"], channels)
    return root


def v1(root: Path, cases: int, shape: tuple[int, int, int]) -> Path:
    """Write a task of nnU-Net v1 with two channels a case."""
    random = np.random.default_rng(0)
    label, body = _body(shape)
    for number in range(cases):
        noise = random.normal(0, 12, shape).astype(np.float32)
        image = np.where(body > -900, body + noise, body).astype(np.int16)
        for channel in range(2):
            _write(root / "imagesTr" / f"case_{number}_{channel:04d}.nii.gz", image + channel)
        _write(root / "labelsTr" / f"case_{number}.nii.gz", label)
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
    photograph = data.astronaut()
    mask = (data.astronaut()[..., 0] > 128).astype(np.uint8) * 255
    for number in range(pairs):
        shift = (number * 37 % edge, number * 61 % edge)
        picture = np.ascontiguousarray(np.roll(photograph, shift, (0, 1))[:: 1 - 2 * (number % 2)])
        target = np.ascontiguousarray(np.roll(mask, shift, (0, 1))[:: 1 - 2 * (number % 2)])
        for folder, array in (("input", picture), ("output", target)):
            path = root / "training" / folder / f"tile_{number:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)
    return root


def many_pictures(root: Path, pairs: int) -> Path:
    """Write so many tiny pairs that only planning takes time: hard links to files of one pixel each."""
    seeds = {}
    for folder, array in (("images", np.zeros((1, 1, 3), np.uint8)), ("masks", np.zeros((1, 1), np.uint8))):
        (root / folder).mkdir(parents=True)
        seeds[folder] = array
    for number in range(pairs):
        for folder, array in seeds.items():
            path = root / folder / f"tile_{number:06d}.png"
            if number % 30000 == 0:  # a file has no more than 65,000 names on some file systems
                Image.fromarray(array).save(path)
                first = path
                seeds_path = root / f".seed-{folder}"
                seeds_path.unlink(missing_ok=True)
                seeds_path.hardlink_to(first)
            else:
                path.hardlink_to(root / f".seed-{folder}")
    return root
