"""Compare the weights of a network in training with those that it has in prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_SHOWN = 3

CURE = "make the same layers whether deep_supervision is True or False, and only return fewer outputs"
"""What to do about other weights: nnU-Net's predictor builds networks without deep supervision."""


def other_weights(trained: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """Return in words why prediction could not load the trained weights; empty if it can.

    Parameters
    ----------
    trained, expected
        State dicts: of the network as training builds it, and as prediction does.
    """
    odd = [f"{key} is missing" for key in sorted(expected.keys() - trained.keys())]
    odd += [f"{key} is not expected" for key in sorted(trained.keys() - expected.keys())]
    both = sorted(trained.keys() & expected.keys())
    odd += [f"{key} has another shape" for key in both if trained[key].shape != expected[key].shape]
    return _in_words(odd) if odd else ""


def _in_words(odd: Sequence[str]) -> str:
    more = f" and {len(odd) - _SHOWN} more" if len(odd) > _SHOWN else ""
    return f"has other weights when it is built for prediction: {', '.join(odd[:_SHOWN])}{more}"
