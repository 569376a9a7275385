"""A worker that sees other files, or has another version of segconv, does no work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.work.backends.backend import Work
from segconv.work.backends.batch import Batch, Done
from segconv.work.backends.dispatch import dispatched
from segconv.work.backends.shared import Required, Unfit
from segconv.work.unforeseen import Carried

from .test_dispatch import FakeCluster, Ticket


def mark(path: Path) -> None:
    path.touch()


def done(required: Required, path: Path) -> Done:
    return Batch(Carried(mark, str), (path,), required)()


def test_a_worker_with_the_same_files_and_version_works(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a" * 200_000)
    required = Required.of([tmp_path / "a", tmp_path / "missing"])
    assert [Path(path).name for path, *_ in required.files] == ["a"]
    assert not isinstance(done(required, tmp_path / "made"), Unfit)
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize("change", ["removed", "other bytes", "longer", "a folder", "version"])
def test_any_other_worker_is_refused_before_it_writes(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a" * 10)
    required = Required.of([path])
    match change:
        case "removed":
            path.unlink()
        case "other bytes":
            path.write_bytes(b"b" * 10)
        case "longer":
            path.write_bytes(b"a" * 11)
        case "a folder":
            path.unlink()
            path.mkdir()
        case _:
            required = replace(required, version="0.0.7")
    unfit = done(required, tmp_path / "made")
    assert isinstance(unfit, Unfit)
    assert not (tmp_path / "made").exists()
    refusal = unfit.refusal()
    assert refusal.code == "SC042"
    assert ("0.0.7" in refusal.message) == (change == "version")
    assert refusal.file == ("" if change == "version" else str(path))
    assert refusal.hint


class Blind(FakeCluster):
    """A cluster whose workers do not see the files of the run."""

    def submit(self, batch: Batch) -> Ticket:
        path, size, head = batch.required.files[0]
        return super().submit(replace(batch, required=Required(((path, size + 1, head),))))


def test_a_run_on_such_a_cluster_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    work = Work(mark, iter([tmp_path / "made"]), 1, str, [tmp_path / "a"])
    with pytest.raises(SegconvError) as caught:
        list(dispatched(Blind([1], [1], [0], set(), False), work))
    assert (caught.value.code, caught.value.file) == ("SC042", str(tmp_path / "a"))
    assert "sees another file" in caught.value.message
    assert not (tmp_path / "made").exists()
