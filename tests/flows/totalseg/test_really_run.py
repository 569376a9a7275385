"""``segconv totalseg run`` with TotalSegmentator's own code and models of random weights: one run, looked at."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, ornt_transform

from segconv.cli.main import run
from segconv.convert.conversion import plan_conversion, run_conversion
from segconv.convert.model import ConvertOptions
from segconv.train.totalsegmentator.registry import find_task

from ...train.totalsegmentator.random_models import make_models

pytestmark = [pytest.mark.train, pytest.mark.totalseg]


@dataclass(frozen=True)
class Ran:
    """A folder with ``scans`` and ``out``, and what the command left."""

    folder: Path
    code: int
    variables_kept: bool

    @property
    def output(self) -> Path:
        return self.folder / "out"


WORDS = ("--task", "total", "--fast", "--device", "cpu", "-j", "2", "-q")


@pytest.fixture(scope="module")
def ran(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """A CT, the same in other axes under an odd name, and a cut copy, segmented without a network."""
    folder = tmp_path_factory.mktemp("really")
    make_models(folder / "weights")
    (folder / "scans").mkdir()
    whole = (data / "totalseg_small" / "example_ct_sm.nii.gz").read_bytes()
    (folder / "scans" / "ct.nii.gz").write_bytes(whole)
    (folder / "scans" / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    turned = in_axes(nib.load(folder / "scans" / "ct.nii.gz"), "LPI")
    nib.save(turned, folder / "scans" / "-odd näme (2).v1.nii.gz")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TOTALSEG_WEIGHTS_PATH", str(folder / "weights"))
        patched.setenv("TOTALSEG_HOME_DIR", str(folder / "home"))
        patched.setattr(socket.socket, "connect", refused)
        before = dict(os.environ)
        code = run(["totalseg", "run", str(folder / "scans"), "-o", str(folder / "out"), *WORDS])
        yield Ran(folder, code, dict(os.environ) == before)


def refused(*_: object) -> None:
    raise AssertionError("a connection was attempted")


def in_axes(image: nib.Nifti1Image, codes: str) -> nib.Nifti1Image:
    change = ornt_transform(nib.io_orientation(image.affine), axcodes2ornt(codes))
    turned: nib.Nifti1Image = image.as_reoriented(change)
    return turned


def test_two_label_maps_lie_on_the_grids_of_their_images_and_the_cut_file_fails(ran: Ran) -> None:
    assert ran.code == 1
    assert ran.variables_kept
    assert not (ran.folder / "home").exists()
    labels = {path.name: nib.load(path) for path in ran.output.glob("*.nii.gz")}
    assert sorted(labels) == ["-odd näme (2).v1.nii.gz", "ct.nii.gz"]
    for name, label in labels.items():
        image = nib.load(ran.folder / "scans" / name)
        assert label.shape == image.shape
        assert np.allclose(label.affine, image.affine, atol=1e-4)
    found = [np.asarray(in_axes(label, "RAS").dataobj) for label in labels.values()]
    assert len(np.unique(found[0])) > 2
    assert np.array_equal(*found)


def test_no_connection_was_attempted_and_the_lineage_says_what_segmented(ran: Ran) -> None:
    records = [json.loads(line) for line in (ran.output / "segconv" / "cases.jsonl").read_bytes().splitlines()]
    assert [record["warnings"] for record in records] == [[], []]  # the process reports what it was refused
    options = json.loads((ran.output / "segconv" / "run.json").read_bytes())["options"]
    assert options["request"]["request"]["versions"].keys() == {"TotalSegmentator", "nnunetv2"}
    (made_by,) = options["made_by"]
    assert (made_by["device"], made_by["resampling_order"], made_by["keeps_models"]) == ("cpu", 1, True)
    assert (options["resampled_to_mm"], len(options["models"])) == (3.0, 1)


def test_pairs_and_the_names_in_the_headers_make_a_dataset(ran: Ran, tmp_path: Path) -> None:
    options = ConvertOptions(pairs=ran.output / "pairs.csv", channels=("CT",))
    outcome = run_conversion(plan_conversion(ran.folder / "scans", "42_Pre", raw=tmp_path, options=options))
    assert outcome.done == 2
    names = json.loads((outcome.target / "dataset.json").read_bytes())["labels"]
    records = [json.loads(line) for line in (ran.output / "segconv" / "cases.jsonl").read_bytes().splitlines()]
    values = {int(value) for record in records for value in record["label_voxels"]} - {0}
    assert list(names) == ["background", *(find_task("total").classes[value] for value in sorted(values))]
