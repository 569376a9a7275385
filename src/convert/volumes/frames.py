"""Make one case per frame of images and labels that have equally many frames (both 4D).

The frames of one file are of one patient, so folds keep them together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...dataset.lineage import TEST, TRAIN
from ...dataset.names import case_identifier
from ...errors import Cure, SegconvError
from ...image import volumes
from ...image.stored import ArrayVolume, DecodedVolume, VolumeHeader
from ...words import count_of
from ..model import FRAME, ConvertOptions, Parts, SourceCase
from ..source_files import read_source
from ..survey import Survey

CURE = Cure("make_cases_of_frames")
_SUBJECT = re.compile(r"(?:^|[/_])(sub-[A-Za-z0-9]+)")


def with_frames(survey: Survey, cases: Sequence[SourceCase]) -> list[SourceCase]:
    """Return a case for each frame, if that was asked for; a case without frames to separate becomes a finding.

    Many cardiac files have labels in two frames and empty labels in all others: the user may leave those out, or
    make test cases of them.
    """
    if not survey.options.frames:
        return list(cases)
    found = [frame for case in cases for frame in _with_frames(survey, case)]
    return sorted(found, key=lambda frame: frame.split != TRAIN)


def _with_frames(survey: Survey, case: SourceCase) -> list[SourceCase]:
    try:
        counts = {unit: volumes.probe_file(unit).channels if case.form(unit) is None else 1 for unit in case.units}
    except SegconvError:
        return [case]  # reported when its headers are judged
    if len(set(counts.values())) > 1 or 1 in counts.values():
        what = ", ".join(f"{survey.shown(unit)} has {count_of(number, 'frame')}" for unit, number in counts.items())
        cures = (Cure.of("leave_out", field="frames"), Cure("take_some_cases"))
        file = survey.shown(case.images[0])
        survey.error("SC073", f"cannot be taken apart into frames: {what}", file=file, cures=cures)
        return []
    return _frames(survey, case, counts[case.images[0]])


def _frames(survey: Survey, case: SourceCase, count: int) -> list[SourceCase]:
    empty = _empty(case, count, survey.options)
    digits = max(2, len(str(count)))
    frames = [_frame(case, number, digits) for number in range(count)]
    if empty and survey.options.unlabelled == "skip":
        named = ", ".join(str(number + 1) for number in sorted(empty))
        survey.note(f"left out the frames {named} of {survey.shown(case.images[0])}, which have no label, as asked")
        return [frame for number, frame in enumerate(frames) if number not in empty]
    return [_unlabelled(frame) if number in empty else frame for number, frame in enumerate(frames)]


def _empty(case: SourceCase, count: int, options: ConvertOptions) -> set[int]:
    """Return the frames with an empty label, if others are not empty and the user says what becomes of them."""
    if options.unlabelled is None or case.label is None:
        return set()
    label = volumes.decode(read_source(case.label), case.label, how=options.read_options)
    empty = {number for number in range(count) if not label.channel(number).any()}
    return empty if len(empty) < count else set()


def same_frames(images: Sequence[VolumeHeader], label: VolumeHeader) -> bool:
    """Return whether images and their label have the same number of frames, by their headers."""
    return label.channels > 1 and all(header.channels == label.channels for header in images)


def _frame(case: SourceCase, number: int, digits: int) -> SourceCase:
    subject = _SUBJECT.search(case.original_name)
    name = f"{case.original_name}_frame{number + 1:0{digits}d}"
    return case._replace(
        case=case_identifier(name),
        original_name=name,
        patient=case.patient or (subject[1] if subject else case.original_name),
        label_name=None,
        parts={unit: Parts(FRAME, (unit,), (str(number),)) for unit in case.units},
    )


def _unlabelled(frame: SourceCase) -> SourceCase:
    return frame._replace(label=None, split=TEST, parts={image: frame.parts[image] for image in frame.images})


def header_of_frame(header: VolumeHeader) -> VolumeHeader:
    """Return a file's header as that of one of its frames."""
    return VolumeHeader(header.geometry, 1, header.dtype, header.slope, header.intercept, False, tuple(header.oddities))


def frame_of(volume: DecodedVolume, parts: Parts) -> ArrayVolume:
    """Return one frame of a decoded file."""
    return channel_of(volume, int(parts.names[0]))


def channel_of(volume: DecodedVolume, number: int) -> ArrayVolume:
    """Return one channel of a decoded file as a volume."""
    return ArrayVolume(header_of_frame(volume.header), False, volume.trailing, volume.channel(number))
