"""Read, change and write nnU-Net's plans files, without importing the classes that they name.

Source of the format: ``nnunetv2.utilities.plans_handling.plans_handler`` of nnunetv2 2.8. A
configuration may inherit from another; its own entries override inherited ones.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import reading
from ..dataset.strictjson import dumps, load_object, read_file
from ..errors import Cure, Refused, SegconvError, naming
from ..typed import (
    Misfit,
    count,
    either,
    entries,
    file_name,
    many,
    mapping,
    optional,
    positive,
    text,
    whole_between,
)
from ..work import fsops
from ..work.writing import writing
from .holds import changing_plans
from .model import Model
from .paths import Paths
from .unplanned import no_plans, unplanned


def read_plans(path: Path) -> dict[str, Any]:
    """Read a plans file.

    Raises
    ------
    SegconvError
        ``SC010`` if it does not exist, with similar names of other plans; ``SC086`` if it is not a plans file; what
        `strictjson.read_file` raises.
    """
    if not os.path.lexists(path):
        if others := plans_in(path.parent):
            raise no_plans(path, others)
        raise SegconvError(
            "does not exist: nnU-Net has not planned this dataset yet",
            code="SC010",
            file=str(path),
            cures=[Cure.of("plan", dataset=path.parent.name)],
        )
    with naming(str(path)):
        found = load_object(read_file(path))
        try:
            return _plans(found)
        except Misfit as misfit:
            raise SegconvError(
                f"is not a plans file of nnU-Net: {misfit}", code="SC086", cures=[Cure.of("make_plans_again")]
            ) from None


def plans_in(folder: Path) -> dict[str, dict[str, Any]]:
    """Return all plans of a dataset: file name without ending → content."""
    found = {}
    for path in sorted(folder.glob("*.json")) if reading.is_folder(folder) else ():
        if path.name not in _NOT_PLANS:
            with suppress(SegconvError):  # some other file of the user's
                found[path.stem] = read_plans(path)
    return found


_NOT_PLANS = ("dataset_fingerprint.json", "dataset.json", "splits_final.json")
AXES = many(whole_between(1, 1 << 20), least=2, most=3)
_network = entries(
    {},
    {
        "network_class_name": text,
        "arch_kwargs": entries(
            {},
            {
                "strides": many(AXES, least=1),
                "kernel_sizes": many(AXES, least=1),
                **dict.fromkeys(
                    ("features_per_stage", "n_conv_per_stage", "n_blocks_per_stage", "n_conv_per_stage_decoder"),
                    either(count, many(count, least=1)),
                ),
            },
        ),
        "_kw_requires_import": many(text),
    },
)
_plans = entries(
    {
        "configurations": mapping(
            entries(
                {},
                {
                    "inherits_from": optional(text),
                    "data_identifier": file_name,
                    "previous_stage": optional(either(text, many(text))),
                    "next_stage": optional(either(text, many(text))),
                    "patch_size": AXES,
                    "batch_size": positive,
                    "spacing": many(positive, least=2, most=3),
                    "median_image_size_in_voxels": many(positive, least=2, most=3),
                    "architecture": _network,
                },
            )
        )
    },
    {"dataset_name": text},
)
"""What segconv reads of a plans file; nnU-Net and its planners know more."""


def configuration(plans: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a configuration with inherited entries.

    Raises
    ------
    SegconvError
        ``SC001`` if it does not exist; ``SC086`` if it inherits from itself or from a missing one.
    """
    found = plans["configurations"]
    chain: list[str] = []
    while name is not None:
        if name not in found and chain:
            raise SegconvError(
                f"the configuration {chain[-1]!r} inherits from {name!r}, which is missing", code="SC086"
            )
        if name not in found:
            raise SegconvError(f"no configuration {name!r}", hint=f"there are {', '.join(found)}")
        if name in chain:
            raise SegconvError(f"the configuration {name!r} inherits from itself", code="SC086")
        chain.append(name)
        name = found[name].get("inherits_from")
    resolved: dict[str, Any] = {}
    for link in reversed(chain):
        resolved.update(copy.deepcopy(found[link]))
    return resolved


def descends_from(plans: Mapping[str, Any], name: str, base: str) -> bool:
    """Return whether a configuration inherits from another, over any number of steps."""
    seen: set[str] = set()
    while name in plans["configurations"] and name not in seen:
        seen.add(name)
        name = plans["configurations"][name].get("inherits_from")
        if name == base:
            return True
    return False


@dataclass(frozen=True)
class Planned:
    """A configuration in its plans.

    Parameters
    ----------
    file
        The plans file.
    plans
        Content of the file.
    configuration
        The configuration with inherited entries.
    """

    file: Path
    plans: Mapping[str, Any]
    configuration: Mapping[str, Any]

    @property
    def data(self) -> Path:
        """Folder of the preprocessed cases."""
        return self.file.parent / str(self.configuration.get("data_identifier", ""))

    @property
    def previous_stage(self) -> Any:
        """Configuration whose predictions a cascade is trained on; None for other configurations."""
        return self.configuration.get("previous_stage")


def planned(model: Model, paths: Paths) -> Planned:
    """Return the configuration of a model.

    Raises
    ------
    SegconvError
        What `read_plans` and `configuration` raise.
    Refused
        If there are only other plans, and none of them has the configuration either.
    """
    file = model.plans_file(paths)
    try:
        plans = read_plans(file)
    except SegconvError as error:
        known = {name: "" for others in plans_in(file.parent).values() for name in others["configurations"]}
        if os.path.lexists(file) or not known or model.configuration in known:
            raise
        other = unplanned(model.configuration, known)
        raise Refused(reasons=[*error.findings, *other.findings]) from error
    if model.configuration not in plans["configurations"]:
        raise unplanned(model.configuration, plans["configurations"])
    return Planned(file, plans, configuration(plans, model.configuration))


@contextmanager
def changed(path: Path) -> Iterator[dict[str, Any]]:
    """Let a block change plans and write them at its end, while no other run changes them.

    Raises
    ------
    SegconvError
        ``SC035`` if another run changes them; what `read_plans` raises; ``SC031``, ``SC032``.
    """
    with changing_plans(path.parent):
        plans = read_plans(path)
        yield plans
        with writing(path):
            for left in path.parent.glob(f"{fsops.MARK}*"):
                if fsops.is_temporary(left.name, (path.name,)):
                    fsops.unlink(left)  # from a killed change: we hold the lock, so it is not at work
            fsops.write_atomic(path, dumps(plans), sync=True)


def add_configuration(path: Path, name: str, new: Mapping[str, Any]) -> None:
    """Add a configuration to a plans file; raises what `changed` raises."""
    with changed(path) as plans:
        if name in plans["configurations"]:
            raise SegconvError(f"the configuration {name!r} already exists", file=str(path), hint="choose another name")
        plans["configurations"][name] = dict(new)
