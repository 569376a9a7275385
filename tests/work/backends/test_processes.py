"""Where worker processes cannot start, threads do the work; settings of the pool's library change nothing."""

from __future__ import annotations

import _multiprocessing
import errno
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import NoReturn

import pytest

from fixtures.make_fixtures import png_shapes
from segconv.work.backends.semaphores import why_there_are_none
from segconv.work.parallel import each

from ...command import Command, tree_hash

PNG_LABELS = ("--labels", "background=0,disc=128,ring=255")


def worker(_: int) -> int:
    return os.getpid()


@pytest.fixture(params=["ENOSPC", "ENOENT", "EROFS", "EACCES", "ENOSYS", "EMFILE"])
def no_semaphores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A system whose shared memory takes no more semaphores."""
    code = getattr(errno, request.param)

    def refuse(*_: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(_multiprocessing, "SemLock", refuse)
    return os.strerror(code)


@pytest.mark.parametrize("backend", [None, "loky"])
def test_threads_take_the_place_of_processes_and_one_line_says_so(backend: str | None, no_semaphores: str) -> None:
    wording: list[str] = []
    assert set(each(worker, range(9), jobs=3, backend=backend, tell=wording.append)) == {os.getpid()}
    assert len(wording) == 1
    assert no_semaphores in wording[0]
    assert list(each(worker, [1, 2], jobs=2, backend=backend)) == [os.getpid()] * 2, "whether anybody hears it or not"


def test_results_that_are_not_taken_raise_no_warning() -> None:
    results = each(worker, range(200), jobs=2, backend="loky")
    assert next(iter(results)) != os.getpid()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results.close()
    assert caught == []


def test_a_few_free_semaphores_are_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    held = []

    def some(*_: object) -> int:
        held.append(1)
        if len(held) > 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return len(held)

    monkeypatch.setattr(_multiprocessing, "SemLock", some)
    assert why_there_are_none(2) is not None


def test_semaphores_that_were_tried_leave_nothing() -> None:
    assert why_there_are_none(64) is None
    assert not list(Path("/dev").glob(f"shm/*segconv-{os.getpid()}-*"))


@pytest.mark.usefixtures("no_semaphores")
def test_a_conversion_is_the_same(segconv: Command, tmp_path: Path) -> None:
    source = png_shapes(tmp_path / "source", cases=2, tests=0, size=(20, 16))
    made = []
    for backend in ("threading", "loky"):
        done = segconv("convert", source, "--to", "7_A", *PNG_LABELS, "-j", "2", "--backend", backend, "--overwrite")
        assert done.code == 0, done.err
        assert done.err.count("note: using threads instead of processes") == (backend == "loky")
        made.append(tree_hash(segconv.raw / "Dataset007_A"))
    assert made[0] == made[1]


GARBAGE = {
    "JOBLIB_MULTIPROCESSING": "garbage",
    "JOBLIB_START_METHOD": "garbage",
    "JOBLIB_TEMP_FOLDER": "/nonexistent\n",
    "JOBLIB_SPAWN_PROCESS": "garbage",
    "LOKY_MAX_CPU_COUNT": "garbage",
    "LOKY_MAX_DEPTH": "garbage",
    "LOKY_PICKLER": "no.such.module",
    "TMPDIR": "/nonexistent",
}
PROGRAM = """
import os
from segconv.work.parallel import each
from tests.work.backends.test_processes import GARBAGE, worker
found = set(each(worker, range(20), jobs=2, backend="loky"))
assert found and os.getpid() not in found
assert {name: os.environ[name] for name in GARBAGE} == GARBAGE
"""


def test_settings_of_the_library_neither_break_nor_change_a_run() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        env={**os.environ, **GARBAGE},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stderr) == (0, "")
