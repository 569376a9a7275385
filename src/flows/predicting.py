"""Predict cases with one model or several in a work folder; a later run resumes it case by case.

Probabilities are large: an ensemble predicts and averages a few cases at a time, and theirs are
removed before the next ones. Predictions that are complete stay; what a killed run left half-written is
predicted again.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..convert.back.raw_predictions import OF_PROBABILITIES, PROBABILITIES
from ..errors import Cure, Finding, Interrupted, Refused, SegconvError, refuse_if_any
from ..image import opened
from ..train.ensemble import Ensemble, average, stages
from ..train.paths import Paths
from ..train.postprocess import apply_postprocessing
from ..train.predict import OWN_FILES, CheckedModel, Folders, PredictOptions, predict_with
from ..train.queue import Job, Slot, run_jobs
from ..words import count_of
from ..work import begun, fsops
from ..work.memory import available_bytes
from ..work.run_options import UNHEARD, Progress, shown
from ..work.writing import writing
from .watched import Watched

PREDICTIONS = "predictions"
"""Folder of the finished predictions in the work folder."""

_UNPROCESSED, _STAGE, _INPUTS = "unprocessed", "stage", "inputs"
"""Folders of predictions before postprocessing; of predictions of one model and of links to images, by slot."""

PROBABILITY_BYTES = 4
MOST_PROBABILITIES = 2 << 30
"""How many bytes of probabilities an ensemble may have on the disk at a time, before nnU-Net deflates them. Those of
one case may take more; starting nnU-Net takes seconds, so small cases share a start."""


MOST_PROCESSES, COPIES = 3, 3
"""How many processes nnU-Net lets read, and write, by default; and how often each holds the probabilities of a case."""


@dataclass(frozen=True)
class Cases:
    """Cases to predict, in a work folder.

    Parameters
    ----------
    work
        The folder.
    images
        Case identifier → paths of its images, relative to the work folder.
    ending
        File ending of predictions.
    shown
        Case identifier → the user's file, for messages.
    classes
        Number of classes that have probabilities.
    """

    work: Path
    images: Mapping[str, Sequence[str]]
    ending: str
    shown: Mapping[str, str]
    classes: int


@dataclass(frozen=True)
class Run:
    """How cases are predicted.

    Parameters
    ----------
    ensemble
        The models.
    paths
        nnU-Net's folders.
    options
        As for `predict_with`.
    jobs
        Most processes of nnU-Net that read, and that write.
    progress
        Shows how many predictions there are.
    slots
        GPUs that share the cases; none to predict them here, one after the other.
    number
        Which of the slots this is.
    watched
        What its predictions are counted with.
    settings
        Its variables for nnU-Net.
    """

    ensemble: Ensemble
    paths: Paths
    options: PredictOptions
    jobs: int
    progress: Progress = UNHEARD
    slots: tuple[Slot, ...] = ()
    number: int = 0
    watched: Watched | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def result(self) -> str:
        """Folder of the predictions before any postprocessing; probabilities that are kept are in it, too."""
        return _UNPROCESSED if self._postprocesses else PREDICTIONS

    @property
    def _postprocesses(self) -> bool:
        return self.ensemble.postprocessing is not None and bool(self.ensemble.postprocessing.steps)

    def folders(self) -> list[str]:
        """Return all folders that predictions are written to."""
        of_stages = [
            folder
            for share in self.shares()
            for number, member in enumerate(self.ensemble.members)
            for folder in share.stage_folders(number, member)
        ]
        return list(dict.fromkeys([*of_stages, self.result, PREDICTIONS]))

    @property
    def inputs(self) -> str:
        """Folder of links to the images that a slot predicts."""
        return f"{_INPUTS}-{self.number}"

    def shares(self) -> list[Run]:
        """Return this once for each slot."""
        return [replace(self, number=number) for number in range(max(1, len(self.slots)))]

    def stage_folders(self, number: int, member: CheckedModel) -> list[str]:
        """Return the folder of each stage of a member, the last one included."""
        names = [f"{_STAGE}-{number}-{stage}-{self.number}" for stage in range(len(stages(member)))]
        return names if self.ensemble.is_several else [*names[:-1], self.result]

    def keeps_probabilities(self, *, last_stage: bool = True) -> bool:
        """Return whether a stage of a member writes probabilities."""
        return last_stage and (self.ensemble.is_several or self.options.probabilities)


def make_room(cases: Cases, run: Run) -> None:
    """Create the folders that nnU-Net writes into, after declaring the files that it will write."""
    with writing(cases.work):
        begun.declare(cases.work, _files(cases, run, cases.images))
        for folder in run.folders():
            fsops.mkdir(cases.work / folder)


def kept_files(cases: Cases, run: Run, done: Iterable[str]) -> list[str]:
    """Return what an earlier run may have written for cases whose images have not changed since."""
    return _files(cases, run, [case for case in done if case in cases.images])


def any_predicted(cases: Cases, run: Run) -> bool:
    """Return whether a case is predicted, so that resuming saves work."""
    return any(_is_whole(cases, run.result, case) for case in cases.images)


def predict_missing(cases: Cases, run: Run) -> None:
    """Predict all cases that are not predicted yet.

    Raises
    ------
    SegconvError
        ``SC101`` if nnU-Net fails; what `writing` raises.
    Refused
        ``SC101`` for cases that nnU-Net lost, which it may do without an error.
    Interrupted
        With how many predictions are finished.
    """
    ends = _ends(run.options.probabilities)
    missing = [case for case in cases.images if not _is_whole(cases, run.result, case, ends)]
    run = replace(run, jobs=_processes(cases, missing, run.jobs))
    predict = _predict_on_slots if run.slots else _predict_here
    try:
        with _watching(cases, run, missing) as watched:
            predict(cases, watched, missing)
    except Interrupted as error:
        finished = sum(_is_whole(cases, run.result, case, ends) for case in cases.images)
        error.message = f"interrupted: {finished} of {count_of(len(cases.images), 'prediction')} finished"
        raise
    if run.result != PREDICTIONS:
        _postprocess(cases, run)


@contextmanager
def _watching(cases: Cases, run: Run, missing: Sequence[str]) -> Iterator[Run]:
    """Show the progress of a block, which predicts with what this yields."""
    folders = dict.fromkeys(
        cases.work / folder
        for share in run.shares()
        for number, member in enumerate(run.ensemble.members)
        for folder in share.stage_folders(number, member)
    )
    models = len(run.ensemble.models)
    watched = Watched(list(folders), cases.ending, run.progress)
    done = (len(cases.images) - len(missing)) * models
    with shown(run.progress, len(cases.images) * models, done, "predictions"):
        yield replace(run, watched=watched, options=replace(run.options, tell=watched.hearing(run.options.tell)))


def _processes(cases: Cases, missing: Sequence[str], jobs: int) -> int:
    """Return how many of nnU-Net's processes may read, and how many may write, without running out of memory."""
    largest = max((_probability_bytes(cases, case) for case in missing), default=0)
    room = available_bytes() if largest else None
    fitting = jobs if room is None else room // (2 * COPIES * largest)  # as many write as read
    return max(1, min(jobs, MOST_PROCESSES, fitting))


