"""Rehearse a training: the user's dataset.json, plans, trainer, network and planner on a tiny dataset.

In order of cost: what files show, then trainer and network in a process of their own, then trainings of seconds, one of
which is killed and resumed, and at last predictions that come back under the user's names and values.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...dataset.layout import Dataset
from ...dataset.regions import prove_order
from ...errors import Cure, Finding, Interrupted, SegconvError
from ...train.child import commands
from ...train.commands import Tell
from ...train.model import DEFAULT_PLANS, DEFAULT_TRAINER, Model, log_file, plans_file
from ...train.own_planner import is_own, name_of_own
from ...train.paths import Paths
from ...train.planner_list import ROOT as USUAL_PLANNER
from ...train.planner_list import find_planner, list_planners
from ...train.plans import configuration, read_plans
from ...train.rehearsal.estimates import Estimate, estimate, lacking, preprocessed_bytes, total
from ...train.rehearsal.leftovers import ADOPTED
from ...train.rehearsal.patches import indivisible_patches
from ...train.rehearsal.playing import BEGIN, FINISH, Heard, Played, play
from ...train.rehearsal.small import chosen
from ...train.untrusted_models import NO_TRUST, Trust
from ...work.scratch import Warn
from .predicting import predict_all
from .room import CASES, Room, room

ROOM_BYTES = 512 << 20
"""What a rehearsal takes on the disk, at most for nnU-Net's own networks."""


@dataclass(frozen=True)
class Rehearsing:
    """What to rehearse.

    Parameters
    ----------
    configurations
        Names; ``2d`` and ``3d_fullres``, as far as they are planned, if empty.
    trainer
        Name of the trainer class.
    plans
        Name of the plans.
    planner
        Name of the planner class, or the path of one of the user's own; the one that made the plans if None.
    """

    configurations: tuple[str, ...] = ()
    trainer: str = DEFAULT_TRAINER
    plans: str = DEFAULT_PLANS
    planner: str | None = None


@dataclass
class Rehearsal:
    """How a rehearsal went.

    Attributes
    ----------
    steps
        What succeeded, in order.
    findings
        Why it stopped, and what else is wrong; errors mean that the real training would fail.
    estimates
        What the real training will take, for each configuration.
    configurations
        Those that were rehearsed.
    log
        File with everything that nnU-Net wrote.
    planned
        Whether the plans are the user's; otherwise they were made for the tiny dataset.
    cascade
        Whether the last configuration is the second stage of a cascade.
    """

    log: Path
    planned: bool
    cascade: bool = False
    steps: list[Played] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    estimates: list[Estimate] = field(default_factory=list)
    configurations: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not any(finding.severity == "error" for finding in self.findings)

    @property
    def seconds(self) -> float:
        """Time of all steps."""
        return sum(step.seconds for step in self.steps)


def rehearse(
    dataset: Dataset,
    paths: Paths,
    options: Rehearsing,
    trust: Trust = NO_TRUST,
    *,
    tell: Tell | None = None,
    heard: Heard | None = None,
    warn: Warn | None = None,
) -> Rehearsal:
    """Go from planning to restored predictions on a tiny dataset, with everything else as the user's.

    Nothing of the user's is changed; the plans may be missing, and then those of the planner count. Plans with classes
    of other modules than nnU-Net's are refused unless `trust` allows them.

    Parameters
    ----------
    tell
        Called with each line that nnU-Net writes.
    heard
        Called with each step that succeeded.
    warn
        Called with warnings about files of others in the work folder, which stay there.

    Returns
    -------
    rehearsal
        Errors that a rehearsal is made for are in its findings, and not raised.

    Raises
    ------
    SegconvError
        ``SC041`` if nnunetv2 is not installed, ``SC040`` if a folder is not set, ``SC001`` for a configuration that is
        not planned or a planner that does not exist, ``SC166`` or ``SC188`` for a path that names no planner,
        ``SC064`` for plans that name foreign classes, ``SC032`` if the disk is full already; what `room` raises.
    Interrupted
        By Ctrl-C or SIGTERM; nothing is left.
    """
    commands()
    if options.planner is not None and not is_own(options.planner):
        find_planner(options.planner, list_planners())
    found = _Look.at(dataset, paths, options, trust)
    log = log_file(paths, dataset.path.name, "rehearse")
    made = Rehearsal(log, found.plans is not None, found.is_cascade, configurations=list(found.names))
    made.findings += _seen(found)
    if not made.ok:
        return made
    _refuse_full(paths.require("preprocessed"))

    def hear(played: Played) -> None:
        made.steps.append(played)
        if heard is not None:
            heard(played)

    with room(dataset, paths, found.plans, found.names, warn) as work:
        try:
            _perform(found, work, made, trust, tell or (lambda _: None), hear)
        except Interrupted as error:
            error.message, error.hint = "the rehearsal was interrupted", "nothing of it is left: run it again"
            raise
        except SegconvError as error:
            made.findings += error.findings
    return made


