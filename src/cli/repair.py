"""``segconv repair``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from ..convert.accepted import CAST, ORTHONORMAL
from ..errors import EXIT_FOUND
from ..words import count_of
from .convert import show_repairs
from .convert_options import nonfinite, repair
from .help_pages import Command, example
from .options import allow_external, bundled, dataset_argument, dry_run, force, running, speaking, three_folders, to
from .sink import Sink

if TYPE_CHECKING:
    from ..convert.model import ConvertOptions
    from ..train.paths import Paths
    from ..work.run_options import RunOptions


def _options(repair: tuple[str, ...], nonfinite: float | None, allow_external: bool) -> ConvertOptions:
    from ..convert.model import ConvertOptions

    kinds = tuple(dict.fromkeys((ORTHONORMAL, CAST, *repair)))
    return ConvertOptions(repair=kinds, nonfinite=nonfinite, allow_external=allow_external)


@click.command("repair", cls=Command, epilog=example("segconv repair 501 --to 505_Repaired"))
@dataset_argument
@to
@bundled("options", _options, repair, nonfinite, allow_external)
@dry_run
@force
@running
@three_folders
@speaking
def command(
    dataset: str,
    target: str,
    options: ConvertOptions,
    dry_run: bool,
    force: bool,
    sink: Sink,
    paths: Paths,
    how: RunOptions,
) -> int:
    """Repair a dataset, always into a new one.

    What can be repaired without guessing always is: counts, header forms that disagree, units, bytes
    after the end, axes off right angles, labels in floating point, integers of 64 bits, headers that
    differ by a hair, the same voxels in another order. The rest is refused with the KIND that settles
    it: header (a label takes its image's header), resample (a label is taken to its image's grid, a
    channel to that of the first), orientation (all volumes are turned to RAS+, and restore turns
    predictions back). What was done is reported case by case, and kept in the lineage.
    """
    from ..convert.conversion import plan_conversion, repaired_by, run_conversion
    from ..dataset.names import find_dataset
    from ..review.check.dataset_check import check_dataset
    from ..work.run_options import Workers

    source = find_dataset(dataset, paths.require("raw"))
    sink.speaker.instead = f"segconv convert {shlex.quote(str(source))} --to {shlex.quote(target)}"
    conversion = plan_conversion(
        source,
        target,
        raw=paths.require("raw"),
        other_roots=(paths.preprocessed, paths.results),
        kind="nnunet-v2",
        options=options,
        how=how,
        force=force,
    )
    sink.warn(conversion.plan.warnings)
    if dry_run:
        sink.say("headers can be repaired; voxels are read when the command runs; nothing was written (--dry-run)")
        sink.end(conversion.summary(), conversion.plan.warnings)
        return 0
    outcome = run_conversion(conversion, how)
    repaired = repaired_by(conversion, outcome)
    findings = [*outcome.warnings, *outcome.failed]
    sink.warn(outcome.beyond(conversion.plan))
    if repaired:
        show_repairs(repaired, sink)
    else:
        sink.say("no voxel and no header had to be repaired")
    report = check_dataset(outcome.target, Workers(how.jobs, how.backend))
    sink.warn(report.findings)
    errors = count_of(report.errors, "error") if report.errors else "no error"
    sink.say(f"Made {outcome.target} with {count_of(outcome.done, 'case')}; segconv check finds {errors} in it.")
    sink.next(f"segconv plan {conversion.name.id}")
    result = {**conversion.summary(), "cases": outcome.done, "repairs": repaired}
    ok = not outcome.failed and not report.errors
    sink.end(result, [*findings, *report.findings], ok=ok)
    return 0 if ok else EXIT_FOUND
