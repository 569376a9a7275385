"""What a person types who follows a printed hint."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace

import click

from segconv.cli import main

AGAIN = "; --restart converts the finished cases again"
"""A remark on the options before it."""
PLACEHOLDER = re.compile(
    r"(?<![A-Za-z0-9_.])[A-Z]{1,}(?:_NAME|=VALUE)?(?:,[A-Z])*(?![A-Za-z0-9_])|TABLE\.csv|FILE\.zip|…"
)
"""What the text leaves to the reader: a word in capitals, or three dots."""
CAPITALS = {"CT", "MRI"}
"""Values in capitals."""
_BEGINS = re.compile(rf"segconv (?:{'|'.join(main.COMMANDS)})\b|--[a-z]")
"""What is typed, rather than said of the program."""
_WORD = re.compile(r"(?:'[^']*'|\"[^\"]*\"|[^\s'\"])+")
_END = ",;.)"
_OTHERWISE = re.compile(r"\b(raise|leave out|give|another|fewer|with)$|^see\b")
"""Words before options that say more than to add them."""
_SAYING = ("if", "takes", "makes")
"""Words that say something of an option without a value."""


@dataclass(frozen=True)
class Choice:
    """One of the ways that a hint offers.

    Parameters
    ----------
    words
        What is typed: options of the command that ran, or a complete command after ``segconv``.
    complete
        Whether it is a complete command.
    before, after
        What the hint says before and after the words.
    unknown
        Options that the command lacks.
    contrary
        Options that they take the place of.
    """

    words: tuple[str, ...]
    complete: bool
    before: str
    after: str = ""
    unknown: tuple[str, ...] = ()
    contrary: tuple[str, ...] = ()

    @property
    def added(self) -> bool:
        """Whether the words are added as they are, rather than changed, left out or looked at."""
        return _OTHERWISE.search(self.before) is None

    @property
    def printed(self) -> str:
        """The words, as a shell would be given them."""
        return shlex.join(["segconv", *self.words] if self.complete else list(self.words))

    @property
    def text(self) -> str:
        """The words and what is said of them."""
        return " ".join(filter(None, (self.before, self.printed, self.after)))

    @property
    def asks(self) -> list[str]:
        """What the reader must fill in."""
        return [found for word in self.words for found in placeholders(word)]


def placeholders(word: str) -> list[str]:
    """Return the parts of a word that are to be filled in."""
    if "/" in word or "*" in word:
        return []
    return [found for found in PLACEHOLDER.findall(word) if found not in CAPITALS]


def choices(hint: str, running: list[str]) -> list[Choice]:
    """Return the ways that a hint offers to who runs this command line."""
    alternatives = re.split(r", or |; ", hint.replace(AGAIN, ""))
    return [one for text in alternatives for one in _typed(text, running)]


def _typed(text: str, running: list[str]) -> list[Choice]:
    """Return what is typed in one of the ways: options and commands, each with the words around it."""
    found: list[Choice] = []
    words = list(_WORD.finditer(text))
    at = said_from = 0
    while at < len(words):
        if not _BEGINS.match(text, words[at].start()):
            at += 1
            continue
        said = text[said_from : words[at].start()].strip()
        reader = _Reader([word[0] for word in words], at, _command(running[:2]))
        one = reader.choice(said if not found else "")
        if found and said == "in place of":
            found[-1] = replace(found[-1], contrary=one.words)
        else:
            found[-1:] = [replace(before, after=said) for before in found[-1:]]
            found.append(one)
        at = reader.at
        said_from = words[at - 1].end()
    found[-1:] = [replace(last, after=text[said_from:].strip()) for last in found[-1:]]
    return found


class _Reader:
    """Reads a command with its options, or options only, from the words of a hint."""

    def __init__(self, words: list[str], at: int, running: click.Command) -> None:
        self.words, self.at, self.command = words, at, running
        self.taken: list[str] = []
        self.unknown: list[str] = []
        self.positional = 0
        self.ended = False

    def choice(self, before: str) -> Choice:
        """Read on until the words are no longer typed."""
        complete = self.words[self.at] == "segconv"
        if complete:
            self._name_of_command()
        while self.at < len(self.words) and not self.ended and self._takes_one():
            pass
        return Choice(tuple(self.taken), complete, before, unknown=tuple(self.unknown))

    def _name_of_command(self) -> None:
        names = [word.rstrip(_END) for word in self.words[self.at + 1 : self.at + 3]]
        named = 2 if isinstance(_command(names[:1]), click.Group) else 1
        self.command, self.taken = _command(names), names[:named]
        self.positional = sum(isinstance(one, click.Argument) for one in self.command.params)
        self.at += 1 + named

    def _takes_one(self) -> bool:
        if re.match(r"--?[a-z]", self.words[self.at]):
            self._option()
        elif self.positional:
            self.positional -= 1
            self._word()
        else:
            return False
        return True

    def _option(self) -> None:
        self._word()
        name = self.taken[-1]
        option = next((one for one in self.command.params if name in (*one.opts, *one.secondary_opts)), None)
        if option is None and name != "--help":
            self.unknown.append(name)
        has_value = isinstance(option, click.Option) and not option.is_flag
        if has_value and not self.ended and self.at < len(self.words) and self.words[self.at] not in _SAYING:
            self._word()

    def _word(self) -> None:
        """Take a word, without what ends a clause."""
        word = self.words[self.at]
        self.ended = word[-1] in _END
        self.taken += shlex.split(word.rstrip(_END))
        self.at += 1


def _command(names: list[str]) -> click.Command:
    found = main.group.get_command(click.Context(main.group), names[0])
    if isinstance(found, click.Group) and len(names) > 1:
        found = found.get_command(click.Context(found), names[1])
    if found is None:
        raise LookupError(f"no command {' '.join(names)}")
    return found


def with_choice(line: list[str], words: tuple[str, ...]) -> list[str]:
    """Return a command with options added, or in place of those that it has."""
    command = _command(line[:2])
    line, added = list(line), list(_options(command, words))
    for option in dict.fromkeys(option for option, _ in added):
        if not {"--map", "--repair"} & set(option.opts):
            line = _without(line, option)
    return [*line, *(word for _, given in added for word in given)]


def _options(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[click.Option, list[str]]]:
    at = 0
    while at < len(words):
        option = next(one for one in command.params if words[at] in (*one.opts, *one.secondary_opts))
        size = 1 if option.is_flag or at + 1 == len(words) else 2
        yield option, list(words[at : at + size])
        at += size


def without(line: list[str], words: tuple[str, ...]) -> list[str]:
    """Return a command without words that follow one another in it."""
    size = len(words)
    at = next((at for at in range(len(line)) if tuple(line[at : at + size]) == words), len(line))
    return line[:at] + line[at + size :]


def _without(line: list[str], option: click.Option) -> list[str]:
    kept, at = [], 0
    while at < len(line):
        if line[at] in (*option.opts, *option.secondary_opts):
            at += 1 if option.is_flag else 2
        else:
            kept.append(line[at])
            at += 1
    return kept
