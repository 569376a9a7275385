"""nnU-Net's own search finds trainers through segconv's folder: the same class each time, which pickles and is spawned."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.train import known_trainers, offered_trainers
from segconv.train.child import environment, python
from segconv.train.known_trainers import find_trainer, list_trainers
from segconv.train.paths import Paths
from segconv.train.shim import segconv_trainers
from segconv.train.trainer_folders import SHIM, checked_folders
from segconv.train.trainers import TRAINERS, of_packages

SIZED = "nnUNetTrainerSegconv_7epochs_3iterations"
GOOD = "from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer\nclass Mine(nnUNetTrainer): pass\n"
BROKEN = "import no_such_module\n"

SEARCH = """
import json, multiprocessing, pickle, sys
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name as find
from segconv.train import trainers
name = sys.argv[1]
first, second = find(name), find(name)
with multiprocessing.get_context("spawn").Pool(1) as pool:
    there = pool.apply(repr, (first,)), pool.apply(getattr, (first, "__mro__"))[1].__name__
print(json.dumps([first is second is getattr(trainers, name), pickle.loads(pickle.dumps(first)) is first, *there]))
"""

FIND = "import sys; from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name as find; "


def run(code: str, *words: str, folders: tuple[Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run code as segconv runs nnU-Net, with folders of trainers."""
    env = environment(Paths(trainers=folders))
    return subprocess.run([*python(code.strip()), *words], env=env, capture_output=True, encoding="utf-8", check=False)


@pytest.mark.train
def test_the_same_class_is_found_each_time_and_reaches_a_spawned_process() -> None:
    done = run(SEARCH, SIZED)
    assert done.returncode == 0, done.stderr[-2000:]
    same, pickled, there, base = json.loads(done.stdout.splitlines()[-1])
    assert (same, pickled) == (True, True)
    assert there == f"<class 'segconv.train.trainers.{SIZED}'>"
    assert base == "nnUNetTrainerSegconv"


def test_a_trainer_that_its_package_lacks_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    point = metadata.EntryPoint("Mine", "json:Mine", of_packages.GROUP)
    monkeypatch.setattr(of_packages, "offered", lambda: {"Mine": point})
    with pytest.raises(ImportError, match="Mine cannot be imported: module 'json' has no attribute 'Mine'"):
        segconv_trainers.__getattr__("Mine")
    assert not hasattr(segconv_trainers, "Other"), "nnU-Net looks for it in the next folder"


@pytest.mark.train
def test_a_broken_folder_harms_only_what_is_looked_for_after_it(tmp_path: Path) -> None:
    for name, text in (("broken", BROKEN), ("good", GOOD)):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}_module.py").write_text(text)
    broken, good = tmp_path / "broken", tmp_path / "good"
    code = FIND + "[print('found', find(name).__name__, flush=True) for name in sys.argv[1:]]"
    done = run(code, "nnUNetTrainerSegconv", "Mine", folders=(good, broken))
    assert [line for line in done.stdout.splitlines() if line.startswith("found ")] == [
        "found nnUNetTrainerSegconv",
        "found Mine",
    ]
    done = run(code, "nnUNetTrainerSegconv", "Mine", folders=(broken, good))
    assert "found nnUNetTrainerSegconv" in done.stdout.splitlines()
    assert done.returncode == 1
    assert "no_such_module" in done.stderr


def test_the_folder_of_segconv_comes_first_and_none_is_inherited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("nnUNet_extTrainer", "/strange")
    found = environment(Paths(trainers=(tmp_path,)))["nnUNet_extTrainer"]
    assert found.split(os.pathsep) == [str(SHIM), str(tmp_path)]
    assert [path.name for path in SHIM.glob("*.py") if path.name != "__init__.py"] == ["segconv_trainers.py"]


@pytest.mark.train
def test_trainers_of_segconv_are_listed_and_found_with_a_length() -> None:
    found = list_trainers()
    assert {trainer.name for trainer in found if trainer.home == "segconv"} == set(TRAINERS)
    assert find_trainer(SIZED, found).home == "segconv"
    with pytest.raises(SegconvError) as caught:
        find_trainer("nnUNetTrainerSegcon", found)
    assert (caught.value.code, "nnUNetTrainerSegconv" in caught.value.hint) == ("SC001", True)


