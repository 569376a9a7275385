"""Find the cases of a dataset of nnU-Net v2.

See `sources.nnunet_v2`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ... import reading
from ...dataset import lineage
from ...dataset.description import DatasetDescription, external_files, left_out, unknown_entries
from ...dataset.folders import (
    SPLIT_FOLDERS,
    TRAINING,
    CaseFiles,
    ChannelFiles,
    SplitFolders,
    ending_pattern,
)
from ...dataset.label_table import LabelTable, dense
from ...dataset.labels import BACKGROUND
from ...dataset.layout import DESCRIPTION
from ...dataset.lineage import TRAIN, CaseRecord
from ...dataset.prepared import Prepared
from ...dataset.regions import prove_order
from ...dataset.runs import RunRecord
from ...dataset.splits import FILE as SPLITS
from ...dataset.stored_label import StoredLabel
from ...errors import Cure, SegconvError, naming
from ...image import raster
from ...typed import brief
from ...words import some_of
from ..find.cases import finished
from ..find.channels import refuse_other_count
from ..labels.choices import MOST_SPELLED, declaring
from ..labels.declared import Declared, needs_files
from ..labels.labelling import in_values, settle
from ..model import Scan, SourceCase
from ..survey import Survey
from ..tasks.folder_cases import NO_CASE, case_of, names_in, numbered_cases, refuse_lone_labels
from ..tasks.folds import folds_in
from ..tasks.task_json import read_json

SHOWN = 3
"""Names of files that a message shows at most."""


@dataclass(frozen=True)
class _Dataset:
    """What a dataset says of itself.

    Parameters
    ----------
    entries
        The object of its json.
    description
        The same, validated.
    run
        How segconv made it, if it did.
    """

    entries: Mapping[str, Any]
    description: DatasetDescription
    labels: LabelTable
    run: RunRecord | None

    @classmethod
    def read(cls, survey: Survey) -> _Dataset:
        entries = read_json(survey, instead=())
        if survey.options.labels is not None:  # whatever the json declares
            entries = {**entries, "labels": {BACKGROUND: 0, "declared": 1}, "regions_class_order": None}
        counted = entries.get("numTraining")
        with naming(DESCRIPTION), _declaring(entries):
            gaps = _values_with_gaps(entries)
            # Accept a count that is not a number: the cases are counted again.
            described = {**entries, "numTraining": counted if type(counted) is int else -1}
            description = DatasetDescription.from_json(described | ({"labels": gaps.labels.as_json()} if gaps else {}))
        for own in (lineage.RUN, lineage.CASES):
            if reading.is_there(survey.root / own, links_followed=False):
                survey.resolve(survey.root / own)  # refuses links that leave the source
        labels = gaps or LabelTable.identity(description.labels)
        return cls(entries, description, labels, lineage.read_run(survey.root))

    @property
    def of_pictures(self) -> bool:
        return self.description.file_ending in raster.ENDINGS

    @property
    def unknown(self) -> dict[str, Any]:
        """Entries of its json that nnU-Net does not know."""
        return unknown_entries({key: value for key, value in self.entries.items() if key != "dataset"})

    def stored(self, labels: LabelTable) -> StoredLabel:
        """Return how `restore` stores its labels, once they have other values."""
        own = self.run.label_file.moved(labels.forward) if self.run is not None else None
        return own or StoredLabel(self.description.file_ending, "uint8", mode="gray", depth=8)

    def unmoved(self, value_map: Mapping[str, str]) -> Declared:
        """Return its labels that keep their values; the others are named by the user's map."""
        moved = {int(text) for text in value_map if str(text).isdecimal()}
        written = {value: own for own, value in self.labels.forward.items()}
        own = {name: written[value] for name, value in self.description.labels.names.items() if isinstance(value, int)}
        return Declared({name: value for name, value in own.items() if value not in moved})

    @property
    def links_leave_it(self) -> bool:
        """Whether its own lineage says that its files are links to elsewhere."""
        return self.run is not None and self.run.link in ("symlink", "external")


