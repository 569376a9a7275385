"""Files that are each valid, but do not match one another or what is declared."""

from __future__ import annotations

import json
import os
import shutil
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from segconv.work import begun
from segconv.work.journal import FILE as JOURNAL
from segconv.work.journal import Journal

from . import damage as d
from .case import Case, Change, nothing
from .files import tiff
from .made import Made, all_same, others_same, same
from .sources import Place, mask, picture, write_json
from .tables import ALL, LABELLED, TASKS, VOLUMES, converted, damaged, each, rejected, to, warned

PNG, PAIRS, MASKS = "png", "pairs", "masks"
CHANNELLED = ("v1", "v2")
JSON = "dataset.json"
IMAGE_OF_V2, LABEL_OF_V2 = "imagesTr/c1_0000.png", "labelsTr/c1.png"


# --- the json


def entries(**changes: Any) -> Change:
    """Return what sets entries of dataset.json; None takes one out."""

    def change(place: Place) -> None:
        found = json.loads(place.json.read_text()) | changes
        write_json(place.root, {key: value for key, value in found.items() if value is not None})

    return change


def text(change: Callable[[str], str | bytes]) -> Change:
    """Return what changes the text of dataset.json."""

    def changed(place: Place) -> None:
        new = change(place.json.read_text())
        place.json.write_bytes(new.encode() if isinstance(new, str) else new)

    return changed


def listed(number: int, **changes: Any) -> Change:
    """Return what changes an entry of the list of training cases; None takes the entry out."""

    def change(place: Place) -> None:
        found = json.loads(place.json.read_text())
        for key, value in changes.items():
            found["training"][number][key] = value
            if value is None:
                del found["training"][number][key]
        write_json(place.root, found)

    return change


def labels(place: Place, names: Any) -> None:
    """Declare labels as the kind writes them: names of values, or values of names."""
    entries(labels=names)(place)


def label_names(*pairs: tuple[str, int]) -> Change:
    """Return what declares labels by pairs of name and value, names twice included."""

    def change(place: Place) -> None:
        if place.kind == "v2":
            labels(place, dict(pairs))
        else:
            labels(place, {str(value): name for name, value in pairs})

    return change


LISTS_OF_PATHS: list[tuple[str, str]] = [
    ("parent", "../outside.nii.gz"),
    ("parent within", "./imagesTr/../../outside.nii.gz"),
    ("absolute", "/etc/hostname"),
    ("URL", "https://example.org/c1.nii.gz"),
    ("file URL", "file:///etc/hostname"),
    ("NUL", "./imagesTr/c1.nii.gz\0.txt"),
    ("backslashes", "..\\..\\outside.nii.gz"),
    ("home", "~/c1.nii.gz"),
    ("variable", "$HOME/c1.nii.gz"),
]


# --- files of a set


