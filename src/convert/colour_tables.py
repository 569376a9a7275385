"""Tables of label names and their values or colours, in the forms in which tools export them.

``labelmap.txt`` of CVAT (``name:r,g,b:parts:actions``), ``label_colors.txt`` of CamVid
(``r g b name``), CSV with a header (``name,value``, ``name,color`` or ``name,r,g,b``), JSON; each
with a fourth number for alpha where the masks have one.
Sources: CVAT's documentation of "Segmentation mask 1.1" and "CamVid 1.0".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..dataset.labels import RGB, parse_value, value_text
from ..dataset.strictjson import loads
from ..errors import SegconvError, naming
from .csv_text import read_text, read_text_inside, rows_of

FILES = ("labelmap.txt", "label_colors.txt", "class_dict.csv", "labels.csv", "labels.json", "colors.csv", "colors.json")
"""Names by which a table beside the pictures is found."""

_NAME_COLUMNS = ("name", "label", "class", "label_name", "class_name")
_VALUE_COLUMNS = ("value", "id", "index", "gray", "grey", "pixel_value")
_COLOUR_COLUMNS = ("color", "colour", "rgb", "rgba", "hex")
_OPAQUE = re.compile(r"(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,]+(.+)")
_WITH_ALPHA = re.compile(r"(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,]+(.+)")
"""Lines of label_colors.txt."""


def find_table(folder: Path) -> Path | None:
    """Return the table that lies in a folder, or None.

    Raises
    ------
    SegconvError
        ``SC003`` if there are two.
    """
    found = [folder / name for name in FILES if (folder / name).is_file()]
    if len(found) > 1:
        raise SegconvError(
            f"{found[0].name} and {found[1].name} may both declare the labels",
            code="SC003",
            file=str(folder),
            hint=f"name one of them: --labels {found[0]}",
        )
    return found[0] if found else None


def read_table(path: Path) -> dict[str, int | str]:
    """Return the labels of a table that a user names: name → value or colour.

    A colour is ``#rrggbb``, or ``#rrggbbaa`` if it is not opaque.

    Raises
    ------
    SegconvError
        ``SC010`` if the file is not there; ``SC074`` if it is no table of labels, or names a label
        twice.
    """
    return _table(path, read_text(path, "SC074"))


def read_table_inside(path: Path, root: Path) -> dict[str, int | str]:
    """Return the labels of a table of a source; raises what `read_table` and `resolve_inside` raise."""
    return _table(path, read_text_inside(path, root, "SC074"))


def _table(path: Path, text: str) -> dict[str, int | str]:
    with naming(str(path)):
        if path.suffix.lower() == ".json":
            return _of_json(loads(text.encode()))
        lines = [line.strip() for line in text.splitlines()]
        lines = [line for line in lines if line and not line.startswith("#")]
        if path.suffix.lower() == ".txt":
            # Of one line alone nobody knows: the name may begin with a number.
            alpha = bool(lines) and all(_WITH_ALPHA.fullmatch(line) for line in lines)
            return _collected([_of_line(line, _WITH_ALPHA if alpha else _OPAQUE) for line in lines])
        return _of_csv(text)


def _of_line(line: str, pattern: re.Pattern[str]) -> tuple[str, int | str]:
    """Read a line of labelmap.txt, or of label_colors.txt by its pattern."""
    if match := re.fullmatch(r"([^:]+):((?:\s*\d{1,3}\s*,){2,3}\s*\d{1,3})\s*(?::.*)?", line):
        return match[1].strip(), _hex(*match[2].split(","))
    if match := pattern.fullmatch(line):
        *parts, name = match.groups()
        return name.strip(), _hex(*parts)
    raise SegconvError(
        f"{line!r} is no line of a colour table, expected name:red,green,blue:: or red green blue name", code="SC074"
    )


def _of_csv(text: str) -> dict[str, int | str]:
    rows = rows_of(text, "SC074")
    columns = [cell.casefold() for cell in rows[0]]
    name = next((columns.index(c) for c in _NAME_COLUMNS if c in columns), None)
    value = next((columns.index(c) for c in _VALUE_COLUMNS if c in columns), None)
    colour = next((columns.index(c) for c in _COLOUR_COLUMNS if c in columns), None)
    parts = [
        next((columns.index(c) for c in names if c in columns), None)
        for names in (("r", "red"), ("g", "green"), ("b", "blue"), ("a", "alpha"))
    ]
    if name is None or (value is None and colour is None and None in parts[:3]):
        raise SegconvError(
            f"has the columns {', '.join(rows[0])}, expected name and value, color, or r, g, b", code="SC074"
        )
    found: list[tuple[str, int | str]] = []
    for number, row in enumerate(rows[1:], 2):
        try:
            if value is not None:
                found.append((row[name], _value(row[value])))
            elif colour is not None:
                found.append((row[name], _colour(row[colour])))
            else:
                found.append((row[name], _hex(*(row[i] for i in parts if i is not None))))
        except (IndexError, ValueError):
            raise SegconvError(f"line {number} holds no value or colour: {row}", code="SC074") from None
    return _collected(found)


def _of_json(found: Any) -> dict[str, int | str]:
    if isinstance(found, dict) and isinstance(found.get("labels"), (dict, list)):
        found = found["labels"]
    if isinstance(found, list):
        entries = [_of_entry(entry) for entry in found]
    elif isinstance(found, dict):
        # Both directions are in use: name → value, and value → name.
        backwards = all(_is_value(key) for key in found) and all(isinstance(v, str) for v in found.values())
        entries = [(v, _json_value(k)) if backwards else (k, _json_value(v)) for k, v in found.items()]
    else:
        raise SegconvError("is neither an object nor a list of labels", code="SC074")
    return _collected(entries)


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
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) in (3, 4):
        try:
            return _hex(*value)
        except ValueError:
            pass
    raise SegconvError(f"{value!r} is neither a value nor a colour", code="SC074")


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
        # CamVid writes it with a capital; nnU-Net knows it without.
        name = "background" if name.casefold() == "background" else name
        if name in found:
            raise SegconvError(f"the label {name!r} stands twice", code="SC074")
        found[name] = value
    if not found:
        raise SegconvError("is empty", code="SC074")
    return found
