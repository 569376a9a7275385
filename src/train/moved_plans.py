"""Plans that are made from those of another dataset, or from others of the same one, for fine-tuning.

Names are made of the plans and the other dataset: ``nnUNetPlansFor004`` are the plans of dataset 4 with which another
dataset is preprocessed and pretrained on; ``nnUNetPlansFrom501`` are those of a dataset that is fine-tuned after
pretraining on dataset 501. So neither replaces a model that was trained from the start.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..dataset.names import DatasetName
from ..dataset.strictjson import dumps
from ..errors import SegconvError
from ..work import fsops
from ..work.writing import writing
from .child import run_nnunet
from .commands import Tell
from .holds import changing_plans
from .model import Model, log_file
from .paths import Paths
from .plans import read_plans
from .plans_in_use import content, trained
from .remembered import is_remembered, remember

ORIGIN = "segconv_pretrained"
"""Entry of plans that says where the weights come from; nnU-Net does not look at it."""

_MOVED = ("data_identifier", "image_reader_writer")
"""What changes when plans are moved to another dataset: where its cases are, and how its files are read."""


def move_plans(source: Model, target: Model, paths: Paths, *, tell: Tell | None = None) -> bool:
    """Let nnU-Net move the plans of one dataset to another, unless they are there already.

    Parameters
    ----------
    source
        Dataset, plans, and the configuration that is needed.
    target
        The other dataset, the name of its new plans, and the trainer that will use them.

    Returns
    -------
    moved
        Whether they were moved now.

    Raises
    ------
    SegconvError
        ``SC143`` if they were moved before, have changed since, and a model was trained with them; what `run_nnunet`
        raises.
    """
    plans, file = read_plans(source.plans_file(paths)), target.plans_file(paths)
    earlier = _earlier(file)
    name = source.configuration
    if earlier is not None and _content(earlier, name, _MOVED) == _content(plans, name, _MOVED):
        return False
    _refuse_under_models(target, paths, earlier, plans, _MOVED)
    with writing(file):
        fsops.mkdir(file.parent)  # nnU-Net's command expects it
    words = ["-s", _number(source), "-t", _number(target), "-sp", source.plans, "-tp", target.plans]
    log = log_file(paths, target.dataset, "plan")
    run_nnunet("nnUNetv2_move_plans_between_datasets", words, paths, log=log, tell=tell)
    _trust_alike(plans, read_plans(file), file)
    return True


def copy_plans(source: Model, target: Model, origin: Mapping[str, str], paths: Paths) -> None:
    """Copy plans of a dataset under another name, unless the copy exists; both use the same preprocessed cases.

    Parameters
    ----------
    source, target
        The same configuration of the same dataset, with the two plans.
    origin
        What the copy says about the weights that its models begin with.

    Raises
    ------
    SegconvError
        ``SC143`` if the copy exists with other content or another origin, and models were trained with it; ``SC031``.
    """
    plans, file = read_plans(source.plans_file(paths)), target.plans_file(paths)
    wanted = {**plans, "plans_name": target.plans, ORIGIN: dict(origin)}
    with changing_plans(file.parent):
        earlier = _earlier(file)
        same_weights = earlier is not None and earlier.get(ORIGIN) == origin
        name = source.configuration
        if same_weights and _content(earlier, name, ()) == _content(plans, name, ()):
            return
        _refuse_under_models(target, paths, earlier if same_weights else None, plans, ())
        with writing(file):
            fsops.write_atomic(file, dumps(wanted), sync=True)
        _trust_alike(plans, wanted, file)


def _earlier(file: Path) -> dict[str, Any] | None:
    """Return plans that exist; None also for those that a killed run left cut."""
    if not os.path.lexists(file):
        return None
    try:
        return read_plans(file)
    except SegconvError:
        return None


def _content(plans: Mapping[str, Any] | None, name: str, but: Collection[str]) -> dict[str, Any] | None:
    """Return everything that a model of a configuration depends on; None if the plans lack it."""
    found = None if plans is None else content(plans, name)
    return None if found is None else {key: value for key, value in found.items() if key not in but}


def _refuse_under_models(
    target: Model, paths: Paths, earlier: Mapping[str, Any] | None, plans: Mapping[str, Any], but: Collection[str]
) -> None:
    """Refuse to replace plans with which a model was trained, or is being trained, by others."""
    for folder, name, folds in trained(paths, target.dataset, target.plans):
        if earlier is None or _content(earlier, name, but) != _content(plans, name, but):
            by = f"{folder} (fold {folds})"
            raise SegconvError(
                f"was made of plans or weights that have changed since, and {by} was trained with it",
                code="SC143",
                file=str(target.plans_file(paths)),
                hint=f"move it and {paths.require('results') / target.dataset / folder} away",
            )


def _trust_alike(plans: Mapping[str, Any], made: Mapping[str, Any], file: Path) -> None:
    """Let plans that were made of plans derived here run without asking, too."""
    if is_remembered(plans):
        remember(made, file)


def _number(model: Model) -> str:
    found = DatasetName.of_folder(model.dataset)
    return str(found.id if found else model.dataset)
