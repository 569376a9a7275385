"""Defects of one file, whatever the rest of the source holds."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import tifffile
from PIL import Image

from . import damage as d
from .case import Case, Change, nothing
from .sources import SHAPE, Place, mask, picture
from .tables import LABELLED, TASKS, VOLUMES, damaged, rejected, to

GZIP = ("SC050", "SC051", "SC052")
NO_FORMAT = ("SC051", "SC053")
PICTURE = ("SC051", "SC053", "SC058")
INF = float("inf")
NAN = float("nan")


def as_format(place: Place, ending: str) -> None:
    """Store the pairs in another format."""
    for path in sorted(place.root.glob("*/*.nii.gz")):
        image = sitk.ReadImage(str(path))
        for key in image.GetMetaDataKeys():
            image.EraseMetaData(key)
        sitk.WriteImage(image, str(path).replace(".nii.gz", ending), ending != ".nii")
        path.unlink()


def other(ending: str, role: str, change: d.Damage) -> Change:
    """Return what stores the pairs in another format, and damages one of them there."""

    def damage(place: Place) -> None:
        as_format(place, ending)
        change(getattr(place, role).parent / f"c1{ending}")

    return damage


def nrrd_bomb(data: bytes) -> bytes:
    return (
        b"NRRD0004\ntype: short\ndimension: 3\nsizes: 40000 40000 40000\nencoding: gzip\nendian: little\n\n"
        + gzip.compress(bytes(1 << 16))
    )


def large_tiff(path: Path) -> None:
    """A TIFF whose header promises 60000 × 60000 pixels."""
    path.unlink()
    tags = [
        (256, 4, 1, 60000), (257, 4, 1, 60000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 60000), (279, 4, 1, 60000 * 60000 % (1 << 32)),
    ]  # fmt: skip
    body = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    path.with_suffix(".tif").write_bytes(b"II*\0" + struct.pack("<I", 8) + body)


def tiff(array: np.ndarray, **options: Any) -> d.Damage:
    """Return what puts a TIFF in the place of a picture."""

    def damage(path: Path) -> None:
        path.unlink()
        tifffile.imwrite(path.with_suffix(".tif"), array, **options)

    return damage


def exif(turn: int) -> d.Damage:
    """Return what puts a JPEG in the place of a picture that viewers turn."""
    tags = Image.Exif()
    tags[0x0112] = turn
    return d.saved(picture(1), ".jpg", exif=tags, quality=95)


def png_exif(parts: dict[bytes, bytes]) -> None:
    """An eXIf chunk that says that the picture is turned."""
    tags = Image.Exif()
    tags[0x0112] = 6
    body = tags.tobytes().removeprefix(b"Exif\0\0")
    end = parts.pop(b"IEND")
    idat = parts.pop(b"IDAT")
    parts.update({b"eXIf": body, b"IDAT": idat, b"IEND": end})


def smoothed(place: Place) -> None:
    """All masks have soft edges, as resizing makes them."""
    for number in (0, 1, 2):
        blocks = np.kron(np.array([[0, 255], [255, 0]], np.uint8), np.ones((SHAPE[0] // 2, SHAPE[1] // 2), np.uint8))
        large = Image.fromarray(blocks).resize((60, 50), Image.Resampling.BILINEAR)
        large.resize(SHAPE[::-1], Image.Resampling.BILINEAR).save(place.root / "masks" / f"c{number}.png")


def coloured(place: Place) -> None:
    """All masks are in colours of unknown meaning."""
    table = np.array([[0, 0, 0], [200, 30, 40]], np.uint8)
    for number in (0, 1, 2):
        Image.fromarray(table[mask(number) // 255]).save(place.root / "masks" / f"c{number}.png")


def all_jpeg_masks(place: Place) -> None:
    for number in (0, 1, 2):
        d.saved(mask(number), ".jpg", quality=95)(place.root / "masks" / f"c{number}.png")


def palette_without_palette(path: Path) -> None:
    image = Image.new("P", SHAPE[::-1])
    image.save(path)
    d.png(lambda parts: parts.pop(b"PLTE"))(path)


def scaled(slope: float, offset: float = 0.0) -> d.Damage:
    return d.header(scl_slope=slope, scl_inter=offset)


PNG = ("png",)
PAIRS = ("pairs",)

CASES: list[Case] = [
    # bytes that are not what they should be
    *damaged("cut-file", "half", d.half, GZIP),
    *damaged("cut-file", "one byte short", d.without_end(1), GZIP),
    *damaged("cut-file", "cut in its header", d.changed(lambda b: b[:15]), GZIP, roles=("image",)),
    *damaged("cut-file", "without its last 8 bytes", d.without_end(8), GZIP, roles=("label",)),
    *rejected("cut-file", "test image cut", lambda p: d.half(next((p.root / "imagesTs").iterdir())), GZIP, "imagesTs/c8", TASKS),
    *damaged("empty-file", "empty", d.content(b""), NO_FORMAT),
    *damaged("empty-file", "empty", d.content(b""), PICTURE, PNG),
    *rejected("empty-file", "empty json", lambda p: p.json.write_bytes(b""), "SC086", "dataset.json", ("msd", "v1")),
    *rejected("empty-file", "empty json", lambda p: p.json.write_bytes(b""), "SC086", "dataset.json", "v2", detect=False),
    *damaged("empty-file", "empty gzip", d.content(gzip.compress(b"")), ("SC050", "SC051", "SC052"), roles=("image",)),
    *damaged("gzip-checksum", "checksum", d.changed(lambda b: b[:-8] + bytes([b[-8] ^ 1]) + b[-7:]), "SC050"),
    *damaged("gzip-checksum", "length", d.changed(lambda b: b[:-4] + bytes([b[-4] ^ 1]) + b[-3:]), "SC050"),
    *damaged("flipped-bit", "bit flip in the middle", d.bit_flip(0.5), GZIP),
    *damaged("flipped-bit", "bit flip near the end", d.bit_flip(0.9), GZIP),
    *damaged("flipped-bit", "bit flip", d.bit_flip(0.6), PICTURE, PNG),
    *damaged("flipped-bit", "bit flip in the header", d.bit_flip(0.04), PICTURE, PNG),
    *rejected("flipped-bit", "bit flip in NRRD", other(".nrrd", "image", d.bit_flip(0.7)), GZIP, "images/c1.nrrd", PAIRS),
    *rejected("flipped-bit", "bit flip in MetaImage", other(".mha", "image", d.bit_flip(0.7)), (*GZIP, "SC054"), "images/c1.mha", PAIRS),
    *damaged("missing-voxels", "voxels missing", d.raw(lambda b: b[:-100]), "SC052"),
    *damaged("missing-voxels", "only a header", d.raw(lambda b: b[:352]), "SC052", roles=("label",)),
    *rejected("missing-voxels", "voxels missing in plain NIfTI", other(".nii", "image", d.without_end(30)), "SC052", "images/c1.nii", PAIRS),
    *rejected("missing-voxels", "half a plain label", other(".nii", "label", d.half), "SC052", "masks/c1.nii", PAIRS),
    *rejected("missing-voxels", "half a NRRD", other(".nrrd", "label", d.half), (*GZIP, "SC053"), "masks/c1.nrrd", PAIRS),
    *rejected("missing-voxels", "half a MetaImage", other(".mha", "label", d.half), (*GZIP, "SC053"), "masks/c1.mha", PAIRS),
    *damaged("web-page", "web page", d.content(d.HTML), "SC051"),
    *damaged("web-page", "web page", d.content(d.HTML), "SC051", PNG),
    *damaged("web-page", "web page in gzip", d.content(gzip.compress(d.HTML * 9)), NO_FORMAT, roles=("image",)),
    *rejected("web-page", "json is a web page", lambda p: p.json.write_bytes(d.HTML), "SC086", "dataset.json", ("msd", "v1")),
    *rejected("web-page", "json is a web page", lambda p: p.json.write_bytes(d.HTML), "SC086", "dataset.json", "v2", detect=False),
    *damaged("lfs-pointer", "pointer", d.content(d.POINTER), "SC051"),
    *damaged("lfs-pointer", "pointer", d.content(d.POINTER), "SC051", PNG),
    *rejected("lfs-pointer", "json is a pointer", lambda p: p.json.write_bytes(d.POINTER), "SC086", "dataset.json", ("msd", "v1")),
    *damaged("wrong-format", "bad magic", d.header(magic=b"xyz"), NO_FORMAT),
    *damaged("wrong-format", "bad size of header", d.header(sizeof_hdr=347), NO_FORMAT, roles=("image",)),
    *damaged("wrong-format", "noise", d.content(np.random.default_rng(3).bytes(3000)), NO_FORMAT, roles=("label",)),
    *damaged("wrong-format", "noise in gzip", d.content(gzip.compress(np.random.default_rng(3).bytes(3000))), NO_FORMAT, roles=("image",)),
    *damaged("wrong-format", "bad signature", d.changed(lambda b: b"\x89PNX" + b[4:]), "SC051", PNG),
    *damaged("wrong-format", "JPEG called PNG", d.saved(mask(1), format="JPEG"), "SC051", PNG, roles=("label",)),
    *damaged("wrong-format", "picture called NIfTI", lambda p: Image.fromarray(picture(1)).save(p, format="PNG"), "SC051", roles=("image",)),
    # types that are not read, and irregular files
    *damaged("unsupported-type", "complex", d.voxels(lambda a: a.astype(np.complex64)), "SC056"),
    *damaged("unsupported-type", "complex of 128 bits", d.voxels(lambda a: a.astype(np.complex128)), "SC056", roles=("image",)),
    *damaged("unsupported-type", "RGB", d.structured("RGB"), "SC056"),
    *damaged("unsupported-type", "RGBA", d.structured("RGBA"), "SC056", roles=("image",)),
    *damaged("unsupported-type", "unknown type", d.header(datatype=77), ("SC053", "SC056"), roles=("image",)),
    *damaged("unsupported-type", "type contradicts bits", d.header(bitpix=64), "SC053", roles=("image",)),
    *rejected("unsupported-type", "complex TIFF", to("image", tiff(picture(1).astype(np.complex64))), ("SC053", "SC056", "SC051"), "images/c1.tif", PNG),
    *rejected("unsupported-type", "complex mask", to("label", tiff(mask(1).astype(np.complex64))), ("SC053", "SC056", "SC051"), "masks/c1.tif", PNG),
    *damaged("irregular-file", "folder", d.folder, "SC061", ("msd", "v1", "v2", "pairs", "png")),
    *damaged("irregular-file", "folder", d.folder, "SC061", ("masks",), roles=("label",)),
    # A folder that is called ct.nii.gz could be a case as well: nothing shows that it is a mask until --from does.
    *damaged("irregular-file", "folder", d.folder, "SC061", ("masks",), roles=("image",), detect=False),
    *damaged("irregular-file", "pipe", d.pipe, "SC061", (*VOLUMES, "png")),
    *damaged("irregular-file", "socket", d.unix_socket, "SC061", (*VOLUMES, "png"), roles=("image",)),
    *damaged("irregular-file", "device", d.link("/dev/zero"), ("SC060", "SC061"), (*VOLUMES, "png"), roles=("image",)),
    *damaged("irregular-file", "device that was allowed", d.link("/dev/zero"), "SC061", (*VOLUMES, "png"), roles=("label",), words=("--allow-external",)),
    *rejected("irregular-file", "json is a pipe", lambda p: d.pipe(p.json), ("SC061", "SC086"), "dataset.json", TASKS, detect=False),
    *rejected("irregular-file", "json is a folder", lambda p: d.folder(p.json), ("SC061", "SC086"), "dataset.json", TASKS, detect=False),
    # sizes
    *damaged("impossible-size", "negative length", d.header(dim=[3, -14, 12, 7, 1, 1, 1, 1]), "SC053"),
    *damaged("impossible-size", "overflow", d.header(dim=[3, 32767, 32767, 32767, 1, 1, 1, 1]), ("SC054", "SC053")),
    *damaged("impossible-size", "overflow of 64 bits", d.header(dim=[7, *[32767] * 7]), ("SC053", "SC054", "SC056", "SC073", "SC084")),
    *damaged("impossible-size", "no axis", d.header(dim=[0, 14, 12, 7, 1, 1, 1, 1]), "SC053", roles=("image",)),
    *damaged("impossible-size", "an axis of length 0", d.header(dim=[3, 14, 0, 7, 1, 1, 1, 1]), "SC053", roles=("image",)),
    *damaged("impossible-size", "nine axes", d.header(dim=[9, 14, 12, 7, 1, 1, 1, 1]), ("SC053", "SC051"), roles=("label",)),
    *damaged("impossible-size", "negative number of axes", d.header(dim=[-3, 14, 12, 7, 1, 1, 1, 1]), ("SC053", "SC051"), roles=("image",)),
    *damaged("impossible-size", "voxels begin before the file", d.header(vox_offset=-16), "SC053", roles=("image",)),
    *damaged("impossible-size", "voxels begin after the file", d.header(vox_offset=1e9), ("SC052", "SC053", "SC054"), roles=("image",)),
    *damaged("impossible-size", "voxels begin nowhere", d.header(vox_offset=NAN), "SC053", roles=("label",)),
    *damaged("impossible-size", "no width", d.png_header(width=0), PICTURE, PNG),
    *damaged("impossible-size", "more than 31 bits", d.png_header(width=0xFFFFFFFF), (*PICTURE, "SC054"), PNG),
    *damaged("too-large", "bomb", d.bomb, ("SC054", "SC059")),
    *damaged("too-large", "inflates to more than it says", d.raw(lambda b: b + bytes(16 << 20)), ("SC054", "SC059"), roles=("image",)),
    *rejected("too-large", "more than allowed", nothing, "SC054", "", VOLUMES, words=("--max-volume", "500"), cures=(("--max-volume", "100000"),)),
    *damaged("too-large", "too many pixels", d.png_header(width=60000, height=60000), "SC054", PNG),
    *damaged("too-large", "more rows than it says", d.stream(lambda b: zlib.compress(bytes(32 << 20), 9)), "SC054", PNG),
    *rejected("too-large", "TIFF of 60000 pixels", to("image", large_tiff), ("SC053", "SC054", "SC058"), "images/c1.tif", PNG),
    *rejected("too-large", "bomb in NRRD", other(".nrrd", "image", d.changed(nrrd_bomb)), "SC054", "images/c1.nrrd", PAIRS),
    *rejected("too-large", "json of 70 MB", lambda p: p.json.write_bytes(b" " * (70 << 20)), "SC086", "dataset.json", "msd"),
    # values that are not finite or not integers
    *damaged("nan-in-image", "NaN", d.put(NAN), "SC055", roles=("image",)),
    *damaged("nan-in-image", "NaN in 64 bits", d.put(NAN, np.float64, at=(-1, -1, -1)), "SC055", roles=("image",)),
    *damaged("nan-in-image", "all NaN", d.voxels(lambda a: np.full(a.shape, NAN, np.float32)), "SC055", roles=("image",)),
    *damaged("nan-in-image", "NaN and carried over", d.put(NAN), "SC055", roles=("image",), words=("--link", "symlink")),
    *rejected("nan-in-image", "NaN in a test image", lambda p: d.put(NAN)(min((p.root / "imagesTs").iterdir())), "SC055", "imagesTs/c8", TASKS),
    *rejected("nan-in-image", "NaN in NRRD", other(".nrrd", "image", d.grid(lambda i: sitk.Cast(i, sitk.sitkFloat32) * NAN)), "SC055", "images/c1.nrrd", PAIRS),
    *rejected("nan-in-image", "NaN in TIFF", to("image", tiff(np.where(picture(1) > 9, picture(1), np.float32(NAN)))), ("SC053", "SC055", "SC056", "SC084"), "images/c1.tif", PNG),
    *damaged("infinity-in-image", "infinite", d.put(INF), "SC055", roles=("image",)),
    *damaged("infinity-in-image", "minus infinite", d.put(-INF, np.float64), "SC055", roles=("image",)),
    *damaged("infinity-in-image", "infinite by its slope", scaled(3e38), "SC055", roles=("image",)),
    *rejected("infinity-in-image", "infinite in a test image", lambda p: d.put(INF)(min((p.root / "imagesTs").iterdir())), "SC055", "imagesTs/c8", TASKS),
    *rejected("infinity-in-image", "infinite in TIFF", to("image", tiff(np.where(picture(1) > 9, picture(1), np.float32(INF)))), ("SC053", "SC055", "SC056", "SC084"), "images/c1.tif", PNG),
    *damaged("non-finite-label", "NaN", d.put(NAN), "SC055", roles=("label",)),
    *damaged("non-finite-label", "infinite", d.put(INF), "SC055", roles=("label",)),
    *rejected("non-finite-label", "NaN in TIFF", to("label", tiff(np.where(mask(1) > 9, mask(1), np.float32(NAN)))), ("SC055", "SC071"), "masks/c1.tif", PNG),
    *damaged("fractional-label", "half", d.put(0.5), ("SC071", "SC078"), roles=("label",)),
    *damaged("fractional-label", "a little off", d.put(1.001, np.float64), ("SC071", "SC078"), roles=("label",)),
    *damaged("fractional-label", "by its slope", scaled(0.5), ("SC071", "SC078"), LABELLED, roles=("label",)),
    *damaged("fractional-label", "by its offset", scaled(1, 0.25), ("SC071", "SC078"), roles=("label",)),
    *rejected("fractional-label", "half in TIFF", to("label", tiff(mask(1) / np.float32(2))), "SC071", "masks/c1.tif", PNG),
    # values of labels
    *damaged("negative-label", "negative", d.put(-1, np.int16), ("SC072", "SC078"), roles=("label",)),
    *damaged("negative-label", "negative in 8 bits", d.put(-1, np.int8), ("SC072", "SC078"), roles=("label",)),
    *rejected("negative-label", "negative in TIFF", to("label", tiff(-mask(1).astype(np.int16))), "SC072", "masks/c1.tif", PNG),
    *damaged("undeclared-label", "one voxel", d.put(9, np.uint8), "SC070", LABELLED, roles=("label",), cures=(("--map", "9=liver"), ("--map", "9=background"))),
    *damaged("undeclared-label", "several", d.voxels(lambda a: a + np.uint8(3)), "SC070", LABELLED, roles=("label",)),
    *damaged("undeclared-label", "a value that is no label in float", d.put(4.0), "SC070", LABELLED, roles=("label",)),
    *damaged("undeclared-label", "one pixel", d.saved(np.where(np.arange(480).reshape(SHAPE) == 77, 7, mask(1)).astype(np.uint8)), "SC070", PNG, roles=("label",), cures=(("--map", "7=road"), ("--snap", "7"))),
    *damaged("label-beyond-8-bits", "257", d.where_one(257, np.uint16), "SC070", LABELLED, roles=("label",), cures=(("--map", "257=liver"),)),
    *damaged("label-beyond-8-bits", "256", d.where_one(256, np.int16), "SC070", LABELLED, roles=("label",)),
    *damaged("label-beyond-8-bits", "65537", d.where_one(65537, np.int32), "SC070", LABELLED, roles=("label",)),
    *damaged("label-beyond-8-bits", "257 next to 1", d.put(257, np.uint16), ("SC070", "SC078"), ("masks",), roles=("label",)),
    *damaged("undeclared-label", "9 next to 1", d.put(9, np.uint8), ("SC070", "SC078"), ("masks",), roles=("label",)),
    *damaged("label-255", "255 next to 1", d.put(255, np.uint8), ("SC070", "SC078"), ("masks",), roles=("label",)),
    *damaged("fractional-label", "by its slope", scaled(0.5), ("SC071", "SC078"), ("masks",), roles=("label",)),
    *damaged("label-beyond-8-bits", "257", d.saved(mask(1, (0, 257), np.uint16)), "SC070", PNG, roles=("label",)),
    *damaged("label-beyond-8-bits", "511", d.saved(mask(1, (0, 511), np.uint16)), "SC070", PNG, roles=("label",)),
    # affines, and labels with more than one channel
    *damaged("bad-affine", "sheared", d.sheared, "SC057"),
    *damaged("bad-affine", "all 0", d.no_rows(0), "SC057"),
    *damaged("bad-affine", "NaN", d.no_rows(NAN), "SC057"),
    *damaged("bad-affine", "infinite", d.no_rows(INF), "SC057", roles=("image",)),
    *damaged("bad-affine", "spacing 0", d.header(pixdim=[1, 0, 1, 1, 0, 0, 0, 0], sform_code=0, qform_code=1), ("SC057", "SC053"), roles=("image",)),
    *damaged("bad-affine", "spacing NaN", d.header(pixdim=[1, NAN, 1, 1, 0, 0, 0, 0], sform_code=0, qform_code=1), ("SC057", "SC053"), roles=("image",)),
    *damaged("bad-affine", "axes along one line", d.header(srow_x=[1, 1, 0, 0], srow_y=[0, 0, 1, 0], srow_z=[0, 0, 1, 0], sform_code=2, qform_code=0), "SC057", roles=("image",)),
    *damaged("bad-affine", "quaternion NaN", d.header(quatern_b=NAN, sform_code=0, qform_code=1), "SC057", roles=("image",)),
    *damaged("label-channels", "one-hot", d.one_hot, "SC073", roles=("label",)),
    # Four axes are refused even where the last has the length 1: a label says one thing of a voxel.
    *damaged("label-channels", "one volume", d.voxels(lambda a: a[..., None]), "SC073", roles=("label",)),
    *damaged("label-channels", "two volumes", d.four_dimensions(2), "SC073", roles=("label",)),
    *damaged("label-channels", "vectors", d.vectors, ("SC073", "SC056", "SC084"), roles=("label",)),
    *damaged("label-channels", "one-hot of colours", d.saved(np.stack([mask(1)] * 2 + [255 - mask(1)], -1)), ("SC073", "SC078", "SC070"), PNG, roles=("label",)),
    *rejected("label-channels", "mask of pages", to("label", tiff(np.stack([mask(1)] * 3), photometric="minisblack")), ("SC073", "SC084"), "masks/c1.tif", PNG),
    # pictures
    *damaged("damaged-png", "checksum of the header", d.wrong_checksum(b"IHDR"), "SC058", PNG),
    *damaged("damaged-png", "checksum of pixels", d.wrong_checksum(b"IDAT"), "SC058", PNG),
    *damaged("damaged-png", "checksum of the end", d.wrong_checksum(b"IEND"), "SC058", PNG, roles=("image",)),
    *damaged("damaged-png", "Adler", d.stream(lambda b: b[:-1] + bytes([b[-1] ^ 1])), "SC058", PNG),
    *damaged("damaged-png", "no Adler", d.stream(lambda b: b[:-4]), "SC058", PNG),
    *damaged("damaged-png", "short IDAT", d.stream(lambda b: b[: len(b) // 2]), "SC058", PNG),
    *damaged("damaged-png", "too few rows", d.pixels(lambda b: b[: -(SHAPE[1] + 1)]), "SC058", PNG),
    *damaged("damaged-png", "too many rows", d.pixels(lambda b: b + bytes(SHAPE[1] + 1)), ("SC054", "SC058"), PNG),
    # Plans read only headers, so the mask of a picture whose header is wrong is the one that does not match.
    *rejected("damaged-png", "header of an image says more", to("image", d.png_header(height=SHAPE[0] + 4)), ("SC058", "SC082"), "", PNG),
    *rejected("damaged-png", "header of an image says less", to("image", d.png_header(height=SHAPE[0] - 4)), ("SC058", "SC082", "SC054"), "", PNG),
    *damaged("damaged-png", "header says more", d.png_header(height=SHAPE[0] + 4), ("SC058", "SC082"), PNG, roles=("label",)),
    *damaged("damaged-png", "header says less", d.png_header(height=SHAPE[0] - 4), ("SC058", "SC082", "SC054"), PNG, roles=("label",)),
    *damaged("damaged-png", "no end", d.png(lambda parts: parts.pop(b"IEND")), "SC058", PNG),
    *damaged("damaged-png", "no pixels", d.png(lambda parts: parts.pop(b"IDAT")), "SC058", PNG),
    *damaged("damaged-png", "no header", d.png(lambda parts: parts.pop(b"IHDR")), PICTURE, PNG),
    *damaged("damaged-png", "no palette", palette_without_palette, (*PICTURE, "SC084"), PNG),
    *damaged("damaged-png", "unknown filter", d.pixels(lambda b: b"\x09" + b[1:]), "SC058", PNG),
    *damaged("damaged-png", "three bits", d.png_header(depth=3), PICTURE, PNG),
    *damaged("damaged-png", "unknown kind of colour", d.png_header(colour=5), PICTURE, PNG, roles=("image",)),
    *damaged("damaged-png", "half", d.half, "SC058", PNG),
    *damaged("damaged-png", "a chunk longer than the file", d.changed(lambda b: b[:33] + b"\x7f\xff\xff\xff" + b[37:]), "SC058", PNG, roles=("image",)),
    *rejected("mask-coding", "JPEG mask", to("label", d.saved(mask(1), ".jpg", quality=95)), "SC078", "masks/c1.jpg", PNG),
    *rejected("mask-coding", "all JPEG", all_jpeg_masks, "SC078", "masks/c0.jpg", PNG),
    *rejected("mask-coding", "JPEG in TIFF", to("label", tiff(np.kron(mask(1), np.ones((4, 4), np.uint8)), compression="jpeg")), ("SC078",), "masks/c1.tif", PNG),
    *rejected("mask-coding", "soft edges", smoothed, ("SC070", "SC074", "SC078"), "masks/c0.png", PNG, cures=(("--snap", "127"),)),
    *rejected("mask-coding", "soft edges undeclared", smoothed, ("SC074", "SC078"), "masks/", PNG, bare=True),
    *rejected("mask-coding", "colours without a table", coloured, ("SC070", "SC078"), "masks/c0.png", PNG, cures=(("--labels", "background=#000000,road=#c81e28"),)),
    *rejected("turned-picture", "turned 6", to("image", exif(6)), "SC053", "images/c1.jpg", PNG),
    *rejected("turned-picture", "turned 3", to("image", exif(3)), "SC053", "images/c1.jpg", PNG),
    *rejected("turned-picture", "mirrored 2", to("image", exif(2)), "SC053", "images/c1.jpg", PNG),
    *damaged("turned-picture", "turned PNG", d.png(png_exif), "SC053", PNG, roles=("image",)),
    *rejected("turned-picture", "turned TIFF", to("image", tiff(picture(1), extratags=[(274, 3, 1, 6, True)])), "SC053", "images/c1.tif", PNG),
]  # fmt: skip
