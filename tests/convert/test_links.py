"""Files that need no change are linked instead of copied."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from fixtures.make_fixtures import msd_ct, msd_tumour, png_shapes
from segconv.dataset.layout import Dataset

from ..command import Command, tree_hash
from .drawn import pair
from .sources.test_masks import totalsegmentator
from .sources.test_pairs import pairs

LINKS = ("none", "hard", "symlink", "external")


def files(made: Path) -> dict[str, Path]:
    """Where the files of training cases are found, by the name that they have in a dataset without links."""
    dataset = Dataset.open(made)
    found = {}
    for case in dataset.cases():
        for channel, path in enumerate(dataset.image_files(case)):
            found[f"{case}_{channel:04d}"] = path
        found[case] = dataset.label_file(case)
    return found


@pytest.mark.parametrize("link", LINKS)
def test_linked_files_are_the_source_and_the_source_stays(link: str, tmp_path: Path, segconv: Command) -> None:
    source = msd_ct(tmp_path / "s")
    before = tree_hash(source)
    assert segconv("convert", source, "--to", "7_A").code == 0
    done = segconv("convert", source, "--to", "8_B", "--link", link)
    assert done.code == 0, done.err
    plain, linked = files(segconv.raw / "Dataset007_A"), files(segconv.raw / "Dataset008_B")
    assert plain.keys() == linked.keys()
    for name, path in linked.items():
        assert path.read_bytes() == plain[name].read_bytes()
        if link != "none":
            original = source / ("imagesTr" if name.endswith("_0000") else "labelsTr") / f"{name[:6]}.nii.gz"
            assert os.path.samefile(path, original)
    image = segconv.raw / "Dataset008_B" / "imagesTr" / "ct_000_0000.nii.gz"
    assert (image.is_symlink(), image.exists()) == (link == "symlink", link != "external")
    test_image = segconv.raw / "Dataset008_B" / "imagesTs" / "ct_004_0000.nii.gz"
    assert test_image.exists(), "predictions need the test images in their folder"
    description = json.loads((segconv.raw / "Dataset008_B" / "dataset.json").read_text())
    assert ("dataset" in description) == (link == "external")
    assert tree_hash(source) == before


@pytest.mark.parametrize("link", LINKS)
def test_what_must_change_is_written_even_if_links_were_asked_for(link: str, tmp_path: Path, segconv: Command) -> None:
    source = msd_tumour(tmp_path / "s")
    done = segconv("convert", source, "--to", "8_B", "--link", link)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset008_B"
    assert len(list((made / "imagesTr").iterdir())) == 12
    assert not any(path.is_symlink() for path in (made / "imagesTr").iterdir())
    if link == "external":
        entry = json.loads((made / "dataset.json").read_text())["dataset"]["tumour_000"]
        assert entry["images"] == [str(made / f"imagesTr/tumour_000_{n:04d}.nii.gz") for n in range(4)]
        assert all(Path(path).is_absolute() and Path(path).is_file() for path in [*entry["images"], entry["label"]])


def test_an_external_dataset_is_augmented_and_converted_again(tmp_path: Path, segconv: Command) -> None:
    source = msd_ct(tmp_path / "s")
    segconv("convert", source, "--to", "8_B", "--link", "external")
    assert segconv("augment", "8", "--to", "108", "--rotate", "180", "--planes", "axial").code == 0
    done = segconv("convert", segconv.raw / "Dataset008_B", "--to", "9_C")
    assert done.code == 0, done.err
    for name, path in files(segconv.raw / "Dataset009_C").items():
        assert path.read_bytes() == files(segconv.raw / "Dataset008_B")[name].read_bytes()
    # A foreign key is not followed unless asked for.
    foreign = segconv.raw / "Dataset010_D"
    foreign.mkdir()
    (foreign / "dataset.json").write_bytes((segconv.raw / "Dataset008_B" / "dataset.json").read_bytes())
    assert segconv("convert", foreign, "--to", "11_E").codes() == ["SC060"]
    assert segconv("convert", foreign, "--to", "11_E", "--allow-external").code == 0


def test_a_finished_case_is_not_done_again_when_it_is_external(tmp_path: Path, segconv: Command) -> None:
    source = msd_ct(tmp_path / "s")
    good = (source / "labelsTr" / "ct_002.nii.gz").read_bytes()
    (source / "labelsTr" / "ct_002.nii.gz").write_bytes(good[:-4])
    assert segconv("convert", source, "--to", "8_B", "--link", "external").code == 65
    (source / "labelsTr" / "ct_002.nii.gz").write_bytes(good)
    done = segconv("convert", source, "--to", "8_B", "--link", "external")
    assert done.code == 0, done.err
    assert "4 of them by an earlier run" in done.err


def test_pictures_are_linked_where_they_are_carried(tmp_path: Path, segconv: Command) -> None:
    source = png_shapes(tmp_path / "s", values=(0, 1, 2))
    assert segconv("convert", source, "--to", "8_B", "--link", "hard").code == 0
    made = segconv.raw / "Dataset008_B"
    assert os.path.samefile(made / "imagesTr/shape-1_0000.png", source / "training/input/shape-1.png")
    assert os.path.samefile(made / "labelsTr/shape-1.png", source / "training/output/shape-1.png")


@pytest.mark.train
@pytest.mark.parametrize("link", ["symlink", "external"])  # to a reader, hard links are files like any other
def test_nnunet_verifies_plans_and_preprocesses_linked_datasets(link: str, tmp_path: Path, segconv: Command) -> None:
    source = msd_ct(tmp_path / "s")
    assert segconv("convert", source, "--to", "8_B", "--link", link).code == 0
    done = segconv("plan", "8", "-c", "3d_fullres", "-j", "1")
    assert done.code == 0, done.err
    folder = segconv.folder / "nnUNet_preprocessed" / "Dataset008_B" / "nnUNetPlans_3d_fullres"
    assert len([p for p in folder.iterdir() if p.name.endswith(".pkl")]) == 4
    truth = segconv.folder / "nnUNet_preprocessed" / "Dataset008_B" / "gt_segmentations"
    theirs = sitk.GetArrayFromImage(sitk.ReadImage(str(source / "labelsTr" / "ct_000.nii.gz")))
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(truth / "ct_000.nii.gz"))), theirs)


SOURCES = {
    "pictures": (lambda root: [pair(root, f"images/c{n}.png", f"masks/c{n}.png", n) for n in range(2)], "images/c1.png"),
    "labels": (lambda root: [pair(root, f"images/c{n}.png", f"masks/c{n}.png", n) for n in range(2)], "masks/c0.png"),
    "volumes": (lambda root: pairs(root, "images/c{n}", "labels/c{n}"), "images/c1.nii.gz"),
    "a task": (lambda root: msd_ct(root.parent / "s").rename(root), "labelsTr/ct_001.nii.gz"),
    "masks": (totalsegmentator, "s0001/segmentations/liver.nii.gz"),
}  # fmt: skip


@pytest.mark.parametrize("kind", SOURCES)
def test_a_link_to_a_file_whose_name_shows_no_format_is_named_with_its_target(
    kind: str, tmp_path: Path, segconv: Command
) -> None:
    make, name = SOURCES[kind]
    root = tmp_path / "my source"
    make(root)
    target = root / ".blobs/3f786850e387550fdab836ed7e6dc881de23001b"  # a store by hash, out of sight
    target.parent.mkdir()
    (root / name).rename(target)
    (root / name).symlink_to(os.path.relpath(target, (root / name).parent))
    done = segconv("convert", root, "--to", "5_A")
    assert (done.code, done.codes()) == (65, ["SC051"]), done.err
    wording = f"{name}: is a link to .blobs/{target.name}, which has no ending of a picture or volume"
    assert wording in done.err
    advised = shlex.split(done.err.split("Hint: ")[1].split(" makes")[0])
    copy = tmp_path / "copy"
    subprocess.run([*advised[:-1], copy], check=True)
    assert segconv("convert", copy, "--to", "5_A").code == 0


def test_a_link_to_a_file_whose_name_shows_its_format_is_followed(tmp_path: Path, segconv: Command) -> None:
    for number in range(2):
        pair(tmp_path / "src", f"images/c{number}.png", f"masks/c{number}.png", number)
    image = tmp_path / "src/images/c1.png"
    store = tmp_path / "src/.blobs/3f78.PNG"
    store.parent.mkdir()
    image.rename(store)
    image.symlink_to(store)
    assert segconv("convert", tmp_path / "src", "--to", "5_A").code == 0
    assert (segconv.raw / "Dataset005_A/imagesTr/c1_0000.png").read_bytes() == store.read_bytes()
