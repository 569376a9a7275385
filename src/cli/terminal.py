"""What a person gets on a terminal: colour, and lines that break between words."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import TextIO

import click

USUAL_COLUMNS = 80
_HANGING = "  "
_CONTINUED = " \\"
"""At the end of a line of a command that goes on: what is copied from a terminal still runs as one command."""
_SHELL_WORD = r"""(?:'[^']*'|"[^"]*"|\S)+"""
_UNIT = re.compile(rf"(?:-[a-z-]+ (?!-))?{_SHELL_WORD}")
"""A word, or an option with its value."""


def has_colour(stream: TextIO) -> bool:
    """Return whether text may have colour: on a terminal, unless ``NO_COLOR`` (no-color.org) or ``TERM`` say no."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def in_bold(text: str, stream: TextIO) -> str:
    """Return text in bold, where it may have colour."""
    return click.style(text, bold=True) if has_colour(stream) else text


def columns_of(stream: TextIO) -> int:
    """Return how many characters a line of a terminal holds."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    try:
        return os.get_terminal_size(stream.fileno()).columns or USUAL_COLUMNS
    except OSError:  # it knows no size, or is no terminal
        return USUAL_COLUMNS


def broken(text: str, columns: int, typed: Collection[str] = ()) -> list[str]:
    r"""Return a text as lines, broken between words; a word that is longer than a line has one of its own.

    Parameters
    ----------
    typed
        Commands in the text. Each stays on one line if it fits on one; otherwise its lines end as a shell expects.

    >>> broken("Next: segconv plan 501 -c 2d", 20, ["segconv plan 501 -c 2d"])
    ['Next: segconv plan \\', '  501 -c 2d']
    """
    if cells(text) <= columns:
        return [text]
    hanging = text[: len(text) - len(text.lstrip())] + _HANGING
    lines = [""]
    for gap, word in _words(text, typed):
        if not lines[-1].strip() or (word in typed and cells(hanging + word) > columns):
            lines[-1] += gap
        elif cells(lines[-1] + gap + word) <= columns:
            lines[-1] += gap + word
            continue
        else:
            lines.append(hanging)
        split = _command_lines if word in typed else _path_lines
        first, *more = split(word, columns - cells(lines[-1]), columns - len(hanging))
        lines[-1] += first
        lines += [hanging + line for line in more]
    return lines


def cells(text: str) -> int:
    """Return how many characters wide a text is on a terminal, where those of East Asia take two."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _words(text: str, typed: Collection[str]) -> Iterable[tuple[str, str]]:
    """Yield the words of a text, and what is before each; a command with its punctuation is one word."""
    commands = "|".join(re.escape(command) for command in sorted(typed, key=len, reverse=True) if command)
    word = rf"(?:{commands})(?!\S)|\S*(?:{commands})\S*|\S+" if commands else r"\S+"
    for found in re.finditer(rf"(\s*)({word})", text):
        yield found[1], found[2]


def _command_lines(command: str, first: int, columns: int) -> list[str]:
    """Return a command as lines that are no wider than `columns`, the first than `first`, if its words are not."""
    lines: list[str] = []
    for unit in _UNIT.findall(command):
        room = first if len(lines) == 1 else columns
        if lines and cells(f"{lines[-1]} {unit}{_CONTINUED}") <= room:
            lines[-1] += f" {unit}"
        else:
            lines.append(unit)
    return [line + _CONTINUED for line in lines[:-1]] + lines[-1:]


def _path_lines(word: str, first: int, columns: int) -> list[str]:
    """Return a path likewise, if the names in it are no wider."""
    lines = [""]
    for name in re.findall(r"[^/]*/+|[^/]+$", word):
        if lines[-1] and cells(lines[-1] + name) > (first if len(lines) == 1 else columns):
            lines.append("")
        lines[-1] += name
    return lines
