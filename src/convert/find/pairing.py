"""Which label belongs to which image, by folder and name.

Images and labels are in folders whose paths differ only in their `roles`, or side by side:
``a_image.png`` and ``a_mask.png``, ``a.jpg`` and ``a.png``, or ``image.png`` and ``mask.png`` in one
folder per case. `matching` matches their names; `strangers` reports what has no counterpart.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from ...dataset.lineage import TEST, TRAIN
from ...errors import Cure, Finding
from ..listing import FolderUnits
from ..tree import Unit
from .globs import glob_of, globs_of, listed
from .groups import Files, Group, all_in, groups_of
from .matching import Matched, MatchedCase, OneFile, SameNames, match
from .named_labels import LOSSY
from .pairs import FolderPairs, Pair, Pairing
from .raters import raters_in
from .rivals import Rivals, of_rivals, of_subjects, own_part
from .roles import MASK, MASK_WORDS, place_of, rests_of, role_of_stem, tokens_of, with_one_open
from .several_masks import further_masks
from .strangers import Strangers, of_seconds, of_strangers

_OBJECT_WORDS = frozenset({"object", "instance", "cell", "nucleus", "particle", "polygon", "roi"})
_LONGER = "images are those whose names go on where a label's ends"


def pair_units(units: Iterable[Unit]) -> Pairing:
    """Find the cases among the files of a source."""
    pairing = Pairing()
    groups = groups_of(units, pairing)
    # Accept one mask per object of a picture only if all of the source has that layout.
    one_each = all(
        len(units) == 1 and group.key for group in groups if group.masks for units in group.pictures.values()
    )
    if one_each and (named := _classes(groups)):
        pairing.findings.append(_of_classes(groups, named))
        return pairing
    pairs = _Pairs(pairing, one_each=one_each)
    validation = 0
    for group in groups:
        before = len(pairing.pairs)
        pairs.add_group(group)
        validation += (len(pairing.pairs) - before) * group.validation
    if validation:
        pairing.note(
            f"{validation} cases of the validation folder join the training cases: nnU-Net makes its own folds"
        )
    pairs.report()
    return pairing


def _classes(groups: Iterable[Group]) -> Sequence[Unit]:
    """Return masks next to one picture that are named by words, bare or recurring in other folders; objects are not."""
    seen: set[str] = set()
    for group in groups:
        masks = all_in(group.masks)
        words = {re.sub(r"[\W\d_]+", "", unit.stem).lower() for unit in masks} - MASK_WORDS - _OBJECT_WORDS - {""}
        plain = words & {unit.stem.lower() for unit in masks}
        if masks[1:] and (plain or (len(words) > 1 and words & seen)):
            return masks
        seen |= words
    return []


def _of_classes(groups: Iterable[Group], masks: Sequence[Unit]) -> Finding:
    """Return the finding on masks that may be of one class each, although nothing says so."""
    subjects = [Rivals(all_in(group.pictures), all_in(group.masks)) for group in groups if group.masks]
    if (finding := of_subjects(subjects)) is not None:
        return finding
    if raters_in(unit.stem for unit in masks):
        return of_rivals(subjects)
    return Finding(
        "SC003",
        f"holds {listed(masks)}, which may be masks of one object each, or of one class each",
        file=masks[0].folder,
        hint="number masks of objects, as 1.png, 2.png",
        cures=(Cure("take_masks_as_classes"),),
    )


def images_alone(units: Iterable[Unit]) -> Pairing | None:
    """Return a case for each file of a source in which no name or place means label; otherwise None."""
    folders: dict[str, list[Unit]] = {}
    for unit in units:
        if MASK in (place_of(unit.folder).role, role_of_stem(unit.stem)[0]):
            return None
        folders.setdefault(unit.folder, []).append(unit)
    pairs = _Pairs(Pairing(), one_each=False)
    for folder, own in folders.items():
        place = place_of(folder)
        pairs.add(Group(place.split, place.validation, place.key), Matched([], [], pairs.once(own)))
    return pairs.pairing


class _Pairs:
    """Pairs of a source as they are found, and what can only be judged once all are known.

    Parameters
    ----------
    one_each
        Whether every folder of pictures that has masks holds one picture.
    """

    def __init__(self, pairing: Pairing, *, one_each: bool) -> None:
        self.pairing = pairing
        self._one_each = one_each
        self._strangers: list[Strangers] = []  # folders of labels without any image
        self._rivals: list[Rivals] = []  # case folders with several files that may be the label
        self._seconds: list[Strangers] = []  # images with further labels, each with all of its labels

    def add_group(self, group: Group) -> None:
        """Pair the files of a group of folders."""
        masks = self._one_mask_folder(group)
        if masks and len(group.pictures) > 1:
            self.pairing.findings.append(_of_several_images(group.pictures, masks))
            return
        if masks:
            self._pair_folders(group, masks)
        elif not group.masks:
            for folder, units in group.images.items():
                self._side_by_side(group, folder, units, known=True)
        if group.images or not masks:
            for folder, units in group.plain.items():
                self._side_by_side(group, folder, units, known=group.split == TEST)

    def _one_mask_folder(self, group: Group) -> Files:
        """Return the only label folder of a group, or none; several are refused."""
        masks = group.masks
        if len(masks) > 1:
            objects = [folder for folder in masks if "object" in tokens_of(folder.rsplit("/", 1)[-1])]
            for folder in objects:
                self.pairing.note(f"{folder} is not converted: it holds objects, not classes")
            masks = {folder: units for folder, units in masks.items() if folder not in objects}
        if len(masks) > 1:
            self.pairing.error(
                "SC003",
                f"{' and '.join(masks)} may {'both' if len(masks) == 2 else 'all'} hold the masks",
                hint="move all but one of them out of the source",
                cures=[_choice(own, group.pictures) for own in masks.values()],
            )
            return {}
        return masks

    def _pair_folders(self, group: Group, masks: Files) -> None:
        """Pair a folder of labels with the images of its group: one folder, or none."""
        if not group.pictures:
            self._strangers.append(Strangers(all_in(masks), []))
            return
        (image_folder, pictures), (folder, labels) = next(iter(group.pictures.items())), next(iter(masks.items()))
        self.pairing.folders.append(f"{image_folder or '.'}/ and {folder}/")
        pictures, labels = self.once(pictures), self.once(labels)
        found = match(pictures, labels)
        if found.cases or further_masks(found):
            self.add(group, found)
        elif self._one_each and not any(label.stem.startswith(pictures[0].stem) for label in labels):
            # One picture, and masks with other names: one mask per object in it.
            self.pairing.pairs.append(_pair(group, "", {"": pictures[0]}, labels))
        else:
            self._strangers.append(Strangers(labels, pictures))

    def _side_by_side(self, group: Group, folder: str, units: Sequence[Unit], *, known: bool) -> None:
        """Pair the files of one folder, which holds images and labels, or only images.

        Parameters
        ----------
        known
            Whether files are images if none is a label.
        """
        images, masks = _by_names(units)
        if masks:
            self.pairing.folders.append(f"{folder or '.'}/ with images and labels side by side")
            self._pair_names(group, self.once(images), self.once(masks))
        elif known:
            self.add(group, Matched([], [], self.once(units)))
        else:
            self.pairing.error(
                "SC063",
                f"holds {listed(units)}, and nothing says whether these are images or labels",
                file=folder or ".",
                hint="rename the folder, or move it out of the source",
                cures=(Cure("name_images_and_masks"),),
            )

    def _pair_names(self, group: Group, images: Sequence[Unit], masks: Sequence[Unit]) -> None:
        found = match(images, masks)
        if images and not found.cases:
            if len(masks) == 1:
                # A folder per case: whatever is not the label is a channel of the image.
                stem = (rests_of(masks[0].stem) or [""])[-1] if not group.key else ""
                channels = {own_part(unit) if group.key else unit.stem: unit for unit in images}
                case = MatchedCase(stem, channels if len(images) > 1 else {"": images[0]}, masks[0])
                found = Matched([case], [], [])
            elif group.key:
                self._rivals.append(Rivals(images, masks))
                return
        self.add(group, found)

    def once(self, units: Sequence[Unit]) -> Sequence[Unit]:
        """Return the files of a folder; two whose names differ only in their ending are refused."""
        of_one_ending = isinstance(units, FolderUnits) and units.ending is not None
        if of_one_ending or len({unit.stem for unit in units}) == len(units):
            return units
        found: dict[str, Unit] = {}
        for unit in units:
            twin = found.setdefault(unit.stem, unit)
            if twin is not unit:
                self.pairing.error(
                    "SC085",
                    f"{twin.name} and {unit.name} are two files of one case",
                    file=unit.path,
                    hint="remove one of them: some readers open the other",
                )
        return list(found.values())

    def add(self, group: Group, found: Matched) -> None:
        """Add what was matched in the folders of a group."""
        further = further_masks(found)
        if isinstance(found.cases, SameNames):
            first = found.cases[0]
            self.pairing.pairs.extend(FolderPairs(_pair(group, first.name, first.images, (first.label,)), found.cases))
            return
        made = [
            _pair(group, name, images, (label, *further.get(_first(images), ())) if further else (label,))
            for name, images, label in found.cases
        ]
        made += [_pair(group, unit.stem, OneFile(unit), further.get(unit, ())) for unit in found.alone]
        self.pairing.pairs.extend(made)
        self.pairing.several += [one.labels for one in made if len(one.labels) > 1]
        self._judge_orphans(found, {unit for units in further.values() for unit in units})
        if found.by_start:
            self._note_longer(found)

    def _judge_orphans(self, found: Matched, taken: Collection[Unit]) -> None:
        """Judge the labels without an image, except those that an image takes as further ones."""
        for unit in found.orphans:
            if unit not in taken and unit not in found.second:
                hint, cures = "add it, or remove the label", (Cure("name_images_and_masks"),)
                what = f"is a label without an image{unit.slices}"
                self.pairing.error("SC081", what, file=unit.path, hint=hint, cures=cures)
        others: dict[Unit, list[Unit]] = {}
        for unit, twin in found.second.items():
            if unit not in taken:
                others.setdefault(twin, []).append(unit)
        for case in found.cases if others else ():
            if case.label in others:
                self._seconds.append(Strangers([case.label, *others[case.label]], [case.first]))

    def _note_longer(self, found: Matched) -> None:
        """Note once, not for each case folder, that images have longer names than their labels."""
        if not any(note.startswith(_LONGER) for note in self.pairing.notes):
            case = found.cases[0]
            named = " and ".join(unit.name for unit in case.images.values())
            self.pairing.note(f"{_LONGER}, as {named} for {case.name!r}")

    def report(self) -> None:
        """Add the findings on the complete source."""
        if self._rivals:
            self.pairing.findings.append(of_rivals(self._rivals))
        if self._seconds:
            self.pairing.findings.append(of_seconds(self._seconds))
        if self._strangers:
            # Reported once: images that lack a label for the same reason need no further report.
            self.pairing.findings.append(of_strangers(self._with_images()))
            if not self.pairing.paired:
                self.pairing.pairs.clear()

    def _with_images(self) -> list[Strangers]:
        """Return the strangers; those without images get unlabelled ones whose path differs in one place, if any."""
        lonely: dict[str, list[Unit]] = {}
        for pair in self.pairing.pairs:
            for unit in pair.images.values() if not pair.labels else ():
                lonely.setdefault(unit.folder, []).append(unit)
        by_open_path = {path: units for folder, units in lonely.items() for path in with_one_open(folder)}
        found = []
        for one in self._strangers:
            near = (by_open_path[path] for path in with_one_open(one.masks[0].folder) if path in by_open_path)
            found.append(one if one.images else Strangers(one.masks, next(near, [])))
        return found


def _pair(group: Group, stem: str, images: Mapping[str, Unit], labels: Iterable[Unit]) -> Pair:
    where = place_of(_first(images).folder).where
    return Pair(group.key, stem, group.split or TRAIN, images, tuple(labels), None, where)


def _first(images: Mapping[str, Unit]) -> Unit:
    return images[next(iter(images))]


def _by_names(units: Sequence[Unit]) -> tuple[Sequence[Unit], Sequence[Unit]]:
    """Return the images and labels of a folder by name; or else JPEG pictures, and other files with the same names."""
    masks = [unit for unit in units if role_of_stem(unit.stem)[0] == MASK] or _beside_photos(units)
    apart = set(masks)
    return [unit for unit in units if unit not in apart], masks


def _beside_photos(units: Iterable[Unit]) -> Sequence[Unit]:
    photos = {unit.stem for unit in units if _is_photo(unit)}
    return [unit for unit in units if unit.stem in photos and not _is_photo(unit)]


def _is_photo(unit: Unit) -> bool:
    return unit.ending.lower() in LOSSY


def _of_several_images(images: Files, masks: Files) -> Finding:
    folder, units = next(iter(masks.items()))
    patterns = [globs_of(own, units) for own in images.values()]
    mask = patterns[0][1]
    return Finding(
        "SC003",
        f"{' and '.join(name or '.' for name in images)} may {'both' if len(images) == 2 else 'all'} hold the images"
        f" of {folder}",
        cures=(
            Cure.of("name_images_and_masks", images=patterns[0][0], masks=mask),
            Cure.of("take_images_as_channels", images=[image for image, _ in patterns], masks=mask),
        ),
    )


def _choice(masks: Sequence[Unit], images: Files) -> Cure:
    """Return the cure that takes one folder of labels, with its images if they are known."""
    if len(images) != 1:
        return Cure.of("name_images_and_masks", masks=glob_of(masks[0].folder))
    image, mask = globs_of(next(iter(images.values())), masks)
    return Cure.of("name_images_and_masks", images=image, masks=mask)
