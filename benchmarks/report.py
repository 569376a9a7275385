"""Reports: ``segconv report``, and as the floor ``segconv check``, which reads the same files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import data
from .check import HIPPOCAMPUS, converted
from .job import FLOOR, OURS, Comparison, Room


def report(room: Room) -> Sequence[Comparison]:
    """Many small and few large volumes, and the Hippocampus cases where they are."""
    many, small, large = room.many(1000), room.shape(64, 64, 40), room.shape(512, 512, 100)
    sources = {
        f"{many} volumes of {'×'.join(map(str, small))}": data.msd(room.base / "Task01_Small", many, small),
        f"4 volumes of {'×'.join(map(str, large))}": data.msd(room.base / "Task02_Large", 4, large),
    }
    if HIPPOCAMPUS.is_dir() and not room.quick:
        sources["260 cases of the Hippocampus task"] = HIPPOCAMPUS
    found = []
    for number, (title, source) in enumerate(sources.items(), start=1):
        found.append(_comparison(title, room, converted(room, source, number)))
    return found


def _comparison(title: str, room: Room, dataset: Path) -> Comparison:
    page = room.base / dataset.name / "report.html"
    contestants = {
        OURS: room.segconv("report", dataset, "-o", page, made=page.parent),
        FLOOR: room.segconv("check", dataset),
    }
    notes: list[str] = ["The floor is `segconv check` of the same dataset. No other tool makes such a page."]

    def check() -> None:
        notes.append(f"The page has {page.stat().st_size / 1e6:.1f} MB.")

    return Comparison(title, contestants, check, notes)
