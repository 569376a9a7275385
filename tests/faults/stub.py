"""A stand-in for nnU-Net's commands: reads and writes the same folders in this process, without learning."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segconv.image.formats import png as picture
from segconv.image.opened import read_image
from segconv.train import commands, predict
from segconv.train.paths import Paths

_CASES = "nnUNetPlans_2d"

PAUSE_S = 0.001
"""Between two files: nnU-Net reads a dataset for minutes."""


def install() -> None:
    """Take the place of the process that nnU-Net runs in, for the rest of this process."""
    commands.run_nnunet = predict.run_nnunet = run


def run(name: str, arguments: Sequence[str], paths: Paths, **how: Any) -> None:
    if name == "nnUNetv2_plan_and_preprocess":
        _plan(int(arguments[arguments.index("-d") + 1]), paths)
    elif name == "nnUNetv2_preprocess":
        _preprocess(int(arguments[arguments.index("-d") + 1]), paths)
    elif name == "nnUNetv2_predict_from_modelfolder":
        _predict(Path(arguments[arguments.index("-i") + 1]), Path(arguments[arguments.index("-o") + 1]))
    else:
        raise AssertionError(name)


def _plan(number: int, paths: Paths) -> None:
    dataset, target = _folders(number, paths)
    shutil.copyfile(dataset / "dataset.json", target / "dataset.json")
    (target / "nnUNetPlans.json").write_text(json.dumps({"configurations": {"2d": {"data_identifier": _CASES}}}))


def _preprocess(number: int, paths: Paths) -> None:
    dataset, target = _folders(number, paths)
    for label in sorted((dataset / "labelsTr").iterdir()):
        image = dataset / "imagesTr" / f"{label.stem}_0000{label.suffix}"
        (target / _CASES / f"{label.stem}.data").write_bytes(image.read_bytes() + label.read_bytes())
        time.sleep(PAUSE_S)


def _folders(number: int, paths: Paths) -> tuple[Path, Path]:
    (dataset,) = paths.require("raw").glob(f"Dataset{number:03d}_*")
    target = paths.require("preprocessed") / dataset.name
    (target / _CASES).mkdir(parents=True, exist_ok=True)
    return dataset, target


def _predict(inputs: Path, output: Path) -> None:
    """Write a mask of three values for every picture."""
    for path in sorted(inputs.glob("*_0000.png")):
        red = read_image(path.read_bytes()).array[..., 0]
        (output / f"{path.name[:-9]}.png").write_bytes(picture.encode_samples((red % 3).astype(np.uint8)))
        time.sleep(PAUSE_S)
