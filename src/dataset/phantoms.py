"""A synthetic CT whose geometry and contents are known exactly, for the demo and for tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..image.geometry import Geometry, Volume

AIR_HU = -1024
CT_LABELS = {"background": 0, "liver": 1, "kidney": 2, "tumour": 3}
CT_ORGAN_HU = {1: 110, 2: 180, 3: 60}


@dataclass(frozen=True)
class Phantom:
    """A synthetic case.

    Parameters
    ----------
    images
        One volume per channel, or one colour picture.
    label
        Label values on the same grid, uint8.
    """

    images: tuple[Volume, ...]
    label: Volume


def ct(seed: int = 0, *, size: Sequence[int] = (64, 56, 24), spacing_mm: Sequence[float] = (1.5, 1.5, 4.0)) -> Phantom:
    """Return a CT-like case in HU: an elliptic body in air, a spine, and three organs.

    Parameters
    ----------
    seed
        Moves organs and noise.
    size, spacing_mm
        ``(x, y, z)``. The grid is oblique: turned by 10°, 5° and 3° about x, y and z.

    Returns
    -------
    phantom
        int16 image, ``(z, y, x)``; labels `CT_LABELS`.
    """
    random = np.random.default_rng(seed)
    geometry = _oblique(size, spacing_mm, (10.0, 5.0, 3.0))
    at = _centred_mm(geometry)
    extent = np.array(size) * np.array(spacing_mm) / 2
    image = np.full(geometry.array_shape, AIR_HU, dtype=np.float64)
    body = _ellipsoid(at, (0, 0, 0), extent * (0.85, 0.75, 1.5))
    image[body] = 40 + random.normal(0, 12, int(body.sum()))
    spine = _ellipsoid(at, (0, 0.45 * extent[1], 0), extent * (0.12, 0.12, 2.0))
    image[spine & body] = 700
    label = np.zeros(geometry.array_shape, dtype=np.uint8)
    organs = {
        1: ((-0.35, -0.1, 0.1), (0.32, 0.3, 0.6)),
        2: ((0.4, 0.2, 0.0), (0.14, 0.2, 0.45)),
        3: ((-0.35, -0.1, 0.1), (0.1, 0.1, 0.2)),
    }
    for value, (center, radii) in organs.items():
        moved = (np.array(center) + random.uniform(-0.05, 0.05, 3)) * extent
        organ = _ellipsoid(at, moved, extent * radii) & body & ~spine
        label[organ] = value
        image[organ] = CT_ORGAN_HU[value] + random.normal(0, 12, int(organ.sum()))
    voxels = np.clip(np.rint(image), AIR_HU, 3071).astype(np.int16)
    return Phantom((Volume(voxels, geometry),), Volume(label, geometry))


def _oblique(size: Sequence[int], spacing_mm: Sequence[float], angles_deg: Sequence[float]) -> Geometry:
    a, b, c = (math.radians(angle) for angle in angles_deg)
    about_x = np.array([[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]])
    about_y = np.array([[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]])
    about_z = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    direction = about_z @ about_y @ about_x
    return Geometry(
        tuple(int(s) for s in size),
        tuple(float(s) for s in spacing_mm),
        (-120.0, -90.0, 35.0),
        tuple(float(v) for v in direction.ravel()),
    )


def _centred_mm(geometry: Geometry) -> NDArray[np.float64]:
    """Return ``(z, y, x, 3)``: millimetres from the centre along the grid's own axes x, y, z."""
    axes = [
        (np.arange(count) - (count - 1) / 2) * step
        for count, step in zip(geometry.size, geometry.spacing_mm, strict=True)
    ]
    z, y, x = np.meshgrid(*axes[::-1], indexing="ij")
    return np.stack([x, y, z], axis=-1)


def _ellipsoid(at: NDArray[np.float64], center: Any, radii: Any) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (((at - np.asarray(center)) / np.asarray(radii)) ** 2).sum(axis=-1) <= 1
    return inside
