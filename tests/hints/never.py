"""What no hint may propose, whatever comes of it.

Other things that are never right show in the walks: two splits, slides or raters as image and mask, a background that
is none, and a snap over plainly different colours end in a wrong dataset.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from .typed import Choice

COMMANDLESS = re.compile(r"\bDATASET\b|\bSOURCE\b|\bID_NAME\b")
"""Names of arguments that the hint could have filled in."""
MANY = 9
"""Findings from which files are too many to be renamed one by one."""
RENAMING = re.compile(r"\brename (them|the files)\b")


def never(hint: str, offered: list[Choice], line: list[str], findings: int) -> Iterator[str]:
    """Yield what is wrong with a hint.

    Parameters
    ----------
    hint
        As printed after a command.
    offered
        Its choices.
    line
        The command that failed.
    findings
        Number of findings.
    """
    if any(re.search(rf"(?<!['\"/\w]){re.escape(word)}", hint) for word in line if os.path.isabs(word) and " " in word):
        yield "a path that is not quoted"
    if COMMANDLESS.search(hint) and not hint.startswith("give "):  # what was not given cannot be filled in
        yield "an argument that it could have filled in"
    if RENAMING.search(hint) and findings > MANY and not any("--images" in choice.words for choice in offered):
        yield f"renaming for {findings} findings"
    for choice in offered:
        yield from _of_choice(choice, line)


def _of_choice(choice: Choice, line: list[str]) -> Iterator[str]:
    if choice.unknown:
        yield f"options that the command lacks: {choice.unknown}"
    if choice.complete:
        if list(choice.words) == line:
            yield "the command that failed"
    elif choice.added and _is_in(choice.words, line):
        yield f"what was typed already: {choice.printed}"


def _is_in(words: tuple[str, ...], line: list[str]) -> bool:
    size = len(words)
    return any(tuple(line[at : at + size]) == words for at in range(len(line)))
