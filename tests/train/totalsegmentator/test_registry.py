"""The tasks and classes of the installed TotalSegmentator, without importing what is heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata

import pytest

from segconv.errors import SegconvError
from segconv.train.totalsegmentator import registry

from ...command import Command


@pytest.mark.train
@pytest.mark.totalseg
@pytest.mark.parametrize("words", [["tasks"], ["classes", "total"], ["classes"], ["weights"]])
def test_the_registry_is_read_without_torch_nnunet_and_numpy(words: list[str]) -> None:
    code = (
        "import sys; from segconv.cli.main import run\n"
        f"code = run({['totalseg', *words, '--json']!r})\n"
        "print(sorted({'torch', 'nnunetv2', 'numpy', 'nibabel'} & set(sys.modules)), code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    found, loaded = done.stdout.splitlines()
    assert loaded == "[] 0"
    said = json.loads(found)
    assert said["totalsegmentator"] == metadata.version("TotalSegmentator")
    if words == ["classes", "total"]:
        assert len(said["classes"]) == 117
        assert (said["classes"]["1"], said["classes"]["117"]) == ("spleen", "costal_cartilages")
    if words == ["tasks"]:
        tasks = {task["name"]: task for task in said["tasks"]}
        assert tasks["total_mr"] == {"name": "total_mr", "modality": "MR", "needs_licence": False, "classes": 50}
        assert tasks["tissue_types"]["needs_licence"]


@pytest.mark.train
@pytest.mark.totalseg
def test_names_are_searched_and_a_wrong_task_brings_similar_ones(segconv: Command) -> None:
    done = segconv("totalseg", "classes", "--search", "*airway*")
    assert done.code == 0
    assert {line.split("\t")[0] for line in done.out.splitlines()[1:]} == {"lung_vessels"}
    assert segconv("totalseg", "tasks", "--search", "LUNG").out.splitlines()[1].startswith("lung_vessels\t")
    wrong = segconv("totalseg", "classes", "lung_vesels")
    assert (wrong.code, wrong.codes()) == (2, ["SC191"])
    assert "lung_vessels" in wrong.err


@pytest.mark.train
@pytest.mark.totalseg
def test_earlier_numberings_are_known() -> None:
    assert registry.numbering("total")["liver"] == 5
    assert registry.numbering("total")["vertebrae_L5"] != registry.numbering("total_v1")["vertebrae_L5"]


def test_without_it_the_extra_is_named_and_a_python_that_is_too_new_is_said(
    segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    for own, word in (((3, 12), "pip install 'segconv[totalseg]'"), ((3, 13), "Python 3.13"), ((4, 0), "Python 4.0")):
        with monkeypatch.context() as patched:
            patched.setattr(sys, "version_info", (*own, 0, "final", 0))
            with pytest.raises(SegconvError) as caught:
                registry.version()
            (found,) = caught.value.findings
            assert found.code == "SC190"
            assert word in f"{found.message} {found.advice[0]}"
    done = segconv("totalseg", "tasks")
    assert (done.code, done.codes()) == (78, ["SC190"])
