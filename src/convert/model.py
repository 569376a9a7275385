"""The common form of every kind of source: options, and cases with files, channels and labels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..dataset.label_table import LabelTable
from ..dataset.lineage import TRAIN, CaseRecord
from ..dataset.numbering import Numbering
from ..dataset.prepared import NOT_PREPARED, Prepared
from ..dataset.stored_label import StoredLabel
from ..errors import Finding, SegconvError
from .accepted import HEADER, REPAIRS
from .repairs import AllowedRepairs

if TYPE_CHECKING:
    from ..dataset.overlaps import Compiled
    from ..image.read_options import ReadOptions


@dataclass(frozen=True)
class ConvertOptions:
    """What a user may say about a conversion; each field is an option of ``segconv convert``.

    Parameters
    ----------
    labels
        Name → value in the files, or colour as ``#rrggbb`` or ``#rrggbbaa``.
    numbering
        How the tool that made the labels numbers its classes, instead of `labels`.
    keep
        Names or patterns of the classes to take; the rest becomes background. None given takes all.
    value_map
        Value or colour in the files, as text → name of the label it counts as (``--map 255=road``).
    snap
        See `Coding`.
    accept_labels
        Take the values found in the files as labels.
    ignore
        ``"unlabelled"``: every background voxel becomes ignore, for scribbles; otherwise the name
        of the declared label that becomes ignore.
    priority
        Names of masks: where they overlap, the first in this order wins, and the overlap is not kept.
    max_heads
        Maximum number of regions that overlapping masks may become.
    channels
        Channel names, in order.
    images, masks
        Patterns of the files of each channel, and of the masks; see `patterns`.
    image
        Names of the images of a case among its masks, one per channel; see `masks`.
    mask_channels
        Names of the classes whose masks are the channels, samples or pages of one file, in order.
    pairs
        A CSV or JSON list of images and labels.
    case_names
        ``"path"``: name cases by their path in the source, not only by their file.
    cases
        Which cases to take, by name or pattern, and what to call them; see `selection`.
    without
        Cases to leave out, by name or pattern.
    patient_pattern
        Regular expression that finds the patient in a case's name.
    patients
        CSV of case and patient.
    unlabelled
        ``"skip"`` or ``"test"``: what to do with an image that has no label; None refuses it.
    missing_masks
        ``"empty"``: a mask that a case lacks counts as empty; None refuses the case.
    unite_masks
        Take the union of numbered masks of one image, ``a_mask`` and ``a_mask_1``; otherwise refuse them.
    grey_to_rgb
        Write a grey picture as RGB, with its values three times.
    drop_alpha
        Leave out the alpha of pictures that are not opaque; otherwise refuse them.
    listed_only
        Leave out files that the source's list does not name.
    label_header
        ``"image"``: a label whose grid differs takes the image's header.
    repair
        What may be repaired during conversion; see `allowed_repairs`.
    nonfinite
        Value that replaces NaN and infinity in images; None refuses them.
    spacing_mm
        ``(x, y, z)`` of volumes that are stored as pictures.
    slice_order
        The order of a volume's mask pictures relative to its slices; see `mask_slice_order`.
    frames
        Make a case of each frame, where image and label have several.
    link
        ``"none"``, ``"hard"``, ``"symlink"`` or ``"external"``: how files that need no change come
        into the dataset.
    allow_external
        Follow links that leave the source.
    verify_source
        Verify that every source file is complete before it is carried over.
    strip_headers
        Encode every file again, so that no text in a header is carried over.
    max_volume
        Largest decoded file, in bytes.
    file_ending
        Ending of the dataset's files, or None for the one that changes least.
    """

    labels: Mapping[str, int | str] | None = None
    numbering: Numbering | None = None
    keep: tuple[str, ...] = ()
    value_map: Mapping[str, str] = field(default_factory=dict)
    snap: int = 0
    accept_labels: bool = False
    ignore: str | None = None
    priority: tuple[str, ...] = ()
    max_heads: int = 64
    channels: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    masks: str | None = None
    image: tuple[str, ...] = ()
    mask_channels: tuple[str, ...] = ()
    pairs: Path | None = None
    case_names: str | None = None
    cases: str | None = None
    without: tuple[str, ...] = ()
    patient_pattern: str | None = None
    patients: Path | None = None
    unlabelled: str | None = None
    missing_masks: str | None = None
    unite_masks: bool = False
    grey_to_rgb: bool = False
    drop_alpha: bool = False
    listed_only: bool = False
    label_header: str | None = None
    repair: tuple[str, ...] = ()
    nonfinite: float | None = None
    spacing_mm: tuple[float, float, float] | None = None
    slice_order: str | None = None
    frames: bool = False
    link: str = "none"
    allow_external: bool = False
    verify_source: bool = True
    strip_headers: bool = False
    max_volume: int = 8 << 30
    file_ending: str | None = None

    def __post_init__(self) -> None:
        for option in fields(self):
            object.__setattr__(self, option.name, _kept(getattr(self, option.name)))

    @property
    def declares_labels(self) -> bool:
        """Whether the user says what the values mean."""
        return self.labels is not None or self.numbering is not None

    @property
    def allowed_repairs(self) -> AllowedRepairs:
        """The repairs that are allowed."""
        return AllowedRepairs((*self.repair, HEADER) if self.label_header == "image" else self.repair, self.nonfinite)

    @property
    def read_options(self) -> ReadOptions:
        """How volumes are read."""
        return self.allowed_repairs.read_options(self.max_volume)

    @property
    def prepared(self) -> Prepared:
        """What is done to images, and must be done to a model's inputs; repairs of labels only are left out."""
        kinds = tuple(kind for kind in REPAIRS if kind in self.allowed_repairs.kinds and kind != HEADER)
        return Prepared(kinds, self.nonfinite, self.grey_to_rgb, self.drop_alpha, self.spacing_mm)

    def key(self) -> dict[str, object]:
        """Return the options that decide the bytes of the result, ready for JSON."""
        silent = {"verify_source", "max_volume"}
        found = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in silent}
        # Left out if not given, so that runs that older versions began go on.
        found = {
            name: value
            for name, value in found.items()
            if value or name not in ("numbering", "keep", "mask_channels", "without")
        }
        return {name: _plain(value) for name, value in found.items()}


