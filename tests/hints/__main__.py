"""``python -m tests.hints``: how the walks of each command ended, and after how many hints.

Words select starts by their names; with ``-v``, the questions are printed as well.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from . import checked, kit, layouts_2d, layouts_3d, mistakes
from .ends import KINDS, Ends
from .laid_out import follow


def starts() -> Iterator[tuple[str, str, Callable[[Path, Ends], None]]]:
    """Yield the set, the name and the walk of every start."""
    for case in kit.REFUSALS:
        yield "kit", case.id, lambda folder, ends, case=case: kit.follow(case, folder, ends)
    for case in kit.WARNED:
        yield "kit, converted at once", case.id, lambda folder, ends, case=case: kit.follow(case, folder, ends)
    for title, layouts in (("pictures", layouts_2d.LAYOUTS), ("volumes", layouts_3d.LAYOUTS)):
        for layout in layouts:
            yield title, layout.name, lambda folder, ends, layout=layout: follow(layout, folder, ends)
    for command, name in checked.STARTS:
        run = (command, name)
        yield "damaged datasets", name, lambda folder, ends, run=run: checked.follow(*run, folder, ends)
    for mistake in (*mistakes.MISTAKES, *mistakes.MODELS):
        yield "mistakes", mistake.name, lambda folder, ends, one=mistake: mistakes.follow(one, folder, ends)


def main(words: list[str]) -> int:
    """Walk from the starts whose names hold one of the words; return 1 if one goes wrong."""
    wanted = [word for word in words if word != "-v"]
    sets: dict[str, Ends] = {}
    for title, name, walk in starts():
        if not wanted or any(word in name for word in wanted):
            with tempfile.TemporaryDirectory() as folder:
                walk(Path(folder), sets.setdefault(title, Ends()))
    for title, ends in sets.items():
        said = [one for kind in KINDS[1:] for one in ends.last[kind]] if "-v" in words else []
        print("\n".join([*ends.wrong, *said, f"{title}: {ends}"]))
    return 1 if any(ends.wrong for ends in sets.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
