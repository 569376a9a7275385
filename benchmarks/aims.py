"""The aims of the project, each a row of the report: what was to be reached, and what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from segconv.work.backends import DASK, RAY, SLURM

from .clusters import BURNT_MS
from .convert import NNUNET, POOL, UNPROVED, UNVERIFIED
from .job import FLOOR, OURS
from .measure import Row
from .result import Measured, Result

Value = Callable[[Measured], float]


@dataclass(frozen=True)
class Aim:
    """What is to be reached.

    Parameters
    ----------
    bound
        What `value` must not exceed; with `at_least`, what it must not fall below.
    value
        Computes it; raises `LookupError` if it was not measured.
    form
        How the value is written.
    """

    what: str
    bound: float
    value: Value
    at_least: bool = False
    form: str = "{:.2f} ×"

    def row(self, measured: Measured) -> str:
        """Return a row of the table."""
        sign = "≥" if self.at_least else "≤"
        cells = [self.what, f"{sign} {self.form.format(self.bound)}"]
        try:
            value = self.value(measured)
        except LookupError as error:
            return _line(*cells, "not measured", str(error) if type(error) is LookupError else "")
        missed = (self.bound / value if self.at_least else value / self.bound) - 1
        return _line(*cells, self.form.format(value), "**reached**" if missed <= 0 else f"missed by {missed:.0%}")


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def cpu_ratio(job: str, one: str, other: str) -> Value:
    """Return the CPU time of one contestant as a multiple of another's."""

    def value(measured: Measured) -> float:
        result = measured.results[job][0]
        return result[one].cpu / result[other].cpu

    return value


def _augment_slopes(measured: Measured) -> float:
    few, many = measured.results["augment"]
    return (many[OURS].cpu - few[OURS].cpu) / (many[FLOOR].cpu - few[FLOOR].cpu)


def _plan_cpu(measured: Measured) -> float:
    return measured.results["plan"][1][OURS].cpu


def _plan_mib(measured: Measured) -> float:
    return measured.results["plan"][1][OURS].pss_mib


def _million_cpu(measured: Measured) -> float:
    return measured.results["million"][0][OURS].cpu


def _million_mib(measured: Measured) -> float:
    return measured.results["million"][0][OURS].pss_mib


def _ends(result: Result, who: str) -> tuple[Row, Row, int]:
    """Return the rows of the fewest and the most cases, and by how many cases these differ."""
    rows = sorted((row for row in result.rows if row.who == who), key=lambda row: row.size["cases"])
    few, many = rows[0], rows[-1]  # an IndexError where the program is missing
    return few, many, many.size["cases"] - few.size["cases"]


def slope_ms(result: Result, who: str) -> float:
    """Return the CPU time of a further case, in ms, by the sizes of a comparison."""
    few, many, further = _ends(result, who)
    return 1000 * (many.cpu - few.cpu) / further


LEAST_OVERHEAD = -0.02
"""Less than none is noise, and less than this a sign of processes that were not counted."""


def least_slope_ms(result: Result, who: str) -> float:
    """Return the CPU time of a further case, in ms, by the least of each size: Ray may start a worker too many."""
    few, many, further = _ends(result, who)
    return 1000 * (min(many.cpu_s) - min(few.cpu_s)) / further


def idle_ms(result: Result, who: str) -> float:
    """Return the CPU time that servers take without work while a further case is done, in ms."""
    few, many, further = _ends(result, who)
    return 1000 * many.idle * (min(many.wall_s) - min(few.wall_s)) / further


def overhead(result: Result, who: str) -> float:
    """Return what a further item took, as a part of what it burnt; what servers take without work is not counted."""
    return (least_slope_ms(result, who) - idle_ms(result, who)) / BURNT_MS - 1


def _overhead(kind: str) -> Value:
    def value(measured: Measured) -> float:
        found = overhead(measured.results["clusters"][1], kind)
        if found < LEAST_OVERHEAD:
            raise LookupError("less than what was burnt: not all of it was counted")
        return found

    return value


PERCENT = "{:.1%}"
AIMS = (
    Aim("PNG: CPU time of the floor with proof", 1.6, cpu_ratio("png", OURS, FLOOR)),
    Aim("PNG: less than a scikit-image pool", 6, cpu_ratio("png", POOL, OURS), at_least=True),
    Aim("PNG with `--no-verify-source`: less than the pool", 10, cpu_ratio("png", POOL, UNVERIFIED), at_least=True),
    Aim("4D: the floor", 1.3, cpu_ratio("4d", OURS, FLOOR)),
    Aim("3D: the floor with proof", 1.3, cpu_ratio("3d", OURS, FLOOR)),
    Aim("3D: less than nnU-Net's converter", 1.4, cpu_ratio("3d", NNUNET, OURS), at_least=True),
    Aim("v1: the floor with proof", 1.3, cpu_ratio("v1", OURS, FLOOR)),
    *(
        Aim(f"{job} with `--no-verify-source`: a plain copy", 2, cpu_ratio(job.lower(), UNVERIFIED, UNPROVED))
        for job in ("PNG", "3D", "v1")
    ),
    Aim("augment, two cases: the floor", 1.45, cpu_ratio("augment", OURS, FLOOR)),
    Aim("augment, each further case (2 to 8): the floor's slope", 1.25, _augment_slopes),
    Aim("plan of 100,000 pairs, labels declared: CPU s", 4, _plan_cpu, form="{:.1f}"),
    Aim("plan of 100,000 pairs, labels declared: MiB", 60, _plan_mib, form="{:.0f}"),
    Aim("plan of 1,000,000 pairs, labels declared: CPU s", 40, _million_cpu, form="{:.1f}"),
    Aim("plan of 1,000,000 pairs, labels declared: MiB", 600, _million_mib, form="{:.0f}"),
    *(
        Aim(f"{name}: overhead, part of the CPU time of an item of {BURNT_MS} ms", 0.05, _overhead(kind), form=PERCENT)
        for name, kind in (("Dask", DASK), ("Ray", RAY), ("SLURM", SLURM))
    ),
)


def table(measured: Measured) -> Iterator[str]:
    """Yield the lines of the table of aims."""
    yield "| aim | to reach | measured | |"
    yield "|---|---|---|---|"
    for aim in AIMS:
        yield aim.row(measured)
