"""A user's own files to predict, read and named like the cases of a dataset, but without labels."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import reading
from ..dataset.description import DatasetDescription
from ..dataset.label_table import LabelTable
from ..dataset.names import twin_findings
from ..dataset.prepared import Prepared
from ..dataset.runs import RunRecord
from ..dataset.stored_label import PAGES, StoredLabel
from ..errors import Finding, SegconvError, refuse_if_any, warning
from ..image import raster
from ..words import count_of
from ..work.plan import Plan, Target
from ..work.run import Outcome, Result, stage
from ..work.run_options import USUAL, RunOptions
from ..work.staging import Staged
from .accepted import HEADER, REPAIRS
from .bands import apart, as_bands
from .find.cases import cases_of
from .input_files import input_pairs
from .judge.headers import probe_unit
from .labels.coding import Coding
from .model import SERIES, STACK, ConvertOptions, SourceCase
from .survey import Survey
from .write.pictures import RGB_CHANNELS, convert_pictures
from .write.placing import FirstImage
from .write.task import PICTURES, CaseTask, Recipe, decoded
from .write.volumes import convert_volumes


@dataclass(frozen=True)
class Inputs:
    """A user's files, planned as cases of a dataset; nothing has been written.

    Parameters
    ----------
    cases
        In their order.
    pictures
        Whether they are pictures.
    plan
        How they are written.
    keep
        Other files in the staging folder that stay there, relative to it.
    """

    cases: tuple[SourceCase, ...]
    pictures: bool
    plan: Plan
    keep: Collection[str] = ()


def as_converted(run: RunRecord | None) -> ConvertOptions:
    """Return the options that made the dataset; a model trained on it expects the same repairs of its inputs.

    This includes earlier runs: those that made the datasets from which it was repaired, converted or augmented. If
    training images were turned or resampled, so are the images to predict.
    """
    prepared = Prepared.by(run)
    return ConvertOptions(
        repair=tuple(kind for kind in REPAIRS if kind in prepared.repair and kind != HEADER),
        nonfinite=prepared.nonfinite,
        grey_to_rgb=prepared.grey_to_rgb,
        drop_alpha=prepared.drop_alpha,
        spacing_mm=prepared.spacing_mm,
    )


def scan_inputs(
    source: Path, description: DatasetDescription, options: ConvertOptions
) -> tuple[list[SourceCase], list[Finding]]:
    """Find the cases in a file or folder.

    Pictures and volumes may have any format and layout that `convert` reads, including folders of DICOM slices; see
    `input_files` for which of them are channels of one case. A volume may hold several channels as its fourth
    dimension; a picture holds all of its channels.

    Returns
    -------
    cases
        Without labels.
    warnings
        About what was left out.

    Raises
    ------
    Refused
        ``SC011`` if there is no case, ``SC084`` if a case has other channels than the dataset.
    SegconvError
        ``SC010`` if the source does not exist, ``SC061`` if it is a pipe or a device.
    """
    cases, findings = scan_usable_inputs(source, description, options)
    refuse_if_any(findings)
    return cases, findings


def scan_usable_inputs(
    source: Path, description: DatasetDescription, options: ConvertOptions
) -> tuple[list[SourceCase], list[Finding]]:
    """Find the cases as `scan_inputs` does, but leave out those that cannot be used instead of refusing all.

    Returns
    -------
    cases
        Those that can be used as far as their headers tell.
    findings
        Errors of cases that were left out, and warnings.
    """
    source = source.absolute()
    if not reading.is_there(source):
        raise SegconvError("does not exist", code="SC010", file=str(source))
    if not (reading.is_file(source) or reading.is_folder(source)):
        raise reading.no_file(source)
    root = source_root(source)
    pictures = description.file_ending in PICTURES
    survey = Survey(root, options)
    pairs = input_pairs(survey, source, description.channel_names, pictures=pictures)
    found, usable = cases_of(survey, pairs), []
    channels = len(description.channel_names)
    for case in found:
        with survey.judging(case.images[0]):
            _refuse_channels(case, channels, root, options, pictures=pictures)
            if pictures:
                heads = {path: as_bands(raster.probe_file(path), drop_alpha=options.drop_alpha) for path in case.images}
                case = apart(case, heads)
            usable.append(case)
    survey.add(twin_findings({case.original_name: survey.shown(case.images[0]) for case in found}))
    named = Counter(case.case for case in found)  # two files of one name are an error of both
    return [case for case in usable if named[case.case] == 1], survey.findings


def source_root(source: Path) -> Path:
    """Return the folder that paths of a source are relative to."""
    return Path(os.path.realpath(source if reading.is_folder(source) else source.parent))


def plan_inputs(
    source: Path, description: DatasetDescription, target: Target, options: ConvertOptions | None = None
) -> Inputs:
    """Plan how a user's files are written for nnU-Net, in ``imagesTs`` of the target's staging folder.

    Parameters
    ----------
    source, description
        As in `scan_inputs`, which also lists the errors.
    target
        What is made of the predictions.
    options
        What `as_converted` returned.
    """
    options = options or ConvertOptions()
    cases, warnings = scan_inputs(source, description, options)
    tasks = input_tasks(cases, source, description, options)
    channels, ending = len(description.channel_names), description.file_ending
    items = tuple(task.item() for task in tasks)
    key = {"command": "inputs", "channels": channels, "ending": ending, **options.prepared.as_json()}
    return Inputs(tuple(cases), ending in PICTURES, Plan(target, source_root(source), items, key, tuple(warnings)))


def input_tasks(
    cases: Iterable[SourceCase], source: Path, description: DatasetDescription, options: ConvertOptions
) -> list[CaseTask]:
    """Return how each case is written for nnU-Net; the parameters are those of `scan_inputs`, and what it found."""
    root = source_root(source)
    recipe = Recipe(
        str(root),
        len(description.channel_names),
        Coding(LabelTable.identity(description.labels)),
        description.file_ending,
        options=options,
        channel_names=description.channel_names,
    )
    return [CaseTask(case, recipe) for case in cases]


def stated_modality(case: SourceCase) -> str:
    """Return the modality that the file of a case's first image states, such as ``"CT"``; empty if it states none."""
    image = case.images[0]
    if case.form(image) != SERIES:
        return ""  # of the formats that `convert` reads, only DICOM has an entry for it
    from ..image.formats import dicom

    return dicom.modality_of(case.files_of(image))


