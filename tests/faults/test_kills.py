"""Signals at random moments, to the group, the run or one worker: outputs are complete, and a rerun resumes.

``SEGCONV_KILLS`` is the number of kills (30); the figures of a run are printed (``pytest -rP``).
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.make_fixtures import msd_tumour

from .forker import Forker, Running
from .worlds import FOLDERS, World

KILLS = int(os.environ.get("SEGCONV_KILLS", "30"))
CASES = 10


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, forker: Forker) -> World:
    """A world whose command takes long enough to be hit in its middle."""
    folder = tmp_path_factory.mktemp("large")
    for name in FOLDERS:
        (folder / name).mkdir()
    root = msd_tumour(folder / "source", cases=CASES, tests=0, size=(40, 44, 36))
    world = World(folder, ["convert", str(root), "--to", "9_A"], "nnUNet_raw/Dataset009_A", ("source",))
    ended = forker.run([*world.words, "-j", "1"], world.env)
    assert ended.code == 0, ended.err
    world.expected = world.found() or {}
    world.reset()
    return world


def processes_of(pid: int) -> list[int]:
    """Children of a process and theirs."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def wait_until(condition: Callable[[], bool], limit_s: float = 30) -> None:
    until = time.monotonic() + limit_s
    while not condition() and time.monotonic() < until:
        time.sleep(0.002)


def hit(run: Running, whom: str, number: signal.Signals, chance: random.Random) -> bool:
    """Send a signal; return whether there was anybody to get it."""
    try:
        if whom == "group":
            os.killpg(run.pid, number)
        elif whom == "run":
            os.kill(run.pid, number)
        else:
            workers = [p for p in processes_of(run.pid) if b"popen_loky" in Path(f"/proc/{p}/cmdline").read_bytes()]
            if not workers:
                return False
            os.kill(chance.choice(workers), number)
    except (ProcessLookupError, FileNotFoundError):
        return False
    return True


def differing(found: dict[str, bytes], expected: dict[str, bytes]) -> dict[str, tuple[bytes | None, bytes | None]]:
    """Return the files that are not the same in both, cut to where they part."""
    apart = {}
    for name in sorted(found.keys() | expected.keys()):
        one, two = found.get(name), expected.get(name)
        if one != two:
            pairs = zip(one or b"", two or b"", strict=False)
            at = next((at for at, (a, b) in enumerate(pairs) if a != b), 0)
            start = max(at - 40, 0)
            apart[name] = (one and one[start : at + 80], two and two[start : at + 80])
    return apart


def allowed(whom: str, number: signal.Signals) -> set[int]:
    """Exit codes of a run that a signal hit."""
    if whom == "worker":
        return {0, 70}
    if number == signal.SIGKILL:
        return {0, 73, -signal.SIGKILL}
    # Before the target is locked SIGTERM ends a process as it ends any other.
    return {0, 130} if number == signal.SIGINT else {0, 143, -signal.SIGTERM}


def test_whatever_is_killed_the_target_is_absent_or_complete_and_a_rerun_resumes(large: World, forker: Forker) -> None:
    chance = random.Random(7)
    figures: Counter[str] = Counter()
    took_s: dict[int, list[float]] = {1: [], 2: []}
    for jobs in (1, 2):
        begun = time.monotonic()
        assert forker.run([*large.words, "-j", str(jobs)], large.env).code == 0
        took_s[jobs].append(time.monotonic() - begun)
        large.reset()
    sources = large.sources()
    for kill in range(KILLS):
        jobs = 2 if kill % 3 == 0 else 1
        whom = chance.choice(["group", "run", "worker"] if jobs == 2 else ["group", "run"])
        number = chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
        backend = []
        if jobs == 2 and (whom == "worker" or chance.random() < 0.5):
            backend = ["--backend", "loky"]  # so few workers would be threads
        if whom == "worker":
            number = signal.SIGKILL
        run = forker.start([*large.words, "-j", str(jobs), *backend], large.env)
        staging = large.made.parent / ".segconv-009"
        wait_until(staging.is_dir)
        # As much later as an undisturbed run has still to go.
        time.sleep(chance.uniform(0, 0.9 * min(took_s[jobs])))
        reached = hit(run, whom, number, chance)
        ended = run.wait()
        what = f"kill {kill}: {number.name} to {whom}, {jobs} workers {backend}"
        assert ended.code in allowed(whom, number), f"{what}: {ended.code}: {ended.err}"  # in full, as it is rare
        assert "Traceback" not in ended.err, (what, ended.err)
        found = large.found()
        assert found is None or differing(found, large.expected) == {}, what
        assert large.sources() == sources, what
        whole = large.found() is not None
        figures["kills"] += 1
        figures["in the middle"] += reached and not whole
        if not whole:
            # Those that were written and journalled are what a rerun must not do again.
            journal = staging / "journal"
            finished = journal.read_bytes().count(b"\n") if journal.exists() else 0
            again = forker.run([*large.words, "-j", "1"], large.env)
            assert again.code == 0, (what, again.err)
            wording = re.search(r"(\d+) of them by an earlier run", again.err)
            figures["cases finished before"] += finished
            figures["of those reused"] += int(wording[1]) if wording else 0
        assert large.found() == large.expected, what
        left = [name for name in large.beside if not name.endswith(".lock")]
        assert not left, (what, left)
        large.reset()
    print(dict(figures))
    assert figures["in the middle"] >= 0.3 * figures["kills"]
    assert figures["of those reused"] >= 0.9 * figures["cases finished before"]


