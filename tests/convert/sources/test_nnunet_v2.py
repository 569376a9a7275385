"""nnU-Net v2 datasets as a source: selected, renamed, in other formats, and restored to the first source."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fixtures.make_fixtures import msd_ct, png_shapes
from fixtures.phantoms import shapes

from ...command import Command, tree_hash
from ..oracles import EXACT_MM, FLOAT32_MM, SIZE, assert_same, ct, description, records, voxels, write

LABELS = {"background": 0, "liver": 1, "kidney": 2, "tumour": 3}


def foreign(root: Path, *, ending: str = ".nii.gz", labels: dict[str, Any] | None = None, **more: Any) -> Path:
    """Write a foreign dataset: three training cases and one for testing, without lineage."""
    root = root / "Dataset077_Foreign"
    for number in range(4):
        phantom = ct(number)
        part = "Ts" if number == 3 else "Tr"
        write(root / f"images{part}" / f"case_{number}_0000{ending}", phantom.images[0])
        write(root / f"labels{part}" / f"case_{number}{ending}", phantom.label)
    found = {
        "channel_names": {"0": "CT"},
        "labels": labels or LABELS,
        "numTraining": 3,
        "file_ending": ending,
        "licence": "CC0",
        **more,
    }
    (root / "dataset.json").write_text(json.dumps(found))
    return root


def edit_json(root: Path, change: Callable[[dict[str, Any]], object]) -> None:
    found = json.loads((root / "dataset.json").read_text())
    change(found)
    (root / "dataset.json").write_text(json.dumps(found))


@pytest.mark.parametrize("word", ["77", "077", "77_Foreign", "Dataset077_Foreign"])
def test_a_dataset_is_a_source_by_its_id_or_name(word: str, tmp_path: Path, segconv: Command) -> None:
    foreign(segconv.raw)
    assert segconv("convert", word, "--to", "8_New").code == 0
    assert (segconv.raw / "Dataset008_New" / "dataset.json").is_file()
    there = tmp_path / "77"
    there.mkdir()
    assert segconv("convert", there, "--to", "9_New").codes() == ["SC011"], "a path is read as a path"


def test_a_source_that_is_neither_a_path_nor_a_dataset_is_refused(segconv: Command) -> None:
    done = segconv("convert", "7", "--to", "8_New")
    assert (done.code, done.codes()) == (66, ["SC010"])
    assert "the id or name of a dataset" in done.err


def test_another_ending_than_the_json_says_is_named(tmp_path: Path, segconv: Command) -> None:
    root = foreign(tmp_path)
    edit_json(root, lambda found: found.update(file_ending=".nrrd"))
    done = segconv("convert", root, "--to", "8")
    assert done.code == 65, done.err
    assert "Error SC086: dataset.json: file_ending is '.nrrd', but imagesTr holds case_0_0000.nii.gz" in done.err


def test_a_foreign_dataset_comes_across_byte_for_byte(tmp_path: Path, segconv: Command) -> None:
    root = foreign(tmp_path)
    before = tree_hash(root)
    done = segconv("convert", root, "--to", "8")
    assert done.code == 0, done.err
    assert "nnunet-v2 (dataset.json with channel_names)" in done.err
    made = segconv.raw / "Dataset008_Foreign"
    for path in [*root.glob("images*/*"), *root.glob("labels*/*")]:
        assert (made / path.relative_to(root)).read_bytes() == path.read_bytes()
    found = description(made)
    assert (found["labels"], found["channel_names"], found["licence"]) == (LABELS, {"0": "CT"}, "CC0")
    assert tree_hash(root) == before


@pytest.mark.parametrize("source", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("target", ["nii", "nii.gz", "nrrd", "mha"])
def test_into_another_format(tmp_path: Path, segconv: Command, source: str, target: str) -> None:
    root = foreign(tmp_path, ending=source)
    done = segconv("convert", root, "--to", "8_A", "--format", target)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset008_A"
    assert description(made)["file_ending"] == f".{target}"
    to_nifti = target.startswith("nii") and not source.startswith(".nii")
    for path in [*root.glob("images*/*"), *root.glob("labels*/*")]:
        ours = made / path.parent.name / path.name.replace(source, f".{target}")
        assert_same(ours, path, within_mm=FLOAT32_MM if to_nifti else EXACT_MM)


def test_a_selection_under_other_names(tmp_path: Path, segconv: Command) -> None:
    root = foreign(tmp_path)
    done = segconv("convert", root, "--to", "8_A", "--cases", "case_0,*_3")
    assert done.code == 0, done.err
    assert "SC089" not in done.err, "a selection does not make the count of the source stale"
    made = segconv.raw / "Dataset008_A"
    assert {case: record["split"] for case, record in records(made).items()} == {"case_0": "train", "case_3": "test"}
    (tmp_path / "new.csv").write_text("case,name\ncase_1,Anna\ncase_2,Boris\n")
    done = segconv("convert", root, "--to", "9_A", "--cases", tmp_path / "new.csv")
    assert done.code == 0, done.err
    other = segconv.raw / "Dataset009_A"
    assert_same(other / "labelsTr" / "Boris.nii.gz", root / "labelsTr" / "case_2.nii.gz")
    assert records(other)["Anna"]["original_name"] == "case_1"


def test_regions_and_ignore_are_carried_over(tmp_path: Path, segconv: Command) -> None:
    labels = {"background": 0, "organs": [1, 2, 3], "kidney": 2, "tumour": 3, "ignore": 4}
    root = foreign(tmp_path, labels=labels, regions_class_order=[1, 2, 3])
    done = segconv("convert", root, "--to", "8_A", "--format", "nrrd")
    assert done.code == 0, done.err
    found = description(segconv.raw / "Dataset008_A")
    assert found["labels"] == labels
    assert found["regions_class_order"] == [1, 2, 3]
    assert segconv("convert", root, "--to", "9_A", "--map", "2=tumour").codes() == ["SC074"]


def test_labels_may_be_merged_renamed_and_ignored(tmp_path: Path, segconv: Command) -> None:
    root = foreign(tmp_path)
    done = segconv("convert", root, "--to", "8_A", "--map", "3=liver")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset008_A"
    assert description(made)["labels"] == {"background": 0, "liver": 1, "kidney": 2}
    assert_same(made / "labelsTr/case_0.nii.gz", root / "labelsTr/case_0.nii.gz", table=np.array([0, 1, 2, 1]))
    done = segconv("convert", root, "--to", "9_A", "--labels", "background=0,niere=2,leber=1,mal=3")
    assert done.code == 0, done.err
    assert description(segconv.raw / "Dataset009_A")["labels"] == {"background": 0, "leber": 1, "niere": 2, "mal": 3}
    done = segconv("convert", root, "--to", "10_A", "--ignore", "kidney")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset010_A"
    assert description(made)["labels"] == {"background": 0, "liver": 1, "tumour": 2, "ignore": 3}
    assert_same(made / "labelsTr/case_0.nii.gz", root / "labelsTr/case_0.nii.gz", table=np.array([0, 1, 3, 2]))


def hounsfield_with_holes(tmp_path: Path) -> Path:
    """A foreign task with the labels 0, 205, 420 and 500, in uncompressed NIfTI."""
    root = tmp_path / "src"
    for number in range(4):
        phantom = ct(number)
        write(root / "images" / f"No {number}.nii", phantom.images[0])
        table = np.array([0, 205, 420, 500], np.int16)
        write(root / "masks" / f"No {number}.nii", phantom.label, table[phantom.label.array])
    return root


def test_names_and_values_of_the_first_source_survive_two_conversions(tmp_path: Path, segconv: Command) -> None:
    root = hounsfield_with_holes(tmp_path)
    names = "background=0,liver=205,kidney=420,tumour=500"
    assert segconv("convert", root, "--to", "5_A", "--labels", names, "--channels", "CT").code == 0
    first = segconv.raw / "Dataset005_A"
    done = segconv("convert", first, "--to", "6_B", "--map", "2=tumour", "--format", "nrrd")
    assert done.code == 0, done.err
    second = segconv.raw / "Dataset006_B"
    assert description(second)["labels"] == {"background": 0, "liver": 1, "tumour": 2}
    for record in records(second).values():
        assert record["original_name"].startswith("No ")
        assert record["label_map"] == {"0": 0, "205": 1, "420": 2, "500": 2}
        assert record["label_file"]["ending"] == ".nii"
    shutil.copytree(second / "labelsTr", tmp_path / "predicted")
    stranger = next((tmp_path / "predicted").iterdir())
    shutil.copy(stranger, stranger.with_name("stranger.nrrd"))
    done = segconv("restore", tmp_path / "predicted", "--like", "6", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    merged = np.zeros(501, np.int64)
    merged[[205, 420, 500]] = [205, 500, 500]
    for number in range(4):
        assert_same(tmp_path / "back" / f"No {number}.nii", root / "masks" / f"No {number}.nii", table=merged)
    assert set(np.unique(voxels(tmp_path / "back" / "stranger.nii"))) == {0, 205, 500}


def test_patients_and_folds_come_along(tmp_path: Path, segconv: Command) -> None:
    root = hounsfield_with_holes(tmp_path)
    done = segconv("convert", root, "--to", "5_A", "--accept-labels", "--patient-pattern", "No ([01])|No .")
    done = (
        segconv("convert", root, "--to", "5_A", "--accept-labels", "--patient-pattern", "No .") if done.code else done
    )
    assert done.code == 0, done.err
    first = segconv.raw / "Dataset005_A"
    folds = json.loads((first / "splits_final.json").read_text())
    assert segconv("convert", first, "--to", "6_B").code == 0
    second = segconv.raw / "Dataset006_B"
    assert json.loads((second / "splits_final.json").read_text()) == folds
    assert {c: r["patient"] for c, r in records(second).items()} == {c: r["patient"] for c, r in records(first).items()}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A dataset of grey pictures in two files a case."""
    root = tmp_path / "Dataset078_Two"
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(parents=True)
    for number in range(3):
        phantom = shapes(number, size=(40, 32))
        for channel in range(2):
            plane = np.ascontiguousarray(phantom.images[0].array[..., channel])
            Image.fromarray(plane).save(root / "imagesTr" / f"p{number}_{channel:04d}.png")
        Image.fromarray(phantom.label.array).save(root / "labelsTr" / f"p{number}.png")
    names = {"0": "a", "1": "b"}
    labels = {"background": 0, "disc": 1, "ring": 2}
    found = {"channel_names": names, "labels": labels, "numTraining": 3, "file_ending": ".png"}
    (root / "dataset.json").write_text(json.dumps(found))
    return root


