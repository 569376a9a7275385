"""A source in a layout of its own, and what is true of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import numpy as np

from ..convert.oracles import ct
from ..kit.scorer import FOLDERS
from .ends import Ends
from .truth import Cases, Right
from .walk import UNSAID, Answer, Start, walk

SIZE = (24, 32)
NUMBERS = (0, 1, 2)


@dataclass(frozen=True)
class Layout:
    """A source that is refused.

    Parameters
    ----------
    name
        What it is.
    make
        Writes it into an empty folder.
    right
        The truth; None where nothing that can be typed is right.
    words
        Options with which the first command is typed.
    answers, untrue
        As of a `Start`; ``{root}`` stands for the source.
    """

    name: str
    make: Callable[[Path], object]
    right: Right | None = None
    words: tuple[str, ...] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    untrue: tuple[str, ...] = ()


def follow(layout: Layout, folder: Path, ends: Ends) -> None:
    """Walk from the refusal of a layout."""
    root = folder / "my source"
    root.mkdir()
    layout.make(root)
    with nnunet_folders(folder):
        words = [word.replace("{root}", str(root)) for word in layout.words]
        line = ["convert", str(root), "--to", "5_Set", *UNSAID, *words]
        walk(Start(layout.name, line, folder, layout.right or _none, layout.answers, layout.untrue), ends)


def _none(dataset: Path, line: list[str]) -> None:
    raise AssertionError("no dataset is right")


@contextmanager
def nnunet_folders(folder: Path) -> Iterator[None]:
    """Make nnU-Net's three folders, which the variables name for the time of the block."""
    for name in FOLDERS:
        (folder / name).mkdir()
    variables = {name: str(folder / name) for name in FOLDERS} | {"XDG_CONFIG_HOME": "/nonexistent"}
    with mock.patch.dict(os.environ, variables), mock.patch.object(tempfile, "tempdir", str(folder)):
        yield


def boxes(*values: int, ground: int = 0, dtype: type = np.uint8) -> np.ndarray:
    """Return a box for each value on ground."""
    mask = np.full(SIZE, ground, dtype)
    for at, value in enumerate(values):
        mask[4 + at : 14, 2 + 7 * at : 8 + 7 * at] = value
    return mask


def photo(number: int, samples: int = 1) -> np.ndarray:
    """Return noise that no two numbers share."""
    shape = SIZE if samples == 1 else (*SIZE, samples)
    return np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)


def pictures(labels: Mapping[str, Callable[[int], np.ndarray]], names: str = "p{n}", **more: bool) -> Cases:
    """Return the truth of grey pictures: name of a class → where it is, by the number of the picture."""
    images = {names.format(n=n): [photo(n)] for n in NUMBERS}
    return Cases(images, {names.format(n=n): {k: draw(n) for k, draw in labels.items()} for n in NUMBERS}, **more)


def volumes(names: str = "p{n}", channels: int = 1, *, anyhow: bool = True) -> Cases:
    """Return the truth of the volumes of phantoms."""
    images = {names.format(n=n): [ct(n).images[0].array] * channels for n in NUMBERS}
    labels = {names.format(n=n): organs(n) for n in NUMBERS}
    return Cases(images, labels, anyhow=anyhow)


def organs(number: int) -> dict[str, np.ndarray]:
    """Return the classes of a phantom."""
    return {f"class_{value}": ct(number).label.array == value for value in (1, 2, 3)}
