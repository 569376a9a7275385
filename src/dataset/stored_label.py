"""How a user's label is stored; the lineage keeps it for restoring predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..image.geometry import Geometry
from ..image.segment import ENDING, Segment
from .losses import Loss

LAYERS = "layers"
"""Masks of one class each, one file per mask."""
CHANNELS = "channels"
"""Masks of one class each, as the channels, samples or pages of one file."""
STACK = "stack"
"""Slices of a volume, one picture each."""
PAGES = "pages"
"""Slices of a volume as pages of one picture."""
SEGMENTS = "segments"
"""Segmentations of 3D Slicer."""
CHANNEL_PAGES = "channel pages"
"""In `CHANNELS`: `StoredLabel.mode` of a picture whose pages its file calls channels."""
USUAL_FILE = f"segments{ENDING}"
"""Name of a file of segments that has no name of its own."""


@dataclass(frozen=True)
class StoredMask:
    """One of several masks that make up a label, and may overlap.

    Parameters
    ----------
    on
        Its value where it is on.
    values
        Dataset values that it consists of.
    place
        Path of the file, with `convert.model.CASE` for the name of the case, if its case has no folder of its own.
    turned_from, forms
        As in `StoredLabel`, if the mask has its own.
    """

    name: str
    file: str
    on: int
    dtype: str
    values: tuple[int, ...]
    place: str | None = None
    turned_from: Geometry | None = None
    forms: str = ""


@dataclass(frozen=True)
class StoredSegment:
    """One of the segments that make up a label.

    Parameters
    ----------
    segment
        Its description in its file.
    values
        Dataset values that it consists of.
    file
        Name of its file, if it is not `StoredLabel.file`.
    class_name
        Name of its class, if it differs from the segment's name.
    """

    segment: Segment
    values: tuple[int, ...]
    file: str | None = None
    class_name: str | None = None

    @property
    def name(self) -> str:
        """Name of its class."""
        return self.class_name if self.class_name is not None else self.segment.name


@dataclass(frozen=True)
class StoredLabel:
    """How a user's label is stored: everything that restoring needs besides the values.

    Parameters
    ----------
    ending
        Ending of its file or files.
    dtype
        Type of its values.
    name
        The user's name for it, without ending, if it is not the name of the case.
    losses
        What cannot be restored.
    lost
        The same in words, in lineages without `losses`.
    mode, depth, palette
        For pictures: one of `label_readers.MODES`, bits, and the colours as ``#rrggbb`` or ``#rrggbbaa``.
    form
        `LAYERS`, `CHANNELS`, `STACK`, `PAGES` or `SEGMENTS`; None for one plain file.
    masks
        For `LAYERS` and `CHANNELS`.
    slices
        For `STACK`: file names.
    reverse
        For `PAGES`: whether the last page is the first slice.
    segments
        For `SEGMENTS`.
    file
        For `SEGMENTS`: file name for segments that name none.
    grids
        For `SEGMENTS`: file → its grid when restored.
    turned_from
        Grid of the user's file, if its voxel order differs from the dataset's.
    forms
        Its NIfTI header's description of that grid; see `nifti_forms.forms_of`.
    """

    ending: str | None = None
    dtype: str | None = None
    name: str | None = None
    losses: tuple[Loss, ...] = ()
    lost: str = ""
    mode: str | None = None
    depth: int | None = None
    palette: tuple[str, ...] = ()
    form: str | None = None
    masks: tuple[StoredMask, ...] = ()
    slices: tuple[str, ...] = ()
    reverse: bool = False
    segments: tuple[StoredSegment, ...] = ()
    file: str | None = None
    grids: Mapping[str, Geometry] = field(default_factory=dict)
    turned_from: Geometry | None = None
    forms: str = ""

    @property
    def files_of_segments(self) -> tuple[str, ...]:
        """Names of the files of segments; at least one."""
        usual = self.file or USUAL_FILE
        return tuple(dict.fromkeys(one.file or usual for one in self.segments)) or (usual,)

    def __bool__(self) -> bool:
        return self != NOTHING_KNOWN

    def updated(self, other: StoredLabel) -> StoredLabel:
        """Return the same, updated with everything that another one specifies."""
        said = {name: value for name, value in vars(other).items() if value != getattr(NOTHING_KNOWN, name)}
        return replace(self, **said) if said else self

    def losing(self, *losses: Loss) -> StoredLabel:
        """Return the same with further losses."""
        return replace(self, losses=(*self.losses, *losses)) if losses else self

    def moved(self, forward: Mapping[int, int]) -> StoredLabel:
        """Return the same after the values of masks or segments changed in the dataset, from old to new."""

        def moved(values: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(forward[value] for value in values if value in forward)

        return replace(
            self,
            masks=tuple(replace(mask, values=moved(mask.values)) for mask in self.masks),
            segments=tuple(replace(segment, values=moved(segment.values)) for segment in self.segments),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the value of ``label_file`` in the lineage; defaults are left out."""
        found = _said(self)
        if self.form in (LAYERS, CHANNELS):
            found["files"] = [_said(mask) for mask in self.masks]
        elif self.form == STACK:
            found["files"] = list(self.slices)
        elif self.form == SEGMENTS:
            found["segments"] = [_segment_json(segment) for segment in self.segments]
            found["grids"] = {file: grid.as_json() for file, grid in self.grids.items()}
        return found


NOTHING_KNOWN = StoredLabel()
"""For a label whose storage is not known."""

_OF_FORMS = ("masks", "slices", "segments", "grids")
"""Fields of `StoredLabel` that are written in a special form."""


def _said(one: StoredLabel | StoredMask) -> dict[str, Any]:
    """Return the fields that differ from their defaults, by name."""
    found = ((name, getattr(one, name), usual) for name, usual in _USUAL[type(one)])
    return {name: _plain(value) for name, value, usual in found if value != usual}


_USUAL = {
    kind: [(of.name, of.default) for of in fields(kind) if of.name not in _OF_FORMS]
    for kind in (StoredLabel, StoredMask)
}
"""What `_said` looks at: the names of the fields, with their defaults."""


def _plain(value: Any) -> Any:
    if isinstance(value, (Geometry, Loss)):
        return value.as_json()
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _segment_json(one: StoredSegment) -> dict[str, Any]:
    found = {**vars(one.segment), "values": one.values, "class": one.class_name, "file": one.file}
    return {key: _plain(value) for key, value in found.items() if value is not None or key == "extent"}
