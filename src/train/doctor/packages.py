"""Examine Python and the packages that nnU-Net needs; PyTorch and Blosc2 are tried in a process of their own."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from ...errors import Cure, Finding, SegconvError, warning
from ..child import commands, environment, python, run_child
from ..paths import Paths
from .looks import Look

CODE = "SC140"

LOWEST_PYTHON = (3, 11)
LOWEST_TORCH, EXCLUDED_TORCH = (2, 5), (2, 9)
"""The lowest that segconv can examine checkpoints with; nnunetv2 2.8 excludes 2.9, whose 3D convolutions are slow."""

_SMALLEST_DRIVER = {11: 450, 12: 525, 13: 580}
"""CUDA's major version → the oldest driver that runs it (NVIDIA's CUDA compatibility guide)."""

PROBE_FILE = "array.b2nd"

_INSTALL = "pip install 'segconv[train]'"

_PROBE = """
import json, sys, numpy
found = {}
try:
    import torch
    found["torch"] = torch.__version__
    found["cuda"] = torch.version.cuda
    found["available"] = torch.cuda.is_available()
    count = torch.cuda.device_count() if found["available"] else 0
    found["gpus"] = [[p.name, p.total_memory] for p in map(torch.cuda.get_device_properties, range(count))]
except Exception as error:
    found["torch_error"] = f"{type(error).__name__}: {error}"
try:
    import blosc2
    found["blosc2"] = blosc2.__version__
    array = numpy.arange(30000, dtype=numpy.float32).reshape(30, 40, 25)
    if len(sys.argv) > 1:
        blosc2.asarray(array, urlpath=sys.argv[1], mode="w")
        again = blosc2.open(sys.argv[1], mode="r", mmap_mode="r")
    else:
        again = blosc2.asarray(array)
    found["blosc2_equal"] = bool((again[:] == array).all())
except Exception as error:
    found["blosc2_error"] = f"{type(error).__name__}: {error}"
try:
    from segconv.train.networks.kernels import kernel
    found["no_kernel"] = kernel().reason
except Exception as error:
    found["no_kernel"] = f"{type(error).__name__}: {error}"
