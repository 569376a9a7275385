"""Stray files in every layout: the same dataset and a count of them, or a refusal that names them."""

from __future__ import annotations

import io
import json
import random
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import settings
from PIL import Image

from fixtures.make_fixtures import msd_ct
from segconv.image.formats import nrrd, segmentation
from segconv.image.geometry import Geometry
from segconv.image.segment import Segment

from ..command import Command, Done, tree_hash
from . import drawn
from .drawn import pair, picture, save

EXHAUSTIVE = settings.get_profile("deep").max_examples <= settings.default.max_examples
SAMPLE = 6
"""The strays of a layout that are tried without ``SEGCONV_FAULTS=all``, always the same."""

SIZE = (4, 5, 6)
Options = tuple[object, ...]

# --- layouts


def scan(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 1000, SIZE).astype(np.int16)


def label(number: int) -> np.ndarray:
    made = np.zeros(SIZE, np.uint8)
    made[1:3, 1:4, number % 3 : 3 + number % 3] = 1
    return made


def nifti(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array.T, np.diag([-1.0, -1.0, 1.0, 1.0])), path)


def series(folder: Path, number: int) -> None:
    folder.mkdir(parents=True)
    image = sitk.GetImageFromArray(scan(number))
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    study = f"1.2.826.0.1.3680043.2.1125.{number + 1}"
    for z in range(SIZE[0]):
        one = image[:, :, z]
        entries = {
            "0008|0018": f"{study}.1.{z + 1}", "0008|0060": "CT", "0010|0020": "x", "0020|000d": study,
            "0020|000e": f"{study}.1", "0020|0013": str(z + 1), "0020|0032": f"0\\0\\{z}",
            "0020|0037": "1\\0\\0\\0\\1\\0", "0020|0052": f"{study}.9",
        }  # fmt: skip
        for key, value in entries.items():
            one.SetMetaData(key, value)
        writer.SetFileName(str(folder / f"s{z}.dcm"))
        writer.Execute(one)


def pictures_with_a_test_set(root: Path) -> Options:
    for number in range(3):
        pair(root, f"training/input/a{number}.png", f"training/output/a{number}.png", number)
    pair(root, "testing/input/t.png", "testing/output/t.png", 9)
    return ()


def pictures_by_role(root: Path) -> Options:
    for number in range(3):
        pair(root, f"images/a{number}.png", f"masks/a{number}.png", number)
    return ()


def pictures_side_by_side(root: Path) -> Options:
    for number in range(3):
        pair(root, f"a{number}.png", f"a{number}_mask.png", number)
    return ()


def pictures_a_folder_a_case(root: Path) -> Options:
    for number in range(3):
        pair(root, f"case{number}/image.png", f"case{number}/mask.png", number)
    return ()


def pictures_of_classes(root: Path) -> Options:
    for number in range(3):
        save(root / f"case{number}/image.png", picture(number))
        for place, name in enumerate(("cell", "vessel")):
            save(root / f"case{number}/{name}.png", drawn.labels(number + 5 * place) * np.uint8(255))
    return ("--image", "image")


def decathlon(root: Path) -> Options:
    msd_ct(root.parent / "task", cases=2, tests=1, size=SIZE[::-1]).rename(root)
    return ()


def task_of_v1(root: Path) -> Options:
    decathlon(root)
    for path in [*root.glob("imagesTr/*"), *root.glob("imagesTs/*")]:
        path.rename(path.with_name(path.name.replace(".nii.gz", "_0000.nii.gz")))
    return ()


def describe(root: Path, ending: str) -> Options:
    entries = {
        "channel_names": {"0": "x"},
        "labels": {"background": 0, "a": 1},
        "numTraining": 2,
        "file_ending": ending,
    }
    (root / "dataset.json").write_text(json.dumps(entries))
    return ()


def dataset_of_volumes(root: Path) -> Options:
    for number in range(2):
        nifti(root / f"imagesTr/c{number}_0000.nii.gz", scan(number))
        nifti(root / f"labelsTr/c{number}.nii.gz", label(number))
    return describe(root, ".nii.gz")


def dataset_of_pictures(root: Path) -> Options:
    for number in range(2):
        save(root / f"imagesTr/c{number}_0000.png", picture(number))
        save(root / f"labelsTr/c{number}.png", drawn.labels(number))
    return describe(root, ".png")


def volumes_by_role(root: Path) -> Options:
    for number in range(2):
        nifti(root / f"images/c{number}.nii.gz", scan(number))
        nifti(root / f"labels/c{number}.nii.gz", label(number))
    return ()


def volumes_side_by_side(root: Path) -> Options:
    for number in range(2):
        nifti(root / f"c{number}_image.nii.gz", scan(number))
        nifti(root / f"c{number}_seg.nii.gz", label(number))
    return ()