def ways_back(inputs: Inputs) -> dict[str, StoredLabel]:
    """Return case → how to store its prediction: on the image's own grid, or as slices; pictures have no entry."""
    if inputs.pictures:
        return {}
    found = {}
    for item, case in zip(inputs.plan.items, inputs.cases, strict=True):
        task: CaseTask = item.payload
        if case.form(case.images[0]) == STACK:
            found[case.case] = _as_slices(case.files_of(case.images[0]))
            continue
        options = ConvertOptions(repair=task.recipe.options.allowed_repairs.kinds)
        header = probe_unit(case, case.images[0], inputs.plan.source_root, options)
        found[case.case] = FirstImage(header, task.recipe.options.allowed_repairs.grid(header.geometry)).way_back()
    return found


def _as_slices(files: Sequence[str]) -> StoredLabel:
    """Return how to store the prediction of an image made of slices or pages: in the same form."""
    if len(files) == 1:
        return StoredLabel(".tif", form=PAGES)
    masks = tuple(f"{raster.strip_ending(os.path.basename(file))}.png" for file in files)
    return StoredLabel(".png", form=STACK, slices=masks)


def run_inputs(inputs: Inputs, how: RunOptions = USUAL) -> Outcome:
    """Write planned inputs, and leave them in the staging folder."""

    def finish(results: Iterable[Result], _: Staged) -> list[Finding]:
        # Collect the warnings of each case as it passes.
        return [
            warning("SC093", repair, file=result.case)
            for result in results
            for repair in result.record["repairs"]
            if not any(found.message in repair for found in result.warnings)
        ]

    convert = convert_pictures if inputs.pictures else convert_volumes
    return stage(inputs.plan, convert, finish, how, decoded=decoded, keep=inputs.keep)


def _refuse_channels(case: SourceCase, channels: int, root: Path, options: ConvertOptions, *, pictures: bool) -> None:
    if pictures:
        count = sum(as_bands(raster.probe_file(path), drop_alpha=options.drop_alpha).channels for path in case.images)
        if options.grey_to_rgb and len(case.images) == count == 1:
            count = RGB_CHANNELS
    else:
        count = sum(probe_unit(case, path, root, options).channels for path in case.images)
    if count != channels:
        what = f"has {count_of(count, 'channel')}, the model was trained on {channels}"
        raise SegconvError(what, code="SC084", hint=f"give images of {count_of(channels, 'channel')}")
