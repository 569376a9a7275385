"""A dataset that segconv made, read by SimpleITK, Pillow and json, and compared with its source."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from PIL import Image

from ..convert.oracles import ct
from .sources import DEGREES, TEST, TRAINING, Place, mask, picture, second_channel


@dataclass(frozen=True)
class Made:
    """A dataset, and where it came from."""

    dataset: Path
    place: Place
    err: str = ""
    out: str = ""

    @cached_property
    def description(self) -> dict[str, Any]:
        """Its dataset.json."""
        return json.loads((self.dataset / "dataset.json").read_text(encoding="utf-8"))

    @cached_property
    def records(self) -> dict[str, dict[str, Any]]:
        """Its lineage, by the names that the user gave the cases."""
        lines = (self.dataset / "segconv" / "cases.jsonl").read_text(encoding="utf-8").splitlines()
        return {record["original_name"]: record for record in map(json.loads, lines)}

    @property
    def ending(self) -> str:
        """Of its files."""
        return self.description["file_ending"]

    def image_file(self, name: str, channel: int = 0) -> Path:
        """Return a file of a case, by the name that the user gave it."""
        record = self.records[name]
        folder = "imagesTr" if record["split"] == "train" else "imagesTs"
        return self.dataset / folder / f"{record['case']}_{channel:04d}{self.ending}"

    def label_file(self, name: str) -> Path:
        """Return the label of a case."""
        record = self.records[name]
        folder = "labelsTr" if record["split"] == "train" else "labelsTs"
        return self.dataset / folder / f"{record['case']}{self.ending}"

    def image(self, name: str, channel: int = 0) -> np.ndarray:
        """Return voxels or pixels."""
        return array(self.image_file(name, channel))

    def label(self, name: str) -> np.ndarray:
        """Return label values."""
        return array(self.label_file(name))


def array(path: Path) -> np.ndarray:
    """Return the voxels ``(z, y, x)`` of a volume, or the pixels of a picture."""
    if path.suffix == ".png":
        with Image.open(path) as image:
            return np.asarray(image)
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def expected_channels(kind: str, number: int) -> list[np.ndarray]:
    """Return the channels of a case of the good source."""
    if kind == "png":
        return [picture(number)]
    first = ct(number).images[0].array
    return [first, second_channel(number)] if kind in ("v1", "v2") else [first]


def expected_label(made: Made, number: int) -> np.ndarray:
    """Return the label of a case of the good source, in the values that the dataset declares."""
    names = made.description["labels"]
    if made.place.kind == "png":
        return (mask(number) == 255).astype(np.uint8) * np.uint8(names["road"])
    stored = ct(number).label.array
    table = np.zeros(4, np.uint8)
    for name, value in DEGREES.items():
        table[value] = names.get(name, 0)
    return table[stored]


def same(made: Made, number: int, name: str | None = None, *, label: bool = True) -> None:
    """Assert that a case holds what the good source holds."""
    name = name or f"c{number}"
    for channel, expected in enumerate(expected_channels(made.place.kind, number)):
        assert np.array_equal(made.image(name, channel), expected), f"image {name}, channel {channel}"
    if label and number != TEST:
        assert np.array_equal(made.label(name), expected_label(made, number)), f"label {name}"


def all_same(made: Made) -> None:
    """Assert that all cases hold what the good source holds, and that there are no others."""
    tests = made.place.kind in ("msd", "v1", "v2")
    assert made.description["numTraining"] == len(TRAINING), made.description["numTraining"]
    assert len(made.records) == len(TRAINING) + tests, sorted(made.records)
    for number in (*TRAINING, TEST) if tests else TRAINING:
        same(made, number)


def others_same(made: Made) -> None:
    """Assert that the cases which were not changed hold what the good source holds."""
    for number in (0, 2):
        same(made, number)
