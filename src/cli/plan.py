"""``segconv plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import Finding
from .options import allow_external, example, jobs, option, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..train.paths import Paths


@click.command(epilog=example("segconv plan 501 -c 2d"))
@click.argument("dataset")
@option("-c", "--configuration", "configurations", multiple=True, help="To preprocess; may be repeated. Default: all.")
@option("--planner", metavar="CLASS", help="nnU-Net planner, such as nnUNetPlannerResEncM.")
@option("--gpu-memory", type=float, metavar="GB", help="Memory target of the planner.")
@option("--no-check", is_flag=True, help="Leave out segconv's own check; nnU-Net's is made all the same.")
@allow_external
@jobs
@three_folders
@speaking
def command(
    dataset: str,
    configurations: tuple[str, ...],
    planner: str | None,
    gpu_memory: float | None,
    no_check: bool,
    allow_external: bool,
    jobs: int,
    sink: Sink,
    paths: Paths,
) -> int:
    """Let nnU-Net check, plan and preprocess a dataset.

    Checks the dataset as segconv check does, and refuses it if there are errors. Then runs
    nnUNetv2_plan_and_preprocess with its own integrity check, and puts the folds that segconv made
    where nnU-Net reads them, so that no copy of a case is validated on.
    """
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..flows.plan import plan_dataset
    from ..train.plans import DEFAULT_PLANS

    warnings: list[Finding] = []
    found = Dataset.open(find_dataset(dataset, paths.require("raw", "preprocessed", "results")))
    folder = plan_dataset(
        found,
        paths,
        configurations=configurations,
        planner=planner,
        gpu_memory_gb=gpu_memory,
        jobs=jobs,
        tell=sink.say,
        check=not no_check,
        allow_external=allow_external,
        warn=warnings.extend,
    )
    sink.warn(warnings)
    plans = sorted(path.name for path in folder.glob("*Plans*.json"))
    sink.say(f"Planned in {folder}: {', '.join(plans)}")
    first = configurations[0] if configurations else "3d_fullres"
    sink.next(f"segconv train {found.name.id} -c {first} -f 0   (plans: {DEFAULT_PLANS})")
    sink.end({"preprocessed": str(folder), "plans": plans}, warnings)
    return 0
