"""Correct click's completion where a word holds a colon, an equals sign or a comma."""

from __future__ import annotations

import os
from typing import Any

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

_TYPED = "SEGCONV_TYPED"
"""Environment variable with the line up to the cursor."""


class Bash(BashComplete):
    """Completion for bash, which begins a new word at each colon and equals sign, as in ``totalseg:total``.

    So the words are read from the line, and only what follows the last of these signs is completed.
    """

    source_template = BashComplete.source_template.replace(
        "COMP_CWORD=$COMP_CWORD", f'COMP_CWORD=$COMP_CWORD {_TYPED}="${{COMP_LINE:0:COMP_POINT}}"'
    )
    _known = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the last one, and the last one."""
        line = os.environ.get(_TYPED)
        if line is None:  # a script of click's own
            return super().get_completion_args()
        *words, last = split_arg_string(f"{line}|")  # the sign belongs to the last word, which may be empty
        last = last[:-1]
        value = last.partition("=")[2] if last.startswith("--") else last
        self._known = value[: max(value.rfind(":"), value.rfind("=")) + 1]
        return words[1:], last

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Return the kind of the completion, and what bash does not have of it."""
        return f"{item.type},{str(item.value).removeprefix(self._known)}"


class _WithOption(ShellComplete):
    """Completion for shells that put a completion in the place of the whole word, as in ``--window=lung``."""

    _option = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the last one, and the last one."""
        words, last = super().get_completion_args()
        self._option = "".join(last.partition("=")[:2]) if last.startswith("--") and "=" in last else ""
        return words, last

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Return the completion with the option that its word begins with."""
        if item.type == "plain":
            item = CompletionItem(f"{self._option}{item.value}", help=item.help)
        return super().format_completion(item)


class Zsh(_WithOption, ZshComplete):
    """Completion for zsh."""


class Fish(_WithOption, FishComplete):
    """Completion for fish; click's own script cuts lists such as ``sagittal,axial`` and explanations at commas."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split -m 1 ","')


def correct_shells() -> None:
    """Let click use these."""
    for shell in (Bash, Zsh, Fish):
        add_completion_class(shell)
