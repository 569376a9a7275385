"""Values of cures as they are typed: quoted for a shell, or as placeholders where they are missing."""

from __future__ import annotations

import shlex
from string import Formatter
from typing import Any

PLACEHOLDERS = {
    "images": "GLOB",
    "masks": "GLOB",
    "labels": "NAME=VALUE,…",
    "spacing": "X,Y,Z",
    "target": "ID_NAME",
    "snap": "N",
    "inputs": "IN",
    "output": "OUT",
}
"""What stands for a missing value, where its name in capitals would say less."""


class Values(Formatter):
    """Values quoted for a shell; missing ones as placeholders in capitals."""

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:
        """Return a value, or its placeholder."""
        return kwargs.get(key, PLACEHOLDERS.get(str(key), str(key).upper()))

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return a value as it is typed; ``words`` is not typed, ``--option`` repeats it, ``=TEXT`` comes after it."""
        if format_spec == "words":
            return str(value)
        values = value if isinstance(value, tuple) else (value,)
        if format_spec.startswith("="):
            values, format_spec = tuple(f"{text}{format_spec}" for text in values), ""
        quoted = [_quoted(text) for text in map(str, values)]
        return " ".join(f"{format_spec} {text}" for text in quoted) if format_spec else ",".join(quoted)


def _quoted(text: str) -> str:
    """Return a value quoted for a shell, but for the dots of what is to be filled in."""
    without = text.replace("…", "")
    return text if shlex.quote(without) == without else shlex.quote(text)
