"""Datasets that pass for preprocessed ones, without nnU-Net."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from segconv.dataset.layout import Dataset

ARRAY = (
    b"\x9e\xa8b2frame\0\xd2\0\0\0\xcb\xcf\0\0\0\0\0\0\x02\x12\xa4\x12\0R\x02\xd3\0\0\0\0\0\0\x01\xe0\xd3\0\0\0\0\0\0"
    b"\0\xf4\xd2\0\0\0\x04\xd2\0\0\0\xf0\xd2\0\0\0\xf0\xd1\0\x02\xd1\0\x02\xc2\xd8\x06\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0"
    b"\0\0\x93\xcd\0\x11\xde\0\x01\xa4b2nd\xd2\0\0\0k\xdc\0\x01\xc6\0\0\0["
)
"""The head of an array of Blosc2."""
WHOLE = ARRAY.ljust(0x212 - 23, b"\0") + b"\xce\0\0\0\x23\xd8" + bytes(17)
"""As long as the head says, and with an end."""

NETWORK = {
    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
    "arch_kwargs": {},
}


def preprocess(folder: Path, cases: Iterable[str], **properties: Any) -> Path:
    """Make a folder of preprocessed cases."""
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases:
        (folder / f"{case}.b2nd").write_bytes(WHOLE)
        (folder / f"{case}_seg.b2nd").write_bytes(WHOLE)
        (folder / f"{case}.pkl").write_bytes(pickle.dumps({"spacing": [1.0, 1.0], **properties}))
    return folder


def plan(raw: Path, preprocessed: Path, data: Iterable[str] = ("cases",), **plans: Any) -> Path:
    """Do for a dataset in a folder ``raw`` what nnU-Net's planning leaves, with cases of any content."""
    dataset, folder = Dataset.open(raw), preprocessed / raw.name
    for name in data:
        preprocess(folder / name, dataset.cases())
    (folder / "gt_segmentations").mkdir(exist_ok=True)
    for case in dataset.cases():
        label = dataset.label_file(case)
        shutil.copyfile(label, folder / "gt_segmentations" / label.name)
    shutil.copyfile(raw / "dataset.json", folder / "dataset.json")
    (folder / "dataset_fingerprint.json").write_text("{}")
    if plans:
        (folder / "nnUNetPlans.json").write_text(json.dumps(plans))
    return folder
