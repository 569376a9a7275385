"""What the json of a task declares and lists; the Decathlon and nnU-Net v1 write it alike, with the same omissions."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ... import reading
from ...dataset.description import channel_names, unknown_entries
from ...dataset.folders import TESTING, nifti_stem
from ...dataset.label_table import LabelTable
from ...dataset.labels import LONGEST_NUMBER
from ...dataset.lineage import TEST, TRAIN
from ...dataset.strictjson import MAX_BYTES, load_object
from ...errors import Cure, Finding, SegconvError, naming
from ...typed import brief, can_be_a_path
from ...words import count_of
from ..labels.declared import Declared, needs_files
from ..labels.labelling import in_values, settle
from ..model import ConvertOptions, SourceCase
from ..source_files import read_source
from ..survey import Survey

JSON = "dataset.json"

TASK_KEYS = ("modality", "labels", "numTraining", "numTest", "numTesting", "training", "test", "tensorImageSize")
"""Entries that are read, counted again, or known from the files."""

WITHOUT_JSON = (Cure("read_task_folders"),)
"""What a user can do without the json of a task."""

Listed = Mapping[str, str | None]
"""Path of an image → path of its label, relative to the task."""


def read_json(survey: Survey, instead: Iterable[Cure] = WITHOUT_JSON) -> dict[str, Any]:
    """Return the json of a task or dataset.

    Parameters
    ----------
    instead
        What a user can do without it.

    Raises
    ------
    SegconvError
        ``SC010`` if it does not exist, ``SC086`` for errors in it, and the errors of `resolve_inside`.
    """
    refuse_unreadable(survey)
    path = survey.root / JSON
    if not reading.is_there(path, links_followed=False):
        raise SegconvError(
            "does not exist: nothing else names channels and labels",
            code="SC010",
            file=JSON,
            hint="restore it from its origin",
            cures=instead,
        )
    with naming(JSON):
        try:
            data = read_source(survey.resolve(path), MAX_BYTES)
        except SegconvError as error:
            if error.code == "SC054":  # not a volume, whose limit could be raised
                error.code = "SC086"
            raise
        return load_object(data)


def refuse_unreadable(survey: Survey) -> None:
    """Refuse a dataset.json that is not a file: without it, a task would be taken for something else.

    Raises
    ------
    SegconvError
        As `resolve_inside` does, such as ``SC061`` for a folder, pipe or device.
    """
    if reading.is_there(survey.root / JSON, links_followed=False):
        try:
            survey.resolve(survey.root / JSON)
        except SegconvError as error:
            error.file = JSON
            raise


def listed_files(survey: Survey, task: Mapping[str, Any]) -> dict[str, Listed]:
    """Return the lists of a task by split, without a key for a list that the json does not have."""
    listed: dict[str, Listed] = {}
    for split, key in ((TRAIN, "training"), (TEST, "test")):
        entries = task.get(key)
        if isinstance(entries, list):
            listed[split] = _pairs(survey, key, entries)
        elif entries is not None:
            survey.error("SC086", f"{key} is not a list", file=JSON)
        elif split == TRAIN:
            survey.warn("SC089", "has no entry 'training'; the folders were read instead", file=JSON)
    survey.add(_crossed(listed))
    if listed.get(TEST) and not reading.is_there(survey.root / TESTING.images, links_followed=False):
        # Many users leave out the test images when they unpack a task.
        what = f"lists {count_of(len(listed.pop(TEST)), 'test image')}, but the folder {TESTING.images} does not exist"
        survey.warn("SC087", f"{what}; they are left out", file=JSON)
    return listed


def _pairs(survey: Survey, key: str, entries: Sequence[Any]) -> Listed:
    found: dict[str, str | None] = {}
    for entry in entries:
        image, label = (entry.get("image"), entry.get("label")) if isinstance(entry, dict) else (entry, None)
        with survey.judging(JSON):
            safe = safe_path(image)
            if safe in found:
                raise SegconvError(f"{key} lists {safe!r} twice", code="SC087")
            found[safe] = None if label is None else safe_path(label)
    return found


def _crossed(listed: Mapping[str, Listed]) -> Iterator[Finding]:
    """Yield an error for each image that the lists pair with files of another image."""
    training = listed.get(TRAIN, {})
    images: dict[str, str] = {}
    for image in training:
        if images.setdefault(nifti_stem(image), image) != image:
            what = f"lists {images[nifti_stem(image)]} and {image}, which are both the case {nifti_stem(image)!r}"
            yield Finding("SC085", what, file=JSON, hint="rename one of them")
    yield from _crossed_labels(training, images)
    testing = listed.get(TEST, {})
    labels = {*training.values(), *testing.values()}
    for image in (*training, *testing):
        if image in labels:
            yield Finding("SC087", f"lists {image} as an image and as a label", file=JSON)
    for image in testing:
        if image in training:
            what = f"lists {image} for training and for testing"
            yield Finding("SC087", what, file=JSON, hint="remove it from one of the lists")


def _crossed_labels(training: Listed, images: Mapping[str, str]) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    for image, label in training.items():
        if label is None:
            continue
        namesake = images.get(nifti_stem(label), image)
        if namesake != image and nifti_stem(image) != nifti_stem(label):
            what = f"gives {image} the label {label}, which has the name of {namesake}"
            yield Finding("SC087", what, file=JSON, hint="correct the list, or rename the files")
        elif owners.setdefault(label, image) != image:
            what = f"gives {label} to {owners[label]} and to {image}"
            yield Finding("SC087", what, file=JSON, hint="correct the list: a label belongs to one image")


def further_entries(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that a dataset.json of v2 does not have: kept in the lineage, not written."""
    return {key: value for key, value in unknown_entries(task).items() if key not in TASK_KEYS}


