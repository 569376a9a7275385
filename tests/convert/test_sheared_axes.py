"""Sheared axes in NRRD and MetaImage: refused with mm, made orthogonal on request, and restored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from segconv.convert.back.restore import plan_restore_of, run_restore
from segconv.convert.inputs import as_converted, plan_inputs, run_inputs, ways_back
from segconv.dataset.layout import Dataset
from segconv.dataset.lineage import RESTORED, manifest
from segconv.image import volumes
from segconv.image.formats import metaimage, nrrd, segmentation
from segconv.image.geometry import Geometry
from segconv.image.orientation import Reordering, axis_codes
from segconv.image.read_options import ANY_AXES
from segconv.image.segment import Segment
from segconv.work.plan import Target

from ..command import Command
from .oracles import ct

TILTED = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.6 / np.hypot(0.6, 2)], [0.0, 0.0, 2 / np.hypot(0.6, 2)]])
"""Columns are the axes: slices go up and, 0.6 for 2 mm, to the back."""
SHAPE = ct(0).label.array.shape
GRID = Geometry(SHAPE[::-1], (1.0, 1.0, float(np.hypot(0.6, 2))), (3.0, 4.0, 5.0), tuple(np.eye(3).ravel().tolist()))


def write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".mhd":
        header, raw = metaimage.encode_pair(array, GRID, f"{path.stem}.raw", TILTED)
        path.write_bytes(header)
        path.with_suffix(".raw").write_bytes(raw)
    else:
        path.write_bytes(volumes.encode(array, GRID, path.suffix, TILTED))


def axes(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return what a file says of its axes and its origin, read without segconv."""
    text = path.read_bytes()[:2000].decode("latin-1")
    said = dict(line.split(mark, 1) for line in text.splitlines() for mark in (": ", " = ") if mark in line)
    if path.name.endswith(".nrrd"):
        steps = [vector(part) for part in said["space directions"].replace("none ", "").split(" ")]
        return np.array(steps).T, vector(said["space origin"])
    rows = np.array(said["TransformMatrix"].split(), float).reshape(3, 3)
    spacing = np.array(said["ElementSpacing"].split(), float)
    return rows.T * spacing, np.array(said["Offset"].split(), float)


def vector(text: str) -> np.ndarray:
    return np.array(text.strip("()").split(","), float)


@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".mhd"])
def test_a_sheared_grid_is_refused_with_mm_and_comes_back_sheared(
    ending: str, tmp_path: Path, segconv: Command
) -> None:
    write(tmp_path / f"s/images/c{ending}", ct(0).images[0].array)
    write(tmp_path / f"s/labels/c{ending}", ct(0).label.array.astype(np.uint8))
    command = ("convert", tmp_path / "s", "--to", "5_A", "--channels", "CT", "--accept-labels")
    done = segconv(*command)
    assert (done.code, done.codes()) == (65, ["SC057"])
    assert "the nearest rotation moves corners by up to" in done.err
    assert "mm" in done.err.split("corners by up to")[1]
    for repair in ("orthonormal", "orthonormal,orientation"):
        done = segconv(*command, "--repair", repair, "--overwrite")
        assert done.code == 0, done.err
        made = segconv.raw / "Dataset005_A/labelsTr"
        out = tmp_path / repair
        done = segconv("restore", made, "--like", "5", "-o", out)
        assert done.code == 0, done.err
        assert "Warning" not in done.err
        steps, origin = axes(out / f"c{ending}")
        assert np.allclose(steps, TILTED * GRID.spacing_mm, atol=1e-12)
        assert np.allclose(origin, GRID.origin_mm)
        companion = (out / "c.raw").read_bytes() if ending == ".mhd" else None
        found = volumes.decode((out / f"c{ending}").read_bytes(), ending, companion, ANY_AXES)
        assert np.array_equal(found.values, ct(0).label.array), "in the order of the user's file"
        scored = segconv("evaluate", out, tmp_path / "s/labels")
        assert scored.code == 0, scored.err
        assert "Warning" not in scored.err


def test_a_squared_prediction_of_a_sheared_reference_is_scored_with_the_distance(
    tmp_path: Path, segconv: Command
) -> None:
    label = ct(0).label.array.astype(np.uint8)
    write(tmp_path / "r/c.nrrd", label)
    grid = nrrd.read_header((tmp_path / "r/c.nrrd").read_bytes(), ANY_AXES).geometry
    (tmp_path / "p").mkdir()
    (tmp_path / "p/c.nrrd").write_bytes(volumes.encode(label, grid, ".nrrd"))
    done = segconv("evaluate", tmp_path / "p", tmp_path / "r")
    assert done.code == 0, done.err
    assert "Warning SC083" in done.err
    assert "mm off its reference, as the axes of one are sheared" in done.err


