"""Names of values in a file that holds many classes: from its own header, or from a numbering that the user names."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ... import reading
from ...errors import Cure, SegconvError
from ...image import volumes
from ...image.formats.nifti import HEAD_BYTES, HEADER_SIZE, NiftiHeader
from ...image.formats.nifti_names import label_names
from ...image.gzipped import inflate_head, is_gzip


def names_in(path: str, numbering: Mapping[int, str] | None = None) -> dict[int, str]:
    """Return value → name of a file, of which only the header is read.

    Parameters
    ----------
    numbering
        Value → name, if the user says which numbering the file has.

    Raises
    ------
    SegconvError
        ``SC074`` if neither the file nor the user says, or if both contradict each other; what reading raises.
    """
    own = _own_names(path)
    if numbering is None:
        if not own:
            cures = (Cure("name_task"),)
            hint = "check that it is a label map"
            raise SegconvError("does not say which value is which class", code="SC074", hint=hint, cures=cures)
        return own
    for value, name in own.items():
        if numbering.get(value) != name:
            raise SegconvError(
                f"calls the value {value} {name!r} in its header, expected {numbering.get(value, 'no such value')!r}",
                code="SC074",
                hint="name the task and version that it is of, or leave that to its header",
            )
    return dict(numbering)


def _own_names(path: str) -> dict[int, str]:
    header = volumes.probe_file(path)
    if not isinstance(header, NiftiHeader):
        return {}
    try:
        with reading.opened(os.path.realpath(path)) as file:
            head = file.read(header.offset + HEAD_BYTES)
    except OSError as error:
        raise reading.refusal(error) from error
    if is_gzip(head):
        head = inflate_head(head, header.offset)
    return label_names(head, header.offset, little=int.from_bytes(header.block[:4], "little") == HEADER_SIZE)
