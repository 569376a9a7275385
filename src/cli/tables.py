"""Draw a table on a terminal without breaking words: in parts below one another, or with long cells below their row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from .terminal import broken, cells

GAP = 2
"""Characters between two columns."""
_NARROW = 16
"""Columns whose words are no longer are compared with one another, and so keep their form."""

Table = Sequence[Sequence[str]]
"""Rows of texts, the first of which has the names of the columns."""


def drawn(table: Table, columns: int) -> Iterator[list[str]]:
    """Yield the lines of each row of a table for a terminal of some columns; those of names come before the others."""
    for number, part in enumerate(_parts(table, columns)):
        if number:
            yield [""]
        yield from _rows(part, columns)


def _parts(table: Table, columns: int) -> Iterator[Table]:
    """Yield the columns that fit next to each other, each time with the first one."""
    first, *others = zip(*table, strict=True)
    if max(map(_longest_word, others), default=0) > _NARROW:
        yield table
        return
    part = [first]
    for other in others:
        if len(part) > 1 and _widths([*part, other], columns) is None:
            yield list(zip(*part, strict=True))
            part = [first]
        part.append(other)
    yield list(zip(*part, strict=True))


def _rows(table: Table, columns: int) -> Iterator[list[str]]:
    """Yield the lines of each row, with cells that do not fit next to the others below them."""
    below = _below(table, columns)
    shown = _filled(_columns_without(table, below))
    widths = _widths(shown, columns) or [*map(_width, shown)]
    for number, row in enumerate(zip(*shown, strict=True)):
        yield _lines(row, widths) + [
            line for at in sorted(below[number]) for line in _named(table, number, at, columns)
        ]


def _named(table: Table, row: int, at: int, columns: int) -> list[str]:
    """Return the lines of a cell below its row."""
    cell = table[row][at] if row else ""  # the name of a column is shown with each of its cells
    if not cell:
        return []
    return broken(f"{' ' * GAP}{table[0][at]}: {cell}", columns, [cell] if cell.startswith("segconv ") else ())


def _below(table: Table, columns: int) -> list[list[int]]:
    """Return for each row in which columns it has cells that do not fit next to the others.

    These are the cells with the longest words, or the whole column if they are most of it. Columns up to the first
    that has a name stay.
    """
    head = _head(table[0])
    words = [[_longest_word([cell]) for cell in column] for column in zip(*table, strict=True)]
    below: list[list[int]] = [[] for _ in table]
    while (excess := _room([max(lengths) for lengths in words]) - columns) > 0:
        at = max(range(head, len(words)), key=lambda at: max(words[at]), default=0)
        if at < head or not max(words[at]):
            break  # the first columns are too wide by themselves
        for row in _longer(words[at], max(words[at]) - excess):
            below[row].append(at)
            words[at][row] = 0
    return below


def _head(names: Sequence[str]) -> int:
    """Return how many columns there are up to the first that has a name."""
    return next((at for at, name in enumerate(names) if name), 0) + 1


def _room(widths: Sequence[int]) -> int:
    """Return how many characters columns take, of which some may be empty."""
    filled = [width for width in widths if width]
    return sum(filled) + GAP * (len(filled) - 1)


def _longer(lengths: Sequence[int], most: int) -> list[int]:
    """Return in which rows of a column words are longer; all rows, if the name is longer or most cells are."""
    rows = [row for row, length in enumerate(lengths) if length > most]
    return list(range(len(lengths))) if 0 in rows or 2 * len(rows) > sum(map(bool, lengths)) else rows


def _columns_without(table: Table, below: Sequence[Sequence[int]]) -> list[list[str]]:
    """Return the columns of a table in which the cells below others are empty."""
    kept = [
        ["" if at in moved else cell for at, cell in enumerate(row)] for row, moved in zip(table, below, strict=True)
    ]
    return [list(column) for column in zip(*kept, strict=True)]


def _filled(texts: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    return [column for column in texts if any(column)]


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return a row as lines, each cell wrapped to the width of its column."""
    wrapped = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    gap = " " * GAP
    return [
        gap.join(part + " " * (width - cells(part)) for part, width in zip(parts, widths, strict=True)).rstrip()
        for parts in zip_longest(*wrapped, fillvalue="")
    ]


def _wrapped(text: str, width: int) -> list[str]:
    if cells(text) <= width:
        return [text]
    lines = [""]
    for word in text.split():
        if lines[-1] and cells(f"{lines[-1]} {word}") > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def _widths(texts: Sequence[Sequence[str]], columns: int) -> list[int] | None:
    """Return how wide each column can be, the widest giving way down to its longest word; None if words would break."""
    widths = [_width(column) for column in texts]
    least = [_longest_word(column) for column in texts]
    if _room(least) > columns:
        return None
    while _room(widths) > columns:
        at = max((at for at in range(len(widths)) if widths[at] > least[at]), key=widths.__getitem__)
        widths[at] -= 1
    return widths


def _width(texts: Sequence[str]) -> int:
    return max(map(cells, texts))


def _longest_word(texts: Sequence[str]) -> int:
    return max((cells(word) for text in texts for word in text.split()), default=0)
