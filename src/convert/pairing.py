"""Which label belongs to which image, told by the words in the names of folders and files.

Folders have roles (``images`` and ``masks``, ``input`` and ``output``, ``train`` and ``trainannot``
…), and so have files that lie side by side (``a_image.png`` and ``a_mask.png``, ``volume-0.nii``
and ``segmentation-0.nii``, ``a.jpg`` and ``a.png``, or ``image.png`` and ``mask.png`` in a folder a
case). What is left of a name once the words of its role are taken away is the case.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from ..dataset.lineage import TEST, TRAIN
from ..errors import Finding
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
})
TRAIN_WORDS = frozenset({"train", "training", "tr", "trn"})
TEST_WORDS = frozenset({"test", "testing", "ts", "tst"})
VALIDATION_WORDS = frozenset({"val", "valid", "validation"})
_FILLERS = frozenset({
    "ground", "set", "data", "dataset", "stage", "class", "jpeg", "png", "tif", "manual", "derivatives",
})
# fmt: on
_LONELY = "add it, or remove the label; --images GLOB --masks GLOB says which files belong together"
_LOSSY = (".jpg", ".jpeg")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
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
    """

    folder: tuple[str, ...]
    stem: str
    split: str
    images: Mapping[str, Unit]
    labels: tuple[Unit, ...] = ()
    patient: str | None = None

    @property
    def path_name(self) -> str:
        """Name by path."""
        return "/".join((*self.folder, self.stem) if self.stem else self.folder)

    @property
    def name(self) -> str:
        """Name by file, or by folder where files are called alike in each."""
        return self.stem or self.path_name


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
    """

    pairs: list[Pair] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Place:
    """What the path of a folder says."""

    role: str | None
    split: str | None
    validation: bool
    key: tuple[str, ...]


@dataclass
class _Group:
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
    validation = 0
    for (split, is_validation, key), group in groups.items():
        before = len(pairing.pairs)
        _pair_group(split, key, group, pairing)
        validation += (len(pairing.pairs) - before) * is_validation
    if validation:
        pairing.notes.append(
            f"{validation} cases of the validation folder join the training cases: nnU-Net makes its own folds"
        )
    return pairing


@cache
def place_of(folder: str) -> _Place:
    """Return the role of a folder, and what is left of its path."""
    role: str | None = None
    split: str | None = None
    validation = False
    key: list[str] = []
    for component in folder.split("/") if folder else ():
        tokens = _tokens(component)
        own = _role(tokens)
        role = own or role
        words = [t for t in tokens if t not in IMAGE_WORDS | MASK_WORDS and t not in _FILLERS and not t.isdigit()]
        splits = [t for t in words if t in TRAIN_WORDS | TEST_WORDS | VALIDATION_WORDS]
        if len(splits) == len(words) and (splits or own):
            for word in splits:
                split = TEST if word in TEST_WORDS else TRAIN
                validation = word in VALIDATION_WORDS
        elif own:
            key.append("_".join(t for t in tokens if t not in IMAGE_WORDS | MASK_WORDS))
        else:
            key.append(component)
    return _Place(role, split, validation, tuple(key))


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
    """Return the role that a file's name tells by its first or last word, and the rest of the name."""
    parts = _SEPARATORS.split(stem)
    for words, role in ((MASK_WORDS, MASK), (IMAGE_WORDS, IMAGE)):
        if parts[-1].lower() in words:
            return role, stem[: len(stem) - len(parts[-1])].rstrip("_-. ")
        if parts[0].lower() in words:
            return role, stem[len(parts[0]) :].lstrip("_-. ")
    return None, stem


def _pair_group(split: str | None, key: tuple[str, ...], group: _Group, pairing: Pairing) -> None:
    masks = _one_mask_folder(group.masks, pairing)
    images = group.images
    if not images and masks:
        images, group.plain = group.plain, {}
    if len(images) > 1 and masks:
        named = ", ".join(folder or "." for folder in images)
        pairing.findings.append(
            Finding(
                "SC003",
                f"{named} may all hold the images of {next(iter(masks))}",
                hint=" ".join(f"--images '{folder}/*'" for folder in images) + " takes them as channels, in that order",
            )
        )
        return
    if masks:
        (mask_folder, mask_units) = next(iter(masks.items()))
        image_folder, image_units = next(iter(images.items()), ("", []))
        pairing.folders.append(f"{image_folder or '.'}/ and {mask_folder}/")
        _pair_folders(split, key, image_units, mask_units, pairing)
    else:
        for folder, units in images.items():
            _side_by_side(split, key, folder, units, pairing, known=True)
    for folder, units in group.plain.items():
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
                f"{' and '.join(masks)} may both hold the masks",
                hint=" or ".join(f"--masks '{folder}/*'" for folder in masks),
            )
        )
        return {}
    return masks


