"""Masks of classes whose names and folders are those of their pictures except for the class.

``images/a.png`` with ``masks/a_liver.png``, ``masks/liver/a/mask.png`` or ``masks/a/liver.png``; or all in one
folder, ``a.png`` with ``a_liver.png``. The rest of each path, with ``{case}`` in place of the picture's name, is a
form that recurs with other pictures; where forms differ in one place, that place names the class.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..model import CASE
from ..survey import Survey
from ..tree import Unit
from .mask_folders import CaseFolder, wanted_name
from .matching import SameNames, first_known
from .roles import FILLERS, IMAGE, MASK, MASK_WORDS, SEPARATORS, place_of, tokens_of

_SEPARATOR = "[_\\-. ]"


class _Owned(NamedTuple):
    """A mask with the name of its picture.

    Parameters
    ----------
    top
        The folder that contains both.
    form
        Its path with `CASE` for the name of its picture, in parts.
    kind
        The form below `top`, without the words for splits: what masks of one class have in common.
    """

    unit: Unit
    top: str
    owner: str
    form: tuple[str, ...]
    kind: tuple[str, ...]


@dataclass(frozen=True)
class _Group:
    """Pictures by name, and masks, below one folder."""

    pictures: Mapping[str, Unit]
    masks: Mapping[Unit, _Owned | None]

    @property
    def owned(self) -> list[_Owned]:
        """The masks whose pictures are known."""
        return [one for one in self.masks.values() if one is not None]


def cases_by_names(survey: Survey, folders: Mapping[str, Sequence[Unit]]) -> list[CaseFolder]:
    """Return the cases of a source with this layout; none if it has another."""
    groups = _groups(folders)
    found = [one for group in groups for one in group.owned]
    names = _names(list(dict.fromkeys(one.kind for one in found)))
    recur = 0 < len(names) < len(found)
    if not recur or _in_folders_of_sites(found) or sum(len(group.pictures) for group in groups) < 2:
        return []
    return [case for group in groups for case in _cases(survey, group, names)]


def _in_folders_of_sites(masks: Sequence[_Owned]) -> bool:
    """Return whether each folder has pictures of its own, with a mask each, such as one per site."""
    return len({(one.top, one.owner) for one in masks}) == len(masks) and len({one.kind[:-1] for one in masks}) > 1


def _cases(survey: Survey, group: _Group, names: Mapping[tuple[str, ...], str]) -> list[CaseFolder]:
    cases = {key: CaseFolder(_place(unit, key), {unit.stem: unit}) for key, unit in group.pictures.items()}
    for unit, one in group.masks.items():
        if one is None:
            survey.error("SC081", "is a mask without a picture", file=unit.path)
            continue
        case, name = cases[one.owner], names[one.kind]
        if not wanted_name(name, survey.options.masks):
            continue
        if name in case.masks:
            twin = case.masks[name].path
            survey.error("SC085", f"is a second mask of {one.owner!r}, beside {twin}", file=unit.path)
            continue
        case.masks[name] = unit
        case.places[name] = "/".join(one.form) + unit.ending
    return list(cases.values())


def image_form(image: Unit, case: CaseFolder) -> str:
    """Return the path of a picture with `CASE` for the name of its case."""
    return "/".join(_form(image, case.own_name)) + image.ending


def _groups(folders: Mapping[str, Sequence[Unit]]) -> list[_Group]:
    """Return pictures and masks below each folder with both, found by words.

    Return none if one has no counterpart, or if no mask can be of one class among several.
    """
    by_words = any(place_of(folder).role == MASK for folder in folders)
    above: dict[tuple[str, str | None], dict[str, Sequence[Unit]]] = {}
    for folder, units in folders.items():
        place = (_above(folder), place_of(folder).split) if by_words else (folder, None)
        above.setdefault(place, {})[folder] = units
    if by_words and len(above) == 1 and _are_plain_pairs(folders):
        return []
    groups = []
    for (top, _), own in above.items():
        images, masks = _by_words(own) if by_words else _by_stems(own)
        keys = _keys(images)
        if not keys or not masks or _in_own_folders(images, masks):
            return []
        if len(above) == 1 and _named_alike(masks, keys):
            return []
        groups.append(_Group(keys, dict(_owners(masks, keys, top))))
    return groups


def _are_plain_pairs(folders: Mapping[str, Sequence[Unit]]) -> bool:
    """Return whether a folder of pictures and one of masks hold the same names, as `_named_alike` finds more slowly."""
    masks = [folder for folder in folders if place_of(folder).role == MASK]
    if len(folders) != 2 or len(masks) != 1:
        return False
    images = next(folder for folder in folders if folder not in masks)
    same = SameNames.of(folders[images], folders[masks[0]])
    return same is not None and set(masks[0].split("/")).isdisjoint(same.images.all_stems())


def _named_alike(masks: Iterable[Unit], keys: Mapping[str, Unit]) -> bool:
    """Return whether all masks are in one folder with the names of their pictures, so that nothing names a class."""
    folders = {unit.folder for unit in masks}
    return len(folders) == 1 and keys.keys().isdisjoint(folders.pop().split("/")) and all(m.stem in keys for m in masks)


def _above(folder: str) -> str:
    """Return the folder above the first one whose name says that it holds images or masks."""
    parts = folder.split("/")
    at = next((at for at, part in enumerate(parts) if place_of(part).role is not None), 0)
    return "/".join(parts[:at])


def _by_words(folders: Mapping[str, Sequence[Unit]]) -> tuple[Sequence[Unit], Sequence[Unit]]:
    """Return pictures and masks by the words in their folders."""
    masks = [folder for folder in folders if place_of(folder).role == MASK]
    rest = [folder for folder in folders if folder not in masks]
    images = [folder for folder in rest if place_of(folder).role == IMAGE] or rest
    return _all_in(images, folders), _all_in(masks, folders)


def _by_stems(folders: Mapping[str, Sequence[Unit]]) -> tuple[Sequence[Unit], Sequence[Unit]]:
    """Return pictures, and masks whose names continue theirs, in one folder."""
    units = [unit for own in folders.values() for unit in own]
    stems = {unit.stem for unit in units}
    longer = {unit for unit in units if _start(unit.stem, stems) is not None}
    return [unit for unit in units if unit not in longer], [unit for unit in units if unit in longer]


def _all_in(wanted: Sequence[str], folders: Mapping[str, Sequence[Unit]]) -> Sequence[Unit]:
    return [unit for folder in wanted for unit in folders[folder]]


def _keys(images: Sequence[Unit]) -> dict[str, Unit]:
    """Return name → picture, by file name or else by folder name; empty if neither is unique."""
    by_stem = {unit.stem: unit for unit in images}
    by_folder = {unit.folder.rpartition("/")[2]: unit for unit in images}
    found = by_stem if len(by_stem) == len(images) else by_folder
    return found if len(found) == len(images) and "" not in found else {}


def _in_own_folders(images: Sequence[Unit], masks: Sequence[Unit]) -> bool:
    """Return whether each picture has its own folder with its masks, a layout that `mask_folders` handles."""
    folders = {unit.folder for unit in images}
    return len(folders) == len(images) > 1 and all(
        any(above in folders for above in _and_above(folder)) for folder in {mask.folder for mask in masks}
    )


def _and_above(folder: str) -> list[str]:
    """Return a folder and those above it, without the source itself."""
    return [folder, *(folder[: match.start()] for match in re.finditer("/", folder) if match.start())]


def _place(unit: Unit, key: str) -> str:
    """Return the path of a case that is named by a picture or by its folder."""
    return unit.path[: -len(unit.ending)] if unit.stem == key else unit.folder


def _owners(masks: Iterable[Unit], keys: Mapping[str, Unit], above: str) -> Iterator[tuple[Unit, _Owned | None]]:
    """Yield each mask with its picture; see `_owned`."""
    plain: dict[str, tuple[str, ...]] = {}  # folder → the form of its masks with the names of their pictures
    kinds: dict[tuple[str, ...], tuple[str, ...]] = {}
    for unit in masks:
        if unit.folder not in plain:
            parts = _parts(unit)[:-1]
            plain[unit.folder] = () if any(part in keys for part in parts) else (*parts, CASE)
        form = plain[unit.folder]
        found: tuple[str, tuple[str, ...]] | None
        found = (unit.stem, form) if form and unit.stem in keys else _owned(unit, keys)
        if found is None:
            yield unit, None
            continue
        owner, form = found
        kind = kinds.get(form) or kinds.setdefault(form, _kind(form, above))
        yield unit, _Owned(unit, above, owner, form, kind)


def _kind(form: tuple[str, ...], top: str) -> tuple[str, ...]:
    below = form[top.count("/") + 1 :] if top else form
    return tuple("" if place_of(part).split is not None and part != form[-1] else part for part in below)


def _owned(unit: Unit, keys: Mapping[str, Unit]) -> tuple[str, tuple[str, ...]] | None:
    """Return a mask's picture, whose name is a part of the mask's path, or begins or ends its name; and its form."""
    exact = keys.keys() & _parts(unit)
    start = _start(unit.stem, keys)
    owner = next(iter(exact), None) or start or _end(unit.stem, keys)
    if owner is None or len(exact) > 1:
        return None
    form = _form(unit, owner)
    if start == owner:
        form[-1] = CASE + unit.stem[len(owner) :]
    elif not exact:
        form[-1] = unit.stem[: -len(owner)] + CASE
    return owner, tuple(form)


def _parts(unit: Unit) -> list[str]:
    return [part for part in (*unit.folder.split("/"), unit.stem) if part]


def _form(unit: Unit, name: str) -> list[str]:
    """Return a file's path in parts, with `CASE` for each that is a name."""
    return [CASE if part == name else part for part in _parts(unit)]


