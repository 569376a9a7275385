"""Plan and preprocess a dataset so that nothing incomplete is left, and nothing is made twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from .. import reading
from ..dataset.layout import DESCRIPTION, Dataset
from ..dataset.strictjson import dumps, load_object, read_file
from ..errors import Cure, Finding, SegconvError, refuse_if_any
from ..image.opened import decoded_bytes
from ..work import fsops
from ..work.memory import available_bytes
from ..work.writing import writing
from .child import ChildFailed
from .commands import Place, PlanOptions, make_fingerprint, make_plans, preprocess
from .inputs import FINGERPRINT, products, remember, snapshot
from .paths import Paths
from .planned_networks import with_networks
from .planner_list import CONFIGURATIONS, refuse_unknown
from .planning_folder import PlanningFolder
from .planning_progress import PREPROCESSING, STARTING, UNHEARD, Follower, Reporting
from .plans import configuration, plans_in, read_plans
from .plans_in_use import others_with, refuse_change_under_models, shared
from .plans_names import PlansNames
from .preprocessing_settings import settings
from .reuse import (
    REFERENCES,
    fingerprint_holds,
    have_references,
    link_cases,
    link_or_copy,
    obstacle,
    record_of,
    reusable,
    settings_in,
)
from .stages import kept_configurations, link_stages, previous_stage
from .unplanned import refuse_unplanned
from .worker_processes import affordable_processes

_AS_32_BITS = 2
"""Ratio of 32-bit numbers to stored ones, which mostly have 16 bits."""

_BY_DEFAULT = ("2d", "3d_fullres", "3d_lowres")
"""What nnU-Net preprocesses by default; 3d_cascade_fullres has the cases of 3d_fullres."""


@dataclass(frozen=True)
class Plan:
    """What was planned and preprocessed.

    Parameters
    ----------
    folder
        The preprocessed dataset.
    plans_name
        Name of the plans.
    made, kept
        Folder of cases → number of cases that were preprocessed, and of those that were as they should be.
    first
        The configuration to train first.
    """

    folder: Path
    plans_name: str
    made: Mapping[str, int]
    kept: Mapping[str, int]
    first: str


def plan_and_preprocess(
    dataset: Dataset,
    paths: Paths,
    options: PlanOptions,
    names: PlansNames,
    *,
    jobs: int = 1,
    largest_bytes: int = 0,
    reporting: Reporting = UNHEARD,
    examine: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> Plan:
    """Fingerprint, plan and preprocess a dataset; what would come out as it is already is kept.

    nnU-Net works in a folder of its own, whose content takes its place at the end. Until then, plans and cases stay as
    they are.

    Parameters
    ----------
    names
        What the plans are called; see `plans_names`.
    jobs
        Number of processes; fewer are used if the memory is not enough.
    largest_bytes
        Decoded size of the largest case, in 32 bits; 0 if unknown.
    examine
        Called with the plans before anything is preprocessed; it may raise, and then nothing is replaced.

    Raises
    ------
    SegconvError
        ``SC001`` for names that do not exist, ``SC010`` for plans to be kept that do not exist; ``SC143`` if models
        were trained with the plans and they would change, or if preprocessed cases of other plans would; ``SC021``,
        ``SC031``, ``SC032``; what `run_nnunet` raises.
    """
    plans_name = names.final
    folder = paths.require("preprocessed") / dataset.path.name
    known = _known(folder, plans_name, options)
    refuse_unknown(options.configurations, known, partial(options.planning, dataset.name.id))
    room = PlanningFolder(paths.require("preprocessed"), dataset.path.name)
    room.begin()
    follower = Follower(reporting.heard)
    place = Place(
        dataset.name, paths, room.preprocessed, _affordable(jobs, largest_bytes, reporting), reporting.tell, follower
    )
    work = _Planning(dataset, paths, options, names, room, place, reporting)
    try:
        work.plan()
        work.refuse_harm()
        examine(work.plans)
    except SegconvError:
        if not work.keep_fingerprint():
            room.remove()
        raise
    try:
        work.preprocess()
    except ChildFailed as error:
        error.advise(error.hint, [*error.cures, Cure.of("same_command_resumes")])
        raise
    try:
        dataset.held.refuse_if_changed()
    except SegconvError:
        room.remove()  # it may be made of two datasets
        raise
    room.put_in_place(work.products())
    return Plan(folder, plans_name, work.made, work.kept, work.first)


def largest_case_bytes(dataset: Dataset) -> int:
    """Return the size of the largest case in memory, all channels in 32 bits; 0 if no header can be read."""
    sizes = [0]
    for case in dataset.cases():
        with suppress(SegconvError, OSError):  # the check reports it, or nnU-Net does
            sizes.append(_AS_32_BITS * sum(decoded_bytes(str(path)) for path in dataset.stored_images(case)))
    return max(sizes)


def _known(folder: Path, plans_name: str, options: PlanOptions) -> list[str]:
    """Return the configurations that exist already, or that a planner may make."""
    path = folder / f"{plans_name}.json"
    if options.keep_plans:
        return list(read_plans(path)["configurations"])
    existing = read_plans(path)["configurations"] if os.path.lexists(path) else ()
    return list(dict.fromkeys((*CONFIGURATIONS, *existing)))


def _affordable(jobs: int, largest_bytes: int, reporting: Reporting) -> int:
    fit = affordable_processes(jobs, available_bytes(), largest_bytes)
    if fit < jobs:
        reporting.note(f"{fit} of {jobs} workers: the free memory is not enough for more")
    return fit


class _Planning:
    """The steps, in the folder where nnU-Net works."""

    def __init__(
        self,
        dataset: Dataset,
        paths: Paths,
        options: PlanOptions,
        names: PlansNames,
        room: PlanningFolder,
        place: Place,
        reporting: Reporting,
    ) -> None:
        self._dataset = dataset
        self._paths = paths
        self._options = options
        self._names = names
        self._plans_name = names.final
        self._room = room
        self._place = place
        self._reporting = reporting
        self._seen = snapshot(dataset)
        self.made: dict[str, int] = {}
        self.kept: dict[str, int] = {}

    @property
    def _file(self) -> Path:
        return self._room.made / f"{self._plans_name}.json"

    @property
    def _written(self) -> Path:
        """The plans that the planner writes."""
        return self._room.made / f"{self._names.by_planner}.json"

    @cached_property
    def plans(self) -> dict[str, Any]:
        """The plans that were made."""
        return read_plans(self._file)

    @cached_property
    def _before(self) -> dict[str, Any] | None:
        """The plans of this name, if they exist."""
        path = self._room.final / f"{self._plans_name}.json"
        return read_plans(path) if os.path.lexists(path) else None

    @property
    def first(self) -> str:
        """The first configuration that was asked for, or that of full resolution; of a cascade, the first stage."""
        names = list(self._options.configurations or self._wanted.values())
        if "3d_fullres" in names and not self._options.configurations:
            names.insert(0, "3d_fullres")
        return previous_stage(configuration(self.plans, names[0])) or names[0]

    def plan(self) -> None:
        """Make fingerprint and plans, or copy plans that are kept."""
        made = self._room.made
        self._reporting.begin(STARTING)
        fresh = self._take_fingerprint()
        with writing(made):
            if self._options.keep_plans and self._before is not None:
                fsops.write_new(self._file, dumps(self._before))
                fsops.write_new(made / DESCRIPTION, read_file(self._dataset.path / DESCRIPTION))
                if not fresh and not (self._room.final / FINGERPRINT).exists():
                    make_fingerprint(self._place)  # which trainings copy, though nothing looks at it
                return
            if self._before is not None:
                fsops.write_new(self._written, dumps({"configurations": kept_configurations(self._before)}))
        if not (fresh or self._options.again) and (self._room.final / FINGERPRINT).exists():
            self._reporting.note("the dataset changed: its fingerprint is made again")
        make_plans(self._place, self._options, self._names.by_planner, verify=not fresh)
        linked = link_stages(self._with_network(read_plans(self._written)))
        with writing(self._file):
            if self._written != self._file:
                fsops.unlink(self._written)
            fsops.write_atomic(self._file, dumps(linked))
            fsops.unlink(made / "splits_final.json")  # the flow carries folds over

    def _with_network(self, plans: dict[str, Any]) -> dict[str, Any]:
        if self._options.network is None:
            return plans
        return with_networks(plans, self._options.network, self._names.final, self._serves)

    def _serves(self, data: str, plans: Mapping[str, Any], name: str) -> bool:
        """Return whether a folder of cases, if it exists, was made as a configuration needs it."""
        return settings_in(self._room.final, data) in (None, settings(plans, name))

    def _take_fingerprint(self) -> bool:
        """Copy a fingerprint that still holds; return whether there is one."""
        if self._options.again:
            return False
        for folder in (self._room.final, self._room.earlier):  # the latter may be of a planning that was refused
            if fingerprint_holds(self._dataset, folder):
                with writing(self._room.made):
                    link_or_copy(folder / FINGERPRINT, self._room.made / FINGERPRINT)
                return True
        return False

    def keep_fingerprint(self) -> bool:
        """Record what a new fingerprint was made from, so that the next run can use it; return whether there is one."""
        made = self._room.made / FINGERPRINT
        if not made.is_file() or fingerprint_holds(self._dataset, self._room.final):
            return False
        remember(self._room.made, self._seen, {})
        return True

    def refuse_harm(self) -> None:
        """Refuse configurations that were not planned, and changes under models and under other plans."""
        refuse_unplanned(self._options.configurations, list(self.plans["configurations"]), self._again)
        if self._before is not None:
            refuse_change_under_models(self._paths, self._dataset.path.name, self._plans_name, self._before, self.plans)
        refuse_if_any(
            finding for data, name in self._wanted.items() if (finding := self._conflict(data, name)) is not None
        )

    def _again(self, configurations: Sequence[str]) -> Cure:
        """Return the command that was given, for other configurations."""
        return self._options.planning(self._dataset.name.id, configurations)

    def _conflict(self, data: str, name: str) -> Finding | None:
        before = settings_in(self._room.final, data)
        if before is None or before == settings(self.plans, name):
            return None
        others = others_with(data, plans_in(self._room.final), self._plans_name)
        return next((shared(data, plans, each, self._room.final / data) for plans, each in others), None)

    @cached_property
    def _wanted(self) -> dict[str, str]:
        """Folder of cases → a configuration that uses it."""
        found: dict[str, str] = {}
        planned = self.plans["configurations"]
        usual = [name for name in _BY_DEFAULT if name in planned]
        for name in self._options.configurations or usual or planned:
            previous = previous_stage(configuration(self.plans, name))
            for each in filter(None, (name, previous)):
                found.setdefault(str(configuration(self.plans, each)["data_identifier"]), each)
        return found

    def preprocess(self) -> None:
        """Preprocess the cases that have to be made."""
        sources = {data: self._sources(data, name) for data, name in self._wanted.items()}
        with writing(self._room.made):
            for data in self._wanted:
                fsops.mkdir(self._room.made / data)
            remember(self._room.made, self._seen, {})  # so that what an interrupted run leaves can be used
        for missing, names in self._groups(sources).items():
            self._run(missing, names)
        with writing(self._room.made):
            for data, found in sources.items():
                for folder, cases in found.items():
                    link_cases(folder / data, self._room.made / data, sorted(cases))
            remember(self._room.made, self._seen, {})

    def _groups(self, sources: dict[str, dict[Path, set[str]]]) -> dict[tuple[str, ...], list[str]]:
        """Return which cases to make for which configurations; count them."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for data, name in self._wanted.items():
            done = set().union(*sources[data].values())
            todo = tuple(case for case in self._dataset.cases() if case not in done)
            self.made[data], self.kept[data] = len(todo), len(done)
            if todo:
                groups.setdefault(todo, []).append(name)
        if not groups and not have_references(self._dataset, self._room.final):
            # nnU-Net copies the references after it has preprocessed something.
            data, name = list(self._wanted.items())[-1]
            sources[data] = {}
            self.made[data], self.kept[data] = len(self._dataset.cases()), 0
            groups[tuple(self._dataset.cases())] = [name]
        return groups

    def _sources(self, data: str, name: str) -> dict[Path, set[str]]:
        """Return where cases are that need not be made, and which."""
        wanted = settings(self.plans, name)
        if not self._options.again and (why := obstacle(self._dataset, self._room.final, data, wanted)):
            self._reporting.note(f"all cases of {data} are made again: {why}")
        found: dict[Path, set[str]] = {}
        for folder in () if self._options.again else (self._room.final, self._room.earlier):
            taken = set().union(*found.values())
            found[folder] = reusable(self._dataset, folder, data, wanted) - taken
        return found

    def _run(self, cases: Sequence[str], names: Sequence[str]) -> None:
        """Let nnU-Net preprocess some cases: those that its copy of dataset.json lists."""
        copy = self._room.made / DESCRIPTION
        whole = read_file(copy)
        if len(cases) < len(self._dataset.cases()):
            with writing(copy):
                fsops.write_atomic(copy, dumps({**load_object(whole), "dataset": self._listed(cases)}))
        self._reporting.begin(PREPROCESSING)
        preprocess(self._place, self._plans_name, names)
        with writing(copy):
            fsops.write_atomic(copy, whole)

    def _listed(self, cases: Sequence[str]) -> dict[str, Any]:
        """Return where nnU-Net finds cases: relative to the dataset, as it would replace ``$`` in absolute paths."""
        dataset = self._dataset
        return {
            case: {
                "images": [os.path.relpath(path, dataset.path) for path in dataset.stored_images(case)],
                "label": os.path.relpath(dataset.label_file(case), dataset.path),
            }
            for case in cases
        }

    def products(self) -> list[str]:
        """Return what was made: cases, references, records, and last the plans."""
        made = self._room.made
        found = [*products(made), *(record_of(name) for name in products(made))]
        found += [name for name in (REFERENCES, DESCRIPTION) if reading.is_there(made / name)]
        return [*found, self._file.name]
