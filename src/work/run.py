"""Execute a plan in parallel, with the same bytes for any number of workers, resumable at any moment."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import CODES, EXIT_DATA, Cure, Finding, Refused, SegconvError, as_errors, refuse_if_any, warning
from . import begun, staging
from .backends import THREADS, backend_of
from .case_work import CaseWork, Entry, Task, failed_entry
from .held import unchanged
from .interruption import interruptible
from .journal import OF_RUNS, Journal
from .locks import locked
from .memory import within_memory
from .parallel import each
from .plan import Item, Plan, Target
from .preflight import preflight, replaceable
from .run_options import USUAL, RunOptions, shown
from .sources import forget_changed
from .staging import Staged
from .writing import writing

Do = Callable[[Callable[[Item], Entry], Sequence[Item], Callable[[Entry], None]], None]
"""Applies a function to items, in any order and in any threads, and passes each result on in the calling thread."""

STOPPED = "interrupted; what was done is kept"
GO_ON = "run the same command again: it resumes where it stopped"

FEW_WORKERS = 4
BYTES_A_WORKER = 1 << 19
"""Up to this many workers, or from this many bytes per item and worker on, threads do not wait for one another."""


@dataclass(frozen=True)
class Result:
    """A finished case.

    Parameters
    ----------
    case
        Its identifier.
    record
        The record that the task returned.
    sources, targets
        ``path``, ``size`` and ``sha256`` of the files read and written.
    warnings
        Warnings of the task.
    """

    case: str
    record: dict[str, Any]
    sources: list[dict[str, Any]]
    targets: list[dict[str, Any]]
    warnings: list[Finding]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run.

    Parameters
    ----------
    target
        The folder that was made.
    done
        Number of cases in it.
    reused
        How many of them an earlier, unfinished run had done.
    warnings
        Warnings of the plan, the cases and the complete dataset.
    failed
        Findings of cases left out under ``keep_going``.
    """

    target: Path
    done: int
    reused: int
    warnings: list[Finding] = field(default_factory=list)
    failed: list[Finding] = field(default_factory=list)

    def beyond(self, plan: Plan) -> list[Finding]:
        """Return the findings that planning did not have."""
        return [*self.warnings[len(plan.warnings) :], *self.failed]


Finish = Callable[[Iterable[Result], Staged], Iterable[Finding]]


def execute(
    plan: Plan,
    task: Task,
    finish: Finish,
    how: RunOptions = USUAL,
    *,
    decoded: Callable[[Item], int] | int | None = None,
    do: Do | None = None,
) -> Outcome:
    """Execute a plan; the target appears complete or not at all.

    Parameters
    ----------
    plan
        The plan to execute.
    task
        Does one item in a worker and returns a JSON-able record; a module-level function.
    finish
        Writes the files of the complete dataset from all results, in the order of the plan; returns findings.
    how
        Workers, and the treatment of existing folders.
    decoded
        Returns the decoded bytes of the largest file of an item, to limit the number of workers to what fits
        into memory.
    do
        Does the items in place of the workers that `how` names.

    Raises
    ------
    Refused
        With the findings of all cases that failed; the staging folder stays.
    Interrupted
        By Ctrl-C or SIGTERM; the staging folder stays.
    SegconvError
        ``SC020``, ``SC021``, ``SC03x``, ``SC04x`` for the backend, ``SC062``, ``SC100``.
    """
    backend_of(how.backend).ready()
    with writing(plan.target.staging):
        preflight(plan, overwrite=how.overwrite)
    with (
        nullcontext() if how.lock is not None else locked(plan.target),
        interruptible(STOPPED, GO_ON),
        writing(plan.target.staging),
    ):
        preflight(plan, overwrite=how.overwrite)  # another run may just have ended
        replaced = replaceable(plan.target, overwrite=how.overwrite)
        outcome = stage(plan, task, finish, how, decoded=decoded, do=do)
        late = staging.commit(plan.target, replaced, fsync=how.fsync)
    return replace(outcome, warnings=[*outcome.warnings, *late]) if late else outcome


