"""What a report shows: plain values, gathered in one pass over the dataset, that become JSON as they are.

Numbers that are unknown or undefined are None, never NaN. Names of cases, labels and patients are those of the
dataset, whatever they hold: who shows them escapes them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .folds import Folds
from .picture_facts import Stack, Thumbnail, Volume

FORMAT = 1

GEOMETRY = "geometry"
INTENSITY = "intensity"
LABELS = "labels"
AUGMENTATION = "augmentation"
SCORES = "scores"
GROUPS = (GEOMETRY, INTENSITY, LABELS, AUGMENTATION, SCORES)
"""What distributions are about, in the order of the page."""


@dataclass(frozen=True)
class Distribution:
    """A histogram.

    Parameters
    ----------
    key
        Its name, unique in the report.
    title
        What is counted, as a heading.
    unit
        Of the edges; empty if they have none.
    group
        One of `GROUPS`.
    edges
        Ends of the bins, ascending: one more than there are counts.
    counts
        How many values each bin holds; for intensities, parts of all voxels from 0 to 1.
    of
        What the counts count, such as ``cases``.
    note
        How it was estimated; empty if every value is counted.
    colour
        ``#rrggbb`` of the label that it is about; empty for others.
    """

    key: str
    title: str
    unit: str
    group: str
    edges: tuple[float, ...]
    counts: tuple[float, ...]
    of: str = "cases"
    note: str = ""
    colour: str = ""


@dataclass(frozen=True)
class Channel:
    """A channel over all training cases.

    Parameters
    ----------
    name
        Its name in dataset.json.
    normalisation
        nnU-Net's, which the name determines.
    normalised_by
        The same in a sentence.
    low, high
        Smallest and largest value; None if no file could be read.
    voxel_types
        Voxel type → number of files.
    inside
        Estimated values inside labels, by which nnU-Net normalises CT: ``mean``, ``std``, ``percentile_00_5``,
        ``median``, ``percentile_99_5``; empty if no label was read, and where nnU-Net normalises each image by itself.
    """

    name: str
    normalisation: str
    normalised_by: str
    low: float | None
    high: float | None
    voxel_types: Mapping[str, int]
    inside: Mapping[str, float]


@dataclass(frozen=True)
class Label:
    """A value of the labels.

    Parameters
    ----------
    value, name
        As dataset.json declares them; the name is empty for values that it does not declare.
    role
        ``background``, ``class`` or ``ignore``.
    colour
        ``#rrggbb``, the same in all pictures.
    cases
        Number of training cases that hold it.
    voxels
        In all training cases.
    """

    value: int
    name: str
    role: str
    colour: str
    cases: int
    voxels: int


@dataclass(frozen=True)
class Target:
    """A class or region that is learned and scored.

    Parameters
    ----------
    name
        Its name.
    values
        Values of the labels that it is made of.
    made_of
        Their names.
    cases
        Number of training cases that hold any of them.
    order
        Place in ``regions_class_order``, where later ones cover earlier ones, from 1, with the value that is written;
        None without regions.
    """

    name: str
    values: tuple[int, ...]
    made_of: tuple[str, ...]
    cases: int
    order: tuple[int, int] | None = None


@dataclass(frozen=True)
class Found:
    """A finding of ``check``.

    Parameters
    ----------
    code, severity, title
        ``error`` or ``warning``; the title is that of the code.
    message, file
        What was found, and where; paths are relative to the dataset.
    cures
        What to do about it, in words.
    case
        The case that it is about; empty for the dataset.
    """

    code: str
    severity: str
    title: str
    message: str
    file: str
    cures: tuple[str, ...]
    case: str = ""


@dataclass(frozen=True)
class Values:
    """The values of a channel in a case: extremes, and percentiles estimated from a sample."""

    low: float
    percentile_05: float
    median: float
    percentile_95: float
    high: float
    mean: float


@dataclass(frozen=True)
class Case:
    """A case.

    Parameters
    ----------
    case
        Its identifier.
    split
        ``train`` or ``test``.
    folds
        Numbers of the folds that validate it.
    patient, patient_known
        Its patient, or None; whether the dataset records it, rather than a name suggesting it.
    parent, transform
        The case that it is an augmented copy of, or None; what was done to it, in words.
    size
        ``(x, y)`` or ``(x, y, z)``; None if no image could be read.
    spacing_mm, orientation
        Of volumes; None and empty for pictures.
    megabytes
        Of its files.
    voxels
        Value as text → number of voxels in the label, for values that it holds; None without a readable label.
    voxel_ml
        Volume of a voxel; None for pictures.
    channels
        Values of each channel; empty if they could not be read.
    thumbnail
        Or None.
    errors, warnings
        Number of findings about it.
    scores
        Class → key of a metric → score, or None where it is undefined; empty without a prediction or reference.
    mean
        Mean of the first metric over the classes, by which cases are sorted; None if undefined.
    """

    case: str
    split: str
    folds: tuple[int, ...] = ()
    patient: str | None = None
    patient_known: bool = True
    parent: str | None = None
    transform: str = ""
    size: tuple[int, ...] | None = None
    spacing_mm: tuple[float, ...] | None = None
    orientation: str = ""
    megabytes: float = 0.0
    voxels: Mapping[str, int] | None = None
    voxel_ml: float | None = None
    channels: tuple[Values, ...] = ()
    thumbnail: Thumbnail | None = None
    errors: int = 0
    warnings: int = 0
    scores: Mapping[str, Mapping[str, float | None]] = dataclasses.field(default_factory=dict)
    mean: float | None = None


@dataclass(frozen=True)
class Metric:
    """A score: its key, its title with the unit, whether higher is better, and the decimals that people read."""

    key: str
    title: str
    higher_is_better: bool
    digits: int


@dataclass(frozen=True)
class ClassScores:
    """The scores of a class over all scored cases.

    Parameters
    ----------
    name
        The class.
    counted
        Number of cases in its means.
    metrics
        Key of a metric → ``mean``, ``std``, ``least``, ``quartile_1``, ``median``, ``quartile_3``, ``most``.
    """

    name: str
    counted: int
    metrics: Mapping[str, Mapping[str, float | None]]


@dataclass(frozen=True)
class Scores:
    """Predictions, scored as ``evaluate`` does.

    Parameters
    ----------
    predictions
        Their folder.
    metrics
        What was scored; cases are sorted by the first.
    classes
        Each class or region.
    mean
        Mean of the first metric over the classes.
    worst
        Scored cases, the worst first.
    notes
        What people should know about the scores.
    """

    predictions: str
    metrics: tuple[Metric, ...]
    classes: tuple[ClassScores, ...]
    mean: float | None
    worst: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Everything that a report shows.

    Parameters
    ----------
    name, tool
        Of the dataset; the program and its version.
    texts
        Entries of dataset.json for people: description, licence, release and so on.
    origin
        What made the dataset, in a sentence; empty if unknown.
    ending
        File ending of images and labels.
    pictures
        Whether cases are pictures rather than volumes.
    train, test, copies, unlabelled
        Number of training and test cases, of augmented copies among the training cases, and of training cases
        without a readable label.
    patients
        What is known of the patients, in words.
    channels, labels, targets, distributions, findings, cases
        In the order of dataset.json, or of the names of cases.
    folds
        None if there are too few cases for any.
    sheets
        Sheets of thumbnails, WebP in base64.
    stacks, volumes
        For the slice viewer and the 3D viewer.
    scores
        None without predictions.
    notes
        What was thinned out or left out, and why, in sentences.
    """

    name: str
    tool: str
    texts: Mapping[str, str]
    origin: str
    ending: str
    pictures: bool
    train: int
    test: int
    copies: int
    unlabelled: int
    patients: str
    channels: tuple[Channel, ...]
    labels: tuple[Label, ...]
    targets: tuple[Target, ...]
    distributions: tuple[Distribution, ...]
    findings: tuple[Found, ...]
    cases: tuple[Case, ...]
    folds: Folds | None = None
    sheets: tuple[str, ...] = ()
    stacks: tuple[Stack, ...] = ()
    volumes: tuple[Volume, ...] = ()
    scores: Scores | None = None
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return an object of plain values."""
        return {"format": FORMAT, **dataclasses.asdict(self)}
