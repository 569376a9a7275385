"""Distributions as the script draws them, with a sentence for those who do not see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..facts import GEOMETRY, GROUPS, INTENSITY, Distribution, Facts
from .numbers import figure, percent, span


@dataclass(frozen=True)
class Plot:
    """A distribution: its index in the facts, what it says in words, and whether it starts with a log scale."""

    index: int
    distribution: Distribution
    text: str
    log: bool


def plots_of(facts: Facts) -> Mapping[str, tuple[Plot, ...]]:
    """Return the plots of each group; the overview says which sizes and spacings are the same in all cases."""
    plots = [
        Plot(index, found, _text(found), found.group == INTENSITY)
        for index, found in enumerate(facts.distributions)
        if found.group != GEOMETRY or sum(count > 0 for count in found.counts) > 1
    ]
    return {group: tuple(plot for plot in plots if plot.distribution.group == group) for group in GROUPS}


def _text(found: Distribution) -> str:
    whole = sum(found.counts)
    held = [place for place, count in enumerate(found.counts) if count]
    unit = f" {found.unit}" if found.unit else ""
    if not held:
        return f"{found.title}: nothing to show"
    most = max(held, key=lambda place: found.counts[place])
    counted = "" if found.group == INTENSITY else f"{figure(whole)} {found.of} "
    return (
        f"{found.title}: {counted}from {figure(found.edges[held[0]])} to {figure(found.edges[held[-1] + 1])}{unit};"
        f" {percent(found.counts[most], whole)} between {span(found.edges[most], found.edges[most + 1])}{unit}"
    )
