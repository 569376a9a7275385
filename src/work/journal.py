"""The journal of a run: one line per finished case, which survives everything but loss of the disk.

A line is the CRC-32 of a JSON text, a space, and the text. Only the run itself appends; a line cut off
by a power failure fails its checksum and counts as missing.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

from ..errors import CODES
from ..typed import anything, count, either, entries, file_name, many, mapping, one_of, sha256, text, whole
from . import fsops

FILE = "journal"


LONGEST_LINE = 64 << 20
"""Limit in bytes; a longer line was not written here."""

_file = {"path": text, "size": count, "sha256": sha256}
OF_RUNS = ("temporary", "crc32")
"""What the entry of a file holds for its run alone."""

is_entry = entries(
    {
        "case": text,
        "payload": text,
        "record": mapping(anything),
        "sources": many(entries({**_file, "mtime_ns": whole}), least=1),
        "targets": many(entries(_file, {"at": text, "temporary": file_name, "crc32": count}), least=1),
        "warnings": many(
            entries(
                {"code": one_of(*CODES), "message": text, "hint": text, "file": text},
                {"cures": many(entries({"kind": text, "values": mapping(either(text, many(text)))}))},
            )
        ),
    }
)
"""Reads the entry of a finished case, as a run writes it."""


class Journal:
    """Finished cases on disk; only the position of each in the file is in memory.

    Parameters
    ----------
    path
        The file; created if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = fsops.open_append(path)
        self._at: dict[str, tuple[int, int]] = {}
        self._end = 0
        self._load()

    def __contains__(self, case: str) -> bool:
        return case in self._at

    def __len__(self) -> int:
        return len(self._at)

    def add(self, entry: dict[str, Any]) -> None:
        """Append the entry of a finished case, named by ``entry["case"]``; the last entry of a case counts."""
        text = json.dumps(entry, separators=(",", ":"), ensure_ascii=True).encode()
        line = b"%08x %s\n" % (zlib.crc32(text), text)
        fsops.append(self._descriptor, line, self._path)
        self._at[entry["case"]] = (self._end, len(line))
        self._end += len(line)

    def read(self, case: str) -> dict[str, Any]:
        """Return the entry of a case."""
        start, length = self._at[case]
        entry: dict[str, Any] = json.loads(os.pread(self._descriptor, length, start)[9:])
        return entry

    def forget(self, case: str) -> None:
        """Drop a case whose files are wrong, so that it is done again."""
        self._at.pop(case, None)

    def cases(self) -> list[str]:
        """Return the finished cases."""
        return list(self._at)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _load(self) -> None:
        with open(self._path, "rb") as lines:
            for line in iter(lambda: lines.readline(LONGEST_LINE), b""):
                if len(line) == LONGEST_LINE:  # whatever follows was not appended by a run
                    self._end = os.fstat(self._descriptor).st_size
                    break
                entry = _parse(line)
                if entry is not None:
                    self._at[entry["case"]] = (self._end, len(line))
                self._end += len(line)
        # A cut-off last line must not swallow the next one.
        if self._end and not _ends_with_newline(self._path):
            fsops.append(self._descriptor, b"\n", self._path)
            self._end += 1


def _parse(line: bytes) -> dict[str, Any] | None:
    text = line[9:].rstrip(b"\n")
    try:
        if int(line[:8], 16) != zlib.crc32(text):
            return None
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("case"), str) else None


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
