"""Names of values in the header of a NIfTI file: other readers find the same voxels, and the names."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from segconv.image import opened
from segconv.image.formats import nifti
from segconv.image.formats.nifti_label_table import with_label_table
from segconv.image.formats.nifti_names import label_names
from segconv.image.geometry import Geometry

NAMES = {1: "liver", 2: "a < b & c", 300: "größer"}


def written(folder: Path) -> tuple[Path, np.ndarray]:
    array = np.arange(24, dtype=np.uint16).reshape(4, 3, 2)
    grid = Geometry.plain((2, 3, 4), (1.0, 2.0, 3.0))
    pieces = nifti.compress(with_label_table(nifti.buffers_of(array, grid), NAMES), ".nii.gz")
    path = folder / "a.nii.gz"
    path.write_bytes(b"".join(pieces))
    return path, array


def test_all_readers_find_the_same_voxels(tmp_path: Path) -> None:
    path, array = written(tmp_path)
    assert np.array_equal(opened.read_label(path.read_bytes(), path.name).array, array)
    assert np.array_equal(np.asarray(nibabel.load(path).dataobj).T, array)
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(path)), array)


def test_names_are_read_back(tmp_path: Path) -> None:
    path, _ = written(tmp_path)
    raw = gzip.decompress(path.read_bytes())
    offset = int(np.frombuffer(raw[108:112], np.float32)[0])
    assert label_names(raw, offset, little=True) == NAMES


@pytest.mark.train
@pytest.mark.totalseg
def test_totalsegmentator_reads_the_names(tmp_path: Path) -> None:
    from totalsegmentator.nifti_ext_header import load_multilabel_nifti

    path, _ = written(tmp_path)
    _, names = load_multilabel_nifti(path)
    assert names == NAMES
