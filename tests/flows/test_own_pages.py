"""The classes and commands of docs/own-networks.md and docs/own-planners.md work as they are written."""

from __future__ import annotations

import json
import re
import shlex
import site
from pathlib import Path

import pytest

from ..command import Command
from ..documents import ROOT
from ..train.really_trained import DATASET, ReallyTrained

pytestmark = pytest.mark.train

_CLASS, _SHELL = (re.compile(rf"^```{kind}\n(.*?)^```$", re.DOTALL | re.MULTILINE) for kind in ("py", "shell"))


def test_the_pages_work_as_written(
    really_trained: ReallyTrained, segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = really_trained.copied_to(tmp_path / "world")
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    folder = made.root / "nnUNet_preprocessed" / DATASET
    package = tmp_path / "installed" / "my_pkg"  # in place of `pip install -e`
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(package.parent))
    typed = []
    for page, module in (("own-networks", "nets"), ("own-planners", "planners")):
        text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
        (package / f"{module}.py").write_text("".join(_CLASS.findall(text)), encoding="utf-8")
        for line in "".join(_SHELL.findall(text)).splitlines():
            program, *words = shlex.split(line)
            if program == "segconv" and words[0] != "train":
                quick = ["--no-check", "-j", "1", "-c", "2d"] if words[0] == "plan" else []
                done = segconv(*words, *quick)
                assert done.code == 0, (line, done.err)
                typed.append(words[0])
    assert typed == ["plans", "plan"]
    plans = json.loads((folder / "nnUNetPlans.json").read_text())
    assert plans["configurations"]["2d_mine"]["architecture"]["network_class_name"] == "my_pkg.nets.MyUNet"
    found = json.loads((folder / "nnUNetPlansBigPatch.json").read_text())
    assert found["configurations"]["3d_fullres"]["patch_size"] == [96, 192, 192]
