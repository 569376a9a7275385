"""Patterns that find given files, for messages that propose them, such as ``images/{case}.png``."""

from __future__ import annotations

from collections.abc import Sequence

from ...words import count_of
from ..tree import Unit

CASE = "{case}"


def glob_of(folder: str, name: str = "*") -> str:
    """Return the pattern of the files in a folder."""
    return f"{folder}/{name}" if folder else name


def globs_of(one: Sequence[Unit], other: Sequence[Unit]) -> tuple[str, str]:
    """Return the patterns of two folders of files, with ``{case}`` where their names differ."""
    same = {unit.stem for unit in one} & {unit.stem for unit in other}
    first, second = ("*" if same else pattern_of(units) for units in (one, other))
    return glob_of(one[0].folder, first), glob_of(other[0].folder, second)


def pattern_of(units: Sequence[Unit]) -> str:
    """Return what the names of files have in common around ``{case}``, without splitting numbers."""
    stems = [unit.stem for unit in units]
    if len(stems) == 1:
        return CASE + units[0].ending
    if len(set(stems)) == 1:
        return stems[0] + units[0].ending
    start = _shared_start(stems).rstrip("0123456789")
    end = _shared_start([stem[len(start) :][::-1] for stem in stems])[::-1].lstrip("0123456789")
    return f"{start}{CASE}{end}{units[0].ending}"


def pattern_of_files(files: Sequence[Unit]) -> str:
    """Return the pattern of one file per case: ``*`` or ``{case}`` where their paths differ."""
    same = len({file.stem for file in files}) == 1
    name = files[0].name if same else pattern_of(files)
    return glob_of(common_path(sorted({file.folder for file in files})), name)


def common_path(paths: Sequence[str]) -> str:
    """Return the paths as one, with ``*`` for each component in which they differ."""
    parts = [path.split("/") for path in paths]
    if any(len(one) != len(parts[0]) for one in parts):
        return "**"
    return "/".join(same[0] if len(set(same)) == 1 else "*" for same in zip(*parts, strict=True))


def _shared_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    pairs = enumerate(zip(first, last, strict=False))
    return first[: next((number for number, (one, other) in pairs if one != other), len(first))]


def listed(units: Sequence[Unit]) -> str:
    """Return ``3 files (a.png, b.png …)``."""
    names = ", ".join(unit.shown for unit in units[:2]) + (" …" if len(units) > 2 else "")
    return f"{count_of(len(units), 'file')} ({names})"
