"""Draw a table on a terminal without breaking words: as one, in parts below one another, or in a block for each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from .terminal import broken, cells

GAP = 2
"""Characters between two columns."""
_NARROW = 16
"""Columns whose words are no longer are compared with one another; others are read row by row."""

Table = Sequence[Sequence[str]]
"""Rows of texts, the first of which has the names of the columns."""


def draw(table: Table, columns: int) -> None:
    """Write a table to stdout for a terminal of some columns."""
    parts = list(_parts(table, columns))
    if all(_widths(part, columns) for part in parts):
        for number, part in enumerate(parts):
            click.echo("\n" if number else "", nl=False)
            _print(part, _widths(part, columns) or [], columns)
        return
    names, *rows = table
    for row in rows:
        click.echo("\n".join(_block(names, row, columns)))


def _parts(table: Table, columns: int) -> Iterator[Table]:
    """Yield the columns that fit next to each other, each time with the first one."""
    first, *others = zip(*table, strict=True)
    if max(map(_longest_word, others), default=0) > _NARROW:
        yield table
        return
    part = [first]
    for other in others:
        if len(part) > 1 and _widths(_rows([*part, other]), columns) is None:
            yield _rows(part)
            part = [first]
        part.append(other)
    yield _rows(part)


def _rows(columns: Sequence[Sequence[str]]) -> Table:
    return list(zip(*columns, strict=True))


def _widths(table: Table, columns: int) -> list[int] | None:
    """Return how wide each column can be, the widest giving way down to its longest word; None if words would break."""
    columns_of = list(zip(*table, strict=True))
    widths = [max(map(cells, column)) for column in columns_of]
    least = [_longest_word(column) for column in columns_of]
    room = columns - GAP * (len(widths) - 1)
    if sum(least) > room:
        return None
    while sum(widths) > room:
        at = max((at for at in range(len(widths)) if widths[at] > least[at]), key=widths.__getitem__)
        widths[at] -= 1
    return widths


def _longest_word(texts: Sequence[str]) -> int:
    return max((cells(word) for text in texts for word in text.split()), default=0)


def _block(names: Sequence[str], row: Sequence[str], columns: int) -> Iterator[str]:
    """Yield the lines of a row: cells without a name and the first that has one, then each of the others."""
    head = next((at for at, name in enumerate(names) if name), 0) + 1
    yield " ".join(filter(None, row[:head]))
    for name, cell in zip(names[head:], row[head:], strict=True):
        if cell:
            yield from broken(f"  {name}: {cell}", columns, [cell] if cell.startswith("segconv ") else ())


def _print(table: Table, widths: Sequence[int], columns: int) -> None:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    names, *rows = table
    drawn = RichTable(box=None, pad_edge=False)
    for name, width in zip(names, widths, strict=True):
        drawn.add_column(Text(name), width=width, overflow="fold")
    for row in rows:
        drawn.add_row(*map(Text, row))  # rich would interpret plain strings as markup, with links, colours and emoji
    Console(highlight=False, width=columns).print(drawn)
