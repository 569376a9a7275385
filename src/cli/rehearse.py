"""``segconv rehearse``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import Finding, exit_code_of
from .completion import complete_configurations, complete_planners
from .help_pages import Command, example
from .options import (
    allow_module,
    bundled,
    dataset_argument,
    finding_trainers,
    option,
    plans,
    speaking,
    three_folders,
    trainer,
    trainers_again,
)
from .sink import Sink

if TYPE_CHECKING:
    from ..flows.rehearse.run import Rehearsal, Rehearsing
    from ..train.paths import Paths
    from ..train.rehearsal.estimates import Estimate
    from ..train.rehearsal.playing import Played


def _rehearsing(configurations: tuple[str, ...], **named: Any) -> Rehearsing:
    from ..flows.rehearse.run import Rehearsing

    return Rehearsing(configurations, **named)


@click.command(cls=Command, epilog=example("segconv rehearse 501 -c 2d_small"))
@dataset_argument
@bundled(
    "what",
    _rehearsing,
    option(
        "-c",
        "--configuration",
        "configurations",
        multiple=True,
        shell_complete=complete_configurations,
        help="Configuration; may be repeated. Default: 2d and 3d_fullres.",
    ),
    trainer,
    plans,
    option(
        "--planner",
        metavar="CLASS",
        shell_complete=complete_planners,
        help="nnU-Net planner, or path of a class; default: that of the plans.",
    ),
)
@allow_module
@three_folders
@speaking
@finding_trainers
def command(
    dataset: str,
    what: Rehearsing,
    allowed_modules: tuple[str, ...],
    sink: Sink,
    paths: Paths,
) -> int:
    """Rehearse a training on a tiny dataset, from planning to restored predictions.

    Makes a few small cases with the dataset.json of DATASET, and takes its plans with small patches, the trainer, the
    network and the planner. Then plans, trains two folds of each configuration for seconds on the CPU, kills and
    resumes one, validates, predicts, averages, postprocesses and restores. What fails here would fail after days.
    Nothing of DATASET is changed.
    """
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..flows.rehearse.run import rehearse
    from ..train.untrusted_models import Trust

    found = Dataset.open(find_dataset(dataset, paths.require("raw", "preprocessed", "results")))

    def hear(step: Played) -> None:
        sink.say(f"{step.name} {step.of}".strip() + f": {step.seconds:.1f} s")

    sink.say(f"Rehearsing {found.path.name} with {what.trainer}, which takes about two minutes on two idle cores")
    late: list[Finding] = []
    made = rehearse(
        found, paths, what, Trust(allowed_modules=allowed_modules), tell=sink.detail, heard=hear, warn=late.extend
    )
    _show(sink, made)
    findings = [*made.findings, *late]
    sink.warn(findings)
    if made.ok:
        sink.say(f"The rehearsal went through in {made.seconds:.0f} s.")
        sink.next(_following(found.name.id, what, made, trainers_again(paths)))
    sink.end(_as_json(made), findings, ok=made.ok)
    return exit_code_of(findings)


def _following(dataset: int, what: Rehearsing, made: Rehearsal, trainers: str) -> str:
    """Return the command that comes next: planning, or the training of what was rehearsed last."""
    from ..train.model import DEFAULT_PLANS, DEFAULT_TRAINER

    if not made.planned:
        return f"segconv plan {dataset}" + (f" --planner {what.planner}" if what.planner else "")
    named = f" -tr {what.trainer}" if what.trainer != DEFAULT_TRAINER else ""
    named += f" -p {what.plans}" if what.plans != DEFAULT_PLANS else ""
    named += trainers
    if made.cascade:
        return f"segconv cascade {dataset}{named}"
    return f"segconv train {dataset} -c {made.configurations[-1]} -f 0,1,2,3,4{named}"


def _show(sink: Sink, made: Rehearsal) -> None:
    """Write the table of estimates."""
    if not made.estimates:
        return
    from ..train.rehearsal.estimates import HOW

    sink.say("Estimates for the real training:")
    columns = ["configuration", "weights", "preprocessed", "checkpoints", "memory", "epoch on a GPU", "on one core"]
    sink.table(columns, [_row(each) for each in made.estimates])
    sink.say(f"How: {HOW}.")


def _row(each: Estimate) -> tuple[str, ...]:
    weights = f"{each.parameters / 1e6:.1f} million"
    sizes = map(_size, (each.preprocessed_bytes, each.results_bytes, each.memory_bytes))
    return (each.configuration, weights, *sizes, _time(each.epoch_gpu_s), _time(each.epoch_cpu_s))


def _size(nbytes: int | None) -> str:
    if nbytes is None:
        return "unknown"
    if nbytes == 0:
        return "made"
    return f"{nbytes / (1 << 30):.1f} GiB" if nbytes >= 1 << 30 else f"{-(-nbytes >> 20)} MiB"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    if seconds < 1:
        return "under 1 s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _as_json(made: Rehearsal) -> dict[str, Any]:
    from ..train.rehearsal.estimates import HOW

    return {
        "steps": [{"step": s.name, "of": s.of, "seconds": round(s.seconds, 2), **s.facts} for s in made.steps],
        "seconds": round(made.seconds, 1),
        "configurations": made.configurations,
        "estimates": [each.as_json() for each in made.estimates],
        "how": HOW,
        "log": str(made.log),
    }
