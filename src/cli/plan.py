"""``segconv plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import Finding
from ..words import count_of
from .completion import complete_configurations, complete_networks, complete_planners
from .help_pages import Command, example, grouped
from .options import (
    allow_external,
    allow_module,
    bundled,
    dataset_argument,
    jobs,
    model_words,
    option,
    speaking,
    three_folders,
    trainer_of_network,
)
from .sink import Sink
from .types import SPACING

if TYPE_CHECKING:
    from ..train.commands import PlanOptions
    from ..train.paths import Paths


def _planning(**options: Any) -> PlanOptions:
    from ..train.commands import PlanOptions

    return PlanOptions(**options)


@click.command(cls=Command, epilog=example("segconv plan 501 -c 2d"))
@dataset_argument
@bundled(
    "planning",
    _planning,
    option(
        "-c",
        "--configuration",
        "configurations",
        multiple=True,
        shell_complete=complete_configurations,
        help="Configuration to preprocess; may be repeated. Default: all.",
    ),
    *grouped(
        "Plans",
        option(
            "--planner",
            metavar="CLASS",
            shell_complete=complete_planners,
            help="nnU-Net planner, such as nnUNetPlannerResEncM, or the path of a class.",
        ),
        option(
            "--network",
            metavar="NAME",
            shell_complete=complete_networks,
            help="umamba-bot, umamba-enc, PlainConvUNet, ResidualEncoderUNet, or the path of a class.",
        ),
        trainer_of_network,
        option(
            "--gpu-memory",
            "gpu_memory_gb",
            type=click.FloatRange(min=0, min_open=True),
            metavar="GB",
            help="GPU memory that the planner aims at.",
        ),
        option("--plans-name", metavar="NAME", help="Name of the plans; needed to plan in several ways."),
        option(
            "--spacing",
            "spacing_mm",
            type=SPACING,
            metavar="X,Y,Z",
            help="Spacing of 3d_fullres in mm, instead of the median.",
        ),
    ),
    option(
        "--keep-plans",
        is_flag=True,
        help="Preprocess with the plans that exist, although the dataset has changed since.",
    ),
    option("--again", is_flag=True, help="Make everything again, also what would be the same."),
)
@option("--no-check", is_flag=True, help="Skip segconv's own check; nnU-Net's still runs.")
@allow_external
@allow_module
@jobs
@three_folders
@speaking
def command(
    dataset: str,
    planning: PlanOptions,
    no_check: bool,
    allow_external: bool,
    allowed_modules: tuple[str, ...],
    jobs: int,
    sink: Sink,
    paths: Paths,
) -> int:
    """Let nnU-Net check, plan and preprocess a dataset.

    Checks the dataset as `segconv check` does, and refuses it if there are errors. Then runs
    nnUNetv2_plan_and_preprocess with its own integrity check, and nnUNetv2_preprocess. Cases that would
    come out as they are, are kept. Plans with which models were trained are not changed; --plans-name makes
    others. Plans and cases are replaced at the end, when all are complete; what an interrupted run has
    finished is used by the next one. The folds that segconv made are copied to where nnU-Net reads them, so
    that no fold validates on copies of its training cases.

    --network gives all configurations another network, in plans of another name, such as
    nnUNetPlansResidualEncoderUNet; nnU-Net's own plans stay as they are, and preprocessed cases serve both.
    """
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..flows.asked import refusing_trainers
    from ..flows.plan import plan_dataset
    from ..train.own_planner import is_own
    from ..train.planning_progress import Reporting
    from ..train.plans import read_plans
    from ..train.plans_table import table
    from .planning_display import PlanningDisplay

    warnings: list[Finding] = []
    with refusing_trainers([] if planning.trainer is None else [planning.trainer], paths):
        found = Dataset.open(find_dataset(dataset, paths.require("raw", "preprocessed", "results")))
    display = PlanningDisplay(sink)
    if is_own(planning.planner):
        sink.say(f"Plans are made by {planning.planner}, whose code runs in a process of its own")
    try:
        made = plan_dataset(
            found,
            paths,
            planning,
            jobs=jobs,
            check=not no_check,
            allow_external=allow_external,
            allowed_modules=allowed_modules,
            reporting=Reporting(sink.detail, lambda text: sink.say(f"note: {text}"), display.hear, display.reading()),
            warn=warnings.extend,
        )
    finally:
        display.stop()
    sink.warn(warnings)
    for data, count in made.made.items():
        sink.say(f"{data}: {count_of(count, 'case')} preprocessed{_kept(made.kept[data])}")
    sink.say(f"Planned in {made.folder}: {made.plans_name}")
    if planning.network is not None:
        for row in table(read_plans(made.folder / f"{made.plans_name}.json"), found.description):
            if row["gpu_gb"] is not None:
                sink.say(f"{row['configuration']}: training takes about {row['gpu_gb']:.1f} GB of a GPU")
    chosen = model_words(planning.network, planning.trainer, made.plans_name)
    sink.next(f"segconv train {found.name.id} -c {made.first} -f 0{chosen}")
    cases = {data: {"preprocessed": made.made[data], "kept": made.kept[data]} for data in made.made}
    sink.end({"preprocessed": str(made.folder), "plans": made.plans_name, "cases": cases}, warnings)
    return 0


def _kept(count: int) -> str:
    return f", {count} as they were" if count else ""
