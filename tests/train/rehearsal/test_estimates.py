"""The estimate of the real training follows from counts, by arithmetic that can be checked by hand."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from segconv.train.rehearsal.estimates import GPU_FLOPS, estimate, lacking, preprocessed_bytes

Usage = namedtuple("Usage", "total used free")
NETWORK = {
    "parameters": 1000,
    "forward_flops": 2e9,
    "activation_bytes": 5000,
    "flops_per_s": 1e9,
    "small": {"parameters": 100},
}
PLANS = {
    "original_median_shape_after_transp": [10, 20, 30],
    "configurations": {
        "2d": {"median_image_size_in_voxels": [40, 50], "patch_size": [8, 8], "data_identifier": "plans_2d"},
        "3d": {"median_image_size_in_voxels": [5, 6, 7], "patch_size": [4, 4, 4], "data_identifier": "plans_3d"},
    },
}


def test_time_memory_and_checkpoints_follow_from_the_counts() -> None:
    found = estimate("2d", NETWORK, 800, 7)
    assert found.results_bytes == 8 * 1000 * 2 * 5
    assert found.memory_bytes == 1000 * 4 * 3 + 5000
    assert found.epoch_cpu_s == pytest.approx(2 * (3 * 250 + 50))
    assert found.epoch_gpu_s == pytest.approx(2e9 * 800 / GPU_FLOPS)
    assert found.preprocessed_bytes == 7


def test_what_could_not_be_counted_is_unknown() -> None:
    found = estimate("2d", {**NETWORK, "forward_flops": None, "activation_bytes": None}, 800, 0)
    assert (found.epoch_cpu_s, found.epoch_gpu_s, found.memory_bytes) == (None, None, None)


def test_slices_are_kept_in_volumes(tmp_path: Path) -> None:
    assert preprocessed_bytes(PLANS, "2d", 3, 2, tmp_path) == 3 * 10 * 40 * 50 * 9
    assert preprocessed_bytes(PLANS, "3d", 3, 2, tmp_path) == 3 * 5 * 6 * 7 * 9


def test_what_is_preprocessed_takes_no_more_room(tmp_path: Path) -> None:
    (tmp_path / "plans_3d").mkdir()
    for case in ("a", "b", "c"):
        (tmp_path / "plans_3d" / f"{case}.b2nd").touch()
    assert preprocessed_bytes(PLANS, "3d", 3, 1, tmp_path) == 0
    assert preprocessed_bytes(PLANS, "3d", 4, 1, tmp_path) > 0


def test_a_disk_with_less_room_than_needed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(9, 0, 1 << 30))
    assert not list(lacking(tmp_path, 1 << 30, "it"))
    (finding,) = lacking(tmp_path, (1 << 30) + 1, "it")
    assert (finding.code, finding.severity, finding.file) == ("SC167", "error", str(tmp_path))
