"""One line for one cause: a mistake that many files share is shown once, with the one cure for all of them.

Scripts get every finding, with the same cure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from ..errors import Cure, Finding

MOST_VALUES = 4
"""If the files need more values than this, a cure shows none of them."""

FEW = 3
"""So many files of one cause are named, each with what was found in it."""

Key = tuple[object, ...]


def with_shared_cures(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings; the cures of one cause become those that cure all files that share it."""
    found = list(findings)
    for group in _groups(findings):
        cures = tuple(map(_of_all, *(found[number].advice[1] for number in group)))
        for number in group if len(group) > 1 else ():
            found[number] = replace(found[number], hint=found[number].advice[0], cures=cures)
    return found


def by_cause(findings: Sequence[Finding]) -> list[tuple[Finding, int]]:
    """Return the first finding of each cause, and how many more files share it; a few are returned one by one."""
    many = [group for group in _groups(findings) if len(group) > FEW]
    others = {group[0]: len(group) - 1 for group in many}
    left_out = {number for group in many for number in group[1:]}
    return [(found, others.get(number, 0)) for number, found in enumerate(findings) if number not in left_out]


def _groups(findings: Sequence[Finding]) -> list[list[int]]:
    """Return the numbers of the findings of each cause; a file is in each of them once."""
    groups: dict[Key, list[int]] = {}
    times: dict[Key, int] = {}
    for number, finding in enumerate(findings):
        cause = _cause(finding) if finding.file else (number,)
        time = times[cause, finding.file] = times.get((cause, finding.file), 0) + 1
        groups.setdefault((*cause, time), []).append(number)
    return list(groups.values())


def _cause(finding: Finding) -> Key:
    """Return what findings of one cause have in common: their cures, or else what they say but for its numbers."""
    hint, cures = finding.advice
    shapes = tuple(map(_shape, cures))
    said = "" if cures else re.sub(r"\d+(\.\d+)?", "0", finding.message)
    return (finding.severity, finding.code, hint, shapes, said)


def _shape(cure: Cure) -> Key:
    """Return a cure without the values that may differ from file to file."""
    return (cure.kind, *((name, None if (cure.kind, name) in _SHARED else value) for name, value in cure.values))


def _of_all(*cures: Cure) -> Cure:
    """Return the cure of all findings from those of each, which differ in `_SHARED` values only."""
    values: list[tuple[str, str | tuple[str, ...]]] = []
    for name, value in cures[0].values:
        of_all = _SHARED.get((cures[0].kind, name))
        if of_all is None:
            values.append((name, value))
        elif shared := of_all([dict(cure.values)[name] for cure in cures]):
            values.append((name, shared))
    return Cure(cures[0].kind, tuple(values))


def _largest(values: Sequence[str | tuple[str, ...]]) -> str:
    return max((str(value) for value in values), key=float)


def _each(values: Sequence[str | tuple[str, ...]]) -> tuple[str, ...]:
    """Return all values, each once; none if they are too many to be typed."""
    each = tuple(dict.fromkeys(one for value in values for one in (value if isinstance(value, tuple) else (value,))))
    return each if len(each) <= MOST_VALUES else ()


_SHARED: Mapping[tuple[str, str], Callable[[Sequence[str | tuple[str, ...]]], str | tuple[str, ...]]] = (
    MappingProxyType(
        {("take_nearest", "snap"): _largest, ("map_value", "value"): _each, ("leave_out_case", "case"): _each}
    )
)
"""Kind of a cure and name of a value → what the value must be to cure several files."""
