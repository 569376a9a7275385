"""Label maps whose headers name their values, as TotalSegmentator writes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np

from ..oracles import ct, write

NAMES = {1: "spleen", 2: "kidney_right", 5: "liver", 117: "costal_cartilages"}
VALUES = np.array([0, 5, 2, 117], np.uint8)
"""Value of a phantom's label → the value here."""


def table(names: Mapping[int, str]) -> nib.nifti1.Nifti1Extension:
    labels = "".join(
        f'<Label Key="{key}" Red="1.0" Green="0.0" Blue="0.0" Alpha="1"><![CDATA[{name}]]></Label>\n'
        for key, name in names.items()
    )
    text = f'<CaretExtension><VolumeInformation Index="0"><LabelTable>{labels}</LabelTable></VolumeInformation>'
    return nib.nifti1.Nifti1Extension(0, f"{text}</CaretExtension>".encode())


def write_named(path: Path, number: int, names: Mapping[int, str], values: np.ndarray = VALUES) -> np.ndarray:
    """Write the label map of a phantom with these values and names; return its voxels, ``(z, y, x)``."""
    phantom = ct(number)
    label = values[phantom.label.array]
    write(path, phantom.label, label)
    if names:
        image = nib.load(path)
        image = nib.Nifti1Image(np.asarray(image.dataobj), image.affine, image.header)
        image.header.extensions.append(table(names))
        nib.save(image, path)
    return label


def source(root: Path, *names: Mapping[int, str]) -> Path:
    """Write a case for each table of names, with its label map."""
    for number, own in enumerate(names):
        write(root / f"images/c{number}.nii.gz", ct(number).images[0])
        (root / "labels").mkdir(exist_ok=True)
        write_named(root / f"labels/c{number}.nii.gz", number, own)
    return root
