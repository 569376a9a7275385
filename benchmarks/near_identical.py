"""Near-identical images: how often unlike ones are taken for such, and which edits of an image are recognised.

``python -m benchmarks.near_identical DATA``

DATA is the folder with the sets of real images. All pairs of images of different cases are false alarms if their hashes
are near-identical; so are those of their middle planes, as pictures. Edits are applied to each image.
"""

from __future__ import annotations

import argparse
import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from fixtures.phantoms import shapes, tumour
from segconv.dataset.near_identical import near_identical
from segconv.dataset.phantoms import ct
from segconv.image.geometry import Geometry, Volume
from segconv.image.opened import read_bytes, read_image
from segconv.image.perceptual import perceptual_hash

from .measure import machine

MANY = 100_000
GENERATED = 200

Array = NDArray[Any]


def sets(data: Path) -> Iterator[tuple[str, list[Volume]]]:
    """Yield sets of images of different cases."""
    hippocampus = _read(sorted((data / "Task04_Hippocampus" / "imagesTr").glob("[!.]*.nii.gz")))
    yield "Hippocampus", hippocampus
    yield "Hippocampus, middle planes", [_plain(volume.array[len(volume.array) // 2]) for volume in hippocampus]
    pictures = _read(sorted((data / "dsb2018_pairs").glob("*/input/*.png")))
    yield "dsb2018_pairs", pictures
    yield "dsb2018", _read(sorted((data / "dsb2018" / "stage1_train").glob("*/images/*.png")))
    yield "totalseg_small", _read(sorted((data / "totalseg_small").glob("example_*_sm.nii.gz")))
    yield "generated pictures", [shapes(seed).images[0] for seed in range(GENERATED)]
    yield "generated MR", [tumour(seed).images[0] for seed in range(GENERATED)]
    yield "generated CT", [ct(seed).images[0] for seed in range(GENERATED)]


def _read(paths: Sequence[Path]) -> list[Volume]:
    return [read_image(read_bytes(str(path))) for path in paths]


def _plain(array: Array) -> Volume:
    return Volume(array, Geometry.plain(array.shape[::-1]))


def grey(volume: Volume) -> Array:
    """Return the values of an image, colours averaged."""
    array: Array = volume.array.astype(float)
    return np.asarray(array.mean(axis=-1)) if volume.components > 1 else array


def _jpeg(array: Array) -> Array:
    low, high = array.min(), array.max()
    bytes_ = ((array - low) / ((high - low) or 1) * 255).astype(np.uint8)
    return np.stack([_coded(plane) for plane in bytes_]) if bytes_.ndim == 3 else _coded(bytes_)


def _coded(plane: Array) -> Array:
    file = io.BytesIO()
    Image.fromarray(plane).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file)).astype(float)


def _noisy(share: float) -> Callable[[Array], Array]:
    random = np.random.default_rng(0)
    return lambda array: array + random.normal(0, share * array.std(), array.shape)


def _clipped(array: Array) -> Array:
    return np.clip(array, *np.percentile(array, [1, 99]))


def _zoomed(factor: float) -> Callable[[Array], Array]:
    return lambda array: ndimage.zoom(array, factor, order=1, grid_mode=True, mode="nearest")


def _cropped(array: Array) -> Array:
    return array[tuple(slice(max(1, size // 50), -max(1, size // 50)) for size in array.shape)]


EDITS: dict[str, Callable[[Array], Array]] = {
    "other scale of values": lambda array: np.round(array * 1.37 + 11),
    "8 bits": lambda array: np.round((array - array.min()) / (np.ptp(array) or 1) * 255),
    "JPEG, quality 75": _jpeg,
    "noise of 1 % of the deviation": _noisy(0.01),
    "noise of 5 %": _noisy(0.05),
    "blurred by 0.7 voxels": lambda array: ndimage.gaussian_filter(array, 0.7),
    "clipped to percentiles 1 to 99": _clipped,
    "gamma 0.8": lambda array: ((array - array.min()) / (np.ptp(array) or 1)) ** 0.8,
    "resampled to 130 %": _zoomed(1.3),
    "resampled to 70 %": _zoomed(0.7),
    "cropped by 2 % on each side": _cropped,
}


def alarms(volumes: Sequence[Volume]) -> tuple[int, int]:
    """Return the number of pairs, and how many of them are taken for near-identical."""
    hashes = {str(number): own for number, volume in enumerate(volumes) if (own := perceptual_hash(volume))}
    return len(hashes) * (len(hashes) - 1) // 2, len(list(near_identical(hashes)))


def recognised(volumes: Sequence[Volume]) -> Iterator[tuple[str, int]]:
    """Yield each edit, and how many of the images are recognised after it."""
    for name, edit in EDITS.items():
        found = 0
        for volume in volumes:
            plain = grey(volume)
            pair = {"as it was": perceptual_hash(_plain(plain)), "edited": perceptual_hash(_plain(edit(plain)))}
            found += len(list(near_identical({key: own for key, own in pair.items() if own})))
        yield name, found


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    data: Path = parser.parse_args().data
    print(machine())
    edited: dict[str, list[str]] = defaultdict(list)
    for name, volumes in sets(data):
        pairs, wrong = alarms(volumes)
        print(f"{name}: {len(volumes)} images, {wrong} false alarms in {pairs:,} pairs")
        some = volumes[:40]
        for edit, found in recognised(some):
            edited[edit].append(f"{found}/{len(some)}")
    for edit, counts in edited.items():
        print(f"{edit}: {', '.join(counts)}")
    random = np.random.default_rng(0)
    hashes = {str(number): f"8x8x8:{random.bytes(64).hex()}" for number in range(MANY)}
    start = time.perf_counter()
    list(near_identical(hashes))
    print(f"{MANY:,} hashes: compared in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
