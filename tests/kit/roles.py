"""Which file is the label, which picture belongs to which slice, which segment is which class."""

from __future__ import annotations

import shutil

import nibabel as nib
import numpy as np
from PIL import Image

from segconv.image.formats import segmentation
from segconv.image.segment import Segment

from ..convert.oracles import ct, write
from .case import Case, Convert, Reject, Warn
from .made import Made
from .sources import TRAINING, Place

ORGANS = {"liver": 1, "kidney": 2, "tumour": 3}


def brain_mask(place: Place) -> None:
    """Put the image, a second one, a mask of the body and the label of each case into a folder."""
    _anew(place)
    for number in TRAINING:
        phantom = ct(number)
        write(place.root / f"c{number}/flair.nii.gz", phantom.images[0])
        write(place.root / f"c{number}/t1.nii.gz", phantom.images[0])
        body = (phantom.images[0].array > -900).astype(np.uint8)
        write(place.root / f"c{number}/brain_mask.nii.gz", phantom.label, body)
        write(place.root / f"c{number}/lesions.nii.gz", phantom.label)


def mask_for_image(place: Place) -> None:
    """Put a mask of the body in the place of each image."""
    for number in TRAINING:
        phantom = ct(number)
        body = (phantom.images[0].array > -900).astype(np.uint8)
        write(place.root / f"images/c{number}.nii.gz", phantom.label, body)


def mask_for_a_channel(place: Place) -> None:
    """Put a mask of the body in the place of one case's second channel, which the json declares."""
    phantom = ct(1)
    body = (phantom.images[0].array > -900).astype(np.uint8)
    write(place.root / "imagesTr/c1_0001.nii.gz", phantom.label, body)


def numbered_masks(place: Place) -> None:
    """Store each object of a label in a numbered mask of its own, all of one value."""
    for number in TRAINING:
        (place.root / f"masks/c{number}.nii.gz").unlink()
        label = ct(number).label
        for at, value in enumerate(ORGANS.values()):
            name = f"c{number}_mask" + (f"_{at}" if at else "")
            write(place.root / f"masks/{name}.nii.gz", label, (label.array == value).astype(np.uint8))


def objects(place: Place) -> None:
    """Number the objects of each label from 1, far beyond the classes that the json declares."""
    for number in TRAINING:
        label = ct(number).label
        stored = np.where(label.array > 0, label.array.astype(int) + 11_000 * (number + 1), 0).astype(np.uint16)
        write(place.root / f"labelsTr/c{number}.nii.gz", label, stored)


def raters(place: Place) -> None:
    """Give each case the masks of two people."""
    for number in TRAINING:
        folder = place.root / f"c{number}"
        for person, organ in enumerate(ORGANS, 1):
            if (folder / f"{organ}.nii.gz").exists():
                (folder / f"{organ}.nii.gz").rename(folder / f"rater{person}.nii.gz")


def named_by_case(place: Place) -> None:
    """Begin the name of each mask with that of its case."""
    for number in TRAINING:
        for path in (place.root / f"c{number}").glob("*.nii.gz"):
            if path.name != "ct.nii.gz":
                path.rename(path.with_name(f"c{number}_{path.name}"))


def inverted(place: Place) -> None:
    """Invert the mask of one organ in one case."""
    path = place.root / "c1/liver.nii.gz"
    image = nib.load(path)
    nib.save(nib.Nifti1Image(1 - np.asanyarray(image.dataobj).astype(np.uint8), image.affine), path)


def two_organs(made: Made) -> None:
    """The classes are liver and kidney, and nothing else."""
    assert set(made.description["labels"]) == {"background", "liver", "kidney"}


def pictures_of_slices(place: Place) -> None:
    """Store each label as pictures, the first of them that of the last slice."""
    for number in TRAINING:
        (place.root / f"masks/c{number}.nii.gz").unlink()
        folder = place.root / f"masks/c{number}"
        folder.mkdir()
        for at, plane in enumerate(ct(number).label.array[::-1].astype(np.uint8)):
            Image.fromarray(plane).save(folder / f"{at:02d}.png")


def segments(place: Place) -> None:
    """Store labels as 3D Slicer does, under another value in each case."""
    for number in TRAINING:
        (place.root / f"masks/c{number}.nii.gz").unlink()
        label = ct(number).label
        values = {name: 1 + (value + number) % 3 for name, value in ORGANS.items()}
        layer = np.zeros(label.array.shape, np.uint8)
        for name, value in values.items():
            layer[label.array == ORGANS[name]] = value
        found = [Segment(f"S{value}", name, value, 0, (1.0, 0.0, 0.0)) for name, value in values.items()]
        data = segmentation.encode(found, layer[np.newaxis], label.geometry)
        (place.root / f"masks/c{number}.nrrd").write_bytes(data)


def frames(place: Place) -> None:
    """Make images and labels of two frames each."""
    for number in TRAINING:
        for folder in ("images", "masks"):
            path = place.root / folder / f"c{number}.nii.gz"
            image = nib.load(path)
            twice = np.stack([np.asanyarray(image.dataobj)] * 2, axis=-1)
            nib.save(nib.Nifti1Image(twice, image.affine), path)


def _anew(place: Place) -> None:
    shutil.rmtree(place.root)
    place.root.mkdir()


def by_name(made: Made) -> None:
    """The classes are those of the phantom, by their names."""
    labels = made.description["labels"]
    for number in TRAINING:
        for name, value in ORGANS.items():
            assert np.array_equal(made.label(f"c{number}") == labels[name], ct(number).label.array == value)


CASES: list[Case] = [
    Case("pairing", "pairs", "a mask of the body next to the label", brain_mask, Reject(("SC003",), None, (2,)), bare=True,
         cures=(("--images", "*/flair.nii.gz", "--images", "*/t1.nii.gz", "--masks", "*/lesions.nii.gz"),)),
    Case("pairing", "pairs", "a mask of the body in the place of the image", mask_for_image,
         Reject(("SC003",), None, (2,)), cures=(("--images", "images/*", "--masks", "masks/*"),)),
    Case("pairing", "v1", "a mask of the body for a declared channel", mask_for_a_channel,
         Warn(("SC091",), "imagesTr/c1_0001.nii.gz", by_name)),
    Case("pairing", "pairs", "numbered masks of one volume", numbered_masks, Reject(("SC085",), None), bare=True,
         cures=(("--unite-masks",),)),
    Case("undeclared-label", "msd", "numbers of objects that no json declares", objects, Reject(("SC070",), None),
         cures=(("--labels", "background=0,object=1-"),)),
    Case("pairing", "masks", "masks of two raters", raters, Reject(("SC003",), None, (2,)),
         cures=(("--masks", "rater1,rater2"),)),
    Case("pairing", "masks", "masks that begin with the name of their case", named_by_case, Convert(two_organs)),
    Case("mask-coding", "masks", "a mask of a class that is inverted", inverted, Reject(("SC078",), "c1/liver.nii.gz"),
         cures=(("--accept-labels",),)),
    Case("bad-list", "pairs", "pictures of slices in no order that is known", pictures_of_slices,
         Reject(("SC003",), None, (2,)), words=("--spacing", "1,1,1"), cures=(("--slice-order", "reverse"),)),
    Case("nifti-variant", "pairs", "segments of other values in each case", segments, Convert(by_name), bare=True),
    Case("label-channels", "pairs", "frames in image and label", frames, Reject(("SC073",), None), cures=(("--frames",),)),
]  # fmt: skip
