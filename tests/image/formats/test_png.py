"""PNG: every bit that matters is verified, and no sample is scaled."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from skimage import io as skio

from segconv.errors import SegconvError
from segconv.image.formats import png as picture


def png(array: np.ndarray, **save: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format="PNG", **save)  # type: ignore[arg-type]
    return buffer.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def raw_png(
    width: int,
    height: int,
    depth: int,
    colour: int,
    rows: bytes,
    *,
    compression: int = 0,
    filtering: int = 0,
    interlace: int = 0,
    palette: bytes | None = None,
    packed: bool = False,
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, compression, filtering, interlace)
    colours = b"" if palette is None else chunk(b"PLTE", palette)
    pixels = chunk(b"IDAT", rows if packed else zlib.compress(rows))
    return picture.SIGNATURE + chunk(b"IHDR", header) + colours + pixels + chunk(b"IEND", b"")


GREY = (np.arange(120 * 90).reshape(90, 120) % 251).astype(np.uint8)
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=-1)

pictures = st.one_of(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12))),
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3))),
    hnp.arrays(np.uint16, st.tuples(st.integers(1, 12), st.integers(1, 12))),
)


@given(pictures)
def test_encoded_data_come_back_from_another_reader(array: np.ndarray) -> None:
    data = picture.encode_samples(array)
    assert np.array_equal(skio.imread(io.BytesIO(data)), array)
    header, plain = picture.prove(data)
    assert plain
    assert np.array_equal(picture.samples_of(data, header), array)
    assert picture.encode_samples(array) == data


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_few_bits_count_as_stored(depth: int) -> None:
    values = np.arange(16, dtype=np.uint8).reshape(2, 8) % (1 << depth)
    bits = np.unpackbits(values[..., None], axis=-1)[..., 8 - depth :].reshape(2, -1)
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in bits)
    data = raw_png(8, 2, depth, 0, rows)
    header, _ = picture.prove(data)
    assert np.array_equal(picture.samples_of(data, header), values)


def test_a_palette_counts_by_index() -> None:
    image = Image.new("P", GREY.shape[::-1])
    image.putdata((GREY % 3).ravel().tolist())
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    header, _ = picture.prove(buffer.getvalue())
    assert header.kind == "palette"
    assert set(np.unique(picture.samples_of(buffer.getvalue(), header))) == {0, 1, 2}


def test_interlaced_pictures_are_proved() -> None:
    # one pixel: only Adam7's first pass
    data = raw_png(1, 1, 8, 0, b"\0\x07", interlace=1)
    header, _ = picture.prove(data)
    assert header.interlaced
    assert picture.samples_of(data, header)[0, 0] == 7
    # 3 by 3: passes 1 (1 pixel), 5 (none in row 4), 6 and 7 as in the specification
    passes = b"\0\x01" + b"\0\x02" + b"\0\x03\x04" + b"\0\x05" + b"\0\x06" + b"\0\x07\x08\x09"
    data = raw_png(3, 3, 8, 0, passes, interlace=1)
    picture.prove(data)
    assert sorted(picture.samples_of(data, picture.read_header(data)).ravel()) == list(range(1, 10))


@pytest.mark.parametrize("array", [GREY, COLOUR])
def test_every_harmful_flipped_bit_is_refused(array: np.ndarray) -> None:
    data = png(array, compress_level=9)
    rng = np.random.default_rng(1)
    for bit in rng.choice(len(data) * 8, 400, replace=False):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << int(bit) % 8
        try:
            header, _ = picture.prove(bytes(broken))
        except SegconvError:
            continue
        assert np.array_equal(picture.samples_of(bytes(broken), header), array), f"bit {bit}"


def test_every_cut_is_refused() -> None:
    data = png(GREY[:9, :9])
    for length in range(len(data)):
        with pytest.raises(SegconvError):
            picture.prove(data[:length])


def test_pixels_that_do_not_fill_the_picture_are_refused() -> None:
    with pytest.raises(SegconvError) as caught:
        picture.prove(raw_png(8, 8, 8, 0, bytes(9 * 7)))
    assert caught.value.code == "SC058"
    with pytest.raises(SegconvError) as caught:
        picture.prove(raw_png(8, 8, 8, 0, bytes(9 * 800)))
    assert caught.value.code == "SC054"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "SC051"),
        (b"<html>", "SC051"),
        (b"version https://git-lfs.github.com/spec/v1\n", "SC051"),
        (b"\xff\xd8\xff\xe0 a JPEG", "SC051"),
        (b"BM a bitmap", "SC051"),
        (raw_png(0, 5, 8, 0, b""), "SC053"),
        (raw_png(5, 0, 8, 0, b""), "SC053"),
        (raw_png(1 << 31, 1, 8, 0, b""), "SC053"),
        (raw_png(1, 1 << 31, 8, 0, b""), "SC053"),
        (raw_png(5, 5, 3, 0, b""), "SC053"),
        (raw_png(5, 5, 8, 1, b""), "SC053"),
        (raw_png(5, 5, 8, 0, b"", compression=1), "SC053"),
        (raw_png(5, 5, 8, 0, b"", filtering=1), "SC053"),
        (raw_png(5, 5, 8, 0, b"", interlace=2), "SC053"),
        (raw_png((1 << 31) - 1, 1, 8, 0, b""), "SC054"),
        (raw_png(1, (1 << 31) - 1, 8, 0, b""), "SC054"),
        (raw_png(60000, 60000, 8, 0, b""), "SC054"),
        (raw_png(8, 1, 8, 3, bytes(9)), "SC058"),
        (raw_png(8, 1, 8, 3, bytes(9), palette=b""), "SC058"),
        (raw_png(8, 1, 8, 3, bytes(9), palette=bytes(4)), "SC058"),
        (raw_png(8, 1, 8, 0, zlib.compress(bytes(9))[:-4], packed=True), "SC058"),
        (raw_png(8, 1, 8, 0, b"no zlib stream", packed=True), "SC058"),
        (raw_png(8, 1, 8, 0, b"\7" * 9), "SC058"),
        (png(GREY) + bytes((1 << 20) + 1), "SC054"),
    ],
)
def test_an_unusable_png_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(SegconvError) as caught:
        picture.samples_of(data, picture.prove(data)[0])
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("data", "wording"),
    [
        (png(GREY)[:32], "ends after 32 bytes, within its header"),
        (picture.SIGNATURE + chunk(b"IDAT", bytes(13)) + chunk(b"IEND", b""), "does not begin with an IHDR chunk"),
        (picture.SIGNATURE + chunk(b"IHDR", bytes(14)) + chunk(b"IEND", b""), "does not begin with an IHDR chunk"),
        (png(GREY)[:60], "is cut within its 'IDAT' chunk"),
        (png(GREY)[:-12], "before its IEND chunk"),
        (png(GREY)[:-1], "before its IEND chunk"),
        (png(GREY)[:-13], "is cut within its 'IDAT' chunk"),
        (raw_png(8, 1, 8, 0, b"no zlib stream", packed=True), "its pixel data is damaged"),
        (raw_png(8, 1, 8, 0, zlib.compress(bytes(9))[:-4], packed=True), "its pixel data is cut"),
    ],
)
def test_errors_name_the_rule_that_is_broken(data: bytes, wording: str) -> None:
    with pytest.raises(SegconvError, match=wording):
        picture.prove(data)


def test_a_picture_that_is_stored_turned_is_refused() -> None:
    for orientation in (1, 6):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = png(GREY, exif=exif)
        if orientation == 1:
            assert picture.prove(data)[0].width == 120
            continue
        with pytest.raises(SegconvError) as caught:
            picture.prove(data)
        assert caught.value.code == "SC053"


def test_what_does_not_fit_its_bits_is_not_written() -> None:
    indices = np.array([[0, 3]], np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(picture.encode_few_bits(indices, 2)))) // 85, indices)
    with pytest.raises(ValueError, match="does not fit"):
        picture.encode_few_bits(indices + 1, 2)
    with pytest.raises(ValueError, match="do not fit"):
        picture.encode_palette(indices, np.zeros((5, 3), np.uint8), 2)
    picture.encode_palette(indices, np.zeros((4, 3), np.uint8), 2)
    with pytest.raises(SegconvError) as caught:
        picture.encode_palette(indices, np.zeros((3, 3), np.uint8), 2)
    assert caught.value.code == "SC053"


BESIDE = {
    "many texts": [chunk(b"tEXt", b"a\0b")] * 2000,
    "a text of 40 MiB": [chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(40 << 20)))],
    "a profile that is none": [chunk(b"iCCP", b"a\0\0" + zlib.compress(b"b"))],
    "palettes beside grey": [chunk(b"PLTE", b"abc")] * 2000,
}


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_other_chunks_take_no_time_and_print_nothing(mode: str, beside: str, capfd: pytest.CaptureFixture[str]) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.eye(8, dtype=np.uint8)).convert(mode).save(buffer, "PNG")
    data = buffer.getvalue()
    if mode == "P" and "palettes" in beside:
        return
    more = data[:33] + b"".join(BESIDE[beside]) + data[33:]
    header, _ = picture.prove(more)
    assert np.array_equal(picture.samples_of(more, header), picture.samples_of(data, header))
    assert capfd.readouterr() == ("", "")


def test_bytes_after_the_end_are_noticed() -> None:
    assert picture.prove(png(GREY))[1]
    assert not picture.prove(png(GREY) + b"x")[1]


@pytest.mark.parametrize("samples", [2, 3, 4])
def test_sixteen_bit_colour_keeps_all_its_bits(samples: int) -> None:
    array = np.random.default_rng(2).integers(0, 1 << 16, (7, 9, samples)).astype(np.uint16)
    # written here byte by byte: big-endian rows behind the filter type 0
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    theirs = raw_png(9, 7, 16, {2: 4, 3: 2, 4: 6}[samples], rows)
    for data in (theirs, picture.encode_samples(array)):
        header, _ = picture.prove(data)
        assert (header.depth, header.samples) == (16, samples)
        found = picture.samples_of(data, header)
        assert found.dtype == np.uint16
        assert np.array_equal(found, array)


def test_a_transparent_colour_is_not_a_sample() -> None:
    array = np.random.default_rng(2).integers(0, 1 << 16, (7, 9, 3)).astype(np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    data = raw_png(9, 7, 16, 2, rows)
    at = data.index(b"IDAT") - 4
    data = data[:at] + chunk(b"tRNS", bytes(6)) + data[at:]
    assert np.array_equal(picture.samples_of(data, picture.prove(data)[0]), array)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@given(data=st.data())
def test_palettes_come_back_as_they_were(depth: int, data: st.DataObject) -> None:
    size = data.draw(st.tuples(st.integers(1, 20), st.integers(1, 20)))
    colours = data.draw(hnp.arrays(np.uint8, st.tuples(st.integers(1, 1 << depth), st.just(3))))
    indices = np.random.default_rng(0).integers(0, len(colours), size).astype(np.uint8)
    written = picture.encode_palette(indices, colours, depth)
    header, plain = picture.prove(written)
    assert plain
    assert (header.kind, header.depth) == ("palette", depth)
    assert np.array_equal(picture.palette(written)[:, :3], colours)
    assert np.array_equal(picture.samples_of(written, header), indices)
    with Image.open(io.BytesIO(written)) as image:
        assert np.array_equal(np.asarray(image), indices)
        assert np.array_equal(np.asarray(image.convert("RGB")), colours[indices])


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_few_bits_are_written_as_they_are_read(depth: int) -> None:
    array = np.random.default_rng(0).integers(0, 1 << depth, (5, 11)).astype(np.uint8)
    data = picture.encode_few_bits(array, depth)
    header, _ = picture.prove(data)
    assert (header.kind, header.depth) == ("gray", depth)
    assert np.array_equal(picture.samples_of(data, header), array)
    assert np.array_equal(
        skio.imread(io.BytesIO(data)), array.astype(bool) if depth == 1 else array * (255 // ((1 << depth) - 1))
    )


def test_an_index_without_a_colour_is_refused() -> None:
    data = picture.encode_palette(np.array([[0, 5]], np.uint8), np.zeros((6, 3), np.uint8))
    at = data.index(b"PLTE") - 4
    data = data[:at] + chunk(b"PLTE", bytes(9)) + data[at + 12 + 18 :]
    with pytest.raises(SegconvError) as caught:
        picture.samples_of(data, picture.prove(data)[0])
    assert caught.value.code == "SC053"


def test_real_pictures_are_read_as_scikit_image_reads_them(data: Path) -> None:
    files = [*data.glob("dsb2018_pairs/**/*.png"), *data.glob("axondeepseg_sem/**/*.png")]
    assert len(files) > 40
    for path in files:
        header, _ = picture.prove(path.read_bytes())
        assert np.array_equal(picture.samples_of(path.read_bytes(), header), skio.imread(path)), path


def test_a_file_of_another_kind_is_named_for_what_it_is() -> None:
    volume = nib.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.eye(4)).to_bytes()
    for data, kind in ((volume, "NIfTI volume"), (b"\0" * 128 + b"DICM" + b"\0" * 300, "DICOM file")):
        with pytest.raises(SegconvError, match=f"{kind}, expected a PNG picture") as raised:
            picture.decode(data)
        assert raised.value.code == "SC051"
