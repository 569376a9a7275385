"""Bad and odd volumes in every kind of source: each refused with its file named and nothing left, or converted and told.

The numbers are those of the list of cases that the project promises to treat.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import struct
import unicodedata
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from segconv.convert.conversion import plan_conversion, run_conversion
from segconv.convert.model import ConvertOptions
from segconv.dataset import phantoms
from segconv.errors import SegconvError
from segconv.work.run_options import RunOptions

from ..command import Command, Done
from .oracles import SIZE, assert_same, ct, voxels, write

IMAGE, LABEL = "images/c1", "masks/c1"
KINDS = ("pairs", "masks", "msd")
ALL_KINDS = (*KINDS, "nnunet-v1", "nnunet-v2")
V2 = (
    '{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1, "b": 2, "c": 3}, "numTraining": 3,'
    ' "file_ending": ".nii.gz"}'
)


def source(root: Path, kind: str, ending: str = ".nii.gz") -> tuple[Path, str, str]:
    """Write three cases; return the source, and the image and the label of the second."""
    for number in range(3):
        phantom = ct(number)
        image, label = places(kind, number, ending)
        write(root / image, phantom.images[0])
        if kind == "masks":
            write(root / f"s{number}" / f"kidney{ending}", phantom.label, (phantom.label.array == 2).astype(np.uint8))
            write(root / label, phantom.label, (phantom.label.array == 1).astype(np.uint8))
        else:
            write(root / label, phantom.label)
    if kind == "nnunet-v2":
        (root / "dataset.json").write_text(V2)
    elif kind in ("msd", "nnunet-v1"):
        (root / "dataset.json").write_text(
            '{"modality": {"0": "CT"}, "labels": {"0": "background", "1": "a", "2": "b", "3": "c"},'
            ' "numTraining": 3, "training": ['
            + ", ".join(f'{{"image": "./imagesTr/c{n}.nii.gz", "label": "./labelsTr/c{n}.nii.gz"}}' for n in range(3))
            + "]}"
        )
    return root, *places(kind, 1, ending)


def places(kind: str, number: int, ending: str = ".nii.gz") -> tuple[str, str]:
    image, label = {
        "pairs": ("images/c{n}", "masks/c{n}"),
        "masks": ("s{n}/ct", "s{n}/liver"),
        "msd": ("imagesTr/c{n}", "labelsTr/c{n}"),
        "nnunet-v1": ("imagesTr/c{n}_0000", "labelsTr/c{n}"),
        "nnunet-v2": ("imagesTr/c{n}_0000", "labelsTr/c{n}"),
    }[kind]
    return image.format(n=number) + ending, label.format(n=number) + ending


def convert(segconv: Command, root: Path, kind: str, *words: object) -> Done:
    return segconv("convert", root, "--to", "5_A", "--from", kind, *words)


def listing(root: Path) -> dict[str, Any]:
    """What a folder holds; of files that cannot be opened, that they are there."""
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        regular = path.is_file() and not path.is_symlink()
        found[str(path)] = path.read_bytes() if regular else path.lstat().st_mode
    return found


def assert_refused(
    segconv: Command, root: Path, kind: str, code: str | tuple[str, ...], file: str, exit_code: int = 65, *words: object
) -> Done:
    before = listing(root)
    done = convert(segconv, root, kind, *words)
    assert done.code == exit_code, done.err
    codes = (code,) if isinstance(code, str) else code
    assert any(f"Error {one}: {file}: " in done.err for one in codes), done.err
    assert done.err.count("\nHint: ") == len(done.codes())
    assert not list(segconv.raw.glob("Dataset*"))
    segconv("abort", "5")
    assert list(segconv.raw.iterdir()) == []
    assert listing(root) == before
    return done


def change_bytes(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def change_raw(path: Path, change: Callable[[bytearray], object]) -> None:
    """Change the inflated bytes of a NIfTI file."""
    data = bytearray(gzip.decompress(path.read_bytes()))
    changed = change(data)
    path.write_bytes(gzip.compress(bytes(changed if isinstance(changed, (bytes, bytearray)) else data), mtime=0))


def header(**fields: Any) -> Callable[[Path], None]:
    """Return what sets fields of a NIfTI header, whatever they mean."""

    def change(path: Path) -> None:
        data = bytearray(gzip.decompress(path.read_bytes()))
        block = nib.Nifti1Header(bytes(data[:348]), check=False)
        for key, value in fields.items():
            block[key] = value
        data[:348] = block.binaryblock
        path.write_bytes(gzip.compress(bytes(data), mtime=0))

    return change


def values(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    """Return what changes the voxels ``(z, y, x)`` of a file."""

    def changed(path: Path) -> None:
        image = sitk.ReadImage(str(path))
        other = sitk.GetImageFromArray(change(sitk.GetArrayFromImage(image)))
        other.CopyInformation(image)
        sitk.WriteImage(other, str(path))

    return changed


def grid(change: Callable[[sitk.Image], object]) -> Callable[[Path], None]:
    def changed(path: Path) -> None:
        image = sitk.ReadImage(str(path))
        other = change(image)
        sitk.WriteImage(other if isinstance(other, sitk.Image) else image, str(path))

    return changed


def transposed(path: Path) -> None:
    """Swap the first two axes of the voxels, and leave the header as it is."""
    image = sitk.ReadImage(str(path))
    swapped = sitk.GetImageFromArray(np.ascontiguousarray(sitk.GetArrayFromImage(image).swapaxes(1, 2)))
    swapped.SetOrigin(image.GetOrigin())
    swapped.SetDirection(image.GetDirection())
    swapped.SetSpacing(image.GetSpacing())
    sitk.WriteImage(swapped, str(path))


def put(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array = array.astype(np.float32)
        array[3, 4, 5] = value
        return array

    return change


def flipped(data: bytes) -> bytes:
    """One bit in the middle of the compressed voxels."""
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :]


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def complex_voxels(path: Path) -> None:
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj).astype(np.complex64), image.affine), path)


def colour_voxels(path: Path) -> None:
    image = nib.load(path)
    rgb = np.zeros(image.shape, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(rgb, image.affine), path)


def four_dimensions(path: Path) -> None:
    image = nib.load(path)
    array = np.asarray(image.dataobj)
    nib.save(nib.Nifti1Image(np.stack([array, array], -1), image.affine), path)


def sheared(path: Path) -> None:
    image = nib.load(path)
    affine = image.affine.copy()
    affine[0, 1] += 0.9
    changed = nib.Nifti1Image(np.asarray(image.dataobj), None)
    changed.set_sform(affine, 2)
    nib.save(changed, path)


BAD_FILES: list[tuple[str, Callable[[Path], object], str | tuple[str, ...]]] = [
    ("1 truncated", lambda p: change_bytes(p, lambda b: b[: len(b) // 2]), "SC050"),
    ("1 truncated by a byte", lambda p: change_bytes(p, lambda b: b[:-1]), "SC050"),
    ("2 zero bytes", lambda p: p.write_bytes(b""), "SC051"),
    ("3 checksum", lambda p: change_bytes(p, lambda b: b[:-8] + b"\0\1\2\3" + b[-4:]), "SC050"),
    ("3 length", lambda p: change_bytes(p, lambda b: b[:-4] + b"\0\1\0\0"), "SC050"),
    ("4 bit flip", lambda p: change_bytes(p, flipped), ("SC050", "SC051")),
    ("5 voxels missing", lambda p: change_raw(p, lambda b: b[:-100]), "SC052"),
    ("6 a web page", lambda p: p.write_bytes(b"<!DOCTYPE html><html>Not found</html>"), "SC051"),
    ("7 a pointer of git-lfs", lambda p: p.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"), "SC051"),
    ("8 bad magic", header(magic=b"xyz"), ("SC051", "SC053")),
    ("9 complex", complex_voxels, "SC056"),
    ("9 colour", colour_voxels, "SC056"),
    ("10 a pipe", fifo, "SC061"),
    ("11 negative", header(dim=[3, -14, 12, 7, 1, 1, 1, 1]), "SC053"),
    ("11 overflow", header(dim=[3, 32767, 32767, 32767, 1, 1, 1, 1]), "SC054"),
    ("11 no dimension", header(dim=[0, 14, 12, 7, 1, 1, 1, 1]), "SC053"),
    ("12 bomb", lambda p: p.write_bytes(p.read_bytes() + gzip.compress(bytes(8 << 20))), ("SC054", "SC059")),
    ("24 sheared", sheared, "SC057"),
    ("24 no affine at all", header(srow_x=[0] * 4, srow_y=[0] * 4, srow_z=[0] * 4, sform_code=2, qform_code=0), "SC057"),
    ("24 NaN", header(srow_x=[np.nan] * 4, sform_code=2, qform_code=0), "SC057"),
    ("40 dangling link", lambda p: (p.unlink(), p.symlink_to("nowhere.nii.gz")), "SC012"),
    ("39 link that leaves", lambda p: (p.unlink(), p.symlink_to("/etc/hostname")), "SC060"),
    ("41 loop", lambda p: (p.unlink(), p.symlink_to(p)), "SC060"),
]  # fmt: skip


@pytest.mark.parametrize("what", ["image", "label"])
@pytest.mark.parametrize(("name", "break_it", "code"), BAD_FILES, ids=[name for name, _, _ in BAD_FILES])
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_bad_files_are_refused(
    tmp_path: Path, segconv: Command, kind: str, name: str, break_it: Any, code: Any, what: str
) -> None:
    root, image, label = source(tmp_path / "src", kind)
    file = image if what == "image" else label
    break_it(root / file)
    assert_refused(segconv, root, kind, code, file, 66 if code == "SC012" else 65)


BAD_IMAGES: list[tuple[str, Any, str]] = [
    ("13 NaN", values(put(np.nan)), "SC055"),
    ("14 infinite", values(put(np.inf)), "SC055"),
]

BAD_LABELS: list[tuple[str, Any, str]] = [
    ("15 NaN", values(put(np.nan)), "SC055"),
    ("16 fractions", values(lambda a: a * np.float32(0.5)), "SC071"),
    ("17 negative", values(lambda a: -a.astype(np.int16)), "SC072"),
    ("22 spacing", grid(lambda i: i.SetSpacing([s * 1.2 for s in i.GetSpacing()])), "SC083"),
    ("23 origin", grid(lambda i: i.SetOrigin([o + 5 for o in i.GetOrigin()])), "SC083"),
    ("23 direction", grid(lambda i: i.SetDirection([-d for d in i.GetDirection()])), "SC083"),
    ("25 four dimensions", four_dimensions, "SC073"),
]


@pytest.mark.parametrize(("name", "break_it", "code"), BAD_IMAGES, ids=[name for name, _, _ in BAD_IMAGES])
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_bad_voxels_of_images_are_refused(
    tmp_path: Path, segconv: Command, kind: str, name: str, break_it: Any, code: str
) -> None:
    root, image, _ = source(tmp_path / "src", kind)
    break_it(root / image)
    assert_refused(segconv, root, kind, code, image)


@pytest.mark.parametrize(("name", "break_it", "code"), BAD_LABELS, ids=[name for name, _, _ in BAD_LABELS])
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_bad_labels_are_refused(
    tmp_path: Path, segconv: Command, kind: str, name: str, break_it: Any, code: str
) -> None:
    root, _, label = source(tmp_path / "src", kind)
    break_it(root / label)
    assert_refused(segconv, root, kind, code, label)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_21_other_shapes_are_refused(tmp_path: Path, segconv: Command, kind: str) -> None:
    root, _, label = source(tmp_path / "src", kind)
    good = (root / label).read_bytes()
    grid(lambda i: i[:, :, 1:])(root / label)
    assert_refused(segconv, root, kind, "SC082", label)
    (root / label).write_bytes(good)
    transposed(root / label)
    assert_refused(segconv, root, kind, "SC082", label)


@pytest.mark.parametrize("kind", ["pairs", "msd"])
def test_18_19_values_that_nobody_declared(tmp_path: Path, segconv: Command, kind: str) -> None:
    root, _, label = source(tmp_path / "src", kind)
    words = ("--labels", "background=0,a=1,b=2,c=3") if kind == "pairs" else ()
    good = (root / label).read_bytes()
    for value in (9, 257, 70_000):
        (root / label).write_bytes(good)
        values(lambda a, value=value: np.where(a == 1, value, a.astype(np.int32)))(root / label)
        done = assert_refused(segconv, root, kind, "SC070", label, 65, *words)
        assert f"holds the value {value} in " in done.err
        assert "the first at (" in done.err
        assert f"--map {value}=NAME" in done.err


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_10_a_folder_in_place_of_a_file(tmp_path: Path, segconv: Command, kind: str) -> None:
    root, _, label = source(tmp_path / "src", kind)
    folder(root / label)
    assert_refused(segconv, root, kind, "SC061", label)


BOMBS = {
    ".nrrd": b"NRRD0004\ntype: short\ndimension: 3\nsizes: 40000 40000 40000\nencoding: gzip\nendian: little\n\n",
    ".mha": b"ObjectType = Image\nNDims = 3\nDimSize = 40000 40000 40000\nElementType = MET_SHORT\nBinaryData = True\n"
    b"CompressedData = True\nElementDataFile = LOCAL\n",
}


@pytest.mark.parametrize("ending", BOMBS)
@pytest.mark.parametrize("kind", ["pairs", "masks"])
def test_12_bombs_in_other_formats(tmp_path: Path, segconv: Command, kind: str, ending: str) -> None:
    root, image, label = source(tmp_path / "src", kind, ending)
    good = (root / image).read_bytes()
    (root / image).write_bytes(BOMBS[ending] + gzip.compress(bytes(1 << 16)))
    assert_refused(segconv, root, kind, "SC054", image)
    (root / image).write_bytes(good)
    whole = (root / label).read_bytes()
    end = b"\n\n" if ending == ".nrrd" else b"ElementDataFile = LOCAL\n"
    head = whole[: whole.index(end) + len(end)]
    voxels = gzip.compress(bytes(64 << 20)) if ending == ".nrrd" else zlib.compress(bytes(64 << 20))
    head = re.sub(rb"CompressedDataSize = \d+", b"CompressedDataSize = %d" % len(voxels), head)
    (root / label).write_bytes(head + voxels)
    assert_refused(segconv, root, kind, ("SC054", "SC059"), label)


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_bit_flips_in_other_formats(tmp_path: Path, segconv: Command, ending: str) -> None:
    root, image, _ = source(tmp_path / "src", "pairs", ending)
    good = (root / image).read_bytes()
    for start in (0.5, 0.7, 0.95):
        at = int(len(good) * start)
        (root / image).write_bytes(good[:at] + bytes([good[at] ^ 8]) + good[at + 1 :])
        assert_refused(segconv, root, "pairs", ("SC050", "SC052"), image)
    (root / image).write_bytes(good[: len(good) // 2])
    assert_refused(segconv, root, "pairs", ("SC050", "SC052"), image)


@pytest.fixture(scope="module")
def rot(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A source of every format, of which one file will have a bit turned."""
    folder = tmp_path_factory.mktemp("rot")
    for ending in (".nii.gz", ".nrrd", ".mha"):
        phantom = phantoms.ct(1, size=(48, 40, 20))
        write(folder / ending / "images" / f"c{ending}", phantom.images[0])
        write(folder / ending / "masks" / f"c{ending}", phantom.label)
    return {path.name: path for path in folder.iterdir()}


