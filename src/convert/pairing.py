"""Which label belongs to which image, told by the words in the names of folders and files.

Folders have roles (``images`` and ``masks``, ``input`` and ``output``, ``train`` and ``trainannot``
…), and so have files that lie side by side (``a_image.png`` and ``a_mask.png``, ``volume-0.nii``
and ``segmentation-0.nii``, ``a.jpg`` and ``a.png``, or ``image.png`` and ``mask.png`` in a folder a
case). What is left of a name once the words of its role are taken away is the case.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from ..dataset.lineage import TEST, TRAIN
from ..errors import Finding
from .source import count_of
from .tree import Unit

IMAGE = "image"
MASK = "mask"

# fmt: off
IMAGE_WORDS = frozenset({
    "image", "images", "img", "imgs", "im", "input", "inputs", "picture", "pictures", "photo", "photos", "raw", "scan",
    "scans", "volume", "volumes", "vol", "vols", "original", "originals",
})
MASK_WORDS = frozenset({
    "mask", "masks", "label", "labels", "labelmap", "labelmaps", "seg", "segs", "segmentation", "segmentations", "gt",
    "truth", "groundtruth", "annotation", "annotations", "annot", "anno", "output", "outputs", "target", "targets",
    "manual", "dseg", "msk", "roi", "rois",
})
TRAIN_WORDS = frozenset({"train", "training", "tr", "trn"})
TEST_WORDS = frozenset({"test", "testing", "ts", "tst"})
VALIDATION_WORDS = frozenset({"val", "valid", "validation"})
_FILLERS = frozenset({
    "ground", "set", "data", "dataset", "stage", "class", "object", "objects", "jpeg", "png", "tif",
})
_OBJECT_WORDS = frozenset({"object", "instance", "cell", "nucleus", "particle", "polygon", "roi"})
_COLLECTIONS = frozenset({"set", "data", "dataset"})
# fmt: on
_SPLIT_WORDS = TRAIN_WORDS | TEST_WORDS | VALIDATION_WORDS
SHOWN_FOLDERS = 3
MAX_NEAR = 20
"""Folders that are compared with one of labels whose place tells nothing: each costs a look at all its names."""
_NO_WORD = "derivatives"
"""BIDS keeps labels below this folder, in folders called as those of the images."""
_LONELY = "add it, or remove the label; --images GLOB --masks GLOB says which files belong together"
_LONGER = "images are those whose names go on where a label's ends"
_LOSSY = (".jpg", ".jpeg")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_GLUED = re.compile(r"([A-Za-z]+)(\d+)")
_SEPARATORS = re.compile(r"[_\-. ]+")


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
class Pairing:
    """What `pair_units` found.

    Parameters
    ----------
    pairs
        Cases; those without label among them.
    findings
        What fits nowhere.
    notes
        What was decided, in words.
    folders
        ``images + masks`` as they lie, for the evidence.
    strangers
        Folders of labels, none of which has an image.
    """

    pairs: list[Pair] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    strangers: list[_Strangers] = field(default_factory=list)

    @property
    def evidence(self) -> str:
        """The folders, if they are few; otherwise what they have in common, or the first of them."""
        more = len(self.folders) - SHOWN_FOLDERS
        if more <= 0:
            return "; ".join(self.folders)
        sides = [folder.split("/ and ") for folder in self.folders]
        if len({len(side) for side in sides}) == 1:
            common = "/ and ".join(_common(list(side)) for side in zip(*sides, strict=True))
            if set(common) - set("*/"):
                return f"{common}, {len(self.folders)} times"
        return "; ".join(self.folders[:SHOWN_FOLDERS]) + f"; and {more} more such"


@dataclass(frozen=True)
class _Strangers:
    """A folder of labels, and the folder in which their images should be, or none."""

    masks: list[Unit]
    images: list[Unit]


@dataclass(frozen=True)
class _Place:
    """What the path of a folder says: `key` is what is left of it, `where` the same with the word for the split."""

    role: str | None
    split: str | None
    validation: bool
    key: tuple[str, ...]
    where: tuple[str, ...]


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
    _bring_together(groups)
    pairing = Pairing()
    validation = 0
    # A mask for each object of one picture is believed only where all of a source is like that.
    one_each = all(
        len(units) == 1 and key
        for (_, _, key), group in groups.items()
        for units in ((group.images or group.plain).values() if group.masks else ())
    )
    if one_each and (named := _classes(groups.values())):
        pairing.findings.append(_may_be_classes(named))
        return pairing
    for (split, is_validation, key), group in groups.items():
        before = len(pairing.pairs)
        _pair_group(split, key, group, pairing, one_each=one_each)
        validation += (len(pairing.pairs) - before) * is_validation
    if validation:
        pairing.notes.append(
            f"{validation} cases of the validation folder join the training cases: nnU-Net makes its own folds"
        )
    if pairing.strangers:
        # Said once: images that have no label for the same reason are no news.
        pairing.findings.append(_of_strangers(_with_images(pairing)))
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
        f"holds {_listed(masks)}, which may be masks of one object each, or of one class each",
        file=masks[0].folder,
        hint="of classes: put each image beside its folder of masks, called image, and say --from masks;"
        " of objects: number them, as 1.png, 2.png",
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


def _bring_together(groups: Mapping[tuple[str | None, bool, tuple[str, ...]], _Group]) -> None:
    """Give masks that lie beside no images those of a folder whose path differs in one place, if their names match.

    So ``Data_Part1_GroundTruth`` finds ``Data_Images``, and both ``lung masks`` and ``infection
    masks``, or ``masks/lung`` and ``masks/infection``, find ``images``, for which two are one too many.
    """
    # Folders are found by their path with one place left open, so that thousands of them take no longer than a few.
    open_paths: dict[tuple[str | None, bool, str], list[tuple[str, list[Unit], _Group]]] = {}
    for (split, validation, _), group in groups.items():
        for folder, units in {**group.plain, **group.images}.items():
            for path in _with_one_open(folder):
                open_paths.setdefault((split, validation, path), []).append((folder, units, group))
    for (split, validation, _), group in groups.items():
        if group.images or group.plain:
            continue
        for folder, masks in list(group.masks.items()):
            near = [
                candidate
                for path in _with_one_open(folder)
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
        {t for part in folder.split("/") for t in _tokens(part)} - IMAGE_WORDS - MASK_WORDS - _FILLERS
        for folder in (one, other)
    )
    return words <= others or others <= words


def _with_one_open(folder: str) -> list[str]:
    parts = folder.split("/")
    found = ["/".join((*parts[:number], "*", *parts[number + 1 :])) for number in range(len(parts))]
    parent = "/".join(parts[:-1])
    # masks/liver stands for masks, if images is what lies beside it
    return found + _with_one_open(parent) if parent and place_of(parent).role is not None else found


@cache
def place_of(folder: str) -> _Place:
    """Return the role of a folder, and what is left of its path."""
    role: str | None = None
    split: str | None = None
    validation = False
    key: list[str] = []
    where: list[str] = []
    for component in folder.split("/") if folder else ():
        tokens = _tokens(component)
        own = _role(tokens)
        role = own or role
        words = [t for t in tokens if t not in IMAGE_WORDS | MASK_WORDS and t not in _FILLERS and not t.isdigit()]
        splits = [t for t in words if t in _SPLIT_WORDS]
        alone = len(splits) == len(words) and bool(splits or own)
        if alone or own or _COLLECTIONS & set(tokens):
            for word in splits:
                split = TEST if word in TEST_WORDS else TRAIN
                validation = word in VALIDATION_WORDS
        if own:
            rest = "_".join(t for t in tokens if t not in IMAGE_WORDS | MASK_WORDS | _FILLERS | _SPLIT_WORDS)
            where += splits[-1:]
        else:
            rest = "" if alone or component == _NO_WORD else component
            where += splits[-1:] if alone else []
        if rest:
            key.append(rest)
            where.append(rest)
    return _Place(role, split, validation, tuple(key), tuple(where))


def _tokens(component: str) -> list[str]:
    found: list[str] = []
    for word in (match.lower() for match in _WORD.findall(component)):
        if word.endswith("annot") and word != "annot":
            found += [word[: -len("annot")], "annot"]  # CamVid: train and trainannot
        else:
            found.append(word)
    return found


def _role(tokens: Iterable[str]) -> str | None:
    found = None
    for token in tokens:
        if token in MASK_WORDS:
            return MASK
        if token in IMAGE_WORDS:
            found = IMAGE
    return found


@cache
def role_of_stem(stem: str) -> tuple[str | None, str]:
    """Return the role that a file's name tells by its first or last word, and the rest of the name.

    The last word of a label may carry a number, as in ``21_manual1``, and a number may follow it, as
    in ``p_mask_1``, which is then part of the rest.
    """
    glued = _GLUED.fullmatch(stem)  # img0001 and label0001
    if glued and glued[1].lower() in IMAGE_WORDS | MASK_WORDS:
        return (MASK if glued[1].lower() in MASK_WORDS else IMAGE), glued[2]
    parts = _SEPARATORS.split(stem)
    last = parts[-1].lower()
    if last.isdigit() and len(parts) > 2:
        role, rest = role_of_stem(stem[: len(stem) - len(last)].rstrip("_-. "))
        if role is not None and rest and stem.startswith(rest):
            return role, f"{rest}_{parts[-1]}"
    for words, role in ((MASK_WORDS, MASK), (IMAGE_WORDS, IMAGE)):
        if last in words or (role == MASK and last.rstrip("0123456789") in words):
            return role, stem[: len(stem) - len(parts[-1])].rstrip("_-. ")
        if parts[0].lower() in words:
            return role, stem[len(parts[0]) :].lstrip("_-. ")
    return None, stem


def _rests(stem: str) -> list[str]:
    """Return what may be the case in a label's name: without one word of its role after another."""
    rests = []
    role, rest = role_of_stem(stem)
    while role == MASK and rest:
        rests.append(rest)
        role, rest = role_of_stem(rest)
    return rests