def metaimages(root: Path) -> Options:
    for name, make in (("images", scan), ("labels", label)):
        (root / name).mkdir(parents=True)
        for number in range(2):
            sitk.WriteImage(sitk.GetImageFromArray(make(number)), str(root / name / f"c{number}.mha"))
    return ()


def bids(root: Path) -> Options:
    for sub in ("sub-01", "sub-02"):
        nifti(root / f"{sub}/anat/{sub}_T1w.nii.gz", scan(int(sub[-1])))
        nifti(root / f"derivatives/labels/{sub}/anat/{sub}_T1w_dseg.nii.gz", label(int(sub[-1])))
    return ()


def totalsegmentator(root: Path) -> Options:
    for number in (1, 2):
        nifti(root / f"s000{number}/ct.nii.gz", scan(number))
        for place, name in enumerate(("liver", "spleen")):
            nifti(root / f"s000{number}/segmentations/{name}.nii.gz", label(number + place))
    return ()


def classes_beside_the_image(root: Path) -> Options:
    for number in (1, 2):
        nifti(root / f"p{number}/image.nii.gz", scan(number))
        for place, name in enumerate(("liver", "spleen")):
            nifti(root / f"p{number}/{name}.nii.gz", label(number + place))
    return ()


def segmentations(root: Path) -> Options:
    grid = Geometry.plain(SIZE[::-1])
    for number in (1, 2):
        (root / f"p{number}").mkdir(parents=True)
        (root / f"p{number}/image.nrrd").write_bytes(b"".join(nrrd.encode(scan(number), grid)))
        liver = Segment("s1", "liver", 1, 0, (1, 0, 0))
        data = segmentation.encode([liver], label(number)[np.newaxis], grid)
        (root / f"p{number}/labels.seg.nrrd").write_bytes(data)
    return ()


def series_of_dicom(root: Path) -> Options:
    for number in (1, 2):
        series(root / f"images/p{number}", number)
        nifti(root / f"labels/p{number}.nii.gz", label(number))
    return ()


def stacks(root: Path) -> Options:
    for number in range(2):
        for z in range(3):
            save(root / f"images/p{number}/s{z}.png", picture(10 * number + z))
            save(root / f"masks/p{number}/s{z}.png", drawn.labels(10 * number + z) * np.uint8(255))
    return ("--spacing", "1,1,2")


LAYOUTS: tuple[Callable[[Path], Options], ...] = (
    pictures_with_a_test_set, pictures_by_role, pictures_side_by_side, pictures_a_folder_a_case, pictures_of_classes,
    decathlon, task_of_v1, dataset_of_volumes, dataset_of_pictures, volumes_by_role, volumes_side_by_side, metaimages,
    bids, totalsegmentator, classes_beside_the_image, segmentations, series_of_dicom, stacks,
)  # fmt: skip

# --- strays


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("a.txt", "x")
    return buffer.getvalue()


def drawing(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(77, 3)).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def slice_of_dicom(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("dicom") / "p"
    series(folder, 60)
    return (folder / "s0.dcm").read_bytes()


TEXT = b"some words\n"
VOLUME = nib.Nifti1Image(scan(50).T, np.diag([-1.0, -1.0, 1.0, 1.0])).to_bytes()
INERT: dict[str, bytes] = {
    **dict.fromkeys((".DS_Store", "Thumbs.db", "desktop.ini", ".nfs0001", "._x.nii.gz", "._a.png", "~$report.docx"), TEXT),
    **dict.fromkeys(("README", "README.md", "LICENSE", "notes.txt", "run.log", "x.mat", "x.npy", "x.h5"), TEXT),
    **dict.fromkeys(("report.docx", "table.xlsx", "archive.zip"), archive()),
    "info.json": b"{}", "dataset_description.json": b'{"Name": "x"}', "data.csv": b"a,b\n1,2\n",
    "participants.tsv": b"participant_id\tage\nsub-01\t3\n", "paper.pdf": b"%PDF-1.4\n", "x.bval": b"0 1000",
    "x.bvec": b"0 0\n1 1\n0 0", "x.pkl": b"\x80\x04.", "x.xml": b"<a/>", "x.yaml": b"a: 1\n", "x.html": b"<html></html>",
    ".hidden/secret.png": drawing("PNG"), ".hidden/x.nii": VOLUME, "__MACOSX/._a0.png": TEXT,
    "__MACOSX/images/._c0.nii.gz": TEXT, ".git/config": TEXT, ".git/HEAD": TEXT,
    ".ipynb_checkpoints/a0-checkpoint.png": drawing("PNG"),
}  # fmt: skip
"""Files that are not pictures or volumes by name, or hidden: counted, never more."""

BESIDE = (
    "{}.bak",
    "{}~",
    "{}.tmp",
    "{}.part",
    "{}.crdownload",
    "{}.md5",
    "{}:Zone.Identifier",
    "._{}",
    ".{}.swp",
    ".{}.x8F2a",
)
"""What editors, browsers and copying programs leave next to a file."""

LIVELY = ("preview_total.png", "preview.jpg", "thumbnails/a0.png", "stray.png", "stray.nii", "stray.dcm", "IM0001")
"""Pictures, volumes and slices: what a case may be made of."""


Convert = Callable[[Path, Options], tuple[Done, str]]


@pytest.fixture
def made(segconv: Command) -> Convert:
    """Convert a source and return what was said, and a hash of the dataset, which is then removed."""

    def convert(source: Path, options: Options) -> tuple[Done, str]:
        done = segconv("convert", source, "--to", "9_Made", "--no-fsync", "-j", "1", "--json", *options)
        dataset = segconv.raw / "Dataset009_Made"
        shutil.rmtree(dataset / "segconv", ignore_errors=True)
        found = tree_hash(dataset)
        for path in segconv.raw.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return done, found

    return convert


layouts = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)


