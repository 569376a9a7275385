"""Checking: ``segconv check``, nnU-Net's ``verify_dataset_integrity``, and the floor: every file read and inflated."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from . import data
from .job import BIN, FLOOR, OURS, Comparison, Room

HIPPOCAMPUS = Path(os.environ.get("SEGCONV_TEST_DATA", "../shared/data")) / "Task04_Hippocampus"
THEIRS = "nnU-Net's check"


def check(room: Room) -> Sequence[Comparison]:
    """Few large volumes, and many small ones where they are."""
    cases, shape = room.many(4), room.shape(512, 512, 100)
    large = converted(room, data.msd(room.base / "Task01_Bench", cases, shape), 1)
    found = [_comparison(f"{cases} volumes of {'×'.join(map(str, shape))}, int16", room, large)]
    if HIPPOCAMPUS.is_dir() and not room.quick:
        found.append(_comparison("260 cases of the Hippocampus task", room, converted(room, HIPPOCAMPUS, 4)))
    return found


def converted(room: Room, source: Path, number: int) -> Path:
    """Return the dataset that segconv makes of a task."""
    words = [str(BIN / "segconv"), "convert", str(source), "--to", str(number), "-q"]
    subprocess.run(words, env={**os.environ, **room.env}, check=True, stdout=subprocess.DEVNULL)
    return next(room.raw.glob(f"Dataset{number:03d}_*"))


def _comparison(title: str, room: Room, dataset: Path) -> Comparison:
    contestants = {
        THEIRS: room.program("verify_integrity", dataset, room.workers, needs="nnunetv2"),
        OURS: room.segconv("check", dataset),
        "segconv check --quick": room.segconv("check", dataset, "--quick"),
        FLOOR: room.program("floor", dataset, "-", room.workers),
    }
    return Comparison(title, contestants)
