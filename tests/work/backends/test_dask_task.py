"""What becomes of batches whose result Dask cannot give, and when its workers are counted; with stand-ins for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

import pytest

from segconv.errors import SegconvError
from segconv.work.backends import dask as backend
from segconv.work.backends.batch import Batch
from segconv.work.backends.shared import Required
from segconv.work.unforeseen import Carried

pytest.importorskip("distributed", reason="Dask is not installed")

ADDRESS = "tcp://10.0.0.1:8786"


class Future:
    """A future of Dask whose calls for the result raise errors, one after another, before they give it.

    Parameters
    ----------
    raised
        What they raise.
    failure
        What the work, done again, ends in.
    """

    def __init__(self, *raised: Exception, failure: Exception | None = None) -> None:
        self.status = "finished"
        self._raised = list(raised)
        self._failure = failure

    def result(self, timeout: float) -> bytes:
        if self._raised:
            raise self._raised.pop(0)
        if self._failure is None:
            return backend._packed(([(1, None)], 0.0))
        self.status = "error"
        raise self._failure

    def exception(self) -> Exception | None:
        return self._failure

    def add_done_callback(self, call: Callable[[Any], None]) -> None:
        call(self)


class Client:
    """A client of Dask with its scheduler, which gains a thread with each question."""

    status = "running"

    def __init__(self) -> None:
        self.scheduler = self
        self.address = ADDRESS
        self.threads = 0

    def nthreads(self) -> dict[str, int]:
        self.threads += 1
        return {ADDRESS: self.threads}

    def submit(self, *_: Any, **__: Any) -> Future:
        if self.status != "running":
            from distributed.client import ClosedClientError

            raise ClosedClientError("closed")
        return Future()


def batch() -> Batch:
    return Batch(Carried(str, str), (1,), Required(()))


def comm_closed() -> Exception:
    from distributed.comm import CommClosedError

    return CommClosedError("gone")


@pytest.mark.parametrize("error", [comm_closed(), ConnectionResetError(), CancelledError()], ids=repr)
def test_a_result_that_is_lost_with_the_scheduler_is_reported_as_such(error: Exception) -> None:
    with pytest.raises(SegconvError, match=f"scheduler at {ADDRESS} lost the work") as caught:
        backend._Task(backend._Cluster(Client()), Future(error)).done()
    assert caught.value.code == "SC100"


def test_a_result_whose_worker_died_is_awaited_again() -> None:
    task = backend._Task(backend._Cluster(Client()), Future(TimeoutError(), TimeoutError()))
    assert task.done() == ([(1, None)], 0.0)


def test_a_result_whose_worker_died_is_lost_if_the_repeated_work_ends_workers() -> None:
    from distributed.scheduler import KilledWorker

    killed = KilledWorker("key", None, 4)  # type: ignore[arg-type] # of a worker that is not needed
    assert backend._Task(backend._Cluster(Client()), Future(TimeoutError(), failure=killed)).done() is None


def test_repeated_work_that_a_worker_cannot_begin_is_reported() -> None:
    task = backend._Task(backend._Cluster(Client()), Future(TimeoutError(), failure=ImportError("no numpy")))
    with pytest.raises(SegconvError, match=r"cannot take the work .*no numpy") as caught:
        task.done()
    assert caught.value.code == "SC100"


def test_work_for_a_client_that_was_closed_is_reported_as_lost() -> None:
    client = Client()
    cluster = backend._Cluster(client)
    client.status = "closed"
    with pytest.raises(SegconvError, match="lost the work"):
        cluster.submit(batch())


def test_workers_that_join_get_work_although_results_keep_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "POLL_S", 0.0)
    cluster = backend._Cluster(Client())
    rooms = []
    for _ in range(3):
        cluster.submit(batch())
        cluster.next(list)
        rooms.append(cluster.room())
    assert rooms == [2 * backend.AHEAD, 3 * backend.AHEAD, 4 * backend.AHEAD]


@pytest.mark.parametrize(("at_work", "end"), [([], "for 0 s"), (["case1", "case2"], "ended them all: case1, case2")])
def test_a_cluster_whose_workers_all_ended_names_what_was_at_work(
    at_work: list[str], end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "POLL_S", 0.0)
    monkeypatch.setattr(backend, "NO_WORKERS_S", 0.0)
    client = Client()
    cluster = backend._Cluster(client)
    cluster.submit(batch())
    task = cluster.next(lambda: at_work)
    client.threads = -1
    task._future = Future(TimeoutError())
    with pytest.raises(SegconvError) as caught:
        task.done()
    assert caught.value.code == "SC100"
    assert caught.value.message.endswith(end)
