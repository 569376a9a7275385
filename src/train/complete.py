"""Check that preprocessed cases are there and whole, before a training begins that would need them hours later.

nnU-Net trains on whatever it finds. What is missing or cut stops it when it first draws that case, or only in the
validation, or, between the stages of a cascade, is only mentioned in a log.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .. import reading
from ..errors import Cure, Finding, SegconvError

BLOSC2, NUMPY, PROPERTIES = ".b2nd", ".npz", ".pkl"
"""Endings of preprocessed cases: arrays, since nnunetv2 2.6 and before; and their properties."""

_SEGMENTATION = f"_seg{BLOSC2}"
_UNPACKED = ".npy"

_FRAME = re.compile(rb"\x9e\xa8b2frame\0\xd2.{4}\xcf(.{8})", re.DOTALL)
"""Start of a Blosc2 file, with its length (c-blosc2, README_CFRAME_FORMAT.rst)."""
_FRAME_BYTES = 24
_FRAME_END = re.compile(rb"\xce.{4}\xd8.{17}", re.DOTALL)
"""End of a Blosc2 file, which a power cut may leave as zeros."""
_FRAME_END_BYTES = 23

_LAST_OF_PICKLE = b"."


@dataclass(frozen=True)
class Stored:
    """The files in a folder of preprocessed cases.

    Parameters
    ----------
    folder
        The folder.
    names
        All its files.
    """

    folder: Path
    names: frozenset[str]

    @classmethod
    def of(cls, folder: Path) -> Stored:
        """Return the files in a folder, none if it does not exist; ``SC030`` if the system refuses."""
        try:
            return cls(folder, frozenset(entry.name for entry in os.scandir(folder) if not entry.is_dir()))
        except FileNotFoundError:
            return cls(folder, frozenset())
        except OSError as error:
            raise reading.unlisted(error, folder) from error

    @property
    def ending(self) -> str:
        """Ending of the arrays."""
        return NUMPY if any(name.endswith(NUMPY) for name in self.names) else BLOSC2

    @property
    def cases(self) -> set[str]:
        """The cases that nnU-Net would find here."""
        ending = self.ending
        return {name[: -len(ending)] for name in self.names if name.endswith(ending) and not _is_segmentation(name)}

    @property
    def strangers(self) -> list[str]:
        """Files because of which nnU-Net cannot tell how cases are stored."""
        known = (self.ending, PROPERTIES, _UNPACKED)
        return sorted(name for name in self.names if not name.endswith(known))

    def files(self, case: str) -> list[str]:
        """Return the names of the files that a case needs."""
        arrays = [case + NUMPY] if self.ending == NUMPY else [case + BLOSC2, case + _SEGMENTATION]
        return [*arrays, case + PROPERTIES]


def _is_segmentation(name: str) -> bool:
    return name.endswith(_SEGMENTATION)


def incomplete_cases(folder: Path, cases: Iterable[str], cures: Sequence[Cure]) -> list[Finding]:
    """Return an error for each case of which a file is missing or cut, and for files that do not belong here.

    Parameters
    ----------
    folder
        Folder of the preprocessed cases of a configuration.
    cases
        Those that will be needed.
    cures
        What to do about it.

    Raises
    ------
    SegconvError
        ``SC030`` if the system refuses to read.
    """
    stored = Stored.of(folder)
    if not stored.names:
        what = "holds no cases: this configuration is planned, but was not preprocessed"
        first = (Cure("preprocess_first", cure.values) if cure.kind == "preprocess_again" else cure for cure in cures)
        return [Finding("SC111", what, file=str(folder), cures=tuple(first))]
    found = [
        Finding(
            "SC111",
            "is no file of a preprocessed case, and nnU-Net takes every file here for one",
            file=str(folder / name),
            hint="move it away",
        )
        for name in stored.strangers
    ]
    for case in sorted(cases):
        name, what = _defect(stored, case)
        if what:
            message = f"{what}: the case {case} is not completely preprocessed"
            found.append(Finding("SC111", message, file=str(folder / name), cures=tuple(cures)))
    return found


def whole_cases(folder: Path, cases: Iterable[str]) -> set[str]:
    """Return the cases of which no file is missing or cut; ``SC030`` if the system refuses to read."""
    stored = Stored.of(folder)
    return {case for case in cases if not _defect(stored, case)[1]}


def _defect(stored: Stored, case: str) -> tuple[str, str]:
    """Return the first defective file of a case, and what is wrong with it; empty texts if all are whole."""
    for name in stored.files(case):
        if name not in stored.names:
            return name, "is missing"
        if not _is_whole(stored.folder / name):
            return name, "is cut or damaged"
    return "", ""


def _is_whole(path: Path) -> bool:
    """Return whether a file of a preprocessed case reaches to the end that its format foresees."""
    real = os.path.realpath(path)
    if path.name.endswith(NUMPY):
        return zipfile.is_zipfile(real)
    try:
        with reading.opened(real) as file:
            size = os.fstat(file.fileno()).st_size
            if path.name.endswith(PROPERTIES):
                file.seek(max(0, size - 1))
                return file.read(1) == _LAST_OF_PICKLE
            return _is_whole_frame(file, size)
    except OSError as error:
        raise reading.refusal(error, path) from error
    except SegconvError as error:
        error.file = str(path)
        raise


def _is_whole_frame(file: BinaryIO, size: int) -> bool:
    head = _FRAME.match(file.read(_FRAME_BYTES))
    file.seek(max(0, size - _FRAME_END_BYTES))
    end = _FRAME_END.fullmatch(file.read())
    return head is not None and end is not None and int.from_bytes(head[1], "big") == size


def missing_references(folder: Path, cases: Iterable[str], ending: str, cures: Sequence[Cure]) -> Iterator[Finding]:
    """Yield an error for each case without a reference segmentation, which nnU-Net needs for the validation.

    Parameters
    ----------
    folder
        ``gt_segmentations`` of the preprocessed dataset.
    cases
        Those that are validated.
    ending
        Ending of the dataset's files.
    cures
        What to do about it.
    """
    for case in sorted(cases):
        if not reading.is_file(folder / f"{case}{ending}"):
            message = "is missing: nnU-Net compares the validation with it"
            yield Finding("SC111", message, file=str(folder / f"{case}{ending}"), cures=tuple(cures))


def missing_stage(
    folder: Path, cases: Collection[str], splits: Sequence[dict[str, list[str]]], validate: Mapping[str, str]
) -> list[Finding]:
    """Return an error for each case that a cascade's first stage has not predicted for the next stage.

    nnU-Net predicts it when it validates the fold that holds the case back. Where the next stage was not preprocessed
    then, nnU-Net only logs that.

    Parameters
    ----------
    folder
        ``predicted_next_stage/3d_cascade_fullres`` of the first stage's model.
    cases
        Those that the next stage is trained on.
    splits
        The folds.
    validate
        Values of the cure ``validate_stage`` but the fold.
    """
    stored = Stored.of(folder)
    folds = {case: number for number, split in enumerate(splits) for case in split["val"]}
    return [
        _missing_prediction(folder / (case + stored.ending), case, folds.get(case), validate)
        for case in sorted(cases)
        if case + stored.ending not in stored.names or not _is_whole(folder / (case + stored.ending))
    ]


def _missing_prediction(path: Path, case: str, fold: int | None, validate: Mapping[str, str]) -> Finding:
    held_back = "no fold holds it back" if fold is None else f"fold {fold} of the stage before holds it back"
    cures = () if fold is None else (Cure.of("validate_stage", fold=fold, **validate),)
    what = f"the prediction of the case {case} for the next stage is missing or cut; {held_back}"
    return Finding("SC115", what, file=str(path), cures=cures)
