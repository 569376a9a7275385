"""Every byte of a NIfTI header, changed: accepted only where nibabel, SimpleITK and segconv agree.

``SEGCONV_FUZZ`` is the number of further headers in which several bytes are changed (300).
"""

from __future__ import annotations

import itertools
import os
import random
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from segconv.errors import SegconvError
from segconv.image.formats import nifti
from segconv.image.geometry import SAME_GRID_VOXELS
from segconv.image.voxels import value_range

FUZZ = int(os.environ.get("SEGCONV_FUZZ", "300"))
MUTANTS = 4
LIMIT_S = 2.0
MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}


def original() -> bytes:
    """A file with both forms set, oblique, of 16-bit voxels in three dimensions."""
    angle = 0.3
    affine = np.array(
        [
            [1.5 * np.cos(angle), -2 * np.sin(angle), 0, -30],
            [1.5 * np.sin(angle), 2 * np.cos(angle), 0, 12],
            [0, 0, 4, 7],
            [0, 0, 0, 1],
        ]
    )
    image = nib.Nifti1Image(np.arange(6 * 5 * 4, dtype=np.int16).reshape(6, 5, 4) * 7 - 100, affine)
    image.set_qform(affine, 1)
    image.header.set_xyzt_units("mm")
    return bytes(image.to_bytes())


def disagreement(data: bytes, path: Path) -> str | None:
    """What the three disagree on, or None; one of our errors is not a disagreement."""
    ours = nifti.decode(data)
    header = ours.header
    path.write_bytes(data)
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        return f"SimpleITK cannot read it: {error}"
    grid = header.geometry
    size = grid.size + ((header.channels,) if header.channels > 1 else ())
    theirs = image.GetSize()
    if len(theirs) > len(size) and set(theirs[len(size) :]) == {1}:
        theirs = theirs[: len(size)]
    flat = grid.size[2] == 1 and image.GetDimension() == 2
    if theirs != (size[:2] if flat else size):
        return f"size {size}, SimpleITK has {theirs}"
    n = min(image.GetDimension(), 3)
    direction = np.array(image.GetDirection()).reshape(image.GetDimension(), -1)[:n, :n]
    for what, mine, other, absolute in (
        ("spacing", grid.spacing_mm[:n], image.GetSpacing()[:n], 0),
        ("origin", grid.origin_mm[:n], image.GetOrigin()[:n], 1e-4 * max(1, np.abs(grid.origin_mm).max() * 1e-2)),
        ("direction", np.array(grid.direction).reshape(3, 3)[:n, :n], direction, 2e-5),
    ):
        if not np.allclose(mine, other, rtol=2e-6, atol=absolute):
            return f"{what} {mine}, SimpleITK has {other}"
    value_range(ours.values)  # refuses what is not finite, as conversion does
    values = ours.values.astype(np.float64)
    read = sitk.GetArrayFromImage(image).astype(np.float64)
    if values.size != read.size or not np.allclose(values.ravel(), read.ravel(), rtol=1e-5, atol=1e-6, equal_nan=True):
        return f"voxels: {values.ravel()[:4]}, SimpleITK has {read.ravel()[:4]}"
    return _differs_from_nibabel(ours, data)


