"""Follow hints until they end in a dataset or in a question."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..kit.scorer import FOLDERS, Run
from .never import never
from .typed import Choice, choices, placeholders, with_choice, without

STEPS = 3
"""Most hints that may be followed to the end."""
UNSAID = ("--jobs", "1", "--no-fsync")
"""What changes nothing but the time."""
MAKING = ("convert", "repair")
"""Commands that make a dataset."""
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
    """

    name: str
    line: list[str]
    folder: Path
    right: Callable[[Path, list[str]], None]
    answers: Mapping[str, Answer] = field(default_factory=dict)
    untrue: tuple[str, ...] = ()


@dataclass
class Ends:
    """How walks ended: (dataset or question, hints followed) → number, and what was wrong."""

    starts: int = 0
    ended: Counter[tuple[str, int]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ends = ", ".join(f"{count} in a {kind} after {steps}" for (kind, steps), count in sorted(self.ended.items()))
        return f"{self.starts} starts: {ends}; {len(self.wrong)} wrong"


@dataclass(frozen=True)
class _Here:
    """Where a walk has come to."""

    line: list[str]
    done: Run
    typed: tuple[str, ...] = ()
    settled: frozenset[tuple[str, str]] = frozenset()

    def __str__(self) -> str:
        return " > ".join(self.typed)


def printed(done: Run) -> list[Found]:
    """Return the errors that a run printed."""
    return [Found(*found) for found in re.findall(r"^Error (SC\d{3}): (.*)\nHint: (.*)$", done.err, re.MULTILINE)]


def walk(start: Start, ends: Ends) -> None:
    """Run a command that is refused, and follow every hint."""
    ends.starts += 1
    _Walk(start, ends).on(_Here(start.line, Run(start.line)))


@dataclass
class _Walk:
    start: Start
    ends: Ends

    def on(self, here: _Here) -> None:
        """Go on from what a run printed."""
        if here.done.code == 0:
            self._dataset(here)
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
        else:
            self._hinted(here, found)

    def _hinted(self, here: _Here, found: list[Found]) -> None:
        offered = choices(found[0].hint, here.line[0])
        for reason in never(found[0].hint, offered, here.line, len(found)):
            self._wrong(here, f"{reason}: {found[0].hint}")
        typed = [one for one in offered if not one.unknown and self._is_typed(one, found[0])]
        if not typed:
            self.ends.ended["question", len(here.typed)] += 1
            self.ends.questions.append(f"{self.start.name}: {here} ? {found[0]}")
        elif len(here.typed) == STEPS:
            self._wrong(here, f"no end after {STEPS} hints: {found[0]}")
        else:
            kept = _Kept(self.start.folder, len(here.typed))
            for choice in typed:
                self._follow(here, choice, found, kept)
            kept.drop()

    def _is_typed(self, choice: Choice, found: Found) -> bool:
        """Return whether a person who knows the data types it as it is printed."""
        if not choice.added or any(untrue in choice.text for untrue in self.start.untrue):
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
        settled = {(one.code, one.text) for one in found if one.hint == found[0].hint}
        for words in _each(self._words(choice, found[0])):
            kept.restore()
            typed = f"segconv {' '.join(words)}" if choice.complete else " ".join(words)
            line = _line(here.line, choice, words)
            done = Run(line)
            if done.code == 0 and line[0] not in MAKING:
                line, done = here.line, Run(here.line)
            there = _Here(line, done, (*here.typed, typed), here.settled | settled)
            if not choice.asks and any(code == "SC001" for code, _ in done.findings("Error")):
                self._wrong(there, f"not accepted: {done.err[-300:]}")
            else:
                self.on(there)

    def _dataset(self, here: _Here) -> None:
        raw = self.start.folder / FOLDERS[0]
        made = [path for path in raw.glob("Dataset*") if (path / "dataset.json").exists()]
        if "--dry-run" in here.line or not made:
            self.ends.ended["question", len(here.typed)] += 1
            return
        try:
            self.start.right(max(made, key=lambda path: path.stat().st_mtime_ns), here.line)
        except Exception as error:  # noqa: BLE001 - whatever a check meets is a fault of the result
            self._wrong(here, f"a wrong dataset: {type(error).__name__}: {str(error)[:300]}")
        else:
            self.ends.ended["dataset", len(here.typed)] += 1

    def _wrong(self, here: _Here, reason: str) -> None:
        self.ends.wrong.append(f"{self.start.name}: {here}: {reason}")


class _Kept:
    """nnU-Net's folders as they were before a hint was followed."""

    def __init__(self, folder: Path, steps: int) -> None:
        self._folder, self._kept, self._as_kept = folder, folder / f".kept-{steps}", True
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
        if self._kept.exists():
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
