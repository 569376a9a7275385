"""Find trainer classes by name: those of segconv, and those that installed packages offer as entry points.

Neither torch nor nnU-Net is imported before a class is.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any

from . import named

GROUP = "segconv.trainers"
"""Group of entry points; the name of each is that of the class."""


def offered() -> dict[str, metadata.EntryPoint]:
    """Return the trainers that installed packages offer: name → entry point, the first of each name."""
    found: dict[str, metadata.EntryPoint] = {}
    for point in metadata.entry_points(group=GROUP):
        found.setdefault(point.name, point)
    return found


def is_known(name: str) -> bool:
    """Return whether `trainer` finds a name; nothing is imported for it."""
    return named(name) is not None or name in offered()


def trainer(name: str) -> Any:
    """Return a trainer class; those of segconv come first."""
    from segconv.train import trainers

    return getattr(trainers, name) if named(name) is not None else offered()[name].load()
