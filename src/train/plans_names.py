"""Names of plans: nnU-Net's planners have one of their own, and so has each network that is planned for."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SegconvError
from .architectures import architecture
from .commands import PlanOptions
from .model import DEFAULT_PLANS
from .own_planner import is_own, name_of_own
from .paths import Paths
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


def plans_names(options: PlanOptions, paths: Paths) -> PlansNames:
    """Return what the plans will be called.

    Plans for another network have a name of their own, but are planned under the planner's: so they share its
    preprocessed cases.

    Raises
    ------
    SegconvError
        ``SC001`` for an unknown planner or network, or an impossible name; ``SC166``, ``SC188`` for a class of the
        user's own that is no planner.
    """
    usual = _of_planner(options, paths)
    if options.network is None:
        name = _usable(options.plans_name or usual)
        return PlansNames(name, name)
    final = options.plans_name or f"{usual}{architecture(options.network).plans}"
    if final == usual:
        raise SegconvError(f"{usual} are the plans of nnU-Net's own network", hint="choose another name")
    return PlansNames(usual, _usable(final))


def _of_planner(options: PlanOptions, paths: Paths) -> str:
    if options.planner is None:
        return DEFAULT_PLANS
    if is_own(options.planner):
        return name_of_own(options.planner, options.plans_name if options.network is None else None, paths)
    return find_planner(options.planner, list_planners()).plans


def _usable(name: str) -> str:
    if not name.replace("_", "").replace("-", "").isalnum() or not name.isascii() or "__" in name:
        raise SegconvError(f"{name!r} cannot name plans", hint="use letters, digits, '-' and single '_'")
    return name
