"""Volumes written and compared by SimpleITK and nibabel, to compare segconv's results with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from segconv.dataset import phantoms
from segconv.dataset.phantoms import Phantom
from segconv.image.geometry import Geometry, Volume

SIZE = (14, 12, 7)
EXACT_MM = 1e-6
"""Where both files hold geometry in 64 bits, or the same 32."""
FLOAT32_MM = 3e-5
"""NIfTI holds geometry in 32 bits: at 120 mm from the origin that is 8e-6 mm, and rotations add to it."""


def ct(seed: int) -> Phantom:
    return phantoms.ct(seed, size=SIZE)


def sitk_image(array: np.ndarray, geometry: Geometry) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    return image


def write(path: Path, volume: Volume, array: np.ndarray | None = None) -> Path:
    """Write a volume, or other voxels on its grid, in the format that the ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk_image(volume.array if array is None else array, volume.geometry)
    sitk.WriteImage(image, str(path), True)
    return path


def masks_from(values: np.ndarray, masks_of: Mapping[str, Sequence[int]]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and mask of every mask that went into a label array."""
    for name, inside in masks_of.items():
        yield name, np.isin(values, inside)


def voxels(path: Path) -> np.ndarray:
    """Return ``(z, y, x)``."""
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def apart_mm(one: sitk.Image, other: sitk.Image) -> float:
    """Return how far apart the corners of two grids are."""
    assert one.GetSize() == other.GetSize()
    ends = [(0, size - 1) for size in one.GetSize()]
    corners = [(x, y, z) for x in ends[0] for y in ends[1] for z in ends[2]]
    return max(
        float(
            np.linalg.norm(
                np.array(one.TransformIndexToPhysicalPoint(corner))
                - np.array(other.TransformIndexToPhysicalPoint(corner))
            )
        )
        for corner in corners
    )


def assert_same(made: Path, source: Path, *, table: np.ndarray | None = None, within_mm: float = FLOAT32_MM) -> None:
    """Assert that a file of the dataset holds the voxels of the source, on the same grid; `table` maps labels."""
    ours, theirs = sitk.ReadImage(str(made)), sitk.ReadImage(str(source))
    expected = sitk.GetArrayFromImage(theirs)
    expected = expected if table is None else table[expected.astype(np.int64)]
    assert np.array_equal(sitk.GetArrayFromImage(ours), expected), made
    assert apart_mm(ours, theirs) <= within_mm
    if made.name.endswith((".nii", ".nii.gz")):
        image = nib.load(made)
        assert np.array_equal(np.asarray(image.dataobj).T, expected)
        ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine_lps(theirs)
        assert np.abs(image.affine - ras).max() <= FLOAT32_MM
        assert np.abs(image.get_qform() - image.get_sform()).max() <= 1e-3


def affine_lps(image: sitk.Image) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return affine


def description(dataset: Path) -> dict[str, Any]:
    found = json.loads((dataset / "dataset.json").read_text())
    assert found["numTraining"] == len(list((dataset / "labelsTr").iterdir()))
    return found


def records(dataset: Path) -> dict[str, dict[str, Any]]:
    lines = (dataset / "segconv" / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    return {record["case"]: record for record in map(json.loads, lines)}
