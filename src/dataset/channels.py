"""What a channel name means to nnU-Net, and whether the channel's values agree with it."""

from __future__ import annotations

AIR_HU = -300.0
"""An image with lower values holds air as in CT: no other modality stores such values."""

DENSE_HU = 100.0
"""The CT of a body holds at least soft tissue and bone."""

_SCHEMES = {
    "ct": "CT: clipped and scaled by the dataset's percentiles",
    "nonorm": "none",
    "zscore": "z-score",
    "rescale_to_0_1": "rescaled to 0…1",
    "rgb_to_0_1": "divided by 255",
}


def normalisation(channel: str) -> str:
    """Return nnU-Net's normalisation for a channel name.

    Source: ``channel_name_to_normalization_mapping`` of nnunetv2 2.8, which compares in lower case
    and falls back to z-score; a test compares the two.
    """
    return _SCHEMES.get(channel.casefold(), _SCHEMES["zscore"])


def is_ct(channel: str) -> bool:
    """Return whether nnU-Net treats a channel of this name as CT."""
    return channel.casefold() == "ct"


class ValueRange:
    """The smallest and largest values of one channel over all cases."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cases = 0
        self.like_hu = 0
        self.without_air = 0
        self.low = float("inf")
        self.high = float("-inf")

    def add(self, low: float, high: float) -> None:
        """Include the values of a case."""
        self.cases += 1
        self.like_hu += low <= AIR_HU and high >= DENSE_HU
        self.without_air += low >= 0
        self.low, self.high = min(self.low, low), max(self.high, high)

    def contradiction(self) -> str | None:
        """Return the contradiction between name and values, in words; None if there is none."""
        named_ct = is_ct(self.name)
        everything = f"(all: {self.low:g} to {self.high:g})"
        if not named_ct and self.cases and self.like_hu * 2 > self.cases:
            return (
                f"the channel {self.name!r} looks like HU: {self.like_hu} of {self.cases} cases reach from"
                f" {AIR_HU:g} or less to {DENSE_HU:g} or more {everything}; its normalisation is"
                f" {normalisation(self.name)}"
            )
        if named_ct and self.cases and self.without_air * 2 > self.cases:
            return (
                f"the channel {self.name!r} does not look like HU: {self.without_air} of {self.cases} cases have no"
                f" value below 0 {everything}"
            )
        return None
