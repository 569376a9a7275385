"""Names of datasets, cases and files that nnU-Net, every file system and every shell accept."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import reading
from ..errors import Cure, Finding, SegconvError
from ..words import some_of
from ..work.differing import surely_differ

MAX_ID = 999
_RAW = "nnUNet_raw"
"""Usual name of the folder of datasets."""
_MOST_SEARCHED = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_FOLDER = re.compile(r"Dataset(\d{3})_(.+)")
_TARGET = re.compile(r"(?:Dataset|Task)?(\d+)(?:_(.*))?", re.DOTALL)

CASE_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
"""Valid case identifier; `case_identifier` maps anything else to one."""


@dataclass(frozen=True)
class DatasetName:
    """Number and name of a dataset, as in the name of its folder.

    Raises
    ------
    SegconvError
        ``SC002`` if the number is not in 1..999 or the name has characters other than letters,
        digits, dot, hyphen and underscore.
    """

    id: int
    name: str

    def __post_init__(self) -> None:
        if not 1 <= self.id <= MAX_ID:
            raise SegconvError(f"dataset id {self.id} is not in 1..{MAX_ID}", code="SC002")
        if not _NAME.fullmatch(self.name):
            raise SegconvError(
                f"{self.name!r} cannot name a dataset", code="SC002", hint="use letters, digits, '.', '-' and '_'"
            )

    @property
    def folder(self) -> str:
        """``Dataset042_Liver``."""
        return f"Dataset{self.id:03d}_{self.name}"

    @property
    def task_folder(self) -> str:
        """``Task042_Liver``, its name in nnU-Net v1."""
        return f"Task{self.id:03d}_{self.name}"

    @property
    def slot(self) -> str:
        """``042``: names the staging folder and the lock, so that two runs never share an id."""
        return f"{self.id:03d}"

    @classmethod
    def of_folder(cls, folder: str) -> DatasetName | None:
        """Return the dataset name in a folder's name, or None if it has none."""
        match = _FOLDER.fullmatch(folder)
        if not match or not _NAME.fullmatch(match[2]) or not int(match[1]):
            return None
        return cls(int(match[1]), match[2])


def parse_target(text: str, default_name: str, taken: Iterable[int] = ()) -> DatasetName:
    """Read the value of ``--to``: ``42``, ``042``, ``42_Name``, ``Dataset042_Name``.

    Parameters
    ----------
    text
        As typed by the user.
    default_name
        Name of the source, used if `text` is only a number; characters that a name cannot have are
        dropped.
    taken
        Ids in use; the hint names a free one.
    """
    match = _TARGET.fullmatch(text)
    if not match:
        free = next_free_id(taken)
        raise SegconvError(
            f"the target {text!r} needs a dataset id",
            code="SC002",
            cures=(Cure.of("name_free_target", target=f"{free}_{_clean(text)}"),),
        )
    name = match[2] if match[2] is not None else _clean(default_name)
    return DatasetName(int(match[1]) if len(match[1]) <= 9 else MAX_ID + 1, name)


def next_free_id(taken: Iterable[int], after: int = 0) -> int:
    """Return the lowest free id after another one; the lowest of all if there is none."""
    used = set(taken)
    return next((i for i in (*range(after + 1, MAX_ID + 1), *range(1, after + 1)) if i not in used), MAX_ID)


def dataset_folders(root: Path | None) -> dict[int, list[Path]]:
    """Return the dataset folders in one of nnU-Net's three folders, by id."""
    found: dict[int, list[Path]] = {}
    if root is not None and reading.is_folder(root):
        for path in sorted(root.iterdir()):
            match = re.match(r"Dataset(\d{3})_", path.name)
            if match:
                found.setdefault(int(match[1]), []).append(path)
    return found


def find_dataset(reference: str, root: Path | None) -> Path:
    """Return the folder of a dataset given as an id, a name, or a path.

    Raises
    ------
    SegconvError
        ``SC010`` if there is none, with near misses; ``SC003`` if an id belongs to two folders.
    """
    as_path = Path(reference)
    if reading.is_there(as_path / "dataset.json", links_followed=False):
        return Path(os.path.realpath(as_path))
    folders = dataset_folders(root)
    found = _of_reference(reference, folders)
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        raise SegconvError(
            f"the id of {reference!r} belongs to {', '.join(p.name for p in found)}",
            code="SC003",
            hint="name one of them in full",
        )
    raise _no_dataset(reference, root, [p.name for paths in folders.values() for p in paths])


def _no_dataset(reference: str, root: Path | None, known: Sequence[str]) -> SegconvError:
    """Return the error for a dataset that is not in a folder, with those of similar names and those nearby."""
    import difflib  # only for this message

    where = f"in {root}" if root is not None else "(nnUNet_raw is not set)"
    nearby = elsewhere(reference, root)
    if nearby:
        return SegconvError(
            f"no dataset {reference!r} {where}; you have {nearby[0].name} in {nearby[0].parent}",
            code="SC010",
            cures=(Cure.of("take_raw", raw=nearby[0].parent), Cure.of("show_paths")),
        )
    called = {part.lower(): name for name in reversed(known) for part in (name, name.split("_", 1)[1])}
    close = [called[match] for match in difflib.get_close_matches(reference.lower(), called, n=1)]
    listed = f"; there are {some_of(known, 10)}" if known else ""
    return SegconvError(
        f"no dataset {reference!r} {where}{listed}",
        code="SC010",
        hint=f"did you mean {close[0]!r}?" if close else "give an id, a name, or a path",
        cures=(Cure.of("show_paths"),),
    )


