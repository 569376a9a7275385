"""nnU-Net v1 tasks: everything is kept, including folds."""

from __future__ import annotations

import json
import pickle
import shutil
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from fixtures.make_fixtures import msd_tumour

from ...command import Command, tree_hash
from .test_msd import edit_json


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """The phantom of four channels, as v1 keeps it."""
    source = msd_tumour(tmp_path / "msd")
    root = tmp_path / "nnUNet_raw_data" / "Task508_My_Tumour"
    for folder in ("imagesTr", "imagesTs"):
        (root / folder).mkdir(parents=True)
        for path in (source / folder).iterdir():
            image = nib.load(path)
            for channel in range(4):
                alone = nib.Nifti1Image(np.asarray(image.dataobj)[..., channel], image.affine)
                nib.save(alone, root / folder / path.name.replace(".nii.gz", f"_{channel:04d}.nii.gz"))
    shutil.copytree(source / "labelsTr", root / "labelsTr")
    shutil.copy(source / "dataset.json", root / "dataset.json")
    return root


def test_channels_and_labels_are_carried_byte_for_byte(task: Path, segconv: Command) -> None:
    before = tree_hash(task)
    done = segconv("convert", task, "--to", "508")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset508_My_Tumour"
    for path in [*task.glob("images*/*"), *task.glob("labels*/*")]:
        assert (made / path.relative_to(task)).read_bytes() == path.read_bytes()
    description = json.loads((made / "dataset.json").read_text())
    assert description["channel_names"] == {"0": "FLAIR", "1": "T1w", "2": "T1gd", "3": "T2w"}
    assert description["numTraining"] == 3
    assert tree_hash(task) == before