def _bare(stem: str) -> str:
    """Return an image's name without the word that says that it is one, or to which split it belongs."""
    rest = role_of_stem(stem)[1]
    if rest != stem:
        return rest
    last = _SEPARATORS.split(stem)[-1]
    return stem[: len(stem) - len(last)].rstrip("_-. ") if last.lower() in _SPLIT_WORDS else stem


def _pair_group(split: str | None, key: tuple[str, ...], group: _Group, pairing: Pairing, *, one_each: bool) -> None:
    masks = _one_mask_folder(group.masks, pairing)
    images, plain = group.images, group.plain
    if not images and masks:
        images, plain = plain, {}
    if len(images) > 1 and masks:
        named, mask_folder = " and ".join(folder or "." for folder in images), next(iter(masks))
        pairing.findings.append(
            Finding(
                "SC003",
                f"{named} may {'both' if len(images) == 2 else 'all'} hold the images of {mask_folder}",
                hint=f"--images '{_glob(next(iter(images)))}' --masks '{_glob(mask_folder)}' takes one;"
                f" {' '.join(f'--images {_glob(folder)!r}' for folder in images)} takes them as channels",
            )
        )
        return
    if masks and not images:
        pairing.strangers.append(_Strangers(next(iter(masks.values())), []))
    elif masks:
        (folder, units), (image_folder, image_units) = next(iter(masks.items())), next(iter(images.items()))
        pairing.folders.append(f"{image_folder or '.'}/ and {folder}/")
        _pair_folders(split, key, image_units, units, pairing, one_each=one_each)
    elif not group.masks:
        for folder, units in images.items():
            _side_by_side(split, key, folder, units, pairing, known=True)
    for folder, units in plain.items():
        _side_by_side(split, key, folder, units, pairing, known=split == TEST)


