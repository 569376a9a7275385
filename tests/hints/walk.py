"""Follow hints until they end in a dataset or in a question."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..kit.scorer import FOLDERS, Run
from .advice import NOTHING, end_of
from .ends import Ends
from .never import never
from .typed import Choice, choices, placeholders, with_choice, without

STEPS = 3
"""Most hints that may be followed to the end."""
UNSAID = ("--jobs", "1", "--no-fsync")
"""What changes nothing but the time."""
MAKING = ("convert", "repair")
"""Commands that make a dataset."""
SHOWING = (("trainers", "list"), ("paths", "show"), ("totalseg", "tasks"))
"""Commands that only show what there is."""
INTERNAL = "SC104"


@dataclass(frozen=True)
class Found:
    """A finding, as it is printed."""

    code: str
    text: str
    hint: str


Answer = str | Callable[[Found, str], str]
"""What is filled in: a text, or what makes one of the finding and the printed word."""


@dataclass(frozen=True)
class Start:
    """Where a walk begins.

    Parameters
    ----------
    name
        Of the start.
    line
        Words after ``segconv``.
    folder
        Holds nnU-Net's three folders.
    right
        Raises if a dataset is not the right one; given the dataset and the words that made it.
    answers
        Placeholder, or option with placeholders → what a person who knows the data fills in.
    untrue
        What hints say under a condition that does not hold, or of another choice than the right one.
    dataset
        Word of the line that names the dataset which a command uses; empty if it makes one of a source.
    unrun
        Commands that a hint may name, and that take too long to be run where nothing is wrong.
    """

    name: str
    line: list[str]
    folder: Path
    right: Callable[[Path, list[str]], None]
    answers: Mapping[str, Answer] = field(default_factory=dict)
    untrue: tuple[str, ...] = ()
    dataset: str = ""
    unrun: tuple[str, ...] = ()

    def on(self, dataset: Path) -> list[str]:
        """Return its command for a dataset that a hint made."""
        return [dataset.name if word == self.dataset else word for word in self.line]


@dataclass(frozen=True)
class _Here:
    """Where a walk has come to."""

    line: list[str]
    done: Run
    typed: tuple[str, ...] = ()
    settled: frozenset[tuple[str, str]] = frozenset()
    before: str = ""

    def __str__(self) -> str:
        return " > ".join(filter(None, (self.before, *self.typed)))


def printed(done: Run, severity: str = "Error") -> list[Found]:
    """Return the findings that a run printed."""
    lines = re.findall(rf"^{severity} (SC\d{{3}}): (.*)\nHint: (.*)$", done.err, re.MULTILINE)
    return [Found(*found) for found in lines]


def walk(start: Start, ends: Ends) -> None:
    """Run a command, and follow every hint of what it prints."""
    ends.starts += 1
    _Walk(start, ends).on(_Here(start.line, Run(start.line)))


@dataclass
class _Walk:
    start: Start
    ends: Ends
    steps: int = STEPS
    warned: set[str] = field(default_factory=set)

    def on(self, here: _Here) -> None:
        """Go on from what a run printed."""
        if here.done.code == 0 or (here.done.code == 1 and "--keep-going" in here.line):
            self._finished(here)
            return
        found = printed(here.done)
        again = [one for one in found if (one.code, one.text) in here.settled]
        internal = [one for one in found if one.code == INTERNAL]
        if not found:
            self._wrong(here, f"exit code {here.done.code} without a finding: {here.done.err[-300:]}")
        elif internal:
            self._wrong(here, f"an internal error: {internal[0]}")
        elif again:
            self._wrong(here, f"the finding that the hint was for: {again[0]}")
        elif here.typed:
            self._hinted(here, found, found[0])
        else:
            each = list({one.hint: one for one in reversed(found)}.values())[::-1]
            self.steps = STEPS + len(each) - 1
            for one in each:
                self._hinted(here, found, one)

    def _hinted(self, here: _Here, found: list[Found], one: Found) -> None:
        """Follow the hint of one of the findings."""
        offered = choices(one.hint, here.line)
        for reason in never(one.hint, offered, here.line, len(found)):
            self._wrong(here, f"{reason}: {one.hint}")
        typed = [choice for choice in offered if not choice.unknown and self._is_typed(choice, one)]
        if not typed:
            kind = end_of(one.code, one.text, one.hint, offered)
            self._end(here, kind, f"{here} ? {one}")
            if kind == "dead":
                self._wrong(here, f"nothing that can be done: {one}")
        elif len(here.typed) >= self.steps:
            self._wrong(here, f"no end after {self.steps} hints: {one}")
        else:
            kept = _Kept(self.start.folder)
            for choice in typed:
                self._follow(here, choice, [other for other in found if other.hint == one.hint], kept)
            kept.drop()

    def _is_typed(self, choice: Choice, found: Found) -> bool:
        """Return whether a person who knows the data types it as it is printed."""
        if (
            not choice.added
            or choice.words[:2] in SHOWING
            or any(untrue in choice.text for untrue in self.start.untrue)
        ):
            return False
        return all(self._filled(choice, at, found) is not None for at in range(len(choice.words)))

    def _filled(self, choice: Choice, at: int, found: Found) -> str | None:
        """Return a word with its placeholders filled in, or None if nothing says how."""
        word, option = choice.words[at], choice.words[at - 1] if at else ""
        asked, answers = placeholders(word), self.start.answers
        if asked and option in answers:
            return self._answer(option, word, found) + word.rpartition("…")[2] * ("…" in word)
        if not answers.keys() >= {*asked}:
            return None
        for key in asked:
            word = word.replace(key, self._answer(key, word, found))
        return word

    def _answer(self, key: str, word: str, found: Found) -> str:
        answer = self.start.answers[key]
        return answer if isinstance(answer, str) else answer(found, word)

    def _words(self, choice: Choice, found: Found) -> tuple[str, ...]:
        return tuple(self._filled(choice, at, found) or "" for at in range(len(choice.words)))

    def _follow(self, here: _Here, choice: Choice, found: list[Found], kept: _Kept) -> None:
        settled = {(one.code, one.text) for one in found}
        for words in _each(self._words(choice, found[0])):
            kept.restore()
            typed = f"segconv {' '.join(words)}" if choice.complete else " ".join(words)
            line = _line(here.line, choice, words)
            if line[0] in self.start.unrun:
                self._end(here, "command", f"{here} > {typed}")
                continue
            done = Run(line)
            if done.code == 0 and line[0] != self.start.line[0] and (again := self._again(here, line)):
                line, done = again, Run(again)
            there = _Here(line, done, (*here.typed, typed), here.settled | settled, here.before)
            if not choice.asks and any(code == "SC001" for code, _ in done.findings("Error")):
                self._wrong(there, f"not accepted: {done.err[-300:]}")
            else:
                self.on(there)

    def _again(self, here: _Here, line: list[str]) -> list[str]:
        """Return what is typed after a command that a hint named: the one before it, or none if it was the last."""
        if not self.start.dataset:
            return [] if line[0] in MAKING else here.line
        made = self._made()
        return self.start.on(made) if "--to" in line and made is not None else here.line

    def _made(self) -> Path | None:
        """Return the latest dataset."""
        raw = self.start.folder / FOLDERS[0]
        made = [path for path in raw.glob("Dataset*") if (path / "dataset.json").exists()]
        return max(made, key=lambda path: path.stat().st_mtime_ns, default=None)

    def _finished(self, here: _Here) -> None:
        """Compare what was made with the truth, and follow the hints of warnings."""
        made = self._made()
        if "--dry-run" in here.line or made is None:
            self._end(here, "question", f"{here} ? {here.done.err[-300:]}")
            return
        try:
            self.start.right(made, here.line)
        except Exception as error:  # noqa: BLE001 - whatever a check meets is a fault of the result
            self._wrong(here, f"a wrong dataset: {type(error).__name__}: {str(error)[:300]}")
            return
        self._end(here, "dataset", str(here))
        if here.before:
            return
        if not self.start.dataset:
            self._checked(here, made)
        warned = {one.hint: one for one in printed(here.done, "Warning") if one.hint not in self.warned}
        self.warned |= warned.keys()
        for one in warned.values():
            self._warned(here, one)

    def _checked(self, here: _Here, made: Path) -> None:
        """Follow what the check finds in a dataset that was made; the conversion must have settled its own findings."""
        line = ["check", made.name, "--jobs", "1"]
        done = Run(line)
        if done.code:
            self.ends.end(
                "convert, check", "dataset", len(here.typed), f"{self.start.name}: {here} ? {done.err[-500:]}"
            )
            kept = _Kept(self.start.folder)
            kept.restore()
            start = replace(self.start, line=line, dataset=made.name)
            _Walk(start, self.ends).on(_Here(line, done, settled=here.settled, before=f"{here} (made, checked)"))
            kept.restore()
            kept.drop()

    def _warned(self, here: _Here, one: Found) -> None:
        """Follow the hint of a warning, as far as it says what can be typed."""
        offered = choices(one.hint, here.line)
        for reason in never(one.hint, offered, here.line, 1):
            self._wrong(here, f"{reason}: {one.hint}")
        typed = [choice for choice in offered if not choice.unknown and self._is_typed(choice, one)]
        if not typed and not one.hint.startswith(NOTHING) and end_of(one.code, one.text, one.hint, offered) == "dead":
            self._wrong(here, f"a warning that says nothing that can be done: {one}")
        kept = _Kept(self.start.folder)
        self.steps = STEPS + 1  # the dataset is there, and needs to be replaced or another name
        for choice in typed:
            self._follow(replace(here, typed=(), before=f"{here} (made, with a warning)"), choice, [one], kept)
        if typed:
            kept.restore()
        kept.drop()

    def _end(self, here: _Here, kind: str, said: str) -> None:
        self.ends.end(self.start.line[0], kind, len(here.typed), f"{self.start.name}: {said}")

    def _wrong(self, here: _Here, reason: str) -> None:
        self.ends.wrong.append(f"{self.start.name}: {here}: {reason}")


class _Kept:
    """nnU-Net's folders as they were before a hint was followed."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._kept, self._as_kept = folder, Path(tempfile.mkdtemp(prefix=".kept-", dir=folder)), True
        for name in FOLDERS:
            if any((folder / name).iterdir()):
                shutil.copytree(folder / name, self._kept / name, symlinks=True)

    def restore(self) -> None:
        """Put the folders back, if a hint was followed since."""
        if not self._as_kept:
            for name in FOLDERS:
                shutil.rmtree(self._folder / name)
                if (self._kept / name).exists():
                    shutil.copytree(self._kept / name, self._folder / name, symlinks=True)
                else:
                    (self._folder / name).mkdir()
        self._as_kept = False

    def drop(self) -> None:
        """Remove what was kept."""
        shutil.rmtree(self._kept)


def _line(line: list[str], choice: Choice, words: tuple[str, ...]) -> list[str]:
    if not choice.complete:
        return with_choice(without(line, choice.contrary) if choice.contrary else line, words)
    return [*words, *(UNSAID if words[0] in MAKING else ())]


def _each(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the words with each of the values that stand for one, as skip|test."""
    several = next((number for number, word in enumerate(words) if re.fullmatch(r"[a-z]+(\|[a-z]+)+", word)), None)
    if several is None:
        yield words
        return
    for word in words[several].split("|"):
        yield from _each((*words[:several], word, *words[several + 1 :]))
