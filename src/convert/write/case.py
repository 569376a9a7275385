"""Entry point of a worker for one case; it loads only what that case needs."""

from __future__ import annotations

from typing import Any

from ...image import raster
from ...work.caseio import CaseIO
from ...work.plan import Item
from ..model import BANDS


def convert_case(item: Item, io: CaseIO) -> dict[str, Any]:
    """Convert one case as pictures or volumes, depending on its first image."""
    first = item.payload.source.images[0]
    # Load only the readers in use: they take most of a worker's start-up time.
    if item.payload.source.form(first) in (None, BANDS) and raster.ending_of(first):
        from .pictures import convert_pictures

        return convert_pictures(item, io)
    from .volumes import convert_volumes

    return convert_volumes(item, io)
