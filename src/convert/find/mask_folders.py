"""Where images and masks of classes are: a folder per case, or images in one folder and segmentations in another.

CASE/ct.nii.gz  CASE/segmentations/liver.nii.gz …      an image, and its masks in a sub-folder
CASE/ct.nii.gz  CASE/liver.nii.gz …                    all of them side by side
CASE/images/a.png  CASE/masks/liver.png …              both in sub-folders
CASE/CT/*.dcm  CASE/masks/liver/*.dcm …                each is a DICOM series in its own folder
scan.nrrd  scan.seg.nrrd                               segmentations of 3D Slicer next to their images
CASE/liver.nii.gz …, or CASE.seg.nrrd                  with the images in a folder of their own
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...dataset.lineage import TRAIN
from ...image import opened, raster
from ...image.segment import ENDING as SEGMENTATION
from ...image.segment import is_segmentation
from ..listing import Folder
from ..model import ConvertOptions
from ..source_files import files_of
from ..survey import Survey
from ..tree import Unit, folders_of, unit_with
from ..volumes.volume_units import series_units
from .groups import all_in
from .image_folder import image_folder_of
from .roles import IMAGE, IMAGE_WORDS, MASK, MASK_WORDS, place_of

IMAGE_NAMES = ("ct", "mri", "mr", "image", "img", "scan", "volume")
"""Names that the image of a case may have among its masks."""
_NUMBERED = re.compile(r"(.+)_(\d{4})")


@dataclass
class CaseFolder:
    """The files of a case.

    Parameters
    ----------
    name
        Its path in the source.
    images
        Name of the channel → file, in order.
    masks
        Name of the class → file.
    segmentations
        Of 3D Slicer, which hold several classes.
    places
        Name of the class → where its masks are, with ``{case}`` for the case, if each class has a folder.
    """

    name: str
    images: dict[str, Unit] = field(default_factory=dict)
    masks: dict[str, Unit] = field(default_factory=dict)
    segmentations: list[Unit] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)

    @property
    def own_name(self) -> str:
        """The last part of its path."""
        return self.name.rsplit("/", 1)[-1]

    @property
    def split(self) -> str:
        """The split that the folders above it name."""
        return place_of(self.name.rpartition("/")[0]).split or TRAIN

    @property
    def labels(self) -> Sequence[Unit]:
        """All files that are not images."""
        return [*self.masks.values(), *self.segmentations]


def find_folders(survey: Survey) -> list[CaseFolder]:
    """Return the cases of a source; raises ``SC001`` if the user names a folder of images that does not exist."""
    elsewhere = image_folder_of(survey)
    files, waiting = _files(survey, elsewhere)
    layout = _Layout(survey, elsewhere)
    for folder, units in _of_one_kind(files, survey.options, elsewhere).items():
        layout.add(folder, units)
    layout.add_series(waiting)
    found = layout.settled()
    _name_by_class(found)
    if survey.options.masks is not None:
        for case in found:
            case.masks = {name: unit for name, unit in case.masks.items() if wanted_name(name, survey.options.masks)}
    return [case for case in found if case.images or case.labels]


def may_hold_images(survey: Survey) -> bool:
    """Return whether `find_folders` may find the image of a case, which takes longer; it finds none otherwise."""
    if survey.options.image or image_folder_of(survey) is not None:
        return True
    return any(map(_may_hold_image, folders_of(survey)))


def _may_hold_image(folder: Folder) -> bool:
    """Return whether a folder may hold the image of a case, by its name or those of its files."""
    case, role = _place_in_case(folder.path)
    if role == IMAGE or _holds_masks(folder.path.rpartition("/")[0]) or any(map(_may_be_segmentation, folder.endings)):
        return True
    names = _image_names(CaseFolder(case).own_name)
    return role is None and not names.isdisjoint(map(str.lower, folder.units.all_stems()))


def _may_be_segmentation(ending: str) -> bool:
    """Return whether segmentations of 3D Slicer may have an ending."""
    return SEGMENTATION.endswith(ending.lower())


def _files(survey: Survey, elsewhere: Path | None) -> tuple[dict[str, Sequence[Unit]], dict[str, Sequence[str]]]:
    """Return the pictures and volumes of each folder that holds some, and the names in all others."""
    files: dict[str, Sequence[Unit]] = {}
    waiting: dict[str, Sequence[str]] = {}
    for listed in folders_of(survey):
        folder = listed.path
        if elsewhere is not None and (survey.root / folder).is_relative_to(elsewhere):
            continue
        if units := units_of(listed):
            files[folder] = units
        elif unit_of("", folder) is not None:
            survey.error("SC061", "is a folder, expected a file", file=folder)
        elif listed.names:
            waiting[folder] = listed.names
    return files, waiting


def units_of(folder: Folder) -> Sequence[Unit]:
    """Return the pictures, volumes and segmentations of a folder; see `unit_of`."""
    if not any(map(_may_be_segmentation, folder.endings)):
        return folder.units
    return [unit_of(unit.folder, unit.name) or unit for unit in folder.units]


class _Layout:
    """The cases of a source, built folder by folder.

    Parameters
    ----------
    elsewhere
        The folder of the images, if they have their own.
    """

    def __init__(self, survey: Survey, elsewhere: Path | None) -> None:
        self._survey = survey
        self._elsewhere = elsewhere
        self._found: dict[str, CaseFolder] = {}

    def _case(self, name: str) -> CaseFolder:
        return self._found.setdefault(name, CaseFolder(name))

    def add(self, folder: str, units: Sequence[Unit]) -> None:
        """Add the files of a folder."""
        name, role = _place_in_case(folder)
        if role == IMAGE and self._elsewhere is None:
            self._case(name).images |= {unit.stem: unit for unit in units}
            return
        case = self._case(name if role == MASK else folder)
        only_masks = role == MASK or self._elsewhere is not None
        images = {} if only_masks else _channels(units, self._survey.options.image, case)
        masks = case.masks
        segmentations = set(filter(is_segmentation, {unit.ending for unit in units}))
        for unit in units:
            if unit.ending in segmentations:
                case.segmentations.append(unit)
            elif unit in images:
                _add(self._survey, case.images, images[unit], unit)
            elif masks.setdefault(unit.stem, unit) is not unit:
                _add(self._survey, masks, unit.stem, unit)

    def add_series(self, folders: Mapping[str, Sequence[str]]) -> None:
        """Add DICOM series: those in a folder of masks are masks, and the one next to that folder is their image."""
        if self._elsewhere is not None or not any(_holds_masks(folder.rpartition("/")[0]) for folder in folders):
            return
        beside: dict[str, list[Unit]] = {}
        for folder, names in folders.items():
            for unit in series_units(self._survey, folder, names):
                parent, _, own = unit.folder.rpartition("/")
                if not _holds_masks(unit.folder):
                    beside.setdefault(parent if own.lower() in IMAGE_WORDS else unit.folder, []).append(unit)
                elif wanted_name(unit.stem, self._survey.options.masks):
                    _add(self._survey, self._case(parent).masks, unit.stem, unit)
        for name, units in beside.items():
            self._add_images(self._case(name), units)

    def _add_images(self, case: CaseFolder, series: Sequence[Unit]) -> None:
        """Add the series that are channels by name, or else the only one."""
        wanted = self._survey.options.image
        named = {channel: unit for unit, channel in _channels(series, wanted, case).items()}
        if not named and len(series) == 1 and not wanted:
            named = {series[0].stem: series[0]}
        case.images |= named

    def settled(self) -> list[CaseFolder]:
        """Return the cases with their images, in the order that the user wants."""
        for case in list(self._found.values()):
            _take_apart(case, self._found)
            if case.segmentations and not case.images and len(case.masks) == 1:
                case.images, case.masks = case.masks, {}  # the only volume that holds no segments
            order = self._survey.options.image or sorted(case.images)
            case.images = {name: case.images[name] for name in order if name in case.images}
        if self._elsewhere is not None:
            _bring_images(_images_in(self._survey.root, self._elsewhere), self._found)
        return list(self._found.values())


def _name_by_class(cases: Iterable[CaseFolder]) -> None:
    """Drop the case's name from masks that begin with it in every case: ``p0/p0_liver`` and ``p1/p1_liver``.

    In a single case it may be part of the name of a class, and is kept.
    """
    starts = [
        (case, re.compile(rf"{re.escape(case.own_name)}[_\-. ]+(?=.)", re.IGNORECASE)) for case in cases if case.masks
    ]
    several = len({case.own_name for case, _ in starts}) > 1
    if several and all(start.match(name) for case, start in starts for name in case.masks):
        for case, start in starts:
            case.masks = {start.sub("", name, count=1): unit for name, unit in case.masks.items()}


def _of_one_kind(
    files: Mapping[str, Sequence[Unit]], options: ConvertOptions, elsewhere: Path | None
) -> dict[str, Sequence[Unit]]:
    """Return folder → its files, without pictures among volumes or volumes among pictures.

    Volumes may have previews next to them, such as ``preview_total.png`` of TotalSegmentator. The images of a case
    decide its kind; if it has none, those of the other cases decide. What is left out is reported with other files.

    Parameters
    ----------
    elsewhere
        The folder of the images, if they have their own.
    """
    endings = set[str]().union(*({unit.ending for unit in units} for units in files.values()))
    if elsewhere is None and len({raster.ending_of(ending) is None for ending in endings}) < 2:
        return dict(files)
    of_case: dict[str, set[bool]] = {}
    for folder, units in files.items() if elsewhere is None else ():
        of_case.setdefault(_place_in_case(folder)[0], set()).update(
            map(is_picture, _images_among(folder, units, options))
        )
    of_all = _kind_in(elsewhere) if elsewhere is not None else set[bool]().union(*of_case.values())
    # If no file is named as an image, 3D Slicer's segmentations may decide.
    of_all = of_all or {all(map(is_picture, all_in(files)))}
    found = {}
    for folder, units in files.items():
        kinds = {False} if False in of_case.get(_place_in_case(folder)[0], ()) else of_all
        endings = {unit.ending for unit in units}
        wanted = {ending for ending in endings if (raster.ending_of(ending) is not None) in kinds}
        if kept := units if wanted == endings else [unit for unit in units if unit.ending in wanted]:
            found[folder] = kept
    return found


def _kind_in(folder: Path) -> set[bool]:
    """Return a set with whether all files of a folder are pictures; empty if it holds none."""
    images = [unit for path in folder.iterdir() if (unit := unit_of("", path.name)) is not None]
    return {all(map(is_picture, images))} if images else set()


def _place_in_case(folder: str) -> tuple[str, str | None]:
    """Return the case that a folder's files belong to, and the role that it gives them by its name, if any."""
    parent, _, own = folder.rpartition("/")
    if own.lower() in MASK_WORDS:
        return parent, MASK
    return (parent, IMAGE) if parent and own.lower() in IMAGE_WORDS else (folder, None)