@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz"])
def test_predictions_of_sheared_files_match_them(ending: str, tmp_path: Path, segconv: Command) -> None:
    """Also where labels have another format: an sform may be sheared."""
    write(tmp_path / "s/images/c.nrrd", ct(0).images[0].array)
    if ending == ".nrrd":
        write(tmp_path / "s/labels/c.nrrd", ct(0).label.array.astype(np.uint8))
    else:
        squared = nrrd.read_header((tmp_path / "s/images/c.nrrd").read_bytes(), ANY_AXES).geometry
        (tmp_path / "s/labels").mkdir()
        (tmp_path / "s/labels/c.nii.gz").write_bytes(
            volumes.encode(ct(0).label.array.astype(np.uint8), squared, ending)
        )
    words = ("--channels", "CT", "--accept-labels", "--repair", "orthonormal")
    done = segconv("convert", tmp_path / "s", "--to", "5_A", *words)
    assert done.code == 0, done.err
    dataset = Dataset.open(segconv.raw / "Dataset005_A")
    write(tmp_path / "new/x.nrrd", ct(7).images[0].array)
    target = Target(tmp_path / "work", "work", manifest(*RESTORED))
    planned = plan_inputs(tmp_path / "new", dataset.description, target, as_converted(dataset.run))
    run_inputs(planned)
    grid = nrrd.read_header((tmp_path / "new/x.nrrd").read_bytes(), ANY_AXES).geometry
    (tmp_path / "predicted").mkdir()
    values = ct(7).label.array.astype(np.uint8)
    ours = dataset.description.file_ending
    (tmp_path / f"predicted/x{ours}").write_bytes(volumes.encode(values, grid, ours))
    restored = plan_restore_of({"x": "x"}, tmp_path / "predicted", dataset, tmp_path / "out", ways_back(planned))
    run_restore(restored)
    if ending == ".nrrd":
        steps, origin = axes(tmp_path / "out/x.nrrd")
    else:
        affine = np.diag([-1.0, -1, 1, 1]) @ nib.load(tmp_path / "out/x.nii.gz").get_sform()
        steps, origin = affine[:3, :3], affine[:3, 3]
    assert np.allclose(steps, TILTED * GRID.spacing_mm, atol=1e-6)
    assert np.allclose(origin, GRID.origin_mm, atol=1e-6)


def segments(path: Path, geometry: Geometry, label: np.ndarray) -> None:
    found = [Segment(f"S{value}", name, value, 0, (1.0, 0.0, 0.0)) for value, name in ((1, "a"), (2, "b"))]
    layer = np.where(label > 2, 0, label).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(segmentation.encode(found, layer[np.newaxis], geometry))


def test_segments_come_back_with_the_axes_of_their_file(tmp_path: Path, segconv: Command) -> None:
    write(tmp_path / "s/c/ct.nrrd", ct(0).images[0].array)
    segments(tmp_path / "s/c/s.seg.nrrd", replace(GRID, sheared=tuple(TILTED.ravel())), ct(0).label.array)
    command = ("convert", tmp_path / "s", "--to", "5_A", "--channels", "CT")
    assert segconv(*command).codes() == ["SC057"]
    done = segconv(*command, "--repair", "orthonormal")
    assert done.code == 0, done.err
    assert segconv("restore", segconv.raw / "Dataset005_A/labelsTr", "--like", "5", "-o", tmp_path / "out").code == 0
    assert np.allclose(axes(tmp_path / "out/c/s.seg.nrrd")[0], TILTED * GRID.spacing_mm, atol=1e-12)


@pytest.mark.parametrize("part", [(slice(None),) * 3, (slice(0, 6), slice(1, 11), slice(1, 13))])
def test_segments_in_another_order_come_back_in_that_order(
    part: tuple[slice, ...], tmp_path: Path, segconv: Command
) -> None:
    """Complete, or the box that 3D Slicer saves; a prediction beyond the box comes on the grid of the image."""
    label = np.where(ct(0).label.array > 2, 0, ct(0).label.array)
    image = ct(0).images[0]
    (tmp_path / "s/c").mkdir(parents=True)
    (tmp_path / "s/c/ct.nrrd").write_bytes(volumes.encode(image.array, image.geometry, ".nrrd"))
    own = Reordering((0, 1, 2), (True, True, False))
    start = [one.indices(size)[0] for one, size in zip(part, label.shape, strict=True)][::-1]
    box = replace(
        image.geometry,
        size=label[part].shape[::-1],
        origin_mm=tuple(float(value) for value in image.geometry.to_physical(start)),
    )
    path = tmp_path / "s/c/s.seg.nrrd"
    segments(path, own.grid(box), own.array(label[part]))
    done = segconv("convert", tmp_path / "s", "--to", "5_A", "--channels", "CT")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset005_A/labelsTr"
    assert segconv("restore", made, "--like", "5", "-o", tmp_path / "out").code == 0
    theirs, ours = (segmentation.decode(file.read_bytes()) for file in (path, tmp_path / "out/c/s.seg.nrrd"))
    assert np.array_equal(ours.layers, theirs.layers)
    assert ours.geometry.displacement_voxels(theirs.geometry) < 1e-6
    beyond = np.ones_like(label, dtype=np.uint8)
    (tmp_path / "p").mkdir()
    (tmp_path / "p/c.nii.gz").write_bytes(volumes.encode(beyond, image.geometry, ".nii.gz"))
    assert segconv("restore", tmp_path / "p", "--like", "5", "-o", tmp_path / "out2").code == 0
    ours = segmentation.decode((tmp_path / "out2/c/s.seg.nrrd").read_bytes())
    assert ours.geometry.size == image.geometry.size
    assert ours.layers.all()
    assert axis_codes(ours.geometry) == axis_codes(theirs.geometry)
