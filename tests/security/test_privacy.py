"""Datasets hold no path of this machine, and files encoded again hold no header text."""

from __future__ import annotations

import csv
import gzip
import json
import os
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image, PngImagePlugin

from fixtures.make_fixtures import msd_ct, png_shapes

from ..command import Command

LABELS = "background=0,disc=128,ring=255"
SECRET = b"SECRET"
LINKS = ("hard", "symlink", "external")
TEXTS = ("descrip", "intent_name", "aux_file", "db_name")


def signed(path: Path) -> bytes:
    """Write a name into every text of a NIfTI file; return the file, inflated."""
    image = nib.load(path)
    header = image.header.copy()
    for field in TEXTS:
        header[field] = SECRET
    header.extensions.append(nib.nifti1.Nifti1Extension(6, SECRET + b" in an extension"))
    nib.Nifti1Image(np.asanyarray(image.dataobj), image.affine, header).to_filename(path)
    return gzip.decompress(path.read_bytes())


def inflated(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def big_endian(data: bytes) -> bytes:
    header = nib.Nifti1Header.from_fileobj(_file(data)).as_byteswapped(">")
    (offset,) = struct.unpack_from("<f", data, 108)
    extension = bytearray(data[348 : int(offset)])
    struct.pack_into(">2i", extension, 4, *struct.unpack_from("<2i", extension, 4))
    width = header.get_data_dtype().itemsize
    voxels = np.frombuffer(data[int(offset) :], f"V{width}").view(f"u{width}").byteswap().tobytes()
    return gzip.compress(header.binaryblock + bytes(extension) + voxels)


def _file(data: bytes) -> object:
    import io

    return io.BytesIO(data)


def coded(qform: int, sform: int, shift: float = 0) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        changed = bytearray(data)
        struct.pack_into("<2h", changed, 252, qform, sform)
        (x,) = struct.unpack_from("<f", changed, 268)
        struct.pack_into("<f", changed, 268, x + shift)
        return gzip.compress(bytes(changed))

    return change


ANEW: dict[str, Callable[[bytes], bytes]] = {
    "bytes after the last voxel": lambda data: gzip.compress(data + b"x" * 9),
    "bytes after the gzip stream": lambda data: gzip.compress(data) + b"x" * 9,
    "several members": lambda data: gzip.compress(data[:500]) + gzip.compress(data[500:]),
    "big-endian": big_endian,
    "forms in conflict": coded(1, 1, shift=5),
    "no codes": coded(0, 0),
}


@pytest.mark.parametrize("change", ANEW)
def test_an_odd_volume_is_encoded_again_without_its_text(change: str, tmp_path: Path, segconv: Command) -> None:
    task = msd_ct(tmp_path / "src", cases=2, tests=0, size=(10, 9, 8))
    for folder in ("imagesTr", "labelsTr"):
        path = task / folder / "ct_000.nii.gz"
        path.write_bytes(ANEW[change](signed(path)))
    assert segconv("convert", task, "--to", "7_A", "-j", "1").code == 0
    made = segconv.raw / "Dataset007_A"
    for path in (made / "imagesTr" / "ct_000_0000.nii.gz", made / "labelsTr" / "ct_000.nii.gz"):
        assert SECRET not in inflated(path), path


@pytest.mark.parametrize("words", [["--format", "nrrd"], ["--format", "mha"], ["--format", "nii"]])
def test_a_volume_in_another_format_has_none_of_its_text(words: list[str], tmp_path: Path, segconv: Command) -> None:
    task = msd_ct(tmp_path / "src", cases=2, tests=1, size=(10, 9, 8))
    for path in task.glob("*/*.nii.gz"):
        signed(path)
    assert segconv("convert", task, "--to", "7_A", "-j", "1", *words).code == 0
    files = [path for path in (segconv.raw / "Dataset007_A").rglob("*") if path.is_file()]
    assert len(files) > 6
    assert all(SECRET not in inflated(path) for path in files)


def test_a_picture_that_is_encoded_again_has_none_of_its_text(tmp_path: Path, segconv: Command) -> None:
    source = png_shapes(tmp_path / "src", cases=2, tests=1)
    for path in source.rglob("*.png"):
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Author", SECRET.decode())
        exif = Image.Exif()
        exif[0x013B] = SECRET.decode()
        with Image.open(path) as image:
            image.convert("RGBA" if path.parent.name == "input" else image.mode).save(path, pnginfo=texts, exif=exif)
        assert SECRET in path.read_bytes()
    assert segconv("convert", source, "--to", "7_A", "--labels", LABELS, "-j", "1").code == 0
    files = [path for path in (segconv.raw / "Dataset007_A").rglob("*") if path.is_file()]
    assert len(files) > 6
    assert all(SECRET not in path.read_bytes() for path in files)


def test_files_copied_byte_for_byte_are_marked_in_the_lineage(tmp_path: Path, segconv: Command) -> None:
    task = msd_ct(tmp_path / "src", cases=2, tests=0, size=(10, 9, 8))
    signed(task / "imagesTr" / "ct_000.nii.gz")
    path = task / "imagesTr" / "ct_001.nii.gz"
    path.write_bytes(ANEW["several members"](signed(path)))
    assert segconv("convert", task, "--to", "7_A", "-j", "1").code == 0
    made = segconv.raw / "Dataset007_A"
    for line in (made / "segconv" / "cases.jsonl").read_text().splitlines():
        record = json.loads(line)
        sources = {entry["sha256"] for entry in record["sources"]}
        for target in record["targets"]:
            if target["path"].startswith("imagesTr"):
                kept = SECRET in inflated(made / target["path"])
                assert kept == (target["sha256"] in sources) == (record["case"] == "ct_000")
                assert target.get("carried", False) is kept


@pytest.mark.parametrize("words", [[], ["--no-verify-source"], *(["--link", how] for how in LINKS)])
@pytest.mark.parametrize("kind", ["volumes", "pictures"])
def test_each_file_that_is_carried_over_is_marked(
    kind: str, words: list[str], tmp_path: Path, segconv: Command
) -> None:
    make, labels = (msd_ct, []) if kind == "volumes" else (png_shapes, ["--labels", LABELS])
    source = make(tmp_path / "src", cases=2, tests=1)
    assert segconv("convert", source, "--to", "7_A", "-j", "1", *labels, *words).code == 0
    lines = (segconv.raw / "Dataset007_A" / "segconv" / "cases.jsonl").read_text().splitlines()
    targets = [target for line in lines for target in json.loads(line)["targets"]]
    sources = {entry["sha256"] for line in lines for entry in json.loads(line)["sources"]}
    assert {True, False} >= {target["sha256"] in sources for target in targets} >= {True}
    assert all(target.get("carried", False) is (target["sha256"] in sources) for target in targets)


def signed_nifti(path: Path, array: np.ndarray) -> None:
    nib.Nifti1Image(array.T, np.diag([-0.5, -0.7, 2, 1])).to_filename(path)
    signed(path)


def signed_nrrd(path: Path, array: np.ndarray) -> None:
    image = placed(array)
    image.SetMetaData("Patient", SECRET.decode())
    sitk.WriteImage(image, path)
    magic, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(magic + b"\n# " + SECRET + b" in a comment\ncontent: " + SECRET + b"\n" + rest)


def signed_mha(path: Path, array: np.ndarray) -> None:
    sitk.WriteImage(placed(array), path)
    path.write_bytes(path.read_bytes().replace(b"NDims", b"Comment = " + SECRET + b"\nNDims", 1))


def signed_png(path: Path, array: np.ndarray) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", SECRET.decode())
    Image.fromarray(array[0]).save(path, pnginfo=texts, exif=exif())


def signed_tif(path: Path, array: np.ndarray) -> None:
    Image.fromarray(array[0]).save(path, tiffinfo=exif(), compression="tiff_deflate")


def exif() -> Image.Exif:
    found = Image.Exif()
    found[0x013B] = SECRET.decode()
    return found


def placed(array: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.5, 0.7, 2))
    image.SetOrigin((-3.25, 4, 100))
    image.SetDirection((0, 1, 0, 1, 0, 0, 0, 0, -1))
    return image


