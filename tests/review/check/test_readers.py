"""Which reader nnU-Net takes, and what it cannot read: compared with nnU-Net itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from skimage import io

from segconv.errors import Finding
from segconv.review.check.dataset_check import check_dataset
from segconv.review.check.dataset_json import ENDINGS
from segconv.review.check.readers import READERS, knows, readers_of

from .. import datasets
from ..datasets import change_nifti, edit

CASES = 5


def flat(raw: Path, ending: str) -> Path:
    """Write images of two dimensions in a format of volumes."""
    root = datasets.volumes(raw, ".nrrd", CASES)
    for path in sorted(root.rglob("*.nrrd")):
        array = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        path.unlink()
        sitk.WriteImage(sitk.GetImageFromArray(array[len(array) // 2]), str(path.with_suffix("")) + ending)
    edit(root, lambda j: j.update(file_ending=ending))
    return root


def stacks(raw: Path, ending: str) -> Path:
    """Write TIFF of several pages."""
    root = datasets.pictures(raw, ending, CASES)
    for path in sorted(root.glob(f"*Tr/*{ending}")):
        array = io.imread(path)
        grey = array[..., 0] if array.ndim == 3 else array
        tifffile.imwrite(path, np.stack([grey] * 6), photometric="minisblack")
    edit(root, lambda j: j.update(channel_names={"0": "EM"}))
    return root


def grey(raw: Path, ending: str) -> Path:
    """Write grey pictures."""
    root = datasets.pictures(raw, ending, CASES)
    for path in sorted(root.glob(f"imagesTr/*{ending}")):
        io.imsave(path, io.imread(path)[..., 0], check_contrast=False)
    edit(root, lambda j: j.update(channel_names={"0": "grey"}))
    return root


def in_one_file(raw: Path, channels: int) -> Path:
    """Write volumes of four dimensions."""
    root = datasets.volumes(raw, cases=CASES)
    for path in sorted(root.glob("images*/*")):
        change_nifti(path, lambda a, affine: (np.stack([a + np.int16(n) for n in range(channels)], axis=-1), affine))
    edit(root, lambda j: j.update(channel_names={str(n): f"c{n}" for n in range(channels)}))
    return root


def colour_and_grey(raw: Path) -> Path:
    """Write cases of two pictures, one of colour and one of grey."""
    root = datasets.pictures(raw, cases=CASES)
    for path in sorted(root.glob("imagesTr/*")):
        io.imsave(str(path).replace("_0000", "_0001"), io.imread(path)[..., 0], check_contrast=False)
    edit(root, lambda j: j["channel_names"].update({"3": "IR"}))
    return root


def four_and_three_dimensions(raw: Path) -> Path:
    """Write cases of two files, one of three channels and one of one."""
    root = in_one_file(raw, 3)
    for path in sorted(root.glob("images*/*")):
        other = Path(str(path).replace("_0000", "_0001"))
        other.write_bytes(path.read_bytes())
        change_nifti(other, lambda a, affine: (a[..., 0], affine))
    edit(root, lambda j: j["channel_names"].update({"3": "PET"}))
    return root


MAKERS: dict[str, Callable[[Path], Path]] = {
    **{f"volumes{e}": lambda raw, e=e: datasets.volumes(raw, e, CASES) for e in (".nii.gz", ".nii", ".nrrd", ".mha")},
    **{f"flat{e}": lambda raw, e=e: flat(raw, e) for e in (".nii.gz", ".nii", ".nrrd", ".mha")},
    **{f"colour{e}": lambda raw, e=e: datasets.pictures(raw, e, CASES) for e in (".png", ".bmp", ".tif", ".tiff")},
    **{f"grey{e}": lambda raw, e=e: grey(raw, e) for e in (".png", ".bmp", ".tif", ".tiff")},
    **{f"stacks{e}": lambda raw, e=e: stacks(raw, e) for e in (".tif", ".tiff")},
    "three channels in a file": lambda raw: in_one_file(raw, 3),
    "one channel in four dimensions": lambda raw: in_one_file(raw, 1),
    "colour and grey": colour_and_grey,
    "four and three dimensions": four_and_three_dimensions,
}


def reads(root: Path) -> bool:
    """Return whether nnU-Net checks every case of a dataset, and writes a label that it can read again."""
    from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity
    from nnunetv2.imageio.reader_writer_registry import determine_reader_writer_from_dataset_json
    from nnunetv2.utilities.utils import get_filenames_of_train_images_and_targets

    try:
        verify_dataset_integrity(str(root), 1)
        found = json.loads((root / "dataset.json").read_text())
        files = next(iter(get_filenames_of_train_images_and_targets(str(root), found).values()))
        reader = determine_reader_writer_from_dataset_json(found, files["images"][0])()
        label, _ = reader.read_seg(files["label"])
        _, properties = reader.read_images(files["images"])
        written = f"{root.parent / 'written'}{found['file_ending']}"
        reader.write_seg(label[0].astype(np.uint8), written, properties)
        return bool(np.array_equal(reader.read_seg(written)[0], label))
    except Exception:  # noqa: BLE001 - whatever it raises
        return False


def errors(root: Path, *, quick: bool = False) -> list[Finding]:
    return [finding for finding in check_dataset(root, quick=quick).findings if finding.severity == "error"]


@pytest.mark.train
def test_readers_and_their_endings_are_nnunets_own() -> None:
    registry = pytest.importorskip("nnunetv2.imageio.reader_writer_registry")
    found = {reader.__name__: tuple(reader.supported_file_endings) for reader in registry.LIST_OF_IO_CLASSES}
    assert list(found.items()) == list(READERS.items()), "their order counts"


def test_every_ending_that_a_dataset_may_have_has_a_reader() -> None:
    assert all(readers_of(ending) for ending in ENDINGS)


@pytest.mark.train
@pytest.mark.usefixtures("in_threads")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MAKERS)
def test_what_nnunet_cannot_read_by_itself_is_an_error_and_nothing_else_is(name: str, tmp_path: Path) -> None:
    root = MAKERS[name](tmp_path)
    for quick in (True, False):
        assert (errors(root, quick=quick) == []) == reads(root)


@pytest.mark.train
@pytest.mark.usefixtures("in_threads")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MAKERS)
def test_a_named_reader_that_cannot_read_the_files_is_an_error(name: str, tmp_path: Path) -> None:
    root = MAKERS[name](tmp_path)
    ending = json.loads((root / "dataset.json").read_text())["file_ending"]
    for reader in READERS:
        edit(root, lambda j, reader=reader: j.update(overwrite_image_reader_writer=reader))
        found = errors(root, quick=True)
        if knows(reader, ending):
            assert (found == []) == reads(root), reader
        else:
            said = [f for f in found if f.file == "dataset.json"]
            assert [f.code for f in said] == ["SC086"]
            assert all(word in said[0].message for word in (reader, *READERS[reader], ending))


@pytest.mark.parametrize("value", [None, 5, True, [], {}])
def test_a_reader_entry_that_is_not_a_name_is_an_error(value: object, tmp_path: Path) -> None:
    root = datasets.volumes(tmp_path, cases=CASES)
    edit(root, lambda j: j.update(overwrite_image_reader_writer=value))
    assert [(f.code, f.file) for f in errors(root, quick=True)] == [("SC086", "dataset.json")]


def test_the_word_none_leaves_the_choice_to_nnunet(tmp_path: Path) -> None:
    root = datasets.volumes(tmp_path, cases=CASES)
    edit(root, lambda j: j.update(overwrite_image_reader_writer="None"))
    assert check_dataset(root).findings == ()


@pytest.mark.parametrize(
    ("name", "file", "words"),
    [
        ("colour and grey", "imagesTr/s2_0001.png", "counts as 1 of the channels, the first file of the case as 3"),
        ("four and three dimensions", "imagesTr/c2_0001.nii.gz", "counts as 1 of the channels"),
        ("grey.tiff", "imagesTr/s2_0000.tiff", "is a single picture; nnU-Net's Tiff3DIO"),
        ("flat.nii", "labelsTr/c2.nii", "has 2 dimensions; nnU-Net's NibabelIO"),
        ("three channels in a file", "imagesTr/c2_0000.nii.gz", "holds 3 channels in one file"),
    ],
)
def test_the_file_that_nnunet_stops_at_is_named_with_what_is_wrong(
    name: str, file: str, words: str, tmp_path: Path
) -> None:
    root = MAKERS[name](tmp_path)
    assert any(words in finding.message for finding in errors(root, quick=True) if finding.file == file)
