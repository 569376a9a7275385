"""The folder in which a target grows: begun, continued, proved, and renamed once."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from .. import reading
from ..errors import Cure, Finding, SegconvError, warning
from ..typed import Misfit
from . import begun, fsops, owned
from .backends import THREADS
from .begun import PLAN
from .journal import FILE as JOURNAL
from .journal import Journal, is_entry
from .locks import locked as locked  # with `writing`, what everybody who stages needs
from .owned import Owned, file_sha256
from .parallel import each
from .plan import Item, Plan, Target
from .writing import cannot_write as cannot_write
from .writing import writing as writing

LAST = ("segconv/cases.jsonl", "segconv/run.json")
"""Files of a finished folder without which nothing would say whose the others are; removed last."""
LONGEST_PLAN = 64 << 20
"""Bytes of plan.json."""
SPARE_BYTES = 16 << 20
"""Room that is left on the disk beyond the estimate."""


class Staged:
    """What finishing may write: the files of the dataset as a whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.targets: list[dict[str, Any]] = []

    def write(self, relative: str, data: bytes) -> None:
        """Write a file, whole or not at all."""
        self.write_lines(relative, [data])

    def write_lines(self, relative: str, lines: Iterable[bytes]) -> None:
        """Write a file piece by piece, without holding all of it."""
        path = self._folder / relative
        first = relative not in (begun.read(self._folder) or ())
        if first:
            _refuse_there(path)
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


def preflight(plan: Plan, *, overwrite: bool) -> None:
    """Refuse what is sure to fail, without writing.

    Raises
    ------
    SegconvError
        ``SC020`` if the target is there, or would replace what it is made of, ``SC031`` if its folder
        cannot be written, ``SC032`` if the disk has too little room.
    """
    target = plan.target.path
    refuse_taken(plan.target, overwrite=overwrite)
    above = refuse_unwritable_name(target)
    if (read := _read_from(target, plan)) is not None:
        raise SegconvError(
            f"is not replaced by what is made of it: {read} is read",
            code="SC020",
            file=str(target),
            hint="choose another target",
        )
    need = sum(item.nbytes for item in plan.items) * 11 // 10 + SPARE_BYTES
    free = shutil.disk_usage(above).free
    if not plan.target.staging.is_dir() and free < need:
        raise SegconvError(f"has {free >> 20} MiB free, about {need >> 20} are needed", code="SC032", file=str(above))


def refuse_unwritable(folder: Path) -> Path:
    """Return a folder, or the one that it would be made in.

    Raises
    ------
    SegconvError
        ``SC031`` if it is no folder, or cannot be written.
    """
    while not folder.is_dir():
        if os.path.lexists(folder):
            raise SegconvError("is no folder", code="SC031", file=str(folder))
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SegconvError("cannot be written", code="SC031", file=str(folder), hint="check the rights of the folder")
    return folder


def refuse_unwritable_name(path: Path) -> Path:
    """Refuse the name of a file or folder that cannot be made, before there is anything to put there.

    Returns
    -------
    folder
        That it is made in, or the nearest above that is there.

    Raises
    ------
    SegconvError
        ``SC031`` if its folder, or the one that it would be made in, cannot be written, or its name is too long.
    """
    with writing(path):
        with suppress(FileNotFoundError, NotADirectoryError):
            os.lstat(path)
        return refuse_unwritable(path.absolute().parent)


def _read_from(target: Path, plan: Plan) -> str | None:
    """Return a source that lies inside of the target, links followed: it would be gone, and links lead nowhere."""
    if not target.is_dir():
        return None
    inside = os.path.join(os.path.realpath(target), "")
    return next((s for item in plan.items for s in item.sources if os.path.realpath(s).startswith(inside)), None)


def begin(plan: Plan, *, restart: bool) -> Journal:
    """Make the staging folder, or continue the one that is there.

    Returns
    -------
    journal
        With the cases whose files are there and whose sources have not changed.

    Raises
    ------
    SegconvError
        ``SC021`` if the folder belongs to a run with other options, or holds what segconv did not write.
    """
    staging = plan.target.staging
    if _leftover(plan.target) or (restart and os.path.lexists(staging)):
        discard(plan.target)
    elif os.path.lexists(staging) and begun.read(staging) is None:
        begun.remove(staging)  # empty folders, as a removal that failed at its end leaves them
    fsops.mkdir(staging)
    begun.take_up(staging)
    record = staging / PLAN
    if record.is_file() and _said(record).get("fingerprint") != plan.fingerprint:
        if finished_cases(staging):
            raise SegconvError(
                "holds the unfinished work of another command or other options",
                code="SC021",
                file=str(staging),
                cures=[Cure.of("restart"), abort_cure(plan.target)],
            )
        begun.remove(staging)  # what was only planned does not lock the target
        fsops.mkdir(staging)
    begun.declare(staging, _folders(plan))
    if not record.is_file():
        said = {"fingerprint": plan.fingerprint, "target": plan.target.path.name, "key": plan.key}
        text = json.dumps(said, indent=2)
        fsops.write_atomic(record, text.encode(), mark=begun.mark_of(staging))
    journal = Journal(staging / JOURNAL)
    with begun.declaring(staging) as declare:
        for case in journal.cases():
            name_outputs(staging, journal.read(case), declare)
    _forget_stale(plan, journal)
    return journal


