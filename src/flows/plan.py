"""Planning a dataset: nnU-Net checks, plans and preprocesses it, and our folds go along."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..dataset.layout import Dataset
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import leaks
from ..dataset.strictjson import loads
from ..errors import SegconvError, naming, refuse_if_any
from ..train.commands import Tell, plan_and_preprocess
from ..train.paths import Paths
from ..work import fsops
from ..work.staging import writing


def plan_dataset(
    dataset: Dataset,
    paths: Paths,
    *,
    configurations: Sequence[str] = (),
    planner: str | None = None,
    gpu_memory_gb: float | None = None,
    jobs: int = 1,
    tell: Tell | None = None,
) -> Path:
    """Plan and preprocess a dataset and carry its folds along.

    Returns
    -------
    folder
        Of the preprocessed dataset.
    """
    refuse_leaking(dataset, dataset.path / SPLITS_FILE)
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
    folder = paths.require("preprocessed") / dataset.path.name
    carry_splits(dataset, folder, paths)
    return folder


def carry_splits(dataset: Dataset, preprocessed: Path, paths: Paths) -> None:
    """Copy the folds of a dataset to where nnU-Net reads them.

    Raises
    ------
    SegconvError
        ``SC095`` if other folds are there and models were trained on them.
    """
    source, target = dataset.path / SPLITS_FILE, preprocessed / SPLITS_FILE
    if not source.is_file():
        return
    wanted = source.read_bytes()
    if target.is_file() and _same(target.read_bytes(), wanted):
        return
    results = paths.results / dataset.path.name if paths.results is not None else None
    if target.is_file() and results is not None and results.is_dir():
        raise SegconvError(
            "differs from the folds of the dataset, and models were trained on it",
            code="SC095",
            file=str(target),
            hint=f"move {results} away, or copy the folds that you want by hand",
        )
    with writing(target):
        fsops.write_atomic(target, wanted, sync=True)


def refuse_leaking(dataset: Dataset, splits: Path) -> None:
    """Raise `Refused` if folds separate what belongs together; nothing is known without lineage."""
    if not splits.is_file():
        return
    with naming(str(splits)):
        folds = loads(splits.read_bytes())
        if not isinstance(folds, list) or not all(isinstance(f, dict) and {"train", "val"} <= f.keys() for f in folds):
            raise SegconvError("is no list of folds", code="SC095")
    refuse_if_any(leaks(folds, dataset.records()))


def _same(first: bytes, second: bytes) -> bool:
    try:
        return bool(json.loads(first) == json.loads(second))
    except ValueError:
        return False
