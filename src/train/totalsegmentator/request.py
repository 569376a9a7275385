"""What is asked of TotalSegmentator for every case, and what this machine needs for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from ...errors import Cure, SegconvError
from ...words import count_of
from . import registry
from .home import licence_of
from .weights import Mode, complete_models, home_folder, needed, weights_folder

OF_MODALITY = {"CT": "total", "MR": "total_mr"}
"""Modality → the task for it, if no task is named."""


@dataclass(frozen=True)
class Request:
    """A task of TotalSegmentator, and its options that decide the voxels of the result.

    Parameters
    ----------
    task
        Name of the task.
    mode
        Without, with ``--fast`` or with ``--fastest`` of TotalSegmentator.
    subset
        Classes to segment, of the tasks that can; all if empty.

    Raises
    ------
    SegconvError
        ``SC191`` if there is no such task or class.
    """

    task: str
    mode: Mode = "normal"
    subset: tuple[str, ...] = ()
    known: registry.Task = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", registry.find_task(self.task))
        registry.refuse_unknown_classes(self.task, self.subset)

    @cached_property
    def classes(self) -> dict[int, str]:
        """Value → name of each class of the result."""
        return {value: name for value, name in self.known.classes.items() if not self.subset or name in self.subset}

    def as_json(self) -> dict[str, Any]:
        """Return what decides the result, for the lineage and for resuming: versions are part of it."""
        versions = {name: metadata.version(name) for name in (registry.PACKAGE, "nnunetv2")}
        return {"task": self.task, "mode": self.mode, "subset": list(self.subset), "versions": versions}

    def options(self, image: Path, result: Path) -> dict[str, Any]:
        """Return the options of TotalSegmentator's function for one case.

        All classes come in one label map: it is written once, and separate masks are made of it.
        """
        return {
            "input": str(image),
            "output": str(result),
            "ml": True,
            "task": self.task,
            "fast": self.mode == "fast",
            "fastest": self.mode == "fastest",
            "roi_subset": list(self.subset) or None,
            "quiet": True,
        }

    def models(self) -> list[Path]:
        """Return the folders of all models that it needs.

        Raises
        ------
        Refused
            ``SC192`` for each that is missing or incomplete.
        SegconvError
            ``SC001`` for a mode or a subset that TotalSegmentator refuses for the task.
        """
        return complete_models(needed(self.task, self.mode, roi_subset=bool(self.subset)), weights_folder())

    def licence(self) -> str:
        """Return the user's licence number; empty if none is set.

        Raises
        ------
        SegconvError
            ``SC200`` if the task needs one and there is none.
        """
        home = home_folder()
        number = licence_of(home)
        if self.known.needs_licence and not number:
            raise SegconvError(
                f"the task {self.task} needs a licence number of TotalSegmentator, and {home} has none",
                code="SC200",
                hint="its authors give it away for research; totalseg_set_license stores it",
            )
        return number


def task_for(task: str | None, modality: str | None, stated: Mapping[str, str], count: int) -> tuple[str, str]:
    """Return the task to run, and a sentence that says what decided about CT or MR.

    Grey values are never looked at: what neither the user nor the files state is asked.

    Parameters
    ----------
    task, modality
        As the user gave them, or None; the modality is ``"CT"`` or ``"MR"``.
    stated
        Case → modality that its file states, for those that do.
    count
        Number of cases.

    Raises
    ------
    SegconvError
        ``SC199`` if nothing says whether images are CT or MR, or if files state both; ``SC191`` if there is no such
        task; ``SC001`` if task and modality contradict each other.
    """
    by_files = f"as {len(stated)} of {count} files state" if stated else "which the files do not say"
    said = "as you say" if modality else by_files
    if task is not None:
        own = registry.find_task(task).modality
        if modality not in (None, own):
            what = f"the task {task} is for {own}, not for {modality}"
            raise SegconvError(what, hint=f"the task {OF_MODALITY[str(modality)]} is for {modality}")
        return task, f"task {task}: the images count as {own}, {said}"
    kinds = {modality} if modality else {*stated.values()}
    if len(kinds) != 1 or not kinds <= OF_MODALITY.keys() or not (modality or len(stated) == count):
        raise _unknown_modality(stated, count)
    (own,) = map(str, kinds)
    return OF_MODALITY[own], f"task {OF_MODALITY[own]}: the images count as {own}, {said}"


def _unknown_modality(stated: Mapping[str, str], count: int) -> SegconvError:
    kinds = sorted({*stated.values()})
    if not kinds:
        what = "nothing says whether the images are CT or MR"
    else:
        rest = count - len(stated)
        others = f", and {count_of(rest, 'file')} say{'s' if rest == 1 else ''} nothing" if rest else ""
        what = f"the files state {' and '.join(kinds)}{others}; a run is for one of CT and MR"
    return SegconvError(what, code="SC199", cures=[Cure("name_modality"), Cure("choose_task")])
