"""Print the lowest version of each dependency in pyproject.toml as constraints for pip: ``python -m tests.lowest``."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lowest(text: str, *tables: str) -> list[str]:
    """Return ``name==version`` for each dependency of these lists of pyproject.toml."""
    found = []
    for table in tables:
        listed = re.search(rf"^{table} = \[(.*?)\]", text, re.DOTALL | re.MULTILINE)
        if listed is None:
            raise LookupError(f"{PROJECT} has no list {table}")
        found += re.findall(r'"([\w.-]+)(?:\[[\w,]*\])?>=([\w.]+)', listed[1])
    return [f"{name}=={version}" for name, version in found]


if __name__ == "__main__":
    print("\n".join(lowest(PROJECT.read_text(encoding="utf-8"), "dependencies", "fast")))
