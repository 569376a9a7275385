"""Read how the lineage stores labels, their values and grids; each reader refuses anything else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import SegconvError
from ..image import opened
from ..image.formats.nifti_block import FORMS_BYTES
from ..image.geometry import Geometry
from ..image.segment import ENDING, Segment
from ..typed import (
    Misfit,
    Read,
    brief,
    entries,
    file_name,
    many,
    mapping,
    number,
    one_of,
    optional,
    positive,
    text,
    truth,
    whole,
    whole_between,
)
from .labels import parse_value
from .losses import loss
from .stored_label import (
    CHANNEL_PAGES,
    CHANNELS,
    LAYERS,
    PAGES,
    SEGMENTS,
    STACK,
    USUAL_FILE,
    StoredLabel,
    StoredMask,
    StoredSegment,
)

LARGEST_VALUE = (1 << 16) - 1
"""Largest label value in a dataset: nnU-Net keeps labels in 16 bits at most."""

LARGEST_STORED = (1 << 63) - 1
"""Largest label value in a user's file."""

FARTHEST_MM = 1e30
"""Largest coordinate in a grid, far beyond reason but small enough that products do not overflow."""

MOST_LAYERS = 1000
"""Most layers of one segmentation of 3D Slicer, which at worst needs one per segment."""

MODES = ("gray", "gray+alpha", "RGB", "RGBA", "palette", "bands", CHANNEL_PAGES)
"""Contents of a picture, as in `PictureHeader.kind`, or pages that its file calls channels."""

_DTYPES = tuple(f"{sign}int{bits}" for sign in ("u", "") for bits in (8, 16, 32, 64))
_OF_MASKS = opened.ENDINGS
_ENDINGS = (*_OF_MASKS, ENDING)
_FORMS = re.compile(f"[0-9a-f]{{{2 * FORMS_BYTES}}}")
_COLOUR = re.compile(r"#[0-9a-f]{6}([0-9a-f]{2})?")

label_value = whole_between(0, LARGEST_VALUE)
"""Read a label value of a dataset."""


def label_value_text(value: Any) -> str:
    """Read the same from a key, which is text."""
    if not (text(value).isascii() and value.isdecimal() and len(value) < 6 and int(value) <= LARGEST_VALUE):
        raise Misfit(f"is a key, expected a whole number from 0 to {LARGEST_VALUE}")
    return str(value)


def _stored_value_text(value: Any) -> str:
    try:
        stored, _ = parse_value(text(value))
    except ValueError:
        raise Misfit("is a key, expected a value or a colour") from None
    if stored > LARGEST_STORED:
        raise Misfit(f"is a key, expected a value of at most {LARGEST_STORED}")
    return str(value)


def label_map(value: Any) -> dict[str, int]:
    """Read a map from value or colour in one set of files, as text, to value or colour in another."""
    found = _stored_to_written(value)
    if len({key.startswith("#") for key in found}) > 1:
        raise Misfit("has values and colours, expected one kind of them")
    return found


_stored_to_written = mapping(whole_between(0, LARGEST_STORED), _stored_value_text)


def _coordinate(value: Any) -> float:
    if abs(number(value)) > FARTHEST_MM:
        raise Misfit(f"is {brief(value)}, expected at most {FARTHEST_MM:g}")
    return float(value)


def _length(value: Any) -> float:
    return _coordinate(positive(value))


shape_of_grid = entries(
    {
        "size": many(whole_between(1, (1 << 31) - 1), least=2, most=3),
        "spacing_mm": many(_length, least=2, most=3),
        "origin_lps_mm": many(_coordinate, least=2, most=3),
        "direction_lps": many(_coordinate, least=4, most=9),
    },
    {"sheared_lps": many(_coordinate, least=4, most=9)},
)
"""Read the numbers of a grid, checking how many there are; see `grid`."""


def grid(value: Any) -> Geometry:
    """Read a grid as `Geometry.as_json` writes it."""
    try:
        return Geometry.from_json(shape_of_grid(value))
    except SegconvError as error:
        raise Misfit(f"is not a grid: {error.message}") from None


def _ending(value: Any) -> str:
    if text(value).lower() not in _ENDINGS:
        raise Misfit(f"is {brief(value)}, expected one of {', '.join(_ENDINGS)}")
    return str(value)


def _colour(value: Any) -> str:
    if not _COLOUR.fullmatch(text(value)):
        raise Misfit(f"is {brief(value)}, expected a colour such as '#ff0000'")
    return str(value)


def _encoded_text(value: Any) -> str:
    try:
        text(value).encode()
    except UnicodeEncodeError:
        raise Misfit(f"is {brief(value)}, expected text that UTF-8 can hold") from None
    return str(value)


def _part_of_colour(value: Any) -> float:
    if not 0 <= number(value) <= 1:
        raise Misfit(f"is {brief(value)}, expected a number from 0 to 1")
    return float(value)


