"""Decathlon tasks: every voxel and affine is kept, and every defect is reported before anything is written."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from fixtures.make_fixtures import msd_ct, msd_tumour

from ...command import Command, tree_hash

NAME = "ct_001.nii.gz"


@pytest.fixture(scope="session")
def ct_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return msd_ct(tmp_path_factory.mktemp("ct"))


@pytest.fixture
def task(tmp_path: Path, ct_template: Path) -> Path:
    return Path(shutil.copytree(ct_template, tmp_path / "src" / "Task07_Phantom"))


def edit_json(task: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = task / "dataset.json"
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))


def edit_nifti(path: Path, change: Callable[[np.ndarray, nib.Nifti1Header], np.ndarray | None]) -> None:
    image = nib.load(path)
    array = np.asarray(image.dataobj).copy()
    header = image.header.copy()
    array = change(array, header) if (array is not None) else array
    nib.save(nib.Nifti1Image(array, None, header), path)


def test_volumes_of_one_channel_are_carried_byte_for_byte(task: Path, segconv: Command) -> None:
    before = tree_hash(task)
    done = segconv("convert", task, "--to", "7")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset007_Phantom"
    for source in sorted((task / "imagesTr").iterdir()):
        stem = source.name[: -len(".nii.gz")]
        assert (made / "imagesTr" / f"{stem}_0000.nii.gz").read_bytes() == source.read_bytes()
        assert (made / "labelsTr" / source.name).read_bytes() == (task / "labelsTr" / source.name).read_bytes()
    assert sorted(p.name for p in (made / "imagesTs").iterdir()) == ["ct_004_0000.nii.gz"]
    description = json.loads((made / "dataset.json").read_text())
    assert description["channel_names"] == {"0": "CT"}
    assert description["labels"] == {"background": 0, "liver": 1, "kidney": 2, "tumour": 3}
    assert description["numTraining"] == 4
    assert description["file_ending"] == ".nii.gz"
    assert tree_hash(task) == before
    assert sorted(p.name for p in segconv.raw.iterdir()) == ["Dataset007_Phantom"]


def test_four_dimensions_become_channels_with_the_same_voxels_and_affine(tmp_path: Path, segconv: Command) -> None:
    task = msd_tumour(tmp_path / "src")
    assert segconv("convert", task, "--to", "8_Tumour", "-j", "2").code == 0
    made = segconv.raw / "Dataset008_Tumour"
    for source in sorted((task / "imagesTr").iterdir()):
        whole = nib.load(source)
        for channel in range(4):
            alone = nib.load(made / "imagesTr" / source.name.replace(".nii.gz", f"_{channel:04d}.nii.gz"))
            assert alone.shape == whole.shape[:3]
            assert alone.get_data_dtype() == whole.get_data_dtype()
            assert np.array_equal(np.asarray(alone.dataobj), np.asarray(whole.dataobj)[..., channel])
            assert np.array_equal(alone.affine, whole.affine)


def test_the_lineage_accounts_for_every_file(task: Path, segconv: Command) -> None:
    segconv("convert", task, "--to", "7")
    made = segconv.raw / "Dataset007_Phantom"
    records = [json.loads(line) for line in (made / "segconv" / "cases.jsonl").read_text().splitlines()]
    keys = "case split patient parent sources targets original_name label_map geometry repairs transform warnings"
    assert set(keys.split()) <= set(records[0])
    accounted = {t["path"] for r in records for t in r["targets"]}
    assert accounted == {str(p.relative_to(made)) for p in made.glob("*T?/*")}
    assert {s["path"] for r in records for s in r["sources"]} == {
        str(p.relative_to(task)) for p in task.glob("*T?/*.nii.gz")
    }
    run = (made / "segconv" / "run.json").read_text()
    assert str(task) not in run, "no absolute path of the user's machine is kept"


def test_numbers_of_workers_make_no_difference(task: Path, segconv: Command) -> None:
    segconv("convert", task, "--to", "7_A", "-j", "1")
    segconv("convert", task, "--to", "8_A", "-j", "2")
    one, two = (segconv.raw / f"Dataset00{n}_A" for n in (7, 8))
    assert tree_hash(one) == tree_hash(two)


def test_a_killed_conversion_leaves_nothing_to_see_and_is_continued(task: Path, segconv: Command) -> None:
    broken = task / "imagesTr" / NAME
    good = broken.read_bytes()
    broken.write_bytes(good[:-9] + b"\0" + good[-8:])
    assert segconv("convert", task, "--to", "7", "--json").json["findings"][0]["code"] in ("SC050", "SC052")
    assert not (segconv.raw / "Dataset007_Phantom").exists()
    broken.write_bytes(good)
    done = segconv("convert", task, "--to", "7", "--json")
    assert done.json["reused"] == 4
    assert done.json["cases"] == 5


@pytest.mark.parametrize(
    ("break_it", "exit_code", "code", "file"),
    [
        (lambda t: (t / "imagesTr" / NAME).write_bytes((t / "imagesTr" / NAME).read_bytes()[:5000]), 65, "SC050", f"imagesTr/{NAME}"),
        (lambda t: (t / "imagesTr" / NAME).write_bytes(b""), 65, "SC051", f"imagesTr/{NAME}"),
        (lambda t: (t / "imagesTr" / NAME).write_bytes(b"<html>gone</html>"), 65, "SC051", f"imagesTr/{NAME}"),
        (lambda t: (t / "labelsTr" / NAME).unlink(), 66, "SC012", f"labelsTr/{NAME}"),
        (lambda t: shutil.copy(t / "labelsTr" / NAME, t / "labelsTr" / "orphan.nii.gz"), 65, "SC081", "labelsTr/orphan.nii.gz"),
        (lambda t: edit_nifti(t / "labelsTr" / NAME, lambda a, h: np.where(a == 3, 9, a).astype(a.dtype)), 65, "SC070", f"labelsTr/{NAME}"),
        (lambda t: edit_nifti(t / "labelsTr" / NAME, lambda a, h: np.stack([a, a], -1)), 65, "SC073", f"labelsTr/{NAME}"),
        (lambda t: edit_nifti(t / "labelsTr" / NAME, lambda a, h: a[:, :, :-1]), 65, "SC082", f"labelsTr/{NAME}"),
        (lambda t: (t / "dataset.json").write_text("{"), 65, "SC086", "dataset.json"),
        (lambda t: (t / "dataset.json").write_text('{"a": 1, "a": 2}'), 65, "SC086", "dataset.json"),
        (lambda t: edit_json(t, lambda j: j.pop("modality")), 65, "SC084", "dataset.json"),
        (lambda t: edit_json(t, lambda j: j.pop("labels")), 65, "SC074", "dataset.json"),
        (lambda t: edit_json(t, lambda j: j.update(modality={"0": "A", "1": "B"})), 65, "SC084", "imagesTr/ct_000.nii.gz"),
        (lambda t: edit_json(t, lambda j: j.update(modality={"0": "A", "2": "B"})), 65, "SC084", "dataset.json"),
        (lambda t: edit_json(t, lambda j: j["labels"].pop("0")), 65, "SC074", "dataset.json"),
        (lambda t: edit_json(t, lambda j: j["training"].append({"image": "../../etc/passwd", "label": "x"})), 65, "SC060", "dataset.json"),
        (lambda t: edit_json(t, lambda j: j["training"].append({"image": "./imagesTr/none.nii.gz", "label": "./labelsTr/none.nii.gz"})), 66, "SC012", "imagesTr/none.nii.gz"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_the_file_named_and_nothing_left(
    task: Path, segconv: Command, break_it: Callable[[Path], object], exit_code: int, code: str, file: str
) -> None:
    break_it(task)
    before = tree_hash(task)
    done = segconv("convert", task, "--to", "7")
    assert done.code == exit_code, done.err
    assert code in done.codes(), done.err
    assert f"Error {code}: {file}: " in done.err
    assert len(done.codes()) + done.err.count("Warning ") == done.err.count("Hint: ")
    assert not (segconv.raw / "Dataset007_Phantom").exists()
    assert tree_hash(task) == before


def nan(array: np.ndarray, header: nib.Nifti1Header) -> np.ndarray:
    header.set_data_dtype(np.float32)
    array = array.astype(np.float32)
    array[3, 4, 5] = np.nan
    return array


def fraction(array: np.ndarray, header: nib.Nifti1Header) -> np.ndarray:
    header.set_data_dtype(np.float32)
    return array * np.float32(0.5)


def negative(array: np.ndarray, header: nib.Nifti1Header) -> np.ndarray:
    header.set_data_dtype(np.int16)
    return array.astype(np.int16) - 1


def shifted(array: np.ndarray, header: nib.Nifti1Header) -> np.ndarray:
    affine = header.get_best_affine()
    affine[0, 3] += 500
    header.set_sform(affine, 1)
    header.set_qform(affine, 1)
    return array


@pytest.mark.parametrize(
    ("where", "change", "code"),
    [
        ("imagesTr", nan, "SC055"),
        ("labelsTr", nan, "SC055"),
        ("labelsTr", fraction, "SC071"),
        ("labelsTr", negative, "SC072"),
        ("labelsTr", shifted, "SC083"),
    ],
)
def test_what_only_the_voxels_show_is_found_as_well(
    task: Path, segconv: Command, where: str, change: Any, code: str
) -> None:
    edit_nifti(task / where / NAME, change)
    done = segconv("convert", task, "--to", "7")
    assert (done.code, done.codes()) == (65, [code])
    assert f"{where}/{NAME}: " in done.err
    assert not (segconv.raw / "Dataset007_Phantom").exists()
    segconv("abort", "7")
    assert list(segconv.raw.iterdir()) == []


def test_a_wrong_label_header_is_repaired_on_request(task: Path, segconv: Command) -> None:
    edit_nifti(task / "labelsTr" / NAME, shifted)
    done = segconv("convert", task, "--to", "7", "--label-header", "image")
    assert done.code == 0
    assert "Warning SC093: labelsTr/ct_001.nii.gz" in done.err
    made = segconv.raw / "Dataset007_Phantom"
    label, image = (sitk.ReadImage(str(made / p)) for p in (f"labelsTr/{NAME}", "imagesTr/ct_001_0000.nii.gz"))
    assert np.allclose(label.GetOrigin(), image.GetOrigin(), atol=1e-4)


def test_every_bad_file_is_listed_not_only_the_first(task: Path, segconv: Command) -> None:
    for path in (task / "imagesTr").iterdir():
        path.write_bytes(b"")
    done = segconv("convert", task, "--to", "7", "--json")
    assert [finding["code"] for finding in done.json["findings"]] == ["SC051"] * 4


def test_holes_in_the_labels_are_closed_and_the_way_back_is_kept(task: Path, segconv: Command, tmp_path: Path) -> None:
    table = np.array([0, 205, 420, 500], np.int16)
    for path in (task / "labelsTr").iterdir():
        edit_nifti(path, lambda a, h: (h.set_data_dtype(np.int16), table[a.astype(int)])[1])
    edit_json(task, lambda j: j.update(labels={"0": "background", "205": "liver", "420": "kidney", "500": "tumour"}))
    done = segconv("convert", task, "--to", "7")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset007_Phantom"
    ours = np.asarray(nib.load(made / "labelsTr" / NAME).dataobj)
    theirs = nib.load(task / "labelsTr" / NAME)
    assert np.array_equal(table[ours], np.asarray(theirs.dataobj))
    predictions = tmp_path / "predictions"
    shutil.copytree(made / "labelsTr", predictions)
    assert segconv("restore", predictions, "--like", "7", "-o", tmp_path / "back").code == 0
    back = nib.load(tmp_path / "back" / NAME)
    assert np.array_equal(np.asarray(back.dataobj), np.asarray(theirs.dataobj))
    assert np.allclose(back.affine, theirs.affine, atol=1e-6)


@pytest.mark.parametrize("ending", [".nii", ".NII.GZ"])
def test_other_spellings_of_the_ending_are_read(task: Path, segconv: Command, ending: str) -> None:
    for path in [*task.glob("images*/*"), *task.glob("labels*/*")]:
        data = path.read_bytes() if ending.lower().endswith("gz") else gzip.decompress(path.read_bytes())
        path.with_name(path.name.replace(".nii.gz", ending)).write_bytes(data)
        path.unlink()
    done = segconv("convert", task, "--to", "7")
    assert done.code == 0, done.err
    image = next((segconv.raw / "Dataset007_Phantom" / "imagesTr").iterdir())
    assert image.name.endswith(".nii.gz" if ending == ".NII.GZ" else ".nii")


def test_what_a_json_may_lack_is_counted_or_read_from_the_folders(task: Path, segconv: Command) -> None:
    for key in ("training", "test", "numTest"):
        edit_json(task, lambda j, key=key: j.pop(key))
    edit_json(task, lambda j: j.update(numTraining=99))
    shutil.rmtree(task / "imagesTs")
    (task / "imagesTr" / "._ct_000.nii.gz").write_bytes(b"mac")
    (task / "dataset.json").write_bytes(b"\xef\xbb\xbf" + (task / "dataset.json").read_bytes())
    renamed = task.rename(task.parent / "Task07_My_Own_Organ")
    done = segconv("convert", renamed, "--to", "7")
    assert done.code == 0, done.err
    assert "Warning SC089: dataset.json: numTraining is 99, there are 4" in done.err
    description = json.loads((segconv.raw / "Dataset007_My_Own_Organ" / "dataset.json").read_text())
    assert description["numTraining"] == 4


def test_a_case_that_is_not_listed_is_converted_with_a_warning_or_left_out(task: Path, segconv: Command) -> None:
    edit_json(task, lambda j: j["training"].pop())
    done = segconv("convert", task, "--to", "7", "--json")
    assert [f["code"] for f in done.json["findings"]] == ["SC087"]
    assert done.json["training_cases"] == 4
    done = segconv("convert", task, "--to", "8", "--listed-only", "--json")
    assert done.json["training_cases"] == 3


def test_an_unlabelled_image_is_refused_left_out_or_becomes_a_test_case(task: Path, segconv: Command) -> None:
    (task / "labelsTr" / NAME).unlink()
    edit_json(task, lambda j: j.pop("training"))
    assert segconv("convert", task, "--to", "7").codes() == ["SC080"]
    assert segconv("convert", task, "--to", "7", "--unlabelled", "skip", "--json").json["training_cases"] == 3
    done = segconv("convert", task, "--to", "8", "--unlabelled", "test", "--json")
    assert (done.json["training_cases"], done.json["test_cases"]) == (3, 2)


def test_oddities_are_warnings_and_both_forms_are_written_alike(task: Path, segconv: Command) -> None:
    def conflict(array: np.ndarray, header: nib.Nifti1Header) -> np.ndarray:
        affine = header.get_best_affine()
        header.set_qform(affine, 1)
        affine[0, 3] += 30
        header.set_sform(affine, 2)
        return array

    path = task / "imagesTr" / NAME
    image = nib.load(path)
    array, header = np.asarray(image.dataobj), image.header.copy()
    conflict(array, header)
    data = bytes(header.binaryblock) + bytes(4) + array.T.tobytes()
    path.write_bytes(gzip.compress(data[:108] + np.float32(352).tobytes() + data[112:]))
    done = segconv("convert", task, "--to", "7")
    assert done.code == 0, done.err
    assert f"Warning SC092: imagesTr/{NAME}: " in done.err
    made = segconv.raw / "Dataset007_Phantom" / "imagesTr" / "ct_001_0000.nii.gz"
    assert np.allclose(nib.load(made).get_qform(), nib.load(made).get_sform(), atol=1e-3)
    ours, theirs = sitk.ReadImage(str(made)), sitk.ReadImage(str(path))
    assert np.allclose(ours.GetOrigin(), theirs.GetOrigin(), atol=1e-3)
    assert np.array_equal(sitk.GetArrayFromImage(ours), sitk.GetArrayFromImage(theirs))


def test_files_may_be_copied_without_proof(task: Path, segconv: Command) -> None:
    assert segconv("convert", task, "--to", "7", "--no-verify-source").code == 0
    assert segconv("convert", task, "--to", "8_Phantom").code == 0
    one, two = (segconv.raw / f"Dataset00{n}_Phantom" for n in (7, 8))
    for path in one.glob("images*/*"):
        assert path.read_bytes() == (two / path.relative_to(one)).read_bytes()


def test_the_260_real_cases_keep_every_voxel_and_affine(data: Path, segconv: Command) -> None:
    task = data / "Task04_Hippocampus"
    done = segconv("convert", task, "--to", "4", "-j", "2", "--json")
    assert done.code == 0
    assert done.json["cases"] == 260
    made = segconv.raw / "Dataset004_Hippocampus"
    for source in sorted((task / "imagesTr").glob("*.nii.gz")):
        target = made / "imagesTr" / source.name.replace(".nii.gz", "_0000.nii.gz")
        assert target.read_bytes() == source.read_bytes()
        ours, theirs = nib.load(made / "labelsTr" / source.name), nib.load(task / "labelsTr" / source.name)
        assert np.array_equal(np.asarray(ours.dataobj), np.asarray(theirs.dataobj))
        assert np.array_equal(ours.affine, theirs.affine)
        assert ours.get_data_dtype() == np.uint8


def test_errors_in_the_json_do_not_hide_errors_in_files(task: Path, segconv: Command) -> None:
    edit_json(task, lambda j: (j.pop("modality"), j.pop("labels")))
    (task / "imagesTr" / NAME).write_bytes(b"")
    assert sorted(segconv("convert", task, "--to", "7").codes()) == ["SC051", "SC074", "SC084"]


def test_a_case_must_not_stand_in_training_and_testing(task: Path, segconv: Command) -> None:
    shutil.copy(task / "imagesTr" / NAME, task / "imagesTs" / NAME)
    done = segconv("convert", task, "--to", "7")
    assert (done.code, done.codes()) == (65, ["SC085"])


def test_the_json_must_be_in_the_task(task: Path, segconv: Command, tmp_path: Path) -> None:
    (task / "dataset.json").rename(tmp_path / "elsewhere.json")
    (task / "dataset.json").symlink_to(tmp_path / "elsewhere.json")
    assert segconv("convert", task, "--to", "7").codes() == ["SC060"]


def test_a_task_without_json_is_read_from_its_folders_if_channels_are_given(task: Path, segconv: Command) -> None:
    (task / "dataset.json").unlink()
    done = segconv("convert", task, "--to", "7")
    assert (done.code, done.codes()) == (66, ["SC010"])
    assert "--from msd --channels NAME" in done.err
    done = segconv("convert", task, "--to", "7", "--from", "msd")
    assert (done.code, done.codes()) == (66, ["SC010"])
    done = segconv("convert", task, "--to", "7", "--from", "msd", "--channels", "CT")
    assert done.code == 0, done.err
    assert "note: there is no dataset.json: the folders were read" in done.err
    assert "guessed from values 0 to 3 without a gap" in done.err
    made = segconv.raw / "Dataset007_Phantom"
    found = json.loads((made / "dataset.json").read_text())
    assert found["labels"] == {"background": 0, "class_1": 1, "class_2": 2, "class_3": 3}
    assert (found["channel_names"], found["numTraining"]) == ({"0": "CT"}, 4)
    assert len(list((made / "imagesTs").iterdir())) == 1
    words = ("--channels", "CT", "--labels", "background=0,liver=1,kidney=2,tumour=3")
    assert segconv("convert", task, "--to", "8", "--from", "msd", *words).code == 0
    assert "liver" in json.loads((segconv.raw / "Dataset008_Phantom" / "dataset.json").read_text())["labels"]


def test_cases_and_patients_are_chosen_as_for_any_source(task: Path, segconv: Command) -> None:
    words = ("--cases", "ct_00[0-2],ct_004", "--patient-pattern", "ct_00[0-9]")
    done = segconv("convert", task, "--to", "7", *words)
    assert done.code == 0, done.err
    lines = (segconv.raw / "Dataset007_Phantom" / "segconv" / "cases.jsonl").read_text().splitlines()
    found = {record["case"]: record["patient"] for record in map(json.loads, lines)}
    assert found == {f"ct_00{n}": f"ct_00{n}" for n in (0, 1, 2, 4)}


def test_links_that_leave_the_task_are_followed_where_that_is_allowed(task: Path, segconv: Command) -> None:
    (task / "imagesTr" / NAME).rename(segconv.folder / NAME)
    (task / "imagesTr" / NAME).symlink_to(segconv.folder / NAME)
    assert segconv("convert", task, "--to", "7").codes() == ["SC060"]
    assert segconv("convert", task, "--to", "7", "--allow-external").code == 0


def test_test_images_that_are_listed_and_were_never_unpacked_are_left_out(task: Path, segconv: Command) -> None:
    shutil.rmtree(task / "imagesTs")
    done = segconv("convert", task, "--to", "7")
    assert done.code == 0, done.err
    assert "Warning SC087: dataset.json: lists 1 test image, but the folder imagesTs does not exist" in done.err
    (task / "imagesTs").mkdir()
    assert segconv("convert", task, "--to", "8").codes() == ["SC012"], "one file that is missing is a mistake"


@pytest.mark.parametrize("numbers", [("0001", "0004", "0009", "0507"), ("0000", "0001", "0002", "0003")])
def test_names_of_four_digits_that_the_json_lists_in_full_are_not_channels(
    numbers: tuple[str, ...], task: Path, segconv: Command
) -> None:
    names = {f"ct_00{n}": f"amos_{number}" for n, number in enumerate(numbers)}
    for folder in ("imagesTr", "labelsTr"):
        for old, new in names.items():
            (task / folder / f"{old}.nii.gz").rename(task / folder / f"{new}.nii.gz")
    entries = [{part: f"./{part}sTr/{name}.nii.gz" for part in ("image", "label")} for name in names.values()]
    edit_json(task, lambda found: found.update(training=entries))
    done = segconv("convert", task, "--to", "7_A")
    assert done.code == 0, done.err
    assert ": msd (" in done.err
    made = segconv.raw / "Dataset007_A/imagesTr"
    assert sorted(path.name for path in made.iterdir()) == [f"amos_{number}_0000.nii.gz" for number in numbers]


def test_a_json_that_lists_both_ways_is_refused_with_both_readings(task: Path, segconv: Command) -> None:
    edit_json(task, lambda found: found["training"][0].update(image="./imagesTr/ct.nii.gz"))
    (task / "imagesTr/ct_001.nii.gz").rename(task / "imagesTr/ct_0001.nii.gz")
    done = segconv("convert", task, "--to", "7_A")
    assert (done.code, done.codes()) == (2, ["SC003"])
    assert "--from msd" in done.err
    assert "--from nnunet-v1" in done.err
