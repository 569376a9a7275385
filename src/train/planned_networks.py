"""Give the configurations that a planner made another network, in plans of another name."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import Cure, SegconvError
from ..words import some_of
from .architectures import architecture, with_network
from .plans import configuration, read_plans
from .stages import is_derived


def with_networks(
    plans: Mapping[str, Any], network: str, name: str, is_usable: Callable[[str, Mapping[str, Any], str], bool]
) -> dict[str, Any]:
    """Return plans in which all configurations but derived ones have another network; preprocessed cases are shared.

    Parameters
    ----------
    plans
        What a planner wrote.
    network
        As in `architecture`.
    name
        Name of the new plans.
    is_usable
        Whether a folder of preprocessed cases serves a configuration: called with the folder, the new plans and the
        name of the configuration. For one that it does not serve, cases are preprocessed anew, under the new name.
    """
    made = {**copy.deepcopy(dict(plans)), "plans_name": name}
    for each, found in made["configurations"].items():
        if is_derived(plans, each) or "architecture" not in found:
            continue
        found["architecture"] = with_network(found["architecture"], network, configuration(plans, each)["patch_size"])
    for each, found in made["configurations"].items():
        if "data_identifier" in found and not is_usable(found["data_identifier"], made, each):
            found["data_identifier"] = f"{name}_{each}"
    return made


def refuse_other_network(network: str, file: Path) -> None:
    """Refuse to replace plans of a class of the same name in another module, after which plans are named.

    Parameters
    ----------
    network
        As in `architecture`.
    file
        The plans that would be made; they need not exist.

    Raises
    ------
    SegconvError
        ``SC143``.
    """
    if not os.path.lexists(file):
        return
    plans = read_plans(file)
    made = (found for name, found in plans["configurations"].items() if not is_derived(plans, name))
    classes = {found.get("architecture", {}).get("network_class_name") for found in made}
    if others := sorted(filter(None, classes - {architecture(network).path})):
        what = f"are plans of {some_of(others)}, and would become those of {network}"
        cures = [Cure.of("name_plans", name=f"{file.stem}2")]
        raise SegconvError(what, code="SC143", file=str(file), cures=cures)


def having(network: str, plans: Mapping[str, Any]) -> list[str]:
    """Return the configurations that have a network of their own, and this one."""
    path = architecture(network).path
    found = plans["configurations"]
    return [each for each in found if found[each].get("architecture", {}).get("network_class_name") == path]
