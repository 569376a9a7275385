"""MONAI's Affined, one case after the other.

``python augment_monai.py DATASET OUT``
"""

import math
import shutil
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from monai.transforms import Affined, Compose, EnsureChannelFirstd, LoadImaged

source, made = Path(sys.argv[1]), Path(sys.argv[2])
for kind in ("imagesTr", "labelsTr"):
    (made / kind).mkdir(parents=True)
read = Compose([LoadImaged(keys=["image", "label"]), EnsureChannelFirstd(keys=["image", "label"])])
for label in sorted((source / "labelsTr").iterdir()):
    stem = label.name[:-7]
    image = source / "imagesTr" / f"{stem}_0000.nii.gz"
    shutil.copy(label, made / "labelsTr" / label.name)
    shutil.copy(image, made / "imagesTr" / image.name)
    affine = nib.load(image).affine
    case = read({"image": image, "label": label})
    # Its rotations are of the array, whatever the spacing and the direction: the matrix is made here.
    to_lps = np.diag([-1.0, -1.0, 1.0]) @ affine[:3, :3]
    case["image"] = case["image"] + 1000  # because it pads with zero
    for plane in ("sagittal", "coronal"):
        for angle in (30, 60, 180):
            cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            if plane == "sagittal":
                matrix = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
            else:
                matrix = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
            in_voxels = np.eye(4)
            in_voxels[:3, :3] = np.linalg.inv(to_lps) @ matrix @ to_lps
            turn = Affined(
                keys=["image", "label"],
                affine=in_voxels,
                mode=("bilinear", "nearest"),
                padding_mode="zeros",
                dtype=torch.float32,
            )
            moved = turn(dict(case))
            name = f"{stem}_{plane}{angle:03d}"
            voxels = np.rint(np.asarray(moved["image"][0]) - 1000).astype(np.int16)
            nib.save(nib.Nifti1Image(voxels, affine), made / "imagesTr" / f"{name}_0000.nii.gz")
            mask = np.asarray(moved["label"][0]).astype(np.uint8)
            nib.save(nib.Nifti1Image(mask, affine), made / "labelsTr" / f"{name}.nii.gz")
