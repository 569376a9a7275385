"""Distances and volumes of files: in the right unit, of the right masks, however these are stored."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from fixtures.make_fixtures import write_png
from segconv.errors import Refused, SegconvError
from segconv.image.formats import segmentation
from segconv.image.geometry import Geometry
from segconv.review.scores.evaluation import evaluate_folders, measure_surfaces
from segconv.review.scores.score_csv import is_csv
from segconv.review.scores.surface_scores import surface_score
from segconv.work.readers import Readers

from ...command import Command

SPACING = (0.7, 1.3, 3.0)
SIZE = (9, 20, 16)


def organs(seed: int) -> np.ndarray:
    """A label ``(z, y, x)`` with the values 0 to 3."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=SIZE), 2)
    return np.digitize(noise, np.quantile(noise, (0.5, 0.75, 0.9))).astype(np.uint8)


def write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING)
    sitk.WriteImage(image, str(path))


def wanted(prediction: np.ndarray, reference: np.ndarray, *values: int, tolerance: float = 1.0) -> dict[str, float]:
    masks = np.isin(prediction, values), np.isin(reference, values)
    score = surface_score(*masks, SPACING[::-1], math.prod(SPACING) / 1000, tolerance)
    keys = ("hd95", "nsd", "volume_error", "volume_error_percent")
    return {key: pytest.approx(getattr(score, key)) for key in keys}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for case, seed in (("a", 0), ("b", 1)):
        write(tmp_path / "p" / f"{case}.nii.gz", organs(seed + 10))
        write(tmp_path / "r" / f"{case}.nii.gz", organs(seed))
    return tmp_path / "p", tmp_path / "r"


def test_regions_of_a_dataset_and_its_ignore_label_are_measured(
    folders: tuple[Path, Path], tmp_path: Path, segconv: Command
) -> None:
    labels = {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3}
    described = {"channel_names": {"0": "CT"}, "labels": labels, "numTraining": 2, "file_ending": ".nii.gz"}
    made = segconv.raw / "Dataset007_A"
    made.mkdir()
    folders[1].rename(made / "labelsTr")
    (made / "dataset.json").write_text(json.dumps({**described, "regions_class_order": [1, 2]}))
    for case in ("a", "b"):
        prediction = np.minimum(organs(10 + (case == "b")), 2)
        write(folders[0] / f"{case}.nii.gz", prediction)
    found = segconv("evaluate", folders[0], "7", "--tolerance", "2", "--json").json
    for case, seed in (("a", 0), ("b", 1)):
        reference = organs(seed)
        prediction = np.where(reference == 3, 0, np.minimum(organs(seed + 10), 2))
        scores = found["surfaces"]["cases"][case]
        assert scores["whole"] == wanted(prediction, reference, 1, 2, tolerance=2)
        assert scores["core"] == wanted(prediction, reference, 2, tolerance=2)
    assert found["surfaces"]["unit"] == {"length": "mm", "volume": "ml"}
    assert found["surfaces"]["tolerances"] == {"whole": 2, "core": 2}
    both = [found["surfaces"]["cases"][case]["core"]["hd95"] for case in ("a", "b")]
    assert found["surfaces"]["classes"]["core"]["hd95"] == pytest.approx(np.mean(both))


def test_mirrored_axes_are_measured_on_the_voxels_of_the_reference(
    folders: tuple[Path, Path], segconv: Command
) -> None:
    image = sitk.ReadImage(str(folders[0] / "a.nii.gz"))
    sitk.WriteImage(sitk.Flip(sitk.PermuteAxes(image, [2, 0, 1]), [True, False, True]), str(folders[0] / "a.nii.gz"))
    found = segconv("evaluate", *folders, "--distances", "--json").json
    assert found["surfaces"]["cases"]["a"]["1"] == wanted(organs(10), organs(0), 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.uint32], ids=lambda dtype: dtype.__name__)
def test_labels_of_any_type_and_value_are_measured(dtype: type, tmp_path: Path, segconv: Command) -> None:
    prediction, reference = organs(10), organs(0)
    high = 100_000 if dtype == np.uint32 else 300
    for folder, array in (("p", prediction), ("r", reference)):
        write(tmp_path / folder / "a.nii.gz", np.where(array == 3, dtype(high), array.astype(dtype)))
    found = segconv("evaluate", tmp_path / "p", tmp_path / "r", "--distances", "--json").json["surfaces"]["cases"]["a"]
    assert found == {"1": wanted(prediction, reference, 1), "2": wanted(prediction, reference, 2),
                     str(high): wanted(prediction, reference, 3)}  # fmt: skip