@settings(deadline=None)
@given(
    ending=st.sampled_from([".nii.gz", ".nrrd", ".mha"]),
    what=st.sampled_from(["images", "masks"]),
    place=st.floats(0, 1, exclude_max=True),
    bit=st.integers(0, 7),
    cut=st.booleans(),
)
def test_a_bit_that_turned_or_a_cut_is_refused_or_harmless(
    rot: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    ending: str,
    what: str,
    place: float,
    bit: int,
    cut: bool,
) -> None:
    folder = tmp_path_factory.mktemp("turned")
    root = Path(shutil.copytree(rot[ending], folder / "src"))
    path = root / what / f"c{ending}"
    data = path.read_bytes()
    at = int(place * len(data))
    path.write_bytes(data[:at] if cut else data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
    (folder / "raw").mkdir()
    options = ConvertOptions(labels={name: value for value, name in enumerate(["background", "a", "b", "c"])})
    try:
        conversion = plan_conversion(root, "5_A", raw=folder / "raw", kind="pairs", options=options)
        run_conversion(conversion, RunOptions(jobs=1))
    except SegconvError as error:
        assert {finding.file for finding in error.findings} <= {f"{what}/c{ending}", f"masks/c{ending}"}
        assert not list((folder / "raw").glob("Dataset*"))
        return
    assert not cut
    made = folder / "raw" / "Dataset005_A"
    for ours, theirs in (("imagesTr/c_0000.nii.gz", "images"), ("labelsTr/c.nii.gz", "masks")):
        one, other = (sitk.ReadImage(str(p)) for p in (made / ours, rot[ending] / theirs / f"c{ending}"))
        assert np.array_equal(sitk.GetArrayFromImage(one), sitk.GetArrayFromImage(other))


def four_channels(root: Path) -> Path:
    for number in range(3):
        phantom = phantoms.tumour(number, size=SIZE)
        for channel, volume in enumerate(phantom.images):
            write(root / "images" / f"c{number}_{channel:04d}.nii.gz", volume)
        write(root / "labels" / f"c{number}.nii.gz", phantom.label)
    return root


@pytest.mark.parametrize(
    ("break_it", "code", "file"),
    [
        (lambda r: (r / "images/c1_0002.nii.gz").unlink(), "SC084", "images/c1_0000.nii.gz"),
        (lambda r: shutil.copy(r / "images/c1_0002.nii.gz", r / "images/c1_0004.nii.gz"), "SC084", "images/c1_0000.nii.gz"),
        (lambda r: grid(lambda i: i.SetOrigin([9, 9, 9]))(r / "images/c1_0002.nii.gz"), "SC083", "images/c1_0002.nii.gz"),
        (lambda r: grid(lambda i: i[:, :, 1:])(r / "images/c1_0002.nii.gz"), "SC082", "images/c1_0002.nii.gz"),
        (lambda r: four_dimensions(r / "images/c1_0002.nii.gz"), "SC084", "images/c1_0000.nii.gz"),
    ],
    ids=["27 gap", "27 extra", "28 grid", "28 shape", "26 count"],
)  # fmt: skip
def test_26_27_28_channels(tmp_path: Path, segconv: Command, break_it: Any, code: str, file: str) -> None:
    root = four_channels(tmp_path / "src")
    break_it(root)
    assert_refused(segconv, root, "pairs", code, file)


def test_27_the_same_gap_in_all_cases(tmp_path: Path, segconv: Command) -> None:
    root = four_channels(tmp_path / "src")
    for path in root.glob("images/*_0001.nii.gz"):
        path.unlink()
    done = convert(segconv, root, "pairs")
    assert done.codes() == ["SC084"]
    assert "channels are numbered 0000, 0002, 0003, expected 0000 to 0002" in done.err


@pytest.mark.parametrize("kind", ["pairs", "msd"])
def test_29_30_what_stands_alone(tmp_path: Path, segconv: Command, kind: str) -> None:
    root, image, label = source(tmp_path / "src", kind)
    kept = (root / label).read_bytes()
    (root / label).unlink()
    code, file, exit_code = ("SC080", image, 65) if kind == "pairs" else ("SC012", label, 66)
    assert_refused(segconv, root, kind, code, file, exit_code)
    (root / label).write_bytes(kept)
    orphan = label.replace("c1", "alone")
    (root / orphan).write_bytes(kept)
    assert_refused(segconv, root, kind, "SC081", orphan)


@pytest.mark.parametrize(
    ("text", "code", "exit_code"),
    [
        ("image,label\nimages/c0.nii.gz,masks/none.nii.gz\n", "SC012", 66),
        ("image,label\nimages/c0.nii.gz,masks/c0.nii.gz\nimages/c0.nii.gz,masks/c1.nii.gz\n", "SC087", 65),
        ("image,label\n,masks/c0.nii.gz\n", "SC087", 65),
        ("", "SC087", 65),
        ("a,b,c\n1,2,3\n", "SC087", 65),
        ("image,label\nimages/c0.nii.gz,masks/c0.nii.gz,more\n", "SC087", 65),
        ("image,label\nimages/c0.nii.gz,\n", "SC080", 65),
        ("image,label,split\nimages/c0.nii.gz,masks/c0.nii.gz,holdout\n", "SC087", 65),
        ("image,label\nhttps://example.org/c0.nii.gz,masks/c0.nii.gz\n", "SC012", 66),
        ("image,label\nim\0ages/c0.nii.gz,masks/c0.nii.gz\n", "SC060", 65),
    ],
)
def test_31_38_lists_that_contradict_the_files(
    tmp_path: Path, segconv: Command, text: str, code: str, exit_code: int
) -> None:
    root, _, _ = source(tmp_path / "src", "pairs")
    (tmp_path / "list.csv").write_text(text)
    for words in ((), ("--from", "pairs")):
        done = segconv("convert", root, "--to", "5_A", "--pairs", tmp_path / "list.csv", *words)
        assert (done.code, code in done.codes()) == (exit_code, True), done.err
        assert list(segconv.raw.iterdir()) == []


def test_34_names_that_are_equal_as_people_read_them(tmp_path: Path, segconv: Command) -> None:
    root, _, _ = source(tmp_path / "src", "pairs")
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "Jürgen")
        for place in ("images", "masks"):
            shutil.copy(root / place / "c1.nii.gz", root / place / f"{name}.nii.gz")
    done = convert(segconv, root, "pairs")
    assert (done.code, done.codes()) == (65, ["SC085"])


