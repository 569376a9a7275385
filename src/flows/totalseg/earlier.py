"""Results that a finished run with the same options left: only what is missing is segmented again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ... import reading
from ...convert.accepted import ORIENTATION
from ...dataset.lineage import SEGMENTED, CaseRecord, read_records, read_run
from ...errors import Cure, SegconvError
from ...words import some_of
from ...work.backends import THREADS
from ...work.caseio import CaseIO
from ...work.owned import file_sha256
from ...work.parallel import each
from ...work.plan import Item, Plan
from ...work.preflight import is_empty_folder
from .case import MADE_BY

REQUEST = "request"
"""Key of the lineage's options for all that decides results."""


@dataclass(frozen=True)
class Earlier:
    """Results in a finished folder.

    Parameters
    ----------
    folder
        The folder; it need not exist.
    records
        Case → record of a result whose image is unchanged.
    made_by
        What the processes that made them said of themselves.
    """

    folder: Path
    records: Mapping[str, CaseRecord] = field(default_factory=dict)
    made_by: Sequence[Mapping[str, Any]] = ()

    def carry(self, item: Item, io: CaseIO, root: Path) -> dict[str, Any]:
        """Take over the result of a case; return its lineage."""
        record = self.records[item.case]
        for source in record.sources:
            mtime_ns = os.stat(root / source["path"]).st_mtime_ns
            io.sources[str(root / source["path"])] = {**source, "mtime_ns": mtime_ns}
        for target in record.targets:
            io.write(target["path"], reading.whole(reading.in_real_folder(self.folder / target["path"])))
        return {**record.as_json(), MADE_BY: list(self.made_by)}


def earlier_results(plan: Plan, *, jobs: int) -> Earlier | None:
    """Return the usable results in the output of a plan; None if there is no output.

    Raises
    ------
    SegconvError
        ``SC020`` if the output was made with other options or by something else, or holds results of images that
        the source does not have any more: none of them is lost without being asked for.
    """
    folder = plan.target.path
    if not os.path.lexists(folder) or is_empty_folder(folder):
        return None
    made_by = _made_by(folder, plan)
    records = {record.case: record for record in read_records(folder)}
    items = {item.case: item for item in plan.items}
    if gone := sorted(record.original_name for case, record in records.items() if case not in items):
        raise _taken(folder, f"holds results of {some_of(gone)}, which the source does not have, or cannot be read")
    found = [(items[case], record) for case, record in records.items()]
    usable = each(partial(_usable, root=plan.source_root, folder=folder), found, jobs=jobs, backend=THREADS)
    return Earlier(folder, {record.case: record for record in filter(None, usable)}, made_by)


def _made_by(folder: Path, plan: Plan) -> Sequence[Mapping[str, Any]]:
    """Return what made the results in a folder; refuse those that are not of this plan's request."""
    run = None
    with suppress(SegconvError):
        run = read_run(folder)
    if run is None or run.command != SEGMENTED:
        raise _taken(folder, "already exists")
    options = run.get("options", {})
    before, asked = options.get(REQUEST), json.loads(json.dumps(plan.key))  # which is how it was written
    if not isinstance(before, dict) or not _has_same_results(before, asked):
        raise _taken(folder, "holds results of another task, version or option")
    made_by: Sequence[Mapping[str, Any]] = options.get(MADE_BY, ())
    return made_by


def _has_same_results(before: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Return whether what an earlier request segmented would be segmented likewise now.

    A repair that is allowed in addition changes nothing: images that need it were refused, unless it turns all of them.
    """
    repairs = set(before.get("repair", ())), set(asked["repair"])
    more = repairs[0] <= repairs[1] and ORIENTATION not in repairs[1] - repairs[0]
    replaced = before.get("nonfinite") in (None, asked["nonfinite"])
    allowed = {name: asked[name] for name in ("repair", "nonfinite")}
    return more and replaced and {**before, **allowed} == asked


def _usable(found: tuple[Item, CaseRecord], root: Path, folder: Path) -> CaseRecord | None:
    """Return the record of a result if it is complete, and its image as it was."""
    item, record = found
    sources = {str(root / source["path"]): source["sha256"] for source in record.sources}
    if set(sources) != set(item.sources) or sorted(item.outputs) != sorted(one["path"] for one in record.targets):
        return None
    try:
        unchanged = all(file_sha256(Path(path)) == sha256 for path, sha256 in sources.items())
    except (OSError, SegconvError):
        return None
    return record if unchanged and all((folder / name).is_file() for name in item.outputs) else None


def _taken(folder: Path, what: str) -> SegconvError:
    return SegconvError(
        what, code="SC020", file=str(folder), hint="choose another output", cures=[Cure.of("overwrite")]
    )
