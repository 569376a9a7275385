"""Files of a dataset that differ in meaning, or are not images: warnings that name the cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from skimage import io

from segconv.review.check.dataset_check import Report, check_dataset

from .. import datasets
from ..datasets import edit

RED, GREEN = (255, 0, 0), (0, 255, 0)


def warned(report: Report, code: str) -> list[tuple[str, str]]:
    """File and message of the warnings of a code."""
    return [(f.file, f.message) for f in report.findings if f.code == code and f.severity == "warning"]


def grey(raw: Path, ending: str = ".tif", channels: int = 1) -> Path:
    """Pictures of one sample a file."""
    root = datasets.pictures(raw, ending)
    for path in sorted(root.glob(f"imagesT*/*_0000{ending}")):
        array = io.imread(path)
        for number in range(channels):
            io.imsave(str(path).replace("_0000", f"_{number:04d}"), array[..., number], check_contrast=False)
    edit(root, lambda j: j.update(channel_names={str(n): f"c{n}" for n in range(channels)}))
    return root


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_a_channel_that_is_a_label_in_all_cases_is_named(ending: str, tmp_path: Path) -> None:
    root = grey(tmp_path, ending, 2)
    assert not warned(check_dataset(root), "SC091")
    labels = sorted((root / "labelsTr").glob(f"*{ending}"))
    for label in labels:
        io.imsave(root / "imagesTr" / f"{label.stem}_0001{ending}", io.imread(label), check_contrast=False)
    for path in (root / "imagesTs").glob("*"):
        path.unlink()
    ((file, message),) = warned(check_dataset(root), "SC091")
    assert file == f"imagesTr/{labels[0].stem}_0001{ending}"
    assert "the channel 'c1' holds only 0, 1" in message
    assert f"as labels do, in all {len(labels)} cases" in message
    first = root / "imagesTr" / f"{labels[0].stem}_0000{ending}"
    io.imsave(root / "imagesTr" / f"{labels[0].stem}_0001{ending}", io.imread(first), check_contrast=False)
    assert not warned(check_dataset(root), "SC091")


@pytest.mark.parametrize(("pages", "named", "said"), [(2, 2, True), (5, 1, True), (3, 3, False), (3, 1, False)])
def test_pages_that_nnunet_reads_as_something_else_are_named(
    pages: int, named: int, said: bool, tmp_path: Path
) -> None:
    root = grey(tmp_path)
    for path in sorted(root.glob("imagesT*/*.tif")):
        array = np.stack([io.imread(path)] * pages)
        tifffile.imwrite(path, array, photometric="minisblack", metadata={"axes": "CYX"} if said else None)
    edit(root, lambda j: j.update(channel_names={str(n): f"c{n}" for n in range(named)}))
    found = warned(check_dataset(root), "SC084")
    messages = {message for _, message in found}
    if said:
        assert messages >= {
            f"its {pages} pages are channels by its own word, but nnU-Net's Tiff3DIO reads them as slices"
        }
        assert "imagesTr/s0_0000.tif" in dict(found)
    elif named == pages:
        assert not messages
    else:
        assert messages >= {"its 3 pages are not channels, but nnU-Net's NaturalImage2DIO reads them as channels"}


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("pages", [2, 3, 4, 5])
def test_nnunet_reads_pages_as_it_is_said_to(pages: int, tmp_path: Path) -> None:
    from nnunetv2.imageio.natural_image_reader_writer import NaturalImage2DIO

    path = tmp_path / "a_0000.tif"
    tifffile.imwrite(path, np.zeros((pages, 20, 24), np.uint8), photometric="minisblack")
    try:
        channels = len(NaturalImage2DIO().read_images([str(path)])[0])
    except AssertionError:
        channels = 0
    assert channels == (pages if pages in (3, 4) else 0)


@pytest.mark.parametrize(("folder", "code"), [("imagesTr", "SC084"), ("labelsTr", "SC078")])
def test_white_as_zero_in_some_files_is_named(folder: str, code: str, tmp_path: Path) -> None:
    root = grey(tmp_path)
    path = sorted((root / folder).glob("*.tif"))[1]
    tifffile.imwrite(path, io.imread(path), photometric="miniswhite")
    ((file, message),) = warned(check_dataset(root), code)
    assert file == f"{folder}/{path.name}"
    assert "is stored with white as 0" in message


def test_palettes_that_differ_are_named(tmp_path: Path) -> None:
    root = grey(tmp_path)
    for number, path in enumerate(sorted((root / "labelsTr").glob("*.tif"))):
        table = np.zeros((3, 256), np.uint16)
        table[:, 1] = np.array(GREEN if number == 2 else RED) * 257
        tifffile.imwrite(path, io.imread(path), photometric="palette", colormap=table)
    found = warned(check_dataset(root), "SC078")
    assert [file for file, _ in found] == [f"labelsTr/{sorted((root / 'labelsTr').glob('*.tif'))[2].name}"]
    assert "index 1 of its palette is #00ff00, in labelsTr/" in found[0][1]


def test_labels_that_may_be_inverted_are_named(tmp_path: Path) -> None:
    root = grey(tmp_path)
    for path in sorted((root / "labelsTr").glob("*.tif")):
        label = io.imread(path)
        tifffile.imwrite(path, np.where(label == 0, 1, 0).astype(np.uint8), photometric="minisblack")
    found = warned(check_dataset(root), "SC074")
    assert [file for file, _ in found] == ["dataset.json"]
    assert "the labels may be inverted" in found[0][1]
