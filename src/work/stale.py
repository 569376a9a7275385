"""Find cases of an unfinished run that must be done again: their task, a source or a written file changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..typed import Misfit
from .journal import Journal, is_entry
from .owned import file_sha256
from .plan import Item, Plan


def forget_stale(plan: Plan, journal: Journal) -> None:
    """Forget the cases that must be done again."""
    if not len(journal):
        return
    items = {item.case: item for item in plan.items}
    for case in journal.cases():
        item = items.get(case)
        if item is None or not _still_good(item, journal.read(case), plan):
            journal.forget(case)


def _still_good(item: Item, entry: dict[str, Any], plan: Plan) -> bool:
    """Return whether a journalled case need not be done again."""
    try:
        is_entry(entry)
        return (
            entry["payload"] == payload_hash(item)
            and sorted(target["path"] for target in entry["targets"]) == sorted(item.outputs)
            and _same_sources(item, entry["sources"], plan.source_root)
            and all(_same_file(where(plan.target.staging, target), target) for target in entry["targets"])
        )
    except (Misfit, OSError):
        return False


def _same_sources(item: Item, sources: Iterable[Mapping[str, Any]], root: Path) -> bool:
    known = {os.path.normpath(root / source["path"]): source for source in sources}
    return set(known) == set(item.sources) and all(_unchanged(path, source) for path, source in known.items())


def _unchanged(path: str, source: Mapping[str, Any]) -> bool:
    found = os.stat(path, follow_symlinks=False)
    return (found.st_size, found.st_mtime_ns) == (source["size"], source["mtime_ns"])


def _same_file(path: Path, target: Mapping[str, Any]) -> bool:
    return bool(path.stat().st_size == target["size"]) and file_sha256(path) == target["sha256"]


def payload_hash(item: Item) -> str:
    """Return a hash of a worker's input, so that a case is done again when it changes."""
    return hashlib.sha256(repr(item.payload).encode("utf-8", "surrogatepass")).hexdigest()


def where(folder: Path, target: Mapping[str, Any]) -> Path:
    """Return the path of a written file: in its folder, or in place for an external one."""
    return Path(target["at"]) if "at" in target else folder / target["path"]