def test_workers_of_any_kind_measure_the_same(folders: tuple[Path, Path]) -> None:
    found = evaluate_folders(*folders)
    one = measure_surfaces(found).surfaces
    assert one == measure_surfaces(found, readers=Readers(2)).surfaces
    assert one == measure_surfaces(found, readers=Readers(2, backend=None)).surfaces, "by processes"


def test_classes_may_have_tolerances_of_their_own(folders: tuple[Path, Path], tmp_path: Path, segconv: Command) -> None:
    words = ["evaluate", *folders, "--tolerance", "2=3,3=0.5"]
    found = segconv(*words, "--json", "--csv", tmp_path / "scores.csv").json["surfaces"]
    assert found["tolerances"] == {"1": 1, "2": 3, "3": 0.5}
    for value, tolerance in ((1, 1.0), (2, 3.0), (3, 0.5)):
        assert found["cases"]["a"][str(value)] == wanted(organs(10), organs(0), value, tolerance=tolerance)
    with (tmp_path / "scores.csv").open() as file:
        assert {row["class"]: row["tolerance_mm"] for row in csv.DictReader(file)} == {
            "1": "1.0",
            "2": "3.0",
            "3": "0.5",
        }
    assert is_csv((tmp_path / "scores.csv").read_bytes())
    assert "\tNSD\t" in segconv(*words).out, "without a tolerance, as there are several"
    done = segconv("evaluate", *folders, "--tolerance", "9=3")
    assert (done.code, done.codes()) == (2, ["SC001"])
    assert "there are 1, 2, 3" in done.err
    for text in ("-1", "2=x", "2=1,2=2", "=3", "nan"):
        assert segconv("evaluate", *folders, "--tolerance", text).code == 2


def test_pictures_are_measured_in_pixels_or_in_the_spacing_that_is_given(tmp_path: Path, segconv: Command) -> None:
    for folder, seed in (("p", 10), ("r", 0)):
        write_png(tmp_path / folder / "a.png", organs(seed)[4])
    words = ["evaluate", tmp_path / "p", tmp_path / "r", "--json"]
    found = segconv(*words, "--distances").json["surfaces"]
    masks = [organs(seed)[4] == 1 for seed in (10, 0)]
    assert found["unit"] == {"length": "px", "volume": "px"}
    assert found["cases"]["a"]["1"]["hd95"] == pytest.approx(surface_score(*masks, (1.0, 1.0), 1).hd95)
    assert found["cases"]["a"]["1"]["volume_error"] == int(masks[0].sum()) - int(masks[1].sum())
    found = segconv(*words, "--spacing", "0.5,2").json["surfaces"]
    assert found["unit"] == {"length": "mm", "volume": "mm²"}
    assert found["cases"]["a"]["1"]["hd95"] == pytest.approx(surface_score(*masks, (2.0, 0.5), 1).hd95)
    done = segconv(*words[:-1], "--distances")
    assert "distances are in pixels" in done.err


def test_masks_of_classes_and_segments_of_slicer_are_measured(tmp_path: Path, segconv: Command) -> None:
    prediction, reference = organs(10), organs(0)
    for folder, array in (("p", prediction), ("r", reference)):
        for value in (1, 2):
            write(tmp_path / "masks" / folder / "case" / f"organ{value}.nii.gz", (array == value).astype(np.uint8))
    masks = tmp_path / "masks"
    words = ("--layout", "classes", "--distances", "--json")
    found = segconv("evaluate", masks / "p", masks / "r", *words).json["surfaces"]["cases"]["case"]
    assert found == {f"organ{value}": wanted(prediction, reference, value) for value in (1, 2)}
    grid = Geometry.plain(SIZE[::-1], SPACING)
    for folder, array in (("p", prediction), ("r", reference)):
        (tmp_path / folder).mkdir()
        segments = [
            segmentation.Segment(f"Segment_{value}", f"organ{value}", value, 0, (1.0, 0.0, 0.0)) for value in (1, 2)
        ]
        data = segmentation.encode(segments, np.where(array < 3, array, 0)[None], grid)
        (tmp_path / folder / "case.seg.nrrd").write_bytes(data)
    found = segconv("evaluate", tmp_path / "p", tmp_path / "r", *words[2:]).json["surfaces"]["cases"]["case"]
    assert found == {f"organ{value}": wanted(prediction, reference, value) for value in (1, 2)}


