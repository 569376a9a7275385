"""A name that several packages offer, or that nnU-Net has, is refused where it is trained with, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.train.known_trainers import find_trainer, list_trainers

pytestmark = pytest.mark.train

CLASS = "from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer as Base\nclass {}(Base): pass\n"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two packages, as an installer leaves them."""
    for package, names in (("one_pkg", ("Mine", "nnUNetTrainerDA5")), ("two_pkg", ("Mine", "nnUNetTrainer", "Two"))):
        (tmp_path / f"{package}.py").write_text("".join(map(CLASS.format, names)))
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {package}:{name}\n" for name in names)
        (info / "entry_points.txt").write_text(f"[segconv.trainers]\n{lines}")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    ("name", "said", "hint"),
    [
        ("Mine", "in one_pkg and in two_pkg", "pip uninstall one_pkg or pip uninstall two_pkg"),
        ("nnUNetTrainerDA5", "in nnunetv2 and in one_pkg", "a name of its own, or pip uninstall one_pkg"),
    ],
)
def test_the_packages_are_named_with_the_cure(name: str, said: str, hint: str, installed: None) -> None:
    with pytest.raises(SegconvError, match=said) as caught:
        find_trainer(name, list_trainers())
    assert caught.value.code == "SC171"
    assert hint in caught.value.hint


def test_all_other_trainers_are_found_as_before(installed: None) -> None:
    known = list_trainers()
    assert find_trainer("nnUNetTrainer", known).home == "nnunetv2"
    assert find_trainer("nnUNetTrainerSegconv_2epochs", known).home == "segconv"
    assert find_trainer("Two", known).home == "two_pkg"
