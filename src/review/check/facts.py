"""What a dataset holds, gathered case by case, in memory that does not grow with them: sizes, classes, orientations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ...dataset.channels import ValueRange, is_ct, normalisation
from ...dataset.hounsfield import CURE_OF_HU, HounsfieldSet
from ...dataset.labels import NO_BACKGROUND, Labels
from ...dataset.layout import DESCRIPTION
from ...dataset.lineage import TRAIN
from ...dataset.regions import value_names
from ...errors import Finding, warning
from .case_check import CaseReport
from .inventory import CaseFiles
from .nearly_lost import Volumes


class Facts:
    """The sum of all cases.

    Parameters
    ----------
    channel_names
        In order; None if dataset.json does not tell.
    labels
        What dataset.json declares, or None.
    """

    def __init__(self, channel_names: Sequence[str] | None, labels: Labels | None) -> None:
        self.names = list(channel_names or ())
        self.labels = labels
        self.cases: Counter[str] = Counter()
        self.ranges = [ValueRange(name) for name in self.names]
        self.voxel_types: list[Counter[str]] = [Counter() for _ in self.names]
        self.orientations: Counter[str] = Counter()
        self.pages: Counter[bool] = Counter()
        self.voxels: Counter[int] = Counter()
        self.holding: Counter[int] = Counter()
        self.labelled = 0
        self._sizes: list[tuple[int, ...]] = []
        self._spacings: list[tuple[float, ...]] = []
        self._volumes = Volumes()
        self._ct = {number: HounsfieldSet() for number, name in enumerate(self.names) if is_ct(name)}

    def add(self, report: CaseReport, files: CaseFiles) -> None:
        """Take in a case; what is said of voxels, classes and the range of values is said of training cases."""
        split = files.split
        self.cases[split] += 1
        if report.size is not None:
            self._sizes = _extremes(self._sizes, report.size)
        if report.spacing_mm is not None:
            self._spacings = _extremes(self._spacings, report.spacing_mm)
        if report.orientation is not None:
            self.orientations[report.orientation] += 1
        if report.pages is not None:
            self.pages[report.pages > 1] += 1
        if len(report.voxel_types) == len(self.names):
            for types, found in zip(self.voxel_types, report.voxel_types, strict=True):
                types[found] += 1
        if len(report.shares) == len(self.names):
            for number, hounsfield in self._ct.items():
                file = files.images[number] if len(files.images) == len(self.names) else files.images[0]
                hounsfield.add(file, *report.ranges[number], report.shares[number])
        if split != TRAIN:
            return
        if len(report.ranges) == len(self.names):  # otherwise it is not known which channel is missing
            for values, (low, high) in zip(self.ranges, report.ranges, strict=True):
                values.add(low, high)
        if report.label_voxels is not None:
            self.labelled += 1
            self.voxels.update(report.label_voxels)
            self.holding.update(report.label_voxels.keys())
            self._volumes.add(report.label_voxels, files.label or "")

    def findings(self, complete: bool) -> list[Finding]:
        """Return what only all cases together show.

        Parameters
        ----------
        complete
            Whether the label of every training case was read.
        """
        findings = []
        for name, types in zip(self.names, self.voxel_types, strict=True):
            if len(types) > 1:
                told = ", ".join(f"{found} in {count}" for found, count in types.most_common())
                findings.append(
                    warning(
                        "SC084",
                        f"the voxel type of channel {name!r} differs from case to case: {told}",
                        file="imagesTr",
                        hint="check that all cases come from the same step of processing",
                    )
                )
        if len(self.pages) > 1:
            findings.append(
                Finding(
                    "SC084",
                    f"{self.pages[True]} cases have several pages and {self.pages[False]} have one; nnU-Net"
                    " reads all as volumes or all as pictures",
                    file="imagesTr",
                    hint="make two datasets of them",
                )
            )
        if len(self.orientations) > 1:
            told = ", ".join(f"{found} in {count}" for found, count in self.orientations.most_common())
            findings.append(
                warning(
                    "SC098",
                    f"the axes x, y, z lead to different sides: {told} cases; nnU-Net does not look at that",
                    file="imagesTr",
                )
            )
        odd = {number: hounsfield.outliers() for number, hounsfield in self._ct.items()}
        findings += [
            warning("SC091", told, file=str(file), hint=CURE_OF_HU)
            for told_of in odd.values()
            for file, told in told_of
        ]
        for number, values in enumerate(self.ranges):
            if not odd.get(number) and (said := values.contradiction()) is not None:
                findings.append(
                    warning(
                        "SC091", said, file=DESCRIPTION, hint="mend channel_names: CT for HU, another name otherwise"
                    )
                )
        if complete and self.labels is not None and self.labelled:
            unused = [name for value, name in self.classes.items() if not self.voxels[value]]
            findings += [
                warning("SC076", f"the label {name!r} occurs in no training case", file=DESCRIPTION) for name in unused
            ]
            findings += self._volumes.findings(self.classes)
            if not self.voxels[0]:
                hint = "draw background in some cases; segconv labels ignore DATASET --scribbles --background NAME"
                findings.append(warning("SC076", NO_BACKGROUND, file=DESCRIPTION, hint=hint))
        return findings

    @property
    def classes(self) -> dict[int, str]:
        """Value → name of everything that is learned."""
        if self.labels is None:
            return {}
        names = value_names(self.labels)
        return {value: name for value, name in names.items() if value not in (0, self.labels.ignore)}

    def as_json(self) -> Mapping[str, Any]:
        """Return the object that ``--json`` prints."""
        names = value_names(self.labels) if self.labels is not None else {}
        return {
            "cases": dict(self.cases),
            "channels": [
                {
                    "name": name,
                    "normalisation": normalisation(name),
                    **({"low": values.low, "high": values.high} if values.cases else {}),
                    "voxel_types": dict(types),
                }
                for name, values, types in zip(self.names, self.ranges, self.voxel_types, strict=True)
            ],
            "size": _range(self._sizes),
            "spacing_mm": _range(self._spacings),
            "orientations": dict(self.orientations),
            "labels": [
                {
                    "value": value,
                    "name": names.get(value, ""),
                    "voxels": self.voxels[value],
                    "cases": self.holding[value],
                }
                for value in sorted({*names, *self.voxels})
            ]
            if self.labelled
            else [],
        }


def _extremes(known: list[Any], found: tuple[Any, ...]) -> list[Any]:
    """Return smallest and largest of each axis; pictures and volumes are not mixed."""
    if not known or len(known[0]) != len(found):
        return known or [found, found]
    return [tuple(map(min, known[0], found)), tuple(map(max, known[1], found))]


def _range(extremes: list[Any]) -> dict[str, Any] | None:
    return {"smallest": list(extremes[0]), "largest": list(extremes[1])} if extremes else None
