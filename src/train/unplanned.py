"""Say why the plans of a dataset lack a configuration, and which they have."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from ..errors import Cure, SegconvError
from .planner_list import CONFIGURATIONS

_FULL = "3d_fullres"


def usual_first(names: Collection[str]) -> list[str]:
    """Return names of configurations, those first that are usually trained first."""
    order = (_FULL, "2d")
    return sorted(names, key=lambda name: order.index(name) if name in order else len(order))


def why_unplanned(name: str, planned: Collection[str]) -> str:
    """Return what is wrong with a configuration that plans do not have.

    nnU-Net's ``ExperimentPlanner`` makes none in 3D for images of one slice, and stages of a cascade only where a patch
    of 3d_fullres covers less than a quarter of the median image.
    """
    if name not in CONFIGURATIONS:
        return f"no configuration {name!r}"
    if _FULL in planned:
        return f"nnU-Net planned no {name}: a patch of {_FULL} covers enough of an image"
    return f"nnU-Net planned no {name}: the images are in 2D" if "2d" in planned else f"nnU-Net planned no {name}"


def refuse_unplanned(wanted: Sequence[str], planned: Collection[str], again: Callable[[Sequence[str]], Cure]) -> None:
    """Refuse configurations that a planner did not make.

    Parameters
    ----------
    again
        Returns the command for other configurations.

    Raises
    ------
    SegconvError
        ``SC001`` for the first one, with the command for those that can be preprocessed.
    """
    missing = [name for name in wanted if name not in planned]
    if missing:
        left = [name for name in wanted if name in planned] or usual_first(planned)[:1]
        raise SegconvError(f"{why_unplanned(missing[0], planned)}; nothing was preprocessed", cures=[again(left)])


def no_plans(file: Path, others: Collection[str]) -> SegconvError:
    """Return the error for plans that a dataset lacks, with the names of those that it has."""
    near = difflib.get_close_matches(file.stem, others, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else ""
    what = f"does not exist; the plans of this dataset are {', '.join(others)}"
    return SegconvError(what, code="SC010", file=str(file), hint=hint)


def unplanned(name: str, planned: Collection[str]) -> SegconvError:
    """Return the error for training a configuration that plans do not have, with those that they have."""
    near = difflib.get_close_matches(name, planned, n=3) if name not in CONFIGURATIONS else []
    others = list(dict.fromkeys([*near, *usual_first(planned)]))
    cures = [Cure.of("choose_configuration", configuration=other) for other in others[:3]]
    return SegconvError(why_unplanned(name, planned), cures=cures)
