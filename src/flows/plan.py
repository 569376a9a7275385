"""Planning a dataset: we check it, nnU-Net checks, plans and preprocesses it, and our folds go along."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from ..dataset.layout import Dataset
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import leaks, read_splits
from ..dataset.strictjson import read_file
from ..errors import Finding, SegconvError, refuse_if_any
from ..review.check.dataset_check import check_dataset
from ..train.commands import Tell, plan_and_preprocess
from ..train.holds import preprocessing
from ..train.paths import Paths
from ..work import fsops
from ..work.locks import if_possible, locked
from ..work.plan import Target
from ..work.run_options import Workers, refuse_unfit
from ..work.staging import writing

Warn = Callable[[Sequence[Finding]], None]


def plan_dataset(
    dataset: Dataset,
    paths: Paths,
    *,
    configurations: Sequence[str] = (),
    planner: str | None = None,
    gpu_memory_gb: float | None = None,
    jobs: int = 1,
    tell: Tell | None = None,
    check: bool = True,
    allow_external: bool = False,
    warn: Warn | None = None,
) -> Path:
    """Check, plan and preprocess a dataset and carry its folds along.

    The dataset is locked meanwhile, where the folder that it lies in can be written: nnU-Net reads it
    for long, and does not notice that it is replaced. So are its plans and preprocessed data, which nothing
    may be trained on while they are made anew.

    Parameters
    ----------
    dataset, paths
        What, and where.
    configurations, planner, gpu_memory_gb, jobs, tell
        As in `plan_and_preprocess`.
    check
        Refuse a dataset in which `check_dataset` finds errors, before nnU-Net begins.
    allow_external
        As in `check_dataset`.
    warn
        Is told the warnings of the check.

    Returns
    -------
    folder
        Of the preprocessed dataset.

    Raises
    ------
    Refused
        With all findings of the check if one is an error; for folds that leak in any case.
    SegconvError
        ``SC040`` if it is not in nnUNet_raw; ``SC035`` if another run works on it, or trains on it, ``SC062`` if it was
        replaced all the same; what `carry_splits` and `plan_and_preprocess` raise.
    """
    refuse_unfit(jobs=jobs, tell=tell, warn=warn, check=check, allow_external=allow_external)
    _refuse_elsewhere(dataset, paths.require("raw"))
    with (
        if_possible(locked(Target(dataset.path, dataset.name.slot))),
        preprocessing(paths, dataset.path.name),
        dataset.unchanged(),
    ):
        dataset.held.refuse_if_changed()  # before hours of work
        if check:
            found = refuse_if_any(check_dataset(dataset.path, Workers(jobs), allow_external=allow_external).findings)
            if warn is not None:
                warn(found)
        refuse_leaking(dataset, dataset.path / SPLITS_FILE)
        folder = paths.require("preprocessed") / dataset.path.name
        if folder.is_dir():
            carry_splits(dataset, folder, paths)  # nnU-Net's planner stops at other folds than the dataset's
        plan_and_preprocess(
            dataset.name.id,
            dataset.path.name,
            paths,
            configurations=configurations,
            planner=planner,
            gpu_memory_gb=gpu_memory_gb,
            jobs=jobs,
            tell=tell,
        )
        carry_splits(dataset, folder, paths)
        return folder


def _refuse_elsewhere(dataset: Dataset, raw: Path) -> None:
    """Refuse a dataset that nnU-Net, which goes by its number, would not find, or take another for."""
    there = raw / dataset.path.name
    if not (there.is_dir() and os.path.samefile(there, dataset.path)):
        raise SegconvError(
            f"is not in {raw}, where nnU-Net looks for datasets",
            code="SC040",
            file=str(dataset.path),
            hint=f"segconv plan {dataset.name.id} --raw {shlex.quote(str(dataset.path.parent))}",
        )


def carry_splits(dataset: Dataset, preprocessed: Path, paths: Paths) -> None:
    """Copy the folds of a dataset to where nnU-Net reads them.

    Raises
    ------
    SegconvError
        ``SC095`` if other folds are there: they may be somebody's own.
    """
    source, target = dataset.path / SPLITS_FILE, preprocessed / SPLITS_FILE
    if not os.path.lexists(source):
        return
    wanted = read_file(source)
    there = os.path.lexists(target)
    if there and _same(read_file(target), wanted):
        return
    if there:
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
    """Raise `Refused` if folds separate what belongs together; nothing is known without lineage."""
    if os.path.lexists(splits):
        refuse_if_any(leaks(read_splits(splits), dataset.records()))


def _same(first: bytes, second: bytes) -> bool:
    try:
        return bool(json.loads(first) == json.loads(second))
    except (ValueError, RecursionError):
        return False
