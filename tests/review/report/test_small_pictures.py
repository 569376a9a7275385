"""Thumbnails, sheets, slices and volumes: small pictures that still show what is there."""

from __future__ import annotations

import base64
import gzip
import io

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segconv.image.geometry import Geometry
from segconv.image.small_pictures import lossless, resized_labels
from segconv.review.pictures.planes import Plane
from segconv.review.pictures.windows import CT_WINDOWS
from segconv.review.report import small_planes
from segconv.review.report.decoded_case import DecodedCase
from segconv.review.report.sheets import CELLS, Sheets, ordinal, thinned
from segconv.review.report.stacks import MOST_SLICES, stack_of
from segconv.review.report.volumes import MOST_SIDE, volume_of

RAS = (-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0)


def picture(webp: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(webp))).convert("RGBA"))


def case(
    image: NDArray[np.generic],
    label: NDArray[np.generic] | None = None,
    *,
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0),
    direction: tuple[float, ...] = RAS,
    prediction: NDArray[np.generic] | None = None,
    in_hu: bool = False,
) -> DecodedCase:
    grid = Geometry(image.shape[::-1], spacing, (0.0,) * image.ndim, direction)
    return DecodedCase(grid, True, [image], label, prediction, drawn=0, ignore=None, in_hu=in_hu, looks=(None,))


def test_a_label_of_one_pixel_survives_any_shrinking() -> None:
    label = np.zeros((400, 300), np.uint8)
    label[:200] = 1
    label[350, 17] = 2
    small = resized_labels(label, (1, 2), 30, 40)
    assert small.shape == (40, 30)
    assert [int((small == value).sum()) for value in (1, 2)] == [600, 1]
    assert small[35, 1] == 2


def test_values_beyond_sixteen_bits_are_kept() -> None:
    label = np.full((8, 8), 70_000, np.uint32)
    assert resized_labels(label, (70_000,), 4, 4).max() == 70_000
    assert small_planes.overlaid(np.full((4, 4), 70_000, np.uint32)).shape == (4, 4, 4)


def test_transparent_colours_are_exact() -> None:
    label = np.zeros((12, 12), np.uint32)
    label[3:9, 3:9] = 3
    layer = picture(base64.b64encode(lossless(small_planes.overlaid(label))).decode())
    assert layer[0, 0, 3] == 0
    assert tuple(layer[3, 3]) == (*small_planes.rgb(3), 255)
    assert tuple(layer[5, 5, :3]) == small_planes.rgb(3)
    assert 0 < layer[5, 5, 3] < 255


def test_planes_have_the_proportions_of_the_patient() -> None:
    plane = Plane("", np.zeros((10, 40)), None, (3.0, 1.0))
    assert small_planes.fitted(plane, 80, 80) == (80, 60)
    assert small_planes.natural(plane, 256) == (40, 30)


def test_large_pictures_are_shrunk_before_they_become_floats() -> None:
    image = np.tile(np.linspace(0, 255, 4000).astype(np.uint8)[:, None], (1, 3000))
    small = small_planes.grey(Plane("", image, None, (1.0, 1.0)), (0.0, 255.0), (75, 100))
    assert small.shape == (100, 75)
    exact = image.reshape(100, 40, 75, 40).mean(axis=(1, 3))
    assert np.abs(small.astype(float) - exact).max() <= 2


def test_sheets_are_packed_row_by_row() -> None:
    sheets = Sheets(10)
    cells = [np.full((10, 8, 3), number, np.uint8) for number in range(CELLS**2 + 2)]
    places = [sheets.add(cell, str(number)) for number, cell in enumerate(cells)]
    encoded = [picture(sheet) for sheet in sheets.encoded()]
    assert [sheet.shape[:2] for sheet in encoded] == [(10 * CELLS, 10 * CELLS), (10, 20)]
    for number, place in enumerate(places):
        part = encoded[place.sheet][place.top : place.top + place.height, place.left : place.left + place.width]
        assert part.shape[:2] == (10, 8)
        assert abs(int(part[5, 4, 0]) - number) <= 6


@pytest.mark.parametrize(("cases", "most"), [(24, 160), (1000, 88), (3999, 56), (100_000, 56)])
def test_thumbnails_of_many_cases_are_thinned_and_that_is_said(cases: int, most: int) -> None:
    found = thinned(cases)
    assert found.side == most
    assert -(-cases // found.every) <= 4000
    assert bool(found.note) == (cases > 200)
    assert (f"Every {ordinal(found.every)} case" in found.note) == (found.every > 1)


def test_ordinals() -> None:
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 112)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th")
    ]


