"""The staging folder of a target: begun, resumed, verified, and renamed once."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from .. import reading
from ..errors import Cure, Finding, SegconvError, warning
from ..words import count_of, some_of
from . import begun, fsops, owned
from .backends import THREADS
from .batches import batches
from .begun import PLAN
from .journal import FILE as JOURNAL
from .journal import Journal
from .locks import locked
from .owned import Owned, file_crc32, file_sha256
from .parallel import each
from .plan import Plan, Target
from .preflight import LAST, is_empty_folder, refuse_taken, replaceable
from .stale import forget_stale, where
from .writing import writing

LONGEST_PLAN = 64 << 20
"""Limit of plan.json in bytes."""


class Staged:
    """Writes the files of the complete dataset when a run finishes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.targets: list[dict[str, Any]] = []

    def write(self, relative: str, data: bytes) -> None:
        """Write a file, completely or not at all."""
        self.write_lines(relative, [data])

    def write_lines(self, relative: str, lines: Iterable[bytes]) -> None:
        """Write a file piece by piece, without keeping all of it in memory."""
        path = self._folder / relative
        first = relative not in (begun.read(self._folder) or ())
        if first:
            _refuse_existing(path)
        begun.declare(self._folder, [relative])
        fsops.mkdir(path.parent)
        temporary = fsops.temporary_beside(path, begun.mark_of(self._folder))
        digest, size = hashlib.sha256(), 0
        descriptor = fsops.open_append(temporary)
        try:
            for line in lines:
                fsops.append(descriptor, line, path)
                digest.update(line)
                size += len(line)
        finally:
            os.close(descriptor)
        (fsops.rename_new if first else fsops.complete)(temporary, path)
        self.targets.append({"path": relative, "size": size, "sha256": digest.hexdigest()})


def begin(plan: Plan, *, restart: bool) -> Journal:
    """Create the staging folder, or resume the existing one.

    Returns
    -------
    journal
        The cases whose files exist and whose sources have not changed.

    Raises
    ------
    SegconvError
        ``SC021`` if the folder belongs to a run with other options, or holds files of others.
    """
    staging = plan.target.staging
    _take_over(plan, restart=restart)
    begun.declare(staging, _folders(plan))
    record = staging / PLAN
    if not record.is_file():
        said = {"fingerprint": plan.fingerprint, "target": plan.target.path.name, "key": plan.key}
        text = json.dumps(said, indent=2)
        fsops.write_atomic(record, text.encode(), mark=begun.mark_of(staging))
    journal = Journal(staging / JOURNAL)
    with begun.declaring(staging) as declare:
        for case in journal.cases():
            name_outputs(staging, journal.read(case), declare)
    forget_stale(plan, journal)
    return journal


def _take_over(plan: Plan, *, restart: bool) -> None:
    """Create the staging folder, or make sure that the existing one can be resumed; see `begin`."""
    staging = plan.target.staging
    if _leftover(plan.target) or (restart and os.path.lexists(staging)):
        discard(plan.target)
    elif os.path.lexists(staging) and begun.read(staging) is None:
        begun.remove(staging)  # empty folders, left by a removal that failed at its end
    fsops.mkdir(staging)
    begun.take_up(staging)
    record = staging / PLAN
    if record.is_file() and _said(record).get("fingerprint") != plan.fingerprint:
        if finished := finished_cases(staging):
            raise SegconvError(
                f"holds {count_of(finished, 'finished case')} of another command or other options",
                code="SC021",
                file=str(staging),
                cures=[Cure.of("restart"), abort_cure(plan.target)],
            )
        begun.remove(staging)  # a mere plan does not lock the target
        fsops.mkdir(staging)


def name_outputs(staging: Path, entry: dict[str, Any], declare: Callable[[Iterable[str]], None]) -> None:
    """Give the files of a finished case their final names, once the journal has its entry.

    Raises
    ------
    FileExistsError
        If another file has one of the names.
    """
    waiting = [target for target in entry["targets"] if "temporary" in target]
    # Joined as text, which takes a fraction of the time of paths.
    names = [os.path.join(staging, os.path.dirname(target["path"]), target["temporary"]) for target in waiting]
    there = [(target["path"], name) for target, name in zip(waiting, names, strict=True) if os.path.lexists(name)]
    for path, _ in there:
        _refuse_existing(os.path.join(staging, path))
    if there:
        declare(path for path, _ in there)
    for path, temporary in there:
        fsops.rename_new(temporary, os.path.join(staging, path))


