"""Medical Segmentation Decathlon tasks: dataset.json, imagesTr, labelsTr, imagesTs, one file a case.

Source of the format: http://medicaldecathlon.com and Antonelli et al. 2022,
https://doi.org/10.1038/s41467-022-30695-9. Several channels are the fourth axis of one file.
"""

from __future__ import annotations

import contextlib
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

from ... import reading
from ...dataset.description import free_texts, left_out
from ...dataset.lineage import TEST, TRAIN
from ...dataset.names import case_identifier
from ...dataset.stored_label import StoredLabel
from ...errors import Finding, SegconvError
from ..find.cases import finished
from ..judge.headers import judge_headers
from ..labels.found_labels import table_of_volumes
from ..model import Scan, SourceCase, skipped_note, unlisted_notes
from ..source_files import files_of
from ..survey import Survey
from ..tasks.channel_numbers import carry_channel_numbers
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

KIND = "msd"
_ENDING = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)


def recognise(survey: Survey) -> str | None:
    """Return what speaks for an MSD task, or None."""
    root = survey.root
    json_file = root / "dataset.json"
    if not reading.is_file(json_file) or not reading.is_folder(root / "imagesTr"):
        return None
    task = None
    with contextlib.suppress(SegconvError):  # told when it is read
        task = read_json(root)
    if "channel_names" in (task or {}):
        return None  # v2, of pictures or with odd names
    if carry_channel_numbers(root, task) is True:
        return None  # channels in files of their own: nnU-Net v1
    return "dataset.json and imagesTr with one NIfTI file a case"


def scan(survey: Survey) -> Scan:
    """Find the cases of a task and judge the header of every file."""
    task = read_task(survey.root, survey.options, survey.notes)
    channels, label_map = survey.options.channels, None
    listed: dict[str, dict[str, str | None]] = {}
    if task is not None:
        channels, label_map = channels_and_labels(survey, task)
        listed = listed_files(survey, task)
        without_absent_tests(survey, listed)
    cases = _cases(survey, listed)
    survey.notes += other_folders(survey.root, ("imagesTr", "labelsTr", "imagesTs", "labelsTs"))
    extra = further_entries(task or {})
    survey.add(left_out(extra))
    survey.add(stale_counts(task or {}, cases))
    cases = finished(survey, cases)
    if not cases and not survey.failed:
        survey.error("SC011", "no case was found in imagesTr", file=str(survey.root))
    judge_headers(survey, cases, len(channels))
    if label_map is None:
        label_map = table_of_volumes(survey, cases)
    uncompressed = bool(cases) and all(c.images[0].lower().endswith(".nii") for c in cases)
    theirs = ".nii" if uncompressed else ".nii.gz"
    return Scan(
        kind=KIND,
        root=survey.root,
        cases=tuple(cases),
        channel_names=channels,
        label_map=label_map,
        file_ending=survey.options.file_ending or theirs,
        label_file=StoredLabel(theirs, "uint8"),
        texts=free_texts(task or {}),
        extra=extra,
    )


def _cases(survey: Survey, listed: dict[str, dict[str, str | None]]) -> list[SourceCase]:
    cases: list[SourceCase] = []
    skipped: list[str] = []
    for split, images, labels in ((TRAIN, "imagesTr", "labelsTr"), (TEST, "imagesTs", "labelsTs")):
        on_disk = _volumes(survey.root / images)
        on_disk_labels = _volumes(survey.root / labels)
        pairs: dict[str, tuple[str, str | None]] = {}
        for image, label in listed.get(split, {}).items():
            name = _stem(image)
            image = _as_on_disk(image, on_disk, survey.root)
            label = None if label is None else _as_on_disk(label, on_disk_labels, survey.root)
            if label is None and split == TEST and name in on_disk_labels:
                label = f"{labels}/{on_disk_labels[name]}"
            pairs[name] = (image, label)
        unlisted = [name for name in on_disk if name not in pairs]
        without_image = on_disk_labels.keys() - pairs.keys() - on_disk.keys()
        lone = [f"{labels}/{on_disk_labels[name]}" for name in sorted(without_image)]
        if survey.options.listed_only:
            survey.notes += unlisted_notes([f"{images}/{on_disk[name]}" for name in unlisted], lone)
        else:
            survey.add([Finding("SC081", "is a label without an image", file=label) for label in lone])
            for name in unlisted:
                pairs[name] = (
                    f"{images}/{on_disk[name]}",
                    f"{labels}/{on_disk_labels[name]}" if name in on_disk_labels else None,
                )
                if split in listed:
                    survey.warn(
                        "SC087",
                        "is not listed in dataset.json; it is converted all the same",
                        file=f"{images}/{on_disk[name]}",
                        hint="--listed-only leaves it out",
                    )
        for name in sorted(pairs):
            case = _case(survey, name, *pairs[name], split, skipped)
            if case is not None:
                cases.append(case)
    survey.notes += skipped_note(skipped)
    return cases


def _case(
    survey: Survey, name: str, image: str, label: str | None, split: str, skipped: list[str]
) -> SourceCase | None:
    before = len(survey.findings)
    files: list[str | None] = []
    for file in (image, label):
        try:
            files.append(None if file is None else survey.resolve(survey.root / file))
        except SegconvError as error:
            error.file = survey.shown(error.file)
            survey.collect(error, str(file))
    if len(survey.findings) > before:
        return None
    if files[1] is None and split == TRAIN:
        found = split_without_label(survey, image, f"labelsTr/{name}.nii.gz", skipped)
        if found is None:
            return None
        split = found
    return SourceCase(case_identifier(name), name, (str(files[0]),), files[1], split)


def _volumes(folder: Path) -> dict[str, str]:
    """Return case name → file name of the NIfTI files of a folder."""
    if not reading.is_folder(folder):
        return {}
    found: dict[str, str] = {}
    for path in files_of(folder):
        if not _ENDING.search(path.name):
            continue
        name = _stem(path.name)
        if name in found:
            raise SegconvError(
                f"{found[name]} and {path.name} are two files of one case",
                code="SC085",
                file=f"{folder.name}/{path.name}",
                hint="remove one of them: some readers open the other",
            )
        found[name] = path.name
    return found


def _as_on_disk(listed: str, on_disk: Mapping[str, str], root: Path) -> str:
    """Return a listed path with the ending that the file really has (MSD lists .nii.gz)."""
    if not reading.is_there(root / listed, links_followed=False) and _stem(listed) in on_disk:
        return posixpath.join(posixpath.dirname(listed), on_disk[_stem(listed)])
    return listed


def _stem(path: str) -> str:
    return _ENDING.sub("", posixpath.basename(path))


SOURCE = Kind(
    name=KIND,
    summary="a task of the Medical Segmentation Decathlon",
    heeds=frozenset({"listed_only"}),
    recognise=recognise,
    scan=scan,
)
