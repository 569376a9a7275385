"""Read tables of label names with their values or colours, in the formats that tools export.

``labelmap.txt`` of CVAT (``name:r,g,b:parts:actions``), ``label_colors.txt`` of CamVid (``r g b name``), CSV with a
header (``name,value``, ``name,color`` or ``name,r,g,b``), JSON; each with a fourth number for alpha if the masks have
it; and the tables of `tool_tables`.
Sources: CVAT's documentation of "Segmentation mask 1.1" and "CamVid 1.0".
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...dataset.labels import BACKGROUND, RGB, parse_value, value_text
from ...dataset.strictjson import loads
from ...errors import SegconvError, naming
from ..find.csv_text import read_text, read_text_inside, rows_of
from . import class_lists
from .tool_tables import labels_of_tool, lines_of

FILES = (
    *("labelmap.txt", "label_colors.txt", "class_dict.csv", "labels.csv", "labels.json", "colors.csv", "colors.json"),
    *("_classes.csv", "classes.csv", "classes.json", "obj_class_to_machine_color.json"),
)
"""Names of tables to look for next to the pictures: those of CVAT, CamVid, Roboflow and Supervisely."""

PROJECT = "meta.json"
"""Supervisely's file; many other tools use this name for something else."""

_NAME_COLUMNS = ("name", "label", "class", "label_name", "class_name", "title")
_VALUE_COLUMNS = ("value", "id", "index", "gray", "grey", "pixel_value", "pixel value", "labelvalue")
_COLOUR_COLUMNS = ("color", "colour", "rgb", "rgba", "hex")
_OPAQUE = re.compile(r"(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,]+(.+)")
_WITH_ALPHA = re.compile(r"(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,]+(.+)")
"""Lines of label_colors.txt."""


def find_tables(folder: Path) -> list[Path]:
    """Return the tables and lists of classes in a folder, recognized by name."""
    known = (*FILES, *class_lists.FILES, PROJECT)
    try:
        names = set(os.listdir(folder)).intersection(known)
    except OSError:  # a folder that cannot be listed is reported where its masks are read
        return []
    return [folder / name for name in known if name in names]


def read_table_beside(path: Path, root: Path, *, in_colours: bool) -> dict[str, int | str] | None:
    """Return what a table next to the masks declares; None if it is not a table or does not apply to these masks.

    Parameters
    ----------
    root
        The source; the table must be inside it.
    in_colours
        Whether the masks hold colours. A list of names says nothing about colours, and a table with both numbers and
        colours is then read by colour.
    """
    name, text = path.name, read_text_inside(path, root, "SC074")
    if name in class_lists.FILES:
        with naming(str(path)):
            lines = lines_of(text)
            return None if in_colours or not class_lists.is_list(name, lines) else class_lists.read_list(lines)
    if name == PROJECT:
        try:
            found = loads(text.encode())
        except SegconvError:
            return None
        if not _is_project(found):
            return None
    if name in (PROJECT, "classes.json"):
        return _of_classes(path, text, in_colours=in_colours)
    return _table(path, text)


def _is_project(found: Any) -> bool:
    classes = found.get("classes") if isinstance(found, dict) else None
    return isinstance(classes, list) and bool(classes) and all(isinstance(c, dict) and "title" in c for c in classes)


def _of_classes(path: Path, text: str, *, in_colours: bool) -> dict[str, int | str]:
    """Read the classes of Supervisely, which never include background: it is black, or 0."""
    with naming(str(path)):
        found = loads(text.encode())
        classes = found.get("classes", found) if isinstance(found, dict) else found
        if not isinstance(classes, list):
            return _of_json(classes)
        if classes and all(isinstance(entry, str) for entry in classes):
            return class_lists.read_list(classes)
        columns = _COLOUR_COLUMNS if in_colours else _VALUE_COLUMNS
        names = _of_json([_only(entry, columns) for entry in classes])
    return _with_ground(names)


def _with_ground(names: dict[str, int | str]) -> dict[str, int | str]:
    """Return labels with black, or 0, added as background if they have none."""
    ground: int | str = 0 if all(isinstance(value, int) for value in names.values()) else "#000000"
    return names if BACKGROUND in names or ground in names.values() else {BACKGROUND: ground, **names}


def _only(entry: Any, columns: Collection[str]) -> Any:
    """Drop the columns of the other kind from an entry that has any of the given ones."""
    if not isinstance(entry, dict) or not entry.keys() & set(columns):
        return entry
    return {key: value for key, value in entry.items() if key in (*_NAME_COLUMNS, *columns)}


def read_table(path: Path) -> dict[str, int | str]:
    """Return the labels of a table that the user named: name → value or colour.

    A colour is ``#rrggbb``, or ``#rrggbbaa`` if it is not opaque.

    Raises
    ------
    SegconvError
        ``SC010`` if the file does not exist; ``SC074`` if it is not a table of labels, or names a label twice.
    """
    return _table(path, read_text(path, "SC074"))


def _table(path: Path, text: str) -> dict[str, int | str]:
    with naming(str(path)):
        if path.suffix.lower() == ".json":
            return _of_json(loads(text.encode()))
        lines = lines_of(text)
        if class_lists.is_list(path.name, lines):
            return class_lists.read_list(lines)
        if (named := labels_of_tool(lines)) is not None:
            return named
        if path.suffix.lower() == ".txt":
            # A single line is ambiguous: the name may begin with a number.
            alpha = bool(lines) and all(_WITH_ALPHA.fullmatch(line) for line in lines)
            return _collected([_of_line(line, _WITH_ALPHA if alpha else _OPAQUE) for line in lines])
        return _of_csv(text)


