"""Names of plans: nnU-Net's planners have one of their own, and so has each network that is planned for."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SegconvError
from .architectures import architecture
from .commands import PlanOptions
from .model import DEFAULT_PLANS
from .planner_list import find_planner, list_planners


@dataclass(frozen=True)
class PlansNames:
    """What plans are called.

    Parameters
    ----------
    by_planner
        Name under which the planner writes them.
    final
        Name under which they are kept, with another network if one was wanted.
    """

    by_planner: str
    final: str


def plans_names(options: PlanOptions) -> PlansNames:
    """Return what the plans will be called.

    Plans for another network have a name of their own, but are planned under the planner's: so they share its
    preprocessed cases.

    Raises
    ------
    SegconvError
        ``SC001`` for an unknown planner or network, or an impossible name.
    """
    planner = None if options.planner is None else find_planner(options.planner, list_planners())
    usual = DEFAULT_PLANS if planner is None else planner.plans
    if options.network is None:
        name = _usable(options.plans_name or usual)
        return PlansNames(name, name)
    final = options.plans_name or f"{usual}{architecture(options.network).plans}"
    if final == usual:
        raise SegconvError(f"{usual} are the plans of nnU-Net's own network", hint="choose another name")
    return PlansNames(usual, _usable(final))


def _usable(name: str) -> str:
    if not name.replace("_", "").replace("-", "").isalnum() or not name.isascii() or "__" in name:
        raise SegconvError(f"{name!r} cannot name plans", hint="use letters, digits, '-' and single '_'")
    return name