def test_34_two_files_of_one_case(tmp_path: Path, segconv: Command) -> None:
    root, image, label = source(tmp_path / "src", "pairs")
    for file in (image, label):
        shutil.copy(root / file, root / file.replace(".nii.gz", ".NII.GZ"))
    done = convert(segconv, root, "pairs")
    assert set(done.codes()) == {"SC085"}
    assert "are two files of one case" in done.err


# --- (e) 7: how far grids may lie apart


@pytest.mark.parametrize(
    ("voxels_apart", "outcome"),
    [(0.0, "equal"), (0.008, "equal"), (0.03, "warned"), (0.09, "warned"), (0.2, "refused")],
)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", [".nii.gz", ".mha"])
def test_grids_that_lie_a_little_apart(
    tmp_path: Path, segconv: Command, kind: str, ending: str, voxels_apart: float, outcome: str
) -> None:
    if kind == "msd" and ending != ".nii.gz":
        return
    root, image, label = source(tmp_path / "src", kind, ending)
    step = min(ct(1).label.geometry.spacing_mm) * voxels_apart
    grid(lambda i: i.SetOrigin([i.GetOrigin()[0] + step, *i.GetOrigin()[1:]]))(root / label)
    if outcome == "refused":
        assert_refused(segconv, root, kind, "SC083", label)
        assert convert(segconv, root, kind, "--label-header", "image").code == 0
    else:
        done = convert(segconv, root, kind)
        assert done.code == 0, done.err
        assert (f"Warning SC093: {label}: was 0.0" in done.err) == (outcome == "warned")
    made = segconv.raw / "Dataset005_A"
    name = Path(image).parent.name if kind == "masks" else "c1"
    written = made / "labelsTr" / f"{name}.nii.gz"
    ours, theirs = sitk.ReadImage(str(written)), sitk.ReadImage(str(root / image))
    apart = np.linalg.norm(np.array(ours.GetOrigin()) - np.array(theirs.GetOrigin())) / min(theirs.GetSpacing())
    assert apart <= 0.01, "whatever was allowed, the written label lies on its image's grid"


