"""A dataset to create: its number must be free in all three folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import reading
from ..errors import Cure, Interrupted, Refused, SegconvError
from ..work.plan import HIDDEN, Target
from . import lineage
from .names import DatasetName, next_free_id, parse_target


@contextmanager
def reported_with(earlier: SegconvError | None) -> Iterator[None]:
    """Raise an earlier error after the block, together with what the block refuses for other reasons."""
    try:
        yield
    except Interrupted:
        raise
    except SegconvError as error:
        if earlier is None:
            raise
        known = {finding.code for finding in earlier.findings}
        new = [finding for finding in error.findings if finding.code not in known]
        raise Refused(reasons=(*earlier.findings, *new)) from error
    if earlier is not None:
        raise earlier


def free_target(
    text: str,
    default_name: str,
    raw: Path,
    other_roots: Iterable[Path | None] = (),
    *,
    overwrite: bool = False,
    force: bool = False,
) -> DatasetName:
    """Read the value of ``--to`` and check that the target does not exist yet.

    Parameters
    ----------
    text, default_name
        As for `parse_target`.
    raw
        Folder in which the dataset is created.
    other_roots
        Other folders in which an id may be taken: preprocessed data, results.
    overwrite
        Allow the target itself to exist, if segconv made it.
    force
        Overwrite although preprocessed data, models, or other datasets were made from it.

    Raises
    ------
    SegconvError
        ``SC002`` for the text; ``SC020`` if the id is in use, under any name, or other datasets link into what
        would be replaced.
    """
    taken = _in_use(raw, *other_roots)
    name = parse_target(text, default_name, taken)
    target = raw / name.folder
    others = _others(taken.get(name.id, []), target, overwrite=overwrite)
    free = Cure.of("name_free_target", target=f"{_free_after(name.id, taken, raw)}_{name.name}")
    replaceable = overwrite and all(path.name == target.name for path in others)
    if others and not (replaceable and force):
        first = (Cure.of("overwrite"),) if others == [target] else ()
        last = (Cure.of("force_replacing"),) if replaceable else ()
        raise _taken(name.id, others[0], target, *first, free, *last)
    if reading.is_there(target, links_followed=False):
        _refuse_replacing(target, free, force=force)
    return name


def _free_after(number: int, taken: Iterable[int], folder: Path) -> int:
    """Return the next id that no dataset has, and no unfinished run in the folder of datasets."""
    begun = [int(path.name.removeprefix(HIDDEN)) for path in folder.glob(f"{HIDDEN}[0-9][0-9][0-9]")]
    return next_free_id((*taken, *begun), number)


def _others(taken: Iterable[Path], target: Path, *, overwrite: bool) -> list[Path]:
    """Return the paths with the id of a target, without the target itself if it may be overwritten."""
    return [path for path in taken if path != target or not overwrite]


def _taken(number: int, other: Path, target: Path, *cures: Cure) -> SegconvError:
    return SegconvError(f"the id {number} is taken by {other}", code="SC020", file=str(target), cures=cures)


def _refuse_replacing(target: Path, free: Cure, *, force: bool) -> None:
    """Refuse to replace a folder that segconv did not make, or that other datasets link into."""
    from .dependents import dependents

    if target.is_symlink() or not reading.is_folder(target) or not _is_ours(target):
        raise SegconvError(
            "was not made by segconv, and is not replaced", code="SC020", file=str(target), cures=(free,)
        )
    if not force and (linked := dependents(target)):
        raise SegconvError(
            f"is not replaced: files of {' and '.join(path.name for path in linked)} are links into it",
            code="SC020",
            file=str(target),
            cures=(free, Cure.of("force_replacing_linked")),
        )


def _is_ours(target: Path) -> bool:
    try:
        return lineage.read_run(target) is not None
    except SegconvError:
        return False


def refuse_crossed(source: Path, target: Target) -> None:
    """Refuse a target inside its source, and a source inside a folder that the target replaces.

    Parameters
    ----------
    source
        Folder that is read, resolved.
    target
        What to create.

    Raises
    ------
    SegconvError
        ``SC020``.
    """
    raw = Path(os.path.realpath(target.path.parent))
    if raw.is_relative_to(source):
        what = "is the source" if raw == source else f"is in the source, {source}"
        raise SegconvError(
            f"{what}: a dataset is not made inside of what it is made from",
            code="SC020",
            file=str(target.path.parent),
            cures=(Cure.of("make_folders_elsewhere"),),
        )
    for replaced in (target.path, target.staging):
        if source.is_relative_to(raw / replaced.name):
            raise SegconvError(
                f"is or is in {replaced.name}, which the run replaces",
                code="SC020",
                file=str(source),
                cures=(Cure("choose_other_target"),),
            )


def _in_use(*roots: Path | None) -> dict[int, list[Path]]:
    """Return the paths in the three folders that nnU-Net takes for a dataset, by id: all that begin with its number."""
    found: dict[int, list[Path]] = {}
    for root in roots:
        for path in sorted(root.iterdir()) if root is not None and reading.is_folder(root) else ():
            if match := re.match(r"Dataset(\d{3})", path.name):
                found.setdefault(int(match[1]), []).append(path)
    return found


def free_task(
    text: str, default_name: str, tasks: Path, *, overwrite: bool = False, force: bool = False
) -> DatasetName:
    """Read the value of ``--to-v1`` and check that no task of nnU-Net v1 has that number yet.

    Parameters
    ----------
    text, default_name
        As for `parse_target`.
    tasks
        ``nnUNet_raw_data`` of nnU-Net v1.
    overwrite
        Allow the task itself to exist, if segconv made it.
    force
        Overwrite although other tasks link into it.

    Raises
    ------
    SegconvError
        As in `free_target`.
    """
    taken: dict[int, list[Path]] = {}
    for path in sorted(tasks.glob("Task[0-9][0-9][0-9]_*")) if reading.is_folder(tasks) else ():
        taken.setdefault(int(path.name[4:7]), []).append(path)
    name = parse_target(text, default_name, taken)
    target = tasks / name.task_folder
    free = Cure.of("name_free_task", target=f"{_free_after(name.id, taken, tasks)}_{name.name}")
    if others := _others(taken.get(name.id, []), target, overwrite=overwrite):
        raise _taken(name.id, others[0], target, free)
    if name.id in taken:
        _refuse_replacing(target, free, force=force)
    return name
