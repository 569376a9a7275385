"""A list of images and labels that the user names: CSV or JSON.

CSV with a header: ``image`` (or several columns that begin with ``image``), ``label`` or ``mask``, and
optionally ``case``, ``patient``, ``split``; without a header the columns are image and label. JSON: a
list of objects with these keys. Paths are relative to the list or to the source, or absolute.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..dataset.lineage import TEST, TRAIN
from ..dataset.strictjson import loads
from ..errors import Finding, SegconvError, naming
from .csv_text import read_text, rows_of
from .pairing import Pair, Pairing
from .patterns import Key
from .source import can_be_a_path
from .tree import Unit

_LABEL = ("label", "mask", "segmentation", "labels", "masks", "seg")
_SPLITS = {"": TRAIN, "train": TRAIN, "training": TRAIN, "tr": TRAIN, "test": TEST, "testing": TEST, "ts": TEST}


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
    seen: dict[Key, int] = {}
    owners: dict[str, int] = {}
    for number, entry in enumerate(entries, 1):
        images = {key: value for key, value in entry.items() if key.startswith("image") and value}
        label = next((entry[key] for key in _LABEL if entry.get(key)), "")
        if not images:
            pairing.findings.append(Finding("SC087", f"entry {number} names no image", file=path.name))
            continue
        split = _SPLITS.get(entry.get("split", "").casefold())
        if split is None:
            pairing.findings.append(
                Finding("SC087", f"entry {number}: split is {entry['split']!r}, expected train or test", file=path.name)
            )
            continue
        units = {key: _unit(value, path, root, strip) for key, value in images.items()}
        if len(units) == 1:
            units = {"": next(iter(units.values()))}
        first = next(iter(units.values()))
        name = entry.get("case") or first.stem
        if (name,) in seen:
            pairing.findings.append(
                Finding(
                    "SC087", f"entries {seen[(name,)]} and {number} are both the case {name!r}", file=path.name,
                    hint="give each a name of its own in a column 'case'",
                )
            )  # fmt: skip
            continue
        seen[(name,)] = number
        labels = (_unit(label, path, root, strip),) if label else ()
        owner = owners.setdefault(labels[0].path, number) if labels else number
        if owner != number:
            pairing.findings.append(
                Finding(
                    "SC087", f"entries {owner} and {number} have the same label, {label}", file=path.name,
                    hint="mend the list: a label belongs to one case",
                )
            )  # fmt: skip
            continue
        if labels and labels[0].path in {unit.path for unit in units.values()}:
            what = f"entry {number} has {label} for an image and for its label"
            pairing.findings.append(Finding("SC087", what, file=path.name))
            continue
        pairing.pairs.append(Pair((), name, split, units, labels, entry.get("patient") or None))
    return pairing


def _unit(text: str, path: Path, root: Path, strip: Any) -> Unit:
    """Return a listed file; where it lies elsewhere than in the source, by its absolute path."""
    if "\0" in text:
        raise SegconvError(f"lists {text!r}, expected a path", code="SC060", file=path.name)
    if not can_be_a_path(text):
        raise SegconvError(f"lists {text[:60]!r}…, which no file can be called", code="SC087", file=path.name)
    found = Path(text)
    if not found.is_absolute():
        beside = path.parent / found
        found = beside if beside.exists() or not (root / found).exists() else root / found
    found = Path(os.path.abspath(found))
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
        found = found.get("training", found.get("cases", found.get("pairs")))
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
