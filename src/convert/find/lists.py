"""A list of images and labels that the user names: CSV or JSON.

CSV with a header: ``image`` (or one column per channel: ``image_T1``, ``image_T2``), ``label``, and optionally
``case``, ``patient`` and ``split`` (``train``, ``val`` or ``test``); without a header the columns are image and
label. JSON: a list of objects with these keys, or an object of such lists called ``training``,
``validation`` and ``test``. Paths are relative to the list or to the source, or absolute. If no split
is given, folders called train, test and the like decide.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

from ... import reading
from ...dataset.lineage import TEST, TRAIN
from ...dataset.strictjson import loads
from ...errors import Finding, SegconvError, naming, warning
from ...typed import can_be_a_path
from ...words import some_of
from ..blocks import Chained
from ..survey import Remarks
from ..tree import Unit
from .csv_text import read_text, rows_of
from .pairs import Pair, Pairing
from .split_folders import split_by_folders

_LABEL = ("label", "mask", "segmentation", "labels", "masks", "seg")
_OTHERS = ("case", "patient", "split")
_SPLITS = {
    **dict.fromkeys(("train", "training", "tr", "val", "valid", "validation"), TRAIN),
    **dict.fromkeys(("test", "testing", "ts"), TEST),
}
MOST_COLUMNS = 12
"""Columns that a message lists at most."""
_LISTS = {
    **dict.fromkeys(("training", "train", "cases", "pairs"), ""),
    **dict.fromkeys(("validation", "val"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Key of a JSON list → split of its cases; if the file has no other list, folders may still decide."""


def pair_by_list(path: Path, root: Path, strip: Callable[[str], str]) -> Pairing:
    """Read the cases of a list.

    Parameters
    ----------
    strip
        Returns a file's name without its ending.

    Raises
    ------
    SegconvError
        ``SC010`` if the list does not exist, ``SC087`` if it cannot be understood.
    """
    with naming(str(path)):
        entries = _of_json(path) if path.suffix.lower() == ".json" else _of_csv(path, strip)
    pairing = Pairing(folders=[path.name])
    pairing.add(_judged_columns(entries, path.name))
    listing = _Listing(path, root, strip)
    for number, entry in enumerate(entries, 1):
        with listing.reporting(pairing):
            pairing.pairs.append(listing.pair(number, entry))
    pairing.pairs = Chained(split_by_folders(pairing.pairs, pairing, listing.declared))
    return pairing


class _Listing:
    """The entries of a list, read one by one.

    Attributes
    ----------
    declared
        Names of the cases whose split the list gives.
    """

    def __init__(self, path: Path, root: Path, strip: Callable[[str], str]) -> None:
        self.declared: set[str] = set()
        self._path = path
        self._root = root
        self._strip = strip
        self._numbers: dict[str, int] = {}
        self._owners: dict[str, int] = {}

    @contextmanager
    def reporting(self, remarks: Remarks) -> Iterator[None]:
        """Turn a contradiction in an entry into a finding; what cannot be read at all is raised."""
        try:
            yield
        except _Contradiction as found:
            remarks.error("SC087", found.message, file=self._path.name, hint=found.hint)

    def pair(self, number: int, entry: Mapping[str, str]) -> Pair:
        """Return the case of an entry."""
        images = self._images(number, entry)
        split = self._split(number, entry.get("split") or "")
        first = next(iter(images.values()))
        name = entry.get("case") or first.stem
        if name in self._numbers:
            what = f"entries {self._numbers[name]} and {number} are both the case {name!r}"
            raise _Contradiction(what, hint="give each a name of its own in a column 'case'")
        self._numbers[name] = number
        labels = self._labels(number, next((entry[key] for key in _LABEL if entry.get(key)), ""), images)
        if entry.get("split"):
            self.declared.add(name)
        return Pair((), name, split, images, labels, entry.get("patient") or None)

    def _images(self, number: int, entry: Mapping[str, str]) -> dict[str, Unit]:
        units = {key: self._unit(value) for key, value in entry.items() if key.startswith("image") and value}
        if not units:
            raise _Contradiction(f"entry {number} names no image")
        return units if len(units) > 1 else {"": next(iter(units.values()))}

    def _split(self, number: int, text: str) -> str:
        if text and text.casefold() not in _SPLITS:
            raise _Contradiction(f"entry {number}: split is {text!r}, expected train, val or test")
        return _SPLITS.get(text.casefold(), TRAIN)

    def _labels(self, number: int, label: str, images: Mapping[str, Unit]) -> tuple[Unit, ...]:
        if not label:
            return ()
        unit = self._unit(label)
        owner = self._owners.setdefault(unit.path, number)
        if owner != number:
            what = f"entries {owner} and {number} have the same label, {label}"
            raise _Contradiction(what, hint="correct the list: a label belongs to one case")
        if unit.path in {image.path for image in images.values()}:
            raise _Contradiction(f"entry {number} has {label} as an image and as its label")
        return (unit,)

    def _unit(self, text: str) -> Unit:
        """Return a listed file, with its absolute path if it is outside the source, or the source as one series."""
        found = self._place(text)
        stem = self._strip(found.name)
        ending = found.name[len(stem) :]
        if found != self._root and found.is_relative_to(self._root):
            folder = str(found.parent.relative_to(self._root))
            return Unit("" if folder == "." else folder, stem, ending)
        return Unit(str(found.parent), stem, ending)

    def _place(self, text: str) -> Path:
        file = self._path.name
        if "\0" in text:
            raise SegconvError(f"lists {text!r}, expected a path", code="SC060", file=file)
        if not can_be_a_path(text):
            raise SegconvError(f"lists {text[:60]!r}…, which cannot be the name of a file", code="SC087", file=file)
        found = Path(text)
        if not found.is_absolute():
            beside, inside = self._path.parent / found, self._root / found
            found = beside if reading.is_there(beside) or not reading.is_there(inside) else inside
        return Path(os.path.abspath(found))


