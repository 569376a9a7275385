"""A package as ``trainers new`` makes it: installed by pip, tested by itself, listed, and found by nnU-Net."""

from __future__ import annotations

import errno
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.train.trainer_package import make_trainer_package

from ...command import Command
from .installed import install, seen

pytestmark = pytest.mark.train

NAME = "nnUNetTrainerMine"
MODULE = NAME.lower()
CHANGES = ["initial_lr = 0.005", "num_epochs = 1000", "num_iterations_per_epoch = 250", "loss"]
OURS = "nnUNetTrainerSegconv_7epochs_3iterations"
FIND = """
import pickle, sys
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name as find
for name in sys.argv[1:]:
    first = find(name)
    print("found", first.__module__, first is find(name) is pickle.loads(pickle.dumps(first)))
"""


def found_in_a_shell(line: str, folder: Path, packages: Path, *names: str) -> list[str]:
    """Type a line in bash, and let nnU-Net look for trainers there, without segconv."""
    (folder / "find.py").write_text(FIND)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", f"{line}\n{shlex.join([sys.executable, 'find.py', *names])}"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(packages)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [line.removeprefix("found ") for line in done.stdout.splitlines() if line.startswith("found ")]


def test_it_is_tested_by_itself_listed_and_found_by_nnunet_in_a_plain_shell(
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
    assert (row["home"], row["bases"], row["changes"]) == (MODULE, ["nnUNetTrainerSegconv"], CHANGES)

    (line,) = re.findall(r"export nnUNet_extTrainer=.*", segconv("paths", "show").err)
    found = found_in_a_shell(line, tmp_path, packages, NAME, OURS)
    assert found == [f"{MODULE} True", "segconv.train.trainers True"]

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
        ("lambda", "SC001"),
        ("Class", "SC001"),
        ("Setup", "SC001"),
        ("conftest", "SC001"),
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
