"""Derive a configuration in the plans of a dataset, with the stages of a cascade linked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Cure, Finding, Refused, SegconvError, warning
from ..train.derivation import Differences, derive
from ..train.model import plans_file
from ..train.paths import Paths
from ..train.plans import changed
from ..train.plans_in_use import refuse_taken
from ..train.remembered import is_remembered, remember
from ..train.stages import link_stages, previous_stage
from ..train.untrusted_models import foreign_classes


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
    overwrite
        Replace a configuration that was derived earlier, unless models were trained with it.

    Raises
    ------
    SegconvError
        ``SC001`` if the name is taken or something does not fit together; ``SC064`` for a network from a module that
        is not allowed; ``SC143`` if models were trained with the configuration; what `derive` and `changed` raise.
    """
    name, base = new
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
            _refuse_foreign_network(name, configuration, allowed_modules)
        found["configurations"][name] = configuration
        found["configurations"] = link_stages(found)["configurations"]
    warnings = _remembered(found, path, permitted=permitted) if foreign_classes(found) else ()
    return Derived(found["configurations"][name], previous_stage(configuration), warnings)


def _refuse_foreign_network(name: str, configuration: Mapping[str, Any], allowed_modules: Collection[str]) -> None:
    reasons = foreign_classes({"configurations": {name: configuration}}, allowed_modules)
    if reasons:
        raise Refused(reasons=reasons)


def _remembered(plans: Mapping[str, Any], path: Path, *, permitted: bool) -> tuple[Finding, ...]:
    """Remember plans with classes from elsewhere: only those that were examined, not what the file holds by now."""
    if not permitted:
        return (_not_remembered("names classes from elsewhere", str(path)),)
    try:
        remember(plans, path)
    except SegconvError as error:
        return (_not_remembered(error.message, error.file, error.code),)
    return ()


def _not_remembered(why: str, file: str, code: str = "SC064") -> Finding:
    return warning(
        code,
        f"{why}: the plans are not remembered, and their classes must be allowed each time",
        file=file,
        cures=[Cure.of("allow_module")],
    )