class _Contradiction(SegconvError):
    """A contradiction in one entry of a list; the other entries are still read."""


def _judged_columns(entries: Iterable[Mapping[str, str]], file: str) -> Iterator[Finding]:
    """Yield an error if two columns are labels, and a warning if some have no meaning."""
    columns = dict.fromkeys(filter(None, itertools.chain.from_iterable(entries)))
    labels = [key for key in columns if key in _LABEL]
    if len(labels) > 1:
        what = f"has the columns {' and '.join(labels)}, which are labels, expected one"
        hint = "one label per image: rename the column that is meant to label, and the other to something else"
        yield Finding("SC087", what, file=file, hint=hint)
    odd = [repr(key) for key in columns if key not in (*_LABEL, *_OTHERS) and not key.startswith("image")]
    if odd:
        one = len(odd) == 1
        what = f"has the column{'' if one else 's'} {', '.join(odd)}, which mean{'s' if one else ''} nothing"
        hint = "known are image (image_1, image_2 for channels), label, case, patient and split"
        yield warning("SC087", what, file=file, hint=hint)


def _of_csv(path: Path, strip: Callable[[str], str]) -> list[Mapping[str, str]]:
    rows = rows_of(read_text(path))
    header = [cell.casefold() for cell in rows[0]]
    first = 1
    # A file name such as images/c0.nii.gz is not the name of a column.
    if any(name.startswith("image") and strip(name) == name for name in header):
        rows, first = rows[1:], 2
    elif _is_header(rows):
        what = f"has the columns {some_of(rows[0], MOST_COLUMNS)}, none of them image"
        raise SegconvError(what, code="SC087", hint="name the columns image,label")
    elif len(rows[0]) <= 2:
        header = ["image", "label"][: len(rows[0])]
    else:
        what = f"has {len(rows[0])} columns and no header"
        raise SegconvError(what, code="SC087", hint="name the columns image,label")
    _refuse_columns(header, rows, first)
    return [dict(zip(header, row, strict=False)) for row in rows]


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row has no ending of a file, but all others have: it names columns."""
    first, *others = ([PurePath(cell).suffix for cell in row if cell] for row in rows)
    return bool(others) and not any(first) and all(all(row) for row in others)


def _refuse_columns(header: Sequence[str], rows: Sequence[Sequence[str]], first: int) -> None:
    if twice := next((name for name in header if name and header.count(name) > 1), None):
        raise SegconvError(
            f"has the column {twice!r} twice", code="SC087", hint="name the columns of channels image_1, image_2"
        )
    long = next((number for number, row in enumerate(rows, first) if len(row) > len(header)), None)
    if long is not None:
        raise SegconvError(f"line {long} has more columns than the header", code="SC087")


def _of_json(path: Path) -> list[Mapping[str, str]]:
    found = loads(read_text(path).encode())
    if isinstance(found, dict):
        found = _of_lists(found)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise SegconvError("is not a list of objects with image and label", code="SC087")
    return [_plain(number, entry) for number, entry in enumerate(found, 1)]


def _plain(number: int, entry: Mapping[str, Any]) -> dict[str, str]:
    """Return an entry with text only: images given as a list are numbered as channels."""
    if len({key.casefold() for key in entry}) < len(entry):
        raise SegconvError(f"entry {number}: has a key twice: {', '.join(entry)}", code="SC087")
    plain: dict[str, str] = {}
    for key, value in entry.items():
        if isinstance(value, list) and key.startswith("image"):
            plain |= {f"image_{channel:04d}": str(image) for channel, image in enumerate(value)}
        elif isinstance(value, str):
            plain[key.casefold()] = value
        else:
            raise SegconvError(f"entry {number}: {key!r} is {value!r}, expected text", code="SC087")
    return plain


def _of_lists(found: Mapping[str, Any]) -> list[Any]:
    """Return the entries of the lists called training, validation and test, each with its split."""
    lists = {key: found[key] for key in _LISTS if key in found}
    if not lists or not all(isinstance(entries, list) for entries in lists.values()):
        raise SegconvError("is not an object with a list of cases, 'training'", code="SC087")
    otherwise = "train" if len(lists) > 1 else ""
    return [_with_split(entry, _LISTS[key] or otherwise) for key, entries in lists.items() for entry in entries]


def _with_split(entry: Any, split: str) -> Any:
    if isinstance(entry, str):
        entry = {"image": entry}  # as in the Decathlon's list of test images
    given = not isinstance(entry, dict) or any(name.casefold() == "split" for name in entry)
    return {**entry, "split": split} if split and not given else entry
