"""A conversion starts fast: of segconv's modules, it loads those that its kind of source needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ..kit.sources import KINDS, fresh

TASKS = ("msd", "v1")
VOLUMES = ("msd", "v1", "v2", "pairs", "masks")

SCANS = {
    "png": "convert.scans.pictures",
    "pairs": "convert.scans.volumes",
    "masks": "convert.scans.masks",
    "v2": "convert.scans.datasets",
}
"""Kind of source → module that finds its cases; the Decathlon and nnU-Net v1 have their own."""

RULED_OUT = {"png": "masks", "pairs": "masks", "masks": "pairs"}
"""Kind of source → another that only the names of the files rule out."""

UNUSUAL = (
    "convert.back.restore",
    "convert.left_out",
    "convert.recognise.unknown",
    "dataset.dependents",
    "image.formats.dicom",
    "image.formats.tiff",
    "train.plans",
)
"""Modules that no good source of the kit needs."""


def loaded(source: Path, raw: Path, *options: str) -> set[str]:
    """Return the modules that a conversion loads, without the name of the package."""
    code = "import sys; from segconv.cli.main import run; assert run(sys.argv[1:]) == 0; print(*sys.modules)"
    words = ["convert", str(source), "--to", "9_Made", "--raw", str(raw), "-j", "1", *options]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return {name.removeprefix("segconv.") for name in done.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_conversion_loads_what_its_source_needs(kind: str, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    found = loaded(fresh(tmp_path / "source", kind).root, raw, *KINDS[kind].words)
    assert "convert.write.case" in found, "the cases are converted in this process"
    others = {module for own, module in SCANS.items() if own not in (kind, RULED_OUT.get(kind))}
    assert not found & others
    assert not found & set(UNUSUAL)
    assert not found & {"joblib", "nibabel", "SimpleITK", "PIL", "rich", "nnunetv2", "torch"}
    if kind in VOLUMES:
        assert not found & {"image.formats.png", "convert.write.pictures"}
    else:
        assert not found & {"image.formats.nifti", "image.formats.nrrd", "convert.write.volumes"}


@pytest.mark.parametrize("kind", TASKS)
def test_a_task_needs_no_search_for_pairs_of_files(kind: str, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    found = loaded(fresh(tmp_path / "source", kind).root, raw)
    searching = {name for name in found if name.startswith(("convert.find.", "convert.classes."))}
    assert searching <= {"convert.find.cases", "convert.find.image_folder"}
    assert not found & {"image.picture", "image.formats.nrrd", "convert.labels.found_labels", "dataset.regions"}
