"""The report: what was measured, as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from segconv.work.backends import CLUSTERS, PROCESSES

from . import aims, scaling
from .clusters import BURNT_MS
from .job import FLOOR, OURS
from .measure import Row
from .result import Measured, Result

GROWTH = "grow-"
CLUSTER_JOB = "clusters"


def page(measured: Measured) -> str:
    """Return the report."""
    return "\n".join(_lines(measured)) + "\n"


def _lines(measured: Measured) -> Iterator[str]:
    yield "# Benchmarks"
    yield ""
    before = f"load {measured.load:.1f} before"
    yield f"Made by `make bench` on {measured.machine} ({before}), with {measured.workers} workers."
    if measured.quick:
        yield "**A quick run on small inputs: the figures say only that the jobs run.**"
    yield (
        f"Complete processes, children included; all programs of a table in turn, {measured.rounds} rounds, each in an "
        "order that is drawn. Times are medians, with the least and the most; *MiB* is the largest sum of the "
        "proportional set sizes of all processes, sampled in a run of its own. Before anything is timed, what programs "
        "of the same task wrote is compared. What was written is removed at the very end: to create files costs more "
        "after many were removed. The *floor* is a program that only reads, inflates, deflates what must change, and "
        f"writes. {', '.join(f'{name} {version}' for name, version in measured.versions.items())}."
    )
    yield ""
    yield "## Aims"
    yield ""
    if measured.quick:
        yield "A quick run measures none of them."
    else:
        yield "Ratios are of CPU times in one interleaved run."
        yield ""
        yield from aims.table(measured)
    for job, why in measured.failed.items():
        yield from ("", f"**{job}** has no figures: {why}")
    yield ""
    yield "## Jobs"
    for job, results in measured.results.items():
        if not job.startswith(GROWTH) and job != CLUSTER_JOB:
            for result in results:
                yield from comparison(result)
    grown = [result for job, found in measured.results.items() if job.startswith(GROWTH) for result in found]
    if grown:
        yield from _growth(grown)
    if CLUSTER_JOB in measured.results:
        yield from _clusters(measured.results[CLUSTER_JOB])
    yield ""
    taken = (f"{job} {seconds:.0f}" for job, seconds in measured.seconds.items())
    yield f"Seconds that the jobs took, with making their inputs: {', '.join(taken)}."


def comparison(result: Result) -> Iterator[str]:
    """Yield the lines of one comparison."""
    names = [row.name for row in result.rows]
    ratios = [name for name in (OURS, FLOOR) if name in names]
    yield from ("", f"### {result.title}", "")
    yield _line("", "CPU s", "wall s", "MiB", *(f"CPU / {name}" for name in ratios))
    yield "|---" * (4 + len(ratios)) + "|"
    for row in result.rows:
        yield _line(row.name, *_figures(row), *(f"{row.cpu / result[name].cpu:.2f}" for name in ratios))
    yield from _notes(result)


def _figures(row: Row) -> tuple[str, str, str]:
    return _spread(row.cpu_s, row.cpu), _spread(row.wall_s, row.wall), f"{row.pss_mib:.0f}"


def _spread(values: Sequence[float], median: float) -> str:
    if len(values) == 1:
        return f"{median:.2f} (one run)"
    return f"{median:.2f} ({min(values):.2f}–{max(values):.2f})"


def _notes(result: Result) -> Iterator[str]:
    if result.notes:
        yield ""
    for note in result.notes:
        yield f"- {note}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _growth(results: Sequence[Result]) -> Iterator[str]:
    yield from ("", "## Growth")
    for result in results:
        yield from ("", f"### {result.title}", "")
        sizes = list(result.rows[0].size)
        yield _line("", *sizes, "CPU s", "wall s", "MiB")
        yield "|---" * (4 + len(sizes)) + "|"
        for row in result.rows:
            yield _line(row.who, *(str(row.size[key]) for key in sizes), *_figures(row))
        yield ""
        yield from _slopes(result)
    by_workers = [result for result in results if any("workers" in row.size for row in result.rows)]
    yield from ("", "## Scaling", "")
    yield (
        "Up to two workers as measured. **The columns of 4 to 64 workers are a projection** of how many times faster "
        "they are than one, with so many cases that starting is nothing. The model is Amdahl's: wall time is `start + "
        "cases × (serial + parallel / workers)`, fitted by least squares to the medians of all sizes by one and two "
        "workers; *misfit* is its largest deviation from one of them. It leaves out shared disks and memory, "
        "so it is an upper bound."
    )
    yield ""
    yield from scaling.table(by_workers)


def _slopes(result: Result) -> Iterator[str]:
    """Yield what a further case takes, or how much more a larger volume does."""
    rows = {who: [row for row in result.rows if row.who == who] for who in (OURS, FLOOR)}
    if any("volume" in row.size for row in result.rows):
        for who, (small, large) in rows.items():
            factor = large.size["volume"] / small.size["volume"]
            more = f"{large.cpu / small.cpu:.1f} × the CPU time, {large.pss_mib / small.pss_mib:.1f} × the memory"
            yield f"- {who}: {factor:.0f} × the volume takes {more}."
        return
    workers = max(row.size["workers"] for row in result.rows)
    equal = Result(result.title, [row for row in result.rows if row.size["workers"] == workers])
    slopes = {who: aims.slope_ms(equal, who) for who in (OURS, FLOOR)}
    own = [row for row in equal.rows if row.who == OURS]
    yield (
        f"- A further case takes {slopes[OURS]:.1f} ms of CPU time, and the floor {slopes[FLOOR]:.1f} ms: "
        f"{slopes[OURS] / slopes[FLOOR]:.2f} ×."
    )
    yield (
        f"- {own[-1].size['cases'] / own[0].size['cases']:.0f} × the cases take "
        f"{own[-1].pss_mib / own[0].pss_mib:.2f} × the memory, with {workers} workers."
    )


def _clusters(results: Sequence[Result]) -> Iterator[str]:
    yield from ("", "## Clusters", "", "CPU time and memory are those of schedulers and workers too.")
    for result in results:
        yield from ("", f"### {result.title}", "")
        yield _line("", "items", "CPU s", "wall s", "MiB")
        yield "|---" * 5 + "|"
        for row in result.rows:
            yield _line(row.who, str(row.size["cases"]), *_figures(row))
        yield from _notes(result)
    burnt = results[-1]
    yield ""
    yield (
        "By the slopes between both sizes, each the least of its runs, a further item takes so much, of which servers "
        f"would take some without work; *overhead* is the rest beyond the {BURNT_MS} ms that it burns."
    )
    yield ""
    yield _line("", "ms", "without work", "overhead")
    yield "|---" * 4 + "|"
    for kind in (kind for kind in (PROCESSES, *CLUSTERS) if any(row.who == kind for row in burnt.rows)):
        slope, idle = aims.least_slope_ms(burnt, kind), aims.idle_ms(burnt, kind)
        yield _line(kind, f"{slope:.2f}", f"{idle:.2f}" if idle else "", f"{aims.overhead(burnt, kind):+.1%}")