@pytest.mark.parametrize(("voxels_apart", "outcome"), [(0.008, "equal"), (0.05, "warned"), (0.2, "refused")])
def test_channels_that_lie_a_little_apart(tmp_path: Path, segconv: Command, voxels_apart: float, outcome: str) -> None:
    root = four_channels(tmp_path / "src")
    file = "images/c1_0002.nii.gz"
    grid(lambda i: i.SetOrigin([voxels_apart * i.GetSpacing()[0], 0, 0]))(root / file)
    if outcome == "refused":
        done = assert_refused(segconv, root, "pairs", "SC083", file)
        assert "--label-header" not in done.err
        return
    for words in ((), ("--no-verify-source", "--overwrite")):
        done = convert(segconv, root, "pairs", *words)
        assert done.code == 0, done.err
        assert (f"Warning SC093: {file}: was 0.05 voxels off" in done.err) == (outcome == "warned")
        made = segconv.raw / "Dataset005_A" / "imagesTr"
        ours, first = (sitk.ReadImage(str(made / f"c1_{n:04d}.nii.gz")) for n in (2, 0))
        assert abs(ours.GetOrigin()[0] - first.GetOrigin()[0]) <= (0 if outcome == "warned" else 0.01)
        assert np.array_equal(sitk.GetArrayFromImage(ours), voxels(root / file))


