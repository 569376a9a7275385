"""Images of several frames whose labels have as many (4D both): a case of its own for each frame (``--frames``).

The frames of one file are of one patient, so that folds keep them together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..dataset.names import case_identifier
from ..errors import Finding, SegconvError
from ..image import volumes
from ..image.stored import ArrayVolume, DecodedVolume, VolumeHeader
from .source import FRAME, ConvertOptions, Parts, SourceCase, count_of, shown

HINT = "--frames makes a case of each frame, all of one patient"
_SUBJECT = re.compile(r"(?:^|[/_])(sub-[A-Za-z0-9]+)")


def with_frames(
    cases: Sequence[SourceCase], root: Path, options: ConvertOptions, findings: list[Finding]
) -> list[SourceCase]:
    """Return a case for each frame, if that was asked for; what has no frames to take apart becomes a finding."""
    if not options.frames:
        return list(cases)
    found: list[SourceCase] = []
    for case in cases:
        units = [*case.images, *([case.label] if case.label is not None else [])]
        try:
            counts = {unit: volumes.probe_file(unit).channels if case.form(unit) is None else 1 for unit in units}
        except SegconvError:
            found.append(case)  # said when its headers are judged
            continue
        if len(set(counts.values())) > 1 or 1 in counts.values():
            told = ", ".join(f"{shown(unit, root)} has {count_of(number, 'frame')}" for unit, number in counts.items())
            hint = "leave --frames out, if the image has channels and not frames; or take the case out with --cases"
            findings.append(Finding("SC073", f"--frames: {told}", file=shown(units[0], root), hint=hint))
            continue
        found += _frames(case, units, next(iter(counts.values())))
    return found


def same_frames(images: Sequence[VolumeHeader], label: VolumeHeader) -> bool:
    """Return whether images and their label have one number of frames, by their headers."""
    return label.channels > 1 and all(header.channels == label.channels for header in images)


def _frames(case: SourceCase, units: Sequence[str], count: int) -> list[SourceCase]:
    subject = _SUBJECT.search(case.original_name)
    patient = case.patient or (subject[1] if subject else case.original_name)
    digits = max(2, len(str(count)))
    names = [f"{case.original_name}_frame{number + 1:0{digits}d}" for number in range(count)]
    return [
        replace(
            case,
            case=case_identifier(name),
            original_name=name,
            patient=patient,
            label_name=None,
            parts={unit: Parts(FRAME, (unit,), (str(number),)) for unit in units},
        )
        for number, name in enumerate(names)
    ]


def header_of_frame(header: VolumeHeader) -> VolumeHeader:
    """Return what the header of a file says of one of its frames."""
    return VolumeHeader(header.geometry, 1, header.dtype, header.slope, header.intercept, False, tuple(header.oddities))


def frame_of(volume: DecodedVolume, parts: Parts) -> ArrayVolume:
    """Return one frame of a decoded file."""
    return ArrayVolume(header_of_frame(volume.header), False, volume.trailing, volume.channel(int(parts.names[0])))
