"""Open the label of one case in any form: its values and its grid."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.labels import GRAY, RGB, grey_of_colour, value_text
from ...errors import Cure, SegconvError, naming
from ...image import content, raster, stack, volumes
from ...image.formats import nrrd, segmentation
from ...image.geometry import Geometry
from ...image.mask_values import WITH_ALPHA, colour_codes, palette_codes
from ...image.opened import Header, Opened, read_bytes
from ...image.picture import PictureHeader
from ...image.read_options import ANY_AXES
from ...image.voxels import label_values, tally
from .found import LabelUnit
from .layouts import CLASSES, FILE, SERIES

VALUES = "values"
INDICES = "indices of palettes"
COLOURS = "colours"
MASKS = "masks of classes"
"""What a label holds."""

Oddities = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Label:
    """One value per voxel.

    Parameters
    ----------
    array
        ``(z, y, x)`` or ``(y, x)``: values, indices, or colours as codes of `colour_codes`.
    kind
        `VALUES`, `INDICES` or `COLOURS`.
    counts
        Value, index or colour → number of voxels.
    grid
        Its grid; None for pictures.
    palette
        Index → colour, for occurring indices.
    oddities
        Code and message of what is unusual but usable.
    names
        Value → name, if its header names values.
    """

    array: NDArray[Any]
    kind: str
    counts: Mapping[int, int]
    grid: Geometry | None = None
    palette: Mapping[int, int] = field(default_factory=dict)
    oddities: Oddities = ()
    names: Mapping[int, str] = field(default_factory=dict)

    def text(self, value: int) -> str:
        """Return a value as text: ``255``, ``#ff0000``."""
        return value_text(value, RGB if self.kind == COLOURS else GRAY)


@dataclass(frozen=True)
class Masks:
    """Masks of one class each, which may overlap.

    Parameters
    ----------
    names
        Of the classes, in order.
    layers
        For a segmentation: name → index of its layer and its value there.
    files
        Otherwise: name → its own file.
    segmentation
        All layers, ``(layer, z, y, x)``, or None.
    grid
        Of the segmentation.
    """

    names: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    layers: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    segmentation: NDArray[Any] | None = None
    grid: Geometry | None = None

    def open(self, name: str) -> Label:
        """Return one mask as a label of 0 and 1.

        Raises
        ------
        SegconvError
            What `open_file` raises; ``SC078`` for a file that holds more than 0 and one other value.
        """
        if self.segmentation is not None:
            layer, value = self.layers[name]
            return _binary(Label(self.segmentation[layer] == value, VALUES, {}, self.grid))
        with naming(self.files[name]):
            label = open_file(self.files[name])
            others = [value for value in label.counts if value]
            if label.kind == COLOURS or len(others) > 1:
                held = ", ".join(label.text(value) for value in list(label.counts)[:6])
                raise SegconvError(
                    f"holds {held}, expected the mask of one class: 0 and one other value",
                    code="SC078",
                    cures=(Cure.of("files_are_cases"),),
                )
        return _binary(replace(label, array=label.array != 0))


def open_unit(unit: LabelUnit) -> Label | Masks:
    """Return the label of a case.

    Raises
    ------
    SegconvError
        What `open_file` raises; ``SC082`` and ``SC084`` for slices that do not match.
    """
    if unit.form == CLASSES:
        return Masks(unit.classes, files=dict(zip(unit.classes, unit.files, strict=True)))
    with naming(unit.shown):
        if unit.form == SERIES:
            from ...image.formats import dicom, dicom_folder  # bring SimpleITK

            volume = dicom.read_series(dicom_folder.one_series(unit.shown))
            return _of_volume(volume.values, volume.header.geometry, volume.header.oddities)
        if unit.form == FILE:
            path = os.path.realpath(unit.files[0])
            if path.lower().endswith((".nrrd", ".nhdr")) and (found := _segmentation(path)) is not None:
                return found
            return open_file(path)
    return _stacked([_slice(path) for path in unit.files])


def open_file(path: str) -> Label:
    """Return the label that one file holds.

    Raises
    ------
    SegconvError
        What `opened.decode`, `Opened.label` and `label_values` raise; ``SC078`` for a lossy format.
    """
    opened = _decoded(path)
    header = opened.header
    if header.lossy:
        raise SegconvError(
            f"is a mask in a lossy format ({header.format}): compression changed its values",
            code="SC078",
            hint="export the mask as PNG",
        )
    if isinstance(header, PictureHeader) and header.samples > 1 and header.pages == 1 and header.depth == 8:
        return _in_colours(opened.stored, header)
    array = opened.label().array
    if header.placed:
        return replace(_of_volume(array, header.geometry, _besides_shear(header)), names=opened.label_names)
    counts = label_values(array)
    if opened.palette is None:
        return Label(array, VALUES, counts)
    entries = palette_codes(opened.palette)
    return Label(array, INDICES, counts, palette={index: entries[index] for index in counts if index < len(entries)})


