"""Starts from what `segconv check` finds in damaged datasets, until it finds no error in what hints made of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..kit.made import array
from ..kit.scorer import FOLDERS
from ..review.defects import ALL
from .ends import Ends
from .laid_out import nnunet_folders
from .walk import UNSAID, Start, walk


@dataclass(frozen=True)
class Kept:
    """Whether the files that were not damaged hold the same voxels in a dataset that hints made."""

    voxels: dict[str, np.ndarray]

    def __call__(self, dataset: Path, line: list[str]) -> None:
        described = json.loads((dataset / "dataset.json").read_text("utf-8-sig"))
        for name, expected in self.voxels.items():
            folder, _, file = name.partition("/")
            path = dataset / folder / (file.split(".")[0] + described["file_ending"])
            if path.is_file():
                found = array(path)
                assert np.array_equal(found.reshape(expected.shape), expected), f"{name} has other voxels"


def undamaged(good: Path, damaged: Path) -> dict[str, np.ndarray]:
    """Return the voxels of the files that a defect left as they were."""
    files = [path for folder in ("imagesTr", "labelsTr", "imagesTs") for path in (good / folder).glob("*")]
    same = [path for path in files if _same(path, damaged / path.relative_to(good))]
    return {str(path.relative_to(good)): array(path) for path in same}


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()


UNTRUE = ("--scribbles",)
"""No class of these datasets stands for background that was drawn."""


def declared(dataset: Path) -> str:
    """Return labels with a class for each whole number that the masks hold."""
    found = {value for path in (dataset / "labelsTr").glob("*.*") for value in _values(path)}
    return ",".join(["background=0", *(f"class_{value}={value}" for value in sorted({1, 2, 3} | found - {0}))])


def _values(path: Path) -> set[int]:
    try:
        return {int(value) for value in np.unique(array(path)) if value == int(value) >= 0}
    except (OSError, RuntimeError, ValueError):  # what cannot be read holds none
        return set()


def check(dataset: str) -> list[str]:
    return ["check", dataset]


def augment(dataset: str) -> list[str]:
    return ["augment", dataset, "--to", "142", "--copies", "1", "--rotate-range", "15", *UNSAID]


COMMANDS = {"check": check, "augment": augment}
STARTS = [(command, name) for command in COMMANDS for name in ALL]


def follow(command: str, name: str, folder: Path, ends: Ends) -> None:
    """Walk from what a command says of a dataset with the defect of this name."""
    defect = ALL[name]
    (folder / "good").mkdir()
    good = defect.make(folder / "good")
    with nnunet_folders(folder):
        damaged = defect.make(folder / FOLDERS[0])
        defect.plant(damaged)
        right = Kept(undamaged(good, damaged))
        answers = {"VALUE": "0", "NAME": "odd", "--labels": declared(damaged)}
        line = COMMANDS[command](damaged.name)
        start = Start(f"{command}: {name}", line, folder, right, answers, UNTRUE, damaged.name)
        walk(start, ends)
