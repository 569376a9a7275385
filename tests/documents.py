"""The transcripts of README.md and docs/: blocks marked ``console``, whose commands are run.

``python -m tests.documents`` runs them in an empty folder with the sources of `fixtures.examples`,
and writes what they print into the documents. Blocks marked ``console short`` are run as well, but
keep the text that they have.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from fixtures import examples

ROOT = Path(__file__).parents[1]
PAGES = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if path.is_file()]
NOT_RUN = {
    "plan",
    "plans",
    "rehearse",
    "train",
    "cascade",
    "finetune",
    "trainers",
    "best",
    "infer",
    "predict",
    "models",
    "stress",
    "totalseg",
    "demo",
    "nnunet",
}
"""Commands that need a trained nnU-Net, or train one: the examples of their help texts are run instead."""
_BLOCK = re.compile(r"^```console( short)?\n(.*?)^```$", re.DOTALL | re.MULTILINE)

_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """A command of a transcript, and the lines that it prints."""

    line: str
    printed: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """The words after ``segconv``; none for other programs and for commands that are not run."""
        words = shlex.split(self.line.replace("\\\n", " "), comments=True)
        return words[1:] if words[0] == "segconv" and words[1] not in NOT_RUN else []

    @property
    def codes(self) -> list[str]:
        """The codes of the errors that are printed."""
        return re.findall(r"^Error (SC\d{3})", "\n".join(self.printed), re.MULTILINE)


def snippets(page: str) -> str:
    """Return the Python of a page, one block after the other."""
    return "\n".join(_PYTHON.findall(page))


def steps(page: str) -> Iterator[Step]:
    """Yield the commands of a page."""
    for match in _BLOCK.finditer(page):
        yield from _steps(match[2])


def prepare(folder: Path) -> dict[str, str]:
    """Write all sources into a folder; return the variables that name nnU-Net's folders in it."""
    for make in examples.ALL:
        make(folder)
    variables = {}
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        (folder / "work" / name).mkdir(parents=True)
        variables[name] = str(folder / "work" / name)
    return variables


def predict(words: list[str], folder: Path) -> None:
    """Put reference labels in the place of the predictions that a command is about to restore."""
    if words[:1] == ["restore"] and not (folder / words[1]).exists():
        (dataset,) = (folder / "work" / "nnUNet_raw").glob(f"Dataset{int(words[words.index('--like') + 1]):03d}_*")
        labels = dataset / "labelsTs"
        shutil.copytree(labels if labels.is_dir() else dataset / "labelsTr", folder / words[1])


def _steps(block: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        line, *printed = part.rstrip("\n").replace("\\\n", "\\\0").split("\n")
        yield Step(line.replace("\0", "\n"), tuple(printed))


def _aligned(printed: str) -> str:
    """Return text with its tables, whose columns are separated by tabs, as they appear on a terminal."""
    lines = [line.split("\t") for line in printed.split("\n")]
    for table, group in groupby(lines, key=len):
        rows = list(group)
        widths = [max(len(row[at]) for row in rows) for at in range(table)]
        for row in rows if table > 1 else ():
            row[:] = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()]
    return "\n".join(line[0] for line in lines)


def _record(path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**os.environ, **prepare(folder)}

        def rerun(match: re.Match[str]) -> str:
            lines = []
            for step in _steps(match[2]):
                predict(step.words, folder)
                printed = "\n".join(step.printed)
                if step.words:
                    done = subprocess.run(
                        [sys.executable, "-m", "segconv", *step.words],
                        cwd=folder, env=environment, encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                    )  # fmt: skip
                    printed = _aligned(done.stdout.rstrip("\n").replace(f"{folder}/", ""))
                lines += [f"$ {step.line}", *([printed] if printed else [])]
            return match[0] if match[1] else "```console\n" + "\n".join(lines) + "\n```"

        path.write_text(_BLOCK.sub(rerun, path.read_text()))


if __name__ == "__main__":
    for page in PAGES:
        _record(page)
