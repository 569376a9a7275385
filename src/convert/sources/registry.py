"""The kinds of source; to add one, write a module and add its name to the list below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

from ...errors import Cure, SegconvError
from ...words import count_of, some_of
from ..model import ConvertOptions, Scan
from ..survey import Survey
from . import dicom, masks, msd, nnunet_v1, nnunet_v2, pairs, png
from .kind import Kind

KINDS: Mapping[str, Kind] = {
    module.SOURCE.name: module.SOURCE for module in (png, msd, nnunet_v1, nnunet_v2, pairs, masks, dicom)
}


def scan_source(kind: str, survey: Survey) -> Scan:
    """Return what a source of a kind holds, with everything that was noticed during the scan.

    Raises
    ------
    SegconvError
        ``SC001`` for a kind that does not exist, and for options that sources of this kind do not use.
    """
    if kind not in KINDS:
        raise SegconvError(f"{kind}: unknown kind of source", hint=f"known are {', '.join(KINDS)}")
    _refuse_unheeded(KINDS[kind], survey.options)
    scan = KINDS[kind].scan(survey)
    if survey.skipped:
        images = f"{count_of(len(survey.skipped), 'image')} without a label: {some_of(survey.skipped)}"
        survey.note(f"left out {images}, as asked")
    return replace(scan, findings=tuple(survey.findings), notes=tuple(survey.notes))


def _refuse_unheeded(kind: Kind, options: ConvertOptions) -> None:
    special = frozenset().union(*(one.heeds for one in KINDS.values()))
    for field in fields(options):
        unheeded = field.name in special - kind.heeds
        if unheeded and getattr(options, field.name) != getattr(ConvertOptions(), field.name):
            heeding = [one.name for one in KINDS.values() if field.name in one.heeds]
            raise SegconvError(
                f"{field.name} has no meaning for a source of the kind {kind.name}, only for {', '.join(heeding)}",
                cures=(Cure.of("leave_out", field=field.name),),
            )