@pytest.mark.train
def test_trainers_of_folders_are_read_not_imported(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(f"raise RuntimeError\n{GOOD}class Two(Mine): pass\nfrom x import Imported\n")
    folders = (tmp_path,)
    found = list_trainers(folders)
    assert [trainer.name for trainer in found if trainer.home == str(tmp_path)] == ["Mine", "Two"]
    assert find_trainer("Two", found, folders).bases == ("Mine",)
    assert find_trainer("Imported", found, folders).home == str(tmp_path)
    with pytest.raises(SegconvError) as caught:
        find_trainer("Three", found, folders)
    assert caught.value.code == "SC001"


@pytest.mark.train
def test_a_name_in_two_places_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD.replace("Mine", "nnUNetTrainerDA5"))
    with pytest.raises(SegconvError) as caught:
        find_trainer("nnUNetTrainerDA5", list_trainers((tmp_path,)))
    assert caught.value.code == "SC171"
    assert f"in nnunetv2 and in {tmp_path}" in caught.value.message


@pytest.mark.train
def test_a_module_that_is_not_python_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class (")
    with pytest.raises(SegconvError) as caught:
        list_trainers((tmp_path,))
    assert (caught.value.code, caught.value.file) == ("SC170", str(tmp_path / "mine.py"))
    assert "(mine.py, line 1)" in caught.value.message


@pytest.mark.train
def test_a_length_in_the_singular_brings_the_plural() -> None:
    known = list_trainers()
    for end in ("_1epoch", "_1epochs_1iteration", "_1iteration"):
        with pytest.raises(SegconvError) as caught:
            find_trainer(f"nnUNetTrainerSegconv{end}", known)
        (wanted,) = re.findall(r"did you mean (\w+)\?", caught.value.hint)
        assert find_trainer(wanted, known).name == wanted


@pytest.mark.train
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("nnUNetTrainerUMambaEncNoAMP_3iterations_2epochs", "nnUNetTrainerUMambaEncNoAMP[_<n>epochs][_<n>iterations]"),
        ("nnUNetTrainerAdamWPoly_0epochs", "nnUNetTrainerAdamWPoly[_<n>epochs][_<n>iterations]"),
        ("nnUNetTrainer_300epochs", "did you mean nnUNetTrainerSegconv_300epochs?"),
        ("nnUNetTrainer_1epoch_5iterations", "did you mean nnUNetTrainerSegconv_1epochs_5iterations?"),
        ("nnUNetTrainerUMambabot", "did you mean nnUNetTrainerUMambaBot or "),
    ],
)
def test_a_length_that_is_none_brings_how_one_is_written(name: str, hint: str) -> None:
    with pytest.raises(SegconvError) as caught:
        find_trainer(name, list_trainers())
    assert hint in caught.value.hint


def test_folders_that_nnunet_would_not_search_are_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a:b").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(SegconvError) as caught:
        checked_folders([tmp_path, *(tmp_path / name for name in ("none", "a:b", "file"))])
    assert [(finding.code, Path(finding.file).name, finding.message) for finding in caught.value.findings] == [
        ("SC010", "none", "does not exist"),
        ("SC010", "a:b", "has a ':' in its path, which separates folders in nnUNet_extTrainer"),
        ("SC010", "file", "is not a folder"),
    ]


@pytest.mark.train
@pytest.mark.parametrize(
    ("value", "code"), [("my_pkg.nets:Mine", None), ("my_pkg.nets:Other", "SC172"), ("my_pkg.none:Mine", "SC172")]
)
def test_trainers_of_packages_are_listed_and_checked(
    value: str, code: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_pkg").mkdir()
    (tmp_path / "my_pkg" / "__init__.py").write_text("raise RuntimeError")
    (tmp_path / "my_pkg" / "nets.py").write_text(GOOD)
    monkeypatch.delitem(sys.modules, "my_pkg", raising=False)  # another test may have imported its own
    monkeypatch.syspath_prepend(tmp_path)
    points = {"Mine": metadata.EntryPoint("Mine", value, "segconv.trainers")}
    monkeypatch.setattr(offered_trainers, "offered", lambda: points)
    found = known_trainers.list_trainers()
    if code is None:
        assert find_trainer("Mine", found).bases == ("nnUNetTrainer",)
        return
    with pytest.raises(SegconvError) as caught:
        find_trainer("Mine", found)
    assert caught.value.code == code