def scan(survey: Survey, kind: str) -> Scan:
    """Find the cases of a dataset and judge the header of every file.

    Parameters
    ----------
    kind
        Name of the kind of source, for what is found.
    """
    from ..judge.headers import judge_headers, judge_pictures

    dataset = _Dataset.read(survey)
    if dataset.links_leave_it:
        survey = replace(survey, options=replace(survey.options, allow_external=True))
    description, run = dataset.description, dataset.run
    _judge_order(survey, dataset)
    _refuse_numbering(survey, dataset)
    found = [case for folders in SPLIT_FOLDERS for case in _cases(survey, folders, dataset)]
    survey.add(left_out(dataset.unknown))
    cases = finished(survey, found, apart=())
    _refuse_other_ending(survey, description.file_ending, found)
    survey.refuse_no_case(cases, NO_CASE)
    _judge_count(survey, dataset, cases)
    judge = judge_pictures if dataset.of_pictures else judge_headers
    channels = survey.options.channels or description.channel_names
    declared = len(description.channel_names)
    count = declared if {len(case.images) for case in cases} == {declared} else len(channels)
    judge(survey, cases, count)
    refuse_other_count(survey, count, "the dataset has")
    labels = _labels(survey, dataset, cases)
    return Scan(
        kind=kind,
        root=survey.root,
        cases=tuple(cases),
        channel_names=channels,
        label_map=labels,
        file_ending=survey.options.file_ending or description.file_ending,
        label_file=dataset.stored(labels),
        texts=description.texts,
        splits=folds_in(survey, survey.root / SPLITS, cases) if len(cases) == len(found) else None,
        origin=_renamed(lineage.read_records(survey.root), cases),
        origin_labels=run.label_map if run is not None else {},
        extra=dataset.unknown,
        prepared=Prepared.by(run),
    )


def _refuse_other_ending(survey: Survey, ending: str, cases: Sequence[SourceCase]) -> None:
    """Refuse a dataset whose images have another ending than its json says."""
    names = [] if cases else names_in(survey.root / TRAINING.images)
    if names and not any(name.endswith(ending) for name in names):
        raise SegconvError(
            f"file_ending is {ending!r}, but {TRAINING.images} holds {some_of(names, SHOWN)}",
            code="SC086",
            file=DESCRIPTION,
            hint="correct file_ending in the json",
        )


def _judge_order(survey: Survey, dataset: _Dataset) -> None:
    if survey.options.labels is None:  # a wrong order trains without an error, but swaps classes
        survey.add(replace(found, file=DESCRIPTION) for found in prove_order(dataset.description.labels))


def _refuse_numbering(survey: Survey, dataset: _Dataset) -> None:
    if survey.options.numbering is not None and dataset.of_pictures:
        cures = (Cure.of("leave_out", field="numbering"),)
        raise SegconvError("the numbering of a tool has no meaning for pictures", cures=cures)


def _judge_count(survey: Survey, dataset: _Dataset, cases: Sequence[SourceCase]) -> None:
    number = sum(case.split == TRAIN for case in cases)
    if dataset.description.num_training != number and survey.takes_all_cases:
        counted = brief(dataset.entries.get("numTraining", "missing"))
        survey.warn("SC089", f"numTraining is {counted}, there are {number}; counted again", file=DESCRIPTION)


@contextmanager
def _declaring(found: Mapping[str, Any]) -> Iterator[None]:
    """Let an error about labels declare what they mean, where that is certain."""
    try:
        yield
    except SegconvError as error:
        meant = _meant(found.get("labels")) if error.code == "SC074" else None
        if meant is not None:
            error.advise(cures=(declaring(meant),))
        raise