def _pair_folders(
    split: str | None, key: tuple[str, ...], images: list[Unit], masks: list[Unit], pairing: Pairing
) -> None:
    images, masks = _once(images, pairing), _once(masks, pairing)
    cases, orphans, alone = match(images, masks)
    if len(images) == 1 and not cases and masks:
        # One picture, and masks with other names: a mask for each object in it.
        stem = "" if key else images[0].stem
        pairing.pairs.append(Pair(key, stem, split or TRAIN, {"": images[0]}, tuple(masks)))
        return
    _add(split, key, cases, alone, pairing)
    pairing.findings += [Finding("SC081", "is a label without an image", file=unit.path, hint=_LONELY) for unit in orphans]


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
        images = [u for u in units if u not in masks] if masks else units
    if masks:
        pairing.folders.append(f"{folder or '.'}/ with images and labels side by side")
        images, masks = _once(images, pairing), _once(masks, pairing)
        cases, orphans, alone = match(images, masks)
        if len(masks) == 1 and not cases and images:
            # A folder a case: whatever is not the label is a channel of the image.
            stem = role_of_stem(masks[0].stem)[1] if not key else ""
            channels = {"": images[0]} if len(images) == 1 else {u.stem: u for u in images}
            cases, orphans, alone = [(stem, channels, masks[0])], [], []
        _add(split, key, cases, alone, pairing)
        pairing.findings += [Finding("SC081", "is a label without an image", file=unit.path, hint=_LONELY) for unit in orphans]
    elif known:
        _add(split, key, [], _once(units, pairing), pairing)
    else:
        pairing.findings.append(
            Finding(
                "SC063",
                f"holds {len(units)} files that are neither told to be images nor labels",
                file=folder or ".",
                hint="rename it, move it out of the source, or say --images GLOB --masks GLOB",
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


def _add(
    split: str | None,
    key: tuple[str, ...],
    cases: Iterable[tuple[str, dict[str, Unit], Unit]],
    alone: Iterable[Unit],
    pairing: Pairing,
) -> None:
    for stem, channels, mask in cases:
        pairing.pairs.append(Pair(key, stem, split or TRAIN, channels, (mask,)))
    numbered: dict[str, dict[str, Unit]] = {}
    for unit in alone:
        numbered.setdefault(unit.stem, {})[""] = unit
    pairing.pairs += [Pair(key, stem, split or TRAIN, channels) for stem, channels in numbered.items()]


def match(
    images: Iterable[Unit], masks: Iterable[Unit]
) -> tuple[list[tuple[str, dict[str, Unit], Unit]], list[Unit], list[Unit]]:
    """Match images and labels by name.

    A label's name is that of its image; or it is once the words of roles are taken away; or the
    image's name goes on where the label's ends, which is then the name of a channel.

    Returns
    -------
    cases
        Name, channels and label.
    orphans
        Labels without image.
    alone
        Images without label.
    """
    by_stem: dict[str, Unit] = {}
    stripped: dict[str, Unit] = {}
    images = list(images)
    for unit in images:
        by_stem.setdefault(unit.stem, unit)
        stripped.setdefault(role_of_stem(unit.stem)[1], unit)
    labels: dict[str, Unit] = {}
    found: dict[str, tuple[dict[str, Unit], Unit]] = {}
    taken: set[Unit] = set()
    waiting: dict[Unit, None] = {}
    for mask in masks:
        rest = role_of_stem(mask.stem)[1]
        image = by_stem.get(mask.stem)
        name = mask.stem
        if image is None:
            image, name = (by_stem.get(rest) or stripped.get(rest)), rest
        if image is None or name in found:
            waiting[mask] = None
        else:
            found[name] = ({"": image}, mask)
            taken.add(image)
        labels.setdefault(rest, mask)
        labels.setdefault(mask.stem, mask)
    if waiting:
        for unit in images:
            for start in _starts(unit.stem) if unit not in taken else ():
                owner = labels.get(start)
                if owner is not None and owner in waiting:
                    channels, _ = found.setdefault(start, ({}, owner))
                    channels[unit.stem[len(start) :].lstrip("_-. ")] = unit
                    taken.add(unit)
                    break
    owned = {mask for _, mask in found.values()}
    orphans = [mask for mask in waiting if mask not in owned]
    alone = [unit for unit in images if unit not in taken]
    return [(name, channels, mask) for name, (channels, mask) in found.items()], orphans, alone


def _starts(stem: str) -> list[str]:
    """Return what of a name stands before each of its separators, longest first."""
    return [stem[: m.start()] for m in _SEPARATORS.finditer(stem) if m.start()][::-1]
