"""What SLURM says of jobs: by sacct, and by squeue where sacct fails, as on clusters that keep no accounts."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Sequence

from submitit.slurm.slurm import SlurmInfoWatcher

Info = dict[str, dict[str, str]]
"""Number of a job → ``State`` and more."""

ASK_S = 60
"""Longest time between two questions; submitit asks more often at first, and otherwise up to every ten minutes."""

_ANSWER_S = 30.0
"""How long sacct and squeue may take."""

_GONE = "gone"
"""The state of a job that SLURM no longer knows; in small letters, as SLURM has no such word."""


class JobStates(SlurmInfoWatcher):  # type: ignore[misc]  # submitit is optional, so its types are unknown
    """The states of all jobs that were submitted, which one question answers.

    submitit asks sacct only, and lets its errors reach the terminal. Without accounts, a job that died would run for
    ever.
    """

    def update(self) -> None:
        """Ask now, and keep what was known if there is no answer."""
        self._last_status_check = time.time()
        if not (unfinished := self._registered - self._finished):
            return
        known = self._accounted(unfinished)
        self._info_dict.update(known)
        self._info_dict.update(_queued(unfinished - known.keys()))
        self._finished.update(number for number in unfinished if self.is_done(number, mode="cache"))

    def _accounted(self, numbers: Iterable[str]) -> Info:
        """Return what sacct says."""
        said = _answer(["sacct", "-P", "-o", "JobID,State,NodeList", "-j", ",".join(sorted(numbers))])
        found: Info = self.read_info(said or "")
        return found


def _queued(numbers: set[str]) -> Info:
    """Return what squeue says; it lists jobs from when they are submitted until minutes after their end."""
    if not numbers:
        return {}
    # Asked for single jobs, it fails once it has forgotten one.
    said = _answer(["squeue", "-h", "-t", "all", "-u", str(os.getuid()), "-o", "%A|%T"])
    if said is None:
        return {}
    states = dict(line.split("|", 1) for line in said.splitlines() if "|" in line)
    return {number: {"State": states.get(number, _GONE)} for number in numbers}


def _answer(command: Sequence[str]) -> str | None:
    """Return what a program prints; None if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - an argument list; the program that PATH names
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=_ANSWER_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
