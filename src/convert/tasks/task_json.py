"""What the json of a task says: the Decathlon and nnU-Net v1 write it alike, down to the usual omissions."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ... import reading
from ...dataset.description import channel_names, unknown_entries
from ...dataset.label_table import LabelTable, dense
from ...dataset.labels import BACKGROUND, LONGEST_NUMBER
from ...dataset.lineage import TEST, TRAIN
from ...dataset.strictjson import MAX_BYTES, load_object
from ...errors import Finding, SegconvError, naming, warning
from ...image import volumes
from ...typed import brief, can_be_a_path
from ...words import count_of
from ..labels.labelling import Declared, in_values, needs_files, settle
from ..model import ConvertOptions, SourceCase
from ..source_files import files_of, read_source, resolve_inside
from ..survey import Survey

JSON = "dataset.json"

TASK_KEYS = ("modality", "labels", "numTraining", "numTest", "numTesting", "training", "test", "tensorImageSize")
"""What the json of a task says that is read, counted anew or seen in the files."""


def read_json(root: Path, *, external: bool = False) -> dict[str, Any]:
    """Return the json of a task.

    Parameters
    ----------
    external
        Follow a link that leaves the task.

    Raises
    ------
    SegconvError
        ``SC010`` if it is not there, ``SC086`` for what is wrong with it, and what `resolve_inside` raises.
    """
    refuse_unreadable(root, external=external)
    path = root / JSON
    if not reading.is_there(path, links_followed=False):
        raise SegconvError(
            "is not there: nothing tells channels and labels",
            code="SC010",
            file=JSON,
            hint="restore it; for a task, --channels CT reads the folders alone",
        )
    with naming(JSON):
        try:
            data = read_source(resolve_inside(path, root, external=external), MAX_BYTES)
        except SegconvError as error:
            if error.code == "SC054":  # no volume, whose budget could be raised
                error.code = "SC086"
            raise
        return load_object(data)


def refuse_unreadable(root: Path, *, external: bool = False) -> None:
    """Refuse what is called dataset.json and is no file: without it, a task would be taken for something else.

    Raises
    ------
    SegconvError
        What `resolve_inside` raises, such as ``SC061`` for a folder, pipe or device.
    """
    if reading.is_there(root / JSON, links_followed=False):
        try:
            resolve_inside(root / JSON, root, external=external)
        except SegconvError as error:
            error.file = JSON
            raise


def read_task(root: Path, options: ConvertOptions, notes: list[str]) -> dict[str, Any] | None:
    """Return the json of a task; None if there is none and the user says the channels, so that folders suffice."""
    if options.channels and not reading.is_there(root / JSON, links_followed=False):
        notes.append("there is no dataset.json: the folders were read")
        return None
    return read_json(root, external=options.allow_external)


def other_folders(root: Path, known: Collection[str]) -> list[str]:
    """Return a note on each folder of volumes beside those that a task has: nothing of it is converted."""
    notes = []
    for folder in files_of(root):
        if folder.name not in known and reading.is_folder(folder):
            count = sum(volumes.ending_of(path.name) is not None for path in files_of(folder))
            if count:
                notes.append(f"the folder {folder.name} left alone, with {count_of(count, 'volume')}")
    return notes


def split_without_label(survey: Survey, file: str, expected: str, skipped: list[str]) -> str | None:
    """Return the split of a training image that has no label; None if it is skipped, or refused by a finding.

    Parameters
    ----------
    file
        The image, as messages name it.
    expected
        Where its label should be.
    """
    if survey.options.unlabelled is None:
        what = f"has no label: {expected} is not there"
        survey.error("SC080", what, file=file, hint="add it, or --unlabelled skip|test")
    elif survey.options.unlabelled == "skip":
        skipped.append(file)
    return TEST if survey.options.unlabelled == "test" else None


def channels_and_labels(survey: Survey, task: Mapping[str, Any]) -> tuple[tuple[str, ...], LabelTable | None]:
    """Return channel names and label map; what is wrong becomes a finding, so that it hides nothing else.

    Returns
    -------
    channels
        Their names.
    label_map
        None if it depends on what the label files hold.
    """
    channels: tuple[str, ...] = ()
    label_map: LabelTable | None = dense({BACKGROUND: 0})
    try:
        channels = _channels(task, survey.options)
    except SegconvError as error:
        survey.collect(error)
    try:
        declared = declared_labels(task) if survey.options.labels is None else None
        label_map = None if needs_files(survey.options) else _settled(survey.options, declared)
    except SegconvError as error:
        survey.collect(error)
    return channels, label_map


def listed_files(survey: Survey, task: Mapping[str, Any]) -> dict[str, dict[str, str | None]]:
    """Return split → image path → label path (relative, as listed); no key where the json has no list."""
    listed: dict[str, dict[str, str | None]] = {}
    for split, key in ((TRAIN, "training"), (TEST, "test")):
        entries = task.get(key)
        if entries is None:
            if split == TRAIN:
                survey.warn("SC089", "has no entry 'training'; the folders were read instead", file=JSON)
            continue
        if not isinstance(entries, list):
            survey.error("SC086", f"{key} is no list", file=JSON)
            continue
        listed[split] = {}  # a list that is empty lists nothing: what lies there is told
        for entry in entries:
            image = entry.get("image") if isinstance(entry, dict) else entry
            label = entry.get("label") if isinstance(entry, dict) else None
            with survey.judging(JSON):
                safe = safe_path(image)
                if safe in listed[split]:
                    raise SegconvError(f"{key} lists {safe!r} twice", code="SC087")
                listed[split][safe] = None if label is None else safe_path(label)
    survey.add(_crossed(listed))
    return listed


def _crossed(listed: Mapping[str, Mapping[str, str | None]]) -> list[Finding]:
    """Return an error for each image that the list brings together with what belongs to another."""
    findings = []
    training = listed.get(TRAIN, {})
    images: dict[str, str] = {}
    for image in training:
        if images.setdefault(_stem(image), image) != image:
            what = f"lists {images[_stem(image)]} and {image}, which are both the case {_stem(image)!r}"
            findings.append(Finding("SC085", what, file=JSON, hint="rename one of them"))
    owners: dict[str, str] = {}
    for image, label in training.items():
        if label is None:
            continue
        namesake = images.get(_stem(label), image)
        if namesake != image and _stem(image) != _stem(label):
            what = f"gives {image} the label {label}, which is called as {namesake}"
            findings.append(Finding("SC087", what, file=JSON, hint="mend the list, or rename the files"))
        elif owners.setdefault(label, image) != image:
            what = f"gives {label} to {owners[label]} and to {image}"
            findings.append(Finding("SC087", what, file=JSON, hint="mend the list: a label belongs to one image"))
    labels = {label for entries in listed.values() for label in entries.values()}
    findings += [
        Finding("SC087", f"lists {image} for an image and for a label", file=JSON)
        for entries in listed.values()
        for image in entries
        if image in labels
    ]
    findings += [
        Finding("SC087", f"lists {image} for training and for testing", file=JSON, hint="take it off one of the lists")
        for image in listed.get(TEST, {})
        if image in training
    ]
    return findings


def _stem(path: str) -> str:
    return re.sub(r"\.nii(\.gz)?$", "", posixpath.basename(path), flags=re.IGNORECASE)


def without_absent_tests(survey: Survey, listed: dict[str, dict[str, str | None]]) -> None:
    """Take test images off the list if their whole folder is not there: many leave it out when they unpack a task."""
    if listed.get(TEST) and not reading.is_there(survey.root / "imagesTs", links_followed=False):
        what = f"lists {count_of(len(listed.pop(TEST)), 'test image')}, and there is no folder imagesTs"
        survey.warn("SC087", f"{what}; they are left out", file=JSON)


def further_entries(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the json says and a dataset.json of v2 does not: kept in the lineage, not written."""
    return {key: value for key, value in unknown_entries(task).items() if key not in TASK_KEYS}