@pytest.mark.parametrize("kind", KINDS)
def test_spacings_that_are_rounded_otherwise_become_what_nnunet_takes(
    tmp_path: Path, segconv: Command, kind: str
) -> None:
    root, image, label = source(tmp_path / "src", kind)
    grid(lambda i: i.SetSpacing([s * (1 + 5e-5) for s in i.GetSpacing()]))(root / label)
    done = convert(segconv, root, kind)
    assert done.code == 0, done.err
    assert "SC093" not in done.err
    made = segconv.raw / "Dataset005_A"
    case = "s1" if kind == "masks" else "c1"
    ours = sitk.ReadImage(str(made / "labelsTr" / f"{case}.nii.gz"))
    assert np.allclose(ours.GetSpacing(), sitk.ReadImage(str(root / image)).GetSpacing(), rtol=1e-5, atol=1e-8)
    organs = [1, 2] if kind == "masks" else [1, 2, 3]
    assert np.array_equal(sitk.GetArrayFromImage(ours) > 0, np.isin(ct(1).label.array, organs))


# --- what is converted, and told


def test_67_two_affines_become_the_one_that_simpleitk_reads(tmp_path: Path, segconv: Command) -> None:
    for kind in ("pairs", "msd"):
        root, image, _ = source(tmp_path / kind, kind)
        path = root / image
        data = bytearray(gzip.decompress(path.read_bytes()))
        block = nib.Nifti1Header(bytes(data[:348]))
        affine = block.get_best_affine()
        block.set_qform(affine, 1)
        affine[:3, 3] += (30, 0, 0)
        block.set_sform(affine, 1)
        data[:348] = block.binaryblock
        path.write_bytes(gzip.compress(bytes(data), mtime=0))
        label = root / places(kind, 1)[1]
        grid(lambda i, path=path: i.CopyInformation(sitk.ReadImage(str(path))))(label)
        done = convert(segconv, root, kind)
        assert done.code == 0, done.err
        assert f"Warning SC092: {image}: " in done.err
        made = segconv.raw / "Dataset005_A" / "imagesTr" / "c1_0000.nii.gz"
        one, other = sitk.ReadImage(str(made)), sitk.ReadImage(str(path))
        assert np.allclose(one.GetOrigin(), other.GetOrigin(), atol=1e-3)
        assert np.allclose(nib.load(made).get_qform(), nib.load(made).get_sform(), atol=1e-3)
        shutil.rmtree(segconv.raw / "Dataset005_A")


