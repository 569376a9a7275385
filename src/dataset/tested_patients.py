"""Find patients with both training and test cases: the model has already seen them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import Finding, warning

HINT = "take them out of training, or out of the test cases"


def judge_tested_patients(
    training: Iterable[str | None], testing: Sequence[tuple[str, str | None]], evidence: str
) -> list[Finding]:
    """Return a warning if patients of test cases are in training as well.

    Parameters
    ----------
    training
        The patient of each training case, if known.
    testing
        The file and the patient of each test case.
    evidence
        What the patients were guessed from, in words, if they were.
    """
    known = {patient for patient in training if patient is not None}
    both = [(file, patient) for file, patient in testing if patient in known]
    if not both:
        return []
    file, patient = both[0]
    more = f", as {len(both) - 1} more test case{'' if len(both) == 2 else 's'} are" if both[1:] else ""
    how = f" ({evidence})" if evidence else ""
    what = f"is of the patient {patient}, of whom there are training cases{more}{how}: its score says little"
    return [warning("SC095", what, file=file, hint=HINT)]
