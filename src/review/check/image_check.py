"""Check whether nnU-Net can read an image and learn from it: its grid, channels and values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from ...errors import Cure, Finding, warning
from ...image import label_like
from ...image.opened import Header
from ...image.orientation import axis_codes
from ...image.picture import PictureHeader
from ...image.stored import VolumeHeader
from ...image.voxels import LARGEST, shares_of, value_range
from .case_report import CaseReport, Rules
from .grid_check import FIRST_CHANNEL, judge_place
from .looked import Looked
from .readers import channels_in_pages, judge_dimensions, judge_pages


def channels_of(header: Header, rules: Rules) -> int:
    """Return the number of channels that nnU-Net's readers find in a file."""
    if header.kind == "palette":
        return 1 if header.format == "TIFF" else 3
    return header.pages if channels_in_pages(header, rules.reader) else header.samples


def judge_channels(name: str, header: Header, first: Header, rules: Rules) -> Iterator[Finding]:
    """Yield an error if the number of channels differs from that of the first file of the case."""
    found, expected = channels_of(header, rules), channels_of(first, rules)
    if found != expected:
        yield Finding(
            "SC084",
            f"counts as {found} of the channels, the first file of the case as {expected}; nnU-Net refuses that",
            file=name,
            hint="save each channel as a file of one value per pixel" if not header.placed else "",
            cures=() if not header.placed else (Cure.of("rewrite"),),
        )


def judge_image(name: str, looked: Looked, first: Header | None, rules: Rules, report: CaseReport) -> Iterator[Finding]:
    """Yield the findings on an image, and add its facts to the report.

    Parameters
    ----------
    name, looked
        The file.
    first
        The header of the first image of the case; None for the first image itself.
    """
    header, opened = looked.header, looked.opened
    if first is not None:
        yield from judge_place(name, header, first, FIRST_CHANNEL)
    if isinstance(header, PictureHeader):
        yield from _picture(name, header, rules, report)
        if opened is not None:
            yield from _pixels(name, header, opened.stored, rules, report)
    elif isinstance(header, VolumeHeader):
        yield from _volume(name, header, rules, report)
        if opened is not None:
            for stored in opened.stored if header.channels > 1 else [opened.stored]:
                yield from _voxels(name, header, stored, report)


def _volume(name: str, header: VolumeHeader, rules: Rules, report: CaseReport) -> Iterator[Finding]:
    if report.size is None:
        report.size = header.geometry.size
        report.spacing_mm = header.geometry.spacing_mm
        report.orientation = axis_codes(header.geometry)
    report.voxel_types += [header.dtype.newbyteorder("=").name] * header.channels
    if header.channels > 1:
        yield _several_channels(name, header, rules)
    else:
        yield from judge_dimensions(name, header, rules.readers, rules.ending)


def _several_channels(name: str, header: VolumeHeader, rules: Rules) -> Finding:
    if rules.ending.startswith(".nii") and "SimpleITKIO" in rules.readers:
        # Its writer copies the spacing of four axes, and refuses it.
        effect = "which nnU-Net reads, but cannot write a segmentation for: training would end with an error"
    else:
        effect = f"which nnU-Net's {rules.readers[0]} does not read from {rules.ending}"
    return Finding(
        "SC084",
        f"holds {header.channels} channels in one file, {effect}",
        file=name,
        hint="save one file per channel",
        cures=(Cure.of("rewrite"),),
    )


def _voxels(name: str, header: VolumeHeader, stored: NDArray[Any], report: CaseReport) -> Iterator[Finding]:
    """Yield warnings about the values of a channel, ``stored`` as in the file, of any shape."""
    ends = sorted(header.slope * value + header.intercept for value in value_range(stored))
    low, high = ends
    if max(abs(low), abs(high)) > LARGEST:
        yield Finding("SC055", f"values from {low:g} to {high:g} are infinite in nnU-Net's 32-bit floats", file=name)
    if low == high:
        yield warning("SC077", f"all voxels are {low:g}", file=name)
    report.ranges.append((low, high))
    report.shares.append(tuple(sorted(header.slope * value + header.intercept for value in shares_of(stored))))
    suspicion = label_like.told_of(stored, header.slope, header.intercept, "")
    if suspicion is not None:
        yield warning("SC091", suspicion, file=name, hint=label_like.CURE)


def _picture(name: str, header: PictureHeader, rules: Rules, report: CaseReport) -> Iterator[Finding]:
    report.size = header.geometry.size
    report.pages = header.pages
    report.voxel_types += [f"{header.depth}-bit {header.kind}"] * channels_of(header, rules)
    yield from judge_pages(name, header, rules.reader, rules.channels)
    unread = header.kind == "bands" and header.samples not in (3, 4)
    if unread or header.kind == "gray+alpha" or (header.pages > 1 and header.samples > 1):
        message = f"is {header}; nnU-Net has no reader for that"
        yield Finding("SC084", message, file=name, hint="export it as grey or RGB")
    else:
        yield from judge_dimensions(name, header, rules.readers, rules.ending)


def _pixels(
    name: str, header: PictureHeader, samples: NDArray[Any], rules: Rules, report: CaseReport
) -> Iterator[Finding]:
    """Yield a warning if all pixels are equal; ``samples`` are ``([page,] y, x[, sample])``, as stored."""
    report.coded.add_picture(header, samples)
    flat = samples.reshape(-1, header.samples)
    ranges = [value_range(flat[:, number]) for number in range(header.samples)]
    if all(low == high for low, high in ranges):
        yield warning("SC077", f"all pixels are {', '.join(f'{low:g}' for low, _ in ranges)}", file=name)
    # nnU-Net's reader applies a palette, so indices say nothing about the values.
    report.ranges += ranges if len(ranges) == channels_of(header, rules) else []
