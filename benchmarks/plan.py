"""Planning: ``segconv convert --dry-run`` of pairs of pictures, and the floor: list the folders and read the heads."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from . import data
from .job import FLOOR, OURS, Comparison, Room

MANY = 1_000_000


def plan(room: Room) -> Sequence[Comparison]:
    """Ten thousand and a hundred thousand pairs."""
    return [_comparison(room, room.many(size)) for size in (10_000, 100_000)]


def million(room: Room) -> Sequence[Comparison]:
    """A million pairs, once."""
    found = _comparison(room, room.many(MANY))
    once = {name: dataclasses.replace(one, once=True) for name, one in found.contestants.items()}
    return [dataclasses.replace(found, contestants=once)]


def _comparison(room: Room, size: int) -> Comparison:
    source = data.many_pictures(room.base / f"pairs_{size}", size)
    words = ("convert", source, "--to", "1_Bench", "--dry-run", "--labels", "background=0,road=255")
    contestants = {OURS: room.segconv(*words), FLOOR: room.program("plan_floor", source)}
    return Comparison(f"plan of {size:,} pairs", contestants)
