"""Check a network of the user's own before anything depends on it, in a process of its own; see `network_trial`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Cure, Finding
from .child import ChildFailed, environment, python, run_child
from .child_events import heard
from .deep_supervision import USUAL, DeepSupervision
from .paths import Paths
from .plans import configuration
from .time_limit import LIMIT_S, how_it_ended

_FEW_THREADS = {"nnUNet_compile": "f", "nnUNet_wandb_enabled": "0"}


@dataclass(frozen=True)
class Checking:
    """How to check a network.

    Parameters
    ----------
    log
        File to which the output of the process is appended.
    limit_s
        How long a step may take, in seconds.
    only_import
        Whether to look no further than whether the class can be imported.
    deep_supervision
        What the trainer asks for.
    """

    log: Path | None = None
    limit_s: int = LIMIT_S
    only_import: bool = False
    deep_supervision: DeepSupervision = USUAL


def network_findings(
    plans: Mapping[str, Any],
    names: Sequence[str],
    description: Mapping[str, Any],
    paths: Paths,
    checking: Checking = Checking(),
) -> list[Finding]:
    """Try the networks of configurations as training and prediction use them, without training.

    Parameters
    ----------
    plans
        The plans; refuse classes that are not allowed first, as they are imported and called.
    names
        Configurations.
    description
        Content of dataset.json, which says how many channels there are.

    Returns
    -------
    findings
        At most one for each configuration: ``SC166`` if the class cannot be imported; ``SC185`` if it is no class of
        networks or cannot be built; ``SC168`` for a wrong number of channels or size; ``SC163`` for outputs that
        deep supervision does not expect; ``SC164`` if a patch does not go through; ``SC186`` if trained weights
        cannot be loaded for prediction; ``SC187`` if the network ends its process or does not come back.

    Raises
    ------
    Interrupted
        By Ctrl-C.
    """
    kept = {name: configuration(plans, name) for name in names}
    for found in list(kept.values()):
        found.pop("inherits_from", None)
    asked = {
        "plans": {**{key: value for key, value in plans.items() if key in _NEEDED}, "configurations": kept},
        "names": list(names),
        "description": {key: description[key] for key in _DESCRIBED if key in description},
        "limit_s": checking.limit_s,
        "only_import": checking.only_import,
        "deep_supervision": vars(checking.deep_supervision),
    }
    findings: list[Finding] = []
    at = "start of the trial"

    def hear(line: str) -> None:
        nonlocal at
        event = heard(line) or {}
        if "finding" in event:
            findings.append(Finding(**event["finding"], cures=_cures(event["finding"]["code"], checking)))
        elif "begin" in event:
            at = f"{event['begin']} of {event['of']}"
        elif "done" in event:
            at = ""

    ended_with = 0
    try:
        run_child(
            [*python("from segconv.train.network_trial import main; main()"), json.dumps(asked)],
            {**environment(paths), **_FEW_THREADS},
            shown=f"trial of a network, {', '.join(names)}",
            log=checking.log,
            tell=hear,
        )
    except ChildFailed as error:
        ended_with = error.ended_with
    if at:  # also if the network ended its process as if all were well
        findings.append(Finding("SC187", how_it_ended(at, ended_with, checking.limit_s), file=str(checking.log or "")))
    return findings


def _cures(code: str, checking: Checking) -> tuple[Cure, ...]:
    return (Cure.of("train_without_deep_supervision"),) if code == "SC163" and checking.deep_supervision.is_on else ()


_NEEDED = ("dataset_name", "plans_name", "label_manager")
_DESCRIBED = ("labels", "regions_class_order", "channel_names", "modality")
"""What decides a network, of the plans and of dataset.json."""
