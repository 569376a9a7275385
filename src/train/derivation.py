"""Derive a configuration from another, with its own patch, batch, features or number of stages."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import Cure, SegconvError
from ..typed import Misfit, anything, entries, many, whole
from ..words import typed_size
from .architectures import for_patch, with_network
from .plans import AXES, configuration, descends_from
from .stages import previous_stage

SMALLEST_FEATURE_MAP = 4
"""Edge of the smallest feature map of nnU-Net's planners."""

_PER_STAGE = ("features_per_stage", "kernel_sizes", "strides", "n_conv_per_stage", "n_blocks_per_stage")
"""Entries of ``arch_kwargs`` with one value per stage."""

_PER_DECODER_STAGE = ("n_conv_per_stage_decoder",)

_changeable = entries({"patch_size": AXES, "architecture": entries({"arch_kwargs": entries({"strides": anything})})})
"""A configuration with everything that deriving another from it changes."""


@dataclass(frozen=True)
class Differences:
    """How a derived configuration differs from its base; None leaves something as it is.

    Parameters
    ----------
    patch_size
        In voxels, in nnU-Net's axis order (z, y, x). Each axis must be divisible by the product of
        its strides, and at least twice as large.
    batch_size
        Patches per batch.
    features
        Features of the first stage, doubled from stage to stage up to the second number.
    stages
        Number of resolutions; if None, as many of the base's as the patch has room for.
    network
        Class of the network; see `with_network`.
    stage_before
        Configuration whose predictions it gets, if it is the second stage of a cascade.
    """

    patch_size: Sequence[int] | None = None
    batch_size: int | None = None
    features: tuple[int, int] | None = None
    stages: int | None = None
    network: str | None = None
    stage_before: str | None = None


