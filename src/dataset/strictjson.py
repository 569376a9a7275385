"""Read JSON from a source as untrusted input; write JSON the same way each time."""

from __future__ import annotations

import codecs
import json
import os
from collections import Counter
from typing import Any

from .. import reading
from ..errors import SegconvError

MAX_BYTES = 64 << 20
MAX_DEPTH = 64


def read_file(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a JSON file, following links.

    Raises
    ------
    SegconvError
        ``SC010`` if it does not exist, ``SC061`` if it is not a regular file, ``SC054`` if it is too long (before
        anything is read), ``SC030`` if the system refuses.
    """
    try:
        return reading.whole(os.path.realpath(path), MAX_BYTES)
    except FileNotFoundError as error:
        what = "is a link to nowhere" if os.path.islink(path) else "does not exist"
        raise SegconvError(what, code="SC010", file=os.fspath(path)) from error
    except OSError as error:
        raise reading.refusal(error, path) from error
    except SegconvError as error:
        error.file = os.fspath(path)
        raise


def loads(data: bytes) -> Any:
    """Parse UTF-8 JSON, with or without a byte order mark.

    Raises
    ------
    SegconvError
        ``SC086`` if the text is not JSON, is too large or nested too deep, or holds a duplicate key, NaN or
        infinity.
    """
    if len(data) > MAX_BYTES:
        raise SegconvError(f"is {len(data)} bytes long, at most {MAX_BYTES} are read", code="SC086")
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise SegconvError(f"is not UTF-8 (byte {error.start})", code="SC086", hint="save it as UTF-8") from error
    except json.JSONDecodeError as error:
        raise SegconvError(
            f"is no JSON: {error.msg} in line {error.lineno}, column {error.colno}", code="SC086"
        ) from error
    except RecursionError:
        raise SegconvError(f"is nested deeper than {MAX_DEPTH} levels", code="SC086") from None
    except ValueError as error:  # an integer of thousands of digits
        raise SegconvError(f"holds a number that cannot be read ({error})", code="SC086") from error
    if text.count("[") + text.count("{") >= MAX_DEPTH:  # fewer brackets cannot nest so deep
        _check_depth(value)
    return value


def begins_with_mark(data: bytes) -> bool:
    """Return whether the text begins with a byte order mark: `loads` skips it, most parsers fail on it."""
    return data.startswith(codecs.BOM_UTF8)


def load_object(data: bytes) -> dict[str, Any]:
    """Parse JSON that must be an object; `SC086` if it is not."""
    value = loads(data)
    if not isinstance(value, dict):
        raise SegconvError(f"holds a {type(value).__name__}, expected an object {{…}}", code="SC086")
    return value


def dumps(value: Any) -> bytes:
    """Return indented UTF-8 JSON that ends with a newline."""
    return _encoded(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def dump_line(value: Any) -> bytes:
    """Return one line of compact UTF-8 JSON."""
    return _encoded(json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False))


def _encoded(text: str) -> bytes:
    # Bytes of a file name that are not UTF-8 are lone surrogates in Python; escapes preserve them.
    return (text + "\n").encode("utf-8", "backslashreplace")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise SegconvError(f"holds the key {twice!r} twice in one object", code="SC086", hint="remove one of them")
    return found


def _constant(name: str) -> Any:
    raise SegconvError(f"holds {name}, which is no JSON number", code="SC086")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        deeper = [item for node in level if isinstance(node, (dict, list)) for item in _items(node)]
        if not deeper:
            return
        level = deeper
    raise SegconvError(f"is nested deeper than {MAX_DEPTH} levels", code="SC086")


def _items(node: dict[str, Any] | list[Any]) -> list[Any]:
    return list(node.values()) if isinstance(node, dict) else node
