"""Masks that several people drew of one thing, by their names: ``seg_rater1`` and ``seg_rater2``, or by initials.

They are opinions on one label. Taken for classes they would teach a network who drew what.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from .roles import FILLERS, MASK_WORDS, SEPARATORS, tokens_of

_PEOPLE = (
    "rater|reader|observer|annotator|expert|radiologist|reviewer|operator|labeler|labeller|grader|physician|doctor"
)
_PERSON = re.compile(rf"({_PEOPLE})s?[ _.-]?([0-9]+|[a-z])?|consensus|staple", re.IGNORECASE)
_NUMBERED = re.compile(r"(r|obs|rad|ann|anno|dr|exp|rd|ob|gt|seg|mask|label|manual)[0-9]{1,2}", re.IGNORECASE)
"""May be a person; or a rib, a vertebra, a region."""
_INITIALS = re.compile(r"[A-Z]{2,3}")
# fmt: off
_NO_INITIALS = frozenset({
    "CT", "MR", "MRI", "PET", "US", "LT", "RT", "LL", "RL", "UL", "ML",
    "LUL", "LLL", "RUL", "RML", "RLL", "LV", "RV", "LA", "RA", "MYO", "AO", "PA",
    "PV", "SVC", "IVC", "LAD", "LCX", "RCA", "LM", "ET", "WT", "TC", "ED", "NCR", "NET", "GTV", "CTV", "PTV", "ITV",
    "OAR", "GM", "WM", "CSF", "PZ", "TZ", "CZ", "AFS", "SAT", "VAT", "IMAT", "MA", "HE", "EX", "SE", "OD", "OC", "GGO",
})
# fmt: on


def raters_in(names: Iterable[str]) -> list[str]:
    """Return those names of masks of one case that tell of people and not of classes; several, or none."""
    names = list(names)
    said = [name for name in names if any(_PERSON.fullmatch(part) for part in _parts(name))]
    if said and all(_base_of_person(name) is not None for name in names if name not in said):
        return names if len(names) > 1 else []  # Consensus, and Manual_1 to Manual_7
    if said:
        return names if len(said) == len(names) > 1 else said if len(said) > 1 else []
    bases: dict[str, list[str]] = {}
    for name in names:
        base = _base_of_person(name)
        if base is None:
            return []  # classes are called by words, people or not
        bases.setdefault(base, []).append(name)
    return names if bases and all(len(own) > 1 for own in bases.values()) else []


def _base_of_person(name: str) -> str | None:
    """Return what is left of a name without the part that may be a person; None if there is no such part."""
    parts = SEPARATORS.split(name)
    for at in (len(parts) - 1, 0):
        rest = "_".join(parts[:at] + parts[at + 1 :])
        part = parts[at]
        if at and part.isdecimal() and "manual" in tokens_of(rest) and not set(tokens_of(rest)) - MASK_WORDS:
            return rest.lower()
        rest = rest.lower()
        if _NUMBERED.fullmatch(part) and (rest or part.rstrip("0123456789").lower() in MASK_WORDS):
            return rest
        initials = _INITIALS.fullmatch(part) and part not in _NO_INITIALS
        if (
            initials
            and rest
            and set(rest.split("_")) & (MASK_WORDS | FILLERS | {"lesion", "lesions", "tumor", "tumour"})
        ):
            return rest
    return None


def _parts(name: str) -> list[str]:
    """Return the parts of a name, and two and two of them: ``rater_1`` is one person."""
    parts = SEPARATORS.split(name)
    return [*parts, *(f"{one}_{two}" for one, two in pairwise(parts) if two.isalnum())]
