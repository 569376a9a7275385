"""Compared with nnU-Net's own converters and checks: equal where they work, correct where they fail."""

from __future__ import annotations

import json
import pickle
import shutil
import types
from collections import OrderedDict
from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from fixtures.make_fixtures import msd_ct, msd_tumour, png_shapes

from ..command import Command
from .oracles import SIZE, ct, write
from .sources.test_msd import edit_json, edit_nifti, nan, shifted

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """nnU-Net's converters and check, with three folders of their own.

    Their pools have threads here: they do the same, and importing nnU-Net again takes longer.
    """
    msd = pytest.importorskip("nnunetv2.dataset_conversion.convert_MSD_dataset")
    v1 = pytest.importorskip("nnunetv2.dataset_conversion.convert_raw_dataset_from_old_nnunet_format")
    check = pytest.importorskip("nnunetv2.experiment_planning.verify_dataset_integrity")
    threads = types.SimpleNamespace(get_context=lambda _: types.SimpleNamespace(Pool=ThreadPool))
    monkeypatch.setattr(msd, "multiprocessing", threads)
    monkeypatch.setattr(check, "multiprocessing", threads)
    raw = tmp_path / "theirs" / "nnUNet_raw"

    def within(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            with monkeypatch.context() as patch:
                for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
                    (raw.parent / name).mkdir(parents=True, exist_ok=True)
                    patch.setenv(name, str(raw.parent / name))
                return function(*args, **kwargs)

        return called

    return types.SimpleNamespace(
        raw=raw,
        convert_msd=within(lambda folder, **how: msd.convert_msd_dataset(str(folder), num_processes=1, **how)),
        convert_v1=within(lambda folder, name: v1.convert(str(folder), name)),
        verify=lambda folder: check.verify_dataset_integrity(str(folder), 1),
    )


def v1_task(source: Path, root: Path) -> Path:
    """Make a task of v1 of an MSD task: a file a channel."""
    for folder in ("imagesTr", "imagesTs"):
        (root / folder).mkdir(parents=True)
        for path in (source / folder).iterdir():
            image = nib.load(path)
            array = np.asarray(image.dataobj)
            array = array[..., np.newaxis] if array.ndim == 3 else array
            for channel in range(array.shape[-1]):
                name = path.name.replace(".nii.gz", f"_{channel:04d}.nii.gz")
                nib.save(nib.Nifti1Image(array[..., channel], image.affine), root / folder / name)
    shutil.copytree(source / "labelsTr", root / "labelsTr")
    shutil.copy(source / "dataset.json", root / "dataset.json")
    edit_json(root, lambda j: j.update(tensorImageSize="3D"))
    return root


def assert_equal(ours: Path, theirs: Path) -> None:
    """Assert that two datasets hold the same files, voxels, grids and, as far as nnU-Net reads it, description."""
    folders = ("imagesTr", "labelsTr", "imagesTs")
    names = [{str(p.relative_to(root)) for f in folders for p in (root / f).iterdir()} for root in (ours, theirs)]
    assert names[0] == names[1]
    for name in sorted(names[0]):
        one, other = sitk.ReadImage(str(ours / name)), sitk.ReadImage(str(theirs / name))
        assert np.array_equal(sitk.GetArrayFromImage(one), sitk.GetArrayFromImage(other)), name
        assert np.allclose(nib.load(ours / name).affine, nib.load(theirs / name).affine, atol=1e-4), name
        assert np.allclose(one.GetDirection(), other.GetDirection(), atol=1e-6)
    one, other = (json.loads((root / "dataset.json").read_text()) for root in (ours, theirs))
    for key in ("channel_names", "labels", "numTraining", "file_ending"):
        assert one[key] == other[key], key


def test_a_real_task_of_msd(data: Path, segconv: Command, theirs: Any, tmp_path: Path) -> None:
    task = shutil.copytree(data / "Task04_Hippocampus_mini", tmp_path / "Task04_Hippocampus")
    theirs.convert_msd(task)
    assert segconv("convert", task, "--to", "4").code == 0
    assert_equal(segconv.raw / "Dataset004_Hippocampus", theirs.raw / "Dataset004_Hippocampus")


def test_a_task_of_four_dimensions(segconv: Command, theirs: Any, tmp_path: Path) -> None:
    task = msd_tumour(tmp_path / "src")
    theirs.convert_msd(task)
    assert segconv("convert", task, "--to", "8").code == 0
    assert_equal(segconv.raw / "Dataset008_Tumour", theirs.raw / "Dataset008_Tumour")


def test_a_real_task_of_v1(data: Path, segconv: Command, theirs: Any) -> None:
    task = data / "nnunet_v1" / "nnUNet_raw_data" / "Task504_HippocampusMini"
    found = json.loads((task / "dataset.json").read_text())
    if {"tensorImageSize", "numTest"} <= found.keys():
        theirs.convert_v1(task, "Dataset504_HippocampusMini")
    else:
        task = shutil.copytree(task, segconv.folder / "Task504_HippocampusMini")
        edit_json(task, lambda j: j.update(tensorImageSize="3D", numTest=3))
        theirs.convert_v1(task, "Dataset504_HippocampusMini")
    assert segconv("convert", task, "--to", "504").code == 0
    assert_equal(segconv.raw / "Dataset504_HippocampusMini", theirs.raw / "Dataset504_HippocampusMini")


def test_a_task_of_v1_with_channels(segconv: Command, theirs: Any, tmp_path: Path) -> None:
    task = v1_task(msd_tumour(tmp_path / "src"), tmp_path / "Task508_Tumour")
    theirs.convert_v1(task, "Dataset508_Tumour")
    assert segconv("convert", task, "--to", "508").code == 0
    assert_equal(segconv.raw / "Dataset508_Tumour", theirs.raw / "Dataset508_Tumour")


# --- nnU-Net's own check accepts what is made


def organs(root: Path) -> Path:
    for number in range(5):
        phantom = ct(number)
        write(root / f"s{number}" / "ct.nii.gz", phantom.images[0])
        for name, values in (("liver", [1, 3]), ("tumour", [3]), ("kidney", [2])):
            mask = np.isin(phantom.label.array, values).astype(np.uint8)
            write(root / f"s{number}" / "segmentations" / f"{name}.nii.gz", phantom.label, mask)
    return root


def volumes(root: Path) -> Path:
    for number in range(5):
        phantom = ct(number)
        write(root / f"c{number}_img.nrrd", phantom.images[0])
        write(root / f"c{number}_seg.nrrd", phantom.label)
    return root


SOURCES: dict[str, tuple[Callable[[Path], Path], tuple[str, ...]]] = {
    "msd": (lambda f: msd_ct(f, size=SIZE), ()),
    "msd, 4D": (lambda f: msd_tumour(f, size=SIZE), ()),
    "hard links": (lambda f: msd_ct(f, size=SIZE), ("--link", "hard")),
    "symbolic links": (lambda f: msd_ct(f, size=SIZE), ("--link", "symlink")),
    "files elsewhere": (lambda f: msd_ct(f, size=SIZE), ("--link", "external")),
    "files elsewhere, all written": (lambda f: msd_tumour(f, size=SIZE), ("--link", "external")),
    "v1": (lambda f: v1_task(msd_tumour(f / "msd", size=SIZE), f / "Task508_A"), ()),
    "pairs": (volumes, ("--channels", "CT")),
    "pairs, nrrd": (volumes, ("--channels", "CT", "--format", "nrrd")),
    "pairs, mha": (volumes, ("--channels", "CT", "--format", "mha")),
    "pairs, nii": (volumes, ("--channels", "CT", "--format", "nii")),
    "masks that overlap": (organs, ("--channels", "CT")),
    "masks, one wins": (organs, ("--channels", "CT", "--priority", "tumour")),
    "masks, files elsewhere": (organs, ("--channels", "CT", "--link", "external")),
    "masks, symbolic links": (organs, ("--channels", "CT", "--link", "symlink")),
    "pairs, files elsewhere": (volumes, ("--channels", "CT", "--format", "nrrd", "--link", "external")),
    "pairs, all written": (volumes, ("--channels", "CT", "--link", "external")),
    "scribbles": (volumes, ("--labels", "background=3,a=1,b=2", "--ignore", "unlabelled", "--channels", "CT")),
    "pictures": (lambda f: png_shapes(f, size=(40, 32)), ("--labels", "background=0,disc=128,ring=255")),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_nnunets_own_check_accepts_the_result(
    tmp_path: Path, segconv: Command, theirs: Any, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make, words = SOURCES[kind]
    done = segconv("convert", make(tmp_path / "src"), "--to", "9_A", *words)
    assert done.code == 0, done.err
    theirs.verify(segconv.raw / "Dataset009_A")
    wording = capsys.readouterr().out
    assert "most likely OK" in wording
    assert "mismatch" not in wording
    again = segconv("convert", segconv.raw / "Dataset009_A", "--to", "10_B")
    assert again.code == 0, again.err
    theirs.verify(segconv.raw / "Dataset010_B")


# --- where nnU-Net's converters fail


def test_any_spelling_of_the_counts_of_v1(segconv: Command, theirs: Any, tmp_path: Path) -> None:
    task = v1_task(msd_ct(tmp_path / "src", size=SIZE), tmp_path / "Task005_Lung")
    edit_json(task, lambda j: (j.pop("numTest"), j.update(numTesting=1)))
    with pytest.raises(KeyError, match="numTest"):
        theirs.convert_v1(task, "Dataset005_Lung")
    left = json.loads((theirs.raw / "Dataset005_Lung" / "dataset.json").read_text())
    assert "modality" in left, "a target with a json of v1 is left behind"
    assert segconv("convert", task, "--to", "5").code == 0
    theirs.verify(segconv.raw / "Dataset005_Lung")


def test_a_failed_run_is_repeated_and_a_finished_one_reported(segconv: Command, theirs: Any, tmp_path: Path) -> None:
    task = v1_task(msd_ct(tmp_path / "src", size=SIZE), tmp_path / "Task005_Lung")
    edit_json(task, lambda j: j.pop("numTest"))
    for error in (KeyError, RuntimeError):  # the second: "already exists. Aborting"
        with pytest.raises(error):
            theirs.convert_v1(task, "Dataset005_Lung")
    edit_nifti(task / "imagesTr" / "ct_001_0000.nii.gz", nan)
    assert segconv("convert", task, "--to", "5").code == 65
    edit_nifti(task / "imagesTr" / "ct_001_0000.nii.gz", lambda a, _: np.nan_to_num(a))
    assert segconv("convert", task, "--to", "5").code == 0
    done = segconv("convert", task, "--to", "5")
    assert (done.code, done.codes()) == (73, ["SC020"])
    assert "Dataset005_Lung" in done.err


def test_names_and_numbers_are_judged(segconv: Command, theirs: Any, tmp_path: Path) -> None:
    task = v1_task(msd_ct(tmp_path / "src", size=SIZE), tmp_path / "Task005_Lung")
    for name in ("my_lung", "Dataset005_Lung", "Dataset005_Other"):
        theirs.convert_v1(task, name)
        assert (theirs.raw / name / "dataset.json").is_file()
    assert segconv("convert", task, "--to", "my_lung").code == 2
    assert segconv("convert", task, "--to", "5_Lung").code == 0
    assert segconv("convert", task, "--to", "5_Other").code == 73


def test_endings_counts_and_folds_of_v1(segconv: Command, theirs: Any, tmp_path: Path) -> None:
    task = v1_task(msd_ct(tmp_path / "src", size=SIZE), tmp_path / "Task005_Lung")
    for path in [*task.glob("images*/*"), *task.glob("labels*/*")]:
        nib.save(nib.load(path), str(path).removesuffix(".gz"))
        path.unlink()
    edit_json(task, lambda j: j.update(numTraining=99))
    folds = [OrderedDict(train=np.array(["ct_000", "ct_001", "ct_002"]), val=np.array(["ct_003"]))]
    (task / "splits_final.pkl").write_bytes(pickle.dumps(folds))
    theirs.convert_v1(task, "Dataset005_Lung")
    left = json.loads((theirs.raw / "Dataset005_Lung" / "dataset.json").read_text())
    assert (left["file_ending"], left["numTraining"]) == (".nii.gz", 99)
    assert segconv("convert", task, "--to", "5").code == 0
    made = segconv.raw / "Dataset005_Lung"
    found = json.loads((made / "dataset.json").read_text())
    assert (found["file_ending"], found["numTraining"]) == (".nii", 4)
    assert json.loads((made / "splits_final.json").read_text())[0]["val"] == ["ct_003"]
    theirs.verify(made)


@pytest.fixture
def task(tmp_path: Path) -> Path:
    return msd_ct(tmp_path / "src", size=SIZE)


def good(segconv: Command, theirs: Any, task: Path, *words: object) -> dict[str, Any]:
    """Convert a task, have nnU-Net check it, and return its dataset.json."""
    done = segconv("convert", task, "--to", "7_A", *words)
    assert done.code == 0, done.err
    theirs.verify(segconv.raw / "Dataset007_A")
    found: dict[str, Any] = json.loads((segconv.raw / "Dataset007_A" / "dataset.json").read_text())
    return found


def test_any_name_of_the_folder(task: Path, segconv: Command, theirs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    renamed = task.rename(task.parent / "Task50_My_Organ")
    with pytest.raises(ValueError, match="too many values"):
        theirs.convert_msd(renamed)
    monkeypatch.chdir(renamed)
    with pytest.raises(ValueError, match="not enough values"):
        theirs.convert_msd(".")
    good(segconv, theirs, Path("."))


def test_no_test_images(task: Path, segconv: Command, theirs: Any) -> None:
    shutil.rmtree(task / "imagesTs")
    with pytest.raises(AssertionError, match="imagesTs subfolder missing"):
        theirs.convert_msd(task)
    good(segconv, theirs, task)


def test_files_without_compression(task: Path, segconv: Command, theirs: Any) -> None:
    for path in [*task.glob("images*/*"), *task.glob("labels*/*")]:
        nib.save(nib.load(path), str(path).removesuffix(".gz"))
        path.unlink()
    theirs.convert_msd(task)
    assert list((theirs.raw / "Dataset007_Phantom" / "imagesTr").iterdir()) == [], "0 files, and no error"
    assert good(segconv, theirs, task)["file_ending"] == ".nii"


@pytest.mark.parametrize("key", ["test", "training", "modality"])
def test_missing_keys(task: Path, segconv: Command, theirs: Any, key: str) -> None:
    edit_json(task, lambda j: j.pop(key))
    with pytest.raises(KeyError, match=key):
        theirs.convert_msd(task)
    with pytest.raises(AssertionError, match="already taken"):
        theirs.convert_msd(task)
    if key == "modality":
        done = segconv("convert", task, "--to", "7_A")
        assert (done.code, done.codes()) == (65, ["SC084"])
        assert list(segconv.raw.iterdir()) == []
    good(segconv, theirs, task, *(("--channels", "CT") if key == "modality" else ()))


def test_counts_that_do_not_hold(task: Path, segconv: Command, theirs: Any) -> None:
    edit_json(task, lambda j: j.update(numTraining=99))
    theirs.convert_msd(task)
    with pytest.raises(AssertionError, match="expected number of training cases"):
        theirs.verify(theirs.raw / "Dataset007_Phantom")
    assert good(segconv, theirs, task)["numTraining"] == 4


def test_two_labels_of_one_name_and_a_capital_background(task: Path, segconv: Command, theirs: Any) -> None:
    edit_json(task, lambda j: j.update(labels={"0": "background", "1": "t", "2": "t", "3": "u"}))
    theirs.convert_msd(task)
    assert json.loads((theirs.raw / "Dataset007_Phantom" / "dataset.json").read_text())["labels"]["t"] == 2
    done = segconv("convert", task, "--to", "7_A")
    assert (done.code, done.codes()) == (65, ["SC074"])
    edit_json(task, lambda j: j.update(labels={"0": "Background", "1": "t", "2": "s", "3": "u"}))
    theirs.convert_msd(task, overwrite_target_id=8)
    with pytest.raises((AssertionError, KeyError, RuntimeError)):
        theirs.verify(theirs.raw / "Dataset008_Phantom")
    assert good(segconv, theirs, task)["labels"] == {"background": 0, "t": 1, "s": 2, "u": 3}


def test_a_number_as_text(task: Path, segconv: Command, theirs: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        theirs.convert_msd(task, overwrite_target_id="7")
    for text in ("7", "007", "Dataset007_A", "7_A"):
        assert segconv("convert", task, "--to", text, "--overwrite").code == 0, text
        shutil.rmtree(next(segconv.raw.glob("Dataset007_*")))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (shifted, "SC083"),
        (lambda a, h: a[:, :, 1:], "SC082"),
        (lambda a, h: np.where(a == 3, 7, a).astype(a.dtype), "SC070"),
        (nan, "SC055"),
    ],
)
def test_labels_are_opened(task: Path, segconv: Command, theirs: Any, change: Any, code: str) -> None:
    edit_nifti(task / "labelsTr" / "ct_001.nii.gz", change)
    theirs.convert_msd(task)
    assert (theirs.raw / "Dataset007_Phantom" / "labelsTr" / "ct_001.nii.gz").is_file()
    done = segconv("convert", task, "--to", "7_A")
    assert (done.code, done.codes()) == (65, [code])


def test_any_number_of_workers_writes_labels_and_images_alike(task: Path, segconv: Command) -> None:
    for number, jobs in ((7, "1"), (8, "2")):
        assert segconv("convert", task, "--to", f"{number}_A", "-j", jobs).code == 0
    for path in (segconv.raw / "Dataset007_A").glob("*T?/*"):
        other = segconv.raw / "Dataset008_A" / path.parent.name / path.name
        assert other.read_bytes() == path.read_bytes()
