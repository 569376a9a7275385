"""The compiled scan of ``mamba_ssm``, where it is installed and works; otherwise the reason."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

Scan = Callable[..., Any]
"""``selective_scan_fn(u, delta, A, B, C, D, z=…, delta_bias=…, delta_softplus=…)`` on (batch, channels, length)."""


@dataclass(frozen=True)
class Kernel:
    """The compiled scan.

    Parameters
    ----------
    scan
        ``selective_scan_fn`` of ``mamba_ssm``; None if it cannot be used.
    reason
        Why it cannot be used; empty if it can.
    """

    scan: Scan | None
    reason: str = ""


@cache
def kernel() -> Kernel:
    """Look for the compiled scan, once in a process.

    ``import mamba_ssm`` proves nothing: by default version 2.3 is built without the kernel of Mamba 1, and its
    modules need Triton and Transformers.
    """
    try:
        importlib.import_module("selective_scan_cuda")
        module = importlib.import_module("mamba_ssm.ops.selective_scan_interface")
        return Kernel(module.selective_scan_fn)
    except Exception as error:  # noqa: BLE001 - a broken installation raises anything, and the scan works without it
        return Kernel(None, f"{type(error).__name__}: {error}")
