"""Volumes of every format: SimpleITK and segconv read the same; damage and disguise are refused."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from segconv.errors import SegconvError
from segconv.image import volumes
from segconv.image.geometry import Geometry
from segconv.image.read_options import ReadOptions

from .test_geometry import geometries

TYPES = ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
types = st.sampled_from(TYPES)


def voxels(geometry: Geometry, dtype: str) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 100, geometry.array_shape).astype(dtype)


def image_of(array: np.ndarray, geometry: Geometry) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    return image


def same_grid(geometry: Geometry, image: sitk.Image) -> bool:
    return bool(
        geometry.size == image.GetSize()
        and np.allclose(geometry.spacing_mm, image.GetSpacing(), rtol=1e-6)
        and np.allclose(geometry.origin_mm, image.GetOrigin(), atol=1e-4)
        and np.allclose(geometry.direction, image.GetDirection(), atol=1e-5)
    )


def read(path: Path) -> volumes.DecodedVolume:
    """Decode as a caller would: each file read once."""
    header = volumes.probe_file(str(path))
    beside = [Path(name).read_bytes() for name in volumes.companions(str(path))]
    found = volumes.decode(path.read_bytes(), volumes.ending_of(path.name) or "", *beside)
    assert found.header == header or "fields" in vars(header), "the header says what the complete file does"
    return found


def header_of(data: bytes, old: str, new: str) -> bytes:
    assert old.encode() in data
    return data.replace(old.encode(), new.encode(), 1)


def refused(code: str, data: bytes, ending: str, **more: Any) -> str:
    with pytest.raises(SegconvError) as raised:
        volumes.decode(data, ending, **more)
    assert raised.value.code == code, raised.value.message
    return raised.value.message


@pytest.mark.parametrize("ending", volumes.WRITABLE)
@given(geometry=geometries, dtype=types)
@settings(max_examples=25)
def test_simpleitk_reads_what_is_encoded(
    tmp_path_factory: pytest.TempPathFactory, ending: str, geometry: Geometry, dtype: str
) -> None:
    array = voxels(geometry, dtype)
    path = tmp_path_factory.mktemp("out") / f"x{ending}"
    path.write_bytes(volumes.encode(array, geometry, ending))
    image = sitk.ReadImage(str(path))
    theirs = sitk.GetArrayFromImage(image)
    assert theirs.dtype == array.dtype
    assert np.array_equal(theirs, array)
    assert same_grid(geometry, image)
    ours = read(path)
    assert ours.plain
    assert np.array_equal(ours.stored, array)
    assert volumes.encode(ours.stored, geometry, ending) == path.read_bytes(), "the same bytes again"


@pytest.mark.parametrize("ending", [".nrrd", ".nhdr", ".mha", ".mhd"])
@given(geometry=geometries, dtype=types, compressed=st.booleans())
@settings(max_examples=25)
def test_what_simpleitk_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory, ending: str, geometry: Geometry, dtype: str, compressed: bool
) -> None:
    array = voxels(geometry, dtype)
    path = tmp_path_factory.mktemp("in") / f"x{ending}"
    sitk.WriteImage(image_of(array, geometry), str(path), useCompression=compressed)
    found = read(path)
    assert found.stored.dtype.newbyteorder("=") == array.dtype
    assert np.array_equal(found.stored, array)
    assert same_grid(found.header.geometry, sitk.ReadImage(str(path)))
    assert found.plain is (ending in (".nrrd", ".mha"))
    assert len(volumes.companions(str(path))) == (ending in (".nhdr", ".mhd"))


@given(geometry=geometries, dtype=types)
@settings(max_examples=15)
def test_a_pair_is_read_by_simpleitk(tmp_path_factory: pytest.TempPathFactory, geometry: Geometry, dtype: str) -> None:
    array = voxels(geometry, dtype)
    folder = tmp_path_factory.mktemp("pair")
    header, raw = volumes.encode_mhd(array, geometry, "x y")
    (folder / "x y.mhd").write_bytes(header)
    (folder / "x y.raw").write_bytes(raw)
    image = sitk.ReadImage(str(folder / "x y.mhd"))
    assert np.array_equal(sitk.GetArrayFromImage(image), array)
    assert same_grid(geometry, image)
    assert np.array_equal(read(folder / "x y.mhd").stored, array)


@pytest.mark.parametrize("ending", [".nrrd", ".nhdr", ".mha", ".mhd"])
@pytest.mark.parametrize("compressed", [False, True])
def test_vector_voxels_become_channels(ending: str, compressed: bool, tmp_path: Path) -> None:
    array = np.random.default_rng(1).integers(-99, 99, (3, 4, 5, 2)).astype(np.int16)
    path = tmp_path / f"x{ending}"
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(path), useCompression=compressed)
    found = read(path)
    assert found.header.channels == 2
    assert found.header.four_dimensional
    assert np.array_equal(found.stored, np.moveaxis(array, -1, 0))
    assert np.array_equal(found.channel(1), array[..., 1])


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_a_fourth_dimension_becomes_channels(ending: str, tmp_path: Path) -> None:
    array = np.random.default_rng(1).integers(-99, 99, (2, 3, 4, 5)).astype(np.int16)
    path = tmp_path / f"x{ending}"
    image = sitk.GetImageFromArray(array, isVector=False)
    assert image.GetDimension() == 4
    sitk.WriteImage(image, str(path))
    if ending == ".nrrd":  # ITK calls all four axes domains of one space; the format says so for lists only
        data = path.read_bytes().split(b"\n\n", 1)
        head = (
            b"NRRD0004\ntype: short\ndimension: 4\nsizes: 5 4 3 2\nspacings: 1 1 1 nan\nendian: little\nencoding: raw"
        )
        path.write_bytes(head + b"\n\n" + data[1])
    found = read(path)
    assert found.header.four_dimensional
    assert np.array_equal(found.stored, array)


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_a_picture_is_one_slice(ending: str, tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    path = tmp_path / f"x{ending}"
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.5, 2))
    image.SetOrigin((7, 8))
    image.SetDirection((0, 1, -1, 0))
    sitk.WriteImage(image, str(path))
    found = read(path)
    assert np.array_equal(found.stored, array[None])
    geometry = found.header.geometry
    assert geometry.size == (4, 3, 1)
    assert geometry.spacing_mm == (0.5, 2, 1)
    assert geometry.origin_mm == (7, 8, 0)
    assert geometry.direction == (0, 1, 0, -1, 0, 0, 0, 0, 1)
    assert [code for code, _ in found.header.oddities][-1] == "SC093"
    assert not found.plain


GRID = Geometry((4, 3, 2), (1.0, 2.0, 3.0), (5.0, 6.0, 7.0), tuple(np.eye(3).ravel().tolist()))
ARRAY = np.arange(24, dtype=np.int16).reshape(2, 3, 4)


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_big_endian_voxels_are_read_and_written_again(ending: str) -> None:
    if ending == ".nrrd":
        head = b"NRRD0004\ntype: short\ndimension: 3\nsizes: 4 3 2\nspacings: 1 1 1\nendian: big\nencoding: raw\n\n"
    else:
        head = (
            b"ObjectType = Image\nNDims = 3\nDimSize = 4 3 2\nElementType = MET_SHORT\nElementSpacing = 1 1 1\n"
            b"BinaryDataByteOrderMSB = True\nElementDataFile = LOCAL\n"
        )
    found = volumes.decode(head + ARRAY.astype(">i2").tobytes(), ending)
    assert np.array_equal(found.values, ARRAY)
    assert found.values.dtype.isnative
    assert not found.plain


@pytest.mark.parametrize("ending", volumes.WRITABLE)
def test_damage_is_never_silent(ending: str) -> None:
    # Larger than one deflate block, of few values, so that there are many ways to be wrong.
    array = (np.random.default_rng(3).integers(0, 8, (20, 40, 40)) * 17).astype(np.int16)
    grid = Geometry.plain((40, 40, 20))
    data = volumes.encode(array, grid, ending)
    head = len(data) - len(data) // 2
    rng = np.random.default_rng(4)
    for _ in range(60):
        damaged = bytearray(data)
        damaged[rng.integers(head, len(data))] ^= 1 << rng.integers(8)
        if ending == ".nii":  # no checksum: nothing can notice it
            break
        try:
            found = volumes.decode(bytes(damaged), ending)
        except SegconvError as error:
            assert error.code in ("SC050", "SC052", "SC053", "SC054")
        else:  # another way to say the same bytes
            assert np.array_equal(found.stored, array)
    for cut in rng.integers(0, len(data), 60):
        with pytest.raises(SegconvError) as raised:
            volumes.decode(data[:cut], ending)
        assert raised.value.code in ("SC050", "SC051", "SC052", "SC053", "SC054", "SC056")


@pytest.mark.parametrize("ending", volumes.WRITABLE)
def test_bytes_after_the_end_are_reported_and_many_are_refused(ending: str) -> None:
    data = volumes.encode(ARRAY, GRID, ending)
    found = volumes.decode(data + b"garbage", ending)
    assert found.trailing
    assert not found.plain
    assert np.array_equal(found.stored, ARRAY)
    assert volumes.decode(data + bytes(1 << 20), ending).trailing
    refused("SC054", data + bytes((1 << 20) + 1), ending)


@pytest.mark.parametrize("ending", volumes.WRITABLE)
def test_a_volume_may_take_as_much_as_its_budget_allows(ending: str) -> None:
    data = volumes.encode(ARRAY, GRID, ending)
    assert np.array_equal(volumes.decode(data, ending, how=ReadOptions(ARRAY.nbytes)).stored, ARRAY)
    refused("SC054", data, ending, how=ReadOptions(ARRAY.nbytes - 1))


@pytest.mark.parametrize("ending", volumes.WRITABLE)
def test_a_volume_over_budget_is_refused_before_it_is_inflated(ending: str) -> None:
    refused(
        "SC054",
        volumes.encode(np.zeros((64, 64, 64), np.uint8), Geometry.plain((64,) * 3), ending),
        ending,
        how=ReadOptions(1000),
    )


DISGUISES = {
    "NIfTI": volumes.encode(ARRAY, GRID, ".nii"),
    "gzipped NIfTI": volumes.encode(ARRAY, GRID, ".nii.gz"),
    "NRRD": volumes.encode(ARRAY, GRID, ".nrrd"),
    "MetaImage": volumes.encode(ARRAY, GRID, ".mha"),
    "web page": b"<!DOCTYPE html><html>" + b" " * 500,
    "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(500),
    "DICOM": bytes(128) + b"DICM" + bytes(400),
    "empty": b"",
}


@pytest.mark.parametrize("kind", DISGUISES)
@pytest.mark.parametrize("ending", volumes.ENDINGS)
def test_another_format_under_the_name_is_refused_and_named(kind: str, ending: str) -> None:
    own = {
        ".nii.gz": "NIfTI",
        ".nii": "NIfTI",
        ".nrrd": "NRRD",
        ".nhdr": "NRRD",
        ".mha": "MetaImage",
        ".mhd": "MetaImage",
    }
    if own[ending] in kind:
        return
    message = refused("SC051", DISGUISES[kind], ending)
    assert kind in message or own[ending] == "NIfTI"


def test_an_inflated_nifti_under_the_name_of_a_gzipped_one_is_not_carried_over() -> None:
    assert not volumes.decode(DISGUISES["NIfTI"], ".nii.gz").plain
    assert volumes.decode(DISGUISES["NIfTI"], ".nii").plain


@pytest.mark.parametrize(
    ("name", "ending", "stem"),
    [("a.nii.gz", ".nii.gz", "a"), ("a.NII.GZ", ".nii.gz", "a"), ("a.b.nrrd", ".nrrd", "a.b"), ("x.gz", None, "x.gz")],
)
def test_endings(name: str, ending: str | None, stem: str) -> None:
    assert volumes.ending_of(name) == ending
    assert volumes.strip_ending(name) == stem


@pytest.mark.parametrize("ending", [".mhd", ".nhdr"])
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../x.raw", "SC060"),
        ("/etc/passwd", "SC060"),
        ("sub/x.raw", "SC060"),
        ("LIST", "SC053"),
        ("slice%03d.raw 1 9 1", "SC053"),
        ("absent.raw", "SC012"),
        ("leaves.raw", "SC060"),
        ("folder.raw", "SC061"),
        ("..", "SC060"),
    ],
)
def test_a_data_file_must_be_next_to_its_header(ending: str, name: str, code: str, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    (tmp_path / "x.raw").write_bytes(ARRAY.tobytes())
    os.symlink(tmp_path / "x.raw", folder / "leaves.raw")
    (folder / "folder.raw").mkdir()
    path = folder / f"x{ending}"
    sitk.WriteImage(image_of(ARRAY, GRID), str(path))
    text = path.read_bytes()
    path.write_bytes(text.replace(b"x.raw", name.encode()))
    for function in (volumes.probe_file, volumes.companions):
        with pytest.raises(SegconvError) as raised:
            function(str(path))
        assert raised.value.code == code


@pytest.mark.parametrize("ending", [".mhd", ".nhdr"])
def test_a_data_file_may_be_named_from_its_folder(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{ending}"
    sitk.WriteImage(image_of(ARRAY, GRID), str(path))
    path.write_bytes(path.read_bytes().replace(b"x.raw", b"./x.raw"))
    assert np.array_equal(read(path).stored, sitk.GetArrayFromImage(sitk.ReadImage(str(path))))


def test_missing_files_and_files_that_are_not_volumes_are_refused(tmp_path: Path) -> None:
    for name, code in (("absent.nrrd", "SC012"), ("absent.txt", "SC051")):
        with pytest.raises(SegconvError) as raised:
            volumes.probe_file(str(tmp_path / name))
        assert raised.value.code == code
        assert raised.value.file.endswith(name)
    with pytest.raises(ValueError, match="is not one of"):
        volumes.encode(ARRAY, GRID, ".nhdr")


def test_a_file_of_one_piece_that_names_another_is_refused(tmp_path: Path) -> None:
    header, raw = volumes.encode_mhd(ARRAY, GRID, "x")
    (tmp_path / "x.mha").write_bytes(header)
    (tmp_path / "x.raw").write_bytes(raw)
    with pytest.raises(SegconvError, match="holds its own voxels") as raised:
        volumes.probe_file(str(tmp_path / "x.mha"))
    assert raised.value.code == "SC053"
    refused("SC052", header, ".mhd")


HEADERS = {ending: volumes.encode(ARRAY, GRID, ending) for ending in (".nrrd", ".mha")}


@pytest.mark.parametrize("ending", HEADERS)
@given(at=st.integers(0, 380), piece=st.binary(max_size=12), cut=st.integers(0, 30))
@settings(max_examples=300)
def test_a_header_of_any_bytes_is_read_or_refused(ending: str, at: int, piece: bytes, cut: int) -> None:
    data = HEADERS[ending]
    with contextlib.suppress(SegconvError):
        volumes.decode(data[:at] + piece + data[at + cut :], ending, how=ReadOptions(1 << 20))


LINES = {
    ".nrrd": [
        *("type: short", "type: block", "dimension: 3", "dimension: x", "dimension: 4", "sizes: 4 3 2", "sizes: 1 2"),
        *("sizes: 99999999999999999999 1 1", "sizes: -1 2 3", "sizes: 4 3 2 2", "space: LPS", "space: martian"),
        *(
            "space directions: (1,0,0) (0,1,0) (0,0,1)",
            "space directions: none (1,0) (0,1)",
            "space directions: (nan,0",
        ),
        *("space directions: none none none", "space origin: (1,2,3)", "space origin: (1,2", "space dimension: 7"),
        *("kinds: domain domain domain", "kinds: list domain domain domain", "kinds: RGB-color domain", "kinds:"),
        *(
            "spacings: 1 1 1",
            "spacings: 0 nan inf",
            "endian: little",
            "endian: middle",
            "encoding: raw",
            "encoding: gzip",
        ),
        *(
            "encoding: hex",
            "encoding: bzip2",
            "line skip: 1",
            "byte skip: -1",
            "byte skip: 999999999999",
            "data file: x",
        ),
        *("a:=b", "nonsense", "# comment", 'space units: "um"', 'units: "mm"', "axis mins: 1 2 3", "centerings: ???"),
    ],
    ".mha": [
        *(
            "NDims = 3",
            "NDims = 99",
            "NDims = x",
            "DimSize = 4 3 2",
            "DimSize = 4 3",
            "DimSize = 1e3 2 2",
            "DimSize = 0 0 0",
        ),
        *(
            "DimSize = 99999999999999999999 1 1",
            "ElementType = MET_SHORT",
            "ElementType = MET_UCHAR_ARRAY",
            "HeaderSize = -1",
        ),
        *(
            "HeaderSize = -7",
            "CompressedData = True",
            "CompressedData = maybe",
            "CompressedDataSize = 7",
            "Offset = 1 2",
        ),
        *(
            "ElementSpacing = 1 1 1",
            "ElementSpacing = 0 nan 1",
            "TransformMatrix = 1 0 0 0 1 0 0 0 1",
            "Position = 1 2 3",
        ),
        *(
            "TransformMatrix = 1 2 3 4 5 6 7 8 9",
            "ElementNumberOfChannels = 3",
            "ElementNumberOfChannels = 0",
            "=",
            " = ",
        ),
        *(
            "ElementDataFile = LOCAL",
            "ElementDataFile = ../x",
            "ElementDataFile =",
            "DistanceUnits = um",
            "Rotation = x",
        ),
        *("BinaryData = False", "ElementByteOrderMSB = True", "BinaryDataByteOrderMSB = False", "nonsense", "A B = 3"),
    ],
}


@pytest.mark.parametrize("ending", LINES)
@given(data=st.data())
@settings(max_examples=300)
def test_any_lines_are_read_or_refused(ending: str, data: st.DataObject) -> None:
    lines = data.draw(st.lists(st.sampled_from(LINES[ending]), max_size=12))
    first = "NRRD0004" if ending == ".nrrd" else "ObjectType = Image"
    text = "\n".join([first, *lines, ""]) + ("\n" if ending == ".nrrd" else "ElementDataFile = LOCAL\n")
    with contextlib.suppress(SegconvError):
        volumes.decode(text.encode() + ARRAY.tobytes(), ending, how=ReadOptions(1 << 20))
