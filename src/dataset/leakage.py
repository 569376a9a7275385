"""Which cases of a validation are known to a training, and by what: each leak with both of its cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .lineage import CaseRecord
from .splits import Ties, groups, ties

SAME = "same"
COPY = "copy"
PATIENT = "patient"
CONTENT = "content"
ALIKE = "near_identical"
CHAIN = "chain"
"""Two cases that share nothing, but each something with a third."""
SYNTHETIC = "synthetic"
"""A copy that is validated."""

KINDS = {"case": COPY, "patient": PATIENT, "content": CONTENT, ALIKE: ALIKE}
"""Kind of a tie between cases → kind of the leak."""


@dataclass(frozen=True)
class Leak:
    """A case of a validation that its fold trains on in some form.

    Parameters
    ----------
    fold
        Number of the fold.
    case
        The case that is validated.
    known_as
        The case of the training; the original if a copy is validated.
    kind
        One of the constants of this module.
    """

    fold: int
    case: str
    known_as: str
    kind: str

    def as_json(self) -> dict[str, str | int]:
        """Return the entry for a certificate."""
        return {"fold": self.fold, "case": self.case, "known_as": self.known_as, "by": self.kind}


def find_leaks(
    splits: Sequence[Mapping[str, Sequence[str]]], records: Iterable[CaseRecord], *, alike: Ties | None = None
) -> list[Leak]:
    """Return every leak, by fold and in the order of its validation; one of each kind for a case.

    Parameters
    ----------
    alike
        What ties cases together whose images are near-identical.
    """
    records = list(records)
    of_case = {record.case: record for record in records}
    group_of = _group_of(groups(records, also=alike))
    ties_of = _ties_within(records, group_of, alike or {})
    found: list[Leak] = []
    for number, fold in enumerate(splits):
        known = _Known([case for case in fold["train"] if case in ties_of], group_of, ties_of)
        validated = [of_case[case] for case in fold["val"] if case in ties_of]
        found += [
            Leak(number, record.case, other, kind) for record in validated for kind, other in known.leaks_of(record)
        ]
    return found


def _group_of(together: Iterable[Iterable[CaseRecord]]) -> dict[str, int]:
    return {record.case: number for number, group in enumerate(together) for record in group}


def _ties_within(
    records: Iterable[CaseRecord], group_of: Mapping[str, int], alike: Ties
) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return case → its ties, for each case in a group; none for those that are a group of their own."""
    sizes = Counter(group_of.values())
    return {
        record.case: (*ties(record), *alike.get(record.case, ())) if sizes[group_of[record.case]] > 1 else ()
        for record in records
        if record.case in group_of
    }


class _Known:
    """What a fold trains on: for each tie, and for each group, the first of its cases."""

    def __init__(
        self, trained: Sequence[str], group_of: Mapping[str, int], ties_of: Mapping[str, Sequence[tuple[str, str]]]
    ) -> None:
        self._group_of = group_of
        self._ties_of = ties_of
        self._by_tie: dict[tuple[str, str], str] = {}
        self._by_group: dict[int, str] = {}
        self._cases = set(trained)
        for case in trained:
            if own := ties_of[case]:
                self._by_group.setdefault(group_of[case], case)
            for tie in own:
                self._by_tie.setdefault(tie, case)

    def leaks_of(self, record: CaseRecord) -> Iterator[tuple[str, str]]:
        """Yield kind and known case for one that is validated."""
        if record.parent is not None:
            yield SYNTHETIC, record.parent
        if record.case in self._cases:
            yield SAME, record.case
            return
        found = {KINDS[tie[0]]: self._by_tie[tie] for tie in self._ties_of[record.case] if tie in self._by_tie}
        if CONTENT in found:
            found.pop(ALIKE, None)  # what is identical is near-identical as well
        yield from found.items()
        group = self._group_of[record.case]
        if not found and group in self._by_group:
            yield CHAIN, self._by_group[group]
