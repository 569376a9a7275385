"""Let plans name a user's own network: only if its module is allowed, and then without asking again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..errors import Cure, Finding, Refused, SegconvError, warning
from ..train.architectures import architecture
from ..train.remembered import remember
from ..train.untrusted_models import foreign_classes


def refuse_foreign_network(network: str, allowed_modules: Collection[str]) -> None:
    """Refuse a network that is neither nnU-Net's nor of an allowed module.

    Raises
    ------
    SegconvError
        ``SC001`` if it is not the name of a network; ``SC064`` if its module is not allowed.
    """
    named = {"network": {"architecture": {"network_class_name": architecture(network).path}}}
    reasons = foreign_classes({"configurations": named}, allowed_modules)
    if reasons:
        raise Refused(reasons=reasons)


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


def _not_remembered(why: str, file: str, code: str = "SC064") -> Finding:
    return warning(
        code,
        f"{why}: the plans are not remembered, and their classes must be allowed each time",
        file=file,
        cures=[Cure.of("allow_module")],
    )
