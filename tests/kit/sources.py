"""A small valid source of each kind, made once and copied for each case."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..convert.oracles import ct, write

SHAPE = (20, 24)
"""Rows and columns of pictures."""
TRAINING, TEST = (0, 1, 2), 8
"""Numbers of the cases; not all kinds have a test case."""
DEGREES = {"background": 0, "liver": 1, "kidney": 2, "tumour": 3}


@dataclass(frozen=True)
class Kind:
    """A kind of source.

    Parameters
    ----------
    folder
        What the source is called.
    image, label
        The files that most cases change, of the case number 1.
    words
        Options with which it is converted.
    make
        Writes it.
    """

    folder: str
    image: str
    label: str
    words: tuple[str, ...]
    make: Callable[[Path], None]


@dataclass(frozen=True)
class Place:
    """A source that a case may change.

    Parameters
    ----------
    folder
        Of the case: the source, nnU-Net's three folders, and whatever the change puts next to them.
    kind
        Key of `KINDS`.
    """

    folder: Path
    kind: str

    @property
    def root(self) -> Path:
        """The source."""
        return self.folder / KINDS[self.kind].folder

    @property
    def image(self) -> Path:
        """The image that most cases change."""
        return self.root / KINDS[self.kind].image

    @property
    def label(self) -> Path:
        """Its label."""
        return self.root / KINDS[self.kind].label

    @property
    def json(self) -> Path:
        """Its dataset.json."""
        return self.root / "dataset.json"


def picture(number: int, samples: int = 1, dtype: type = np.uint8) -> np.ndarray:
    """Return noise that no two numbers share."""
    shape = SHAPE if samples == 1 else (*SHAPE, samples)
    return np.random.default_rng(number).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def mask(number: int, values: tuple[int, ...] = (0, 255), dtype: type = np.uint8) -> np.ndarray:
    """Return values each of which occurs."""
    flat = np.array(values, dtype)[np.arange(SHAPE[0] * SHAPE[1]) % len(values)]
    return np.random.default_rng(1000 + number).permutation(flat).reshape(SHAPE)


def second_channel(number: int) -> np.ndarray:
    """Return voxels for a second channel."""
    return (ct(number).images[0].array // 2 + 1000).astype(np.int16)


def _png(root: Path) -> None:
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number in TRAINING:
        Image.fromarray(picture(number)).save(root / "images" / f"c{number}.png")
        Image.fromarray(mask(number)).save(root / "masks" / f"c{number}.png")


def _volumes(root: Path, image: str, label: str, *, channels: int = 1, test: str = "") -> None:
    for number in (*TRAINING, TEST) if test else TRAINING:
        phantom = ct(number)
        place = image if number != TEST else test
        for channel in range(channels):
            array = second_channel(number) if channel else None
            write(root / place.format(n=number, channel=channel), phantom.images[0], array)
        if number != TEST:
            write(root / label.format(n=number), phantom.label)


def _msd(root: Path) -> None:
    _volumes(root, "imagesTr/c{n}.nii.gz", "labelsTr/c{n}.nii.gz", test="imagesTs/c{n}.nii.gz")
    write_json(root, task(modality={"0": "CT"}))


def _v1(root: Path) -> None:
    _volumes(
        root,
        "imagesTr/c{n}_{channel:04d}.nii.gz",
        "labelsTr/c{n}.nii.gz",
        channels=2,
        test="imagesTs/c{n}_{channel:04d}.nii.gz",
    )
    write_json(root, task(modality={"0": "CT", "1": "PET"}))


def _v2(root: Path) -> None:
    _v1(root)
    description = {
        "channel_names": {"0": "CT", "1": "PET"},
        "labels": DEGREES,
        "numTraining": len(TRAINING),
        "file_ending": ".nii.gz",
    }
    write_json(root, description)


def _pairs(root: Path) -> None:
    _volumes(root, "images/c{n}.nii.gz", "masks/c{n}.nii.gz")


def _masks(root: Path) -> None:
    for number in TRAINING:
        phantom = ct(number)
        write(root / f"c{number}" / "ct.nii.gz", phantom.images[0])
        for name in ("liver", "kidney"):
            array = (phantom.label.array == DEGREES[name]).astype(np.uint8)
            write(root / f"c{number}" / f"{name}.nii.gz", phantom.label, array)


def task(**entries: Any) -> dict[str, Any]:
    """Return the json of a task as the Decathlon and v1 write it."""
    return {
        "name": "Kit",
        "description": "made up",
        "tensorImageSize": "3D",
        "labels": {str(value): name for name, value in DEGREES.items()},
        "numTraining": len(TRAINING),
        "numTest": 1,
        "training": [{"image": f"./imagesTr/c{n}.nii.gz", "label": f"./labelsTr/c{n}.nii.gz"} for n in TRAINING],
        "test": [f"./imagesTs/c{TEST}.nii.gz"],
        **entries,
    }


def write_json(root: Path, value: Any) -> None:
    """Write the dataset.json of a source."""
    (root / "dataset.json").write_text(json.dumps(value, indent=1))


_LABELS = ("--labels", "background=0,liver=1,kidney=2,tumour=3")
KINDS = {
    "png": Kind("pictures", "images/c1.png", "masks/c1.png", ("--labels", "background=0,road=255"), _png),
    "msd": Kind("Task05_Kit", "imagesTr/c1.nii.gz", "labelsTr/c1.nii.gz", (), _msd),
    "v1": Kind("Task005_Kit", "imagesTr/c1_0001.nii.gz", "labelsTr/c1.nii.gz", (), _v1),
    "v2": Kind("Dataset077_Kit", "imagesTr/c1_0001.nii.gz", "labelsTr/c1.nii.gz", (), _v2),
    "pairs": Kind("scans", "images/c1.nii.gz", "masks/c1.nii.gz", (*_LABELS, "--channels", "CT"), _pairs),
    "masks": Kind("organs", "c1/ct.nii.gz", "c1/liver.nii.gz", ("--channels", "CT"), _masks),
}
FROM = {"v1": "nnunet-v1", "v2": "nnunet-v2"}
"""What ``--from`` calls a kind, where that is another word."""


@lru_cache(maxsize=1)
def _store() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="kit-")


@cache
def _good(kind: str) -> Path:
    root = Path(_store().name) / kind
    KINDS[kind].make(root)
    return root


def fresh(folder: Path, kind: str) -> Place:
    """Copy the good source of a kind into the folder of a case, in place of its content."""
    place = Place(folder, kind)
    if place.root.is_symlink():
        place.root.unlink()
    elif place.root.exists():
        shutil.rmtree(place.root)
    shutil.copytree(_good(kind), place.root)
    return place
