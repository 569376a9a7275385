"""The inner loops of rotations about one grid axis: streaming, in the voxels' own type, without a full copy.

Every function takes arrays ``(a, b, c)``: the rotation turns the plane of *a* and *b*, and *c* is the
axis that it keeps. All voxels along *c* use the same four neighbours and the same four
weights, which makes this fast: ``rows`` run along *c* where it is contiguous in memory, or short;
``planes`` are for a contiguous *b*, and turn `WIDTH` neighbours along *c* at a time, which a buffer
lays next to each other.

The rules are those of ITK's resampling (``itkImageFunction.h``, ``itkLinearInterpolateImageFunction.hxx``):
a point is inside if its index is in ``[-0.5, size - 0.5)``; neighbours beyond the edge take the edge's
values; the nearest neighbour of a half is the higher one.

Importing this module imports Numba, which only the extra ``fast`` installs; only `segconv.augment.compiled`
imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core.caching import NullCache
from numba.core.dispatcher import Dispatcher
from numpy.typing import NDArray

from ..image.resample import TIES
from .compiled import Unusable, cache_folder

WIDTH = 32
"""Voxels along *c* that are turned together: a cache line of 16-bit voxels."""

CACHED = cache_folder() is not None
if CACHED:
    numba.config.CACHE_DIR = str(cache_folder())

Array = NDArray[Any]
Kernel = Callable[[Array, Array, Array, Array, Array], None]
"""``(source, out, matrix, offset, background)``: the input index of an output index is ``matrix @ (a, b) + offset``;
``background`` holds one value for each index of *c*."""

F = TypeVar("F", bound=Callable[..., Any])

jit: Callable[[F], F] = numba.njit(nogil=True, cache=CACHED, error_model="numpy")


@jit
def _inside(index: float, size: int) -> bool:
    return -0.5 <= index < size - 0.5


@jit
def _neighbours(index: float, size: int) -> tuple[int, int, float]:
    """Return the voxels on both sides of an index, and the weight of the second."""
    low = int(np.floor(index))
    weight = index - low
    if low < 0:
        return 0, 0, 0.0
    if low + 1 >= size:
        return size - 1, size - 1, 0.0
    return low, low + 1, weight


def _mean(v: Any, b: Any, a: Any, ab: Any, w: float, wb: float, wa: float, wab: float) -> Any:
    """Return the weighted mean of four voxels; compiled code calls what `_mean_of` returns."""
    raise NotImplementedError


@numba.extending.overload(_mean, inline="never", jit_options={"error_model": "numpy"})  # type: ignore[untyped-decorator]
def _mean_of(v: Any, b: Any, a: Any, ab: Any, w: Any, wb: Any, wa: Any, wab: Any) -> Callable[..., Any]:
    """Return the mean for this type of voxels."""

    def real(v: Any, b: Any, a: Any, ab: Any, w: Any, wb: Any, wa: Any, wab: Any) -> Any:
        # In 64 bits: the difference of two large numbers of 32 bits is infinite.
        near = np.float64(v)
        return near + (wb * (b - near) + wa * (a - near) + wab * (ab - near))

    def whole(v: Any, b: Any, a: Any, ab: Any, w: Any, wb: Any, wa: Any, wab: Any) -> Any:
        # Differences to a nearby even number are weighted, so that a mean that is a half comes out
        # as one, whatever the values; what is closer to a half than 1 / TIES counts as one. It is
        # rounded to the even neighbour.
        even = np.int32(v) & np.int32(-2)
        mean = w * (np.int32(v) - even) + wb * (np.int32(b) - even) + wa * (np.int32(a) - even)
        mean += wab * (np.int32(ab) - even)
        return even + np.int32(np.rint(np.rint(mean * TIES) / TIES))

    return real if isinstance(v, numba.types.Float) else whole


@jit
def _pack(source: Array, packed: Array, start: int) -> int:
    """Pack `WIDTH` neighbours along *c* next to each other; return their number."""
    width: int = min(WIDTH, source.shape[2] - start)
    if width < WIDTH:
        packed[:] = 0
    for a in range(source.shape[0]):
        plane = packed[a]
        for k in range(width):
            for b in range(source.shape[1]):
                plane[b, k] = source[a, b, start + k]
    return width


@jit
def _unpack(row: Array, out: Array, start: int, width: int) -> None:
    """Unpack one row of results ``(b, WIDTH)`` into ``(b, c)``."""
    for k in range(width):
        for b in range(out.shape[0]):
            out[b, start + k] = row[b, k]


@jit
def rows(source: Array, out: Array, matrix: Array, offset: Array, background: Array) -> None:
    """Take the mean of the four neighbours; see `Kernel`."""
    for oa in range(out.shape[0]):
        for ob in range(out.shape[1]):
            ia = matrix[0, 0] * oa + matrix[0, 1] * ob + offset[0]
            ib = matrix[1, 0] * oa + matrix[1, 1] * ob + offset[1]
            target = out[oa, ob]
            if not (_inside(ia, source.shape[0]) and _inside(ib, source.shape[1])):
                target[:] = background
                continue
            a0, a1, fa = _neighbours(ia, source.shape[0])
            b0, b1, fb = _neighbours(ib, source.shape[1])
            w, wb = (1 - fa) * (1 - fb), (1 - fa) * fb
            wa, wab = fa * (1 - fb), fa * fb
            p, pb, pa, pab = source[a0, b0], source[a0, b1], source[a1, b0], source[a1, b1]
            for c in range(target.shape[0]):
                target[c] = _mean(p[c], pb[c], pa[c], pab[c], w, wb, wa, wab)


@jit
def planes(source: Array, out: Array, matrix: Array, offset: Array, background: Array) -> None:
    """Take the mean of the four neighbours; see `Kernel`."""
    packed = np.empty((source.shape[0], source.shape[1], WIDTH), source.dtype)
    row = np.empty((out.shape[1], WIDTH), source.dtype)
    fill = np.empty(WIDTH, source.dtype)
    for start in range(0, source.shape[2], WIDTH):
        width = _pack(source, packed, start)
        fill[:width] = background[start : start + width]
        for oa in range(out.shape[0]):
            for ob in range(out.shape[1]):
                ia = matrix[0, 0] * oa + matrix[0, 1] * ob + offset[0]
                ib = matrix[1, 0] * oa + matrix[1, 1] * ob + offset[1]
                target = row[ob]
                if not (_inside(ia, source.shape[0]) and _inside(ib, source.shape[1])):
                    for k in range(WIDTH):
                        target[k] = fill[k]
                    continue
                a0, a1, fa = _neighbours(ia, source.shape[0])
                b0, b1, fb = _neighbours(ib, source.shape[1])
                w, wb = (1 - fa) * (1 - fb), (1 - fa) * fb
                wa, wab = fa * (1 - fb), fa * fb
                p, pb, pa, pab = packed[a0, b0], packed[a0, b1], packed[a1, b0], packed[a1, b1]
                for k in range(WIDTH):
                    target[k] = _mean(p[k], pb[k], pa[k], pab[k], w, wb, wa, wab)
            _unpack(row, out[oa], start, width)


@jit
def nearest_rows(source: Array, out: Array, matrix: Array, offset: Array, background: Array) -> None:
    """Take the nearest voxel; see `Kernel`."""
    for oa in range(out.shape[0]):
        for ob in range(out.shape[1]):
            ia = matrix[0, 0] * oa + matrix[0, 1] * ob + offset[0]
            ib = matrix[1, 0] * oa + matrix[1, 1] * ob + offset[1]
            if _inside(ia, source.shape[0]) and _inside(ib, source.shape[1]):
                out[oa, ob] = source[int(np.floor(ia + 0.5)), int(np.floor(ib + 0.5))]
            else:
                out[oa, ob] = background


@jit
def nearest_planes(source: Array, out: Array, matrix: Array, offset: Array, background: Array) -> None:
    """Take the nearest voxel; see `Kernel`."""
    packed = np.empty((source.shape[0], source.shape[1], WIDTH), source.dtype)
    row = np.empty((out.shape[1], WIDTH), source.dtype)
    fill = np.empty(WIDTH, source.dtype)
    for start in range(0, source.shape[2], WIDTH):
        width = _pack(source, packed, start)
        fill[:width] = background[start : start + width]
        for oa in range(out.shape[0]):
            for ob in range(out.shape[1]):
                ia = matrix[0, 0] * oa + matrix[0, 1] * ob + offset[0]
                ib = matrix[1, 0] * oa + matrix[1, 1] * ob + offset[1]
                nearest = fill
                if _inside(ia, source.shape[0]) and _inside(ib, source.shape[1]):
                    nearest = packed[int(np.floor(ia + 0.5)), int(np.floor(ib + 0.5))]
                target = row[ob]
                for k in range(WIDTH):
                    target[k] = nearest[k]
            _unpack(row, out[oa], start, width)


COMPILED = all(isinstance(kernel, Dispatcher) for kernel in (rows, planes, nearest_rows, nearest_planes))
"""False where compilation is disabled: the kernels are then plain Python functions, and far too slow."""


def run(kernel: Kernel, source: Array, out: Array, matrix: Array, offset: Array, background: Array) -> None:
    """Run a kernel; compile it only for this process if the cache cannot be used.

    Raises
    ------
    Unusable
        If it cannot be compiled.
    """
    try:
        kernel(source, out, matrix, offset, background)
        return
    except Exception:  # noqa: BLE001 - the cache raises whatever reading a cut file raises
        # From the cache, whose file is truncated or does not fit on the disk: kernels themselves raise nothing.
        for found in list(globals().values()):
            if isinstance(found, Dispatcher):
                found._cache = NullCache()  # type: ignore[attr-defined]  # its stub leaves it out
    try:
        kernel(source, out, matrix, offset, background)
    except Exception as error:
        raise Unusable(str(error)) from error
