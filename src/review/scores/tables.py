"""Scores as tables: for people, for other programs as CSV, and as the object that ``--json`` prints."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ... import reading
from ...errors import Cure, SegconvError
from ...work.preflight import refuse_unwritable_name
from ...work.single import write_single
from .dice import Overlap
from .scoring import Evaluation

CSV_COLUMNS = ("case", "class", "dice", "shared_voxels", "predicted_voxels", "reference_voxels")
_DIGITS = 6
_ENCODING = ("utf-8", "surrogateescape")
"""File names are bytes, and nearly always UTF-8."""
LONGEST_CSV = 256 << 20
"""Bytes of a table that may be replaced: that is millions of rows."""


def class_rows(found: Evaluation) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows: one row per class, and the mean over classes last."""
    counted = found.counted
    rows = [[name, _shown(dice), str(counted[name])] for name, dice in found.classes.items()]
    return ["class", "Dice", "cases"], [*rows, ["mean", _shown(found.mean), str(len(found.cases))]]


def case_rows(found: Evaluation) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows: one row per case and class."""
    return ["case", "class", "Dice"], [[case, name, _shown(overlap.dice)] for case, name, overlap in _each(found)]


def as_csv(found: Evaluation) -> bytes:
    """Return a table with one row per case and class; Dice is empty if neither side has the class."""
    return _as_csv(_each(found))


def is_csv(data: bytes) -> bool:
    """Return whether a file is an exact result of `as_csv`.

    Each row follows from its names and numbers of voxels, so foreign columns, values or notes are detected.
    """
    try:
        _, *rows = csv.reader(io.StringIO(data.decode(*_ENCODING), newline=""), strict=True)
        each = [(case, name, Overlap(*map(int, voxels))) for case, name, _, *voxels in rows]
        possible = all(0 <= o.both <= min(o.predicted, o.reference) for _, _, o in each)
        once = len({(case, name) for case, name, _ in each}) == len(each)
        return bool(each) and possible and once and _as_csv(each) == data
    except (ValueError, TypeError, ArithmeticError, csv.Error):
        return False


def _as_csv(each: Iterable[tuple[str, str, Overlap]]) -> bytes:
    lines = [_line(CSV_COLUMNS)]
    for case, name, overlap in each:
        dice = "" if math.isnan(overlap.dice) else f"{overlap.dice:.{_DIGITS}f}"
        lines.append(_line((case, name, dice, overlap.both, overlap.predicted, overlap.reference)))
    return "".join(lines).encode(*_ENCODING)


def _line(row: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(row)  # which quotes a carriage return only where it ends its lines so
    return text.getvalue().removesuffix("\r\n") + "\n"


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
    """Refuse an existing CSV (``SC020``), unless it is a table of scores to be replaced.

    Raises ``SC031`` if it could not be written anyway.
    """
    refuse_unwritable_name(target)
    if not reading.is_there(target, links_followed=False):
        return
    hint = "choose another file"
    if not overwrite:
        raise SegconvError("exists", code="SC020", file=str(target), hint=hint, cures=(Cure.of("overwrite"),))
    if not _is_scores(target):
        raise SegconvError(
            "is not a table of scores exactly as segconv wrote it, and is not replaced",
            code="SC020",
            file=str(target),
            hint=hint,
        )


def write_csv(found: Evaluation, target: Path, *, overwrite: bool = False) -> None:
    """Write `as_csv` into a file that appears complete; raises what `refuse_taken` raises."""
    write_single(target, as_csv(found), partial(refuse_taken, target, overwrite=overwrite))


def _is_scores(target: Path) -> bool:
    try:
        return is_csv(reading.whole(reading.in_real_folder(target), LONGEST_CSV))
    except (SegconvError, OSError):
        return False


def _each(found: Evaluation) -> Iterator[tuple[str, str, Overlap]]:
    return ((case, name, overlap) for case, of in found.overlaps.items() for name, overlap in of.items())


def _shown(dice: float) -> str:
    return f"{dice:.4f}"


def _known(dice: float) -> float | None:
    return None if math.isnan(dice) else dice
