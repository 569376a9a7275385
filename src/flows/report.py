"""Report what a person needs to know of a dataset, or of its predictions, after one pass over its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from .. import reading
from ..dataset.layout import Dataset
from ..dataset.lineage import TEST, TRAIN
from ..dataset.regions import value_names
from ..dataset.splits import FILE as SPLITS
from ..errors import CODES, Finding
from ..review.check.case_check import Witness
from ..review.check.dataset_check import check_seen
from ..review.pictures.windows import Window
from ..review.report.channels import channels_of
from ..review.report.decoded_case import drawn_channel
from ..review.report.facts import Case, Distribution, Facts, Found, Scores
from ..review.report.gathered import Gathered
from ..review.report.intensity_curves import intensity_curves
from ..review.report.labels import labels_of, targets_of
from ..review.report.measured import changes_of, geometry_of, volumes_of
from ..review.report.page.page import page_of
from ..review.report.picture_facts import Stack, Volume
from ..review.report.scored import score_distributions, scores_as_facts, scores_of_cases
from ..review.report.sealed_page import refuse_taken, sealed
from ..review.report.sheets import thinned
from ..review.report.witness import Key, Seeing, Wanted
from ..train.paths import Paths
from ..version import VERSION
from ..words import count_of
from ..work.interruption import interruptible
from ..work.run_options import ONE_WORKER, Workers
from ..work.single import write_single
from .report_copies import changes_in, in_words
from .report_folds import end_of, evidence_of, folds_as_facts, found_folds, validated_in
from .report_scores import NOTHING_PREDICTED, predicted
from .splits.evidence import Evidence
from .view import among, channel_number, spread

SLICES = 12
"""Cases in the slice viewer if none are named."""

_PIXELS = 24 << 20
_PIXELS_OF_ONE = 2 << 20
"""Pixels of all slices of all cases, and of one case, in a page at most: the first take about 7 MB."""

_VOXELS = 7 << 20
"""Voxels of all volumes in a page, which take about as much."""

_SAMPLED = 1 << 15
_SAMPLED_OF_ALL = 1 << 22
"""Voxels of a case that distributions are estimated from, and of all cases together at most."""

Advice = Callable[[Finding], str]
"""Words of what to do about a finding."""

Shown = TypeVar("Shown", Stack, Volume)


@dataclass(frozen=True)
class ReportOptions:
    """What a report shows besides the dataset.

    Parameters
    ----------
    cases
        Cases for the slice viewer, or patterns of their names; if none, a number of them, evenly spaced, or those with
        the worst predictions.
    slices
        That number.
    window
        Values that are drawn black and white; percentiles of each image if None.
    channel
        The one to draw, as its number or its name; the first, or red, green and blue together, if None.
    volumes
        Whether cases of the slice viewer get a volume for a 3D viewer.
    predictions
        Folder of predictions, named by case, to be scored and drawn; None for none.
    distances
        Whether distances between surfaces are scored too.
    """

    cases: Sequence[str] = ()
    slices: int = SLICES
    window: Window | None = None
    channel: str | None = None
    volumes: bool = False
    predictions: Path | None = None
    distances: bool = False


USUAL_REPORT = ReportOptions()
"""The defaults."""


def _own_advice(finding: Finding) -> str:
    return finding.advice[0]


def report_facts(
    dataset: Dataset,
    paths: Paths,
    asked: ReportOptions = USUAL_REPORT,
    *,
    advice: Advice = _own_advice,
    workers: Workers = ONE_WORKER,
) -> Facts:
    """Return what a report of a dataset shows; nothing is written.

    Every file is read once, by the check; labels with a prediction once more, to be scored.

    Parameters
    ----------
    paths
        Where nnU-Net's folds of the dataset may be.
    asked
        What to show.
    advice
        Returns what to do about a finding, in words.
    workers
        Workers that read the cases.

    Raises
    ------
    Refused
        What scoring predictions raises; findings about the dataset are part of the report.
    Interrupted
        By Ctrl-C or SIGTERM.
    SegconvError
        ``SC001`` for a case or channel that does not exist; ``SC011`` for a dataset without cases, or without a
        prediction of any; ``SC062`` if it is replaced meanwhile.
    """
    stopped = "interrupted: nothing was written", "the same command starts again from the beginning"
    with interruptible(*stopped), dataset.unchanged():
        return _Report(dataset, paths, asked, advice, workers).facts()


def write_report(
    dataset: Dataset,
    paths: Paths,
    output: Path,
    asked: ReportOptions = USUAL_REPORT,
    *,
    advice: Advice = _own_advice,
    workers: Workers = ONE_WORKER,
    overwrite: bool = False,
) -> Written:
    """Write a report of a dataset as one HTML page, which appears complete or not at all.

    Further parameters and errors are those of `report_facts`.

    Parameters
    ----------
    output
        The page.
    overwrite
        Replace it if it is a report that segconv made.

    Raises
    ------
    SegconvError
        ``SC020`` if the file exists, ``SC031`` if it cannot be written, both before anything is read.
    """
    refuse = partial(refuse_taken, output, overwrite=overwrite)
    refuse()
    facts = report_facts(dataset, paths, asked, advice=advice, workers=workers)
    page = sealed(page_of(facts))
    write_single(output, page, refuse)
    return Written(facts, len(page))


@dataclass(frozen=True)
class Written:
    """A report that was written: what it shows, and its size in bytes."""

    facts: Facts
    nbytes: int


class _Report:
    """Makes one report."""

    def __init__(self, dataset: Dataset, paths: Paths, asked: ReportOptions, advice: Advice, workers: Workers) -> None:
        self.dataset = dataset
        self.paths = paths
        self.asked = asked
        self.advice = advice
        self.workers = workers
        self.labels = dataset.description.labels
        self.keys: list[Key] = [(case, split) for split in (TRAIN, TEST) for case in dataset.cases(split)]
        if not self.keys:
            raise dataset.no_case()
        self.thinning = thinned(len(self.keys))
        # What is refused comes before the scores, which take their time.
        channel = None if asked.channel is None else channel_number(dataset, asked.channel)
        self.drawn = drawn_channel(dataset.description.channel_names, channel)
        named = among(self._split_of(), asked.cases, dataset.path.name)
        self.predicted = NOTHING_PREDICTED
        if asked.predictions is not None:
            self.predicted = predicted(dataset, asked.predictions, workers, distances=asked.distances)
        self.chosen = named or self._chosen()

    def facts(self) -> Facts:
        """Read all cases, and return everything."""
        gathered = Gathered(self.dataset.path, self.thinning)
        report = check_seen(
            self.dataset.path,
            Witness(Seeing(self._wanted()), gathered.take),
            self.workers,
            splits=self._planned_splits(),
        )
        evidence = evidence_of(self.dataset, gathered.content, gathered.cases)
        folds = found_folds(evidence, self.paths)
        findings = tuple(_in_words(report.findings, gathered, self.advice))
        cases = self._completed(_with_findings(gathered.cases, findings), evidence, validated_in(folds))
        labels = labels_of(self.labels, cases)
        description = self.dataset.description
        return Facts(
            name=self.dataset.path.name,
            tool=f"segconv {VERSION}",
            texts=dict(description.texts),
            origin=_origin(self.dataset),
            ending=description.file_ending,
            pictures=not any(case.spacing_mm for case in cases),
            train=sum(case.split == TRAIN for case in cases),
            test=sum(case.split == TEST for case in cases),
            copies=sum(case.parent is not None for case in cases),
            unlabelled=sum(case.split == TRAIN and case.voxels is None for case in cases),
            patients=str(report.facts["patients"]),
            channels=channels_of(report.facts["channels"], gathered.samples, labels),
            labels=labels,
            targets=targets_of(self.labels, cases),
            distributions=tuple(self._distributions(gathered, cases, evidence)),
            findings=findings,
            cases=cases,
            folds=None if folds is None else folds_as_facts(folds, evidence),
            sheets=gathered.sheets(),
            stacks=self._in_order(gathered.stacks),
            volumes=self._in_order(gathered.volumes),
            scores=self._scores(),
            notes=tuple(self._notes(gathered)),
        )

    def _scores(self) -> Scores | None:
        found, folder = self.predicted.scores, self.asked.predictions
        return None if found is None else scores_as_facts(found, end_of(folder), self.predicted.notes)

    def _chosen(self) -> list[Key]:
        """Return the cases for the viewers if none are named, in the order in which they are shown."""
        if self.predicted.cases:
            return self.predicted.worst[: self.asked.slices]
        training = [key for key in self.keys if key[1] == TRAIN]
        return spread(training or self.keys, self.asked.slices) if self.asked.slices else []

    def _split_of(self) -> dict[str, str]:
        """Return case → its split, training first."""
        found: dict[str, str] = {}
        for case, split in self.keys:
            found.setdefault(case, split)
        return found

    def _wanted(self) -> Wanted:
        folder = self.asked.predictions
        return Wanted(
            names=value_names(self.labels),
            channels=self.dataset.description.channel_names,
            drawn=self.drawn,
            window=self.asked.window,
            ignore=self.labels.ignore,
            side=self.thinning.side,
            every=self.thinning.every,
            sampled=max(64, min(_SAMPLED, _SAMPLED_OF_ALL // len(self.keys))),
            stacks=frozenset(self.chosen),
            pixels=min(_PIXELS_OF_ONE, _PIXELS // max(1, len(self.chosen))),
            voxels=_VOXELS // max(1, len(self.chosen)) if self.asked.volumes else 0,
            predictions=None if folder is None else (str(folder), self.dataset.description.file_ending),
        )

    def _planned_splits(self) -> Path | None:
        """Return the folds that nnU-Net trains with, if it has planned the dataset."""
        folder = self.paths.preprocessed
        path = None if folder is None else folder / self.dataset.path.name / SPLITS
        return path if path is not None and reading.is_file(path) else None

    def _completed(
        self, cases: Sequence[Case], evidence: Evidence, folds: Mapping[str, tuple[int, ...]]
    ) -> tuple[Case, ...]:
        """Return the cases with patient, origin, folds and scores."""
        scores = self.predicted.scores
        of_cases = scores_of_cases(scores) if scores is not None else {}
        known = {record.case: record for record in evidence.guessed}
        recorded = {record.case for record in evidence.records if record.patient is not None}

        def completed(case: Case) -> Case:
            name = case.case
            if (name, case.split) in self.predicted.cases and name in of_cases:
                case = replace(case, scores=of_cases[name], mean=mean_of(of_cases[name]))
            record = known.get(name)
            if case.split != TRAIN or record is None:
                return case
            return replace(
                case,
                folds=folds.get(name, ()),
                patient=record.patient,
                patient_known=name in recorded,
                parent=record.parent,
                transform=in_words(record),
            )

        return tuple(map(completed, cases))

    def _distributions(self, gathered: Gathered, cases: Sequence[Case], evidence: Evidence) -> Iterator[Distribution]:
        labels = labels_of(self.labels, cases)
        yield from geometry_of(cases)
        yield from intensity_curves(self.dataset.description.channel_names, gathered.samples, labels)
        yield from volumes_of(cases, labels)
        yield from changes_of([change for record in evidence.records for change in changes_in(record)])
        if self.predicted.scores is not None:
            yield from score_distributions(self.predicted.scores)

    def _in_order(self, shown: Sequence[Shown]) -> tuple[Shown, ...]:
        """Return what the viewers show in the order of the chosen cases."""
        place = {case: number for number, (case, _) in enumerate(self.chosen)}
        return tuple(sorted(shown, key=lambda one: place[one.case]))

    def _notes(self, gathered: Gathered) -> Iterator[str]:
        """Yield what the page does not show of all cases."""
        if self.thinning.note:
            yield self.thinning.note
        if len(gathered.cases) < len(self.keys):
            missing = count_of(len(self.keys) - len(gathered.cases), "case")
            yield f"{missing} without all files: see the findings."
        if len(gathered.stacks) < len(gathered.cases):
            yield f"The slice viewer has {len(gathered.stacks)} of {len(gathered.cases)} cases{self._which}."

    @property
    def _which(self) -> str:
        """Which cases the slice viewer has, as the end of a sentence."""
        if self.asked.cases:
            return ", those that were named"
        if not self.predicted.cases:
            return ", evenly spaced"
        every = len(self.chosen) == len(self.predicted.cases)
        return ", those with a prediction" if every else ", those that score lowest"


def mean_of(scores: Mapping[str, Mapping[str, float | None]]) -> float | None:
    """Return the mean of the first metric of a case over its classes; None if it is defined for none."""
    first = [next(iter(metrics.values()), None) for metrics in scores.values()]
    known = [value for value in first if value is not None]
    return float(f"{sum(known) / len(known):.6g}") if known else None


def _in_words(findings: Sequence[Finding], gathered: Gathered, advice: Advice) -> Iterator[Found]:
    case_of = {name: one.files.case for one in gathered.content for name in one.files.files}
    for finding in findings:
        cures = tuple(filter(None, [advice(finding)]))
        title, case = CODES[finding.code].title, case_of.get(finding.file, "")
        yield Found(finding.code, finding.severity, title, finding.message, finding.file, cures, case)


def _with_findings(cases: Sequence[Case], findings: Iterable[Found]) -> list[Case]:
    """Return the cases with the findings on them, those that only a look at all cases or names shows among them."""
    errors, warnings = Counter[str](), Counter[str]()
    for found in findings:
        (errors if found.severity == "error" else warnings)[found.case] += 1
    return [
        replace(case, errors=max(case.errors, errors[case.case]), warnings=max(case.warnings, warnings[case.case]))
        for case in cases
    ]


def _origin(dataset: Dataset) -> str:
    """Return what made a dataset, in a sentence; empty if segconv did not."""
    run: Any = dataset.run
    if run is None:
        return ""
    source = run.get("source", {})
    name, kind = source.get("name"), source.get("kind")
    of = f" from {name}" if name else ""
    return f"made by segconv {run.command}{of}" + (f" ({kind})" if kind else "")
