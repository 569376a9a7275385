"""``python -m tests.hints``: how many walks ended in a dataset or in a question, and after how many hints.

Words select starts by their names; with ``-v``, the questions are printed as well.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from . import kit, layouts_2d, layouts_3d
from .laid_out import follow
from .walk import Ends


def starts() -> Iterator[tuple[str, str, Callable[[Path, Ends], None]]]:
    """Yield the set, the name and the walk of every start."""
    for case in kit.REFUSALS:
        yield "kit", case.id, lambda folder, ends, case=case: kit.follow(case, folder, ends)
    for title, layouts in (("pictures", layouts_2d.LAYOUTS), ("volumes", layouts_3d.LAYOUTS)):
        for layout in layouts:
            yield title, layout.name, lambda folder, ends, layout=layout: follow(layout, folder, ends)


def main(words: list[str]) -> int:
    """Walk from the starts whose names hold one of the words; return 1 if one goes wrong."""
    wanted = [word for word in words if word != "-v"]
    sets: dict[str, Ends] = {}
    for title, name, walk in starts():
        if not wanted or any(word in name for word in wanted):
            with tempfile.TemporaryDirectory() as folder:
                walk(Path(folder), sets.setdefault(title, Ends()))
    for title, ends in sets.items():
        print("\n".join([*ends.wrong, *ends.questions[: None if "-v" in words else 0], f"{title}: {ends}"]))
    return 1 if any(ends.wrong for ends in sets.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
