"""Worker processes follow cores and memory, unless the user sets their number."""

from __future__ import annotations

import pytest

from segconv.train import worker_processes
from segconv.train.child import environment
from segconv.train.paths import Paths
from segconv.train.worker_processes import GIB, VARIABLE, affordable_processes


@pytest.mark.parametrize(
    ("count", "free_gib", "case_gib", "fit"),
    [(8, None, 1.0, 8), (8, 36, 1.0, 8), (8, 9.5, 1.0, 2), (8, 1, 1.0, 1), (2, 64, 0.001, 2), (8, 2, 0.001, 3)],
)
def test_workers_that_fit_into_memory(count: int, free_gib: float | None, case_gib: float, fit: int) -> None:
    available = None if free_gib is None else int(free_gib * GIB)
    assert affordable_processes(count, available, int(case_gib * GIB)) == fit


@pytest.mark.parametrize(
    ("cores", "free_gib", "started"), [(2, 100, "2"), (64, 100, "8"), (64, 7, "2"), (4, None, "4")]
)
def test_a_child_starts_no_more_workers_than_cores_and_memory_allow(
    cores: int, free_gib: int | None, started: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(worker_processes, "cores", lambda: cores)
    monkeypatch.setattr(worker_processes, "available_bytes", lambda: None if free_gib is None else free_gib * GIB)
    assert environment(Paths())[VARIABLE] == started
    monkeypatch.setenv(VARIABLE, "5")
    assert environment(Paths())[VARIABLE] == "5"
