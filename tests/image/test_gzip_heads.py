"""Gzip streams with long or empty beginnings: read, or refused for what they are, not as cut."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segconv.errors import SegconvError
from segconv.image import volumes

from .formats.test_nifti import file_bytes

BYTES = 200_000


def packed(begin: bytes, flags: int = 0, fields: bytes = b"") -> bytes:
    """A small volume as gzip, with header fields and deflate blocks before its own."""
    raw = file_bytes(np.zeros((4, 4, 4), np.int16))
    deflated = zlib.compressobj(wbits=-15)
    body = begin + deflated.compress(raw) + deflated.flush()
    head = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6)
    return head + fields + body + struct.pack("<II", zlib.crc32(raw), len(raw))


EXTRA = struct.pack("<H", 65535) + bytes(65535)
EMPTY = b"\x00\x00\x00\xff\xff"

SLOW: dict[str, Callable[[int], bytes]] = {
    "name": lambda size: packed(b"", 8, b"a" * size + b"\0"),
    "comment": lambda size: packed(b"", 16, b"a" * size + b"\0"),
    "extra field and name": lambda size: packed(b"", 4 | 8, EXTRA + b"a" * size + b"\0"),
    "stored blocks": lambda size: packed(EMPTY * (size // 5)),
    "members": lambda size: gzip.compress(b"", mtime=0) * (size // 20) + packed(b""),
}


@pytest.mark.parametrize("kind", SLOW)
@pytest.mark.parametrize("size", [66_000, BYTES])
def test_an_intact_one_is_not_reported_as_cut(kind: str, size: int, tmp_path: Path) -> None:
    data = SLOW[kind](size)
    assert len(gzip.decompress(data)) == 352 + 128
    path = tmp_path / "case.nii.gz"
    path.write_bytes(data)
    for read in (lambda: volumes.probe_file(str(path)), lambda: volumes.decode(data, ".nii.gz")):
        with pytest.raises(SegconvError) as refused:
            read()
        assert refused.value.code == "SC054"
        assert "compress it anew" in refused.value.hint


@pytest.mark.parametrize("kind", [kind for kind in SLOW if "extra" not in kind])
def test_a_little_of_it_is_read(kind: str, tmp_path: Path) -> None:
    data = SLOW[kind](4_000)
    path = tmp_path / "case.nii.gz"
    path.write_bytes(data)
    assert volumes.probe_file(str(path)).geometry.size == (4, 4, 4)
    assert volumes.decode(data, ".nii.gz").header.geometry.size == (4, 4, 4)


def test_one_that_is_cut_early_is_reported_as_cut(tmp_path: Path) -> None:
    path = tmp_path / "case.nii.gz"
    path.write_bytes(SLOW["name"](4_000)[:3_000])
    with pytest.raises(SegconvError) as refused:
        volumes.probe_file(str(path))
    assert refused.value.code == "SC050"
