"""``segconv plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import Finding
from .options import allow_external, bundled, example, jobs, option, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..train.commands import PlanOptions
    from ..train.paths import Paths


def _planning(**options: Any) -> PlanOptions:
    from ..train.commands import PlanOptions

    return PlanOptions(**options)


@click.command(epilog=example("segconv plan 501 -c 2d"))
@click.argument("dataset")
@bundled(
    "planning",
    _planning,
    option(
        "-c",
        "--configuration",
        "configurations",
        multiple=True,
        help="Configuration to preprocess; may be repeated. Default: all.",
    ),
    option("--planner", metavar="CLASS", help="nnU-Net planner, such as nnUNetPlannerResEncM."),
    option("--gpu-memory", "gpu_memory_gb", type=float, metavar="GB", help="GPU memory that the planner aims at."),
)
@option("--no-check", is_flag=True, help="Skip segconv's own check; nnU-Net's still runs.")
@allow_external
@jobs
@three_folders
@speaking
def command(
    dataset: str,
    planning: PlanOptions,
    no_check: bool,
    allow_external: bool,
    jobs: int,
    sink: Sink,
    paths: Paths,
) -> int:
    """Let nnU-Net check, plan and preprocess a dataset.

    Checks the dataset as `segconv check` does, and refuses it if there are errors. Then runs
    nnUNetv2_plan_and_preprocess with its own integrity check, and copies the folds that segconv made
    to where nnU-Net reads them, so that no fold validates on copies of its training cases.
    """
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..flows.plan import plan_dataset
    from ..train.model import DEFAULT_PLANS

    warnings: list[Finding] = []
    found = Dataset.open(find_dataset(dataset, paths.require("raw", "preprocessed", "results")))
    folder = plan_dataset(
        found,
        paths,
        planning,
        jobs=jobs,
        tell=sink.say,
        check=not no_check,
        allow_external=allow_external,
        warn=warnings.extend,
    )
    sink.warn(warnings)
    plans = sorted(path.name for path in folder.glob("*Plans*.json"))
    sink.say(f"Planned in {folder}: {', '.join(plans)}")
    first = planning.configurations[0] if planning.configurations else "3d_fullres"
    sink.next(f"segconv train {found.name.id} -c {first} -f 0   (plans: {DEFAULT_PLANS})")
    sink.end({"preprocessed": str(folder), "plans": plans}, warnings)
    return 0
