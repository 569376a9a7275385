"""The commands of docs/combining.md and docs/weights.md work as they are written."""

from __future__ import annotations

import re
import shlex
import shutil
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest

from ...command import Command, Done
from ...documents import ROOT

pytestmark = [pytest.mark.train, pytest.mark.totalseg]

_SHELL = re.compile(r"^```shell\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def run(segconv: Command, line: str) -> Done:
    done = segconv(*shlex.split(line)[1:])
    assert done.code == 0, (line, done.err)
    return done


def lines_of(page: str) -> list[str]:
    (block,) = _SHELL.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
    return block.splitlines()


def test_classes_are_combined(segconv: Command, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    image = nibabel.load(data / "totalseg_small" / "example_seg.nii.gz")
    values = np.asarray(image.dataobj)
    Path("segmentations").mkdir()
    from segconv.train.totalsegmentator.registry import numbering

    for name, value in numbering("total").items():
        mask = nibabel.Nifti1Image((values == value).astype(np.uint8), image.affine)
        nibabel.save(mask, Path("segmentations", f"{name}.nii.gz"))
    for case in ("a", "b"):
        shutil.copytree("segmentations", Path("cases", case))
    groups, one, many = lines_of("combining.md")
    assert "lung_left" in run(segconv, groups).out
    run(segconv, one)
    lung = np.isin(values, range(10, 15))
    assert np.array_equal(np.asarray(nibabel.load("lung.nii.gz").dataobj), lung)
    run(segconv, many)
    assert [path.name for path in sorted(Path("combined").glob("*.nii.gz"))] == ["a.nii.gz", "b.nii.gz"]
    assert np.array_equal(np.asarray(nibabel.load("combined/b.nii.gz").dataobj) == 1, lung)
    (pelvis,) = re.findall(r"`(pelvis=[^`]*)`", (ROOT / "docs" / "combining.md").read_text(encoding="utf-8"))
    run(segconv, f"segconv totalseg combine segmentations -o pelvis.nii.gz {pelvis}")


def test_weights_are_carried(segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from segconv.train.totalsegmentator.weights import needed

    monkeypatch.chdir(tmp_path)
    (model,) = needed("total", "fast")
    own = Path("there", model.folder, model.name)
    (own / "fold_0").mkdir(parents=True)
    with zipfile.ZipFile(own / "fold_0" / "checkpoint_final.pth", "w") as archive:
        archive.writestr("data.pkl", b"weights")
    for name in ("plans.json", "dataset.json"):
        (own / name).write_text('{"configurations": {}}', encoding="utf-8")
    weights, pack, install = lines_of("weights.md")
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", "there")
    run(segconv, weights)
    run(segconv, pack)
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", "here")
    run(segconv, f"{install} --trust-model")  # what has no weights is no checkpoint
    run(segconv, weights)
