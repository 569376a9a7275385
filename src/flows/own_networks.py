"""Let plans name a user's own network: only if its module is allowed, and then without asking again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..dataset.layout import DESCRIPTION
from ..dataset.strictjson import load_object, read_file
from ..errors import Cure, Finding, Refused, SegconvError, refuse_if_any, warning
from ..train.architectures import NETWORKS, architecture
from ..train.deep_supervision import USUAL, DeepSupervision
from ..train.model import log_file
from ..train.network_check import Checking, network_findings
from ..train.paths import Paths
from ..train.plans import configuration
from ..train.remembered import remember
from ..train.untrusted_models import PACKAGES, foreign_classes


def refuse_foreign_network(network: str, allowed_modules: Collection[str]) -> None:
    """Refuse a network that is neither nnU-Net's nor of an allowed module.

    Raises
    ------
    SegconvError
        ``SC001`` if it is not the name of a network; ``SC064`` if its module is not allowed.
    """
    wanted = architecture(network)
    if wanted in NETWORKS.values():  # known also where its package is not installed
        return
    named = {"network": {"architecture": {"network_class_name": wanted.path}}}
    if foreign_classes({"configurations": named}, allowed_modules):
        raise SegconvError(
            f"{network} is not a class of {', '.join(PACKAGES)}",
            code="SC064",
            hint="nnU-Net would import and call it",
            cures=[Cure.of("allow_module")],
        )


def remembered(plans: Mapping[str, Any], path: Path, *, permitted: bool) -> tuple[Finding, ...]:
    """Remember plans with classes from elsewhere, if they were permitted; return a warning if they are not remembered.

    Parameters
    ----------
    plans
        What was examined, and not what the file holds by now.
    """
    if not foreign_classes(plans):
        return ()
    if not permitted:
        return (_not_remembered("names classes from elsewhere", str(path)),)
    try:
        remember(plans, path)
    except SegconvError as error:
        return (_not_remembered(error.message, error.file, error.code),)
    return ()


def refuse_faulty(
    plans: Mapping[str, Any],
    names: Sequence[str],
    dataset: str,
    paths: Paths,
    *,
    allowed_modules: Collection[str] | None = None,
    deep_supervision: DeepSupervision = USUAL,
    only_import: bool = False,
) -> None:
    """Refuse networks of the user's own that training or prediction could not use; those of others pass unseen.

    Parameters
    ----------
    plans
        The plans.
    names
        Configurations to look at.
    dataset
        Name of its folder.
    allowed_modules
        Modules from elsewhere whose classes these configurations may name, as their networks are built; None if they
        were permitted before.
    deep_supervision
        What their trainer asks for.
    only_import
        Look no further than whether the classes can be imported.

    Raises
    ------
    Refused
        ``SC064`` for classes that are not allowed; see `network_findings` for what is wrong with networks.
    """
    kept = {name: configuration(plans, name) for name in names}
    own = [name for name in kept if foreign_classes({"configurations": {name: kept[name]}}, PACKAGES)]
    if not own:
        return
    if allowed_modules is not None:
        refuse_if_any(foreign_classes({"configurations": {name: kept[name] for name in own}}, allowed_modules))
    copies = (folder / dataset / DESCRIPTION for folder in (paths.require("preprocessed"), paths.require("raw")))
    file = next((path for path in copies if path.is_file()), paths.require("raw") / dataset / DESCRIPTION)
    log = log_file(paths, dataset, "network")
    checking = Checking(log, only_import=only_import, deep_supervision=deep_supervision)
    found = network_findings(plans, own, load_object(read_file(file)), paths, checking)
    if found:
        raise Refused(reasons=found)


def refuse_missing(network: str, dataset: str, paths: Paths) -> None:
    """Refuse a network of the user's own that cannot be imported, before hours of work; see `refuse_faulty`."""
    named = {"network": {"architecture": {"network_class_name": architecture(network).path}}}
    refuse_faulty({"configurations": named}, ["network"], dataset, paths, only_import=True)


def _not_remembered(why: str, file: str, code: str = "SC064") -> Finding:
    return warning(
        code,
        f"{why}: the plans are not remembered, and their classes must be allowed each time",
        file=file,
        cures=[Cure.of("allow_module")],
    )
