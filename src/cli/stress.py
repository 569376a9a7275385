"""``segconv stress``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import Finding
from ..work.run_options import RunOptions
from .completion import complete_models
from .help_pages import CODE, MODEL, Command, example, grouped
from .options import (
    PATH,
    allow_module,
    bundled,
    dataset_argument,
    device,
    finding_trainers,
    jobs,
    no_mirroring,
    option,
    overwrite,
    speaking,
    three_folders,
)
from .sink import Sink
from .types import FOLDS, NUMBERS, PLANES

if TYPE_CHECKING:
    from ..dataset.layout import Dataset
    from ..flows.stress.models import StressOptions
    from ..review.scores.robustness import Advice
    from ..train.paths import Paths

COPIES = 4
"""Random copies of each case that the suggested command makes."""

BESIDE = 100
"""Added to the number of a dataset for that of its augmentation, if it is free."""


ANGLES = "5,10,15,30,45,60,90,180"


@dataclass(frozen=True)
class Chosen:
    """The chosen models, and how they predict."""

    models: tuple[str, ...]
    device: str
    no_mirroring: bool
    trust_model: bool
    allowed_modules: tuple[str, ...]


def _options(**options: Any) -> StressOptions:
    from ..flows.stress.models import StressOptions

    return StressOptions(**options)


@click.command(
    cls=Command,
    epilog=example("segconv stress 501 -m nnUNetTrainer_1epoch__nnUNetPlans__2d_small --angles 15,90 --device cpu"),
)
@dataset_argument
@bundled(
    "chosen",
    Chosen,
    option(
        "-m",
        "--model",
        "models",
        multiple=True,
        required=True,
        shell_complete=complete_models,
        help="Folder of a model, CONFIGURATION, or TRAINER__PLANS__CONFIGURATION; given twice, two are compared.",
        group=MODEL,
    ),
    device,
    no_mirroring,
    option(
        "--trust-model", is_flag=True, help="Run a model that is not in nnUNet_results; a model is code.", group=CODE
    ),
    allow_module,
)
@bundled(
    "options",
    _options,
    *grouped(
        "What is tested",
        option(
            "-f",
            "--fold",
            "folds",
            type=FOLDS,
            metavar="N,…",
            help="Test the cases that these folds held back; default: first.",
        ),
        option("--cases", "limit", type=click.IntRange(min=1), default=10, help="Largest number of cases to test."),
        option("--angles", "angles_deg", type=NUMBERS, default=ANGLES, metavar="DEG,…", help="Angles in each plane."),
        option(
            "--planes",
            type=PLANES,
            metavar="PLANE,…",
            help="sagittal, coronal, axial; default: all, for pictures axial.",
        ),
        option(
            "--shifts",
            "shifts_hu",
            type=NUMBERS,
            metavar="HU,…",
            help="Shifts of CT channels; default: ±30, ±50 and ±100.",
        ),
        option(
            "--tolerance",
            type=click.FloatRange(0, 1, min_open=True, max_open=True),
            default=0.05,
            help="Part of the expected mean Dice that may be lost.",
        ),
    ),
)
@option("-o", "--output", type=PATH, default=Path("stress"), help="Folder to make.")
@bundled("how", RunOptions, overwrite, jobs)
@three_folders
@speaking
@finding_trainers
def command(
    dataset: str, chosen: Chosen, options: StressOptions, output: Path, how: RunOptions, sink: Sink, paths: Paths
) -> int:
    """Measure how much a trained model depends on pose and grey values.

    Cases that the model has not seen are rotated by a ladder of angles and shifted in HU, predicted,
    and the predictions rotated back. The result is Dice per class against angle and shift, as table, JSON,
    CSV and picture. Rotating labels forth and back costs something too: the expected score is that of the
    predictions of untouched cases after such rotations, the ceiling that of perfect predictions. Voxels
    that a rotation takes off the grid are left out of all scores.

    Where a model loses more than the tolerance, the smallest augmentation that covers the loss is named.
    Nothing is judged where the ceiling itself loses more or half of the foreground is off the grid, nor
    for classes whose Dice on the untouched cases is below 0.5.
    """
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..flows.stress.models import plan_stress_of, predictor_of
    from ..flows.stress.run import report_target, run_stress, write_report
    from ..train.predict import PredictOptions
    from ..train.trained import find_model
    from ..train.untrusted_models import Trust
    from ..work.plan import STRESS, work_folder
    from ..work.preflight import refuse_taken, refuse_unwritable_name, replaceable

    found = Dataset.open(find_dataset(dataset, paths.require("raw", "preprocessed", "results")))
    models = [find_model(text, found.path.name, paths, trust=chosen.trust_model) for text in chosen.models]
    refuse_taken(report_target(output), overwrite=how.overwrite)
    refuse_unwritable_name(output)
    replaceable(report_target(output), overwrite=how.overwrite)
    warnings: list[Finding] = []
    stress = plan_stress_of(found, models, paths, work_folder(STRESS, output), options, tell=sink.say)
    predicting = PredictOptions(chosen.device, not chosen.no_mirroring)
    trust = Trust(chosen.trust_model, chosen.allowed_modules)
    predictor = predictor_of(models, stress.folds, paths, predicting, trust, jobs=how.jobs)
    result = run_stress(stress, predictor, jobs=how.jobs, tell=sink.say, warn=warnings.extend)
    sink.warn(warnings)
    sink.table(*result.table())
    written = write_report(result, output, overwrite=how.overwrite)
    for model in result.models:
        _advise(sink, found, paths, result.advice(model), options.tolerance)
    sink.say(f"look at {output / 'stress.png'}")
    sink.end({**result.as_json(), "files": [str(path) for path in written]}, warnings)
    return 0


def _advise(sink: Sink, dataset: Dataset, paths: Paths, advice: Advice, tolerance: float) -> None:
    """Show what a model lacks, and the command that would add it."""
    for line in _findings(advice, tolerance):
        sink.say(f"{advice.model}: {line}")
    if advice.judged and advice.needed:
        target = f"{_free_number(dataset, paths)}_{dataset.name.name}Aug"
        sink.next(f"segconv augment {dataset.name.id} --to {target} --copies {COPIES} {_augmentation(advice)}")


def _findings(advice: Advice, tolerance: float) -> Iterator[str]:
    from ..review.scores.robustness import LEAST_DICE, TOO_POOR

    if advice.too_poor:
        classes = ", ".join(f"{name} {dice:.2f}" for name, dice in advice.too_poor.items())
        what = "left out as" if advice.judged else "its classes are"
        yield f"{what} {TOO_POOR}: {classes}; untouched cases must have a Dice of at least {LEAST_DICE:g}"
    if not advice.judged:
        return
    if advice.unjudged:
        yield f"nothing can be said of {', '.join(advice.unjudged)}: see ceiling and kept"
    if not advice.needed:
        yield f"loses at most {tolerance:.0%} under every condition that can be judged"
        return
    yield from _drops(advice)


def _drops(advice: Advice) -> Iterator[str]:
    if advice.rotate_range_deg is not None:
        yield (
            f"drops from {advice.from_deg:g}° on ({', '.join(advice.planes)});"
            f" rotations of ±{advice.rotate_range_deg:g}° would cover all that dropped"
        )
    if advice.hu_shift is not None:
        low, high = advice.hu_shift
        yield f"drops at shifts of {low:g} to {high:g} HU"


def _free_number(dataset: Dataset, paths: Paths) -> int:
    from ..dataset.names import MAX_ID, dataset_folders, next_free_id

    used = {number for root in (paths.raw, paths.preprocessed, paths.results) for number in dataset_folders(root)}
    return next((i for i in range(dataset.name.id + BESIDE, MAX_ID + 1) if i not in used), next_free_id(used))


def _augmentation(advice: Advice) -> str:
    words = []
    if advice.rotate_range_deg is not None:
        words += ["--rotate-range", f"{advice.rotate_range_deg:g}", "--planes", ",".join(advice.planes)]
    if advice.hu_shift is not None:
        words += ["--hu-shift", f"{advice.hu_shift[0]:g}:{advice.hu_shift[1]:g}"]
    return " ".join(map(shlex.quote, words))