@pytest.mark.parametrize("target", ["png", "tif", "nii.gz"])
def test_pictures_in_several_files(pictures: Path, segconv: Command, target: str) -> None:
    done = segconv("convert", pictures, "--to", "8_A", "--format", target)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset008_A"
    assert description(made)["channel_names"] == {"0": "a", "1": "b"}
    for path in [*pictures.glob("images*/*"), *pictures.glob("labels*/*")]:
        ours = made / path.parent.name / f"{path.stem}.{target}"
        read = voxels(ours)[0] if target == "nii.gz" else np.asarray(Image.open(ours))
        assert np.array_equal(read, np.asarray(Image.open(path)))


def test_a_channel_of_another_size_is_refused(pictures: Path, segconv: Command) -> None:
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(pictures / "imagesTr" / "p1_0001.png")
    done = segconv("convert", pictures, "--to", "8_A")
    assert (done.code, done.codes()) == (65, ["SC082"])
    assert "Error SC082: imagesTr/p1_0001.png: is 8-bit gray, 9×9" in done.err


def test_colour_pictures_keep_the_users_colours_over_two_conversions(tmp_path: Path, segconv: Command) -> None:
    root = png_shapes(tmp_path, cases=3, tests=1, size=(40, 32))
    assert segconv("convert", root, "--to", "5_A", "--labels", "background=0,disc=128,ring=255").code == 0
    assert segconv("convert", segconv.raw / "Dataset005_A", "--to", "6_B").code == 0
    second = segconv.raw / "Dataset006_B"
    assert sorted(path.name for path in (second / "labelsTs").iterdir()) == ["shape-3.png"]
    shutil.copytree(second / "labelsTr", tmp_path / "predicted")
    assert segconv("restore", tmp_path / "predicted", "--like", "6", "-o", tmp_path / "back").code == 0
    for path in (root / "training" / "output").iterdir():
        back = next((tmp_path / "back").rglob(path.name))
        assert np.array_equal(np.asarray(Image.open(back)), np.asarray(Image.open(path)))


