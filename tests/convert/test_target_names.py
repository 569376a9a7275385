"""A dataset takes the name of its source, without the number."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fixtures.make_fixtures import msd_ct

from ..command import Command
from .sources import test_pairs
from .test_left_out import nnunet_v2


@pytest.mark.parametrize("folder", ["Dataset042_Organ", "Task042_Organ", "Task42_Organ", "Organ"])
@pytest.mark.parametrize("kind", ["msd", "v2", "pairs"])
def test_an_id_without_a_name_takes_the_name_of_the_source_and_overwrites_what_it_made(
    tmp_path: Path, segconv: Command, kind: str, folder: str
) -> None:
    if kind == "pairs":
        source = test_pairs.pairs(tmp_path / folder, "images/x{n}", "labels/x{n}")
    else:
        made = nnunet_v2(tmp_path)[0] if kind == "v2" else msd_ct(tmp_path / "src")
        source = made.rename(tmp_path / folder)
    said = ("convert", source, "--to", "43", "--unlabelled", "skip")
    assert segconv(*said).code == 0
    (target,) = segconv.raw.glob("Dataset*")
    assert target.name == "Dataset043_Organ"
    again = segconv(*said)
    assert (again.code, again.codes()) == (73, ["SC020"])
    assert f"{target}: the id 43 is taken" in again.err
    assert "Hint: --overwrite, or --to 44_Organ is free" in again.err
    assert segconv(*said, "--overwrite").code == 0
    assert [path.name for path in segconv.raw.glob("Dataset*")] == ["Dataset043_Organ"]


def test_repair_overwrites_what_it_made(tmp_path: Path, segconv: Command) -> None:
    source = segconv.raw / "Dataset042_Organ"
    shutil.copytree(nnunet_v2(tmp_path)[0], source)
    next(source.glob("imagesTr/ct_001*")).unlink()  # which has no label
    assert segconv("repair", "42", "--to", "43").code == 0
    done = segconv("repair", "42", "--to", "43", "--overwrite")
    assert done.code == 0, done.err
    assert sorted(path.name for path in segconv.raw.glob("Dataset*")) == ["Dataset042_Organ", "Dataset043_Organ"]
