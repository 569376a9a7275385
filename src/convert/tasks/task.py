"""A task of the Decathlon or of nnU-Net v1: what its json declares and lists, and what becomes of its cases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ... import reading
from ...dataset.description import free_texts, left_out
from ...dataset.label_table import LabelTable, dense
from ...dataset.labels import BACKGROUND
from ...dataset.stored_label import StoredLabel
from ...image import volumes
from ...words import count_of
from ..find.cases import finished
from ..judge.headers import judge_headers
from ..model import Scan, SourceCase
from ..source_files import files_of
from ..survey import Survey
from .folder_cases import NO_CASE
from .task_json import (
    JSON,
    Listed,
    channels_of,
    further_entries,
    judge_counts,
    label_map_declared,
    listed_files,
    read_json,
)


@dataclass(frozen=True)
class Task:
    """What the json of a task says; empty if there is none, and the user declares the channels.

    Parameters
    ----------
    entries
        The object of the json.
    labels
        None if they depend on the values in the label files.
    listed
        Split → image → label, for each list in the json.
    """

    entries: Mapping[str, Any] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    labels: LabelTable | None = None
    listed: Mapping[str, Listed] = field(default_factory=dict)

    @classmethod
    def read(cls, survey: Survey) -> Task:
        """Read the json of a task; an error in an entry goes to the survey, so that it hides no other error."""
        if survey.options.channels and not reading.is_there(survey.root / JSON, links_followed=False):
            survey.note("there is no dataset.json: the folders were read")
            return cls(channels=survey.options.channels)
        entries = read_json(survey)
        channels: tuple[str, ...] = ()
        labels: LabelTable | None = dense({BACKGROUND: 0})
        with survey.judging():
            channels = survey.options.channels or channels_of(entries)
        with survey.judging():
            labels = label_map_declared(survey.options, entries)
        return cls(entries, channels, labels, listed_files(survey, entries))


def task_scan(survey: Survey, kind: str, task: Task, found: Sequence[SourceCase], folders: Collection[str]) -> Scan:
    """Return what a task holds, once its cases are found.

    Parameters
    ----------
    folders
        Names of the folders that were read; nothing in others is converted.
    """
    _note_other_folders(survey, folders)
    extra = further_entries(task.entries)
    survey.add(left_out(extra))
    judge_counts(survey, task.entries, found)
    cases = finished(survey, found, apart=())
    survey.refuse_no_case(cases, NO_CASE)
    judge_headers(survey, cases, len(task.channels))
    labels = task.labels
    if labels is None:
        from ..labels.found_labels import table_of_volumes

        labels = table_of_volumes(survey, cases)
    uncompressed = bool(cases) and all(case.images[0].lower().endswith(".nii") for case in cases)
    ending = ".nii" if uncompressed else ".nii.gz"
    return Scan(
        kind=kind,
        root=survey.root,
        cases=tuple(cases),
        channel_names=task.channels,
        label_map=labels,
        file_ending=survey.options.file_ending or ending,
        label_file=StoredLabel(ending, "uint8"),
        texts=free_texts(task.entries),
        extra=extra,
        largest=survey.largest,
    )


def _note_other_folders(survey: Survey, known: Collection[str]) -> None:
    """Note each folder of volumes other than those of a task."""
    for folder in files_of(survey.root):
        if folder.name not in known and reading.is_folder(folder):
            count = sum(volumes.ending_of(path.name) is not None for path in files_of(folder))
            if count:
                survey.note(f"the folder {folder.name}, with {count_of(count, 'volume')}, is not converted")
