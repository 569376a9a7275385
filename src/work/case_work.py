"""Do one item of a plan in a worker, and describe what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Finding, SegconvError
from .caseio import CaseIO
from .plan import Item
from .stale import payload_hash
from .unforeseen import unforeseen
from .writing import of_system

Task = Callable[[Item, CaseIO], dict[str, Any]]
Entry = dict[str, Any]
"""An entry of the journal; with the key ``findings``, a case that failed, which the journal does not keep."""


@dataclass(frozen=True)
class CaseWork:
    """The work on one item, as it is sent to a worker.

    Parameters
    ----------
    task
        Does it, and returns its record.
    staging, source_root, mark
        As in `CaseIO`.
    """

    task: Task
    staging: Path
    source_root: Path
    mark: str

    def __call__(self, item: Item) -> Entry:
        """Return the entry of a finished case for the journal, or the one of a failed case, with its findings."""
        io = CaseIO(self.staging, self.source_root, self.mark)
        try:
            record = self.task(item, io)
            io.refuse_changed_sources()
            if sorted(target["path"] for target in io.targets) != sorted(item.outputs):
                raise AssertionError(f"wrote {[t['path'] for t in io.targets]}, planned {list(item.outputs)}")
        except SegconvError as error:
            return failed_entry(item, error)
        except OSError as error:
            return failed_entry(item, of_system(error, self.staging))
        except Exception as error:
            return {"case": item.case, "findings": [unforeseen(error, item.case)]}
        return {
            "case": item.case,
            "payload": payload_hash(item),
            "record": record,
            "sources": list(io.sources.values()),
            "targets": io.targets,
            "warnings": [_as_entry(finding) for finding in io.warnings],
        }


def failed_entry(item: Item, error: SegconvError) -> Entry:
    """Return the entry of a case that failed."""
    return {"case": item.case, "findings": list(error.findings)}


def _as_entry(finding: Finding) -> dict[str, Any]:
    return {**finding.as_json(), "cures": [{"kind": cure.kind, "values": dict(cure.values)} for cure in finding.cures]}