def test_a_missing_prediction_and_an_absent_class_are_stated(
    folders: tuple[Path, Path], tmp_path: Path, segconv: Command
) -> None:
    (folders[0] / "b.nii.gz").unlink()
    labels = "background=0,x=1,y=2,z=3,never=4"
    done = segconv("evaluate", *folders, "--distances", "--missing", "zero", "--labels", labels, "-v")
    assert done.code == 0, done.err
    rows = {tuple(line.split("\t")[:2]): line.split("\t")[2:] for line in done.out.splitlines()}
    assert rows["b", "x"][:3] == ["0.0000", "inf", "0.0000"]
    assert rows["b", "x"][4] == "-100.0"
    assert rows["b", "never"] == ["nan"] * 5
    assert "never: in no reference and no prediction, left out of the mean" in done.err
    assert "only one side has the class in 3 of 6 scores" in done.err
    found = segconv("evaluate", *folders, "--distances", "--missing", "zero", "--labels", labels, "--json").json
    assert found["surfaces"]["classes"]["x"]["hd95"] == found["surfaces"]["cases"]["a"]["x"]["hd95"]
    assert found["surfaces"]["classes"]["x"]["nsd"] == found["surfaces"]["cases"]["a"]["x"]["nsd"] / 2
    assert found["surfaces"]["classes"]["x"]["cases_with_distance"] == 1
    assert found["surfaces"]["pooled"]["never"]["hd95"] is None
    assert found["mean"] is not None


def test_pooled_scores_are_those_of_all_voxels(folders: tuple[Path, Path], segconv: Command) -> None:
    found = segconv("evaluate", *folders, "--distances", "--json").json
    mine, its = (np.concatenate([organs(seed + more) for seed in (0, 1)]) == 1 for more in (10, 0))
    assert found["pooled"]["1"] == 2 * np.count_nonzero(mine & its) / (mine.sum() + its.sum())
    error = (int(mine.sum()) - int(its.sum())) * math.prod(SPACING) / 1000
    assert found["surfaces"]["pooled"]["1"]["volume_error"] == pytest.approx(error)


def test_a_table_with_distances_is_ours_only_as_it_was_written(
    folders: tuple[Path, Path], tmp_path: Path, segconv: Command
) -> None:
    table = tmp_path / "scores.csv"
    words = ["evaluate", *folders, "--missing", "zero", "--csv", table]
    (folders[0] / "b.nii.gz").unlink()
    assert segconv(*words, "--distances").code == 0
    first = table.read_bytes()
    assert is_csv(first)
    with table.open() as file:
        rows = {(row["case"], row["class"]): row for row in csv.DictReader(file)}
    assert rows["b", "1"]["hd95_mm"] == "inf"
    assert float(rows["a", "1"]["nsd"]) == pytest.approx(
        float(rows["a", "1"]["within_mm2"]) / float(rows["a", "1"]["surface_mm2"]), abs=1e-6
    )
    for old, new in ((b"-100.000000", b"-99.000000"), (b"\n", b"\r\n"), (b",1.0,", b",1,"), (b"inf", b"Infinity")):
        assert old in first
        assert not is_csv(first.replace(old, new, 1))
    assert segconv(*words, "--distances", "--overwrite").code == 0
    assert table.read_bytes() == first
    assert segconv(*words, "--overwrite").code == 0
    table.write_bytes(first + b"# mine\n")
    assert segconv(*words, "--overwrite").codes() == ["SC020"]


# What is refused


def test_a_spacing_that_contradicts_the_files_is_refused(folders: tuple[Path, Path], segconv: Command) -> None:
    done = segconv("evaluate", *folders, "--spacing", "1,1,1")
    assert (done.code, done.codes()) == (65, ["SC130", "SC130"])
    assert "holds a spacing of 0.7×1.3×3 mm, but 1×1×1 mm was given" in done.err
    assert segconv("evaluate", *folders, "--spacing", "0.7,1.3,3").code == 0
    assert segconv("evaluate", *folders, "--spacing", "0.7,0").code == 2


def test_distances_in_pixels_and_in_mm_are_not_mixed(folders: tuple[Path, Path], segconv: Command) -> None:
    for folder, seed in zip(folders, (10, 0), strict=True):
        write_png(folder / "c.png", organs(seed)[4])
    done = segconv("evaluate", *folders, "--distances")
    assert (done.code, done.codes()) == (65, ["SC130"])
    assert "--spacing X,Y,Z" in done.err


