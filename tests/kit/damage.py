"""Damage to one file: each function changes a file in place, or returns what does."""

from __future__ import annotations

import gzip
import os
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from PIL import Image

Damage = Callable[[Path], object]

HTML = b"<!DOCTYPE html>\n<html><head><title>404</title></head><body>Not found</body></html>\n"
POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


# --- bytes of any file


def content(data: bytes) -> Damage:
    """Return what puts other bytes in the place of a file."""
    return lambda path: path.write_bytes(data)


def changed(change: Callable[[bytes], bytes]) -> Damage:
    """Return what changes the bytes of a file."""
    return lambda path: path.write_bytes(change(path.read_bytes()))


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_end(count: int) -> Damage:
    return changed(lambda data: data[:-count])


def bit_flip(where: float) -> Damage:
    """Return what flips one bit, `where` of the way through the file."""

    def flip(data: bytes) -> bytes:
        at = int(len(data) * where)
        return data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :]

    return changed(flip)


def appended(data: bytes) -> Damage:
    return changed(lambda old: old + data)


# --- what is in the place of a file


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    path.unlink()
    here = os.getcwd()
    os.chdir(path.parent)  # the path of a socket may be no longer than 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)


def link(target: str) -> Damage:
    """Return what puts a link in the place of a file."""

    def change(path: Path) -> None:
        path.unlink()
        path.symlink_to(target)

    return change


def moved_out(path: Path) -> None:
    """Move a file out of the source, and leave a link to it."""
    outside = path.parents[1].parent / "elsewhere"
    outside.mkdir(exist_ok=True)
    path.rename(outside / path.name)
    path.symlink_to(outside / path.name)


def removed(path: Path) -> None:
    path.unlink()


# --- NIfTI


def raw(change: Callable[[bytearray], object]) -> Damage:
    """Return what changes the inflated bytes of a ``.nii.gz``."""

    def damage(path: Path) -> None:
        data = bytearray(gzip.decompress(path.read_bytes()))
        result = change(data)
        data = result if isinstance(result, bytearray) else data
        path.write_bytes(gzip.compress(bytes(data), mtime=0))

    return damage


def header(**fields: Any) -> Damage:
    """Return what sets fields of a NIfTI header, whatever they mean."""

    def change(data: bytearray) -> None:
        block = nib.Nifti1Header(bytes(data[:348]), check=False)
        for key, value in fields.items():
            block[key] = value
        data[:348] = block.binaryblock

    return raw(change)


def voxels(change: Callable[[np.ndarray], np.ndarray]) -> Damage:
    """Return what changes the voxels ``(x, y, z)`` of a file, and their type with them."""

    def damage(path: Path) -> None:
        image = nib.load(path)
        array = change(np.asarray(image.dataobj))
        head = image.header.copy()
        head.set_data_dtype(array.dtype)
        nib.save(nib.Nifti1Image(array, image.affine, head, dtype=array.dtype), path)

    return damage


def put(value: float, dtype: Any = np.float32, *, at: tuple[int, ...] = (5, 4, 3)) -> Damage:
    """Return what sets one voxel, in another type."""

    def change(array: np.ndarray) -> np.ndarray:
        array = array.astype(dtype)
        array[at] = value
        return array

    return voxels(change)


def where_one(value: float, dtype: Any) -> Damage:
    """Return what puts another value in the place of label 1."""
    return voxels(lambda array: np.where(array == 1, dtype(value), array.astype(dtype)).astype(dtype))


def structured(fields: str) -> Damage:
    """Return what makes colours of voxels, such as ``RGB``."""

    def damage(path: Path) -> None:
        image = nib.load(path)
        array = np.zeros(image.shape, dtype=[(name, "u1") for name in fields])
        nib.save(nib.Nifti1Image(array, image.affine), path)

    return damage


def grid(change: Callable[[sitk.Image], object]) -> Damage:
    """Return what changes the grid of a volume, as SimpleITK sees it."""

    def damage(path: Path) -> None:
        image = sitk.ReadImage(str(path))
        other = change(image)
        sitk.WriteImage(other if isinstance(other, sitk.Image) else image, str(path))

    return damage


def shifted(mm: float) -> Damage:
    return grid(lambda image: image.SetOrigin([image.GetOrigin()[0] + mm, *image.GetOrigin()[1:]]))


def stretched(factor: float) -> Damage:
    return grid(lambda image: image.SetSpacing([step * factor for step in image.GetSpacing()]))


def mirrored(image: sitk.Image) -> None:
    image.SetDirection([-number for number in image.GetDirection()])


def turned(degrees: float) -> Damage:
    def change(image: sitk.Image) -> None:
        a = np.radians(degrees)
        turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        image.SetDirection((turn @ np.array(image.GetDirection()).reshape(3, 3)).ravel().tolist())

    return grid(change)


