"""Detect the kind of a source: from the options if they decide it, otherwise from its files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ... import reading
from ...dataset.folders import TRAINING
from ...errors import Cure, Finding, Refused, SegconvError
from ...image import raster, volumes
from ..find.image_folder import image_folder
from ..listing import leads_to_folder
from ..model import ConvertOptions
from ..sources import masks
from ..sources.registry import KINDS, kind_named
from ..survey import Survey
from ..tasks.task_json import JSON, refuse_unreadable
from ..tree import OWN_FOLDERS, Unit, units_in

SHOWN_TASKS = 3
"""Maximum number of tasks below the source that a hint names."""


def detect(survey: Survey) -> tuple[str, str]:
    """Return the kind of a source, and the evidence: options if they decide it, otherwise what the files say.

    Raises
    ------
    SegconvError
        ``SC011`` if it is of no known kind, ``SC003`` if it could be two, or holds tasks that
        declare more than their folders say, ``SC010`` if it looks like a task that lost its
        dataset.json; and the errors of `refuse_unreadable`.
    """
    if (described := _described(survey)) is not None:
        return described
    refuse_unreadable(survey)
    root = survey.root
    plain = survey.again(ConvertOptions())
    evidence = {key: found for key in KINDS if (found := kind_named(key).recognise(plain.again())) is not None}
    if survey.options.spacing_mm is not None and evidence.keys() <= {"png", "masks"}:
        return "pairs", "with a spacing, pictures are slices of volumes"
    if not reading.is_there(root / JSON):
        _refuse_without_json(plain, evidence)
    return _only_reading(survey, evidence)


def _only_reading(survey: Survey, evidence: Mapping[str, str]) -> tuple[str, str]:
    """Return the only kind for which there is evidence; refuse a source with none or several."""
    root = survey.root
    if not evidence:
        if survey.options.masks is not None:
            cures = (Cure("name_images_and_masks"),)
            raise SegconvError("there is a pattern of masks, but none of images", hint="give both", cures=cures)
        from .unknown import of_unknown

        raise of_unknown(survey.again(ConvertOptions()))
    if evidence.keys() == {"pairs", "masks"}:
        from .two_readings import refuse_two_readings

        refuse_two_readings(survey)
    if len(evidence) > 1:
        readings = "; ".join(f"{key}: {found}" for key, found in evidence.items())
        raise SegconvError(
            f"can be read in {len(evidence)} ways: {readings}",
            code="SC003",
            file=str(root),
            cures=[Cure.of("convert_as", kind=key) for key in evidence],
        )
    return next(iter(evidence.items()))


def _refuse_without_json(survey: Survey, evidence: Mapping[str, str]) -> None:
    """Refuse a source without dataset.json that holds tasks, masks of classes, or a task that lost its json."""
    from .class_layouts import refuse_class_folders

    root = survey.root
    tasks = _tasks_below(root)
    if evidence:  # the source is next to the datasets made from it
        tasks = [task for task in tasks if task.relative_to(root).parts[0] not in OWN_FOLDERS]
    if tasks:
        raise _holding_tasks(root, tasks, evidence)
    if evidence.keys() <= {"png", "pairs"}:
        refuse_class_folders(survey)
    if not evidence and reading.is_folder(root / TRAINING.images):
        raise SegconvError(
            f"does not exist beside {TRAINING.images}: nothing else names channels and labels",
            code="SC010",
            file=str(root / JSON),
            hint="restore it from its origin",
            cures=(Cure("read_msd_folders"),),
        )


def _tasks_below(root: Path) -> list[Path]:
    """Return the folders one or two levels down that are tasks or datasets with their own dataset.json."""
    near = [*_folders_in(root), *(inner for outer in _folders_in(root) for inner in _folders_in(outer))]
    found = [folder for folder in near if os.path.exists(folder / TRAINING.images)]
    return sorted(folder for folder in found if reading.is_there(folder / JSON, links_followed=False))


def _folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder; none if it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return [folder / entry.name for entry in filter(leads_to_folder, entries)]
    except OSError:
        return []


def _holding_tasks(root: Path, tasks: list[Path], evidence: Mapping[str, str]) -> SegconvError:
    """Return the refusal of a folder around tasks: as plain folders, they would lose what their json declares."""
    more = f" and {len(tasks) - 1} more" if len(tasks) > 1 else ""
    return SegconvError(
        f"is not a task, but holds {tasks[0].relative_to(root)}{more}, with a dataset.json of its own",
        code="SC003",
        file=str(root),
        cures=(
            *(Cure.of("convert_folder", source=task) for task in tasks[:SHOWN_TASKS]),
            *(Cure.of("convert_without_json", kind=key) for key in evidence),
        ),
    )


def _described(survey: Survey) -> tuple[str, str] | None:
    """Return the kind of a source that a list, patterns or the name of an image describe, and the evidence."""
    options = survey.options
    if options.image:
        return "masks", f"an image called {options.image[0]}"
    if options.pairs is not None:
        from ..find.lists import pair_by_list

        pairing = pair_by_list(options.pairs, survey.root, volumes.strip_ending)
    elif (found := _masks_of_images_elsewhere(survey)) is not None:
        return "masks", f"{found}, and images in {options.images[0]}"
    elif options.images:
        from ..find.patterns import pair_by_patterns
        from ..volumes.volume_units import volume_units

        units = [*volume_units(survey.again())[0], *units_in(survey.again(), raster.ending_of)[0]]
        pairing = pair_by_patterns(units, options.images, options.masks, survey.root)
    else:
        return None
    evidence = pairing.folders[0]
    if not pairing.pairs:
        none = Finding("SC011", f"{evidence} names no case", file=str(survey.root))
        raise Refused(reasons=pairing.findings or (none,))
    first = pairing.pairs[0].first_image
    if options.spacing_mm is None and _is_picture(survey.root, first):
        return "png", f"{evidence} with pictures such as {first.path}"
    return "pairs", f"{evidence} with volumes such as {first.path}"


def _is_picture(root: Path, unit: Unit) -> bool:
    named = unit.parts is None and raster.ending_of(unit.path) is not None
    return named and not reading.is_folder(root / unit.path)


def _masks_of_images_elsewhere(survey: Survey) -> str | None:
    """Return the evidence for masks whose images are in a folder that the user names, or None."""
    if survey.options.masks is not None or image_folder(survey.root, survey.options) is None:
        return None
    return masks.recognise(survey)