def _one_mask_folder(masks: dict[str, list[Unit]], pairing: Pairing) -> dict[str, list[Unit]]:
    if len(masks) > 1:
        objects = [folder for folder in masks if "object" in _tokens(folder.rsplit("/", 1)[-1])]
        for folder in objects:
            pairing.notes.append(f"{folder} left alone: it holds objects, not classes")
        masks = {folder: units for folder, units in masks.items() if folder not in objects}
    if len(masks) > 1:
        pairing.findings.append(
            Finding(
                "SC003",
                f"{' and '.join(masks)} may {'both' if len(masks) == 2 else 'all'} hold the masks",
                hint=" or ".join(f"--masks '{_glob(folder)}'" for folder in masks)
                + ", with --images; or move the others out of the source",
            )
        )
        return {}
    return masks


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
    if not found.cases:
        if one_each and not any(mask.stem.startswith(images[0].stem) for mask in masks):
            # One picture, and masks with other names: a mask for each object in it.
            where = place_of(images[0].folder).where
            pairing.pairs.append(Pair(key, "", split or TRAIN, {"": images[0]}, tuple(masks), where=where))
            return
        pairing.strangers.append(_Strangers(masks, images))
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
        twice = {u.stem for u in units if u.stem in twice and u.ending.lower() in _LOSSY}
        masks = [u for u in units if u.stem in twice and u.ending.lower() not in _LOSSY]
        images = [u for u in units if u.stem not in twice or u.ending.lower() in _LOSSY] if masks else units
    if masks:
        pairing.folders.append(f"{folder or '.'}/ with images and labels side by side")
        images, masks = _once(images, pairing), _once(masks, pairing)
        found = match(images, masks)
        if len(masks) == 1 and not found.cases and images:
            # A folder a case: whatever is not the label is a channel of the image.
            stem = (_rests(masks[0].stem) or [""])[-1] if not key else ""
            channels = {"": images[0]} if len(images) == 1 else {u.stem: u for u in images}
            found = Matched([(stem, channels, masks[0])], [], [])
        _add(split, key, found, pairing)
    elif known:
        _add(split, key, Matched([], [], _once(units, pairing)), pairing)
    else:
        pairing.findings.append(
            Finding(
                "SC063",
                f"holds {_listed(units)}, and nothing tells whether that is images or labels",
                file=folder or ".",
                hint="rename the folder, move it out of the source, or say --images GLOB --masks GLOB",
            )
        )


