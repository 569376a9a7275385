"""Parse labels and values as a user types them: ``--labels background=0,road=255``, ``--map 255=road``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from ..convert.labels.declared import value_range
from ..dataset.labels import GRAY, parse_value, value_text
from ..errors import SegconvError


def parse_labels(text: str) -> dict[str, int | str]:
    """Read ``background=0,road=255``, ``background=#000000,road=#ff0000``, or the name of a table file."""
    if "=" not in text:
        from ..convert.labels.colour_tables import read_table
        from ..convert.labels.tool_tables import ENDINGS

        if Path(text).suffix.lower() in (".json", ".csv", ".tsv", *ENDINGS):
            return read_table(Path(text))
    names: dict[str, int | str] = {}
    for part in text.split(","):
        name, separator, value = part.strip().rpartition("=")
        _refuse_negative("--labels", value)
        try:
            if not separator or not name.strip():
                raise ValueError
            found = _value(value)
        except ValueError:
            raise SegconvError(
                f"--labels: {part.strip()!r} is not NAME=VALUE",
                hint="for example --labels background=0,road=255, or background=0,cell=1- for all values from 1 on, or"
                " background=#000000,road=#ff0000,glass=#0000ff80",
            ) from None
        if name.strip() in names:
            raise SegconvError(f"--labels: {name.strip()!r} is declared twice")
        names[name.strip()] = found
    _refuse_overlap(names)
    return names


def _value(text: str) -> int | str:
    """Return a number, or a range or colour as text; raise `ValueError` for anything else."""
    between = value_range(text)
    if between is None:
        return int(text) if parse_value(text)[1] == GRAY else text.strip()
    if between[0] > between[1]:
        raise ValueError(text)
    return text.strip()


def _refuse_overlap(names: Mapping[str, int | str]) -> None:
    ranges = sorted((*found, name) for name, value in names.items() if (found := value_range(value)) is not None)
    for (_, last, one), (first, _, other) in itertools.pairwise(ranges):
        if first <= last:
            raise SegconvError(f"--labels: the ranges of {one!r} and {other!r} overlap at {first}")


def parse_map(entries: Collection[str]) -> dict[str, str]:
    """Read several ``255=road`` or ``#ff0000=road``; a comma separates as well.

    ``road=255`` means the same, as a name that is no value can only be that of a label.
    """
    mapping: dict[str, str] = {}
    for part in (piece.strip() for entry in entries for piece in entry.split(",")):
        value, name = _mapped(part)
        if value in mapping:
            raise SegconvError(f"--map: {value} is mapped twice")
        mapping[value] = name
    return mapping


def _mapped(part: str) -> tuple[str, str]:
    """Return the value or colour, and the name, of one entry of ``--map``."""
    first, _, after = part.partition("=")
    before, _, last = part.rpartition("=")
    for text, name in ((first, after.strip()), (last, before.strip())):
        if name:
            _refuse_negative("--map", text)
            with suppress(ValueError):
                return value_text(*parse_value(text)), name
    raise SegconvError(f"--map: {part!r} is not VALUE=NAME", hint="for example --map 255=road, or --map '#ff0000=road'")


def _refuse_negative(option: str, text: str) -> None:
    if re.fullmatch(r"\s*-\d+\s*", text):
        raise SegconvError(
            f"{option}: {text.strip()} is negative, and values of labels begin at 0",
            hint="write another value in its place into the label files, such as 255, and name that",
        )
