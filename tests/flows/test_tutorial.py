"""The commands of docs/tutorial.md work in their order, on a few cases of Hippocampus."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from ..command import Command
from ..documents import ROOT
from ..train.really_trained import DATASET, MODELS, ReallyTrained

pytestmark = pytest.mark.train

PAGE = ROOT / "docs" / "tutorial.md"
_BLOCK = re.compile(r"^```shell\n(.*?)^```$", re.DOTALL | re.MULTILINE)
QUICKLY = {"train": ["--device", "cpu"], "infer": ["--device", "cpu", "--no-mirroring", "-j", "1"], "plan": ["-j", "1"]}


def test_every_command_of_the_tutorial_works(
    data: Path, really_trained: ReallyTrained, segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for word in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{word}", str(tmp_path / "work" / f"nnUNet_{word}"))
    shutil.copytree(data / "Task04_Hippocampus_mini", "Task04_Hippocampus", copy_function=shutil.copyfile)
    results = tmp_path / "work" / "nnUNet_results" / DATASET
    typed = []
    for line in "".join(_BLOCK.findall(PAGE.read_text(encoding="utf-8"))).splitlines():
        program, *words = shlex.split(line)
        if program != "segconv":
            continue
        if words[0] == "train" and not results.exists():  # training takes too long here, and is tested elsewhere
            for name in MODELS:
                model = really_trained.model(name)
                shutil.copytree(model, results / model.name)
        done = segconv(*words, *QUICKLY.get(words[0], []))
        assert done.code == 0, (line, done.err)
        if words[0] == "train":
            assert "fold 0: was trained and validated before" in done.err
        typed.append(words)
    assert {words[0] for words in typed} >= {"paths", "convert", "plan", "train", "best", "infer", "labels", "nnunet"}
