"""What a report shows: plain values, gathered in one pass over the dataset, that become JSON as they are.

Numbers that are unknown or undefined are None, never NaN. Names of cases, labels and patients are those of the
dataset, whatever they hold: who shows them escapes them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FORMAT = 1

GEOMETRY = "geometry"
INTENSITY = "intensity"
LABELS = "labels"
AUGMENTATION = "augmentation"
SCORES = "scores"
GROUPS = (GEOMETRY, INTENSITY, LABELS, AUGMENTATION, SCORES)
"""What distributions are about, in the order of the page."""

LABEL_LAYER = "label"
PREDICTION_LAYER = "prediction"
WRONG_LAYER = "differs"
"""Names of layers over the slices of a case."""


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
class Thumbnail:
    """Where a case is on a sheet of thumbnails, in pixels.

    Parameters
    ----------
    sheet
        Index in `Facts.sheets`.
    left, top, width, height
        Its place there.
    text
        What it shows, for those who do not see it.
    """

    sheet: int
    left: int
    top: int
    width: int
    height: int
    text: str


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
class Layer:
    """What is drawn over the slices of a case: one of the layers' names, and the mosaic, transparent elsewhere."""

    name: str
    webp: str


@dataclass(frozen=True)
class Stack:
    """The slices of a case, all in one mosaic, the first one at the upper left, then row by row.

    Parameters
    ----------
    case
        The case; a picture has one slice.
    plane, axis
        ``axial`` and so on, or the axes of the file such as ``ij``; and the axis of the file along which slices are
        counted, such as ``k``. Empty for pictures.
    slices
        Index in the file of each slice of the mosaic, from 0, as ``view`` shows it.
    of
        Number of slices of the case.
    first
        Index in `slices` of the one to show first, with most of a label.
    columns
        Slices in a row of the mosaic.
    width, height
        Of a slice in the mosaic, in pixels; as the patient is, whatever the spacing.
    ends
        What is at the left, right, top and bottom in the patient; empty if unknown.
    channel
        Name of the channel; empty for colours.
    range
        Values that are stored black and white; None for colours.
    window
        Values that should be black and white at first; None for colours.
    webp
        The mosaic as WebP in base64.
    layers
        Over it; mosaics of the same size.
    labels
        Values of the labels that the case holds.
    text
        What it shows, for those who do not see it.
    """

    case: str
    plane: str
    axis: str
    slices: tuple[int, ...]
    of: int
    first: int
    columns: int
    width: int
    height: int
    ends: tuple[str, ...]
    channel: str
    range: tuple[float, float] | None
    window: tuple[float, float] | None
    webp: str
    layers: tuple[Layer, ...]
    labels: tuple[int, ...]
    text: str


@dataclass(frozen=True)
class Volume:
    """A downsampled case for a 3D viewer: gzipped NIfTI in base64, the label on the image's grid; empty without one.

    Labels have the values 1, 2, … of `values`, by index from 1; 0 is background.
    """

    case: str
    image: str
    label: str
    values: tuple[int, ...]


@dataclass(frozen=True)
class Fold:
    """A fold.

    Parameters
    ----------
    train, copies, val
        Number of training cases, of augmented copies among them, and of validation cases.
    patients
        Number of patients that are validated; None if unknown.
    cases, share
        Class → number of validation cases that hold it, and the part of its voxels that this fold validates.
    """

    train: int
    copies: int
    val: int
    patients: int | None
    cases: Mapping[str, int]
    share: Mapping[str, float]


@dataclass(frozen=True)
class Folds:
    """The folds of a dataset.

    Parameters
    ----------
    origin
        Their file, or that they are nnU-Net's own.
    folds
        Each fold.
    verdict
        Of looking for leaks.
    leaks
        Each leak in words.
    misfits
        Cases and classes that do not fit, in words.
    """

    origin: str
    folds: tuple[Fold, ...]
    verdict: str
    leaks: tuple[str, ...]
    misfits: tuple[str, ...] = ()


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
