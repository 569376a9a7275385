"""Detect files of tools that keep outlines instead of masks, so that the user knows to export masks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ...errors import SegconvError
from ..source_files import read_head

_HEAD = 1 << 16
_MOST_FILES = 20
"""Maximum number of files to read; if there is one for each picture, a few are enough."""

_FORMS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("COCO", ".json", ('"annotations"', '"categories"'), "annToMask of pycocotools does"),
    ("LabelMe", ".json", ('"shapes"', '"imagePath"'), "labelme2voc.py makes them"),
    ("VIA", ".json", ('"regions"', '"filename"'), ""),
    ("Label Studio", ".json", ('"data"', r'"(?:annotations|completions)"'), "Label Studio exports them as PNG"),
    ("GeoJSON, as of QuPath", ".json", (r'"Feature(?:Collection)?"',), "QuPath exports labelled images by a script"),
    ("GeoJSON, as of QuPath", ".geojson", ("",), "QuPath exports labelled images by a script"),
    ("CVAT", ".xml", ("<annotations",), "CVAT exports them as Segmentation mask 1.1"),
    ("Pascal VOC", ".xml", ("<annotation>", "<object>"), "boxes are no masks"),
    ("YOLO", ".txt", (r"\A\d+(?: -?\d+(?:\.\d+)?){4,}\s",), ""),
    ("run lengths", ".csv", (r"(?i)\A[^\n]*(?:EncodedPixels|\brle\b)",), ""),
)
"""Tool, ending, what such a file holds near its beginning, and what makes masks of them."""


def outlines_in(root: Path, names: Iterable[str]) -> tuple[str, str] | None:
    """Return whose outlines a source holds, with the first such file, and what makes masks of them; None without any.

    Parameters
    ----------
    names
        Paths of its files, relative to the source.
    """
    endings = {ending for _, ending, _, _ in _FORMS}
    some = [name for name in names if Path(name).suffix.lower() in endings][:_MOST_FILES]
    for name in some:
        try:
            head = read_head(str(root / name), _HEAD).decode("utf-8-sig", "replace")
        except SegconvError:
            continue
        for tool, ending, held, how in _FORMS:
            if name.lower().endswith(ending) and all(re.search(one, head) for one in held):
                return f"{name} holds outlines ({tool})", how
    return None
