"""Findings, grouped by what they say: the errors first, then what concerns most files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ....words import count_of
from ..facts import Facts, Found

ERROR = "error"
_LISTED = 200
"""How many findings of one kind the page lists."""


@dataclass(frozen=True)
class Kind:
    """Findings with the same code, severity and cures."""

    code: str
    severity: str
    title: str
    cures: tuple[str, ...]
    found: tuple[Found, ...]

    @property
    def listed(self) -> tuple[Found, ...]:
        """Those to list."""
        return self.found[:_LISTED]

    @property
    def left_out(self) -> int:
        """How many are not listed."""
        return len(self.found) - len(self.listed)


@dataclass(frozen=True)
class Verdict:
    """Whether a dataset is right, in a word for its style and in words for people."""

    level: str
    text: str
    kinds: tuple[Kind, ...]


def findings_of(facts: Facts) -> Verdict:
    """Return the findings, grouped."""
    groups: dict[tuple[str, ...], list[Found]] = {}
    for found in facts.findings:
        groups.setdefault((found.severity, found.code, found.title, *found.cures), []).append(found)
    kinds = [
        Kind(code, severity, title, tuple(cures), tuple(group))
        for (severity, code, title, *cures), group in groups.items()
    ]
    kinds.sort(key=lambda kind: (kind.severity != ERROR, -len(kind.found), kind.code))
    errors = sum(found.severity == ERROR for found in facts.findings)
    return Verdict(_level(facts.findings), _text(errors, len(facts.findings) - errors), tuple(kinds))


def _level(findings: Iterable[Found]) -> str:
    severities = {found.severity for found in findings}
    return ERROR if ERROR in severities else "warning" if severities else "good"


def _text(errors: int, warnings: int) -> str:
    words = [count_of(errors, "error")] * bool(errors) + [count_of(warnings, "warning")] * bool(warnings)
    return ", ".join(words) or "no errors, no warnings"
