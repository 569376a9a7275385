"""nnU-Net v1 tasks: ``TaskXXX_Name`` with imagesTr, labelsTr, imagesTs and a dataset.json, one file per channel.

Source of the format: documentation/dataset_conversion.md of nnU-Net 1.7. The json lists cases
without the number of the channel that their files carry.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ... import reading
from ...dataset.folders import NIFTI, SPLIT_FOLDERS, CaseFiles, ChannelFiles, SplitFolders, channel_of, nifti_stem
from ...errors import SegconvError, naming
from ..model import Scan, SourceCase
from ..source_files import files_of
from ..survey import Survey
from ..tasks.channel_numbers import task_form
from ..tasks.folder_cases import case_of, judge_unlisted, names_in, numbered_cases, refuse_lone_labels
from ..tasks.folds import not_taken, refuse_no_file, renamed
from .kind import Kind

if TYPE_CHECKING:
    from ..tasks.task import Task

KIND = "nnunet-v1"
SPLITS = "splits_final.pkl"


def recognise(survey: Survey) -> str | None:
    """Return the evidence for a task of nnU-Net v1, or None."""
    form = task_form(survey)
    if form is None or form.numbered is False:
        return None
    json = "dataset.json of v1 and imagesTr with" if form.readable else "imagesTr with"
    return f"{json} files that end in the number of a channel"


def locate(reference: str) -> Path | None:
    """Return the folder of a task given by its number or name, found as nnU-Net v1 finds it.

    v1 keeps its tasks in ``$nnUNet_raw_data_base/nnUNet_raw_data``.
    """
    base = os.environ.get("nnUNet_raw_data_base")
    if not base:
        return None
    folder = Path(base) / "nnUNet_raw_data"
    match = re.fullmatch(r"(?:Task)?(\d{1,3})(_.+|)", reference)
    if not match or not reading.is_folder(folder):
        return None
    start = f"Task{int(match[1]):03d}_"
    found = [p for p in files_of(folder) if p.name.startswith(start) and p.name.endswith(match[2])]
    if len(found) > 1:
        raise SegconvError(
            f"the v1 task {reference} is one of {', '.join(p.name for p in found)}", code="SC003", hint="give its path"
        )
    return found[0] if found else None


def scan(survey: Survey) -> Scan:
    """Find the cases of a task and judge the header of every file."""
    from ..tasks.task import Task, task_scan

    task = Task.read(survey)
    found = [case for folders in SPLIT_FOLDERS for case in _cases(survey, task, folders)]
    known = [name for folders in SPLIT_FOLDERS for name in (folders.images, folders.labels)]
    whole = task_scan(survey, KIND, task, found, known)
    return whole if len(whole.cases) < len(found) else replace(whole, splits=_splits(survey, whole.cases))


def _cases(survey: Survey, task: Task, folders: SplitFolders) -> list[SourceCase]:
    images = _channel_files(survey, folders.images)
    labels = CaseFiles.of(names_in(survey.root / folders.labels), NIFTI).cases
    label_of: dict[str, str] = {}
    if folders.split in task.listed:
        label_of = {
            nifti_stem(image): nifti_stem(label or image) for image, label in task.listed[folders.split].items()
        }
        _compare(survey, folders, label_of, images, labels)
    found = []
    hint = "add or rename the file of the missing channel, or correct modality in dataset.json"
    for name, files in numbered_cases(survey, folders.images, images, count=len(task.channels), hint=hint):
        own = labels.get(label_of.get(name, name))
        label = None if own is None else f"{folders.labels}/{own}"
        found.append(case_of(survey, name, folders.split, files, label, f"{folders.labels}/{name}.nii.gz"))
    lone = sorted(labels.keys() - images.keys() - set(label_of.values()))
    refuse_lone_labels(survey, [f"{folders.labels}/{labels[name]}" for name in lone])
    return list(filter(None, found))


def _compare(
    survey: Survey,
    folders: SplitFolders,
    label_of: Mapping[str, str],
    images: dict[str, dict[int, str]],
    labels: dict[str, str],
) -> None:
    """Judge which listed cases do not exist and which existing cases are not listed; the latter may be removed.

    Parameters
    ----------
    label_of
        Listed case → name of its label.
    images, labels
        The files; those that are not to be converted are removed.
    """
    for name in sorted(label_of.keys() - images.keys()):
        what = f"is listed in dataset.json and does not exist in {folders.images}"
        survey.error("SC012", what, file=f"{folders.images}/{name}")
    unlisted = sorted(images.keys() - label_of.keys())
    lone = sorted(labels.keys() - set(label_of.values()) - images.keys())
    judge_unlisted(
        survey,
        [f"{folders.images}/{min(images[name].values()) if survey.options.listed_only else name}" for name in unlisted],
        [f"{folders.labels}/{labels[name]}" for name in lone],
    )
    if survey.options.listed_only:
        for name in unlisted:
            del images[name]
        for name in labels.keys() - set(label_of.values()):
            del labels[name]


def _channel_files(survey: Survey, folder: str) -> dict[str, dict[int, str]]:
    """Return case → channel → name of the file."""
    found = ChannelFiles.of(names_in(survey.root / folder), NIFTI)
    for name in found.unnumbered:
        what = "does not end in the number of a channel, such as _0000"
        survey.error("SC084", what, file=f"{folder}/{name}", hint="rename it")
    for name in found.twins:
        case, channel = channel_of(nifti_stem(name)) or (name, 0)
        survey.error("SC085", f"is a second file of {case}, channel {channel:04d}", file=f"{folder}/{name}")
    return found.cases


def _splits(survey: Survey, cases: Sequence[SourceCase]) -> list[dict[str, list[str]]] | None:
    """Return v1's own folds, if they are next to the data, in the identifiers of the dataset."""
    path = survey.root / SPLITS
    if not reading.is_there(path, links_followed=False):
        return None
    from ...dataset.pickled import read_splits

    try:
        refuse_no_file(path)
        with naming(SPLITS):
            found = read_splits(Path(survey.resolve(path)))
    except SegconvError as error:
        # A file that is not a pickle of folds may try to execute code: too serious for a warning.
        survey.add([not_taken(SPLITS, error.message)] if not reading.is_file(path) else error.findings)
        return None
    try:
        return renamed(found, cases)
    except SegconvError as error:
        survey.findings.append(not_taken(SPLITS, error.message))
        return None


SOURCE = Kind(
    heeds=frozenset({"numbering", "listed_only"}),
    recognise=recognise,
    scan=scan,
)
