"""nnU-Net's plans files: read without importing what they name, and given further configurations.

Source of the format: ``nnunetv2.utilities.plans_handling.plans_handler`` of nnunetv2 2.8. A
configuration may name another that it inherits from; its own entries replace that one's.
"""

from __future__ import annotations

import copy
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..dataset.strictjson import dumps, load_object, read_file
from ..errors import SegconvError, naming
from ..typed import (
    Misfit,
    anything,
    count,
    either,
    entries,
    file_name,
    many,
    mapping,
    optional,
    positive,
    text,
    whole,
    whole_between,
)
from ..work import fsops
from ..work.staging import writing
from .holds import changing_plans

DEFAULT_PLANS = "nnUNetPlans"
SMALLEST_FEATURE_MAP = 4
"""Edge of the smallest feature map, as nnU-Net's planners have it."""

_PER_STAGE = ("features_per_stage", "kernel_sizes", "strides", "n_conv_per_stage", "n_blocks_per_stage")
"""Entries of ``arch_kwargs`` with one value a stage."""

_PER_DECODER_STAGE = ("n_conv_per_stage_decoder",)


def plans_file(preprocessed: Path, dataset: str, plans: str = DEFAULT_PLANS) -> Path:
    """Return where the plans of a dataset are."""
    return preprocessed / dataset / f"{plans}.json"


def read_plans(path: Path) -> dict[str, Any]:
    """Return a plans file.

    Raises
    ------
    SegconvError
        ``SC010`` if it is not there, ``SC086`` if it is no plans file; what `strictjson.read_file` raises.
    """
    if not os.path.lexists(path):
        raise SegconvError(
            "is not there: nnU-Net has not planned this dataset yet",
            code="SC010",
            file=str(path),
            hint=f"segconv plan {path.parent.name}",
        )
    with naming(str(path)):
        found = load_object(read_file(path))
        try:
            return _plans(found)
        except Misfit as misfit:
            raise SegconvError(
                f"is no plans file of nnU-Net: {misfit}", code="SC086", hint="segconv plan DATASET makes it anew"
            ) from None


_axes = many(whole_between(1, 1 << 20), least=2, most=3)
_network = entries(
    {},
    {
        "network_class_name": text,
        "arch_kwargs": entries(
            {},
            {
                "strides": many(_axes, least=1),
                "features_per_stage": either(count, many(count, least=1)),
            },
        ),
        "_kw_requires_import": many(text),
    },
)
_plans = entries(
    {
        "configurations": mapping(
            entries(
                {},
                {
                    "inherits_from": optional(text),
                    "data_identifier": file_name,
                    "previous_stage": optional(either(text, many(text))),
                    "patch_size": _axes,
                    "batch_size": positive,
                    "spacing": many(positive, least=2, most=3),
                    "architecture": _network,
                },
            )
        )
    },
    {"dataset_name": text},
)
"""What is read of a plans file; nnU-Net and its planners know more."""