def folders(source: Path) -> list[Path]:
    return [source, *sorted(path for path in source.rglob("*") if path.is_dir())]


@layouts
def test_files_of_other_kinds_and_hidden_ones_are_counted_and_make_no_difference(
    layout: Callable[[Path], Options], tmp_path: Path, made: Convert
) -> None:
    source = tmp_path / "mine"
    options = layout(source)
    before, expected = made(source, options)
    assert before.code == 0, before.out
    assert before.json["left_alone"] == {"count": 0, "first": []}
    strays = 0
    for folder in folders(source):
        own = [path.name for path in folder.iterdir() if path.is_file()]
        if any(name.endswith(".dcm") for name in own):
            continue  # other files among DICOM slices are refused by name
        beside = {pattern.format(name): TEXT for name in own[:2] for pattern in BESIDE}
        for name, data in {**INERT, **beside}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
            strays += 1
        (folder / "empty").mkdir()
    after, found = made(source, options)
    assert (after.code, found) == (0, expected), after.out
    assert after.json["left_alone"]["count"] == strays


def places(source: Path) -> Iterator[list[Path]]:
    """Yield one folder of each depth and role, and all that are alike."""
    alike: dict[tuple[int, str], list[Path]] = {}
    for folder in folders(source):
        name = folder.relative_to(source).name
        alike.setdefault((len(folder.parts), "" if any(c.isdigit() for c in name) else name), []).append(folder)
    for group in alike.values():
        yield group[:1]
        if group[1:]:
            yield group


@layouts
def test_a_stray_picture_volume_or_slice_is_ignored_or_named(
    layout: Callable[[Path], Options], tmp_path: Path, made: Convert, slice_of_dicom: bytes
) -> None:
    source = tmp_path / "mine"
    options = layout(source)
    _, expected = made(source, options)
    kinds = {
        ".png": drawing("PNG"),
        ".jpg": drawing("JPEG"),
        ".nii": VOLUME,
        ".dcm": slice_of_dicom,
        "": slice_of_dicom,
    }
    trials = [(name, group) for group in places(source) for name in LIVELY]
    if not EXHAUSTIVE:
        trials = random.Random(layout.__name__).sample(trials, SAMPLE)
    for name, group in trials:
        for folder in group:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(kinds[Path(name).suffix])
        done, found = made(source, options)
        at = (name, [str(folder.relative_to(source)) for folder in group], done.out)
        named = {
            severity: any(
                f["severity"] == severity and word in f["message"] + f["file"]
                for f in done.json["findings"]
                for word in {name.split("/")[0], Path(name).stem}
            )
            for severity in ("error", "warning")
        }
        assert done.code in (0, 2, 65, 66), at
        if done.code:
            assert named["error"] or two_ways(done), at
        elif found == expected:
            assert done.json["left_alone"]["count"] == len(group), at
        else:  # converted, and said so: a volume among the test images of a task
            assert named["warning"], at
            assert layout in (decathlon, task_of_v1), at
        for folder in group:
            if "/" in name:
                shutil.rmtree(folder / name.split("/")[0])
            else:
                (folder / name).unlink()


def two_ways(done: Done) -> bool:
    """Whether every case has the stray, so that it may be meant: both readings are named."""
    return [finding["code"] for finding in done.json["findings"] if finding["severity"] == "error"] == ["SC003"]


def test_previews_of_totalsegmentator_are_ignored_and_reported(tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "mine"
    totalsegmentator(source)
    for number in (1, 2):
        (source / f"s000{number}/segmentations/preview_total.png").write_bytes(drawing("PNG"))
    done = segconv("convert", source, "--to", "9_Made")
    assert done.code == 0, done.err
    assert "1 other file in s0001/segmentations left alone: preview_total.png" in done.err
    labels = json.loads((segconv.raw / "Dataset009_Made/dataset.json").read_text())["labels"]
    assert {name for name in labels if "&" not in name} == {"background", "liver", "spleen"}
