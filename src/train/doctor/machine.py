"""Examine cores, memory, limits and disks."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

from ...errors import Cure, Finding, warning
from ...work.memory import available_bytes
from ..paths import NAMES, Paths
from ..worker_processes import GIB, affordable_processes, cores
from .looks import Look

CODE = "SC142"

_SHARED_BYTES = 2 * GIB
_OPEN_FILES = 4096
_FREE_BYTES = 20 * GIB
"""What a training of one configuration on a small dataset takes."""


def look_at_workers() -> Look:
    """Examine cores and free memory, and say how many processes fit."""
    count, available = cores(), available_bytes()
    fit = affordable_processes(count, available)
    free = "unknown" if available is None else f"{available / GIB:.1f} GiB"
    findings: tuple[Finding, ...] = ()
    if fit < count:
        what = f"the free memory, {free}, is enough for {fit} of {count} worker processes"
        findings = (warning(CODE, what, hint=f"end other programs, or preprocess with {fit} workers"),)
    return Look("cores and memory", f"{count} cores, {free} free: {fit} worker processes", findings)


def look_at_limits(shared: Path = Path("/dev/shm")) -> Look:  # noqa: S108 - the place of shared memory, not a temporary file
    """Examine shared memory, through which workers pass arrays, and the number of files that a process may open."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = shutil.disk_usage(shared).total if shared.is_dir() else 0
    findings = []
    if room < _SHARED_BYTES:
        findings.append(
            warning(
                CODE,
                f"has {room / GIB:.2f} GiB; nnU-Net's workers pass batches through it, which takes up to 2 GiB",
                file=str(shared),
                hint="give the container more of it",
                cures=(Cure.of("share_more_memory"),),
            )
        )
    if files != resource.RLIM_INFINITY and files < _OPEN_FILES and files < most:
        findings.append(
            warning(CODE, f"a process may open {files} files; nnU-Net opens thousands", hint=f"ulimit -n {most}")
        )
    return Look("limits", f"{room / GIB:.1f} GiB of shared memory, {files} open files", tuple(findings))


def look_at_disks(paths: Paths, needed: int = 0) -> list[Look]:
    """Examine the disks of the three folders.

    Parameters
    ----------
    needed
        Bytes that preprocessing a dataset takes; 0 if no dataset is known.
    """
    return [_disk(word, getattr(paths, word), needed) for word in NAMES if getattr(paths, word) is not None]


def _disk(word: str, folder: Path, needed: int) -> Look:
    free = shutil.disk_usage(folder).free
    findings = []
    if not os.access(folder, os.W_OK | os.X_OK):
        findings.append(
            Finding(CODE, "cannot be written", file=str(folder), hint="change the permissions of the folder")
        )
    if word == "preprocessed" and free < needed:
        what = f"has {free / GIB:.1f} GiB free; preprocessing takes about {needed / GIB:.1f} GiB"
        findings.append(Finding(CODE, what, file=str(folder), hint="make room, or use a folder on another disk"))
    elif free < _FREE_BYTES:
        findings.append(
            warning(CODE, f"has {free / GIB:.1f} GiB free", file=str(folder), hint="make room before a long training")
        )
    return Look(f"disk of {NAMES[word]}", f"{folder}, {free / GIB:.1f} GiB free", tuple(findings))
