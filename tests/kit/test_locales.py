"""Names that are not ASCII under locales that are not UTF-8: the same verdict, words and bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from . import damage as d
from .case import Change
from .odd import place_named
from .sets import good_rows
from .sources import FROM, KINDS, Place, fresh

NAME = "Jürgen İı 日本"
LOCALES = [
    {"LC_ALL": "C"},
    {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "iso8859-9"},
    {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
]
"""The second is the one in which Python reads names as ASCII; the last counts where it is installed, and is C elsewhere."""


def listed(place: Place) -> None:
    """Name the case in a list that says so in UTF-8."""
    rows = good_rows(place).replace("c1", NAME)
    (place.folder / "list.csv").write_text(rows, encoding="utf-8")
    place_named(NAME)(place)


def broken(place: Place) -> None:
    """Cut an image short, which only reading it shows, and rename it."""
    d.half(place.image)
    place_named(NAME)(place)


CASES: dict[str, tuple[str, Change, tuple[str, ...], int]] = {
    "in a json": ("msd", place_named(NAME), (), 0),
    "in a list": ("pairs", listed, ("--pairs", "list.csv"), 0),
    "of folders": ("masks", place_named(NAME), (), 0),
    "no UTF-8": ("png", place_named("J\udcfcrgen"), (), 0),
    "and cut": ("png", broken, (), 65),
}


def run(folder: Path, words: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own, with no variable of the language but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    return subprocess.run(
        [sys.executable, "-m", "segconv", *words], cwd=folder, env=kept | variables, capture_output=True, check=False
    )


@pytest.mark.parametrize("name", CASES)
def test_names_are_what_they_are_in_every_locale(name: str, tmp_path: Path) -> None:
    kind, change, more, code = CASES[name]
    place = fresh(tmp_path, kind)
    change(place)
    words = ["convert", KINDS[kind].folder, "--from", FROM.get(kind, kind), *KINDS[kind].words, *more, "--no-fsync"]
    found = []
    for number, variables in enumerate(({"LC_ALL": "C.UTF-8"}, *LOCALES)):
        raw = tmp_path / f"raw{number}"
        raw.mkdir()
        done = run(tmp_path, [*words, "--to", "5_Kit", "--raw", raw.name, "--json", "-j", "2"], variables)
        assert (done.returncode, done.stderr) == (code, b""), (variables, done.stdout[-500:])
        reported = json.loads(done.stdout)
        reported.pop("target", None)
        made = raw / "Dataset005_Kit"
        files = {path.relative_to(made): path.read_bytes() for path in made.rglob("*") if path.is_file()}
        assert bool(files) is (code == 0)
        found.append((reported, files))
    for other in found[1:]:
        assert other == found[0]


def test_a_terminal_of_ascii_gets_the_name_in_escapes(tmp_path: Path) -> None:
    broken(fresh(tmp_path, "png"))
    (tmp_path / "raw").mkdir()
    words = ["convert", "pictures", "--to", "5_Kit", *KINDS["png"].words, "--raw", "raw"]
    done = run(tmp_path, words, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 65
    lines = done.stderr.decode("ascii").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("Error SC058: "))
    assert r"images/J\xfcrgen \u0130\u0131 \u65e5\u672c.png: " in lines[at]
    assert lines[at + 1].startswith("Hint: ")