def derive(plans: Mapping[str, Any], name: str, base: str, differences: Differences) -> dict[str, Any]:
    """Return a new configuration that inherits from another; the other is unchanged.

    Parameters
    ----------
    plans
        The plans.
    name
        Name of the new configuration.
    base
        Configuration to inherit preprocessed data, network class and everything else from.
    differences
        What is different.

    Raises
    ------
    SegconvError
        ``SC001`` if the name is unsafe, or the numbers or stages do not fit together, naming ones that do;
        ``SC086`` if the base lacks an entry to change.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise SegconvError(f"{name!r} cannot name a configuration", hint="use letters, digits, '-' and '_'")
    if name == base or descends_from(plans, base, name):
        raise SegconvError(f"the configuration {name!r} cannot be derived from itself", hint="choose another name")
    batch_size = differences.batch_size
    if batch_size is not None and batch_size < 1:
        raise SegconvError(f"a batch size of {batch_size}, expected 1 or more")
    parent = _parent(plans, base)
    patch = _patch(differences.patch_size or parent["patch_size"], parent, base)
    architecture = for_patch(parent["architecture"], patch)
    arguments = architecture["arch_kwargs"]
    count = _number_of_stages(patch, arguments["strides"], differences.stages, base)
    _cut(arguments, count)
    if differences.features is not None:
        arguments["features_per_stage"] = _doubled(*differences.features, count)
    if differences.network is not None:
        architecture = with_network(architecture, differences.network, patch)
    own_batch = {} if batch_size is None else {"batch_size": batch_size}
    own_stage = _stage_before(plans, name, parent, differences.stage_before)
    return {"inherits_from": base, "architecture": architecture, "patch_size": patch, **own_batch, **own_stage}


def _stage_before(
    plans: Mapping[str, Any], name: str, parent: Mapping[str, Any], wanted: str | None
) -> dict[str, str | None]:
    """Return the entry for the stage before a configuration, if it is a later stage of a cascade."""
    previous = wanted or previous_stage(parent)
    if previous is None:
        return {}
    before = configuration(plans, previous)
    if previous == name or previous_stage(before) is not None or descends_from(plans, previous, name):
        raise SegconvError(
            f"{previous!r} is itself a later stage, or derived from {name!r}",
            hint="nnU-Net's cascades have two stages; name the first, such as 3d_lowres",
        )
    if len(before["patch_size"]) != len(parent["patch_size"]):
        raise SegconvError(f"{previous!r} has {len(before['patch_size'])} axes, the new configuration another number")
    return {"previous_stage": previous}


def _parent(plans: Mapping[str, Any], base: str) -> dict[str, Any]:
    """Return the configuration to derive from, which has every entry that is changed."""
    parent = configuration(plans, base)
    try:
        axes = len(_changeable(parent)["patch_size"])
        many(many(whole, least=axes, most=axes))(parent["architecture"]["arch_kwargs"]["strides"])
    except Misfit as misfit:
        raise SegconvError(
            f"nothing can be derived from the configuration {base!r}: {misfit}",
            code="SC086",
            cures=[Cure.of("make_plans_again")],
        ) from None
    return parent


def _patch(wanted: Sequence[int], parent: Mapping[str, Any], base: str) -> list[int]:
    own = parent["patch_size"]
    if len(wanted) != len(own):
        raise SegconvError(f"the patch size has {len(wanted)} axes, that of {base} has {len(own)}", cures=[_size(own)])
    return [int(edge) for edge in wanted]


def _number_of_stages(patch: Sequence[int], strides: Sequence[Sequence[int]], wanted: int | None, base: str) -> int:
    """Return the number of stages for a patch; refuse more than the base or the patch has."""
    if wanted is not None and not 2 <= wanted <= len(strides):
        raise SegconvError(f"{wanted} stages: {base} has {len(strides)}, at least 2 are needed")
    count = wanted or _room_for(patch, strides)
    _refuse_indivisible(patch, strides, count, fixed=wanted is not None)
    return count


def _cut(network: dict[str, Any], count: int) -> None:
    """Cut a network to its first stages."""
    for keys, number in ((_PER_STAGE, count), (_PER_DECODER_STAGE, count - 1)):
        for key in keys:
            if isinstance(network.get(key), list):
                network[key] = network[key][:number]
    network["n_stages"] = count


def _doubled(first: int, most: int, count: int) -> list[int]:
    if not 1 <= first <= most:
        raise SegconvError(f"features from {first} to {most} are not a range", hint="for example 8 to 64")
    return [min(first * 2**stage, most) for stage in range(count)]


def _room_for(patch: Sequence[int], strides: Sequence[Sequence[int]]) -> int:
    """Return how many stages keep feature maps at least `SMALLEST_FEATURE_MAP` in size."""
    count = 1
    for number in range(2, len(strides) + 1):
        total = divisor(strides[:number])
        pooled = [p / t for p, t in zip(patch, total, strict=True) if t > 1]
        if all(edge >= SMALLEST_FEATURE_MAP for edge in pooled):
            count = number
    if count < 2:
        raise SegconvError(
            f"a patch of {typed_size(patch)} is too small to be halved once",
            hint=f"use at least {2 * SMALLEST_FEATURE_MAP} along each axis",
        )
    return count


def _refuse_indivisible(patch: Sequence[int], strides: Sequence[Sequence[int]], count: int, *, fixed: bool) -> None:
    """Refuse a patch that the strides of `count` stages do not divide; name the nearest divisible sizes."""
    total = divisor(strides[:count])
    if all(p % t == 0 and p >= t * _least(t) for p, t in zip(patch, total, strict=True)):
        return
    sizes = [_nearest(patch, strides, count, up=up, fixed=fixed) for up in (False, True)]
    divisible = not any(p % t for p, t in zip(patch, total, strict=True))
    least = typed_size(smallest(strides[:count]))
    raise SegconvError(
        f"a patch of {typed_size(patch)} is too small for {count} stages, expected at least {least}"
        if divisible
        else f"a patch of {typed_size(patch)} is not divisible by {typed_size(total)}, the strides of {count} stages",
        cures=[*map(_size, sizes), Cure.of("fewer_stages")],
    )


def _nearest(patch: Sequence[int], strides: Sequence[Sequence[int]], count: int, *, up: bool, fixed: bool) -> list[int]:
    """Return the nearest divisible size; a larger one may have room for more stages."""
    while True:
        total = divisor(strides[:count])
        size = [max(_least(t), math.ceil(p / t) if up else p // t) * t for p, t in zip(patch, total, strict=True)]
        room = count if fixed else max(count, _room_for(size, strides))
        if room == count:
            return size
        count = room


def divisor(strides: Sequence[Sequence[int]]) -> list[int]:
    """Return the product of the strides of all stages, by which a patch must be divisible along each axis."""
    return [math.prod(axis) for axis in zip(*strides, strict=True)]


def smallest(strides: Sequence[Sequence[int]]) -> list[int]:
    """Return the smallest patch: with one voxel in the last stage, normalisation of each instance is impossible."""
    return [total * _least(total) for total in divisor(strides)]


def _least(total: int) -> int:
    """Return the least edge of the smallest feature map along an axis with this product of strides."""
    return 2 if total > 1 else 1


def _size(size: Sequence[int]) -> Cure:
    return Cure.of("choose_patch_size", size=typed_size(size))
