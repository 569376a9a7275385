"""Further cases: other places, other formats, and lists that contradict themselves."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk
import tifffile

from ..convert.oracles import ct
from . import damage as d
from .case import Case, Change, nothing
from .files import other, tiff
from .made import Made, others_same
from .odd import is_complete
from .sets import JSON, LIST, at, copied, entries, in_list, label_names, listed, renamed, without
from .sources import DEGREES, TEST, TRAINING, Place, picture, write_json
from .tables import TASKS, converted, each, rejected, to, warned

PAIRS, PNG, V = "pairs", "png", ("msd", "v1")
JSON_LIST = ("--pairs", "{folder}/list.json")
TEST_LABEL = "labelsTs/c8.nii.gz"
HERE = ("png", "msd", "v1", "v2", "pairs", "masks")


def with_test_label(change: d.Damage | None = None) -> Change:
    """Return what gives the test image a label, and damages it."""

    def changed(place: Place) -> None:
        path = place.root / TEST_LABEL
        path.parent.mkdir()
        label = sitk.ReadImage(str(place.root / "labelsTr" / "c1.nii.gz"))
        label.CopyInformation(sitk.ReadImage(str(min((place.root / "imagesTs").iterdir()))))
        sitk.WriteImage(label, str(path))
        if change is not None:
            change(path)

    return changed


def kidney_in_tests_only(place: Place) -> None:
    for path in sorted(place.root.glob("labelsTr/*.nii.gz")):
        d.voxels(lambda a: np.where(a == DEGREES["kidney"], 0, a).astype(np.uint8))(path)


def twenty(place: Place) -> None:
    """Seventeen cases more, copies of c0 with a number of their own in a voxel or pixel."""
    for number in range(3, 20):
        if number == TEST:
            continue
        for path in sorted([*place.root.glob("*/c0*"), *place.root.glob("c0/*")]):
            target = Path(str(path).replace("/c0", f"/c{number}"))
            target.parent.mkdir(exist_ok=True)
            shutil.copy(path, target)
            if "image" in path.parent.name and path.name.endswith(".nii.gz"):
                d.voxels(lambda a, number=number: a + a.dtype.type(number))(target)
    if place.kind in V:
        found = json.loads(place.json.read_text())
        found["training"] += [
            {"image": f"./imagesTr/c{n}.nii.gz", "label": f"./labelsTr/c{n}.nii.gz"} for n in range(3, 20) if n != TEST
        ]
        write_json(place.root, found | {"numTraining": 19})


def in_seventh(role: str, change: d.Damage) -> Change:
    """Return what damages one file of the seventh of twenty cases."""

    def changed(place: Place) -> None:
        twenty(place)
        change(place.root / str(getattr(place, role).relative_to(place.root)).replace("c1", "c7"))

    return changed


def lists(*rows: dict[str, object]) -> Change:
    """Return what writes a list in JSON next to the source."""
    return lambda place: (place.folder / "list.json").write_text(json.dumps(rows))


def rows_without_a_header(place: Place) -> None:
    ending = ".png" if place.kind == PNG else ".nii.gz"
    rows = "".join(f"images/c{n}{ending},masks/c{n}{ending}\n" for n in TRAINING)
    (place.folder / "list.csv").write_text(rows)


def second_version(path: Path) -> None:
    image = nib.load(path)
    nib.save(nib.Nifti2Image(np.asarray(image.dataobj), image.affine), path)


def plain_under_another_name(place: Place) -> None:
    """A volume that is not gzipped although its ending says so."""
    d.changed(gzip.decompress)(place.image)


def changed_chunks(change: Callable[[list[tuple[bytes, bytes]]], list[tuple[bytes, bytes]]]) -> d.Damage:
    """Return what writes the chunks of a PNG in another order, or adds others."""
    return lambda path: path.write_bytes(d.png_of(change(d.chunks(path.read_bytes()))))


def detached(place: Place) -> None:
    """Store the pairs as headers with their voxels in separate files."""
    for path in sorted(place.root.glob("*/*.nii.gz")):
        image = sitk.ReadImage(str(path))
        for key in image.GetMetaDataKeys():
            image.EraseMetaData(key)
        sitk.WriteImage(image, str(path).replace(".nii.gz", ".mhd"))
        path.unlink()


def header_line(name: str, value: str) -> Change:
    """Return what says something else in the header of the image."""

    def change(place: Place) -> None:
        path = place.root / "images" / "c1.mhd"
        path.write_text(re.sub(f"^{name} = .*$", f"{name} = {value}", path.read_text(), flags=re.MULTILINE))

    return change


DETACHED: list[tuple[str, str, tuple[str, ...], tuple[int, ...], Change]] = [
    ("broken-link", "no voxels", ("SC012",), (66,), without("images/c1.raw")),
    ("missing-voxels", "half the voxels", ("SC052",), (65,), at("images/c1.raw", d.half)),
    ("irregular-file", "a pipe for voxels", ("SC061",), (65,), at("images/c1.raw", d.pipe)),
    ("link-outside", "voxels outside", ("SC060",), (65,), at("images/c1.raw", d.link("/etc/hostname"))),
    ("path-in-list", "a path for voxels", ("SC060",), (65,), header_line("ElementDataFile", "../../../etc/passwd")),
    ("impossible-size", "negative length", ("SC053",), (65,), header_line("DimSize", "-14 12 7")),
    ("impossible-size", "overflow", ("SC054",), (65,), header_line("DimSize", "99999 99999 99999")),
    ("bad-affine", "spacing NaN", ("SC057",), (65,), header_line("ElementSpacing", "nan 1 1")),
    ("bad-affine", "sheared", ("SC057",), (65,), header_line("TransformMatrix", "1 0.5 0 0 1 0 0 0 1")),
    ("unsupported-type", "unknown type", ("SC056",), (65,), header_line("ElementType", "MET_BANANA")),
]


def all_tiff(values: Callable[[int], np.ndarray]) -> Change:
    """Return what stores all pictures as TIFF, with other values."""
    return lambda place: [tiff(values(n))(place.root / "images" / f"c{n}.png") for n in TRAINING]


def slices_of_hu(place: Place) -> None:
    """Store the CT as slices, one TIFF of signed integers each, with labels."""
    shutil.rmtree(place.root)
    for number in TRAINING:
        for folder, volume in (("images", ct(number).images[0].array), ("masks", ct(number).label.array == 1)):
            (place.root / folder / f"c{number}").mkdir(parents=True)
            for z, section in enumerate(volume):
                stored = section if folder == "images" else section.astype(np.uint8)
                tifffile.imwrite(place.root / folder / f"c{number}" / f"s{z}.tif", stored)


def has_hu(made: Made) -> None:
    for number in TRAINING:
        assert np.array_equal(made.image(f"c{number}"), ct(number).images[0].array)
        assert np.array_equal(made.label(f"c{number}"), ct(number).label.array == 1)


CHUNKS: list[tuple[str, Callable[[list[tuple[bytes, bytes]]], list[tuple[bytes, bytes]]]]] = [
    ("header twice", lambda parts: [parts[0], *parts]),
    ("unknown chunk that counts", lambda parts: [parts[0], (b"ABCD", b"x"), *parts[1:]]),
    ("chunk without a name", lambda parts: [parts[0], (b"\1\2\3\4", b"x"), *parts[1:]]),
    ("pixels in two places", lambda parts: [parts[0], (b"IDAT", parts[1][1][:50]), (b"tEXt", b"a\0b"), (b"IDAT", parts[1][1][50:]), parts[-1]]),
]  # fmt: skip
WIDE: list[tuple[str, Callable[[int], np.ndarray]]] = [
    ("negative", lambda n: picture(n).astype(np.int16) - 9),
    ("over 16 bits", lambda n: picture(n).astype(np.int32) * 1000),
    ("unsigned over 16 bits", lambda n: picture(n).astype(np.uint32) * 1000),
]
IMPOSSIBLE = [("half a character", "\ud800"), ("5000 letters", "x" * 5000)]
SEVENTH: list[tuple[str, str, str, d.Damage, tuple[str, ...]]] = [
    ("cut-file", "half", "image", d.half, ("SC050", "SC051", "SC052")),
    ("gzip-checksum", "checksum", "label", d.changed(lambda b: b[:-8] + bytes([b[-8] ^ 1]) + b[-7:]), ("SC050",)),
    ("nan-in-image", "NaN", "image", d.put(float("nan")), ("SC055",)),
    ("fractional-label", "half", "label", d.put(0.5), ("SC071", "SC078")),
    ("label-shape", "a slice less", "label", d.grid(lambda i: i[:, :, 1:]), ("SC082",)),
    ("label-position", "origin", "label", d.shifted(5), ("SC083",)),
]
SEVENTH_FILES = {
    ("msd", "image"): "imagesTr/c7", ("v2", "image"): "imagesTr/c7_0001", ("pairs", "image"): "images/c7", ("masks", "image"): "c7/ct",
    ("msd", "label"): "labelsTr/c7", ("v2", "label"): "labelsTr/c7", ("pairs", "label"): "masks/c7", ("masks", "label"): "c7/liver",
}  # fmt: skip
TEST_LABELS: list[tuple[str, str, d.Damage, str]] = [
    ("cut-file", "half", d.half, "SC050"),
    ("empty-file", "empty", d.content(b""), "SC051"),
    ("too-large", "bomb", d.bomb, "SC054"),
    ("non-finite-label", "NaN", d.put(float("nan")), "SC055"),
    ("fractional-label", "half a value", d.put(0.5), "SC071"),
    ("negative-label", "negative", d.put(-1, np.int16), "SC072"),
    ("undeclared-label", "9", d.put(9, np.uint8), "SC070"),
    ("label-beyond-8-bits", "257", d.put(257, np.uint16), "SC070"),
    ("label-shape", "a slice less", d.grid(lambda i: i[:, :, 1:]), "SC082"),
    ("label-position", "origin", d.shifted(5), "SC083"),
    ("label-channels", "one-hot", d.one_hot, "SC073"),
    ("link-outside", "a file of the system", d.link("/etc/hostname"), "SC060"),
]

CASES: list[Case] = [
    # one of twenty, and labels of test images
    *(
        case
        for topic, name, role, change, codes in SEVENTH
        for kind in ("msd", "v2", "pairs", "masks")
        for case in rejected(topic, f"{name} {role} of the seventh", in_seventh(role, change), codes, SEVENTH_FILES[kind, role], kind, again=False)
    ),
    *converted("empty-label", "a label for a test image", with_test_label(), TASKS),
    *(case for topic, name, change, code in TEST_LABELS for case in rejected(topic, f"{name} in labelsTs", with_test_label(change), code, TEST_LABEL, TASKS)),
    *warned("unused-label", "used in labelsTs only", each(with_test_label(), kidney_in_tests_only), "SC076", None, TASKS, is_complete),
    *warned("empty-label", "empty in labelsTs", with_test_label(d.voxels(np.zeros_like)), "SC075", TEST_LABEL, TASKS),
    *rejected("stray-label", "label without its test image", each(with_test_label(), lambda p: shutil.rmtree(p.root / "imagesTs"), lambda p: p.kind == "v2" or entries(test=[])(p)), "SC081", TEST_LABEL, TASKS),
    # formats and their names
    *rejected("wrong-format", "NIfTI-2", to("image", second_version), "SC051", "image", ("msd", "v1", "v2", "pairs", "masks")),
    *rejected("wrong-format", "half of a pair", to("label", d.header(magic=b"ni1")), "SC051", "label", ("msd", "v1", "v2", "pairs", "masks")),
    *converted("file-ending", "not gzipped", plain_under_another_name, ("msd", "v1", "v2", "pairs", "masks")),
    *converted("file-ending", "not gzipped and not verified", plain_under_another_name, ("msd", "v1", "v2", "pairs", "masks"), words=("--no-verify-source",)),
    *converted("file-ending", "gzipped although nii", other(".nii", "image", d.changed(gzip.compress)), PAIRS),
    *converted("file-ending", "gzipped although nii and not verified", other(".nii", "image", d.changed(gzip.compress)), PAIRS, words=("--no-verify-source",)),
    *rejected("channel-files", "MR among CT", renamed("c1/ct.nii.gz", "c1/mri.nii.gz"), "SC084", "c1/mri.nii.gz", "masks", again=False),
    *rejected("channel-files", "MR among CT by its case", renamed("c1/ct.nii.gz", "c1/c1_mr.nii.gz"), "SC084", "c1/c1_mr.nii.gz", "masks", again=False),
    *warned("wrong-list", "folds of others", lambda p: (p.root / "splits_final.json").write_text('[{"train": ["x"], "val": ["y"]}]'), "SC099", "splits_final.json", "v2"),
    *warned("wrong-list", "folds that are none", lambda p: (p.root / "splits_final.json").write_text('{"a": 1}'), "SC099", "splits_final.json", "v2"),
    *(case for topic, name, codes, exits, change in DETACHED for case in rejected(topic, f"{name} of a detached header", each(detached, change), codes, "images/c1.mhd", PAIRS, exits=exits, again=False)),
    *warned("trailing-bytes", "tail of detached voxels", each(detached, at("images/c1.raw", d.appended(b"tail" * 99))), "SC059", "images/c1.mhd", PAIRS),
    *rejected("bad-affine", "an axis that is and is not in space", other(".nrrd", "image", d.changed(lambda b: b.replace(b"kinds: domain", b"kinds: vector", 1))), "SC053", "images/c1.nrrd", PAIRS),
    *rejected("empty-source", "a source of 300 letters", nothing, ("SC010", "SC030"), None, (PNG, "msd", PAIRS), exits=(66, 74), source="x" * 300),
    *rejected("bad-channels", "blank by option", nothing, "SC001", None, (PNG, "msd", PAIRS), exits=(2,), words=("--channels", " ")),
    # pictures
    *(case for name, change in CHUNKS for case in rejected("damaged-png", name, to("image", changed_chunks(change)), "SC058", "image", PNG)),
    *(case for name, values in WIDE for case in rejected("picture-kind", f"{name} among 8 bits", to("image", tiff(values(1))), "SC084", "images/c1.tif", PNG)),
    *(case for name, values in WIDE for case in rejected("picture-kind", f"all {name}", all_tiff(values), "SC056", "images/c0.tif", PNG)),
    *converted("nifti-variant", "slices of HU", slices_of_hu, PAIRS, has_hu, words=("--spacing", "1.5,1.5,4", "--labels", "background=0,liver=1")),
    # lists
    *(case for name, text in IMPOSSIBLE for case in rejected("path-in-list", name, listed(1, image=f"./imagesTr/{text}.nii.gz"), "SC087", JSON, V)),
    *(case for name, text in IMPOSSIBLE for case in rejected("path-in-list", f"{name} as label", listed(1, label=f"./labelsTr/{text}.nii.gz"), "SC087", JSON, V)),
    *(case for name, text in IMPOSSIBLE for case in rejected("path-in-list", f"{name} in a list", lists({"image": f"images/{text}", "label": "masks/c1"}), "SC087", "list.json", (PAIRS, PNG), words=JSON_LIST)),
    *rejected("bad-list", "through a file", listed(1, image="./imagesTr/c0.nii.gz/c1.nii.gz"), "SC012", "imagesTr/c0.nii.gz", "msd", exits=(66,)),
    *rejected("bad-list", "a label for an image", listed(1, image="./labelsTr/c1.nii.gz"), "SC087", JSON, V),
    *rejected("bad-list", "a label for an image", lists({"image": "masks/c1.png", "label": "masks/c1.png"}), "SC087", "list.json", PNG, words=JSON_LIST),
    *rejected("bad-list", "a label for an image", lists({"image": "masks/c1.nii.gz", "label": "masks/c1.nii.gz"}), "SC087", "list.json", PAIRS, words=JSON_LIST),
    *rejected("bad-list", "a name in two folders", each(copied("imagesTr/c0.nii.gz", "imagesTr/more/c1.nii.gz"), listed(0, image="./imagesTr/more/c1.nii.gz")), ("SC085", "SC087"), JSON, "msd"),
    *rejected("bad-list", "a key twice", lists({"image": "images/c1.png", "Image": "images/c0.png", "label": "masks/c1.png"}), "SC087", "list.json", PNG, words=JSON_LIST),
    *rejected("bad-list", "a column twice", in_list("image,image,label\nimages/c0.nii.gz,images/c1.nii.gz,masks/c0.nii.gz\n"), "SC087", "list.csv", PAIRS, words=LIST),
    *rejected("bad-list", "two names of a case", in_list("case,name\nc1,a\nc1,b\n"), "SC087", "list.csv", HERE, words=("--cases", "{folder}/list.csv")),
    *rejected("bad-list", "two patients of a case", in_list("case,patient\nc0,a\nc1,a\nc2,b\nc1,b\n"), "SC087", "list.csv", HERE, words=("--patients", "{folder}/list.csv")),
    *converted("byte-order-mark", "list without a header", rows_without_a_header, (PNG, PAIRS), words=LIST),
    # names of labels and channels
    *rejected("bad-labels", "one name in two forms", label_names(("background", 0), ("Jürgen", 1), (unicodedata.normalize("NFD", "Jürgen"), 2), ("tumour", 3)), "SC074", JSON, TASKS),
    *rejected("bad-channels", "a blank name", entries(modality={"0": " ", "1": "CT"}), "SC084", JSON, "v1"),
    *rejected("bad-channels", "an empty name", entries(modality={"0": ""}), "SC084", JSON, "msd"),
    *converted("bad-channels", "of one kind twice", entries(modality={"0": "CT", "1": "CT"}), "v1", others_same),
]  # fmt: skip
