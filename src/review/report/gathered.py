"""Gather what a report shows of the cases, one after the other, as a check hands them over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ... import reading
from ..check.case_report import CaseReport
from ..check.inventory import DatasetCase
from .facts import Case
from .intensities import Sample
from .picture_facts import Stack, Volume
from .sheets import Sheets, Thinning
from .witness import Seen

_MM3_PER_ML = 1000.0


@dataclass(frozen=True)
class Content:
    """What identifies a case.

    Parameters
    ----------
    files
        Its files, relative to the dataset.
    digests
        SHA-256 of each readable image.
    looks
        The `perceptual_hash` of each image, or None where it says nothing; empty if one is not readable.
    """

    files: DatasetCase
    digests: tuple[bytes, ...]
    looks: tuple[str | None, ...]


class Gathered:
    """The cases of a dataset, in its order.

    Parameters
    ----------
    root
        The dataset.
    thinning
        Of the thumbnails.
    """

    def __init__(self, root: Path, thinning: Thinning) -> None:
        self._root = root
        self._sheets = Sheets(thinning.side)
        self.cases: list[Case] = []
        self.content: list[Content] = []
        self.samples: list[Sample] = []
        self.stacks: list[Stack] = []
        self.volumes: list[Volume] = []

    def take(self, files: DatasetCase, report: CaseReport) -> None:
        """Add a case; this is the second part of a `Witness`."""
        case = _case(files, report, sum(reading.size_if_there(self._root / name) for name in files.files))
        seen: Seen | None = report.seen
        self.content.append(Content(files, tuple(report.digests), () if seen is None else seen.looks))
        self.cases.append(case if seen is None else self._with_pictures(case, seen))

    def _with_pictures(self, case: Case, seen: Seen) -> Case:
        if seen.sample is not None:
            self.samples.append(seen.sample)
        self.stacks += [seen.stack] if seen.stack is not None else []
        self.volumes += [seen.volume] if seen.volume is not None else []
        thumbnail = None if seen.thumbnail is None else self._sheets.add(seen.thumbnail, seen.text)
        return replace(case, channels=seen.values, thumbnail=thumbnail)

    def sheets(self) -> tuple[str, ...]:
        """Return the sheets of thumbnails, WebP in base64."""
        return self._sheets.encoded()


def _case(files: DatasetCase, report: CaseReport, nbytes: int) -> Case:
    spacing = report.spacing_mm
    volume = None if spacing is None or len(spacing) < 3 else float(np.prod(spacing)) / _MM3_PER_ML
    return Case(
        files.case,
        files.split,
        size=report.size,
        spacing_mm=None if spacing is None else tuple(float(f"{own:.6g}") for own in spacing),
        orientation=report.orientation or "",
        megabytes=round(nbytes / 1e6, 3),
        voxels=None if report.label_voxels is None else {str(v): n for v, n in sorted(report.label_voxels.items())},
        voxel_ml=volume,
        errors=sum(finding.severity == "error" for finding in report.findings),
        warnings=sum(finding.severity != "error" for finding in report.findings),
    )
