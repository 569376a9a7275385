"""A plain SimpleITK script with correct centre, rounding and padding, one file after the other.

``python augment_simpleitk.py DATASET OUT``
"""

import math
import shutil
import sys
from pathlib import Path

import SimpleITK as sitk

source, made = Path(sys.argv[1]), Path(sys.argv[2])
for kind in ("imagesTr", "labelsTr"):
    (made / kind).mkdir(parents=True)
    for path in sorted((source / kind).iterdir()):
        shutil.copy(path, made / kind / path.name)
        image = sitk.ReadImage(str(path))
        is_label = kind == "labelsTr"
        padding = 0.0 if is_label else -1000.0
        stem, channel = (path.name[:-7], "") if is_label else (path.name[:-12], "_0000")
        working = image if is_label else sitk.Cast(image, sitk.sitkFloat32)
        center = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
        for plane in ("sagittal", "coronal"):
            for angle in (30, 60, 180):
                transform = sitk.Euler3DTransform()
                transform.SetCenter(center)
                radians = math.radians(angle)
                transform.SetRotation(radians if plane == "sagittal" else 0, radians if plane == "coronal" else 0, 0)
                how = sitk.sitkNearestNeighbor if is_label else sitk.sitkLinear
                moved = sitk.Resample(working, image, transform, how, padding)
                if not is_label:
                    moved = sitk.Cast(sitk.Round(moved), sitk.sitkInt16)
                sitk.WriteImage(moved, str(made / kind / f"{stem}_{plane}{angle:03d}{channel}.nii.gz"), True)
