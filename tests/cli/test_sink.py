"""Names of labels, cases and channels are printed as they are, never read as markup."""

from __future__ import annotations

import io
import re

import pytest

from segconv.cli.sink import Sink

NAMES = [
    "[link=https://example.org]x[/link]",
    "[bold]x",
    "[/]",
    "[/bold]",
    "\\[bold]",
    "\\",
    "[0]",
    "[red on blue]",
    ":smile:",
    "$\\alpha$",
    "[",
    "]",
    "[[x]]",
    "{x}",
    "%s",
    "a\x1b[31mb",
    "a\nb",
    "肝脏",
]
STYLES = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("name", NAMES)
def test_a_table_shows_names_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    Sink().table([name, "b"], [(name, "after")])
    text = STYLES.sub("", terminal.getvalue())
    assert "\x1b" not in text, "no link and nothing else that a terminal acts on"
    wanted = name.replace("\x1b", "\\x1b").replace("\n", "\\n")
    head, row = text.splitlines()
    assert head.startswith(wanted + " ")
    assert re.fullmatch(re.escape(wanted) + r" +after *", row)


def test_notes_escape_what_a_terminal_would_act_on(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Sink().progress()
    assert progress is not None
    progress.note("a\x1b[31mb\nc")
    assert capsys.readouterr().err == "note: a\\x1b[31mb\\nc\n"
