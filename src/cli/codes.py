"""The table of codes as a document: ``python -m segconv.cli.codes > docs/codes.md``."""

from __future__ import annotations

import click

from ..errors import CODES, EXIT_FOUND, Finding
from .cures import Speaker

INTRODUCTION = f"""\
# Codes

Every finding has a code, and a code keeps its meaning. Errors end a command with the exit code that
stands here; of several classes the lowest of 65, 66, 73, 74 and 78 counts. Warnings end nothing, unless
`--strict` makes them errors. `segconv check` finds many things and ends with {EXIT_FOUND} if one of them is an
error. The hint of a finding says more than the cure here where more is known.

This file is made from the table in the package, and a test compares the two:
`python -m segconv.cli.codes > docs/codes.md`.

| code | | cause | cure | exit |
|---|---|---|---|---|
"""


def document() -> str:
    """Return the text of docs/codes.md."""
    say = Speaker().in_words
    rows = [
        f"| {code} | {row.title} | {_cell(row.cause)} | {_cell(say(Finding(code, '')).hint)} | {row.exit_code} |\n"
        for code, row in CODES.items()
    ]
    return INTRODUCTION + "".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    click.echo(document(), nl=False)
