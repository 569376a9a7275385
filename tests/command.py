"""The command line, run in this process."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from segconv.cli.main import run


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def codes(self) -> list[str]:
        """The codes of errors, in order."""
        return [line.split()[1].rstrip(":") for line in self.err.splitlines() if line.startswith("Error ")]


class Command:
    """``segconv`` with three folders of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.raw = folder / "nnUNet_raw"
        for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *words: object) -> Done:
        self._capsys.readouterr()
        code = run([str(word) for word in words])
        captured = self._capsys.readouterr()
        assert "Traceback" not in captured.err
        return Done(code, captured.out, captured.err)


def tree_hash(folder: Path) -> str:
    """One hash over names and contents of a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(str(path.relative_to(folder)).encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()
