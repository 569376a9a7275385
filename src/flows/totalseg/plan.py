"""Plan what TotalSegmentator segments: which images, which task, and which files come of it; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...convert.back.task import RestoreTask
from ...convert.inputs import input_tasks, scan_usable_inputs, source_root, stated_modality
from ...convert.model import ConvertOptions, SourceCase
from ...convert.write.task import CaseTask
from ...dataset import lineage
from ...dataset.description import DatasetDescription
from ...dataset.label_table import LabelTable
from ...dataset.labels import BACKGROUND, Labels
from ...dataset.lineage import SEGMENTED
from ...dataset.stored_label import LAYERS, StoredLabel, StoredMask
from ...errors import Cure, Finding, Refused, SegconvError
from ...image import volumes
from ...train.totalsegmentator.request import OF_MODALITY, Request, task_for
from ...train.totalsegmentator.weights import Mode
from ...train.untrusted_models import NO_TRUST, Trust
from ...work.apart import refuse_holding, refuse_within
from ...work.plan import Item, Plan, Target

ENDING = ".nii.gz"
"""Of the results, whatever the images are: TotalSegmentator's own form, and that of most tools for labels."""

WORKING = ".nii"
"""Of what TotalSegmentator reads and writes on the way: reading takes no time, and it takes other dots for DICOM."""

LABEL_SHARE = 0.25
"""Size of a result as a part of its image's, at most; measured: 0.24 for random labels, less than 0.1 for organs."""


@dataclass(frozen=True)
class SegmentOptions:
    """What a user asks for.

    Parameters
    ----------
    task
        Name of a task of TotalSegmentator; None for the one that segments most, by modality.
    modality
        ``"CT"`` or ``"MR"``; None if the files or the task say it.
    mode
        Without, with ``--fast`` or with ``--fastest`` of TotalSegmentator.
    subset
        Classes to segment, of the tasks that can; all if empty.
    masks
        Write a folder of masks for each case, one for each class, instead of one label map.
    reading
        How images are read, and which repairs of them are allowed.
    """

    task: str | None = None
    modality: str | None = None
    mode: Mode = "normal"
    subset: tuple[str, ...] = ()
    masks: bool = False
    reading: ConvertOptions = field(default_factory=ConvertOptions)


USUAL_OPTIONS = SegmentOptions()
"""The defaults."""


@dataclass(frozen=True)
class SegmentTask:
    """Payload of a work item: an image, what is asked for it, and what becomes of the result."""

    image: CaseTask
    request: Request
    result: RestoreTask


@dataclass(frozen=True)
class Segmentation:
    """A planned segmentation.

    Parameters
    ----------
    request
        What TotalSegmentator is asked for.
    masks
        Whether each class gets a file of its own.
    plan
        The cases that can be segmented; its key is all that decides their results.
    failed
        Errors of cases that cannot be.
    why
        What decided about CT or MR, in a sentence.
    models
        Folders of the models that it needs.
    licence
        The user's licence number, or an empty text.
    trust
        Which parts of the models may be code.
    """

    request: Request
    masks: bool
    plan: Plan
    failed: tuple[Finding, ...]
    why: str
    models: tuple[Path, ...] = field(repr=False)
    licence: str = field(repr=False)
    trust: Trust = NO_TRUST


