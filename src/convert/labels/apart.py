"""Judge the labels of a source in the same go as its cases, although some of these were refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ..model import SourceCase
from ..survey import Survey

T = TypeVar("T")

_PLACED = ("SC080", "SC082", "SC083", "SC084")
"""Codes of files that do not fit others, but can be read."""


def settled_apart(
    survey: Survey, cases: Sequence[SourceCase], settle: Callable[[Survey, Sequence[SourceCase]], T], unsettled: T
) -> T:
    """Return the labels that a function settles; if cases were refused, add what else is wrong with their labels.

    Parameters
    ----------
    settle
        Settles the labels of some cases, and adds its findings to a survey.
    unsettled
        What stands for labels that are not settled.
    """
    if survey.failed and survey.only_cases_failed and (readable := _readable(survey, cases)):
        own = survey.again()
        settle(own, readable)
        survey.take_new(own)
        return unsettled
    return settle(survey, cases)


def _readable(survey: Survey, cases: Sequence[SourceCase]) -> list[SourceCase]:
    """Return the cases with a label of which no file was refused for what it holds itself."""
    damaged = {
        finding.file for finding in survey.findings if finding.severity == "error" and finding.code not in _PLACED
    }
    return [
        case
        for case in cases
        if case.label is not None and not damaged & {survey.shown(file) for file in (*case.units, *case.files)}
    ]
