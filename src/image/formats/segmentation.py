"""Segmentations of 3D Slicer (``.seg.nrrd``): named, coloured segments in one or more layers of labels.

Source of the format: https://slicer.readthedocs.io/en/latest/developer_guide/modules/segmentations.html.
Overlapping segments are in different layers; a layer is a label map with one value per segment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import SegconvError
from ..geometry import Geometry
from ..gzipped import Buffer
from ..read_options import STRICT, ReadOptions
from ..segment import Segment
from . import nrrd

BINARY = "Binary labelmap"
"""The representation in which each voxel of a layer has one whole number."""

_FIELD = re.compile(r"Segment([0-9]{1,6})_(ID|Name|Color|LabelValue|Layer|Extent|Tags)")
_NO_COLOUR = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Segmentation:
    """The content of a file.

    Parameters
    ----------
    segments
        In the order of the file.
    layers
        ``(layer, z, y, x)``, integers; 0 means no segment.
    geometry
        The grid of each layer.
    """

    segments: tuple[Segment, ...]
    layers: NDArray[Any]
    geometry: Geometry

    def mask(self, segment: Segment) -> NDArray[np.bool_]:
        """Return which voxels belong to a segment, ``(z, y, x)``."""
        belongs: NDArray[np.bool_] = self.layers[segment.layer] == segment.label_value
        return belongs


def is_segmentation(header: nrrd.NrrdHeader) -> bool:
    """Return whether the header of a NRRD file describes segments."""
    return any(_FIELD.fullmatch(key) for key in header.pairs)


def segments_of(header: nrrd.NrrdHeader) -> tuple[Segment, ...]:
    """Return the segments in a header, in its order.

    Raises
    ------
    SegconvError
        ``SC074`` if there are none, if two have the same value in one layer, or if a value, layer or
        colour is invalid; ``SC078`` if the voxels are fractions or planar contours.
    """
    fields = header.pairs
    stored_as = fields.get("Segmentation_SourceRepresentation", fields.get("Segmentation_MasterRepresentation", BINARY))
    if stored_as != BINARY or header.dtype.kind == "f":
        raise SegconvError(
            f"holds segments as {stored_as!r} of type {header.dtype.name}, expected {BINARY!r} of integers",
            code="SC078",
            hint="make binary labelmap the source representation in 3D Slicer and save again",
        )
    described = _described(fields)
    # Before version 4.11, 3D Slicer had one layer per segment, with the value 1.
    one_each = header.channels == len(described)
    segments = tuple(
        _segment(number, texts, order if one_each else 0) for order, (number, texts) in enumerate(described.items())
    )
    seen: dict[tuple[int, int], str] = {}
    for segment in segments:
        place = (segment.layer, segment.label_value)
        if segment.layer >= header.channels:
            raise SegconvError(
                f"segment {segment.name!r} is in layer {segment.layer}, the file has {header.channels}", code="SC074"
            )
        if place in seen:
            raise SegconvError(
                f"segments {seen[place]!r} and {segment.name!r} both have the value {place[1]} in layer {place[0]}",
                code="SC074",
            )
        seen[place] = segment.name
    return segments


def _described(fields: Mapping[str, str]) -> Mapping[int, Mapping[str, str]]:
    """Return segment number → its fields, in numerical order; refuse a file without segments."""
    described: dict[int, dict[str, str]] = {}
    for key, value in fields.items():
        found = _FIELD.fullmatch(key)
        if found is not None:
            described.setdefault(int(found[1]), {})[found[2]] = value
    if not described:
        raise SegconvError("describes no segments (SegmentN_ID)", code="SC074", hint="export it from 3D Slicer again")
    return dict(sorted(described.items()))


def decode(data: Buffer, how: ReadOptions = STRICT) -> Segmentation:
    """Decode a ``.seg.nrrd`` file and prove every byte of it.

    Raises
    ------
    SegconvError
        What `nrrd.decode` and `segments_of` raise.
    """
    segments = segments_of(nrrd.read_header(data, how))
    volume = nrrd.decode(data, how=how)
    layers = volume.values if volume.header.channels > 1 else volume.values[np.newaxis]
    return Segmentation(segments, layers, volume.header.geometry)


def encode(segments: Sequence[Segment], layers: NDArray[Any], geometry: Geometry) -> bytes:
    """Return a ``.seg.nrrd`` file, the same bytes for the same segments; extents are computed from the voxels.

    Parameters
    ----------
    segments
        In the order to write them.
    layers
        ``(layer, z, y, x)``, integers.
    geometry
        The grid of each layer; its axes are written as stored, even if sheared.
    """
    pairs: list[tuple[str, str]] = []
    for number, segment in enumerate(segments):
        fields = {
            "Color": " ".join(f"{part:.6g}" for part in segment.colour),
            "ColorAutoGenerated": "0",
            "Extent": " ".join(map(str, _extent(layers[segment.layer] == segment.label_value))),
            "ID": segment.id,
            "LabelValue": str(segment.label_value),
            "Layer": str(segment.layer),
            "Name": segment.name,
            "NameAutoGenerated": "0",
            "Tags": segment.tags,
        }
        pairs += [(f"Segment{number}_{key}", value) for key, value in fields.items()]
    pairs += [
        ("Segmentation_ContainedRepresentationNames", f"{BINARY}|"),
        # Two names for one thing, for versions of 3D Slicer before and after 5.3.
        ("Segmentation_MasterRepresentation", BINARY),
        ("Segmentation_SourceRepresentation", BINARY),
        ("Segmentation_ReferenceImageExtentOffset", "0 0 0"),
    ]
    sheared = geometry.sheared_matrix
    if len(layers) == 1:
        return nrrd.file_bytes(layers[0], geometry, ["domain"] * 3, pairs, sheared)
    return nrrd.file_bytes(np.moveaxis(layers, 0, -1), geometry, ["list", *["domain"] * 3], pairs, sheared)


def _segment(number: int, texts: Mapping[str, str], layer: int) -> Segment:
    colour = _numbers(texts.get("Color"), float, 3, number) or _NO_COLOUR
    extent = _numbers(texts.get("Extent"), int, 6, number)
    value = (_numbers(texts.get("LabelValue"), int, 1, number) or (1,))[0]
    layer = (_numbers(texts.get("Layer"), int, 1, number) or (layer,))[0]
    id_ = texts.get("ID", f"Segment_{number + 1}")
    if value < 1 or layer < 0 or not all(0 <= part <= 1 for part in colour):
        raise SegconvError(
            f"segment {number} has the value {value}, the layer {layer} and the colour {colour}", code="SC074"
        )
    return Segment(
        id=id_,
        name=texts.get("Name") or id_,
        label_value=int(value),
        layer=int(layer),
        colour=(colour[0], colour[1], colour[2]),
        extent=extent,
        tags=texts.get("Tags", ""),
    )


def _numbers(text: str | None, kind: Any, count: int, number: int) -> Any:
    """Return a given number of numbers from a field; None without that field."""
    if text is None:
        return None
    try:
        numbers = tuple(kind(word) for word in text.split())
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        raise SegconvError(f"segment {number} says {text[:40]!r}, expected {count} numbers", code="SC074")
    return numbers


def _extent(mask: NDArray[np.bool_]) -> list[int]:
    """Return the first and last index of the set voxels along x, y and z; ``0 -1`` if none is set."""
    extent: list[int] = []
    for axis in (2, 1, 0):
        others = tuple(other for other in range(3) if other != axis)
        found = np.flatnonzero(mask.any(axis=others))
        extent += [int(found[0]), int(found[-1])] if found.size else [0, -1]
    return extent
