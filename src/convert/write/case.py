"""The work on one case: what a worker process loads, and no more."""

from __future__ import annotations

from typing import Any

from ...image import raster
from ...work.caseio import CaseIO
from ...work.plan import Item
from ..model import BANDS


def convert_case(item: Item, io: CaseIO) -> dict[str, Any]:
    """Convert one case: pictures or volumes, as its first image is."""
    first = item.payload.source.images[0]
    # A worker loads the readers only of what it reads: they are most of the time that it takes to start.
    if item.payload.source.form(first) in (None, BANDS) and raster.ending_of(first):
        from .pictures import convert_pictures

        return convert_pictures(item, io)
    from .volumes import convert_volumes

    return convert_volumes(item, io)
