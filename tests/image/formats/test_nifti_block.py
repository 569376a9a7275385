"""The bytes of a header, compared with nibabel."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.nifti1 import Nifti1Header

from segconv.image.formats.nifti_block import _FIELDS, DTYPES, SIZE, NiftiBlock, quaternion

angles = st.floats(-180, 180)


def rotation(x: float, y: float, z: float) -> np.ndarray:
    cx, cy, cz, sx, sy, sz = *np.cos(np.radians([x, y, z])), *np.sin(np.radians([x, y, z]))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    return np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]]) @ about_x @ about_y


def test_every_field_is_where_nibabel_has_it() -> None:
    assert len(NiftiBlock().to_bytes()) == SIZE
    theirs = nib.nifti1.header_dtype
    for name, *_ in _FIELDS:
        ours = NiftiBlock()._fields.dtype.fields[name]
        assert (ours[0].itemsize, ours[1]) == (theirs.fields[name][0].itemsize, theirs.fields[name][1])


@given(st.binary(min_size=344, max_size=344), st.booleans())
def test_random_headers_are_read_as_nibabel_reads_them(rest: bytes, big: bool) -> None:
    block = SIZE.to_bytes(4, "big" if big else "little") + rest
    ours = NiftiBlock(block)
    theirs = np.frombuffer(block, dtype=nib.nifti1.header_dtype.newbyteorder(">" if big else "<")).reshape(())
    for name, *_ in _FIELDS:
        assert np.array_equal(ours[name], theirs[name], equal_nan=theirs[name].dtype.kind == "f"), name
    assert ours.to_bytes() == block


@given(angles, angles, angles, st.booleans(), st.lists(st.floats(0.05, 20), min_size=3, max_size=3))
def test_both_forms_are_written_as_nibabel_and_ours_read_them(
    x: float, y: float, z: float, mirrored: bool, spacing: list[float]
) -> None:
    cosines = rotation(x, y, z) * ((1, 1, -1) if mirrored else (1, 1, 1))
    affine = np.eye(4)
    affine[:3, :3] = cosines * spacing
    affine[:3, 3] = (-120.5, 33.25, 1000)
    block = NiftiBlock()
    block.set_shape((4, 5, 6))
    block.set_dtype(np.dtype(np.int16))
    block.set_forms(affine, tuple(spacing))
    block["magic"] = b"n+1"
    theirs = Nifti1Header(block.to_bytes())
    assert np.allclose(theirs.get_sform(), affine, rtol=1e-6, atol=1e-5)
    # Rotations near 180° are known only to a milliradian: float32 of the other three numbers sets the first.
    assert np.allclose(theirs.get_qform(), affine, atol=2e-3 * max(spacing))
    assert np.allclose(block.qform(), theirs.get_qform(), atol=2e-3 * max(spacing))
    assert np.array_equal(block.sform(), theirs.get_sform())
    assert theirs.get_data_shape() == (4, 5, 6)
    assert theirs.get_data_dtype() == np.int16
    assert np.allclose(theirs.get_zooms(), spacing)


@given(angles, angles, angles)
def test_quaternions_are_of_their_rotation(x: float, y: float, z: float) -> None:
    a, b, c, d = quaternion(rotation(x, y, z))
    assert a >= 0
    assert abs(a * a + b * b + c * c + d * d - 1) < 1e-12
    assert np.allclose(nib.quaternions.quat2mat((a, b, c, d)), rotation(x, y, z), atol=1e-12)


@pytest.mark.parametrize("turn", [(180, 0, 0), (0, 180, 0), (0, 0, 180), (90, 0, 0), (0, 0, 0), (120, 120, 120)])
def test_quarter_and_half_turns_have_a_quaternion(turn: tuple[int, int, int]) -> None:
    assert np.allclose(nib.quaternions.quat2mat(quaternion(rotation(*turn))), rotation(*turn), atol=1e-12)


def test_types_have_nibabels_codes() -> None:
    for code, dtype in DTYPES.items():
        assert nib.nifti1.data_type_codes.dtype[code] == dtype


def test_headers_with_one_grid_are_alike_but_for_other_fields() -> None:
    spatial = {"dim", "pixdim", "xyzt_units", "qform_code", "sform_code"}
    spatial |= {f"quatern_{axis}" for axis in "bcd"} | {f"qoffset_{axis}" for axis in "xyz"}
    spatial |= {f"srow_{axis}" for axis in "xyz"}
    plain = NiftiBlock().only_spatial()
    for name, *_ in _FIELDS:
        if name != "sizeof_hdr":
            other = NiftiBlock()
            other[name] = b"x" if other[name].dtype.kind == "S" else 7
            assert (other.only_spatial() != plain) == (name in spatial), name
