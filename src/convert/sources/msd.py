"""Tasks of the Medical Segmentation Decathlon: dataset.json, imagesTr, labelsTr, imagesTs, one file per case.

Source of the format: http://medicaldecathlon.com and Antonelli et al. 2022,
https://doi.org/10.1038/s41467-022-30695-9. Several channels are the fourth axis of one file.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ... import reading
from ...dataset.folders import NIFTI, TESTING, TRAINING, CaseFiles, SplitFolders, nifti_stem
from ...dataset.lineage import TEST
from ..model import Scan, SourceCase
from ..survey import Survey
from ..tasks.channel_numbers import task_form
from ..tasks.folder_cases import case_of, judge_unlisted, names_in, refuse_lone_labels
from ..tasks.task_json import Listed
from .kind import Kind

if TYPE_CHECKING:
    from ..tasks.task import Task

KIND = "msd"


def recognise(survey: Survey) -> str | None:
    """Return the evidence for an MSD task, or None."""
    form = task_form(survey)
    return None if form is None or form.numbered else "dataset.json and imagesTr with one NIfTI file per case"


def scan(survey: Survey) -> Scan:
    """Find the cases of a task and judge the header of every file."""
    from ..tasks.task import Task, task_scan

    task = Task.read(survey)
    folders = (TRAINING, TESTING)
    cases = [case for split in folders for case in _cases(survey, task, split)]
    return task_scan(survey, KIND, task, cases, [name for split in folders for name in (split.images, split.labels)])


def _cases(survey: Survey, task: Task, folders: SplitFolders) -> list[SourceCase]:
    images, labels = _files(survey, folders.images), _files(survey, folders.labels)
    listed = task.listed.get(folders.split)
    pairs = {} if listed is None else _listed(survey, listed, folders, images, labels)
    unlisted = {name: (image, labels.get(name)) for name, image in images.items() if name not in pairs}
    lone = [labels[name] for name in sorted(labels.keys() - pairs.keys() - images.keys())]
    if listed is not None or survey.options.listed_only:
        judge_unlisted(survey, [image for image, _ in unlisted.values()], lone)
    if not survey.options.listed_only:
        refuse_lone_labels(survey, lone)
        pairs |= unlisted
    found = (
        case_of(survey, name, folders.split, [image], label, f"{TRAINING.labels}/{name}.nii.gz")
        for name, (image, label) in sorted(pairs.items())
    )
    return list(filter(None, found))


def _listed(
    survey: Survey, listed: Listed, folders: SplitFolders, images: Mapping[str, str], labels: Mapping[str, str]
) -> dict[str, tuple[str, str | None]]:
    """Return case → image and label as listed; test images, of which no label is listed, get theirs by name."""
    by_name = labels if folders.split == TEST else {}
    pairs: dict[str, tuple[str, str | None]] = {}
    for image, label in listed.items():
        own = by_name.get(nifti_stem(image)) if label is None else _as_it_is(survey, label, labels)
        pairs[nifti_stem(image)] = _as_it_is(survey, image, images), own
    return pairs


def _files(survey: Survey, folder: str) -> dict[str, str]:
    """Return case → path of its file in a folder."""
    found = CaseFiles.of(names_in(survey.root / folder), NIFTI)
    for second, first in found.twins.items():
        survey.error(
            "SC085",
            f"{first} and {second} are two files of one case",
            file=f"{folder}/{second}",
            hint="remove one of them: some readers open the other",
        )
    return {case: f"{folder}/{name}" for case, name in found.cases.items()}


def _as_it_is(survey: Survey, listed: str, files: Mapping[str, str]) -> str:
    """Return a listed path with the file's actual ending (the Decathlon lists .nii.gz)."""
    if not reading.is_there(survey.root / listed, links_followed=False) and nifti_stem(listed) in files:
        return posixpath.join(posixpath.dirname(listed), posixpath.basename(files[nifti_stem(listed)]))
    return listed


SOURCE = Kind(
    heeds=frozenset({"numbering", "listed_only"}),
    recognise=recognise,
    scan=scan,
)
