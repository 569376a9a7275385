"""The patient of each case: declared, stated in its files, or guessed if the names and folders of all cases say it."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import replace

from ..dataset.lineage import TEST, TRAIN
from ..dataset.patient_rules import Named, guess_patients, patients_in_words
from ..dataset.tested_patients import judge_tested_patients
from ..errors import Finding
from .blocks import Chained, InBlocks
from .case_list import FolderCases, in_split, number_in, parts_of, patients, training_first
from .model import ConvertOptions, Scan, SourceCase
from .source_files import shown


def with_patients(scan: Scan, options: ConvertOptions) -> Scan:
    """Return the source with a guessed patient for each case, if none is known and names or folders say it for all."""
    declared = options.patients is not None or options.patient_pattern is not None
    if declared or any(_patients_of(scan.cases, scan)):
        return scan
    training = in_split(scan.cases, TRAIN)
    found = _guessed(scan, training_first(scan.cases))
    if found is None and len(training) < len(scan.cases):
        found = _guessed(scan, training)  # test cases may have other names, and folds do not need their patients
    return scan if found is None else found


def _guessed(scan: Scan, cases: Sequence[SourceCase]) -> Scan | None:
    guess = guess_patients(_named(cases, scan))
    if guess is None:
        return None
    found = {case.case: patient for case, patient in zip(cases, guess.patients, strict=True)}
    own = tuple(case._replace(patient=found.get(case.case)) for case in scan.cases)
    return replace(scan, cases=own, patients_guessed_from=guess.evidence)


def tested_patients(scan: Scan) -> list[Finding]:
    """Return a warning if test cases are of patients that are also in training."""
    if not number_in(scan.cases, TEST):
        return []
    testing = [(shown(case.images[0], scan.root), _patient(case, scan)) for case in scan.cases if case.split == TEST]
    return judge_tested_patients(_patients(scan), testing, scan.patients_guessed_from)


class _NamedByFolder(InBlocks[Named]):
    """The names of the cases of one folder of images.

    Parameters
    ----------
    folder
        The folder, relative to the source.
    """

    def __init__(self, cases: FolderCases, folder: str) -> None:
        super().__init__(len(cases))
        self._cases = cases
        self._folder = folder

    def block(self, number: int) -> list[Named]:
        """Return the names of a block."""
        return [Named(name, self._folder) for name in self._cases.names_in_block(number)]


def _named(cases: Sequence[SourceCase], scan: Scan) -> Sequence[Named]:
    """Return the names of the cases or, of copies, of their originals, and the folders of their images."""
    found: Chained[Named] = Chained()
    folders: dict[str, str] = {}
    for part in parts_of(cases):
        if isinstance(part, FolderCases) and not scan.origin:
            found.extend(_NamedByFolder(part, posixpath.dirname(shown(part[0].images[0], scan.root))))
            continue
        for case in part:
            origin = scan.origin.get(case.case)
            original = (origin and origin.parent) or case.original_name
            image = case.images[0]
            place = image.rpartition("/")[0]
            if place not in folders:
                folders[place] = posixpath.dirname(shown(image, scan.root))
            found.append(Named(original.rpartition("/")[2], folders[place]))
    return found


def number_of_patients(scan: Scan) -> int:
    """Return how many patients the training cases have, as far as is known."""
    return len(set(_patients(scan)) - {None})


def in_words(scan: Scan, otherwise: str = "a pattern or a list of patients") -> str:
    """Return, in one line, what is known of the patients and what that means for the folds.

    Parameters
    ----------
    otherwise
        What would name the patients.
    """
    return patients_in_words(_patients(scan), scan.patients_guessed_from, otherwise)


def _patients(scan: Scan) -> list[str | None]:
    return _patients_of(in_split(scan.cases, TRAIN), scan)


def _patients_of(cases: Sequence[SourceCase], scan: Scan) -> list[str | None]:
    if not scan.origin:
        return patients(cases)
    return [_patient(case, scan) for case in cases]


def _patient(case: SourceCase, scan: Scan) -> str | None:
    origin = scan.origin.get(case.case)
    return case.patient or (None if origin is None else origin.patient)
