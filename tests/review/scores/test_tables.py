"""Tables of scores are replaced on request only if evaluate wrote every byte of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import io

from segconv.review.scores.dice import Overlap
from segconv.review.scores.score_csv import as_csv, is_csv

from ...command import Command

HEADER = "case,class,dice,shared_voxels,predicted_voxels,reference_voxels"
TABLE = f"{HEADER}\nc0,1,0.666667,1,2,1\nc0,2,,0,0,0\n"


def replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda table: table.replace(old, new, 1)


OTHERS: dict[str, Callable[[str], str]] = {
    "no rows": lambda _: f"{HEADER}\n",
    "nothing": lambda _: "",
    "a column more": replaced("2,1\n", "2,1,good\n"),
    "a column in all rows": lambda table: "".join(f"{line},x\n" for line in table.splitlines()),
    "a column less": replaced(",2,1\n", ",2\n"),
    "other rows": lambda _: f"{HEADER}\nmine,0.9,n/a,-,-,-\n",
    "a note at the end": lambda table: f"{table}# looked at on Monday\n",
    "an empty line": lambda table: f"{table}\n",
    "no end of line": lambda table: table[:-1],
    "another value": replaced("0.666667", "0.700000"),
    "a Dice of nothing": replaced("2,,0", "2,1.000000,0"),
    "fewer digits": replaced("0.666667", "0.67"),
    "numbers that cannot be": replaced("0.666667,1,2,1", "2.000000,1,1,0"),
    "negative numbers": replaced("0.666667,1,2,1", "0.666667,-1,-2,-1"),
    "numbers otherwise": replaced("1,2,1", "01,2,1"),
    "a row twice": lambda table: table + table.splitlines(keepends=True)[1],
    "quotes": replaced("c0", '"c0"'),
    "other ends of lines": lambda table: table.replace("\n", "\r\n"),
    "a byte order mark": lambda table: "\ufeff" + table,
    "an open quote": lambda table: f'{table}"c1,1',
    "a null": lambda table: f"{table}\0",
    "a number without end": replaced("0.666667,1,2,1", f"1.000000,{'9' * 5000},{'9' * 5000},{'9' * 5000}"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_evaluate_did_not_write_is_not_its_own(name: str) -> None:
    assert is_csv(TABLE.encode())
    assert not is_csv(OTHERS[name](TABLE).encode())


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8") | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF), min_size=1),
        st.dictionaries(st.text(st.characters(codec="utf-8")), st.tuples(*[st.integers(0, 1 << 40)] * 3), min_size=1),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_evaluate_writes_is_its_own(found: dict[str, dict[str, tuple[int, int, int]]]) -> None:
    overlaps = {
        case: {name: Overlap(both, both + more, both + others) for name, (both, more, others) in of.items()}
        for case, of in found.items()
    }
    made: Any = SimpleNamespace(overlaps=overlaps, surfaces=None)
    assert is_csv(as_csv(made))


@pytest.fixture
def words(tmp_path: Path) -> list[object]:
    for folder in ("p", "r"):
        (tmp_path / folder).mkdir()
        io.imsave(tmp_path / folder / "a, b.png", np.eye(9, dtype=np.uint8), check_contrast=False)
    return ["evaluate", tmp_path / "p", tmp_path / "r", "--overwrite", "--csv"]


def test_a_table_of_the_user_is_not_replaced(segconv: Command, tmp_path: Path, words: list[object]) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    table = tmp_path / "link" / "scores.csv"
    for _ in range(2):
        assert segconv(*words, table).code == 0
    with table.open("a") as file:
        file.write("mine\n")
    done = segconv(*words, table)
    assert (done.code, done.codes()) == (73, ["SC020"])
    assert table.read_text().endswith("mine\n")


def test_names_that_are_not_text_are_kept(segconv: Command, tmp_path: Path, words: list[object]) -> None:
    for folder in ("p", "r"):
        (tmp_path / folder / "a, b.png").rename(tmp_path / folder / "\udcff.png")
    for _ in range(2):
        done = segconv(*words, tmp_path / "scores.csv")
        assert done.code == 0, done.err
    assert b"\n\xff,1,1.000000,9,9,9\n" in (tmp_path / "scores.csv").read_bytes()
