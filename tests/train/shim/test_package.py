"""A package as ``trainers new`` makes it: installed by pip, tested by itself, listed, and found by nnU-Net."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.train.child import environment, python
from segconv.train.paths import Paths
from segconv.train.trainer_package import make_trainer_package

from ...command import Command
from .installed import install, seen

pytestmark = pytest.mark.train

NAME = "nnUNetTrainerMine"
MODULE = NAME.lower()
FIND = f"""
import pickle
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name as find
first = find({NAME!r})
print("found", first.__module__, first is find({NAME!r}) is pickle.loads(pickle.dumps(first)))
"""


def test_it_is_tested_by_itself_listed_and_found_by_nnunet(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = segconv("trainers", "new", NAME, "-o", tmp_path / "my trainer")
    assert done.code == 0, done.err
    assert f"Next: pip install -e '{tmp_path}/my trainer'" in done.err
    packages = tmp_path / "packages"
    install(tmp_path / "my trainer", packages)

    variables = {**os.environ, "PYTHONPATH": str(packages), "OMP_NUM_THREADS": "1"}
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", f"test_{MODULE}.py"]
    tested = subprocess.run(
        [sys.executable, *words],
        cwd=tmp_path / "my trainer",
        env=variables,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert "2 passed" in tested.stdout, tested.stdout[-3000:]

    seen(packages, monkeypatch)
    (row,) = (row for row in segconv("trainers", "list", "--json").json["trainers"] if row["name"] == NAME)
    assert (row["home"], row["bases"], row["changes"]) == (MODULE, ["nnUNetTrainerSegconv"], ["loss"])

    searched = subprocess.run(
        python(FIND.strip()), env=environment(Paths()), cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert f"found {MODULE} True" in searched.stdout.splitlines(), searched.stderr[-2000:]

    again = segconv("trainers", "new", NAME, "-o", tmp_path / "again")
    assert (again.codes(), (tmp_path / "again").exists()) == (["SC171"], False)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("my-trainer", "SC001"),
        ("1Trainer", "SC001"),
        ("My__Trainer", "SC001"),
        ("../Mine", "SC001"),
        ("Torch", "SC001"),
        ("nnUNetTrainerDA5", "SC171"),
        ("nnUNetTrainerSegconv_7epochs", "SC171"),
    ],
)
def test_names_are_checked_before_anything_is_made(name: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(SegconvError) as caught:
        make_trainer_package(name, tmp_path / "made")
    assert (caught.value.code, list(tmp_path.iterdir())) == (code, [])


def test_an_existing_folder_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    with pytest.raises(SegconvError) as caught:
        make_trainer_package(NAME, tmp_path / "made")
    assert (caught.value.code, list(tmp_path.rglob("*"))) == ("SC020", [tmp_path / "made"])


@pytest.mark.parametrize("at", range(1, 6))
def test_a_failure_leaves_nothing(at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from segconv.work import fsops

    before, calls = fsops._before, iter(range(1, 100))

    def fail(operation: str, path: str | os.PathLike[str]) -> None:
        if next(calls) == at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(path))
        before(operation, path)

    monkeypatch.setattr(fsops, "_before", fail)
    with pytest.raises(SegconvError) as caught:
        make_trainer_package(NAME, tmp_path / "made")
    assert (caught.value.code, list(tmp_path.iterdir())) == ("SC032", [])