def plan_segmentation(
    source: Path, output: Path, asked: SegmentOptions = USUAL_OPTIONS, trust: Trust = NO_TRUST
) -> Segmentation:
    """Plan the segmentation of a file or a folder of images.

    Parameters
    ----------
    source
        Volumes of any names, formats and layout that `convert` reads, including folders of DICOM slices.
    output
        Folder to make.
    asked
        What is asked for.
    trust
        Which parts of the models may be code; they are judged when they are loaded.

    Raises
    ------
    SegconvError
        ``SC001`` for an output that is called like a file; ``SC010``, ``SC011`` for the source; ``SC020`` for an output
        that holds it, or is in it; ``SC190`` without TotalSegmentator; ``SC191`` for an unknown task or class;
        ``SC199`` if nothing says whether images are CT or MR; ``SC200`` without a licence for a task that needs one.
    Refused
        With the errors of all cases if none can be segmented; ``SC192`` for missing weights. Nothing is downloaded.
    """
    output = output.absolute()
    if volumes.ending_of(output.name) is not None:
        raise SegconvError(f"{output.name} is the name of a file; results are a folder", hint="name a folder to make")
    refuse_holding(output, {"the input": source})
    refuse_within(output, "the input", source)
    reading = replace(asked.reading, strip_headers=True)
    cases, findings = scan_usable_inputs(source, _described("image"), reading)
    if not cases:
        raise Refused(reasons=findings)
    stated = {case.case: modality for case in cases if (modality := stated_modality(case))}
    task, why = task_for(asked.task, asked.modality, stated, len(cases))
    request = Request(task, asked.mode, asked.subset)
    cases, others = _of_modality(cases, stated, request, declared=asked.modality is not None)
    errors = [*(found for found in findings if found.severity == "error"), *others]
    if not cases:
        raise Refused(reasons=errors)
    licence, models = request.licence(), request.models()
    refuse_holding(output, {"a model of TotalSegmentator": models[0]})
    why += "; its licence number is set" if request.known.needs_licence else ""
    images = input_tasks(cases, source, _described(request.known.modality), reading)
    plan = Plan(
        Target(output, output.name, lineage.manifest(SEGMENTED)),
        source_root(source),
        tuple(_item(image, request, masks=asked.masks) for image in images),
        {"command": SEGMENTED, "request": request.as_json(), "masks": asked.masks, **reading.prepared.as_json()},
        tuple(found for found in findings if found.severity != "error"),
    )
    return Segmentation(request, asked.masks, plan, tuple(errors), why, tuple(models), licence, trust)


def _described(channel: str) -> DatasetDescription:
    """Return what stands for the dataset of a model with one channel."""
    return DatasetDescription((channel,), Labels({BACKGROUND: 0}), WORKING, 0)


def _of_modality(
    cases: Sequence[SourceCase], stated: Mapping[str, str], request: Request, *, declared: bool
) -> tuple[list[SourceCase], list[Finding]]:
    """Return the cases that a task is for, and an error for each whose file states another modality.

    Parameters
    ----------
    declared
        Whether the user says what the images are: then files may state anything but the other of CT and MR.
    """
    own = request.known.modality
    wrong = [
        case
        for case in cases
        if (said := stated.get(case.case, own)) != own and not (declared and said not in OF_MODALITY)
    ]
    return [case for case in cases if case not in wrong], [_other(case, stated[case.case], request) for case in wrong]


def _other(case: SourceCase, modality: str, request: Request) -> Finding:
    what = f"states that it is {modality}; the task {request.task} is for {request.known.modality}"
    own = OF_MODALITY.get(modality)
    hint = f"segment it with {own}" if own else "take it out of the folder"
    cure = Cure("choose_task" if own else "name_modality")
    return Finding("SC199", what, hint=hint, file=case.original_name, cures=(cure,))


def _item(image: CaseTask, request: Request, *, masks: bool) -> Item:
    case = image.source
    stored = StoredLabel(ENDING, form=LAYERS, masks=_masks(request)) if masks else StoredLabel(ENDING)
    names = {} if masks else request.classes
    result = RestoreTask("", WORKING, case.case, case.original_name, _table(request), stored, names=names)
    own = image.item()
    nbytes = int(own.nbytes * LABEL_SHARE)
    return Item(case.case, own.sources, result.outputs, SegmentTask(image, request, result), nbytes)


def _masks(request: Request) -> tuple[StoredMask, ...]:
    return tuple(StoredMask(name, f"{name}{ENDING}", 1, "uint8", (value,)) for value, name in request.classes.items())


def _table(request: Request) -> LabelTable:
    """Return the table that leaves values as they are; a subset has gaps, which the labels of a dataset have not."""
    return LabelTable(Labels({BACKGROUND: 0}), {value: value for value in (0, *request.classes)})


def report(planned: Segmentation) -> dict[str, Any]:
    """Return what would be done, as the object that ``--json`` prints."""
    return {
        "output": str(planned.plan.target.path),
        **planned.request.as_json(),
        "masks": planned.masks,
        "classes": {str(value): name for value, name in planned.request.classes.items()},
        "models": [str(model) for model in planned.models],
        "cases": [{"case": item.case, "files": list(item.outputs)} for item in planned.plan.items],
    }
