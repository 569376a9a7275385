"""Pictures of cases: what nnU-Net's overlays show wrongly or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from segconv.review.pictures.case_picture import CONTOURS, FILL, CasePicture, drawn
from segconv.review.pictures.label_colours import colour_of
from segconv.review.pictures.planes import Plane
from segconv.review.pictures.sheet_layout import GAP_PX, TITLE_WIDE_PX, Grid, Place, extent_of, grid_of, places_of
from segconv.review.pictures.windows import colour_window_of, window_of

SIZE = 64
LEGEND_PX = 100
"""Pixels of a colour in the legend, at least."""
OUTLINE_PX = 60
"""Pixels of the colour of an outline, at least, besides."""


def picture(
    label: NDArray[np.uint8] | None,
    image: NDArray[np.generic] | None = None,
    *,
    style: str = CONTOURS,
    names: Mapping[int, str] | None = None,
    spacing_mm: tuple[float, float] = (1, 1),
) -> NDArray[np.uint8]:
    if image is None:
        image = np.linspace(0, 200, SIZE * SIZE).reshape(SIZE, SIZE)
    window = colour_window_of(image) if image.ndim == 3 else window_of(image)
    values = [] if label is None else [int(value) for value in np.unique(label) if value]
    plane = Plane("", image, label, spacing_mm)
    return drawn(CasePicture("case", [plane], window, names or {value: f"name {value}" for value in values}, style))


def pixels_of(shown: NDArray[np.uint8], colour: tuple[float, float, float], tolerance: int = 14) -> int:
    wanted = np.rint(np.multiply(colour, 255))
    return int((np.abs(shown.astype(int) - wanted).max(axis=-1) <= tolerance).sum())


def squares(values: list[int]) -> NDArray[np.uint8]:
    label = np.zeros((SIZE, SIZE), np.uint8)
    for number, value in enumerate(values):
        y, x = divmod(number, 9)
        label[1 + 7 * y : 6 + 7 * y, 1 + 7 * x : 6 + 7 * x] = value
    return label


def test_a_picture_in_colour_is_shown_in_its_colours() -> None:
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    image[:, : SIZE // 2], image[:, SIZE // 2 :] = (0, 250, 0), (0, 0, 250)
    shown = picture(squares([1]), image)
    assert pixels_of(shown, (0, 250 / 255, 0)) > 50_000
    assert pixels_of(shown, (0, 0, 250 / 255)) > 50_000
    assert pixels_of(shown, colour_of(1)) > LEGEND_PX + OUTLINE_PX


def test_more_than_sixty_labels_are_outlined_and_listed() -> None:
    shown = picture(squares(list(range(1, 82))))
    for value in range(1, 82):
        assert pixels_of(shown, colour_of(value)) > LEGEND_PX + OUTLINE_PX, value


@pytest.mark.parametrize("value", [0, 100, 255])
def test_a_constant_slice_is_drawn(value: int) -> None:
    shown = picture(squares([1]), np.full((SIZE, SIZE), value, np.uint8))
    assert pixels_of(shown, (0.5, 0.5, 0.5)) > 100_000
    assert pixels_of(shown, colour_of(1)) > LEGEND_PX + OUTLINE_PX


def test_the_colour_of_a_label_does_not_depend_on_the_others() -> None:
    one, both = picture(squares([5])), picture(squares([5, 3]))
    assert pixels_of(one, colour_of(5)) == pytest.approx(pixels_of(both, colour_of(5)), rel=0.1)
    assert pixels_of(one, colour_of(3)) == 0 < pixels_of(both, colour_of(3))


@pytest.mark.parametrize("values", [(1, 1), (1, 2)])
def test_labels_without_any_background_are_outlined(values: tuple[int, int]) -> None:
    label = np.full((SIZE, SIZE), values[0], np.uint8)
    label[:, SIZE // 2 :] = values[1]
    shown = picture(label)
    for value in values:
        assert pixels_of(shown, colour_of(value)) > LEGEND_PX + 300


def test_one_pixel_gets_a_ring_and_a_large_label_none() -> None:
    label = np.zeros((1000, 1000), np.uint8)
    label[500, 500] = 1
    image = np.zeros(label.shape)
    ringed = pixels_of(picture(label, image), colour_of(1), 40)
    label[:] = 0
    label[495:535, 495:535] = 1
    outlined = pixels_of(picture(label, image), colour_of(1), 40)
    assert ringed > LEGEND_PX + 50
    assert outlined < LEGEND_PX + 200, "only its four sides of 20 pixels"


def test_fill_colours_the_inside_and_leaves_the_image_visible() -> None:
    image = np.zeros((SIZE, SIZE))
    image[:, ::2] = 100
    label = squares([2])
    label[20:60, 20:60] = 2
    inside = [
        np.unique(picture(label, image, style=style)[200:400, 200:400].reshape(-1, 3), axis=0)
        for style in (CONTOURS, FILL)
    ]
    assert (np.ptp(inside[0], axis=1) == 0).all(), "grey without fill"
    assert (np.ptp(inside[1], axis=1) > 30).all(), "in colour with it"
    assert np.ptp(inside[1], axis=0).max() > 50, "and the stripes show"


@pytest.mark.parametrize("label", [None, np.zeros((SIZE, SIZE), np.uint8)])
def test_a_case_without_labels_is_drawn(label: NDArray[np.uint8] | None) -> None:
    assert picture(label).shape[0] > 400


def test_labels_in_no_plane_are_noted() -> None:
    names = {1: "shown", 2: "elsewhere"}
    assert picture(squares([1]), names=names).shape[0] == picture(squares([1])).shape[0] + 17


def test_names_are_shown_as_they_are() -> None:
    assert picture(squares([1]), names={1: "$x_1$ \n 肝 _"}).shape == picture(squares([1])).shape


def test_pixels_have_their_spacing() -> None:
    flat = Plane("", np.zeros((10, 20)), None, (3.0, 1.0))
    (place,) = places_of([flat])
    assert place.height / place.width == pytest.approx(1.5)


def test_planes_have_one_scale_and_do_not_overlap() -> None:
    for sizes in ([(100, 100), (20, 100), (20, 100)], [(100, 100)] * 3, [(5, 300), (300, 5), (5, 5)]):
        planes = [Plane("title", np.zeros(size), None, (1.0, 1.0)) for size in sizes]
        places = places_of(planes)
        scales = {round(place.width / size[1], 6) for place, size in zip(places, sizes, strict=True) if place.width > 8}
        assert len(scales) == 1
        width, height = extent_of(places)
        taken = np.zeros((int(height) + 1, int(width) + 1), int)
        for place in places:
            taken[
                int(place.top + 0.5) : int(place.top + place.height),
                int(place.left + 0.5) : int(place.left + place.width),
            ] += 1
        assert taken.max() == 1
        assert width <= 1500.5


@pytest.mark.parametrize("sizes", [[(25, 31), (372, 31), (372, 25)], [(30, 150), (370, 150), (370, 37)]])
def test_narrow_planes_leave_room_for_their_titles(sizes: list[tuple[int, int]]) -> None:
    planes = [Plane("sagittal, k = 123", np.zeros(size), None, (1.0, 1.0)) for size in sizes]
    for places, width in ((places_of(planes), extent_of(places_of(planes))[0]), _first_of(grid_of([planes] * 3))):
        tops = {place.top for place in places}
        for row in ([place for place in places if place.top == top] for top in tops):
            starts = [*sorted(place.left for place in row), width + GAP_PX]
            assert min(np.diff(starts)) > TITLE_WIDE_PX + GAP_PX - 0.1


def _first_of(grid: Grid) -> tuple[Sequence[Place], float]:
    """Return the places of the first of several volumes, and where the second begins without its gap."""
    return grid.cells[0].places, grid.cells[1].left - GAP_PX


def test_few_volumes_are_next_to_one_another_and_many_in_rows_at_one_scale() -> None:
    small, large = (Plane("axial", np.zeros(size), None, (1.0, 1.0)) for size in ((50, 60), (80, 90)))
    row = grid_of([[small], [large], [small]])
    assert len({cell.top for cell in row.cells}) == 1
    scales = {cell.places[0].width / size for cell, size in zip(row.cells, (60, 90, 60), strict=True)}
    assert max(scales) == pytest.approx(min(scales))
    grid = grid_of([[large] * 3] * 10)
    assert 1 < len({cell.left for cell in grid.cells}) < 10
    corners = [(cell.left, cell.top) for cell in grid.cells]
    assert len(set(corners)) == 10
    for cell in grid.cells:
        width, height = extent_of(cell.places)
        assert cell.left + width <= grid.width + 1
        assert cell.top + height <= grid.height
