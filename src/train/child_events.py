"""What our programs in processes of their own say to segconv: JSON objects, on lines among those of nnU-Net."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from ..errors import SegconvError

_MARK = "SEGCONV "


def say(event: Mapping[str, Any]) -> None:
    """Write an event to stdout, on a line of its own even after a progress bar."""
    sys.stdout.write(f"\n{_MARK}{json.dumps(event)}\n")  # in one piece, as other processes write there, too
    sys.stdout.flush()


def say_fault(error: SegconvError) -> None:
    """Write the first finding of an error to stdout, as an event."""
    found = error.findings[0]
    say({"finding": {"code": found.code, "message": found.message, "hint": found.hint}})


def heard(line: str) -> dict[str, Any] | None:
    """Return the event of a line; None for a line of nnU-Net's."""
    if not line.startswith(_MARK):
        return None
    event: dict[str, Any] = json.loads(line.removeprefix(_MARK))
    return event