def test_labels_that_change_after_they_were_scored_are_noticed(folders: tuple[Path, Path]) -> None:

    found = evaluate_folders(*folders)
    write(folders[0] / "a.nii.gz", organs(11))
    with pytest.raises(Refused) as refused:
        measure_surfaces(found)
    assert [finding.code for finding in refused.value.findings] == ["SC062"]


# Whatever values mean


def test_values_are_measured_as_what_they_count_as(tmp_path: Path, segconv: Command) -> None:
    """Predictions in colours, references in values of which two count as one class."""
    prediction, reference = organs(10)[4], organs(0)[4]
    colours = np.array([(0, 0, 0), (9, 9, 9), (200, 0, 0), (0, 0, 200)], np.uint8)
    write_png(tmp_path / "p" / "a.png", colours[np.where(prediction == 1, 0, prediction)])
    write_png(tmp_path / "r" / "a.png", colours[np.where(reference == 1, 0, reference)])
    done = segconv("evaluate", tmp_path / "p", tmp_path / "r", "--distances", "--json")
    assert done.code == 0, done.err
    for name, value in (("#c80000", 2), ("#0000c8", 3)):
        score = surface_score(prediction == value, reference == value, (1.0, 1.0), 1)
        assert done.json["surfaces"]["cases"]["a"][name]["hd95"] == pytest.approx(score.hd95)
    write_png(tmp_path / "q" / "a.png", prediction)
    write_png(tmp_path / "s" / "a.png", np.where(reference == 3, 7, reference))
    words = ["--labels", "background=0,x=1,y=2", "--map", "7=y", "--map", "3=y", "--distances", "--json"]
    found = segconv("evaluate", tmp_path / "q", tmp_path / "s", *words).json["surfaces"]["cases"]["a"]
    score = surface_score(prediction > 1, reference > 1, (1.0, 1.0), 1)
    assert found["y"]["hd95"] == pytest.approx(score.hd95)
    assert found["y"]["nsd"] == pytest.approx(score.nsd)


def test_palettes_of_other_orders_are_measured_by_colour(tmp_path: Path, segconv: Command) -> None:
    from PIL import Image

    prediction, reference = organs(10)[4], organs(0)[4]
    for folder, array, order in (("p", prediction, (0, 2, 1, 3)), ("r", reference, (0, 1, 2, 3))):
        (tmp_path / folder).mkdir()
        picture = Image.fromarray(np.array(order, np.uint8)[array])
        colours = np.zeros((4, 3), np.uint8)
        colours[list(order)] = [(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)]
        picture.putpalette(colours.tobytes())
        picture.save(tmp_path / folder / "a.png")
    done = segconv("evaluate", tmp_path / "p", tmp_path / "r", "--distances", "--json")
    assert done.code == 0, done.err
    score = surface_score(prediction == 1, reference == 1, (1.0, 1.0), 1)
    assert done.json["surfaces"]["cases"]["a"]["#ff0000"]["hd95"] == pytest.approx(score.hd95)


def test_impossible_distances_are_refused(folders: tuple[Path, Path], tmp_path: Path, segconv: Command) -> None:
    found = evaluate_folders(*folders)
    for how in ({"tolerance": -1.0}, {"tolerance": {"1": math.inf}}, {"tolerance": {"9": 1.0}}, {"spacing_mm": (1, 0)}):
        with pytest.raises(SegconvError) as refused:
            measure_surfaces(found, **how)
        assert refused.value.code == "SC001"
    for folder, seed in (("p", 10), ("r", 0)):
        for z, picture in enumerate(organs(seed)):
            write_png(tmp_path / "stacks" / folder / "case" / f"{z}.png", picture)
    words = ["evaluate", tmp_path / "stacks/p", tmp_path / "stacks/r", "--layout", "slices"]
    done = segconv(*words, "--spacing", "1,1")
    assert (done.code, done.codes()) == (65, ["SC130"])
    assert "has 3 axes, but the spacing that was given has 2" in done.err
    scores = segconv(*words, "--spacing", "0.7,1.3,3", "--json").json["surfaces"]
    assert scores["cases"]["case"]["1"] == wanted(organs(10), organs(0), 1)
    assert scores["unit"]["volume"] == "ml"
