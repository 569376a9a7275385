"""MetaImage: headers give the grid that SimpleITK reads, or are refused."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from segconv.errors import SegconvError
from segconv.image import volumes
from segconv.image.formats import metaimage

from ..test_volumes import same_grid

VOXELS = np.arange(24, dtype=np.int16).reshape(2, 3, 4)


def meta_file(*lines: str, data: bytes | None = None, **fields: str) -> bytes:
    """A file of these lines; fields given by name replace the usual ones, or drop them if empty."""
    usual = {
        "ObjectType": "Image",
        "NDims": "3",
        "DimSize": "4 3 2",
        "ElementType": "MET_SHORT",
        "ElementSpacing": "1 2 3",
        "Offset": "5 6 7",
        **fields,
    }
    end = usual.pop("ElementDataFile", "LOCAL")
    head = [f"{key} = {value}" for key, value in usual.items() if value]
    text = "\n".join([*head, *lines, f"ElementDataFile = {end}", ""])
    return text.encode() + (VOXELS.tobytes() if data is None else data)


def by_simpleitk(data: bytes, folder: Path) -> sitk.Image:
    (folder / "x.mha").write_bytes(data)
    return sitk.ReadImage(str(folder / "x.mha"))


@pytest.mark.parametrize(
    "data",
    [
        meta_file(),
        meta_file(Offset="", Position="1 2 3"),
        meta_file(Offset="", Origin="1 2 3"),
        meta_file(Offset=""),
        meta_file("TransformMatrix = 0 1 0 -1 0 0 0 0 1"),
        meta_file("Rotation = 0 0 1 1 0 0 0 1 0"),
        meta_file("Orientation = 0 1 0 1 0 0 0 0 1", "CenterOfRotation = 1 2 3", "AnatomicalOrientation = RAS"),
        meta_file(ElementSpacing="", ElementSize="4 5 6"),
        meta_file("ElementSize = 9 9 9"),
        meta_file("BinaryData = True", "BinaryDataByteOrderMSB = False", "Comment = a note"),
        meta_file("ElementByteOrderMSB = True"),
        meta_file(
            "CompressedData = True",
            f"CompressedDataSize = {len(zlib.compress(VOXELS.tobytes()))}",
            data=zlib.compress(VOXELS.tobytes()),
        ),
        meta_file(ElementType="MET_LONG", data=VOXELS.astype("<i4").tobytes()),
        meta_file(ElementType="MET_ULONG_LONG", data=VOXELS.astype("<u8").tobytes()),
        meta_file(ElementType="MET_CHAR", data=VOXELS.astype("i1").tobytes()),
        meta_file().replace(b"\n", b"\r\n", 7),
    ],
)
def test_a_header_gives_the_image_that_simpleitk_reads(data: bytes, tmp_path: Path) -> None:
    image = by_simpleitk(data, tmp_path)
    found = metaimage.decode(data)
    assert same_grid(found.header.geometry, image)
    theirs = sitk.GetArrayFromImage(image)
    assert np.array_equal(found.values, theirs)
    assert found.values.dtype == theirs.dtype
    assert not found.trailing
    assert not found.header.oddities


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (meta_file("DistanceUnits = um"), "SC092"),
        (meta_file(ElementSpacing=""), "SC092"),
        (meta_file("ElementToIntensityFunctionSlope = 2"), "SC093"),
        (meta_file("ElementToIntensityFunctionOffset = 2"), "SC093"),
        (meta_file("Comment = 3").replace(b"NDims = 3\nDimSize = 4 3 2", b"DimSize = 4 3 2\nNDims = 3"), "SC093"),
    ],
)
def test_oddities_are_reported(data: bytes, code: str, tmp_path: Path) -> None:
    found = metaimage.decode(data)
    assert [found_code for found_code, _ in found.header.oddities] == [code]
    assert not found.plain
    if b"NDims = 3\nDimSize" not in data:  # SimpleITK refuses that order
        return
    assert np.array_equal(found.values, sitk.GetArrayFromImage(by_simpleitk(data, tmp_path)))


def test_lengths_become_millimetres() -> None:
    geometry = metaimage.read_header(meta_file("DistanceUnits = um")).geometry
    assert np.allclose(geometry.spacing_mm, (0.001, 0.002, 0.003))
    assert np.allclose(geometry.origin_mm, (0.005, 0.006, 0.007))


@pytest.mark.parametrize("skip", [0, 7, -1])
def test_a_data_file_may_have_a_header_of_its_own(skip: int, tmp_path: Path) -> None:
    header = meta_file(f"HeaderSize = {skip}", ElementDataFile="x.raw", data=b"")
    raw = b"x" * abs(skip) * 3 if skip < 0 else b"x" * skip
    (tmp_path / "x.mhd").write_bytes(header)
    (tmp_path / "x.raw").write_bytes(raw + VOXELS.tobytes())
    (beside,) = volumes.companions(str(tmp_path / "x.mhd"))
    found = metaimage.decode(header, Path(beside).read_bytes())
    assert np.array_equal(found.stored, sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "x.mhd"))))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (meta_file(ObjectType="Scene"), "SC051"),
        (meta_file(NDims="5", DimSize="4 3 2 1 1"), "SC053"),
        (meta_file(NDims="three"), "SC053"),
        (meta_file(DimSize="4 3"), "SC053"),
        (meta_file(DimSize="4 3 -2"), "SC053"),
        (meta_file(DimSize="4 3 ²"), "SC053"),
        (meta_file(DimSize="4 3 3"), "SC052"),
        (meta_file(DimSize="99999 99999 99999"), "SC054"),
        (meta_file(ElementType="MET_UCHAR_ARRAY"), "SC056"),
        (meta_file(ElementType=""), "SC053"),
        (meta_file(ElementSpacing="1 0 1"), "SC057"),
        (meta_file(ElementSpacing="1 -1 1"), "SC057"),
        (meta_file(ElementSpacing="1 nan 1"), "SC057"),
        (meta_file(Offset="inf 0 0"), "SC057"),
        (meta_file("TransformMatrix = 1 0.5 0 0 1 0 0 0 1"), "SC057"),
        (meta_file("TransformMatrix = 0 0 0 0 0 0 0 0 0"), "SC057"),
        (meta_file("TransformMatrix = 1 0 0 0 1 0 0 0"), "SC053"),
        (meta_file("Position = 1 2 3"), "SC053"),
        (meta_file("NDims = 3"), "SC053"),
        (meta_file("BinaryData = False"), "SC056"),
        (meta_file("BinaryDataByteOrderMSB = True", "ElementByteOrderMSB = False"), "SC053"),
        (meta_file("BinaryDataByteOrderMSB = perhaps"), "SC053"),
        (meta_file("HeaderSize = -1"), "SC053"),
        (meta_file("CenterOfRotation = 0 00"), "SC053"),
        (meta_file(ElementSpacing="1 2_0 3"), "SC053"),
        (meta_file(DimSize="\x1c4 3 2"), "SC053"),
        (meta_file("ElementNumberOfChannels = 0"), "SC053"),
        (meta_file("ElementNumberOfChannels = 3"), "SC052"),
        (meta_file("DistanceUnits = furlong"), "SC057"),
        (meta_file("no equals sign"), "SC053"),
        (meta_file("CompressedData = True"), "SC050"),
        (meta_file("CompressedData = True", "CompressedDataSize = 9", data=zlib.compress(VOXELS.tobytes())), "SC053"),
        (meta_file("CompressedData = True", "CompressedDataSize = 999", data=zlib.compress(VOXELS.tobytes())), "SC052"),
        (meta_file("CompressedData = True", data=zlib.compress(bytes(1000))), "SC054"),
        (meta_file("CompressedData = True", data=zlib.compress(bytes(7))), "SC052"),
        (meta_file("CompressedData = True", data=zlib.compress(VOXELS.tobytes())[:-1]), "SC050"),
        (meta_file("CompressedData = True", data=zlib.compress(VOXELS.tobytes())[:-1] + b"x"), "SC050"),
        (
            meta_file("CompressedData = True", "CompressedDataSize = -1", data=zlib.compress(VOXELS.tobytes())),
            "SC052",
        ),
        (meta_file("CompressedData = True", "CompressedDataSize = 0", data=zlib.compress(VOXELS.tobytes())), "SC053"),
        (meta_file(data=VOXELS.tobytes()[:-1]), "SC052"),
        (meta_file(ElementDataFile="./", data=b""), "SC060"),
        (meta_file(ElementDataFile="..", data=b""), "SC060"),
        (meta_file(ElementDataFile="x\x1b[2J.raw", data=b""), "SC060"),
        (meta_file("HeaderSize = 7"), "SC053"),
        (meta_file("HeaderSize = 7", "CompressedData = True", ElementDataFile="x.raw", data=b""), "SC053"),
        (meta_file("HeaderSize = -1", "CompressedData = True", ElementDataFile="x.raw", data=b""), "SC053"),
        (meta_file("HeaderSize = -2", ElementDataFile="x.raw", data=b""), "SC053"),
        (meta_file("HeaderSize = 00000000000000000000"), "SC053"),
        (
            meta_file(
                "ElementNumberOfChannels = 2", NDims="4", DimSize="4 3 1 1", ElementSpacing="1 1 1 1", Offset="0 0 0 0"
            ),
            "SC053",
        ),
        (
            meta_file(
                "TransformMatrix = 1 0 0 0 0 1 0 0 0 0 0 1 0 0 1 0",
                NDims="4",
                DimSize="4 3 2 1",
                ElementSpacing="1 1 1 1",
                Offset="0 0 0 0",
            ),
            "SC057",
        ),
        (meta_file(ElementDataFile="../x.raw"), "SC060"),
        (meta_file(ElementDataFile="LIST"), "SC053"),
        (b"ObjectType = Image\nNDims = 3\n", "SC053"),
        (b"ObjectType = Image\n" + b"Comment = " + b"x" * (1 << 17), "SC054"),
    ],
)
def test_what_cannot_be_used_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(SegconvError) as raised:
        metaimage.decode(data)
    assert raised.value.code == code, raised.value.message


@pytest.mark.parametrize(
    ("data", "wording"),
    [
        (meta_file(NDims="1", DimSize="4", ElementSpacing="1", Offset="0"), "declares 1 dimensions"),
        (meta_file(NDims="5", DimSize="4 3 2 1 1"), "declares 5 dimensions, expected 2 to 4"),
        (meta_file(DimSize="4 3 0"), "each must be at least 1"),
        (meta_file(ElementDataFile="x.raw", data=b""), "holds no voxels: they are in 'x.raw'"),
        (meta_file("no equals sign"), "expected Key = Value"),
        (meta_file("N Dims = 3"), "expected Key = Value"),
        (meta_file("Offset: 1 2 3 = 5"), "expected Key = Value"),
        (meta_file(" = 5"), "expected Key = Value"),
        (
            meta_file(
                "TransformMatrix = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 2",
                NDims="4",
                DimSize="4 3 2 1",
                ElementSpacing="1 1 1 1",
                Offset="0 0 0 0",
            ),
            "its fourth axis is turned into space",
        ),
        (meta_file("abc", "def"), "the line 'abc', expected Key = Value"),
        (meta_file(DimSize="4 3 x"), "DimSize is 'x', expected a whole number"),
        (b"ObjectType = Image\nNDims = 3", "ends before the line ElementDataFile"),
    ],
)
def test_errors_name_the_rule_that_is_broken(data: bytes, wording: str) -> None:
    with pytest.raises(SegconvError, match=wording):
        metaimage.decode(data)


@pytest.mark.parametrize("skip", [0, -1])
def test_a_data_file_that_is_short_by_a_byte_is_refused(skip: int) -> None:
    header = meta_file(f"HeaderSize = {skip}", ElementDataFile="x.raw", data=b"")
    with pytest.raises(SegconvError) as raised:
        metaimage.decode(header, VOXELS.tobytes()[:-1])
    assert raised.value.code == "SC052"


def test_a_header_may_fill_its_limit() -> None:
    first, rest = meta_file(data=b"").split(b"\n", 1)
    room = metaimage.HEAD_LIMIT - len(first) - 1 - len(rest) - len("Comment = \n")
    header = first + b"\nComment = " + b"x" * room + b"\n" + rest
    assert len(header) == metaimage.HEAD_LIMIT
    assert np.array_equal(metaimage.decode(header + VOXELS.tobytes()).stored, VOXELS.reshape(2, 3, 4))
    assert metaimage.read_header(header[:-1]).text_bytes == len(header) - 1
    longer = header.replace(b"Comment = ", b"Comment = x")
    assert metaimage.read_header(longer[:-1]).text_bytes == metaimage.HEAD_LIMIT
    with pytest.raises(SegconvError) as raised:
        metaimage.read_header(longer)
    assert raised.value.code == "SC054"


@pytest.mark.parametrize("ending", [".mha", ".mhd"])
def test_what_itk_adds_of_another_format_is_passed_over(ending: str, tmp_path: Path) -> None:
    first = sitk.GetImageFromArray(VOXELS)
    first.SetSpacing((1, 2, 3))
    sitk.WriteImage(first, str(tmp_path / "x.nii.gz"))
    image = sitk.ReadImage(str(tmp_path / "x.nii.gz"))
    image.SetMetaData("0008|0060", "CT")
    sitk.WriteImage(image, str(tmp_path / f"x{ending}"))
    assert b"dim[0] = 3" in (tmp_path / f"x{ending}").read_bytes()
    found = volumes.decode(
        (tmp_path / f"x{ending}").read_bytes(),
        ending,
        *[Path(name).read_bytes() for name in volumes.companions(str(tmp_path / f"x{ending}"))],
    )
    again = sitk.ReadImage(str(tmp_path / f"x{ending}"))
    assert np.array_equal(found.stored, sitk.GetArrayFromImage(again))
    assert same_grid(found.header.geometry, again)


def test_a_whole_number_may_have_19_digits() -> None:
    assert metaimage.read_header(meta_file(f"HeaderSize = {'0' * 19}")).skip == 0


@pytest.mark.parametrize("dtype", ["float16", "complex64", "bool"])
def test_types_that_the_formats_do_not_know_are_refused(dtype: str) -> None:
    for ending in (".mha", ".nrrd"):
        with pytest.raises(SegconvError) as raised:
            volumes.encode(VOXELS.astype(dtype), metaimage.read_header(meta_file()).geometry, ending)
        assert raised.value.code == "SC056"
