"""The stress test of trained models: held-back cases are turned and shifted, predicted, turned back and scored.

Turns and shifts are those of `segconv.augment`, so that what the test finds is what augmentation can
mend. Voxels that a turn takes off the grid, and those of the ignore label, are scored nowhere:
neither in predictions nor in the ceiling.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import reading
from ..augment.intensity import shift_hu
from ..augment.rotation import plan_turn, turned
from ..augment.spec import PLANES, Transform
from ..dataset import lineage
from ..dataset.description import DatasetDescription
from ..dataset.layout import Dataset
from ..dataset.lineage import TRAIN
from ..dataset.runs import NewRun
from ..dataset.strictjson import dumps
from ..errors import SegconvError, naming
from ..image import raster
from ..image.geometry import Geometry, Volume
from ..image.opened import encode, read_bytes, read_image, read_label
from ..image.resample import LINEAR, NEAREST
from ..review.pictures.curves import curves
from ..review.scores.dice import Scores, score
from ..review.scores.robustness import Condition, Measured, Robustness
from ..train.commands import Tell
from ..train.holds import reading as folds_as_they_are
from ..train.models import TrainedModel, held_back
from ..train.paths import Paths
from ..train.predict import predict_with, prove_model
from ..work import fsops
from ..work.held import Held, unchanged
from ..work.interruption import interruptible
from ..work.parallel import each
from ..work.plan import STRESS, Target
from ..work.run_options import refuse_unfit
from ..work.scratch import Warn, scratch
from ..work.staging import Staged, publish, writing
from .stress_plan import ANGLES_DEG, TOLERANCE, Stress, StressCase, inputs_folder, outputs_folder, plan_stress

CASES = 10
"""So many cases are tested if nobody says how many: each is predicted under every condition."""

PREDICTING_JOBS = 3
"""nnU-Net's own number of processes that read, and that write: each holds a case in floating point."""

Predictor = Callable[[str, str, Path, Path], None]
"""Predicts with a model and a fold all files of a folder into another, under the same names."""


def run_stress(
    stress: Stress, predictor: Predictor, *, jobs: int = 1, tell: Tell | None = None, warn: Warn | None = None
) -> Robustness:
    """Run a planned stress test: predict its cases under all its conditions, and score them.

    Parameters
    ----------
    predictor
        Called once a model and fold, with one folder of inputs for all conditions.
    jobs
        Workers that turn and score.
    tell
        Is told how far it is.
    warn
        Is given what somebody else put into the work folder, which stays there.

    Raises
    ------
    SegconvError
        ``SC062`` if the dataset is replaced, or a file of these cases changes, meanwhile; what reading,
        `predictor` and scoring raise.
    """
    refuse_unfit(jobs=jobs, tell=tell, warn=warn)
    dataset, cases, work = stress.dataset, stress.cases, stress.work
    say = tell or (lambda _: None)
    files = Held(dataset.path, [str(path) for case in cases for path in (*case.images, case.label)])
    with (
        interruptible("interrupted: nothing was measured", "the same command begins anew"),
        unchanged(dataset.held, files),
        scratch(work, stress.outputs, warn or (lambda _: None)),
    ):
        conditions = len(stress.conditions)
        say(f"{len(cases)} cases under {conditions} conditions: {len(cases) * conditions} inputs")
        with writing(work):
            for fold in stress.folds:
                fsops.mkdir(inputs_folder(work, fold))
        for name in each(_write_inputs, cases, jobs=jobs, tell=say):
            say(f"{name}: turned and shifted")
        for model, name in enumerate(stress.models):
            for fold in stress.folds:
                output = outputs_folder(work, model, fold)
                with writing(output):
                    fsops.mkdir(output)
                say(f"{name}, fold {fold}: predicting")
                predictor(name, fold, inputs_folder(work, fold), output)
        found = {scored.case: scored for scored in each(_score_case, cases, jobs=jobs)}
    order = [found[case.case] for case in cases]
    return Robustness(
        dataset.path.name,
        tuple(case.case for case in cases),
        stress.models,
        tuple(dataset.description.labels.foreground),
        tuple(_measured(condition, i, order, stress.models) for i, condition in enumerate(stress.conditions)),
        stress.tolerance,
    )


