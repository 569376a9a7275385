"""Check all cases of a dataset with as many workers as pay off; reports come in the order of the cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ...errors import SegconvError
from ...work.backends import THREADS
from ...work.memory import within_memory
from ...work.parallel import each
from ...work.run_options import Workers
from .case_check import CaseCheck
from .case_report import Assigned, CaseReport
from .history import History
from .inventory import DatasetCase

THREADS_FROM_S = 0.2
"""Seconds of work for which threads are started."""

LARGE_CASE = 1 << 16
"""Bytes a case and worker from which on little of the work is done under the interpreter's lock."""


def check_cases(
    check: CaseCheck, cases: Sequence[DatasetCase], history: History, workers: Workers
) -> Iterator[CaseReport]:
    """Yield the report of each case, in order."""
    if workers.backend is None:
        workers = chosen_workers(check, cases, workers)
    workers = within_memory(workers, cases, check.nbytes, check.decoded)
    ending = check.rules.written_ending
    assigned = (Assigned(number, files, history.written(files, ending)) for number, files in enumerate(cases))
    progress = workers.progress
    waiting: dict[int, CaseReport] = {}
    due = 0
    progress.start(len(cases), 0)
    try:
        reports = each(
            check,
            assigned,
            jobs=workers.jobs,
            backend=workers.backend,
            name=_case,
            tell=progress.note,
            files=[Path(check.path(name)) for files in cases[:1] for name in files.files[:1]],
            killed=_unchecked,
            number=len(cases),
        )
        for report in reports:
            waiting[report.number] = report
            while due in waiting:
                yield waiting.pop(due)
                due += 1
            progress.advance(cases[report.number].case)
    finally:
        progress.stop()


def _case(assigned: Assigned) -> str:
    return assigned.files.case


def _unchecked(assigned: Assigned, error: SegconvError) -> CaseReport:
    """Return the report of a case that ends every worker."""
    return CaseReport(assigned.number, list(error.findings))


def chosen_workers(check: CaseCheck, cases: Iterable[DatasetCase], workers: Workers) -> Workers:
    """Return the workers that pay off: threads, which start at once, where files are large; otherwise processes."""
    seconds, number, nbytes = 0.0, 0, 0
    for number, files in enumerate(cases, 1):  # noqa: B007 - how many it took
        seconds += check.seconds(files)
        nbytes += check.nbytes(files)
        if seconds > THREADS_FROM_S:
            break
    large = nbytes > number * LARGE_CASE * workers.jobs
    if check.unlocked and large and seconds > THREADS_FROM_S:
        return replace(workers, backend=THREADS)
    return replace(workers, jobs=worthwhile(cases, check.seconds, workers.jobs))


def worthwhile(cases: Iterable[DatasetCase], seconds_of: Callable[[DatasetCase], float], jobs: int) -> int:
    """Return how many workers pay off: starting them takes as long as a second of work."""
    seconds = 0.0
    for files in cases:
        seconds += seconds_of(files)
        if seconds > jobs:
            return jobs
    return max(1, int(seconds))