print("PROBE " + json.dumps(found))
"""
"""Runs in a process of its own: a broken installation may end it."""


def look_at_python() -> Look:
    """Examine the version of Python."""
    found = platform.python_version()
    if numbers(found) >= LOWEST_PYTHON:
        return Look("Python", f"{found}, {sys.executable}")
    lowest = ".".join(map(str, LOWEST_PYTHON))
    return Look("Python", found, (Finding(CODE, f"Python {found}, expected {lowest} or later", hint=_fresh()),))


def look_at_nnunet() -> Look:
    """Examine the installed nnunetv2: its version, and that its commands are there."""
    try:
        known = commands()
    except SegconvError as error:
        return Look("nnunetv2", "not installed", tuple(error.findings))
    version = metadata.version("nnunetv2")
    if numbers(version) < (2, 8) or "nnUNetv2_train" not in known:
        what = f"nnunetv2 {version}, expected 2.8: an old version, or a fork under the same name"
        return Look("nnunetv2", version, (Finding(CODE, what, hint=_fresh()),))
    if numbers(version) >= (2, 9):
        what = f"nnunetv2 {version} is newer than any that was tested"
        return Look("nnunetv2", version, (warning(CODE, what, hint="pip install 'nnunetv2>=2.8,<2.9'"),))
    return Look("nnunetv2", f"{version}, {len(known)} commands")


def look_at_simpleitk() -> Look:
    """Examine the version of SimpleITK, with which nnU-Net reads volumes."""
    return Look("SimpleITK", metadata.version("SimpleITK"))


def probed(folder: Path | None, paths: Paths) -> dict[str, Any]:
    """Return what PyTorch and Blosc2 do when they are tried.

    Parameters
    ----------
    folder
        An empty folder for the file of an array; None to try it in memory.
    """
    lines: list[str] = []
    command = [*python(_PROBE), *([str(folder / PROBE_FILE)] if folder is not None else [])]
    try:
        run_child(command, environment(paths), shown="PyTorch and Blosc2", tell=lines.append)
    except SegconvError as error:
        return {"error": error.message}
    said = next((line.removeprefix("PROBE ") for line in lines if line.startswith("PROBE ")), "{}")
    found: dict[str, Any] = json.loads(said)
    return found


def look_at_torch(found: Mapping[str, Any]) -> Look:
    """Examine the version of PyTorch."""
    version = found.get("torch")
    if version is None:
        why = found.get("torch_error", found.get("error", "it did not start"))
        return Look("PyTorch", "not usable", (Finding(CODE, f"PyTorch cannot be imported: {why}", hint=_INSTALL),))
    built = f"for CUDA {found['cuda']}" if found.get("cuda") else "for the CPU"
    return Look("PyTorch", f"{version}, {built}", tuple(_unfit_torch(version)))


def _unfit_torch(version: str) -> list[Finding]:
    if numbers(version)[:2] == EXCLUDED_TORCH:
        what = f"PyTorch {version}, which nnunetv2 excludes: its 3D convolutions are slow with mixed precision"
        return [Finding(CODE, what, hint="pip install 'torch!=2.9.*'")]
    if numbers(version) < LOWEST_TORCH:
        lowest = ".".join(map(str, LOWEST_TORCH))
        return [Finding(CODE, f"PyTorch {version}, expected {lowest} or later", hint=f"pip install 'torch>={lowest}'")]
    return []


def look_at_gpus(found: Mapping[str, Any], driver: str | None) -> Look:
    """Examine whether PyTorch and the driver of the GPU fit.

    Parameters
    ----------
    found
        From `probed`.
    driver
        Version of NVIDIA's driver; None without one.
    """
    if found.get("gpus"):
        shown = ", ".join(f"{name} with {memory / (1 << 30):.0f} GiB" for name, memory in found["gpus"])
        return Look("GPU", shown)
    if driver is None:
        what = "no GPU: training takes days on a CPU; converting, augmenting and checking need none"
        return Look("GPU", "none", (warning(CODE, what, hint="train on a machine with an NVIDIA GPU"),))
    return Look("GPU", f"driver {driver}", tuple(_mismatch(found, driver)))


def _mismatch(found: Mapping[str, Any], driver: str) -> list[Finding]:
    """Return why PyTorch cannot use a GPU that has a driver."""
    if "torch" not in found:
        return []  # which is reported
    if not found.get("cuda"):
        what = f"PyTorch {found['torch']} is built for the CPU only, and this machine has a GPU (driver {driver})"
        return [Finding(CODE, what, hint="install PyTorch for CUDA: https://pytorch.org/get-started/locally")]
    cuda = numbers(found["cuda"])
    smallest = _SMALLEST_DRIVER.get(cuda[0], 0)
    if numbers(driver)[0] < smallest:
        what = f"PyTorch is built for CUDA {found['cuda']}, which needs driver {smallest} or later; this is {driver}"
        return [Finding(CODE, what, hint="update the driver, or install PyTorch for an older CUDA")]
    what = f"PyTorch does not see the GPU, although driver {driver} is new enough"
    return [Finding(CODE, what, hint="check CUDA_VISIBLE_DEVICES", cures=(Cure.of("start_with_gpus"),))]


def look_at_blosc2(found: Mapping[str, Any]) -> Look:
    """Examine whether Blosc2, in which nnU-Net keeps preprocessed cases, reads what it wrote."""
    version = found.get("blosc2", "not usable")
    if found.get("blosc2_equal"):
        return Look("Blosc2", f"{version}, an array was read as it was written")
    if "blosc2_error" in found:
        what = f"Blosc2 cannot write and read an array: {found['blosc2_error']}"
    elif "blosc2_equal" in found:
        what = "Blosc2 read other numbers than it wrote"
    else:
        return Look("Blosc2", "not tried")
    hint = "pip install -U blosc2, or keep nnUNet_preprocessed on a local disk"
    return Look("Blosc2", version, (Finding(CODE, what, hint=hint),))


def look_at_mamba(found: Mapping[str, Any]) -> Look:
    """Examine which scan the layer Mamba uses; both give the same, so neither is a finding."""
    if "no_kernel" not in found:
        return Look("Mamba", "not tried")
    reason = found["no_kernel"]
    return Look("Mamba", f"PyTorch's operations; no mamba_ssm: {reason}" if reason else "mamba_ssm's kernel, on GPUs")


def driver_version() -> str | None:
    """Return the version of NVIDIA's driver; None if there is no GPU of theirs."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    asked = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(  # noqa: S603 - an argument list; the program that PATH names
            asked, capture_output=True, encoding="utf-8", errors="replace", timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.split()[0] if done.returncode == 0 and done.stdout.split() else None


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers at the start of a version: ``2.9.1+cu128`` → (2, 9, 1)."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else (0,)


def _fresh() -> str:
    return f"make a fresh environment with Python 3.11 or later, and {_INSTALL} there"
