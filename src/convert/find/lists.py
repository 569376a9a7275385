"""A list of images and labels that the user names: CSV or JSON.

CSV with a header: ``image`` (or one column a channel: ``image_T1``, ``image_T2``), ``label``, and optionally
``case``, ``patient`` and ``split`` (``train``, ``val`` or ``test``); without a header the columns are image and
label. JSON: a list of objects with these keys, or an object of such lists called ``training``,
``validation`` and ``test``. Paths are relative to the list or to the source, or absolute. Where no split
is said, folders called train, test and the like tell it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ... import reading
from ...dataset.lineage import TEST, TRAIN
from ...dataset.strictjson import loads
from ...errors import Finding, SegconvError, naming, warning
from ...typed import can_be_a_path
from ..tree import Unit
from .csv_text import read_text, rows_of
from .pairs import Pair, Pairing
from .patterns import Key
from .split_folders import split_by_folders

_LABEL = ("label", "mask", "segmentation", "labels", "masks", "seg")
_OTHERS = ("case", "patient", "split")
_SPLITS = {
    **dict.fromkeys(("train", "training", "tr", "val", "valid", "validation"), TRAIN),
    **dict.fromkeys(("test", "testing", "ts"), TEST),
}
_LISTS = {
    **dict.fromkeys(("training", "train", "cases", "pairs"), ""),
    **dict.fromkeys(("validation", "val"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Key of a JSON list → split of its cases; where it is the only one, folders may still tell it."""


def pair_by_list(path: Path, root: Path, strip: Any) -> Pairing:
    """Read the cases of a list.

    Parameters
    ----------
    path
        The list.
    root
        The source.
    strip
        Returns a file's name without its ending.

    Raises
    ------
    SegconvError
        ``SC010`` if the list is not there, ``SC087`` if it cannot be understood.
    """
    with naming(str(path)):
        entries = _of_json(path) if path.suffix.lower() == ".json" else _of_csv(path, strip)
    pairing = Pairing(folders=[f"--pairs {path.name}"])
    pairing.findings += _judged_columns(entries, path.name)
    declared: set[str] = set()
    seen: dict[Key, int] = {}
    owners: dict[str, int] = {}
    for number, entry in enumerate(entries, 1):
        images = {key: value for key, value in entry.items() if key.startswith("image") and value}
        label = next((entry[key] for key in _LABEL if entry.get(key)), "")
        if not images:
            pairing.error("SC087", f"entry {number} names no image", file=path.name)
            continue
        said = entry.get("split") or ""
        split = _SPLITS.get(said.casefold(), TRAIN)
        if said and said.casefold() not in _SPLITS:
            what = f"entry {number}: split is {said!r}, expected train, val or test"
            pairing.error("SC087", what, file=path.name)
            continue
        units = {key: _unit(value, path, root, strip) for key, value in images.items()}
        if len(units) == 1:
            units = {"": next(iter(units.values()))}
        first = next(iter(units.values()))
        name = entry.get("case") or first.stem
        if (name,) in seen:
            pairing.error(
                    "SC087", f"entries {seen[(name,)]} and {number} are both the case {name!r}", file=path.name,
                    hint="give each a name of its own in a column 'case'",
                )  # fmt: skip
            continue
        seen[(name,)] = number
        labels = (_unit(label, path, root, strip),) if label else ()
        owner = owners.setdefault(labels[0].path, number) if labels else number
        if owner != number:
            pairing.error(
                    "SC087", f"entries {owner} and {number} have the same label, {label}", file=path.name,
                    hint="mend the list: a label belongs to one case",
                )  # fmt: skip
            continue
        if labels and labels[0].path in {unit.path for unit in units.values()}:
            what = f"entry {number} has {label} for an image and for its label"
            pairing.error("SC087", what, file=path.name)
            continue
        declared |= {name} if said else set()
        pairing.pairs.append(Pair((), name, split, units, labels, entry.get("patient") or None))
    pairing.pairs = split_by_folders(pairing.pairs, pairing, declared)
    return pairing


