"""Look at a case in a worker, while it is checked: what a report keeps of its files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ... import reading
from ...dataset.channels import is_ct
from ...dataset.lineage import TRAIN
from ...errors import SegconvError
from ...image import opened
from ...image.opened import Opened
from ..check.case_report import CaseReport
from ..check.inventory import DatasetCase
from ..check.looked import Looked
from ..pictures.planes import Plane
from ..pictures.windows import Window
from . import small_planes
from .decoded_case import DecodedCase, decoded_case, values_in
from .facts import Values
from .intensities import Sample, sample_of, values_of
from .picture_facts import LABEL_LAYER, PREDICTION_LAYER, Stack, Volume
from .stacks import stack_of
from .volumes import volume_of

Key = tuple[str, str]
"""A case and its split."""


@dataclass(frozen=True)
class Seen:
    """What a report keeps of a case.

    Parameters
    ----------
    values
        Of each channel.
    sample
        Some of its voxels; None for test cases.
    thumbnail, text
        ``(row, column, 3)``, or None; and what it shows.
    stack, volume
        For the viewers, or None.
    looks
        The `perceptual_hash` of each image.
    """

    values: tuple[Values, ...]
    sample: Sample | None
    thumbnail: NDArray[np.uint8] | None
    text: str
    stack: Stack | None
    volume: Volume | None
    looks: tuple[str | None, ...]


@dataclass(frozen=True)
class Wanted:
    """What a report wants of the cases.

    Parameters
    ----------
    names
        Value → name.
    channels
        Names of the channels.
    drawn
        Index of the channel to draw; None for three in colour.
    window
        Values that are drawn black and white; percentiles of each image if None.
    ignore
        Value of the ignore label, or None.
    side
        Of a thumbnail, in pixels.
    every
        Each case of how many gets one.
    sampled
        Voxels of a case to keep.
    stacks
        Cases for the slice viewer.
    pixels
        Of such a case in all slices together, at most.
    voxels
        Of its volume for the 3D viewer, at most; 0 for none.
    predictions
        Folder of predictions, and the ending of their names, which begin with the case; None for none.
    """

    names: Mapping[int, str]
    channels: tuple[str, ...]
    drawn: int | None
    window: Window | None
    ignore: int | None
    side: int
    every: int
    sampled: int
    stacks: frozenset[Key]
    pixels: int
    voxels: int
    predictions: tuple[str, str] | None


@dataclass(frozen=True)
class Seeing:
    """Looks at cases; can be pickled."""

    wanted: Wanted

    def __call__(self, files: DatasetCase, looked: Mapping[str, Looked], report: CaseReport) -> Seen | None:
        """Return what is kept of a case; None if its images cannot be read.

        Parameters
        ----------
        files
            Its files.
        looked
            Those that are readable, by name.
        report
            What the check found.
        """
        case = self._decoded(files, looked, report)
        if case is None:
            return None
        wanted, key = self.wanted, (files.case, files.split)
        picture, text = self._thumbnail(case) if report.number % wanted.every == 0 else (None, "")
        viewed = key in wanted.stacks
        in_3d = viewed and wanted.voxels > 0 and case.geometry.dimension == 3
        return Seen(
            values_of(case, report.ranges),
            sample_of(case, wanted.sampled) if files.split == TRAIN else None,
            picture,
            text,
            self._stack(files.case, case) if viewed else None,
            volume_of(files.case, case, wanted.window, wanted.voxels) if in_3d else None,
            case.looks,
        )

    def _decoded(self, files: DatasetCase, looked: Mapping[str, Looked], report: CaseReport) -> DecodedCase | None:
        images = [looked[name] for name in files.images if name in looked]
        if len(images) < len(files.images):
            return None
        label = looked.get(files.label or "") if report.label_voxels is not None else None
        prediction = _prediction(files.case, *self.wanted.predictions) if self.wanted.predictions else None
        drawn = self.wanted.drawn
        in_hu = drawn is not None and is_ct(self.wanted.channels[drawn])
        return decoded_case(images, label, prediction, drawn=drawn, ignore=self.wanted.ignore, in_hu=in_hu)

    def _thumbnail(self, case: DecodedCase) -> tuple[NDArray[np.uint8], str]:
        plane = main_plane(case)
        size = small_planes.fitted(plane, self.wanted.side, self.wanted.side)
        picture = small_planes.grey(plane, self.wanted.window or case.window, size)
        layer = plane.label if plane.prediction is None else plane.prediction
        text = [plane.title or "picture"]
        if layer is not None:
            held = values_in({LABEL_LAYER: plane.label, PREDICTION_LAYER: plane.prediction})
            text += ["with", ", ".join(self.wanted.names.get(value, str(value)) for value in held) or "no label"]
        label = np.zeros(size[::-1], np.uint32) if layer is None else small_planes.small_label(layer, size)
        if plane.wrong is not None:
            picture = small_planes.tinted(picture, small_planes.small_label(plane.wrong, size))
            text.append("and what differs from the reference")
        return small_planes.outlined(picture, label), " ".join(text)

    def _stack(self, name: str, case: DecodedCase) -> Stack:
        wanted = self.wanted
        channel = "" if wanted.drawn is None else wanted.channels[wanted.drawn]
        return stack_of(name, case, wanted.window, channel=channel, pixels=wanted.pixels, names=wanted.names)


def main_plane(case: DecodedCase) -> Plane:
    """Return the plane that shows most of a case."""
    if case.geometry.dimension == 2:
        return case.cuts.picture()
    axis = case.cuts.finest
    return case.cuts.plane(axis, case.cuts.main(axis))


def _prediction(case: str, folder: str, ending: str) -> Opened | None:
    """Return the prediction of a case; None if there is none, or it cannot be read, which scoring it reports."""
    path = os.path.join(folder, f"{case}{ending}")
    if not reading.is_there(path):
        return None
    try:
        return opened.decode(opened.read_bytes(path), path)
    except SegconvError:
        return None