def upside_down(image: sitk.Image) -> sitk.Image:
    """The same voxels at the same points, from the other end."""
    return sitk.Flip(image, [False, False, True])


def axes_swapped(image: sitk.Image) -> sitk.Image:
    return sitk.PermuteAxes(image, [1, 0, 2])


def relabelled_axes(path: Path) -> None:
    """Swap the first two axes of the voxels, and leave the header as it is."""
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj).swapaxes(0, 1), image.affine), path)


def four_dimensions(count: int = 2) -> Damage:
    """Return what stacks a volume along a fourth axis."""

    def damage(path: Path) -> None:
        image = nib.load(path)
        array = np.asarray(image.dataobj)
        stacked = np.stack([array + array.dtype.type(number) * 3 for number in range(count)], -1)
        nib.save(nib.Nifti1Image(stacked, image.affine), path)

    return damage


def one_hot(path: Path) -> None:
    image = nib.load(path)
    array = np.asarray(image.dataobj)
    nib.save(nib.Nifti1Image(np.stack([array == n for n in range(4)], -1).astype(np.uint8), image.affine), path)


def vectors(path: Path) -> None:
    """A one-hot label along the fifth axis, as ITK stores vectors."""
    image = nib.load(path)
    array = np.asarray(image.dataobj)
    stacked = np.stack([array == n for n in range(3)], -1).astype(np.uint8)[:, :, :, None, :]
    nib.save(nib.Nifti1Image(stacked, image.affine), path)


def sheared(path: Path) -> None:
    image = nib.load(path)
    affine = image.affine.copy()
    affine[0, 1] += 0.9
    other = nib.Nifti1Image(np.asarray(image.dataobj), None)
    other.set_sform(affine, 2)
    nib.save(other, path)


def no_rows(value: float) -> Damage:
    """Return what fills the sform with one number, and no qform."""
    rows = {f"srow_{axis}": [value] * 4 for axis in "xyz"}
    return header(**rows, sform_code=2, qform_code=0)


def rewritten(change: Callable[[nib.Nifti1Image], object]) -> Damage:
    """Return what changes an image as nibabel sees it."""

    def damage(path: Path) -> None:
        image = nib.load(path)
        other = nib.Nifti1Image(np.asarray(image.dataobj), image.affine)
        other.header.set_xyzt_units("mm")
        result = change(other)
        nib.save(result if isinstance(result, nib.Nifti1Image) else other, path)

    return damage


def bomb(path: Path) -> None:
    """A member more, which inflates to 64 MiB."""
    path.write_bytes(path.read_bytes() + gzip.compress(bytes(64 << 20), 9))


# --- PNG


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the chunks of a PNG."""
    found, at = [], 8
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += size + 12
    return found


def png_of(parts: list[tuple[bytes, bytes]]) -> bytes:
    """Return a PNG of chunks, each with its checksum."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )


def png(change: Callable[[dict[bytes, bytes]], object]) -> Damage:
    """Return what changes chunks of a PNG, by name; a chunk that is taken out is gone, and all checksums are right."""

    def damage(path: Path) -> None:
        parts = chunks(path.read_bytes())
        joined: dict[bytes, bytes] = {}
        for name, body in parts:
            joined[name] = joined.get(name, b"") + body
        change(joined)
        path.write_bytes(png_of(list(joined.items())))

    return damage


def png_header(**fields: int) -> Damage:
    """Return what sets fields of IHDR."""
    names = ("width", "height", "depth", "colour", "compression", "filter", "interlace")

    def change(parts: dict[bytes, bytes]) -> None:
        values = dict(zip(names, struct.unpack(">IIBBBBB", parts[b"IHDR"]), strict=True)) | fields
        parts[b"IHDR"] = struct.pack(">IIBBBBB", *values.values())

    return png(change)


def pixels(change: Callable[[bytes], bytes]) -> Damage:
    """Return what changes the inflated rows of a PNG."""
    return png(lambda parts: parts.__setitem__(b"IDAT", zlib.compress(change(zlib.decompress(parts[b"IDAT"])))))


def stream(change: Callable[[bytes], bytes]) -> Damage:
    """Return what changes the deflated rows of a PNG."""
    return png(lambda parts: parts.__setitem__(b"IDAT", change(parts[b"IDAT"])))


def wrong_checksum(name: bytes) -> Damage:
    """Return what changes a byte of a chunk's checksum."""

    def change(data: bytes) -> bytes:
        at = data.index(name)
        at += 4 + int.from_bytes(data[at - 4 : at], "big")
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    return changed(change)


def saved(array: np.ndarray, ending: str | None = None, **options: Any) -> Damage:
    """Return what puts another picture in the place of a file, under another ending if one is given."""

    def damage(path: Path) -> None:
        if ending is not None:
            path.unlink()
            path = path.with_suffix(ending)
        Image.fromarray(array).save(path, **options)

    return damage
