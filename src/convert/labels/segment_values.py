"""Segments of 3D Slicer in labels that are read by value: a name must have the same value in all cases."""

from __future__ import annotations

from pathlib import Path

from ...errors import Cure, Finding, SegconvError
from ...image.formats import nrrd, segmentation
from ...image.stored import VolumeHeader
from ..source_files import shown

BY_NAME = Cure.of("name_segments")


def names_segments(header: VolumeHeader) -> bool:
    """Return whether a label names segments in its header."""
    return isinstance(header, nrrd.NrrdHeader) and segmentation.is_segmentation(header)


class SegmentValues:
    """The values of the segments of each name, collected label by label."""

    def __init__(self, root: Path) -> None:
        self.findings: list[Finding] = []
        self._root = root
        self._values: dict[str, tuple[int, str]] = {}

    def add(self, path: str, header: VolumeHeader) -> None:
        """Add a label; report a name that had another value in an earlier one."""
        if not isinstance(header, nrrd.NrrdHeader) or not segmentation.is_segmentation(header):
            return
        file = shown(path, self._root)
        try:
            segments = segmentation.segments_of(header)
        except SegconvError:
            return  # its values count, and are judged as such
        for segment in segments:
            value, first = self._values.setdefault(segment.name, (segment.label_value, file))
            if value != segment.label_value:
                what = f"its segment {segment.name!r} has the value {segment.label_value}, in {first} it has {value}"
                self.findings.append(Finding("SC074", what, file=file, cures=(BY_NAME,)))
                return
