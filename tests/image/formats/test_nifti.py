"""NIfTI: checked headers, verified voxels, and the geometry that nnU-Net sees."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segconv.errors import SegconvError
from segconv.image.formats import nifti
from segconv.image.formats.nifti_block import NiftiBlock
from segconv.image.geometry import Geometry
from segconv.image.read_options import ANY_AXES

from ..test_geometry import geometries, rotation


def affine(angles: tuple[float, float, float], spacing: tuple[float, ...], offset: tuple[float, ...]) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(angles) * spacing
    matrix[:3, 3] = offset
    return matrix


def file_bytes(array: np.ndarray, matrix: np.ndarray | None = None, **header: Any) -> bytes:
    """An uncompressed file by nibabel; `array` is ``(x, y, z[, t])``."""
    image = nib.Nifti1Image(array, np.eye(4) if matrix is None else matrix)
    for key, value in header.items():
        image.header[key] = value
    data = bytearray(image.to_bytes())
    for key, value in header.items():  # nibabel resets some fields on writing
        own = nib.Nifti1Header(bytes(data[:348]), check=False)
        own[key] = value
        data[:348] = own.binaryblock
    return bytes(data)


def simpleitk_grid(data: bytes, folder: Path) -> tuple[np.ndarray, ...]:
    path = folder / "case.nii"
    path.write_bytes(data)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return np.array(reader.GetSpacing()), np.array(reader.GetOrigin()), np.array(reader.GetDirection())


def agrees(geometry: Geometry, grid: tuple[np.ndarray, ...]) -> bool:
    spacing, origin, direction = grid
    return bool(
        np.allclose(geometry.spacing_mm, spacing, rtol=1e-6)
        and np.allclose(geometry.origin_mm, origin, atol=1e-4)
        and np.allclose(geometry.direction, direction, atol=1e-5)
    )


QFORM = affine((0.2, 0.1, 0.05), (1, 2, 3), (1, 2, 3))


@pytest.mark.parametrize(("qform_code", "sform_code"), list(itertools.product(range(4), range(5))))
@pytest.mark.parametrize("other", ["turned", "sheared", "equal", "shifted"])
def test_of_two_forms_the_one_counts_that_simpleitk_reads(
    qform_code: int, sform_code: int, other: str, tmp_path: Path
) -> None:
    sform = {
        "turned": affine((0.7, 0, 0.3), (1, 2, 3), (11, 12, 13)),
        "sheared": QFORM + np.array([[0, 0.5, 0, 0]] + [[0] * 4] * 3),
        "equal": QFORM,
        "shifted": QFORM + np.array([[0, 0, 0, 4]] + [[0] * 4] * 3),
    }[other]
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4))
    image.set_qform(QFORM, max(qform_code, 1))
    header = image.header
    header["srow_x"], header["srow_y"], header["srow_z"] = sform[:3]
    header["qform_code"], header["sform_code"] = qform_code, sform_code
    header["vox_offset"] = 352
    data = bytes(header.binaryblock) + bytes(4 + 4 * 5 * 6 * 2)
    try:
        found = nifti.read_header(data)
    except SegconvError as error:
        assert error.code == "SC057"
        assert other == "sheared"
        with pytest.raises(RuntimeError, match="orthonormal"):
            simpleitk_grid(data, tmp_path)
        return
    assert agrees(found.geometry, simpleitk_grid(data, tmp_path))
    if other != "equal" and qform_code and sform_code:
        assert [code for code, _ in found.oddities] == ["SC092"], "a conflict is reported"


NEARLY_HALF_A_TURN = Geometry((1, 1, 5), (1, 1, 10), (0, 0, 0), tuple(rotation((0, 3.0, 0.015625)).ravel().tolist()))


@given(geometries)
@example(NEARLY_HALF_A_TURN)
@settings(max_examples=30)
def test_both_readers_read_encoded_data_alike(tmp_path_factory: Any, geometry: Geometry) -> None:
    folder = tmp_path_factory.mktemp("encode")
    array = np.arange(np.prod(geometry.size), dtype=np.int16).reshape(geometry.array_shape)
    path = folder / "x.nii.gz"
    path.write_bytes(b"".join(nifti.compress(nifti.buffers_of(array, geometry), ".nii.gz")))
    image = sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(image), array)
    # turns near 180° are only known to a milliradian from the quaternion, but SimpleITK reads the sform
    assert agrees(geometry, (np.array(image.GetSpacing()), np.array(image.GetOrigin()), np.array(image.GetDirection())))
    theirs = nib.load(path)
    assert np.array_equal(np.asarray(theirs.dataobj), array.T)
    assert np.allclose(theirs.affine, geometry.affine_ras, atol=1e-3)
    ours = nifti.decode(path.read_bytes())
    assert ours.plain
    assert np.array_equal(ours.stored, array)


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "int16", "uint16", "int32", "uint32", "float32", "float64", ">i2", ">f4"]
)
def test_every_real_type_is_read_as_nibabel_reads_it(dtype: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    image = nib.Nifti1Image(array, np.eye(4), dtype=np.dtype(dtype).newbyteorder("="))
    if dtype.startswith(">"):
        image = nib.Nifti1Image(array, np.eye(4), header=nib.Nifti1Header(endianness=">"))
    found = nifti.decode(image.to_bytes())
    assert np.array_equal(found.values, np.asarray(image.dataobj).T)
    assert found.plain is not dtype.startswith(">")


def test_slope_and_intercept_are_applied() -> None:
    found = nifti.decode(file_bytes(np.arange(8, dtype=np.int16).reshape(2, 2, 2), scl_slope=2.0, scl_inter=-1024.0))
    assert found.values.ravel()[0] == -1024
    assert found.values.max() == 7 * 2 - 1024


def test_a_channel_is_a_slab_of_the_files_own_bytes() -> None:
    array = np.random.default_rng(0).integers(-1000, 1000, (5, 6, 7, 3)).astype(np.int16)
    found = nifti.decode(file_bytes(array, QFORM))
    assert found.header.channels == 3
    for channel in range(3):
        data = b"".join(nifti.compress([nifti.channel_header(found.header), found.channel_bytes(channel)], ".nii"))
        alone = nib.Nifti1Image.from_bytes(data)
        assert np.array_equal(np.asarray(alone.dataobj), array[..., channel])
        assert np.array_equal(alone.affine, nib.Nifti1Image.from_bytes(file_bytes(array, QFORM)).affine)


def test_files_that_are_encoded_again_hold_no_free_text() -> None:
    found = nifti.decode(file_bytes(np.zeros((2, 2, 2, 2), np.int16), descrip=b"Jane Doe", aux_file=b"secret"))
    head = nifti.channel_header(found.header)
    assert b"Jane" not in head
    assert b"secret" not in head


@pytest.mark.parametrize(("unit", "factor"), [(1, 1000.0), (3, 0.001)])
def test_other_units_become_mm(unit: int, factor: float, tmp_path: Path) -> None:
    data = file_bytes(np.zeros((2, 2, 2), np.int16), affine((0, 0, 0), (1, 2, 3), (1, 2, 3)), xyzt_units=unit)
    found = nifti.read_header(data)
    assert found.geometry.spacing_mm == pytest.approx((factor, 2 * factor, 3 * factor))
    assert [code for code, _ in found.oddities] == ["SC092"]
    assert agrees(found.geometry, simpleitk_grid(data, tmp_path))


def good() -> bytes:
    return file_bytes(np.arange(60, dtype=np.int16).reshape(3, 4, 5))


def changed(**header: Any) -> bytes:
    data = bytearray(good())
    own = nib.Nifti1Header(bytes(data[:348]), check=False)
    for key, value in header.items():
        own[key] = value
    data[:348] = own.binaryblock
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "SC051"),
        (b"<!DOCTYPE html><html>not found</html>", "SC051"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "SC051"),
        (good()[:100], "SC052"),
        (good()[:-1], "SC052"),
        (good()[:344] + b"ni1\0" + good()[348:], "SC051"),
        (b"\0" * 400, "SC051"),
        (gzip.compress(good(), mtime=0)[:-4], "SC050"),
        (gzip.compress(good(), mtime=0)[:50], "SC050"),
        (good() + bytes((1 << 20) + 1), "SC054"),
        (changed(dim=[3, -3, 4, 5, 1, 1, 1, 1]), "SC053"),
        (changed(dim=[3, 0, 4, 5, 1, 1, 1, 1]), "SC053"),
        (changed(dim=[9, 3, 4, 5, 1, 1, 1, 1]), "SC053"),
        (changed(dim=[5, 3, 2, 2, 1, 5, 1, 1]), "SC084"),
        (changed(dim=[3, 32767, 32767, 32767, 1, 1, 1, 1]), "SC054"),
        (changed(datatype=32, bitpix=64), "SC056"),
        (changed(datatype=128, bitpix=24), "SC056"),
        (changed(datatype=9999), "SC056"),
        (changed(bitpix=8), "SC053"),
        (changed(vox_offset=100), "SC053"),
        (changed(vox_offset=-1), "SC053"),
        (changed(vox_offset=351), "SC053"),
        (changed(vox_offset=352.5), "SC053"),
        (changed(vox_offset=352 + (1 << 24) + 16), "SC053"),
        (changed(vox_offset=np.nan), "SC053"),
        (changed(scl_slope=1.0, scl_inter=np.nan), "SC053"),
        (changed(pixdim=[1, 0, 1, 1, 1, 1, 1, 1]), "SC057"),
        (changed(pixdim=[1, np.nan, 1, 1, 1, 1, 1, 1]), "SC057"),
        (changed(pixdim=[1, 2, 1, 1, 1, 1, 1, 1]), "SC057"),
        (changed(qform_code=1, quatern_b=2.0), "SC057"),
        (changed(qform_code=0, srow_x=[np.nan, 0, 0, 0]), "SC057"),
    ],
)
def test_what_cannot_be_used_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(SegconvError) as caught:
        nifti.decode(data)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("data", "wording"),
    [
        (good()[:347], "ends after 347 bytes"),
        (good()[:344] + b"ni1\0" + good()[348:], "is the header of a pair of files"),
        (b"\x1c\2" + good()[2:], "is NIfTI-2"),
        (b"\x5d\1" + good()[2:], "does not begin with its own length"),
        (changed(dim=[1, 60, 1, 1, 1, 1, 1, 1]), "declares 1 dimensions"),
        (changed(dim=[8, 3, 4, 5, 1, 1, 1, 1]), "declares 8 dimensions"),
        (changed(dim=[3, 0, 4, 5, 1, 1, 1, 1]), "each axis must be at least 1"),
        (changed(pixdim=[1, 0, 1, 1, 1, 1, 1, 1]), "expected numbers above 0"),
        (changed(pixdim=[1, 1, -1, 1, 1, 1, 1, 1]), "expected numbers above 0"),
        (changed(pixdim=[1, 1, 1, np.inf, 1, 1, 1, 1]), "expected numbers above 0"),
    ],
)
def test_errors_name_the_rule_that_is_broken(data: bytes, wording: str) -> None:
    with pytest.raises(SegconvError, match=wording):
        nifti.decode(data)


@pytest.mark.parametrize("dim", [[2, 12, 5, 1, 1, 1, 1, 1], [7, 3, 4, 5, 1, 1, 1, 1]])
def test_two_to_seven_dimensions_are_read_if_no_more_than_four_are_used(dim: list[int]) -> None:
    assert nifti.decode(changed(dim=dim)).stored.size == 60


def test_a_header_without_forms_is_reported() -> None:
    assert [c for c, _ in nifti.read_header(changed(qform_code=0, sform_code=0)).oddities] == ["SC092"]


def test_extensions_of_the_header_may_take_16_mebibytes() -> None:
    data = changed(vox_offset=352 + (1 << 24))
    data = data[:352] + bytes(1 << 24) + data[352:]
    assert np.array_equal(nifti.decode(data).stored, nifti.decode(good()).stored)


@pytest.mark.parametrize("spacing", [1.0, 1e-7])
def test_no_rotation_is_near_an_axis_without_length(spacing: float) -> None:
    data = changed(
        qform_code=0, sform_code=1, pixdim=[1, spacing, 1, 1, 1, 1, 1, 1],
        srow_x=[0, 0, 0, 5], srow_y=[0, 1, 0, 6], srow_z=[0, 0, 1, 7],
    )  # fmt: skip
    with pytest.raises(SegconvError) as caught:
        nifti.decode(data, how=ANY_AXES)
    assert caught.value.code == "SC057"


def test_a_sheared_form_of_another_spacing_is_not_a_grid() -> None:
    sheared = {"srow_x": [2, 0.5, 0, 5], "srow_y": [0, 1, 0, 6], "srow_z": [0, 0, 1, 7]}
    data = changed(qform_code=0, sform_code=1, pixdim=[1, 1, 1, 1, 1, 1, 1, 1], **sheared)
    with pytest.raises(SegconvError, match="its sform has the spacing"):
        nifti.decode(data, how=ANY_AXES)
    with pytest.raises(SegconvError, match="sheared or not finite"):
        nifti.decode(data)
    fitting = changed(qform_code=0, sform_code=1, pixdim=[1, 2, 1.25**0.5, 1, 1, 1, 1, 1], **sheared)
    with pytest.raises(SegconvError, match="sheared or not finite"):
        nifti.decode(fitting)
    assert nifti.decode(fitting, how=ANY_AXES).header.geometry.orthonormality_error < 1e-6


def test_bytes_after_the_last_voxel_are_noticed() -> None:
    found = nifti.decode(good() + b"garbage")
    assert not found.plain
    assert found.trailing


def test_real_files_are_read_as_simpleitk_reads_them(data: Path) -> None:
    files = sorted([*data.glob("sct_orientation/**/*.nii.gz"), *data.glob("totalseg_small/*.nii.gz")])
    files += sorted(data.glob("Task04_Hippocampus_mini/*/*.nii.gz"))
    assert len(files) > 30
    for path in files:
        ours = nifti.decode(path.read_bytes())
        theirs = sitk.ReadImage(str(path))
        assert np.array_equal(ours.values, sitk.GetArrayFromImage(theirs)), path
        grid = (np.array(theirs.GetSpacing()), np.array(theirs.GetOrigin()), np.array(theirs.GetDirection()))
        assert agrees(ours.header.geometry, grid), path


@given(
    st.tuples(*[st.sampled_from([0.0, 90.0, 180.0, -90.0])] * 3),
    st.tuples(*[st.floats(-0.2, 0.2)] * 3),
)
@settings(max_examples=200)
def test_rotations_near_half_a_turn_do_not_conflict(base: tuple[float, ...], off: tuple[float, ...]) -> None:
    turn = rotation(tuple(np.radians(b + o) for b, o in zip(base, off, strict=True)))  # type: ignore[arg-type]
    geometry = Geometry((60, 50, 40), (0.7, 0.7, 5.0), (10, 20, 30), tuple(turn.ravel().tolist()))
    header = nifti.read_header(nifti.new_header(geometry, np.dtype(np.int16)))
    assert header.oddities == ()
    assert header.geometry.displacement_voxels(geometry) < 0.01


@pytest.mark.parametrize("qfac", [-1.0, 1.0, 0.0, -7.0, 3.0])
@pytest.mark.parametrize("longer", [0.0, 1e-7, 3e-5])
def test_a_qform_that_nibabel_refuses_is_read_as_simpleitk_reads_it(qfac: float, longer: float, tmp_path: Path) -> None:
    data = bytearray(file_bytes(np.zeros((4, 5, 6), np.int16), qform_code=1, sform_code=0))
    header = nib.Nifti1Header(bytes(data[:348]), check=False)
    header["pixdim"][:4] = (qfac, 1, 2, 3)
    header["quatern_b"], header["quatern_c"], header["quatern_d"] = np.array([0.6, 0, 0.8]) * (1 + longer)
    data[:348] = header.binaryblock
    found = nifti.read_header(bytes(data))
    assert agrees(found.geometry, simpleitk_grid(bytes(data), tmp_path))


def test_spacings_of_any_bits_are_read_or_refused() -> None:
    data = bytearray(file_bytes(np.zeros((4, 5, 6), np.int16)))
    data[80:84] = b"\x01\x00\xa0\x7f"  # a signalling NaN
    with pytest.raises(SegconvError) as raised:
        nifti.read_header(bytes(data))
    assert raised.value.code == "SC057"


def test_a_slope_that_some_readers_ignore_is_refused() -> None:
    with pytest.raises(SegconvError, match="readers") as raised:
        nifti.read_header(file_bytes(np.zeros((4, 5, 6), np.int16), scl_slope=1e-30))
    assert raised.value.code == "SC053"


def test_forms_that_mirror_or_turn_each_other_are_read_as_simpleitk_reads_them(tmp_path: Path) -> None:
    mirrors = [np.diag(signs) for signs in itertools.product((1.0, -1.0), repeat=3)]
    turns = [np.eye(3)[list(order)] for order in itertools.permutations(range(3))]
    refused = 0
    for turn, mirror, spacing in itertools.product(turns, mirrors, [(1.0, 2.0, 3.0), (0.7, 0.7, 5.0), (1.0, 1.0, 1.0)]):
        block = NiftiBlock()
        block.set_dtype(np.dtype(np.uint8))
        block.set_shape((3, 4, 5))
        affine = np.eye(4)
        affine[:3, :3] = turn * spacing
        affine[:3, 3] = (10, 20, 30)
        block.set_forms(affine, spacing)
        affine[:3, :3] = turn @ mirror * spacing
        for axis, row in zip("xyz", affine, strict=False):
            block[f"srow_{axis}"] = row
        block["sform_code"] = 2
        block["magic"], block["vox_offset"], block["xyzt_units"] = b"n+1", 352, 2
        path = tmp_path / "a.nii"
        path.write_bytes(block.to_bytes() + bytes(4) + bytes(60))
        try:
            ours = nifti.decode(path.read_bytes()).header.geometry
        except SegconvError as error:
            assert error.code == "SC057"
            refused += 1
            continue
        theirs = sitk.ReadImage(str(path))
        assert np.allclose(ours.direction, theirs.GetDirection(), atol=1e-5), (turn, mirror, spacing)
        assert np.allclose(ours.origin_mm, theirs.GetOrigin(), atol=1e-5)
    assert refused < 100, "most of 144 are reported"
