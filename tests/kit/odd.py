"""Sources that are odd but valid: they must be converted, some of them with a warning."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from PIL import Image

from . import damage as d
from .case import Case, Change, nothing
from .made import Made, all_same, array, others_same, same
from .sets import JSON, LIST, TASKS, entries, good_rows, text, without
from .sources import DEGREES, SHAPE, Place, mask, picture, write_json
from .tables import ALL, LABELLED, VOLUMES, converted, each, rejected, to, warned

PNG, PAIRS, MASKS = "png", "pairs", "masks"
V = ("msd", "v1")
NAMES = (
    "a b", "-x", "_x", "--to", "$(id)", "`id`", "%s%n", "c'\"d", "ünï", "日本", "a_0000", "x.y.z", "a;b&c", "a,b", "#1",
    "100%", "~", "CON", "a\\b", "{x}", "[1]", "new\nline", "tab\tx", "\x1b[31mred", "ключ", "😀",
)  # fmt: skip


def place_named(name: str) -> Change:
    """Return what calls the case c1 by another name."""

    def change(place: Place) -> None:
        if place.kind == MASKS:
            (place.root / "c1").rename(place.root / name)
            return
        for path in sorted(place.root.glob("*/c1*")):
            path.rename(path.with_name(path.name.replace("c1", name, 1)))
        if place.kind in V:
            found = json.loads(place.json.read_text())
            write_json(place.root, json.loads(json.dumps(found).replace("/c1.nii", f"/{json.dumps(name)[1:-1]}.nii")))

    return change


def is_named(name: str) -> Callable[[Made], None]:
    """Return the check that the case of this name holds what c1 held, under an identifier that is safe."""

    def check(made: Made) -> None:
        others_same(made)
        same(made, 1, name)
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", made.records[name]["case"])
        assert len(made.records) == len({record["case"] for record in made.records.values()})

    return check


LONG = "n" * 210


def stray_files(place: Place) -> None:
    """What file managers leave behind, in every folder."""
    for folder in [place.root, *(path for path in sorted(place.root.rglob("*")) if path.is_dir())]:
        for name in (
            ".DS_Store",
            "Thumbs.db",
            "desktop.ini",
            "._c1.nii.gz",
            "._c1.png",
            ".hidden.nii.gz",
            "._ct.nii.gz",
        ):
            (folder / name).write_bytes(b"\0\5\x16\7junk")


def endings(ending: str) -> Change:
    """Return what calls all volumes by another ending."""

    def change(place: Place) -> None:
        for path in sorted(place.root.rglob("*.nii.gz")):
            other = path.with_name(path.name.replace(".nii.gz", ending))
            if ending.lower().endswith(".gz"):
                path.rename(other)
            else:
                other.write_bytes(gzip.decompress(path.read_bytes()))
                path.unlink()
        if place.kind == "v2":
            entries(file_ending=ending)(place)

    return change


def picture_endings(ending: str) -> Change:
    def change(place: Place) -> None:
        for path in sorted(place.root.rglob("*.png")):
            path.rename(path.with_suffix(ending))

    return change


def as_tiff(place: Place) -> None:
    for path in sorted(place.root.rglob("*.png")):
        Image.open(path).save(path.with_suffix(".TIFF"))
        path.unlink()


def sloped(place: Place) -> None:
    """An image whose voxels are half of what they mean, moved by 10."""
    d.raw(lambda data: struct.pack_into("<ff", data, 112, 2.0, -10.0))(place.image)


def image_by_its_slope(made: Made) -> None:
    others_same(made)
    channel = 1 if made.place.kind in ("v1", "v2") else 0
    file = made.image_file("c1", channel)
    stored = np.asarray(nib.load(made.place.image).dataobj.get_unscaled()).T
    assert np.array_equal(array(file), stored * 2.0 - 10.0)
    assert np.allclose(nib.load(file).get_fdata().T, stored * 2.0 - 10.0)


def label_by_its_slope(place: Place) -> None:
    """A label whose voxels are twice what they mean."""
    d.voxels(lambda a: (a * 2).astype(np.uint8))(place.label)
    d.raw(lambda data: struct.pack_into("<ff", data, 112, 0.5, 0.0))(place.label)


def big_endian(path: Path) -> None:
    image = nib.load(path)
    other = nib.Nifti1Image(np.asarray(image.dataobj), image.affine, nib.Nifti1Header(endianness=">"))
    path.write_bytes(gzip.compress(other.to_bytes()))


def extended(path: Path) -> None:
    image = nib.load(path)
    image.header.extensions.append(nib.nifti1.Nifti1Extension(6, b"a secret name"))
    path.write_bytes(gzip.compress(image.to_bytes()))


def members(data: bytes) -> bytes:
    plain = gzip.decompress(data)
    return b"".join(gzip.compress(part) for part in (plain[:100], plain[100:400], b"", plain[400:]))


def named_member(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile("secret name.nii", "wb", fileobj=buffer) as file:
        file.write(gzip.decompress(data))
    return buffer.getvalue()


def qform_only(path: Path) -> None:
    """What SimpleITK writes has both forms: take the sform away."""
    d.header(sform_code=0, srow_x=[0] * 4, srow_y=[0] * 4, srow_z=[0] * 4)(path)


def sform_only(path: Path) -> None:
    d.header(qform_code=0, quatern_b=0, quatern_c=0, quatern_d=0)(path)


def las(place: Place) -> None:
    """Turn image and label of the case over, so that x runs to the left; voxels stay where the header says they are."""
    files = [place.image, place.label]
    if place.kind in ("v1", "v2"):
        files.append(place.root / "imagesTr" / "c1_0000.nii.gz")
    if place.kind == MASKS:
        files.append(place.root / "c1" / "kidney.nii.gz")
    for path in files:
        d.grid(lambda image: sitk.Flip(image, [True, False, False]))(path)


def flipped(made: Made) -> None:
    others_same(made)
    same_grid(made)
    assert not np.array_equal(made.image("c1"), made.image("c0"))


def same_grid(made: Made) -> None:
    """The image of the case is where its source is, voxel by voxel, as SimpleITK and nibabel read both."""
    channel = 1 if made.place.kind in ("v1", "v2") else 0
    ours, theirs = made.image_file("c1", channel), made.place.image
    one, other = sitk.ReadImage(str(ours)), sitk.ReadImage(str(theirs))
    assert np.array_equal(sitk.GetArrayFromImage(one), sitk.GetArrayFromImage(other))
    for get in (sitk.Image.GetSpacing, sitk.Image.GetOrigin, sitk.Image.GetDirection):
        assert np.allclose(get(one), get(other), atol=1e-3), get
    written = nib.load(ours)
    assert np.allclose(written.affine, nib.load(theirs).affine, atol=1e-3) or "SC092" in made.err


def same_and_grid(made: Made) -> None:
    all_same(made)
    same_grid(made)


def save_masks(save: Callable[[Path, np.ndarray], object]) -> Change:
    """Return what stores all masks of pictures in another way, in values 0 and 1."""

    def change(place: Place) -> None:
        for number in (0, 1, 2):
            save(place.root / "masks" / f"c{number}.png", (mask(number) // 255).astype(np.uint8))

    return change


def bits(depth: int) -> Callable[[Path, np.ndarray], object]:
    """Return what writes a grey PNG of a few bits by hand."""

    def save(path: Path, values: np.ndarray) -> None:
        unpacked = np.unpackbits(values[..., None], axis=-1)[..., 8 - depth :].reshape(values.shape[0], -1)
        rows = np.concatenate([np.zeros((len(values), 1), np.uint8), np.packbits(unpacked, axis=-1)], axis=1)
        header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], depth, 0, 0, 0, 0)
        path.write_bytes(d.png_of([(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b"")]))

    return save


def interlaced(path: Path, values: np.ndarray) -> None:
    """An 8-bit PNG in Adam7 order, written by hand: Pillow writes none."""
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = b"".join(b"\0" + row.tobytes() for x, y, dx, dy in passes for row in values[y::dy, x::dx] if row.size)
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 8, 0, 0, 0, 1)
    path.write_bytes(d.png_of([(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]))


def palette(count: int) -> Callable[[Path, np.ndarray], object]:
    def save(path: Path, values: np.ndarray) -> None:
        image = Image.new("P", values.shape[::-1])
        image.putdata(values.ravel().tolist())
        image.putpalette([0, 0, 0, 200, 30, 40, 10, 220, 90][: 3 * count])
        image.save(path)

    return save


def other_chunks(parts: dict[bytes, bytes]) -> None:
    """Gamma, a transparent grey, a text and a time: none of them changes a pixel."""
    rows = {name: parts.pop(name) for name in (b"IDAT", b"IEND")}
    parts |= {b"gAMA": struct.pack(">I", 45455), b"tRNS": b"\0\7", b"tEXt": b"Title\0mine", b"tIME": bytes(7)} | rows


def wide(path: Path, values: np.ndarray) -> None:
    Image.fromarray(values.astype(np.uint16)).save(path)


def four_classes(save: Callable[[Path, np.ndarray], object]) -> Change:
    """Return what stores masks of four values, which must come back as stored and never scaled."""

    def change(place: Place) -> None:
        for number in (0, 1, 2):
            save(place.root / "masks" / f"c{number}.png", mask(number, (0, 1, 2, 3)))

    return change


def has_wide_images(made: Made) -> None:
    for number in (0, 1, 2):
        assert np.array_equal(made.image(f"c{number}"), picture(number, 1, np.uint16))


def has_four_classes(made: Made) -> None:
    for number in (0, 1, 2):
        assert np.array_equal(made.label(f"c{number}"), mask(number, (0, 1, 2, 3)))


ONES = ("--labels", "background=0,road=1")
FOUR = ("--labels", "background=0,a=1,b=2,c=3")


def values_of(*values: int) -> Change:
    """Return what draws the masks in other values."""

    def change(place: Place) -> None:
        for number in (0, 1, 2):
            Image.fromarray(mask(number, values)).save(place.root / "masks" / f"c{number}.png")

    return change


def is_dense(*values: int) -> Callable[[Made], None]:
    def check(made: Made) -> None:
        for number in (0, 1, 2):
            stored = mask(number, values)
            expected = np.searchsorted(sorted(values), stored)
            assert np.array_equal(made.label(f"c{number}"), expected)

    return check


def labels_of_255(place: Place) -> None:
    """A source whose single class is declared as 255."""
    for path in sorted(place.root.glob("labels*/*.nii.gz")) + sorted(place.root.glob("masks/*.nii.gz")):
        d.voxels(lambda a: ((a > 0) * 255).astype(np.uint8))(path)
    if place.json.exists():
        entries(labels={"0": "background", "255": "liver"})(place)


def is_binary(made: Made) -> None:
    for number in (0, 1, 2):
        assert set(np.unique(made.label(f"c{number}"))) == {0, 1}
    assert made.description["labels"] == {"background": 0, "liver": 1}


def linked_inside(*, absolute: bool) -> Change:
    """Return what moves all files of the case into a hidden folder of the source, and leaves links."""

    def change(place: Place) -> None:
        store = place.root / ".store"
        store.mkdir()
        for path in (place.image, place.label):
            target = store / f"{path.parent.name}-{path.name}"
            path.rename(target)
            path.symlink_to(target if absolute else os.path.relpath(target, path.parent))

    return change


def hard_links(place: Place) -> None:
    for path in (place.image, place.label):
        target = place.folder / f"linked-{path.name}-{path.parent.name}"
        os.link(path, target)


def linked_folder(place: Place) -> None:
    """The folder of labels is a link to another folder of the source."""
    folder = place.label.parent
    folder.rename(place.root / ".labels")
    folder.symlink_to(".labels")


def linked_source(place: Place) -> None:
    (place.folder / "linked").symlink_to(place.root)


@contextmanager
def no_rights(place: Place) -> Iterator[None]:
    """A source that can be read and not written."""
    paths = [place.root, *sorted(place.root.rglob("*"))]
    modes = {path: path.stat().st_mode for path in paths if not path.is_symlink()}
    for path in modes:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def constant(place: Place) -> None:
    if place.kind == PNG:
        d.saved(np.full(SHAPE, 7, np.uint8))(place.image)
    else:
        d.voxels(lambda a: np.full_like(a, 7))(place.image)


def empty(place: Place) -> None:
    if place.kind == PNG:
        d.saved(np.zeros(SHAPE, np.uint8))(place.label)
        return
    for path in (place.label, place.label.with_name("kidney.nii.gz")):
        if path.exists():
            d.voxels(np.zeros_like)(path)


def labels_without(name: str) -> Change:
    """Return what takes a label out of all files."""

    def change(place: Place) -> None:
        for path in sorted(place.root.glob("labels*/*.nii.gz")) + sorted(place.root.glob("masks/*.nii.gz")):
            d.voxels(lambda a: np.where(a == DEGREES[name], 0, a).astype(np.uint8))(path)

    return change


def twin_content(place: Place) -> None:
    """Two cases of the same image."""
    first = Path(str(place.image).replace("c1", "c0"))
    shutil.copy(first, place.image)
    if place.kind in ("v1", "v2"):
        shutil.copy(place.root / "imagesTr/c0_0000.nii.gz", place.root / "imagesTr/c1_0000.nii.gz")


def test_is_training(place: Place) -> None:
    for path in sorted((place.root / "imagesTr").glob("c1*")):
        shutil.copy(path, place.root / "imagesTs" / path.name.replace("c1", "c8"))


def case_twins(place: Place) -> None:
    """Two cases whose names differ only in upper and lower case."""
    place_named("C0")(place)


def has_both(made: Made) -> None:
    same(made, 0)
    same(made, 1, "C0")


def says_mm(made: Made) -> None:
    """The image is where SimpleITK sees it, and the warning says how far the sheared form is off."""
    same_and_grid(made)
    assert re.search(r"the sform is not orthonormal \(sheared\) and lies up to [0-9.]+ mm off the qform", made.err)


def two_affines(**fields: object) -> Change:
    """Return what sets fields of the header of the image, and puts the label where SimpleITK then sees the image."""

    def change(place: Place) -> None:
        d.header(**fields)(place.image)
        reference = sitk.ReadImage(str(place.image))
        others = [place.label]
        if place.kind in ("v1", "v2"):
            others.append(place.root / "imagesTr/c1_0000.nii.gz")
        if place.kind == MASKS:
            others.append(place.root / "c1/kidney.nii.gz")
        for path in others:
            d.grid(lambda image: image.CopyInformation(reference))(path)

    return change


def metres(place: Place) -> None:
    """All files of the case in metres: spacings of thousandths, and the unit that says so."""
    files = [place.image, place.label]
    if place.kind in ("v1", "v2"):
        files.append(place.root / "imagesTr/c1_0000.nii.gz")
    if place.kind == MASKS:
        files.append(place.root / "c1/kidney.nii.gz")
    for path in files:
        image = nib.load(path)
        affine = image.affine.copy()
        affine[:3] /= 1000
        other = nib.Nifti1Image(np.asarray(image.dataobj), affine)
        other.set_qform(affine, 1)
        other.set_sform(affine, 1)
        other.header.set_xyzt_units("meter")
        nib.save(other, path)


def is_in_mm(made: Made) -> None:
    all_same(made)
    reference = sitk.ReadImage(str(made.image_file("c0")))
    found = sitk.ReadImage(str(made.image_file("c1")))
    assert np.allclose(found.GetSpacing(), reference.GetSpacing(), rtol=1e-4)
    assert np.allclose(found.GetOrigin(), reference.GetOrigin(), rtol=1e-3)


def unlisted(place: Place) -> None:
    """Take a case off the list; its files stay."""
    found = json.loads(place.json.read_text())
    found["training"] = found["training"][::2]
    write_json(place.root, found | {"numTraining": 2})


def only_listed(made: Made) -> None:
    others_same(made)
    assert "c1" not in made.records


def is_complete(made: Made) -> None:
    """Each case has its files; what they hold is not what the good source holds."""
    for name, record in made.records.items():
        assert made.image(name).size
        if record["split"] == "train":
            assert made.label(name).shape == made.image(name).shape[: made.label(name).ndim]


def is_called(name: str) -> Callable[[Made], None]:
    def check(made: Made) -> None:
        all_same(made)
        assert made.dataset.name == name, made.dataset.name

    return check


def source_called(name: str) -> Change:
    return lambda place: shutil.copytree(place.root, place.folder / name)


def tail(role: str, data: bytes) -> Change:
    return to(role, d.appended(data))


BOM = b"\xef\xbb\xbf"
GIVEN_LABELS = ("--labels", "{folder}/labels.json")

NO_HU: list[tuple[str, Callable[[np.ndarray], np.ndarray]]] = [
    ("1024 too high", lambda a: a + np.int16(1024)),
    ("1024 too low", lambda a: a - np.int16(1024)),
    ("windowed", lambda a: np.clip((a + 160.0) / 400 * 255, 0, 255).astype(np.uint8)),
    ("scaled", lambda a: np.clip((a + 1024.0) / 4095, 0, 1).astype(np.float32)),
]
"""CTs of which one does not hold HU."""

CASES: list[Case] = [
    # names of any length
    *converted("long-name", "210 letters", place_named(LONG), ALL, is_named(LONG)),
    *converted("long-name", "80 letters of three bytes", place_named("日" * 70), (PNG, PAIRS, MASKS, "msd"), is_named("日" * 70)),
    *converted("long-name", "only a dot in front", place_named("x." + "y" * 150), (PNG, PAIRS), is_named("x." + "y" * 150)),
    # the json and the name of the folder
    *converted("byte-order-mark", "json", text(lambda t: BOM + t.encode()), TASKS),
    *converted("byte-order-mark", "list", lambda p: (p.folder / "list.csv").write_bytes(BOM + good_rows(p).encode()), (PNG, PAIRS), words=LIST),
    *converted("byte-order-mark", "labels", lambda p: (p.folder / "labels.json").write_bytes(BOM + b'{"background": 0, "road": 255}'), PNG, words=GIVEN_LABELS),
    *converted("byte-order-mark", "labels", lambda p: (p.folder / "labels.json").write_bytes(BOM + json.dumps(DEGREES).encode()), PAIRS, words=GIVEN_LABELS),
    *converted("loose-json", "numTesting", entries(numTest=None, numTesting=1), V),
    *converted("loose-json", "no test", entries(test=None), V),
    *warned("loose-json", "no training", entries(training=None), "SC089", JSON, V),
    *warned("loose-json", "no lists at all", entries(training=None, test=None, numTest=None), "SC089", JSON, V),
    *converted("loose-json", "no tensorImageSize", entries(tensorImageSize=None), V),
    *converted("loose-json", "no imagesTs", each(without("imagesTs"), entries(test=[], numTest=0)), V, others_same),
    *warned("loose-json", "no imagesTs but listed", without("imagesTs"), "SC087", JSON, V, others_same),
    *converted("loose-json", "no name and no counts", entries(name=None, description=None, numTraining=None, numTest=None), V),
    *converted("loose-json", "unknown entries", entries(mine={"a": [1, 2]}, overwrite_image_reader_writer="x", licence=None), V),
    *converted("loose-json", "test as objects", entries(test=[{"image": "./imagesTs/c8.nii.gz"}]), V),
    *converted("loose-json", "paths without a dot", text(lambda t: t.replace('"./', '"')), V),
    *converted("loose-json", "paths with two slashes", text(lambda t: t.replace("/c", "//c")), V),
    *converted("loose-json", "no imagesTs", without("imagesTs"), "v2", others_same),
    *converted("name-of-task", "Task12_A_B", source_called("Task12_A_B"), V, is_called("Dataset005_A_B"), source="Task12_A_B", to="5"),
    *converted("name-of-task", "Task012_A_B", source_called("Task012_A_B"), V, is_called("Dataset005_A_B"), source="Task012_A_B", to="5"),
    *converted("name-of-task", "Dataset012_A_B", source_called("Dataset012_A_B"), "v2", is_called("Dataset005_A_B"), source="Dataset012_A_B", to="5"),
    *converted("name-of-task", "without a number", source_called("A_B"), V, is_called("Dataset005_A_B"), source="A_B", to="5"),
    *converted("name-of-task", "with a name of the user", source_called("Task12_A_B"), V, is_called("Dataset005_C"), source="Task12_A_B", to="5_C"),
    # other files, and endings
    *converted("stray-files", "stray files", stray_files, ALL),
    *converted("stray-files", "a folder of macOS", lambda p: (p.root / "__MACOSX").mkdir(), ALL),
    *converted("stray-files", "other texts", each(*(lambda p, n=n: (p.label.parent / n).write_text("x") for n in ("README.txt", "notes.md", "log.xml"))), ALL),
    *converted("file-ending", "nii", endings(".nii"), VOLUMES),
    *converted("file-ending", "NII.GZ", endings(".NII.GZ"), ("msd", "v1", PAIRS, MASKS)),
    *converted("file-ending", "Nii.gz", endings(".Nii.gz"), ("msd", "v1", PAIRS, MASKS)),
    *converted("file-ending", "NII", endings(".NII"), ("msd", "v1", PAIRS, MASKS)),
    *converted("file-ending", "one nii among nii.gz", lambda p: (p.image.with_name(p.image.name[:-3]).write_bytes(gzip.decompress(p.image.read_bytes())), p.image.unlink()), ("msd", "v1", PAIRS, MASKS)),
    *converted("file-ending", "PNG", picture_endings(".PNG"), PNG),
    *converted("file-ending", "TIFF", as_tiff, PNG, is_complete),
    # forms of NIfTI
    *converted("slope", "image", sloped, VOLUMES, image_by_its_slope),
    *converted("slope", "label", label_by_its_slope, VOLUMES),
    *converted("slope", "slope 1", to("label", d.raw(lambda data: struct.pack_into("<ff", data, 112, 1.0, 0.0))), VOLUMES),
    *converted("slope", "slope 0", to("image", d.raw(lambda data: struct.pack_into("<ff", data, 112, 0.0, 0.0))), VOLUMES),
    *(case for role in ("image", "label") for name, change in (("big-endian", big_endian), ("header extension", extended), ("several members", d.changed(members)), ("named member", d.changed(named_member)), ("qform only", qform_only), ("sform only", sform_only)) for case in converted("nifti-variant", f"{name} {role}", to(role, change), VOLUMES, same_and_grid if role == "image" else all_same)),
    *converted("nifti-variant", "four axes, the last of length 1", to("image", d.voxels(lambda a: a[..., None])), VOLUMES),
    *(case for role, types in (("label", ("int8", "uint16", "int32", "uint32", "float32", "float64", "int64", "uint64")), ("image", ("int32", "float32", "float64", "int64"))) for name in types for case in converted("nifti-variant", f"{name} {role}", to(role, d.voxels(lambda a, name=name: a.astype(name))), (PAIRS, "msd"))),
    *converted("nifti-variant", "LAS", las, VOLUMES, flipped),
    *converted("nifti-variant", "oblique", nothing, VOLUMES, same_and_grid),
    *converted("nifti-variant", "one slice", each(*(lambda p, n=n: [d.grid(lambda i: i[:, :, 2:3])(f) for f in sorted(p.root.rglob(f"*c{n}*")) if f.is_file()] for n in (0, 1, 2))), PAIRS, is_complete),
    # names
    *(case for name in NAMES for case in converted("odd-name", repr(name), place_named(name), (PNG, PAIRS, MASKS) if name in NAMES[:9] else PAIRS, is_named(name))),
    *(case for name in ("a b", "-x", "$(id)", "ünï", "x.y.z", "a_0000") for case in converted("odd-name", repr(name), place_named(name), TASKS, is_named(name))),
    *converted("odd-name", "bytes that are no UTF-8", place_named("J\udcfcrgen"), (PNG, PAIRS, MASKS, "v2"), is_named("J\udcfcrgen")),
    *converted("odd-name", "source with spaces", lambda p: shutil.copytree(p.root, p.folder / "my data $(id) 'x'"), ("png", PAIRS, "msd"), source="my data $(id) 'x'"),
    # masks of pictures
    *(case for depth in (1, 2, 4) for case in converted("mask-format", f"{depth} bits", save_masks(bits(depth)), PNG, words=ONES)),
    *(case for depth in (2, 4) for case in converted("mask-format", f"four values in {depth} bits", four_classes(bits(depth)), PNG, has_four_classes, words=FOUR)),
    *converted("mask-format", "16 bits", save_masks(wide), PNG, words=ONES),
    *converted("mask-format", "four values in 16 bits", four_classes(wide), PNG, has_four_classes, words=FOUR),
    *converted("mask-format", "interlaced", save_masks(interlaced), PNG, words=ONES),
    *converted("mask-format", "palette", save_masks(palette(2)), PNG, words=ONES),
    *converted("mask-format", "palette of three", save_masks(palette(3)), PNG, words=ONES),
    *converted("mask-format", "palette of few bits", save_masks(lambda path, v: (palette(2)(path, v), Image.open(path).save(path, bits=1))), PNG, words=ONES),
    *converted("mask-format", "16 bits in images", each(*(lambda p, n=n: Image.fromarray(picture(n, 1, np.uint16)).save(p.root / "images" / f"c{n}.png") for n in (0, 1, 2))), PNG, has_wide_images),
    *converted("mask-format", "chunks that do not count", lambda p: d.png(other_chunks)(p.image), PNG),
    *converted("mask-format", "interlaced image", lambda p: interlaced(p.image, picture(1)), PNG),
    *converted("label-declaration", "declared", nothing, PNG),
    *converted("label-declaration", "not declared", nothing, PNG, is_dense(0, 255), bare=True),
    *converted("label-declaration", "1 is not declared", values_of(0, 1), PNG, is_dense(0, 1), bare=True),
    *converted("label-declaration", "0 128 255", values_of(0, 128, 255), PNG, is_dense(0, 128, 255), words=("--labels", "background=0,a=128,b=255")),
    *converted("label-declaration", "in the json", labels_of_255, V, is_binary),
    *converted("label-declaration", "on the command line", labels_of_255, PAIRS, is_binary, words=("--labels", "background=0,liver=255")),
    *converted("label-declaration", "masks of 255", lambda p: [d.voxels(lambda a: (a * 255).astype(np.uint8))(f) for f in sorted(p.root.glob("*/[lk]*.nii.gz"))], MASKS),
    *converted("label-declaration", "accepted", values_of(0, 50, 100, 200), PNG, is_dense(0, 50, 100, 200), words=("--accept-labels",), bare=True),
    # links and rights
    *converted("link-inside", "relative", linked_inside(absolute=False), ALL),
    *converted("link-inside", "absolute", linked_inside(absolute=True), ALL),
    *converted("link-inside", "folder", linked_folder, ("msd", "v1", "v2", PAIRS, PNG)),
    *converted("link-inside", "hard links", hard_links, ALL),
    *converted("link-inside", "source", linked_source, ALL, source="linked"),
    *converted("read-only-source", "read-only source", nothing, ALL, around=no_rights),
    # warnings
    *warned("odd-intensities", "constant", constant, "SC077", "image", ALL, others_same),
    *warned("odd-intensities", "constant test image", lambda p: d.voxels(lambda a: np.full_like(a, 7))(min((p.root / "imagesTs").iterdir())), "SC077", "imagesTs/c8", TASKS, others_same),
    *(case for name, change in NO_HU for case in warned("odd-intensities", f"CT {name}", to("image", d.voxels(change)), "SC091", "image", "msd", others_same)),
    *warned("empty-label", "empty label", empty, "SC075", None, ALL, others_same),
    *warned("unused-label", "unused label", labels_without("kidney"), "SC076", None, LABELLED, is_complete),
    *warned("unused-label", "unused label", nothing, "SC076", None, PNG, words=("--labels", "background=0,road=255,path=9")),
    *warned("unused-label", "no background anywhere", nothing, "SC076", None, LABELLED, is_complete, words=("--ignore", "unlabelled")),
    *warned("unused-label", "declared but missing", lambda p: labels_added(p), "SC076", None, TASKS),
    *warned("wrong-list", "unlisted pair", unlisted, "SC087", "imagesTr/c1", V),
    *converted("wrong-list", "unlisted pair left out", unlisted, V, only_listed, words=("--listed-only",)),
    *warned("wrong-list", "unlisted test image", entries(test=[]), "SC087", "imagesTs/c8", V),
    *warned("wrong-list", "wrong numTraining", entries(numTraining=7), "SC089", JSON, TASKS),
    *warned("wrong-list", "wrong numTest", entries(numTest=7), "SC089", JSON, V),
    *warned("wrong-list", "numTraining is text", entries(numTraining="three"), "SC089", JSON, TASKS),
    *warned("wrong-list", "no numTraining", entries(numTraining=None), "SC089", JSON, "v2"),
    *warned("duplicate", "same content", twin_content, "SC088", None, ALL, lambda made: same(made, 0)),
    *warned("duplicate", "test is training", test_is_training, "SC088", None, TASKS, others_same),
    *warned("names-differ-by-case", "names", case_twins, "SC085", None, ALL, has_both),
    *warned("two-affines", "forms apart", two_affines(srow_x=[1.5, 0, 0, 50], srow_y=[0, 1.5, 0, 60], srow_z=[0, 0, 4, 70], sform_code=1, qform_code=1), "SC092", "image", VOLUMES, same_and_grid),
    *warned("two-affines", "sheared sform", two_affines(srow_x=[1.5, 0, 0, 50], srow_y=[0, 1.5, 1.2, 60], srow_z=[0, 0, 4, 70], sform_code=1, qform_code=1), "SC092", "image", VOLUMES, says_mm),
    *warned("two-affines", "codes 0", two_affines(sform_code=0, qform_code=0), "SC092", "image", VOLUMES, same_and_grid),
    *warned("two-affines", "metres", metres, ("SC092", "SC093"), "image", VOLUMES, is_in_mm),
    *warned("trailing-bytes", "image", tail("image", b"tail" * 200), "SC059", "image", ALL),
    *warned("trailing-bytes", "label", tail("label", b"tail" * 200), "SC059", "label", ALL),
    *warned("trailing-bytes", "zeros", tail("image", bytes(512)), "SC059", "image", VOLUMES),
    *warned("trailing-bytes", "within the stream", to("image", d.raw(lambda b: b + bytearray(b"tail"))), "SC059", "image", VOLUMES),
    *rejected("trailing-bytes", "2 MiB", tail("image", b"tail" * (1 << 19)), ("SC054", "SC059"), "image", ALL),
]  # fmt: skip


def labels_added(place: Place) -> None:
    """Declare a label more than the files hold."""
    found = json.loads(place.json.read_text())["labels"]
    found |= {"spleen": 4} if place.kind == "v2" else {"4": "spleen"}
    entries(labels=found)(place)
