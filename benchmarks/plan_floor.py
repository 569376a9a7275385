"""The floor of planning: list the folders of a source, and read the head of each file.

``python -m benchmarks.plan_floor SOURCE``
"""

from __future__ import annotations

import os
import sys

HEAD = 64


def main() -> None:
    """Read all heads, keep the names."""
    names = []
    for folder in os.scandir(sys.argv[1]):
        for entry in os.scandir(folder):
            descriptor = os.open(entry.path, os.O_RDONLY)
            os.read(descriptor, HEAD)
            os.close(descriptor)
            names.append(entry.name)
    names.sort()


if __name__ == "__main__":
    main()
