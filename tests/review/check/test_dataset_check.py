"""Every defect is found, with its code and file; good datasets have none; for any number of workers."""

from __future__ import annotations

import codecs
import gzip
import json
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from skimage import io

from fixtures.make_fixtures import msd_ct, msd_tumour, png_shapes
from segconv.errors import SegconvError
from segconv.image.resample import rotation_matrix
from segconv.review.check.dataset_check import Report, check_dataset
from segconv.work.run_options import Workers

from ...command import Command
from ...convert.oracles import ct, write
from .. import datasets
from ..datasets import CASES, edit, even_folds, folds
from ..defects import ALL, IMAGE, LABEL, PASSED, marked, moved, moved_out, outside, with_lineage
from ..defects import elsewhere as named_elsewhere


def wording(report: Report) -> list[tuple[str, str, str]]:
    return [(finding.code, finding.severity, finding.file) for finding in report.findings]


# --- what is wrong is found


@pytest.mark.parametrize("name", ALL)
def test_a_defect_is_found_with_its_code_and_file(name: str, tmp_path: Path) -> None:
    defect = ALL[name]
    root = defect.make(tmp_path)
    defect.plant(root)
    report = check_dataset(root)
    assert (defect.code, defect.severity, defect.file) in wording(report)
    assert report.ok == all(severity == "warning" for _, severity, _ in wording(report))
    assert all(finding.message for finding in report.findings)
    assert "SC104" not in {code for code, *_ in wording(report)}, "nothing was unforeseen"
    if defect.quick:
        assert (defect.code, defect.severity, defect.file) in wording(check_dataset(root, quick=True))