def external(root: Path) -> Path:
    """Move the files of a dataset elsewhere, and name them in its json."""
    elsewhere = root.parent / "elsewhere"
    elsewhere.mkdir()
    entries = {}
    for path in sorted((root / "labelsTr").iterdir()):
        case = path.name[: -len(".nii.gz")]
        for file in (path, root / "imagesTr" / f"{case}_0000.nii.gz"):
            shutil.move(file, elsewhere / file.name)
        entries[case] = {
            "images": [str(elsewhere / f"{case}_0000.nii.gz")],
            "label": str(elsewhere / f"{case}.nii.gz"),
        }
    shutil.rmtree(root / "imagesTr")
    shutil.rmtree(root / "labelsTr")
    edit_json(root, lambda j: j.update(dataset=entries))
    return elsewhere


def test_files_elsewhere_are_read_only_where_that_is_allowed(tmp_path: Path, segconv: Command) -> None:
    root = foreign(tmp_path)
    elsewhere = external(root)
    done = segconv("convert", root, "--to", "8_A")
    assert (done.code, done.codes()) == (65, ["SC060"])
    assert "--allow-external" in done.err
    assert list(segconv.raw.iterdir()) == []
    done = segconv("convert", root, "--to", "8_A", "--allow-external")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset008_A"
    assert "dataset" not in description(made)
    assert (made / "imagesTr/case_1_0000.nii.gz").read_bytes() == (elsewhere / "case_1_0000.nii.gz").read_bytes()