def _predict_here(cases: Cases, run: Run, missing: Sequence[str]) -> None:
    for portion in _portions(cases, run, missing):
        _predict(portion, run)


def _predict_on_slots(cases: Cases, run: Run, missing: Sequence[str]) -> None:
    """Predict on several GPUs at once, each its share of the cases; what fails on one does not stop the others."""
    jobs = max(1, run.jobs // len(run.slots))

    def job(share: Run) -> Job[None]:
        names = missing[share.number :: len(run.slots)]

        def work(slot: Slot) -> None:
            _predict_here(cases, replace(share, jobs=jobs, settings=slot.settings), names)

        return Job(f"share {share.number}", work)

    outcomes = run_jobs([job(share) for share in run.shares()[: len(missing)]], run.slots)
    failed = [outcome.error for outcome in outcomes if outcome.error is not None]
    if len(failed) == 1:
        raise failed[0]
    refuse_if_any(finding for error in failed for finding in error.findings)


def _files(cases: Cases, run: Run, names: Iterable[str]) -> list[str]:
    names = list(names)
    images = [os.path.basename(image) for case in names for image in cases.images[case]]
    files = [f"{share.inputs}/{image}" for share in run.shares() for image in images]
    for folder in run.folders():
        files += [f"{folder}/{name}" for name in OWN_FILES]
        files += [f"{folder}/{case}{end}" for case in names for end in (cases.ending, *OF_PROBABILITIES)]
    return files


def _portions(cases: Cases, run: Run, missing: Sequence[str]) -> Iterator[Cases]:
    """Yield the cases in portions whose probabilities fit on the disk together; all at once if none are made."""
    held, portion = 0, dict[str, Sequence[str]]()
    for case in missing:
        nbytes = _probability_bytes(cases, case) * len(run.ensemble.members) if run.ensemble.is_several else 0
        if portion and held + nbytes > MOST_PROBABILITIES:
            yield replace(cases, images=portion)
            held, portion = 0, {}
        held += nbytes
        portion[case] = cases.images[case]
    if portion:
        yield replace(cases, images=portion)


def _probability_bytes(cases: Cases, case: str) -> int:
    """Return how many bytes the probabilities of a case take at most: a voxel has at least one byte."""
    return opened.decoded_bytes(str(cases.work / cases.images[case][0])) * cases.classes * PROBABILITY_BYTES


def _predict(portion: Cases, run: Run) -> None:
    for number, member in enumerate(run.ensemble.members):
        _predict_member(portion, run, member, run.stage_folders(number, member))
    if not run.ensemble.is_several:
        return
    folders = [run.stage_folders(number, member)[-1] for number, member in enumerate(run.ensemble.members)]
    for folder in folders:
        _remove_others(portion, folder)
    inputs = [portion.work / folder for folder in folders]
    output = portion.work / run.result
    average(inputs, output, run.ensemble, run.paths, options=run.options, jobs=run.jobs)
    _refuse_missing(portion, run.result, run.ensemble.log(run.paths))
    for folder in folders:
        _remove_others(replace(portion, images={}), folder)


def _predict_member(portion: Cases, run: Run, member: CheckedModel, folders: Sequence[str]) -> None:
    previous: Path | None = None
    for model, folder in zip(stages(member), folders, strict=True):
        probabilities = run.keeps_probabilities(last_stage=model is member)
        missing = [case for case in portion.images if not _is_whole(portion, folder, case, _ends(probabilities))]
        output = portion.work / folder
        if missing:
            asked = Folders(_linked(portion, run.inputs, missing), output, previous)
            options = replace(run.options, probabilities=probabilities)
            predict_with(model, asked, run.paths, options, jobs=run.jobs, settings=run.settings)
            if run.watched is not None:
                run.watched.finish()
            _refuse_missing(portion, folder, model.log(run.paths))
        previous = output


def _linked(portion: Cases, name: str, names: Sequence[str]) -> Path:
    """Return a folder with links to the images of some cases: nnU-Net predicts all that a folder holds."""
    folder = portion.work / name
    with writing(folder):
        fsops.mkdir(folder)
        for left in folder.iterdir():
            fsops.unlink(left)
        for case in names:
            for image in portion.images[case]:
                fsops.symbolic_link(portion.work / image, folder / os.path.basename(image))
    return folder


def _remove_others(portion: Cases, folder: str) -> None:
    """Remove from a folder of one model what is not of these cases: nnU-Net averages all that it holds."""
    ends = (portion.ending, *OF_PROBABILITIES)
    kept = {f"{case}{end}" for case in portion.images for end in ends}
    with writing(portion.work):
        for path in (portion.work / folder).iterdir():
            if path.name not in (*kept, *OWN_FILES) and path.name.endswith(ends):
                fsops.unlink(path)


def _postprocess(cases: Cases, run: Run) -> None:
    assert run.ensemble.postprocessing is not None  # noqa: S101 - it has another folder for its result
    folders = cases.work / run.result, cases.work / PREDICTIONS
    log = run.ensemble.log(run.paths)
    apply_postprocessing(
        run.ensemble.postprocessing, *folders, run.paths, log=log, jobs=run.jobs, tell=run.options.tell
    )
    _refuse_missing(cases, PREDICTIONS, log)
    with writing(cases.work):
        for name in OWN_FILES:  # which belong to the predictions, whoever changed them last
            if (folders[0] / name).is_file():
                fsops.write_atomic(folders[1] / name, (folders[0] / name).read_bytes(), mark=begun.mark_of(cases.work))


def _ends(probabilities: bool) -> tuple[str, ...]:
    return OF_PROBABILITIES if probabilities else ()


def _is_whole(cases: Cases, folder: str, case: str, ends: Sequence[str] = ()) -> bool:
    """Return whether a prediction is complete, with its probabilities if asked for; a killed run leaves torn files."""
    path = cases.work / folder / f"{case}{cases.ending}"
    others = [path.with_name(f"{case}{end}") for end in ends]
    if not all(map(os.path.isfile, (path, *others))):
        return False
    try:
        opened.read_label(opened.read_bytes(str(path)), path.name)
    except SegconvError:
        return False
    return all(_is_whole_archive(file) for file in others if file.suffix == PROBABILITIES)


def _is_whole_archive(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, OSError):
        return False


def _refuse_missing(cases: Cases, folder: str, log: Path | None) -> None:
    """Refuse fewer predictions than inputs: nnU-Net may lose a worker and still end without an error."""
    missing = [
        Finding(
            "SC101",
            "nnU-Net ended without an error, but wrote no prediction for it",
            file=cases.shown[case],
            hint="run the same command again" + (f"; {log} says more" if log is not None else ""),
            cures=(Cure.of("fewer_jobs"),),
        )
        for case in cases.images
        if not (cases.work / folder / f"{case}{cases.ending}").is_file()
    ]
    if missing:
        raise Refused(reasons=missing)
