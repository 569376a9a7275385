"""Tables and lists next to predictions and references say what values mean, as in conversion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage import io

from ...command import Command

CATS, DOGS = (slice(2, 8),) * 2, (slice(10, 18),) * 2
LISTED = "_background_\ncat\ndog\n"
TOOL = '0 0 0 0 0 0 0 "Clear Label"\n{} 9 9 9 1 1 1 "dog"\n{} 9 9 9 1 1 1 "cat"\n8 9 9 9 1 1 1 "cow"\n'


def masks(folder: Path, cat: int, dog: int, **tables: str) -> Path:
    folder.mkdir(parents=True)
    mask = np.zeros((20, 20), np.uint8)
    mask[CATS], mask[DOGS] = cat, dog
    for name in ("a", "b"):
        io.imsave(folder / f"{name}.png", mask, check_contrast=False)
    for name, text in tables.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


def test_names_come_from_the_table_of_either_side(tmp_path: Path, segconv: Command) -> None:
    mine, its = masks(tmp_path / "p", 1, 2), masks(tmp_path / "r", 1, 2, label_names=LISTED)
    done = segconv("evaluate", mine, its)
    assert done.code == 0, done.err
    assert [line.split("\t")[0] for line in done.out.splitlines()] == ["class", "cat", "dog", "mean"]
    assert f"classes are declared by {its}/label_names.txt" in done.err
    other = segconv("evaluate", its, mine)
    assert other.out == done.out


def test_tables_that_agree_are_one_and_of_a_tools_only_what_occurs_counts(tmp_path: Path, segconv: Command) -> None:
    mine = masks(tmp_path / "p", 1, 2, labels=TOOL.format(2, 1))
    its = masks(tmp_path / "set/masks", 1, 2)
    (tmp_path / "set/label_names.txt").write_text(LISTED)
    done = segconv("evaluate", mine, its)
    assert done.code == 0, done.err
    assert "cow" not in done.out


@pytest.mark.parametrize("swapped", [True, False])
def test_tables_that_number_differently_are_refused_with_both(swapped: bool, tmp_path: Path, segconv: Command) -> None:
    """Whatever the masks hold, a right prediction would score 0, and a wrong one 1."""
    values = (2, 1) if swapped else (1, 2)
    mine = masks(tmp_path / "p", *values, labels=TOOL.format(1, 2))
    its = masks(tmp_path / "r", 1, 2, label_names=LISTED)
    done = segconv("evaluate", mine, its)
    assert (done.code, done.codes()) == (65, ["SC078"]), done.err
    assert "labels.txt declares dog 1, cat 2, but" in done.err
    assert "label_names.txt cat 1, dog 2" in done.err
    said = ("--labels", "background=0,cat=1,dog=2")
    assert segconv("evaluate", mine, its, *said).code == 0, "the user's word counts"


def test_values_that_a_table_does_not_name_are_refused(tmp_path: Path, segconv: Command) -> None:
    mine, its = masks(tmp_path / "p", 1, 3), masks(tmp_path / "r", 1, 2, label_names=LISTED)
    done = segconv("evaluate", mine, its)
    assert (done.code, done.codes()) == (65, ["SC070"]), done.err
    assert "label_names.txt declares cat 1, dog 2, but not 3" in done.err


def test_a_range_of_values_is_one_class_and_other_values_are_refused(tmp_path: Path, segconv: Command) -> None:
    mine, its = masks(tmp_path / "p", 1, 1), masks(tmp_path / "r", 3, 7)
    done = segconv("evaluate", mine, its, "--labels", "background=0,cell=1-")
    assert done.code == 0, done.err
    assert "cell\t1.0000\t2" in done.out
    assert segconv("evaluate", mine, its, "--labels", "background=0,cell=1-6").codes() == ["SC070"]
    done = segconv("evaluate", mine, its, "--labels", "background=0,cell=1-,dog=7")
    assert done.code == 0, done.err
    assert "dog\t0.0000\t2" in done.out, "a value that is named stays what it is"
