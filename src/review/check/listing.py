"""List one folder of a dataset: files of cases, and files that nnU-Net ignores or mistakes for them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ... import reading
from ...dataset.folders import is_stray
from ...errors import Finding, warning
from ...image import opened
from ...words import count_of, some_of
from .links import is_below, leaves, unusable

_DATA_ENDINGS = sorted(opened.ENDINGS, key=len, reverse=True)


@dataclass(frozen=True)
class Listing:
    """The files of a folder with the dataset's ending, in order.

    Parameters
    ----------
    files
        Name → whether it may be read.
    findings
        Findings on everything in the folder.
    """

    files: dict[str, bool] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def add(self, name: str, unfit: Finding | None) -> None:
        """Add a file, and why it may not be read; hidden files are only reported."""
        if unfit is not None:
            self.findings.append(unfit)
        if not name.startswith("."):
            self.files[name] = unfit is None


def list_folder(root: Path, folder: str, ending: str, *, external: bool) -> Listing:
    """List a folder of a dataset; return an empty listing if it does not exist.

    Parameters
    ----------
    root
        The dataset, resolved.
    ending
        Ending of its files.
    external
        Follow links that leave the dataset.
    """
    real = os.path.realpath(root / folder)
    if not external and reading.is_there(real) and not is_below(real, root):
        return Listing(findings=[leaves(folder, real)])
    try:
        with os.scandir(root / folder) as entries:
            listed = {entry.name: entry for entry in entries}
    except FileNotFoundError:
        return Listing()
    except OSError as error:
        return Listing(findings=list(reading.unlisted(error, folder).findings))
    found, others = Listing(), []
    for name, entry in sorted(listed.items()):
        if name.endswith(ending):
            found.add(name, _unfit(entry, f"{folder}/{name}", root, external))
        elif not is_stray(name):
            others.append(name)
    found.findings.extend(_judge_others(folder, others, ending, found.files))
    return found


def _unfit(entry: os.DirEntry[str], shown: str, root: Path, external: bool) -> Finding | None:
    if entry.name.startswith("."):
        message = "is hidden, but nnU-Net takes it for a file of a case"
        return Finding("SC063", message, file=shown, hint="remove it")
    return unusable(entry.path, shown, root, external) if entry.is_symlink() or not entry.is_file() else None


def _judge_others(folder: str, others: Iterable[str], ending: str, files: dict[str, bool]) -> Iterator[Finding]:
    """Yield findings on everything in a folder that is not a file of a case."""
    strays: list[str] = []
    by_ending: dict[str, list[str]] = {}
    for name in others:
        if ending.lower() == ".nii.gz" and f"{name}.gz" in files:
            yield Finding(
                "SC085",
                f"is next to {name}.gz; SimpleITK reads the voxels of one under the name of the other",
                file=f"{folder}/{name}",
                hint="remove one of them",
            )
        elif data_ending := next((end for end in _DATA_ENDINGS if name.lower().endswith(end)), ""):
            by_ending.setdefault(name[-len(data_ending) :], []).append(name)
        elif not _is_spacing(name, ending):
            strays.append(name)
    for other, names in by_ending.items():
        yield warning(
            "SC063",
            f"holds {count_of(len(names), other + ' file')}, nnU-Net reads only {ending}: {some_of(sorted(names))}",
            file=folder,
            hint="convert them to one ending, or remove them",
        )
    if strays:
        yield warning(
            "SC063",
            f"holds {count_of(len(strays), 'file')} of no case: {some_of(sorted(strays))}",
            file=folder,
            hint="move them out of the dataset",
        )


def _is_spacing(name: str, ending: str) -> bool:
    return ending.lower().startswith(".tif") and name.endswith(".json")