def _mask_file(value: Any) -> str:
    if not file_name(value).lower().endswith(_OF_MASKS):
        raise Misfit(f"is {brief(value)}, expected the name of a picture or volume")
    return str(value)


def _mask_place(value: Any) -> str:
    if not _encoded_text(value).lower().endswith(_OF_MASKS):
        raise Misfit(f"is {brief(value)}, expected the path of a picture or volume")
    return str(value)


def _forms(value: Any) -> str:
    if not _FORMS.fullmatch(text(value)):
        raise Misfit(f"is {brief(value)}, expected {2 * FORMS_BYTES} hexadecimal digits")
    return str(value)


_values = many(label_value)
_mask_entries = {
    "name": text,
    "file": _mask_file,
    "on": whole_between(1, LARGEST_STORED),
    "dtype": one_of(*_DTYPES),
    "values": _values,
}
_own_entries = {"turned_from": grid, "forms": _forms, "place": _mask_place}
_segment_entries = {
    "id": _encoded_text,
    "name": _encoded_text,
    "label_value": whole_between(1, LARGEST_STORED),
    "layer": whole_between(0, MOST_LAYERS - 1),
    "colour": many(_part_of_colour, least=3, most=3),
    "extent": optional(many(whole, least=6, most=6)),
    "tags": _encoded_text,
}
_plain_entries = {
    "ending": _ending,
    "dtype": one_of(*_DTYPES),
    "name": text,
    "losses": many(loss),
    "lost": text,
    "mode": one_of(*MODES),
    "depth": whole_between(1, 64),
    "palette": many(_colour, least=1),
    "form": one_of(LAYERS, CHANNELS, STACK, PAGES, SEGMENTS),
    "turned_from": grid,
    "forms": _forms,
    "reverse": truth,
}


def _taken(found: Mapping[str, Any], *known: Mapping[str, Read[Any]]) -> dict[str, Any]:
    """Return the known entries; lists become tuples."""
    keys = [key for readers in known for key in readers if key in found]
    return {key: tuple(found[key]) if isinstance(found[key], list) else found[key] for key in keys}


def _mask(value: Any) -> StoredMask:
    return StoredMask(**_taken(entries(_mask_entries, _own_entries)(value), _mask_entries, _own_entries))


def _segment(value: Any) -> StoredSegment:
    found = entries({**_segment_entries, "values": _values}, {"file": file_name, "class": text})(value)
    segment = Segment(**_taken(found, _segment_entries))
    return StoredSegment(segment, tuple(found["values"]), found.get("file"), found.get("class"))


def stored_label(value: Any) -> StoredLabel:
    """Read the value of ``label_file``; unknown keys are left out."""
    found = entries({}, _plain_entries)(value)
    form = found.get("form")
    if form != SEGMENTS and found.get("ending") == ENDING:
        raise Misfit("says nothing of segments", at=("ending",))
    own = _OF_FORM[form](found) if form in _OF_FORM else {}
    return StoredLabel(**_taken(found, _plain_entries), **own)


def _in_layers(found: dict[str, Any]) -> dict[str, Any]:
    masks = entries({"files": many(_mask)})(found)["files"]
    _refuse_twice([mask.place or mask.file for mask in masks])
    return {"masks": tuple(masks)}


def _in_channels(found: dict[str, Any]) -> dict[str, Any]:
    return {"masks": tuple(entries({"files": many(_mask, least=1)})(found)["files"])}


def _in_slices(found: dict[str, Any]) -> dict[str, Any]:
    files = entries({"files": many(_mask_file, least=1)})(found)["files"]
    _refuse_twice(files)
    return {"slices": tuple(files)}


def _in_segments(found: dict[str, Any]) -> dict[str, Any]:
    found = entries(
        {"segments": many(_segment, least=1)}, {"file": file_name, "grid": grid, "grids": mapping(grid, file_name)}
    )(found)
    largest = np.iinfo(found.get("dtype", "uint8")).max
    for place, segment in enumerate(found["segments"]):
        value = segment.segment.label_value
        if value > largest:
            raise Misfit(f"is {value}, expected at most {largest}", at=("segments", place, "label_value"))
    own = {"segments": tuple(found["segments"]), "file": found.get("file"), "grids": found.get("grids", {})}
    if "grid" in found and "grids" not in found:  # written when all files shared one grid
        files = {segment.file or own["file"] or USUAL_FILE for segment in own["segments"]}
        own["grids"] = dict.fromkeys(files, found["grid"])
    return own


def _refuse_twice(files: Sequence[str]) -> None:
    if len(set(files)) < len(files):
        raise Misfit("names a file twice", at=("files",))


_OF_FORM = {LAYERS: _in_layers, CHANNELS: _in_channels, STACK: _in_slices, SEGMENTS: _in_segments}
