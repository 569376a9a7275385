"""The package ships everything it needs."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import segconv

from .lowest import PROJECT, lowest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"


@pytest.mark.skipif(not SOURCE.is_dir(), reason="the wheel is tested away from its source")
def test_every_folder_with_modules_is_in_the_list_of_packages() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    listed = set(ast.literal_eval(re.search(r"^packages = (\[.*?\])", text, re.M | re.S)[1]))  # type: ignore[index]
    there = {
        ".".join(("segconv", *folder.relative_to(SOURCE).parts))
        for folder in [SOURCE, *SOURCE.rglob("*")]
        if folder.is_dir() and folder.name != "__pycache__" and any(folder.glob("*.py"))
    }
    assert listed == there


@pytest.mark.skipif(os.environ.get("SEGCONV_BARE") != "1", reason="only the bare environment has neither")
def test_the_wheel_works_where_neither_torch_nor_nnunet_is_installed() -> None:
    assert importlib.util.find_spec("torch") is None
    assert importlib.util.find_spec("nnunetv2") is None
    assert "site-packages" in str(segconv.__file__)


def test_the_public_names_are_there_and_load_lazily() -> None:
    code = (
        "import sys, segconv; assert 'numpy' not in sys.modules; [getattr(segconv, name) for name in segconv.__all__]"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    with pytest.raises(AttributeError):
        segconv.nothing  # noqa: B018


def test_each_dependency_has_a_lower_bound_that_is_tried() -> None:
    text = PROJECT.read_text(encoding="utf-8")
    declared = re.search(r"^dependencies = \[(.*?)\]", text, re.DOTALL | re.MULTILINE)
    assert declared is not None
    bounds = lowest(text, "dependencies")
    assert len(bounds) == declared[1].count("\n") - 1 > 10
    assert all(re.fullmatch(r"[\w.-]+==[\d.]+", bound) for bound in bounds)
