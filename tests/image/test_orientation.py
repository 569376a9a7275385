"""Orders of axes: voxels move, but keep their values and their points in the patient."""

from __future__ import annotations

import itertools

import nibabel as nib
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from segconv.errors import SegconvError
from segconv.image.formats import metaimage, nifti, nrrd
from segconv.image.geometry import Geometry, Volume, grid_of
from segconv.image.orientation import axis_codes, canonical, same_points
from segconv.image.read_options import ANY_AXES
from segconv.image.resample import onto_grid, rotation_matrix

sizes = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))
spacings = st.tuples(*[st.floats(0.2, 5)] * 3)
angles = st.tuples(*[st.floats(-180, 180).map(lambda angle: round(angle, 9))] * 3)
mirrors = st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3)


@st.composite
def volumes(draw: st.DrawFn) -> Volume:
    size, spacing = draw(sizes), draw(spacings)
    direction = rotation_matrix(draw(angles), 3) * draw(mirrors)
    grid = Geometry(size, spacing, (-7.0, 20.0, 300.0), tuple(float(v) for v in direction.ravel()))
    return Volume(np.arange(np.prod(size), dtype=np.int32).reshape(grid.array_shape), grid)


def points(volume: Volume) -> dict[int, np.ndarray]:
    """Value → its point in the patient."""
    found = {}
    for z, y, x in np.ndindex(*volume.array.shape):
        found[int(volume.array[z, y, x])] = volume.geometry.to_physical((x, y, z))
    return found


@given(volumes())
def test_no_voxel_changes_its_point(volume: Volume) -> None:
    turned = canonical(volume)
    before, after = points(volume), points(turned)
    assert before.keys() == after.keys()
    assert all(np.allclose(before[value], after[value], atol=1e-6) for value in before)


@given(volumes())
def test_axes_have_the_names_that_nibabel_gives_them(volume: Volume) -> None:
    affine = volume.geometry.affine_ras
    assume(not tied(affine))
    codes = axis_codes(volume.geometry)
    assert tuple(codes) == nib.aff2axcodes(affine)
    assert {side for code in codes for side in ("LR", "PA", "SI") if code in side} == {"LR", "PA", "SI"}


def tied(affine: np.ndarray) -> bool:
    """Whether rounding decides which of two axes is nearer to a side."""
    cosines = np.abs(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
    return any(abs(a - b) < 1e-6 for a, b in itertools.combinations(cosines.ravel(), 2) if max(a, b) > 1e-6)


@given(volumes())
def test_the_order_is_nibabels_closest_canonical(volume: Volume) -> None:
    assume(not tied(volume.geometry.affine_ras))
    theirs = nib.as_closest_canonical(nib.Nifti1Image(volume.array.T, volume.geometry.affine_ras))
    ours = canonical(volume)
    assert np.array_equal(np.asarray(theirs.dataobj).T, ours.array)
    assert np.allclose(theirs.affine, ours.geometry.affine_ras, atol=1e-3)


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, 1), (1, -1, -1)])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_axes_along_those_of_the_patient(order: tuple[int, ...], flips: tuple[int, ...]) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.diag(flips)[:, list(order)] * [0.5, 2, 1]
    assert tuple(axis_codes(Geometry.from_affine_ras(affine, (3, 4, 5)))) == nib.aff2axcodes(affine)


@given(volumes())
def test_there_and_back_is_the_identity(volume: Volume) -> None:
    turned = canonical(volume)
    order = same_points(turned.geometry, volume.geometry)
    assert order is not None
    back = Volume(order.array(turned.array), volume.geometry)
    if len(set(volume.geometry.size)) == 3:
        assert np.array_equal(back.array, volume.array)
    assert back.geometry == volume.geometry
    before, after = points(volume), points(back)
    assert all(
        np.allclose(before[value], after[value], atol=0.02 * max(volume.geometry.spacing_mm)) for value in before
    )


@given(volumes())
def test_a_label_taken_to_a_turned_grid_is_the_turned_label(volume: Volume) -> None:
    turned = canonical(volume)
    assert np.array_equal(onto_grid(volume, turned.geometry, -1), turned.array)


def test_another_grid_has_other_points() -> None:
    assert same_points(Geometry.plain((4, 3, 2)), Geometry.plain((4, 3, 2), (2, 1, 1))) is None


SHEAR = np.array([[1, 0.05, 0], [0, 1, 0], [0, 0, 1]])


def sheared(ending: str) -> bytes:
    """A file whose axes are off right angles by a twentieth."""
    grid = Geometry.plain((6, 5, 4), (1, 2, 3))
    array = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    cosines = SHEAR / np.linalg.norm(SHEAR, axis=0)
    if ending == ".nii":
        affine = np.diag([-1.0, -1.0, 1.0, 1.0])
        affine[:3, :3] = affine[:3, :3] @ cosines * grid.spacing_mm
        image = nib.Nifti1Image(array.T, affine)
        image.set_qform(None, code=0)
        return bytes(image.to_bytes())
    if ending == ".nrrd":
        text = "(1.0,0.0,0.0) (0.0,2.0,0.0) (0.0,0.0,3.0)"
        steps = " ".join(f"({','.join(f'{v:.17g}' for v in axis)})" for axis in (cosines * grid.spacing_mm).T)
        return b"".join(nrrd.encode(array, grid)).replace(text.encode(), steps.encode())
    matrix = " ".join(f"{v:.17g}" for v in cosines.T.ravel())
    return b"".join(metaimage.encode(array, grid)).replace(b"1.0 0.0 0.0 0.0 1.0 0.0 0.0 0.0 1.0", matrix.encode())


@pytest.mark.parametrize("ending", [".nii", ".nrrd", ".mha"])
def test_sheared_axes_are_repaired_on_request_and_the_error_is_reported(ending: str) -> None:
    decode = {".nii": nifti.decode, ".nrrd": nrrd.decode, ".mha": metaimage.decode}[ending]
    data = sheared(ending)
    with pytest.raises(SegconvError) as caught:
        decode(data)
    assert caught.value.code == "SC057"
    volume = decode(data, how=ANY_AXES)
    assert volume.header.geometry.orthonormality_error < 1e-12
    (wording,) = [message for code, message in volume.header.oddities if code == "SC093"]
    assert "the nearest rotation moves corners by up to" in wording
    assert float(wording.split()[-2]) == pytest.approx(0.2, abs=0.06)
    assert not volume.plain
    with pytest.raises(SegconvError):
        decode(data)


def test_collapsed_axes_are_not_repaired() -> None:
    flat = np.array([[1, 0.99, 0], [0, 0.14, 0], [0, 0, 1]])
    with pytest.raises(SegconvError):
        grid_of((3, 3, 3), (1, 1, 1), (0, 0, 0), flat / np.linalg.norm(flat, axis=0), [], ANY_AXES)