def test_slices_begin_with_the_one_that_has_most_of_a_label() -> None:
    image = np.random.default_rng(0).normal(0, 1, (90, 20, 24)).astype(np.float32)
    label = np.zeros(image.shape, np.uint8)
    label[61, 5:9, 5:9] = 1
    stack = stack_of("c", case(image, label), None, channel="MR", pixels=1 << 22, names={1: "dot"})
    assert (stack.plane, stack.axis, stack.of, stack.ends) == ("axial", "k", 90, ("R", "L", "A", "P"))
    assert stack.slices[stack.first] == 61
    assert len(stack.slices) <= MOST_SLICES + 1
    assert (stack.slices[0], stack.slices[-1]) == (0, 89)
    assert stack.text == "axial of c with dot"
    mosaic, layer = picture(stack.webp), picture(stack.layers[0].webp)
    rows = -(-len(stack.slices) // stack.columns)
    assert mosaic.shape[:2] == layer.shape[:2] == (rows * stack.height, stack.columns * stack.width)
    row, column = divmod(stack.first, stack.columns)
    inside = np.argwhere(layer[..., 3] > 0)
    assert (inside // (stack.height, stack.width) == (row, column)).all()


def test_thick_slices_are_looked_at_one_by_one() -> None:
    image = np.zeros((20, 12, 24), np.float32)
    stack = stack_of("c", case(image, spacing=(1.0, 4.0, 1.0)), None, channel="MR", pixels=1 << 22, names={})
    assert (stack.plane, stack.axis, stack.of) == ("coronal", "j", 12)
    assert stack.text == "coronal of c"


def test_stored_values_reach_beyond_the_window() -> None:
    image = np.linspace(-1000, 1000, 4 * 32 * 32, dtype=np.float32).reshape(4, 32, 32)
    stack = stack_of("c", case(image), (-160.0, 240.0), channel="CT", pixels=1 << 20, names={})
    assert stack.window == (-160, 240)
    assert stack.range is not None
    assert stack.range[0] <= -360
    assert stack.range[1] >= 440


@pytest.mark.parametrize(("hu", "name"), [(-800, "lung"), (50, "soft"), (600, "bone")])
def test_ct_is_first_shown_in_the_window_of_what_is_labelled(hu: int, name: str) -> None:
    image = np.full((8, 64, 64), -1000, np.int16)
    image[:, 10:50, 10:50] = np.random.default_rng(0).normal(hu, 15, (8, 40, 40))
    label = np.zeros(image.shape, np.uint8)
    label[:, 20:40, 20:40] = 1
    stack = stack_of("c", case(image, label, in_hu=True), None, channel="CT", pixels=1 << 20, names={})
    assert stack.window == CT_WINDOWS[name]
    assert case(image, None, in_hu=True).window == case(image, 0 * label, in_hu=True).window == CT_WINDOWS["soft"]
    assert case(image, label).window not in CT_WINDOWS.values()


def test_many_slices_keep_to_the_pixels() -> None:
    image = np.zeros((300, 400, 400), np.uint8)
    image[100:, 50:300, 80:] = 200
    stack = stack_of("c", case(image), None, channel="CT", pixels=1 << 19, names={})
    assert stack.width * stack.height * len(stack.slices) < 1.1 * (1 << 19)
    assert stack.width >= 96


def test_a_prediction_is_outlined_and_what_differs_is_marked() -> None:
    label, prediction = np.zeros((2, 6, 40, 40), np.uint8)
    label[3, 5:15, 5:15] = 1
    prediction[3, 5:15, 5:25] = 1
    image = np.zeros(label.shape, np.uint8)
    stack = stack_of("c", case(image, label, prediction=prediction), None, channel="", pixels=1 << 20, names={1: "a"})
    drawn = {layer.name: (picture(layer.webp)[..., 3] > 0).sum() for layer in stack.layers}
    assert drawn == {"label": 100, "prediction": 56, "differs": 100}


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 3)])
def test_thumbnails_are_tinted_where_a_prediction_differs(shape: tuple[int, ...]) -> None:
    wrong = np.array([[0, 1, 0], [0, 0, 0]], np.uint32)
    tinted = small_planes.tinted(np.full(shape, 100, np.uint8), wrong)
    assert tinted[0, 1].tolist() == [155, 65, 65]
    assert (tinted[wrong == 0] == 100).all()


def test_a_volume_in_few_voxels_is_where_it_was_and_keeps_small_labels() -> None:
    shape = (60, 130, 250)
    image = np.zeros(shape, np.int16)
    label = np.zeros(shape, np.uint8)
    label[10:40, 30:90, 40:200] = 4
    label[20, 60, 100] = 9
    image[label > 0] = 100
    made = volume_of("c", case(image, label, spacing=(0.5, 0.8, 3.0)), (0.0, 100.0), 1 << 30)
    volumes = [nib.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(text))) for text in (made.image, made.label)]
    grey, small = (np.asarray(volume.dataobj) for volume in volumes)
    assert max(grey.shape) <= MOST_SIDE
    assert (grey.min(), grey.max()) == (0, 255)
    assert made.values == (4, 9)
    assert sorted(np.unique(small)) == [0, 1, 2]
    few = volume_of("c", case(image, label), None, 1 << 15)
    assert nib.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(few.image))).shape == (31, 26, 30)
    affine = case(image, spacing=(0.5, 0.8, 3.0)).geometry.affine_ras
    before = affine @ [*np.argwhere(label == 9).mean(axis=0)[::-1], 1]
    after = volumes[1].affine @ [*np.argwhere(small == 2).mean(axis=0), 1]
    assert np.abs(before - after)[:3].max() <= 1.0


def test_stored_orientations_do_not_matter_to_a_viewer() -> None:
    image = np.zeros((8, 10, 12), np.uint8)
    image[1] = 200
    for direction, bright in ((RAS, 1), ((-1.0, 0, 0, 0, -1.0, 0, 0, 0, -1.0), 1)):
        stack = stack_of("c", case(image, direction=direction), (0.0, 200.0), channel="", pixels=1 << 20, names={})
        mosaic = picture(stack.webp)[..., 0]
        row, column = divmod(stack.slices.index(bright), stack.columns)
        assert mosaic[row * stack.height + 2, column * stack.width + 2] > 150