SIGNED = {".nii.gz": signed_nifti, ".nrrd": signed_nrrd, ".mha": signed_mha, ".png": signed_png, ".tif": signed_tif}


@pytest.mark.parametrize("words", [[], ["--no-verify-source"]])
@pytest.mark.parametrize("ending", SIGNED)
def test_no_text_of_a_header_is_kept_if_none_is_wanted(
    ending: str, words: list[str], tmp_path: Path, segconv: Command
) -> None:
    rng = np.random.default_rng(0)
    for kind in ("images", "labels"):
        (tmp_path / "src" / kind).mkdir(parents=True)
    for case in ("a", "b"):
        picture = rng.integers(0, 250, (4, 20, 20)).astype(np.uint8 if ending in (".png", ".tif") else np.int16)
        SIGNED[ending](tmp_path / "src" / "images" / f"{case}{ending}", picture)
        SIGNED[ending](tmp_path / "src" / "labels" / f"{case}{ending}", (picture > 99).astype(np.uint8))
    plain = ["convert", tmp_path / "src", "--accept-labels", "-j", "1", "--format", ending[1:], *words]
    assert segconv(*plain, "--to", "7_Kept").code == 0
    assert segconv(*plain, "--to", "8_Stripped", "--strip-headers").code == 0
    stripped, kept = segconv.raw / "Dataset008_Stripped", segconv.raw / "Dataset007_Kept"
    if ending != ".tif":  # which is always encoded again
        assert sum(SECRET in inflated(path) for path in kept.glob("*Tr/*")) == 4
    files = [path for path in stripped.rglob("*") if path.is_file()]
    assert len(files) > 6
    assert all(SECRET not in inflated(path) for path in files)
    assert "carried" not in (stripped / "segconv" / "cases.jsonl").read_text()
    for folder, mine in (("imagesTr", "images"), ("labelsTr", "labels")):
        for case in ("a", "b"):
            path = stripped / folder / f"{case}{'_0000' * (mine == 'images')}{ending}"
            found, before = (sitk.ReadImage(p) for p in (path, tmp_path / "src" / mine / f"{case}{ending}"))
            np.testing.assert_array_equal(sitk.GetArrayViewFromImage(found), sitk.GetArrayViewFromImage(before))
            assert found.GetPixelIDValue() == before.GetPixelIDValue()
            assert (found.GetOrigin(), found.GetDirection()) == (before.GetOrigin(), before.GetDirection())
            if ending != ".tif":  # whose density is a text of the header too
                assert found.GetSpacing() == before.GetSpacing()
            if ending == ".nii.gz":
                one, other = (nib.load(p) for p in (path, tmp_path / "src" / mine / f"{case}{ending}"))
                np.testing.assert_array_equal(one.affine, other.affine)
                assert not one.header.extensions


