"""Advise to leave out a case where only other files could cure what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..dataset.lineage import TRAIN
from ..errors import CODES, EXIT_DATA, Cure, Finding
from .model import SourceCase
from .survey import Survey

_OF_ALL = ("SC078",)
"""Codes of findings that name the first file of what concerns all."""


def or_left_out(survey: Survey, cases: Sequence[SourceCase], findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return findings of a plan; errors of some cases that nothing else cures get the option that leaves them out."""
    case_of = {survey.shown(file): case.original_name for case in cases for file in case.files}
    first = len(findings) if survey.chosen_after is None else survey.chosen_after
    failing = {case_of.get(finding.file) for finding in findings if finding.severity == "error"}
    if failing >= {case.original_name for case in cases if case.split == TRAIN}:
        return findings
    before = survey.options.without
    return (*findings[:first], *(_advised(finding, case_of.get(finding.file), before) for finding in findings[first:]))


def _advised(finding: Finding, case: str | None, before: tuple[str, ...]) -> Finding:
    hint, cures = finding.advice
    if case is None or cures or finding.severity != "error" or CODES[finding.code].exit_code != EXIT_DATA:
        return finding
    if finding.code in _OF_ALL:
        return finding
    return replace(finding, hint=hint, cures=(Cure.of("leave_out_case", case=(*before, case)),))