def _images_among(folder: str, units: Sequence[Unit], options: ConvertOptions) -> Sequence[Unit]:
    """Return the files of a folder that are images by its name or theirs."""
    role = _place_in_case(folder)[1]
    if role is not None:
        return units if role == IMAGE else []
    return [unit for unit in _channels(units, options.image, CaseFolder(folder)) if not is_segmentation(unit.path)]


def is_picture(unit: Unit) -> bool:
    """Return whether a file is a picture, rather than a volume, by its name."""
    return raster.ending_of(unit.path) is not None


def _holds_masks(folder: str) -> bool:
    """Return whether a folder's own name says that it holds masks."""
    return place_of(folder.rpartition("/")[2]).role == MASK


def _add(survey: Survey, units: dict[str, Unit], name: str, unit: Unit) -> None:
    twin = units.setdefault(name, unit)
    if twin is not unit:
        survey.error(
            "SC085",
            f"{twin.name} and {unit.name} are both called {name!r}",
            file=unit.path,
            hint="remove one of them: some readers open the other",
        )


def unit_of(folder: str, name: str) -> Unit | None:
    """Return a file of a folder as a unit if its name is that of a picture, a volume or a segmentation."""
    return unit_with(SEGMENTATION if is_segmentation(name) else opened.ending_of(name), folder, name)


