"""Which kind a source is: what the options leave no choice about, else what its files say."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from ... import reading
from ...errors import Finding, Refused, SegconvError
from ...image import raster, volumes
from ..classes.class_folders import refuse_class_folders
from ..find.lists import pair_by_list
from ..find.mask_folders import image_folder
from ..find.patterns import pair_by_patterns
from ..recognise.two_readings import refuse_two_readings
from ..recognise.unknown import of_unknown
from ..sources import masks
from ..sources.registry import KINDS
from ..survey import Survey
from ..tasks.task_json import JSON, refuse_unreadable
from ..tree import OWN_FOLDERS, units_in
from ..volumes.volume_units import volume_units

SHOWN_TASKS = 3
"""Tasks below the source that a hint names."""


def detect(survey: Survey) -> tuple[str, str]:
    """Return the kind of a source, and the evidence: what options leave no choice about, else what the files say.

    Raises
    ------
    SegconvError
        ``SC011`` if it is none that is known, ``SC003`` if it could be two, or holds tasks that
        declare more than their folders tell, ``SC010`` if it looks like a task that lost its
        dataset.json; what `refuse_unreadable` raises.
    """
    root, options = survey.root, survey.options
    told = _told(survey)
    if told is not None:
        return told
    refuse_unreadable(survey)
    evidence = {key: found for key, kind in KINDS.items() if (found := kind.recognise(Survey(root))) is not None}
    if options.spacing_mm is not None and evidence.keys() <= {"png", "masks"}:
        return "pairs", "--spacing makes volumes of pictures"
    if not reading.is_there(root / "dataset.json"):
        tasks = _tasks_below(root)
        if evidence:  # the source that lies beside the datasets made of it
            tasks = [task for task in tasks if task.relative_to(root).parts[0] not in OWN_FOLDERS]
        if tasks:
            raise _holding_tasks(root, tasks, evidence)
    if evidence.keys() <= {"png", "pairs"} and not reading.is_there(root / "dataset.json"):
        refuse_class_folders(root)
    if not evidence and reading.is_folder(root / "imagesTr") and not reading.is_there(root / "dataset.json"):
        raise SegconvError(
            "is not there beside imagesTr: nothing tells channels and labels",
            code="SC010",
            file=str(root / "dataset.json"),
            hint="restore it; or --from msd --channels CT --labels background=0,organ=1 reads the folders alone",
        )
    if not evidence:
        if options.masks is not None:
            raise SegconvError("--masks needs --images", hint="give both patterns")
        raise of_unknown(Survey(root))
    if evidence.keys() == {"pairs", "masks"}:
        refuse_two_readings(survey)
    if len(evidence) > 1:
        readings = "; ".join(f"{key}: {found}" for key, found in evidence.items())
        raise SegconvError(
            f"can be read in {len(evidence)} ways: {readings}",
            code="SC003",
            file=str(root),
            hint=" or ".join(f"segconv convert {root} --from {key} …" for key in evidence),
        )
    return next(iter(evidence.items()))


def _tasks_below(root: Path) -> list[Path]:
    """Return the folders one or two levels down that are tasks or datasets with a dataset.json of their own."""
    found = [folder.parent for depth in ("*", "*/*") for folder in root.glob(f"{depth}/imagesTr")]
    return sorted(folder for folder in found if reading.is_there(folder / JSON, links_followed=False))


def _holding_tasks(root: Path, tasks: list[Path], evidence: Mapping[str, str]) -> SegconvError:
    """Return the refusal of a folder around tasks: read as folders, it would lose what their json declares."""
    more = f" and {len(tasks) - 1} more" if len(tasks) > 1 else ""
    commands = [f"segconv convert {shlex.quote(str(task))} …" for task in tasks[:SHOWN_TASKS]]
    commands += [f"segconv convert {shlex.quote(str(root))} --from {key} …" for key in evidence]
    apart = "; the last takes the folders alone, without what the json says" if evidence else ""
    return SegconvError(
        f"is no task, but holds {tasks[0].relative_to(root)}{more}, with a dataset.json of its own",
        code="SC003",
        file=str(root),
        hint=" or ".join(commands) + apart,
    )


def _told(survey: Survey) -> tuple[str, str] | None:
    """Return the kind of a source that a list, patterns or ``--image`` describe, and the evidence."""
    root, options = survey.root, survey.options
    if options.image:
        return "masks", f"--image {options.image[0]}"
    if options.pairs is not None:
        pairing = pair_by_list(options.pairs, root, volumes.strip_ending)
        evidence = f"--pairs {options.pairs.name}"
    elif options.masks is None and image_folder(root, options) is not None and (found := masks.recognise(survey)):
        return "masks", f"{found}, and --images {options.images[0]}"
    elif options.images:
        units = [*volume_units(survey.again())[0], *units_in(survey.again(), raster.ending_of)[0]]
        pairing = pair_by_patterns(units, options.images, options.masks, root)
        evidence = pairing.folders[0]
    else:
        return None
    if not pairing.pairs:
        raise Refused(reasons=pairing.findings or (Finding("SC011", f"{evidence} names no case", file=str(root)),))
    first = next(iter(pairing.pairs[0].images.values()))
    pictures = (
        first.parts is None and raster.ending_of(first.path) is not None and not reading.is_folder(root / first.path)
    )
    if pictures and options.spacing_mm is None:
        return "png", f"{evidence} with pictures such as {first.path}"
    return "pairs", f"{evidence} with volumes such as {first.path}"
