"""Planning says how large the largest file of a source is once it is decoded, as its headers do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from segconv.convert.conversion import plan_conversion
from segconv.image.opened import decoded_bytes


def largest_of(source: Path, tmp_path: Path, **options: object) -> int | None:
    from segconv.convert.model import ConvertOptions

    raw = tmp_path / "raw"
    raw.mkdir(exist_ok=True)
    return plan_conversion(source, "7_A", raw=raw, options=ConvertOptions(**options)).scan.largest


@pytest.mark.parametrize("alpha", [False, True])
def test_of_pictures(tmp_path: Path, *, alpha: bool) -> None:
    source = tmp_path / "source"
    for number, edge in enumerate((16, 48, 32)):
        for folder, mode in (("images", "RGBA" if alpha else "RGB"), ("labels", "L")):
            (source / folder).mkdir(parents=True, exist_ok=True)
            picture = np.zeros((edge, edge, len(mode)), np.uint8)
            picture[4:9, 4:9] = 1 if mode == "L" else 255
            Image.fromarray(picture.squeeze(), mode).save(source / folder / f"c{number}.png")
    options = {"drop_alpha": True} if alpha else {}
    expected = max(decoded_bytes(str(path)) for path in source.rglob("*.png"))
    assert expected == 48 * 48 * (4 if alpha else 3)
    assert largest_of(source, tmp_path, **options) == expected


def test_of_a_task(tmp_path: Path) -> None:
    source = tmp_path / "Task001_A"
    for folder in ("imagesTr", "labelsTr"):
        (source / folder).mkdir(parents=True)
    for number, depth in enumerate((4, 9, 6)):
        image = np.arange(depth * 80, dtype=np.int16).reshape(depth, 8, 10)
        sitk.WriteImage(sitk.GetImageFromArray(image), source / "imagesTr" / f"c{number}_0000.nii.gz")
        label = np.zeros((depth, 8, 10), np.uint8)
        label[1:3, 2:4, 2:4] = 1
        sitk.WriteImage(sitk.GetImageFromArray(label), source / "labelsTr" / f"c{number}.nii.gz")
    training = [{"image": f"./imagesTr/c{n}.nii.gz", "label": f"./labelsTr/c{n}.nii.gz"} for n in range(3)]
    described = {"modality": {"0": "MRI"}, "labels": {"0": "background", "1": "organ"}, "numTraining": 3}
    (source / "dataset.json").write_text(json.dumps({**described, "numTest": 0, "training": training, "test": []}))
    assert largest_of(source, tmp_path) == 9 * 8 * 10 * 2