def _channels(units: Iterable[Unit], wanted: Iterable[str], case: CaseFolder) -> dict[Unit, str]:
    """Return the files that are images, with the name of the channel in each; the others are masks."""
    if wanted:
        named = ((unit, _wanted_channel(unit, wanted, case.own_name)) for unit in units)
        return {unit: name for unit, name in named if name is not None}
    known = _image_names(case.own_name)
    return {unit: unit.stem for unit in units if unit.stem.lower() in known}


def _image_names(case: str) -> set[str]:
    """Return the names, in lower case, that the image of a case may have among its masks."""
    own = case.lower()
    return {*IMAGE_NAMES, own, *(f"{own}_{name}" for name in IMAGE_NAMES)}


def _wanted_channel(unit: Unit, wanted: Iterable[str], own: str) -> str | None:
    called = (unit.stem, unit.name, unit.stem.removeprefix(f"{own}_"))
    return next((name for name in wanted if name in called), None)


def wanted_name(name: str, pattern: str | None) -> bool:
    """Return whether the user takes a class; the pattern lists names of classes, in which ``*`` matches anything."""
    if pattern is None:
        return True
    expressions = ("".join(".*" if c == "*" else re.escape(c) for c in part.strip()) for part in pattern.split(","))
    return any(re.fullmatch(expression, name) for expression in expressions)


