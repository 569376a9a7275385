"""Growth: the same commands with 1, 4 and 16 times the cases by one and two workers, and with 8 times the volume."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from . import augment, data
from .check import converted
from .job import FLOOR, OURS, Comparison, Room
from .measure import Contestant

FACTORS = (1, 4, 16)
SMALL, LARGE = (256, 256, 80), (512, 512, 160)
VOLUME = 8
"""How much larger a large volume is."""

Sized = tuple[str, Contestant]
"""Name of the program, and its command with what it works on."""


def png(room: Room) -> Sequence[Comparison]:
    """Convert pairs of pictures."""
    first = room.many(50)
    sources = {n: data.pictures(room.base / f"Bench{n}", first * n) for n in FACTORS}
    return [Comparison("convert, PNG pairs 512×512", _by_cases(room, sources, first, _convert))]


def three(room: Room) -> Sequence[Comparison]:
    """Convert volumes."""
    shape = room.shape(*SMALL)
    sources = {n: data.msd(room.base / f"Task{n:02d}_Bench", 2 * n, shape) for n in FACTORS}
    return [Comparison(f"convert, 3D volumes {_times(shape)}", _by_cases(room, sources, 2, _convert))]


def check(room: Room) -> Sequence[Comparison]:
    """Check volumes."""
    shape = room.shape(*SMALL)
    sources = {n: converted(room, data.msd(room.base / f"Task{n:02d}_Bench", 2 * n, shape), n) for n in FACTORS}
    return [Comparison(f"check, volumes {_times(shape)}", _by_cases(room, sources, 2, _check))]


def augmented(room: Room) -> Sequence[Comparison]:
    """Augment volumes."""
    shape = room.shape(*SMALL)
    sources = {n: augment.dataset(room, n, 2 * n, shape) for n in FACTORS}
    return [Comparison(f"augment, volumes {_times(shape)}, six rotations", _by_cases(room, sources, 2, _augment))]


def volume(room: Room) -> Sequence[Comparison]:
    """Convert and augment two volumes and two that are eight times as large."""
    shapes = {1: room.shape(*SMALL), VOLUME: room.shape(*LARGE)}
    tasks = {n: data.msd(room.base / f"Task{n:02d}_Bench", 2, shape) for n, shape in shapes.items()}
    datasets = {n: augment.dataset(room, n + 10, 2, shape) for n, shape in shapes.items()}
    title = f"two volumes {' and '.join(map(_times, shapes.values()))}"
    return [
        Comparison(f"convert, {title}", _by_volume(room, tasks, _convert)),
        Comparison(f"augment, {title}, six rotations", _by_volume(room, datasets, _augment)),
    ]


def _convert(room: Room, source: Path, number: int, workers: int) -> Iterable[Sized]:
    target, out = 100 * workers + number, room.base / f"floor{number}"
    made = room.raw / f"Dataset{target:03d}_Bench"
    yield OURS, room.segconv("convert", source, "--to", f"{target}_Bench", made=made, workers=workers)
    if workers == room.workers:
        yield FLOOR, room.program("floor", source, out, workers, made=out)


def _check(room: Room, dataset: Path, number: int, workers: int) -> Iterable[Sized]:
    yield OURS, room.segconv("check", dataset, workers=workers)
    if workers == room.workers:
        yield FLOOR, room.program("floor", dataset, "-", workers)


def _augment(room: Room, dataset: Path, number: int, workers: int) -> Iterable[Sized]:
    made = augment.ours(room, dataset, 100 * workers + number, workers=workers)
    yield OURS, made
    if workers == room.workers:
        yield FLOOR, augment.floor(room, dataset, made)


Commands = Callable[[Room, Path, int, int], Iterable[Sized]]


def _by_cases(room: Room, sources: Mapping[int, Path], first: int, commands: Commands) -> dict[str, Contestant]:
    found = {}
    for number, source in sources.items():
        for workers in (1, 2):
            for who, one in commands(room, source, number, workers):
                name = f"{who}, {first * number} cases, {workers} workers"
                found[name] = _sized(one, who, cases=first * number, workers=workers)
    return found


def _by_volume(room: Room, sources: Mapping[int, Path], commands: Commands) -> dict[str, Contestant]:
    found = {}
    for factor, source in sources.items():
        for who, one in commands(room, source, factor, room.workers):
            found[f"{who}, volume × {factor}"] = _sized(one, who, volume=factor)
    return found


def _sized(one: Contestant, who: str, **size: int) -> Contestant:
    return dataclasses.replace(one, who=who, size=size)


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))
