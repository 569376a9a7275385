"""Segment cases one after the other with TotalSegmentator, in a process of its own that loads each model once.

Requests are lines of JSON on stdin, answers are lines on stdout that start with `MARK`; see `working`. All that
computes is TotalSegmentator's own function ``totalsegmentator``; `models_kept` says what is replaced around it.

Only the modules of this package that run in this process import TotalSegmentator, nnunetv2 and torch.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import multiprocessing
import os
import sys
import traceback
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from ...errors import SegconvError
from ..importing import judged
from ..untrusted_models import Trust
from .no_network import refuse_network

MARK = "segconv-totalseg "
"""Start of the lines that are answers; TotalSegmentator, nnU-Net and PyTorch write others."""

_STDOUT = 1
_PACKAGES = ("TotalSegmentator", "nnunetv2", "torch")


def main() -> None:
    """Answer requests until there are no more; the first argument says how to work.

    ``threads``: number of CPU threads; ``device``: ``auto``, ``cuda`` or ``cpu``; ``models``: folders of models to
    judge before anything in them is loaded; ``trust``: what they may hold, as in `Trust`.
    """
    asked = json.loads(sys.argv[1])
    refused = refuse_network()
    if unsafe := _unsafe(asked["models"], Trust(**asked["trust"])):
        say({"unsafe": unsafe})
        return
    # TotalSegmentator sets PyTorch's threads to this number, which is that of all cores of the machine, also where
    # several workers share them or a scheduler grants fewer.
    multiprocessing.cpu_count = lambda: int(asked["threads"])
    from .models_kept import keep_models

    kept = keep_models()
    segment: Callable[..., Any] = importlib.import_module("totalsegmentator.python_api").totalsegmentator
    device = _device(asked["device"])
    say({"ready": {**_versions(), **_usual(segment), "device": device, "kept": kept}})
    for line in sys.stdin:
        refused.clear()
        answer = _segmented(segment, {**json.loads(line), "device": device})
        say({**answer, "refused": sorted(set(refused))})


def _unsafe(models: list[str], trust: Trust) -> list[dict[str, str]]:
    """Return findings on models that hold code."""
    for model in models:
        try:
            judged(Path(model), trust)
        except SegconvError as error:
            return [finding.as_json() for finding in error.findings]
    return []


def say(answer: dict[str, Any]) -> None:
    """Write an answer in one piece, so that nothing comes between, and on a line of its own."""
    sys.stdout.flush()
    os.write(_STDOUT, f"\n{MARK}{json.dumps(answer)}\n".encode())


def _device(asked: str) -> str:
    import torch

    if asked == "cpu" or (asked == "auto" and not torch.cuda.is_available()):
        return "cpu"
    return "gpu" if torch.cuda.is_available() else ""


def _versions() -> dict[str, str]:
    return {name.lower(): metadata.version(name) for name in _PACKAGES}


def _usual(segment: Callable[..., Any]) -> dict[str, Any]:
    """Return the order of interpolation that counts if none is asked for: it changed between versions."""
    order = inspect.signature(segment).parameters.get("resampling_order")
    return {"resampling_order": None if order is None else order.default}


def _segmented(segment: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """Segment one case; whatever goes wrong, the next case has its turn."""
    try:
        segment(**options)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it even ends the process over a missing licence
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {error}{_place(error)}", "out_of_memory": _is_out_of_memory(error)}
    finally:
        _free()
    return {"done": options["output"]}


def _place(error: BaseException) -> str:
    """Return where an error was raised: the log that says more is not kept if no case succeeds."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _free() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
