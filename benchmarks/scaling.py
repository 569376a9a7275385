"""From one and two workers to many: a model fitted to measured runs, after Amdahl's law.

The wall time of *c* cases by *n* workers is taken as ``start + c * (serial + parallel / n)``. The three parts, none
below zero, are fitted by least squares to the medians of all measured sizes, by one and two workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from .job import OURS
from .measure import Row
from .result import Result

PROJECTED = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Model:
    """Seconds of starting, and of each case what one process does and what workers share; the largest misfit."""

    start_s: float
    serial_s: float
    parallel_s: float
    misfit: float

    @classmethod
    def fitted(cls, rows: Sequence[Row]) -> Model:
        """Fit the model to runs; misfits count relative to what was measured."""
        cases = np.array([row.size["cases"] for row in rows], float)
        workers = np.array([row.size["workers"] for row in rows], float)
        wall = np.array([row.wall for row in rows])
        terms = np.stack([np.ones_like(cases), cases, cases / workers], axis=1)
        parts, _ = nnls(terms / wall[:, None], np.ones_like(wall))
        start, serial, parallel = parts.tolist()
        return cls(start, serial, parallel, float(np.abs(terms @ parts / wall - 1).max()))

    def speedup(self, workers: int) -> float:
        """Return how many times faster so many workers are than one, with so many cases that starting is nothing."""
        return (self.serial_s + self.parallel_s) / (self.serial_s + self.parallel_s / workers)


def table(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of a table: each job with what was measured, the parts, and the projection."""
    heads = ["job", "1 → 2 workers, measured", "start s", "serial ms a case", "parallel ms a case", "misfit"]
    yield f"| {' | '.join([*heads, *(f'{n}' for n in PROJECTED[2:])])} |"
    yield "|---" * (len(heads) + len(PROJECTED) - 2) + "|"
    for result in results:
        rows = [row for row in result.rows if row.who == OURS]
        model = Model.fitted(rows)
        most = max(row.size["cases"] for row in rows)
        one, two = (next(r for r in rows if r.size == {"cases": most, "workers": n}) for n in (1, 2))
        cells = [result.title, f"{one.wall / two.wall:.2f} ×", f"{model.start_s:.2f}"]
        cells += [f"{1000 * part:.1f}" for part in (model.serial_s, model.parallel_s)]
        cells += [f"{model.misfit:.0%}", *(f"{model.speedup(n):.1f}" for n in PROJECTED[2:])]
        yield f"| {' | '.join(cells)} |"