def _take_apart(case: CaseFolder, found: dict[str, CaseFolder]) -> None:
    """Make a case of each segmentation, if all are next to images with their names."""
    owners = {_owner(unit, case.masks) for unit in case.segmentations}
    if owners and owners == set(case.masks) and not case.images:
        _split(case, {name: {name: unit} for name, unit in case.masks.items()}, found)


def _split(case: CaseFolder, images: Mapping[str, dict[str, Unit]], found: dict[str, CaseFolder]) -> set[str | None]:
    """Make a case of each segmentation, with the images of its name if there are any; return these names."""
    del found[case.name]
    owners = {unit: _owner(unit, images) for unit in case.segmentations}
    for unit, owner in owners.items():
        name = f"{case.name}/{unit.stem if owner is None else owner}".lstrip("/")
        own = found.setdefault(name, CaseFolder(name, {} if owner is None else images[owner]))
        own.segmentations.append(unit)
    return set(owners.values())


def _owner(segmentation: Unit, images: Iterable[str]) -> str | None:
    """Return the longest image name that a segmentation's name equals or begins with."""
    stem = segmentation.stem
    owners = (name for name in images if stem == name or stem.startswith((f"{name}_", f"{name}-", f"{name}.")))
    return max(owners, key=len, default=None)


def _images_in(root: Path, folder: Path) -> dict[str, dict[str, Unit]]:
    """Return case → channel → file of a folder of images; ``NAME_0000`` is a channel of ``NAME``."""
    place = str(folder.relative_to(root)) if folder.is_relative_to(root) else str(folder)
    found: dict[str, dict[str, Unit]] = {}
    names = (path.name for path in files_of(folder) if not is_segmentation(path.name))
    units = [unit for name in names if (unit := unit_of(place, name)) is not None]
    for unit in list(itertools.filterfalse(is_picture, units)) or units:
        numbered = _NUMBERED.fullmatch(unit.stem)
        case, channel = (numbered[1], numbered[2]) if numbered else (unit.stem, "")
        found.setdefault(case, {})[channel] = unit
    return found


def _bring_images(images: Mapping[str, dict[str, Unit]], found: dict[str, CaseFolder]) -> None:
    """Give the cases their images by name; an image without a case becomes a case without masks."""
    taken: set[str | None] = set()
    for case in list(found.values()):
        if case.own_name in images:
            case.images = images[case.own_name]
            taken.add(case.own_name)
        elif case.segmentations and not case.masks:
            taken |= _split(case, images, found)
    for name in images.keys() - taken:
        found[name] = CaseFolder(name, images[name])
