"""Lists and tables that a user names: UTF-8 text in columns, with or without a byte order mark."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

from ... import reading
from ...errors import SegconvError
from ...image import content
from ..source_files import resolve_inside

MAX_BYTES = 64 << 20


def read_text(path: Path, code: str = "SC087") -> str:
    """Return the text of a file that a user names, following links.

    Parameters
    ----------
    code
        Of the finding if it is not text.

    Raises
    ------
    SegconvError
        ``SC010`` if the file does not exist, ``SC061`` if it is not a regular file, ``SC030`` if the system
        refuses, `code` if it is not UTF-8, is of another kind, or is larger than 64 MiB.
    """
    return _text(path, os.path.realpath(path), code)


def read_text_inside(path: Path, root: Path, code: str = "SC087") -> str:
    """Return the text of a file inside a source; raises the errors of `read_text` and `resolve_inside`."""
    return _text(path, resolve_inside(path, root), code)


def _text(path: Path, place: str, code: str) -> str:
    try:
        with reading.opened(place) as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise SegconvError(f"is longer than {MAX_BYTES} bytes", code=code, file=str(path))
        if (kind := content.kind_of(data)) in ("web page", "Git LFS pointer"):  # both are text, but not a table
            raise SegconvError(f"is a {kind}, expected a list or table", code=code, file=str(path))
        return data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise SegconvError("does not exist", code="SC010", file=str(path)) from error
    except OSError as error:
        raise reading.refusal(error, path) from error
    except UnicodeDecodeError as error:
        raise SegconvError(
            f"is not UTF-8 (byte {error.start})", code=code, file=str(path), hint="save it as UTF-8"
        ) from error


def rows_of(text: str, code: str = "SC087") -> list[list[str]]:
    """Return the rows of a table that have a cell; comma, semicolon or tab separates, blanks around cells are dropped.

    Raises
    ------
    SegconvError
        `code` if there is no such row.
    """
    try:
        dialect: type[csv.Dialect] = csv.Sniffer().sniff(text[:4096], delimiters=",;\t")
    except csv.Error:
        dialect = csv.excel
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), dialect) if any(row)]
    except csv.Error as error:  # a cell of more than 128 KiB
        raise SegconvError(f"is no table ({error})", code=code) from error
    if not rows:
        raise SegconvError("is empty", code=code)
    return rows
