"""What must hold on every cluster; each scenario returns what it found."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from segconv.errors import Interrupted, SegconvError
from segconv.work.backends.gone import run_is_gone
from segconv.work.interruption import interruptible
from segconv.work.parallel import each
from segconv.work.run import execute
from segconv.work.run_options import RunOptions, Unheard

from .. import tasks

LONG_S = 60.0
SEEN = "SEEN"
"""Variable that workers inherit: the folder where they leave files that say what became of them."""
BEGUN = "begun"


class Odd(Exception):
    """An error that cannot be made again from what it holds, as many are."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class At(Unheard):
    """Do something when a number of cases are done."""

    def __init__(self, what: dict[int, Callable[[], None]]) -> None:
        self._what = what
        self._done = 0

    def advance(self, case: str) -> None:
        """Count a case."""
        self._done += 1
        if (do := self._what.get(self._done)) is not None:
            do()


def square(number: int) -> int:
    return number * number


def brief(number: int) -> tuple[float, float]:
    """Return when this item was begun and ended, by the clock of the machine."""
    begun = time.time()
    time.sleep(0.05)
    return begun, time.time()


def refuse(number: int) -> int:
    raise SegconvError("found this", code="SC055", file=str(number), hint="do that")


def odd(number: int) -> int:
    raise Odd(1, 2)


def long_unless_first(number: int) -> int:
    """Return the first item as soon as another is begun; these wait until the run is gone, and leave a file that says so."""
    until = time.monotonic() + LONG_S
    seen = Path(os.environ[SEEN])
    if number:
        (seen / BEGUN).touch()
        while not run_is_gone() and time.monotonic() < until:
            time.sleep(0.02)
        (seen / f"{number}-{run_is_gone()}").touch()
    while not (seen / BEGUN).exists() and time.monotonic() < until:
        time.sleep(0.02)
    return number


def refused(work: Callable[[], Any]) -> list[str]:
    try:
        work()
    except SegconvError as error:
        found = error.findings[0]
        return [found.code, found.file, found.message, found.hint]
    return ["nothing"]


def counted(taken: list[int]) -> Iterator[int]:
    for number in range(1000):
        taken.append(number)
        yield number


def same_bytes(folder: Path, backend: str) -> Any:
    runs = {}
    for jobs, name in ((1, None), (2, backend)):
        plan = tasks.make_plan(folder / f"{name is None}", 6)
        execute(plan, tasks.copy_with_process, tasks.listing, RunOptions(jobs=jobs, backend=name))
        runs[name] = tasks.tree(plan.target.path)
    processes = {path.read_text() for path in (folder / "False").glob("process-*")}
    return {"equal": runs[None] == runs[backend] != {}, "workers": len(processes)}


def window(folder: Path, backend: str) -> Any:
    taken: list[int] = []
    results = each(square, counted(taken), backend=backend)
    first = next(results)
    results.close()
    return {"first": first in {n * n for n in taken}, "taken": len(taken)}


def poison(folder: Path, backend: str) -> Any:
    """One case ends each of its workers: all others are done, and it is a finding."""
    plan = tasks.make_plan(folder, 4)
    wording = refused(lambda: execute(plan, tasks.one_dies, tasks.listing, RunOptions(jobs=2, backend=backend)))
    outcome = execute(plan, tasks.copy, tasks.listing, RunOptions())
    return {"wording": wording, "done": outcome.done, "reused": outcome.reused}


def errors(folder: Path, backend: str) -> Any:
    return [refused(lambda work=work: list(each(work, [1], jobs=2, backend=backend))) for work in (refuse, odd)]


def interrupted(folder: Path, backend: str) -> Any:
    taken: list[int] = []
    try:
        with interruptible("half is kept", "go on"):
            for _ in each(long_unless_first, counted(taken), backend=backend):
                signal.raise_signal(signal.SIGINT)
    except Interrupted as error:
        until = time.monotonic() + LONG_S
        while not (ended := list(folder.glob("*-*"))) and time.monotonic() < until:
            time.sleep(0.02)
        seen = {path.name.partition("-")[2] for path in ended}
        return {"code": error.exit_code, "taken": len(taken), "gone": sorted(seen)}
    return None


def cluster_gone(folder: Path, backend: str, end: Callable[[], None]) -> Any:
    """The cluster ends in the middle of a run, which the same command without it completes."""
    plan = tasks.make_plan(folder, 12)
    how = RunOptions(jobs=2, backend=backend, progress=At({1: end}))
    wording = refused(lambda: execute(plan, tasks.copy_first_soon, tasks.listing, how))
    outcome = execute(plan, tasks.copy, tasks.listing, RunOptions())
    return {"wording": wording, "done": outcome.done, "reused": outcome.reused}


def tell(name: str, found: Any) -> None:
    print(json.dumps([name, found]), flush=True)
