"""The commands of docs/totalsegmentator.md work in their order, with a stand-in for TotalSegmentator's process."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from segconv.dataset.phantoms import ct

from ...command import Command
from ...convert.oracles import description, write
from ...documents import ROOT
from ...train.totalsegmentator.stand_in import StandIn

pytestmark = [pytest.mark.train, pytest.mark.totalseg]

PAGE = ROOT / "docs" / "totalsegmentator.md"
_BLOCK = re.compile(r"^```shell\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_every_command_of_the_page_works(tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    StandIn(tmp_path / "stand-in").install(monkeypatch)
    monkeypatch.chdir(tmp_path)
    for word in ("raw", "preprocessed", "results"):
        (tmp_path / "work" / f"nnUNet_{word}").mkdir(parents=True)
        monkeypatch.setenv(f"nnUNet_{word}", str(tmp_path / "work" / f"nnUNet_{word}"))
    for number in range(3):
        write(tmp_path / f"scans/ct-{number}.nii.gz", ct(number).images[0])
    typed = []
    for line in "".join(_BLOCK.findall(PAGE.read_text(encoding="utf-8"))).splitlines():
        program, *words = shlex.split(line)
        assert program == "segconv"
        done = segconv(*words, *(["--device", "cpu"] if words[:2] == ["totalseg", "run"] else []))
        assert done.code == 0, (line, done.err)
        typed.append(" ".join(words[:2] if words[0] == "totalseg" else words[:1]))
    assert {*typed} == {
        "totalseg run",
        "check",
        "view",
        "convert",
        "restore",
        "totalseg combine",
        "totalseg groups",
        "evaluate",
    }
    assert len(list(Path("pictures").glob("*.png"))) == 3
    raw = tmp_path / "work" / "nnUNet_raw"
    for name in ("Dataset042_Organs", "Dataset043_Corrected", "Dataset044_Masks"):
        assert description(raw / name)["labels"] == {"background": 0, "liver": 1}
    assert sorted(path.name for path in Path("lungs").glob("*.nii.gz")) == [f"ct-{n}.nii.gz" for n in range(3)]
