"""Where the processes of TotalSegmentator compute, and which task is taken for CT or MR."""

from __future__ import annotations

import pytest

from segconv.errors import SegconvError
from segconv.train.queue import VISIBLE
from segconv.train.totalsegmentator.request import Request, task_for
from segconv.train.totalsegmentator.workers import Devices


def test_each_gpu_has_a_process_or_as_many_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "4,6")
    slots = Devices(gpus=("0", "1")).slots()
    assert [(slot.name, slot.settings[VISIBLE]) for slot in slots] == [("GPU 0", "4"), ("GPU 1", "6")]
    slots = Devices(gpus=("0", "1"), processes=3).slots()
    assert [(slot.name, slot.settings[VISIBLE]) for slot in slots[2:]] == [("GPU 0 (1)", "4")]
    assert len(Devices("cpu").slots()) == len(Devices().slots()) == 1
    assert len({slot.name for slot in Devices("cpu", processes=3).slots()}) == 3


def test_there_are_no_more_processes_than_cases() -> None:
    many = Devices("cpu", processes=8)
    assert [len(many.for_cases(number).slots()) for number in (0, 1, 3, 9)] == [1, 1, 3, 8]
    assert Devices(gpus=("0", "1")).for_cases(1).slots()[0].name == "GPU 0"


def test_contradicting_devices_are_refused() -> None:
    for make in (lambda: Devices("cpu", gpus=("0",)), lambda: Devices(processes=0)):
        with pytest.raises(SegconvError) as failed:
            make()
        assert failed.value.code == "SC001"


@pytest.mark.train
@pytest.mark.totalseg
@pytest.mark.parametrize(
    ("task", "modality", "stated", "expected"),
    [
        (None, "MR", {}, "total_mr"),
        (None, None, {"a": "CT", "b": "CT"}, "total"),
        (None, None, {"a": "CT"}, "SC199"),
        (None, None, {"a": "CT", "b": "MR"}, "SC199"),
        (None, None, {"a": "PT", "b": "PT"}, "SC199"),
        (None, None, {}, "SC199"),
        ("body", None, {}, "body"),
        ("body_mr", "MR", {"a": "MR"}, "body_mr"),
        ("body_mr", "CT", {}, "SC001"),
        ("bdy", None, {}, "SC191"),
    ],
)
def test_the_task_follows_from_what_is_said(
    task: str | None, modality: str | None, stated: dict[str, str], expected: str
) -> None:
    if not expected.startswith("SC"):
        found, why = task_for(task, modality, stated, 2)
        assert found == expected
        assert ("as you say" in why) == (modality is not None)
        return
    with pytest.raises(SegconvError) as failed:
        task_for(task, modality, stated, 2)
    assert failed.value.code == expected


@pytest.mark.train
@pytest.mark.totalseg
def test_a_subset_keeps_the_numbers_of_its_task() -> None:
    request = Request("total", "fast", ("liver", "spleen"))
    assert request.classes == {1: "spleen", 5: "liver"}
    with pytest.raises(SegconvError, match="has no class 'livre'") as failed:
        Request("total", "fast", ("livre",))
    assert "liver" in failed.value.hint
