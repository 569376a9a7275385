"""What a person types who follows a printed hint."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace

import click

from segconv.cli import main

RESTART = "; a new option needs --restart, as the run has begun"
AGAIN = "; --restart converts the finished cases again"
PLACEHOLDER = re.compile(
    r"(?<![A-Za-z0-9_.])[A-Z]{1,}(?:_NAME|=VALUE)?(?:,[A-Z])*(?![A-Za-z0-9_])|TABLE\.csv|FILE\.zip|…"
)
"""What the text leaves to the reader: a word in capitals, or three dots."""
CAPITALS = {"CT", "MRI"}
"""Values in capitals."""
_WORD = re.compile(r"(?:'[^']*'|\"[^\"]*\"|[^\s'\"])+")
_END = ",;.)"


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


def choices(hint: str, running: str) -> list[Choice]:
    """Return the ways that a hint offers to who runs this command."""
    needs_restart = RESTART in hint
    found = [
        one for text in _alternatives(hint.replace(RESTART, "").replace(AGAIN, "")) for one in _typed(text, running)
    ]
    if needs_restart:
        return [one if one.complete else replace(one, words=(*one.words, "--restart")) for one in found]
    return found


def _alternatives(hint: str) -> list[str]:
    return re.split(r", or |; ", hint)


def _typed(text: str, running: str) -> Iterator[Choice]:
    words = [(found[0], found.start(), found.end()) for found in _WORD.finditer(text)]
    at = begin = 0
    found: list[Choice] = []
    while at < len(words):
        word = words[at][0]
        if word == "segconv" or re.match(r"--[a-z]", word):
            said = text[words[begin][1] : words[at][1]].strip() if begin < at else ""
            one, end = _choice(words, at, running, said)
            if found and said == "in place of":
                found[-1] = replace(found[-1], contrary=one.words)
            else:
                found[-1:] = [replace(one, after=said) for one in found[-1:]]
                found.append(replace(one, before="") if found else one)
            at = begin = end
        else:
            at += 1
    if found and begin < len(words):
        found[-1] = replace(found[-1], after=text[words[begin][1] :].strip())
    yield from found


def _choice(words: list[tuple[str, int, int]], at: int, running: str, before: str) -> tuple[Choice, int]:
    taken: list[str] = []
    unknown: list[str] = []
    command, positional, complete = _command([running]), 0, False
    if words[at][0] == "segconv":
        names = [word.rstrip(_END) for word, _, _ in words[at + 1 : at + 3]]
        command = _command(names)
        named = 2 if isinstance(_command(names[:1]), click.Group) else 1
        taken, complete = names[:named], True
        positional = sum(isinstance(one, click.Argument) for one in command.params)
        at += 1 + named
    ended = False
    while at < len(words) and not ended:
        word = words[at][0]
        if re.match(r"--?[a-z]", word):
            ended = word[-1] in _END
            word = word.rstrip(_END)
            taken.append(word)
            at += 1
            option = next((one for one in command.params if word in (*one.opts, *one.secondary_opts)), None)
            if option is None and word != "--help":
                unknown.append(word)
            takes = isinstance(option, click.Option) and not option.is_flag
            if takes and not ended and at < len(words) and words[at][0] not in ("if", "takes", "makes"):
                ended = words[at][0][-1] in _END
                taken += shlex.split(words[at][0].rstrip(_END))
                at += 1
        elif positional:
            ended = word[-1] in _END
            taken += shlex.split(word.rstrip(_END))
            positional -= 1
            at += 1
        else:
            break
    return Choice(tuple(taken), complete, before, unknown=tuple(unknown)), at


def _command(names: list[str]) -> click.Command:
    found = main.group.get_command(click.Context(main.group), names[0])
    if isinstance(found, click.Group) and len(names) > 1:
        found = found.get_command(click.Context(found), names[1])
    if found is None:
        raise LookupError(f"no command {' '.join(names)}")
    return found


def with_choice(line: list[str], words: tuple[str, ...]) -> list[str]:
    """Return a command with options added, or in place of those that it has."""
    command = _command([line[0]])
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
