"""How a tool numbers the classes that it knows, in label maps that hold some of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Numbering:
    """The numbering of a tool.

    Parameters
    ----------
    of
        Whose it is, with the version, such as ``"task total of TotalSegmentator 2.18.0"``; kept in the lineage.
    values
        Name of the class → its value in the tool's label maps.
    """

    of: str
    values: Mapping[str, int]
