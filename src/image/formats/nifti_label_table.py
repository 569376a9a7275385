"""Write names of label values into the header of a NIfTI file, as TotalSegmentator does and reads them.

Sources: the extensions of nifti1.h (https://nifti.nimh.nih.gov/nifti-1), and the label table of Caret's XML
(https://www.nitrc.org/projects/cifti, ``CaretExtension/VolumeInformation/LabelTable/Label``).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from .nifti_block import SIZE, NiftiBlock

_CODE = 0
"""TotalSegmentator 2.18 writes "unknown" instead of 30 for Caret; it reads the first extension, whatever its code."""

_FOLLOW = b"\1\0\0\0"
"""After the header: extensions follow."""

_UNIT = 16
"""Sizes of extensions are multiples of it."""

_COLOURS = ("1 0 0", "0 1 0", "0 0 1", "1 1 0", "1 0 1", "0 1 1", "1 .5 0", "1 0 .5", ".5 1 .5", "0 .5 1", ".5 .5 .5")


def with_label_table(buffers: list[Any], names: Mapping[int, str]) -> list[Any]:
    """Return the buffers of a file with the names of its values.

    Parameters
    ----------
    buffers
        The 352 bytes before the voxels, in native byte order and without extensions, and the voxels.
    names
        Value → name.
    """
    head, *voxels = buffers
    content = _xml(names).encode()
    size = -(-(len(content) + 8) // _UNIT) * _UNIT
    block = NiftiBlock(bytes(head[:SIZE]))
    block["vox_offset"] = SIZE + len(_FOLLOW) + size
    extension = struct.pack("=ii", size, _CODE) + content.ljust(size - 8)
    return [block.to_bytes() + _FOLLOW + extension, *voxels]


def _xml(names: Mapping[int, str]) -> str:
    labels = "".join(_label(value, name) for value, name in sorted(names.items()))
    return (
        '<?xml version="1.0" encoding="UTF-8"?><CaretExtension><VolumeInformation Index="0"><LabelTable>'
        f"{labels}</LabelTable><VolumeType>Label</VolumeType></VolumeInformation></CaretExtension>"
    )


def _label(value: int, name: str) -> str:
    red, green, blue = _COLOURS[value % len(_COLOURS)].split()
    colour = f'Red="{red}" Green="{green}" Blue="{blue}" Alpha="1"'
    return f'<Label Key="{value}" {colour}>{escape(name)}</Label>'
