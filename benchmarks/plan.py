"""Planning: ``segconv convert --dry-run`` of pairs of pictures, and the floor: list the folders and read the heads.

Without declared labels, their values are found in the masks, all of which are read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from . import data
from .job import FLOOR, OURS, Comparison, Room

MANY = 1_000_000


def plan(room: Room) -> Sequence[Comparison]:
    """Ten thousand and a hundred thousand pairs, and ten thousand whose labels have to be found in the masks."""
    few, many = (_comparison(room, room.many(size)) for size in (10_000, 100_000))
    return [few, many, _comparison(room, room.many(10_000), declared=False)]


def million(room: Room) -> Sequence[Comparison]:
    """A million pairs, once."""
    found = _comparison(room, room.many(MANY))
    once = {name: dataclasses.replace(one, once=True) for name, one in found.contestants.items()}
    return [dataclasses.replace(found, contestants=once)]


def _comparison(room: Room, size: int, *, declared: bool = True) -> Comparison:
    source = room.base / f"pairs_{size}"
    if not source.is_dir():
        data.many_pictures(source, size)
    labels = ("--labels", "background=0,road=255") if declared else ()
    contestants = {
        OURS: room.segconv("convert", source, "--to", "1_Bench", "--dry-run", *labels),
        FLOOR: room.program("plan_floor", source),
    }
    return Comparison(f"plan of {size:,} pairs, labels {'declared' if declared else 'found in the masks'}", contestants)