def stage(
    plan: Plan,
    task: Task,
    finish: Finish,
    how: RunOptions = USUAL,
    *,
    decoded: Callable[[Item], int] | int | None = None,
    keep: Collection[str] = (),
    do: Do | None = None,
) -> Outcome:
    """Do the work of a plan in its staging folder only; a later run resumes it.

    The caller holds the lock of the target. Further parameters and errors are those of `execute`; `overwrite`,
    `fsync` and `lock` concern the target, which this does not touch.

    Parameters
    ----------
    keep
        Files in the staging folder, relative to it, that belong to no case of the plan and stay.
    """
    backend_of(how.backend).ready()
    journal = staging.begin(plan, restart=how.restart)
    try:
        return _staged(plan, journal, task, finish, how, decoded, keep, do)
    except SegconvError:
        if not len(journal):  # nothing to resume
            with suppress(SegconvError, OSError):  # the next run removes what cannot be removed now
                staging.discard(plan.target)
        raise


def _staged(
    plan: Plan,
    journal: Journal,
    task: Task,
    finish: Finish,
    how: RunOptions,
    decoded: Callable[[Item], int] | int | None,
    keep: Collection[str],
    do: Do | None,
) -> Outcome:
    """Do the work of a plan; see `stage`."""
    with closing(journal), unchanged(*plan.held):
        staging.clean(plan, journal, keep)
        reused = len(journal)
        if decoded is not None:
            pending = (item for item in plan.items if item.case not in journal)
            how = within_memory(how, pending, lambda item: item.nbytes, decoded)
        failed = _run_items(plan, task, journal, how, do)
        if failed and not how.keep_going:
            raise Refused(reasons=map(_or_without, failed) if len(journal) else failed)
        outcome = _finish(plan, journal, finish, failed, reused, how, keep)
        while changed := forget_changed(plan, journal):
            if not how.keep_going:
                raise Refused(reasons=changed)
            failed += changed
            outcome = _finish(plan, journal, finish, failed, reused, how, keep)
    return outcome


def abort(*targets: Target) -> list[Path]:
    """Remove the staging folders and locks of unfinished runs next to targets; return the removed paths.

    Raises
    ------
    SegconvError
        ``SC035`` if one of the runs is still at work, before anything is removed; ``SC021`` for a folder with files
        of others, which stays, after the others are removed.
    """
    left = {target: _left_by(target) for target in targets if _left_by(target)}
    with ExitStack() as locks:
        for target in left:
            locks.enter_context(locked(target))
        refused = list(filter(None, map(_discarded, left)))
    if len(refused) == 1:
        raise refused[0]
    refuse_if_any(finding for error in refused for finding in error.findings)
    return [path for paths in left.values() for path in paths]


def _left_by(target: Target) -> list[Path]:
    return [path for path in (target.staging, target.lock) if os.path.lexists(path)]


def _discarded(target: Target) -> SegconvError | None:
    """Remove a staging folder, or return why it stays."""
    try:
        with writing(target.staging):
            if os.path.lexists(target.staging):
                staging.discard(target)
    except SegconvError as error:
        return error
    return None


def _run_items(plan: Plan, task: Task, journal: Journal, how: RunOptions, do: Do | None) -> list[Finding]:
    """Do the items missing in the journal; return the findings of failed ones, in the order of the plan."""
    # Usually all of them; those of a large plan are then made as workers take them.
    pending = [item for item in plan.items if item.case not in journal] if len(journal) else plan.items
    failures: dict[str, list[Finding]] = {}
    folder = plan.target.staging
    call = CaseWork(task, folder, plan.source_root, begun.mark_of(folder))
    do = do or _by_workers(plan, how)
    with (
        shown(how.progress, len(plan.items), len(plan.items) - len(pending)),
        _saying_how_to_resume(),
        begun.declaring(folder) as declare,
    ):

        def take(entry: Entry) -> None:
            if "findings" in entry:
                failures[entry["case"]] = entry["findings"]
            else:
                journal.add(entry)
                staging.name_outputs(folder, entry, declare)
            how.progress.advance(entry["case"])

        do(call, pending, take)
    if not failures:
        return []
    return [finding for item in plan.items for finding in failures.get(item.case, ())]


