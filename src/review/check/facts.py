"""Gather the facts of a dataset case by case, in constant memory: sizes, classes, orientations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...dataset.channels import ValueRange, is_ct, normalisation
from ...dataset.hounsfield import CURE_OF_HU, HounsfieldSet
from ...dataset.labels import NO_BACKGROUND, Labels
from ...dataset.layout import DESCRIPTION
from ...dataset.lineage import TRAIN
from ...dataset.regions import value_names
from ...errors import Cure, Finding, warning
from .case_report import CaseReport
from .inventory import DatasetCase
from .nearly_lost import Volumes


class _Channel:
    """Facts about one channel over all cases."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.range = ValueRange(name)
        self.voxel_types: Counter[str] = Counter()
        self.hounsfield = HounsfieldSet() if is_ct(name) else None

    def judge_types(self) -> Iterator[Finding]:
        if len(self.voxel_types) > 1:
            yield warning(
                "SC084",
                f"the voxel type of channel {self.name!r} differs between cases: {_each(self.voxel_types)}",
                file="imagesTr",
                hint="process all cases alike, if some were processed otherwise",
            )

    def judge_range(self) -> Iterator[Finding]:
        contradiction = self.range.contradiction()
        if contradiction is not None:
            hint = "correct channel_names: CT for HU, another name otherwise"
            yield warning("SC091", contradiction, file=DESCRIPTION, hint=hint)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "normalisation": normalisation(self.name),
            **({"low": self.range.low, "high": self.range.high} if self.range.cases else {}),
            "voxel_types": dict(self.voxel_types),
        }


class Facts:
    """Facts about all cases.

    Parameters
    ----------
    channel_names
        In order; None if dataset.json does not declare them.
    labels
        The labels that dataset.json declares, or None.
    """

    def __init__(self, channel_names: Sequence[str] | None, labels: Labels | None) -> None:
        self.labels = labels
        self.cases: Counter[str] = Counter()
        self.channels = [_Channel(name) for name in channel_names or ()]
        self.orientations: Counter[str] = Counter()
        self.pages: Counter[bool] = Counter()
        self.voxels: Counter[int] = Counter()
        self.holding: Counter[int] = Counter()
        self.labelled = 0
        self._sizes: list[tuple[int, ...]] = []
        self._spacings: list[tuple[float, ...]] = []
        self._volumes = Volumes()

    def add(self, report: CaseReport, files: DatasetCase) -> None:
        """Add a case; value ranges, voxels and classes count in training cases only."""
        self.cases[files.split] += 1
        self._add_grid(report)
        self._add_images(report, files)
        if files.split == TRAIN:
            self._add_ranges(report)
            self._add_label(report, files)

    def _add_grid(self, report: CaseReport) -> None:
        if report.size is not None:
            self._sizes = _extremes(self._sizes, report.size)
        if report.spacing_mm is not None:
            self._spacings = _extremes(self._spacings, report.spacing_mm)
        if report.orientation is not None:
            self.orientations[report.orientation] += 1
        if report.pages is not None:
            self.pages[report.pages > 1] += 1

    # If a case has fewer values than channels, it is unknown which channel is missing.

    def _add_images(self, report: CaseReport, files: DatasetCase) -> None:
        if len(report.voxel_types) == len(self.channels):
            for channel, found in zip(self.channels, report.voxel_types, strict=True):
                channel.voxel_types[found] += 1
        if len(report.shares) == len(self.channels):
            for number, channel in enumerate(self.channels):
                if channel.hounsfield is not None:
                    file = files.images[number] if len(files.images) == len(self.channels) else files.images[0]
                    channel.hounsfield.add(file, *report.ranges[number], report.shares[number])

    def _add_ranges(self, report: CaseReport) -> None:
        if len(report.ranges) == len(self.channels):
            for channel, (low, high) in zip(self.channels, report.ranges, strict=True):
                channel.range.add(low, high)

    def _add_label(self, report: CaseReport, files: DatasetCase) -> None:
        if report.label_voxels is not None:
            self.labelled += 1
            self.voxels.update(report.label_voxels)
            self.holding.update(report.label_voxels.keys())
            self._volumes.add(report.label_voxels, files.label or "")

    def findings(self) -> Iterator[Finding]:
        """Yield the findings that only all cases together show."""
        for channel in self.channels:
            yield from channel.judge_types()
        yield from self._judge_grids()
        outliers = [channel.hounsfield.outliers() if channel.hounsfield else [] for channel in self.channels]
        for found in outliers:
            yield from (warning("SC091", message, file=str(file), hint=CURE_OF_HU) for file, message in found)
        for channel, found in zip(self.channels, outliers, strict=True):
            if not found:
                yield from channel.judge_range()
        if self.labelled == self.cases[TRAIN] > 0:
            yield from self._judge_classes()

    def _judge_grids(self) -> Iterator[Finding]:
        if len(self.pages) > 1:
            yield Finding(
                "SC084",
                f"some cases have several pages ({self.pages[True]}) and some have one ({self.pages[False]}); nnU-Net"
                " reads all as volumes or all as pictures",
                file="imagesTr",
                hint="make two datasets of them",
            )
        if len(self.orientations) > 1:
            message = f"orientations differ: {_each(self.orientations)}; nnU-Net does not look at orientation"
            yield warning("SC098", message, file="imagesTr")

    def _judge_classes(self) -> Iterator[Finding]:
        """Yield warnings about classes, once the labels of all training cases are read."""
        if self.labels is None:
            return
        for value, name in self.classes.items():
            if not self.voxels[value]:
                yield warning("SC076", f"the label {name!r} occurs in no training case", file=DESCRIPTION)
        yield from self._volumes.findings(self.classes)
        if not self.voxels[0]:
            cures = (Cure.of("ignore_scribbles"),)
            hint = "draw background in some cases"
            yield warning("SC076", NO_BACKGROUND, file=DESCRIPTION, hint=hint, cures=cures)

    @property
    def classes(self) -> dict[int, str]:
        """Value → name of every learned class."""
        if self.labels is None:
            return {}
        names = value_names(self.labels)
        return {value: name for value, name in names.items() if value not in (0, self.labels.ignore)}

    def as_json(self) -> Mapping[str, Any]:
        """Return the object that ``--json`` prints."""
        return {
            "cases": dict(self.cases),
            "channels": [channel.as_json() for channel in self.channels],
            "size": _range(self._sizes),
            "spacing_mm": _range(self._spacings),
            "orientations": dict(self.orientations),
            "labels": self._labels_as_json() if self.labelled else [],
        }

    def _labels_as_json(self) -> list[dict[str, Any]]:
        names = value_names(self.labels) if self.labels is not None else {}
        return [
            {"value": value, "name": names.get(value, ""), "voxels": self.voxels[value], "cases": self.holding[value]}
            for value in sorted({*names, *self.voxels})
        ]


def _each(counts: Counter[str]) -> str:
    return ", ".join(f"{found} ({number})" for found, number in counts.most_common())


def _extremes(known: list[Any], found: tuple[Any, ...]) -> list[Any]:
    """Return the smallest and largest value per axis; pictures and volumes are not mixed."""
    if not known or len(known[0]) != len(found):
        return known or [found, found]
    return [tuple(map(min, known[0], found)), tuple(map(max, known[1], found))]


def _range(extremes: list[Any]) -> dict[str, Any] | None:
    return {"smallest": list(extremes[0]), "largest": list(extremes[1])} if extremes else None
