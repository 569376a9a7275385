"""Small pictures and masks, numbered, written by Pillow and tifffile and read by scikit-image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import io

SIZE = (10, 12)


def picture(number: int, samples: int = 1, dtype: type = np.uint8, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Noise that no two numbers share: ``(y, x)``, or ``(y, x, sample)``."""
    shape = size if samples == 1 else (*size, samples)
    return np.random.default_rng(number).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def labels(number: int, classes: int = 2, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Values 0 … classes-1, each of which occurs."""
    flat = np.arange(size[0] * size[1], dtype=np.uint8) % classes
    return np.random.default_rng(1000 + number).permutation(flat).reshape(size)


def save(path: Path, array: np.ndarray) -> None:
    """Write grey, grey and alpha, RGB or RGBA as its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, quality=95)


def save_palette(path: Path, indices: np.ndarray, colours: list[tuple[int, int, int]], bits: int = 8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = Image.new("P", indices.shape[::-1])
    mask.putdata(indices.ravel().tolist())
    mask.putpalette([part for colour in colours for part in colour])
    mask.save(path, **({"bits": bits} if path.suffix.lower() == ".png" else {}))


def pair(root: Path, image: str, mask: str, number: int) -> None:
    """Write a grey picture and its mask of 0 and 255."""
    save(root / image, picture(number))
    save(root / mask, labels(number) * np.uint8(255))


def records(dataset: Path) -> dict[str, dict]:
    """What the lineage says of each case, by the name that the user gave it."""
    lines = (dataset / "segconv" / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    return {record["original_name"]: record for record in map(json.loads, lines)}


def written(dataset: Path, name: str, folder: str = "labelsTr") -> np.ndarray:
    """The label of a case, by the name that the user gave it, as scikit-image reads it."""
    return io.imread(dataset / folder / f"{records(dataset)[name]['case']}.png")