@pytest.mark.parametrize("reference", ["508", "Task508", "Task508_My_Tumour"])
def test_a_task_is_found_under_v1s_variable(
    task: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    monkeypatch.setenv("nnUNet_raw_data_base", str(task.parent.parent))
    assert segconv("convert", reference, "--to", "508").code == 0
    assert segconv("convert", "509", "--to", "509").code == 66


@pytest.mark.parametrize("key", ["numTest", "numTesting", None])
def test_any_spelling_of_the_count_will_do(task: Path, segconv: Command, key: str | None) -> None:
    edit_json(task, lambda j: j.pop("numTest"))
    if key:
        edit_json(task, lambda j: j.update({key: 7}))
    done = segconv("convert", task, "--to", "508")
    assert done.code == 0
    assert ("Warning SC089" in done.err) is (key is not None)


def test_validation_and_test_labels_come_along(task: Path, segconv: Command) -> None:
    (task / "imagesVal").mkdir()
    (task / "labelsVal").mkdir()
    for channel in range(4):
        shutil.copy(
            task / "imagesTr" / f"tumour_000_{channel:04d}.nii.gz", task / "imagesVal" / f"v_{channel:04d}.nii.gz"
        )
    shutil.copy(task / "labelsTr" / "tumour_000.nii.gz", task / "labelsVal" / "v.nii.gz")
    (task / "labelsTs").mkdir()
    shutil.copy(task / "labelsTr" / "tumour_000.nii.gz", task / "labelsTs" / "tumour_003.nii.gz")
    assert segconv("convert", task, "--to", "508").code == 0
    made = segconv.raw / "Dataset508_My_Tumour"
    assert len(list((made / "imagesVal").iterdir())) == 4
    assert (made / "labelsVal" / "v.nii.gz").is_file()
    assert (made / "labelsTs" / "tumour_003.nii.gz").is_file()
    assert json.loads((made / "dataset.json").read_text())["numTraining"] == 3


def test_v1s_own_folds_are_kept(task: Path, segconv: Command) -> None:
    folds = [OrderedDict(train=np.array(["tumour_000", "tumour_002"]), val=np.array(["tumour_001"]))]
    (task / "splits_final.pkl").write_bytes(pickle.dumps(folds))
    assert segconv("convert", task, "--to", "508").code == 0
    made = json.loads((segconv.raw / "Dataset508_My_Tumour" / "splits_final.json").read_text())
    assert made == [{"train": ["tumour_000", "tumour_002"], "val": ["tumour_001"]}]
    folds[0]["val"] = np.array(["gone"])
    (task / "splits_final.pkl").write_bytes(pickle.dumps(folds))
    done = segconv("convert", task, "--to", "509")
    assert (done.code, "Warning SC095: splits_final.pkl" in done.err) == (0, True)
    (task / "splits_final.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    assert segconv("convert", task, "--to", "510").codes() == ["SC095"]


@pytest.mark.parametrize(
    ("break_it", "exit_code", "code", "file"),
    [
        (lambda t: (t / "imagesTr/tumour_001_0002.nii.gz").unlink(), 65, "SC084", "imagesTr/tumour_001"),
        (lambda t: (t / "imagesTs/tumour_003_0000.nii.gz").unlink(), 65, "SC084", "imagesTs/tumour_003"),
        (lambda t: (t / "imagesTr/tumour_001_0003.nii.gz").rename(t / "imagesTr/tumour_001_0004.nii.gz"), 65, "SC084", "imagesTr/tumour_001"),
        (lambda t: (t / "labelsTr/tumour_001.nii.gz").unlink(), 65, "SC080", "imagesTr/tumour_001_0000.nii.gz"),
        (lambda t: [p.unlink() for p in t.glob("imagesTr/tumour_001*")], 66, "SC012", "imagesTr/tumour_001"),
        (lambda t: (t / "imagesTr/tumour_001_0001.nii.gz").write_bytes(b""), 65, "SC051", "imagesTr/tumour_001_0001.nii.gz"),
        (lambda t: edit_json(t, lambda j: j.pop("modality")), 65, "SC084", "dataset.json"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_the_file_named(
    task: Path, segconv: Command, break_it: Callable[[Path], object], exit_code: int, code: str, file: str
) -> None:
    break_it(task)
    done = segconv("convert", task, "--to", "508")
    assert (f"Error {code}: {file}" in done.err, code in done.codes()) == (True, True), done.err
    assert done.code in (exit_code, 65)
    assert not (segconv.raw / "Dataset508_My_Tumour").exists()


def test_a_gap_in_channels_is_reported_along_with_a_json_that_names_none(task: Path, segconv: Command) -> None:
    edit_json(task, lambda entries: entries.pop("modality"))
    (task / "imagesTr/tumour_001_0002.nii.gz").unlink()
    done = segconv("convert", task, "--to", "508")
    assert done.codes() == ["SC084", "SC084"]
    assert "imagesTr/tumour_001: has the channels 0000, 0001, 0003" in done.err


def test_a_channel_on_another_grid_is_refused(task: Path, segconv: Command) -> None:
    path = task / "imagesTr" / "tumour_001_0002.nii.gz"
    image = nib.load(path)
    moved = image.affine.copy()
    moved[0, 3] += 5
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), moved), path)
    done = segconv("convert", task, "--to", "508")
    assert done.codes() == ["SC083"]
    assert "imagesTr/tumour_001_0002.nii.gz: differs from the first channel" in done.err


def test_the_real_task_converts_as_the_decathlon_task_it_was_made_from(data: Path, segconv: Command) -> None:
    assert segconv("convert", data / "nnunet_v1/nnUNet_raw_data/Task504_HippocampusMini", "--to", "504_Mini").code == 0
    assert segconv("convert", data / "Task04_Hippocampus_mini", "--to", "4_Mini").code == 0
    one, two = segconv.raw / "Dataset504_Mini", segconv.raw / "Dataset004_Mini"
    for folder in ("imagesTr", "labelsTr", "imagesTs"):
        assert tree_hash(one / folder) == tree_hash(two / folder)


def test_unknown_entries_of_a_json_are_reported_and_kept(task: Path, segconv: Command) -> None:
    edit_json(task, lambda found: found.update(author="somebody", scanner={"field_T": 3}))
    done = segconv("convert", task, "--to", "508")
    assert done.code == 0, done.err
    assert "Warning SC089: dataset.json: holds 'author', 'scanner', which nnU-Net does not know" in done.err
    made = segconv.raw / "Dataset508_My_Tumour"
    assert not {"author", "scanner"} & json.loads((made / "dataset.json").read_text()).keys()
    kept = json.loads((made / "segconv" / "run.json").read_text())["extra"]
    assert kept == {"author": "somebody", "scanner": {"field_T": 3}}
    assert segconv("convert", task, "--to", "509", "--strict").code == 65


@pytest.mark.parametrize("words", ["--images x", "--pairs x.csv", "--image ct", "--case-names path", "--spacing 1,1,1"])
def test_an_option_that_would_be_ignored_is_refused(task: Path, segconv: Command, words: str) -> None:
    done = segconv("convert", task, "--to", "508", "--from", "nnunet-v1", *words.split())
    assert (done.code, done.codes()) == (2, ["SC001"])


@pytest.mark.parametrize("around", [".", ".."])
def test_a_folder_around_a_task_is_not_a_source_of_pairs(task: Path, segconv: Command, around: str) -> None:
    """Its json names channels, and so normalisation, labels and folds, which only the json holds."""
    (task.parent.parent / "mine").mkdir()
    task = Path(shutil.move(task.parent, task.parent.parent / "mine")) / task.name
    root = (task.parent / around).resolve()
    done = segconv("convert", root, "--to", "508")
    assert (done.code, done.codes()) == (2, ["SC003"])
    assert f"holds {task.relative_to(root)}, with a dataset.json of its own" in done.err
    assert f"segconv convert {task}" in done.err
    assert "or --from pairs takes the folders without what the json says" in done.err
    assert segconv("convert", root, "--to", "508", "--from", "pairs", "--dry-run").code == 0
    assert segconv("convert", task, "--to", "508", "--dry-run").code == 0


def test_a_task_without_json_is_read_from_its_folders_if_channels_are_given(task: Path, segconv: Command) -> None:
    (task / "dataset.json").unlink()
    words = ("--from", "nnunet-v1", "--channels", "FLAIR,T1w,T1gd,T2w")
    done = segconv("convert", task, "--to", "508", *words)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset508_My_Tumour"
    assert json.loads((made / "dataset.json").read_text())["labels"] == {"background": 0, "class_1": 1, "class_2": 2}
    for path in [*task.glob("images*/*"), *task.glob("labels*/*")]:
        assert (made / path.relative_to(task)).read_bytes() == path.read_bytes()


def test_folds_are_made_again_for_a_selection(task: Path, segconv: Command) -> None:
    folds = [OrderedDict(train=np.array(["tumour_000", "tumour_002"]), val=np.array(["tumour_001"]))]
    (task / "splits_final.pkl").write_bytes(pickle.dumps(folds))
    done = segconv("convert", task, "--to", "508", "--cases", "tumour_000,tumour_001")
    assert done.code == 0, done.err
    made = json.loads((segconv.raw / "Dataset508_My_Tumour" / "splits_final.json").read_text())
    assert {case for fold in made for part in fold.values() for case in part} == {"tumour_000", "tumour_001"}
