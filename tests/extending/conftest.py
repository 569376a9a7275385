from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import segconv as package

HERE = Path(__file__).parent


class Extended:
    """A copy of segconv to which a contributor adds files and lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "copy" / "segconv"
        shutil.copytree(Path(next(iter(package.__path__))), self.package, ignore=shutil.ignore_patterns("__pycache__"))
        self.raw = folder / "nnUNet_raw"
        self.raw.mkdir()

    def add_file(self, example: str, place: str) -> None:
        """Put an example of this folder where a contributor would."""
        shutil.copy(HERE / example, self.package / place)

    def add_line(self, file: str, after: str, line: str) -> None:
        """Add a line to a file, after the one line that holds a text."""
        lines = (self.package / file).read_text(encoding="utf-8").splitlines(keepends=True)
        (at,) = (number for number, found in enumerate(lines) if after in found)
        (self.package / file).write_text("".join([*lines[: at + 1], f"{line}\n", *lines[at + 1 :]]), encoding="utf-8")

    def __call__(self, *words: object) -> dict[str, Any]:
        """Run a command that succeeds; return the object that it prints."""
        env = {"PYTHONPATH": str(self.package.parent), "nnUNet_raw": str(self.raw), "PATH": os.environ["PATH"]}
        command = [sys.executable, "-m", "segconv", *map(str, words), "--json"]
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result


@pytest.fixture
def extended(tmp_path: Path) -> Extended:
    return Extended(tmp_path)
