"""Usual groups of TotalSegmentator's classes, computed from the names of the classes of a task.

Sides and numbers give most: ``kidney_left`` and ``kidney_right`` are ``kidney``, ``vertebrae_C1`` … are ``vertebrae``.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

_SIDE = re.compile(r"(.+)_(left|right)")
_NUMBER = re.compile(r"(.+)_[A-Z]?\d+")

_ALL_OF = {
    "lung": ("lung_*_lobe_left", "lung_*_lobe_right"),
    "lung_left": ("lung_*_lobe_left",),
    "lung_right": ("lung_*_lobe_right",),
    "ribs": ("rib_left_*", "rib_right_*"),
    "spine": ("vertebrae*", "sacrum"),
    "vertebrae_cervical": ("vertebrae_C*",),
    "vertebrae_thoracic": ("vertebrae_T*",),
    "vertebrae_lumbar": ("vertebrae_L*",),
    "heart": ("heart_*",),
    "body": ("body_trunc", "body_extremities"),
    "gluteus": ("gluteus_*",),
    "iliac_vessels": ("iliac_artery_*", "iliac_vena_*"),
    "bones": ("rib_*", "vertebrae_*", "sacrum", "sternum", "clavicula_*", "scapula_*", "humerus_*", "hip_*", "femur_*",
              "skull"),
}  # fmt: skip
"""Group → patterns; it exists in a task where each of them matches a class."""


def usual_groups(classes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return group → its classes, two or more, in the order of the classes.

    >>> usual_groups(["kidney_left", "kidney_right", "liver"])
    {'kidney': ('kidney_left', 'kidney_right')}
    """
    names = tuple(classes)
    found = {group: _matching(patterns, names) for group, patterns in _ALL_OF.items()}
    for group, own in {**_by(_SIDE, names), **_by(_NUMBER, names)}.items():
        found[group] = found.get(group) or own
    return {group: own for group, own in found.items() if len(own) > 1 and group not in names}


def _matching(patterns: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that match patterns, in their order; none if a pattern matches no name."""
    own = [{name for name in names if fnmatch.fnmatchcase(name, pattern)} for pattern in patterns]
    return tuple(name for name in names if name in set().union(*own)) if all(own) else ()


def _by(form: re.Pattern[str], names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return stem → the names that differ from it by a side or a number."""
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        if match := form.fullmatch(name):
            found[match[1]] = (*found.get(match[1], ()), name)
    return found
