"""The second half of a rehearsal: predict with each model, average, postprocess, and restore."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ...convert.back.restore import plan_restore, run_restore
from ...errors import SegconvError
from ...train.child import ChildFailed, logged
from ...train.commands import Tell
from ...train.ensemble import Ensemble, average
from ...train.model import Model
from ...train.postprocess import FUNCTIONS, Postprocessing, Step, apply_postprocessing
from ...train.predict import CheckedModel, Folders, PredictOptions, check_model, predict_with
from ...train.rehearsal.playing import SETTINGS, Heard, Played, step_failed
from ...train.untrusted_models import Trust
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
    with logged(log, "rehearsal, predictions") as keep:

        def note(line: str) -> None:
            keep(f"{line}\n".encode())  # logs of models are in the work folder, which will be removed
            tell(line)

        postprocessed = _predicted(room, models, trust, _Steps(log, heard), note)
    if room.dataset.run is None:
        return []
    with _Steps(log, heard).step("restore"):
        return _restore(room, postprocessed)


@dataclass(frozen=True)
class _Steps:
    """Times steps, and names them in errors."""

    log: Path
    heard: Heard

    @contextmanager
    def step(self, name: str, of: str = "") -> Iterator[None]:
        """Time a block."""
        start = time.monotonic()
        try:
            yield
        except ChildFailed as error:
            raise step_failed(f"{name} {of}".strip(), error, self.log) from None
        self.heard(Played(name, of, time.monotonic() - start))


def _predicted(room: Room, models: Sequence[Model], trust: Trust, steps: _Steps, tell: Tell) -> Path:
    """Return the folder of the postprocessed prediction."""
    with steps.step("examine", "checkpoints"):
        members = _members(room, models, trust)
    options = PredictOptions("cpu", tell=tell, probabilities=True)
    outputs = [_predict(room, member, f"member-{number}", options, steps) for number, member in enumerate(members)]
    averaged, postprocessed = (_folder(room, name) for name in ("averaged", "postprocessed"))
    with steps.step("ensemble", f"of {len(members)}"):
        average(outputs, averaged, Ensemble(tuple(members)), room.paths, options=replace(options, probabilities=False))
    _refuse_missing(room, averaged, steps.log)
    with steps.step("postprocess"):
        first = Step(next(iter(FUNCTIONS)), {"labels_or_regions": [1]})
        found = Postprocessing((first,), members[0].folder)
        apply_postprocessing(found, averaged, postprocessed, room.paths, log=steps.log)
    _refuse_missing(room, postprocessed, steps.log)
    return postprocessed


def _members(room: Room, models: Sequence[Model], trust: Trust) -> list[CheckedModel]:
    sets = [(model, FOLDS) for model in models] if len(models) > 1 else [(models[0], (fold,)) for fold in FOLDS]
    return [check_model(model.folder(room.paths), model.dataset, folds, trust) for model, folds in sets]


def _predict(room: Room, member: CheckedModel, name: str, options: PredictOptions, steps: _Steps) -> Path:
    previous = None
    if member.previous is not None:
        previous = _predict(room, member.previous, f"{name}-stage", options, steps)
    output = _folder(room, name)
    configuration = member.folder.name.rpartition("__")[2]
    what = f"{configuration} fold {member.folds[0]}" if len(member.folds) == 1 else configuration
    with steps.step("predict", what):
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
