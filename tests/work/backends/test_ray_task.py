"""When the cores of a Ray cluster are counted, and how often Ray repeats work; with stand-ins for Ray."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from segconv.work.backends import ray as backend
from segconv.work.backends import ray_client
from segconv.work.backends.batch import Batch
from segconv.work.backends.shared import Required
from segconv.work.unforeseen import Carried


class Stand:
    """Ray, and the function of its workers, with a cluster that answers at once and gains a core with each question."""

    def __init__(self) -> None:
        self.cores = 0

    def remote(self, *_: Any, **options: Any) -> Any:
        return (lambda _: self) if options else object()

    def wait(self, references: list[object], **_: Any) -> tuple[list[object], list[object]]:
        return references[:1], references[1:]

    def cluster_resources(self) -> dict[str, float]:
        self.cores += 1
        return {"CPU": float(self.cores)}


def test_workers_that_join_get_work_although_results_keep_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "POLL_S", 0.0)
    monkeypatch.setattr(backend, "answers", lambda _: True)
    cluster = backend._Cluster(Stand())
    rooms = []
    for _ in range(3):
        cluster.submit(Batch(Carried(str, str), (1,), Required(())))
        cluster.next(list)
        rooms.append(cluster.room())
    assert rooms == [2 * backend.AHEAD, 3 * backend.AHEAD, 4 * backend.AHEAD]


@pytest.mark.parametrize(("of_the_user", "read"), [(None, str(ray_client.RETRIES)), ("7", "7")])
def test_ray_starts_with_a_limit_for_work_that_runs_out_of_memory(
    of_the_user: str | None, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_task_oom_retries", raising=False)
    if of_the_user is not None:
        monkeypatch.setenv("RAY_task_oom_retries", of_the_user)
    found = []
    ray = SimpleNamespace(
        exceptions=SimpleNamespace(RayError=RuntimeError),
        init=lambda **_: found.append(os.environ.get("RAY_task_oom_retries")),
    )
    ray_client._begin(ray, "local")
    assert found == [read]
    assert os.environ.get("RAY_task_oom_retries") == of_the_user
