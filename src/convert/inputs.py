"""A user's own files to predict, as cases of a dataset: the same reading, the same names, no labels."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..dataset.description import DatasetDescription
from ..dataset.lineage import TEST
from ..dataset.names import case_identifier, twin_findings
from ..errors import Finding, SegconvError, naming, refuse_if_any
from ..image import raster, volumes
from ..image.nifti import NiftiHeader
from ..image.nifti_forms import forms_of
from ..work.how import HowStaged
from ..work.plan import Item, Plan, Target
from ..work.run import Outcome, Result, stage
from ..work.staging import Staged
from . import png
from .coding import Coding
from .headers import decoded
from .pictures import convert_pictures
from .source import DETACHED, Parts, SourceCase, collect, count_of, files_of, resolve_inside, shown
from .task import PICTURES, CaseTask, Recipe
from .volume_units import companions_of
from .volumes import convert_volumes

if TYPE_CHECKING:
    from typing_extensions import Unpack

_NUMBERED = re.compile(r"(.+)_(\d{4})$")


@dataclass(frozen=True)
class Inputs:
    """A user's files, planned as cases of a dataset; nothing has been written.

    Parameters
    ----------
    cases
        The files.
    pictures
        Whether they are pictures.
    plan
        The work.
    """

    cases: tuple[SourceCase, ...]
    pictures: bool
    plan: Plan


def scan_inputs(source: Path, description: DatasetDescription) -> list[SourceCase]:
    """Find the cases in a file or folder.

    Pictures and volumes may have any format that `convert` reads. Volumes of several channels are
    one file of four dimensions, or files that end in ``_0000``, ``_0001`` …; pictures hold their
    channels.

    Raises
    ------
    Refused
        ``SC011`` if there is none, ``SC084`` if a case has other channels than the dataset.
    """
    source = source.absolute()
    if not source.exists():
        raise SegconvError("is not there", code="SC010", file=str(source))
    root = (source if source.is_dir() else source.parent).resolve()
    pictures = description.file_ending in PICTURES
    ending_of = png.ending_of if pictures else volumes.ending_of
    paths = files_of(root) if source.is_dir() else [source]
    channels = len(description.channel_names)
    findings: list[Finding] = []
    groups: dict[str, list[Path]] = {}
    stems: dict[str, Path] = {}
    for path in paths:
        ending = ending_of(path.name)
        if ending is None:
            continue
        stem = path.name[: -len(ending)]
        if stems.setdefault(stem, path) != path:
            findings.append(
                Finding("SC085", f"{stems[stem].name} and {path.name} are two files of one case", file=path.name)
            )
        match = _NUMBERED.fullmatch(stem)
        groups.setdefault(match[1] if match and not pictures and channels > 1 else stem, []).append(path)
    if not groups:
        what = "picture" if pictures else "volume"
        raise SegconvError(f"holds no {what}, which the model was trained on", code="SC011", file=str(source))
    cases = []
    for name, files in groups.items():
        try:
            images = tuple(resolve_inside(path, root) for path in files)
            with naming(shown(images[0], root)):
                _refuse_channels(images, channels, pictures=pictures)
            parts = {path: Parts(DETACHED, (path, *more)) for path in images if (more := companions_of(path))}
            cases.append(SourceCase(case_identifier(name), name, images, None, TEST, parts=parts))
        except SegconvError as error:
            collect(findings, error)
    findings += twin_findings({case.original_name: shown(case.images[0], root) for case in cases})
    refuse_if_any(findings)
    return cases


def plan_inputs(source: Path, description: DatasetDescription, target: Target) -> Inputs:
    """Plan how a user's files become what nnU-Net wants, in ``imagesTs`` of the target's staging folder.

    Parameters
    ----------
    source, description
        As for `scan_inputs`, as are the errors.
    target
        Which is made of the predictions.
    """
    cases = scan_inputs(source, description)
    root = (source if source.is_dir() else source.parent).resolve()
    labels = {value: value for value in description.labels.values}
    channels, ending = len(description.channel_names), description.file_ending
    recipe = Recipe(str(root), channels, Coding(labels), {}, ending, channel_names=description.channel_names)
    items = []
    for case in cases:
        task = CaseTask(case, recipe)
        size = sum(map(os.path.getsize, task.source.files))
        items.append(Item(case.case, task.source.files, task.outputs(), task, size))
    key = {"command": "inputs", "channels": channels, "ending": ending}
    return Inputs(tuple(cases), ending in PICTURES, Plan(target, root, tuple(items), key))


def forms_of_inputs(inputs: Inputs) -> dict[str, str]:
    """Return case → what the header of its first image says of where it lies, for images in NIfTI."""
    found = {}
    for case in inputs.cases:
        first = case.images[0]
        if not inputs.pictures and case.form(first) is None:
            header = volumes.probe_file(first)
            if isinstance(header, NiftiHeader):
                found[case.case] = forms_of(header.block)
    return found


def run_inputs(inputs: Inputs, **how: Unpack[HowStaged]) -> Outcome:
    """Write planned inputs, which stay in the staging folder; keyword arguments are those of `HowStaged`."""

    def finish(results: Iterable[Result], _: Staged) -> list[Finding]:
        for _result in results:  # their warnings are collected as they pass
            pass
        return []

    convert = convert_pictures if inputs.pictures else convert_volumes
    return stage(inputs.plan, convert, finish, decoded=decoded, **how)


def _refuse_channels(images: tuple[str, ...], channels: int, *, pictures: bool) -> None:
    count = sum((raster.probe_file(path) if pictures else volumes.probe_file(path)).channels for path in images)
    if count != channels:
        raise SegconvError(f"has {count_of(count, 'channel')}, the model was trained on {channels}", code="SC084")
