"""Open a file of a dataset: prove and decode it completely, or read only its header."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ...dataset.strictjson import begins_with_mark
from ...errors import Cure, Finding, SegconvError
from ...image import opened
from ...image.gzipped import is_gzip
from ...image.opened import Header, Opened


@dataclass(frozen=True)
class Looked:
    """A file that was read completely, or only its header.

    Parameters
    ----------
    header
        Header of the file.
    oddities
        Code and message of what is unusual but usable.
    opened
        The decoded file, or None if only the header was read.
    """

    header: Header
    oddities: tuple[tuple[str, str], ...]
    opened: Opened | None = None


def judge_mark(data: bytes, name: str) -> list[Finding]:
    """Return an error if a json begins with a byte order mark."""
    if not begins_with_mark(data):
        return []
    return [
        Finding(
            "SC086",
            "begins with a byte order mark, at which nnU-Net stops",
            file=name,
            hint="save it as UTF-8 without one",
            cures=(Cure.of("repair"),),
        )
    ]


def decode(data: bytes, ending: str) -> Looked:
    """Prove and decode a file.

    Raises
    ------
    SegconvError
        What `opened.decode` raises; ``SC051`` for a gzipped ``.nii``, since its reader goes by the name.
    """
    found = opened.decode(data, ending)
    if ending == ".nii" and is_gzip(data):
        raise SegconvError("is gzipped, and nnU-Net's reader of .nii goes by the name", code="SC051", hint="gunzip it")
    odd = (("SC051", "is not gzipped, although its name says so"),)
    return Looked(found.header, found.oddities + (odd if ending == ".nii.gz" and not is_gzip(data) else ()), found)


def probe(path: str) -> Looked:
    """Read the header of a file; raises what `opened.probe` raises."""
    header = opened.probe(os.path.realpath(path))
    return Looked(header, header.oddities)
