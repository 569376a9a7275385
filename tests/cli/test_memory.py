"""Commands use no more workers than memory allows for the decoded files of the largest case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from fixtures.make_fixtures import msd_ct, png_shapes
from segconv.work import memory, parallel, run
from segconv.work.memory import COPIES

from ..command import Command

BUSY = 5
"""More workers than cases, so that only memory decides."""


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many workers each run had."""
    found: list[int] = []

    def each(*args: Any, jobs: int, **how: Any) -> Any:
        found.append(jobs)
        return parallel.each(*args, jobs=jobs, **how)

    monkeypatch.setattr(run, "each", each)
    return found


def stack(folder: Path, dtype: Any = np.uint8) -> int:
    for kind in ("images", "labels"):
        for case in ("a", "b"):
            (folder / kind / case).mkdir(parents=True)
            for z in range(3):
                samples = np.zeros((400, 400), dtype if kind == "images" else np.uint8)
                samples[z : z + 30] = 1
                Image.fromarray(samples).save(folder / kind / case / f"{z}.png")
    return int(3 * 400 * 400 * np.dtype(dtype).itemsize)


def volumes(folder: Path, ending: str) -> int:
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
        for case, size in (("a", 40), ("b", 300)):
            array = np.zeros((size, size, 9), np.uint8 if kind == "labels" else np.float32)
            array[:9] = 1 if kind == "labels" else 100
            path = folder / kind / f"{case}{ending}"
            if ending == ".nii.gz":
                nib.Nifti1Image(array, np.diag([-1, -1, 1, 1])).to_filename(path)
            else:
                sitk.WriteImage(sitk.GetImageFromArray(array.T), path, useCompression=True)
    return 300 * 300 * 9 * 4


def pictures(folder: Path, ending: str) -> int:
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
        for case, size in (("a", 40), ("b", 900)):
            shape = (size, size) if kind == "masks" else (size, size, 3)
            Image.fromarray(np.ones(shape, np.uint8)).save(folder / kind / f"{case}{ending}")
    return 900 * 900 * 3


SOURCES: dict[str, tuple[Callable[[Path], int], list[str]]] = {
    "nifti": (lambda folder: volumes(folder, ".nii.gz"), []),
    "nrrd": (lambda folder: volumes(folder, ".nrrd"), []),
    "metaimage": (lambda folder: volumes(folder, ".mha"), []),
    "png": (lambda folder: pictures(folder, ".png"), []),
    "tiff": (lambda folder: pictures(folder, ".tif"), []),
    "slices": (stack, ["--spacing", "1,1,1"]),
    "slices of 16 bits": (lambda folder: stack(folder, np.uint16), ["--spacing", "1,1,1"]),
}


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("fitting", [1, 3, BUSY])
def test_a_conversion_has_the_workers_that_fit_and_says_when_they_are_fewer(
    kind: str, fitting: int, tmp_path: Path, segconv: Command, workers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, words = SOURCES[kind]
    room = COPIES * make(tmp_path / "src") * fitting
    plain = ["convert", tmp_path / "src", "--accept-labels", "-j", str(BUSY), *words]
    for number, (spare, enough) in enumerate(((0, fitting), (-1, max(1, fitting - 1))), 1):
        monkeypatch.setattr(memory, "available_bytes", lambda spare=spare: room + spare)
        done = segconv(*plain, "--to", number)
        assert done.code == 0, done.err
        wording = f"note: {enough} of {BUSY} workers: the free memory is not enough for more\n"
        assert (wording in done.err) is (enough < BUSY)
        assert workers == [enough]
        workers.clear()
    assert "workers" not in segconv(*plain, "--to", "3", "-q").err


@pytest.mark.parametrize(("option", "times"), [("--expand", 2), ("--label-soft", 2), ("-v", 1)])
def test_grown_grids_and_soft_labels_take_more_room(
    option: str, times: int, tmp_path: Path, segconv: Command, workers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = segconv.raw / "Dataset001_A"
    for case in "abcdefgh":
        for name, dtype in ((f"imagesTr/{case}_0000", np.uint8), (f"labelsTr/{case}", np.uint8)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            array = np.indices((200, 200, 9)).sum(axis=0) % 2
            nib.Nifti1Image(array.astype(dtype), np.diag([-1, -1, 1, 1])).to_filename(folder / f"{name}.nii.gz")
    (folder / "dataset.json").write_text(
        '{"channel_names": {"0": "MR"}, "labels": {"background": 0, "a": 1}, "numTraining": 8, "file_ending": ".nii.gz"}'
    )
    monkeypatch.setattr(memory, "available_bytes", lambda: 7 * COPIES * 200 * 200 * 9)
    # A square that turns by 45° fills one of twice its area, and a row more.
    assert segconv("augment", "1", "--to", "2", "--rotate", "45", "--planes", "axial", option, "-j", "8").code == 0
    assert workers == [7 // times]


@pytest.mark.parametrize("make", [msd_ct, png_shapes])
def test_so_have_augment_restore_and_check(
    make: Callable[..., Path],
    tmp_path: Path,
    segconv: Command,
    workers: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["--labels", "background=0,disc=128,ring=255"] if make is png_shapes else []
    assert segconv("convert", make(tmp_path / "src", cases=3, tests=0), "--to", "1", *words, "-j", "1").code == 0
    folder = next(segconv.raw.glob("Dataset001*"))
    del workers[:]
    monkeypatch.setattr(memory, "available_bytes", lambda: 9)
    checked: list[int] = []
    monkeypatch.setattr("segconv.review.check.each_case.worthwhile", lambda cases, seconds_of, jobs: jobs)
    monkeypatch.setattr(
        "segconv.review.check.each_case.each",
        lambda *args, jobs, **how: checked.append(jobs) or parallel.each(*args, **how),
    )
    for command in (
        ["augment", "1", "--to", "2", "--rotate", "90", "--planes", "axial"],
        ["restore", folder / "labelsTr", "--like", "1", "-o", tmp_path / "mine"],
        ["check", "1"],
    ):
        done = segconv(*command, "-j", "4")
        assert done.code == 0, done.err
        assert "note: 1 of 4 workers" in done.err
    assert workers == [1, 1]
    assert checked == [1]
    assert "note: 1 of" not in segconv("check", "1", "--quick", "-j", "4").err  # headers take no memory
