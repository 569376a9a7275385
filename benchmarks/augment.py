"""Augmenting: six rotations of each CT, by segconv, plain SimpleITK, TorchIO, MONAI and the floor.

TorchIO and MONAI may run in environments of their own: ``SEGCONV_BENCH_TORCHIO`` and ``SEGCONV_BENCH_MONAI`` name
their Pythons.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from . import data
from .job import FLOOR, OURS, Comparison, Room
from .measure import Contestant, Failed

HERE = Path(__file__).parent
ROTATIONS = ("--rotate", "30,60,180", "--planes", "sagittal,coronal")
FEW, MANY = 2, 8
SCRIPT = "SimpleITK script"
OTHERS = {"TorchIO": "SEGCONV_BENCH_TORCHIO", "MONAI": "SEGCONV_BENCH_MONAI"}
STRAY = 0.02
"""The share of voxels that may differ by more than 1: an edge rule half a voxel off is the outermost layer."""


def dataset(room: Room, number: int, cases: int, shape: tuple[int, ...]) -> Path:
    """Make a dataset of CT cases; return its folder."""
    source = data.msd(room.base / f"Task{number:02d}_Bench", cases, shape)
    folder = room.raw / f"Dataset{number:03d}_Bench"
    for kind in ("imagesTr", "labelsTr"):
        (folder / kind).mkdir(parents=True)
        for path in (source / kind).iterdir():
            name = path.name.replace(".nii.gz", "_0000.nii.gz") if kind == "imagesTr" else path.name
            path.rename(folder / kind / name)
    description = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "outer": 1, "inner": 2},
        "numTraining": cases,
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder


def ours(room: Room, source: Path, target: int, *words: str, workers: int | None = None) -> Contestant:
    """Return segconv's command for a dataset."""
    made = room.raw / f"Dataset{target:03d}_Bench"
    return room.segconv("augment", source, "--to", f"{target}_Bench", *ROTATIONS, *words, made=made, workers=workers)


def floor(room: Room, source: Path, made: Contestant) -> Contestant:
    """Return the floor for a dataset, which deflates what a command made."""
    out = room.base / f"floor_{source.name}"
    return room.program("augment_floor", source, made.made, out, room.workers, made=out)


def augment(room: Room) -> Sequence[Comparison]:
    """Two CTs by all programs; and how much more eight take."""
    shape = room.shape(512, 512, 160)
    few, many = dataset(room, 1, FEW, shape), dataset(room, 2, MANY, shape)
    notes: list[str] = []
    script = room.base / "script"
    made = ours(room, few, 11)
    contestants = {
        SCRIPT: Contestant(
            [sys.executable, str(HERE / "augment_simpleitk.py"), str(few), str(script)], script, room.env
        ),
        OURS: made,
        "segconv --link hard": ours(room, few, 12, "--link", "hard"),
        "segconv --format nii": ours(room, few, 13, "--format", "nii"),
        FLOOR: floor(room, few, made),
        **_others(room, few, notes),
    }
    title = f"{{}} CTs {'×'.join(map(str, shape))}, six rotations each"
    more = {OURS: ours(room, many, 14), FLOOR: floor(room, many, made)}
    return [
        Comparison(title.format(FEW), contestants, lambda: _check(room, list(contestants), notes), notes),
        Comparison(title.format(MANY), more),
    ]


def _others(room: Room, source: Path, notes: list[str]) -> dict[str, Contestant]:
    """Return the programs that are slow, and run once; say which are missing."""
    found = {}
    for name, variable in OTHERS.items():
        python = os.environ.get(variable) or (sys.executable if importlib.util.find_spec(name.lower()) else None)
        if python is None:
            notes.append(f"{name} is missing: it is not installed, and {variable} names no Python that has it.")
            continue
        made = room.base / name.lower()
        command = [python, str(HERE / f"augment_{name.lower()}.py"), str(source), str(made)]
        found[name] = Contestant(command, made, room.env, once=True)
    return found


def _check(room: Room, names: list[str], notes: list[str]) -> None:
    """Refuse to time what is not the same: images within one grey value, labels equal, but for the edge of the grid."""
    own = room.raw / "Dataset011_Bench"
    folders = {SCRIPT: room.base / "script"} | {name: room.base / name.lower() for name in names if name in OTHERS}
    for name, theirs in folders.items():
        files = sorted(path.relative_to(theirs) for path in theirs.glob("*T?/*_*al*.nii.gz"))
        if files != sorted(path.relative_to(own) for path in own.glob("*T?/*_*al*.nii.gz")):
            raise Failed(f"{name} and segconv wrote different files")
        shares = [_apart(theirs / path, own / path) for path in files]
        if max(shares) > STRAY:
            raise Failed(f"{name} and segconv differ by more than 1 in {max(shares):.2%} of a file")
        notes.append(f"{name} differs from segconv by more than one grey value in at most {max(shares):.3%} of a file.")


def _apart(one: Path, other: Path) -> float:
    first, second = (sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in (one, other))
    return float((np.abs(first.astype(np.int32) - second) > 1).mean())
