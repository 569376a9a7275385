"""How far apart the grids of one case may be: equal, aligned with a warning, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from fixtures.phantoms import tumour

from ..command import Command, Done
from .oracles import SIZE, ct, voxels, write

KINDS = ("pairs", "masks", "msd")


def source(root: Path, kind: str, ending: str = ".nii.gz") -> tuple[Path, str, str]:
    """Write three cases; return the source, and the image and the label of the second."""
    for number in range(3):
        phantom = ct(number)
        image, label = places(kind, number, ending)
        write(root / image, phantom.images[0])
        if kind == "masks":
            write(root / f"s{number}" / f"kidney{ending}", phantom.label, (phantom.label.array == 2).astype(np.uint8))
            write(root / label, phantom.label, (phantom.label.array == 1).astype(np.uint8))
        else:
            write(root / label, phantom.label)
    if kind == "msd":
        (root / "dataset.json").write_text(
            '{"modality": {"0": "CT"}, "labels": {"0": "background", "1": "a", "2": "b", "3": "c"},'
            ' "numTraining": 3, "training": ['
            + ", ".join(f'{{"image": "./imagesTr/c{n}.nii.gz", "label": "./labelsTr/c{n}.nii.gz"}}' for n in range(3))
            + "]}"
        )
    return root, *places(kind, 1, ending)


def places(kind: str, number: int, ending: str = ".nii.gz") -> tuple[str, str]:
    image, label = {
        "pairs": ("images/c{n}", "masks/c{n}"),
        "masks": ("s{n}/ct", "s{n}/liver"),
        "msd": ("imagesTr/c{n}", "labelsTr/c{n}"),
    }[kind]
    return image.format(n=number) + ending, label.format(n=number) + ending


def convert(segconv: Command, root: Path, kind: str, *words: object) -> Done:
    return segconv("convert", root, "--to", "5_A", "--from", kind, *words)


def refuses(done: Done, code: str, file: str) -> bool:
    return done.code == 65 and f"Error {code}: {file}: " in done.err


def grid(change: Callable[[sitk.Image], object]) -> Callable[[Path], None]:
    """Return what changes the header of a file."""

    def changed(path: Path) -> None:
        image = sitk.ReadImage(str(path))
        change(image)
        sitk.WriteImage(image, str(path))

    return changed


def four_channels(root: Path) -> Path:
    for number in range(3):
        phantom = tumour(number, size=SIZE)
        for channel, volume in enumerate(phantom.images):
            write(root / "images" / f"c{number}_{channel:04d}.nii.gz", volume)
        write(root / "labels" / f"c{number}.nii.gz", phantom.label)
    return root


@pytest.mark.parametrize(
    ("voxels_apart", "outcome"),
    [(0.0, "equal"), (0.008, "equal"), (0.03, "warned"), (0.09, "warned"), (0.2, "refused")],
)
@pytest.mark.parametrize(
    ("kind", "ending"), [(kind, ".nii.gz") for kind in KINDS] + [("pairs", ".mha"), ("masks", ".mha")]
)
def test_grids_that_are_a_little_apart(
    tmp_path: Path, segconv: Command, kind: str, ending: str, voxels_apart: float, outcome: str
) -> None:
    root, image, label = source(tmp_path / "src", kind, ending)
    step = min(ct(1).label.geometry.spacing_mm) * voxels_apart
    grid(lambda i: i.SetOrigin([i.GetOrigin()[0] + step, *i.GetOrigin()[1:]]))(root / label)
    if outcome == "refused":
        assert refuses(convert(segconv, root, kind), "SC083", label)
        assert convert(segconv, root, kind, "--label-header", "image").code == 0
    else:
        done = convert(segconv, root, kind)
        assert done.code == 0, done.err
        assert (f"Warning SC093: {label}: was 0.0" in done.err) == (outcome == "warned")
    made = segconv.raw / "Dataset005_A"
    name = Path(image).parent.name if kind == "masks" else "c1"
    written = made / "labelsTr" / f"{name}.nii.gz"
    ours, theirs = sitk.ReadImage(str(written)), sitk.ReadImage(str(root / image))
    apart = np.linalg.norm(np.array(ours.GetOrigin()) - np.array(theirs.GetOrigin())) / min(theirs.GetSpacing())
    assert apart <= 0.01, "whatever was allowed, the written label is on the grid of its image"


@pytest.mark.parametrize(("voxels_apart", "outcome"), [(0.008, "equal"), (0.05, "warned"), (0.2, "refused")])
def test_channels_that_are_a_little_apart(tmp_path: Path, segconv: Command, voxels_apart: float, outcome: str) -> None:
    root = four_channels(tmp_path / "src")
    file = "images/c1_0002.nii.gz"
    grid(lambda i: i.SetOrigin([voxels_apart * i.GetSpacing()[0], 0, 0]))(root / file)
    if outcome == "refused":
        done = convert(segconv, root, "pairs")
        assert refuses(done, "SC083", file)
        assert "--label-header" not in done.err
        return
    for words in ((), ("--no-verify-source", "--overwrite")):
        done = convert(segconv, root, "pairs", *words)
        assert done.code == 0, done.err
        assert (f"Warning SC093: {file}: was 0.05 voxels off" in done.err) == (outcome == "warned")
        made = segconv.raw / "Dataset005_A" / "imagesTr"
        ours, first = (sitk.ReadImage(str(made / f"c1_{n:04d}.nii.gz")) for n in (2, 0))
        assert abs(ours.GetOrigin()[0] - first.GetOrigin()[0]) <= (0 if outcome == "warned" else 0.01)
        assert np.array_equal(sitk.GetArrayFromImage(ours), voxels(root / file))


@pytest.mark.parametrize("kind", KINDS)
def test_spacings_rounded_differently_become_what_nnunet_accepts(tmp_path: Path, segconv: Command, kind: str) -> None:
    root, image, label = source(tmp_path / "src", kind)
    grid(lambda i: i.SetSpacing([s * (1 + 5e-5) for s in i.GetSpacing()]))(root / label)
    done = convert(segconv, root, kind)
    assert done.code == 0, done.err
    assert "SC093" not in done.err
    made = segconv.raw / "Dataset005_A"
    case = "s1" if kind == "masks" else "c1"
    ours = sitk.ReadImage(str(made / "labelsTr" / f"{case}.nii.gz"))
    assert np.allclose(ours.GetSpacing(), sitk.ReadImage(str(root / image)).GetSpacing(), rtol=1e-5, atol=1e-8)
    organs = [1, 2] if kind == "masks" else [1, 2, 3]
    assert np.array_equal(sitk.GetArrayFromImage(ours) > 0, np.isin(ct(1).label.array, organs))
