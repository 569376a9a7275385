"""Check the sources of finished cases again before the target appears."""

from __future__ import annotations

import os

from ..errors import Finding
from .held import AGAIN
from .journal import Journal
from .plan import Plan


def forget_changed(plan: Plan, journal: Journal) -> list[Finding]:
    """Forget cases whose sources changed since they were read, so that they are done again.

    Returns
    -------
    findings
        ``SC062`` for each such file, in the order of the plan.
    """
    findings = []
    for item in plan.items:
        if item.case not in journal:
            continue
        for source in journal.read(item.case)["sources"]:
            path = os.path.normpath(plan.source_root / source["path"])
            if not _is_as_read(path, source["size"], source["mtime_ns"]):
                findings.append(Finding("SC062", "changed after it was read", file=path, hint=AGAIN))
                journal.forget(item.case)
    return findings


def _is_as_read(path: str, size: int, mtime_ns: int) -> bool:
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) == (size, mtime_ns)
