"""What is looked at in one case, in a worker: every file read once, hashed, proved to its end, decoded and judged.

No more than one file of a case is held decoded at a time. `quick_check` looks at the headers alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ... import reading
from ...dataset.strictjson import load_object, read_file
from ...errors import Finding, SegconvError, warning
from ...image import label_like
from ...image.opened import Header, Opened
from ...image.orientation import axis_codes
from ...image.picture import PictureHeader
from ...image.stored import VolumeHeader
from ...image.voxels import LARGEST, label_values, position, shares_of, value_range
from ...typed import Misfit, entries, many, positive
from ...work.unforeseen import unforeseen
from ..opened import Looked, decode, judge_mark, probe, read_bytes
from .coded import Coded
from .grid_check import FIRST_CHANNEL, IMAGE, judge_place
from .history import Recorded, judge_change
from .inventory import CaseFiles
from .links import unusable
from .readers import channels_in_pages, judge_dimensions, judge_pages

_NAMED_VALUES = 5


@dataclass(frozen=True)
class Rules:
    """What every case of a dataset has to keep to.

    Parameters
    ----------
    root
        The dataset, resolved.
    external
        Follow links that leave it.
    ending
        Of its files, in lower case.
    readers
        Which of its readers nnU-Net may take.
    channels
        How many a case must have; None if that is not known.
    values
        Label values that may occur; None if that is not known.
    learned
        Those of them that a network learns: neither background nor ignore.
    reader
        The one of its readers that nnU-Net takes, as far as the first image tells.
    """

    root: str
    external: bool
    ending: str
    readers: tuple[str, ...]
    channels: int | None
    values: frozenset[int] | None
    learned: frozenset[int]
    reader: str = ""


@dataclass(frozen=True)
class Assigned:
    """A case, and what the lineage says of its files.

    Parameters
    ----------
    number
        Place of the case in the dataset.
    files
        Its files.
    recorded
        What is recorded of each file; None where nothing is.
    """

    number: int
    files: CaseFiles
    recorded: tuple[Recorded | None, ...] = ()


@dataclass
class CaseReport:
    """What was found in one case.

    Parameters
    ----------
    number
        Place of the case in the dataset.
    findings
        In the order of its files.
    digests
        SHA-256 of each image; fewer if some could not be read.
    voxel_types
        Of each channel.
    ranges
        Smallest and largest value of each channel.
    shares
        Of each channel of a volume what `shares_of` returns, in the image's values.
    size
        ``(x, y, z)`` or ``(x, y)``.
    spacing_mm
        Of volumes, ``(x, y, z)``.
    orientation
        Where the axes x, y, z of a volume lead, such as ``LPS``; pictures have none.
    pages
        Pictures in the file of a picture.
    label_voxels
        Value → number of voxels; None if there is no usable label.
    coded
        How its files are coded.
    """

    number: int
    findings: list[Finding] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    voxel_types: list[str] = field(default_factory=list)
    ranges: list[tuple[float, float]] = field(default_factory=list)
    shares: list[tuple[float, ...]] = field(default_factory=list)
    size: tuple[int, ...] | None = None
    spacing_mm: tuple[float, ...] | None = None
    orientation: str | None = None
    pages: int | None = None
    label_voxels: dict[int, int] | None = None
    coded: Coded = field(default_factory=Coded)


@dataclass(frozen=True)
class FullCheck:
    """Reads every byte of a case."""

    rules: Rules

    def __call__(self, case: Assigned) -> CaseReport:
        """Return what was found."""
        return _Case(self.rules, case).judge(_read_all)


@dataclass(frozen=True)
class QuickCheck:
    """Reads the headers of a case."""

    rules: Rules

    def __call__(self, case: Assigned) -> CaseReport:
        """Return what was found."""
        return _Case(self.rules, case).judge(_read_header)


Reader = Callable[["_Case", str, int], Looked]


class _Case:
    """The work on one case; what it finds gathers in `report`."""

    def __init__(self, rules: Rules, assigned: Assigned) -> None:
        self.rules = rules
        self.assigned = assigned
        self.report = CaseReport(assigned.number)

    def judge(self, read: Reader) -> CaseReport:
        """Open each file in turn and return the report."""
        files = self.assigned.files
        first: Header | None = None
        channels: int | None = 0
        for index, name in enumerate(files.images):
            header = self._judged(name, index, read, self._image, first)
            if header is not None and first is not None:
                self._as_many_channels(name, header, first)
            first = first or header
            # What cannot be opened has an unknown number of channels.
            channels = channels + self._channels(header) if header is not None and channels is not None else None
        if channels is not None and self.rules.channels not in (None, channels):
            self._tell(
                "SC084",
                f"has {channels} channels, dataset.json names {self.rules.channels}",
                files.images[0],
                hint="mend the case, or channel_names in dataset.json",
            )
        if files.label is not None:
            self._judged(files.label, len(files.images), read, self._label, first)
        if self.rules.ending.startswith(".tif"):
            self._same_tiff_spacing()
        return self.report

    def path(self, name: str) -> str:
        """Return where a file lies."""
        return os.path.join(self.rules.root, name)

    def judge_change(self, name: str, index: int, size: int, sha256: bytes | None) -> None:
        """Add what is to be said of a file that is not what it was when the dataset was made."""
        recorded = self.assigned.recorded[index] if self.assigned.recorded else None
        if recorded is not None:
            is_label = index == len(self.assigned.files.images)
            root = Path(self.rules.root)
            found = judge_change(recorded, name, self.path(name), size, sha256, is_label=is_label, root=root)
            self.report.findings += [found] if found is not None else []

    def _warn(self, code: str, message: str, name: str) -> None:
        self.report.findings.append(warning(code, message, file=name))

    def _tell(self, code: str, message: str, name: str, hint: str = "") -> None:
        self.report.findings.append(Finding(code, message, hint=hint, file=name))

    def _judged(
        self,
        name: str,
        index: int,
        read: Reader,
        judge: Callable[[str, Looked, Any], None],
        first: Header | None,
    ) -> Header | None:
        """Read and judge one file; return its header if it has a usable one."""
        header = None
        try:
            looked = read(self, name, index)
            header = looked.header
            for code, message in looked.oddities:
                self._warn(code, message, name)
            judge(name, looked, first)
        except SegconvError as error:
            self.report.findings += [replace(f, file=name) for f in error.findings]
        except Exception as error:  # noqa: BLE001 - one file must not end the check of the others
            self.report.findings.append(unforeseen(error, name))
        return header

    def _channels(self, header: Header) -> int:
        """Return how many channels nnU-Net's readers make of a file."""
        if header.kind == "palette":
            return 1 if header.format == "TIFF" else 3
        return header.pages if channels_in_pages(header, self.rules.reader) else header.samples

    def _as_many_channels(self, name: str, header: Header, first: Header) -> None:
        found, expected = self._channels(header), self._channels(first)
        if found != expected:
            self._tell(
                "SC084",
                f"counts as {found} of the channels, the first file of the case as {expected}; nnU-Net refuses that",
                name,
                hint="save each channel as a file of one value a pixel"
                if not header.placed
                else "segconv convert DATASET --to 43_New writes one file a channel",
            )

    # images

    def _image(self, name: str, looked: Looked, first: Header | None) -> None:
        header, opened = looked.header, looked.opened
        if first is not None:
            self.report.findings += judge_place(name, header, first, FIRST_CHANNEL)
        if isinstance(header, PictureHeader):
            self._picture(name, header, None if opened is None else opened.stored)
        elif isinstance(header, VolumeHeader):
            self._volume(name, header, opened)

    def _volume(self, name: str, header: VolumeHeader, opened: Opened | None) -> None:
        self._describe(header)
        self.report.voxel_types += [header.dtype.newbyteorder("=").name] * header.channels
        if header.channels > 1:
            reads = self.rules.ending.startswith(".nii") and "SimpleITKIO" in self.rules.readers
            self._tell(
                "SC084",
                f"holds {header.channels} channels in one file, "
                # Its writer takes over the spacing, of four axes, and refuses it.
                + (
                    "which nnU-Net reads, but fails to write a segmentation for: its training ends with an error"
                    if reads
                    else f"which nnU-Net's {self.rules.readers[0]} does not read from {self.rules.ending}"
                ),
                name,
                hint="one file a channel; segconv convert DATASET --to 43_New writes them",
            )
        else:
            self._dimensions(name, header)
        if opened is not None:
            for stored in opened.stored if header.channels > 1 else [opened.stored]:
                self._values(name, header, stored)
                self._question(name, header, stored)

    def _dimensions(self, name: str, header: Header) -> None:
        self.report.findings += judge_dimensions(name, header, self.rules.readers, self.rules.ending)

    def _values(self, name: str, header: VolumeHeader, stored: NDArray[Any]) -> None:
        low, high = value_range(stored)
        ends = sorted((header.slope * low + header.intercept, header.slope * high + header.intercept))
        if max(abs(ends[0]), abs(ends[1])) > LARGEST:
            self._tell("SC055", f"reaches from {ends[0]:g} to {ends[1]:g}: infinite in nnU-Net's 32-bit floats", name)
        if low == high:
            self._warn("SC077", f"all voxels are {ends[0]:g}", name)
        self.report.ranges.append((ends[0], ends[1]))
        self.report.shares.append(tuple(sorted(header.slope * value + header.intercept for value in shares_of(stored))))

    def _question(self, name: str, header: VolumeHeader, stored: NDArray[Any]) -> None:
        told = label_like.told_of(stored, header.slope, header.intercept, "")
        if told is not None:
            self.report.findings.append(warning("SC091", told, file=name, hint=label_like.CURE))

    def _picture(self, name: str, header: PictureHeader, samples: NDArray[Any] | None) -> None:
        report = self.report
        report.size = header.geometry.size
        report.pages = header.pages
        channels = self._channels(header)
        report.voxel_types += [f"{header.depth}-bit {header.kind}"] * channels
        report.findings += judge_pages(name, header, self.rules.reader, self.rules.channels)
        unread = header.kind == "bands" and header.samples not in (3, 4)
        if unread or header.kind == "gray+alpha" or (header.pages > 1 and header.samples > 1):
            self._tell("SC084", f"is {header}, which nnU-Net has no reader for", name, hint="export it as grey or RGB")
        else:
            self._dimensions(name, header)
        if samples is None:
            return
        report.coded.add_picture(header, samples)
        flat = samples.reshape(-1, header.samples)
        found = [value_range(flat[:, number]) for number in range(header.samples)]
        if all(low == high for low, high in found):
            self._warn("SC077", f"all pixels are {', '.join(f'{low:g}' for low, _ in found)}", name)
        # A palette is looked up by nnU-Net's reader: its indices say nothing of the values.
        report.ranges += found if len(found) == channels else []

    def _describe(self, header: VolumeHeader) -> None:
        if self.report.size is None:
            geometry = header.geometry
            self.report.size = geometry.size
            self.report.spacing_mm = geometry.spacing_mm
            self.report.orientation = axis_codes(geometry)

    # labels

    def _label(self, name: str, looked: Looked, first: Header | None) -> None:
        header, opened = looked.header, looked.opened
        if first is not None:
            self.report.findings += judge_place(name, header, first, IMAGE)
        _refuse_mask(header)
        self._dimensions(name, header)
        if opened is None:
            return
        values = opened.label().array
        counts = label_values(values)
        self.report.coded.add_label(header, values, counts, opened.palette)
        allowed = self.rules.values
        self.report.label_voxels = {value: n for value, n in counts.items() if allowed is None or value in allowed}
        undeclared = [value for value in counts if value not in allowed] if allowed is not None else []
        if undeclared:
            told = ", ".join(
                f"{value} ({counts[value]} voxel{'' if counts[value] == 1 else 's'})"
                for value in undeclared[:_NAMED_VALUES]
            )
            more = f" and {len(undeclared) - _NAMED_VALUES} more" if len(undeclared) > _NAMED_VALUES else ""
            at = position(values == undeclared[0])
            self._tell(
                "SC070",
                f"holds values that are not declared: {told}{more}, the first at {at}",
                name,
                hint="declare them in dataset.json, or segconv convert DATASET --to 43_New --map VALUE=NAME",
            )
        elif not self.rules.learned.intersection(counts) and (allowed is not None or set(counts) == {0}):
            what = "background" if set(counts) == {0} else "background and ignore"
            self._warn("SC075", f"holds nothing but {what}", name)

    # spacings

    def _same_tiff_spacing(self) -> None:
        """Compare the spacings that lie in a json beside an image and a label of pages."""
        files = self.assigned.files
        if (self.report.pages or 1) < 2 or files.label is None:
            return
        found = []
        length = len(self.rules.ending)
        for stem in (files.images[0][: -length - len("_0000")], files.label[:-length]):
            name = f"{stem}.json"
            if not reading.is_there(self.path(name), links_followed=False):
                found.append([1, 1, 1])  # as nnU-Net takes it
                continue
            wrong = unusable(self.path(name), name, Path(self.rules.root), self.rules.external)
            if wrong is not None:
                self.report.findings.append(wrong)
                return
            try:
                data = read_file(self.path(name))
                found.append(_spacing(load_object(data))["spacing"])
            except (SegconvError, Misfit) as error:
                self._tell("SC086", f"holds no spacing ({error})", name, hint='{"spacing": [z, y, x]}')
                return
            self.report.findings += judge_mark(data, name)
        if found[0] != found[1]:
            self._tell("SC083", f"has the spacing {found[1]} in its json, its image {found[0]}", files.label)