@pytest.mark.parametrize("backend", ["threading", "loky"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_asked_to_end_ends_its_workers_and_says_how_to_resume(
    number: signal.Signals, code: int, backend: str, large: World, forker: Forker
) -> None:
    large.reset()
    run = forker.start([*large.words, "-j", "2", "--backend", backend], large.env)
    journal = large.made.parent / ".segconv-009" / "journal"
    wait_until(lambda: journal.exists() and journal.stat().st_size > 0)
    workers = processes_of(run.pid)
    os.kill(run.pid, number)
    ended = run.wait()
    assert ended.code == code, ended.err
    assert "Error SC105: interrupted; what was done is kept" in ended.err
    assert "Hint: run the same command again" in ended.err
    wait_until(lambda: not any(Path(f"/proc/{worker}/exe").exists() for worker in workers), 10)
    assert not any(Path(f"/proc/{worker}/exe").exists() for worker in workers), "no worker outlives its run"
    assert forker.run([*large.words, "-j", "1"], large.env).code == 0
    assert large.found() == large.expected


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_asking_again_and_again_changes_nothing_about_the_end(backend: str, large: World) -> None:
    """A process of its own: how Python ends, after the last line of the program, is part of it."""
    codes = []
    for between_s in (0.0, 0.01, 0.05):
        large.reset()
        words = [sys.executable, "-m", "segconv", *large.words, "-j", "2", "--backend", backend]
        env = {**os.environ, **large.env}
        with subprocess.Popen(words, env=env, stderr=subprocess.PIPE, encoding="utf-8", start_new_session=True) as run:
            journal = large.made.parent / ".segconv-009" / "journal"
            wait_until(lambda journal=journal: journal.exists() and journal.stat().st_size > 0)
            for _ in range(200):
                if run.poll() is not None:
                    break
                os.killpg(run.pid, signal.SIGINT)
                time.sleep(between_s)
            assert run.stderr is not None
            err = run.stderr.read()
        codes.append(run.returncode)
        assert run.returncode in (0, 130), (run.returncode, err)
        assert run.returncode == 0 or "Error SC105: interrupted; what was done is kept" in err, err
        assert "Traceback" not in err, err
    assert 130 in codes, "at least one was hit in its middle"


def test_workers_of_a_run_that_was_killed_write_nothing_more(large: World, forker: Forker) -> None:
    large.reset()
    run = forker.start([*large.words, "-j", "2", "--backend", "loky"], large.env)
    journal = large.made.parent / ".segconv-009" / "journal"
    wait_until(lambda: journal.exists() and journal.stat().st_size > 0)
    workers = processes_of(run.pid)
    assert workers
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    again = forker.run([*large.words, "-j", "1"], large.env)
    assert again.code == 0, again.err
    assert large.found() == large.expected
    wait_until(lambda: not any(Path(f"/proc/{worker}/exe").exists() for worker in workers), 20)
    assert not any(Path(f"/proc/{worker}/exe").exists() for worker in workers)
    assert large.found() == large.expected
    assert not [name for name in large.beside if not name.endswith(".lock")]