@dataclass(frozen=True)
class Parts:
    """The files of an image or a label that has more than one.

    Parameters
    ----------
    form
        `DETACHED`, `STACK`, `SERIES`, `INSTANCES`, `BANDS`, `LAYERS`, `CHANNELS`, `SEGMENTS`, or `FRAME`.
    files
        Absolute paths, in the order in which they count.
    names
        Of layers and channels: the name of each class. Of segments: the names file by file. Channels and segments that
        are left out have empty names. Of a picture with pages: ``"reverse"`` if the last page is the first slice. Of a
        frame: its index.
    """

    form: str
    files: tuple[str, ...]
    names: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


NO_PARTS: Mapping[str, Parts] = {}
"""`SourceCase.parts` of the cases whose images and labels are one file each."""
CASE = "{case}"
"""Placeholder for the name of the case in `Parts.places`."""
DETACHED = "detached"
"""A header and the file of its voxels, such as ``.mhd`` and ``.raw``."""
STACK = "stack"
"""Slices of a volume, one picture each; or one picture with several pages."""
SERIES = "series"
"""Slices of a DICOM series."""
INSTANCES = "instances"
"""Masks of one object each; their union is the label."""
BANDS = "bands"
"""One picture whose channels become a file each; their numbers are in `Parts.names`."""
LAYERS = "layers"
"""Masks of one class each, which may overlap; they are compiled into a label."""
CHANNELS = "channels"
"""One file whose channels, samples or pages are masks of one class each, as in `LAYERS`."""
FRAME = "frame"
"""One frame of a file with several frames."""
SEGMENTS = "segments"
"""Segmentations of 3D Slicer, whose segments are classes by name; they are compiled into a label as well."""


