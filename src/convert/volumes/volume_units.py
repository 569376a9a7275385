"""The volumes of a source: files of volumes, folders of DICOM slices, and pictures that are slices of volumes."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ... import reading
from ...errors import Cure, SegconvError, naming
from ...image import opened, raster, stack, volumes
from ...image.formats.dicom_head import HEAD_BYTES, is_dicom
from ..bands import KIND
from ..blocks import Chained
from ..model import SERIES, STACK, Parts, SourceCase
from ..source_files import files_of
from ..survey import Survey
from ..tree import Unit, by_ending, folders_of

_HEADERS = (".mhd", ".nhdr")
_SLICE = (".dcm", ".ima")
_NO_SLICE = (*raster.ENDINGS, ".txt", ".json", ".csv", ".tsv", ".xml")
"""Endings that no DICOM slice has, but of which a folder may hold many."""


def may_have_companions(path: str | None) -> bool:
    """Return whether a volume may have further files, by its path or ending."""
    return path is not None and path.lower().endswith(_HEADERS)


def companions_of(path: str) -> tuple[str, ...]:
    """Return the further files of a volume; only headers that may have their voxels in another file are opened."""
    if not may_have_companions(path):
        return ()
    with naming(path):
        return volumes.companions(path)


def volume_units(survey: Survey) -> tuple[Chained[Unit], dict[str, Sequence[str]]]:
    """Return the volumes of a source, and the names of all other files by folder."""
    units: Chained[Unit] = Chained()
    others: dict[str, Sequence[str]] = {}
    for listed in folders_of(survey):
        folder = listed.path
        own, rest = by_ending(listed, volumes.ending_of)
        units.extend(own)
        if not own and volumes.ending_of(folder) is not None:
            survey.error("SC061", "is a folder, expected a file", file=folder)
        elif rest:
            found: list[Unit] = []
            with survey.judging(folder):
                found = _of_folder(survey.root, folder, rest, spaced=survey.options.spacing_mm is not None)
            units.extend(found)
            if not found:
                others[folder] = rest
    return units, _without_companions(others, units)


def _without_companions(others: Mapping[str, Sequence[str]], units: Iterable[Unit]) -> dict[str, Sequence[str]]:
    """Return names by folder without those that begin like a header, whose voxels they may hold."""
    headers = {(unit.folder, unit.stem) for unit in units if unit.ending.lower() in _HEADERS}
    if not headers:
        return dict(others)

    def is_companion(folder: str, name: str) -> bool:
        return any((folder, name[: dot.start()]) in headers for dot in re.finditer(r"\.", name))

    return {folder: [name for name in names if not is_companion(folder, name)] for folder, names in others.items()}


def strip_ending(name: str) -> str:
    """Return the name of a volume, or of a picture that holds one, without its ending."""
    return name[: len(name) - len(opened.ending_of(name) or "")]


def ending_for_volumes(cases: Iterable[SourceCase]) -> str:
    """Return the ending that changes least: ``.nii`` if all images have it, otherwise ``.nii.gz``."""
    plain = {path.lower().endswith(".nii") for case in cases for path in case.images} == {True}
    return ".nii" if plain else ".nii.gz"


def listed_volume(survey: Survey, unit: Unit) -> Unit:
    """Return a file or folder that a list names as a volume, with its slices or pages if it has any.

    Raises
    ------
    SegconvError
        ``SC063`` for a folder that holds no slices, and the errors of reading them.
    """
    place = survey.root / unit.path
    if reading.is_folder(place):
        names = [path.name for path in files_of(place) if reading.is_file(path)]
        spaced = survey.options.spacing_mm is not None
        found = _of_folder(survey.root, unit.path, names, spaced=spaced) if names else []
        if len(found) != 1:
            raise SegconvError(
                "is a folder that holds no series of DICOM and no slices",
                code="SC063",
                file=unit.path,
                hint="list files",
                cures=(Cure("give_spacing"),),
            )
        return found[0]
    if survey.options.spacing_mm is not None and unit.path.lower().endswith(raster.ENDINGS) and reading.is_file(place):
        return unit._replace(parts=Parts(STACK, (str(place),)))
    return unit


def series_units(survey: Survey, folder: str, names: Sequence[str]) -> list[Unit]:
    """Return the DICOM series whose slices are in a folder, if any; an error becomes a finding."""
    with survey.judging(folder):
        return _of_folder(survey.root, folder, names, spaced=False)
    return []


def _of_folder(root: Path, folder: str, names: Sequence[str], *, spaced: bool) -> list[Unit]:
    """Return the volume whose slices are in a folder, if any; or volumes of pages."""
    pictures = [name for name in names if name.lower().endswith(raster.ENDINGS)] if spaced else []
    if (one := _slice_among(names, root / folder)) is not None:
        if pictures:
            raise SegconvError(
                f"holds slices of DICOM, as {one}, and pictures, as {pictures[0]}, which a spacing makes slices",
                code="SC063",
                file=folder,
                hint="put each into a folder of its own",
            )
        return _series(root, folder)
    return _stacks(root, folder, pictures) if pictures else []


def _slice_among(names: Sequence[str], folder: Path) -> str | None:
    """Return the name of a DICOM slice in a folder; None if it holds none."""
    possible = [name for name in names if not name.lower().endswith(_NO_SLICE)]
    named = (name for name in possible if name.lower().endswith(_SLICE))
    # DICOM files often have no ending, or a number for one. The first may be damaged, so each is tried.
    others = (name for name in possible if _is_dicom(folder / name))
    return next(itertools.chain(named, others), None)


def _series(root: Path, folder: str) -> list[Unit]:
    from ...image.formats import dicom_folder  # loads SimpleITK

    parent, _, own = folder.rpartition("/")
    return [Unit(parent, own, "", Parts(SERIES, dicom_folder.one_series(str(root / folder))))]


def _stacks(root: Path, folder: str, pictures: list[str]) -> list[Unit]:
    paths = [root / folder / name for name in pictures]
    # Channels where slices are expected, and unreadable files, are refused when the headers are judged.
    if _have_pages(paths):
        return [Unit(folder, path.stem, path.suffix, Parts(STACK, (str(path),))) for path in paths]
    if not folder:
        return []  # the source itself is not a volume
    parent, _, own = folder.rpartition("/")
    order = stack.ordered([path.stem for path in paths])
    return [Unit(parent, own, "", Parts(STACK, tuple(str(paths[index]) for index in order)))]


def _have_pages(paths: Sequence[Path]) -> bool:
    first = next(filter(None, map(_head, paths)), None)
    if first is None:
        return all(path.suffix.lower() in (".tif", ".tiff") for path in paths)
    return first.pages > 1 or first.kind == KIND


def _head(path: Path) -> raster.PictureHeader | None:
    """Return the header of a picture; None if it is refused when the headers are judged."""
    try:
        return raster.probe_file(os.path.realpath(path))
    except SegconvError:
        return None


def _is_dicom(path: Path) -> bool:
    try:
        with reading.opened(os.path.realpath(path)) as file:
            return is_dicom(file.read(HEAD_BYTES))
    except OSError:
        return False
