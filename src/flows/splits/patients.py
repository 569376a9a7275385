"""Patients of the cases of a dataset that the user names, by list or by pattern, in place of those recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...convert.find.cases import listed_patients, patient_in, patient_pattern
from ...dataset.lineage import CaseRecord
from ...errors import SegconvError
from ...words import count_of, some_of


@dataclass(frozen=True)
class NamedPatients:
    """How the user names patients.

    Parameters
    ----------
    file
        CSV with a case and its patient in each row, or None.
    pattern
        Regular expression that finds the patient in the name of a case, for cases that are not in the list.
    what
        What is named, in messages.
    """

    file: Path | None = None
    pattern: str | None = None
    what: str = "patients"

    @property
    def evidence(self) -> str:
        """Where the patients come from, for a certificate; empty if the user names none."""
        given = {"list": self.file, "pattern": self.pattern}
        return " and ".join(what for what, value in given.items() if value is not None)

    def of(self, records: Iterable[CaseRecord]) -> list[CaseRecord]:
        """Return the records with their patients; a copy is of the patient of its original.

        Raises
        ------
        SegconvError
            ``SC085`` if a case has no patient; ``SC087`` if the list says two things of one case; ``SC001`` if the
            pattern is not a regular expression.
        """
        records = list(records)
        if not self.evidence:
            return records
        listed = listed_patients(self.file) if self.file is not None else {}
        pattern = patient_pattern(self.pattern, self.what) if self.pattern is not None else None
        original = {record.case: record for record in records if record.parent is None}

        def patient_of(record: CaseRecord) -> str | None:
            names = _names(original.get(record.parent or "", record))
            by_list = next((listed[name] for name in names if name in listed), None)
            return by_list or next(filter(None, (patient_in(name, pattern) for name in names)), None)

        own = [replace(record, patient=patient_of(record)) for record in records]
        self._refuse_unknown([record.case for record in own if record.patient is None])
        return own

    def _refuse_unknown(self, cases: Sequence[str]) -> None:
        if cases:
            raise SegconvError(
                f"the {self.evidence} of {self.what} names none for {count_of(len(cases), 'case')}: {some_of(cases)}",
                code="SC085",
                file=str(self.file or ""),
                hint="correct the pattern or the list: every case needs one, to stay in one fold with the others of it",
            )


def _names(record: CaseRecord) -> list[str]:
    """Return the names by which a user may know a case, the user's own first."""
    return [name for name in (record.original_name, record.parent, record.case) if name]


AS_RECORDED = NamedPatients()
