"""Run a planned stress test: write the inputs, predict and score them, and report the results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ...dataset import lineage
from ...dataset.runs import NewRun
from ...dataset.strictjson import dumps
from ...review.pictures.curves import curves
from ...review.scores.dice import Scores
from ...review.scores.robustness import Condition, Measured, Robustness
from ...train.commands import Tell
from ...work import fsops
from ...work.held import Held, unchanged
from ...work.interruption import interruptible
from ...work.parallel import each
from ...work.plan import STRESS, Target
from ...work.run_options import refuse_unfit
from ...work.scratch import Warn, scratch
from ...work.staging import Staged, publish
from ...work.writing import writing
from .case import ScoredCase, score_case, write_inputs
from .plan import Stress, inputs_folder, outputs_folder

Predictor = Callable[[str, str, Path, Path], None]
"""Predicts with a model and a fold all files of a folder into another, under the same names."""


def run_stress(
    stress: Stress, predictor: Predictor, *, jobs: int = 1, tell: Tell | None = None, warn: Warn | None = None
) -> Robustness:
    """Predict the cases of a planned stress test under all its conditions, and score them.

    Parameters
    ----------
    predictor
        Called once per model and fold, with one folder of inputs for all conditions.
    jobs
        Number of workers that rotate and score.
    tell
        Called with progress messages.
    warn
        Called with warnings about files of others in the work folder, which stay there.

    Raises
    ------
    SegconvError
        ``SC062`` if the dataset is replaced or a file of these cases changes meanwhile; what reading,
        `predictor` and scoring raise.
    """
    refuse_unfit(jobs=jobs, tell=tell, warn=warn)
    dataset, cases, work = stress.dataset, stress.cases, stress.work
    say = tell or (lambda _: None)
    files = Held(dataset.path, [str(path) for case in cases for path in (*case.images, case.label)])
    with (
        interruptible("interrupted: nothing was measured", "the same command starts again from the beginning"),
        unchanged(dataset.held, files),
        scratch(work, stress.outputs, warn),
    ):
        conditions = len(stress.conditions)
        say(f"{len(cases)} cases under {conditions} conditions: {len(cases) * conditions} inputs")
        with writing(work):
            for fold in stress.folds:
                fsops.mkdir(inputs_folder(work, fold))
        for name in each(write_inputs, cases, jobs=jobs, tell=say):
            say(f"{name}: turned and shifted")
        _predict(stress, predictor, say)
        found = {scored.case: scored for scored in each(score_case, cases, jobs=jobs)}
    order = [found[case.case] for case in cases]
    return Robustness(
        dataset.path.name,
        tuple(case.case for case in cases),
        stress.models,
        tuple(dataset.description.labels.foreground),
        tuple(_measured(condition, i, order, stress.models) for i, condition in enumerate(stress.conditions)),
        stress.tolerance,
    )


def _predict(stress: Stress, predictor: Predictor, say: Tell) -> None:
    for model, name in enumerate(stress.models):
        for fold in stress.folds:
            output = outputs_folder(stress.work, model, fold)
            with writing(output):
                fsops.mkdir(output)
            say(f"{name}, fold {fold}: predicting")
            predictor(name, fold, inputs_folder(stress.work, fold), output)


def _measured(condition: Condition, number: int, order: Sequence[ScoredCase], models: Sequence[str]) -> Measured:
    """Return the results of all cases together for a condition."""
    total = sum(scored.foreground for scored in order)
    return Measured(
        condition,
        {model: Scores({scored.case: scored.models[number][model] for scored in order}) for model in models},
        {model: Scores({scored.case: scored.expected[number][model] for scored in order}) for model in models},
        Scores({scored.case: scored.ceilings[number] for scored in order}),
        sum(scored.kept[number] for scored in order) / total if total else 1.0,
    )


def report_target(output: Path) -> Target:
    """Return a folder for `write_report`; one that holds only a report may be replaced."""
    output = output.absolute()
    return Target(output, output.name, lineage.manifest(STRESS))


def write_report(found: Robustness, output: Path, *, overwrite: bool = False) -> list[Path]:
    """Write ``stress.json``, ``stress.csv`` and ``stress.png`` into a folder that appears complete; return their paths.

    Raises
    ------
    SegconvError
        ``SC020`` if the folder exists and must not be replaced, or is not a report by segconv.
    """
    files = {"stress.json": dumps(found.as_json()), "stress.csv": found.as_csv(), "stress.png": curves(found)}

    def finish(staged: Staged) -> None:
        for name, data in files.items():
            staged.write(name, data)
        record = NewRun(
            command=STRESS,
            options={},
            source={"kind": "dataset", "name": found.dataset},
            files=staged.targets,
        ).to_bytes()
        staged.write(lineage.RUN, record)

    publish(report_target(output), finish, overwrite=overwrite)
    return [output / name for name in files]