def test_variables_in_foreign_paths_are_never_expanded(
    tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = foreign(tmp_path)
    elsewhere = external(root)
    monkeypatch.setenv("ELSEWHERE", str(elsewhere))
    entry = {"images": ["$ELSEWHERE/case_0_0000.nii.gz"], "label": "$ELSEWHERE/case_0.nii.gz"}
    edit_json(root, lambda j: j.update(dataset={"case_0": entry}))
    done = segconv("convert", root, "--to", "8_A", "--allow-external")
    assert set(done.codes()) == {"SC012"}


@pytest.mark.parametrize(
    ("break_it", "exit_code", "code", "file"),
    [
        (lambda r: (r / "labelsTr/case_1.nii.gz").unlink(), 65, "SC080", "imagesTr/case_1_0000.nii.gz"),
        (lambda r: (r / "imagesTr/case_1_0000.nii.gz").unlink(), 65, "SC081", "labelsTr/case_1.nii.gz"),
        (lambda r: (r / "imagesTr/case_1_0000.nii.gz").rename(r / "imagesTr/case_1_0001.nii.gz"), 65, "SC084", "imagesTr/case_1"),
        (lambda r: edit_json(r, lambda j: j.update(channel_names={"0": "CT", "1": "PET"})), 65, "SC084", "imagesTr/case_0_0000.nii.gz"),
        (lambda r: edit_json(r, lambda j: j.update(channel_names={"CT": 0})), 65, "SC086", "dataset.json"),
        (lambda r: edit_json(r, lambda j: j.update(labels={"background": 0, "a": 1, "Ignore": 2, "b": 3})), 65, "SC074", "dataset.json"),
        (lambda r: edit_json(r, lambda j: j.update(labels={"background": 1, "a": 0})), 65, "SC074", "dataset.json"),
        (lambda r: edit_json(r, lambda j: j.pop("file_ending")), 65, "SC086", "dataset.json"),
        (lambda r: edit_json(r, lambda j: j["labels"].pop("tumour")), 65, "SC070", "labelsTr/case_0.nii.gz"),
        (lambda r: edit_json(r, lambda j: j.update(labels={"background": 0, "a": [1, 2, 3], "b": [3]}, regions_class_order=[3, 1])), 65, "SC074", "dataset.json"),
        (lambda r: (r / "imagesTs/case_3_0000.nii.gz").write_bytes(b""), 65, "SC051", "imagesTs/case_3_0000.nii.gz"),
        (lambda r: shutil.rmtree(r / "imagesTr"), 66, "SC011", ""),
        (lambda r: edit_json(r, lambda j: j.update(dataset=[1])), 65, "SC060", "dataset.json"),
    ],
)  # fmt: skip
def test_bad_datasets_are_refused_with_the_file_named(
    tmp_path: Path, segconv: Command, break_it: Callable[[Path], object], exit_code: int, code: str, file: str
) -> None:
    root = foreign(tmp_path)
    break_it(root)
    done = segconv("convert", root, "--to", "8_A")
    assert (done.code, code in done.codes()) == (exit_code, True), done.err
    assert f"Error {code}: {file or root}: " in done.err
    assert not (segconv.raw / "Dataset008_A").exists()


def test_stale_counts_and_unlabelled_images(tmp_path: Path, segconv: Command) -> None:
    root = foreign(tmp_path)
    edit_json(root, lambda j: j.update(numTraining=12))
    (root / "labelsTr" / "case_1.nii.gz").unlink()
    done = segconv("convert", root, "--to", "8_A", "--unlabelled", "skip")
    assert done.code == 0, done.err
    assert "Warning SC089: dataset.json: numTraining is 12, there are 2; counted again" in done.err
    done = segconv("convert", root, "--to", "9_A", "--unlabelled", "test", "--json")
    assert (done.json["training_cases"], done.json["test_cases"]) == (2, 2)


def test_converting_twice_is_the_same_as_once(tmp_path: Path, segconv: Command) -> None:
    task = msd_ct(tmp_path / "src", size=SIZE)
    assert segconv("convert", task, "--to", "5_A").code == 0
    assert segconv("convert", segconv.raw / "Dataset005_A", "--to", "6_A").code == 0
    one, two = (segconv.raw / f"Dataset00{n}_A" for n in (5, 6))
    for folder in ("imagesTr", "labelsTr", "imagesTs"):
        assert tree_hash(one / folder) == tree_hash(two / folder)
    assert (one / "dataset.json").read_bytes() == (two / "dataset.json").read_bytes()
    for case, record in records(two).items():
        first = records(one)[case]
        for key in ("original_name", "label_map", "label_file", "geometry", "patient", "label_voxels"):
            assert record[key] == first[key], key


def test_pictures_that_hold_different_numbers_of_channels_are_refused_or_taken_apart(
    tmp_path: Path, segconv: Command
) -> None:
    """nnU-Net stacks the files of a case, and stops where one holds three channels and another one."""
    folder = tmp_path / "Dataset043_Mixed"
    random = np.random.default_rng(0)
    for name, shape, high in (
        ("imagesTr/a_0000", (20, 30, 3), 255),
        ("imagesTr/a_0001", (20, 30), 255),
        ("labelsTr/a", (20, 30), 2),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, high, shape).astype(np.uint8)).save(folder / f"{name}.png")
    description = {
        "channel_names": {"0": "R", "1": "G", "2": "B", "3": "x"},
        "labels": {"background": 0, "x": 1},
        "numTraining": 1,
    }
    (folder / "dataset.json").write_text(json.dumps({**description, "file_ending": ".png"}))
    refused = segconv("convert", folder, "--to", "44")
    assert (refused.code, refused.codes()) == (65, ["SC084"])
    assert "imagesTr/a_0001.png" in refused.err
    assert "--format nii.gz" in refused.err
    done = segconv("convert", folder, "--to", "44", "--format", "nii.gz", "--restart")
    assert done.code == 0, done.err
    images = sorted((segconv.raw / "Dataset044_Mixed" / "imagesTr").iterdir())
    assert [voxels(path).size for path in images] == [600] * 4
    assert segconv("check", "44").code == 0


