"""What a dataset must hold, worked out from its sources by SimpleITK, Pillow and numpy."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import tifffile
from PIL import Image

from ..kit.made import Made

ALIKE = 0.97
"""Least share of voxels that agree after resampling: neighbours of an edge may go either way."""
ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".hdr", ".png", ".tif", ".jpg", ".bmp")


@dataclass(frozen=True)
class Said:
    """The options of a command that change values or voxels."""

    line: Sequence[str]

    def all(self, option: str) -> list[str]:
        """Return the values that an option was given."""
        return [value for word, value in itertools.pairwise(self.line) if word == option]

    def last(self, option: str) -> str | None:
        return next(reversed(self.all(option)), None)

    @property
    def resampled(self) -> bool:
        return "resample" in self.all("--repair")

    def codes(self, usual: Mapping[str, str]) -> dict[str, str]:
        """Return value → name: `usual`, what ``--labels`` declares, and what ``--map`` adds."""
        declared = self.last("--labels")
        codes = (
            dict(usual) if declared is None else {v: n for n, v in (one.rsplit("=", 1) for one in declared.split(","))}
        )
        return codes | dict(one.rsplit("=", 1) for given in self.all("--map") for one in given.split(","))


def image_of(path: Path) -> sitk.Image:
    """Read a volume."""
    return sitk.ReadImage(str(path))


def pixels(path: Path) -> np.ndarray:
    """Read a picture."""
    if path.suffix in (".tif", ".tiff"):
        return tifffile.imread(path)
    with Image.open(path) as image:
        return np.asarray(image)


def on_grid(label: sitk.Image, grid: sitk.Image, how: int) -> np.ndarray:
    """Return voxels ``(z, y, x)`` on another grid."""
    return sitk.GetArrayFromImage(sitk.Resample(label, grid, sitk.Transform(), how, 0.0))


def inside_of(image: sitk.Image, grid: sitk.Image) -> np.ndarray:
    """Return which voxels of a grid lie inside an image."""
    everywhere = sitk.Image(image.GetSize(), sitk.sitkUInt8) + 1
    everywhere.CopyInformation(image)
    return on_grid(everywhere, grid, sitk.sitkNearestNeighbor) > 0


def named(values: np.ndarray, codes: Mapping[str, str], names: Mapping[str, int], snap: float) -> np.ndarray:
    """Return values of the dataset for those of a source; by their order, if the dataset gave names of its own."""
    own = all(name in names for name in codes.values())
    table = {float(v): names[name] if own else int(v) for v, name in codes.items() if _number(v) is not None}
    ranges = [(float(v.rstrip("-")), names[name]) for v, name in codes.items() if v.endswith("-")]
    out = np.full(values.shape, 255, np.int64)
    for value in np.unique(values):
        out[values == value] = _written(float(value), table, ranges, snap)
    return out


def _written(value: float, table: Mapping[float, int], ranges: Sequence[tuple[float, int]], snap: float) -> int:
    """Return the value of the dataset for a value of a source."""
    if value in table:
        return table[value]
    for low, written in ranges:
        if value >= low:
            return written
    near = min(table, key=lambda one: abs(one - value))
    assert abs(near - value) <= snap, f"the value {value} was not settled"
    return table[near]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def same_labels(found: np.ndarray, expected: np.ndarray, name: str, *, exact: bool = True) -> None:
    """Assert that a label is what it must be."""
    assert found.shape == expected.shape, f"label {name}: {found.shape}, expected {expected.shape}"
    agree = float(np.mean(found == expected))
    assert agree == 1 if exact else agree >= ALIKE, f"label {name}: {1 - agree:.1%} of its voxels are wrong"


def same_image(found: np.ndarray, expected: np.ndarray, name: str, *, exact: bool = True) -> None:
    """Assert that an image is what it must be."""
    assert found.shape == expected.shape, f"image {name}: {found.shape}, expected {expected.shape}"
    near = np.isclose(found, expected, atol=0 if exact else 1)
    assert near.all() if exact else np.mean(near) >= ALIKE, (
        f"image {name}: {1 - near.mean():.1%} of its voxels are wrong"
    )


def found_file(stem: Path) -> Path:
    """Return the file of this stem, whatever its ending."""
    return next(path for ending in ENDINGS if (path := stem.with_name(stem.name + ending)).exists())


@dataclass(frozen=True)
class Cases:
    """Whether a dataset holds these images and labels.

    Parameters
    ----------
    images
        Name of a case → its channels.
    labels
        Name of a case → name of a class → where it is.
    anyhow
        Whether classes may have other names, in the same order.
    others
        Whether there may be further cases.
    """

    images: Mapping[str, Sequence[np.ndarray]]
    labels: Mapping[str, Mapping[str, np.ndarray]]
    anyhow: bool = False
    others: bool = False

    def __call__(self, dataset: Path, line: list[str]) -> None:
        made = Made(dataset, None)  # type: ignore[arg-type]  # what was printed is not asked for here
        left_out = set(self.images) - set(made.records) if "--leave-out" in line or "--keep-going" in line else set()
        assert self.others or made.records.keys() == self.images.keys() - left_out, f"cases {sorted(made.records)}"
        for name, channels in self.images.items():
            if name in left_out:
                continue
            assert len(channels) == len(made.description["channel_names"]) or channels[0].ndim == 3, "channels"
            for number, expected in enumerate(channels):
                same_image(made.image(name, number), expected, f"{name}, channel {number}")
            if name in self.labels:
                self._label(made, name)

    def _label(self, made: Made, name: str) -> None:
        found, names = made.label(name), made.description["labels"]
        ordered = [one for one in names if one != "background"]
        for number, (title, inside) in enumerate(self.labels[name].items()):
            assert title in names or self.anyhow, f"no label {title}, but {sorted(names)}"
            value = names[title if title in names else ordered[number]]
            same_labels(np.isin(found, value), inside, f"{name}, {title}")


Right = Callable[[Path, list[str]], None]