def stress_models(
    dataset: Dataset,
    models: Sequence[TrainedModel],
    paths: Paths,
    work: Path,
    *,
    folds: Sequence[str] | None = None,
    limit: int = CASES,
    device: str = "cuda",
    mirror: bool = True,
    jobs: int = 1,
    allowed_modules: Collection[str] = (),
    trust_model: bool = False,
    tell: Tell | None = None,
    warn: Warn | None = None,
    angles_deg: Sequence[float] = ANGLES_DEG,
    planes: Sequence[str] | None = None,
    shifts_hu: Sequence[float] | None = None,
    tolerance: float = TOLERANCE,
) -> Robustness:
    """Stress trained models with the cases that all of them held back.

    Parameters
    ----------
    folds
        The first that all models have if None.
    limit
        Most cases, over all folds.
    allowed_modules, trust_model
        As for `prove_model`.
    tell, warn
        As for `run_stress`.
    angles_deg, planes, shifts_hu, tolerance
        As for `plan_stress`.

    Raises
    ------
    SegconvError
        ``SC001`` for a model of other channels, labels or files than the dataset's; ``SC011`` if no case
        was held back by all models; what `held_back`, `plan_stress`, `prove_model`,
        `predict_with` and `run_stress` raise.
    """
    refuse_unfit(jobs=jobs, tell=tell, warn=warn, mirror=mirror, trust_model=trust_model)
    names = model_names(models)
    for model in models:
        _refuse_other_coding(dataset, model)
    common = [fold for fold in models[0].folds if all(fold in model.folds for model in models)]
    numbered = [fold for fold in common if fold.isdecimal()]
    if not folds and not numbered:
        trained = "; ".join(f"{name}: {', '.join(model.folds)}" for name, model in names.items())
        raise SegconvError(
            f"no fold that holds cases back is trained for all models ({trained})",
            code="SC011",
            hint="train a fold with a number: segconv train DATASET -c CONFIGURATION -f 0",
        )
    with dataset.unchanged(), folds_as_they_are(paths, *{model.dataset for model in models}):
        cases = held_back_cases(dataset, models, paths, folds or numbered[:1], limit, tell=tell)
    stress = plan_stress(
        dataset,
        list(names),
        work,
        cases=cases,
        angles_deg=angles_deg,
        planes=planes,
        shifts_hu=shifts_hu,
        tolerance=tolerance,
    )

    proved = {
        (name, fold): prove_model(
            model.folder, model.dataset, folds=[fold], allowed_modules=allowed_modules, trust_model=trust_model
        )
        for name, model in names.items()
        for fold in stress.folds
    }

    def predictor(name: str, fold: str, inputs: Path, output: Path) -> None:
        predict_with(
            proved[name, fold],
            inputs,
            output,
            paths,
            device=device,
            mirror=mirror,
            jobs=min(jobs, PREDICTING_JOBS),
        )

    return run_stress(stress, predictor, jobs=jobs, tell=tell, warn=warn)


def held_back_cases(
    dataset: Dataset,
    models: Sequence[TrainedModel],
    paths: Paths,
    folds: Sequence[str],
    limit: int,
    *,
    tell: Tell | None = None,
) -> dict[str, list[str]]:
    """Return fold → original cases of a dataset that no model has seen, not more than `limit` over all folds."""
    copies = {record.case for record in dataset.records() if record.parent is not None}
    there = set(dataset.cases(TRAIN)) - copies
    cases: dict[str, list[str]] = {}
    for fold in folds:
        unseen = set.intersection(*(set(held_back(model, fold, paths)) for model in models))
        cases[fold] = sorted(unseen & there)
    total = sum(map(len, cases.values()))
    if not total:
        raise SegconvError(
            f"no case of it was held back by fold {', '.join(folds)} of {' and '.join(m.name for m in models)}",
            code="SC011",
            file=str(dataset.path),
            hint="models that are compared must share their folds, as those of a dataset and its augmentation do",
        )
    # From all folds in turn, so that a limit leaves none of them out.
    turns = [(i, fold) for fold, found in cases.items() for i in range(len(found))]
    kept = set(sorted(turns, key=lambda turn: turn[0])[:limit])
    if tell is not None and total > limit:
        tell(f"{limit} of {total} cases that were held back; --cases {total} takes all")
    chosen = {fold: [case for i, case in enumerate(found) if (i, fold) in kept] for fold, found in cases.items()}
    return {fold: found for fold, found in chosen.items() if found}


def model_names(models: Sequence[TrainedModel]) -> dict[str, TrainedModel]:
    """Return models by the shortest names that tell them apart."""
    for name in (
        lambda model: model.name,
        lambda model: model.dataset,
        lambda model: f"{model.dataset}/{model.name}",
        lambda model: str(model.folder),
    ):
        found = {name(model): model for model in models}
        if len(found) == len(models):
            return found
    raise SegconvError("a model is given twice", hint="give two that differ, or one")


def _refuse_other_coding(dataset: Dataset, model: TrainedModel) -> None:
    """Refuse a model whose inputs or outputs mean something else than the dataset's."""
    mine, its = dataset.description, DatasetDescription.read(model.folder / "dataset.json")
    for what, wanted, found in (
        ("channels", mine.channel_names, its.channel_names),
        ("labels", mine.labels.as_json(), its.labels.as_json()),
        ("files", mine.file_ending, its.file_ending),
    ):
        if wanted != found:
            raise SegconvError(
                f"was trained on {what} {found}, the dataset has {wanted}",
                file=str(model.folder),
                hint="test it on the dataset that it was trained on",
            )


@dataclass(frozen=True)
class _Scored:
    """Dice of one case by condition, and how much foreground there is and stays."""

    case: str
    models: list[dict[str, dict[str, float]]]
    expected: list[dict[str, dict[str, float]]]
    ceilings: list[dict[str, float]]
    kept: list[int]
    foreground: int