def _once(units: Iterable[Unit], pairing: Pairing) -> list[Unit]:
    """Return the files of a folder, of which no two may be called alike but for their ending."""
    found: dict[str, Unit] = {}
    for unit in units:
        twin = found.setdefault(unit.stem, unit)
        if twin is not unit:
            pairing.findings.append(
                Finding(
                    "SC085",
                    f"{twin.stem}{twin.ending} and {unit.stem}{unit.ending} are two files of one case",
                    file=unit.path,
                    hint="remove one of them: some readers open the other",
                )
            )
    return list(found.values())


def _add(split: str | None, key: tuple[str, ...], found: Matched, pairing: Pairing) -> None:
    def pair(stem: str, images: Mapping[str, Unit], labels: tuple[Unit, ...] = ()) -> Pair:
        where = place_of(next(iter(images.values())).folder).where
        return Pair(key, stem, split or TRAIN, images, labels, where=where)

    pairing.pairs += [pair(stem, channels, (mask,)) for stem, channels, mask in found.cases]
    pairing.pairs += [pair(unit.stem, {"": unit}) for unit in found.alone]
    for unit in found.orphans:
        twin = found.second.get(unit)
        if twin is None:
            finding = Finding("SC081", "is a label without an image", file=unit.path, hint=_LONELY)
        else:
            hint = "keep one label an image; --images GLOB --masks GLOB says which"
            finding = Finding("SC085", f"is a second label of one image, beside {twin.path}", file=unit.path, hint=hint)
        pairing.findings.append(finding)
    longer = next(((name, images) for name, images, mask in found.cases if found.by_start), None)
    if longer is not None and not any(note.startswith(_LONGER) for note in pairing.notes):
        name, images = longer
        named = " and ".join(unit.stem + unit.ending for unit in images.values())
        pairing.notes.append(f"{_LONGER}, as {named} for {name!r}")  # once, and not for each folder of a case


