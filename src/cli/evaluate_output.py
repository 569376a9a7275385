"""What ``segconv evaluate`` shows and writes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..words import count_of, some_of
from .sink import Sink

if TYPE_CHECKING:
    from ..review.scores.comparison import Comparison
    from ..review.scores.scoring import Evaluation

SHOWN = 20
"""How many cases and files are named; ``--json`` names all."""


def show(found: Evaluation, sink: Sink) -> None:
    """Show scores of classes, of every case if details are asked for, and of all cases together."""
    from ..review.scores.tables import case_rows, class_rows, pooled_rows

    if sink.verbose:
        sink.table(*case_rows(found))
        sink.data("")
    sink.table(*class_rows(found))
    if found.surfaces is not None:
        sink.data("")
        sink.table(*pooled_rows(found, found.surfaces))
    _explain(found, sink)


def _explain(found: Evaluation, sink: Sink) -> None:
    """Show which cases are scored, and what does not count."""
    from ..review.scores.measuring import PIXELS
    from ..review.scores.tables import about_empty

    for note in found.notes:
        sink.say(f"note: {note}")
    if found.missing:
        sink.say(f"scored as 0, without a prediction: {some_of(found.missing, SHOWN)}")
    if found.skipped:
        sink.say(f"left out, without a counterpart: {some_of(found.skipped, SHOWN)}")
    if min(found.counted.values(), default=0) < len(found.cases):
        sink.say("the column cases counts the cases in which a class is in the reference or in the prediction")
    for line in about_empty(found):
        sink.say(line)
    if found.surfaces is not None and found.surfaces.unit == PIXELS:
        sink.say("distances are in pixels, as the files do not say how large these are: --spacing X,Y does")


def show_comparison(found: Comparison, names: tuple[str, str], sink: Sink) -> None:
    """Show how two sets of predictions differ."""
    from ..review.scores.tables import comparison_rows

    sink.data("")
    sink.table(*comparison_rows(found, names))
    cases = count_of(len(found.cases), "case")
    drawn = cases if found.patients == len(found.cases) else f"{count_of(found.patients, 'patient')} with {cases}"
    sink.say(
        f"better and worse are said of {names[0]}, where the interval excludes 0 ({found.resamples} bootstrap samples"
        f" of {drawn}, seed {found.seed}); intervals are not corrected for the number of comparisons"
    )
    if found.left_out:
        sink.say(f"in only one of both, not compared: {some_of(found.left_out, SHOWN)}")
    uncompared: dict[str, list[str]] = {}
    for one in found.differences:
        if number := one.only_first + one.only_second:
            uncompared.setdefault(one.metric.title, []).append(f"{one.name} in {count_of(number, 'case')}")
    for title, classes in uncompared.items():
        sink.say(f"{title} exists in only one of both, and is not compared: {some_of(classes, SHOWN)}")


def write(
    sets: Sequence[tuple[str, Evaluation]], csv: Path | None, plot: Path | None, *, overwrite: bool, sink: Sink
) -> None:
    """Write the files that are asked for."""
    if csv is not None:
        from ..review.scores.tables import write_csv

        write_csv(sets[0][1], csv, overwrite=overwrite)
        sink.say(f"the scores of every case are in {csv}")
    if plot is not None:
        from ..review.pictures.score_plot import score_plot
        from ..review.pictures.sealed import refuse_taken
        from ..work.single import write_single

        write_single(plot, score_plot(sets), partial(refuse_taken, plot, overwrite=overwrite))
        sink.say(f"look at {plot}")
