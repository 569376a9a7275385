"""The process between segconv and a program: it ends the program's descendants with the program or with segconv.

Run by path as ``python -I -S process_guard.py DESCRIPTOR PROGRAM ARGUMENT…``; see `segconv.train.processes`, which
holds the other end of the pipe that DESCRIPTOR reads. The kernel closes that end when segconv ends, for
whatever reason. A separate process can wait for that while the program cannot: it has one thread and
no work, and as the reaper of its descendants it finds workers in any process group.
Descriptors that it inherits, such as that of a lock, stay open until the last descendant is gone.

Only the standard library is imported: it starts in a hundredth of a second.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_LOOK_MS = 1000
"""How often the guard checks that segconv still exists: a fork of it would hold the pipe open."""

_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 1.0
"""How long to wait for killed processes before looking again, at first and at most."""

_NOT_STARTED = 127
"""Exit code of shells for a program that cannot be run."""


def main() -> None:
    """Run the program on the command line, and end as it does."""
    life, program, owner = int(sys.argv[1]), sys.argv[2:], os.getppid()
    os.set_inheritable(life, False)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    # Handlers, because exec resets them; ignored signals would stay ignored in the program.
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    child = _start(program)
    status: int | None = None
    waiting = select.poll()
    waiting.register(life, select.POLLIN)
    waiting.register(woken, select.POLLIN)
    while status is None:
        ready = {descriptor for descriptor, _ in waiting.poll(_LOOK_MS)}
        if life in ready or os.getppid() != owner:
            os.kill(child, signal.SIGKILL)
            _end_all()
            os.killpg(0, signal.SIGKILL)  # for systems without reapers other than the first process
        if woken in ready:
            os.read(woken, 4096)
        status = next((code for pid, code in _ended() if pid == child), None)
    _end_all()
    _end_as(os.waitstatus_to_exitcode(status))


def _start(program: list[str]) -> int:
    own = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        # Tied to the thread that forked: this process has no other, so its end is that of the process.
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == own:
            for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
                signal.signal(number, signal.SIG_DFL)
            os.execv(program[0], program)  # noqa: S606 - an argument list; no shell is wanted
    except OSError as error:
        os.write(2, f"{program[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(_NOT_STARTED)


def _ended() -> Iterator[tuple[int, int]]:
    """Yield process and status of each ended child; raises `ChildProcessError` if there are no children at all."""
    while (found := os.waitpid(-1, os.WNOHANG))[0]:
        yield found


def _end_all() -> None:
    """Kill all descendants of this process, and wait for the last of them."""
    pause_s = _PAUSE_S
    with contextlib.suppress(ChildProcessError):
        while True:
            for _ in _ended():
                pass
            for pid in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(pause_s)  # then the children of killed processes become ours
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _children() -> list[int]:
    own = str(os.getpid())
    found = []
    try:
        names = os.listdir("/proc")
    except OSError:
        os.killpg(0, signal.SIGKILL)  # our own group, and us: better than waiting for processes that cannot be found
        raise
    for name in names:
        if name.isdecimal():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                # PID (NAME) STATE PARENT …, and a name may contain anything.
                if file.read().rpartition(b")")[2].split()[1].decode() == own:
                    found.append(int(name))
    return found


def _end_as(code: int) -> None:
    """End with an exit code, or by the signal that is its negative."""
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):  # of SIGKILL
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _prctl(option: int, value: int) -> None:
    function = getattr(ctypes.CDLL(None), "prctl", None)
    if function is not None:
        function(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
