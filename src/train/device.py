"""Choose the device that nnU-Net uses."""

from __future__ import annotations

import os

from ..errors import SegconvError

AUTO, CPU = "auto", "cpu"


def chosen_device(asked: str) -> str:
    """Return the name of a device; for `AUTO`, ``"cuda"`` if PyTorch can use a GPU, else ``"cpu"``.

    Raises
    ------
    SegconvError
        ``SC041`` for `AUTO` if PyTorch is not installed.
    """
    if asked != AUTO:
        return asked
    try:
        import torch
    except ImportError as error:
        raise SegconvError("PyTorch is not installed", code="SC041", hint="pip install 'segconv[train]'") from error
    return "cuda" if torch.cuda.is_available() else CPU


def settings_of(device: str) -> dict[str, str]:
    """Return a child's variables for a device; on a CPU, compiling the network costs more than it saves."""
    if device != CPU:
        return {}
    workers = max(1, min(4, (os.cpu_count() or 2) - 1))
    return {"nnUNet_compile": "f", "nnUNet_n_proc_DA": os.environ.get("nnUNet_n_proc_DA", str(workers))}