@pytest.mark.parametrize("kind", KINDS)
def test_68_bytes_after_the_end(tmp_path: Path, segconv: Command, kind: str) -> None:
    root, image, label = source(tmp_path / "src", kind)
    for file in (image, label):
        (root / file).write_bytes((root / file).read_bytes() + b"\0" * 900)
    done = convert(segconv, root, kind)
    assert done.code == 0, done.err
    assert f"Warning SC059: {image}: " in done.err
    assert f"Warning SC059: {label}: " in done.err
    case = "s1" if kind == "masks" else "c1"
    made = segconv.raw / "Dataset005_A" / "imagesTr" / f"{case}_0000.nii.gz"
    assert not made.read_bytes().endswith(bytes(8))
    assert np.array_equal(voxels(made), ct(1).images[0].array)
    (root / image).write_bytes((root / image).read_bytes() + b"\0" * (2 << 20))
    shutil.rmtree(segconv.raw / "Dataset005_A")
    assert_refused(segconv, root, kind, ("SC054", "SC059"), image)


def test_61_62_65_what_is_odd_is_told(tmp_path: Path, segconv: Command) -> None:
    root, image, _ = source(tmp_path / "src", "pairs")
    values(np.zeros_like)(root / image)
    values(np.zeros_like)(root / "masks/c0.nii.gz")
    for place in ("images", "masks"):
        shutil.copy(root / place / "c2.nii.gz", root / place / "c3.nii.gz")
    done = convert(segconv, root, "pairs")
    assert done.code == 0, done.err
    assert f"Warning SC077: {image}: all voxels are 0" in done.err
    assert "Warning SC075: masks/c0.nii.gz: holds nothing but background" in done.err
    assert "Warning SC088: images/c3.nii.gz: has the same content as images/c2.nii.gz" in done.err
    shutil.rmtree(segconv.raw / "Dataset005_A")
    assert convert(segconv, root, "pairs", "--strict").code == 65


