"""The second half of a rehearsal: predict with each model, average, postprocess, and restore."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ...convert.back.restore import plan_restore, run_restore
from ...errors import SegconvError
from ...train.child import ChildFailed
from ...train.commands import Tell
from ...train.ensemble import Ensemble, average
from ...train.gate import Trust
from ...train.model import Model
from ...train.postprocess import FUNCTIONS, Postprocessing, Step, apply_postprocessing
from ...train.predict import CheckedModel, Folders, PredictOptions, check_model, predict_with
from ...train.rehearsal.playing import SETTINGS, Heard, Played, step_failed
from ...work import fsops
from ...work.run_options import RunOptions
from ...work.writing import writing
from .room import OUTPUT, UNSEEN, Room

FOLDS = ("0", "1")
ONE = RunOptions(jobs=1)


def predict_all(
    room: Room, models: Sequence[Model], trust: Trust, *, log: Path, tell: Tell, heard: Heard
) -> list[Path]:
    """Predict the unseen case with all models, or with both folds of the only one, and bring it back.

    Returns
    -------
    files
        The restored ones; none if segconv did not make the dataset.

    Raises
    ------
    SegconvError
        ``SC160`` if a step fails; what `check_model` raises.
    """

    @contextmanager
    def step(name: str, of: str = "") -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        except ChildFailed as error:
            raise step_failed(f"{name} {of}".strip(), error, log) from None
        heard(Played(name, of, time.monotonic() - start))

    with step("examine", "checkpoints"):
        members = _members(room, models, trust)
    options = PredictOptions("cpu", tell=tell, probabilities=True)
    outputs = []
    for number, member in enumerate(members):
        outputs.append(_predict(room, member, f"member-{number}", options, step))
    ensemble = Ensemble(tuple(members))
    averaged, postprocessed = (_folder(room, name) for name in ("averaged", "postprocessed"))
    with step("ensemble", f"of {len(members)}"):
        average(outputs, averaged, ensemble, room.paths, options=replace(options, probabilities=False))
    _refuse_missing(room, averaged, log)
    with step("postprocess"):
        function = next(iter(FUNCTIONS))
        found = Postprocessing((Step(function, {"labels_or_regions": [1]}),), members[0].folder)
        apply_postprocessing(found, averaged, postprocessed, room.paths, log=log, tell=tell)
    _refuse_missing(room, postprocessed, log)
    if room.dataset.run is None:
        return []
    with step("restore"):
        return _restore(room, postprocessed)


def _members(room: Room, models: Sequence[Model], trust: Trust) -> list[CheckedModel]:
    sets = [(model, FOLDS) for model in models] if len(models) > 1 else [(models[0], (fold,)) for fold in FOLDS]
    return [check_model(model.folder(room.paths), model.dataset, folds, trust) for model, folds in sets]


def _predict(room: Room, member: CheckedModel, name: str, options: PredictOptions, step: Callable[..., object]) -> Path:
    previous = None
    if member.previous is not None:
        previous = _predict(room, member.previous, f"{name}-stage", options, step)
    output = _folder(room, name)
    configuration = member.folder.name.rpartition("__")[2]
    what = f"{configuration} fold {member.folds[0]}" if len(member.folds) == 1 else configuration
    with step("predict", what):  # type: ignore[attr-defined]  # a context manager
        predict_with(member, Folders(room.inputs, output, previous), room.paths, options, settings=SETTINGS)
    return output


def _folder(room: Room, name: str) -> Path:
    folder = room.folder / name
    with writing(folder):
        fsops.mkdir(folder)
    return folder


def _refuse_missing(room: Room, folder: Path, log: Path) -> None:
    if not (folder / f"{UNSEEN}{room.dataset.description.file_ending}").is_file():
        raise SegconvError(f"{folder.name}: no prediction was written", code="SC160", file=str(log))


def _restore(room: Room, predictions: Path) -> list[Path]:
    output = room.folder / OUTPUT
    restoration = plan_restore(predictions, room.dataset, output)
    run_restore(restoration, ONE)
    return [output / name for item in restoration.plan.items for name in item.outputs]
