"""What was done to images before training is remembered over later runs and applied to inputs of a model."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from segconv.convert.inputs import as_converted, plan_inputs, run_inputs
from segconv.dataset.layout import Dataset
from segconv.dataset.lineage import RESTORED, manifest
from segconv.dataset.prepared import Prepared
from segconv.dataset.runs import RunRecord
from segconv.work.plan import Target

from ..command import Command
from .oracles import ct

LATER = {
    "nothing": (),
    "converted again": ("convert", "{source}", "--to", "6_B", "--channels", "CT"),
    "repaired": ("repair", "5", "--to", "6_B"),
    "augmented": ("augment", "5", "--to", "6_B", "--copies", "1", "--rotate-range", "5"),
    "labels merged": ("labels", "remap", "5", "--to", "6_B", "--map", "2=class_1"),
}


def lps(path: Path, number: int) -> None:
    """Write the image of a case as most scanners have it, with a voxel that is infinite."""
    array = ct(number).images[0].array.T.astype(np.float32)
    array[0, 0, 0] = np.inf
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, np.diag([-1.0, -1, 2, 1])), path)


@pytest.mark.parametrize("later", LATER)
def test_inputs_are_prepared_as_the_first_run_prepared_its_images(later: str, tmp_path: Path, segconv: Command) -> None:
    for number in range(2):
        lps(tmp_path / f"s/images/c{number}.nii.gz", number)
        label = ct(number).label.array.T.astype(np.uint8)
        (tmp_path / "s/labels").mkdir(exist_ok=True)
        nib.save(nib.Nifti1Image(label, np.diag([-1.0, -1, 2, 1])), tmp_path / f"s/labels/c{number}.nii.gz")
    done = segconv(
        "convert", tmp_path / "s", "--to", "5_A", "--channels", "CT", "--repair", "orientation", "--nonfinite=-1000"
    )
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset005_A"
    if LATER[later]:
        done = segconv(*(word.format(source=made) for word in LATER[later]))
        assert done.code == 0, done.err
        made = segconv.raw / "Dataset006_B"
    dataset = Dataset.open(made)
    lps(tmp_path / "new/x.nii.gz", 7)
    target = Target(tmp_path / "out", "out", manifest(*RESTORED))
    run_inputs(plan_inputs(tmp_path / "new", dataset.description, target, as_converted(dataset.run)))
    image = nib.load(target.staging / "imagesTs/x_0000.nii.gz")
    assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
    assert np.asarray(image.dataobj)[-1, -1, 0] == -1000


def test_what_an_older_lineage_does_not_say_is_taken_from_its_options() -> None:
    run = RunRecord({"options": {"repair": ["resample"], "nonfinite": 3, "drop_alpha": True}})
    assert Prepared.by(run) == Prepared(("resample",), 3.0, False, True)
    assert Prepared.by(RunRecord(json.loads('{"options": {"repair": "resample", "nonfinite": "x"}}'))) == Prepared()
    assert Prepared.by(None) == Prepared()


def test_the_second_run_does_not_see_what_the_first_replaced() -> None:
    first, second = Prepared(("orientation",), -1000.0), Prepared(("resample", "orientation"), 0.0, True)
    assert first.then(second) == Prepared(("orientation", "resample"), -1000.0, True)
