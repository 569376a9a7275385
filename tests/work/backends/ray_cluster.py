"""Scenarios on a real Ray cluster, in a process of their own; one line of JSON per scenario."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from segconv.work.backends import addressed
from segconv.work.backends.ray_client import ADDRESS
from segconv.work.parallel import each

from . import scenarios
from .scenarios import LONG_S, refused, square, tell


class Head:
    """A cluster of one node with two workers, which can be killed; `before` is what its command begins with."""

    def __init__(self, folder: Path, before: Sequence[str] = ()) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        words = [*before, sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus", "2"]
        words += ["--port", self.address.partition(":")[2], "--node-ip-address", "127.0.0.1"]
        words += ["--include-dashboard", "false", "--temp-dir", str(folder), "--object-store-memory", "80000000"]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(words, start_new_session=True, **quiet)
        end = time.monotonic() + LONG_S
        while not self._listens() and time.monotonic() < end:
            time.sleep(0.1)

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _listens(self) -> bool:
        host, _, port = self.address.partition(":")
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0


def unreachable() -> Any:
    os.environ.pop(ADDRESS, None)
    return [
        refused(lambda name=name: list(each(square, range(3), backend=name)))
        for name in ("ray", addressed("ray", "127.0.0.1:9"), addressed("ray", "no address"))
    ]


def main(root: Path, short: Path) -> None:
    def folder_of(name: str) -> Path:
        folder = root / name
        folder.mkdir()
        return folder

    tell("unreachable", unreachable())
    head = Head(short)
    name = addressed("ray", head.address)
    try:
        for scenario in (scenarios.same_bytes, scenarios.errors, scenarios.poison):
            tell(scenario.__name__, scenario(folder_of(scenario.__name__), name))
        tell("cluster_gone", scenarios.cluster_gone(folder_of("cluster_gone"), name, head.kill))
    finally:
        head.kill()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
