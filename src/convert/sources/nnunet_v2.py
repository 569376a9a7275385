"""nnU-Net v2 datasets as a source: a selection of cases, other names, another format, other labels.

Where segconv made the source, the way back leads through it to what the user had.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ... import reading
from ...dataset import lineage
from ...dataset.description import DatasetDescription, external_files, left_out, unknown_entries
from ...dataset.label_table import LabelTable, dense
from ...dataset.layout import DESCRIPTION
from ...dataset.lineage import TEST, TRAIN, VALIDATION, CaseRecord
from ...dataset.names import case_identifier
from ...dataset.prepared import Prepared
from ...dataset.regions import prove_order
from ...dataset.splits import FILE as SPLITS
from ...dataset.stored_label import StoredLabel
from ...errors import Finding, SegconvError, naming
from ...image import raster
from ...typed import brief
from ..find.cases import finished
from ..judge.headers import judge_headers, judge_pictures
from ..labels.found_labels import table_of_volumes
from ..labels.labelling import Declared, in_values, needs_files, settle
from ..model import Scan, SourceCase, skipped_note
from ..source_files import files_of, resolve_inside
from ..survey import Survey
from ..tasks.folds import folds_in
from ..tasks.task_json import read_json, split_without_label
from .kind import Kind

KIND = "nnunet-v2"
_FOLDERS = ((TRAIN, "imagesTr", "labelsTr"), (TEST, "imagesTs", "labelsTs"), (VALIDATION, "imagesVal", "labelsVal"))


def recognise(survey: Survey) -> str | None:
    """Return what speaks for a dataset of nnU-Net v2, or None."""
    root = survey.root
    if not reading.is_file(root / DESCRIPTION):
        return None
    try:
        found = read_json(root)
    except SegconvError:
        return None
    return "dataset.json with channel_names" if "channel_names" in found else None


def scan(survey: Survey) -> Scan:
    """Find the cases of a dataset and judge the header of every file."""
    found = read_json(survey.root, external=survey.options.allow_external)
    counted = found.get("numTraining", "missing")
    with naming(DESCRIPTION):  # a count that is none is no reason to refuse: it is counted anew
        gaps = _values_with_gaps(found)
        described = {**found, "numTraining": counted if type(counted) is int else -1}
        description = DatasetDescription.from_json(described | ({"labels": gaps.labels.as_json()} if gaps else {}))
    for own in (lineage.RUN, lineage.CASES):
        if reading.is_there(survey.root / own, links_followed=False):
            survey.resolve(survey.root / own)  # refuses what leads away
    run = lineage.read_run(survey.root)
    if run is not None and run.link in ("symlink", "external"):
        # The dataset's own lineage says that its links lead away.
        survey = replace(survey, options=replace(survey.options, allow_external=True))
    if survey.options.labels is None:  # a wrong order trains, and silently swaps classes
        survey.add([replace(found, file=DESCRIPTION) for found in prove_order(description.labels)])
    origin = {record.case: record for record in lineage.read_records(survey.root)}
    cases: list[SourceCase] = []
    external = found.get("dataset")
    for split, images, labels in _FOLDERS:
        if split == TRAIN and external is not None:
            cases += _external_cases(survey, external, description)
        else:
            cases += _cases(survey, split, images, labels, description)
    extra = unknown_entries({key: value for key, value in found.items() if key != "dataset"})
    survey.add(left_out(extra))
    everything = len(cases)
    cases = finished(survey, cases)
    if not cases and not survey.failed:
        survey.error("SC011", "no case was found in imagesTr", file=str(survey.root))
    if description.num_training != sum(case.split == TRAIN for case in cases) and survey.options.cases is None:
        number = sum(case.split == TRAIN for case in cases)
        survey.warn("SC089", f"numTraining is {brief(counted)}, there are {number}; counted anew",
                    file=DESCRIPTION)  # fmt: skip
    pictures = description.file_ending in raster.ENDINGS
    judge = judge_pictures if pictures else judge_headers
    judge(survey, cases, len(description.channel_names))
    channels = survey.options.channels or description.channel_names
    if len(channels) != len(description.channel_names):
        survey.error("SC084", f"--channels names {len(channels)}, the dataset has {len(description.channel_names)}")
    if pictures or not needs_files(survey.options):
        label_map = _label_map(survey, description, gaps)
    else:
        label_map = table_of_volumes(survey, cases)
    stored = run.label_file.moved(label_map.forward) if run is not None else StoredLabel()
    default = StoredLabel(description.file_ending, "uint8", mode="gray", depth=8)
    splits = folds_in(survey, survey.root / SPLITS, cases) if everything == len(cases) else None
    return Scan(
        kind=KIND,
        root=survey.root,
        cases=tuple(cases),
        channel_names=channels,
        label_map=label_map,
        file_ending=survey.options.file_ending or description.file_ending,
        label_file=stored or default,
        texts=description.texts,
        splits=splits,
        origin=_renamed(origin, cases, survey.root),
        origin_labels=run.label_map if run is not None else {},
        extra=extra,
        prepared=Prepared.by(run),
    )


def _values_with_gaps(found: Mapping[str, Any]) -> LabelTable | None:
    """Return the map of labels whose values have gaps, which nnU-Net refuses; None of others, regions among them."""
    labels = found.get("labels")
    if not isinstance(labels, dict) or not all(type(value) is int for value in labels.values()):
        return None
    if sorted(labels.values()) == list(range(len(labels))) or len(set(labels.values())) < len(labels):
        return None
    return dense(labels)


def _label_map(survey: Survey, description: DatasetDescription, gaps: LabelTable | None) -> LabelTable:
    """Return the map of the dataset's own labels, or what options make of them.

    Parameters
    ----------
    gaps
        What `_values_with_gaps` returned.
    """
    labels = description.labels
    same = gaps or LabelTable.identity(labels)
    if survey.options.labels is None and not survey.options.value_map and survey.options.ignore is None:
        return same
    if labels.has_regions and survey.options.labels is None:
        survey.error(
            "SC074",
            "has regions, whose values --map and --ignore would move",
            file=DESCRIPTION,
            hint="declare all labels with --labels NAME=VALUE,…, then: segconv labels regions",
        )
        return same
    moved = {int(text) for text in survey.options.value_map if str(text).isdecimal()}
    values = {written: value for value, written in same.forward.items()}
    own = {name: values[value] for name, value in labels.names.items() if isinstance(value, int)}
    names = {name: value for name, value in own.items() if value not in moved}
    try:
        return in_values(settle(survey.options, None if survey.options.labels is not None else Declared(names), None))
    except SegconvError as error:
        survey.collect(error)
        return same


def _cases(survey: Survey, split: str, images: str, labels: str, description: DatasetDescription) -> list[SourceCase]:
    if split == TRAIN and not reading.is_folder(survey.root / images):
        return []  # no dataset at all, rather than one whose labels stand alone
    ending = re.escape(description.file_ending)
    channel_file = re.compile(rf"(.+)_(\d{{4}}){ending}")
    groups: dict[str, dict[int, Path]] = {}
    for path in files_of(survey.root / images) if reading.is_folder(survey.root / images) else ():
        if (match := channel_file.fullmatch(path.name)) is not None:
            groups.setdefault(match[1], {})[int(match[2])] = path
    label_files = {}
    if reading.is_folder(survey.root / labels):
        found = files_of(survey.root / labels)
        length = len(description.file_ending)
        label_files = {p.name[:-length]: p for p in found if p.name.endswith(description.file_ending)}
    cases = []
    skipped: list[str] = []
    for name, channels in sorted(groups.items()):
        numbers = sorted(channels)
        if numbers != list(range(len(numbers))):
            survey.error(
                "SC084",
                f"has the channels {', '.join(f'{n:04d}' for n in numbers)}, expected 0000 and on without a gap",
                file=f"{images}/{name}",
                hint="add or rename the file of the missing channel",
            )
            label_files.pop(name, None)
            continue
        files = [channels[n] for n in numbers]
        case = _case(survey, name, files, label_files.pop(name, None), split, labels, skipped)
        if case is not None:
            cases.append(case)
    survey.notes += skipped_note(skipped)
    survey.add([Finding("SC081", "is a label without an image", file=survey.shown(p)) for p in label_files.values()])
    return cases


def _case(
    survey: Survey,
    name: str,
    images: Sequence[Path],
    label: Path | None,
    split: str,
    labels: str,
    skipped: list[str],
    *,
    external: bool = False,
) -> SourceCase | None:
    if label is None and split == TRAIN:
        found = split_without_label(survey, survey.shown(images[0]), f"{labels}/{name}", skipped)
        if found is None:
            return None
        split = found
    allowed = external or survey.options.allow_external
    try:
        files = tuple(resolve_inside(path, survey.root, external=allowed) for path in images)
        mask = resolve_inside(label, survey.root, external=allowed) if label is not None else None
    except SegconvError as error:
        error.file = survey.shown(error.file)
        survey.collect(error)
        return None
    return SourceCase(case_identifier(name), name, files, mask, split)


def _external_cases(survey: Survey, found: Any, description: DatasetDescription) -> list[SourceCase]:
    """Return the cases that the key ``dataset`` names; where it comes from elsewhere it must be allowed."""
    if not survey.options.allow_external:
        raise SegconvError(
            "has the key 'dataset', which names files elsewhere, and segconv did not write it",
            code="SC060",
            file=DESCRIPTION,
            hint="--allow-external reads them",
        )
    cases = []
    skipped: list[str] = []
    with naming(DESCRIPTION):
        named = external_files(found)
    for name, entry in named.items():
        images = [survey.root / path for path in entry["images"]]
        label = survey.root / entry["label"] if entry.get("label") else None
        case = _case(survey, name, images, label, TRAIN, "dataset", skipped)
        if case is not None:
            cases.append(case)
    survey.notes += skipped_note(skipped)
    return cases


def _renamed(origin: Mapping[str, CaseRecord], cases: Sequence[SourceCase], root: Path) -> dict[str, CaseRecord]:
    """Return new identifier → the record of the source, its copies' originals under their new names too."""
    new = {case.original_name: case.case for case in cases}
    return {
        case.case: replace(record, parent=new.get(record.parent, record.parent) if record.parent else None)
        for case in cases
        if (record := origin.get(case.original_name)) is not None
    }


SOURCE = Kind(
    name=KIND,
    summary="a dataset of nnU-Net v2",
    heeds=frozenset(),
    recognise=recognise,
    scan=scan,
)