def configuration(plans: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a configuration with what it inherits.

    Raises
    ------
    SegconvError
        ``SC001`` if there is none of this name; ``SC086`` if it inherits from itself, or from none that is there.
    """
    found = plans["configurations"]
    chain: list[str] = []
    while name is not None:
        if name not in found and chain:
            raise SegconvError(
                f"the configuration {chain[-1]!r} inherits from {name!r}, which is missing", code="SC086"
            )
        if name not in found:
            raise SegconvError(f"no configuration {name!r}", hint=f"there are {', '.join(found)}")
        if name in chain:
            raise SegconvError(f"the configuration {name!r} inherits from itself", code="SC086")
        chain.append(name)
        name = found[name].get("inherits_from")
    resolved: dict[str, Any] = {}
    for link in reversed(chain):
        resolved.update(copy.deepcopy(found[link]))
    return resolved


def derive(
    plans: Mapping[str, Any],
    name: str,
    base: str,
    *,
    patch_size: Sequence[int] | None = None,
    batch_size: int | None = None,
    features: tuple[int, int] | None = None,
    stages: int | None = None,
) -> dict[str, Any]:
    """Return a new configuration that inherits from another; the other is not changed.

    Parameters
    ----------
    plans
        The plans.
    name
        Of the new configuration.
    base
        Whose preprocessed data, network class and everything not named here it takes.
    patch_size
        In voxels, in nnU-Net's axis order (z, y, x). Each axis must be divisible by the product of
        its strides.
    batch_size
        Patches a batch.
    features
        Features of the first stage, doubled from stage to stage up to the second number.
    stages
        Number of resolutions; as many of the base's as the patch has room for if None.

    Raises
    ------
    SegconvError
        ``SC001`` if the name is taken or unsafe, or the numbers do not go together, with those
        that would.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise SegconvError(f"{name!r} cannot name a configuration", hint="use letters, digits, '-' and '_'")
    if name in plans["configurations"]:
        raise SegconvError(f"there is a configuration {name!r} already", hint="choose another name")
    parent = configuration(plans, base)
    try:
        _derivable(parent)
    except Misfit as misfit:
        raise SegconvError(
            f"nothing can be derived from the configuration {base!r}: {misfit}",
            code="SC086",
            hint="segconv plan DATASET makes plans anew",
        ) from None
    architecture = copy.deepcopy(parent["architecture"])
    network = architecture["arch_kwargs"]
    strides: list[list[int]] = network["strides"]
    patch = [int(p) for p in (patch_size or parent["patch_size"])]
    if len(patch) != len(parent["patch_size"]):
        raise SegconvError(
            f"--patch-size has {len(patch)} axes, {base} has {len(parent['patch_size'])}",
            hint=f"for example --patch-size {'x'.join(map(str, parent['patch_size']))}",
        )
    if stages is not None and not 2 <= stages <= len(strides):
        raise SegconvError(f"--stages {stages}: {base} has {len(strides)} stages, at least 2 are needed")
    count = stages or _room_for(patch, strides)
    _refuse_indivisible(patch, strides, count, fixed=stages is not None)
    for key in _PER_STAGE:
        if isinstance(network.get(key), list):
            network[key] = network[key][:count]
    for key in _PER_DECODER_STAGE:
        if isinstance(network.get(key), list):
            network[key] = network[key][: count - 1]
    network["n_stages"] = count
    if features is not None:
        first, most = features
        if not 1 <= first <= most:
            raise SegconvError(f"--features {first}:{most} is no range", hint="for example --features 8:64")
        network["features_per_stage"] = [min(first * 2**stage, most) for stage in range(count)]
    new: dict[str, Any] = {"inherits_from": base, "architecture": architecture, "patch_size": patch}
    if batch_size is not None:
        if batch_size < 1:
            raise SegconvError("--batch-size is at least 1")
        new["batch_size"] = batch_size
    return new


@contextmanager
def changed(path: Path) -> Iterator[dict[str, Any]]:
    """Let a block change plans, which replace those in the file at its end; other runs do not change them meanwhile.

    Raises
    ------
    SegconvError
        ``SC035`` if another run changes them; what `read_plans` raises; ``SC031``, ``SC032``.
    """
    with changing_plans(path.parent):
        plans = read_plans(path)
        yield plans
        with writing(path):
            for left in path.parent.glob(f"{fsops.MARK}*"):
                if fsops.is_temporary(left.name, (path.name,)):
                    fsops.unlink(left)  # by a change that was killed; the lock says that it is not at work
            fsops.write_atomic(path, dumps(plans), sync=True)


def add_configuration(path: Path, name: str, new: Mapping[str, Any]) -> None:
    """Write a configuration into a plans file, which is replaced whole; raises what `changed` raises."""
    with changed(path) as plans:
        if name in plans["configurations"]:
            raise SegconvError(f"there is a configuration {name!r} already", file=str(path), hint="choose another name")
        plans["configurations"][name] = dict(new)


def table(plans: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a person wants to know of each configuration."""
    rows = []
    for name in plans["configurations"]:
        found = configuration(plans, name)
        network = found.get("architecture", {})
        rows.append(
            {
                "configuration": name,
                "inherits_from": plans["configurations"][name].get("inherits_from", ""),
                "patch_size": found.get("patch_size"),
                "batch_size": found.get("batch_size"),
                "spacing": found.get("spacing"),
                "network": str(network.get("network_class_name", "")).rsplit(".", 1)[-1],
                "features": network.get("arch_kwargs", {}).get("features_per_stage"),
            }
        )
    return rows


def _room_for(patch: Sequence[int], strides: Sequence[Sequence[int]]) -> int:
    """Return how many stages leave feature maps that are not smaller than `SMALLEST_FEATURE_MAP`."""
    count = 1
    for number in range(2, len(strides) + 1):
        total = _total(strides[:number])
        pooled = [p / t for p, t in zip(patch, total, strict=True) if t > 1]
        if all(edge >= SMALLEST_FEATURE_MAP for edge in pooled):
            count = number
    if count < 2:
        raise SegconvError(
            f"--patch-size {'x'.join(map(str, patch))} is too small to be halved once",
            hint=f"use at least {2 * SMALLEST_FEATURE_MAP} along each axis",
        )
    return count


def _refuse_indivisible(patch: Sequence[int], strides: Sequence[Sequence[int]], count: int, *, fixed: bool) -> None:
    """Refuse a patch that `count` stages do not divide, naming the nearest sizes that go."""
    total = _total(strides[:count])
    if _divisible(patch, total):
        return
    sizes = [_nearest(patch, strides, count, up=up, fixed=fixed) for up in (False, True)]
    raise SegconvError(
        f"--patch-size {'x'.join(map(str, patch))} is not divisible by {'x'.join(map(str, total))},"
        f" the strides of {count} stages",
        hint=f"--patch-size {' or '.join('x'.join(map(str, size)) for size in sizes)}, or fewer --stages",
    )


def _nearest(patch: Sequence[int], strides: Sequence[Sequence[int]], count: int, *, up: bool, fixed: bool) -> list[int]:
    """Return the next size that is divisible; a larger one may have room for more stages."""
    while True:
        total = _total(strides[:count])
        size = [(math.ceil(p / t) if up else max(1, p // t)) * t for p, t in zip(patch, total, strict=True)]
        room = count if fixed else max(count, _room_for(size, strides))
        if room == count:
            return size
        count = room


def _divisible(patch: Sequence[int], total: Sequence[int]) -> bool:
    return all(p > 0 and p % t == 0 for p, t in zip(patch, total, strict=True))


def _total(strides: Sequence[Sequence[int]]) -> list[int]:
    return [math.prod(axis) for axis in zip(*strides, strict=True)]


def _derivable(value: Any) -> Any:
    """Read a configuration that has what `derive` changes."""
    found = entries({"patch_size": _axes, "architecture": entries({"arch_kwargs": entries({"strides": anything})})})(
        value
    )
    axes = len(found["patch_size"])
    many(many(whole, least=axes, most=axes))(found["architecture"]["arch_kwargs"]["strides"])
    return found