def stale_counts(task: Mapping[str, Any], cases: list[SourceCase]) -> list[Finding]:
    """Return a warning for each count that does not hold; the dataset gets those that do."""
    findings = []
    for key, split in (("numTraining", TRAIN), ("numTest", TEST), ("numTesting", TEST)):
        number = sum(case.split == split for case in cases)
        if task.get(key) is not None and task[key] != number:
            findings.append(
                warning("SC089", f"{key} is {brief(task[key])}, there are {number}; counted anew", file=JSON)
            )
    return findings


def declared_labels(task: Mapping[str, Any]) -> dict[str, int] | None:
    """Return name → value; MSD writes value → name, nnU-Net v2 the other way round."""
    labels = task.get("labels")
    if labels is None:
        return None
    if not isinstance(labels, dict):
        raise SegconvError(f"labels are {brief(labels)}", code="SC074", file=JSON)
    declared: dict[str, int] = {}
    for key, value in labels.items():
        text, name = (key, value) if str(key).strip().lstrip("-").isdecimal() else (value, key)
        whole = type(text) in (int, str) and re.fullmatch(rf"-?\d{{1,{LONGEST_NUMBER}}}", str(text).strip())
        if not isinstance(name, str) or not whole:
            raise SegconvError(
                f"labels: {brief(key)}: {brief(value)} is no pair of value and name", code="SC074", file=JSON
            )
        name = name.strip()
        if name.lower() in ("background", "ignore"):
            name = name.lower()  # nnU-Net knows both by their lower-case names alone
        if not name:
            raise SegconvError(f"labels: the value {text} has no name", code="SC074", file=JSON)
        if name in declared:
            raise SegconvError(f"labels: the name {name!r} stands twice", code="SC074", file=JSON)
        declared[name] = int(text)
    return declared