@pytest.mark.parametrize(
    "labels",
    [
        {"liver": 1, "kidney": 2, "tumour": 3},
        {"Background": 0, "liver": 1, "kidney": 2, "tumour": 3},
        {"0": "background", "1": "liver", "2": "kidney", "3": "tumour"},
    ],
)
def test_labels_that_nnunet_does_not_take_are_declared_by_the_hint(
    tmp_path: Path, segconv: Command, labels: dict[str, Any]
) -> None:
    root = foreign(tmp_path, labels=labels)
    done = segconv("convert", root, "--to", "5_A")
    assert (done.code, done.codes()) == (65, ["SC074"]), done.err
    declared = "background=0,liver=1,kidney=2,tumour=3"
    assert f"Hint: --labels {declared}\n" in done.err
    done = segconv("convert", root, "--to", "5_A", "--labels", declared)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset005_A"
    assert description(made)["labels"] == LABELS
    assert_same(made / "labelsTr" / "case_0.nii.gz", root / "labelsTr" / "case_0.nii.gz")


@pytest.mark.parametrize(
    "labels",
    [{"liver": 0, "x": 1}, {"background": 1, "liver": 0}, {"a": 1, "b": 1}, {"a=b": 1}, {"a": 1, "a ": 2}],
)
def test_labels_that_say_nothing_certain_are_not_declared_by_the_hint(
    tmp_path: Path, segconv: Command, labels: dict[str, Any]
) -> None:
    done = segconv("convert", foreign(tmp_path, labels=labels), "--to", "5_A")
    assert done.codes() == ["SC074"], done.err
    assert "--labels background=0" not in done.err
