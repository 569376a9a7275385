"""Derive a configuration in the plans of a dataset, with the stages of a cascade linked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import Finding, SegconvError
from ..train.deep_supervision import deep_supervision_of
from ..train.derivation import Differences, derive
from ..train.model import plans_file
from ..train.paths import Paths
from ..train.plans import changed
from ..train.plans_in_use import refuse_taken
from ..train.remembered import is_remembered
from ..train.stages import link_stages, previous_stage
from ..train.untrusted_models import foreign_classes
from .own_networks import refuse_faulty, refuse_foreign_network, remembered


@dataclass(frozen=True)
class Derived:
    """A derived configuration.

    Parameters
    ----------
    configuration
        Its entries in the plans.
    stage_before
        Configuration whose predictions it gets; None if it is no later stage of a cascade.
    warnings
        Why its plans may not be trusted without asking.
    """

    configuration: Mapping[str, Any]
    stage_before: str | None
    warnings: tuple[Finding, ...]


def derive_configuration(
    dataset: str,
    plans: str,
    paths: Paths,
    new: tuple[str, str],
    differences: Differences,
    *,
    allowed_modules: Collection[str] = (),
    trainer: str | None = None,
    overwrite: bool = False,
) -> Derived:
    """Add a configuration that inherits from another to the plans of a dataset.

    Parameters
    ----------
    dataset
        Name of its folder.
    plans
        Name of the plans.
    new
        Name of the new configuration, and that of the one it inherits from.
    differences
        How they differ.
    allowed_modules
        Modules from elsewhere whose classes the plans may name.
    trainer
        Trainer that will train a network of the user's own, which is checked for it; nnU-Net's usual one if None.
    overwrite
        Replace a configuration that was derived earlier, unless models were trained with it.

    Raises
    ------
    SegconvError
        ``SC001`` if the name is taken or something does not fit together; ``SC064`` for a network from a module that
        is not allowed; ``SC143`` if models were trained with the configuration; what `deep_supervision_of`,
        `refuse_faulty`, `derive` and `changed` raise.
    """
    name, base = new
    deep_supervision = deep_supervision_of(trainer)  # an unknown trainer is refused first
    path = plans_file(paths, dataset, plans)
    with changed(path) as found:
        permitted = is_remembered(found) or not foreign_classes(found, allowed_modules)
        try:
            refuse_taken(paths, dataset, plans, found, name, overwrite=overwrite)
            configuration = derive(found, name, base, differences)
        except SegconvError as error:
            error.file = "" if error.code == "SC001" else str(path)  # for what was typed, no file is at fault
            raise
        if differences.network is not None:
            refuse_foreign_network(differences.network, allowed_modules)
        found["configurations"][name] = configuration
        if permitted or differences.network is not None:
            asked = None if permitted else allowed_modules
            refuse_faulty(found, [name], dataset, paths, allowed_modules=asked, deep_supervision=deep_supervision)
        found["configurations"] = link_stages(found)["configurations"]
    warnings = remembered(found, path, permitted=permitted)
    return Derived(found["configurations"][name], previous_stage(configuration), warnings)
