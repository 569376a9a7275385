"""nnU-Net v1 tasks: ``TaskXXX_Name`` with imagesTr, labelsTr, imagesTs and a dataset.json, one file a channel.

Source of the format: documentation/dataset_conversion.md of nnU-Net 1.7. The json lists cases
without the number of the channel that their files carry.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

from ... import reading
from ...dataset.description import free_texts, left_out
from ...dataset.lineage import TEST, TRAIN, VALIDATION
from ...dataset.names import case_identifier
from ...dataset.pickled import read_splits
from ...dataset.stored_label import StoredLabel
from ...errors import Finding, SegconvError, naming, warning
from ..find.cases import finished
from ..judge.headers import judge_headers
from ..labels.found_labels import table_of_volumes
from ..model import Scan, SourceCase, skipped_note, unlisted_notes
from ..source_files import files_of, resolve_inside
from ..survey import Survey
from ..tasks.channel_numbers import carry_channel_numbers
from ..tasks.folds import not_taken, refuse_no_file, renamed
from ..tasks.task_json import (
    channels_and_labels,
    further_entries,
    listed_files,
    other_folders,
    read_json,
    read_task,
    split_without_label,
    stale_counts,
    without_absent_tests,
)
from .kind import Kind

KIND = "nnunet-v1"
SPLITS = "splits_final.pkl"
_ENDING = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)
_CHANNEL = re.compile(r"(.+)_(\d{4})$")
_FOLDERS = (
    (TRAIN, "imagesTr", "labelsTr"),
    (TEST, "imagesTs", "labelsTs"),
    (VALIDATION, "imagesVal", "labelsVal"),
)


def recognise(survey: Survey) -> str | None:
    """Return what speaks for a task of nnU-Net v1, or None."""
    root = survey.root
    if not reading.is_file(root / "dataset.json") or not reading.is_folder(root / "imagesTr"):
        return None
    try:
        task = read_json(root)
    except SegconvError:
        task = None  # told when it is read
    if "channel_names" in (task or {}) or carry_channel_numbers(root, task) is False:
        return None  # v2, or the Decathlon
    json = "imagesTr with" if task is None else "dataset.json of v1 and imagesTr with"
    return f"{json} files that end in the number of a channel"


def locate(reference: str) -> Path | None:
    """Return the folder of a task given by its number or name, looked up as nnU-Net v1 does.

    v1 keeps its tasks in ``$nnUNet_raw_data_base/nnUNet_raw_data``.
    """
    base = os.environ.get("nnUNet_raw_data_base")
    if not base:
        return None
    folder = Path(base) / "nnUNet_raw_data"
    match = re.fullmatch(r"(?:Task)?(\d{1,3})(_.+)?", reference)
    if not match or not reading.is_folder(folder):
        return None
    start = f"Task{int(match[1]):03d}_"
    found = [p for p in files_of(folder) if p.name.startswith(start) and (not match[2] or p.name.endswith(match[2]))]
    if len(found) > 1:
        raise SegconvError(
            f"the v1 task {reference} is one of {', '.join(p.name for p in found)}", code="SC003", hint="give its path"
        )
    return found[0] if found else None


def scan(survey: Survey) -> Scan:
    """Find the cases of a task and judge the header of every file."""
    task = read_task(survey.root, survey.options, survey.notes)
    channels, label_map = survey.options.channels, None
    listed: dict[str, dict[str, str | None]] = {}
    if task is not None:
        channels, label_map = channels_and_labels(survey, task)
        listed = listed_files(survey, task)
        without_absent_tests(survey, listed)
    everything: list[SourceCase] = []
    for split, images, labels in _FOLDERS:
        names = {_case_name(image): _case_name(label or image) for image, label in listed.get(split, {}).items()}
        wanted = names if split in listed else None
        everything += _cases(survey, split, (images, labels), wanted, len(channels))
    survey.notes += other_folders(survey.root, [folder for _, *folders in _FOLDERS for folder in folders])
    extra = further_entries(task or {})
    survey.add(left_out(extra))
    survey.add(stale_counts(task or {}, everything))
    cases = finished(survey, everything)
    if not cases and not survey.failed:
        survey.error("SC011", "no case was found in imagesTr", file=str(survey.root))
    judge_headers(survey, cases, len(channels))
    if label_map is None:
        label_map = table_of_volumes(survey, cases)
    uncompressed = bool(cases) and all(c.images[0].lower().endswith(".nii") for c in cases)
    ending = ".nii" if uncompressed else ".nii.gz"
    splits = _splits(survey, cases) if len(cases) == len(everything) else None
    return Scan(
        kind=KIND,
        root=survey.root,
        cases=tuple(cases),
        channel_names=channels,
        label_map=label_map,
        file_ending=survey.options.file_ending or ending,
        label_file=StoredLabel(ending, "uint8"),
        texts=free_texts(task or {}),
        splits=splits,
        extra=extra,
    )


def _cases(
    survey: Survey, split: str, folders: tuple[str, str], listed: Mapping[str, str] | None, channels: int
) -> list[SourceCase]:
    """Return the cases of a split; `listed` is the name of each that the json lists, and of its label."""
    images, labels = folders
    groups = _channel_files(survey, survey.root / images)
    masks = {_ENDING.sub("", p.name): p for p in _volumes(survey.root / labels)}
    if listed is not None:
        survey.add(
            [
                Finding("SC012", f"is listed in dataset.json and not there in {images}", file=f"{images}/{name}")
                for name in sorted(listed.keys() - groups.keys())
            ]
        )
        unlisted = sorted(groups.keys() - listed.keys())
        if survey.options.listed_only:
            for name in unlisted:
                masks.pop(name, None)
            lone = sorted(masks.keys() - set(listed.values()))
            survey.notes += unlisted_notes(
                [survey.shown(min(groups.pop(name).values())) for name in unlisted],
                [survey.shown(masks.pop(name)) for name in lone],
            )
        else:
            survey.add(
                [
                    warning(
                        "SC087",
                        "is not listed in dataset.json; it is converted all the same",
                        file=f"{images}/{name}",
                        hint="--listed-only leaves it out",
                    )
                    for name in unlisted
                ]
            )
    found = []
    skipped: list[str] = []
    for name in sorted(groups):
        numbers = sorted(groups[name])
        if channels and numbers != list(range(channels)):
            survey.error(
                "SC084",
                f"has the channels {', '.join(f'{n:04d}' for n in numbers)}, expected 0000 to {channels - 1:04d}",
                file=f"{images}/{name}",
                hint="add or rename the file of the missing channel, or mend modality in dataset.json",
            )
            continue
        label = masks.pop(listed.get(name, name) if listed is not None else name, None)
        case = _case(survey, name, [groups[name][n] for n in numbers], label, split, skipped)
        if case is not None:
            found.append(case)
    survey.notes += skipped_note(skipped)
    survey.add(
        [
            Finding("SC081", "is a label without an image", file=survey.shown(path))
            for name, path in sorted(masks.items())
            if name not in groups and name not in (listed or {}).values()  # whose image is missed by now
        ]
    )
    return found


def _case(
    survey: Survey, name: str, images: list[Path], label: Path | None, split: str, skipped: list[str]
) -> SourceCase | None:
    if label is None and split == TRAIN:
        expected = f"labelsTr/{name}.nii.gz"
        found = split_without_label(survey, survey.shown(images[0]), expected, skipped)
        if found is None:
            return None
        split = found
    try:
        external = survey.options.allow_external
        files = tuple(resolve_inside(path, survey.root, external=external) for path in images)
        mask = resolve_inside(label, survey.root, external=external) if label is not None else None
    except SegconvError as error:
        error.file = survey.shown(error.file)
        survey.collect(error)
        return None
    return SourceCase(case_identifier(name), name, files, mask, split)


def _channel_files(survey: Survey, folder: Path) -> dict[str, dict[int, Path]]:
    """Return case name → channel → file."""
    groups: dict[str, dict[int, Path]] = {}
    for path in _volumes(folder):
        match = _CHANNEL.fullmatch(_ENDING.sub("", path.name))
        if match is None:
            survey.error(
                "SC084",
                "does not end in the number of a channel, such as _0000",
                file=f"{folder.name}/{path.name}",
                hint="rename it",
            )
            continue
        channels = groups.setdefault(match[1], {})
        if int(match[2]) in channels:
            survey.error(
                "SC085", f"is a second file of {match[1]}, channel {match[2]}", file=f"{folder.name}/{path.name}"
            )
        channels[int(match[2])] = path
    return groups


def _volumes(folder: Path) -> list[Path]:
    if not reading.is_folder(folder):
        return []
    paths = files_of(folder)
    return [p for p in paths if _ENDING.search(p.name)]


def _case_name(listed: str) -> str:
    return _ENDING.sub("", posixpath.basename(listed))


def _splits(survey: Survey, cases: list[SourceCase]) -> list[dict[str, list[str]]] | None:
    """Return v1's own folds, if they lie beside the data, in the identifiers of the dataset."""
    path = survey.root / SPLITS
    if not reading.is_there(path, links_followed=False):
        return None
    try:
        refuse_no_file(path)
        with naming(SPLITS):
            found = read_splits(Path(survey.resolve(path)))
    except SegconvError as error:
        # What is no pickle of folds may be meant to run something: that is no matter of a warning.
        survey.add([not_taken(SPLITS, error.message)] if not reading.is_file(path) else error.findings)
        return None
    try:
        return renamed(found, cases)
    except SegconvError as error:
        survey.findings.append(not_taken(SPLITS, error.message))
        return None


SOURCE = Kind(
    name=KIND,
    summary="a task of nnU-Net v1",
    heeds=frozenset({"listed_only"}),
    recognise=recognise,
    scan=scan,
)