def name_outputs(staging: Path, entry: dict[str, Any], declare: Callable[[Iterable[str]], None]) -> None:
    """Give the files of a finished case their names, once the journal has its entry.

    Raises
    ------
    FileExistsError
        If somebody else's file has one of them.
    """
    waiting = [target for target in entry["targets"] if "temporary" in target]
    names = [(staging / target["path"]).with_name(target["temporary"]) for target in waiting]
    there = [(target["path"], name) for target, name in zip(waiting, names, strict=True) if os.path.lexists(name)]
    for path, _ in there:
        _refuse_there(staging / path)
    if there:
        declare(path for path, _ in there)
    for path, temporary in there:
        fsops.rename_new(temporary, staging / path)


def _refuse_there(path: Path) -> None:
    """Raise FileExistsError for what has the name of an output, before that comes onto the list of what is ours."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(path))


def _folders(plan: Plan) -> set[str]:
    """Return the folders of what is planned, as entries of the list of what was begun: they may be made any time."""
    return {f"{folder}/" for item in plan.items for output in item.outputs if (folder := os.path.dirname(output))}


def finished_cases(staging: Path) -> int:
    """Return how many cases the journal of a staging folder accounts for."""
    journal = Journal(staging / JOURNAL)
    try:
        return len(journal)
    finally:
        journal.close()


def discard(target: Target) -> None:
    """Remove the staging folder of a target, whatever run it is of.

    Raises
    ------
    SegconvError
        ``SC021`` if it is a link or a file, or holds what segconv did not write.
    """
    staging = target.staging
    if _leftover(target):
        proved = owned.prove(staging, target.manifest)
        owned.remove(staging, proved.files, last=LAST)
    else:
        begun.remove(staging)


def _leftover(target: Target) -> bool:
    """Whether the staging folder is a finished one: of a run that was killed at its last step, or what it replaced."""
    staging = target.staging
    if not os.path.lexists(staging):
        return False
    if staging.is_symlink() or not staging.is_dir():
        raise SegconvError(
            "is a link or a file, and not the folder that segconv keeps unfinished work in",
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
    """Return the cure that removes the unfinished run in the staging folder of a target, and no other."""
    name, folder = made_for(target.staging) or target.path.name, target.path.parent
    if target.slot.isdecimal() and name.startswith(f"Dataset{target.slot}_"):
        return Cure.of("abort_dataset", dataset=target.slot, raw=folder.absolute())
    # A task of nnU-Net v1 has its number beside that of a dataset; a folder of predictions may be called 42.
    return Cure.of("abort", target=folder.absolute() / name)


def made_for(staging: Path) -> str | None:
    """Return the name of what a staging folder is to become; None if it does not say."""
    name = _said(staging / PLAN).get("target")
    return name if isinstance(name, str) and name == os.path.basename(name) else None


def clean(plan: Plan, journal: Journal, keep: Iterable[str] = ()) -> None:
    """Remove from the staging folder what runs wrote into it and no finished case accounts for.

    Raises
    ------
    SegconvError
        ``SC021`` if it holds what segconv did not write.
    """
    staging = plan.target.staging
    known = {PLAN, JOURNAL, begun.FILE, *keep}
    known.update(t["path"] for case in journal.cases() for t in journal.read(case)["targets"])
    owned.remove(staging, begun.refuse_foreign(staging) - known)


def verify(staging: Path, targets: Iterable[dict[str, Any]], jobs: int) -> None:
    """Read every file again and compare it with what was written.

    Raises
    ------
    SegconvError
        ``SC033`` naming a file that differs.
    """

    def differs(target: dict[str, Any]) -> str | None:
        path = where(staging, target)
        try:
            return None if file_sha256(path) == target["sha256"] else str(path)
        except FileNotFoundError:
            return str(path)

    with closing(each(differs, targets, jobs=jobs, backend=THREADS)) as found:
        for bad in found:
            if bad is not None:
                raise SegconvError("read back is not what was written", code="SC033", file=bad)


def commit(target: Target, replaced: Owned | None, *, fsync: bool) -> list[Finding]:
    """Let the target appear: the one visible step.

    Parameters
    ----------
    target
        Whose staging folder is complete.
    replaced
        What is there already, and is replaced; None if nothing is.
    fsync
        Bring everything to the disk first.

    Returns
    -------
    findings
        A warning on files of what was replaced that somebody added or changed in the last moment, and that stay.

    Raises
    ------
    SegconvError
        ``SC020`` if the target appeared or changed meanwhile, with the staging folder as it was.
    """
    staging, folder = target.staging, target.path
    if replaced is not None:
        replaced.refuse_changes()  # while the staging folder can still be continued
    # In this order: without the list, nothing would say whose the rest is.
    for name in (JOURNAL, PLAN, begun.FILE):
        fsops.unlink(staging / name)
    if fsync:
        fsops.sync_file_system(staging)
    left: list[str] = []
    if replaced is not None:
        replaced.refuse_changes()  # again, as bringing all to the disk takes its time
        fsops.exchange(staging, folder)
        left = owned.remove(staging, replaced.unchanged_in(staging), last=LAST)
    else:
        if is_empty_folder(folder):
            fsops.rmdir(folder)
        try:
            fsops.rename_new(staging, folder)
        except FileExistsError as error:
            raise SegconvError("appeared while the run went on", code="SC020", file=str(folder)) from error
    if fsync:
        fsops.sync_folder(folder.parent)
    if not left:
        return []
    what = f"keeps {', '.join(left[: owned.SHOWN])} of what was replaced, which appeared or changed meanwhile"
    return [warning("SC021", what, file=str(staging), hint="move the files out of it")]


def replaceable(target: Target, *, overwrite: bool) -> Owned | None:
    """Return the proof that what is there may be replaced; None if nothing is.

    Raises
    ------
    SegconvError
        ``SC020`` as `owned.prove`.
    """
    if not overwrite or not os.path.lexists(target.path) or is_empty_folder(target.path):
        return None
    return owned.prove(target.path, target.manifest)


def publish(target: Target, finish: Callable[[Staged], None], *, overwrite: bool) -> None:
    """Let a folder of a few files appear whole, in the place of one of its kind if that is asked for.

    Parameters
    ----------
    target
        What is made; its `manifest` tells whether what is there may be replaced.
    finish
        Writes the files.

    Raises
    ------
    SegconvError
        ``SC020`` if the target is there, or holds what segconv did not write; ``SC03x``.
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


