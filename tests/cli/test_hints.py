"""Every command that hints and documents name exists, with its options."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import segconv
from segconv.cli import main
from segconv.cli.codes import document

from ..documents import PAGES

PACKAGE = Path(segconv.__file__).parent
PROSE = {"converted", "did", "drew", "keeps", "knows", "made", "with", "wrote"}
"""Words that follow the name of the package where no command is meant."""
_COMMAND = re.compile(
    r"\bsegconv ([a-z][a-z0-9-]*)(?: ([a-z][a-z0-9-]*))?(.*?)(?=\bsegconv [a-z]|[;,)`|]\s|$)", re.DOTALL
)


def texts(tree: ast.AST) -> Iterator[str]:
    """The texts of a module that a user may read, without the expressions in braces."""
    described = (ast.Module, ast.ClassDef, ast.FunctionDef)
    remarks = {
        id(node.value)
        for parent in ast.walk(tree)
        if isinstance(parent, described)
        for node in parent.body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    whole: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            whole |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (remarks | whole):
            yield node.value


def wrong(text: str) -> list[str]:
    """Commands and options in a text that do not exist."""
    found = []
    for name, sub, rest in _COMMAND.findall(text):
        if name in PROSE:
            continue
        command = main.group.get_command(click.Context(main.group), name)
        if isinstance(command, click.Group):
            command = command.commands.get(sub)
        if command is None:
            found.append(f"segconv {name} {sub}".strip())
            continue
        known = {opt for param in command.params for opt in (*param.opts, *param.secondary_opts)} | {"--help"}
        found += [
            f"segconv {name} {option}" for option in re.findall(r"(?<!\S)--[a-z0-9-]+", rest) if option not in known
        ]
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_command_that_a_text_names_exists_with_its_options(path: Path) -> None:
    assert [entry for text in texts(ast.parse(path.read_text())) for entry in wrong(text)] == []


def test_every_command_of_the_documents_exists_with_its_options() -> None:
    assert wrong(document()) == []
    for page in PAGES:
        typed = re.findall(r"^\$ (.*)$|`(segconv [^`]*)`", page.read_text(), re.MULTILINE)
        assert [entry for words in typed for entry in wrong("".join(words))] == [], page.name


@pytest.mark.parametrize(
    "text",
    [
        "segconv splits deal DATASET",
        "see: segconv labels shwo 42",
        "segconv check --to 43",
        "remove it, or segconv convert IN --to 43_New --labels a=1,b=2 --nope; --strict",
    ],
)
def test_a_command_that_does_not_exist_is_found(text: str) -> None:
    assert len(wrong(text)) == 1
