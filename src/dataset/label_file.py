"""How a user's label is stored, as the lineage keeps it for the way back: its entries, and of which type each is.

``ending``, ``dtype`` and ``lost`` go with any label; ``mode``, ``depth`` and ``palette`` with pictures; ``form`` with
labels that are more than one plain file: ``layers`` and ``stack`` list their ``files``, ``segments`` the segments of
one file, ``pages`` are those of one picture. ``turned_from`` is the grid of the user's file where its voxels have
another order than in the dataset, ``forms`` what its NIfTI header says of it, as `nifti_forms.forms_of` writes it;
both go with one mask of ``layers`` where it has its own.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ..errors import SegconvError
from ..image import raster, volumes
from ..image.formats import segmentation
from ..image.formats.nifti_forms import FORMS_BYTES
from ..image.geometry import Geometry
from ..typed import (
    Misfit,
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

LARGEST_VALUE = (1 << 16) - 1
"""Of a label in a dataset: nnU-Net keeps them in 16 bits at most."""

LARGEST_STORED = (1 << 63) - 1
"""Of a label in a user's file."""

FARTHEST_MM = 1e30
"""Of a point of a grid, beyond all reason: numbers whose products still have room."""

MOST_LAYERS = 1000
"""Of one segmentation of 3D Slicer, which needs one for each segment at worst."""

MODES = ("gray", "gray+alpha", "RGB", "RGBA", "palette")
"""What a picture holds, as `PictureHeader.kind` has it."""

_DTYPES = tuple(f"{sign}int{bits}" for sign in ("u", "") for bits in (8, 16, 32, 64))
_OF_MASKS = (*volumes.ENDINGS, *raster.ENDINGS)
_ENDINGS = (*_OF_MASKS, segmentation.ENDING)
_FORMS = re.compile(f"[0-9a-f]{{{2 * FORMS_BYTES}}}")
_COLOUR = re.compile(r"#[0-9a-f]{6}([0-9a-f]{2})?")

label_value = whole_between(0, LARGEST_VALUE)
"""Reads a value as a dataset has it."""


def label_value_text(value: Any) -> str:
    """Read the same as the text that is a key."""
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
    """Read value or colour in one set of files, as text → value or colour in another."""
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
"""Reads numbers of a grid, as many as there should be; see `grid`."""


def grid(value: Any) -> dict[str, Any]:
    """Read a grid as `Geometry.as_json` writes it."""
    found = shape_of_grid(value)
    try:
        Geometry.from_json(found)
    except SegconvError as error:
        raise Misfit(f"is no grid: {error.message}") from None
    return found


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


_layer = entries(
    {
        "name": text,
        "file": _mask_file,
        "on": whole_between(1, LARGEST_STORED),
        "dtype": one_of(*_DTYPES),
        "values": many(label_value),
    },
    {"turned_from": grid, "forms": _forms, "place": _mask_place},
)
_segment = entries(
    {
        "id": _encoded_text,
        "name": _encoded_text,
        "label_value": whole_between(1, LARGEST_STORED),
        "layer": whole_between(0, MOST_LAYERS - 1),
        "colour": many(_part_of_colour, least=3, most=3),
        "values": many(label_value),
        "extent": optional(many(whole, least=6, most=6)),
        "tags": _encoded_text,
    },
    {"file": file_name, "class": text},
)
_any = entries(
    {},
    {
        "ending": _ending,
        "dtype": one_of(*_DTYPES),
        "name": text,
        "lost": text,
        "mode": one_of(*MODES),
        "depth": whole_between(1, 64),
        "palette": many(_colour, least=1),
        "form": one_of("layers", "stack", "pages", "segments"),
        "turned_from": grid,
        "forms": _forms,
        "reverse": truth,
    },
)
_OF_FORM = {
    "layers": entries({"files": many(_layer)}),
    "stack": entries({"files": many(_mask_file, least=1)}),
    "segments": entries(
        {"segments": many(_segment, least=1)}, {"file": file_name, "grid": grid, "grids": mapping(grid, file_name)}
    ),
}


def label_file(value: Any) -> dict[str, Any]:
    """Read all of it."""
    found = _any(value)
    read = _OF_FORM.get(str(found.get("form")))
    if found.get("form") != "segments" and found.get("ending") == segmentation.ENDING:
        raise Misfit("says nothing of segments", at=("ending",))
    if read is None:
        return found
    found = read(found)
    files = [
        entry.get("place", entry["file"]) if isinstance(entry, dict) else entry for entry in found.get("files", ())
    ]
    if len(set(files)) < len(files):
        raise Misfit("names a file twice", at=("files",))
    largest = np.iinfo(found.get("dtype", "uint8")).max
    for place, segment in enumerate(found.get("segments", ())):
        if segment["label_value"] > largest:
            raise Misfit(
                f"is {segment['label_value']}, expected at most {largest}", at=("segments", place, "label_value")
            )
    return found
