"""Hints of `repair` work as typed: its own options, or a complete command where only convert has them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from fixtures.make_fixtures import write_nifti
from segconv.cli.repair import command
from segconv.dataset.phantoms import ct

from ..command import Command

OWN = {name for option in command.params for name in option.opts}


@pytest.fixture
def dataset(segconv: Command) -> Path:
    root = segconv.raw / "Dataset042_S"
    for number in range(5):
        phantom = ct(number, size=(16, 14, 8))
        write_nifti(root / f"imagesTr/c{number}_0000.nii.gz", [phantom.images[0]])
        write_nifti(root / f"labelsTr/c{number}.nii.gz", [phantom.label])
    describe(root, ".nii.gz")
    return root


def describe(root: Path, ending: str, **more: object) -> None:
    described = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "organ": 1, "vessel": 2, "cyst": 3}}
    (root / "dataset.json").write_text(json.dumps({**described, "numTraining": 5, "file_ending": ending, **more}))


def moved(path: Path, affine: np.ndarray) -> None:
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine @ image.affine), path)


def wrong_header(root: Path) -> None:
    shift = np.eye(4)
    shift[0, 3] = 20
    moved(root / "labelsTr/c0.nii.gz", shift)


def no_label(root: Path) -> None:
    (root / "labelsTr/c0.nii.gz").unlink()


def undeclared(root: Path) -> None:
    describe(root, ".nii.gz", labels={"background": 0, "organ": 1, "vessel": 2})


def pages(root: Path) -> None:
    for path in [*root.glob("imagesTr/*"), *root.glob("labelsTr/*")]:
        array = np.asarray(nib.load(path).dataobj).T
        array = array.astype(np.uint8) if path.parent.name == "labelsTr" else (array + 2000).astype(np.uint16)
        first, *rest = map(Image.fromarray, array)
        first.save(str(path).replace(".nii.gz", ".tif"), save_all=True, append_images=rest)
        path.unlink()
    describe(root, ".tif")


@pytest.mark.parametrize("keep_going", [(), ("--keep-going",)])
@pytest.mark.parametrize(
    ("break_it", "advised", "more"),
    [
        (wrong_header, "--repair header", ""),
        (no_label, "segconv convert {source} --to 43 --unlabelled skip|test", ""),
        (undeclared, "segconv convert {source} --to 43 --map 3=NAME", ""),
        (pages, "segconv convert {source} --to 43 --from pairs --spacing X,Y,Z", "--accept-labels"),
    ],
)
def test_what_repair_advises_works_as_typed(
    dataset: Path,
    segconv: Command,
    break_it: Callable[[Path], None],
    advised: str,
    more: str,
    keep_going: tuple[str, ...],
) -> None:
    break_it(dataset)
    done = segconv("repair", "42", "--to", "43", *keep_going, "--json")
    assert done.code in (1, 65)
    hint = next(found["hint"] for found in done.json["findings"] if found["severity"] == "error")
    advised = advised.format(source=dataset)
    assert advised in hint
    for option in re.findall(r"--[a-z-]+", hint.replace(advised, "").split("segconv ")[0]):
        assert option in OWN
    if keep_going and done.code == 1:
        return  # the others were made
    typed = advised.replace("skip|test", "skip").replace("X,Y,Z", "1,1,1").replace("NAME", "organ")
    words = shlex.split(typed)
    said = words[1:] if words[0] == "segconv" else ["repair", "42", "--to", "43", *words]
    done = segconv(*said, *shlex.split(more), "--restart")
    assert done.code == 0, done.err


def test_axes_that_no_rotation_is_near_to_are_not_advised_the_repair_that_refuses_them(
    dataset: Path, segconv: Command
) -> None:
    for shear, helps in ((0.05, True), (5, False)):
        affine = np.eye(4)
        affine[0, 1] = shear
        for folder in ("imagesTr/c0_0000", "labelsTr/c0"):
            path = dataset / f"{folder}.nii.gz"
            nib.save(nib.Nifti1Image(np.asarray(nib.load(path).dataobj), affine), path)
        done = segconv("convert", dataset, "--to", "43")
        assert done.codes()[0] == "SC057"
        assert ("--repair orthonormal" in done.err) is helps
        done = segconv("repair", "42", "--to", "44")
        assert (done.code == 0) is helps
        assert "--repair orthonormal" not in done.err