def test_66_names_that_differ_in_case_alone(tmp_path: Path, segconv: Command) -> None:
    root, _, _ = source(tmp_path / "src", "pairs")
    for place in ("images", "masks"):
        (root / place / "c0.nii.gz").rename(root / place / "C1.nii.gz")
    done = convert(segconv, root, "pairs")
    assert done.code == 0, done.err
    assert "Warning SC085: " in done.err


@pytest.mark.parametrize(
    "name", ["a b", "-x", "_x", "$(id)", "%s%n", "c'\"", "ünï", "a_0000", "x.y.z", "日本", "a" * 200, "CON"]
)
def test_56_names_of_any_kind(tmp_path: Path, segconv: Command, name: str) -> None:
    root, _, _ = source(tmp_path / "src", "pairs")
    for place in ("images", "masks"):
        (root / place / "c1.nii.gz").rename(root / place / f"{name}.nii.gz")
    done = convert(segconv, root, "pairs")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset005_A"
    assert len(list((made / "labelsTr").iterdir())) == 3
    shutil.copytree(made / "labelsTr", tmp_path / "predicted")
    assert segconv("restore", tmp_path / "predicted", "--like", "5", "-o", tmp_path / "back").code == 0
    assert_same(tmp_path / "back" / f"{name}.nii.gz", root / "masks" / f"{name}.nii.gz", within_mm=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_52_59_60_what_file_managers_leave_links_inside_and_read_only_sources(
    tmp_path: Path, segconv: Command, kind: str
) -> None:
    root, image, _ = source(tmp_path / "src", kind)
    for junk in (f"{Path(image).parent}/._c1.nii.gz", ".DS_Store", f"{Path(image).parent}/Thumbs.db"):
        (root / junk).write_bytes(b"junk")
    (root / ".kept").mkdir()
    (root / image).rename(root / ".kept" / "real.nii.gz")
    (root / image).symlink_to(root / ".kept" / "real.nii.gz")
    for path in root.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o555 if path.is_dir() else 0o444)
    done = convert(segconv, root, kind)
    for path in root.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755)
    assert done.code == 0, done.err
    written = next((segconv.raw / "Dataset005_A" / "imagesTr").glob("?1_0000.nii.gz"))
    assert not written.is_symlink()
    assert np.array_equal(voxels(written), ct(1).images[0].array)


