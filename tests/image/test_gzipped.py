"""Gzip streams: complete or refused."""

from __future__ import annotations

import gzip
import random
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import igzip_lib

from segconv.errors import SegconvError
from segconv.image import gzipped
from segconv.image.gzipped import TRAILING_LIMIT, deflate, inflate, inflate_head

LIMIT = 1 << 20


@given(st.lists(st.binary(max_size=2000), max_size=5))
def test_deflated_data_are_read_by_zlib(parts: list[bytes]) -> None:
    assert gzip.decompress(deflate(parts)) == b"".join(parts)


def test_the_same_bytes_come_out_each_time_without_a_time_in_them() -> None:
    first = deflate([b"voxels" * 1000])
    assert first == deflate([b"voxels" * 1000])
    assert first[4:8] == bytes(4)


@given(st.binary(min_size=1, max_size=5000), st.integers(0, 9))
def test_zlibs_streams_are_inflated(raw: bytes, level: int) -> None:
    assert inflate(gzip.compress(raw, level), LIMIT) == (raw, True)


def test_several_members_are_one_stream_but_not_plain() -> None:
    assert inflate(gzip.compress(b"ab") + gzip.compress(b"cd"), LIMIT) == (b"abcd", False)


@pytest.mark.parametrize("block", [0, 1, 900, 65_000])
def test_many_members_are_read_in_one_pass(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """BGZF, in which genomics keeps its files and some tools all of them, is members of at most 64 KiB."""
    given = []
    decompressor = igzip_lib.IgzipDecompressor

    class Counted:
        def __init__(self, flag: int) -> None:
            self._inner = decompressor(flag=flag)

        def decompress(self, data: bytes, most: int) -> bytes:
            given.append(len(data))
            return self._inner.decompress(data, most)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

    monkeypatch.setattr(gzipped.igzip_lib, "IgzipDecompressor", Counted)
    raw = random.Random(0).randbytes(block)
    count = 2000 if block < 1000 else 50
    data = gzip.compress(raw) * count
    assert inflate(data, len(raw) * count) == (raw * count, False)
    assert sum(given) <= 2 * len(data) + 1024 * count, "each byte is given, and copied, once or twice"


def test_a_little_behind_the_end_is_tolerated_but_not_plain() -> None:
    assert inflate(gzip.compress(b"ab") + b"\0" * 10, LIMIT) == (b"ab", False)


def test_a_lot_behind_the_end_is_refused() -> None:
    assert inflate(gzip.compress(b"ab") + bytes(TRAILING_LIMIT), LIMIT) == (b"ab", False)
    with pytest.raises(SegconvError) as caught:
        inflate(gzip.compress(b"ab") + bytes(TRAILING_LIMIT + 1), LIMIT)
    assert caught.value.code == "SC054"


def test_every_cut_is_refused() -> None:
    data = gzip.compress(bytes(range(256)) * 20)
    for length in range(2, len(data)):
        with pytest.raises(SegconvError) as caught:
            inflate(data[:length], LIMIT)
        assert caught.value.code == "SC050"


def test_every_harmful_flipped_bit_is_refused() -> None:
    raw = bytes(range(256)) * 4
    data = gzip.compress(raw)
    for bit in range(8 * 10, len(data) * 8):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        try:
            found, _ = inflate(bytes(broken), LIMIT)
        except SegconvError:
            continue
        assert found == raw, f"bit {bit}"


def test_a_bomb_is_stopped_at_its_budget() -> None:
    bomb = zlib.compressobj(9, wbits=31)
    data = bomb.compress(bytes(50 << 20)) + bomb.flush()
    with pytest.raises(SegconvError) as caught:
        inflate(data, LIMIT)
    assert caught.value.code == "SC054"


@pytest.mark.parametrize("size", [1, 1000, 3_000_000])
def test_a_budget_holds_to_the_byte(size: int) -> None:
    data = gzip.compress(bytes(size))
    assert inflate(data, size) == (bytes(size), True)
    with pytest.raises(SegconvError) as caught:
        inflate(data, size - 1)
    assert caught.value.code == "SC054"


def test_a_header_is_read_without_the_rest_of_the_file() -> None:
    assert inflate_head(gzip.compress(bytes(100_000))[:60], 20) == bytes(20)


@given(st.lists(st.binary(max_size=70_000), min_size=1, max_size=3))
def test_the_same_pieces_give_the_same_bytes_and_all_of_them(pieces: list[bytes]) -> None:
    packed = deflate(pieces)
    assert packed == deflate([memoryview(piece) for piece in pieces])
    assert gzip.decompress(packed) == b"".join(pieces)
