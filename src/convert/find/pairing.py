"""Which label belongs to which image, told by the folders they lie in and the names they have.

Images and labels lie in folders whose paths differ in their `roles` alone, or side by side:
``a_image.png`` and ``a_mask.png``, ``a.jpg`` and ``a.png``, or ``image.png`` and ``mask.png`` in a
folder a case. Their names are matched by `matching`; what has no counterpart is told by `strangers`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ...dataset.lineage import TEST, TRAIN
from ...errors import Finding
from ..survey import Remarks
from ..tree import Unit
from .matching import Matched, match
from .named_labels import LOSSY, labels_by_name
from .raters import raters_in
from .rivals import Rivals, of_rivals, of_subjects, own_part
from .roles import (
    FILLERS,
    IMAGE,
    IMAGE_WORDS,
    MASK,
    MASK_WORDS,
    place_of,
    rests_of,
    role_of_stem,
    tokens_of,
    with_one_open,
)
from .several_masks import further_masks
from .strangers import Strangers, common_path, glob_of, globs_of, listed, of_seconds, of_strangers

SHOWN_FOLDERS = 3
MAX_NEAR = 20
"""Folders that are compared with one of labels whose place tells nothing: each costs a look at all its names."""
_OBJECT_WORDS = frozenset({"object", "instance", "cell", "nucleus", "particle", "polygon", "roi"})
_LONELY = "add it, or remove the label; --images GLOB --masks GLOB says which files belong together"
_LONGER = "images are those whose names go on where a label's ends"


@dataclass(frozen=True)
class Pair:
    """An image and its label, before anybody opened them.

    Parameters
    ----------
    folder
        Where the case lies, without the folders that only say what is in them.
    stem
        What the case is called within its folder; empty if the folder alone names it.
    split
        ``"train"`` or ``"test"``.
    images
        Name of the channel → file; one entry with an empty name for a case of one file.
    labels
        One file, several masks of one object each, or none.
    patient
        Who it is of, if known.
    where
        `folder`, and with it the folder that says to which split the case belongs.
    """

    folder: tuple[str, ...]
    stem: str
    split: str
    images: Mapping[str, Unit]
    labels: tuple[Unit, ...] = ()
    patient: str | None = None
    where: tuple[str, ...] = ()

    @property
    def path_name(self) -> str:
        """Name by path."""
        where = self.where or self.folder
        return "/".join((*where, self.stem) if self.stem else where)

    @property
    def name(self) -> str:
        """Name by file, or by folder where files are called alike in each."""
        return self.stem or "/".join(self.folder)


@dataclass
class Pairing(Remarks):
    """What `pair_units` found.

    Parameters
    ----------
    pairs
        Cases; those without label among them.
    folders
        ``images + masks`` as they lie, for the evidence.
    strangers
        Folders of labels, none of which has an image.
    several
        The masks of each image that has more than one of its name.
    rivals
        Folders of cases with several files each of which may be the label.
    seconds
        The images that have further labels, each with all of its labels.
    """

    pairs: list[Pair] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    strangers: list[Strangers] = field(default_factory=list)
    several: list[tuple[Unit, ...]] = field(default_factory=list)
    rivals: list[Rivals] = field(default_factory=list)
    seconds: list[Strangers] = field(default_factory=list)

    @property
    def evidence(self) -> str:
        """The folders, if they are few; otherwise what they have in common, or the first of them."""
        more = len(self.folders) - SHOWN_FOLDERS
        if more <= 0:
            return "; ".join(self.folders)
        sides = [folder.split("/ and ") for folder in self.folders]
        if len({len(side) for side in sides}) == 1:
            common = "/ and ".join(common_path(list(side)) for side in zip(*sides, strict=True))
            if set(common) - set("*/"):
                return f"{common}, {len(self.folders)} times"
        return "; ".join(self.folders[:SHOWN_FOLDERS]) + f"; and {more} more such"


@dataclass
class _Group:
    """The folders that differ in their roles alone."""

    images: dict[str, list[Unit]] = field(default_factory=dict)
    masks: dict[str, list[Unit]] = field(default_factory=dict)
    plain: dict[str, list[Unit]] = field(default_factory=dict)


def pair_units(units: Iterable[Unit]) -> Pairing:
    """Find the cases among the files of a source."""
    groups: dict[tuple[str | None, bool, tuple[str, ...]], _Group] = {}
    for unit in units:
        place = place_of(unit.folder)
        group = groups.setdefault((place.split, place.validation, place.key), _Group())
        kind = {IMAGE: group.images, MASK: group.masks, None: group.plain}[place.role]
        kind.setdefault(unit.folder, []).append(unit)
    pairing = Pairing()
    _heed_names(groups, pairing)
    _bring_together(groups)
    validation = 0
    # A mask for each object of one picture is believed only where all of a source is like that.
    one_each = all(
        len(units) == 1 and key
        for (_, _, key), group in groups.items()
        for units in ((group.images or group.plain).values() if group.masks else ())
    )
    if one_each and (named := _classes(groups.values())):
        sides = [(group.images or group.plain, group.masks) for group in groups.values() if group.masks]
        subjects = [Rivals(*([unit for units in side.values() for unit in units] for side in both)) for both in sides]
        drawn = raters_in(unit.stem for unit in named)
        pairing.findings.append(of_subjects(subjects) or (of_rivals(subjects) if drawn else _may_be_classes(named)))
        return pairing
    for (split, is_validation, key), group in groups.items():
        before = len(pairing.pairs)
        _pair_group(split, key, group, pairing, one_each=one_each)
        validation += (len(pairing.pairs) - before) * is_validation
    if validation:
        pairing.note(
            f"{validation} cases of the validation folder join the training cases: nnU-Net makes its own folds"
        )
    if pairing.rivals:
        pairing.findings.append(of_rivals(pairing.rivals))
    if pairing.seconds:
        pairing.findings.append(of_seconds(pairing.seconds))
    if pairing.strangers:
        # Said once: images that have no label for the same reason are no news.
        pairing.findings.append(of_strangers(_with_images(pairing)))
        if not any(pair.labels for pair in pairing.pairs):
            pairing.pairs.clear()
    return pairing


def _classes(groups: Iterable[_Group]) -> list[Unit]:
    """Return masks beside one picture that are called by words, the same in several folders: objects are not."""
    seen: set[str] = set()
    for group in groups:
        masks = [unit for units in group.masks.values() for unit in units]
        words = {re.sub(r"[\W\d_]+", "", unit.stem).lower() for unit in masks} - MASK_WORDS - _OBJECT_WORDS - {""}
        plain = words & {unit.stem.lower() for unit in masks}
        if masks[1:] and (plain or (len(words) > 1 and words & seen)):
            return masks
        seen |= words
    return []


def _may_be_classes(masks: list[Unit]) -> Finding:
    return Finding(
        "SC003",
        f"holds {listed(masks)}, which may be masks of one object each, or of one class each",
        file=masks[0].folder,
        hint="of classes: --from masks; of objects: number them, as 1.png, 2.png",
    )


def images_alone(units: Iterable[Unit]) -> Pairing | None:
    """Return a case for each file of a source in which nothing is a label by its name or place, or None."""
    folders: dict[str, list[Unit]] = {}
    for unit in units:
        if MASK in (place_of(unit.folder).role, role_of_stem(unit.stem)[0]):
            return None
        folders.setdefault(unit.folder, []).append(unit)
    pairing = Pairing()
    for folder, own in folders.items():
        place = place_of(folder)
        _add(place.split, place.key, Matched([], [], _once(own, pairing)), pairing)
    return pairing


def _heed_names(groups: Mapping[tuple[str | None, bool, tuple[str, ...]], _Group], pairing: Pairing) -> None:
    """Bring together folders that say nothing of their own where the names of their files do."""
    owners: dict[tuple[str | None, bool], dict[str, _Group]] = {}
    for (split, validation, _), group in groups.items():
        if not group.masks:
            folders = owners.setdefault((split, validation), {})
            folders.update(dict.fromkeys((*group.plain, *group.images), group))
    for own in owners.values():
        units = {folder: group.plain.get(folder) or group.images[folder] for folder, group in own.items()}
        told = labels_by_name(units, frozenset(folder for folder, group in own.items() if folder in group.images))
        for labels, images in told.items():
            target = own[images[0]]
            own[labels].plain.pop(labels, None)
            target.masks[labels] = units[labels]
            for folder in images:  # several are refused, when they are paired
                own[folder].plain.pop(folder, None)
                own[folder].images.pop(folder, None)
                target.images[folder] = units[folder]
                own[folder] = target
        for labels, images in list(told.items())[:1]:
            name = units[labels][0].stem + units[labels][0].ending
            by_name = role_of_stem(units[labels][0].stem)[0] == MASK
            why = f"as {name} tells by its name" if by_name else "whose pictures are JPEG and hold none"
            pairing.note(f"{labels or '.'} holds the labels of {images[0] or '.'}, {why}")


def _bring_together(groups: Mapping[tuple[str | None, bool, tuple[str, ...]], _Group]) -> None:
    """Give masks that lie beside no images those of a folder whose path differs in one place, if their names match.

    So ``Data_Part1_GroundTruth`` finds ``Data_Images``, and both ``lung masks`` and ``infection
    masks``, or ``masks/lung`` and ``masks/infection``, find ``images``, for which two are one too many.
    """
    # Folders are found by their path with one place left open, so that thousands of them take no longer than a few.
    open_paths: dict[tuple[str | None, bool, str], list[tuple[str, list[Unit], _Group]]] = {}
    for (split, validation, _), group in groups.items():
        for folder, units in {**group.plain, **group.images}.items():
            for path in with_one_open(folder):
                open_paths.setdefault((split, validation, path), []).append((folder, units, group))
    for (split, validation, _), group in groups.items():
        if group.images or group.plain:
            continue
        for folder, masks in list(group.masks.items()):
            near = [
                candidate
                for path in with_one_open(folder)
                for candidate in open_paths.get((split, validation, path), ())
            ]
            if len(near) > MAX_NEAR:
                continue
            fitting = {
                found: (units, other)
                for found, units, other in near
                if _related(found, folder) and match(units, masks).cases
            }
            if len(fitting) == 1:
                found, (units, other) = next(iter(fitting.items()))
                other.plain.pop(found, None)
                other.images[found] = units
                other.masks[folder] = group.masks.pop(folder)


def _related(one: str, other: str) -> bool:
    """Return whether all words of one path are in the other: masks of another site are called alike, and strangers."""
    words, others = (
        {t for part in folder.split("/") for t in tokens_of(part)} - IMAGE_WORDS - MASK_WORDS - FILLERS
        for folder in (one, other)
    )
    return words <= others or others <= words


def _pair_group(split: str | None, key: tuple[str, ...], group: _Group, pairing: Pairing, *, one_each: bool) -> None:
    images, plain = group.images, group.plain
    masks = _one_mask_folder(group.masks, images or plain, pairing)
    if not images and masks:
        images, plain = plain, {}
    if len(images) > 1 and masks:
        named, (mask_folder, units) = " and ".join(folder or "." for folder in images), next(iter(masks.items()))
        patterns = [globs_of(own, units) for own in images.values()]
        pairing.error(
            "SC003",
            f"{named} may {'both' if len(images) == 2 else 'all'} hold the images of {mask_folder}",
            hint=f"--images {patterns[0][0]!r} --masks {patterns[0][1]!r} takes one;"
            f" {' '.join(f'--images {one!r}' for one, _ in patterns)} --masks {patterns[0][1]!r}"
            " takes them as channels",
        )
        return
    if masks and not images:
        pairing.strangers.append(Strangers(next(iter(masks.values())), []))
    elif masks:
        (folder, units), (image_folder, image_units) = next(iter(masks.items())), next(iter(images.items()))
        pairing.folders.append(f"{image_folder or '.'}/ and {folder}/")
        _pair_folders(split, key, image_units, units, pairing, one_each=one_each)
    elif not group.masks:
        for folder, units in images.items():
            _side_by_side(split, key, folder, units, pairing, known=True)
    for folder, units in plain.items():
        _side_by_side(split, key, folder, units, pairing, known=split == TEST)


def _one_mask_folder(
    masks: dict[str, list[Unit]], images: dict[str, list[Unit]], pairing: Pairing
) -> dict[str, list[Unit]]:
    if len(masks) > 1:
        objects = [folder for folder in masks if "object" in tokens_of(folder.rsplit("/", 1)[-1])]
        for folder in objects:
            pairing.note(f"{folder} left alone: it holds objects, not classes")
        masks = {folder: units for folder, units in masks.items() if folder not in objects}
    if len(masks) > 1:
        pairing.error(
            "SC003",
            f"{' and '.join(masks)} may {'both' if len(masks) == 2 else 'all'} hold the masks",
            hint=" or ".join(_patterns(own, images) for own in masks.values())
            + "; or move the others out of the source",
        )
        return {}
    return masks


def _patterns(masks: list[Unit], images: dict[str, list[Unit]]) -> str:
    """Return the options that take one folder of labels, with its images if they are known."""
    if len(images) != 1:
        return f"--images GLOB --masks {glob_of(masks[0].folder)!r}"
    image, mask = globs_of(next(iter(images.values())), masks)
    return f"--images {image!r} --masks {mask!r}"


def _pair_folders(
    split: str | None,
    key: tuple[str, ...],
    images: list[Unit],
    masks: list[Unit],
    pairing: Pairing,
    *,
    one_each: bool,
) -> None:
    images, masks = _once(images, pairing), _once(masks, pairing)
    found = match(images, masks)
    if not found.cases and not further_masks(found):
        if one_each and not any(mask.stem.startswith(images[0].stem) for mask in masks):
            # One picture, and masks with other names: a mask for each object in it.
            where = place_of(images[0].folder).where
            pairing.pairs.append(Pair(key, "", split or TRAIN, {"": images[0]}, tuple(masks), where=where))
            return
        pairing.strangers.append(Strangers(masks, images))
        return
    _add(split, key, found, pairing)


def _side_by_side(
    split: str | None, key: tuple[str, ...], folder: str, units: list[Unit], pairing: Pairing, *, known: bool
) -> None:
    """Pair the files of one folder, which holds images and labels, or images alone."""
    masks = [unit for unit in units if role_of_stem(unit.stem)[0] == MASK]
    if masks:
        images = [unit for unit in units if role_of_stem(unit.stem)[0] != MASK]
    else:
        twice = {stem for stem, count in Counter(unit.stem for unit in units).items() if count > 1}
        twice = {u.stem for u in units if u.stem in twice and u.ending.lower() in LOSSY}
        masks = [u for u in units if u.stem in twice and u.ending.lower() not in LOSSY]
        images = [u for u in units if u.stem not in twice or u.ending.lower() in LOSSY] if masks else units
    if masks:
        pairing.folders.append(f"{folder or '.'}/ with images and labels side by side")
        images, masks = _once(images, pairing), _once(masks, pairing)
        found = match(images, masks)
        if len(masks) == 1 and not found.cases and images:
            # A folder a case: whatever is not the label is a channel of the image.
            stem = (rests_of(masks[0].stem) or [""])[-1] if not key else ""
            channels = {"": images[0]} if len(images) == 1 else {own_part(u) if key else u.stem: u for u in images}
            found = Matched([(stem, channels, masks[0])], [], [])
        if key and masks[1:] and images and not found.cases:
            pairing.rivals.append(Rivals(images, masks))
            return
        _add(split, key, found, pairing)
    elif known:
        _add(split, key, Matched([], [], _once(units, pairing)), pairing)
    else:
        pairing.error(
            "SC063",
            f"holds {listed(units)}, and nothing tells whether that is images or labels",
            file=folder or ".",
            hint="rename the folder, move it out of the source, or say --images GLOB --masks GLOB",
        )


def _once(units: Iterable[Unit], pairing: Pairing) -> list[Unit]:
    """Return the files of a folder, of which no two may be called alike but for their ending."""
    found: dict[str, Unit] = {}
    for unit in units:
        twin = found.setdefault(unit.stem, unit)
        if twin is not unit:
            pairing.error(
                "SC085",
                f"{twin.stem}{twin.ending} and {unit.stem}{unit.ending} are two files of one case",
                file=unit.path,
                hint="remove one of them: some readers open the other",
            )
    return list(found.values())


def _add(split: str | None, key: tuple[str, ...], found: Matched, pairing: Pairing) -> None:
    def pair(stem: str, images: Mapping[str, Unit], labels: tuple[Unit, ...] = ()) -> Pair:
        where = place_of(next(iter(images.values())).folder).where
        return Pair(key, stem, split or TRAIN, images, labels, where=where)

    further = further_masks(found)
    made = [pair(stem, images, (mask, *further.get(_first(images), ()))) for stem, images, mask in found.cases]
    made += [pair(unit.stem, {"": unit}, tuple(further.get(unit, ()))) for unit in found.alone]
    pairing.pairs += made
    pairing.several += [one.labels for one in made if len(one.labels) > 1]
    taken = {unit for units in further.values() for unit in units}
    for unit in found.orphans:
        if unit in taken:
            continue
        if unit not in found.second:
            pairing.error("SC081", f"is a label without an image{unit.slices}", file=unit.path, hint=_LONELY)
    for _, images, mask in found.cases:
        others = [unit for unit, twin in found.second.items() if twin == mask and unit not in taken]
        if others:
            pairing.seconds.append(Strangers([mask, *others], [_first(images)]))
    longer = next(((name, images) for name, images, mask in found.cases if found.by_start), None)
    if longer is not None and not any(note.startswith(_LONGER) for note in pairing.notes):
        name, images = longer
        named = " and ".join(unit.stem + unit.ending for unit in images.values())
        pairing.note(f"{_LONGER}, as {named} for {name!r}")  # once, and not for each folder of a case


def _first(images: Mapping[str, Unit]) -> Unit:
    return next(iter(images.values()))


def _with_images(pairing: Pairing) -> list[Strangers]:
    """Return labels with the images without label whose path differs from theirs in one place, where there are any."""
    lonely: dict[str, list[Unit]] = {}
    for pair in pairing.pairs:
        for unit in pair.images.values() if not pair.labels else ():
            lonely.setdefault(unit.folder, []).append(unit)
    by_open_path = {path: units for folder, units in lonely.items() for path in with_one_open(folder)}
    found = []
    for one in pairing.strangers:
        near = (by_open_path[path] for path in with_one_open(one.masks[0].folder) if path in by_open_path)
        found.append(one if one.images else Strangers(one.masks, next(near, [])))
    return found