@pytest.mark.parametrize("kind", ["pairs", "msd"])
def test_53_54_55_odd_forms_of_nifti(tmp_path: Path, segconv: Command, kind: str) -> None:
    root, image, _ = source(tmp_path / "src", kind)
    plain = gzip.decompress((root / image).read_bytes())
    original = nib.load(root / image)
    array = np.asarray(original.dataobj)
    forms: dict[str, bytes] = {
        "several members": gzip.compress(plain[:400]) + gzip.compress(plain[400:]),
        "slope": b"",
        "big-endian": b"",
        "extension": b"",
    }
    scaled = nib.Nifti1Image(array, original.affine)
    scaled.header.set_slope_inter(2.0, -10.0)
    big = nib.Nifti1Image(array, original.affine, nib.Nifti1Header(endianness=">"))
    extended = nib.Nifti1Image(array, original.affine)
    extended.header.extensions.append(nib.nifti1.Nifti1Extension(6, b"secret name"))
    forms["big-endian"] = gzip.compress(big.to_bytes())
    forms["extension"] = gzip.compress(extended.to_bytes())
    slope = bytearray(plain)
    struct.pack_into("<ff", slope, 112, 2.0, -10.0)
    forms["slope"] = gzip.compress(bytes(slope))
    for name, data in forms.items():
        (root / image).write_bytes(data)
        done = convert(segconv, root, kind)
        assert done.code == 0, (name, done.err)
        made = segconv.raw / "Dataset005_A" / "imagesTr" / "c1_0000.nii.gz"
        expected = sitk.GetArrayFromImage(sitk.ReadImage(str(root / image)))
        assert np.array_equal(voxels(made), expected), name
        assert np.allclose(nib.load(made).get_fdata().T, expected), name
        shutil.rmtree(segconv.raw / "Dataset005_A")
