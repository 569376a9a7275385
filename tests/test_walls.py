"""Nothing below ``cli/`` names an option or a command: what can be done about a finding is data there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import segconv
from segconv.cli.main import COMMANDS

SOURCES = Path(next(iter(segconv.__path__)))
CLEAN = (
    "augment",
    "convert",
    "dataset",
    "errors.py",
    "flows",
    "image",
    "reading.py",
    "review",
    "train",
    "words.py",
    "work",
)
"""Files and folders below the package that are proved so far."""

TYPED = re.compile(rf"(?<![\w-])--[a-z][a-z-]+|\bsegconv ({'|'.join(COMMANDS)})\b")


OF_OTHERS = (
    *("--c", "--val", "--npz", "--verify_dataset_integrity", "--disable_progress_bar", "--disable_tta"),
    *("--save_probabilities", "--save_npz", "--no_pp"),
    *("--query-gpu=driver_version", "--format=csv,noheader"),
)
"""Options of nnU-Net's own commands and of nvidia-smi, which `train` runs."""


@pytest.mark.parametrize("place", CLEAN)
def test_no_text_names_an_option(place: str) -> None:
    root = SOURCES / place
    files = [root] if root.is_file() else sorted(root.rglob("*.py"))
    found = [f"{path.relative_to(SOURCES)}:{line}: {text}" for path in files for line, text in texts(path)]
    assert [entry for entry in found if TYPED.search(entry)] == []


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield every text in a file but docstrings, and where it stands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements:
            yield node.lineno, "" if node.value in OF_OTHERS else node.value