@dataclass(frozen=True)
class Matched:
    """Images and labels of two folders, or of one, brought together.

    Parameters
    ----------
    cases
        Name, channels and label.
    orphans
        Labels without image.
    alone
        Images without label.
    second
        Label without image → the label that has the image whose name it bears.
    by_start
        Whether images were found by the start of their names.
    """

    cases: list[tuple[str, dict[str, Unit], Unit]]
    orphans: list[Unit]
    alone: list[Unit]
    second: Mapping[Unit, Unit] = field(default_factory=dict)
    by_start: bool = False


def match(images: Iterable[Unit], masks: Iterable[Unit]) -> Matched:
    """Match images and labels by name.

    A label's name is that of its image; or it is once the words of roles are taken away from one or
    both; or, if that holds for no label at all, the image's name goes on where the label's ends, and
    what follows is the name of a channel. Names that fit several files fit none.
    """
    images, masks = list(images), list(masks)
    by_stem = {unit.stem: unit for unit in images}
    bare = _unique((_bare(unit.stem), unit) for unit in images)
    found: dict[Unit, tuple[str, Unit]] = {}
    second: dict[Unit, Unit] = {}
    waiting = masks
    # Whole names first, so that no label takes by a part of its name what another bears in full.
    for names, owners in (
        (lambda stem: [stem], by_stem),
        (_rests, by_stem),
        (lambda stem: [*_rests(stem), stem], bare),
    ):
        left: list[Unit] = []
        for mask in waiting:
            name = next((name for name in names(mask.stem) if name in owners), None)
            if name is None:
                left.append(mask)
            elif owners[name] in found:
                second[mask] = found[owners[name]][1]
            else:
                found[owners[name]] = (name, mask)
        waiting = left
    orphans = [*second, *waiting]
    if not found and orphans:
        return _match_by_start(images, orphans)
    alone = [unit for unit in images if unit not in found]
    return Matched([(name, {"": image}, mask) for image, (name, mask) in found.items()], orphans, alone, second)


def _match_by_start(images: list[Unit], masks: list[Unit]) -> Matched:
    """Match images to the longest name of a label that theirs begin with."""
    labels = _unique((rest, mask) for mask in masks for rest in {mask.stem, *_rests(mask.stem)[-1:]})
    channels: dict[Unit, tuple[str, dict[str, Unit]]] = {}
    alone: list[Unit] = []
    for unit in images:
        start = next((start for start in _starts(unit.stem) if start in labels), None)
        if start is None:
            alone.append(unit)
            continue
        _, of_case = channels.setdefault(labels[start], (start, {}))
        of_case[unit.stem[len(start) :].lstrip("_-. ")] = unit
    orphans = [mask for mask in masks if mask not in channels]
    cases = [(name, of_case, mask) for mask, (name, of_case) in channels.items()]
    return Matched(cases, orphans, alone, by_start=bool(cases))


def _unique(named: Iterable[tuple[str, Unit]]) -> dict[str, Unit]:
    """Return name → file, without the names that several files have."""
    found: dict[str, Unit] = {}
    twice: set[str] = set()
    for name, unit in named:
        if found.setdefault(name, unit) != unit:
            twice.add(name)
    return {name: unit for name, unit in found.items() if name not in twice}


