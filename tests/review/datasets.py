"""Small datasets as others make them, without lineage, written by nibabel, SimpleITK and scikit-image."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from skimage import io

from fixtures.phantoms import SHAPE_LABELS, TUMOUR_CHANNELS, TUMOUR_LABELS, shapes, tumour
from segconv.dataset import phantoms

from ..convert.oracles import ct, write

CASES = 6


def describe(root: Path, **entries: Any) -> None:
    """Write dataset.json."""
    (root / "dataset.json").write_text(json.dumps(entries))


def edit(root: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change dataset.json."""
    found = json.loads((root / "dataset.json").read_text())
    change(found)
    (root / "dataset.json").write_text(json.dumps(found))


def volumes(raw: Path, ending: str = ".nii.gz", cases: int = CASES) -> Path:
    """Write CT of three organs, one channel, and a test image."""
    root = raw / "Dataset007_Ct"
    for number in range(cases + 1):
        phantom = ct(number)
        split = "Tr" if number < cases else "Ts"
        write(root / f"images{split}" / f"c{number}_0000{ending}", phantom.images[0])
        if number < cases:
            write(root / "labelsTr" / f"c{number}{ending}", phantom.label)
    describe(root, channel_names={"0": "CT"}, labels=phantoms.CT_LABELS, numTraining=cases, file_ending=ending)
    return root


def channels(raw: Path, cases: int = CASES) -> Path:
    """Write volumes of four channels, a file each."""
    root = raw / "Dataset008_Tumour"
    for number in range(cases):
        phantom = tumour(number, size=(10, 12, 8))
        for channel, image in enumerate(phantom.images):
            write(root / "imagesTr" / f"t{number}_{channel:04d}.nii.gz", image)
        write(root / "labelsTr" / f"t{number}.nii.gz", phantom.label)
    names = {str(number): name for number, name in enumerate(TUMOUR_CHANNELS)}
    describe(root, channel_names=names, labels=TUMOUR_LABELS, numTraining=cases, file_ending=".nii.gz")
    return root


def pictures(raw: Path, ending: str = ".png", cases: int = CASES) -> Path:
    """Write RGB pictures and masks."""
    root = raw / "Dataset009_Shapes"
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(parents=True)
    for number in range(cases):
        phantom = shapes(number, size=(40, 32))
        io.imsave(root / "imagesTr" / f"s{number}_0000{ending}", phantom.images[0].array, check_contrast=False)
        io.imsave(root / "labelsTr" / f"s{number}{ending}", phantom.label.array, check_contrast=False)
    describe(
        root,
        channel_names={"0": "R", "1": "G", "2": "B"},
        labels=SHAPE_LABELS,
        numTraining=cases,
        file_ending=ending,
    )
    return root


def change_nifti(path: Path, change: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> None:
    """Replace voxels ``(x, y, z)`` and affine of a file."""
    image = nib.load(path)
    array, affine = change(np.asarray(image.dataobj).copy(), np.asarray(image.affine).copy())
    made = nib.Nifti1Image(array, affine)
    made.header.set_xyzt_units("mm")
    nib.save(made, path)


def folds(root: Path, made: list[dict[str, list[str]]], name: str = "splits_final.json") -> None:
    """Write folds."""
    (root / name).write_text(json.dumps(made))


def even_folds(names: list[str]) -> list[dict[str, list[str]]]:
    """Return folds of one validation case each."""
    return [{"train": [n for n in names if n != name], "val": [name]} for name in names]
