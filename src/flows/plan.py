"""Plan a dataset: check it, let nnU-Net check, plan and preprocess it, and copy its folds."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..dataset import history
from ..dataset.layout import Dataset
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import leaks, read_splits
from ..dataset.strictjson import read_file
from ..errors import Cure, SegconvError, refuse_if_any
from ..review.check.dataset_check import check_dataset
from ..train.commands import USUAL_PLANNING, PlanOptions
from ..train.deep_supervision import deep_supervision_of
from ..train.holds import preprocessing
from ..train.model import plans_file
from ..train.paths import Paths
from ..train.planned_networks import having, refuse_other_network
from ..train.planner_list import CONFIGURATIONS, refuse_unknown
from ..train.planning import Plan, largest_case_bytes, plan_and_preprocess
from ..train.planning_progress import EXAMINING, UNHEARD, Reporting
from ..train.plans import plans_in, read_plans
from ..train.plans_names import plans_names
from ..train.untrusted_models import foreign_classes
from ..work import fsops
from ..work.locks import if_possible, locked
from ..work.plan import Target
from ..work.readers import Readers
from ..work.run_options import Workers, refuse_unfit
from ..work.scratch import Warn
from ..work.writing import writing
from .asked import refuse_at_once
from .own_networks import refuse_faulty, refuse_foreign_network, refuse_missing, remembered
from .splits.before_training import judge_planned


def plan_dataset(
    dataset: Dataset,
    paths: Paths,
    options: PlanOptions = USUAL_PLANNING,
    *,
    jobs: int = 1,
    check: bool = True,
    allow_external: bool = False,
    allowed_modules: Collection[str] = (),
    reporting: Reporting = UNHEARD,
    warn: Warn | None = None,
) -> Plan:
    """Check, plan and preprocess a dataset, and copy its folds.

    The dataset is locked meanwhile, if its parent folder can be written: nnU-Net reads it for a long time, and
    does not notice if it is replaced. Its plans and preprocessed data are locked too, so that nothing trains
    with them while they are made. They are replaced at the end, when they are complete.

    Parameters
    ----------
    dataset, paths
        The dataset, and nnU-Net's folders.
    options, jobs, reporting
        As in `plan_and_preprocess`.
    check
        Refuse a dataset in which `check_dataset` finds errors, before nnU-Net starts.
    allow_external
        As in `check_dataset`.
    allowed_modules
        Modules from elsewhere whose classes the plans may name.
    warn
        Called with the warnings of the check, with leaks, and if plans with a network from elsewhere are not
        remembered.

    Returns
    -------
    plan
        What was planned and preprocessed.

    Raises
    ------
    Refused
        With all findings of the check if one is an error; always for folds that leak.
    SegconvError
        ``SC040`` if it is not in nnUNet_raw; ``SC035`` if another run works on it or trains with it; ``SC062`` if it
        was replaced nevertheless; ``SC143`` if plans of another network would be replaced; what `deep_supervision_of`,
        `carry_splits` and `plan_and_preprocess` raise.
    """
    refuse_unfit(jobs=jobs, warn=warn, check=check, allow_external=allow_external)
    _refuse_elsewhere(dataset, paths.require("raw", "preprocessed", "results"))
    deep_supervision, names, *_ = refuse_at_once(  # before the check of the files
        lambda: deep_supervision_of(options.trainer),
        lambda: plans_names(options, paths),
        lambda: _refuse_network(options.network, dataset.path.name, paths, allowed_modules),
        lambda: _refuse_unknown_configurations(
            options, dataset.name.id, paths.require("preprocessed") / dataset.path.name
        ),
    )
    if options.network is not None and options.plans_name is None:
        refuse_other_network(options.network, plans_file(paths, dataset.path.name, names.final))
    with (
        if_possible(locked(Target(dataset.path, dataset.name.slot))),
        preprocessing(paths, dataset.path.name),
        dataset.unchanged(),
    ):
        dataset.held.refuse_if_changed()  # before hours of work
        if check:
            reporting.begin(EXAMINING)
            workers = Workers(jobs, progress=reporting.checking)
            report = check_dataset(dataset.path, workers, allow_external=allow_external)
            findings = refuse_if_any(report.findings)
            identity = history.identity(dataset.path)
            history.note(dataset.path, history.CHECKED, identity=identity, errors=0, warnings=len(findings))
            if warn is not None:
                warn(findings)
        refuse_leaking(dataset, dataset.path / SPLITS_FILE)

        def examine(made: Mapping[str, Any]) -> None:
            if options.network is not None:
                own = having(options.network, made)
                name = dataset.path.name
                refuse_faulty(
                    made, own, name, paths, allowed_modules=allowed_modules, deep_supervision=deep_supervision
                )

        folder = paths.require("preprocessed") / dataset.path.name
        if folder.is_dir():
            carry_splits(dataset, folder, paths)  # other folds are refused before hours of work
        plan = plan_and_preprocess(
            dataset,
            paths,
            options,
            names,
            jobs=jobs,
            largest_bytes=largest_case_bytes(dataset),
            reporting=reporting,
            examine=examine,
        )
        carry_splits(dataset, folder, paths)
        if warn is not None:
            # Warnings, as new folds need no new plan.
            comparing = Readers(jobs, reporting.checking, what="files to compare")
            warn(judge_planned(dataset, (), paths, comparing, allow=True))
        if options.network is not None:
            file = folder / f"{names.final}.json"
            found = read_plans(file)
            unsure = remembered(found, file, permitted=not foreign_classes(found, allowed_modules))
            if warn is not None:
                warn(unsure)
        return plan


def _refuse_network(network: str | None, name: str, paths: Paths, allowed_modules: Collection[str]) -> None:
    """Refuse a network that may not run or does not exist."""
    if network is not None:
        refuse_foreign_network(network, allowed_modules)
        refuse_missing(network, name, paths)


def _refuse_unknown_configurations(options: PlanOptions, dataset: int, folder: Path) -> None:
    """Refuse configurations that neither nnU-Net's planners make nor any plans have."""
    planned = (name for plans in plans_in(folder).values() for name in plans["configurations"])
    known = dict.fromkeys([*CONFIGURATIONS, *planned])
    refuse_unknown(options.configurations, known, partial(options.planning, dataset))