def _or_without(finding: Finding) -> Finding:
    """Return a finding on the data of a case with the way to do without the case, if nothing else cures it."""
    hint, cures = finding.advice
    if cures or CODES[finding.code].exit_code != EXIT_DATA or finding.code == "SC062":  # a source that changed is whole
        return finding
    return replace(finding, hint=hint, cures=(Cure("keep_going"),))


def _by_workers(plan: Plan, how: RunOptions) -> Do:
    """Return what does the items by threads, processes, or the machines of a cluster."""
    kind = how.backend or _kind_of_workers(plan, how.jobs)

    def do(call: Callable[[Item], Entry], items: Sequence[Item], take: Callable[[Entry], None]) -> None:
        found = each(
            call,
            items,
            jobs=how.jobs,
            backend=kind,
            name=_case,
            tell=how.progress.note,
            files=_proof(plan, items),
            killed=failed_entry,
        )
        with closing(found) as entries:
            for entry in entries:
                take(entry)

    return do


@contextmanager
def _saying_how_to_resume() -> Iterator[None]:
    """Add to the error of a dead worker that the run can be resumed."""
    try:
        yield
    except SegconvError as error:
        if error.code == "SC100":
            error.hint = "; ".join(filter(None, (GO_ON, error.hint)))
        raise


def _case(item: Item) -> str:
    return item.case


def _proof(plan: Plan, items: Sequence[Item]) -> list[Path]:
    """Return files that prove that a worker sees the source and the staging folder of a run."""
    return [plan.target.staging / begun.PLAN, *(Path(source) for source in items[0].sources[:1])] if items else []


def _kind_of_workers(plan: Plan, jobs: int) -> str | None:
    """Return the best kind of workers for a plan.

    Reading, inflating, deflating and hashing run outside the interpreter's lock, and a thread starts
    at once, while a process first spends most of a second on its imports. The work left under the
    lock, about a millisecond per item, slows down many workers on small items.
    """
    nbytes = plan.nbytes / max(1, len(plan.items))
    return THREADS if jobs <= FEW_WORKERS or nbytes >= jobs * BYTES_A_WORKER else None


def _finish(
    plan: Plan,
    journal: Journal,
    finish: Finish,
    failed: list[Finding],
    reused: int,
    how: RunOptions,
    keep: Collection[str],
) -> Outcome:
    """Write and verify the files of the complete dataset."""
    warnings = list(plan.warnings)

    def results() -> Iterator[Result]:
        for item in plan.items:
            if item.case in journal:
                result = _result(journal.read(item.case))
                warnings.extend(result.warnings)
                yield result

    if not len(journal):
        raise Refused(reasons=failed or [Finding("SC011", "there is no case", file=str(plan.source_root))])
    staged = Staged(plan.target.staging)
    with _blaming(plan.target.staging):
        warnings += finish(results(), staged)
    if how.strict and warnings:
        raise Refused(reasons=as_errors(warnings))
    if how.verify:
        of_cases = (target for case in journal.cases() for target in journal.read(case)["targets"])
        staging.verify(plan.target.staging, itertools.chain(of_cases, staged.targets), how.jobs)
    # As late as possible: a worker of a killed run may have written a file half a second ago.
    staging.clean(plan, journal, keep=[*keep, *(target["path"] for target in staged.targets)])
    return Outcome(plan.target.path, len(journal), reused, warnings, failed)


@contextmanager
def _blaming(folder: Path) -> Iterator[None]:
    """Name the staging folder in errors about unusable records of its journal."""
    try:
        yield
    except SegconvError as error:
        if error.code == "SC096" and not error.file:
            error.file, error.cures = str(folder), (Cure.of("restart"),)
        raise


def _result(entry: dict[str, Any]) -> Result:
    sources = [{key: source[key] for key in ("path", "size", "sha256")} for source in entry["sources"]]
    warnings = [_of_entry(warned) for warned in entry["warnings"]]
    targets = [{key: target[key] for key in target if key not in OF_RUNS} for target in entry["targets"]]
    return Result(entry["case"], entry["record"], sources, targets, warnings)


def _of_entry(found: dict[str, Any]) -> Finding:
    cures = [Cure.of(cure["kind"], **cure["values"]) for cure in found.get("cures", ())]
    return warning(found["code"], found["message"], hint=found["hint"], file=found["file"], cures=cures)
