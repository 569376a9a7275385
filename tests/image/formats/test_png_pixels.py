"""The stream of the pixels: libdeflate proves it, and ISA-L what libdeflate does not."""

from __future__ import annotations

import struct
import zlib

import pytest

from segconv.errors import SegconvError
from segconv.image.formats import png
from segconv.image.formats.png_pixels import PixelData

RAW = bytes(range(256)) * 40


def _data(packed: bytes, expected: int = len(RAW), parts: int = 3) -> PixelData:
    pixels = PixelData(expected)
    step = len(packed) // parts + 1
    for at in range(0, len(packed), step):
        pixels.add(memoryview(packed)[at : at + step])
    return pixels


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


@pytest.fixture(params=["libdeflate", "ISA-L only"], autouse=True)
def _decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> object:
        raise ImportError("built without it")

    if request.param == "ISA-L only":
        monkeypatch.setattr("imagecodecs.deflate_decode", missing)


@pytest.mark.parametrize("level", range(10))
@pytest.mark.parametrize("parts", [1, 2, 7])
def test_a_sound_stream_passes_in_any_number_of_parts(level: int, parts: int) -> None:
    _data(zlib.compress(RAW, level), parts=parts).refuse_unsound()


def test_a_smaller_window_passes() -> None:
    packer = zlib.compressobj(wbits=9)
    _data(packer.compress(RAW) + packer.flush()).refuse_unsound()


def test_bytes_after_the_stream_are_ignored() -> None:
    _data(zlib.compress(RAW) + b"left over").refuse_unsound()


@pytest.mark.parametrize("more", [1, 300_000])
def test_more_bytes_than_promised_are_refused(more: int) -> None:
    with pytest.raises(SegconvError, match="inflate to more than the 10240 bytes") as caught:
        _data(zlib.compress(RAW + bytes(more))).refuse_unsound()
    assert caught.value.code == "SC054"


def test_fewer_bytes_than_promised_are_refused() -> None:
    with pytest.raises(SegconvError, match="is cut: 10240 of 10241 bytes"):
        _data(zlib.compress(RAW), len(RAW) + 1).refuse_unsound()


def test_a_cut_stream_is_refused() -> None:
    packed = zlib.compress(RAW)
    for length in range(len(packed)):
        with pytest.raises(SegconvError, match="its pixel data is") as caught:
            _data(packed[:length]).refuse_unsound()
        assert caught.value.code == "SC058"


def test_a_wrong_checksum_is_refused() -> None:
    packed = bytearray(zlib.compress(RAW))
    packed[-1] ^= 1
    with pytest.raises(SegconvError, match="its pixel data is damaged") as caught:
        _data(bytes(packed)).refuse_unsound()
    assert caught.value.code == "SC058"


def test_damage_before_a_bad_chunk_is_reported_first() -> None:
    start = png.SIGNATURE + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    sound = _chunk(b"IDAT", zlib.compress(bytes(2)))
    bad = b"\0\0\0\4tEXtabcd----"
    with pytest.raises(SegconvError, match="checksum of its 'tEXt' chunk"):
        png.prove(start + sound + bad)
    with pytest.raises(SegconvError, match="its pixel data is damaged"):
        png.prove(start + _chunk(b"IDAT", b"\x78\x9c\xff\xff\xff") + bad)
