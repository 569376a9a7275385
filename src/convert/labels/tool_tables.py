"""Read the tables in which volume tools name the values of a segmentation.

* ITK-SNAP's label description: ``IDX R G B A VIS MESH "LABEL"``.
* 3D Slicer's ``.ctbl`` and FreeSurfer's colour table: ``No. Name R G B A``; Slicer calls values without a
  name ``(none)``.

Their colours are for the screen: files hold the numbers. They name everything a tool knows, so in a table next to the
labels, and in a long one, only values that occur count. 0 is background, whatever its name is ("Clear Label",
"Unknown").
Sources: the comments that ITK-SNAP writes into its files; Slicer's documentation of color tables;
https://surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/AnatomicalROI/FreeSurferColorLUT
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...dataset.labels import BACKGROUND
from ...errors import Cure, SegconvError, naming
from ..find.csv_text import read_text_inside
from ..model import SourceCase
from ..source_files import shown
from ..survey import Survey

ENDINGS = (".ctbl", ".lut", ".label", ".txt")
_MOST_FILES = 20
"""Text files to look at in a folder; if there are more, they are reports of the cases."""
_ITK_SNAP = re.compile(r'(\d+)(?:\s+\d+){3}\s+[\d.]+\s+[01]\s+[01]\s+"(.*)"')
_NUMBER_AND_NAME = re.compile(r"(\d+)\s+(\S.*?)(?:\s+\d+){4}")
_NAMELESS = ("(none)", "")
_GROUNDS = (
    *_NAMELESS,
    "none",
    "background",
    "bg",
    "clear label",
    "unknown",
    "unlabeled",
    "unlabelled",
    "void",
    "exterior",
)


def labels_of_tool(lines: Sequence[str]) -> dict[str, int | str] | None:
    """Return name → value if the lines of a file, without comments, are such a table; otherwise None.

    Raises
    ------
    SegconvError
        ``SC074`` if a value has two names.
    """
    for form in (_ITK_SNAP, _NUMBER_AND_NAME):
        matches = [form.fullmatch(line) for line in lines]
        if lines and all(matches):
            return _collected([(int(match[1]), match[2].strip().strip('"')) for match in matches if match])
    return None


def _collected(entries: Iterable[tuple[int, str]]) -> dict[str, int | str]:
    names: dict[int, str] = {0: BACKGROUND}
    for value, name in entries:
        if name in _NAMELESS:
            continue
        own = BACKGROUND if value == 0 else name
        if names.setdefault(value, own) != own:
            raise SegconvError(f"gives {value} the names {names[value]!r} and {name!r}", code="SC074")
    found: dict[str, int | str] = {}
    for value, name in names.items():
        # Some tables give several values the same name: each remains a label of its own.
        found[name if name not in found else f"{name}_{value}"] = value
    return found


def in_use(names: Mapping[str, int | str], found: Iterable[int]) -> dict[str, int | str]:
    """Return the labels that occur, plus background."""
    occurring = set(found)
    return {name: value for name, value in names.items() if value == 0 or value in occurring}


def tables_beside(survey: Survey, cases: Iterable[SourceCase]) -> tuple[dict[str, int | str], list[str]] | None:
    """Return the labels of such tables in the source and in its label folders, and their names; None without tables.

    Raises
    ------
    SegconvError
        ``SC074`` if two tables give a value different names.
    """
    root = survey.root
    folders = {root, *(Path(case.label).parent for case in cases if case.label is not None)}
    found: dict[str, int | str] = {}
    tables: list[Path] = []
    for path in (
        path for folder in sorted(folders) if folder.is_relative_to(root) for path in find_tool_tables(folder)
    ):
        names = read_tool_table(path, root)
        if names is None:
            continue
        _refuse_contradiction(found, names, [*tables, path], root)
        found |= names
        tables.append(path)
        survey.notes.extend(ground_note(path, root))
    return (found, [shown(path, root) for path in tables]) if tables else None


def _refuse_contradiction(
    found: Mapping[str, int | str], names: Mapping[str, int | str], tables: Sequence[Path], root: Path
) -> None:
    """Refuse the last table if it contradicts an earlier one on the name of a value, or the value of a name."""
    name_of = {value: name for name, value in found.items()}
    odd = next((n for n, value in names.items() if (name_of.get(value, n), found.get(n, value)) != (n, value)), None)
    if odd is not None:
        raise SegconvError(
            f"says {odd!r} is {names[odd]}, and {shown(tables[0], root)} says otherwise",
            code="SC074",
            file=shown(tables[-1], root),
            cures=tuple(Cure.of("declare_by_one_table", table=table) for table in (tables[0], tables[-1])),
        )


def find_tool_tables(folder: Path) -> list[Path]:
    """Return the files of a folder that may be such tables, judged by extension; none if there are many."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.lower().endswith(ENDINGS))
    except OSError:  # reported where the labels are read
        return []
    return [folder / name for name in names] if len(names) <= _MOST_FILES else []


def read_tool_table(path: Path, root: Path) -> dict[str, int | str] | None:
    """Return the labels of a file if it is such a table; otherwise None."""
    with naming(shown(path, root)):
        return labels_of_tool(_lines_inside(path, root))


def ground_note(path: Path, root: Path) -> list[str]:
    """Return a note if a table gives 0 a name that is unusual for background."""
    entries = (form.fullmatch(line) for line in _lines_inside(path, root) for form in (_ITK_SNAP, _NUMBER_AND_NAME))
    names = (match[2].strip().strip('"') for match in entries if match is not None and int(match[1]) == 0)
    odd = next((name for name in names if name.casefold().strip("_ ") not in _GROUNDS), None)
    return [] if odd is None else [f"{shown(path, root)} calls 0 {odd!r}; it counts as background"]


def _lines_inside(path: Path, root: Path) -> list[str]:
    try:
        return lines_of(read_text_inside(path, root, "SC074"))
    except SegconvError:  # not text, or outside the source: nothing says that it is a table
        return []


def lines_of(text: str) -> list[str]:
    """Return the lines of a table without comments, empty lines and surrounding blanks."""
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
