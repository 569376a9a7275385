"""The package ships everything it needs."""

from __future__ import annotations

import ast
import importlib.util
import json
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

OF_EXTRAS = ("torch", "nnunetv2", "dynamic_network_architectures", "numba", "distributed", "ray", "submitit")
FOR_EXTRAS = (
    *(f"segconv.train.{room}." for room in ("networks", "planners", "trainers")),
    "segconv.augment.kernels",
    "segconv.work.backends.job_states",
)
LOADING = """
import importlib, json, pkgutil, sys
import segconv

class Absent:
    def find_spec(self, name, *_):
        if (top := name.partition(".")[0]) in sys.argv[1:]:
            raise ModuleNotFoundError(name, name=top)

def lacks(module):
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        return error.name

sys.meta_path.insert(0, Absent())
print(json.dumps({found.name: lacks(found.name) for found in pkgutil.walk_packages(segconv.__path__, "segconv.")}))
"""
"""Load every module where some packages cannot be found; print what each lacks."""


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


def test_every_module_loads_without_what_extras_install_but_those_that_are_for_nothing_else() -> None:
    done = subprocess.run([sys.executable, "-c", LOADING, *OF_EXTRAS], capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert len(found) > 500
    missing = {module: name for module, name in found.items() if name is not None}
    assert set(missing.values()) <= set(OF_EXTRAS)
    assert [module for module in missing if not module.startswith(FOR_EXTRAS)] == []


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