def elsewhere(reference: str, root: Path | None) -> list[Path]:
    """Return datasets of this id or name in other folders where nnU-Net's may be: the current one, and near `root`."""
    places = dict.fromkeys((*places_near(root), *(() if root is None else _siblings(root))))
    return [path for place in places if place != root for path in _of_reference(reference, dataset_folders(place))]


def places_near(root: Path | None) -> list[Path]:
    """Return other folders where datasets may be, which need not exist: the current one, and those around `root`."""
    here = Path.cwd()
    near = [here, here / _RAW, here.parent / _RAW, *(() if root is None else (root / _RAW, root.parent))]
    return [place for place in dict.fromkeys(near) if place != root]


def _siblings(root: Path) -> list[Path]:
    """Return the folders of datasets next to the one in which `root` is; a folder of thousands is not searched."""
    above = root.parent.parent
    try:
        with os.scandir(above) as entries:
            names = sorted(entry.name for entry in itertools.islice(entries, _MOST_SEARCHED))
    except OSError:
        return []
    return [above / _RAW, *(above / name / _RAW for name in names)]


def _of_reference(reference: str, folders: Mapping[int, list[Path]]) -> list[Path]:
    """Return the folders that an id, or an id with a name, may mean."""
    match = _TARGET.fullmatch(reference)
    if not match or len(match[1]) > 9:
        return []
    return [path for path in folders.get(int(match[1]), []) if not match[2] or path.name.split("_", 1)[1] == match[2]]


def case_identifier(original: str) -> str:
    """Return the identifier of a case: its own name if that is safe, else a readable stem and a hash.

    The hash is computed from the original name, so the same name always gives the same identifier and
    different names give different ones. The lineage keeps the original name.
    """
    if CASE_IDENTIFIER.fullmatch(original):
        return original
    stem = _stem(original)[:150]
    return f"{stem or 'case'}_{hashlib.sha256(original.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def case_identifiers(originals: Sequence[str]) -> list[str]:
    """Return the identifiers of all cases of a set, in their order.

    A name that is not safe, such as ``patient 1``, becomes ``patient_1``. It gets a hash, as in `case_identifier`, if
    another case would have that name too, if only upper and lower case differ, or if letters would be lost.
    """
    plain = [_plain(name) for name in originals]
    wanted = Counter(name.casefold() for name in plain)
    return [
        name if name == original or wanted[name.casefold()] == 1 else case_identifier(original)
        for name, original in zip(plain, originals, strict=True)
    ]


def _plain(original: str) -> str:
    """Return a name with underscores where characters are not safe; its `case_identifier` if that loses letters."""
    if CASE_IDENTIFIER.fullmatch(original):
        return original
    stem = _stem(original)
    letters = sum(character.isalnum() for character in unicodedata.normalize("NFKD", original))
    whole = CASE_IDENTIFIER.fullmatch(stem) and sum(map(str.isalnum, stem)) == letters
    return stem if whole else case_identifier(original)


def _stem(original: str) -> str:
    plain = unicodedata.normalize("NFKD", original).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9.-]+", "_", plain).strip("._-")


def twin_findings(originals: dict[str, str]) -> list[Finding]:
    """Return findings on names that become equal after Unicode normalisation or on a case-insensitive disk.

    Parameters
    ----------
    originals
        Original name of a case → one of its files, for the message.
    """
    findings: list[Finding] = []
    normalised: dict[str, str] = {}
    folded: dict[str, str] = {}
    for name, file in originals.items():
        form = unicodedata.normalize("NFC", name)
        if form in normalised:
            findings.append(
                Finding(
                    "SC085",
                    f"the name equals that of {originals[normalised[form]]} but for its Unicode form",
                    file=file,
                    hint="rename one of them",
                )
            )
            continue
        normalised[form] = name
        lower = form.casefold()
        if lower in folded:
            findings.append(
                Finding(
                    "SC085",
                    f"the name differs from that of {originals[folded[lower]]} by upper and lower case only",
                    file=file,
                    hint="rename one of them if the dataset may ever be on a case-insensitive disk",
                    severity="warning",
                )
            )
        else:
            folded[lower] = name
    return findings


def may_have_twins(originals: Iterable[str]) -> bool:
    """Return whether `twin_findings` may find any, so that most sets need not be asked."""
    return not surely_differ(map(_folded, originals))


def _folded(name: str) -> str:
    """Return the common form of names that differ only in their Unicode form, or in upper and lower case."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def _clean(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("._-") or "Dataset"
