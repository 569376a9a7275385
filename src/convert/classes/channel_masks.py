"""Masks of classes in one file per case, as its channels, samples or pages; the user names the classes in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ...dataset.stored_label import NOTHING_KNOWN, StoredLabel
from ...errors import Cure, SegconvError
from ...image import raster, volumes
from ..bands import naming_cure
from ..labels.picture_file import stored_planes
from ..model import CHANNELS, Parts, SourceCase
from ..survey import Survey
from ..write.layers import other_number
from .compiled_scan import refuse_label_options


def with_channels(
    survey: Survey, cases: Sequence[SourceCase], number_in: Callable[[SourceCase, str], int | None]
) -> list[SourceCase]:
    """Return the cases with the channels of their labels as masks of the classes that the user names.

    Parameters
    ----------
    number_in
        Returns the number of channels in a label; None if it cannot be read, which is reported elsewhere.
    """
    refuse_label_options(survey.options)
    names = survey.options.mask_channels
    found = []
    numbers: dict[str, int] = {}
    for case in cases:
        if case.label is None:
            found.append(case)
            continue
        with survey.judging(case.label):
            if case.label in case.parts:
                what = "is not one file, expected one with a channel or page for each class"
                raise SegconvError(what, code="SC084", cures=(Cure.of("leave_out", field="mask_channels"),))
            if (number := number_in(case, case.label)) is not None:
                numbers[case.label] = number
            parts = {**case.parts, case.label: Parts(CHANNELS, (case.label,), names)}
            found.append(replace(case, parts=parts))
    agreed = len(set(numbers.values())) == 1
    for path, number in numbers.items():
        if number != len(names):
            cures = (naming_cure(number),) if agreed else ()
            survey.collect(other_number(number, len(names), cures), path)
    return found


def usual_planes(cases: Sequence[SourceCase]) -> StoredLabel:
    """Return how the masks of the first case that has some are stored; see `stored_planes`."""
    first = next((case.label for case in cases if case.label_as(CHANNELS)), None)
    return NOTHING_KNOWN if first is None else stored_planes(raster.probe_file(first), first)


def usual_channels(cases: Sequence[SourceCase]) -> StoredLabel:
    """Do for volumes what `usual_planes` does."""
    first = next((case.label for case in cases if case.label is not None and case.label_as(CHANNELS)), None)
    return NOTHING_KNOWN if first is None else StoredLabel(volumes.ending_of(first), form=CHANNELS)
