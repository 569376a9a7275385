"""The kit: every topic, in every kind of source where it has a meaning."""

from __future__ import annotations

from .case import Case
from .codings import CASES as CODINGS
from .files import CASES as FILES
from .odd import CASES as ODD
from .patients import CASES as PATIENTS
from .repairs import CASES as REPAIRS
from .roles import CASES as ROLES
from .sets import CASES as SETS
from .system import CASES as SYSTEM
from .topics import TOPICS
from .variants import CASES as VARIANTS

CASES: list[Case] = sorted(
    [*FILES, *CODINGS, *SETS, *SYSTEM, *ODD, *PATIENTS, *REPAIRS, *ROLES, *VARIANTS],
    key=lambda case: [*TOPICS].index(case.topic),
)
