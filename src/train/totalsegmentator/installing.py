"""Put the models of an archive where TotalSegmentator looks for them: judged as a whole before any of them appears.

Archives of `packing`, and those that TotalSegmentator's authors publish: the folder of one dataset, without a list of
checksums. TotalSegmentator 2.18 unpacks either kind without looking into it, over models that exist.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ... import reading
from ...errors import Finding, SegconvError, refuse_if_any
from ...words import some_of
from ...work import fsops
from ...work.owned import file_sha256
from ...work.plan import MODELS, work_folder
from ...work.scratch import Warn, scratch
from ...work.writing import writing
from ..archive import Member, list_archive, unpack
from ..checkpoints import FINAL
from ..importing import judged, left_out, refuse_other_archive, verified
from ..packed import CHECKSUMS
from ..untrusted_models import NO_TRUST, Trust
from .registry import tables, version
from .weights import OF_MODEL

_NEEDED = re.compile(
    rf"(?P<dataset>[^/]+)/(?P<model>[^/]+__[^/]+__[^/]+)/((plans|dataset)\.json|fold_\w+/{re.escape(FINAL)})"
)
"""What predicting takes; the rest of an archive is left out."""


@dataclass(frozen=True)
class Installed:
    """Models that TotalSegmentator finds now.

    Parameters
    ----------
    models
        Folders that were put in place.
    kept
        Folders that had the same files before.
    warnings
        What was left out, or cannot be verified.
    """

    models: tuple[Path, ...]
    kept: tuple[Path, ...]
    warnings: tuple[Finding, ...]


def install_models(
    archive: Path, weights: Path, trust: Trust = NO_TRUST, *, sha256: str | None = None, warn: Warn | None = None
) -> Installed:
    """Put the models of an archive into the folder of weights, where nothing is replaced.

    Each model appears with one renaming. If the process is killed, those that did not appear yet are
    missing, and installing again puts them in place.

    Parameters
    ----------
    archive
        Of `packing.pack_models`, or as TotalSegmentator's authors publish them.
    weights
        The folder of all weights; it is created.
    trust
        Which parts of the models may be code.
    sha256
        Expected hash of the archive.
    warn
        Called with a warning about files of others in the hidden folder, which stay.

    Raises
    ------
    SegconvError
        ``SC125`` for another hash than expected, or files other than those in the list of checksums; ``SC194`` for
        folders that are no models of TotalSegmentator, or incomplete; ``SC020`` for a model that exists with other
        files; ``SC064`` if plans or checkpoints hold code; ``SC035`` if another run installs.
    Refused
        What `list_archive` raises.
    """
    refuse_other_archive(archive, sha256)
    members = list_archive(archive)
    wanted = [member for member in members if _NEEDED.fullmatch(member.name) or _is_checksums(member.name)]
    datasets = _datasets(wanted, archive)
    with _unpacked(archive, wanted, weights / datasets[0], warn) as (work, digests):
        warnings: list[Finding] = []
        for dataset in datasets:
            warnings += verified(archive, work / dataset, digests[dataset])
            judged(work / dataset, trust)
        new = _new(datasets, digests, weights)
        for dataset in new:
            _put(work / dataset, weights / dataset, CHECKSUMS in digests[dataset])
    warnings += left_out(members, wanted, archive)
    made, kept = ([weights / dataset for dataset in datasets if (dataset in new) is is_new] for is_new in (True, False))
    return Installed(tuple(made), tuple(kept), tuple(dict.fromkeys(warnings)))


def _is_checksums(name: str) -> bool:
    return name.partition("/")[2] == CHECKSUMS


def _datasets(members: list[Member], archive: Path) -> list[str]:
    """Return the folders in an archive; refuse those that are no complete models of TotalSegmentator."""
    files = {member.name for member in members}
    models = sorted({match.group("dataset", "model") for match in map(_NEEDED.fullmatch, files) if match})
    if not models:
        raise SegconvError("holds no model of TotalSegmentator", code="SC194", file=str(archive))
    datasets = list(dict.fromkeys(dataset for dataset, _ in models))
    _refuse_unknown(datasets, archive)
    refuse_if_any(
        Finding("SC194", f"holds {dataset}/{model} without {some_of(lacking)}", file=str(archive))
        for dataset, model in models
        if (lacking := _lacking(f"{dataset}/{model}", files))
    )
    return datasets


def _refuse_unknown(datasets: list[str], archive: Path) -> None:
    known = {entry["foldername"] for entry in tables("map_tasks_config").TASK_ID_WEIGHTS_CONFIGS.values()}
    what = f"which is no model of TotalSegmentator {version()}"
    unknown = [dataset for dataset in datasets if dataset not in known]
    refuse_if_any(Finding("SC194", f"holds {dataset}, {what}", file=str(archive)) for dataset in unknown)


def _lacking(model: str, files: Collection[str]) -> list[str]:
    """Return what a model in an archive lacks."""
    lacking = [name for name in OF_MODEL if f"{model}/{name}" not in files]
    return lacking if any(name.startswith(f"{model}/fold_") for name in files) else [*lacking, FINAL]


@contextmanager
def _unpacked(
    archive: Path, members: list[Member], near: Path, warn: Warn | None
) -> Iterator[tuple[Path, dict[str, dict[str, str]]]]:
    """Unpack files into a hidden folder for a block; yield it, and dataset → path below its folder → SHA-256."""
    work = work_folder(MODELS, near)
    with scratch(work, [member.name for member in members], warn):
        digests: dict[str, dict[str, str]] = {}
        for name, digest in unpack(archive, members, work).items():
            dataset, _, path = name.partition("/")
            digests.setdefault(dataset, {})[path] = digest
        yield work, digests


def _new(datasets: list[str], digests: Mapping[str, Mapping[str, str]], weights: Path) -> list[str]:
    """Return the datasets that do not exist; refuse those that exist with other files."""
    new = [dataset for dataset in datasets if not os.path.lexists(weights / dataset)]
    findings = []
    for dataset in datasets:
        if dataset not in new:
            files = {path: digest for path, digest in digests[dataset].items() if path != CHECKSUMS}
            other = [path for path, digest in files.items() if not _is_same(weights / dataset / path, digest)]
            if other:
                what = f"already exists with another {some_of(other)}, and is not replaced"
                findings.append(Finding("SC020", what, file=str(weights / dataset), hint="move it away"))
    refuse_if_any(findings)
    return new


def _is_same(path: Path, digest: str) -> bool:
    return reading.is_file(path) and file_sha256(path) == digest


def _put(unpacked: Path, target: Path, with_checksums: bool) -> None:
    with writing(target):
        if with_checksums:
            fsops.unlink(unpacked / CHECKSUMS)
            fsops.rmdir((unpacked / CHECKSUMS).parent)
        fsops.mkdir(target.parent)
        fsops.sync_file_system(unpacked)
        fsops.rename_new(unpacked, target)
        fsops.sync_folder(target.parent)