def safe_path(path: Any) -> str:
    """Return a path of the json, normalised; it is data, so it must stay in the task."""
    if not isinstance(path, str) or not path:
        raise SegconvError(f"lists {brief(path)}, expected a path", code="SC087")
    if "\0" in path or "\\" in path or ":" in path.split("/")[0] or path.startswith(("/", "~", "$")):
        raise SegconvError(f"lists {path!r}, expected a path inside the task", code="SC060")
    if not can_be_a_path(path):
        raise SegconvError(f"lists {path[:60]!r}…, which no file can be called", code="SC087")
    normal = posixpath.normpath(path)
    if normal == ".." or normal.startswith("../"):
        raise SegconvError(f"lists {path!r}, which lies outside of the task", code="SC060")
    return normal


def _channels(task: Mapping[str, Any], options: ConvertOptions) -> tuple[str, ...]:
    if options.channels:
        return options.channels
    found = task.get("modality", task.get("channel_names"))
    if found is None:
        raise SegconvError(
            "has no entry 'modality', which names the channels and decides their normalisation",
            code="SC084",
            file=JSON,
            hint="--channels CT, or --channels T1,T2 for several",
        )
    try:
        names = channel_names(found)
        if not all(name.strip() for name in names):
            raise SegconvError(f"channel names are {found!r}: one is empty")
    except SegconvError as error:
        raise SegconvError(
            f"modality: {error.message}", code="SC084", file=JSON, hint="mend it, or --channels NAME,…"
        ) from error
    return names


def _settled(options: ConvertOptions, declared: dict[str, int] | None) -> LabelTable:
    if declared is None and options.labels is None:
        raise SegconvError(
            "has no entry 'labels'",
            code="SC074",
            file=JSON,
            hint="--labels background=0,organ=1 declares them",
        )
    with naming(JSON if options.labels is None else ""):
        return in_values(settle(options, Declared(declared) if declared is not None else None, None))
