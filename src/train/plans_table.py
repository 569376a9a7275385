"""Describe the configurations of plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..dataset.description import DatasetDescription
from .derivation import divisor, smallest
from .memory_estimate import estimate
from .plans import configuration
from .stages import next_stages, previous_stage


def table(plans: Mapping[str, Any], description: DatasetDescription | None = None) -> list[dict[str, Any]]:
    """Return a table of the configurations; what plans do not say is None.

    Sizes and spacings are in nnU-Net's axis order: (z, y, x), transposed so that the axis of the largest spacing is
    the first.

    Parameters
    ----------
    description
        The dataset's; without it, memory cannot be estimated.
    """
    return [_row(plans, name, description) for name in plans["configurations"]]


def _row(plans: Mapping[str, Any], name: str, description: DatasetDescription | None) -> dict[str, Any]:
    found = configuration(plans, name)
    network = found.get("architecture", {})
    arguments = network.get("arch_kwargs", {})
    strides = arguments.get("strides")
    return {
        "configuration": name,
        "inherits_from": plans["configurations"][name].get("inherits_from", ""),
        "patch_size": found.get("patch_size"),
        "batch_size": found.get("batch_size"),
        "spacing": found.get("spacing"),
        "median_size": found.get("median_image_size_in_voxels"),
        "network": str(network.get("network_class_name", "")).rsplit(".", 1)[-1],
        "features": arguments.get("features_per_stage"),
        "stages": None if strides is None else len(strides),
        "divisor": None if strides is None else divisor(strides),
        "smallest_patch": None if strides is None else smallest(strides),
        "stage_before": previous_stage(found),
        "next_stages": next_stages(found),
        "data": found.get("data_identifier"),
        **_memory(found, description),
    }


def _memory(found: Mapping[str, Any], description: DatasetDescription | None) -> dict[str, Any]:
    unknown = {"gpu_gb": None, "ram_gb": None, "parameters": None}
    if description is None or not {"patch_size", "batch_size"} <= found.keys():
        return unknown
    labels = description.labels
    classes = len(labels.foreground) + (0 if labels.has_regions else 1)
    # A second stage gets the labels that the first predicts, without the background, as further channels.
    predicted = [value for value in labels.values if value not in (0, labels.ignore)] if previous_stage(found) else []
    taken = estimate(found, len(description.channel_names) + len(predicted), classes)
    return unknown if taken is None else vars(taken)
