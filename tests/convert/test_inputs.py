"""Inputs of predictions are read as a conversion reads them: any format, sub-folders, DICOM, channels by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from PIL import Image
from skimage import io

from segconv.convert.back.restore import plan_restore_of, run_restore
from segconv.convert.inputs import Inputs, as_converted, plan_inputs, run_inputs, ways_back
from segconv.convert.model import ConvertOptions
from segconv.dataset.description import DatasetDescription
from segconv.dataset.labels import Labels
from segconv.dataset.layout import Dataset
from segconv.errors import SegconvError
from segconv.work.plan import Target

from ..command import Command
from ..image.formats.test_dicom import by_simpleitk, write_series
from .drawn import labels, picture, save
from .oracles import ct, voxels, write

LABELS = Labels({"background": 0, "organ": 1})


def planned(source: Path, *channels: str, ending: str = ".nii.gz") -> Inputs:
    description = DatasetDescription(channels or ("CT",), LABELS, ending, 1)
    return plan_inputs(source, description, Target(source.parent / "out", "inputs"))


def names(inputs: Inputs) -> list[str]:
    return sorted(case.original_name for case in inputs.cases)


def series(folder: Path, seed: int) -> Path:
    folder.mkdir(parents=True)
    array = np.random.default_rng(seed).integers(0, 3000, (5, 6, 7)).astype(np.int16)
    write_series(folder, array, series=str(seed))
    return folder


def test_folders_of_dicom_slices_are_volumes(tmp_path: Path) -> None:
    for number in (1, 2):
        series(tmp_path / f"new/p{number}/CT", number)
    inputs = planned(tmp_path / "new")
    assert names(inputs) == ["p1", "p2"]
    (tmp_path / "out").mkdir()
    run_inputs(inputs)
    (written,) = inputs.plan.target.staging.rglob("p2_0000.nii.gz")
    assert np.array_equal(voxels(written), sitk.GetArrayFromImage(by_simpleitk(tmp_path / "new/p2/CT")))


def test_the_folder_itself_may_be_a_series(tmp_path: Path) -> None:
    assert names(planned(series(tmp_path / "scan", 1))) == ["scan"]


def test_volumes_in_folders_below_are_found_and_labels_among_them_left_out(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / f"new/images/{name}.nrrd", ct(1).images[0])
        write(tmp_path / f"new/labels/{name}.nii.gz", ct(1).label)
    inputs = planned(tmp_path / "new")
    assert names(inputs) == ["a", "b"]
    (found,) = inputs.plan.warnings
    assert found.message.startswith("is a label, by its name or place; 2 such files below are not predicted")


def test_files_of_the_folder_itself_are_all(tmp_path: Path) -> None:
    write(tmp_path / "new/a.nii.gz", ct(1).images[0])
    assert planned(tmp_path / "new").plan.warnings == ()
    write(tmp_path / "new/old/b.nii.gz", ct(2).images[0])
    series(tmp_path / "new/series", 1)
    inputs = planned(tmp_path / "new")
    assert names(inputs) == ["a"]
    (found,) = inputs.plan.warnings
    assert (found.code, found.file) == ("SC087", "old/b.nii.gz")
    assert "2 images in folders" in found.message


@pytest.mark.parametrize("form", ["{case}_{channel}", "{case}/{channel}", "{case}/{case}_{channel}"])
def test_channels_are_found_by_their_names_in_the_models_order(form: str, tmp_path: Path) -> None:
    for case in ("a", "b"):
        for number, channel in enumerate(("FLAIR", "t1")):
            write(tmp_path / "new" / (form.format(case=case, channel=channel) + ".nii.gz"), ct(number).images[0])
    inputs = planned(tmp_path / "new", "T1", "FLAIR")
    assert names(inputs) == ["a", "b"]
    assert all("t1" in case.images[0] and "FLAIR" in case.images[1] for case in inputs.cases)


def test_a_channel_that_is_missing_is_refused(tmp_path: Path) -> None:
    for name in ("a_T1", "a_FLAIR", "b_T1"):
        write(tmp_path / f"new/{name}.nii.gz", ct(1).images[0])
    with pytest.raises(SegconvError) as refused:
        planned(tmp_path / "new", "T1", "FLAIR")
    assert {found.code for found in refused.value.findings} == {"SC084"}


def test_pictures_in_folders_below_keep_apart(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        for number in (1, 2):
            save(tmp_path / f"new/{folder}/{number}.png", picture(number))
    assert names(planned(tmp_path / "new", "gray", ending=".png")) == ["x/1", "x/2", "y/1", "y/2"]


def test_channels_of_a_tiff_become_a_file_each(tmp_path: Path) -> None:
    bands = np.random.default_rng(1).integers(0, 60000, (2, 8, 9)).astype(np.uint16)
    (tmp_path / "new").mkdir()
    tifffile.imwrite(tmp_path / "new/a.tif", bands, imagej=True, metadata={"axes": "CYX"})
    inputs = planned(tmp_path / "new", "nucleus", "cell", ending=".png")
    (tmp_path / "out").mkdir()
    run_inputs(inputs)
    for number in range(2):
        (written,) = inputs.plan.target.staging.rglob(f"a_{number:04d}.png")
        with Image.open(written) as opened:
            assert np.array_equal(np.asarray(opened), bands[number])


def test_pictures_are_treated_as_the_options_of_the_conversion_say(tmp_path: Path) -> None:
    grey = np.arange(72, dtype=np.uint8).reshape(8, 9)
    colour = np.random.default_rng(1).integers(0, 255, (8, 9, 4)).astype(np.uint8)
    (tmp_path / "new").mkdir()
    Image.fromarray(grey).save(tmp_path / "new/a.png")
    Image.fromarray(colour).save(tmp_path / "new/b.png")
    description = DatasetDescription(("R", "G", "B"), LABELS, ".png", 1)
    options = ConvertOptions(grey_to_rgb=True, drop_alpha=True)
    inputs = plan_inputs(tmp_path / "new", description, Target(tmp_path / "out", "inputs"), options)
    (tmp_path / "out").mkdir()
    run_inputs(inputs)
    for name, expected in (("a", np.stack([grey] * 3, axis=-1)), ("b", colour[..., :3])):
        (written,) = inputs.plan.target.staging.rglob(f"{name}_0000.png")
        with Image.open(written) as opened:
            assert np.array_equal(np.asarray(opened), expected)


def test_an_unnamed_last_sample_is_left_out_as_the_conversion_did(tmp_path: Path) -> None:
    samples = np.random.default_rng(2).integers(0, 255, (8, 9, 4)).astype(np.uint8)
    (tmp_path / "new").mkdir()
    tifffile.imwrite(tmp_path / "new/a.tif", samples, photometric="rgb", extrasamples=["unspecified"])
    description = DatasetDescription(("R", "G", "B"), LABELS, ".png", 1)
    target = Target(tmp_path / "out", "inputs")
    inputs = plan_inputs(tmp_path / "new", description, target, ConvertOptions(drop_alpha=True))
    (tmp_path / "out").mkdir()
    run_inputs(inputs)
    (written,) = inputs.plan.target.staging.rglob("a_0000.png")
    with Image.open(written) as opened:
        assert np.array_equal(np.asarray(opened), samples[..., :3])


def slices(folder: Path, count: int, *, masks: bool) -> None:
    """Write volumes of four slices each, a folder a volume."""
    for number in range(count):
        for place in range(4):
            save(folder / f"images/p{number}/s{place}.png", picture(place))
            if masks:
                save(folder / f"masks/p{number}/s{place}.png", labels(place) * np.uint8(255))


def pages(folder: Path, count: int, *, masks: bool) -> None:
    """Write the same as pictures with pages."""
    for number in range(count):
        for kind, page in (
            ("images", lambda at: picture(at)),
            ("masks", lambda at: labels(at) * np.uint8(255)),
        ):
            if kind == "images" or masks:
                (folder / kind).mkdir(parents=True, exist_ok=True)
                stack = np.stack([page(place) for place in range(4)])
                tifffile.imwrite(folder / kind / f"p{number}.tif", stack, photometric="minisblack")


@pytest.mark.parametrize(
    ("made", "what"), [(slices, "images"), (slices, "images/p1"), (pages, "images"), (pages, "images/p1.tif")]
)
def test_slices_and_pages_are_volumes_where_they_were_and_come_back_as_such(
    made: Callable[..., None], what: str, tmp_path: Path, segconv: Command
) -> None:
    made(tmp_path / "source", 2, masks=True)
    made(tmp_path / "new", 2, masks=False)
    words = ("--spacing", "1,1,2", "--labels", "background=0,thing=255")
    assert segconv("convert", tmp_path / "source", "--to", "9_A", *words).code == 0
    dataset = Dataset.open(segconv.raw / "Dataset009_A")
    target = Target(tmp_path / "out", "inputs")
    inputs = plan_inputs(tmp_path / "new" / what, dataset.description, target, as_converted(dataset.run))
    run_inputs(inputs)
    found = {case.case: case.original_name for case in inputs.cases}
    assert sorted(found.values()) == (["p0", "p1"] if what == "images" else ["p1"])
    predicted = np.stack([labels(place) for place in range(4)])
    for case in found:
        (image,) = inputs.plan.target.staging.rglob(f"{case}_0000.nii.gz")
        assert np.array_equal(voxels(image), np.stack([picture(place) for place in range(4)]))
        read = sitk.ReadImage(str(image))
        assert read.GetSpacing() == (1.0, 1.0, 2.0)
        prediction = sitk.GetImageFromArray(predicted.astype(np.uint8))
        prediction.CopyInformation(read)
        (tmp_path / "predictions").mkdir(exist_ok=True)
        sitk.WriteImage(prediction, str(tmp_path / f"predictions/{case}.nii.gz"))
    back = plan_restore_of(found, tmp_path / "predictions", dataset, tmp_path / "back", ways_back(inputs))
    run_restore(back)
    for name in found.values():
        if made is pages:
            restored = tifffile.imread(tmp_path / f"back/{name}.tif")
        else:
            restored = np.stack([io.imread(tmp_path / f"back/{name}/s{place}.png") for place in range(4)])
        assert np.array_equal(restored, predicted * np.uint8(255))
