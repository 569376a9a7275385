"""A user's own files to predict, as cases of a dataset: the same reading, the same names, no labels."""

from __future__ import annotations

import re
from pathlib import Path

from ..dataset.description import DatasetDescription
from ..dataset.lineage import TEST
from ..dataset.names import case_identifier, twin_findings
from ..errors import Finding, SegconvError, naming, refuse_if_any
from ..image import nifti, picture
from ..work.plan import Item, Plan, Target
from ..work.run import Outcome, execute
from .coding import Coding
from .pictures import convert_pictures
from .source import SourceCase, collect, files_of, read_head, resolve_inside, shown
from .task import CaseTask, Recipe
from .volumes import convert_volumes

_NUMBERED = re.compile(r"(.+)_(\d{4})$")


def scan_inputs(source: Path, description: DatasetDescription) -> list[SourceCase]:
    """Find the cases in a file or folder.

    Volumes of several channels are one file of four dimensions, or files that end in ``_0000``,
    ``_0001`` …; pictures hold their channels.

    Raises
    ------
    Refused
        ``SC011`` if there is none, ``SC084`` if a case has other channels than the dataset.
    """
    source = source.absolute()
    if not source.exists():
        raise SegconvError("is not there", code="SC010", file=str(source))
    root = (source if source.is_dir() else source.parent).resolve()
    pictures = description.file_ending == ".png"
    pattern = re.compile(r"\.png$" if pictures else r"\.nii(\.gz)?$", re.IGNORECASE)
    paths = files_of(root) if source.is_dir() else [source]
    found = {pattern.sub("", path.name): path for path in paths if pattern.search(path.name)}
    if not found:
        what = "PNG" if pictures else "NIfTI"
        raise SegconvError(f"holds no {what} file, which the model was trained on", code="SC011", file=str(source))
    channels = len(description.channel_names)
    groups: dict[str, list[Path]] = {}
    for stem, path in found.items():
        match = _NUMBERED.fullmatch(stem)
        groups.setdefault(match[1] if match and not pictures and channels > 1 else stem, []).append(path)
    findings: list[Finding] = []
    cases = []
    for name, files in groups.items():
        try:
            images = tuple(resolve_inside(path, root) for path in files)
            with naming(shown(images[0], root)):
                _refuse_channels(images, channels, pictures=pictures)
            cases.append(SourceCase(case_identifier(name), name, images, None, TEST))
        except SegconvError as error:
            collect(findings, error)
    findings += twin_findings({case.original_name: shown(case.images[0], root) for case in cases})
    refuse_if_any(findings)
    return cases


def prepare_inputs(
    source: Path, description: DatasetDescription, folder: Path, *, jobs: int = 1
) -> tuple[list[SourceCase], Outcome]:
    """Write a user's files as nnU-Net wants them, into ``folder/imagesTs``."""
    cases = scan_inputs(source, description)
    root = (source if source.is_dir() else source.parent).resolve()
    labels = {value: value for value in description.labels.values}
    recipe = Recipe(str(root), len(description.channel_names), Coding(labels), {}, description.file_ending)
    items = []
    for case in cases:
        task = CaseTask(case, recipe)
        items.append(Item(case.case, task.source.files, task.outputs(), task))
    plan = Plan(Target(folder, folder.name), root, tuple(items), {"command": "inputs"})
    convert = convert_pictures if description.file_ending == ".png" else convert_volumes
    return cases, execute(
        plan, convert, lambda results, _: [w for r in results for w in r.warnings], jobs=jobs, overwrite=True
    )


def _refuse_channels(images: tuple[str, ...], channels: int, *, pictures: bool) -> None:
    if pictures:
        count = picture.probe(read_head(images[0], picture.HEAD_BYTES)).channels
    else:
        count = sum(nifti.probe(read_head(path, nifti.HEAD_BYTES)).channels for path in images)
    if count != channels:
        raise SegconvError(f"has {count} channels, the model was trained on {channels}", code="SC084")