def judge_counts(survey: Survey, task: Mapping[str, Any], cases: Sequence[SourceCase]) -> None:
    """Warn of each wrong count; the dataset gets the right ones."""
    for key, split in (("numTraining", TRAIN), ("numTest", TEST), ("numTesting", TEST)):
        number = sum(case.split == split for case in cases)
        if task.get(key) is not None and task[key] != number:
            survey.warn("SC089", f"{key} is {brief(task[key])}, there are {number}; counted again", file=JSON)


def declared_labels(task: Mapping[str, Any]) -> dict[str, int] | None:
    """Return name → value; the Decathlon writes value → name, nnU-Net v2 the other way round."""
    labels = task.get("labels")
    if labels is None:
        return None
    if not isinstance(labels, dict):
        raise SegconvError(f"labels are {brief(labels)}", code="SC074", file=JSON)
    declared: dict[str, int] = {}
    for key, entry in labels.items():
        name, value = _name_and_value(key, entry)
        if name in declared:
            raise SegconvError(f"labels: the name {name!r} occurs twice", code="SC074", file=JSON)
        declared[name] = value
    return declared


def _name_and_value(key: str, entry: Any) -> tuple[str, int]:
    text, name = (key, entry) if str(key).strip().lstrip("-").isdecimal() else (entry, key)
    whole = type(text) in (int, str) and re.fullmatch(rf"-?\d{{1,{LONGEST_NUMBER}}}", str(text).strip())
    if not isinstance(name, str) or not whole:
        what = f"labels: {brief(key)}: {brief(entry)} is not a value and a name"
        raise SegconvError(what, code="SC074", file=JSON)
    name = name.strip()
    if not name:
        raise SegconvError(f"labels: the value {text} has no name", code="SC074", file=JSON)
    # nnU-Net knows these two only by their lower-case names.
    return name.lower() if name.lower() in ("background", "ignore") else name, int(text)


def safe_path(path: Any) -> str:
    """Return a path of the json, normalised; it is untrusted data, so it must stay in the task."""
    if not isinstance(path, str) or not path:
        raise SegconvError(f"lists {brief(path)}, expected a path", code="SC087")
    if "\0" in path or "\\" in path or ":" in path.split("/")[0] or path.startswith(("/", "~", "$")):
        raise SegconvError(f"lists {path!r}, expected a path inside the task", code="SC060")
    if not can_be_a_path(path):
        raise SegconvError(f"lists {path[:60]!r}…, which cannot be the name of a file", code="SC087")
    normal = posixpath.normpath(path)
    if normal == ".." or normal.startswith("../"):
        raise SegconvError(f"lists {path!r}, which is outside the task", code="SC060")
    return normal


def channels_of(task: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the channels; ``SC084`` if they are missing or unusable."""
    found = task.get("modality", task.get("channel_names"))
    if found is None:
        raise SegconvError(
            "has no entry 'modality', which names the channels and decides their normalisation",
            code="SC084",
            file=JSON,
            cures=(Cure("name_channels"),),
        )
    try:
        names = channel_names(found)
        if not all(name.strip() for name in names):
            raise SegconvError(f"channel names are {found!r}: one is empty")
    except SegconvError as error:
        what = f"modality: {error.message}"
        cures = (Cure("name_channels"),)
        raise SegconvError(what, code="SC084", file=JSON, hint="correct it", cures=cures) from error
    return names


def label_map_declared(options: ConvertOptions, task: Mapping[str, Any]) -> LabelTable | None:
    """Return the labels as the user or the json declares them; None if the values in the files settle them.

    Raises
    ------
    SegconvError
        ``SC074`` if neither declares them, or if the declaration is not usable.
    """
    names = declared_labels(task) if options.labels is None else None
    if needs_files(options):
        return None
    if names is None and options.labels is None:
        raise SegconvError("has no entry 'labels'", code="SC074", file=JSON, cures=(Cure("declare_labels"),))
    with naming(JSON if options.labels is None else ""):
        return in_values(settle(options, Declared(names) if names is not None else None, None))
