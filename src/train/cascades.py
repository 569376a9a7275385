"""Find the cascade of a dataset, and the models of its stages; say why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import Cure, SegconvError
from .model import Model
from .paths import Paths
from .plans import configuration, planned, read_plans
from .stages import next_stages, previous_stage

FULL = "3d_fullres"
"""nnU-Net's configuration at full resolution, of which it plans a cascade if images are large."""

LARGEST_SHARE = 0.25
"""A cascade is planned if a patch at full resolution covers less than this share of the typical image. Source:
``lowres_creation_threshold`` of nnU-Net's ``ExperimentPlanner``."""

LEAST_REDUCTION = 2
"""A first stage is dropped if it does not reduce the number of voxels by this factor. Source: the same planner."""


def find_cascade(dataset: str, wanted: str | None, trainer: str, plans: str, paths: Paths) -> Model:
    """Return the last stage of a dataset's cascade.

    Parameters
    ----------
    dataset
        Name of its folder.
    wanted
        Configuration of the last stage; if None, the only one that has a stage before it and none after it.
    trainer, plans
        As in `Model`.

    Raises
    ------
    SegconvError
        ``SC150`` if the plans have no cascade, with nnU-Net's reason; ``SC001`` for a configuration that is not of a
        cascade, or if there are several cascades; what `read_plans` raises.
    """
    model = Model(dataset, wanted or FULL, trainer, plans)
    file = model.plans_file(paths)
    found = read_plans(file) if wanted is None else planned(model, paths).plans
    cascaded = [name for name in found["configurations"] if _previous(found, name)]
    if wanted is not None:
        _refuse_other(found, wanted, cascaded, file)
        return model
    if not cascaded:
        raise _no_cascade(found, file, model)
    before_others = {_previous(found, name) for name in cascaded}
    last = [name for name in cascaded if name not in before_others]
    if len(last) != 1:
        what = f"has {len(last)} cascades: {', '.join(last)}"
        raise SegconvError(what, file=str(file), cures=[Cure.of("choose_configuration")])
    return replace(model, configuration=last[0])


def _refuse_other(plans: Mapping[str, Any], wanted: str, cascaded: Sequence[str], file: Path) -> None:
    if wanted not in cascaded:
        others = f": there are {', '.join(cascaded)}" if cascaded else ", and the plans have none"
        raise SegconvError(f"{wanted} is not the last stage of a cascade{others}", file=str(file))


def stages(model: Model, paths: Paths) -> tuple[Model, ...]:
    """Return the models of a cascade, from the first stage to this one.

    Raises
    ------
    SegconvError
        ``SC151`` if a stage is missing or does not name the next one; what `read_plans` raises.
    """
    file = model.plans_file(paths)
    plans = read_plans(file)
    chain = [model.configuration]
    while before := _previous(plans, chain[0]):
        _refuse_unlinked(plans, before, chain[0], file)
        if before in chain:
            raise SegconvError(f"{before} is the stage before itself", code="SC151", file=str(file))
        chain.insert(0, before)
    return tuple(replace(model, configuration=name) for name in chain)


def _previous(plans: Mapping[str, Any], name: str) -> str | None:
    return previous_stage(configuration(plans, name))


def _refuse_unlinked(plans: Mapping[str, Any], before: str, name: str, file: Path) -> None:
    if before not in plans["configurations"]:
        raise SegconvError(f"{name} needs the stage {before}, which is missing", code="SC151", file=str(file))
    if name not in next_stages(configuration(plans, before)):
        raise SegconvError(
            f"{before} does not name {name} as its next stage, so nnU-Net would predict nothing for it",
            code="SC151",
            file=str(file),
            hint=f'add "next_stage": "{name}" to {before}',
        )


def _no_cascade(plans: Mapping[str, Any], file: Path, model: Model) -> SegconvError:
    """Return the refusal of plans without a cascade, with nnU-Net's reason as far as the plans show it."""
    cures = [Cure.of("train", dataset=model.dataset, configuration=FULL, fold="0,1,2,3,4")]
    if FULL not in plans["configurations"]:
        only = [Cure.of("train", dataset=model.dataset, configuration=next(iter(plans["configurations"])), fold="0")]
        return SegconvError("has no cascade, which only 3D images can have", code="SC150", file=str(file), cures=only)
    full = configuration(plans, FULL)
    patch, image = full.get("patch_size"), full.get("median_image_size_in_voxels")
    return SegconvError(f"has no cascade: {_reason(patch, image)}", code="SC150", file=str(file), cures=cures)


def _reason(patch: Sequence[int] | None, image: Sequence[float] | None) -> str:
    usual = f"nnU-Net plans one if a patch of {FULL} covers less than {LARGEST_SHARE:.0%} of the typical image"
    if not patch or not image or not math.prod(image):
        return usual
    share = math.prod(patch) / math.prod(image)
    sizes = f"{_times(patch)} of {_times(image)} voxels"
    if share < LARGEST_SHARE:
        return f"{usual}, and a first stage has at most half of its voxels; here it is {share:.0%}, {sizes}"
    return f"{usual}, and here it is {share:.0%}, {sizes}"


def _times(size: Sequence[float]) -> str:
    return "×".join(f"{edge:.0f}" for edge in size)
