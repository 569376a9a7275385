"""Masks of one thing by several people, recognised by name: ``seg_rater1`` and ``seg_rater2``, or initials.

They are opinions on one label. As classes they would teach a network who drew what.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from .roles import FILLERS, MASK_WORDS, SEPARATORS, tokens_of

_PEOPLE = (
    "rater|reader|observer|annotator|expert|radiologist|reviewer|operator|labeler|labeller|grader|physician|doctor"
)
_PERSON = re.compile(rf"({_PEOPLE})s?[ _.-]?([0-9]+|[a-z])?|consensus|staple", re.IGNORECASE)
_NUMBERED = re.compile(r"(r|obs|rad|ann|anno|dr|exp|rd|ob|gt|seg|mask|label|manual)[0-9]{1,2}", re.IGNORECASE)
"""May be a person, but also a rib, a vertebra or a region."""
_INITIALS = re.compile(r"[A-Z]{2,3}")
# fmt: off
_NO_INITIALS = frozenset({
    "CT", "MR", "MRI", "PET", "US", "LT", "RT", "LL", "RL", "UL", "ML",
    "LUL", "LLL", "RUL", "RML", "RLL", "LV", "RV", "LA", "RA", "MYO", "AO", "PA",
    "PV", "SVC", "IVC", "LAD", "LCX", "RCA", "LM", "ET", "WT", "TC", "ED", "NCR", "NET", "GTV", "CTV", "PTV", "ITV",
    "OAR", "GM", "WM", "CSF", "PZ", "TZ", "CZ", "AFS", "SAT", "VAT", "IMAT", "MA", "HE", "EX", "SE", "OD", "OC", "GGO",
})
# fmt: on
_FINDINGS = frozenset({"lesion", "lesions", "tumor", "tumour"})


def raters_in(names: Iterable[str]) -> list[str]:
    """Return the mask names of one case that mean people rather than classes: several, or none."""
    names = list(names)
    people = list(filter(_is_person, names))
    if people:
        if None not in map(_base_of_person, {*names} - {*people}):
            people = names  # such as Consensus next to Manual_1 to Manual_7
        return people if len(people) > 1 else []
    bases = Counter(map(_base_of_person, names))
    # A name without a part for a person is that of a class.
    return names if bases and None not in bases and min(bases.values()) > 1 else []


def _is_person(name: str) -> bool:
    return any(map(_PERSON.fullmatch, _parts(name)))


def _base_of_person(name: str) -> str | None:
    """Return a name without the part that may be a person; None if there is no such part."""
    parts = SEPARATORS.split(name)
    for at in (len(parts) - 1, 0):
        rest = "_".join(parts[:at] + parts[at + 1 :])
        if (at and _is_manual(parts[at], rest)) or _may_be_person(parts[at], rest.lower()):
            return rest.lower()
    return None


def _is_manual(part: str, rest: str) -> bool:
    """Return whether a name is that of a numbered manual label."""
    words = set(tokens_of(rest))
    return part.isdecimal() and "manual" in words and words <= MASK_WORDS


def _may_be_person(part: str, rest: str) -> bool:
    if _NUMBERED.fullmatch(part):
        return bool(rest) or part.rstrip("0123456789").lower() in MASK_WORDS
    initials = _INITIALS.fullmatch(part) and part not in _NO_INITIALS
    return bool(initials and set(rest.split("_")) & (MASK_WORDS | FILLERS | _FINDINGS))


def _parts(name: str) -> list[str]:
    """Return the parts of a name, and each two adjacent ones: ``rater_1`` is one person."""
    parts = SEPARATORS.split(name)
    return [*parts, *(f"{one}_{two}" for one, two in pairwise(parts) if two.isalnum())]
