"""Inputs of the demo: tiles of scikit-image's picture of coins, and phantom CTs as a Decathlon task."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..dataset.phantoms import CT_LABELS, ct
from ..dataset.strictjson import dumps
from ..image import volumes


def coin_tiles() -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """Return tiles of scikit-image's picture of coins with masks 0/255.

    The masks are made as in its gallery, by a watershed from certain coin and certain background. No
    two tiles share a pixel, so neither folds nor held-back tiles leak.

    Returns
    -------
    tiles
        ``"training"`` or ``"testing"``, a name, picture and mask, both uint8 ``(y, x)``.
    """
    from scipy import ndimage
    from skimage import data, filters, segmentation

    coins = data.coins()
    markers = np.zeros(coins.shape, dtype=np.int32)
    markers[coins < 30] = 1
    markers[coins > 150] = 2
    found = segmentation.watershed(filters.sobel(coins), markers) == 2
    mask = ndimage.binary_opening(ndimage.binary_fill_holes(found), iterations=2).astype(np.uint8) * 255
    tiles = []
    edge = 96
    for part, columns in (("training", (0, 96, 192)), ("testing", (288,))):
        for left in columns:
            for top in (0, 96, 192):
                window = np.s_[top : top + edge, left : left + edge]
                tiles.append((part, f"coins {left:03d}-{top:03d}", coins[window], mask[window]))
    return tiles


def ct_task(root: Path, *, cases: int = 4) -> Iterator[tuple[Path, bytes]]:
    """Yield path and bytes of phantom CTs as a task of the Medical Segmentation Decathlon."""
    for number in range(cases):
        phantom = ct(number)
        for part, volume in (("imagesTr", phantom.images[0]), ("labelsTr", phantom.label)):
            data = volumes.encode(volume.array, volume.geometry, ".nii.gz")
            yield root / part / f"phantom_{number}.nii.gz", data
    listed = [
        {"image": f"./imagesTr/phantom_{n}.nii.gz", "label": f"./labelsTr/phantom_{n}.nii.gz"} for n in range(cases)
    ]
    description = {
        "name": "Phantom",
        "modality": {"0": "CT"},
        "labels": {str(value): name for name, value in CT_LABELS.items()},
        "numTraining": cases,
        "training": listed,
        "test": [],
    }
    yield root / "dataset.json", dumps(description)