class SourceCase(NamedTuple):
    """The files of one case; a tuple, because planning makes the cases of a large source anew each time it reads them.

    Parameters
    ----------
    case
        Its identifier in the dataset.
    original_name
        The user's name for it; with slashes if it is in a sub-folder.
    images
        Absolute paths, one per channel, or one file that holds all channels. A folder has its files in `parts`.
    label
        Absolute path, or None.
    split
        ``"train"``, ``"test"`` or ``"validation"``.
    patient
        The patient, if known.
    label_name
        The user's name for its label, without ending, if that is not `original_name`.
    parts
        Path in `images` or `label` → its files, if it is not one file.
    """

    case: str
    original_name: str
    images: tuple[str, ...]
    label: str | None
    split: str = TRAIN
    patient: str | None = None
    label_name: str | None = None
    parts: Mapping[str, Parts] = NO_PARTS

    @property
    def units(self) -> tuple[str, ...]:
        """Its images and its label."""
        return self.images if self.label is None else (*self.images, self.label)

    @property
    def files(self) -> tuple[str, ...]:
        """All files of the case."""
        if not self.parts:
            return self.units
        return tuple(file for unit in self.units for file in self.files_of(unit))

    def files_of(self, unit: str) -> tuple[str, ...]:
        """Return the files of an image or a label; for masks that are series, all their slices."""
        if unit not in self.parts:
            return (unit,)
        files = self.parts[unit].files
        if not any(file in self.parts for file in files if file != unit):
            return files
        return tuple(part for file in files for part in (self.parts[file].files if file in self.parts else (file,)))

    @property
    def label_files(self) -> tuple[str, ...]:
        """All files of the label; none without one."""
        return () if self.label is None else self.files_of(self.label)

    def label_as(self, form: str) -> Parts | None:
        """Return the files of the label if it has a form; otherwise, or without a label, None."""
        parts = None if self.label is None else self.parts.get(self.label)
        return parts if parts is not None and parts.form == form else None

    def form(self, unit: str) -> str | None:
        """Return the form of an image or a label made of several files, or None if it is one file."""
        return self.parts[unit].form if unit in self.parts else None


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Everything that planning found out about a source, before a byte is written.

    Parameters
    ----------
    kind
        Its key in the registry, such as ``"png"``.
    root
        Its folder, resolved.
    cases
        Training cases first.
    channel_names
        In order.
    label_map
        From its values to the dataset's.
    file_ending
        Of the dataset's files.
    label_file
        How its label files are stored, for `restore`; see `CaseRecord`.
    texts
        Description, licence and the like.
    findings
        Errors and warnings.
    notes
        What was guessed or ignored, in words.
    splits
        The source's own folds, or None.
    compiled
        How overlapping masks become labels, or None.
    origin
        If segconv made the source, what the source records of its own source: case → record.
    origin_labels
        The label map of such a source.
    extra
        Entries of the source's json that nnU-Net does not know; kept in the lineage.
    prepared
        What earlier runs did to the images of such a source.
    patients_guessed_from
        What the patients of the cases were guessed from, in words, if they were guessed.
    nbytes
        Size of all files of the cases, in bytes, if that was found on the way.
    largest
        Decoded size of the largest image or label, in bytes, if that was found on the way.
    """

    kind: str
    root: Path
    cases: Sequence[SourceCase]
    channel_names: tuple[str, ...]
    label_map: LabelTable
    file_ending: str
    label_file: StoredLabel
    texts: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    splits: list[dict[str, list[str]]] | None = None
    compiled: Compiled | None = None
    origin: Mapping[str, CaseRecord] = field(default_factory=dict)
    origin_labels: Mapping[str, int] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    prepared: Prepared = NOT_PREPARED
    patients_guessed_from: str = ""
    nbytes: int | None = None
    largest: int | None = None

    @property
    def name(self) -> str:
        """The source's own name, which the dataset takes if the user gives only a number."""
        return own_name(self.root)


def _kept(value: object) -> object:
    """Return an option's value in a form that its caller cannot change afterwards."""
    if isinstance(value, Mapping):
        return dict(value)
    return tuple(value) if isinstance(value, list) else value


def _plain(value: object) -> object:
    """Return an option's value as JSON holds it."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Numbering):
        return value.of
    return str(value) if isinstance(value, Path) else value


def own_name(root: Path) -> str:
    """Return the source's own name: its folder, without the number of a dataset or a task."""
    return re.sub(r"^(Dataset\d{3}_|Task\d+_?|Task_)", "", root.name) or root.name


def collect(findings: list[Finding], error: SegconvError, file: str = "") -> None:
    """Add an error's findings to a list, with `file` for those that name none."""
    findings.extend(replace(found, file=found.file or file) for found in error.findings)
