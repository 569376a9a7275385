"""Limit the number of workers to what fits into memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from .backends import backend_of
from .run_options import Workers

T = TypeVar("T")
W = TypeVar("W", bound=Workers)

COPIES = 4
"""A worker takes up to this many times the decoded size of the largest file of its case."""

MOST_PACKED = 8 * 1032
"""Largest ratio of decoded size to file size: DEFLATE (RFC 1951) packs no tighter, and bits become bytes."""


def affordable(jobs: int, items: Iterable[T], *, nbytes: Callable[[T], int], decoded: Callable[[T], int] | int) -> int:
    """Return how many workers fit into memory, at least one.

    Parameters
    ----------
    jobs
        Number of workers asked for.
    items
        The work.
    nbytes
        Returns the bytes that an item reads from the disk.
    decoded
        Returns the decoded bytes of its largest file; called only if `nbytes` does not rule out a problem. A number
        is that of the largest file of all.
    """
    room = available_bytes() if jobs > 1 else None
    if room is None:
        return jobs
    if isinstance(decoded, int):
        largest = decoded
    else:
        open_from = room // (MOST_PACKED * COPIES * jobs)
        largest = max((decoded(item) for item in items if nbytes(item) > open_from), default=0)
    return max(1, min(jobs, room // (COPIES * largest))) if largest else jobs


def within_memory(workers: W, items: Iterable[T], nbytes: Callable[[T], int], decoded: Callable[[T], int] | int) -> W:
    """Return how many workers fit into the memory of this machine, and note if that is fewer than asked for.

    Items and functions are those of `affordable`. Workers elsewhere have their own memory.
    """
    if not backend_of(workers.backend).here:
        return workers
    jobs = affordable(workers.jobs, items, nbytes=nbytes, decoded=decoded)
    if jobs == workers.jobs:
        return workers
    workers.progress.note(f"{jobs} of {workers.jobs} workers: the free memory is not enough for more")
    return replace(workers, jobs=jobs)


def available_bytes(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return how many bytes of memory this process can still use; None if neither machine nor control groups tell.

    Parameters
    ----------
    proc, groups
        Folders where Linux describes processes and control groups; see cgroups(7).
    """
    found = []
    for line in _text(proc / "meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            found.append(int(line.split()[1]) << 10)
    for line in _text(proc / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            for root in (groups, groups / "unified"):
                found += _left(root, path, "memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            found += _left(
                groups / "memory", path, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
            )
    return max(0, min(found)) if found else None


def _left(root: Path, path: str, limit: str, usage: str, cache: str) -> list[int]:
    """Return the bytes that a control group and its ancestors leave; a container sees its own group as the root."""
    own = Path(os.path.normpath(f"{root}/{path}"))
    left = []
    for folder in (own, *own.parents):
        if not folder.is_relative_to(root):
            break
        with contextlib.suppress(ValueError):  # "max", or no such file
            used = int(_text(folder / usage))
            for line in _text(folder / "memory.stat").splitlines():
                name, _, number = line.partition(" ")
                used -= int(number) if name == cache else 0  # cached files, which can be dropped
            left.append(int(_text(folder / limit)) - used)
    return left


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
