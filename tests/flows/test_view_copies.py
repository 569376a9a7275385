"""``segconv view --copies``: originals next to their copies, at one place in the patient and with one window."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from skimage import io

from segconv.dataset.layout import Dataset
from segconv.flows.view_copies import MOST_COPIES, CopiesTask, plan_copies_view
from segconv.flows.viewed_case import Look
from segconv.image import opened
from segconv.review.pictures import case_picture
from segconv.review.pictures.case_picture import CasePicture
from segconv.review.pictures.windows import window_of

from ..command import Command
from ..review import datasets


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[CasePicture]:
    """What is drawn of each original, in order."""
    pictures: list[CasePicture] = []

    def keep(case: CasePicture) -> np.ndarray:
        pictures.append(case)
        return case_picture.drawn(case)

    monkeypatch.setattr("segconv.flows.view_copies.drawn", keep)
    return pictures


def test_volumes_are_cut_at_one_place_and_drawn_with_one_window(segconv: Command, drawn: list[CasePicture]) -> None:
    datasets.volumes(segconv.raw, cases=1)
    words = ["--rotate", "180", "--axis", "k,i", "--hu-shift", "100:200"]
    assert segconv("augment", "7", "--to", "8_Aug", *words, "-q").code == 0
    done = segconv("view", "8", "--copies", "-o", segconv.folder / "x", "-j", "1")
    assert done.code == 0, done.err
    assert "Drew 1 case:" in done.err
    assert sorted(path.name for path in (segconv.folder / "x").glob("*.png")) == ["c0.png"]
    records = {record.case: record for record in Dataset.open(segconv.raw / "Dataset008_Aug").records()}
    assert [picture.title for picture in drawn] == ["c0"]
    for picture in drawn:
        original, *copies = picture.sections
        assert original.note == "original"
        assert [copy.title for copy in copies] == [f"{picture.title}_k180", f"{picture.title}_i180"]
        shown = io.imread(segconv.folder / "x" / f"{picture.title}.png")
        assert shown.shape[0] > 400
        for copy, axis, plane in zip(copies, "ki", ("axial", "sagittal"), strict=True):
            shift = records[copy.title].transform["shift_hu"]
            assert copy.note == f"{axis} 180°, shift {shift:+.3g} HU"
            # A rotation in a plane shows in that plane: it is the same slice, turned.
            (before,) = (one for one in original.planes if one.title.startswith(plane))
            (after,) = (one for one in copy.planes if one.title.startswith(plane))
            assert np.array_equal(before.label[::-1, ::-1], after.label)
            body = after.label > 0
            assert np.allclose(after.image[body] - before.image[::-1, ::-1][body], shift, atol=1)


def test_all_take_the_window_of_the_original(segconv: Command, drawn: list[CasePicture]) -> None:
    datasets.volumes(segconv.raw, cases=1)
    segconv("augment", "7", "--to", "8_Aug", "--hu-shift", "300:300", "-q")
    assert segconv("view", "8", "--copies", "-o", segconv.folder / "x.png").code == 0
    image = opened.decode((segconv.raw / "Dataset007_Ct" / "imagesTr" / "c0_0000.nii.gz").read_bytes(), ".nii.gz")
    assert drawn[0].window == window_of(image.image().array)
    (original, copy) = drawn[0].sections
    assert original.planes[0].title == copy.planes[0].title
    assert abs(float(np.max(copy.planes[0].image - original.planes[0].image))) == pytest.approx(300, abs=1)


def test_pictures_and_cases_by_name(segconv: Command, drawn: list[CasePicture]) -> None:
    datasets.pictures(segconv.raw, cases=3)
    segconv("augment", "9", "--to", "10_Aug", "--copies", "3", "--rotate-range", "20", "-q")
    done = segconv("view", "10", "s0", "s2_aug0[13]", "--copies", "-o", segconv.folder / "x.png", "--json", "-j", "1")
    assert done.json["cases"] == 2
    names = [[section.title for section in picture.sections] for picture in drawn]
    assert names == [["s0", "s0_aug01", "s0_aug02", "s0_aug03"], ["s2", "s2_aug01", "s2_aug03"]]
    assert drawn[0].sections[1].note.startswith("axial ")
    assert segconv("view", "10", "s7", "--copies", "-o", segconv.folder / "y.png").codes() == ["SC001"]
    done = segconv("view", "10", "--copies", "-o", segconv.folder / "z.png", "--fill", "-j", "1")
    assert "Drew 3 cases" in done.err


def test_a_dataset_without_copies_and_options_that_contradict(segconv: Command) -> None:
    root = datasets.pictures(segconv.raw, cases=1)
    done = segconv("view", "9", "--copies", "-o", segconv.folder / "x")
    assert done.codes() == ["SC011"]
    assert f"segconv augment {root} --to 43_New --rotate-range 15" in done.err
    words = ("--copies", "--predictions", root / "labelsTr", "-o", segconv.folder / "x")
    assert segconv("view", "9", *words).codes() == ["SC001"]


def test_many_copies_are_bounded_and_said(segconv: Command) -> None:
    datasets.pictures(segconv.raw, cases=1)
    segconv("augment", "9", "--to", "10_Aug", "--copies", "25", "--rotate-range", "20", "-q")
    dataset = Dataset.open(segconv.raw / "Dataset010_Aug")
    (item,) = plan_copies_view(dataset, [], segconv.folder / "x", Look()).plan.items
    task: CopiesTask = item.payload
    assert len(task.copies) == MOST_COPIES
    assert task.remark == "and 2 more copies: s0_aug24, s0_aug25"


def test_a_lineage_that_does_not_say_how_a_copy_was_made_is_refused(segconv: Command) -> None:
    datasets.pictures(segconv.raw, cases=1)
    segconv("augment", "9", "--to", "10_Aug", "--rotate-range", "20", "-q")
    path = Path(segconv.raw / "Dataset010_Aug" / "segconv" / "cases.jsonl")
    records = [json.loads(line) for line in path.read_text().splitlines()]
    records[1]["transform"]["angle_deg"] = "much"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert segconv("view", "10", "--copies", "-o", segconv.folder / "x").codes() == ["SC096"]
