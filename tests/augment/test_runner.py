"""An augmented dataset: originals unchanged, image and label on one grid, folds without leaks, and always the same bytes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from skimage import io

from fixtures.make_fixtures import msd_ct, png_shapes
from segconv.dataset.layout import Dataset
from segconv.dataset.splits import leaks

from ..command import Command, tree_hash
from .test_rotation_properties import plain_script

LABELS = "background=0,disc=128,ring=255"


@pytest.fixture
def ct(tmp_path: Path, segconv: Command) -> Path:
    segconv("convert", msd_ct(tmp_path / "src"), "--to", "7_Ct")
    return segconv.raw / "Dataset007_Ct"


@pytest.fixture
def shapes(tmp_path: Path, segconv: Command) -> Path:
    segconv("convert", png_shapes(tmp_path / "src"), "--to", "9_Shapes", "--labels", LABELS)
    return segconv.raw / "Dataset009_Shapes"


def halves(cases: list[str], swapped: bool = False) -> list[dict[str, list[str]]]:
    """Two folds: each half is validated once."""
    folds = [{"train": cases[2:], "val": cases[:2]}, {"train": cases[:2], "val": cases[2:]}]
    return folds[::-1] if swapped else folds


def test_originals_are_carried_and_copies_counted_recorded_and_split(ct: Path, segconv: Command) -> None:
    before = tree_hash(ct)
    done = segconv("augment", "7", "--to", "107_CtAug", "--rotate", "30,60,180", "--planes", "sagittal,coronal")
    assert done.code == 0, done.err
    assert tree_hash(ct) == before
    made = segconv.raw / "Dataset107_CtAug"
    for path in [*ct.glob("images*/*"), *ct.glob("labels*/*")]:
        assert (made / path.relative_to(ct)).read_bytes() == path.read_bytes()
    dataset = Dataset.open(made)
    assert dataset.description.num_training == len(dataset.cases()) == 4 * 7
    records = list(dataset.records())
    copies = [r for r in records if r.parent]
    assert len(copies) == 24
    assert all(r.transform and r.label_map == {"0": 0, "1": 1, "2": 2, "3": 3} for r in copies)
    assert {t["path"] for r in records for t in r.targets} == {str(p.relative_to(made)) for p in made.glob("*T?/*")}
    splits = json.loads((made / "splits_final.json").read_text())
    assert len(splits) == 4
    assert leaks(splits, records) == []
    assert all("_sagittal" not in case and "_coronal" not in case for fold in splits for case in fold["val"])


def test_a_copy_is_what_a_careful_script_makes(ct: Path, segconv: Command) -> None:
    segconv("augment", "7", "--to", "107_CtAug", "--rotate", "30", "--planes", "coronal")
    made = segconv.raw / "Dataset107_CtAug"
    original = Dataset.open(ct)
    from segconv.image.opened import read_image

    volume = read_image(original.image_files("ct_000")[0].read_bytes())
    copy = nib.load(made / "imagesTr" / "ct_000_coronal030_0000.nii.gz")
    expected = plain_script(volume, (0.0, 30.0, 0.0), float(volume.array.min()))
    found = np.asarray(copy.dataobj).T
    assert found.dtype == np.int16
    assert (np.abs(found - expected) <= 0.5).mean() > 0.999
    assert np.array_equal(copy.affine, nib.load(original.image_files("ct_000")[0]).affine)
    label = nib.load(made / "labelsTr" / "ct_000_coronal030.nii.gz")
    assert np.array_equal(label.affine, copy.affine)
    assert set(np.unique(np.asarray(label.dataobj))) <= {0, 1, 2, 3}
    assert found[np.abs(expected - volume.array.min()) < 1e-6].max() == -1024, "what comes in from outside is air"


def test_a_shift_moves_tissue_and_leaves_air(ct: Path, segconv: Command) -> None:
    segconv("augment", "7", "--to", "107_CtAug", "--hu-shift", "40", "--copies", "2", "--seed", "3")
    made = Dataset.open(segconv.raw / "Dataset107_CtAug")
    for record in made.records():
        if not record.parent:
            continue
        assert record.transform is not None
        shift = record.transform["shift_hu"]
        assert abs(shift) == 40
        before = np.asarray(nib.load(made.image_files(record.parent)[0]).dataobj)
        after = np.asarray(nib.load(made.image_files(record.case)[0]).dataobj)
        assert (after[before == -1024] == -1024).all()
        body = before > -900
        assert (after[body] - before[body] == shift).all()


def test_a_copy_keeps_all_parameters_when_it_is_augmented_again(ct: Path, segconv: Command) -> None:
    options = ["--rotate", "30", "--planes", "axial", "--expand", "--label-soft", "--pad-value", "-1000"]
    assert segconv("augment", "7", "--to", "107_CtAug", *options).code == 0
    assert segconv("augment", "107", "--to", "108_CtMore", "--rotate", "10", "--planes", "axial").code == 0
    found = {r.case: r.transform for r in Dataset.open(segconv.raw / "Dataset108_CtMore").records() if r.parent}
    angles = {"sagittal": 0.0, "coronal": 0.0, "axial": 30.0}
    first = {"angle_deg": angles, "shift_hu": 0.0, "expand": True, "label_soft": True, "pad_value": -1000.0}
    assert found["ct_000_axial030"] == first
    second = {"expand": False, "label_soft": False, "pad_value": None}
    assert found["ct_000_axial010"] == {**first, "angle_deg": {**angles, "axial": 10.0}, **second}


@pytest.mark.parametrize("source", ["ct", "shapes"])
def test_bytes_are_the_same_for_any_number_of_workers_and_after_a_stop(
    source: str, request: pytest.FixtureRequest, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = request.getfixturevalue(source)
    words = ["augment", dataset.name, "--rotate-range", "20", "--copies", "2", "--seed", "5"]
    assert segconv(*words, "--to", "101_A", "-j", "1").code == 0
    assert segconv(*words, "--to", "102_A", "-j", "2").code == 0
    from segconv.work import fsops

    fsops._calls.clear()
    monkeypatch.setenv("SEGCONV_FAULT", "EIO@60")
    assert segconv(*words, "--to", "103_A", "-j", "1").code == 74
    monkeypatch.delenv("SEGCONV_FAULT")
    assert not (segconv.raw / "Dataset103_A").exists()
    done = segconv(*words, "--to", "103_A", "-j", "2")
    assert "cases were done before" in done.err
    hashes = {tree_hash(segconv.raw / f"Dataset10{n}_A") for n in (1, 2, 3)}
    assert len(hashes) == 1
    other = [*words[:-1], "6"]
    segconv(*other, "--to", "104_A")
    assert tree_hash(segconv.raw / "Dataset104_A") not in hashes


def test_pictures_turn_in_their_plane_with_their_masks(shapes: Path, segconv: Command) -> None:
    done = segconv("augment", "9", "--to", "109_Aug", "--rotate", "180,30")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset109_Aug"
    for kind, suffix in (("imagesTr", "_0000"), ("labelsTr", "")):
        before = io.imread(made / kind / f"shape-0{suffix}.png")
        assert np.array_equal(io.imread(made / kind / f"shape-0_axial180{suffix}.png"), before[::-1, ::-1])
        assert io.imread(made / kind / f"shape-0_axial030{suffix}.png").shape == before.shape
    assert set(np.unique(io.imread(made / "labelsTr" / "shape-0_axial030.png"))) <= {0, 1, 2}


def test_predictions_of_an_augmented_dataset_come_back_as_well(shapes: Path, segconv: Command, tmp_path: Path) -> None:
    segconv("augment", "9", "--to", "109_Aug", "--rotate", "30")
    made = segconv.raw / "Dataset109_Aug"
    assert segconv("restore", made / "labelsTs", "--like", "109", "-o", tmp_path / "mine").code == 0
    reference = tmp_path / "src" / "png" / "testing" / "output"
    for path in reference.iterdir():
        assert np.array_equal(io.imread(tmp_path / "mine" / path.name), io.imread(path))


def test_an_augmented_dataset_is_not_augmented_twice_over(shapes: Path, segconv: Command) -> None:
    segconv("augment", "9", "--to", "109_Aug", "--rotate", "30")
    done = segconv("augment", "109", "--to", "110_Aug", "--rotate", "60", "--json")
    assert done.json["copies"] == 6, "only originals are copied"
    records = list(Dataset.open(segconv.raw / "Dataset110_Aug").records())
    assert {r.parent for r in records if r.parent} <= {r.case for r in records if not r.parent}


@pytest.mark.parametrize(
    ("words", "exit_code", "code"),
    [
        (["9", "--to", "109", "--rotate", "30", "--planes", "sagittal"], 2, "SC001"),
        (["9", "--to", "109", "--rotate", "30", "--planes", "axial,sagittal"], 2, "SC001"),
        (["9", "--to", "109", "--rotate", "30", "--axis", "i,k"], 2, "SC001"),
        (["9", "--to", "109", "--hu-shift", "30:50"], 65, "SC091"),
        (["9", "--to", "9", "--rotate", "30"], 73, "SC020"),
        (["9", "--to", "109"], 2, "SC001"),
        (["8", "--to", "109", "--rotate", "30"], 66, "SC010"),
        (["9", "--to", "109", "--rotate", "x"], 2, "SC001"),
    ],
)
def test_what_cannot_be_done_is_refused(
    shapes: Path, segconv: Command, words: list[str], exit_code: int, code: str
) -> None:
    done = segconv("augment", *words)
    assert (done.code, done.codes()) == (exit_code, [code])


def test_the_folds_of_the_originals_stay_theirs(ct: Path, segconv: Command) -> None:
    cases = Dataset.open(ct).cases()
    folds = halves(cases)
    (ct / "splits_final.json").write_text(json.dumps(folds))
    done = segconv("augment", "7", "--to", "107", "--rotate", "30,60", "--planes", "axial")
    assert (done.code, "SC095" in done.err) == (0, False)
    made = json.loads((next(segconv.raw.glob("Dataset107*")) / "splits_final.json").read_text())
    assert made == [
        {
            "train": sorted(f"{case}{end}" for case in fold["train"] for end in ("", "_axial030", "_axial060")),
            "val": fold["val"],
        }
        for fold in folds
    ]


def test_an_id_without_a_name_takes_the_name_of_the_source(shapes: Path, segconv: Command) -> None:
    assert segconv("augment", "9", "--to", "109", "--rotate", "30").code == 0
    made = segconv.raw / "Dataset109_Shapes"
    assert json.loads((made / "dataset.json").read_text())["name"] == "Shapes"


@pytest.mark.parametrize("own", [True, False])
def test_folds_that_nnunet_trains_with_beat_those_of_the_dataset(ct: Path, segconv: Command, own: bool) -> None:
    cases = Dataset.open(ct).cases()
    planned = segconv.folder / "nnUNet_preprocessed" / ct.name
    planned.mkdir()
    (planned / "splits_final.json").write_text(json.dumps(halves(cases, swapped=True)))
    (ct / "splits_final.json").unlink()
    if own:
        (ct / "splits_final.json").write_text(json.dumps(halves(cases)))
    done = segconv("augment", "7", "--to", "107", "--rotate", "30", "--planes", "axial")
    assert (done.code, "SC095" in done.err) == (0, False)
    made = json.loads((next(segconv.raw.glob("Dataset107*")) / "splits_final.json").read_text())
    assert [fold["val"] for fold in made] == [cases[2:], cases[:2]]


def test_stale_preprocessed_folds_are_reported_and_those_of_the_dataset_count(ct: Path, segconv: Command) -> None:
    cases = Dataset.open(ct).cases()
    planned = segconv.folder / "nnUNet_preprocessed" / ct.name / "splits_final.json"
    planned.parent.mkdir()
    planned.write_text('[{"train": ["x"], "val": ["y"]}]')
    (ct / "splits_final.json").write_text(json.dumps(halves(cases)))
    done = segconv("augment", "7", "--to", "107", "--rotate", "30", "--planes", "axial")
    assert f"Warning SC095: {planned}: " in done.err
    made = json.loads((next(segconv.raw.glob("Dataset107*")) / "splits_final.json").read_text())
    assert [fold["val"] for fold in made] == [cases[:2], cases[2:]]


@pytest.mark.parametrize(
    "folds",
    [
        [],
        [{"train": []}],
        {"train": 1},
        [1],
        [{"train": ["x"], "val": ["y"]}],
        [{"train": ["ct_000"], "val": ["ct_000"]}],
    ],
)
def test_folds_that_leak_or_name_other_cases_are_made_again_and_reported(
    ct: Path, segconv: Command, folds: object
) -> None:
    before = json.loads((ct / "splits_final.json").read_text())
    (ct / "splits_final.json").write_text(json.dumps(folds))
    done = segconv("augment", "7", "--to", "107", "--rotate", "30", "--planes", "axial")
    assert done.code == 0, done.err
    assert "Warning SC095" in done.err
    made = json.loads((next(segconv.raw.glob("Dataset107*")) / "splits_final.json").read_text())
    assert [fold["val"] for fold in made] == [fold["val"] for fold in before]


def test_cases_that_are_left_out_are_not_counted(ct: Path, segconv: Command) -> None:
    path = Dataset.open(ct).image_files("ct_001")[0]
    path.write_bytes(path.read_bytes()[:-9])
    done = segconv("augment", "7", "--to", "107", "--rotate", "30,60", "--planes", "axial", "--keep-going")
    assert (done.code, done.codes()) == (1, ["SC050"])
    made = Dataset.open(next(segconv.raw.glob("Dataset107*")))
    assert len(made.cases()) == made.description.num_training == 3 * 3
    assert f"Made {made.path} with 9 training cases." in done.err
    folds = json.loads((made.path / "splits_final.json").read_text())
    assert {case for fold in folds for part in fold.values() for case in part} == set(made.cases())


def test_a_copy_must_not_take_the_name_of_a_case_nor_a_dataset_that_of_another(shapes: Path, segconv: Command) -> None:
    for folder, suffix in (("imagesTr", "_0000"), ("labelsTr", "")):
        shutil.copy(shapes / folder / f"shape-1{suffix}.png", shapes / folder / f"shape-0_axial030{suffix}.png")
    assert segconv("augment", "9", "--to", "109", "--rotate", "30").codes() == ["SC085"]
    done = segconv("augment", "9", "--to", "9_Other", "--rotate", "30")
    assert (done.code, done.codes()) == (65, ["SC020", "SC085"]), "both at once"


def test_a_copy_whose_name_would_be_too_long_is_refused(shapes: Path, segconv: Command) -> None:
    for folder, suffix in (("imagesTr", "_0000"), ("labelsTr", "")):
        (shapes / folder / f"shape-1{suffix}.png").rename(shapes / folder / f"{'s' * 192}{suffix}.png")
    done = segconv("augment", "9", "--to", "109", "--rotate", "30")
    assert (done.code, done.codes()) == (65, ["SC090"])
    assert segconv("augment", "9", "--to", "109", "--rotate-range", "30", "-n").code == 0, "_aug01 just fits"


def test_cases_whose_names_are_unfit_are_refused_and_convert_makes_them_fit(
    ct: Path, segconv: Command, tmp_path: Path
) -> None:
    for name in ("segconv", "splits_final.json"):
        (shutil.rmtree if name == "segconv" else Path.unlink)(ct / name)
    odd, test = "it's a name%s $(x) ü", f"-{'t' * 200}"
    (ct / "imagesTr" / "ct_000_0000.nii.gz").rename(ct / "imagesTr" / f"{odd}_0000.nii.gz")
    (ct / "labelsTr" / "ct_000.nii.gz").rename(ct / "labelsTr" / f"{odd}.nii.gz")
    (ct / "imagesTs" / "ct_004_0000.nii.gz").rename(ct / "imagesTs" / f"{test}_0000.nii.gz")
    words = ["--rotate", "30", "--planes", "axial"]
    done = segconv("augment", "7", "--to", "107", *words)
    assert (done.code, done.codes()) == (65, ["SC090", "SC090"])
    assert f"Hint: segconv convert {ct} --to 43_New" in done.err
    assert not list(segconv.raw.glob("*107*/*")), "it was found before anything was written"
    assert segconv("convert", ct, "--to", "8_Fit").code == 0
    assert segconv("augment", "8", "--to", "108", *words).code == 0
    made = Dataset.open(segconv.raw / "Dataset108_Fit")
    for split, name in (("train", odd), ("test", test)):
        case = next(r.case for r in made.records() if r.split == split and r.original_name.startswith(name))
        (tmp_path / split).mkdir()
        shutil.copy(made.label_file(made.cases()[0]), tmp_path / split / f"{case}.nii.gz")
        assert segconv("restore", tmp_path / split, "--like", "108", "-o", tmp_path / f"{split}-mine").code == 0
        assert (tmp_path / f"{split}-mine" / f"{name}.nii.gz").is_file()


def test_a_name_that_stands_for_two_cases_is_refused(ct: Path, segconv: Command) -> None:
    shutil.copy(ct / "imagesTr" / "ct_000_0000.nii.gz", ct / "imagesTs" / "ct_000_0000.nii.gz")
    done = segconv("augment", "7", "--to", "107", "--rotate", "30")
    assert (done.code, done.codes()) == (65, ["SC085"])


def test_unknown_entries_are_reported_and_kept_in_the_lineage(ct: Path, segconv: Command) -> None:
    path = ct / "dataset.json"
    mine = {"overwrite_image_reader_writer": "SimpleITKIO", "scanner": "X"}
    path.write_text(json.dumps({**json.loads(path.read_text()), **mine}))
    words = ["augment", "7", "--to", "107", "--rotate", "30", "--planes", "axial"]
    wording = "Warning SC089: dataset.json: holds 'overwrite_image_reader_writer', 'scanner', "
    assert wording in segconv(*words, "-n").err
    assert segconv(*words, "--strict").codes() == ["SC089"]
    assert not list(segconv.raw.glob("*107*/*")), "it was found before anything was written"
    done = segconv(*words)
    assert (done.code, wording in done.err) == (0, True)
    made = Dataset.open(segconv.raw / "Dataset107_Ct")
    assert not {*mine} & {*json.loads((made.path / "dataset.json").read_text())}
    assert made.run is not None
    assert made.run["extra"] == mine
    assert [found["code"] for found in made.run["findings"]] == ["SC089"]


def test_files_that_the_json_of_another_tool_names_elsewhere_are_not_passed_over(ct: Path, segconv: Command) -> None:
    path = ct / "dataset.json"
    entry = {"images": [str(ct / "imagesTr" / "ct_000_0000.nii.gz")], "label": str(ct / "labelsTr" / "ct_000.nii.gz")}
    path.write_text(json.dumps({**json.loads(path.read_text()), "dataset": {"ct_000": entry}}))
    done = segconv("augment", "7", "--to", "107", "--rotate", "30")
    assert (done.code, done.codes()) == (65, ["SC060"])
    assert "--allow-external" in done.err


def test_a_dataset_that_segconv_did_not_make_is_augmented_too(shapes: Path, segconv: Command) -> None:
    shutil.rmtree(shapes / "segconv")
    assert segconv("augment", "9", "--to", "109_Aug", "--rotate", "30").code == 0
    (shapes / "imagesTr" / "shape-3_0000.png").write_bytes(b"")
    done = segconv("augment", "9", "--to", "110_Aug", "--rotate", "30")
    assert (done.code, done.codes()) == (65, ["SC051"])


def test_the_advice_when_nothing_is_asked_for_works_as_typed(shapes: Path, segconv: Command, tmp_path: Path) -> None:
    segconv("convert", msd_ct(tmp_path / "ct"), "--to", "7_Ct")
    offers = ["--rotate 30,60,180 --planes axial", "--rotate-range 15", "--hu-shift 30:50"]
    for dataset, possible in ((str(shapes), offers[:2]), ("7", offers)):
        done = segconv("augment", dataset, "--to", "60_A", "--dry-run")
        assert done.codes() == ["SC001"], done.err
        assert all(words in done.err for words in offers)
        assert f"{offers[2]} for random shifts, if a channel is CT" in done.err
        for words in possible:
            typed = segconv("augment", dataset, "--to", "60_A", "--dry-run", *words.split())
            assert typed.code == 0, typed.err
