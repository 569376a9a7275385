"""How cases are written down: one line per fault, which becomes a case per kind and file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .case import Case, Change, Check, Convert, Reject, Warn, Words
from .made import all_same
from .sources import KINDS, Place

VOLUMES = ("msd", "v1", "v2", "pairs", "masks")
LABELLED = ("msd", "v1", "v2", "pairs")
"""Kinds whose labels hold several values."""
TASKS = ("msd", "v1", "v2")
ALL = tuple(KINDS)
BOTH = ("image", "label")
Names = str | tuple[str, ...]


def many(names: Names) -> tuple[str, ...]:
    """Return one or several as several."""
    return (names,) if isinstance(names, str) else names


def to(role: str, damage: Callable[[Path], object]) -> Change:
    """Return what does damage to the image or the label of a source."""
    return lambda place: damage(getattr(place, role))


def damaged(
    topic: str,
    name: str,
    damage: Callable[[Path], object],
    codes: Names,
    kinds: Iterable[str] = VOLUMES,
    roles: Iterable[str] = BOTH,
    *,
    exits: tuple[int, ...] = (65,),
    cures: tuple[Words, ...] = (),
    words: Words = (),
    detect: bool = True,
) -> list[Case]:
    """Return a case for each kind and file that is damaged, which must be refused and named."""
    return [
        Case(
            topic,
            kind,
            f"{name} {role}",
            to(role, damage),
            Reject(many(codes), role, exits),
            words=words,
            cures=cures,
            detect=detect,
        )
        for kind in kinds
        for role in roles
    ]


def rejected(
    topic: str,
    name: str,
    change: Change,
    codes: Names,
    file: str | None,
    kinds: Names,
    *,
    exits: tuple[int, ...] = (65,),
    **more: Any,
) -> list[Case]:
    """Return a case for each kind whose source is changed so that it must be refused."""
    return [Case(topic, kind, name, change, Reject(many(codes), file, exits), **more) for kind in many(kinds)]


def converted(topic: int, name: str, change: Change, kinds: Names, check: Check = all_same, **more: Any) -> list[Case]:
    """Return a case for each kind whose source is changed and must be converted all the same."""
    return [Case(topic, kind, name, change, Convert(check), **more) for kind in many(kinds)]


def warned(
    topic: str,
    name: str,
    change: Change,
    codes: Names,
    file: str | None,
    kinds: Names,
    check: Check = all_same,
    *,
    recorded: bool = True,
    **more: Any,
) -> list[Case]:
    """Return a case for each kind whose source is changed and must be converted with a warning."""
    return [Case(topic, kind, name, change, Warn(many(codes), file, check, recorded), **more) for kind in many(kinds)]


def each(*changes: Change) -> Change:
    """Return what does several changes."""

    def change(place: Place) -> None:
        for one in changes:
            one(place)

    return change
