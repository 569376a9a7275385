"""Outcomes of every known source, to compare before and after the code behind them is rebuilt.

``python -m tests.pins record FILE [WORD…]`` writes the outcome of every subject, ``compare OLD NEW`` shows what
changed between two such files, and ``pin`` keeps digests of all in the repository, which a test looks at.
"""

from __future__ import annotations

import json
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from .outcome import digest_of
from .subjects import PINS, subjects


def pin() -> None:
    """Keep the digest of every subject in the repository."""
    with tempfile.TemporaryDirectory() as folder:
        record(Path(folder) / "all", [])
        found = _read(Path(folder) / "all")
    PINS.write_text("".join(f"{digest_of(outcome)} {name}\n" for name, outcome in sorted(found.items())))


def record(path: Path, wanted: list[str]) -> None:
    """Write the outcomes of all subjects whose names hold one of the words, a line each."""
    names = [name for name, _ in subjects() if not wanted or any(word in name for word in wanted)]
    with ProcessPoolExecutor() as workers:
        found = dict(zip(names, workers.map(_run, names, chunksize=20), strict=True))
    path.write_text("".join(json.dumps({"name": name, **found[name]}) + "\n" for name in names))


def compare(old: Path, new: Path) -> int:
    """Print what differs between two records; return how many subjects do."""
    before, after = _read(old), _read(new)
    changed = 0
    for name in sorted(before.keys() | after.keys()):
        lines = list(_differences(before.get(name), after.get(name), ""))
        changed += bool(lines)
        for line in lines:
            print(f"{name}{line}")
    print(f"{changed} of {len(after)} subjects changed")
    return changed


def _run(name: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            return dict(subjects())[name](Path(folder))
        except Exception as error:
            raise RuntimeError(name) from error


def _read(path: Path) -> dict[str, Any]:
    lines = map(json.loads, path.read_text().splitlines())
    return {line.pop("name"): line for line in lines}


def _differences(old: Any, new: Any, at: str) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _differences(old.get(key), new.get(key), f"{at} {key}".rstrip())
    elif old != new:
        yield f"{at}: {old} -> {new}"


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "pin":
        pin()
    elif command == "record":
        record(Path(rest[0]), rest[1:])
    else:
        sys.exit(1 if compare(Path(rest[0]), Path(rest[1])) else 0)
