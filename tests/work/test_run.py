"""A run: complete or absent, the same for any number of workers, and resumable."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from segconv.errors import Refused, SegconvError
from segconv.work import fsops, staging
from segconv.work import preflight as room
from segconv.work.caseio import CaseIO
from segconv.work.locks import locked
from segconv.work.plan import Item, Plan, Target
from segconv.work.run import _kind_of_workers, abort, execute
from segconv.work.run_options import RunOptions

from . import tasks
from .tasks import listing, make_plan, tree

ROOT = Path(__file__).parents[2]


def run_script(folder: Path, task: str = "copy", *workers: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.work.tasks", str(folder), task, *(workers or ["1"])],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


@pytest.fixture
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("reference")
    plan = make_plan(folder)
    execute(plan, tasks.copy, listing)
    return tree(plan.target.path)


WORKERS = [(1, None), (2, None), (4, "threading"), (2, "loky")]


@pytest.mark.parametrize(("jobs", "backend"), WORKERS)
def test_the_target_is_the_same_for_any_workers(
    tmp_path: Path, jobs: int, backend: str | None, reference: dict[str, bytes]
) -> None:
    plan = make_plan(tmp_path)
    outcome = execute(plan, tasks.copy, listing, RunOptions(jobs=jobs, backend=backend))
    assert (outcome.done, outcome.reused) == (3, 0)
    assert tree(plan.target.path) == reference
    assert [p.name for p in plan.target.path.parent.iterdir()] == ["Dataset007_Kit"], "nothing else stays"


def test_results_come_in_the_order_of_the_plan(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, 12)
    execute(plan, tasks.copy_slowly, listing, RunOptions(jobs=2))
    lines = (plan.target.path / "index").read_text().splitlines()
    assert [line.split()[0] for line in lines] == [f"case{n}" for n in range(12)]


def test_all_findings_of_all_cases_are_reported_and_good_work_is_kept(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    with pytest.raises(Refused) as caught:
        execute(plan, tasks.one_fails, listing)
    assert [(f.code, f.file, f.hint) for f in caught.value.findings] == [("SC055", "1.bin", "do that")]
    assert not plan.target.path.exists()
    outcome = execute(plan, tasks.counted, listing)
    assert (outcome.done, outcome.reused) == (3, 2)
    assert (tmp_path / "calls").read_text() == "case1\n"


def test_keep_going_makes_the_target_of_the_good_cases(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    outcome = execute(plan, tasks.one_fails, listing, RunOptions(keep_going=True))
    assert outcome.done == 2
    assert [f.code for f in outcome.failed] == ["SC055"]
    assert sorted(tree(plan.target.path)) == ["data/0.bin", "data/2.bin", "index", "more/0.bin", "more/2.bin"]


@pytest.mark.parametrize(("jobs", "backend"), WORKERS)
def test_a_bug_in_one_case_names_the_case(tmp_path: Path, jobs: int, backend: str | None) -> None:
    with pytest.raises(Refused) as caught:
        execute(make_plan(tmp_path), tasks.one_crashes, listing, RunOptions(jobs=jobs, backend=backend))
    (finding,) = caught.value.findings
    assert (finding.code, finding.file) == ("SC104", "case1")
    assert "a bug" in finding.message


def test_a_worker_that_dies_ends_the_run_with_one_message(tmp_path: Path) -> None:
    done = run_script(tmp_path, "one_dies", "2", "loky")
    assert done.returncode == 70, done.stderr
    assert done.stdout.startswith("SC100: a worker process was ended")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "root" / "Dataset007_Kit").exists()
    assert run_script(tmp_path, "copy", "2", "loky").returncode == 0


def test_warnings_are_returned_and_strict_makes_them_errors(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    with pytest.raises(Refused) as caught:
        execute(plan, tasks.one_warns, listing, RunOptions(strict=True))
    assert [(f.code, f.severity) for f in caught.value.findings] == [("SC077", "error")]
    outcome = execute(plan, tasks.one_warns, listing)
    assert [(f.code, f.severity) for f in outcome.warnings] == [("SC077", "warning")]


def test_a_source_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        execute(make_plan(tmp_path), tasks.touches_its_source, listing)
    assert [f.code for f in caught.value.findings] == ["SC062"]


def test_a_task_must_write_what_was_planned(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="3 findings"):
        execute(make_plan(tmp_path), tasks.forgets_an_output, listing)


def test_a_case_whose_source_or_output_changed_is_done_again(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    with pytest.raises(Refused):
        execute(plan, tasks.one_fails, listing)
    (tmp_path / "source" / "0.bin").write_bytes(b"another")
    (plan.target.staging / "more" / "2.bin").write_bytes(bytes(1002))
    outcome = execute(plan, tasks.counted, listing)
    assert outcome.reused == 0
    assert (plan.target.path / "data" / "0.bin").read_bytes() == b"another"


def test_other_options_over_unfinished_work_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        execute(make_plan(tmp_path), tasks.one_fails, listing)
    other = make_plan(tmp_path, key="other")
    with pytest.raises(SegconvError) as caught:
        execute(other, tasks.copy, listing)
    assert caught.value.exit_code == 73
    assert [cure.kind for cure in caught.value.cures] == ["restart", "abort_dataset"]
    assert execute(other, tasks.copy, listing, RunOptions(restart=True)).reused == 0


def test_abort_removes_only_unfinished_work(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    assert not abort(plan.target)
    with pytest.raises(Refused):
        execute(plan, tasks.one_fails, listing)
    assert abort(plan.target)
    assert list(plan.target.path.parent.iterdir()) == []


def test_an_existing_target_is_refused_or_replaced_completely(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    execute(plan, tasks.copy, listing)
    with pytest.raises(SegconvError) as caught:
        execute(plan, tasks.copy, listing)
    assert caught.value.exit_code == 73
    before = plan.target.path.stat().st_ino
    execute(plan, tasks.copy, listing, RunOptions(overwrite=True))
    assert plan.target.path.stat().st_ino != before
    assert [p.name for p in plan.target.path.parent.iterdir()] == ["Dataset007_Kit"]


@pytest.mark.parametrize("linked", [False, True])
def test_what_a_run_reads_is_not_replaced_by_what_it_makes(tmp_path: Path, linked: bool) -> None:
    plan = make_plan(tmp_path)
    execute(plan, tasks.copy, listing)
    inside = plan.target.path / "data/0.bin"
    read = inside
    if linked:
        read = plan.source_root / "0.bin"
        read.unlink()
        read.symlink_to(inside)
    item = Item("case0", (str(read),), ("data/0.bin",), "copy")
    before = tree(plan.target.path)
    with pytest.raises(SegconvError, match="is read") as caught:
        execute(Plan(plan.target, read.parent, (item,), {"key": "k"}), tasks.copy, listing, RunOptions(overwrite=True))
    assert caught.value.code == "SC020"
    assert tree(plan.target.path) == before


def test_an_empty_folder_counts_as_absent(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    plan.target.path.mkdir(parents=True)
    assert execute(plan, tasks.copy, listing).done == 3


def test_a_second_run_learns_of_the_first(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    with locked(plan.target):
        done = run_script(tmp_path)
    assert done.returncode == 75
    assert f"process {os.getpid()}" in done.stdout
    assert not plan.target.staging.exists()


def test_of_runs_at_once_one_makes_the_target(tmp_path: Path, reference: dict[str, bytes]) -> None:
    make_plan(tmp_path)
    command = [sys.executable, "-m", "tests.work.tasks", str(tmp_path), "copy_slowly", "1"]
    runs = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) for _ in range(4)]
    codes = sorted(run.wait(120) for run in runs)
    assert codes[0] == 0
    assert set(codes[1:]) <= {73, 75}
    assert tree(tmp_path / "root" / "Dataset007_Kit") == reference


def test_a_full_disk_is_known_before_anything_is_written(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    huge = Plan(plan.target, plan.source_root, (Item("x", (), ("a",), None, 1 << 60),), {})
    with pytest.raises(SegconvError) as caught:
        execute(huge, tasks.copy, listing)
    assert caught.value.code == "SC032"
    assert not plan.target.path.parent.exists()


def test_a_disk_with_just_enough_room_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(tmp_path)
    need = room.SPARE_BYTES + 110
    sized = Plan(plan.target, plan.source_root, (Item("x", (), ("a",), None, 100),), {})
    for free, enough in ((need, True), (need - 1, False)):
        monkeypatch.setattr(room.shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        if enough:
            room.preflight(sized, overwrite=False)
            continue
        with pytest.raises(SegconvError) as caught:
            room.preflight(sized, overwrite=False)
        assert caught.value.code == "SC032"


def test_a_target_below_a_file_or_a_folder_that_is_not_ours_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan(tmp_path)
    (tmp_path / "root").write_text("a file")
    with pytest.raises(SegconvError, match="is not a folder") as caught:
        execute(plan, tasks.copy, listing)
    assert (caught.value.code, caught.value.file) == ("SC031", str(tmp_path / "root"))
    (tmp_path / "root").unlink()
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(tmp_path))
    with pytest.raises(SegconvError, match="cannot be written") as caught:
        execute(plan, tasks.copy, listing)
    assert (caught.value.code, caught.value.file) == ("SC031", str(tmp_path))
    assert not (tmp_path / "root").exists()


def test_files_that_read_back_differently_or_vanish_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"written")
    written = {"size": 7, "sha256": hashlib.sha256(b"written").hexdigest()}
    checksum = {"size": 7, "crc32": zlib.crc32(b"written")}
    for known in (written, checksum, written | checksum):
        staging.verify(tmp_path, [{"path": "a", **known}], 1)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    staging.verify(tmp_path, [{"path": "b", **written}, {"path": "b", **checksum}], 2)
    other = {"size": 7, "sha256": hashlib.sha256(b"damaged").hexdigest()}
    for path, known in (
        ("a", other),
        ("a", {"size": 7, "crc32": zlib.crc32(b"damaged")}),
        ("a", {"size": 8, "crc32": zlib.crc32(b"written")}),
        ("gone", written),
        ("gone", checksum),
    ):
        with pytest.raises(SegconvError) as caught:
            staging.verify(tmp_path, [{"path": path, **known}], 2)
        assert (caught.value.code, caught.value.file) == ("SC033", str(tmp_path / path))


@pytest.mark.parametrize("bad", [0, 63, 64, 150])
def test_one_bad_file_among_many_small_ones_is_found(tmp_path: Path, bad: int) -> None:
    written = {"size": 4, "crc32": zlib.crc32(b"good")}
    targets: list[dict[str, Any]] = [{"path": f"{number}", **written} for number in range(151)]
    for target in targets:
        (tmp_path / target["path"]).write_bytes(b"good")
    staging.verify(tmp_path, targets, 2)
    (tmp_path / f"{bad}").write_bytes(b"evil")
    with pytest.raises(SegconvError) as caught:
        staging.verify(tmp_path, targets, 2)
    assert (caught.value.code, Path(caught.value.file).name) == ("SC033", f"{bad}")


def test_a_run_verifies_the_checksums_of_what_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(staging, "verify", lambda _, targets, __: seen.extend(targets))
    plan = make_plan(tmp_path)
    execute(plan, tasks.copy, listing)
    of_cases = {target["path"]: target for target in seen if "crc32" in target}
    assert set(of_cases) == {output for item in plan.items for output in item.outputs}
    for path, target in of_cases.items():
        data = (plan.target.path / path).read_bytes()
        assert (target["size"], target["crc32"]) == (len(data), zlib.crc32(data))


def test_a_target_that_appears_during_the_run_is_not_replaced(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)

    def listed(results: Any, staged: Any) -> Any:
        found = listing(results, staged)
        plan.target.path.mkdir()
        (plan.target.path / "theirs").write_text("kept")
        return found

    with pytest.raises(SegconvError, match="appeared during") as caught:
        execute(plan, tasks.copy, listed)
    assert caught.value.code == "SC020"
    assert list(tree(plan.target.path)) == ["theirs"]


def test_a_disk_failure_while_reading_a_source_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(tmp_path, 1)

    def opened(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "read", opened)
    io = CaseIO(tmp_path / "staging", plan.source_root)
    with pytest.raises(SegconvError) as caught:
        io.read(Path(plan.items[0].sources[0]))
    assert (caught.value.code, caught.value.file) == ("SC030", plan.items[0].sources[0])


def test_an_item_may_not_be_repeated(tmp_path: Path) -> None:
    item = Item("x", (), ("a",), None)
    with pytest.raises(ValueError, match="twice"):
        Plan(Target(tmp_path / "x", "x"), tmp_path, (item, item))


def mutations(folder: Path) -> int:
    """How many changes of the disk an undisturbed run makes."""
    fsops._calls.clear()
    execute(make_plan(folder), tasks.copy, listing)
    return fsops._calls["any"]


@pytest.mark.parametrize("fault", ["kill", "ENOSPC", "EIO", "EROFS", "EACCES"])
def test_whichever_change_fails_the_target_is_absent_or_complete_and_a_rerun_completes_it(
    fault: str, tmp_path: Path, reference: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = mutations(tmp_path / "count")
    assert count > 20
    chosen = range(1, count)  # the last is the lock's own file, which may stay
    if fault == "kill":
        # each needs a process of its own; the others are exhaustive
        chosen = sorted(random.Random(0).sample(range(1, count), 14))
    for number in chosen:
        folder = tmp_path / f"{fault}{number}"
        plan = make_plan(folder)
        sources = tree(folder / "source")
        if fault == "kill":
            done = run_script(folder, SEGCONV_FAULT=f"kill@{number}")
            assert done.returncode == -signal.SIGKILL, number
        else:
            fsops._calls.clear()
            monkeypatch.setenv("SEGCONV_FAULT", f"{fault}@{number}")
            try:
                execute(plan, tasks.copy, listing)
            except SegconvError as error:
                assert {f.code for f in error.findings} <= {"SC031", "SC032", "SC030"}, (number, error.findings)
                if fault == "ENOSPC":
                    assert "SC032" in {f.code for f in error.findings}
            monkeypatch.delenv("SEGCONV_FAULT")
        if plan.target.path.exists():
            assert tree(plan.target.path) == reference, number
        assert tree(folder / "source") == sources, number
        try:
            execute(plan, tasks.copy, listing)
        except SegconvError as error:
            assert error.exit_code == 73, number
        assert tree(plan.target.path) == reference, number
        assert [p.name for p in plan.target.path.parent.iterdir()] == ["Dataset007_Kit"], number


def test_few_workers_and_large_items_take_threads_many_workers_on_small_items_processes(tmp_path: Path) -> None:
    def plan(nbytes: int) -> Plan:
        items = tuple(Item(f"{n}", (), (f"{n}",), None, nbytes) for n in range(3))
        return Plan(Target(tmp_path / "x", "x"), tmp_path, items)

    assert _kind_of_workers(plan(0), 4) == _kind_of_workers(plan(32 << 20), 32) == "threading"
    assert _kind_of_workers(plan(100 << 10), 8) is None


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_a_run_killed_at_any_moment_is_continued(tmp_path: Path, backend: str, reference: dict[str, bytes]) -> None:
    hit = 0
    chance = random.Random(1)
    for number in range(4):
        folder = tmp_path / str(number)
        plan = make_plan(folder)
        command = [sys.executable, "-m", "tests.work.tasks", str(folder), "copy_slowly", "2", backend]
        run = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        until = time.monotonic() + 30
        while not plan.target.staging.exists() and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.8))
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        _wait_for_the_end_of_group(run.pid)
        hit += not plan.target.path.exists()
        if plan.target.path.exists():
            assert tree(plan.target.path) == reference
        else:
            execute(plan, tasks.copy, listing)
        assert tree(plan.target.path) == reference
    assert hit, "at least one run was hit in its middle"


def _wait_for_the_end_of_group(leader: int) -> None:
    """Wait for workers, which die when their run does, though not in the same moment."""
    until = time.monotonic() + 30
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.killpg(leader, 0)
            time.sleep(0.01)


@pytest.mark.parametrize("backend", ["threading", "loky"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_says_how_to_resume(tmp_path: Path, number: int, code: int, backend: str) -> None:
    plan = make_plan(tmp_path, 60)
    command = [sys.executable, "-m", "tests.work.tasks", str(tmp_path), "copy_slowly", "2", backend]
    # sixty cases of the source, three of the plan: the script makes its own plan of the source
    run = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", start_new_session=True
    )
    until = time.monotonic() + 30
    while not plan.target.staging.exists() and time.monotonic() < until:
        time.sleep(0.005)
    os.killpg(run.pid, number)
    out, err = run.communicate(timeout=60)
    assert "Traceback" not in err
    if run.returncode != 0:  # it may have been faster than the signal
        assert run.returncode == code
        assert "interrupted" in out
        assert plan.target.staging.is_dir()


def test_reading_refuses_anything_but_a_file(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    source = tmp_path / "source"
    (source / "0.bin").unlink()
    os.mkfifo(source / "0.bin")
    (source / "1.bin").rename(source / "elsewhere")
    (source / "1.bin").symlink_to(source / "elsewhere")
    (source / "2.bin").unlink()
    (source / "2.bin").mkdir()
    with pytest.raises(Refused) as caught:
        execute(plan, tasks.copy, listing)
    assert [f.code for f in caught.value.findings] == ["SC061", "SC060", "SC061"]


def test_a_removed_lock_file_is_not_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = fsops.lock(path)
    assert first is not None
    assert fsops.lock(path) is None
    fsops.unlock(first, path)
    assert not path.exists()
    stale = os.open(path, os.O_CREAT | os.O_RDWR)
    fcntl.flock(stale, fcntl.LOCK_EX)
    path.unlink()
    again = fsops.lock(path)
    assert again is not None, "the lock of a file that is gone keeps no one out"
    fsops.unlock(again, path)
    os.close(stale)


def test_renaming_never_replaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: Any) -> None:
        raise OSError(errno.EINVAL, "not on this file system")

    for fallback in (False, True):
        if fallback:
            monkeypatch.setattr(fsops, "_renameat2", unsupported)
        first, second = tmp_path / f"a{fallback}", tmp_path / f"b{fallback}"
        first.mkdir()
        second.mkdir()
        (first / "one").write_text("1")
        with pytest.raises(FileExistsError):
            fsops.rename_new(first, second)
        fsops.exchange(first, second)
        assert (second / "one").read_text() == "1"
        assert list(first.iterdir()) == []
        second.rename(tmp_path / f"c{fallback}")
        fsops.rename_new(first, second)


def test_a_run_that_finished_no_case_does_not_lock_its_target(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        execute(make_plan(tmp_path), tasks.all_fail, listing)
    assert list(make_plan(tmp_path).target.path.parent.iterdir()) == []
    done = run_script(tmp_path, SEGCONV_FAULT="kill@12")
    assert done.returncode == -signal.SIGKILL
    assert make_plan(tmp_path).target.staging.is_dir()
    assert execute(make_plan(tmp_path, key="other"), tasks.copy, listing).done == 3