_spacing = entries({"spacing": many(positive, least=3, most=3)})
"""Reads the json beside a TIFF of pages."""


def _refuse_mask(header: Header) -> None:
    """Refuse masks of which nnU-Net's readers make something else than their values."""
    as_values = "segconv convert DATASET --to 43_New, or export one grey value a class"
    if not header.scalar:
        hint = "merge the channels into one label map" if header.placed else as_values
        raise SegconvError(f"is {header}, expected a label of one value a voxel", code="SC073", hint=hint)
    if header.kind == "palette" and header.format != "TIFF":
        raise SegconvError(
            f"is {header}: nnU-Net's reader makes three channels of colour of it", code="SC078", hint=as_values
        )
    if header.depth in (2, 4):
        raise SegconvError(f"is {header}: nnU-Net's reader scales its values to 0…255", code="SC078", hint=as_values)


def _read_all(case: _Case, name: str, index: int) -> Looked:
    """Read, hash, prove and decode one file."""
    data = read_bytes(case.path(name))
    digest = hashlib.sha256(data).digest()
    case.judge_change(name, index, len(data), digest)
    if index < len(case.assigned.files.images):
        case.report.digests.append(digest)
    return decode(data, case.rules.ending)


def _read_header(case: _Case, name: str, index: int) -> Looked:
    """Read the header of one file."""
    path = case.path(name)
    case.judge_change(name, index, reading.size_of(path), None)
    return probe(path)