def copied(source: str, target: str) -> Change:
    def change(place: Place) -> None:
        (place.root / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(place.root / source, place.root / target)

    return change


def renamed(source: str, target: str) -> Change:
    def change(place: Place) -> None:
        (place.root / target).parent.mkdir(parents=True, exist_ok=True)
        (place.root / source).rename(place.root / target)

    return change


def without(*names: str) -> Change:
    def change(place: Place) -> None:
        for name in names:
            for path in sorted(place.root.glob(name)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def at(name: str, damage: d.Damage) -> Change:
    return lambda place: damage(place.root / name)


def outside(name: str) -> Change:
    """Return what moves a file or folder out of the source, and leaves a link."""

    def change(place: Place) -> None:
        elsewhere = place.folder / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        path = place.root / name
        path.rename(elsewhere / path.name)
        path.symlink_to(elsewhere / path.name)

    return change


def emptied(place: Place) -> None:
    shutil.rmtree(place.root)
    place.root.mkdir()


def all_files_gone(place: Place) -> None:
    """Leave the folders and the json."""
    for path in place.root.rglob("*"):
        if path.is_file() and path != place.json:
            path.unlink()


def only_text(place: Place) -> None:
    emptied(place)
    (place.root / "README.txt").write_text("nothing")


def twins(place: Place) -> None:
    """Two cases whose names are equal as people read them, one composed and one decomposed."""
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "Jürgen")
        if place.kind == MASKS:
            shutil.copytree(place.root / "c1", place.root / name)
            continue
        for path in sorted(place.root.glob("*/c1*")):
            shutil.copy(path, path.with_name(path.name.replace("c1", name, 1)))
    if place.kind in ("msd", "v1"):
        found = json.loads(place.json.read_text())
        for form in ("NFC", "NFD"):
            name = unicodedata.normalize(form, "Jürgen")
            found["training"].append({"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"})
        write_json(place.root, found | {"numTraining": 5})


def four_dimensional(counts: dict[int, int], modalities: int) -> Change:
    """Return what gives the cases of a Decathlon task several channels in one file."""

    def change(place: Place) -> None:
        for number, count in counts.items():
            folder = "imagesTs" if number == 8 else "imagesTr"
            d.four_dimensions(count)(place.root / folder / f"c{number}.nii.gz")
        entries(modality={str(n): f"m{n}" for n in range(modalities)})(place)

    return change


def in_list(rows: str, name: str = "list.csv") -> Change:
    """Return what writes a list next to the source."""
    return lambda place: (place.folder / name).write_text(rows)


def good_rows(place: Place) -> str:
    ending = ".png" if place.kind == PNG else ".nii.gz"
    return "image,label\n" + "".join(f"images/c{n}{ending},masks/c{n}{ending}\n" for n in (0, 1, 2))


def picture_at(name: str, array: np.ndarray, **options: Any) -> Change:
    return lambda place: Image.fromarray(array).save(place.root / name, **options)


def unknown_layout(place: Place) -> None:
    """Pictures and masks in folders of which nothing says what they hold."""
    for folder, other in (("images", "one/x"), ("masks", "two/y/z")):
        (place.root / other).mkdir(parents=True)
        for path in sorted((place.root / folder).iterdir()):
            path.rename(place.root / other / f"{folder[0]}{path.name[1:]}")
        (place.root / folder).rmdir()


def pictures_of_v2(place: Place) -> None:
    """Put a dataset of pictures in the place of the one of volumes."""
    emptied(place)
    for folder in ("imagesTr", "labelsTr"):
        (place.root / folder).mkdir()
    for number in (0, 1, 2):
        Image.fromarray(picture(number)).save(place.root / "imagesTr" / f"c{number}_0000.png")
        Image.fromarray(mask(number, (0, 1))).save(place.root / "labelsTr" / f"c{number}.png")
    labels = {"background": 0, "road": 1}
    write_json(place.root, {"channel_names": {"0": "gray"}, "labels": labels, "numTraining": 3, "file_ending": ".png"})


def in_four_folders(place: Place) -> None:
    """Arrange the pictures as in nnU-Net's own example: training and testing, input and output; c2 is for testing."""
    for number, split in ((0, "training"), (1, "training"), (2, "testing")):
        for old, new in (("images", "input"), ("masks", "output")):
            (place.root / split / new).mkdir(parents=True, exist_ok=True)
            (place.root / old / f"c{number}.png").rename(place.root / split / new / f"c{number}.png")
    for old in ("images", "masks"):
        (place.root / old).rmdir()


def has_a_test_mask(made: Made) -> None:
    """Masks for testing are in labelsTs, with the values of the others."""
    for number in (0, 1, 2):
        same(made, number)
    assert made.records["c2"]["split"] == "test"
    assert made.description["numTraining"] == 2


def has_no_test_mask(made: Made) -> None:
    same(made, 0)
    same(made, 2, label=False)
    assert not made.label_file("c2").exists()


def test_is_training(made: Made) -> None:
    others_same(made)
    assert made.records["c1"]["split"] == "test"


def without_c1(made: Made) -> None:
    others_same(made)
    assert "c1" not in made.records
    assert made.description["numTraining"] == 2


def unfinished(place: Place) -> None:
    """The staging folders of runs with other options: of this target, and of the one that fixed cases make."""
    for slot in ("005", "007"):
        staging = place.folder / "nnUNet_raw" / f".segconv-{slot}"
        staging.mkdir()
        begun.declare(staging, ["imagesTr/c9_0000.png"])
        (staging / "plan.json").write_text('{"fingerprint": "of another run", "key": {}}')
        journal = Journal(staging / JOURNAL)
        written = {"path": "imagesTr/c9_0000.png", "size": 1, "sha256": "0"}
        read = {"path": "c9.png", "size": 1, "sha256": "0", "mtime_ns": 0}
        entry = {"case": "c9", "payload": "", "record": {}, "sources": [read], "targets": [written], "warnings": []}
        journal.add(entry)
        journal.close()


def taken(name: str, folder: str = "nnUNet_raw") -> Change:
    """Return what makes a dataset's folder in one of nnU-Net's."""

    def change(place: Place) -> None:
        path = place.folder / folder / name
        path.mkdir(parents=True)
        (path / "dataset.json").write_text("{}")

    return change


LIST = ("--pairs", "{folder}/list.csv")
SKIP_OR_TEST = (("--unlabelled", "skip"), ("--unlabelled", "test"))
V = ("msd", "v1")

CASES: list[Case] = [
    # labels against what is declared, and against their images
    *damaged("label-255", "255", d.where_one(255, np.uint8), "SC070", LABELLED, roles=("label",), cures=(("--map", "255=liver"),)),
    *damaged("label-255", "one voxel of 255", d.put(255, np.uint8), "SC070", LABELLED, roles=("label",), cures=(("--map", "255=background"),)),
    *rejected("label-255", "255 in all", lambda p: [d.where_one(255, np.uint8)(f) for f in sorted((p.root / "labelsTr").iterdir())], "SC070", "labelsTr/c0", TASKS, cures=(("--map", "255=liver"),)),
    *rejected("label-255", "255 where 1 is declared", nothing, "SC070", "masks/c0.png", PNG, words=("--labels", "background=0,road=1"), again=False, cures=(("--map", "255=road"),)),
    *damaged("label-shape", "a slice less", d.grid(lambda i: i[:, :, 1:]), "SC082", roles=("label",)),
    *warned("label-shape", "transposed with its header", to("label", d.grid(d.axes_swapped)), "SC093", "label", VOLUMES),
    *damaged("label-shape", "transposed", d.relabelled_axes, "SC082", roles=("label",)),
    *damaged("label-shape", "one slice", d.grid(lambda i: i[:, :, :1]), "SC082", roles=("label",)),
    *damaged("label-shape", "another size", d.saved(mask(1)[:-2]), "SC082", (PNG,), roles=("label",)),
    *damaged("label-shape", "transposed", d.saved(np.ascontiguousarray(mask(1).T)), "SC082", (PNG,), roles=("label",)),
    *damaged("label-spacing", "spacing", d.stretched(1.2), "SC083", roles=("label",), cures=(("--label-header", "image"),)),
    *damaged("label-spacing", "spacing of one axis", d.header(pixdim=[1, 1.5, 1.5, 5, 0, 0, 0, 0], sform_code=0, qform_code=1), "SC083", roles=("label",), cures=(("--label-header", "image"),)),
    *damaged("label-spacing", "no header at all", d.header(pixdim=[1, 1, 1, 1, 0, 0, 0, 0], sform_code=0, qform_code=0), "SC083", roles=("label",), cures=(("--label-header", "image"),)),
    *damaged("label-position", "origin", d.shifted(5), "SC083", roles=("label",), cures=(("--label-header", "image"),)),
    *damaged("label-position", "origin by a fifth of a voxel", d.shifted(0.3), "SC083", roles=("label",), cures=(("--label-header", "image"),)),
    *damaged("label-position", "mirrored", d.grid(d.mirrored), "SC083", roles=("label",), cures=(("--label-header", "image"),)),
    *damaged("label-position", "turned", d.turned(3), "SC083", roles=("label",), cures=(("--label-header", "image"),)),
    *warned("label-position", "upside down", to("label", d.grid(d.upside_down)), "SC093", "label", VOLUMES),
    *damaged("label-position", "upside down and half a voxel off", lambda path: (d.grid(d.upside_down)(path), d.shifted(0.75)(path)), "SC083", roles=("label",), cures=(("--repair", "resample"),)),
    *warned("label-position", "origin by a twentieth", to("label", d.shifted(0.075)), "SC093", "label", VOLUMES),
    *converted("label-position", "origin by a two hundredth", to("label", d.shifted(0.0075)), VOLUMES),
    # channels
    *rejected("channel-count", "one has more", four_dimensional({0: 2, 1: 3, 2: 2, 8: 2}, 2), "SC084", "imagesTr/c1.nii.gz", "msd"),
    *rejected("channel-count", "one has fewer", four_dimensional({0: 2, 2: 2, 8: 2}, 2), "SC084", "imagesTr/c1.nii.gz", "msd"),
    *rejected("channel-count", "all have more than the json", four_dimensional({0: 2, 1: 2, 2: 2, 8: 2}, 1), "SC084", "imagesTr/c0.nii.gz", "msd"),
    *rejected("channel-count", "the test image has fewer", four_dimensional({0: 2, 1: 2, 2: 2}, 2), "SC084", "imagesTs/c8.nii.gz", "msd"),
    *rejected("channel-count", "the test image has more", four_dimensional({0: 2, 1: 2, 2: 2, 8: 3}, 2), "SC084", "imagesTs/c8.nii.gz", "msd"),
    *damaged("channel-count", "two in one file", d.four_dimensions(2), "SC084", ("pairs", "masks"), roles=("image",)),
    *rejected("channel-count", "two in one file", to("image", d.four_dimensions(2)), "SC084", "imagesTr/c1", CHANNELLED),
    *rejected("channel-count", "test image without its second", without("imagesTs/c8_0001*"), "SC084", "imagesTs/c8", CHANNELLED),
    *rejected("channel-count", "test image with a third", copied("imagesTs/c8_0001.nii.gz", "imagesTs/c8_0002.nii.gz"), "SC084", "imagesTs/c8", CHANNELLED),
    *rejected("channel-count", "colour among grey", picture_at("images/c1.png", picture(1, 3)), "SC084", "image", PNG),
    *rejected("channel-files", "missing", without("imagesTr/c1_0001*"), "SC084", "imagesTr/c1", CHANNELLED),
    *rejected("channel-files", "first missing", without("imagesTr/c1_0000*"), "SC084", "imagesTr/c1", CHANNELLED),
    *rejected("channel-files", "extra", copied("imagesTr/c1_0001.nii.gz", "imagesTr/c1_0002.nii.gz"), "SC084", "imagesTr/c1", CHANNELLED),
    *rejected("channel-files", "gap", renamed("imagesTr/c1_0001.nii.gz", "imagesTr/c1_0002.nii.gz"), "SC084", "imagesTr/c1", CHANNELLED),
    *rejected("channel-files", "gap in all", each(*(renamed(f"{f}/c{n}_0001.nii.gz", f"{f}/c{n}_0002.nii.gz") for f, n in (("imagesTr", 0), ("imagesTr", 1), ("imagesTr", 2), ("imagesTs", 8)))), "SC084", "imagesTr/c0", CHANNELLED),
    *rejected("channel-files", "no number", renamed("imagesTr/c1_0001.nii.gz", "imagesTr/c1.nii.gz"), "SC084", "imagesTr/c1", CHANNELLED),
    *rejected("channel-files", "one of all has a second", each(*(renamed(f"images/c{n}.nii.gz", f"images/c{n}_0000.nii.gz") for n in (0, 1, 2)), copied("images/c1_0000.nii.gz", "images/c1_0001.nii.gz")), "SC084", "images/c1", PAIRS),
    *rejected("channel-files", "gap", each(*(renamed(f"images/c{n}.png", f"images/c{n}_0000.png") for n in (0, 1, 2)), *(copied(f"images/c{n}_0000.png", f"images/c{n}_0002.png") for n in (0, 1, 2))), "SC084", None, PNG),
    *damaged("channel-grid", "shape", d.grid(lambda i: i[:, :, 1:]), "SC082", CHANNELLED, roles=("image",)),
    *damaged("channel-grid", "spacing", d.stretched(1.2), "SC083", CHANNELLED, roles=("image",)),
    *damaged("channel-grid", "origin", d.shifted(5), "SC083", CHANNELLED, roles=("image",)),
    *damaged("channel-grid", "direction", d.grid(d.mirrored), "SC083", CHANNELLED, roles=("image",)),
    *warned("channel-grid", "upside down", to("image", d.grid(d.upside_down)), "SC093", "image", CHANNELLED),
    *warned("channel-grid", "transposed with its header", to("image", d.grid(d.axes_swapped)), "SC093", "image", CHANNELLED),
    *rejected("channel-grid", "origin in a test image", at("imagesTs/c8_0001.nii.gz", d.shifted(5)), "SC083", "imagesTs/c8_0001.nii.gz", CHANNELLED),
    # files without a partner, or no files at all
    *rejected("no-partner", "label", to("label", d.removed), "SC012", "label", "msd", exits=(66,)),
    *rejected("no-partner", "label", to("label", d.removed), ("SC012", "SC080"), None, "v1", exits=(65, 66), cures=SKIP_OR_TEST),
    *rejected("no-partner", "label", to("label", d.removed), "SC080", "imagesTr/c1", "v2", cures=SKIP_OR_TEST),
    *rejected("no-partner", "label", to("label", d.removed), "SC080", "image", (PAIRS, PNG), cures=SKIP_OR_TEST),
    *rejected("no-partner", "one mask", to("label", d.removed), "SC080", "c1", MASKS, cures=(("--missing-masks", "empty"),)),
    *rejected("no-partner", "all masks of a case", without("c1/liver*", "c1/kidney*"), "SC080", "c1", MASKS, cures=SKIP_OR_TEST),
    *rejected("no-partner", "label of an unlisted image", each(to("label", d.removed), lambda p: entries(training=json.loads(p.json.read_text())["training"][::2])(p)), "SC080", "imagesTr/c1", V, cures=(*SKIP_OR_TEST, ("--listed-only",))),
    *converted("no-partner", "skipped", to("label", d.removed), (PAIRS, PNG, "v2"), without_c1, words=("--unlabelled", "skip")),
    *converted("no-partner", "for testing", to("label", d.removed), (PAIRS, PNG, "v2"), test_is_training, words=("--unlabelled", "test")),
    *rejected("no-partner", "image", to("image", d.removed), "SC012", "image", "msd", exits=(66,)),
    *rejected("no-partner", "image", without("imagesTr/c1*"), ("SC012", "SC081"), None, "v1", exits=(65, 66)),
    *rejected("no-partner", "image", without("imagesTr/c1*"), "SC081", "label", "v2"),
    *rejected("no-partner", "image", to("image", d.removed), "SC081", "label", (PAIRS, PNG)),
    *rejected("no-partner", "image", to("image", d.removed), "SC081", "c1", MASKS, detect=False),
    *rejected("no-partner", "test image", without("imagesTs/c8.nii.gz"), "SC012", "imagesTs/c8", "msd", exits=(66,)),
    *rejected("stray-label", "label", copied("labelsTr/c1.nii.gz", "labelsTr/alone.nii.gz"), "SC081", "labelsTr/alone", TASKS),
    *rejected("stray-label", "label", copied("masks/c1.nii.gz", "masks/alone.nii.gz"), "SC081", "masks/alone", PAIRS),
    *rejected("stray-label", "label", copied("masks/c1.png", "masks/alone.png"), "SC081", "masks/alone", PNG),
    *rejected("stray-label", "masks", copied("c1/liver.nii.gz", "alone/liver.nii.gz"), "SC081", "alone", MASKS, detect=False),
    *rejected("bad-list", "label of another", listed(1, label="./labelsTr/c2.nii.gz"), "SC087", JSON, V),
    *rejected("bad-list", "image twice", listed(1, image="./imagesTr/c0.nii.gz", label="./labelsTr/c0.nii.gz"), "SC087", JSON, V),
    *rejected("bad-list", "missing", listed(1, image="./imagesTr/none.nii.gz"), "SC012", "imagesTr/none", V, exits=(65, 66)),
    *rejected("bad-list", "label missing", listed(1, label="./labelsTr/none.nii.gz"), ("SC012", "SC080", "SC087"), None, V, exits=(65, 66)),
    *rejected("bad-list", "a number", lambda p: entries(training=[1, 2, 3])(p), ("SC087", "SC086"), JSON, V),
    *rejected("bad-list", "an object", entries(training={"image": "x"}), ("SC087", "SC086"), JSON, V),
    *rejected("bad-list", "no image", listed(1, image=None), "SC087", JSON, V),
    *rejected("bad-list", "a list as label", listed(1, label=["a"]), "SC087", JSON, V),
    *rejected("bad-list", "an image among the labels", listed(1, label="./imagesTr/c1.nii.gz"), ("SC087", "SC070", "SC072"), None, "msd"),
    *rejected("bad-list", "test is training", entries(test=["./imagesTr/c1.nii.gz"]), "SC087", JSON, V),
    *rejected("bad-list", "missing", in_list("image,label\nimages/c0.nii.gz,masks/none.nii.gz\n"), "SC012", "masks/none.nii.gz", PAIRS, exits=(66,), words=LIST),
    *rejected("bad-list", "missing", in_list("image,label\nimages/c0.png,masks/none.png\n"), "SC012", "masks/none.png", PNG, exits=(66,), words=LIST),
    *rejected("bad-list", "image twice", in_list("image,label\nimages/c0.nii.gz,masks/c0.nii.gz\nimages/c0.nii.gz,masks/c1.nii.gz\n"), "SC087", "list.csv", PAIRS, words=LIST),
    *rejected("bad-list", "one label for two", in_list("image,label\nimages/c0.nii.gz,masks/c0.nii.gz\nimages/c1.nii.gz,masks/c0.nii.gz\n"), "SC087", "list.csv", PAIRS, words=LIST),
    *rejected("bad-list", "no image", in_list("image,label\n,masks/c0.nii.gz\n"), "SC087", "list.csv", PAIRS, words=LIST),
    *rejected("bad-list", "no columns", in_list("a,b,c\n1,2,3\n"), "SC087", "list.csv", PAIRS, words=LIST),
    *rejected("bad-list", "empty", in_list(""), "SC087", "list.csv", (PAIRS, PNG), words=LIST),
    *rejected("bad-list", "web page", in_list(d.HTML.decode()), "SC087", "list.csv", PAIRS, words=LIST),
    *rejected("bad-list", "no such list", nothing, "SC010", "list.csv", (PAIRS, PNG), words=LIST, exits=(66,)),
    *rejected("bad-list", "not UTF-8", lambda p: (p.folder / "list.csv").write_bytes(b"image,label\n\xff\xfe,x\n"), "SC087", "list.csv", PAIRS, words=LIST),
    *rejected("bad-list", "list is a pipe", each(in_list(""), lambda p: d.pipe(p.folder / "list.csv")), "SC061", "list.csv", (PAIRS, PNG), words=LIST),
    *rejected("bad-list", "label of another split", in_list("image,label,split\nimages/c0.nii.gz,masks/c0.nii.gz,holdout\n"), "SC087", "list.csv", PAIRS, words=LIST),
    *rejected("empty-source", "empty folder", emptied, "SC011", "", ("pairs", "masks", "png"), exits=(66,)),
    *rejected("empty-source", "empty folder", emptied, ("SC010", "SC011", "SC086"), "", TASKS, exits=(66,)),
    *rejected("empty-source", "only a text", only_text, "SC011", "", ("pairs", "masks", "png"), exits=(66,)),
    *rejected("empty-source", "empty folders", all_files_gone, ("SC011", "SC012"), "", ("pairs", "masks", "png", "v2"), exits=(66,)),
    *rejected("empty-source", "empty folders", all_files_gone, ("SC011", "SC012"), "", V, exits=(66,)),
    *rejected("empty-source", "empty folders and lists", each(all_files_gone, entries(training=[], test=[], numTraining=0)), "SC011", "", V, exits=(66,)),
    *rejected("empty-source", "no such source", nothing, "SC010", "", ALL, exits=(66,), source="none"),
    *rejected("empty-source", "no source but a file", lambda p: (p.folder / "none").write_text("x"), "SC010", "", ("png", "msd", "pairs"), exits=(65, 66), source="none"),
    *rejected("empty-source", "no such case", nothing, "SC012", None, ALL, exits=(66,), words=("--cases", "none")),
    # names, json, lists
    *rejected("name-clash", "twins", twins, "SC085", None, ALL),
    *rejected("name-clash", "twins of endings", copied("images/c1.nii.gz", "images/c1.nii"), ("SC085",), "images/c1", PAIRS),
    *rejected("bad-json", "absent", lambda p: p.json.unlink(), ("SC010", "SC086"), JSON, TASKS, exits=(66,)),
    *converted("bad-json", "absent but declared", lambda p: p.json.unlink(), "msd", words=("--channels", "CT", "--labels", "background=0,liver=1,kidney=2,tumour=3"), detect=False),
    *converted("bad-json", "absent but declared", lambda p: p.json.unlink(), "v1", words=("--channels", "CT,PET", "--labels", "background=0,liver=1,kidney=2,tumour=3"), detect=False),
    *rejected("bad-json", "cut", text(lambda t: t[: len(t) // 2]), "SC086", JSON, TASKS, detect=False),
    *rejected("bad-json", "a list", text(lambda t: f"[{t}]"), "SC086", JSON, TASKS, detect=False),
    *rejected("bad-json", "a text", text(lambda t: '"dataset"'), "SC086", JSON, V, detect=False),
    *rejected("bad-json", "null", text(lambda t: "null"), "SC086", JSON, TASKS, detect=False),
    *rejected("bad-json", "key twice", text(lambda t: t.replace("{", '{"labels": {"0": "background"},', 1)), "SC086", JSON, TASKS, detect=False),
    *rejected("bad-json", "key twice within", text(lambda t: t.replace('"labels": {', '"labels": {"x": 1, "x": 2,')), "SC086", JSON, TASKS, detect=False),
    *rejected("bad-json", "too deep", text(lambda t: t.replace("{", '{"deep": ' + "[" * 5000 + "]" * 5000 + ",", 1)), "SC086", JSON, TASKS, detect=False),
    *rejected("bad-json", "100 levels", text(lambda t: t.replace("{", '{"deep": ' + "[" * 100 + "]" * 100 + ",", 1)), "SC086", JSON, TASKS, detect=False),
    *rejected("bad-json", "text after its end", text(lambda t: t + "}"), "SC086", JSON, V, detect=False),
    *rejected("bad-json", "NaN", text(lambda t: t.replace("{", '{"x": NaN,', 1)), "SC086", JSON, V, detect=False),
    *rejected("bad-json", "UTF-16", text(lambda t: t.encode("utf-16")), "SC086", JSON, V, detect=False),
    *rejected("bad-json", "not UTF-8", text(lambda t: t.replace("Kit", "K\u00eft").encode("latin-1")), "SC086", JSON, "msd", detect=False),
    *rejected("bad-json", "NUL", text(lambda t: t + "\0"), "SC086", JSON, V, detect=False),
    *rejected("bad-json", "a comment", text(lambda t: t.replace("{", "{ // mine\n", 1)), "SC086", JSON, V, detect=False),
    *rejected("bad-json", "a number of 5000 digits", text(lambda t: t.replace("{", '{"x": ' + "9" * 5000 + ",", 1)), "SC086", JSON, V, detect=False),
    *rejected("bad-labels", "name twice", label_names(("background", 0), ("liver", 1), ("liver ", 2), ("tumour", 3)), "SC074", JSON, TASKS),
    *rejected("bad-labels", "value twice", lambda p: labels(p, {"background": 0, "liver": 1, "kidney": 1, "tumour": 3}), "SC074", JSON, TASKS),
    *rejected("bad-labels", "no background", label_names(("liver", 1), ("kidney", 2), ("tumour", 3)), "SC074", JSON, TASKS),
    *rejected("bad-labels", "background is 1", label_names(("liver", 0), ("background", 1), ("kidney", 2), ("tumour", 3)), "SC074", JSON, TASKS),
    *rejected("bad-labels", "another name for 0", label_names(("air", 0), ("liver", 1), ("kidney", 2), ("tumour", 3)), "SC074", JSON, TASKS),
    *rejected("bad-labels", "ignore in the middle", label_names(("background", 0), ("liver", 1), ("ignore", 2), ("tumour", 3)), "SC074", JSON, TASKS),
    *rejected("bad-labels", "ignore is 0", label_names(("ignore", 0), ("background", 1), ("kidney", 2), ("tumour", 3)), "SC074", JSON, TASKS),
    *rejected("bad-labels", "negative", label_names(("background", 0), ("liver", -1), ("kidney", 2), ("tumour", 3)), "SC074", JSON, TASKS),
    *rejected("bad-labels", "a list", entries(labels=["background", "liver"]), "SC074", JSON, TASKS),
    *rejected("bad-labels", "empty", entries(labels={}), "SC074", JSON, TASKS),
    *rejected("bad-labels", "absent", entries(labels=None), "SC074", JSON, V, cures=(("--labels", "background=0,liver=1,kidney=2,tumour=3"),)),
    *rejected("bad-labels", "absent", entries(labels=None), "SC074", JSON, "v2"),  # nnU-Net wrote it itself: it is damaged
    *rejected("bad-labels", "a fraction", entries(labels={"background": 0, "liver": 1.5, "kidney": 2, "tumour": 3}), "SC074", JSON, TASKS),
    *rejected("bad-labels", "null", entries(labels={"background": 0, "liver": None}), "SC074", JSON, TASKS),
    *rejected("bad-labels", "an empty name", label_names(("background", 0), ("", 1), ("kidney", 2), ("tumour", 3)), "SC074", JSON, TASKS),
    *rejected("bad-labels", "background is 1", nothing, "SC074", None, (PNG, PAIRS), words=("--labels", "road=0,background=255")),
    *rejected("bad-labels", "ignore in the middle", nothing, "SC074", None, (PNG, PAIRS), words=("--labels", "background=0,ignore=1,road=255")),
    *rejected("bad-labels", "no background", nothing, "SC074", None, (PNG, PAIRS), words=("--labels", "road=255")),
    *rejected("bad-labels", "value twice", nothing, "SC074", None, (PNG, PAIRS), words=("--labels", "background=0,road=255,path=255")),
    *rejected("bad-channels", "missing", entries(modality=None), "SC084", JSON, "msd", cures=(("--channels", "CT"),)),
    *rejected("bad-channels", "missing", entries(modality=None), "SC084", JSON, "v1", cures=(("--channels", "CT,PET"),)),
    *rejected("bad-channels", "gap", entries(modality={"0": "CT", "2": "PET"}), "SC084", JSON, V),
    *rejected("bad-channels", "begins at 1", entries(modality={"1": "CT"}), "SC084", JSON, "msd", cures=(("--channels", "CT"),)),
    *rejected("bad-channels", "more than channels", entries(modality={"0": "CT", "1": "PET", "2": "MR"}), "SC084", "imagesTr/c0", V),
    *rejected("bad-channels", "fewer than channels", entries(modality={"0": "CT"}), "SC084", "imagesTr/c0", "v1"),
    *rejected("bad-channels", "empty", entries(modality={}), "SC084", JSON, V),
    *rejected("bad-channels", "a number", entries(modality=1), "SC084", JSON, V),
    *rejected("bad-channels", "no name", entries(modality={"0": None}), "SC084", JSON, V),
    *rejected("bad-channels", "channel_names with a gap", entries(channel_names={"0": "CT", "2": "PET"}), ("SC084", "SC086"), JSON, "v2"),
    *rejected("bad-channels", "channel_names more than channels", entries(channel_names={"0": "CT", "1": "PET", "2": "MR"}), "SC084", "imagesTr/c0", "v2"),
    *(case for name, path in LISTS_OF_PATHS for case in rejected("path-in-list", name, listed(1, image=path), "SC060", JSON, V)),
    *(case for name, path in LISTS_OF_PATHS for case in rejected("path-in-list", f"{name} as label", listed(1, label=path), "SC060", JSON, V)),
    *(case for name, path in LISTS_OF_PATHS[:3] for case in rejected("path-in-list", f"{name} for testing", entries(test=[path]), "SC060", JSON, V)),
    *rejected("path-in-list", "NUL", in_list("image,label\nim\0ages/c0.nii.gz,masks/c0.nii.gz\n"), ("SC060", "SC087"), "list.csv", PAIRS, words=LIST),
    *rejected("path-in-list", "URL", in_list("image,label\nhttps://example.org/c0.nii.gz,masks/c0.nii.gz\n"), ("SC012", "SC060"), None, PAIRS, exits=(65, 66), words=LIST),
    *rejected("path-in-list", "external data of a foreign dataset", entries(dataset={"c0": {"images": ["/etc/hostname"], "label": "/etc/hostname"}}), ("SC060", "SC086", "SC094"), None, "v2"),
    # links
    *(case for role in ("image", "label") for case in rejected("link-outside", f"{role}", lambda p, role=role: outside(str(getattr(p, role).relative_to(p.root)))(p), "SC060", role, (*VOLUMES, PNG), cures=(("--allow-external",),))),
    *rejected("link-outside", "json", outside(JSON), "SC060", JSON, TASKS, detect=False, cures=(("--allow-external",),)),
    *rejected("link-outside", "folder of images", outside("imagesTr"), "SC060", "imagesTr", TASKS, cures=(("--allow-external",),)),
    *rejected("link-outside", "folder of labels", outside("labelsTr"), "SC060", "labelsTr", TASKS, cures=(("--allow-external",),)),
    *rejected("link-outside", "folder of masks", outside("masks"), "SC060", "masks", (PAIRS, PNG), cures=(("--allow-external",),), detect=False),
    *rejected("link-outside", "folder of a case", outside("c1"), "SC060", "c1", MASKS, cures=(("--allow-external",),)),
    *rejected("link-outside", "a file of the system", lambda p: d.link("/etc/hostname")(p.label), "SC060", "label", ALL),
    *rejected("link-outside", "by parents", lambda p: d.link("../../../../../../../../etc/hostname")(p.label), "SC060", "label", ALL),
    *damaged("broken-link", "dangling", d.link("nowhere"), "SC012", (*VOLUMES, PNG), exits=(66,)),
    *damaged("broken-link", "dangling outside", d.link("/nowhere/at/all.nii.gz"), ("SC012", "SC060"), (*VOLUMES, PNG), roles=("label",), exits=(65, 66)),
    *rejected("broken-link", "json", lambda p: d.link("nowhere.json")(p.json), ("SC012", "SC010", "SC086"), JSON, TASKS, exits=(66,), detect=False),
    *rejected("broken-link", "folder", each(without("masks"), lambda p: (p.root / "masks").symlink_to("nowhere")), ("SC012", "SC080"), None, (PAIRS, PNG), exits=(65, 66), detect=False),
    *rejected("broken-link", "folder", each(without("labelsTr"), lambda p: (p.root / "labelsTr").symlink_to("nowhere")), ("SC012", "SC080"), None, TASKS, exits=(65, 66)),
    *rejected("broken-link", "source", lambda p: (p.folder / "linked").symlink_to("nowhere"), "SC010", "", ALL, exits=(66,), source="linked"),
    *damaged("link-loop", "itself", lambda path: (path.unlink(), path.symlink_to(path.name)), "SC060", (*VOLUMES, PNG)),
    *rejected("link-loop", "two of each other", lambda p: (p.image.unlink(), p.label.unlink(), p.image.symlink_to(p.label), p.label.symlink_to(p.image)), "SC060", None, (PAIRS, PNG, "msd")),
    *rejected("link-loop", "folder in itself", lambda p: (p.root / "masks" / "again").symlink_to(p.root), "SC060", "masks/again", (PAIRS, PNG)),
    *rejected("link-loop", "folder in itself", lambda p: (p.root / "c1" / "again").symlink_to(p.root), "SC060", "c1/again", MASKS),
    *rejected("link-loop", "json", lambda p: (p.json.unlink(), p.json.symlink_to(JSON)), ("SC060", "SC086"), JSON, TASKS, detect=False),
    *rejected("link-loop", "source", lambda p: (p.folder / "linked").symlink_to("linked"), ("SC010", "SC030", "SC060"), "", ALL, exits=(65, 66, 74), source="linked"),
    # the target
    *rejected("target", "taken", taken("Dataset005_Kit"), "SC020", None, ALL, exits=(73,)),
    *rejected("target", "taken under another name", taken("Dataset005_Other"), "SC020", None, ALL, exits=(73,)),
    # nnU-Net finds a dataset only by the beginning of its name.
    *rejected("target", "taken by a folder without a name", taken("Dataset005"), "SC020", None, ALL, exits=(73,)),
    *rejected("target", "taken by preprocessed data", taken("Dataset005_Other", "nnUNet_preprocessed"), "SC020", None, ALL, exits=(73,)),
    *rejected("target", "taken by results", taken("Dataset005_Other", "nnUNet_results"), "SC020", None, ALL, exits=(73,)),
    *rejected("target", "taken by another's dataset", taken("Dataset005_Kit"), "SC020", None, ("png", "msd"), exits=(73,), words=("--overwrite",)),
    *rejected("target", "unfinished work of other options", unfinished, "SC021", None, (PNG, "msd", PAIRS, MASKS), exits=(73,), again=False, cures=(("--restart",),)),
    *(case for target in ("0", "1000", "1000_Kit", "99999999999999999999", "Roads", "-1", "", "5_a/b", "5_..", "../5_Kit", "5 Kit", "5_", "x5_Kit") for case in rejected("target", f"target {target.replace('/', ' of ')!r}", nothing, ("SC001", "SC002"), None, ("png", "msd") if target in ("0", "1000", "Roads") else "png", exits=(2,), to=target)),
    *(case for target in ("5", "005", "005_Kit", "Dataset005_Kit") for case in converted("target", f"target {target}", nothing, ("png", "msd", "pairs"), all_same, to=target)),
    # pictures of one set
    *rejected("picture-kind", "16 bits", picture_at("images/c1.png", picture(1, 1, np.uint16)), "SC084", "image", PNG),
    *rejected("picture-kind", "RGB", picture_at("images/c1.png", picture(1, 3)), "SC084", "image", PNG),
    *rejected("picture-kind", "RGBA", picture_at("images/c1.png", picture(1, 4)), "SC084", "image", PNG),
    *rejected("picture-kind", "one grey among colours", each(*(picture_at(f"images/c{n}.png", picture(n, 3)) for n in (0, 2))), "SC084", "image", PNG),
    *rejected("picture-kind", "colours of 16 bits", each(*(picture_at(f"images/c{n}.png", picture(n, 3)) for n in (0, 2)), to("image", tiff(picture(1, 3, np.uint16), photometric="rgb"))), "SC084", "images/c1.tif", PNG),
    *rejected("picture-kind", "floats", to("image", tiff(picture(1).astype(np.float32))), ("SC084", "SC056", "SC053"), "images/c1.tif", PNG),
    *rejected("picture-kind", "RGB in a dataset of pictures", each(pictures_of_v2, at(IMAGE_OF_V2, d.saved(picture(1, 3)))), "SC084", IMAGE_OF_V2, "v2"),
    *rejected("label-255", "255 in a dataset of pictures", each(pictures_of_v2, at(LABEL_OF_V2, d.saved(mask(1)))), "SC070", LABEL_OF_V2, "v2", again=False, cures=(("--map", "255=road"),)),
    *rejected("label-shape", "size in a dataset of pictures", each(pictures_of_v2, at(LABEL_OF_V2, d.saved(mask(1)[:-1]))), "SC082", LABEL_OF_V2, "v2"),
    *rejected("no-partner", "label in a dataset of pictures", each(pictures_of_v2, without(LABEL_OF_V2)), "SC080", IMAGE_OF_V2, "v2", cures=SKIP_OR_TEST),
    *rejected("damaged-png", "checksum in a dataset of pictures", each(pictures_of_v2, at(IMAGE_OF_V2, d.wrong_checksum(b"IDAT"))), "SC058", IMAGE_OF_V2, "v2", again=False),
    *rejected("nan-in-image", "NaN in the second channel", each(four_dimensional({0: 2, 1: 2, 2: 2, 8: 2}, 2), to("image", d.put(float("nan"), at=(1, 1, 1, 1)))), "SC055", "image", "msd", again=False),
    *rejected("bad-labels", "several values of a name", entries(labels={"background": 0, "liver": [1, 2], "kidney": 2}), "SC074", JSON, V),
    *(case for name in ("labels", "patients", "cases") for case in rejected("irregular-file", f"--{name} is a pipe", lambda p: os.mkfifo(p.folder / "table.csv"), "SC061", "table.csv", (PAIRS, PNG), words=(f"--{name}", "{folder}/table.csv"))),
    *rejected("web-page", "labels are a web page", in_list(d.HTML.decode()), ("SC074", "SC087"), "list.csv", (PAIRS, PNG), words=("--labels", "{folder}/list.csv")),
    *rejected("pairing", "extra mask", copied("masks/c1.png", "masks/c9.png"), "SC081", "masks/c9", PNG),
    *rejected("pairing", "missing mask", without("masks/c1.png"), "SC080", "image", PNG, cures=SKIP_OR_TEST),
    *rejected("pairing", "image twice", lambda p: d.saved(picture(9))(p.image.with_suffix(".jpg")), "SC085", "images/c1", PNG),
    *rejected("pairing", "mask twice", lambda p: d.saved(mask(9))(p.label.with_suffix(".bmp")), "SC085", "masks/c1", PNG),
    *rejected("pairing", "ending in two cases", copied("images/c1.png", "images/c1.PNG"), "SC085", "images/c1", PNG),
    *rejected("pairing", "unknown folders", unknown_layout, ("SC063", "SC011"), None, PNG, exits=(65, 66)),
    *rejected("pairing", "a folder more", copied("images/c1.png", "extra/deep/c1.png"), "SC063", "extra", PNG),
    *converted("pairing", "training and testing", in_four_folders, PNG, has_a_test_mask),
    *converted("pairing", "no testing output", each(in_four_folders, without("testing/output")), PNG, has_no_test_mask),
    *rejected("pairing", "mask more for testing", each(in_four_folders, copied("testing/output/c2.png", "testing/output/c9.png")), "SC081", "testing/output/c9", PNG),
    *rejected("pairing", "mask less for training", each(in_four_folders, without("training/output/c1.png")), "SC080", "training/input/c1", PNG, cures=SKIP_OR_TEST),
    *rejected("pairing", "one name in training and testing", each(in_four_folders, copied("training/input/c1.png", "testing/input/c1.png"), copied("training/output/c1.png", "testing/output/c1.png")), "SC085", None, PNG, cures=(("--case-names", "path"),)),
    *rejected("pairing", "names that do not meet", each(*(renamed(f"masks/c{n}.png", f"masks/d{n}.png") for n in (0, 1, 2))), ("SC080", "SC081"), None, PNG),
]  # fmt: skip
