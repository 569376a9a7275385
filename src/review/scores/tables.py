"""Scores as tables: for people, as a CSV file, and as the object that ``--json`` prints."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ... import reading
from ...errors import Cure, SegconvError
from ...work.preflight import refuse_unwritable_name
from ...work.single import write_single
from .comparison import MEAN, Comparison
from .dice import Overlap
from .measuring import Surfaces
from .metrics import metrics_of, scores_of
from .score_csv import as_csv, is_csv
from .scoring import Evaluation

LONGEST_CSV = 256 << 20
"""Bytes of a table that may be replaced: that is millions of rows."""

_SIGNED = ("volume_error", "volume_error_percent")

Table = tuple[list[str], list[list[str]]]
"""Columns and rows."""


def class_rows(found: Evaluation) -> Table:
    """Return columns and rows: one row per class, and the mean over classes last."""
    metrics = metrics_of(found)
    scores = {metric: scores_of(found, metric.key) for metric in metrics}
    counted = found.counted
    rows = [
        [name, *(metric.shown(scores[metric].classes.get(name, math.nan)) for metric in metrics), str(counted[name])]
        for name in counted
    ]
    means = [metric.shown(scores[metric].mean) for metric in metrics]
    return ["class", *(metric.title for metric in metrics), "cases"], [*rows, ["mean", *means, str(len(found.cases))]]


def case_rows(found: Evaluation) -> Table:
    """Return columns and rows: one row per case and class."""
    columns, surfaces = ["case", "class", "Dice"], found.surfaces
    if surfaces is None:
        return columns, [[case, name, f"{overlap.dice:.4f}"] for case, name, overlap in _each(found)]
    rows = []
    for case, name, overlap in _each(found):
        score = surfaces.cases[case][name]
        rows.append([case, name, f"{overlap.dice:.4f}", *_surface_cells(score)])
    return [*columns, *_surface_columns(surfaces)], rows


def pooled_rows(found: Evaluation, surfaces: Surfaces) -> Table:
    """Return columns and rows: one row per class, with all cases taken together."""
    dice = _pooled(found)
    rows = [
        [name, f"{dice[name].dice:.4f}", *_surface_cells(pool), str(pool.cases)]
        for name, pool in surfaces.pools.items()
    ]
    return ["pooled", "Dice", *_surface_columns(surfaces), "cases"], rows


def comparison_rows(found: Comparison, names: tuple[str, str]) -> Table:
    """Return columns and rows: one row per score and class, and the mean over classes of each score.

    Parameters
    ----------
    names
        Of both sets.
    """
    interval = f"{found.confidence:.0%} interval"
    columns = ["class", "score", *names, "difference", interval, "verdict", "cases", "better/worse"]
    rows = []
    for one in found.differences:
        shown = one.metric.shown
        between = "" if math.isnan(one.low) else f"{shown(one.low)} to {shown(one.high)}"
        won = "" if one.name == MEAN else f"{one.better}/{one.worse}"
        numbers = [shown(one.first), shown(one.second), shown(one.difference), between, one.verdict]
        rows.append([one.name or "mean", one.metric.title, *numbers, str(one.cases), won])
    return columns, rows


def about_empty(found: Evaluation) -> Iterator[str]:
    """Yield what does not count in these scores, because one side or both lack a class."""
    uncounted = [name for name, number in found.counted.items() if not number]
    if uncounted:
        yield (
            f"{', '.join(uncounted)}: in no reference and no prediction, left out of the mean (nnU-Net's foreground"
            " mean is NaN there)"
        )
    surfaces = found.surfaces
    if surfaces is not None and (apart := sum(pool.apart for pool in surfaces.pools.values())):
        yield (
            f"only one side has the class in {apart} of {sum(found.counted.values())} scores: Dice and NSD are 0"
            " there, and there is no distance: HD95 is infinite, and left out of means and pooled distances"
        )


def as_json(found: Evaluation) -> dict[str, Any]:
    """Return all of it for JSON, which has no NaN."""
    surfaces = found.surfaces
    return {
        "cases": {case: {name: _known(dice) for name, dice in of.items()} for case, of in found.cases.items()},
        "classes": {name: _known(dice) for name, dice in found.classes.items()},
        "mean": _known(found.mean),
        "counted": found.counted,
        "pooled": {name: _known(overlap.dice) for name, overlap in _pooled(found).items()},
        "voxels": {
            case: {name: [overlap.both, overlap.predicted, overlap.reference] for name, overlap in of.items()}
            for case, of in found.overlaps.items()
        },
        "surfaces": None if surfaces is None else _surfaces_as_json(found, surfaces),
        "labels": {name: list(texts) for name, texts in found.labels.items()},
        "declared_by": found.declared_by,
        "missing": list(found.missing),
        "skipped": list(found.skipped),
        "notes": [*found.notes, *about_empty(found)],
    }


def comparison_as_json(found: Comparison) -> dict[str, Any]:
    """Return all of it for JSON: score → class → means, difference and interval."""
    scores: dict[str, dict[str, Any]] = {}
    for one in found.differences:
        part = scores.setdefault(one.metric.key, {"classes": {}, "mean": None})
        if one.name == MEAN:
            part["mean"] = one.as_json()
        else:
            part["classes"][one.name] = one.as_json()
    how = {"patients": found.patients, "seed": found.seed, "resamples": found.resamples, "confidence": found.confidence}
    return {"scores": scores, "cases": list(found.cases), "left_out": list(found.left_out), **how}


def _surfaces_as_json(found: Evaluation, surfaces: Surfaces) -> dict[str, Any]:
    keys = ("hd95", "nsd", *_SIGNED)
    of = {key: scores_of(found, key) for key in (*keys, *(f"abs_{key}" for key in _SIGNED))}
    return {
        "tolerances": dict(surfaces.tolerances),
        "unit": {"length": surfaces.unit.length, "volume": surfaces.unit.volume},
        "cases": {
            case: {name: {key: _known(getattr(score, key)) for key in keys} for name, score in scores.items()}
            for case, scores in surfaces.cases.items()
        },
        "classes": {
            name: {
                **{key: _known(scores.classes[name]) for key, scores in of.items()},
                "cases_with_distance": of["hd95"].counted[name],
            }
            for name in found.counted
        },
        "mean": {key: _known(scores.mean) for key, scores in of.items()},
        "pooled": {name: pool.as_json() for name, pool in surfaces.pools.items()},
    }


def _pooled(found: Evaluation) -> dict[str, Overlap]:
    """Return class → overlap of all cases together."""
    pooled: dict[str, Overlap] = {}
    for _, name, one in _each(found):
        so_far = pooled.get(name, Overlap(0, 0, 0))
        pooled[name] = Overlap(
            so_far.both + one.both, so_far.predicted + one.predicted, so_far.reference + one.reference
        )
    return pooled


def _surface_columns(surfaces: Surfaces) -> list[str]:
    unit = surfaces.unit
    return [f"HD95 {unit.length}", surfaces.nsd_title, f"volume error {unit.volume}", "volume error %"]


def _surface_cells(score: Any) -> list[str]:
    """Return distances, surface Dice and errors of volume of a case or of a pool as text."""
    errors = [f"{score.volume_error:+.2f}", f"{score.volume_error_percent:+.1f}"]
    return [f"{score.hd95:.2f}", f"{score.nsd:.4f}", *(text.replace("+nan", "nan") for text in errors)]


def refuse_taken(target: Path, *, overwrite: bool) -> None:
    """Refuse an existing CSV (``SC020``), unless it is a table of scores to be replaced.

    Raises ``SC031`` if it could not be written anyway.
    """
    refuse_unwritable_name(target)
    if not reading.is_there(target, links_followed=False):
        return
    hint = "give another file"
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


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
