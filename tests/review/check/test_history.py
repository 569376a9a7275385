"""Files that changed since a dataset was made: linked files, its own, and labels corrected by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from fixtures.make_fixtures import msd_ct, msd_tumour
from segconv.dataset.layout import Dataset
from segconv.errors import Finding
from segconv.review.check.dataset_check import check_dataset

from ...command import Command

LINKS = ("hard", "symlink", "external")
SIZE = (10, 9, 8)


def corrected(label: Path) -> None:
    """Change one voxel in place, as an editor does."""
    image = nib.load(label)
    array = np.asarray(image.dataobj).copy()
    array[0, 0, 0] = 1 - array[0, 0, 0]
    data = nib.Nifti1Image(array, image.affine, image.header).to_bytes()
    with label.open("r+b") as file:
        file.truncate()
        file.write(gzip.compress(data, mtime=0) if label.name.endswith(".gz") else data)


def changed(root: Path, **how: bool) -> list[Finding]:
    return [found for found in check_dataset(root, **how).findings if found.code in ("SC033", "SC012")]


@pytest.fixture
def ct(tmp_path: Path, segconv: Command) -> Path:
    """A dataset of files that another may link to."""
    assert segconv("convert", msd_ct(tmp_path / "src", cases=2, tests=1, size=SIZE), "--to", "7_Ct").code == 0
    return segconv.raw / "Dataset007_Ct"


def linked(segconv: Command, ct: Path, link: str) -> Path:
    done = segconv("convert", ct, "--to", "8_Linked", "--link", link)
    assert done.code == 0, done.err
    root = segconv.raw / "Dataset008_Linked"
    assert changed(root) == []
    return root


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("part", ["label", "image", "test image"])
def test_a_linked_file_that_was_edited_is_an_error(link: str, part: str, ct: Path, segconv: Command) -> None:
    root = linked(segconv, ct, link)
    edited = ct / {
        "label": "labelsTr/ct_001.nii.gz", "image": "imagesTr/ct_001_0000.nii.gz", "test image": "imagesTs/ct_002_0000.nii.gz"
    }[part]  # fmt: skip
    corrected(edited)
    (found,) = changed(root)
    assert (found.code, found.severity) == ("SC033", "error")
    assert found.file == (str(edited) if link == "external" and part != "test image" else str(edited.relative_to(ct)))
    assert "restore it" in found.hint
    done = segconv("check", "8")
    assert (done.code, done.codes()) == (1, ["SC033"])
    assert edited.name in done.err
    assert segconv("plan", "8").codes() == ["SC033"], "nothing is planned with it"


@pytest.mark.parametrize("link", LINKS)
def test_another_size_is_seen_without_reading(link: str, ct: Path, segconv: Command) -> None:
    root = linked(segconv, ct, link)
    with (ct / "labelsTr" / "ct_000.nii.gz").open("ab") as file:
        file.write(b"0")
    assert [(found.code, found.severity) for found in changed(root, quick=True)] == [("SC033", "error")]


def test_a_pair_that_was_linked_from_elsewhere_is_proved_as_well(tmp_path: Path, segconv: Command) -> None:
    source = msd_ct(tmp_path / "src", cases=2, tests=1, size=SIZE)
    assert segconv("convert", source, "--to", "8_Linked", "--link", "external").code == 0
    assert (
        segconv("augment", "8", "--to", "108_Aug", "--rotate", "180", "--planes", "axial", "--link", "external").code
        == 0
    )
    corrected(source / "labelsTr" / "ct_001.nii.gz")
    for name in ("Dataset008_Linked", "Dataset108_Aug"):
        found = changed(segconv.raw / name)
        assert [(one.code, one.severity, Path(one.file).name) for one in found] == [("SC033", "error", "ct_001.nii.gz")]


@pytest.mark.parametrize("link", LINKS[1:])
def test_a_dataset_that_was_made_again_is_named_where_files_differ_or_are_gone(
    link: str, ct: Path, tmp_path: Path, segconv: Command
) -> None:
    root = linked(segconv, ct, link)
    other = msd_ct(tmp_path / "other", cases=2, tests=0, size=SIZE)
    for folder in ("imagesTr", "labelsTr"):
        (other / folder / "ct_001.nii.gz").rename(other / folder / "ct_009.nii.gz")
        corrected(other / folder / "ct_000.nii.gz")
    listed = other / "dataset.json"
    listed.write_text(listed.read_text().replace("ct_001", "ct_009"))
    done = segconv("convert", other, "--to", "7_Ct", "--overwrite", "--force")
    assert done.code == 0, done.err
    found = changed(root)
    differ = [one for one in found if one.code == "SC033"]
    gone = [one for one in found if one.code == "SC012"]
    assert {Path(one.file).name for one in differ} == {"ct_000_0000.nii.gz", "ct_000.nii.gz"}
    assert {Path(one.file).name for one in gone} >= {"ct_001_0000.nii.gz", "ct_001.nii.gz"}
    assert all(one.severity == "error" for one in found)
    assert all("Dataset007_Ct, to which it belongs, was made again or edited since" in one.message for one in found)


def test_a_broken_link_is_named_with_its_target(ct: Path, segconv: Command) -> None:
    root = linked(segconv, ct, "symlink")
    (ct / "labelsTr" / "ct_000.nii.gz").unlink()
    (found,) = changed(root)
    assert (found.code, found.file) == ("SC012", "labelsTr/ct_000.nii.gz")
    assert str(ct / "labelsTr" / "ct_000.nii.gz") in found.message


def test_a_label_of_its_own_may_be_corrected(ct: Path, segconv: Command) -> None:
    label = ct / "labelsTr" / "ct_001.nii.gz"
    corrected(label)
    report = check_dataset(ct)
    assert report.ok
    assert [(f.code, f.severity, f.file) for f in report.findings if f.code == "SC033"] == [
        ("SC033", "warning", "labelsTr/ct_001.nii.gz")
    ]
    done = segconv("check", "7")
    assert done.code == 0
    assert "Warning SC033: labelsTr/ct_001.nii.gz: " in done.err
    assert segconv("check", "7", "--strict").code == 1
    assert segconv("convert", ct, "--to", "9_Again").code == 0
    assert changed(segconv.raw / "Dataset009_Again") == [], "which records it"


def test_files_written_again_are_copies_despite_links(tmp_path: Path, segconv: Command) -> None:
    source = msd_tumour(tmp_path / "src", cases=1, tests=0, size=SIZE)
    assert segconv("convert", source, "--to", "8_Linked", "--link", "hard").code == 0
    root = segconv.raw / "Dataset008_Linked"
    label = root / "labelsTr" / "tumour_000.nii.gz"
    lent = label.stat().st_nlink > 1
    corrected(label)
    assert [(f.severity, f.file) for f in changed(root)] == [
        ("error" if lent else "warning", "labelsTr/tumour_000.nii.gz")
    ]
    corrected(root / "imagesTr" / "tumour_000_0001.nii.gz")
    assert ("error", "imagesTr/tumour_000_0001.nii.gz") in [(f.severity, f.file) for f in changed(root)]


def test_nothing_is_proved_of_files_that_no_lineage_knows(ct: Path, segconv: Command) -> None:
    root = linked(segconv, ct, "external")
    (root / "segconv" / "cases.jsonl").unlink()
    corrected(ct / "labelsTr" / "ct_001.nii.gz")
    assert changed(root) == []
    assert len(Dataset.open(root).cases()) == 2
