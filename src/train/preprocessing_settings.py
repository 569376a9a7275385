"""What in plans decides how nnU-Net preprocesses a case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .plans import configuration

_OF_PLANS = ("image_reader_writer", "transpose_forward", "transpose_backward", "label_manager")
_OF_CONFIGURATION = (
    "preprocessor_name",
    "spacing",
    "normalization_schemes",
    "use_mask_for_norm",
    "resampling_fn_data",
    "resampling_fn_data_kwargs",
    "resampling_fn_seg",
    "resampling_fn_seg_kwargs",
)
_INTENSITIES = "foreground_intensity_properties_per_channel"
_WITHOUT_INTENSITIES = {"ZScoreNormalization", "NoNormalization", "RescaleTo01Normalization", "RGBTo01Normalization"}
"""Normalisations that look at one case only (``preprocessing/normalization/default_normalization_schemes.py``)."""


def settings(plans: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return what decides how a configuration's cases are preprocessed."""
    found = configuration(plans, name)
    decisive = {key: found.get(key) for key in _OF_CONFIGURATION} | {key: plans.get(key) for key in _OF_PLANS}
    if not _WITHOUT_INTENSITIES.issuperset(found.get("normalization_schemes") or ("",)):
        decisive[_INTENSITIES] = plans.get(_INTENSITIES)
    return decisive
