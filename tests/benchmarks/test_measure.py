"""The harness counts the CPU time of every process that works for a command, once."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from segconv.work.backends import addressed

from ..work.backends.dask_cluster import separate
from ..work.backends.ray_cluster import Head

ROOT = Path(__file__).parents[2]
# They are not part of the installed package.
pytestmark = [
    pytest.mark.train,
    pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="benchmarks are only in the repository"),
]
ITEMS = 16
BURNT_S = 0.25
TICKS_S = 0.05
"""Each process of servers is counted in hundredths of a second."""


@contextmanager
def servers_of(kind: str, folder: Path) -> Iterator[tuple[str, Sequence[int]]]:
    """Start servers; the name of the backend, and the processes."""
    from benchmarks.measure import COUNTED_RAY

    if kind == "dask":
        with separate(folder) as cluster:
            cluster.add_worker()
            yield addressed(kind, cluster.address), [cluster.scheduler.pid, cluster.workers[0].pid]
    elif kind == "ray":
        with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as short:
            head = Head(Path(short), COUNTED_RAY)
            try:
                yield addressed(kind, head.address), [head.pid]
            finally:
                head.kill()
    else:
        yield kind, ()


@pytest.mark.parametrize(
    ("kind", "needs"), [("loky", "joblib"), ("dask", "distributed"), ("ray", "ray"), ("slurm:local", "submitit")]
)
def test_cpu_time_of_workers_is_counted_once(tmp_path: Path, kind: str, needs: str) -> None:
    from benchmarks.measure import Contestant, run

    pytest.importorskip(needs)
    env = {"XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with servers_of(kind, tmp_path) as (backend, beside):

        def counted(seconds: float) -> float:
            command = [sys.executable, "-m", "benchmarks.burning", backend, "2", str(ITEMS), str(seconds)]
            return run(Contestant(command, tmp_path / "none", env, beside=beside)).cpu_s

        counted(0)  # servers may still be starting
        idle, busy = counted(0), counted(BURNT_S)
    known = ITEMS * BURNT_S
    assert known - TICKS_S < busy < idle + 1.5 * known


@pytest.mark.parametrize("command", [["sh", "-c", "exit 3"], ["sh", "-c", "kill -9 $$"], ["/no/such/program"]])
def test_commands_that_fail_are_failures(tmp_path: Path, command: list[str]) -> None:
    from benchmarks.measure import Contestant, Failed, run

    with pytest.raises(Failed, match="failed"):
        run(Contestant(command, tmp_path / "none", {}))


def test_what_a_run_made_is_emptied_and_hidden_but_not_what_the_source_shares(tmp_path: Path) -> None:
    from benchmarks.measure import set_aside

    made, source = tmp_path / "Dataset001_A", tmp_path / "source"
    (made / "imagesTr").mkdir(parents=True)
    (made / "dataset.json").write_text("{}")
    source.write_text("voxels")
    (made / "imagesTr" / "linked").hardlink_to(source)
    (made / "link").symlink_to(source)
    set_aside(made)
    set_aside(tmp_path / "none")
    hidden = [path for path in tmp_path.iterdir() if path != source]
    assert [path.name.startswith(".Dataset001_A-") for path in hidden] == [True]
    assert (hidden[0] / "dataset.json").stat().st_size == 0
    assert list((hidden[0] / "imagesTr").iterdir()) == []
    assert source.read_text() == "voxels"
