"""Pictures that are copied without verification: as they are, unless they must be decoded anyway."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from segconv.image.formats import png

from ...command import Command
from ..drawn import save

SIZE = (200, 200)


def damaged(data: bytes, *, checksum: bool) -> bytes:
    """Return a PNG whose pixels have a wrong Adler-32, in a chunk with the right CRC-32 or a wrong one."""
    at = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[at - 4 : at])
    body = bytearray(data[at : at + 4 + length])
    body[-1] ^= 1
    crc32 = zlib.crc32(body) ^ (0 if checksum else 1)
    return data[:at] + bytes(body) + struct.pack(">I", crc32) + data[at + 8 + length :]


def source(tmp_path: Path, *, checksum: bool = True) -> Path:
    noise = np.random.default_rng(0)
    for number in range(2):
        save(tmp_path / "s" / "masks" / f"{number}.png", np.eye(*SIZE, dtype=np.uint8) * np.uint8(255))
        image = tmp_path / "s" / "images" / f"{number}.png"
        image.parent.mkdir(exist_ok=True)
        image.write_bytes(png.encode_mask(noise.integers(0, 256, SIZE, np.uint8)))
    image.write_bytes(damaged(image.read_bytes(), checksum=checksum))
    return tmp_path / "s"


def test_a_picture_is_copied_unread_only_if_that_is_asked_for(tmp_path: Path, segconv: Command) -> None:
    images = source(tmp_path) / "images"
    refused = segconv("convert", tmp_path / "s", "--to", "1_A")
    assert (refused.code, refused.codes()) == (65, ["SC058"])
    assert segconv("convert", tmp_path / "s", "--to", "2_B", "--no-verify-source").code == 0
    for number in range(2):
        written = segconv.raw / "Dataset002_B" / "imagesTr" / f"{number}_0000.png"
        assert written.read_bytes() == (images / f"{number}.png").read_bytes()


@pytest.mark.parametrize("options", [("--grey-to-rgb",), ("--format", "nii.gz"), ("--strip-headers",)])
def test_what_is_encoded_anew_is_verified_nevertheless(
    options: tuple[str, ...], tmp_path: Path, segconv: Command
) -> None:
    done = segconv("convert", source(tmp_path), "--to", "1_A", "--no-verify-source", *options)
    assert (done.code, done.codes()) == (65, ["SC058"])


def test_checksums_of_chunks_are_always_verified(tmp_path: Path, segconv: Command) -> None:
    done = segconv("convert", source(tmp_path, checksum=False), "--to", "1_A", "--no-verify-source")
    assert (done.code, done.codes()) == (65, ["SC058"])


def test_a_small_file_of_many_equal_pixels_is_verified_and_named(tmp_path: Path, segconv: Command) -> None:
    image = source(tmp_path) / "images" / "0.png"
    save(image, np.full(SIZE, 7, np.uint8))
    (tmp_path / "s" / "images" / "1.png").write_bytes(image.read_bytes())
    done = segconv("convert", tmp_path / "s", "--to", "1_A", "--no-verify-source", "--json")
    assert [(one["code"], one["file"]) for one in done.json["findings"]].count(("SC077", "images/0.png")) == 1
