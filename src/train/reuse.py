"""Find preprocessed cases that nnU-Net would make again just as they are: same files, same settings.

What nnU-Net makes of a case depends on its files, on a few entries of plans and dataset.json, and on nothing else;
in particular not on the other cases, except through the plans. Plans of a dataset that changed slightly are often
the same, unless they hold intensities of all cases, as for CT.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import reading
from ..dataset.description import DatasetDescription
from ..dataset.layout import DESCRIPTION, Dataset
from ..dataset.strictjson import load_object, read_file
from ..errors import SegconvError
from ..work import fsops
from .complete import Stored, whole_cases
from .inputs import FINGERPRINT, RECORDS, changes_since, newer_than, touched_cases
from .plans import configuration, plans_in
from .preprocessing_settings import settings

REFERENCES = "gt_segmentations"

_OF_DESCRIPTION = ("labels", "channel_names", "file_ending")


def settings_in(folder: Path, data: str) -> dict[str, Any] | None:
    """Return the settings with which a folder of cases was made; None if its plans are missing or disagree."""
    found = [
        settings(plans, name)
        for plans in plans_in(folder).values()
        for name in plans["configurations"]
        if configuration(plans, name).get("data_identifier") == data
    ]
    return found[0] if found and all(each == found[0] for each in found) else None


def reusable(dataset: Dataset, folder: Path, data: str, wanted: Mapping[str, Any]) -> set[str]:
    """Return the cases in a preprocessed dataset that need not be made again.

    Parameters
    ----------
    dataset
        The dataset as it is.
    folder
        A preprocessed dataset, perhaps an unfinished one.
    data
        Name of a folder of cases in it.
    wanted
        The settings with which cases are to be made.
    """
    since = None if obstacle(dataset, folder, data, wanted) else changes_since(dataset, folder, data)
    return set() if since is None else whole_cases(folder / data, set(dataset.cases()) - touched_cases(dataset, since))


def obstacle(dataset: Dataset, folder: Path, data: str, wanted: Mapping[str, Any]) -> str:
    """Return why none of the preprocessed cases in a folder can be used; empty if some may, or there are none."""
    if not reading.is_folder(folder / data):
        return ""
    if settings_in(folder, data) != wanted:
        return "the plans have another spacing, normalisation or resampling; for CT, intensities of all cases count"
    if not _described_alike(dataset, folder):
        return f"{DESCRIPTION} has other labels, channels or file ending"
    if changes_since(dataset, folder, data) is None:
        return "nothing records what they were made from"  # planned without segconv
    return ""


def fingerprint_holds(dataset: Dataset, folder: Path) -> bool:
    """Return whether a fingerprint describes the dataset as it is."""
    path = folder / FINGERPRINT
    if not path.is_file():
        return False
    since = changes_since(dataset, folder, FINGERPRINT)
    if since is not None:
        return not since
    cases = dataset.cases()
    spacings = load_object(read_file(path)).get("spacings")  # one of each case
    same_number = isinstance(spacings, list) and len(spacings) == len(cases)
    return same_number and not newer_than(dataset, dict.fromkeys(cases, os.stat(path).st_mtime_ns))


def link_cases(source: Path, target: Path, cases: Iterable[str]) -> None:
    """Give the files of preprocessed cases a second name; both folders are read only from then on."""
    stored = Stored.of(source)
    fsops.mkdir(target)
    for case in cases:
        for name in stored.files(case):
            if not os.path.lexists(target / name):
                link_or_copy(source / name, target / name)


def link_or_copy(source: Path, target: Path) -> None:
    """Link a file, or copy it where the file system has no hard links."""
    try:
        fsops.hard_link(source, target)
    except OSError:
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fsops.copy_new(descriptor, target)
        finally:
            os.close(descriptor)


def have_references(dataset: Dataset, folder: Path) -> bool:
    """Return whether a preprocessed dataset has the reference of every case, which nnU-Net copies last."""
    ending = dataset.description.file_ending
    return all((folder / REFERENCES / f"{case}{ending}").is_file() for case in dataset.cases())


def record_of(data: str) -> str:
    """Return the path of the record of what a folder of cases was made from, relative to the preprocessed dataset."""
    return f"{RECORDS}/{data.removesuffix('.json')}.json"


def _described_alike(dataset: Dataset, folder: Path) -> bool:
    try:
        before = DatasetDescription.read(folder / DESCRIPTION)
    except SegconvError:
        return False
    return all(getattr(before, name) == getattr(dataset.description, name) for name in _OF_DESCRIPTION)