def _start(stem: str, names: Container[str]) -> str | None:
    """Return the longest name that a stem continues after a separator."""
    return first_known((stem[: match.start()] for match in reversed(list(re.finditer(_SEPARATOR, stem)))), names)


def _end(stem: str, names: Container[str]) -> str | None:
    """Return the longest name with which a stem ends after a separator."""
    return first_known((stem[match.end() :] for match in re.finditer(_SEPARATOR, stem)), names)


def _names(kinds: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """Return kind of mask → class, if kinds differ in one place and that is not a number; otherwise nothing."""
    if len(set(map(len, kinds))) > 1:
        return {}
    differing = [at for at, same in enumerate(zip(*kinds, strict=True)) if len(set(same)) > 1]
    if len(differing) != 1:
        return {}
    plain = [re.sub(f"^{_SEPARATOR}+|{_SEPARATOR}+$", "", kind[differing[0]].replace(CASE, "")) for kind in kinds]
    names = list(map(_without_words, plain))
    if len(set(names)) < len(names):
        names = plain
    # Of several names that only mean mask, nothing says which is which.
    if len(set(names)) < len(names) or any(map(str.isdecimal, names)) or sum(map(_only_means_mask, names)) > 1:
        return {}
    return dict(zip(kinds, names, strict=True))


def _only_means_mask(name: str) -> bool:
    return (MASK_WORDS | FILLERS).issuperset(tokens_of(name))


def _without_words(name: str) -> str:
    """Return a name without the words that only mean mask."""
    words = SEPARATORS.split(name)
    kept = [word for word in words if word.lower() not in MASK_WORDS | FILLERS]
    return "_".join(kept) if 0 < len(kept) < len(words) else name
