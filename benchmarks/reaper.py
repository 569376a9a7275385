"""Run a command until the last of its processes has ended, and print what they took together.

``python reaper.py COMMAND…`` writes one line: exit code, CPU seconds, wall seconds of the command itself, and the
largest process in MiB. It stands between because the kernel keeps the peak of all children that were ever waited for.
Processes that are still at work when the one that started them ends become its children, and are counted as well.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import time

_CHILD_SUBREAPER = 36
"""Option of prctl(2)."""


def main(command: list[str]) -> None:
    """Run a command."""
    ctypes.CDLL(None).prctl(_CHILD_SUBREAPER, 1)
    begun = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # kept, because it waits for itself when it is dropped
    code, wall_s = 0, 0.0
    while True:
        try:
            ended, status = os.wait()
        except ChildProcessError:
            break
        if ended == child.pid:
            code, wall_s = os.waitstatus_to_exitcode(status), time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(code, used.ru_utime + used.ru_stime, wall_s, used.ru_maxrss / 1024)


if __name__ == "__main__":
    main(sys.argv[1:])