def _of_volume(values: NDArray[Any], grid: Geometry, oddities: Oddities) -> Label:
    values = values.reshape(grid.array_shape)
    return Label(values, VALUES, label_values(values), grid, oddities=oddities)


def _besides_shear(header: Header) -> Oddities:
    """Return the oddities of a volume except sheared axes, which `on_reference` reports."""
    if not header.geometry.sheared:
        return header.oddities
    return tuple(found for found in header.oddities if found[0] != "SC093")


def _decoded(path: str) -> Opened:
    data = read_bytes(path)
    if raster.is_picture(data):
        return raster.decode(data)
    ending = volumes.ending_of(path)
    if ending is None:
        raise content.refuse(data, "a picture")
    others = volumes.companions(path)
    # Axes of a tilted gantry are compared as stored; see `on_reference`.
    return volumes.decode(data, ending, read_bytes(others[0]) if others else None, ANY_AXES)


def _in_colours(samples: NDArray[Any], header: PictureHeader) -> Label:
    """Return the label of a picture in colours of 8 bits, ``(y, x, s)``; grey values if all its colours are grey."""
    codes = colour_codes(samples, header)
    counts = tally(codes, what="colours")
    if header.kind not in WITH_ALPHA or all(code < 1 << 24 for code in counts):
        greys = {code: grey for code in counts if (grey := grey_of_colour(code)) is not None}
        if len(greys) == len(counts):
            return Label((codes & 255).astype(np.uint8), VALUES, {greys[code]: n for code, n in counts.items()})
    return Label(codes, COLOURS, counts)


def _slice(path: str) -> Label:
    with naming(path):
        label = open_file(path)
        if label.array.ndim != 2:
            raise SegconvError(f"has the shape {label.array.shape}, expected a slice (y, x)", code="SC084")
        return label


def _stacked(slices: Sequence[Label]) -> Label:
    """Return the label of several slices; in colours if an index has several colours among them."""
    kinds = {one.kind for one in slices}
    palette = _common_palette(slices)
    if COLOURS in kinds or palette is None:
        kinds, palette = {COLOURS}, {}
        slices = [coloured(one) for one in slices]
    dtype = np.result_type(*(one.array.dtype for one in slices))
    array = stack.assemble([one.array.astype(dtype, copy=False) for one in slices])
    counts: Counter[int] = Counter()
    for one in slices:
        counts.update(one.counts)
    return Label(array, INDICES if INDICES in kinds else kinds.pop(), counts, palette=palette)


def _common_palette(slices: Sequence[Label]) -> dict[int, int] | None:
    """Return index → colour of all slices; None if an index is several colours."""
    palette: dict[int, int] = {}
    agree = all(palette.setdefault(i, colour) == colour for one in slices for i, colour in one.palette.items())
    return palette if agree else None


def coloured(label: Label) -> Label:
    """Return a label of 8 bits in the colours that people see; a grey value has equal parts of red, green and blue."""
    if label.kind == COLOURS:
        return label
    colour_of = {value: label.palette.get(value, value * 0x010101) for value in label.counts}
    counts: Counter[int] = Counter()
    for value, number in label.counts.items():
        counts[colour_of[value]] += number
    table = np.zeros(max(colour_of, default=0) + 1, dtype=np.uint32)
    for value, colour in colour_of.items():
        table[value] = colour
    return Label(table[label.array.astype(np.intp, copy=False)], COLOURS, counts, label.grid)


def _segmentation(path: str) -> Masks | None:
    """Return the segments of a 3D Slicer file; None for any other NRRD."""
    data = read_bytes(path)
    if not segmentation.is_segmentation(nrrd.read_header(data, ANY_AXES)):
        return None
    found = segmentation.decode(data, ANY_AXES)
    names = tuple(segment.name for segment in found.segments)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SegconvError(f"has two segments named {twice!r}", code="SC085", hint="rename one of them in 3D Slicer")
    layers = {segment.name: (segment.layer, segment.label_value) for segment in found.segments}
    return Masks(names, layers=layers, segmentation=found.layers, grid=found.geometry)


def _binary(label: Label) -> Label:
    array = label.array.astype(np.uint8, copy=False)
    on = int(np.count_nonzero(array))
    counts = {value: n for value, n in ((0, array.size - on), (1, on)) if n}
    return Label(array, VALUES, counts, label.grid, oddities=label.oddities)