def _judged_columns(entries: Iterable[Mapping[str, str]], file: str) -> list[Finding]:
    """Return an error if two columns are labels, and a warning if some mean nothing."""
    columns = dict.fromkeys(key for entry in entries for key in entry)
    findings = []
    labels = [key for key in columns if key in _LABEL]
    if labels[1:]:
        what = f"has the columns {' and '.join(labels)}, which are labels, expected one"
        hint = "one label an image: rename the column that is meant to label, and the other to something else"
        findings.append(Finding("SC087", what, file=file, hint=hint))
    known = (*_LABEL, *_OTHERS)
    if odd := [key for key in columns if key and key not in known and not key.startswith("image")]:
        what = f"has the column{'s' * (len(odd) > 1)} {', '.join(map(repr, odd))}, which says nothing"
        hint = "known are image (image_1, image_2 for channels), label, case, patient and split"
        findings.append(warning("SC087", what, file=file, hint=hint))
    return findings


def _unit(text: str, path: Path, root: Path, strip: Any) -> Unit:
    """Return a listed file; where it lies elsewhere than in the source, by its absolute path."""
    if "\0" in text:
        raise SegconvError(f"lists {text!r}, expected a path", code="SC060", file=path.name)
    if not can_be_a_path(text):
        raise SegconvError(f"lists {text[:60]!r}…, which no file can be called", code="SC087", file=path.name)
    found = Path(text)
    if not found.is_absolute():
        beside = path.parent / found
        found = beside if reading.is_there(beside) or not reading.is_there(root / found) else root / found
    found = Path(os.path.abspath(found))
    if found == root:
        raise SegconvError(
            f"lists {text!r}, the source itself, expected a file in it", code="SC087", file=path.name, hint="list files"
        )
    stem = strip(found.name)
    ending = found.name[len(stem) :]
    if found.is_relative_to(root):
        folder = str(found.parent.relative_to(root))
        return Unit("" if folder == "." else folder, stem, ending)
    return Unit(str(found.parent), stem, ending)


def _of_csv(path: Path, strip: Any) -> list[Mapping[str, str]]:
    rows = rows_of(read_text(path))
    header = [cell.casefold() for cell in rows[0]]
    # The file images/c0.nii.gz is the name of no column.
    if not any(name.startswith("image") and strip(name) == name for name in header):
        if len(rows[0]) not in (1, 2):
            raise SegconvError(
                f"has {len(rows[0])} columns and no header", code="SC087", hint="name the columns image,label"
            )
        header = ["image", "label"][: len(rows[0])]
        rows = [[], *rows]
    if twice := [name for name in header if name and header.count(name) > 1]:
        raise SegconvError(f"has the column {twice[0]!r} twice", code="SC087", hint="image_1, image_2 name channels")
    short = next((number for number, row in enumerate(rows[1:], 2) if len(row) > len(header)), None)
    if short is not None:
        raise SegconvError(f"line {short} has more columns than the header", code="SC087")
    return [dict(zip(header, row, strict=False)) for row in rows[1:]]


def _of_json(path: Path) -> list[Mapping[str, str]]:
    found = loads(read_text(path).encode())
    if isinstance(found, dict):
        found = _of_lists(found)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise SegconvError("is no list of objects with image and label", code="SC087")
    entries: list[Mapping[str, str]] = []
    for number, entry in enumerate(found, 1):
        plain: dict[str, str] = {}
        keys = [key.casefold() for key in entry]
        if len(set(keys)) < len(keys):
            raise SegconvError(f"entry {number}: has a key twice: {', '.join(entry)}", code="SC087")
        for key, value in entry.items():
            if isinstance(value, list) and key.startswith("image"):
                plain |= {f"image_{n:04d}": str(v) for n, v in enumerate(value)}
            elif isinstance(value, str):
                plain[key.casefold()] = value
            else:
                raise SegconvError(f"entry {number}: {key!r} is {value!r}, expected text", code="SC087")
        entries.append(plain)
    return entries


def _of_lists(found: Mapping[str, Any]) -> list[Any]:
    """Return the entries of lists called training, validation and test, each with its split."""
    there = {key: found[key] for key in _LISTS if key in found}
    if not there or not all(isinstance(entries, list) for entries in there.values()):
        raise SegconvError("is no object with a list of cases, 'training'", code="SC087")
    entries: list[Any] = []
    for key, listed in there.items():
        split = _LISTS[key] or ("train" if len(there) > 1 else "")
        for entry in listed:
            entry = {"image": entry} if isinstance(entry, str) else entry  # as the Decathlon lists test images
            plain = isinstance(entry, dict) and split and not any(name.casefold() == "split" for name in entry)
            entries.append({**entry, "split": split} if plain else entry)
    return entries
