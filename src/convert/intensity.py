"""Whether the values of a channel go with its name, which decides nnU-Net's normalisation."""

from __future__ import annotations

from ..errors import Finding, warning

AIR_HU = -300.0
"""Images that go below this hold air as CT has it: no other modality stores such values."""

DENSE_HU = 100.0
"""CT of a body holds at least soft tissue and bone."""


class Intensity:
    """The smallest and largest values of one channel over all cases.

    Parameters
    ----------
    name
        Of the channel.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.cases = 0
        self.like_hu = 0
        self.without_air = 0
        self.low = float("inf")
        self.high = float("-inf")

    def add(self, low: float, high: float) -> None:
        """Take in the values of a case."""
        self.cases += 1
        self.like_hu += low <= AIR_HU and high >= DENSE_HU
        self.without_air += low >= 0
        self.low, self.high = min(self.low, low), max(self.high, high)

    def finding(self) -> Finding | None:
        """Return a warning if name and values do not go together."""
        is_ct = self.name.casefold() == "ct"
        if not is_ct and self.cases and self.like_hu * 2 > self.cases:
            return warning(
                "SC091",
                f"the channel {self.name!r} looks like HU: {self.like_hu} of {self.cases} cases reach from {AIR_HU:g}"
                f" or less to {DENSE_HU:g} or more (all: {self.low:g} to {self.high:g}); it will be z-scored",
                file="dataset.json",
                hint="--channels CT, if it is CT",
            )
        if is_ct and self.cases and self.without_air * 2 > self.cases:
            return warning(
                "SC091",
                f"the channel {self.name!r} does not look like HU: {self.without_air} of {self.cases} cases have no"
                f" value below 0 (all: {self.low:g} to {self.high:g})",
                file="dataset.json",
                hint="--channels with the name of its modality, such as MRI; or rescale the images to HU",
            )
        return None
