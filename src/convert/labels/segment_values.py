"""Segments of 3D Slicer in labels that are read by value: a name must have the same value in all cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import Cure, Finding, SegconvError
from ...image.stored import TextHeader, VolumeHeader
from ..source_files import shown

if TYPE_CHECKING:
    from ...image.formats.nrrd import NrrdHeader

BY_NAME = Cure.of("name_segments")


def names_segments(header: VolumeHeader) -> bool:
    """Return whether a label names segments in its header."""
    return _segmentation_of(header) is not None


def _segmentation_of(header: VolumeHeader) -> NrrdHeader | None:
    """Return the header if it is that of a segmentation; of other formats, nothing is loaded."""
    if not isinstance(header, TextHeader):
        return None
    from ...image.formats.nrrd import NrrdHeader
    from ...image.formats.segmentation import is_segmentation

    return header if isinstance(header, NrrdHeader) and is_segmentation(header) else None


class SegmentValues:
    """The values of the segments of each name, collected label by label."""

    def __init__(self, root: Path) -> None:
        self.findings: list[Finding] = []
        self._root = root
        self._values: dict[str, tuple[int, str]] = {}

    def add(self, path: str, header: VolumeHeader) -> None:
        """Add a label; report a name that had another value in an earlier one."""
        if (segmentation := _segmentation_of(header)) is None:
            return
        from ...image.formats.segmentation import segments_of

        file = shown(path, self._root)
        try:
            segments = segments_of(segmentation)
        except SegconvError:
            return  # its values count, and are judged as such
        for segment in segments:
            value, first = self._values.setdefault(segment.name, (segment.label_value, file))
            if value != segment.label_value:
                what = f"its segment {segment.name!r} has the value {segment.label_value}, in {first} it has {value}"
                self.findings.append(Finding("SC074", what, file=file, cures=(BY_NAME,)))
                return
