"""What the lineage of a conversion says of labels that TotalSegmentator made: version, task, models and resampling."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from ...dataset.lineage import SEGMENTED, read_run
from ...errors import SegconvError

PRELABELS = "prelabels"
"""Key of the lineage."""

_KEPT = ("request", "made_by", "models", "resampled_to_mm")
"""Keys that a segmentation writes into its own lineage."""


def prelabels_of(pairs: Path | None) -> dict[str, Any]:
    """Return the entry for the lineage if a list of images and labels is that of a segmentation; else nothing."""
    if pairs is None:
        return {}
    with suppress(SegconvError):
        run = read_run(pairs.parent)
        if run is not None and run.command == SEGMENTED:
            said = run.get("options", {})
            return {PRELABELS: {key: said[key] for key in _KEPT if key in said}}
    return {}
