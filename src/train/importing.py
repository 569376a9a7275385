"""Unpack archives of models: judged as a whole before anything is put where nnU-Net finds it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..dataset import lineage
from ..errors import Finding, SegconvError, refuse_if_any, warning
from ..words import count_of, some_of
from ..work import fsops
from ..work.owned import file_sha256
from ..work.plan import MODELS, work_folder
from ..work.scratch import Warn, scratch
from ..work.writing import writing
from .archive import Member, list_archive, unpack
from .best import ENSEMBLES
from .best import FILE as BEST
from .packed import CHECKSUMS, PICKLES, dataset_of, differing, needed
from .paths import Paths
from .plans import read_plans
from .untrusted_models import NO_TRUST, Trust


@dataclass(frozen=True)
class Unpacked:
    """Models in a folder of their own, judged.

    Parameters
    ----------
    folder
        Folder of the dataset; it exists only while they are used.
    models
        Folder names of the models.
    warnings
        What was left out, or cannot be verified.
    """

    folder: Path
    models: tuple[str, ...]
    warnings: tuple[Finding, ...]


@dataclass(frozen=True)
class Imported:
    """Models that are in ``nnUNet_results`` now.

    Parameters
    ----------
    folder
        Folder of the dataset.
    models
        Folder names of the models.
    warnings
        What was left out, or cannot be verified.
    """

    folder: Path
    models: tuple[str, ...]
    warnings: tuple[Finding, ...]


@contextmanager
def unpacked(
    archive: Path, near: Path, trust: Trust = NO_TRUST, *, sha256: str | None = None, warn: Warn | None = None
) -> Iterator[Unpacked]:
    """Unpack an archive into a hidden folder for the duration of a block.

    Parameters
    ----------
    archive
        A zip archive.
    near
        A path next to which the hidden folder is made.
    trust
        Which parts of the models may be code.
    sha256
        Expected hash of the archive.
    warn
        Called with a warning about files of others in the hidden folder, which stay.

    Raises
    ------
    SegconvError
        ``SC125`` for another hash than expected, for files that no model has, and for files other than those in
        the list of checksums; ``SC064`` if plans or checkpoints hold code; ``SC035`` if another run uses the
        hidden folder; what `list_archive` raises.
    """
    refuse_other_archive(archive, sha256)
    members = list_archive(archive)
    dataset = dataset_of(members, archive)
    # What says which is best comes last: it counts as outdated if checkpoints are newer.
    wanted = sorted(needed(members), key=lambda member: member.name.endswith(f"/{BEST}"))
    work = work_folder(MODELS, near)
    with scratch(work, [member.name for member in wanted], warn):
        digests = unpack(archive, wanted, work)
        warnings = verified(archive, work / dataset, {name.partition("/")[2]: sha for name, sha in digests.items()})
        models = judged(work / dataset, trust)
        yield Unpacked(work / dataset, models, (*warnings, *left_out(members, wanted, archive)))


def refuse_other_archive(archive: Path, sha256: str | None) -> None:
    """Refuse an archive that has another hash than expected."""
    if sha256 is None:
        return
    found = file_sha256(archive)
    if found != sha256.lower():
        raise SegconvError(
            f"has the SHA-256 {found}, expected {sha256.lower()}",
            code="SC125",
            file=str(archive),
            hint="download it again",
        )


def left_out(members: list[Member], wanted: list[Member], archive: Path) -> list[Finding]:
    """Return a warning about the files of an archive that are not unpacked, if there are any."""
    left = [member.name for member in members if member not in wanted]
    if not left:
        return []
    why = ", because loading a pickle runs code" if any(name.endswith(PICKLES) for name in left) else ""
    what = f"{count_of(len(left), 'file')} ({some_of(left)}) left out{why}"
    return [warning("SC125", what, file=str(archive), hint="nothing to do: predicting does not need them")]


def verified(archive: Path, folder: Path, digests: Mapping[str, str]) -> list[Finding]:
    """Refuse files that differ from the list of checksums; return a warning if there is no such list."""
    other = differing(folder, digests)
    if other is None:
        what = "has no list of checksums: only damage can be noticed, not a change"
        return [warning("SC125", what, file=str(archive), hint="ask for the SHA-256 of the archive")]
    what = "is not what the list of checksums says"
    refuse_if_any(Finding("SC125", f"{name}: {what}", file=str(archive)) for name in other)
    return []


def judged(folder: Path, trust: Trust) -> tuple[str, ...]:
    """Refuse models that hold code; return their names."""
    models = tuple(sorted(path.parent.name for path in folder.glob("*__*__*/plans.json")))
    for model in models:
        plans = folder / model / "plans.json"
        trust.refuse_foreign_classes(read_plans(plans), file=str(plans))
        for checkpoint in sorted((folder / model).glob("fold_*/*.pth")):
            trust.check_checkpoint(checkpoint)
    return models


def import_models(
    archive: Path, paths: Paths, trust: Trust = NO_TRUST, *, sha256: str | None = None, warn: Warn | None = None
) -> Imported:
    """Put the models of an archive into ``nnUNet_results``, where nothing is replaced.

    Parameters
    ----------
    archive, trust, sha256, warn
        As for `unpacked`.

    Raises
    ------
    SegconvError
        ``SC020`` for models that exist already; what `unpacked` raises.
    """
    results = paths.require("results")
    refuse_other_archive(archive, sha256)
    target = results / dataset_of(list_archive(archive), archive)
    with unpacked(archive, target, trust, warn=warn) as found:
        entries = _entries(found.folder)
        refuse_if_any(
            Finding("SC020", "already exists, and is not replaced", file=str(target / name), hint="move it away")
            for name in entries
            if os.path.lexists(target / name)
        )
        with writing(target):
            fsops.unlink(found.folder / CHECKSUMS)
            if not os.path.lexists(target):
                fsops.rename_new(found.folder, target)
                return Imported(target, found.models, found.warnings)
            for name in entries:
                fsops.mkdir((target / name).parent)
                fsops.rename_new(found.folder / name, target / name)
        kept = _add_what_is_said(found.folder, target)
        return Imported(target, found.models, (*found.warnings, *kept))


def _entries(folder: Path) -> list[str]:
    """Return the models and ensembles, each of which is put in place by one renaming."""
    own = [path.name for path in folder.iterdir() if path.is_dir() and path.name not in (ENSEMBLES, lineage.FOLDER)]
    return sorted([*own, *(f"{ENSEMBLES}/{path.name}" for path in (folder / ENSEMBLES).glob("*"))])


def _add_what_is_said(folder: Path, target: Path) -> list[Finding]:
    """Put in place what is said of all models, if nothing is said yet; return warnings about what is left out."""
    names = [path.name for path in folder.iterdir() if path.is_file()]
    names += [lineage.RUN] if (folder / lineage.RUN).is_file() else []
    taken = [name for name in names if os.path.lexists(target / name)]
    with writing(target):
        for name in sorted(set(names) - set(taken)):
            fsops.mkdir((target / name).parent)
            fsops.rename_new(folder / name, target / name)
    return [
        warning(
            "SC125", f"{name}: left out, because the models that are there have one", file=str(target), hint="nothing"
        )
        for name in taken
    ]
