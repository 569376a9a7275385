"""Checks over all cases of a conversion, gathered case by case without keeping the cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...dataset.channels import ValueRange, is_ct
from ...dataset.hounsfield import CURE_OF_HU, HounsfieldSet
from ...dataset.labels import NO_BACKGROUND, Labels
from ...dataset.layout import DESCRIPTION
from ...dataset.lineage import TRAIN, CaseRecord
from ...errors import Cure, Finding, warning
from ...work.run import Result
from ..model import Scan, SourceCase
from ..source_files import shown

NAMED = Cure("name_channels")
"""Cure of a channel whose name does not go with its values; planning may have said so."""


class Whole:
    """Facts that only the complete set shows.

    Parameters
    ----------
    channels
        Names, in order.
    """

    def __init__(self, channels: Sequence[str]) -> None:
        self.records: list[CaseRecord] = []
        self.findings: list[Finding] = []
        self._used: set[int] = set()
        self._used_elsewhere: set[int] = set()
        self.external: dict[str, dict[str, Any]] = {}
        self._content: dict[str, str] = {}
        self._intensity = [ValueRange(name) for name in channels]
        self._ct = {number: HounsfieldSet() for number, name in enumerate(channels) if is_ct(name)}

    def add(self, result: Result, target: Path) -> CaseRecord:
        """Add a case; return its line in the lineage."""
        places = {t["path"]: t["at"] for t in result.targets if "at" in t}
        targets = list(map(_as_recorded, result.targets))
        record = replace(CaseRecord.of_result(result), targets=targets)
        (self._used if record.split == TRAIN else self._used_elsewhere).update(map(int, record.label_voxels))
        self._add_intensity(record)
        self._find_twin(result)
        if places and record.split == TRAIN:
            paths = {t["path"]: places.get(t["path"], str(target / t["path"])) for t in targets}
            images = [path for own, path in paths.items() if not own.startswith("labels")]
            self.external[record.case] = {"images": images, "label": [*paths.values()][-1]}
        # Keep only what folds need: lineage lines of 100,000 cases do not belong in memory.
        self.records.append(CaseRecord(record.case, record.split, record.patient, record.parent, targets=targets))
        return record

    def _add_intensity(self, record: CaseRecord) -> None:
        for channel, (low, high) in zip(self._intensity, record.intensity, strict=False):
            channel.add(low, high)
        for number, hounsfield in self._ct.items():
            if number < len(record.shares):
                low, high = record.intensity[number]
                hounsfield.add(record.case, low, high, record.shares[number])

    def _find_twin(self, result: Result) -> None:
        """Warn of a case written with the same image as another; a single slice of many is not an image yet."""
        image = result.sources[0]["path"]
        twin = self._content.setdefault(result.targets[0]["sha256"], image)
        if twin != image:
            what = f"has the same content as {twin}; they are kept on one side of every fold"
            hint = "remove one of them if that was not intended"
            self.findings.append(warning("SC088", what, file=image, hint=hint))

    def label_findings(self, labels: Labels) -> list[Finding]:
        """Return a warning for each label, including background, that occurs in no training case."""
        findings = []
        for name, values in labels.foreground.items():
            if not self._used & set(values):
                others = "; test cases hold it" if self._used_elsewhere & set(values) else ""
                said = f"the label {name!r} occurs in no training case{others}"
                findings.append(warning("SC076", said, file=DESCRIPTION))
        if self._used and 0 not in self._used:
            hint = "draw some, with a value of its own"
            cures = (Cure.of("declare_labels", labels="background=VALUE,…"),)
            findings.append(warning("SC076", NO_BACKGROUND, file=DESCRIPTION, hint=hint, cures=cures))
        return findings

    def intensity_findings(self, scan: Scan) -> list[Finding]:
        """Return a warning for each CT that does not hold HU, and for each channel whose name and values disagree."""
        odd: dict[object, dict[int, str]] = {}
        for number, ct in self._ct.items():
            for case, what in ct.outliers():
                odd.setdefault(case, {})[number] = what
        findings = [
            warning("SC091", what, file=shown(self._image_of(case, number), scan.root), hint=CURE_OF_HU)
            for case in scan.cases
            for number, what in odd.get(case.case, {}).items()
        ]
        planned = any(found.code == "SC091" and NAMED in found.cures for found in scan.findings)
        reported = set(range(len(self._intensity))) if planned else set().union(*odd.values())
        for number, channel in enumerate(self._intensity):
            if number not in reported and (clash := channel.contradiction()) is not None:
                findings.append(warning("SC091", clash, file=DESCRIPTION, cures=(self._renaming(number),)))
        return findings

    def _renaming(self, number: int) -> Cure:
        """Return the cure that names a channel otherwise: CT if it was not CT."""
        if len(self._intensity) == 1 and not is_ct(self._intensity[0].name):
            return NAMED
        names = [channel.name for channel in self._intensity]
        names[number] = "NAME" if is_ct(names[number]) else "CT"
        return Cure.of("name_each_channel", channels=",".join(names))

    def _image_of(self, case: SourceCase, channel: int) -> str:
        """Return the file that holds a channel of a case."""
        return case.images[channel] if len(case.images) == len(self._intensity) else case.images[0]


def _as_recorded(target: Mapping[str, Any]) -> dict[str, Any]:
    """Return a written file as recorded in the lineage, which says only whether it is elsewhere, not where."""
    return {key: value for key, value in target.items() if key != "at"} | ({"external": True} if "at" in target else {})
