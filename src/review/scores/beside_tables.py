"""Read tables and class lists next to predictions and references, as in conversion."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from .declared import Classes, Declaration, Texts, contradiction, of_values
from .opened_label import COLOURS
from .tally import Tally


@dataclass(frozen=True)
class Table:
    """The combined declaration of the tables next to one side.

    Parameters
    ----------
    names
        Name → value or colour as text.
    where
        The first table, for messages.
    occurring
        Whether only occurring values count, as for a table of everything that a tool knows.
    """

    names: Mapping[str, str]
    where: str
    occurring: bool


TablesOf = Callable[[Path, Collection[str], bool], Table | None]
"""Returns the table next to the labels of a folder: takes the folder, its labels, and whether these hold colours."""


def of_tables(
    read: TablesOf, sides: Sequence[tuple[Path, Collection[str]]], tallies: Sequence[Tally]
) -> Declaration | None:
    """Return the declaration of both sides' tables, which must agree; None without tables.

    Parameters
    ----------
    sides
        Folder and labels of predictions and of references.
    tallies
        All cases.

    Raises
    ------
    SegconvError
        ``SC078`` if the sides number or colour the classes differently; what reading raises.
    """
    held = list(chain.from_iterable(tally.held for tally in tallies))
    in_colours = any(one.kind == COLOURS for one in held)
    occurring = set[str]().union(*(one.counts for one in held))
    found = (read(folder, files, in_colours) for folder, files in sides)
    said = [_declaration(table, occurring) for table in found if table is not None]
    if len(said) < 2:
        return said[0] if said else None
    mine, its = said
    if _differ(mine.own.meaning, its.own.meaning):
        raise contradiction(mine, its, sides[0][0])
    own = its.own
    return replace(its, own=Classes({**mine.own.names, **own.names}, own.rest, own.ignore, own.who), for_both=True)


def _declaration(table: Table, occurring: Collection[str]) -> Declaration:
    names = {n: text for n, text in table.names.items() if not table.occurring or text in (*occurring, "0")}
    return replace(of_values(names, table.where, for_both=False), by_table=True)


def _differ(mine: Mapping[str, Texts], its: Mapping[str, Texts]) -> bool:
    """Return whether a name has two values, or a value two names."""
    names = {text: name for name, texts in its.items() for text in texts}
    return any(
        its.get(name, texts) != texts or any(names.get(text, name) != name for text in texts)
        for name, texts in mine.items()
    )
