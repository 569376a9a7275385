"""What was measured, as it is kept beside the report."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .measure import Row


@dataclass(frozen=True)
class Result:
    """What a comparison measured."""

    title: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()

    def __getitem__(self, name: str) -> Row:
        """Return the row of a contestant; `KeyError` if there is none."""
        return {row.name: row for row in self.rows}[name]


@dataclass
class Measured:
    """All that one run of the benchmarks measured.

    Parameters
    ----------
    machine
        Cores and memory.
    load
        Load of the machine before the first job.
    versions
        Package → version.
    results
        Job → its comparisons, in the order in which they ran.
    failed
        Job → why it has no results.
    seconds
        Job → how long it took, with making its input.
    """

    machine: str
    load: float
    workers: int
    rounds: int
    quick: bool
    versions: Mapping[str, str]
    results: dict[str, list[Result]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the text of the file."""
        return json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Measured:
        """Return what was kept."""
        found: dict[str, Any] = json.loads(text)
        results = {
            job: [Result(one["title"], [Row(**row) for row in one["rows"]], one["notes"]) for one in comparisons]
            for job, comparisons in found.pop("results").items()
        }
        return cls(**found, results=results)
