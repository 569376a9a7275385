"""What words in folder and file names mean: image or label, training or test, and which case.

Folders have roles (``images`` and ``masks``, ``input`` and ``output``, ``train`` and ``trainannot``
…), and so have files (``a_image.png`` and ``a_mask.png``, ``volume-0.nii`` and ``segmentation-0.nii``).
What is left of a name without the words for its role is the case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from ...dataset.lineage import TEST, TRAIN

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
    "manual", "dseg", "msk", "lbl", "lbls", "roi", "rois",
})
DRAWN_WORDS = frozenset({"labelled", "labeled"})
TRAIN_WORDS = frozenset({"train", "training", "tr", "trn"})
TEST_WORDS = frozenset({"test", "testing", "ts", "tst"})
VALIDATION_WORDS = frozenset({"val", "valid", "validation"})
FILLERS = frozenset({
    "ground", "set", "data", "dataset", "stage", "class", "object", "objects", "jpeg", "png", "tif",
})
_COLLECTIONS = frozenset({"set", "data", "dataset"})
# fmt: on
SPLIT_WORDS = TRAIN_WORDS | TEST_WORDS | VALIDATION_WORDS
_NO_NAMES = IMAGE_WORDS | MASK_WORDS | FILLERS | SPLIT_WORDS
DERIVATIVES, RAW = "derivatives", "rawdata"
"""BIDS keeps labels below the first of these, in folders named like those of the images; VerSe has both folders."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_GLUED = re.compile(r"([A-Za-z]+)(\d+)")
_ENTITY = re.compile(r"_(?:seg|label)-[A-Za-z0-9]+$")
"""The BIDS entity that the name of a label has and that of its image does not."""
SEPARATORS = re.compile(r"[_\-. ]+")


@dataclass(frozen=True)
class Place:
    """What the path of a folder says: `key` is what is left of it, `where` the same with the word for the split."""

    role: str | None
    split: str | None
    validation: bool
    key: tuple[str, ...]
    where: tuple[str, ...]


@cache
def place_of(folder: str) -> Place:
    """Return the role of a folder, and what is left of its path."""
    role: str | None = None
    split: str | None = None
    key: list[str] = []
    where: list[str] = []
    parts = [part for part in folder.split("/") if part not in (DERIVATIVES, RAW)] if folder else []
    for part in map(_part_of, parts):
        role = part.role or role
        split = next(iter(part.split), split)
        key += part.key
        where += part.where
    kind = None if split is None else TEST if split in TEST_WORDS else TRAIN
    return Place(role, kind, split in VALIDATION_WORDS, tuple(key), tuple(where))


@dataclass(frozen=True)
class _Part:
    """What one component of a path says: its role, its last word for a split, and what is left without and with it."""

    role: str | None
    split: list[str]
    key: list[str]
    where: list[str]


def _part_of(component: str) -> _Part:
    tokens = tokens_of(component)
    role = _role(tokens)
    names = [token for token in tokens if token not in _NO_NAMES]
    split = [token for token in tokens if token in SPLIT_WORDS][-1:]
    if role is not None:
        key = ["_".join(names)] if names else []
        return _Part(role, split, key, split + key)
    if split and all(map(str.isdecimal, names)):
        return _Part(None, split, [], split)
    return _Part(None, split if _COLLECTIONS & set(tokens) else [], [component], [component])


def with_one_open(folder: str) -> list[str]:
    """Return the path of a folder with ``*`` in each place in turn."""
    parts = folder.split("/")
    found = ["/".join((*parts[:number], "*", *parts[number + 1 :])) for number in range(len(parts))]
    parent = "/".join(parts[:-1])
    # masks/liver counts as masks if images is next to it
    return found + with_one_open(parent) if parent and place_of(parent).role is not None else found


def tokens_of(component: str) -> list[str]:
    """Return the words and numbers in a folder's name, in lower case."""
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


@lru_cache(maxsize=1 << 14)
def role_of_stem(stem: str) -> tuple[str | None, str]:
    """Return the role that the first or last word of a file's name gives, and the rest of the name.

    The last word of a label may end in a number, as in ``21_manual1``. A number may also follow the word, as
    in ``p_mask_1``; it is then part of the rest.
    """
    glued = _GLUED.fullmatch(stem)  # img0001 and label0001
    if glued and (role := _role([glued[1].lower()])) is not None:
        return role, glued[2]
    parts = SEPARATORS.split(stem)
    if parts[-1].isdecimal() and len(parts) > 2:
        role, rest = role_of_stem(_without_last(stem, parts))
        if role is not None and rest and stem.startswith(rest):
            return role, f"{rest}_{parts[-1]}"
    return _role_of_ends(stem, parts)


def _role_of_ends(stem: str, parts: Sequence[str]) -> tuple[str | None, str]:
    first, last = parts[0].lower(), parts[-1].lower()
    # In the name of a folder, DRAWN_WORDS may mean that its images have labels.
    if last.rstrip("0123456789") in MASK_WORDS or last in DRAWN_WORDS:
        return MASK, _without_last(stem, parts)
    role = _role([first, last])
    if role is None:
        return None, stem
    return role, _without_last(stem, parts) if _role([last]) == role else _without_first(stem, parts)


def _without_last(stem: str, parts: Sequence[str]) -> str:
    return stem[: len(stem) - len(parts[-1])].rstrip("_-. ")


def _without_first(stem: str, parts: Sequence[str]) -> str:
    return stem[len(parts[0]) :].lstrip("_-. ")


def rests_of(stem: str) -> list[str]:
    """Return possible case names in a label's name, dropping one word of its role after another."""
    rests = []
    role, rest = role_of_stem(stem)
    while role == MASK and rest:
        rests.append(rest)
        if shorter := _ENTITY.sub("", rest):  # sub-verse004_seg-vert_msk of VerSe
            rest = shorter
            rests += [rest] if rest != rests[-1] else []
        role, rest = role_of_stem(rest)
    return rests


def bare_stem(stem: str) -> str:
    """Return an image's name without the word that means image or names its split."""
    rest = role_of_stem(stem)[1]
    if rest != stem:
        return rest
    last = SEPARATORS.split(stem)[-1]
    return stem[: len(stem) - len(last)].rstrip("_-. ") if last.lower() in SPLIT_WORDS else stem
