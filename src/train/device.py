"""Choose the device that nnU-Net uses."""

from __future__ import annotations

import importlib.util
import os
import sys

from ..errors import SegconvError

AUTO, CPU = "auto", "cpu"

_GPUS = ("nvidia", "nvhost", "nvgpu", "nvmap", "kfd", "dxg")
"""What Linux calls the devices of GPUs of NVIDIA, also in Jetsons, of AMD, and of Windows in ``/dev``."""


def chosen_device(asked: str) -> str:
    """Return the name of a device; for `AUTO`, ``"cuda"`` if PyTorch can use a GPU, else ``"cpu"``.

    Raises
    ------
    SegconvError
        ``SC041`` for `AUTO` if PyTorch is not installed.
    """
    if asked != AUTO:
        return asked
    if "torch" not in sys.modules and not _may_have_gpu() and importlib.util.find_spec("torch") is not None:
        return CPU  # importing PyTorch takes seconds
    try:
        import torch
    except ImportError as error:
        raise SegconvError("PyTorch is not installed", code="SC041", hint="pip install 'segconv[train]'") from error
    return "cuda" if torch.cuda.is_available() else CPU


def _may_have_gpu() -> bool:
    return sys.platform != "linux" or any(name.startswith(_GPUS) for name in os.listdir("/dev"))


def settings_of(device: str) -> dict[str, str]:
    """Return a child's variables for a device; on a CPU, compiling the network costs more than it saves."""
    if device != CPU:
        return {}
    workers = max(1, min(4, (os.cpu_count() or 2) - 1))
    return {"nnUNet_compile": "f", "nnUNet_n_proc_DA": os.environ.get("nnUNet_n_proc_DA", str(workers))}
