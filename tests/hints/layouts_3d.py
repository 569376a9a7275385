"""Volumes as people and tools leave them: which file is the label, and which picture is of which slice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from PIL import Image

from segconv.image.geometry import Volume

from ..convert.judge.test_candidates import REFUSED, source
from ..convert.oracles import ct, write
from ..convert.test_refusals import FROM, REFUSALS
from ..image.formats.test_dicom import write_series
from ..kit.sources import KINDS
from .laid_out import NUMBERS, Layout, organs, volumes
from .truth import Cases


def written(files: Mapping[str, Callable[[int], Volume]]) -> Callable[[Path], None]:
    """Return what writes volumes of each case, by the names of their files."""

    def make(root: Path) -> None:
        for n in NUMBERS:
            for name, volume in files.items():
                write(root / f"{name.format(n=n)}.nii.gz", volume(n))

    return make


def image(n: int) -> Volume:
    return ct(n).images[0]


def label(n: int) -> Volume:
    return ct(n).label


def partly_unknown(n: int) -> Volume:
    return Volume(np.where(label(n).array == 3, 255, label(n).array).astype(np.uint8), label(n).geometry)


def any_organ(n: int) -> Volume:
    return Volume((label(n).array > 0).astype(np.uint8), label(n).geometry)


def body(n: int) -> Volume:
    return Volume((ct(n).images[0].array > -900).astype(np.uint8), ct(n).label.geometry)


def each(make: Callable[[Path], object], change: Callable[[Path], object], pattern: str) -> Callable[[Path], None]:
    """Return what makes a source and changes the files that a pattern finds."""

    def changed(root: Path) -> None:
        make(root)
        for path in sorted(root.glob(pattern)):
            change(path)

    return changed


def headerless(path: Path) -> None:
    """Store a label without spacing and origin."""
    sitk.WriteImage(sitk.GetImageFromArray(sitk.GetArrayFromImage(sitk.ReadImage(str(path)))), str(path), True)


def finer(path: Path) -> None:
    """Store a label on a grid of half the spacing."""
    stored = sitk.ReadImage(str(path))
    grid = sitk.Expand(stored, [2, 2, 2], sitk.sitkNearestNeighbor)
    sitk.WriteImage(grid, str(path), True)


def shifted(path: Path) -> None:
    stored = sitk.ReadImage(str(path))
    stored.SetOrigin([at + 5 for at in stored.GetOrigin()])
    sitk.WriteImage(stored, str(path), True)


def in_frames(path: Path) -> None:
    """Store a volume twice, as two frames."""
    stored = nib.load(path)
    nib.save(nib.Nifti1Image(np.stack([np.asanyarray(stored.dataobj)] * 2, -1), stored.affine), path)


def in_channels(path: Path) -> None:
    """Store a channel for the background and for each class."""
    stored = nib.load(path)
    values = np.asanyarray(stored.dataobj)
    nib.save(nib.Nifti1Image((values[..., None] == np.arange(4)).astype(np.uint8), stored.affine), path)


def task_of_four_digits(root: Path) -> None:
    """Name cases with four digits, and list them by their complete names."""
    names = [f"case_000{n}" for n in NUMBERS]
    for n, name in zip(NUMBERS, names, strict=True):
        write(root / f"imagesTr/{name}.nii.gz", image(n))
        write(root / f"labelsTr/{name}.nii.gz", label(n))
    entries = {"labels": {"0": "background", "1": "a", "2": "b", "3": "c"}, "numTraining": 3, "test": []}
    training = [{"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in names]
    (root / "dataset.json").write_text(json.dumps({"training": training, **entries}))


def around(root: Path) -> None:
    """Put a task into a folder within the source."""
    task_of_four_digits(root / "download/Task07_Set")
    path = root / "download/Task07_Set/dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "modality": {"0": "CT"}}))


def pictures_of_slices(root: Path) -> None:
    """Store a series whose first file is the highest slice, and a mask picture of each slice by the same order."""
    for n in NUMBERS:
        (root / f"CT/{n}").mkdir(parents=True)
        voxels, inside = image(n).array.astype(np.int16), label(n).array > 0

        def numbered(z: int, file: Any, depth: int = len(voxels)) -> None:
            file.InstanceNumber = z + 1

        paths = write_series(root / f"CT/{n}/DICOM_anon", voxels, series=str(n + 1), edit=numbered)
        for z, path in enumerate(paths):
            path.rename(path.with_name(f"slice{z:03d}"))
        for z in range(len(paths)):
            at = len(paths) - z
            (root / f"CT/{n}/DICOM_anon/slice{z:03d}").rename(root / f"CT/{n}/DICOM_anon/i{at:04d},0000b.dcm")
            target = root / f"CT/{n}/Ground/liver_{at - 1:03d}.png"
            target.parent.mkdir(exist_ok=True)
            Image.fromarray(inside[z].astype(np.uint8) * 255).save(target)


def refused(kind: str, change: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return what makes a good source of the kit and changes it."""

    def make(root: Path) -> None:
        KINDS[kind].make(root)
        change(root)

    return make


