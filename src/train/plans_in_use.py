"""Find what depends on plans: models that were trained with them, and plans that share preprocessed cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import reading
from ..errors import Cure, Finding, SegconvError
from ..words import some_of
from .folds import states_of
from .model import DEFAULT_PLANS
from .paths import Paths
from .planner_list import CONFIGURATIONS
from .plans import configuration, descends_from
from .stages import is_derived

CODE = "SC143"

_OF_ALL = (
    "image_reader_writer",
    "transpose_forward",
    "transpose_backward",
    "label_manager",
    "foreground_intensity_properties_per_channel",
)
"""Entries of plans that concern every configuration."""

LINKS = ("next_stage",)
"""Entries of a configuration that a model does not depend on."""


def trained(paths: Paths, dataset: str, plans_name: str) -> Iterator[tuple[str, str, str]]:
    """Yield the models that were trained with plans, or begun: folder, configuration, folds in words."""
    results = paths.require("results") / dataset
    for folder in sorted(results.iterdir()) if reading.is_folder(results) else ():
        parts = folder.name.split("__")
        if len(parts) == 3 and parts[1] == plans_name:
            folds = [name for name, state in states_of(folder).items() if state.whole or state.kept]
            if folds:
                yield folder.name, parts[2], some_of(folds, 10)


def refuse_change_under_models(
    paths: Paths, dataset: str, plans_name: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> None:
    """Refuse new plans that differ from those that models were trained with.

    Raises
    ------
    SegconvError
        ``SC143``, with the models.
    """
    differing = [
        f"{folder} (fold {folds})"
        for folder, name, folds in trained(paths, dataset, plans_name)
        if content(old, name) != content(new, name)
    ]
    if differing:
        own = {} if plans_name == DEFAULT_PLANS else {"plans": plans_name}
        raise SegconvError(
            f"would change, and models were trained with it: {some_of(differing, 10)}",
            code=CODE,
            file=f"{plans_name}.json",
            cures=[Cure.of("name_plans", name=f"{plans_name}2"), Cure.of("keep_plans", dataset=dataset, **own)],
        )


def content(plans: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Return everything in plans that a model of a configuration depends on; None if it does not exist."""
    if name not in plans["configurations"]:
        return None
    own = {key: value for key, value in configuration(plans, name).items() if key not in LINKS}
    return own | {key: plans.get(key) for key in _OF_ALL}


def models_of(paths: Paths, dataset: str, plans_name: str, plans: Mapping[str, Any], name: str) -> list[str]:
    """Return the models trained with a configuration or one that inherits from it, each with its folds."""
    return [
        f"{folder} (fold {folds})"
        for folder, other, folds in trained(paths, dataset, plans_name)
        if other == name or (other in plans["configurations"] and descends_from(plans, other, name))
    ]


def refuse_taken(
    paths: Paths, dataset: str, plans_name: str, plans: Mapping[str, Any], name: str, *, overwrite: bool
) -> None:
    """Refuse a name that a configuration has, unless it is to be overwritten and may be.

    Raises
    ------
    SegconvError
        ``SC001`` if it exists, or is the planner's; ``SC143`` if models were trained with it.
    """
    if name in CONFIGURATIONS or (name in plans["configurations"] and not is_derived(plans, name)):
        raise SegconvError(
            f"{name!r} is a configuration of nnU-Net's planner, which is never replaced", hint="choose another name"
        )
    if name not in plans["configurations"]:
        return
    models = models_of(paths, dataset, plans_name, plans, name)
    if models:
        raise SegconvError(
            f"models were trained with the configuration {name}: {some_of(models, 10)}",
            code=CODE,
            hint="choose another name",
        )
    if not overwrite:
        raise SegconvError(
            f"the configuration {name!r} already exists", hint="choose another name", cures=[Cure.of("overwrite")]
        )


def others_with(data: str, plans: Mapping[str, Mapping[str, Any]], but: str) -> Iterable[tuple[str, str]]:
    """Yield plans, and a configuration of each, that use a folder of preprocessed cases, but for one of the plans."""
    for name, found in plans.items():
        for each in found["configurations"] if name != but else ():
            if configuration(found, each).get("data_identifier") == data:
                yield name, each
                break


def shared(data: str, name: str, conf: str, file: Path) -> Finding:
    """Return the error for preprocessed cases that would change under other plans."""
    return Finding(
        CODE,
        f"would be made again with other settings, and the configuration {conf} of {name} uses it",
        file=str(file),
        hint=f"plan as {name} was planned, or move {name}.json away",
    )