def _differs_from_nibabel(ours: nifti.Nifti, data: bytes) -> str | None:
    header = ours.header
    try:
        image = nib.Nifti1Image.from_bytes(data)
        voxels = np.asarray(image.dataobj)
        own: Any = image.header
        zooms = own.get_zooms()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a disagreement
        return f"nibabel cannot read it: {type(error).__name__}: {error}"
    dtype = image.get_data_dtype()
    if dtype != header.dtype:
        return f"type {header.dtype}, nibabel has {dtype}"
    shape = [n for n in voxels.shape if n != 1]
    if [n for n in (*header.geometry.size, header.channels) if n != 1] != shape:
        return f"shape {header.geometry.size} × {header.channels}, nibabel has {voxels.shape}"
    if not np.allclose(ours.values.T.ravel(order="F"), voxels.ravel(order="F"), rtol=1e-5, atol=1e-6, equal_nan=True):
        return "voxels differ from nibabel's"
    scale = MM.get(int(own["xyzt_units"]) & 7, 1.0)
    mine = np.array(header.geometry.spacing_mm)[: min(3, len(zooms))]
    if not np.allclose(mine, np.array(zooms[:3], float) * scale, rtol=1e-6):
        return f"spacing {mine}, nibabel has {zooms}"
    if not header.oddities:
        affine = np.array([[scale]] * 3 + [[1]]) * image.affine
        corners = np.array(list(itertools.product(*((0, n - 1) for n in header.geometry.size), [1]))).T
        apart_mm = np.linalg.norm((header.geometry.affine_ras @ corners - affine @ corners)[:3], axis=0).max()
        if apart_mm / min(header.geometry.spacing_mm) > SAME_GRID_VOXELS * 1.1:  # both forms were found to be one
            return f"the affine lies {apart_mm} mm off nibabel's"
    return None


def judge(data: bytes, path: Path, what: object, figures: Counter[str]) -> None:
    begun = time.monotonic()
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = disagreement(data, path)
    except SegconvError:
        figures["refused"] += 1
    else:
        assert found is None, (what, found)
        figures["accepted"] += 1
    assert time.monotonic() - begun < LIMIT_S, what


@pytest.fixture(autouse=True)
def _readers_say_nothing() -> Any:
    nib.imageglobals.logger.setLevel("CRITICAL")
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    yield
    sitk.ProcessObject.SetGlobalWarningDisplay(True)
    nib.imageglobals.logger.setLevel("WARNING")


def test_every_byte_of_a_header_is_changed_and_accepted_only_where_all_readers_agree(tmp_path: Path) -> None:
    data = original()
    chance = random.Random(0)
    figures: Counter[str] = Counter()
    for at in range(nifti.HEADER_SIZE):
        old = data[at]
        values = {old ^ (1 << chance.randrange(8)), old ^ 0x80, 0xFF - old, chance.randrange(256)} - {old}
        for value in sorted(values)[:MUTANTS]:
            changed = bytearray(data)
            changed[at] = value
            judge(bytes(changed), tmp_path / "x.nii", (at, value), figures)
    print(dict(figures))
    assert sum(figures.values()) > 1100
    assert min(figures["refused"], figures["accepted"]) > 100


def test_several_bytes_at_once_are_no_worse(tmp_path: Path) -> None:
    data = original()
    chance = random.Random(1)
    figures: Counter[str] = Counter()
    # The fields that decide: dim, datatype, bitpix, pixdim, vox_offset, scaling, units, and the two forms.
    decisive = [*range(40, 56), *range(70, 74), *range(76, 124), *range(252, 344)]
    for number in range(FUZZ):
        changed = bytearray(data)
        fields = decisive if number % 2 else range(nifti.HEADER_SIZE)
        for at in chance.sample(list(fields), chance.randint(2, 4)):
            changed[at] ^= 1 << chance.randrange(8)
        judge(bytes(changed), tmp_path / "x.nii", (number, bytes(changed[:348]).hex()), figures)
    print(dict(figures))
    assert min(figures["refused"], figures["accepted"]) > FUZZ // 20


def test_fields_of_extreme_numbers_are_no_worse(tmp_path: Path) -> None:
    figures: Counter[str] = Counter()
    extremes = (0.0, -0.0, -1.0, 1e-45, 1e-30, 1e30, 3.4e38, np.inf, -np.inf, np.nan, 0.5, 2.0)
    header = nib.Nifti1Header(original()[:348])
    for name in header:
        if header[name].dtype.kind not in "fi":
            continue
        for index in np.ndindex(header[name].shape):
            for extreme in extremes:
                changed = header.copy()
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    changed[name][index] = np.array(extreme).astype(header[name].dtype)
                data = changed.binaryblock + original()[348:]
                judge(data, tmp_path / "x.nii", (name, index, extreme), figures)
    print(dict(figures))
    assert figures["refused"] > 100