def _meant(labels: object) -> dict[str, int] | None:
    """Return the labels of a json without background, with another spelling of it, or as v1 has them: value → name."""
    if not isinstance(labels, dict) or len(labels) > MOST_SPELLED - 1:
        return None
    if all(key.isdecimal() and isinstance(name, str) for key, name in labels.items()):
        labels = {name: int(key) for key, name in labels.items()}
    if not all(type(value) is int and value > 0 for name, value in labels.items() if name.lower() != BACKGROUND):
        return None
    classes = {name: value for name, value in labels.items() if name.lower() != BACKGROUND}
    grounds = [value for name, value in labels.items() if name.lower() == BACKGROUND]
    plain = all(name.strip() and not set(name) & set("=,") for name in classes)
    names = {unicodedata.normalize("NFC", name.strip()) for name in classes}
    distinct = len(names) == len(set(classes.values())) == len(classes)
    if not plain or not distinct or any(value != 0 for value in grounds):
        return None
    return {BACKGROUND: 0, **classes}


def _values_with_gaps(found: Mapping[str, Any]) -> LabelTable | None:
    """Return the map of labels whose values have gaps, which nnU-Net refuses; None for others, including regions."""
    labels = found.get("labels")
    if not isinstance(labels, dict) or not all(type(value) is int for value in labels.values()):
        return None
    if sorted(labels.values()) == list(range(len(labels))) or len(set(labels.values())) < len(labels):
        return None
    return dense(labels)


def _labels(survey: Survey, dataset: _Dataset, cases: Sequence[SourceCase]) -> LabelTable:
    """Return the dataset's own labels, or what options make of them."""
    options = survey.options
    if needs_files(options) and not dataset.of_pictures:
        from ..labels.found_labels import table_of_volumes

        return table_of_volumes(survey, cases)
    if options.labels is None and not options.value_map and options.ignore is None:
        return dataset.labels
    if dataset.description.labels.has_regions and options.labels is None:
        survey.error(
            "SC074",
            "has regions, whose values the options would move",
            file=DESCRIPTION,
            cures=(Cure("declare_labels"), Cure("make_regions_afterwards")),
        )
        return dataset.labels
    with survey.judging():
        declared = dataset.unmoved(options.value_map) if options.labels is None else None
        return in_values(settle(options, declared, None))
    return dataset.labels


def _cases(survey: Survey, folders: SplitFolders, dataset: _Dataset) -> list[SourceCase]:
    if folders == TRAINING and dataset.entries.get("dataset") is not None:
        return _external_cases(survey, dataset.entries["dataset"])
    if folders == TRAINING and not reading.is_folder(survey.root / folders.images):
        return []  # not a dataset, rather than one whose labels have no images
    ending = ending_pattern(dataset.description.file_ending)
    images = ChannelFiles.of(names_in(survey.root / folders.images), ending).cases
    labels = CaseFiles.of(names_in(survey.root / folders.labels), ending).cases
    found = []
    hint = "add or rename the file of the missing channel"
    for name, files in numbered_cases(survey, folders.images, images, hint=hint):
        label = f"{folders.labels}/{labels[name]}" if name in labels else None
        found.append(case_of(survey, name, folders.split, files, label, f"{folders.labels}/{name}"))
    lone = [f"{folders.labels}/{name}" for case, name in labels.items() if case not in images]
    refuse_lone_labels(survey, lone)
    return list(filter(None, found))


def _external_cases(survey: Survey, entry: Any) -> list[SourceCase]:
    """Return the cases that the key ``dataset`` names; if it comes from elsewhere, it must be allowed."""
    if not survey.options.allow_external:
        raise SegconvError(
            "has the key 'dataset', which names files elsewhere, and segconv did not write it",
            code="SC060",
            file=DESCRIPTION,
            cures=(Cure("allow_external"),),
        )
    with naming(DESCRIPTION):
        named = external_files(entry)
    found = (
        case_of(survey, name, TRAIN, files["images"], files.get("label") or None, f"dataset/{name}")
        for name, files in named.items()
    )
    return list(filter(None, found))


def _renamed(records: Iterable[CaseRecord], cases: Sequence[SourceCase]) -> dict[str, CaseRecord]:
    """Return new identifier → the source's record; a copy's parent gets its new name too."""
    origin = {record.case: record for record in records}
    new = {case.original_name: case.case for case in cases}
    return {
        case.case: replace(record, parent=new.get(record.parent, record.parent) if record.parent else None)
        for case in cases
        if (record := origin.get(case.original_name)) is not None
    }