@dataclass(frozen=True)
class _Look:
    """What is rehearsed."""

    dataset: Dataset
    paths: Paths
    options: Rehearsing
    file: Path
    plans: Mapping[str, Any] | None
    names: tuple[str, ...]
    own_plans: str | None = None

    @classmethod
    def at(cls, dataset: Dataset, paths: Paths, options: Rehearsing, trust: Trust) -> _Look:
        file = plans_file(paths, dataset.path.name, options.plans)
        planner = options.planner
        own = name_of_own(planner, None, paths) if planner is not None and is_own(planner) else None
        if not os.path.lexists(file):
            return cls(dataset, paths, options, file, None, options.configurations, own)
        plans = read_plans(file)
        trust.refuse_foreign_classes(plans, file=str(file))
        return cls(dataset, paths, options, file, plans, tuple(chosen(plans, options.configurations)), own)

    @property
    def planner(self) -> str:
        """Name of the planner class."""
        return self.options.planner or (self.plans or {}).get("experiment_planner_used") or USUAL_PLANNER

    @property
    def is_cascade(self) -> bool:
        """Whether the last configuration is the second stage of a cascade."""
        return self.plans is not None and bool(configuration(self.plans, self.names[-1]).get("previous_stage"))

    def needs(self, plans: Mapping[str, Any], name: str) -> int:
        """Return the bytes that preprocessing a configuration will take."""
        channels = len(self.dataset.description.channel_names)
        return preprocessed_bytes(plans, name, len(self.dataset.cases()), channels, self.file.parent)


def _seen(found: _Look) -> Iterator[Finding]:
    """Yield what files show: an order of regions that swaps labels, indivisible patches, a disk that is too small."""
    dataset = found.dataset
    for wrong in prove_order(dataset.description.labels):
        heads = dataset.description.labels.foreground.items()
        regions = shlex.join(f"{name}={'+'.join(map(str, values))}" for name, values in heads)
        cure = Cure.of("prove_regions", dataset=dataset.name.id, regions=regions)
        yield replace(wrong, code="SC165", file=str(dataset.path / "dataset.json"), cures=(cure,))
    if found.plans is None:
        return
    yield from indivisible_patches(found.plans, found.names, str(dataset.name.id), str(found.file))
    needed = sum(found.needs(found.plans, name) for name in found.names)
    yield from lacking(found.paths.require("preprocessed"), needed, "preprocessing the dataset")


def _refuse_full(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < ROOM_BYTES:
        what = f"has {free >> 20} MiB free, a rehearsal needs {ROOM_BYTES >> 20} MiB"
        raise SegconvError(what, code="SC032", file=str(folder), cures=[Cure.of("make_folders_elsewhere")])


def _perform(found: _Look, work: Room, made: Rehearsal, trust: Trust, tell: Tell, heard: Heard) -> None:
    """Do everything that takes time."""
    asked: dict[str, Any] = {
        "id": found.dataset.name.id,
        "dataset": found.dataset.path.name,
        "trainer": found.options.trainer,
        "planner": found.planner,
        "own_plans": found.own_plans,
        "planner_wanted": found.options.planner is not None,
        "plans": found.plans,
        "plans_name": found.options.plans,
        "configurations": list(found.names),
        "cases": list(CASES),
        "adopted": str(work.folder / ADOPTED),
    }
    play(BEGIN, asked, work.request, work.paths, log=made.log, tell=tell, heard=heard)
    if found.plans is None:
        asked.update(json.loads((work.folder / ADOPTED).read_bytes()))
        made.configurations[:] = asked["configurations"]
    play(FINISH, asked, work.request, work.paths, log=made.log, tell=tell, heard=heard)
    dataset, trainer = found.dataset.path.name, found.options.trainer
    models = [Model(dataset, name, trainer, asked["plans_name"]) for name in asked["configurations"]]
    predict_all(work, models, trust, log=made.log, tell=tell, heard=heard)
    if found.plans is not None:
        made.estimates += _estimates(found, found.plans, made.steps)
        made.findings += _too_large(found, made.estimates)


def _estimates(found: _Look, plans: Mapping[str, Any], steps: Sequence[Played]) -> Iterator[Estimate]:
    for name in found.names:
        network = next(step.facts for step in steps if (step.name, step.of) == ("network", name))
        stored = max(step.facts.get("checkpoint_bytes", 0) for step in steps if step.of.startswith(f"{name} fold"))
        yield estimate(name, network, stored, found.needs(plans, name))


def _too_large(found: _Look, estimates: Sequence[Estimate]) -> Iterator[Finding]:
    _, results = total(estimates)
    yield from lacking(found.paths.require("results"), results, "checkpoints of five folds")
