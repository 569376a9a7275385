"""Folds that come with a source: kept if they are complete and do not leak, otherwise made again and reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ... import reading
from ...dataset.lineage import TRAIN, CaseRecord
from ...dataset.splits import PARTS, Splits, leaks, make_splits, parse_splits
from ...dataset.strictjson import MAX_BYTES, loads
from ...errors import Finding, SegconvError, warning
from ...words import count_of
from ..model import SourceCase
from ..source_files import read_source
from ..survey import Survey


def folds_in(survey: Survey, path: Path, cases: Sequence[SourceCase]) -> Splits | None:
    """Return the folds of a ``splits_final.json`` in the identifiers of the dataset.

    Returns
    -------
    folds
        None if there is no such file, or if it cannot be used, which becomes a warning.

    Raises
    ------
    SegconvError
        ``SC060`` if it is a link that leaves the source.
    """
    if not reading.is_there(path, links_followed=False):
        return None
    try:
        refuse_no_file(path)
        return renamed(loads(read_source(survey.resolve(path), MAX_BYTES)), cases)
    except SegconvError as error:
        if error.code == "SC060":
            error.file = path.name
            raise
        survey.findings.append(not_taken(path.name, error.message, code="SC099" if error.code == "SC099" else "SC095"))
        return None


def refuse_no_file(path: Path) -> None:
    """Refuse a path that has the name of a file of folds but is not a file.

    Raises
    ------
    SegconvError
        ``SC095``.
    """
    if not reading.is_file(path):
        raise SegconvError("is a link to nowhere" if path.is_symlink() else "is no file", code="SC095")


def renamed(found: Any, cases: Sequence[SourceCase]) -> Splits:
    """Return folds in the identifiers of the dataset.

    Raises
    ------
    SegconvError
        ``SC099`` if they are not a list of folds, or name cases that do not exist.
    """
    folds = parse_splits(found)
    names = {case.original_name: case.case for case in cases if case.split == TRAIN}
    unknown = sorted({case for fold in folds for part in PARTS for case in fold[part]} - names.keys())
    if unknown:
        what = f"names {count_of(len(unknown), 'unknown case')}, the first is {unknown[0]}"
        raise SegconvError(what, code="SC099")
    return [{part: list(dict.fromkeys(names[case] for case in fold[part])) for part in PARTS} for fold in folds]


def settled_folds(source: Splits | None, records: Sequence[CaseRecord], file: str) -> tuple[Splits, list[Finding]]:
    """Return the folds of a dataset, and a warning if those of its source could not be kept.

    Parameters
    ----------
    records
        The cases that were converted; others are removed from the folds.
    """
    if source is None:
        return make_splits(records), []
    there = {record.case for record in records if record.split == TRAIN}
    folds = [{part: [case for case in fold[part] if case in there] for part in PARTS} for fold in source]
    why = next(_flaws(folds, records), None)
    return (folds, []) if why is None else (make_splits(records), [not_taken(file, why)])


def _flaws(folds: Splits, records: Sequence[CaseRecord]) -> Iterator[str]:
    for number, fold in enumerate(folds):
        yield from (f"fold {number} has no case in {part}" for part in PARTS if not fold[part])
    yield from (found.message for found in leaks(folds, records))


def not_taken(file: str, why: str, code: str = "SC095") -> Finding:
    """Return the warning that folds of a source were not kept."""
    hint = "correct the folds of the source if they were meant, and convert again"
    return warning(code, f"{why}; new folds were made instead", file=file, hint=hint)
