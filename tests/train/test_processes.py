"""Programs with workers of every kind: if any process is killed, none of the others survives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from segconv.errors import Interrupted, SegconvError
from segconv.train import processes
from segconv.train.child import run_child
from segconv.work import fsops
from segconv.work.plan import Target

LIMIT_S = 120
"""For what takes a moment on an idle machine."""

TREE = """
import multiprocessing, os, signal, subprocess, sys, time
if {deaf}:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
for method in ("fork", "spawn"):
    multiprocessing.get_context(method).Process(target=time.sleep, args=(1000,)).start()
subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(1000)"], start_new_session=True)
with open({ready!r} + "~", "w") as file:
    file.write(str(os.getpid()))
os.rename({ready!r} + "~", {ready!r})
print("begun", flush=True)
{then}
"""
"""A program with a worker that was forked, one that was spawned, and one in a session of its own; all hold its output."""


@dataclass
class Tree:
    """A program whose processes are known by a variable that all of them inherit."""

    folder: Path
    name: str

    @property
    def ready(self) -> Path:
        return self.folder / "ready"

    @property
    def env(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "SEGCONV_TEST_TREE": self.name}

    def command(self, then: str = "time.sleep(1000)", *, deaf: bool = False) -> list[str]:
        return [sys.executable, "-S", "-c", TREE.format(ready=str(self.ready), then=then, deaf=deaf)]

    def alive(self) -> dict[int, str]:
        """Processes of the tree that run still, and what they are."""
        mark = f"SEGCONV_TEST_TREE={self.name}".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return found

    def guard(self) -> int:
        (pid,) = (pid for pid, command in self.alive().items() if str(processes.GUARD) in command)
        return pid


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    made = Tree(tmp_path, uuid.uuid4().hex)
    yield made
    for pid in made.alive():
        os.kill(pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def segconv(tree: Tree, *, deaf: bool = False) -> subprocess.Popen[str]:
    """Start a process that runs the tree as segconv does, and wait until all of it has started."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom segconv.errors import SegconvError\n"
        "from segconv.train.child import run_child\n"
        "from segconv.work.locks import locked\nfrom segconv.work.plan import Target\n"
        "from segconv.train import processes\nprocesses.PATIENCE_S = 1\n"
        "from segconv.work.interruption import answer_once\nanswer_once()\n"
        f"with locked(Target(Path({str(tree.folder / 'target')!r}), 'target')):\n"
        f"  try:\n    run_child({tree.command(deaf=deaf)!r}, {tree.env!r}, shown='tree')\n"
        "  except SegconvError as error:\n    sys.exit(error.exit_code)\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    wait_until(tree.ready.exists)
    assert len(tree.alive()) >= 5
    return run


def test_nothing_outlives_segconv_and_its_lock_holds_as_long(tree: Tree, tmp_path: Path) -> None:
    lock = Target(tmp_path / "target", "target").lock
    run = segconv(tree)
    assert fsops.lock(lock) is None
    run.kill()
    run.communicate(timeout=LIMIT_S)
    taken: list[int] = []

    def free() -> bool:
        if (descriptor := fsops.lock(lock)) is not None:
            taken.append(descriptor)
        return bool(taken)

    wait_until(free)
    os.close(taken[0])
    assert tree.alive() == {}, "whoever gets the lock has the folder for itself"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_even_those_that_do_not_listen(tree: Tree, number: signal.Signals, code: int) -> None:
    run = segconv(tree, deaf=number == signal.SIGTERM)
    run.send_signal(number)
    out, _ = run.communicate(timeout=LIMIT_S)
    assert (run.returncode, out, tree.alive()) == (code, "", {})


def test_workers_of_a_program_that_was_killed_end_with_it(tree: Tree) -> None:
    def kill(line: str) -> None:
        assert line == "begun"
        os.kill(int(tree.ready.read_text()), signal.SIGKILL)

    with pytest.raises(SegconvError, match="tree was ended by SIGKILL: begun") as caught:
        run_child(tree.command(), tree.env, shown="tree", tell=kill)
    assert (caught.value.code, tree.alive()) == ("SC101", {})


def test_workers_of_a_program_that_is_done_end_with_it(tree: Tree) -> None:
    run_child(tree.command("os._exit(0)"), tree.env, shown="tree")
    assert tree.ready.exists()
    assert tree.alive() == {}


def test_without_its_guard_a_program_ends(tree: Tree) -> None:
    """All but a worker in a session of its own, which no one is left to find."""
    with pytest.raises(SegconvError, match="tree was ended by SIGKILL"):
        run_child(tree.command(), tree.env, shown="tree", tell=lambda _: os.kill(tree.guard(), signal.SIGKILL))
    wait_until(lambda: len(tree.alive()) <= 1)


def test_what_fails_while_a_program_is_heard_ends_it(tree: Tree) -> None:
    def fail(line: str) -> None:
        raise BrokenPipeError(line)

    with pytest.raises(BrokenPipeError):
        run_child(tree.command(), tree.env, shown="tree", tell=fail)
    assert tree.alive() == {}


def test_a_log_that_cannot_be_written_is_named(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tree.folder / "logs" / "x.log"
    monkeypatch.setenv("SEGCONV_FAULT", "ENOSPC@append:2")
    fsops._calls.clear()
    with pytest.raises(SegconvError) as caught:
        run_child(tree.command(), tree.env, shown="tree", log=log)
    assert (caught.value.code, caught.value.file, tree.alive()) == ("SC032", str(log), {})


def test_a_missing_program_is_a_failure_like_any_other() -> None:
    with pytest.raises(SegconvError, match="x ended with exit code 127: /no/such: No such file or directory"):
        run_child(["/no/such"], {}, shown="x")


def test_a_system_without_room_for_processes_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GUARD", Path("x" * (1 << 18)))  # longer than the system takes
    before = sorted(os.listdir("/proc/self/fd"))
    with pytest.raises(SegconvError, match="could not be started") as caught:
        run_child([sys.executable], {}, shown="x")
    assert caught.value.code == "SC101"
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_an_interruption_keeps_the_number_of_its_signal(tree: Tree) -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt(signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        run_child(tree.command(), tree.env, shown="tree", tell=interrupt)
    assert (caught.value.exit_code, tree.alive()) == (143, {})