def _starts(stem: str) -> list[str]:
    """Return what of a name stands before each of its separators, longest first."""
    return [stem[: m.start()] for m in _SEPARATORS.finditer(stem) if m.start()][::-1]


def _with_images(pairing: Pairing) -> list[_Strangers]:
    """Return labels with the images without label whose path differs from theirs in one place, where there are any."""
    lonely: dict[str, list[Unit]] = {}
    for pair in pairing.pairs:
        for unit in pair.images.values() if not pair.labels else ():
            lonely.setdefault(unit.folder, []).append(unit)
    by_open_path = {path: units for folder, units in lonely.items() for path in _with_one_open(folder)}
    found = []
    for one in pairing.strangers:
        near = (by_open_path[path] for path in _with_one_open(one.masks[0].folder) if path in by_open_path)
        found.append(one if one.images else _Strangers(one.masks, next(near, [])))
    return found


def _of_strangers(found: list[_Strangers]) -> Finding:
    """Return one finding on folders of labels without images, with patterns that may settle it."""
    masks, images = found[0].masks, next((one.images for one in found if one.images), [])
    folder = masks[0].folder
    more = f"; and so on in {count_of(len(found) - 1, 'folder')} more" if found[1:] else ""
    if not images:
        return Finding(
            "SC081",
            f"holds {_listed(masks)}, which are labels by their place, and no folder holds their images{more}",
            file=folder or ".",
            hint=f"add the images; or --images GLOB --masks '{_glob(folder)}' says where they are",
        )
    first = images[0].stem
    longer = next((unit for unit in masks if unit.stem.startswith(first)), None)
    if longer is not None:
        names = ("{case}" + images[0].ending, "{case}" + longer.stem[len(first) :] + longer.ending)
    else:
        all_images, all_masks = (
            tuple(unit for units in side for unit in units) for side in zip(*_sides(found), strict=True)
        )
        names = (_pattern_of(all_images), _pattern_of(all_masks))
    folders = [_common([units[0].folder for units in sides if units]) for sides in zip(*_sides(found), strict=True)]
    patterns = [_glob(where, name) for where, name in zip(folders, names, strict=True)]
    return Finding(
        "SC081",
        f"holds {_listed(masks)}, and not one is called as an image of {images[0].folder or '.'},"
        f" which holds {_listed(images)}{more}",
        file=folder or ".",
        hint=f"rename them; or say how they are called, as in --images '{patterns[0]}' --masks '{patterns[1]}'",
    )


def _sides(found: list[_Strangers]) -> list[tuple[list[Unit], list[Unit]]]:
    return [(one.images, one.masks) for one in found if one.images]


def _pattern_of(units: Sequence[Unit]) -> str:
    """Return what the names of files have in common, but for whole numbers, around ``{case}``."""
    stems = [unit.stem for unit in units]
    if len(stems) == 1:
        return "{case}" + units[0].ending
    start = _shared_start(stems).rstrip("0123456789")
    end = _shared_start([stem[len(start) :][::-1] for stem in stems])[::-1].lstrip("0123456789")
    return f"{start}{{case}}{end}{units[0].ending}"


def _shared_start(texts: list[str]) -> str:
    first, last = min(texts), max(texts)
    return first[
        : next((n for n, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    ]


def _common(paths: list[str]) -> str:
    """Return paths with ``*`` for each component in which they differ."""
    parts = [path.split("/") for path in paths]
    if any(len(one) != len(parts[0]) for one in parts):
        return "**"
    return "/".join(same[0] if len(set(same)) == 1 else "*" for same in zip(*parts, strict=True))


def _listed(units: list[Unit]) -> str:
    """Return ``3 files (a.png, b.png …)``."""
    names = ", ".join(unit.stem + unit.ending for unit in units[:2]) + (" …" if len(units) > 2 else "")
    return f"{len(units)} file{'' if len(units) == 1 else 's'} ({names})"


def _glob(folder: str, name: str = "*") -> str:
    return f"{folder}/{name}" if folder else name
