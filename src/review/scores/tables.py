"""Scores as tables: for a person, for other programs as CSV, and as the object that ``--json`` prints."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ... import reading
from ...errors import SegconvError
from ...work import fsops
from ...work.staging import writing
from .evaluation import Evaluation

CSV_COLUMNS = ("case", "class", "dice", "shared_voxels", "predicted_voxels", "reference_voxels")
_DIGITS = 6


def class_rows(found: Evaluation) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows: a class a row, and the mean over classes last."""
    counted = found.counted
    rows = [[name, _shown(dice), str(counted[name])] for name, dice in found.classes.items()]
    return ["class", "Dice", "cases"], [*rows, ["mean", _shown(found.mean), str(len(found.cases))]]


def case_rows(found: Evaluation) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows: a row a case and class."""
    return ["case", "class", "Dice"], [[case, name, _shown(overlap.dice)] for case, name, overlap in _each(found)]


def as_csv(found: Evaluation) -> bytes:
    """Return a table with a row a case and class; Dice is empty where neither side has the class."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for case, name, overlap in _each(found):
        dice = "" if math.isnan(overlap.dice) else f"{overlap.dice:.{_DIGITS}f}"
        writer.writerow([case, name, dice, overlap.both, overlap.predicted, overlap.reference])
    return text.getvalue().encode()


def as_json(found: Evaluation) -> dict[str, Any]:
    """Return all of it for JSON, which has no NaN."""
    return {
        "cases": {case: {name: _known(dice) for name, dice in of.items()} for case, of in found.cases.items()},
        "classes": {name: _known(dice) for name, dice in found.classes.items()},
        "mean": _known(found.mean),
        "counted": found.counted,
        "voxels": {
            case: {name: [overlap.both, overlap.predicted, overlap.reference] for name, overlap in of.items()}
            for case, of in found.overlaps.items()
        },
        "labels": {name: list(texts) for name, texts in found.labels.items()},
        "declared_by": found.declared_by,
        "missing": list(found.missing),
        "skipped": list(found.skipped),
        "notes": list(found.notes),
    }


def refuse_taken(target: Path, *, overwrite: bool) -> None:
    """Refuse a CSV that is there already, unless it is one of scores that is to be replaced (``SC020``)."""
    if not reading.is_there(target, links_followed=False):
        return
    hint = "choose another --csv"
    if not overwrite:
        raise SegconvError("is there already", code="SC020", file=str(target), hint=f"{hint}, or --overwrite")
    if not _is_scores(target):
        raise SegconvError("is no table of scores, and is not replaced", code="SC020", file=str(target), hint=hint)


def write_csv(found: Evaluation, target: Path, *, overwrite: bool = False) -> None:
    """Write `as_csv` into a file that appears whole; raises what `refuse_taken` raises."""
    with writing(target):
        fsops.mkdir(target.absolute().parent)
        refuse_taken(target, overwrite=overwrite)
        if reading.is_there(target, links_followed=False):
            fsops.write_atomic(target, as_csv(found))
        else:
            fsops.create(target, as_csv(found))


def _is_scores(target: Path) -> bool:
    try:
        with reading.opened(target) as file:
            return file.readline(1 << 10) == (",".join(CSV_COLUMNS) + "\n").encode()
    except (SegconvError, OSError):
        return False


def _each(found: Evaluation) -> Iterator[tuple[str, str, Any]]:
    return ((case, name, overlap) for case, of in found.overlaps.items() for name, overlap in of.items())


def _shown(dice: float) -> str:
    return f"{dice:.4f}"


def _known(dice: float) -> float | None:
    return None if math.isnan(dice) else dice
