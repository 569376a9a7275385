"""The stages of cascades: which configuration predicts for which next one, also among derived configurations.

nnU-Net's trainer writes predictions for the stages that its configuration names as ``next_stage``, and a later stage
reads those of its ``previous_stage``, under its own name. Both must therefore name each other.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .planner_list import CONFIGURATIONS
from .plans import configuration


def is_derived(plans: Mapping[str, Any], name: str) -> bool:
    """Return whether a configuration was derived from another by a user, not made by a planner."""
    return name not in CONFIGURATIONS and bool(plans["configurations"][name].get("inherits_from"))


def next_stages(found: Mapping[str, Any]) -> list[str]:
    """Return the configurations that a configuration predicts for."""
    following = found.get("next_stage") or ()
    return [following] if isinstance(following, str) else list(following)


def previous_stage(found: Mapping[str, Any]) -> str | None:
    """Return the configuration whose predictions a configuration reads; None if it is no second stage."""
    previous = found.get("previous_stage")
    return previous[0] if isinstance(previous, list) and previous else previous or None


def link_stages(plans: Mapping[str, Any]) -> dict[str, Any]:
    """Return plans in which every stage before names all stages that follow it."""
    linked = copy.deepcopy(dict(plans))
    found = linked["configurations"]
    follows: dict[str, list[str]] = {}
    for name in found:
        previous = previous_stage(configuration(plans, name))
        if previous in found:
            follows.setdefault(str(previous), []).append(name)
    for name in (*found, *found):  # twice, as a configuration may inherit from a later one
        wanted = follows.get(name, [])
        if wanted != next_stages(configuration(linked, name)):
            # None, as a derived configuration would inherit the entry of its base.
            found[name]["next_stage"] = wanted[0] if len(wanted) == 1 else wanted or None
    return linked


def kept_configurations(plans: Mapping[str, Any]) -> dict[str, Any]:
    """Return the derived configurations of plans that are made again, and what these need.

    nnU-Net keeps every configuration of a plans file that it does not make again, also those of another planning
    which no longer exist, such as a 3d_lowres of smaller spacing.
    """
    found = plans["configurations"]
    kept: dict[str, Any] = {}
    waiting = [name for name in found if is_derived(plans, name)]
    while waiting:
        name = waiting.pop()
        if name in found and name not in kept:
            kept[name] = found[name]
            needed = (found[name].get("inherits_from"), previous_stage(configuration(plans, name)))
            waiting += [each for each in needed if each]
    return {name: found[name] for name in found if name in kept}
