"""How many worker processes of nnU-Net this machine has cores and memory for."""

from __future__ import annotations

import os

from ..work.memory import COPIES, available_bytes

GIB = 1 << 30

PROCESS_BYTES = GIB // 2
"""What a worker takes before it reads a case: it imports nnU-Net and PyTorch (400 MiB with nnunetv2 2.8.1)."""

USUAL_CASE_BYTES = 640 << 20
"""Decoded size assumed for a case that is not known: a CT of 512 × 512 × 640 voxels, in 32 bits."""

MOST = 8
"""Number of workers that nnU-Net starts if it is not limited, however few the cores."""

VARIABLE = "nnUNet_def_n_proc"
"""The environment variable from which nnU-Net takes this number."""


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def affordable_processes(count: int, available: int | None, case_bytes: int = USUAL_CASE_BYTES) -> int:
    """Return how many of `count` worker processes fit into memory, at least one.

    Parameters
    ----------
    available
        Free memory in bytes; None if unknown.
    case_bytes
        Decoded size of the largest case, all channels in 32 bits. A worker keeps up to `work.memory.COPIES` of it.
    """
    if available is None:
        return count
    return max(1, min(count, available // (PROCESS_BYTES + COPIES * case_bytes)))


def usual_processes() -> int:
    """Return the number of workers to let nnU-Net start for validation, export, ensembles and scores."""
    return affordable_processes(min(MOST, cores()), available_bytes())