IMAGES, LABEL = "images/p{n}", "labels/p{n}"
PAIRS = written({IMAGES: image, LABEL: label})
SLICES = Cases(
    {str(n): [image(n).array.astype(np.int16) - 1024] for n in NUMBERS},
    {str(n): {"foreground": label(n).array > 0} for n in NUMBERS},
)
FRAMES = [(f"p{n}_frame{frame:02d}", n) for n in NUMBERS for frame in (1, 2)]
BY_BODY = (
    "takes brain",
    "takes prostate",
    "takes body",
    "keeps brain",
    "keeps body",
    "keeps prostate",
    "_RJ",
    "seg_r1",
    "rater2",
    "takes each as a class",
    "body_mask",
    "0001",
)
ANY = Cases({}, {}, others=True)
KNOWN = {"--nonfinite": "0", "--image": "ct", "NAME": "road", "--labels": "background=0,road=255", "X,Y,Z": "1,1,1"}

LAYOUTS = [
    *(Layout(f"which is the label: {name}", lambda root, files=files: source(root, files), ANY, untrue=BY_BODY)
      for name, (files, _) in REFUSED.items()),
    *(Layout(f"refused: {name}", refused(one.kind, one.change), ANY, ("--from", FROM.get(one.kind, one.kind), *one.words), KNOWN)
      for name, one in REFUSALS.items()),
    Layout("a brain mask and lesions", written({"p{n}/flair": image, "p{n}/t1": image, "p{n}/brain_mask": body, "p{n}/lesions": label}),
           volumes(channels=2), untrue=("brain_mask",)),
    Layout("a mask for an image", written({IMAGES: body, LABEL: label}), untrue=("is the image",)),
    Layout("images and labels that changed places", written({IMAGES: label, LABEL: image}), volumes("{n}"), untrue=("if images/p0.nii.gz is the image",)),
    Layout("labels without a header", each(PAIRS, headerless, "labels/*"), volumes(), untrue=("where their headers say",)),
    Layout("labels on a finer grid", each(PAIRS, finer, "labels/*"), volumes()),
    Layout("labels elsewhere", each(PAIRS, shifted, "labels/*"), volumes(), untrue=("where their headers say",)),
    Layout("frames", each(PAIRS, in_frames, "*/*.nii.gz"),
           Cases({name: [image(n).array] for name, n in FRAMES}, {name: organs(n) for name, n in FRAMES}, anyhow=True)),
    Layout("a channel for each class", each(PAIRS, in_channels, "labels/*"), volumes(),
           answers={"--mask-channels": "background,class_1,class_2,class_3"}),
    Layout("a task without modality", task_of_four_digits, Cases({f"case_000{n}": [image(n).array] for n in NUMBERS}, {
        f"case_000{n}": {name: label(n).array == value for value, name in ((1, "a"), (2, "b"), (3, "c"))} for n in NUMBERS})),
    Layout("a folder around a task", around, Cases({f"case_000{n}": [image(n).array] for n in NUMBERS}, {}), untrue=("--from pairs",)),
    Layout("pictures of slices", pictures_of_slices, SLICES,
           ("--images", "CT/{case}/DICOM_anon", "--masks", "CT/{case}/Ground", "--spacing", "1,1,1", "--channels", "CT"),
           untrue=("--slice-order position", "--slice-order instance")),
    Layout("pictures of slices, not said to be", pictures_of_slices, SLICES, (), KNOWN, ("--slice-order position", "--slice-order instance")),
    Layout("volumes in two folders without a word", written({"a/p{n}": image, "b/p{n}": label}), volumes()),
    Layout("volumes in a folder", written({"p{n}_x": image, "p{n}_y": label}), volumes()),
    Layout("volumes only", written({"p{n}": image}), ANY, answers={"NAME=1": "a=1", "NAME": "a"}),
    Layout("a further image in the folder of a case", written({"p{n}/ct": image, "p{n}/pet": image, "p{n}/gtv": any_organ}),
           Cases({f"p{n}": [image(n).array] * 2 for n in NUMBERS}, {f"p{n}": {"gtv": label(n).array > 0} for n in NUMBERS})),
    Layout("a task without json, of another modality", written({"imagesTr/p{n}": image, "labelsTr/p{n}": label}),
           Cases({f"p{n}": [image(n).array] for n in NUMBERS}, {f"p{n}": organs(n) for n in NUMBERS}, anyhow=True),
           answers={"--channels": "T1", "--labels": "background=0,a=1,b=2,c=3"}),
    Layout("segmentations of two raters", written({"p{n}_ct": image, "p{n}_seg_R1": label, "p{n}_seg_R2": label}), volumes("{n}"),
           answers={"--images": "p{case}_ct.nii.gz", "--masks": "p{case}_seg_R1.nii.gz", "NAME=1": "a=1", "NAME": "a"}),
    Layout("255 above classes", written({IMAGES: image, LABEL: partly_unknown}), Cases({f"p{n}": [image(n).array] for n in NUMBERS}, {
        f"p{n}": {f"class_{value}": label(n).array == value for value in (1, 2)} | {"ignore": label(n).array == 3} for n in NUMBERS}),
           untrue=("if 255 is a class",)),
    Layout("a file for each organ", written({"p{n}/ct": image, "p{n}/liver": label, "p{n}/kidney": body}), None),
]  # fmt: skip
