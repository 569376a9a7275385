"""Cut plans down to what trains in seconds: the same stages and strides, with small patches and few features."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import Cure, SegconvError
from ...typed import Misfit, anything, entries, mapping
from ..architectures import for_patch
from ..derivation import divisor
from ..model import DEFAULT_PLANS
from ..plans import AXES, configuration

BATCH = 2
FEATURES_PART, FEWEST_FEATURES = 4, 4
"""Features of nnU-Net's own networks are divided by this, down to the fewest."""

NNUNETS_NETWORKS = "dynamic_network_architectures."
"""Start of the names of networks whose number of features is free; others may need what they have."""

_SMALLEST_EDGE = 16
"""Edge of a patch that is not cut further, in voxels."""


def chosen(plans: Mapping[str, Any], wanted: Sequence[str]) -> list[str]:
    """Return the configurations to rehearse, each after the stage before it.

    Parameters
    ----------
    wanted
        Names; if empty, ``2d`` and ``3d_fullres``, as far as they are planned, or else the first configuration.

    Raises
    ------
    SegconvError
        ``SC001`` for one that does not exist, ``SC086`` for one without a patch.
    """
    planned = plans["configurations"]
    usual = [name for name in ("2d", "3d_fullres") if name in planned] or list(planned)[:1]
    found: list[str] = []
    for name in wanted or usual:
        before = _usable(plans, name).get("previous_stage")
        found += [*([before] if isinstance(before, str) else []), name]
    return list(dict.fromkeys(found))


def _usable(plans: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = configuration(plans, name)
    try:
        entries({"patch_size": AXES, "architecture": mapping(anything)})(found)
    except Misfit as misfit:
        cures = [Cure.of("make_plans_again")]
        raise SegconvError(
            f"the configuration {name!r} cannot be rehearsed: {misfit}", code="SC086", cures=cures
        ) from None
    return found


def small_plans(
    plans: Mapping[str, Any], names: Sequence[str], dataset: str, plans_name: str = DEFAULT_PLANS
) -> dict[str, Any]:
    """Return plans for a tiny dataset with the topology of these configurations.

    Parameters
    ----------
    plans
        The user's plans; they are unchanged.
    names
        Configurations to keep.
    dataset
        Name of the tiny dataset's folder.
    plans_name
        Name of the plans, which is also that of their file.
    """
    kept = {name: _small(configuration(plans, name), names) for name in names}
    return {**plans, "plans_name": plans_name, "dataset_name": dataset, "configurations": kept}


def _small(found: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    found.pop("inherits_from", None)
    found["patch_size"] = small_patch(found["patch_size"], strides_of(found))
    found["batch_size"] = min(BATCH, int(found.get("batch_size", BATCH)))
    following = found.get("next_stage")
    if following is not None:
        stages = [following] if isinstance(following, str) else list(following)
        found["next_stage"] = [stage for stage in stages if stage in names] or None
    architecture = found.get("architecture", {})
    arguments = architecture.get("arch_kwargs", {})
    if str(architecture.get("network_class_name", "")).startswith(NNUNETS_NETWORKS):
        arguments["features_per_stage"] = _fewer(arguments.get("features_per_stage"))
    if "architecture" in found:
        found["architecture"] = for_patch(architecture, found["patch_size"])
    return found


def strides_of(found: Mapping[str, Any]) -> list[list[int]]:
    """Return the strides of each stage of a configuration's network; none if its plans do not say."""
    strides = found.get("architecture", {}).get("arch_kwargs", {}).get("strides") or []
    axes = len(found["patch_size"])
    return [list(stage) for stage in strides if isinstance(stage, list) and len(stage) == axes]


def small_patch(patch: Sequence[int], strides: Sequence[Sequence[int]]) -> list[int]:
    """Return a small patch that the strides divide, and no larger than the given one.

    The coarsest feature map keeps at least two voxels, because one cannot be normalised.
    """
    totals = divisor(strides) if strides else [_power_of_two(edge) for edge in patch]
    small = [
        min(edge, total * math.ceil(min(edge, _SMALLEST_EDGE) / total))
        for edge, total in zip(patch, totals, strict=True)
    ]
    if math.prod(edge // total for edge, total in zip(small, totals, strict=True)) < 2:
        longest = max(range(len(small)), key=lambda axis: (patch[axis] // small[axis], patch[axis]))
        small[longest] = min(patch[longest], 2 * small[longest])
    return small


def needed_grid(plans: Mapping[str, Any], names: Sequence[str]) -> tuple[list[int], list[float]]:
    """Return the size of an image that small patches need, two along its longest axis, and its spacing.

    Returns
    -------
    edges
        In voxels, ``(z, y, x)`` of the images.
    spacing_mm
        In the same order; empty if only slices are trained on.
    """
    edges, spacing = [1, 1, 1], list[float]()
    for name in names:
        found = configuration(plans, name)
        patch = small_patch(found["patch_size"], strides_of(found))
        padded = [1] * (3 - len(patch)) + patch
        edges = [max(pair) for pair in zip(edges, padded, strict=True)]
        spacing = list(found.get("spacing", [])) if len(patch) == len(edges) else spacing
    longest = edges.index(max(edges))
    edges[longest] = edges[longest] * 5 // 4
    back = plans.get("transpose_backward")
    back = back if isinstance(back, list) and sorted(map(str, back)) == ["0", "1", "2"] else [0, 1, 2]
    return [edges[axis] for axis in back], [spacing[axis] for axis in back] if spacing else []


def _power_of_two(edge: int) -> int:
    """Return the largest power of two, at most 32, that divides an edge."""
    return math.gcd(edge, 32)


def _fewer(features: Any) -> Any:
    if isinstance(features, list):
        return [_fewer(number) for number in features]
    return max(FEWEST_FEATURES, features // FEATURES_PART) if isinstance(features, int) else features
