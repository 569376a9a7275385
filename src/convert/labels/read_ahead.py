"""Read label files before planning, if the plan depends on their contents."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import TypeVar

from ...errors import SegconvError
from ...image.opened import decoded_bytes
from ..model import SERIES, SourceCase
from ..survey import Survey

T = TypeVar("T")
R = TypeVar("R")


def read_labels(
    survey: Survey, cases: Sequence[SourceCase], read: Callable[[SourceCase], R]
) -> Generator[tuple[SourceCase, R], None, None]:
    """Yield each case with the contents of its label; report errors as findings.

    Parameters
    ----------
    cases
        Cases without a label are left out.
    read
        Reads the label of a case: the slices of a DICOM series together, other files one by one.
    """

    def decoded(case: SourceCase) -> int:
        label = str(case.label)
        return (sum if case.form(label) == SERIES else max)(map(decoded_bytes, case.files_of(label)))

    labelled = [case for case in cases if case.label is not None]
    found = survey.readers.over(labelled, read, files=lambda case: case.files_of(str(case.label)), decoded=decoded)
    return _sound(survey, found, lambda case: str(case.label))


def read_pictures(
    survey: Survey, paths: Sequence[str], read: Callable[[str], R]
) -> Generator[tuple[str, R], None, None]:
    """Yield each path with the contents of its picture; report errors as findings."""
    found = survey.readers.over(paths, read, files=lambda path: [path], decoded=decoded_bytes)
    return _sound(survey, found, str)


def _sound(
    survey: Survey, found: Generator[tuple[T, R | SegconvError], None, None], path_of: Callable[[T], str]
) -> Generator[tuple[T, R], None, None]:
    """Yield what could be read; errors become findings."""
    with closing(found):
        for one, result in found:
            if isinstance(result, SegconvError):
                survey.collect(result, path_of(one))
            else:
                yield one, result
