"""Run a planned segmentation: each slot's process takes the next case, and a case that fails stops no other."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import Cure, Finding, Refused
from ...train.queue import Job, Outcome, Slot, run_jobs
from ...train.totalsegmentator.home import declare_leftovers
from ...train.totalsegmentator.workers import Devices, Workers
from ...train.totalsegmentator.working import Worker
from ...work import begun
from ...work.case_work import Entry
from ...work.caseio import CaseIO
from ...work.interruption import interruptible
from ...work.locks import locked
from ...work.plan import Item
from ...work.run import GO_ON, STOPPED, execute
from ...work.run_options import USUAL, RunOptions
from ...work.writing import writing
from .case import files_on_the_way, segment_case
from .earlier import Earlier, earlier_results
from .plan import Segmentation
from .results import LOG, finishing, restore_pairs

_HOPELESS = ("SC032", "SC064", "SC195")
"""Codes of errors that every further case would have, such as a full disk."""


@dataclass(frozen=True)
class Segmented:
    """The result of a segmentation.

    Parameters
    ----------
    output
        The folder; it does not exist if no case could be segmented.
    files
        Case → its files in the folder.
    segmented
        How many of them this run, and those that it resumed, segmented; the others an earlier run had finished.
    failed
        Errors of cases that could not be segmented.
    warnings
        Oddities that did not stop anything.
    """

    output: Path
    files: dict[str, tuple[str, ...]]
    segmented: int
    failed: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


def run_segmentation(planned: Segmentation, how: RunOptions = USUAL, devices: Devices | None = None) -> Segmented:
    """Segment what is missing in the output.

    If the output holds results of the same request they are kept, and only cases that it lacks are segmented, or whose
    images changed since. The output changes at the end, as a whole; an interrupted run is resumed case by case.

    Parameters
    ----------
    how
        `overwrite` segments everything anew, and replaces what this function made; `restart` discards an unfinished
        run; `jobs` is the number of threads that read files again at the end. `keep_going` is not used.
    devices
        Where TotalSegmentator computes, and how many processes of it.

    Raises
    ------
    Refused
        With the errors of all cases if none could be segmented; ``SC195`` if TotalSegmentator cannot be started,
        ``SC064`` if a model holds code, ``SC032`` if the disk is full: finished cases are kept for the next run.
    SegconvError
        ``SC020`` if the output exists and is not replaced, ``SC021`` for another unfinished run, ``SC035`` if another
        run works on it; what reading and writing raise.
    Interrupted
        By Ctrl-C or SIGTERM; finished cases are kept for the next run.
    """
    plan, target = planned.plan, planned.plan.target
    with (
        interruptible(STOPPED, GO_ON, Cure.of("abort", target=target.path)),
        locked(target) as lock,
        writing(target.staging),
    ):
        earlier = None if how.overwrite else earlier_results(plan, jobs=how.jobs)
        if earlier is not None and not _missing(planned, earlier) and not os.path.lexists(target.staging):
            restore_pairs(planned, earlier.records)
            return _unchanged(planned, earlier, planned.failed)
        declare_leftovers(target.staging)
        kept = earlier or Earlier(target.path)
        crew = _Crew(planned, devices or Devices(), kept)
        how = replace(how, lock=lock, keep_going=True, overwrite=how.overwrite or earlier is not None)
        try:
            done = execute(plan, crew.work, finishing(planned, crew.workers.logs), how, do=crew.do)
        except _NothingNew as nothing:
            return _unchanged(planned, kept, (*planned.failed, *nothing.reasons))
    files = crew.files()
    failed = (*planned.failed, *(_where_more_is(found, target.path) for found in done.failed))
    return Segmented(target.path, files, len(files) - len(crew.carried), failed, tuple(done.warnings))


def _missing(planned: Segmentation, earlier: Earlier) -> bool:
    return any(item.case not in earlier.records for item in planned.plan.items)


def _unchanged(planned: Segmentation, earlier: Earlier, failed: tuple[Finding, ...]) -> Segmented:
    """Return the result of a run that adds nothing to an output."""
    files = {item.case: item.outputs for item in planned.plan.items if item.case in earlier.records}
    return Segmented(earlier.folder, files, 0, failed, planned.plan.warnings)


def _where_more_is(found: Finding, output: Path) -> Finding:
    """Return a finding with the file that says more, if it is about TotalSegmentator."""
    if found.code not in ("SC196", "SC197"):
        return found
    return replace(found, hint="; ".join(filter(None, (found.hint, f"{output / LOG} says more"))))


def _parted(items: Iterable[Item], earlier: Earlier) -> tuple[list[Item], list[Item]]:
    """Return the items that have an earlier result, and the others."""
    parts: tuple[list[Item], list[Item]] = ([], [])
    for item in items:
        parts[item.case not in earlier.records].append(item)
    return parts


class _NothingNew(Refused):
    """No case could be segmented that the output lacks, so that it stays as it is."""


class _Crew:
    """What does the cases of a run: the processes, and the results of an earlier run.

    Attributes
    ----------
    carried
        Cases whose results were taken over.
    """

    def __init__(self, planned: Segmentation, devices: Devices, earlier: Earlier) -> None:
        self.carried: set[str] = set()
        self._planned, self._earlier = planned, earlier
        self._failed: dict[str, tuple[Finding, ...]] = {}
        self._staging = planned.plan.target.staging
        devices = devices.for_cases(len(planned.plan.items) - len(earlier.records))
        self.workers = Workers(self._staging, planned.models, planned.licence, devices, planned.trust)
        self._mine = threading.local()

    def work(self, item: Item, io: CaseIO) -> dict[str, Any]:
        """Do a case: take over its result, or let the process of this thread's slot segment it."""
        if item.case in self._earlier.records:
            return self._earlier.carry(item, io, self._planned.plan.source_root)
        worker: Worker = self._mine.worker
        return segment_case(item, io, worker, self._staging)

    def do(self, call: Callable[[Item], Entry], items: Sequence[Item], take: Callable[[Entry], None]) -> None:
        """Segment what is missing first; if nothing comes of it, the earlier results stay as they are."""
        known, missing = _parted(items, self._earlier)
        logs = (str(log.relative_to(self._staging)) for log in self.workers.logs)
        begun.declare(self._staging, [*files_on_the_way(missing), *logs])
        self._segment(call, missing, take)
        resumed = len(items) < len(self._planned.plan.items)
        if known and not resumed and len(self._failed) == len(missing):
            raise _NothingNew(reasons=[finding for found in self._failed.values() for finding in found])
        for item in known:
            self.carried.add(item.case)
            take(call(item))

    def _segment(self, call: Callable[[Item], Entry], items: Sequence[Item], take: Callable[[Entry], None]) -> None:
        def run(item: Item, slot: Slot) -> Entry:
            self._mine.worker = self.workers.on(slot)
            return call(item)

        def ended(outcome: Outcome[Entry]) -> None:
            if outcome.error is not None or outcome.value is None:
                raise outcome.error or AssertionError(outcome.name)
            found = outcome.value.get("findings", ())
            if found:
                self._failed[outcome.name] = tuple(found)
            if any(finding.code in _HOPELESS for finding in found):
                raise Refused(reasons=found)
            take(outcome.value)

        jobs = [Job(item.case, partial(run, item)) for item in items]
        try:
            run_jobs(jobs, self.workers.slots[: len(jobs)] or self.workers.slots, ended=ended)
        finally:
            self.workers.close()

    def files(self) -> dict[str, tuple[str, ...]]:
        """Return case → its files in the output, as far as they exist."""
        output = self._planned.plan.target.path
        there = (item for item in self._planned.plan.items if (output / item.outputs[0]).is_file())
        return {item.case: item.outputs for item in there}
