"""A dataset, and what nnU-Net made of it so far, each read when it is first asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ...dataset.layout import Dataset
from ...dataset.splits import DEFAULT_FOLDS, read_splits
from ...dataset.splits import FILE as SPLITS_FILE
from ...errors import SegconvError
from ...train.complete import Stored
from ...train.folds import ALL, FoldState, states_of
from ...train.model import DEFAULT_TRAINER, Model
from ...train.paths import Paths
from ...train.plans import configuration, read_plans

FIRST_CHOICES = ("3d_fullres", "2d")
"""Configurations to train first, in this order: nnU-Net's usual ones."""


@dataclass(frozen=True)
class Look:
    """A dataset, and what nnU-Net made of it."""

    dataset: Dataset
    paths: Paths
    cases: frozenset[str] = field(repr=False)

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self.dataset.path.name

    @property
    def id(self) -> int:
        """Its number."""
        return self.dataset.name.id

    @property
    def preprocessed(self) -> Path | None:
        """Its folder in ``nnUNet_preprocessed``, which need not exist; None if that is not set."""
        return None if self.paths.preprocessed is None else self.paths.preprocessed / self.name

    @property
    def results(self) -> Path | None:
        """Its folder in ``nnUNet_results``, likewise."""
        return None if self.paths.results is None else self.paths.results / self.name

    @cached_property
    def splits_file(self) -> Path | None:
        """The folds that nnU-Net will use; None if there are none yet."""
        places = (self.preprocessed, self.dataset.path)
        files = [folder / SPLITS_FILE for folder in places if folder is not None]
        return next(filter(os.path.lexists, files), None)

    @cached_property
    def folds(self) -> tuple[str, ...]:
        """Names of the folds to train."""
        count = DEFAULT_FOLDS
        if self.splits_file is not None:
            try:
                count = len(read_splits(self.splits_file))
            except SegconvError:
                count = 0
        return tuple(map(str, range(count)))

    @cached_property
    def plans(self) -> dict[str, dict[str, str]]:
        """Name of plans → configuration → folder of its preprocessed cases."""
        found = {}
        for path in sorted(self.preprocessed.glob("*.json")) if self.preprocessed is not None else ():
            try:
                plans = read_plans(path)
                found[path.stem] = {
                    name: str(configuration(plans, name).get("data_identifier", "")) for name in plans["configurations"]
                }
            except SegconvError:
                continue  # another json
        return found

    @cached_property
    def models(self) -> dict[Model, dict[str, FoldState]]:
        """Models of which a fold was begun → their folds."""
        found = {}
        for folder in sorted(self.results.glob("*__*__*")) if self.results is not None else ():
            trainer, plans, name = folder.name.split("__", 2)
            states = {fold: state for fold, state in states_of(folder).items() if state.whole or state.cut}
            if states:
                found[Model(self.name, name, trainer, plans)] = states
        return found

    @cached_property
    def configuration_of(self) -> dict[str, str]:
        """Folder of preprocessed cases → the first configuration that reads it."""
        found: dict[str, str] = {}
        for configurations in self.plans.values():
            for name, data in configurations.items():
                if data:
                    found.setdefault(data, name)
        return found

    @cached_property
    def stored(self) -> dict[str, Stored]:
        """Folder of preprocessed cases → its files, of every configuration that is planned."""
        if self.preprocessed is None:
            return {}
        return {data: Stored.of(self.preprocessed / data) for data in self.configuration_of}

    @property
    def first_model(self) -> Model:
        """The model to train first: of nnU-Net's usual configurations, one whose cases are preprocessed."""
        for plans, configurations in self.plans.items():
            ready = [name for name, data in configurations.items() if data in self.stored and self.stored[data].cases]
            if ready:
                first = next((name for name in FIRST_CHOICES if name in ready), ready[0])
                return Model(self.name, first, DEFAULT_TRAINER, plans)
        return Model(self.name, FIRST_CHOICES[0])

    def left(self, model: Model) -> tuple[str, ...]:
        """Return the folds of a model that are still to be trained or validated."""
        states = self.models[model]
        if ALL in states and len(states) == 1:
            return () if states[ALL].trained else (ALL,)
        return tuple(fold for fold in self.folds if fold not in states or not states[fold].complete)