def test_files_encoded_again_cannot_be_linked(tmp_path: Path, segconv: Command) -> None:
    task = msd_ct(tmp_path / "src", cases=2, tests=0, size=(10, 9, 8))
    done = segconv("convert", task, "--to", "7_A", "--strip-headers", "--link", "hard")
    assert done.code == 2
    assert "leave out --strip-headers, or leave out --link" in done.err


@pytest.mark.parametrize("kind", ["task", "list", "augmented", "restored"])
def test_a_dataset_names_no_path_and_no_machine(kind: str, tmp_path: Path, segconv: Command) -> None:
    task = msd_ct(tmp_path / "src", cases=3, tests=1, size=(10, 9, 8))
    words = ["convert", task, "--to", "7_A", "-j", "1"]
    if kind == "list":
        table = tmp_path / "tables" / "pairs.csv"
        table.parent.mkdir()
        with table.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["case", "image", "label"])
            rows.writerows([n, f"imagesTr/ct_00{n}.nii.gz", f"labelsTr/ct_00{n}.nii.gz"] for n in range(3))
        patients = tmp_path / "tables" / "patients.csv"
        patients.write_text("case,patient\n" + "".join(f"{n},p{n}\n" for n in range(3)))
        words += ["--pairs", table, "--patients", patients, "--accept-labels", "--channels", "CT"]
    done = segconv(*words)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset007_A"
    if kind == "augmented":
        assert segconv("augment", "7", "--to", "8_B", "--rotate", "90", "-j", "1").code == 0
        made = segconv.raw / "Dataset008_B"
    if kind == "restored":
        made = tmp_path / "mine"
        assert segconv("restore", segconv.raw / "Dataset007_A" / "labelsTr", "--like", "7", "-o", made).code == 0
    files = [path for path in made.rglob("*") if path.is_file()]
    assert len(files) > 2
    for path in files:
        for word in (str(tmp_path), str(Path.home()) + "/", socket.gethostname()):
            assert word.encode() not in inflated(path), (path.name, word)


def test_new_files_have_the_rights_that_the_user_gives_to_new_files(tmp_path: Path, segconv: Command) -> None:
    task = msd_ct(tmp_path / "src", cases=2, tests=1, size=(10, 9, 8))
    before = os.umask(0o027)
    try:
        assert segconv("convert", task, "--to", "7_A", "-j", "1").code == 0
        assert segconv("augment", "7", "--to", "8_B", "--rotate", "90", "-j", "1").code == 0
    finally:
        os.umask(before)
    paths = [path for made in ("Dataset007_A", "Dataset008_B") for path in (segconv.raw / made).rglob("*")]
    assert len(paths) > 20
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == (0o750 if path.is_dir() else 0o640), path
