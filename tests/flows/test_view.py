"""``segconv view``: pictures of any dataset, whole or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import io

from segconv.cli.types import WINDOW
from segconv.review.pictures import case_picture
from segconv.review.pictures.label_colours import colour_of
from segconv.review.pictures.sealed import is_sealed

from ..command import Command, tree_hash
from ..review import datasets

SPLITS = ("make", "show", "verify")


def pixels_of(shown: NDArray[np.uint8], value: int) -> int:
    wanted = np.rint(np.multiply(colour_of(value), 255))
    return int((np.abs(shown.astype(int) - wanted).max(axis=-1) <= 14).sum())


def test_a_folder_of_volumes_is_the_same_for_any_number_of_workers(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=3)
    before = tree_hash(root)
    folders = [segconv.folder / name for name in ("one", "two")]
    for jobs, folder in zip("12", folders, strict=True):
        done = segconv("view", "7", "-o", folder, "--window", "soft", "-j", jobs)
        assert done.code == 0, done.err
        assert done.err.splitlines()[-1] == "Next: segconv check 7"
    for name in ("c0.png", "c1.png", "c2.png"):
        one, two = ((folder / name).read_bytes() for folder in folders)
        assert one == two
        assert is_sealed(folders[0] / name)
        assert pixels_of(io.imread(folders[0] / name), 1) > 150
    assert tree_hash(root) == before
    assert segconv("view", "7", "-o", folders[0]).codes() == ["SC020"]
    assert segconv("view", "7", "c1", "-o", folders[0], "--overwrite").code == 0
    assert [path.name for path in folders[0].glob("*.png")] == ["c1.png"]
    (folders[0] / "mine.txt").touch()
    assert segconv("view", "7", "-o", folders[0], "--overwrite").codes() == ["SC020"]


def test_one_picture_of_named_cases_and_of_test_cases(segconv: Command) -> None:
    datasets.volumes(segconv.raw, cases=3)
    picture = segconv.folder / "some.png"
    done = segconv("view", "7", "c[01]", "c3", "-o", picture, "--json", "-j", "1")
    assert done.json["cases"] == 3
    assert done.json["output"] == str(picture)
    assert is_sealed(picture)
    assert segconv("view", "7", "-o", picture).codes() == ["SC020"]
    picture.write_bytes(b"mine")
    assert segconv("view", "7", "-o", picture, "--overwrite").codes() == ["SC020"]
    assert picture.read_bytes() == b"mine"


def test_colour_and_one_of_its_channels(segconv: Command) -> None:
    datasets.pictures(segconv.raw, cases=1)
    shown = {}
    for name, words in {"colour": [], "green": ["--channel", "g"], "number": ["--channel", "1"]}.items():
        assert segconv("view", "9", "-o", segconv.folder / f"{name}.png", *words).code == 0
        shown[name] = io.imread(segconv.folder / f"{name}.png")[60:300, 60:300]
    assert np.ptp(shown["colour"].astype(int), axis=-1).max() > 60
    assert (shown["green"] == shown["number"]).all()
    assert (shown["green"] != shown["colour"]).any()
    assert "0 R, 1 G, 2 B" in segconv("view", "9", "-o", "x", "--channel", "CT").err


def test_channels_in_files_of_their_own(segconv: Command) -> None:
    datasets.channels(segconv.raw, cases=1)
    pictures = []
    for channel in "02":
        assert segconv("view", "8", "-o", segconv.folder / f"{channel}.png", "--channel", channel).code == 0
        pictures.append(io.imread(segconv.folder / f"{channel}.png"))
    assert pictures[0].shape == pictures[1].shape
    assert (pictures[0] != pictures[1]).any()


@pytest.mark.parametrize("output", ["all", "all.png"])
def test_a_case_that_cannot_be_read_is_named_and_the_others_drawn_if_asked_for(segconv: Command, output: str) -> None:
    root = datasets.volumes(segconv.raw, cases=3)
    bad = root / "imagesTr" / "c1_0000.nii.gz"
    bad.write_bytes(bad.read_bytes()[:-20])
    other = root / "labelsTr" / "c2.nii.gz"
    datasets.change_nifti(other, lambda voxels, affine: (voxels[:-1], affine))
    target = segconv.folder / output
    done = segconv("view", "7", "-o", target, "-j", "1")
    assert done.codes() == ["SC050", "SC082"]
    assert str(other) in done.err
    assert not target.exists()
    done = segconv("view", "7", "-o", target, "--keep-going", "-j", "1")
    assert done.code == 1
    assert "Drew 1 of 3 cases" in done.err
    assert [p.name for p in target.glob("*.png")] == ["c0.png"] if output == "all" else is_sealed(target)


def test_words_that_fit_nothing_are_refused_with_what_does(segconv: Command) -> None:
    datasets.volumes(segconv.raw, cases=2)
    done = segconv("view", "7", "c11", "-o", segconv.folder / "x")
    assert (done.code, "did you mean c1" in done.err) == (2, True)
    assert segconv("view", "7", "-o", segconv.raw / "Dataset007_Ct" / "x").codes() == ["SC020"]
    assert segconv("view", "7", "-o", segconv.folder / "x", "--window", "liver").code == 2
    assert not (segconv.folder / "x").exists()


def test_a_file_outside_the_dataset_is_not_shown(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=1)
    label = root / "labelsTr" / "c0.nii.gz"
    label.rename(segconv.folder / "elsewhere.nii.gz")
    label.symlink_to(segconv.folder / "elsewhere.nii.gz")
    assert segconv("view", "7", "-o", segconv.folder / "x.png").codes() == ["SC060"]


def test_windows_have_names_or_numbers() -> None:
    assert WINDOW.convert("lung", None, None) == (-1350, 150)
    assert WINDOW.convert("-100:300", None, None) == (-100, 300)


def test_an_unfinished_folder_can_be_removed(segconv: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets.volumes(segconv.raw, cases=2)
    target = segconv.folder / "pictures"

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("segconv.work.staging.commit", fail)
        assert segconv("view", "7", "-o", target, "-j", "1").code != 0
    assert not target.exists()
    assert segconv("abort", target).code == 0
    assert not list(segconv.folder.glob(".segconv*"))


def test_a_folder_takes_cases_of_any_name(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=1)
    odd = "__proto__ <b>é"
    (root / "imagesTr" / "c0_0000.nii.gz").rename(root / "imagesTr" / f"{odd}_0000.nii.gz")
    (root / "labelsTr" / "c0.nii.gz").rename(root / "labelsTr" / f"{odd}.nii.gz")
    done = segconv("view", "7", "-o", segconv.folder / "x")
    assert done.code == 0, done.err
    assert [path.name for path in (segconv.folder / "x").glob("*.png")] == [f"{odd}.png"]


def test_test_cases_are_drawn_if_there_are_no_others(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=1)
    for folder in ("imagesTr", "labelsTr"):
        shutil.rmtree(root / folder)
        (root / folder).mkdir()
    done = segconv("view", "7", "-o", segconv.folder / "x.png", "--json")
    assert (done.code, done.json["cases"]) == (0, 1)
    shutil.rmtree(root / "imagesTs")
    assert segconv("view", "7", "-o", segconv.folder / "y.png").codes() == ["SC011"]


def test_a_dataset_whose_files_are_elsewhere_says_so(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=1)
    files = {"images": [str(root / "imagesTr" / "c0_0000.nii.gz")], "label": str(root / "labelsTr" / "c0.nii.gz")}
    datasets.edit(root, lambda found: found.update(dataset={"c0": files}))
    (root / "imagesTr").rename(segconv.folder / "elsewhere")
    shutil.rmtree(root / "imagesTs")
    picture, page = segconv.folder / "x.png", segconv.folder / "x.html"
    for words in (("view", 7, "-o", picture), ("report", 7, "-o", page), *(("splits", what, 7) for what in SPLITS)):
        done = segconv(*words)
        assert done.codes() == ["SC060"], done.err
        assert "--allow-external" in done.err


def test_splits_of_a_dataset_without_training_cases_are_refused(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=1)
    shutil.rmtree(root / "imagesTr")
    assert [segconv("splits", what, 7).codes() for what in SPLITS] == [["SC011"]] * 3


def test_a_picture_passes_through_a_class_and_not_the_ignore_label(
    segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles: list[list[str]] = []
    draw = case_picture.drawn

    def keep(case: case_picture.CasePicture) -> NDArray[np.uint8]:
        titles.append([plane.title for plane in case.planes])
        return draw(case)

    monkeypatch.setattr("segconv.flows.viewed_case.drawn", keep)
    root = datasets.volumes(segconv.raw, cases=1)
    assert segconv("view", "7", "-o", segconv.folder / "x.png").code == 0
    highest = len(json.loads((root / "dataset.json").read_text())["labels"])
    datasets.edit(root, lambda found: found["labels"].update(ignore=highest))
    datasets.change_nifti(root / "labelsTr" / "c0.nii.gz", lambda v, a: (np.where(v == 0, highest, v), a))
    assert segconv("view", "7", "-o", segconv.folder / "y.png").code == 0
    assert titles[0] == titles[1]


def test_the_record_says_what_was_drawn(segconv: Command) -> None:
    datasets.volumes(segconv.raw, cases=1)
    assert segconv("view", "7", "-o", segconv.folder / "x").code == 0
    run = json.loads(Path(segconv.folder / "x" / "segconv" / "run.json").read_text())
    assert (run["command"], run["source"]["name"]) == ("view", "Dataset007_Ct")


def predicted(segconv: Command, change: dict[str, Any]) -> Path:
    """Predictions that are the labels of cases, each changed by a function."""
    folder = segconv.folder / "predictions"
    folder.mkdir()
    for case, do in change.items():
        shutil.copy(segconv.raw / "Dataset007_Ct" / "labelsTr" / f"{case}.nii.gz", folder)
        datasets.change_nifti(folder / f"{case}.nii.gz", lambda voxels, affine, do=do: (do(voxels), affine))
    return folder


def test_predictions_are_drawn_the_worst_first_where_they_differ(segconv: Command) -> None:
    datasets.volumes(segconv.raw, cases=3)
    folder = predicted(
        segconv, {"c0": lambda v: v, "c1": lambda v: np.zeros_like(v), "c2": lambda v: np.where(v == 2, 0, v)}
    )
    done = segconv("view", "7", "--predictions", folder, "-o", segconv.folder / "drawn", "--json", "-j", "1")
    assert done.code == 0, done.err
    assert list(done.json["dice"]) == ["c1", "c2", "c0"]
    assert done.json["dice"]["c0"]["mean"] == 1
    scores = segconv("evaluate", folder, "7", "--json").json
    for case, row in done.json["dice"].items():
        assert {name: dice for name, dice in row.items() if name != "mean"} == pytest.approx(scores["cases"][case]), (
            case
        )
    names = ["0001_c1.png", "0002_c2.png", "0003_c0.png"]
    assert sorted(path.name for path in (segconv.folder / "drawn").glob("*.png")) == names
    worst, better, perfect = (io.imread(segconv.folder / "drawn" / name).astype(int) for name in names)
    red = [int((p[..., 0] - p[..., 1:].max(axis=-1) > 60).sum()) for p in (worst, better, perfect)]
    assert red[0] > 2 * red[1] > 0
    done = segconv("view", "7", "c2", "c0", "--predictions", folder, "-o", segconv.folder / "two.png", "-j", "1")
    assert done.out.splitlines()[0].split("\t")[:2] == ["case", "mean"]
    assert [line.split("\t")[0] for line in done.out.splitlines()[1:]] == ["c2", "c0"]
    assert "Next: segconv evaluate" in done.err


def test_the_ignore_label_is_never_wrong(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=1)
    folder = predicted(segconv, {"c0": lambda v: v})
    highest = len(json.loads((root / "dataset.json").read_text())["labels"])
    datasets.edit(root, lambda found: found["labels"].update(ignore=highest))
    datasets.change_nifti(root / "labelsTr" / "c0.nii.gz", lambda v, a: (np.where(v == 0, highest, v), a))
    done = segconv("view", "7", "--predictions", folder, "-o", segconv.folder / "x.png", "--json")
    assert done.json["dice"]["c0"]["mean"] == 1
    shown = io.imread(segconv.folder / "x.png").astype(int)[:500]
    assert int(((shown[..., 0] > 200) & (shown[..., 1:].max(axis=-1) < 60)).sum()) == 0


def test_predictions_that_do_not_fit_are_refused(segconv: Command) -> None:
    datasets.volumes(segconv.raw, cases=3)
    folder = predicted(segconv, {"c0": lambda v: v * 50, "c1": lambda v: v[:-1]})
    words = ("--predictions", folder, "-o", segconv.folder / "x")
    assert segconv("view", "7", *words).codes() == ["SC070", "SC082"]
    assert segconv("view", "7", "c2", *words).codes() == ["SC001"]
    assert segconv("view", "7", *words, "--fill").codes() == ["SC001"]
    assert segconv("view", "7", "--predictions", segconv.folder / "none", "-o", "x").codes() == ["SC010"]
    assert segconv("view", "7", "--predictions", segconv.raw, "-o", "x").codes() == ["SC011"]
    assert segconv("view", "7", "--predictions", folder, "-o", folder / "x").codes() == ["SC020"]


def test_predictions_without_a_reference_come_last(segconv: Command) -> None:
    root = datasets.volumes(segconv.raw, cases=2)
    folder = predicted(segconv, {"c0": lambda v: np.zeros_like(v), "c1": lambda v: v})
    (root / "labelsTr" / "c0.nii.gz").unlink()
    done = segconv("view", "7", "--predictions", folder, "-o", segconv.folder / "x", "--json")
    assert list(done.json["dice"]) == ["c1"]
    assert sorted(path.name for path in (segconv.folder / "x").glob("*.png")) == ["0001_c1.png", "0002_c0.png"]