@pytest.fixture
def verify(in_threads: None) -> Callable[[Path], None]:
    """nnU-Net's own check."""
    check = pytest.importorskip("nnunetv2.experiment_planning.verify_dataset_integrity")
    verified: Callable[[str, int], None] = check.verify_dataset_integrity
    return lambda root: verified(str(root), 1)


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PASSED)
def test_nnunets_own_check_passes_it(
    name: str, tmp_path: Path, verify: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    root = PASSED[name].make(tmp_path)
    PASSED[name].plant(root)
    verify(root)
    assert "most likely OK" in capsys.readouterr().out


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")
def test_headers_that_nnunets_own_check_refuses_are_refused(tmp_path: Path, verify: Callable[[Path], None]) -> None:
    root = datasets.volumes(tmp_path, cases=5)
    chance = random.Random(5)
    refused = 0
    for _ in range(60):
        path = root / chance.choice([IMAGE, LABEL])
        before = path.read_bytes()
        raw = bytearray(gzip.decompress(before))
        raw[chance.randrange(40, 128)] = chance.choice([0, 1, 2, 4, 8, 64, 127, 128, 255])
        path.write_bytes(gzip.compress(bytes(raw), 1))
        try:
            verify(root)
        except Exception:  # noqa: BLE001 - whatever it raises
            refused += 1
            assert not check_dataset(root).ok
        path.write_bytes(before)
    assert refused >= 3


def test_every_defect_of_a_dataset_is_reported_at_once_errors_first(tmp_path: Path) -> None:
    root = datasets.volumes(tmp_path)
    edit(root, lambda j: j.update(numTraining=3, labels={**j["labels"], "Ignore": 4}, channel_names={"CT": 0}))
    (root / IMAGE).write_bytes(b"")
    (root / LABEL).write_bytes((root / LABEL).read_bytes()[:-9])
    (root / "imagesTr" / "notes.txt").write_text("x")
    found = wording(check_dataset(root))
    for expected in (
        ("SC089", "error", "dataset.json"),
        ("SC074", "error", "dataset.json"),
        ("SC086", "error", "dataset.json"),
        ("SC051", "error", IMAGE),
        ("SC050", "error", LABEL),
        ("SC063", "warning", "imagesTr"),
    ):
        assert expected in found
    severities = [severity for _, severity, _ in found]
    assert severities == sorted(severities), "errors first"


def test_findings_are_the_same_for_any_number_of_workers(tmp_path: Path) -> None:
    root = datasets.channels(tmp_path, cases=8)
    random.seed(3)
    for path in sorted((root / "imagesTr").iterdir()):
        if random.random() < 0.4:
            path.write_bytes(path.read_bytes()[: random.randrange(900)])
    one = check_dataset(root)
    assert one.errors >= 5
    assert check_dataset(root, Workers(jobs=2, backend="loky")) == one, "named, because so few files need no workers"
    assert [f.file for f in one.findings if f.code in ("SC050", "SC051", "SC052")] == sorted(
        f.file for f in one.findings if f.code in ("SC050", "SC051", "SC052")
    )


@pytest.mark.parametrize("ending", [".nii.gz", ".png"])
def test_a_flipped_bit_is_found_or_does_no_harm(ending: str, tmp_path: Path) -> None:
    root = datasets.volumes(tmp_path, cases=5) if ending == ".nii.gz" else datasets.pictures(tmp_path, cases=5)
    good = check_dataset(root)
    assert good.ok
    files = [p for p in sorted(root.rglob(f"*{ending}")) if p.parent.name != "imagesTs"]
    chance = random.Random(7)
    for _ in range(40):
        path = chance.choice(files)
        before = path.read_bytes()
        bit = chance.randrange(len(before) * 8)
        flipped = bytearray(before)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        report = check_dataset(root)
        if report.findings == good.findings:
            # Bits that nothing depends on: the time and the system in the header of a gzip stream.
            assert ending == ".nii.gz"
            assert gzip.decompress(bytes(flipped)) == gzip.decompress(before)
        path.write_bytes(before)


# --- good datasets


FOREIGN: dict[str, Callable[[Path], Path]] = {
    **{f"volumes{e}": lambda raw, e=e: datasets.volumes(raw, e) for e in (".nii.gz", ".nii", ".nrrd", ".mha")},
    "channels": datasets.channels,
    **{f"pictures{e}": lambda raw, e=e: datasets.pictures(raw, e) for e in (".png", ".bmp", ".tif")},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_good_datasets_that_segconv_did_not_make_have_no_findings(name: str, tmp_path: Path) -> None:
    root = FOREIGN[name](tmp_path)
    assert wording(check_dataset(root)) == []
    assert wording(check_dataset(root, quick=True)) == []


MADE: dict[str, tuple[Callable[[Path], Path], tuple[str, ...]]] = {
    "png": (png_shapes, ("--accept-labels",)),
    "png as volumes": (png_shapes, ("--accept-labels", "--format", "nii.gz")),
    "png as tif": (png_shapes, ("--accept-labels", "--format", "tif")),
    "png, linked": (png_shapes, ("--accept-labels", "--link", "symlink")),
    "msd": (msd_ct, ()),
    "msd, 4D": (msd_tumour, ()),
    "msd, hard links": (msd_ct, ("--link", "hard")),
    "msd, links": (msd_ct, ("--link", "symlink")),
    "msd, left where it is": (msd_ct, ("--link", "external")),
    "msd as nrrd": (msd_ct, ("--format", "nrrd")),
    "msd as mha": (msd_ct, ("--format", "mha")),
    "msd as nii": (msd_ct, ("--format", "nii")),
}


@pytest.mark.parametrize("name", MADE)
def test_what_segconv_makes_has_no_errors(name: str, tmp_path: Path, segconv: Command) -> None:
    make, words = MADE[name]
    done = segconv("convert", make(tmp_path / "src"), "--to", "42_Made", *words)
    assert done.code == 0, done.err
    checked = segconv("check", "42", "--json")
    assert checked.code == 0, checked.json["findings"]
    assert {found["code"] for found in checked.json["findings"]} <= {"SC077", "SC099"}
    assert segconv("check", "42", "--quick").code == 0


def test_augmented_datasets_have_no_errors(tmp_path: Path, segconv: Command) -> None:
    segconv("convert", msd_ct(tmp_path / "src"), "--to", "42_Made")
    assert segconv("augment", "42", "--to", "142_Aug", "--rotate", "30", "--planes", "axial").code == 0
    checked = segconv("check", "142", "--json")
    assert checked.code == 0, checked.json["findings"]
    (segconv.raw / "Dataset142_Aug" / "splits_final.json").unlink()
    checked = segconv("check", "142", "--json")
    assert [f["code"] for f in checked.json["findings"] if f["severity"] == "error"] == ["SC095"], (
        "without our folds nnU-Net separates copies from their originals"
    )


def test_the_260_real_cases_have_no_errors(data: Path, segconv: Command) -> None:
    segconv("convert", data / "Task04_Hippocampus", "--to", "4")
    done = segconv("check", "4", "-j", "2", "--json")
    assert done.code == 0
    assert done.json["facts"]["cases"] == {"train": 260}
    assert [found["code"] for found in done.json["findings"]] == ["SC084"], "two voxel types"


# --- lineage


def test_a_file_that_changed_since_it_was_written_is_an_error(tmp_path: Path, segconv: Command) -> None:
    segconv("convert", msd_ct(tmp_path / "src"), "--to", "42_Made", "--format", "nii")
    root = segconv.raw / "Dataset042_Made"
    assert check_dataset(root).ok
    image = sorted((root / "imagesTr").iterdir())[1]
    changed = bytearray(image.read_bytes())
    changed[-7] ^= 1
    image.write_bytes(changed)
    assert ("SC033", "error", f"imagesTr/{image.name}") in wording(check_dataset(root))
    assert check_dataset(root, quick=True).ok, "the size is the same, and more is not looked at"
    image.write_bytes(bytes(changed) + b"0")
    assert ("SC033", "error", f"imagesTr/{image.name}") in wording(check_dataset(root, quick=True))


def test_added_and_removed_cases_are_reported(tmp_path: Path, segconv: Command) -> None:
    segconv("convert", msd_ct(tmp_path / "src"), "--to", "42_Made")
    root = segconv.raw / "Dataset042_Made"
    (root / "imagesTr" / "ct_001_0000.nii.gz").rename(root / "imagesTr" / "new_0000.nii.gz")
    (root / "labelsTr" / "ct_001.nii.gz").rename(root / "labelsTr" / "new.nii.gz")
    report = check_dataset(root)
    assert [f.message.split()[-1] for f in report.findings if f.code == "SC087"] == ["ct_001", "new"]
    assert ("SC099", "error", "splits_final.json") in wording(report), "the folds know nothing of it"


def test_folds_that_separate_a_patient_are_an_error(tmp_path: Path, segconv: Command) -> None:
    segconv("convert", msd_ct(tmp_path / "src", cases=6), "--to", "42_Made")
    root = segconv.raw / "Dataset042_Made"
    assert check_dataset(root).ok
    lines = [json.loads(line) for line in (root / "segconv" / "cases.jsonl").read_text().splitlines()]
    for line in lines:
        line["patient"] = "one" if line["case"] in ("ct_000", "ct_001") else None
    (root / "segconv" / "cases.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    folds(root, even_folds([f"ct_{n:03d}" for n in range(6)]))
    for quick in (False, True):
        assert ("SC095", "error", "splits_final.json") in wording(check_dataset(root, quick=quick))


# --- links and the key dataset


def test_links_that_leave_are_followed_where_that_is_allowed(tmp_path: Path) -> None:
    root = datasets.volumes(tmp_path)
    outside(root)
    report = check_dataset(root)
    assert (report.ok, report.cases) == (False, CASES)
    allowed = check_dataset(root, allow_external=True)
    assert (allowed.ok, allowed.cases) == (True, CASES + 1)


def test_the_key_dataset_is_followed_where_that_is_allowed(tmp_path: Path) -> None:
    root = datasets.volumes(tmp_path)
    named_elsewhere(root)
    assert check_dataset(root, allow_external=True).ok
    edit(root, lambda j: j["dataset"]["c0"].update(images=["$HOME/c0.nii.gz"]))
    edit(root, lambda j: j["dataset"]["c1"].update(label="labelsTr/gone.nii.gz"))
    found = wording(check_dataset(root, allow_external=True))
    assert ("SC060", "error", "$HOME/c0.nii.gz") in found
    assert ("SC012", "error", "labelsTr/gone.nii.gz") in found
    edit(root, lambda j: j["dataset"]["c2"].update(images=[]))
    assert ("SC084", "error", "dataset.json") in wording(check_dataset(root, allow_external=True))
    edit(root, lambda j: j["dataset"].update(c0={"images": "no list"}))
    assert ("SC086", "error", "dataset.json") in wording(check_dataset(root, allow_external=True))


@pytest.mark.parametrize("name", ["../../../c9", "/c9", "a/b", "c9/", "a\\b", "a\0b", "", ".", ".."])
@pytest.mark.parametrize("written_by_segconv", [False, True])
def test_a_case_that_is_named_into_another_folder_is_an_error_in_any_case(
    name: str, written_by_segconv: bool, tmp_path: Path
) -> None:
    root = datasets.volumes(tmp_path)
    named_elsewhere(root)
    edit(root, lambda j: j["dataset"].update({name: j["dataset"].pop("c0")}))
    if written_by_segconv:
        (root / "segconv").mkdir()
        (root / "segconv" / "run.json").write_text('{"options": {"link": "external"}}')
    for quick in (False, True):
        for allowed in (False, True):
            report = check_dataset(root, quick=quick, allow_external=allowed)
            said = [f for f in report.findings if f.code == "SC060" and "has the case" in f.message]
            assert [(f.severity, f.file) for f in said] == [("error", "dataset.json")]
            assert repr(name) in said[0].message


@pytest.mark.parametrize("name", ["-c9", ".c9", "..c9", "c 9", "caf\u00e9"])
def test_odd_names_in_the_key_dataset_are_only_a_warning(name: str, tmp_path: Path) -> None:
    root = datasets.volumes(tmp_path)
    named_elsewhere(root)
    edit(root, lambda j: j["dataset"].update({name: j["dataset"].pop("c0")}))
    assert wording(check_dataset(root, allow_external=True)) == [("SC090", "warning", "imagesTr/c0_0000.nii.gz")]


def test_a_name_that_holds_nul_is_an_error(tmp_path: Path) -> None:
    root = datasets.volumes(tmp_path)
    named_elsewhere(root)
    edit(root, lambda j: j["dataset"]["c0"].update(images=["imagesTr/c0\0_0000.nii.gz"]))
    assert ("SC060", "error", repr("imagesTr/c0\0_0000.nii.gz")) in wording(check_dataset(root, allow_external=True))


@pytest.mark.parametrize("name", ["splits_final.json", "segconv/run.json", "segconv/cases.jsonl"])
def test_own_files_that_are_links_are_followed_where_that_is_allowed(name: str, tmp_path: Path) -> None:
    root = datasets.volumes(tmp_path)
    with_lineage(root)
    folds(root, even_folds([f"c{n}" for n in range(CASES)]))
    moved_out(name)(root)
    assert wording(check_dataset(root)) == [("SC060", "error", name)]
    assert check_dataset(root, allow_external=True).findings == ()


def test_a_dataset_json_that_is_a_link_is_followed_inside_of_the_dataset_or_where_that_is_allowed(
    tmp_path: Path,
) -> None:
    root = datasets.volumes(tmp_path)
    moved_out("dataset.json")(root)
    with pytest.raises(SegconvError) as refused:
        check_dataset(root)
    assert [(f.code, f.file) for f in refused.value.findings] == [("SC060", "dataset.json")]
    assert "is a link that leaves the dataset" in refused.value.findings[0].message
    assert check_dataset(root, allow_external=True).ok
    (root / "json").mkdir()
    shutil.move(tmp_path / "elsewhere", root / "json" / "mine.json")
    (root / "dataset.json").unlink()
    (root / "dataset.json").symlink_to("json/mine.json")
    assert check_dataset(root).ok


# --- interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", ["take_inventory", "check_cases", "judge_fold_files"])
def test_interrupting_the_check_of_a_repair_says_that_the_dataset_exists(
    number: signal.Signals, step: str, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets.volumes(segconv.raw)
    monkeypatch.setattr(f"segconv.review.check.dataset_check.{step}", lambda *_, **__: signal.raise_signal(number))
    done = segconv("repair", "7", "--to", "8_Mended")
    made = segconv.raw / "Dataset008_Mended"
    assert done.code == 128 + number
    assert f"interrupted; {made.name} exists, but was not checked to the end" in done.err
    assert f"segconv check {made}" in done.err
    monkeypatch.undo()
    assert check_dataset(made).ok


# --- text that nnU-Net cannot read


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")
def test_a_byte_order_mark_stops_nnunet_and_conversion_removes_it(tmp_path: Path, segconv: Command) -> None:
    files = pytest.importorskip("batchgenerators.utilities.file_and_folder_operations")
    root = datasets.volumes(segconv.raw)
    folds(root, even_folds([f"c{n}" for n in range(CASES)]))
    for name in ("dataset.json", "splits_final.json"):
        marked(name)(root)
        with pytest.raises(ValueError, match="BOM"):
            files.load_json(str(root / name))
    assert [f[2] for f in wording(check_dataset(root))] == ["dataset.json", "splits_final.json"]
    done = segconv("repair", "7", "--to", "8_Mended")
    assert done.code == 0, done.err
    mended = segconv.raw / "Dataset008_Mended"
    assert check_dataset(mended).ok
    assert files.load_json(str(mended / "splits_final.json")) == even_folds([f"c{n}" for n in range(CASES)])


@pytest.mark.parametrize("name", ["a", "regions_class_order"])
def test_text_that_nnunet_turns_into_numbers_is_a_warning(name: str, tmp_path: Path) -> None:
    root = datasets.volumes(tmp_path)
    names = list(json.loads((root / "dataset.json").read_text())["labels"])
    if name == "a":
        edit(root, lambda j: j["labels"].update({names[1]: ["1"]}))
    else:
        edit(root, lambda j: j.update(regions_class_order=["1", "2", "3"]))
    assert wording(check_dataset(root)) == [("SC074", "warning", "dataset.json")]


# --- folds of the preprocessed dataset


def test_folds_that_nnunet_trains_with_are_judged_as_well(tmp_path: Path, segconv: Command) -> None:
    root = datasets.volumes(segconv.raw)
    names = [f"c{n}" for n in range(CASES)]
    folds(root, even_folds(names))
    planned = segconv.folder / "nnUNet_preprocessed" / root.name
    planned.mkdir()
    folds(planned, even_folds(names))
    assert segconv("check", "7").code == 0
    folds(planned, even_folds(names[:5]))
    done = segconv("check", "7", "--json")
    assert done.code == 1
    assert {(f["code"], f["severity"]) for f in done.json["findings"]} == {("SC099", "error"), ("SC099", "warning")}
    assert {f["file"] for f in done.json["findings"]} == {str(planned / "splits_final.json")}


def test_too_few_cases_for_folds_are_reported(tmp_path: Path) -> None:
    assert wording(check_dataset(datasets.volumes(tmp_path, cases=3))) == [("SC099", "warning", "splits_final.json")]


# --- TIFF with pages


def test_tiff_with_pages_and_their_spacings(tmp_path: Path) -> None:
    root = datasets.pictures(tmp_path, ".tif")
    for path in sorted(root.glob("*Tr/*.tif")):
        array = io.imread(path)
        stack = np.stack([array[..., 0] if array.ndim == 3 else array] * 5)
        tifffile.imwrite(path, stack, photometric="minisblack")
    edit(root, lambda j: j.update(channel_names={"0": "EM"}))
    assert wording(check_dataset(root)) == []
    (root / "imagesTr" / "s1.json").write_text('{"spacing": [2, 1, 1]}')
    assert wording(check_dataset(root)) == [("SC083", "error", "labelsTr/s1.tif")]
    (root / "labelsTr" / "s1.json").write_text('{"spacing": [2, 1, 1]}')
    assert wording(check_dataset(root)) == []
    (root / "labelsTr" / "s1.json").write_text('{"voxel": 1}')
    assert wording(check_dataset(root)) == [("SC086", "error", "labelsTr/s1.json")]
    (root / "labelsTr" / "s1.json").write_bytes(codecs.BOM_UTF8 + b'{"spacing": [2, 1, 1]}')
    assert wording(check_dataset(root)) == [("SC086", "error", "labelsTr/s1.json")]
    moved_out("labelsTr/s1.json")(root)
    assert wording(check_dataset(root)) == [("SC060", "error", "labelsTr/s1.json")]
    (root / "labelsTr" / "s1.json").unlink()
    (root / "imagesTr" / "s1.json").unlink()
    tifffile.imwrite(root / "imagesTr" / "s2_0000.tif", tifffile.imread(root / "imagesTr" / "s2_0000.tif")[0])
    found = wording(check_dataset(root))
    assert ("SC082", "error", "labelsTr/s2.tif") in found
    assert ("SC084", "error", "imagesTr") in found


# --- facts


def test_facts_are_those_of_the_files(tmp_path: Path) -> None:
    import nibabel as nib

    root = datasets.volumes(tmp_path)
    facts = check_dataset(root).facts
    images = [nib.load(p) for p in sorted((root / "imagesTr").iterdir())]
    labels = np.stack([np.asarray(nib.load(p).dataobj) for p in sorted((root / "labelsTr").iterdir())])
    assert facts["cases"] == {"train": CASES, "test": 1}
    assert {row["value"]: row["voxels"] for row in facts["labels"]} == {
        value: int((labels == value).sum()) for value in range(4)
    }
    assert [row["cases"] for row in facts["labels"]] == [
        int((labels == value).any(axis=(1, 2, 3)).sum()) for value in range(4)
    ]
    assert facts["channels"][0]["low"] == min(float(np.asarray(i.dataobj).min()) for i in images)
    assert facts["channels"][0]["normalisation"].startswith("CT")
    assert facts["size"]["largest"] == list(images[0].shape)
    assert list(facts["orientations"]) == ["".join(nib.aff2axcodes(images[0].affine))]


def test_axes_of_an_oblique_volume_point_to_three_sides(tmp_path: Path) -> None:
    import nibabel as nib

    root = datasets.volumes(tmp_path, cases=1)
    affine = np.eye(4)
    affine[:3, :3] = rotation_matrix((-38.0, 41.0, -54.0), 3)
    assert len(set(np.abs(affine[:3, :3]).argmax(axis=0))) < 3  # two axes are nearest to the same side
    for path in root.glob("*/*.nii.gz"):
        datasets.change_nifti(path, lambda voxels, _: (voxels, affine))
    facts = check_dataset(root, quick=True).facts
    assert list(facts["orientations"]) == ["".join(nib.aff2axcodes(affine))]


@pytest.mark.train
def test_normalisations_are_nnunets() -> None:
    from nnunetv2.preprocessing.normalization.map_channel_name_to_normalization import (
        channel_name_to_normalization_mapping,
    )

    from segconv.dataset.channels import _SCHEMES

    assert set(_SCHEMES) == set(channel_name_to_normalization_mapping)


# --- the command


def test_the_command_reports_what_it_found_and_ends_with_1(segconv: Command, tmp_path: Path) -> None:
    root = datasets.volumes(segconv.raw)
    done = segconv("check", "7")
    assert done.code == 0
    assert "Dataset007_Ct: OK, 0 warnings" in done.err
    assert "Next: segconv plan 7" in done.err
    (root / IMAGE).write_bytes((root / IMAGE).read_bytes() + b"tail")
    assert segconv("check", root).code == 0
    assert segconv("check", "Dataset007_Ct", "--strict").code == 1
    (root / LABEL).unlink()
    done = segconv("check", "7_Ct")
    assert done.code == 1
    assert done.codes() == ["SC080"]
    assert "Warning SC059" in done.err
    assert "Dataset007_Ct: 1 error, 1 warning" in done.err
    found = segconv("check", "7", "--json").json
    assert (found["ok"], found["counts"]) == (False, {"errors": 1, "warnings": 1})


def test_many_findings_are_counted_by_code(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=25)
    for path in (root / "labelsTr").iterdir():
        path.unlink()
    done = segconv("check", "7")
    assert done.err.count("Error SC080") == 1
    assert " (and 24 more files; --json lists all)" in done.err
    assert "SC080 no label: 25 errors" in done.err


def test_unopenable_streams_are_reported_by_the_exit_code(segconv: Command, tmp_path: Path) -> None:
    assert segconv("check", "7").code == 66
    (tmp_path / "Dataset001_A").mkdir()
    assert segconv("check", tmp_path / "Dataset001_A").code == 66
    for text in ("{", "[]", '{"a": 1, "a": 2}'):
        (tmp_path / "Dataset001_A" / "dataset.json").write_text(text)
        assert segconv("check", tmp_path / "Dataset001_A").code == 65
    with pytest.raises(SegconvError):
        check_dataset(tmp_path / "nowhere")


@pytest.mark.parametrize("bad", ["/nope", "relative", '"/tmp"'])
@pytest.mark.parametrize("dataset", ["7", "7_Ct", "Dataset007_Ct"])
def test_a_bad_folder_is_reported_where_a_dataset_is_looked_up(
    bad: str, dataset: str, segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets.volumes(segconv.raw)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("nnUNet_raw", bad)
    done = segconv("check", dataset)
    assert (done.code, done.codes()) == (78, ["SC040"])
    assert f"variable nnUNet_raw: {bad!r}" in done.err
    monkeypatch.setenv("nnUNet_raw", str(segconv.raw))
    done = segconv("check", dataset, "--raw", bad)
    assert (done.code, done.codes()) == (78, ["SC040"])
    assert "--raw: " in done.err


def test_a_bad_folder_does_not_matter_to_a_dataset_that_is_given_as_a_path(
    segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = datasets.volumes(segconv.raw)
    monkeypatch.setenv("nnUNet_raw", "/nope")
    assert segconv("check", root).code == 0
    monkeypatch.chdir(segconv.raw)
    assert segconv("check", root.name).code == 0
    (root / "dataset.json").unlink()
    done = segconv("check", root)
    assert (done.code, done.codes()) == (66, ["SC010"])
    assert f"{root}/dataset.json: does not exist" in done.err
    monkeypatch.delenv("nnUNet_raw")
    done = segconv("check", "7")
    assert (done.code, done.codes()) == (66, ["SC010"])
    assert "nnUNet_raw is not set" in done.err


def test_nnunet_does_not_see_endings_in_capitals(tmp_path: Path) -> None:
    root = datasets.pictures(tmp_path)
    for path in sorted(root.glob("*Tr/*.png")):
        path.rename(path.with_suffix(".PNG"))
    report = check_dataset(root)
    assert ("SC011", "error", "imagesTr") in wording(report)
    assert any(".PNG files, nnU-Net reads only .png" in finding.message for finding in report.findings)


def test_a_folder_that_nnunet_would_not_find_is_reported(tmp_path: Path) -> None:
    root = datasets.volumes(tmp_path).rename(tmp_path / "Ct")
    assert ("SC094", "error", "Ct") in wording(check_dataset(root))


def test_nothing_is_written(tmp_path: Path) -> None:
    from ...command import tree_hash

    root = datasets.volumes(tmp_path)
    before = tree_hash(tmp_path)
    check_dataset(root)
    assert tree_hash(tmp_path) == before
    shutil.rmtree(root)


def test_a_label_a_little_off_its_image_is_a_warning(tmp_path: Path) -> None:
    root = datasets.volumes(tmp_path)

    def near(matrix: np.ndarray) -> np.ndarray:
        matrix = matrix.copy()
        matrix[:3, 3] += matrix[:3, 0] * 0.05
        return matrix

    datasets.change_nifti(root / LABEL, lambda array, affine: (array, near(affine)))
    assert wording(check_dataset(root)) == [("SC083", "warning", LABEL)]
    datasets.change_nifti(root / LABEL, lambda array, affine: (array, moved(affine)))
    assert ("SC083", "error", LABEL) in wording(check_dataset(root))


def test_an_ignore_label_does_not_make_a_label_full(tmp_path: Path) -> None:
    root = datasets.volumes(tmp_path)
    edit(root, lambda j: j["labels"].update(ignore=4))
    write(root / LABEL, ct(2).label, np.full_like(ct(2).label.array, 4))
    found: list[Any] = [f for f in check_dataset(root).findings if f.code == "SC075"]
    assert [f.message for f in found] == ["holds only background and ignore"]
