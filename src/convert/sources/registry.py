"""The kinds of source, one line each, which import nothing. To add one, add a line here and a module of its name."""

from __future__ import annotations

from dataclasses import fields, replace
from importlib import import_module
from typing import TYPE_CHECKING

from ...errors import Cure, SegconvError
from ...words import count_of, some_of

if TYPE_CHECKING:
    from ..model import ConvertOptions, Scan
    from ..survey import Survey
    from .kind import Kind

KINDS = {
    "png": "pictures and their masks",
    "msd": "a task of the Medical Segmentation Decathlon",
    "nnunet-v1": "a task of nnU-Net v1",
    "nnunet-v2": "a dataset of nnU-Net v2",
    "pairs": "volumes and their labels",
    "masks": "masks of one class each, or segmentations of 3D Slicer",
    "dicom": "series of DICOM and their labels",
}
"""Name → what such a source holds; each kind is the attribute ``SOURCE`` of a module of its name."""


_WORDS = {"numbering": "the numbering of a tool"}
"""Option → how a message calls it, if not by its name."""
_OF_OVERLAPS = ("priority", "max_heads")
"""Options for masks that overlap, which channels of a file may do as well."""


def kind_named(name: str) -> Kind:
    """Import the module of a kind."""
    found: Kind = import_module(f".{name.replace('-', '_')}", __package__).SOURCE
    return found


def scan_source(kind: str, survey: Survey) -> Scan:
    """Return what a source of a kind holds, with everything that was noticed during the scan.

    Raises
    ------
    SegconvError
        ``SC001`` for a kind that does not exist, and for options that sources of this kind do not use.
    """
    if kind not in KINDS:
        raise SegconvError(f"{kind}: unknown kind of source", hint=f"known are {', '.join(KINDS)}")
    _refuse_unheeded(kind, survey.options)
    scan = kind_named(kind).scan(survey)
    if survey.skipped:
        images = f"{count_of(len(survey.skipped), 'image')} without a label: {some_of(survey.skipped)}"
        survey.note(f"left out {images}, as asked")
    return replace(scan, findings=tuple(survey.findings), notes=tuple(survey.notes))


def _refuse_unheeded(kind: str, options: ConvertOptions) -> None:
    usual = type(options)()
    given = [field.name for field in fields(options) if getattr(options, field.name) != getattr(usual, field.name)]
    for option in given:
        if options.mask_channels and option in _OF_OVERLAPS:
            continue
        heeding = [name for name in KINDS if option in kind_named(name).heeds]
        if heeding and kind not in heeding:
            raise SegconvError(
                f"{_WORDS.get(option, option)} has no meaning for a source of the kind {kind},"
                f" only for {', '.join(heeding)}",
                cures=(Cure.of("leave_out", field=option),),
            )
