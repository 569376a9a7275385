"""3D Slicer segmentations: exchanged with other programs, and layers that come back bit for bit."""

from __future__ import annotations

from pathlib import Path

import nrrd as pynrrd
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from segconv.errors import SegconvError
from segconv.image.formats import nrrd, segmentation
from segconv.image.geometry import Geometry
from segconv.image.segment import Segment

from ..test_geometry import geometries

GRID = Geometry((5, 4, 3), (1.0, 2.0, 3.0), (4.0, 5.0, 6.0), tuple(np.eye(3).ravel().tolist()))
LAYERS = np.random.default_rng(0).integers(0, 3, (2, 3, 4, 5)).astype(np.uint8)
SEGMENTS = (
    Segment("Segment_1", "Leber: links = größer", 1, 0, (0.5, 0.25, 1.0), tags="TerminologyEntry:a~b^c^d~|"),
    Segment("Segment_7", "spleen\\n", 2, 0, (1.0, 0.0, 0.0)),
    Segment("tumour", "tumour", 1, 1, (0.1, 0.2, 0.3)),
    Segment("empty", "empty", 9, 1, (0.0, 0.0, 0.0)),
)


def header_only(header: dict[str, str], sizes: tuple[int, ...] = (5, 4, 3)) -> bytes:
    lines = ["NRRD0004", "type: uchar", f"dimension: {len(sizes)}", "sizes: " + " ".join(map(str, sizes))]
    if len(sizes) == 4:
        lines += ["space: LPS", "space directions: none (1,0,0) (0,1,0) (0,0,1)", "kinds: list domain domain domain"]
    else:
        lines += ["space: LPS", "space directions: (1,0,0) (0,1,0) (0,0,1)"]
    lines += ["encoding: raw", *(f"{key}:={value}" for key, value in header.items())]
    return ("\n".join(lines) + "\n\n").encode() + bytes(int(np.prod(sizes)))


@given(geometry=geometries, count=st.integers(1, 3))
@settings(max_examples=20)
def test_layers_come_back_bit_for_bit(geometry: Geometry, count: int) -> None:
    layers = np.random.default_rng(1).integers(0, 4, (count, *geometry.array_shape)).astype(np.uint8)
    segments = [Segment(f"s{n}", f"s {n}", 1 + n % 3, n // 3, (0.0, 0.5, 1.0)) for n in range(3 * count)]
    data = segmentation.encode(segments, layers, geometry)
    found = segmentation.decode(data)
    assert np.array_equal(found.layers, layers)
    assert np.allclose(found.geometry.affine_lps, geometry.affine_lps, atol=1e-6)
    assert [(s.id, s.name, s.label_value, s.layer, s.colour) for s in found.segments] == [
        (s.id, s.name, s.label_value, s.layer, s.colour) for s in segments
    ]
    assert segmentation.encode(found.segments, found.layers, geometry) == data


def test_names_tags_colours_and_extents_are_kept() -> None:
    found = segmentation.decode(segmentation.encode(SEGMENTS, LAYERS, GRID))
    for ours, theirs in zip(SEGMENTS, found.segments, strict=True):
        assert (ours.id, ours.name, ours.tags) == (theirs.id, theirs.name, theirs.tags)
        assert np.allclose(ours.colour, theirs.colour)
        at = np.argwhere(found.mask(theirs))[:, ::-1]
        extent = np.stack([at.min(axis=0), at.max(axis=0)], axis=1).ravel().tolist() if len(at) else [0, -1] * 3
        assert list(theirs.extent or ()) == extent


def test_other_readers_see_the_same_layers_and_fields(tmp_path: Path) -> None:
    path = tmp_path / "x.seg.nrrd"
    path.write_bytes(segmentation.encode(SEGMENTS, LAYERS, GRID))
    array, header = pynrrd.read(str(path), index_order="C")
    assert np.array_equal(array, np.moveaxis(LAYERS, 0, -1))
    assert header["kinds"] == ["list", "domain", "domain", "domain"]
    assert header["Segment2_Layer"] == "1"
    image = sitk.ReadImage(str(path))
    assert image.GetNumberOfComponentsPerPixel() == 2
    assert np.array_equal(sitk.GetArrayFromImage(image), np.moveaxis(LAYERS, 0, -1))
    assert image.GetMetaData("Segment0_Name") == SEGMENTS[0].name
    assert image.GetMetaData("Segment1_Name") == SEGMENTS[1].name, "a backslash is written with another"
    assert image.GetSpacing() == GRID.spacing_mm


def test_what_simpleitk_writes_is_read(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(LAYERS[0])
    for key, value in (("ID", "a"), ("Name", "Milz"), ("LabelValue", "2"), ("Layer", "0"), ("Color", "1 0.5 0")):
        image.SetMetaData(f"Segment0_{key}", value)
    sitk.WriteImage(image, str(tmp_path / "x.seg.nrrd"))
    found = segmentation.decode((tmp_path / "x.seg.nrrd").read_bytes())
    assert found.segments == (Segment("a", "Milz", 2, 0, (1.0, 0.5, 0.0)),)
    assert np.array_equal(found.layers, LAYERS[:1])


def test_old_files_have_a_layer_for_each_segment() -> None:
    header = {"Segment0_ID": "a", "Segment1_ID": "b", "Segment1_Name": "B"}
    data = header_only(header, (2, 5, 4, 3))
    assert [(s.name, s.label_value, s.layer) for s in segmentation.decode(data).segments] == [("a", 1, 0), ("B", 1, 1)]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({}, "SC074"),
        ({"Segment0_ID": "a", "Segment1_ID": "b"}, "SC074"),
        ({"Segment0_ID": "a", "Segment0_LabelValue": "0"}, "SC074"),
        ({"Segment0_ID": "a", "Segment0_LabelValue": "x"}, "SC074"),
        ({"Segment0_ID": "a", "Segment0_Layer": "3"}, "SC074"),
        ({"Segment0_ID": "a", "Segment0_Color": "1 2 3"}, "SC074"),
        ({"Segment0_ID": "a", "Segment0_Color": "nan 0 0"}, "SC074"),
        ({"Segment0_ID": "a", "Segment0_Color": "-0.1 0 1"}, "SC074"),
        ({"Segment0_ID": "a", "Segment0_Layer": "-1"}, "SC074"),
        ({"Segment0_ID": "a", "Segment0_Layer": "1"}, "SC074"),
        ({"Segment0_ID": "a", "Segment0_Extent": "1 2"}, "SC074"),
        ({"Segment0_ID": "a", "Segmentation_MasterRepresentation": "Fractional labelmap"}, "SC078"),
    ],
)
def test_what_describes_no_usable_segments_is_refused(header: dict[str, str], code: str) -> None:
    with pytest.raises(SegconvError) as raised:
        segmentation.decode(header_only(header))
    assert raised.value.code == code


def test_segments_as_floats_are_refused() -> None:
    data = header_only({"Segment0_ID": "a"}).replace(b"type: uchar", b"endian: little\ntype: float", 1)
    assert b"type: float" in data
    with pytest.raises(SegconvError) as raised:
        segmentation.segments_of(nrrd.read_header(data))
    assert raised.value.code == "SC078"


def test_a_plain_volume_is_not_a_segmentation() -> None:
    assert segmentation.is_segmentation(nrrd.read_header(segmentation.encode(SEGMENTS, LAYERS, GRID)))
    assert not segmentation.is_segmentation(nrrd.read_header(b"".join(nrrd.encode(LAYERS[0], GRID))))
