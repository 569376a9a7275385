"""The channels of a dataset as a report shows them: how nnU-Net normalises each, and by which values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .facts import Channel, Label
from .intensities import Sample
from .intensity_curves import inside_values, is_z_scored

_SENTENCES = {
    "ct": "clipped to the percentiles 0.5 and 99.5 of the values inside labels, then shifted and scaled by the mean and"
    " the standard deviation of these",
    "nonorm": "left as it is",
    "rescale_to_0_1": "scaled so that the extremes of each image become 0 and 1",
    "rgb_to_0_1": "divided by 255",
}
_Z_SCORE = "shifted and scaled by the mean and the standard deviation of each image"
"""Channel name in lower case → what nnU-Net does; source: `channels.normalisation`."""


def channels_of(
    found: Sequence[Mapping[str, Any]], samples: Sequence[Sample], labels: Sequence[Label]
) -> tuple[Channel, ...]:
    """Return the channels.

    Parameters
    ----------
    found
        What the check says of each channel.
    samples
        Voxels of each training case.
    labels
        The labels; values inside classes count.
    """
    learned = [label.value for label in labels if label.role == "class"]
    return tuple(
        Channel(
            one["name"],
            one["normalisation"],
            _SENTENCES.get(one["name"].casefold(), _Z_SCORE),
            one.get("low"),
            one.get("high"),
            one["voxel_types"],
            {} if is_z_scored(one["name"]) else inside_values(samples, number, learned),
        )
        for number, one in enumerate(found)
    )
