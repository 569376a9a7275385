"""Give the configurations that a planner made another network, in plans of another name."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from .architectures import architecture, with_network
from .plans import configuration
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


def having(network: str, plans: Mapping[str, Any]) -> list[str]:
    """Return the configurations that have a network of their own, and this one."""
    path = architecture(network).path
    found = plans["configurations"]
    return [each for each in found if found[each].get("architecture", {}).get("network_class_name") == path]
