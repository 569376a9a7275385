"""Masks of classes in one file per case, as its channels, samples or pages; the user names the classes in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray

from ...dataset.stored_label import NOTHING_KNOWN, StoredLabel
from ...errors import Cure, SegconvError
from ...image import raster, volumes
from ..bands import naming_cure
from ..labels.picture_file import mask_planes, stored_planes
from ..model import CHANNELS, Parts, SourceCase
from ..source_files import read_source
from ..survey import Survey
from ..write.layers import other_number
from ..write.work import smallest_dtype
from .compiled_scan import Usual, refuse_label_options


def with_channels(
    survey: Survey, cases: Sequence[SourceCase], number_in: Callable[[SourceCase, str], int | None]
) -> list[SourceCase]:
    """Return the cases with the channels of their labels as masks of the classes that the user names.

    Parameters
    ----------
    number_in
        Returns the number of channels in a label; None if it cannot be read, which is reported elsewhere.

    Raises
    ------
    SegconvError
        ``SC001`` for two classes of one name, and for options that name values.
    """
    refuse_label_options(survey.options)
    names = survey.options.mask_channels
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SegconvError(f"two channels are named {twice!r}, expected a name each", code="SC001")
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
            found.append(case._replace(parts=parts))
    agreed = len(set(numbers.values())) == 1
    for path, number in numbers.items():
        if number != len(names):
            cures = (naming_cure(number),) if agreed else ()
            survey.collect(other_number(number, len(names), cures), path)
    return found


def usual_planes(survey: Survey, cases: Sequence[SourceCase]) -> Usual:
    """Return how the masks of most pictures are stored, by the first that are not empty."""

    def read(path: str) -> tuple[StoredLabel, NDArray[Any]]:
        opened = raster.decode(read_source(path))
        return stored_planes(opened.header, path), mask_planes(opened)

    return _usual(survey, cases, read)


def usual_channels(survey: Survey, cases: Sequence[SourceCase]) -> Usual:
    """Do for volumes what `usual_planes` does."""

    def read(path: str) -> tuple[StoredLabel, NDArray[Any]]:
        values = volumes.decode(read_source(path), path, how=survey.options.read_options).values
        return StoredLabel(volumes.ending_of(path), smallest_dtype(values), form=CHANNELS), values

    return _usual(survey, cases, read)


def _usual(
    survey: Survey, cases: Sequence[SourceCase], read: Callable[[str], tuple[StoredLabel, NDArray[Any]]]
) -> Usual:
    labels = [case.label for case in cases if case.label is not None and case.label_as(CHANNELS)]
    stored = NOTHING_KNOWN
    for path in labels if not survey.failed else ():
        stored, values = read(path)
        if values.any():
            return Usual(stored, int(values.max()))
    return Usual(stored)
