"""Patients, several masks of one picture, and numbers that are not channels: shown by all files, or asked."""

from __future__ import annotations

import json
import shutil

import numpy as np
import tifffile

from ..convert.oracles import ct, write
from .case import Case, Convert, Reject
from .made import Made
from .sources import TEST, TRAINING, Place, task, write_json


def sessions(place: Place) -> None:
    """Give each patient two sessions, as BIDS calls them."""
    shutil.rmtree(place.root)
    for number in TRAINING:
        for session in (1, 2):
            phantom, name = ct(10 * number + session), f"sub-{number:02d}_ses-{session}.nii.gz"
            write(place.root / "images" / name, phantom.images[0])
            write(place.root / "masks" / name, phantom.label)


def grouped(made: Made) -> None:
    """Both sessions of a patient are in one fold."""
    assert {record["patient"] for record in made.records.values()} == {f"sub-{n:02d}" for n in TRAINING}
    for fold in json.loads((made.dataset / "splits_final.json").read_text()):
        assert not {case[:6] for case in fold["train"]} & {case[:6] for case in fold["val"]}


def four_digits(place: Place) -> None:
    """Call all cases as though a number of a channel followed, and list them so."""
    for path in place.root.glob("*/c*.nii.gz"):
        path.rename(path.with_name(path.name.replace("c", "amos_000", 1)))
    names = {part: f"./{part}sTr/amos_000{{}}.nii.gz" for part in ("image", "label")}
    listed = [{part: name.format(number) for part, name in names.items()} for number in TRAINING]
    write_json(place.root, task(modality={"0": "CT"}, training=listed, test=[f"./imagesTs/amos_000{TEST}.nii.gz"]))


def one_channel_each(made: Made) -> None:
    """Each file is a case, with its label."""
    for number in TRAINING:
        assert np.array_equal(made.label(f"amos_000{number}"), ct(number).label.array)


def numbered_masks(place: Place) -> None:
    """Give one picture a second mask."""
    for number in TRAINING:
        path = place.root / f"masks/c{number}.png"
        path.rename(path.with_name(f"c{number}_mask.png"))
    first = place.root / "masks/c1_mask.png"
    shutil.copy(first, first.with_name("c1_mask_1.png"))


def folder_a_class(place: Place) -> None:
    """Put the masks into one of two folders, and a copy into the other."""
    for folder in ("ex", "he"):
        (place.root / "masks" / folder).mkdir()
        for number in TRAINING:
            shutil.copy(place.root / f"masks/c{number}.png", place.root / f"masks/{folder}")
    for number in TRAINING:
        (place.root / f"masks/c{number}.png").unlink()


def mask_of_channels(place: Place) -> None:
    """Replace a mask by one that ImageJ wrote, with a page for each of two classes, called channels."""
    pages = np.stack([np.zeros((9, 9), np.uint8)] * 2)
    (place.root / "masks/c1.png").unlink()
    tifffile.imwrite(place.root / "masks/c1.tif", pages, imagej=True, metadata={"axes": "CYX"})


CASES: list[Case] = [
    Case("pairing", "pairs", "two sessions of each patient", sessions, Convert(grouped)),
    Case("channel-files", "msd", "names of four digits that the json lists", four_digits, Convert(one_channel_each)),
    Case("pairing", "png", "two numbered masks of one picture", numbered_masks, Reject(("SC085",), "masks/c1_mask.png"),
         cures=(("--unite-masks",),)),
    Case("label-channels", "png", "a mask of two channels", mask_of_channels, Reject(("SC084",), "masks/c1.tif")),
    Case("pairing", "png", "a folder of masks for each of two classes", folder_a_class, Reject(("SC003",), None, (2,)),
         detect=True, cures=(("--images", "images/{case}.png", "--masks", "masks/ex/{case}.png"),)),
]  # fmt: skip
