"""TorchIO's Affine, one case after the other.

``python augment_torchio.py DATASET OUT``
"""

import shutil
import sys
from pathlib import Path

import torch
import torchio as tio

source, made = Path(sys.argv[1]), Path(sys.argv[2])
for kind in ("imagesTr", "labelsTr"):
    (made / kind).mkdir(parents=True)
for label in sorted((source / "labelsTr").iterdir()):
    stem = label.name[:-7]
    image = source / "imagesTr" / f"{stem}_0000.nii.gz"
    shutil.copy(label, made / "labelsTr" / label.name)
    shutil.copy(image, made / "imagesTr" / image.name)
    subject = tio.Subject(image=tio.ScalarImage(image), label=tio.LabelMap(label))
    subject.load()
    for plane in ("sagittal", "coronal"):
        for angle in (30, 60, 180):
            degrees = (angle, 0, 0) if plane == "sagittal" else (0, angle, 0)
            turn = tio.Affine(scales=1, degrees=degrees, translation=0, center="image", default_pad_value=-1000)
            moved = turn(subject)
            name = f"{stem}_{plane}{angle:03d}"
            moved.image.set_data(moved.image.data.round().to(torch.int16))
            moved.image.save(made / "imagesTr" / f"{name}_0000.nii.gz")
            moved.label.save(made / "labelsTr" / f"{name}.nii.gz")
