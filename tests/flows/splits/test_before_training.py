"""Before a training: folds that leak are refused unless that is allowed, and no image is read twice."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from segconv.dataset.layout import Dataset
from segconv.errors import Cure, Finding, SegconvError
from segconv.flows.ready import make_ready
from segconv.flows.splits import contents
from segconv.train.model import Model

from ..test_ready import CASES, NAME, Place

HELD_OUT = [
    {"train": CASES[:2], "val": [CASES[2]]},
    {"train": [CASES[0], CASES[2]], "val": [CASES[1]]},
    {"train": CASES[1:3], "val": [CASES[0]]},
    {"train": CASES[:3], "val": CASES[3:]},
]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def alike(place: Place, one: str, other: str) -> None:
    """Give a case the image of another one, in another type; nnU-Net's own folds validate it in another fold."""
    import nibabel as nib
    import numpy as np

    image: Any = nib.load(place.raw / "imagesTr" / f"{one}_0000.nii.gz")
    scaled = np.asanyarray(image.dataobj).astype(np.float32) * 2 + 5
    path = place.raw / "imagesTr" / f"{other}_0000.nii.gz"
    before = os.stat(path)
    nib.save(nib.Nifti1Image(scaled, image.affine), path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def ready(place: Place, *folds: str, allow: bool = False) -> list[Finding]:
    return make_ready(Dataset.open(place.raw), Model(NAME, "full"), folds or ("0",), place.paths, allow_leaks=allow)


def refusal(place: Place, *folds: str) -> tuple[Finding, ...]:
    with pytest.raises(SegconvError) as caught:
        ready(place, *folds)
    return caught.value.findings


def read_by(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of files that are read from now on."""
    names: list[str] = []
    read = contents._read

    def reading(wanted: Any) -> contents.Content:
        names.append(Path(wanted.path).name)
        return read(wanted)

    monkeypatch.setattr(contents, "_read", reading)
    return names


def test_near_identical_images_on_both_sides_are_refused_and_can_be_allowed(place: Place) -> None:
    (place.folder / "segconv" / "cases.json").unlink()  # that the image changed since is another finding
    (place.folder / "segconv" / "dataset_fingerprint.json").unlink()
    alike(place, "c1", "c3")
    found = refusal(place)
    assert {finding.code for finding in found} == {"SC095"}
    assert all("near-identical to one in training: c" in finding.message for finding in found)
    assert found[0].cures == (Cure.of("make_splits", dataset=7), Cure.of("allow_leaks"))
    assert not place.splits.exists(), "nothing is written by a refusal"
    assert {finding.code for finding in ready(place, allow=True) if "near-identical" in finding.message} == {"SC095"}
    kept = json.loads((place.folder / "segconv" / "leak_certificate.json").read_text(encoding="utf-8"))
    assert kept["certificate"]["verdict"] == "leaks"
    assert kept["certificate"]["groups"]["of_several_cases"] == [["c1", "c3"]]


def test_files_are_read_once_and_again_only_if_they_changed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    names = read_by(monkeypatch)
    assert ready(place) == []
    assert len(names) == len(set(names)) == 1 + 2 * len(CASES), "dataset.json, images and labels"
    names.clear()
    assert ready(place, "1", "2") == []
    assert names == []
    path = place.raw / "imagesTr" / "c4_0000.nii.gz"
    os.utime(path, ns=(0, os.stat(path).st_mtime_ns + 1))
    assert ready(place) == []
    assert names == [path.name]


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"format": 2, "files": {}}', b'{"format": 1, "files": {"x": {}}}'])
def test_a_damaged_record_is_made_again(data: bytes, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ready(place) + ready(place) == [], "the first one writes the folds"
    path = place.folder / "segconv" / "leak_certificate.json"
    whole = path.read_bytes()
    path.write_bytes(data)
    names = read_by(monkeypatch)
    assert ready(place) == []
    assert (len(names), path.read_bytes()) == (1 + 2 * len(CASES), whole)


def test_a_forged_hash_is_not_believed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ready(place) == []
    path = place.folder / "segconv" / "leak_certificate.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    kept["files"]["imagesTr/c0_0000.nii.gz"]["look"] = "8x8x8:00"
    path.write_text(json.dumps(kept), encoding="utf-8")
    names = read_by(monkeypatch)
    assert ready(place) == []
    assert len(names) == 1 + 2 * len(CASES)


def test_a_model_on_all_cases_would_be_trained_on_those_held_out(place: Place) -> None:
    place.splits.write_text(json.dumps(HELD_OUT), encoding="utf-8")
    assert ready(place, "0", "3") == []
    found = refusal(place, "all")
    assert [(finding.code, finding.cures[0]) for finding in found] == [("SC216", Cure.of("train_held_out", fold=3))]
    assert "trains on what is held out, 2 cases that fold 3 validates" in found[0].message
    assert [(finding.code, finding.severity) for finding in ready(place, "all", allow=True)] == [("SC216", "warning")]


def test_a_file_that_is_not_read_stops_no_training(place: Place, tmp_path: Path) -> None:
    path = place.raw / "imagesTr" / "c4_0000.nii.gz"
    path.rename(tmp_path / "elsewhere.nii.gz")
    path.symlink_to(tmp_path / "elsewhere.nii.gz")
    assert [(finding.code, finding.severity) for finding in ready(place)] == [("SC217", "warning")]
    folds = [{"train": CASES, "val": [CASES[0]]}]
    place.splits.write_text(json.dumps(folds), encoding="utf-8")
    assert [finding.code for finding in refusal(place) if finding.severity == "error"] == ["SC095"]
