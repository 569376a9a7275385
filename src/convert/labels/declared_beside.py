"""Labels declared by tables and lists of classes next to masks; all of them must agree."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...dataset.labels import BACKGROUND
from ...errors import Cure, SegconvError
from ..find.roles import MASK, place_of
from ..model import SourceCase
from ..source_files import shown
from ..survey import Survey
from .choices import declaring
from .colour_tables import find_tables, read_table_beside
from .declared import Declared
from .tool_tables import find_tool_tables, ground_note, read_tool_table


@dataclass(frozen=True)
class Beside:
    """Labels declared by tables that were found rather than named by the user.

    Parameters
    ----------
    where
        The first table, as messages name it.
    occurring
        Whether only values that occur in masks count: some tables name everything a tool knows.
    """

    declared: Declared
    where: str
    occurring: bool


def declared_beside(survey: Survey, cases: Iterable[SourceCase], *, in_colours: bool) -> Beside | None:
    """Return the labels that tables declare in the source, in its mask folders, or above those; None without tables.

    Raises
    ------
    SegconvError
        ``SC003`` if two tables in one folder declare different labels; ``SC074`` if tables in two folders do, or no
        background is declared; also any error from reading a table.
    """
    tables = _tables(_folders(cases, survey.root), survey.root, in_colours=in_colours)
    if tables is None:
        return None
    survey.notes.extend(tables.grounds)
    if BACKGROUND not in tables.names and BACKGROUND not in survey.options.value_map.values():
        _refuse_nameless_background(tables.names, tables.where)
    more = f" and {tables.count - 1} more, which agree" if tables.count > 1 else ""
    values = ", of which the values count that occur" if tables.occurring else ""
    survey.note(f"labels are declared by {tables.where}{more}{values}")
    return Beside(Declared.of(tables.names), tables.where, tables.occurring)


def declared_in(folder: Path, files: Iterable[str], *, in_colours: bool) -> Tables | None:
    """Return what tables next to the labels of a folder declare, where the folder is not a source; None without tables.

    Parameters
    ----------
    folder
        Folder of the labels; if its name is usual for mask folders, tables next to the folder count too.

    Raises
    ------
    SegconvError
        As in `declared_beside`, except that background may be unnamed.
    """
    here = Path(os.path.realpath(folder))
    root = here.parent if place_of(here.name).role == MASK else here
    folders = {root, here, *(Path(file).parent for file in files)}
    return _tables([one for one in folders if one.is_relative_to(root)], root, in_colours=in_colours)


@dataclass(frozen=True)
class Tables:
    """The combined contents of the tables for one set of labels.

    Parameters
    ----------
    names
        Name → value or colour.
    where
        The first table, as messages name it.
    occurring
        As in `Beside`.
    grounds
        Notes on what they call background.
    """

    names: Mapping[str, int | str]
    where: str
    count: int
    occurring: bool
    grounds: tuple[str, ...]


def _tables(folders: Iterable[Path], root: Path, *, in_colours: bool) -> Tables | None:
    found: dict[str, int | str] = {}
    origin: dict[int | str, Path] = {}
    tables: list[Path] = []
    grounds: list[str] = []
    occurring = False
    for table, names, of_tool in _read(folders, root, in_colours=in_colours):
        if of_tool:
            occurring = True
            grounds += ground_note(table, root)
        _refuse_contradiction(found, names, table, origin, tables, root)
        tables.append(table)
        for name, value in names.items():
            found.setdefault(name, value)
            origin.setdefault(value, table)
    return Tables(found, shown(tables[0], root), len(tables), occurring, tuple(grounds)) if tables else None


def _read(
    folders: Iterable[Path], root: Path, *, in_colours: bool
) -> Iterator[tuple[Path, Mapping[str, int | str], bool]]:
    """Yield each table, what it declares, and whether it is a tool's table, which names everything the tool knows."""
    for folder in sorted(folders):
        known = find_tables(folder)
        of_tools = [] if in_colours else find_tool_tables(folder)  # their colours are for the screen
        for table in dict.fromkeys((*known, *of_tools)):
            names = read_table_beside(table, root, in_colours=in_colours) if table in known else None
            if names is not None:
                yield table, names, False
            elif table in of_tools and (names := read_tool_table(table, root)) is not None:
                yield table, names, True


def _folders(cases: Iterable[SourceCase], root: Path) -> Collection[Path]:
    folders = {root}
    # As text, because a million labels may lie in one folder.
    for folder in map(Path, {os.path.dirname(case.label) for case in cases if case.label is not None}):
        folders |= {folder, folder.parent} if folder.parent.is_relative_to(root) else {folder}
    return [folder for folder in folders if folder.is_relative_to(root)]


def _refuse_contradiction(
    found: Mapping[str, int | str],
    names: Mapping[str, int | str],
    table: Path,
    origin: Mapping[int | str, Path],
    tables: list[Path],
    root: Path,
) -> None:
    """Refuse a table that contradicts an earlier one on the name of a value, or the value of a name."""
    name_of = {value: name for name, value in found.items()}
    for name, value in names.items():
        if found.get(name, value) == value and name_of.get(value, name) == name:
            continue
        other = found.get(name, value)
        first = origin[other]
        if first.parent == table.parent:
            raise SegconvError(
                f"{first.name} and {table.name} may both declare the labels",
                code="SC003",
                file=str(table.parent),
                cures=tuple(Cure.of("declare_by_one_table", table=one) for one in (first, table)),
            )
        what = f"{name!r} is {value}, in the other {other}" if other != value else f"{value} is {name!r}"
        if other == value:
            what += f", in the other {name_of[value]!r}"
        raise SegconvError(
            f"{shown(table, root)} and {shown(first, root)} declare different labels: in the first {what}",
            code="SC074",
            file=shown(table, root),
            hint="number the classes alike in all masks: export them again with one list of classes",
        )


def _refuse_nameless_background(names: Mapping[str, int | str], table: str) -> None:
    black = next((name for name, value in names.items() if value in (0, "#000000", "#00000000")), None)
    renamed = {(BACKGROUND if name == black else name): value for name, value in names.items()}
    if black is None:
        in_values = all(isinstance(value, int) for value in names.values())
        renamed = {BACKGROUND: 0 if in_values else "#000000", **names}
    raise SegconvError(
        f"declares no label 'background'{f', but {black!r} as {names[black]}' if black is not None else ''}",
        code="SC074",
        file=table,
        cures=(declaring(renamed, f"{black!r} counts as background" if black is not None else ""),),
    )