def _refuse_elsewhere(dataset: Dataset, raw: Path) -> None:
    """Refuse a dataset that nnU-Net, which searches by number, would not find or would confuse with another."""
    found = raw / dataset.path.name
    if not (found.is_dir() and os.path.samefile(found, dataset.path)):
        raise SegconvError(
            f"is not in {raw}, where nnU-Net looks for datasets",
            code="SC040",
            file=str(dataset.path),
            cures=[Cure.of("plan_where_it_is", dataset=dataset.name.id, raw=dataset.path.parent)],
        )


def carry_splits(dataset: Dataset, preprocessed: Path, paths: Paths) -> None:
    """Copy the folds of a dataset to the folder where nnU-Net reads them.

    Raises
    ------
    SegconvError
        ``SC095`` if other folds exist: they may be the user's own.
    """
    source, target = dataset.path / SPLITS_FILE, preprocessed / SPLITS_FILE
    if not os.path.lexists(source):
        return
    wanted = read_file(source)
    exists = os.path.lexists(target)
    if exists and _same(read_file(target), wanted):
        return
    if exists:
        results = paths.results / dataset.path.name if paths.results is not None else None
        trained = results is not None and results.is_dir()
        raise SegconvError(
            f"differs from the folds of the dataset{', and models were trained on it' if trained else ''}",
            code="SC095",
            file=str(target),
            hint=f"move {results} away, or copy the folds that you want by hand"
            if trained
            else f"move it away to train with the folds of the dataset, or copy it over {source}",
        )
    with writing(target):
        fsops.create(target, wanted)


def refuse_leaking(dataset: Dataset, splits: Path) -> None:
    """Raise `Refused` if folds separate cases that belong together, as far as the lineage shows."""
    if os.path.lexists(splits):
        refuse_if_any(leaks(read_splits(splits), dataset.records()))


def _same(first: bytes, second: bytes) -> bool:
    try:
        return bool(json.loads(first) == json.loads(second))
    except (ValueError, RecursionError):
        return False
