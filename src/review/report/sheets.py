"""Thumbnails of many cases, packed into sheets."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...image.small_pictures import lossy
from .picture_facts import Thumbnail

CELLS = 8
"""Thumbnails in a row of a sheet, and rows."""

QUALITY = 60

SIDES = ((200, 160), (500, 112), (1500, 88), (4000, 56))
"""Up to how many cases thumbnails are how wide, in pixels."""


@dataclass(frozen=True)
class Thinning:
    """How thumbnails are thinned so that a page stays small.

    Parameters
    ----------
    side
        Width and height at most, in pixels.
    every
        Each case of how many has one.
    """

    side: int
    every: int

    @property
    def note(self) -> str:
        """What was thinned, in a sentence; empty if nothing was."""
        if self.every > 1:
            return f"Every {ordinal(self.every)} case has a thumbnail of {self.side} pixels, to keep this page small."
        return f"Thumbnails are {self.side} pixels wide, to keep this page small." if self.side < SIDES[0][1] else ""


def thinned(cases: int) -> Thinning:
    """Return how thumbnails of a number of cases are thinned."""
    for most, side in SIDES:
        if cases <= most:
            return Thinning(side, 1)
    return Thinning(SIDES[-1][1], -(-cases // SIDES[-1][0]))


def ordinal(number: int) -> str:
    """Return a number as an ordinal, such as ``2nd``."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


class Sheets:
    """Packs thumbnails into sheets, each of which is encoded when it is full.

    Parameters
    ----------
    side
        Width and height of a thumbnail at most.
    """

    def __init__(self, side: int) -> None:
        self._side = side
        self._encoded: list[str] = []
        self._cells: list[NDArray[np.uint8]] = []

    def add(self, picture: NDArray[np.uint8], text: str) -> Thumbnail:
        """Add a thumbnail ``(row, column, 3)``; return its place."""
        row, column = divmod(len(self._cells), CELLS)
        self._cells.append(picture)
        place = Thumbnail(
            len(self._encoded), column * self._side, row * self._side, picture.shape[1], picture.shape[0], text
        )
        if len(self._cells) == CELLS**2:
            self._close()
        return place

    def encoded(self) -> tuple[str, ...]:
        """Return all sheets, WebP in base64."""
        if self._cells:
            self._close()
        return tuple(self._encoded)

    def _close(self) -> None:
        rows = -(-len(self._cells) // CELLS)
        columns = min(CELLS, len(self._cells))
        sheet = np.zeros((rows * self._side, columns * self._side, 3), dtype=np.uint8)
        for number, picture in enumerate(self._cells):
            row, column = divmod(number, CELLS)
            top, left = row * self._side, column * self._side
            sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        self._encoded.append(base64.b64encode(lossy(sheet, QUALITY)).decode("ascii"))
        self._cells = []
