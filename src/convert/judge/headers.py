"""Compare the headers of a case's volumes before any voxel is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import Cure, SegconvError, naming
from ...image import raster, volumes
from ...image.geometry import Geometry
from ...image.grids import FIRST_CHANNEL, IMAGE, other_order, same_grid
from ...image.read_options import too_large
from ...image.stored import VolumeHeader
from ...words import count_of
from ..accepted import RESAMPLE
from ..labels.segment_values import BY_NAME, SegmentValues, names_segments
from ..model import BANDS, CHANNELS, FRAME, INSTANCES, LAYERS, SEGMENTS, SERIES, STACK, ConvertOptions, SourceCase
from ..repairs import goes_with_image
from ..source_files import shown
from ..survey import Survey

ONE_MAP = "merge the channels into one label map, if each is a class; if each is a person's, keep one"
ONE_CHANNEL = "keep one of the channels, if each is a person's"


def judge_headers(survey: Survey, cases: Sequence[SourceCase], channels: int) -> int:
    """Add a finding for each header that cannot be used, or does not fit the others of its case.

    Parameters
    ----------
    channels
        How many a case must have; 0 if unknown: then all must have as many as most.

    Returns
    -------
    channels
        How many most cases have.
    """
    if survey.options.file_ending is not None and survey.options.file_ending not in volumes.WRITABLE:
        ending = survey.options.file_ending.lstrip(".")
        cures = (Cure.of("choose_format", format="nii.gz"),)
        survey.error("SC001", f"{ending} is a format of pictures, the source holds volumes", cures=cures)
    counts: dict[str, int] = {}
    segments = SegmentValues(survey.root)
    alike: set[int] = set()  # numbers of channels in labels
    deep: list[tuple[str, Sequence[VolumeHeader], VolumeHeader]] = []
    for case in cases:
        try:
            images = [probe_unit(case, path, survey.root, survey.options) for path in case.images]
            labels = {path: probe_unit(case, path, survey.root, survey.options) for path in _label_units(case)}
            survey.largest = max(survey.largest, *(header.value_bytes for header in (*images, *labels.values())))
        except SegconvError as error:
            survey.collect(error)
            continue
        counts[case.case] = sum(header.channels for header in images)
        _judge_case(survey, case, images, labels)
        for path, header in labels.items():
            segments.add(path, header)
            alike.add(header.channels if path not in case.parts else 1)
            if header.four_dimensional:
                deep.append((survey.shown(path), images, header))
    _judge_deep(survey, deep, of_classes=not channels and len(alike) == 1 and 1 not in alike)
    survey.add(segments.findings)
    return _judge_counts(survey, cases, counts, channels)


def _judge_deep(
    survey: Survey, labels: Sequence[tuple[str, Sequence[VolumeHeader], VolumeHeader]], *, of_classes: bool
) -> None:
    """Add an error for each label with four dimensions, given with its name and the headers of its images."""
    for file, images, header in labels:
        number = count_of(header.channels, "channel")
        what = f"is a label of four dimensions ({number}), expected one value per voxel"
        hint, cures = _advice(images, header, of_classes=of_classes)
        survey.error("SC073", what, file=file, hint=hint, cures=cures)


def _label_units(case: SourceCase) -> tuple[str, ...]:
    """Return the files whose headers to judge: a label, or each of the masks to unite."""
    if case.label is None or case.form(case.label) in (CHANNELS, LAYERS, SEGMENTS):
        return ()
    return case.parts[case.label].files if case.form(case.label) == INSTANCES else (case.label,)


def judge_pictures(survey: Survey, cases: Sequence[SourceCase], channels: int) -> int:
    """Do for pictures what `judge_headers` does for volumes."""
    from ..labels.set_coding import judge_polarity

    counts: dict[str, int] = {}
    white: dict[str, dict[str, bool]] = {"picture": {}, "mask": {}}
    for case in cases:
        heads: dict[str, raster.PictureHeader] = {}
        for path in case.files:
            with survey.judging(path):
                heads[path] = _probe_picture(case, path, survey.options)
        if len(heads) < len(set(case.files)):
            continue
        counts[case.case] = sum(heads[path].channels for path in case.images)
        first = heads[case.images[0]]
        for path, head in heads.items():
            if head.kind == "gray":
                white["picture" if path in case.images else "mask"][survey.shown(path)] = head.white_is_zero
            if (head.width, head.height) != (first.width, first.height):
                what, hint = f"is {head}, its picture {first}", "export both in one size"
                survey.error("SC082", what, file=survey.shown(path), hint=hint)
    for what, of_files in white.items():
        survey.add(judge_polarity(of_files, what))
    return _judge_counts(survey, cases, counts, channels)


def _probe_picture(case: SourceCase, path: str, options: ConvertOptions) -> raster.PictureHeader:
    """Return the header of a picture; refuse channels in one file unless the case separates them."""
    from ..bands import KIND, as_bands

    head = as_bands(raster.probe_file(path), drop_alpha=options.drop_alpha and path in case.images)
    if head.kind == KIND and case.form(path) != BANDS:
        raise SegconvError(
            f"is {head}: channels other than colours in one file, expected a file for each",
            code="SC084",
            hint="save each channel as a file of its own, in every case",
        )
    return head


def _judge_counts(survey: Survey, cases: Sequence[SourceCase], counts: Mapping[str, int], channels: int) -> int:
    """Refuse cases with a wrong number of channels; return the required number."""
    usual = channels or next((number for number, _ in Counter(counts.values()).most_common(1)), 0)
    expected = f"the dataset has {channels}" if channels else f"most cases have {usual}"
    agreed = len(set(counts.values())) == 1
    cures = (Cure.of("name_each_channel", channels=",".join(["NAME"] * min(counts.values()))),) if agreed else ()
    hint = "correct the channels in dataset.json" if agreed else "give all cases the same channels"
    by_name = {case.case: case for case in cases}
    for name, found in counts.items():
        if found != usual:
            survey.error(
                "SC084",
                f"has {count_of(found, 'channel')}, {expected}",
                file=survey.shown(by_name[name].images[0]),
                hint=hint,
                cures=cures,
            )
    return usual


def _judge_case(
    survey: Survey, case: SourceCase, images: list[VolumeHeader], labels: Mapping[str, VolumeHeader]
) -> None:
    grid = images[0].geometry
    for path, header in zip(case.images[1:], images[1:], strict=True):
        _judge_grid(survey, header.geometry, grid, FIRST_CHANNEL, survey.shown(path))
    for path, label in labels.items():
        file = survey.shown(path)
        if not label.four_dimensional:
            # Slices have no position of their own: a label of slices takes the grid of its image.
            place = replace(grid, size=label.geometry.size) if case.form(path) == STACK else label.geometry
            _judge_grid(survey, place, grid, IMAGE, file)


def _advice(images: Sequence[VolumeHeader], label: VolumeHeader, *, of_classes: bool) -> tuple[str, tuple[Cure, ...]]:
    """Return what to do about a label with four dimensions.

    Parameters
    ----------
    of_classes
        Whether all labels have as many channels, which may be masks of classes.
    """
    from ..bands import naming_cure
    from ..volumes.frames import CURE, same_frames

    if names_segments(label):
        return "", (BY_NAME,)
    if label.channels == 1:
        return "save it in three dimensions", ()
    if same_frames(images, label):
        return "", (CURE,)
    return (ONE_CHANNEL, (naming_cure(label.channels),)) if of_classes else (ONE_MAP, ())


def _judge_grid(survey: Survey, grid: Geometry, reference: Geometry, whose: str, file: str) -> None:
    allowed = survey.options.allowed_repairs
    if RESAMPLE in allowed.kinds or other_order(grid, reference) is not None:
        return
    if whose == IMAGE and goes_with_image(grid, reference, allowed):
        return
    try:
        same_grid(allowed.grid(grid), allowed.grid(reference), whose)
    except SegconvError as error:
        survey.collect(error, file)


def probe_unit(case: SourceCase, path: str, root: Path, options: ConvertOptions) -> VolumeHeader:
    """Return the header of an image or a label: a file, slices or a DICOM series."""
    with naming(shown(path, root)):
        form = case.form(path)
        if form == SERIES:
            from ...image.formats import dicom

            header: VolumeHeader = dicom.probe_series(case.files_of(path))
        elif form == STACK:
            header = _probe_stack(case.files_of(path), root, options)
        else:
            header = volumes.probe_file(path, options.read_options)
            if form == FRAME:
                from ..volumes.frames import header_of_frame

                header = header_of_frame(header)
        if header.voxel_bytes > options.max_volume:
            raise too_large(header.voxel_bytes, options.max_volume)
        return header


def _probe_stack(files: Sequence[str], root: Path, options: ConvertOptions) -> VolumeHeader:
    from ..bands import refuse_as_slices

    heads = []
    for file in files:
        with naming(shown(file, root)):
            heads.append(raster.probe_file(file))
            refuse_as_slices(heads[-1])
    pages = sum(head.pages for head in heads)
    first = heads[0]
    for file, head in zip(files, heads, strict=True):
        if (head.width, head.height) != (first.width, first.height):
            raise SegconvError(f"is {head}, the first slice {first}", code="SC082", file=shown(file, root))
    geometry = Geometry.plain((first.width, first.height, pages), options.spacing_mm)
    dtype = np.dtype({8: np.uint8, 16: np.uint16, 32: np.float32}.get(first.depth, np.uint8))
    return VolumeHeader(geometry, 1, dtype, 1.0, 0.0, False, ())
