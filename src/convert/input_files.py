"""Which of a user's files to predict, and which of them are channels of one case.

The files are those of the folder itself or, if it has none, of its sub-folders; folders of DICOM slices are
volumes, as in a conversion. Channels are numbered (``a_0000``, ``a_0001``), or have the names of the channels
that the model was trained on: ``a_T1`` and ``a_FLAIR``, or ``T1`` and ``FLAIR`` in one folder per case.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import reading
from ..dataset.lineage import TEST
from ..errors import SegconvError
from ..image import raster, volumes
from ..words import count_of
from .find.pairs import Pair
from .find.roles import MASK, SEPARATORS, place_of, role_of_stem
from .survey import Survey
from .tree import Unit, unit_with, units_in
from .volumes.volume_units import listed_volume, volume_units

_NUMBERED = re.compile(r"(.+)_(\d{4})$")


def input_pairs(survey: Survey, source: Path, channels: Sequence[str], *, pictures: bool) -> list[Pair]:
    """Return a case without label for each image to predict; errors and warnings go to the survey.

    Parameters
    ----------
    survey
        Of the folder, with the options of the model's dataset: where slices and pages became volumes, they do here.
    source
        The folder, or a file in it.
    channels
        Of the model.

    Raises
    ------
    SegconvError
        ``SC011`` if there is no such image.
    """
    units = _units(survey, source, pictures=pictures)
    if not units:
        if survey.failed:
            return []
        what = "picture" if pictures else "volume"
        raise SegconvError(f"holds no {what}, which the model was trained on", code="SC011", file=str(source))
    _judge_twice(survey, units)
    split = len(channels) > 1 and not pictures
    groups = _grouped(units, channels) if split else [_Group(unit.folder, unit.stem, [unit]) for unit in units]
    return _named([replace(group, name=group.name or survey.root.name) for group in groups])


def _named(groups: Sequence[_Group]) -> list[Pair]:
    """Return the cases, named by file, or by folder where files have the same names in each folder."""
    names = {group.name for group in groups}
    if len(names) == len(groups):
        return [group.pair((), group.name) for group in groups]
    if len(names) == 1 and all(group.folder for group in groups):  # one CT per case folder
        return [group.pair((), group.folder) for group in groups]
    return [group.pair((group.folder,) if group.folder else (), group.name) for group in groups]


@dataclass(frozen=True)
class _Group:
    """The channels of a case, in order, and their folder."""

    folder: str
    name: str
    files: Sequence[Unit]

    def pair(self, where: tuple[str, ...], name: str) -> Pair:
        """Return the case under a name, below a folder."""
        images = {f"{number:04d}": unit for number, unit in enumerate(self.files)}
        return Pair(where, "/".join((*where, name)), TEST, images)


def _units(survey: Survey, source: Path, *, pictures: bool) -> Sequence[Unit]:
    if reading.is_file(source):
        return _one_file(survey, source.name, pictures=pictures)
    below = survey.again()
    units = units_in(below, raster.ending_of)[0] if pictures else volume_units(below)[0]
    if not units and _is_stack(survey):
        slices = Unit("", survey.root.name, "")  # of one volume
        return [listed_volume(replace(survey, root=survey.root.parent), slices)]
    if own := [unit for unit in units if not unit.folder and unit.parts is None]:
        _say_left_out(survey, [unit for unit in units if unit not in own])
        return own
    survey.take(below)
    return _without_labels(survey, units)


def _is_stack(survey: Survey) -> bool:
    """Return whether the folder holds pictures, which a spacing makes slices."""
    spaced = survey.options.spacing_mm is not None
    return spaced and any(raster.ending_of(path.name) for path in survey.root.iterdir())


def _one_file(survey: Survey, name: str, *, pictures: bool) -> list[Unit]:
    """Return a file as a unit if it is a picture or volume, as the model expects."""
    paged = survey.options.spacing_mm is not None
    ending = raster.ending_of(name) if pictures or paged else None
    unit = unit_with(ending or (None if pictures else volumes.ending_of(name)), "", name)
    if unit is None:
        return []
    return [unit if pictures else listed_volume(survey, unit)]


def _without_labels(survey: Survey, units: Sequence[Unit]) -> Sequence[Unit]:
    """Leave out files that are labels by name or place, unless all are."""
    masks = [unit for unit in units if _is_mask(unit)]
    if not masks or len(masks) == len(units):
        return units
    what = f"is a label, by its name or place; {count_of(len(masks), 'such file')} below are not predicted"
    survey.warn("SC087", what, file=masks[0].path, hint="give the folder that it is in to predict it")
    return [unit for unit in units if not _is_mask(unit)]


def _say_left_out(survey: Survey, units: Sequence[Unit]) -> None:
    if units:
        what = f"is left out, as files next to its folder are taken; {count_of(len(units), 'image')} in folders"
        survey.warn("SC087", what, file=units[0].path or ".", hint="give its folder, or move all images into folders")


def _is_mask(unit: Unit) -> bool:
    return MASK in (place_of(unit.folder).role, role_of_stem(unit.stem)[0]) or unit.stem.lower().endswith(".seg")


def _judge_twice(survey: Survey, units: Sequence[Unit]) -> None:
    seen: dict[tuple[str, str], Unit] = {}
    for unit in units:
        first = seen.setdefault((unit.folder, unit.stem), unit)
        if first is not unit:
            names = f"{first.name} and {unit.name}"
            survey.error("SC085", f"{names} are two files of one case", file=unit.path)


def _grouped(units: Sequence[Unit], channels: Sequence[str]) -> list[_Group]:
    """Return the cases, grouped by channel number or channel name."""
    groups: dict[tuple[str, str], list[Unit]] = {}
    for unit in units:
        match = _NUMBERED.fullmatch(unit.stem)
        groups.setdefault((unit.folder, match[1] if match else unit.stem), []).append(unit)
    if all(len(own) == 1 for own in groups.values()) and (named := _by_channel_names(units, channels)):
        return named
    return [_Group(folder, stem, own) for (folder, stem), own in groups.items()]


def _by_channel_names(units: Sequence[Unit], channels: Sequence[str]) -> list[_Group]:
    """Return the cases if every file has the name of a channel and every case has all channels."""
    wanted = {name.casefold(): number for number, name in enumerate(channels)}
    groups: dict[tuple[str, str], dict[int, Unit]] = {}
    for unit in units:
        last = SEPARATORS.split(unit.stem)[-1]
        number = wanted.get(last.casefold())
        stem = unit.stem[: len(unit.stem) - len(last)].rstrip("_-. ")
        if number is None or number in groups.setdefault((unit.folder, stem), {}):
            return []
        groups[unit.folder, stem][number] = unit
    if any(len(own) < len(channels) for own in groups.values()):
        return []
    found = []
    for (folder, stem), own in groups.items():
        above, _, name = folder.rpartition("/")
        files = [own[number] for number in sorted(own)]
        # T1 and FLAIR in one folder per case: the folder names the case.
        found.append(_Group(folder, stem, files) if stem else _Group(above, name, files))
    return found
