"""The only place that writes to the terminal: data on stdout, messages and progress on stderr, or one JSON object."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TextIO

import click

from ..errors import Finding
from ..words import count_of
from ..work import run_options
from .alike import by_cause
from .cures import Speaker
from .tables import drawn
from .terminal import broken, columns_of, has_colour, in_bold
from .typed_folders import with_folders

SHOWN_FINDINGS = 20
PLAIN_INTERVAL_S = 10.0
"""Interval between plain lines of progress."""

STYLES: dict[str, dict[str, Any]] = {
    "Error": {"fg": "red", "bold": True},
    "Warning": {"fg": "yellow", "bold": True},
    "Hint": {"bold": True},
    "Next": {"bold": True},
}
"""First word of a message → its looks on a terminal."""
_MARKED = re.compile(rf"({'|'.join(STYLES)})(?: SC\d+)?:(?= )")


class Sink:
    """The output of a command.

    Parameters
    ----------
    as_json
        Write only one object to stdout when the command ends.
    quiet
        Show only warnings and errors.
    verbose
        Show details.
    speaker
        Words the cures of findings.
    """

    def __init__(
        self, *, as_json: bool = False, quiet: bool = False, verbose: bool = False, speaker: Speaker | None = None
    ) -> None:
        self.speaker = speaker or Speaker()
        self.as_json = as_json
        self.quiet = quiet
        self.verbose = verbose

    def say(self, text: str = "") -> None:
        """Write a message to stderr."""
        if not (self.quiet or self.as_json):
            write(text)

    def detail(self, text: str) -> None:
        """Write a message that only ``-v`` shows."""
        if self.verbose:
            self.say(text)

    def data(self, text: str) -> None:
        """Write a line of the result to stdout."""
        if not self.as_json:
            click.echo(escaped(text))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a table to stdout: drawn on a terminal, tab-separated otherwise."""
        if self.as_json:
            return
        texts = [[escaped(str(cell)) for cell in row] for row in (columns, *rows)]
        if sys.stdout.isatty():
            for number, lines in enumerate(drawn(texts, columns_of(sys.stdout))):
                click.echo(in_bold("\n".join(lines), sys.stdout) if not number else "\n".join(lines))
            return
        for row in texts:
            click.echo("\t".join(row))

    def warn(self, findings: Sequence[Finding]) -> None:
        """Write warnings to stderr; with JSON they are part of `end`."""
        if not self.as_json:
            print_findings(self.speaker.all_in_words(findings), as_json=False, typed=self.speaker.typed)

    def type(self, command: str, before: str = "  ") -> None:
        """Show a command that can be typed or copied."""
        if not (self.quiet or self.as_json):
            write(f"{before}{command}", typed=[command])

    def next(self, command: str) -> None:
        """Show the command to run next, with the folders that options named."""
        self.type(with_folders(command, self.speaker.folders), "Next: ")

    def end(self, result: Mapping[str, Any], findings: Sequence[Finding] = (), *, ok: bool = True) -> None:
        """Write the JSON object, if asked for."""
        if self.as_json:
            click.echo(json_text(result, self.speaker.all_in_words(findings), ok=ok))

    def progress(self) -> run_options.Progress:
        """Return the progress display of a run; a silent one if the command is quiet."""
        return run_options.UNHEARD if self.quiet or self.as_json else Progress()


class Progress:
    """A progress bar on a terminal; otherwise an occasional line."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._total = 0
        self._count = 0
        self._told = 0.0
        self._what = "cases"
        self._noted: set[str] = set()

    def note(self, text: str) -> None:
        """Write a note before the work begins."""
        if text not in self._noted:  # planning may already have reported it
            self._noted.add(text)
            write(f"note: {text}")

    def start(self, total: int, done: int, what: str = "cases") -> None:
        """Start with the number of cases (or `what`), including those that an earlier run has done."""
        self._total, self._count, self._told, self._what = total, done, time.monotonic(), what
        if done:
            write(f"resuming: {done} of {total} {what} were done before")
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.add_task(what, total=total, completed=done)
            self._bar.start()

    def advance(self, case: str) -> None:
        """Count one more case."""
        self._count += 1
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0])
        elif time.monotonic() - self._told >= PLAIN_INTERVAL_S:
            self._told = time.monotonic()
            write(f"{self._count} of {self._total} {self._what}")

    def stop(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def print_findings(findings: Sequence[Finding], *, as_json: bool, typed: Collection[str] = ()) -> None:
    """Write worded findings in the form that scripts parse: two lines each on stderr, or one JSON object on stdout.

    Parameters
    ----------
    typed
        Commands and options in the hints, which a terminal shows whole.
    """
    if as_json:
        click.echo(json_text({}, findings, ok=not any(f.severity == "error" for f in findings)))
        return
    causes = by_cause(findings)
    for finding, others in causes[:SHOWN_FINDINGS]:
        where = f"{finding.file}: " if finding.file else ""
        more = f" (and {count_of(others, 'more file')}; --json lists all)" if others else ""
        write(f"{finding.severity.capitalize()} {finding.code}: {where}{finding.message}{more}")
        if finding.hint or finding.severity == "error":
            write(f"Hint: {finding.hint}", typed=typed)
    if len(causes) > SHOWN_FINDINGS:
        write(f"and {len(causes) - SHOWN_FINDINGS} more; --json lists all")


def write(text: str, typed: Collection[str] = ()) -> None:
    """Write a message to stderr, on a terminal in lines that break between words, errors and warnings in colour.

    Parameters
    ----------
    typed
        Commands and options in the text, which stay whole.
    """
    click.echo(shown(text, sys.stderr, typed), err=True)


def shown(text: str, stream: TextIO, typed: Collection[str] = ()) -> str:
    """Return a message as a stream shows it."""
    text = escaped(text)
    if stream.isatty():
        text = "\n".join(broken(text, columns_of(stream), [*map(escaped, typed)]))
    return _coloured(text, typed) if has_colour(stream) else text


def _coloured(text: str, typed: Collection[str]) -> str:
    """Return a message with its first word and what is typed in colour, also where a command was broken."""
    spans = [re.escape(escaped(each)).replace(r"\ ", r"(?: \\\n *| )") for each in sorted(typed, key=len, reverse=True)]
    if spans:
        pattern = rf"(?<![\w-])(?:{'|'.join(spans)})(?![\w=-])"
        text = re.sub(pattern, lambda found: click.style(found[0], fg="cyan"), text)
    found = _MARKED.match(text)
    return text if found is None else click.style(found[0], **STYLES[found[1]]) + text[found.end() :]


def json_text(result: Mapping[str, Any], findings: Sequence[Finding], *, ok: bool) -> str:
    """Return the one object that ``--json`` prints."""
    found = [{**finding.as_json(), "cures": [cure.as_json() for cure in finding.cures]} for finding in findings]
    return json.dumps({"ok": ok, "findings": found, **result}, ensure_ascii=True, default=str)


def escaped(text: str) -> str:
    """Return text with control characters escaped, so that none moves a cursor, starts a line or breaks an encoding."""
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii") for c in text
    )
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)
