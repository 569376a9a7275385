"""Figures: names as they are, and the same bytes wherever a command runs."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segconv.image.geometry import Geometry, Volume
from segconv.review.pictures.curves import curves
from segconv.review.pictures.drawing import LONGEST, drawing, legend_below, new_figure, png_of, shown
from segconv.review.pictures.overlay import Panel, montage
from segconv.review.scores.dice import Scores
from segconv.review.scores.robustness import Condition, Measured, Robustness

NAMES = [
    "$\\alpha",
    "$\\nothing$",
    "a $ b $ c",
    "\\$x\\$",
    "^_{}",
    "\\frac{}",
    "_hidden",
    "%s %d {0}",
    "[bold]x[/]",
    "肝脏",
    "🫁 lung",
    "ä ß é",
    "a\nb\tc\x1b[0m",
    "\udcff",
    "\u202eabc",
    "",
    "x" * 500,
]


def picture_of(name: str) -> bytes:
    image = Volume(np.zeros((8, 8), np.uint8), Geometry.plain((8, 8)))
    return montage([Panel(name, image, np.eye(8, dtype=np.uint8))])


def test_every_name_is_drawn_and_no_two_alike() -> None:
    pictures = {name: picture_of(name) for name in NAMES}
    pixels = {name: np.asarray(Image.open(io.BytesIO(data))).tobytes() for name, data in pictures.items()}
    assert len(set(pixels.values())) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_everything_are_drawn_in_curves(name: str) -> None:
    scores = Scores({name: {name: 0.5, "other": 0.7}})
    measured = [Measured(Condition(), {name: scores}, {name: scores}, scores, 1.0)]
    data = curves(Robustness(name, (name,), (name,), (name, "other"), tuple(measured), 0.05))
    assert Image.open(io.BytesIO(data)).size[0] > 500


def test_a_name_is_spelled_out_where_the_font_lacks_its_letters() -> None:
    assert shown("liver $x$ \\n _a ä") == "liver $x$ \\n _a ä"
    assert shown("肝") == "\\u809d"
    assert shown("🫁") == "\\U0001fac1"
    assert shown("a\nb") == "a\\nb"
    assert shown("\udcff") == "\\udcff"
    assert shown("a'b\"") == "a'b\""
    long = shown("".join(chr(ord("a") + n % 26) for n in range(200)))
    assert len(long) == LONGEST
    assert long.startswith("abc")
    assert "…" in long


def test_a_legend_says_what_it_is_given() -> None:
    from matplotlib.lines import Line2D

    with drawing():
        figure = new_figure(4, 3, dpi=50)
        legend_below(figure, [Line2D([], []) for _ in range(3)], ["_a", "$b", "c"])
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["_a", "$b", "c"]
        assert png_of(figure).startswith(b"\x89PNG")


def test_settings_of_a_program_around_are_not_obeyed_and_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib

    plain = picture_of("a")
    changed = {"figure.facecolor": "red", "text.usetex": True, "axes.titlesize": 40, "savefig.dpi": 7, "font.size": 31}
    with matplotlib.rc_context(changed):
        assert picture_of("a") == plain
        assert {key: matplotlib.rcParams[key] for key in changed} == changed


DRAW = """
import hashlib, sys
import numpy as np
from segconv.image.geometry import Geometry, Volume
from segconv.review.pictures.overlay import Panel, montage
image = Volume(np.zeros((8, 8), np.uint8), Geometry.plain((8, 8)))
print(hashlib.sha256(montage([Panel("a $", image, np.eye(8, dtype=np.uint8))])).hexdigest())
"""
SETTINGS = "figure.facecolor: red\naxes.titlesize: 40\ntext.usetex: True\nbackend: module://nothing\n"


def test_a_picture_is_the_same_wherever_and_by_whomever_it_is_drawn(tmp_path: Path) -> None:
    home, current, temporary, cache = (tmp_path / name for name in ("home", "current", "tmp", "cache"))
    for folder in (home / ".config" / "matplotlib", current, temporary, cache):
        folder.mkdir(parents=True)
    for place in (current, home / ".config" / "matplotlib", tmp_path):
        (place / "matplotlibrc").write_text(SETTINGS)
    (home / ".config" / "matplotlib" / "stylelib").mkdir()
    (home / ".config" / "matplotlib" / "stylelib" / "x.mplstyle").write_bytes(b"\xff")
    before = sorted(tmp_path.rglob("*"))
    expected = hashlib.sha256(
        montage([Panel("a $", Volume(np.zeros((8, 8), np.uint8), Geometry.plain((8, 8))), np.eye(8, dtype=np.uint8))])
    ).hexdigest()
    hostile = {"MATPLOTLIBRC": str(tmp_path), "MPLBACKEND": "nothing", "MPLCONFIGDIR": str(home / ".config" / "other")}
    for own in (
        {**hostile, "HOME": str(home), "XDG_CACHE_HOME": str(cache)},
        {**hostile, "HOME": "/nonexistent"},
        {"HOME": str(home), "XDG_CACHE_HOME": os.devnull},
    ):
        env = {"PATH": os.environ["PATH"], "TMPDIR": str(temporary), "SOURCE_DATE_EPOCH": "0", **own}
        done = subprocess.run([sys.executable, "-c", DRAW], cwd=current, env=env, capture_output=True, encoding="utf-8")
        assert (done.stdout.strip(), done.stderr) == (expected, "")
    made = {path for path in tmp_path.rglob("*") if path not in before}
    assert {path.parent for path in made} <= {cache, cache / "segconv", cache / "segconv" / "matplotlib"}
