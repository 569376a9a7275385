"""``segconv repair``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from ..errors import EXIT_FOUND, Finding, Refused, SegconvError
from ..words import count_of
from .convert import REPAIRS
from .options import allow_external, dry_run, example, force, option, running, speaking, three_folders, to
from .sink import Sink

if TYPE_CHECKING:
    from ..train.paths import Paths
    from ..work.run_options import RunOptions

_OPTION = re.compile(r"--[a-z][a-z-]*")
_CLAUSE = re.compile(r"(; |, | or )")


@click.command(epilog=example("segconv repair 501 --to 505_Mended"))
@click.argument("dataset")
@to
@option("--repair", "repairs", multiple=True, metavar="KIND", help=f"What may be mended: {', '.join(REPAIRS)}.")
@option("--nonfinite", type=float, metavar="VALUE", help="Put this in the place of NaN and infinity in images.")
@allow_external
@dry_run
@force
@running
@three_folders
@speaking
def command(
    dataset: str,
    target: str,
    repairs: tuple[str, ...],
    nonfinite: float | None,
    allow_external: bool,
    dry_run: bool,
    force: bool,
    sink: Sink,
    paths: Paths,
    how: RunOptions,
) -> int:
    """Mend a dataset, always into a new one.

    What can be mended without guessing always is: counts, header forms that disagree, units, bytes
    after the end, axes off right angles, labels in floating point, integers of 64 bits, headers that
    lie a hair apart, the same voxels in another order. The rest is refused with the KIND that settles
    it: header (a label takes its image's header), resample (a label is taken to its image's grid, a
    channel to that of the first), orientation (all volumes are turned to RAS+, and restore turns
    predictions back). What was done is told case by case, and kept in the lineage.
    """
    from ..convert.conversion import mended_by, plan_conversion, run_conversion
    from ..convert.model import ConvertOptions
    from ..convert.repairs import CAST, ORTHONORMAL
    from ..dataset.names import find_dataset
    from ..review.check.dataset_check import check_dataset
    from ..work.run_options import Workers

    kinds = tuple(kind.strip() for text in repairs for kind in text.split(","))
    options = ConvertOptions(
        repair=tuple(dict.fromkeys((ORTHONORMAL, CAST, *kinds))), nonfinite=nonfinite, allow_external=allow_external
    )
    source = find_dataset(dataset, paths.require("raw"))
    instead = f"segconv convert {shlex.quote(str(source))} --to {shlex.quote(target)}"
    sink.speaker.instead = instead
    with _hints_of_repair(instead):
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
    if dry_run:
        planned = [_for_repair(found, instead) for found in conversion.plan.warnings]
        sink.warn(planned)
        sink.say("headers can be mended; voxels are read when the command runs; nothing was written (--dry-run)")
        sink.end(conversion.summary(), planned)
        return 0
    with _hints_of_repair(instead):
        outcome = run_conversion(conversion, how)
    mended = mended_by(conversion, outcome)
    told = [_for_repair(found, instead) for found in (*outcome.warnings, *outcome.failed)]
    sink.warn(told)
    if mended:
        sink.table(["case", "mended"], [(case, repair) for case, told in mended.items() for repair in told])
    else:
        sink.say("no voxel and no header had to be mended")
    report = check_dataset(outcome.target, Workers(how.jobs, how.backend))
    sink.warn(report.findings)
    clean = count_of(report.errors, "error") if report.errors else "no error"
    sink.say(f"Made {outcome.target} with {count_of(outcome.done, 'case')}; segconv check finds {clean} in it.")
    sink.next(f"segconv plan {conversion.name.id}")
    result = {**conversion.summary(), "cases": outcome.done, "repairs": mended}
    ok = not outcome.failed and not report.errors
    sink.end(result, [*told, *report.findings], ok=ok)
    return 0 if ok else EXIT_FOUND


@contextmanager
def _hints_of_repair(instead: str) -> Iterator[None]:
    """Let what conversion refuses be told as `_for_repair` tells it, for the time of the block."""
    try:
        yield
    except Refused as refused:
        refused.reasons = tuple(_for_repair(reason, instead) for reason in refused.reasons)
        raise
    except SegconvError as error:
        error.hint = next(_for_repair(found, instead) for found in error.findings).hint
        raise


def _for_repair(finding: Finding, instead: str) -> Finding:
    """Return a finding of a conversion with a hint that can be typed: some options are those of ``convert`` alone.

    Parameters
    ----------
    instead
        The conversion of the same dataset, which has the other options.
    """
    hint = finding.hint.replace("--label-header image", "--repair header")
    known = {name for option in click.get_current_context().command.params for name in option.opts}

    def clause(text: str) -> str:
        foreign = next((match for match in _OPTION.finditer(text) if match[0] not in known), None)
        if foreign is None or "segconv " in text[: foreign.start()]:
            return text
        return f"{text[: foreign.start()]}{instead} {text[foreign.start() :]}"

    return replace(finding, hint="".join(map(clause, _CLAUSE.split(hint))))
