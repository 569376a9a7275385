"""What a dataset's files were when something was made from them, and what changed since."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from segconv.dataset.layout import Dataset
from segconv.errors import SegconvError
from segconv.train.inputs import FINGERPRINT, Changes, changes_since, newer_than, recorded

from ..review import datasets


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return datasets.volumes(tmp_path / "raw", cases=2)


@pytest.fixture
def folder(tmp_path: Path, raw: Path) -> Path:
    """A preprocessed dataset, made of two cases."""
    folder = tmp_path / "preprocessed"
    with recorded(Dataset.open(raw), folder):
        (folder / "cases").mkdir(parents=True)
        (folder / FINGERPRINT).write_text("{}")
    return folder


def changes(raw: Path, folder: Path, product: str = "cases") -> Changes | None:
    return changes_since(Dataset.open(raw), folder, product)


def test_what_is_unchanged_is_so_whatever_its_time_says(raw: Path, folder: Path) -> None:
    for path in raw.rglob("*.nii.gz"):
        os.utime(path)
    assert changes(raw, folder) == changes(raw, folder, FINGERPRINT) == Changes()
    assert not changes(raw, folder)


def test_files_that_were_added_removed_or_edited_are_named(raw: Path, folder: Path) -> None:
    (raw / "imagesTr" / "c0_0000.nii.gz").unlink()
    label = raw / "labelsTr" / "c1.nii.gz"
    data = bytearray(label.read_bytes())
    data[-1] ^= 1
    label.write_bytes(data)
    (raw / "imagesTr" / "c9_0000.nii.gz").write_bytes(b"9")
    found = changes(raw, folder)
    assert found == Changes(
        added=("imagesTr/c9_0000.nii.gz", "labelsTr/c9.nii.gz"),
        removed=("imagesTr/c0_0000.nii.gz", "labelsTr/c0.nii.gz"),
        changed=("labelsTr/c1.nii.gz",),
    )


def test_only_what_was_made_again_counts_as_new(raw: Path, folder: Path) -> None:
    image = raw / "imagesTr" / "c0_0000.nii.gz"
    image.write_bytes(image.read_bytes() + b"0")
    with recorded(Dataset.open(raw), folder):
        (folder / "cases").rmdir()
        (folder / "cases").mkdir()
    assert changes(raw, folder) == Changes()
    assert changes(raw, folder, FINGERPRINT) == Changes(changed=("imagesTr/c0_0000.nii.gz",))


def test_what_failed_is_not_recorded_and_what_nnunet_made_neither(raw: Path, folder: Path) -> None:
    def fail() -> None:
        with recorded(Dataset.open(raw), folder):
            (folder / "more").mkdir()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert changes(raw, folder, "more") is None


def test_a_damaged_record_is_named(raw: Path, folder: Path) -> None:
    record = folder / "segconv" / "cases.json"
    record.write_text('{"files": {"a": {"size": -1}}}')
    with pytest.raises(SegconvError) as caught:
        changes(raw, folder)
    assert (caught.value.code, caught.value.file) == ("SC086", str(record))


def test_newer_files_are_found_by_their_time(raw: Path) -> None:
    dataset = Dataset.open(raw)
    late = raw / "labelsTr" / "c1.nii.gz"
    os.utime(late, ns=(0, 10))
    for path in raw.rglob("*.nii.gz"):
        if path != late:
            os.utime(path, ns=(0, 5))
    assert newer_than(dataset, {"c0": 5, "c1": 5}) == ["labelsTr/c1.nii.gz"]
    assert newer_than(dataset, {"c0": 5, "c1": 10}) == []