def refuse_taken(target: Target, *, overwrite: bool) -> None:
    """Refuse a target that is there already.

    Raises
    ------
    SegconvError
        ``SC020``.
    """
    if not overwrite and os.path.lexists(target.path) and not is_empty_folder(target.path):
        raise SegconvError(
            "already exists",
            code="SC020",
            file=str(target.path),
            hint="choose another target",
            cures=[Cure.of("overwrite")],
        )


def where(folder: Path, target: Mapping[str, Any]) -> Path:
    """Return where a written file lies: in its folder, or where an external one was left."""
    return Path(target["at"]) if "at" in target else folder / target["path"]


def is_empty_folder(path: Path) -> bool:
    """Return whether a path is a folder with nothing in it."""
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def payload_hash(item: Item) -> str:
    """Return a hash of what a worker was told, so that a case is done again when that changes."""
    return hashlib.sha256(repr(item.payload).encode("utf-8", "surrogatepass")).hexdigest()


def _said(record: Path) -> dict[str, Any]:
    try:
        found = json.loads(reading.whole(reading.in_real_folder(record), LONGEST_PLAN))
    except (OSError, ValueError, RecursionError, SegconvError):
        return {}
    return found if isinstance(found, dict) else {}


def _forget_stale(plan: Plan, journal: Journal) -> None:
    items = {item.case: item for item in plan.items}
    for case in journal.cases():
        item = items.get(case)
        if item is None or not _still_good(item, journal.read(case), plan):
            journal.forget(case)


def _still_good(item: Item, entry: dict[str, Any], plan: Plan) -> bool:
    """Whether a journalled case need not be done again."""
    try:
        is_entry(entry)
    except Misfit:
        return False
    if entry["payload"] != payload_hash(item) or sorted(t["path"] for t in entry["targets"]) != sorted(item.outputs):
        return False
    sources = {os.path.normpath(plan.source_root / source["path"]): source for source in entry["sources"]}
    if set(sources) != set(item.sources):
        return False
    try:
        for path, source in sources.items():
            found = os.stat(path, follow_symlinks=False)
            if (found.st_size, found.st_mtime_ns) != (source["size"], source["mtime_ns"]):
                return False
        for target in entry["targets"]:
            path = where(plan.target.staging, target)
            if path.stat().st_size != target["size"] or file_sha256(path) != target["sha256"]:
                return False
    except OSError:
        return False
    return True