def _of_line(line: str, pattern: re.Pattern[str]) -> tuple[str, int | str]:
    """Read a line of labelmap.txt, or a line of label_colors.txt that matches the pattern."""
    if match := re.fullmatch(r"([^:]+):((?:\s*\d{1,3}\s*,){2,3}\s*\d{1,3})\s*(?::.*)?", line):
        return match[1].strip(), _hex(*match[2].split(","))
    if match := pattern.fullmatch(line):
        *parts, name = match.groups()
        return name.strip(), _hex(*parts)
    raise SegconvError(
        f"{line!r} is not a line of a colour table, expected name:red,green,blue:: or red green blue name", code="SC074"
    )


def _of_csv(text: str) -> dict[str, int | str]:
    rows = rows_of(text, "SC074")
    read = _reader_of([cell.casefold() for cell in rows[0]])
    if read is None:
        raise SegconvError(
            f"has the columns {', '.join(rows[0])}, expected name and value, color, or r, g, b", code="SC074"
        )
    found: list[tuple[str, int | str]] = []
    for number, row in enumerate(rows[1:], 2):
        try:
            found.append(read(row))
        except (IndexError, ValueError):
            raise SegconvError(f"line {number} holds no value or colour: {row}", code="SC074") from None
    return _collected(found)


def _reader_of(columns: Sequence[str]) -> Callable[[Sequence[str]], tuple[str, int | str]] | None:
    """Return a function that reads (name, value or colour) from a row; None if the columns are not recognized."""

    def place(names: Iterable[str]) -> int | None:
        return next((columns.index(name) for name in names if name in columns), None)

    name, value, colour = place(_NAME_COLUMNS), place(_VALUE_COLUMNS), place(_COLOUR_COLUMNS)
    parts = [place(names) for names in (("r", "red"), ("g", "green"), ("b", "blue"), ("a", "alpha"))]
    if name is None:
        return None
    if value is not None:
        return lambda row: (row[name], _value(row[value]))
    if colour is not None:
        return lambda row: (row[name], _colour(row[colour]))
    if None in parts[:3]:
        return None
    return lambda row: (row[name], _hex(*(row[part] for part in parts if part is not None)))


def _of_json(found: Any) -> dict[str, int | str]:
    if isinstance(found, dict) and isinstance(found.get("labels"), (dict, list)):
        found = found["labels"]
    if isinstance(found, list):
        return _collected([_of_entry(entry) for entry in found])
    if not isinstance(found, dict):
        raise SegconvError("is neither an object nor a list of labels", code="SC074")
    if _is_by_value(found):
        return _collected([(name, _json_value(value)) for value, name in found.items()])
    return _collected([(name, _json_value(value)) for name, value in found.items()])


def _is_by_value(found: Mapping[str, Any]) -> bool:
    """Return whether an object gives a name for each value; it may also give a value for each name."""
    return all(map(_is_value, found)) and all(isinstance(name, str) for name in found.values())


def _of_entry(entry: Any) -> tuple[str, int | str]:
    if isinstance(entry, Mapping):
        name = next((entry[c] for c in _NAME_COLUMNS if isinstance(entry.get(c), str)), None)
        value = next((entry[c] for c in (*_VALUE_COLUMNS, *_COLOUR_COLUMNS) if c in entry), None)
        if name is not None and value is not None:
            return name, _json_value(value)
    raise SegconvError(f"{entry!r} has no name and value or color", code="SC074")


def _json_value(value: Any) -> int | str:
    if isinstance(value, str) and _is_value(value):
        return _value(value)
    if type(value) is int and value >= 0:
        return value
    if isinstance(value, list) and _are_parts(value):
        try:
            return _hex(*value)
        except ValueError:
            pass
    raise SegconvError(f"{value!r} is neither a value nor a colour", code="SC074")


def _are_parts(found: Sequence[Any]) -> bool:
    """Return whether these are three or four numbers, as in a colour."""
    return len(found) in (3, 4) and all(type(part) in (int, float) for part in found)


def _is_value(text: str) -> bool:
    try:
        parse_value(text)
    except ValueError:
        return False
    return True


def _value(text: str) -> int | str:
    value, coding = parse_value(text)
    return value_text(value, coding) if coding == RGB else value


def _colour(text: str) -> int | str:
    """Read ``#ff0000``, ``ff0000`` or ``255,0,0``; or ``#ff000080``, ``ff000080`` or ``255,0,0,128``."""
    if parts := re.fullmatch(r"\D?((?:\d{1,3}[\s,]+){2,3}\d{1,3})\D?", text):
        return _hex(*re.findall(r"\d+", parts[1]))
    return _value(text if text.startswith("#") else f"#{text}")


def _hex(red: Any, green: Any, blue: Any, alpha: Any = 255) -> str:
    given = (red, green, blue, alpha)
    if any(isinstance(part, float) and not part.is_integer() for part in given):
        raise ValueError(given)  # of 0 to 1, perhaps: half opaque would become transparent
    parts = [int(part) for part in given]
    if not all(0 <= part <= 255 for part in parts):
        raise SegconvError(f"the colour {parts} has a part outside 0..255", code="SC074")
    return value_text(*parse_value("#{:02x}{:02x}{:02x}{:02x}".format(*parts)))


def _collected(entries: Sequence[tuple[str, int | str]]) -> dict[str, int | str]:
    found: dict[str, int | str] = {}
    for name, value in entries:
        # CamVid capitalizes it, LabelMe adds underscores; nnU-Net wants it plain.
        name = BACKGROUND if class_lists.is_ground(name) else name
        if name in found:
            raise SegconvError(f"the label {name!r} occurs twice", code="SC074")
        found[name] = value
    if not found:
        raise SegconvError("is empty", code="SC074")
    return found
