"""Which cases a folder holds: folders of one mask per class, or files that hold many classes.

CASE/liver.nii.gz CASE/spleen.nii.gz …                  the masks of a case
CASE/ct.nii.gz CASE/segmentations/liver.nii.gz …        likewise, as in TotalSegmentator's own dataset
CASE.nii.gz …                                           files that hold all classes
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ... import reading
from ...errors import Finding, SegconvError, refuse_if_any
from ...image import volumes
from ...words import count_of, some_of
from ..find.mask_folders import IMAGE_NAMES
from ..find.roles import MASK_WORDS
from ..survey import Survey
from ..tree import walk


@dataclass(frozen=True)
class Found:
    """A case.

    Parameters
    ----------
    case
        Its name.
    place
        What messages name: its folder or file, relative to the source.
    masks
        Class → the file of its mask; empty if one file holds all classes.
    label
        The file that holds all classes; empty if there are masks.
    """

    case: str
    place: str
    masks: Mapping[str, str] = field(default_factory=dict)
    label: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """Its files."""
        return (*self.masks.values(), *filter(None, [self.label]))


def find_cases(source: Path, is_class: Callable[[str], bool]) -> tuple[Path, list[Found], list[str]]:
    """Return the cases of a file or folder.

    Parameters
    ----------
    source
        A folder, or a single file that holds all classes.
    is_class
        Whether a name may be that of a class: a folder with a file of such a name holds masks.

    Returns
    -------
    root
        Folder that holds all files.
    cases
        In order of their paths.
    notes
        What was left out.

    Raises
    ------
    SegconvError
        ``SC010`` if the source does not exist.
    Refused
        ``SC011`` if it holds no case; ``SC085`` if two cases have one name; for links that leave it.
    """
    if not reading.is_there(source):
        raise SegconvError("does not exist", code="SC010", file=str(source))
    if not reading.is_folder(source):
        real = Path(os.path.realpath(source))
        return real.parent, [Found(volumes.strip_ending(source.name), source.name, label=str(real))], []
    survey = Survey(Path(os.path.realpath(source)))
    folders = {folder: _volumes(survey, folder, names) for folder, names in walk(survey)}
    cases = _of_folders(survey, folders, source, is_class)
    survey.refuse_no_case(cases, "holds no masks of classes, and no files that hold many", hint=_LAYOUTS)
    refuse_if_any(survey.findings)
    return survey.root, _named_shortly(cases), _left_out(survey, folders, cases)


def _of_folders(
    survey: Survey, folders: Mapping[str, Mapping[str, str]], source: Path, is_class: Callable[[str], bool]
) -> list[Found]:
    classes = {name for files in folders.values() if any(map(is_class, files)) for name in _class_names(files)}
    if classes:  # also of cases without those that are asked for
        masked = {folder: files for folder, files in folders.items() if not classes.isdisjoint(_class_names(files))}
        return [_of_masks(survey, folder, files, source) for folder, files in masked.items()]
    return [_of_label(survey, *entry) for entry in _each(folders) if entry[1].lower() not in IMAGE_NAMES]


def _class_names(files: Iterable[str]) -> set[str]:
    """Return names of files, without those that the image of a case may have among its masks."""
    return {name for name in files if name.lower() not in IMAGE_NAMES}


def _left_out(survey: Survey, folders: Mapping[str, Mapping[str, str]], cases: Sequence[Found]) -> list[str]:
    used = {file for case in cases for file in case.files}
    paths = (os.path.join(folder, name) for folder, _, name in _each(folders))
    left = [path for path in paths if os.path.realpath(survey.root / path) not in used]
    return [f"{count_of(len(left), 'other file')} left alone: {some_of(left)}"] if left else []


def _each(folders: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Yield folder, name without ending and name of each volume."""
    return ((folder, stem, name) for folder, files in folders.items() for stem, name in files.items())


_LAYOUTS = "expected a folder of masks named by their classes for each case, or a file for each case"


def _volumes(survey: Survey, folder: str, names: Iterable[str]) -> dict[str, str]:
    """Return name without its ending → name, of each volume in a folder."""
    found: dict[str, str] = {}
    for name in names:
        if volumes.ending_of(name) is not None:
            other = found.setdefault(volumes.strip_ending(name), name)
            if other != name:
                survey.error("SC085", f"is called like {other}", file=os.path.join(folder, name), hint="remove one")
    return found


def _of_masks(survey: Survey, folder: str, files: Mapping[str, str], source: Path) -> Found:
    path = os.path.join(os.path.abspath(source).strip(os.sep), folder).rstrip(os.sep)
    above, _, last = path.rpartition(os.sep)
    case = above if last.lower() in MASK_WORDS and above else path
    own = _class_names(files)
    masks = {name: _resolved(survey, folder, file) for name, file in files.items() if name in own}
    return Found(case, folder or ".", masks)


def _of_label(survey: Survey, folder: str, stem: str, name: str) -> Found:
    place = f"{folder}/{name}" if folder else name
    return Found(place[: len(place) - len(name) + len(stem)], place, label=_resolved(survey, folder, name))


def _resolved(survey: Survey, folder: str, name: str) -> str:
    path = survey.root / folder / name
    with survey.judging(path):
        return survey.resolve(path)
    return str(path)


def _named_shortly(cases: list[Found]) -> list[Found]:
    """Name cases by the last part of their path, or by several if that is not enough to distinguish them."""
    paths = [case.case.split("/") for case in cases]
    for length in range(1, max(map(len, paths), default=1) + 1):
        names = ["_".join(path[-length:]) for path in paths]
        counts = Counter(name.casefold() for name in names)
        if max(counts.values(), default=1) == 1:
            return [replace(case, case=name) for case, name in zip(cases, names, strict=True)]
    refuse_if_any(
        Finding("SC085", f"gives the name {name!r} to its case, as another does", file=case.place, hint="rename one")
        for case, name in zip(cases, names, strict=True)
        if counts[name.casefold()] > 1
    )
    return cases