def _angles(condition: Condition, sign: int = 1) -> Transform:
    x, y, z = (sign * condition.angle_deg if condition.plane == plane else 0.0 for plane in PLANES)
    return Transform((x, y, z))


def _changed(image: Volume, condition: Condition, *, is_ct: bool) -> NDArray[Any]:
    """Return an image under a condition, as a copy of an augmented dataset would be."""
    air = image.array.min(axis=tuple(range(image.geometry.dimension)))
    moved = turned(plan_turn(image.geometry, _angles(condition)), image.array, LINEAR, air)
    return shift_hu(moved, condition.shift_hu, float(air)) if is_ct and condition.shift_hu else moved


def _turned(label: NDArray[Any], geometry: Geometry, condition: Condition, *, back: bool = False) -> NDArray[Any]:
    """Return a label or mask turned as its image is, or back; what comes from outside of the grid is 0."""
    return turned(plan_turn(geometry, _angles(condition, -1 if back else 1)), label, NEAREST, 0)


def _write_inputs(task: StressCase) -> str:
    """Write a case under every condition, in a worker."""
    for channel, path in enumerate(task.images):
        with naming(str(path)):
            image = read_image(read_bytes(str(path)), task.ending)
            if task.ending in raster.ENDINGS and image.geometry.dimension > 2:
                raise SegconvError("is a picture of several pages, which is not turned", code="SC094")
        for number, condition in enumerate(task.conditions):
            array = _changed(image, condition, is_ct=channel in task.ct_channels)
            target = task.inputs / task.input_name(number, channel)
            with writing(target):
                fsops.write_new(target, b"".join(encode(array, image.geometry, task.ending)))
    return task.case


def _score_case(task: StressCase) -> _Scored:
    """Turn the predictions of a case back and score them, in a worker."""
    with naming(str(task.label)):
        reference = _narrow(read_label(read_bytes(str(task.label)), task.ending))
    with naming(str(task.images[0])):
        geometry = read_image(read_bytes(str(task.images[0])), task.ending).geometry
    scored = np.ones(reference.shape, bool) if task.ignore is None else reference != task.ignore
    foreground = np.isin(reference, [value for values in task.classes.values() for value in values])
    found = _Scored(task.case, [], [], [], [], int(foreground.sum()))
    first: dict[str, NDArray[Any]] = {}
    for number, condition in enumerate(task.conditions):
        turn = functools.partial(_turned, geometry=geometry, condition=condition)
        stays = turn(turn(np.ones(reference.shape, np.uint8)), back=True).astype(bool)
        inside = stays & scored
        perfect = turn(turn(reference), back=True)
        found.ceilings.append(score(perfect[inside], reference[inside], task.classes))
        found.kept.append(int((foreground & stays).sum()))
        scores = {}
        for model, name in enumerate(task.models):
            path = task.outputs(model) / task.output_name(number)
            if not reading.is_file(path):
                raise SegconvError("is not there: nothing was predicted", code="SC101", file=str(path))
            with naming(str(path)):
                prediction = _narrow(read_label(read_bytes(str(path)), task.ending))
                if prediction.shape != reference.shape:
                    raise SegconvError(
                        f"has the shape {prediction.shape}, its reference {reference.shape}", code="SC082"
                    )
            first.setdefault(name, prediction)
            scores[name] = score(turn(prediction, back=True)[inside], reference[inside], task.classes)
        found.models.append(scores)
        # Those of the untouched case, turned as well: voxels that stay may be easier or harder than the others, and
        # what is thin loses more by being turned.
        found.expected.append(
            {
                name: score(turn(turn(label), back=True)[inside], reference[inside], task.classes)
                for name, label in first.items()
            }
        )
    return found


def _narrow(label: Volume) -> NDArray[Any]:
    """Return label values in the smallest type that holds them."""
    array: NDArray[Any] = np.ascontiguousarray(label.array)
    return array.astype(np.uint8 if not array.size or array.max() < 256 else np.uint16)


def _measured(condition: Condition, number: int, order: Sequence[_Scored], models: Sequence[str]) -> Measured:
    """Return what all cases together say about a condition."""
    total = sum(scored.foreground for scored in order)
    return Measured(
        condition,
        {model: Scores({scored.case: scored.models[number][model] for scored in order}) for model in models},
        {model: Scores({scored.case: scored.expected[number][model] for scored in order}) for model in models},
        Scores({scored.case: scored.ceilings[number] for scored in order}),
        sum(scored.kept[number] for scored in order) / total if total else 1.0,
    )


def report_target(output: Path) -> Target:
    """Return a folder for `write_report`; one that holds a report and nothing else may be replaced."""
    output = output.absolute()
    return Target(output, output.name, lineage.manifest(STRESS))


def write_report(found: Robustness, output: Path, *, overwrite: bool = False) -> list[Path]:
    """Write ``stress.json``, ``stress.csv`` and ``stress.png`` into a folder that appears whole; return their paths.

    Raises
    ------
    SegconvError
        ``SC020`` if the folder is there and is not to be replaced, or is not a report of segconv's.
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