def _refuse_existing(path: str | Path) -> None:
    """Raise FileExistsError if an output exists, before it is listed as ours."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(path))


def _folders(plan: Plan) -> set[str]:
    """Return the folders of a plan as entries of the list of begun files, because they may be created at any time."""
    return {f"{folder}/" for item in plan.items for output in item.outputs if (folder := os.path.dirname(output))}


def finished_cases(staging: Path) -> int:
    """Return the number of cases in the journal of a staging folder."""
    journal = Journal(staging / JOURNAL)
    try:
        return len(journal)
    finally:
        journal.close()


def discard(target: Target) -> None:
    """Remove the staging folder of a target, made by any run.

    Raises
    ------
    SegconvError
        ``SC021`` if it is a link or a file, or holds files of others.
    """
    staging = target.staging
    if _leftover(target):
        proved = owned.prove(staging, target.manifest)
        owned.remove(staging, proved.files, last=LAST)
    else:
        begun.remove(staging)


def _leftover(target: Target) -> bool:
    """Whether the staging folder is finished: left by a run killed at its last step, or replaced by it."""
    staging = target.staging
    if not os.path.lexists(staging):
        return False
    if staging.is_symlink() or not staging.is_dir():
        raise SegconvError(
            "is a link or a file, expected the folder for unfinished work",
            code="SC021",
            file=str(staging),
            hint="move it away",
        )
    if target.manifest is None or begun.read(staging) is not None:
        return False
    try:
        return next(iter(target.manifest(staging)), None) is not None
    except SegconvError:
        return False


def abort_cure(target: Target) -> Cure:
    """Return the cure that removes only the unfinished run in the staging folder of a target."""
    name, folder = made_for(target.staging) or target.path.name, target.path.parent
    if target.slot.isdecimal() and name.startswith(f"Dataset{target.slot}_"):
        return Cure.of("abort_dataset", dataset=target.slot, raw=folder.absolute())
    # A task of nnU-Net v1 may have the number of a dataset, and a folder of predictions may be named 42.
    return Cure.of("abort", target=folder.absolute() / name)


def made_for(staging: Path) -> str | None:
    """Return the name of the future target of a staging folder; None if it does not say."""
    name = _said(staging / PLAN).get("target")
    return name if isinstance(name, str) and name == os.path.basename(name) else None


def clean(plan: Plan, journal: Journal, keep: Iterable[str] = ()) -> None:
    """Remove from the staging folder the files of runs that belong to no finished case.

    Raises
    ------
    SegconvError
        ``SC021`` if it holds files of others.
    """
    staging = plan.target.staging
    known = {PLAN, JOURNAL, begun.FILE, *keep}
    known.update(t["path"] for case in journal.cases() for t in journal.read(case)["targets"])
    owned.remove(staging, begun.refuse_foreign(staging) - known)


def verify(staging: Path, targets: Iterable[dict[str, Any]], jobs: int) -> None:
    """Read every file again and compare it with the written bytes: by length and CRC-32, or SHA-256 without one.

    What a disk or its memory does to a file changes the CRC-32, and SHA-256 takes at least ten times as long.

    Raises
    ------
    SegconvError
        ``SC033`` naming the file that differs.
    """

    def differs(target: dict[str, Any]) -> str | None:
        path = where(staging, target)
        try:
            if "crc32" in target:
                same = file_crc32(path) == (target["size"], target["crc32"])
            else:
                same = file_sha256(path) == target["sha256"]
            return None if same else str(path)
        except FileNotFoundError:
            return str(path)

    def first_bad(batch: list[dict[str, Any]]) -> str | None:
        return next(filter(None, map(differs, batch)), None)

    sized = batches((target, target["size"]) for target in targets)
    with closing(each(first_bad, sized, jobs=jobs, backend=THREADS)) as found:
        for bad in found:
            if bad is not None:
                raise SegconvError("differs from what was written when read back", code="SC033", file=bad)


def commit(target: Target, replaced: Owned | None, *, fsync: bool) -> list[Finding]:
    """Make the target appear: the only visible step.

    Parameters
    ----------
    target
        The target; its staging folder is complete.
    replaced
        The existing target to replace; None if there is none.
    fsync
        Flush everything to the disk first.

    Returns
    -------
    findings
        A warning about files of the replaced target that were added or changed at the last moment; they stay.

    Raises
    ------
    SegconvError
        ``SC020`` if the target appeared or changed meanwhile; the staging folder is unchanged.
    """
    staging, folder = target.staging, target.path
    if replaced is not None:
        replaced.refuse_changes()  # while the staging folder can still be resumed
    # In this order: without the list, nothing would show which other files are ours.
    for name in (JOURNAL, PLAN, begun.FILE):
        fsops.unlink(staging / name)
    if fsync:
        fsops.sync_file_system(staging)
    left: list[str] = []
    if replaced is not None:
        replaced.refuse_changes()  # again, because flushing takes time
        fsops.exchange(staging, folder)
        left = owned.remove(staging, replaced.unchanged_in(staging), last=LAST)
    else:
        if is_empty_folder(folder):
            fsops.rmdir(folder)
        try:
            fsops.rename_new(staging, folder)
        except FileExistsError as error:
            raise SegconvError("appeared during the run", code="SC020", file=str(folder)) from error
    if fsync:
        fsops.sync_folder(folder.parent)
    if not left:
        return []
    what = f"keeps {some_of(left)} of what was replaced, which appeared or changed meanwhile"
    return [warning("SC021", what, file=str(staging), hint="move the files out of it")]


def publish(target: Target, finish: Callable[[Staged], None], *, overwrite: bool) -> None:
    """Make a folder of a few files appear complete, replacing one of its kind if asked to.

    Parameters
    ----------
    target
        The folder to make; its `manifest` says whether an existing one may be replaced.
    finish
        Writes the files.

    Raises
    ------
    SegconvError
        ``SC020`` if the target exists or holds files of others; ``SC03x``.
    """
    refuse_taken(target, overwrite=overwrite)
    with locked(target), writing(target.staging):
        refuse_taken(target, overwrite=overwrite)
        replaced = replaceable(target, overwrite=overwrite)
        if os.path.lexists(target.staging):
            discard(target)
        fsops.mkdir(target.staging)
        finish(Staged(target.staging))
        commit(target, replaced, fsync=True)


def _said(record: Path) -> dict[str, Any]:
    try:
        found = json.loads(reading.whole(reading.in_real_folder(record), LONGEST_PLAN))
    except (OSError, ValueError, RecursionError, SegconvError):
        return {}
    return found if isinstance(found, dict) else {}
